//! `c8dr storm --planner guide|scripts` and `--compare`: the same disasters in the hands of people who lack c8dr.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use c8dr_engine::clock::{Clock, Moment};
use c8dr_storm::{Bad, Fates, Options, Planner, fare, fates, rate};
use serde::Serialize;

use super::{TOLD_EVERY, no_such_world, on_a_thread, story};
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::{BAD, GOOD, HEAD, Screen, styled};

/// What one planner came to.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    fates: Fates,
    /// Disasters per second of the wall.
    seeds_per_second: f64,
    /// Whether somebody stopped it before its end.
    interrupted: bool,
}

/// What all of them came to.
#[derive(Serialize)]
struct Compared {
    planners: Vec<Report>,
}

/// One planner, or one disaster of it as a story.
pub(super) async fn run(
    screen: &Screen,
    options: Options,
    planner: Planner,
    has_story: bool,
) -> Result<Exit, CliError> {
    if has_story {
        let disaster = options.disaster(options.from);
        let told = on_a_thread(move || fare(&disaster, planner, true).map(|fate| (disaster, fate))).await?;
        let (disaster, fate) = told.map_err(|error| no_such_world(&error))?;
        let mut text = story(&options, &disaster, &fate.story, &fate.violations);
        if fate.is_well() {
            let _ = writeln!(text, "{}", styled(GOOD, "called done, and rightly"));
        }
        for (bad, how) in &fate.bad {
            let _ = writeln!(text, "{}: {how}", styled(BAD, bad.words()));
        }
        screen.print(&text);
        return Ok(Exit::Done);
    }
    let report = all(screen, options, planner).await?;
    let exit = exit(&[&report]);
    screen.result(&report, || human(&[&report]))?;
    Ok(exit)
}

/// All planners, one after the other.
pub(super) async fn compare(screen: &Screen, options: Options) -> Result<Exit, CliError> {
    let mut planners = Vec::new();
    for planner in Planner::ALL {
        planners.push(all(screen, options, planner).await?);
        if planners.iter().any(|report| report.interrupted) {
            break;
        }
    }
    let compared = Compared { planners };
    let reports: Vec<&Report> = compared.planners.iter().collect();
    let exit = exit(&reports);
    screen.result(&compared, || human(&reports))?;
    Ok(exit)
}

/// What comes of people without c8dr is no failure of c8dr's.
fn exit(reports: &[&Report]) -> Exit {
    match reports.iter().any(|report| report.interrupted) {
        true => Exit::Interrupted,
        false => Exit::Done,
    }
}

async fn all(screen: &Screen, options: Options, planner: Planner) -> Result<Report, CliError> {
    let stopped = Arc::new(AtomicBool::new(false));
    let asked = stopped.clone();
    let listens = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            asked.store(true, Ordering::Relaxed);
        }
    });
    let clock = Clock::system();
    let began = clock.now();
    let (teller, shown) = (clock.clone(), *screen);
    let lived = on_a_thread(move || {
        let mut told = Moment::START;
        fates(options, planner, |seeds| {
            let now = teller.now();
            if shown.is_live && now.since(told) >= TOLD_EVERY {
                told = now;
                let rate = rate(seeds, now.since(began));
                let line = format!(
                    "{planner}: {seeds} of {} disasters, {rate:.1} a second",
                    options.seeds
                );
                // A closed terminal is no reason to stop.
                let _ = write!(anstream::stderr(), "\r\x1b[K{line}");
                let _ = anstream::stderr().flush();
            }
            !stopped.load(Ordering::Relaxed)
        })
    })
    .await;
    listens.abort();
    if screen.is_live {
        let _ = write!(anstream::stderr(), "\r\x1b[K");
    }
    let fates = lived?.map_err(|error| no_such_world(&error))?;
    Ok(Report {
        seeds_per_second: (rate(fates.seeds, clock.now().since(began)) * 10.0).round() / 10.0,
        interrupted: fates.seeds < options.seeds,
        fates,
    })
}

fn human(reports: &[&Report]) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &dyn Fn(&Report) -> String| {
        let cells: String = reports
            .iter()
            .map(|report| format!("{:>10}", value(report)))
            .collect();
        let _ = writeln!(text, "{name:32}{cells}");
    };
    row("in the hands of", &|report| report.fates.planner.to_owned());
    row("disasters", &|report| report.fates.seeds.to_string());
    row("failback called done", &|report| {
        report.fates.called_done.to_string()
    });
    row("completes well", &|report| {
        report.fates.completes_well.to_string()
    });
    for bad in Bad::ALL {
        row(bad.words(), &|report| {
            let counted = report.fates.bad.get(&bad);
            counted.map_or_else(String::new, |counted| counted.disasters.to_string())
        });
    }
    row("seconds until led again", &|report| {
        seconds(report.fates.service_median_s)
    });
    row("seconds until failover done", &|report| {
        seconds(report.fates.failover_median_s)
    });
    row("seconds until failback done", &|report| {
        seconds(report.fates.failback_median_s)
    });
    row("disasters a second", &|report| {
        format!("{:.1}", report.seeds_per_second)
    });
    for report in reports {
        for (bad, counted) in &report.fates.bad {
            for case in &counted.cases {
                let head = format!("{} {}", report.fates.planner, bad.words());
                let _ = writeln!(text, "{}: {} x {}", styled(HEAD, head), case.disasters, case.how);
                let _ = writeln!(text, "  {}", case.again);
            }
        }
    }
    if reports.iter().any(|report| report.interrupted) {
        let _ = writeln!(text, "Interrupted: this is what there is so far.");
    }
    text
}

fn seconds(median: Option<f64>) -> String {
    median.map_or_else(|| "–".to_owned(), |median| format!("{median:.1}"))
}
