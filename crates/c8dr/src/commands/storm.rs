//! `c8dr storm`: disasters in virtual time, on a thread of their own, as fast as it goes.

mod fates;

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use c8dr_engine::clock::{Clock, Moment};
use c8dr_storm::{
    Ending, Line, Options, Planner, Ring, SceneError, Shape, Tally, Violation, live, rate, storm,
};
use serde::Serialize;

use crate::args::Storm;
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::{BAD, GOOD, HEAD, Screen, styled};

/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// How true the lab is to a recorded Zeebe: written by the test that holds it to that, `crates/lab/tests/fidelity.rs`.
const FIDELITY: &str = include_str!("../../../../docs/storm/fidelity.md");

/// The page above, for programs.
#[derive(Serialize)]
struct Fidelity {
    /// In Markdown.
    fidelity: &'static str,
}

/// What is printed in the end.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    tally: &'a Tally,
    /// Disasters per second of the wall.
    seeds_per_second: f64,
    /// Whether somebody stopped it before its end.
    interrupted: bool,
}

pub(super) async fn run(screen: &Screen, wanted: &Storm) -> Result<Exit, CliError> {
    if wanted.fidelity {
        screen.result(&Fidelity { fidelity: FIDELITY }, || FIDELITY.to_owned())?;
        return Ok(Exit::Done);
    }
    let planted = wanted.planted.as_deref();
    let options = Options {
        from: wanted.seed.unwrap_or(wanted.from),
        seeds: wanted.seed.map_or(wanted.seeds, |_| 1),
        ring: wanted.ring,
        scenario: wanted.scenario,
        shape: Shape {
            brokers: wanted.brokers,
            partitions: wanted.partitions,
        },
        without: wanted.without,
        planted: match (planted, wanted.seed) {
            (Some(name), Some(_)) => Some(mistake(name)?),
            _ => None,
        },
    };
    if wanted.planner != Planner::C8dr && wanted.ring != Ring::Ports {
        return Err(CliError::Usage {
            what: format!(
                "`--ring {}` is a way of c8dr's: whoever types by hand has no adapters",
                wanted.ring
            ),
            help: format!("Leave `--ring` out with `--planner {}`.", wanted.planner),
        });
    }
    if wanted.compare {
        return fates::compare(screen, options).await;
    }
    if wanted.planner != Planner::C8dr {
        return fates::run(screen, options, wanted.planner, wanted.trace).await;
    }
    if let (Some(name), None) = (planted, wanted.seed) {
        return hunted(screen, name, options).await;
    }
    if wanted.trace {
        let disaster = options.disaster(options.from);
        let told =
            on_a_thread(move || live(&disaster, options.ring, true).map(|life| (disaster, life))).await?;
        let (disaster, life) = told.map_err(|error| no_such_world(&error))?;
        let mut text = story(&options, &disaster, &life.story, &life.violations);
        let style = if life.violations.is_empty() { GOOD } else { BAD };
        let word = styled(style, life.ending.as_str());
        let _ = match &life.ending {
            Ending::Verified => writeln!(text, "{word}"),
            Ending::AbortedSafe(why) | Ending::Waiting(why) | Ending::Stuck(why) => {
                writeln!(text, "{word}: {why}")
            }
        };
        screen.print(&text);
        let is_clean = life.violations.is_empty() && !matches!(life.ending, Ending::Stuck(_));
        return Ok(if is_clean {
            Exit::Done
        } else {
            Exit::VerificationFailed
        });
    }
    let stopped = Arc::new(AtomicBool::new(false));
    let asked = stopped.clone();
    let listens = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            asked.store(true, Ordering::Relaxed);
        }
    });
    let clock = Clock::system();
    let began = clock.now();
    let (teller, watched, shown) = (clock.clone(), stopped.clone(), *screen);
    let stormed = on_a_thread(move || {
        let mut told = Moment::START;
        storm(options, |tally| {
            let now = teller.now();
            if now.since(told) >= TOLD_EVERY {
                told = now;
                progress(&shown, tally, options.seeds, now.since(began));
            }
            !watched.load(Ordering::Relaxed)
        })
    })
    .await;
    listens.abort();
    if screen.is_live {
        let _ = write!(anstream::stderr(), "\r\x1b[K");
    }
    let tally = stormed?.map_err(|error| no_such_world(&error))?;
    let report = Report {
        seeds_per_second: (rate(tally.seeds, clock.now().since(began)) * 10.0).round() / 10.0,
        interrupted: tally.seeds < options.seeds,
        tally: &tally,
    };
    screen.result(&report, || human(&report))?;
    Ok(match (tally.is_clean(), report.interrupted) {
        (false, _) => Exit::VerificationFailed,
        (true, true) => Exit::Interrupted,
        (true, false) => Exit::Done,
    })
}

/// The mistake of this name.
#[cfg(feature = "planted")]
fn mistake(name: &str) -> Result<c8dr_domain::planted::Bug, CliError> {
    super::planted::mistake(name)
}

#[cfg(not(feature = "planted"))]
fn mistake(_: &str) -> Result<c8dr_domain::planted::Bug, CliError> {
    Err(nothing_planted())
}

#[cfg(feature = "planted")]
async fn hunted(screen: &Screen, name: &str, options: Options) -> Result<Exit, CliError> {
    super::planted::run(screen, name, options).await
}

#[cfg(not(feature = "planted"))]
async fn hunted(_: &Screen, _: &str, _: Options) -> Result<Exit, CliError> {
    Err(nothing_planted())
}

/// A real build can make none of these mistakes, not even on purpose.
#[cfg(not(feature = "planted"))]
fn nothing_planted() -> CliError {
    CliError::Usage {
        what: "`--planted` is not in this build: it has no mistakes to plant".to_owned(),
        help: "`cargo run --release --features planted -- storm --planted all` builds one that has; use that one for nothing else."
            .to_owned(),
    }
}

/// Virtual time needs a thread without any runtime on it.
pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CliError> {
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // Nobody waits any more when c8dr is ended at once.
        let _ = send.send(work());
    });
    receive.await.map_err(|_| CliError::Lab {
        what: "the storm broke off".to_owned(),
        help: "This is a mistake of c8dr's; `c8dr storm --seeds 1 --from S` finds the seed.".to_owned(),
    })
}

pub(super) fn no_such_world(error: &SceneError) -> CliError {
    let mut what = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        what = format!("{what}: {cause}");
        source = cause.source();
    }
    CliError::Lab {
        what,
        help: "Give another `--brokers` or `--partitions`; an even number of brokers, at least 4.".to_owned(),
    }
}

fn progress(screen: &Screen, tally: &Tally, seeds: u64, took: Duration) {
    if screen.is_live {
        let line = format!(
            "{} of {seeds} disasters, {:.1} a second; {} violations, {} stuck",
            tally.seeds,
            rate(tally.seeds, took),
            tally.violations,
            tally.stuck
        );
        // A closed terminal is no reason to stop.
        let _ = write!(anstream::stderr(), "\r\x1b[K{line}");
        let _ = anstream::stderr().flush();
    }
}

fn story(
    options: &Options,
    disaster: &c8dr_storm::Disaster,
    lines: &[Line],
    violations: &[Violation],
) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "seed {}: {} brokers, {} partitions, region{} is lost, {} creates a second{}",
        disaster.seed,
        disaster.brokers,
        disaster.partitions,
        disaster.lost,
        disaster.creates_per_second,
        if disaster.outside { ", with a bucket" } else { "" },
    );
    for told in disaster.told(options.without) {
        let _ = writeln!(text, "  {told}");
    }
    if let Some(bug) = disaster.planted {
        let _ = writeln!(text, "  planted: {}", bug.words());
    }
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    for violation in violations {
        let _ = writeln!(
            text,
            "{}",
            styled(
                BAD,
                format!(
                    "{:8.2} s  VIOLATED {:?}: {}",
                    violation.at_s, violation.law, violation.words
                )
            )
        );
    }
    text
}

fn human(report: &Report<'_>) -> String {
    let tally = report.tally;
    let mut text = String::new();
    let style = if tally.is_clean() { GOOD } else { BAD };
    let verdict = format!("{} violations, {} stuck", tally.violations, tally.stuck);
    let _ = writeln!(
        text,
        "{} disasters ({}, ring {}) in {:.0} simulated hours: {}",
        tally.seeds,
        tally.scenario,
        tally.ring,
        tally.simulated_s / 3600.0,
        styled(style, verdict)
    );
    let _ = writeln!(
        text,
        "  {:.1} a second, trace {}",
        report.seeds_per_second, tally.trace_hash
    );
    let _ = writeln!(text, "{}", styled(HEAD, "ended"));
    for (ending, count) in &tally.ended {
        let _ = writeln!(text, "  {count:7}  {ending}");
    }
    if !tally.waits_for.is_empty() {
        let _ = writeln!(text, "{}", styled(HEAD, "waits for"));
        for (why, count) in &tally.waits_for {
            let _ = writeln!(text, "  {count:7}  {why}");
        }
    }
    let _ = writeln!(text, "{}", styled(HEAD, "reached"));
    for (state, count) in &tally.reached {
        let _ = writeln!(text, "  {count:7}  {state}");
    }
    for failure in &tally.failures {
        let _ = writeln!(
            text,
            "{}",
            styled(BAD, format!("seed {}: {}", failure.seed, failure.ending.as_str()))
        );
        if let Ending::Stuck(why) = &failure.ending {
            let _ = writeln!(text, "  {why}");
        }
        for violation in &failure.violations {
            let _ = writeln!(
                text,
                "  {:?} at {:.1} s: {}",
                violation.law, violation.at_s, violation.words
            );
        }
        for part in &failure.parts {
            let _ = writeln!(text, "  {part}");
        }
        let _ = writeln!(text, "  {}", failure.again);
    }
    if report.interrupted {
        let _ = writeln!(text, "Interrupted: this is what there is so far.");
    }
    text
}
