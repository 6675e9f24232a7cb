//! What all commands that change something have in common: the lock, the consent, the run, its end.

use std::io::{BufRead, IsTerminal};

use c8dr_domain::history::History;
use c8dr_domain::ids::{RegionId, RunId};
use c8dr_domain::plan::{Kind, Plan};
use c8dr_domain::run::{Event, Run};
use c8dr_engine::clock::Clock;
use c8dr_engine::drive::{Beginning, Canceller, DriveError, Driver, Finish, Gear};
use c8dr_engine::events::Listener;
use c8dr_engine::journal::store::{Kept, Lock};
use c8dr_engine::journal::{FileJournal, Journal, JournalError};

use super::interrupts::{self, Stops};
use crate::args::Consent;
use crate::environment;
use crate::error::{BrokenOff, CliError};
use crate::exit::Exit;
use crate::report::text::plain;
use crate::report::{RunReport, files};
use crate::show::progress::Progress;
use crate::show::{self, Screen};
use crate::site::Site;

/// The installation, held against others.
pub(super) struct Claimed {
    _lock: Lock,
    /// Failbacks whose source is gone: they end when the failover that says so by name is agreed to.
    overridden: Vec<Kept>,
}

impl Claimed {
    /// Ends what the failover overrides, before it begins.
    pub(super) fn override_runs(self, site: &Site, reason: &str) -> Result<Self, CliError> {
        for kept in &self.overridden {
            let (mut journal, mut recovered) = FileJournal::reopen(&kept.directory)?;
            let at = site.clock.wall();
            let event = Event::Overridden {
                by: environment::operator(),
                reason: reason.to_owned(),
            };
            recovered.run.apply(at, &event).map_err(DriveError::from)?;
            journal.append(at, &event)?;
            // Its report tells of this end, too; where it cannot be written, the failover still goes first.
            let _ = crate::report::write(&kept.directory);
        }
        Ok(self)
    }
}

/// Takes the installation's lock, and sees that no run of it is left unfinished. A failover that accepts the loss by name
/// may go over a failback that worked from the very region that is lost now: nothing can finish that one.
pub(super) fn claim(
    site: &Site,
    screen: &Screen,
    accepts_loss_of: Option<RegionId>,
) -> Result<Claimed, CliError> {
    let installation = site.config.installation.name();
    let lock = site.store.lock(installation, &environment::operator())?;
    let mut overridden = Vec::new();
    let all = site.store.list()?;
    tell_unreadable(screen, &all);
    for kept in all {
        // A run that can't be read belongs to nobody knows whom; it is told, and stops nothing: what is owed shows in the world.
        if let Ok(recovered) = &kept.recovered
            && recovered.run.plan.installation.name() == installation
            && !recovered.run.has_ended()
        {
            let plan = &recovered.run.plan;
            if plan.kind == Kind::Failback && Some(plan.survivors()) == accepts_loss_of {
                overridden.push(kept);
                continue;
            }
            return Err(CliError::UnfinishedRun {
                run: kept.id.to_string(),
                word: recovered.run.word().to_owned(),
            });
        }
    }
    Ok(Claimed {
        _lock: lock,
        overridden,
    })
}

/// Tells of runs that cannot be read: one of them may be unfinished, and nobody would know.
pub(super) fn tell_unreadable(screen: &Screen, kept: &[Kept]) {
    for kept in kept {
        match &kept.recovered {
            // There is nothing in it that could be owed.
            Ok(_) | Err(JournalError::Empty { .. }) => {}
            Err(error) => screen.say(&format!(
                "Run {} cannot be read and is passed over: {}. `c8dr run show {}` says more.",
                plain(kept.id.as_str()),
                plain(&error.to_string()),
                plain(kept.id.as_str()),
            )),
        }
    }
}

/// Shows the plan and asks for the region's name, unless `--yes`.
pub(super) async fn agree(screen: &Screen, plan: &Plan, consent: &Consent) -> Result<(), CliError> {
    if consent.yes {
        return Ok(());
    }
    screen.say(&show::plan::human(plan));
    let wanted = plan.installation.region(plan.lost).name.clone();
    let prompt = match plan.kind {
        Kind::Failover => format!("\nType the name of the region to give up ({wanted}): "),
        Kind::Failback => format!(
            "\nType the name of the region that returns, and whose search is filled anew ({wanted}): "
        ),
    };
    typed(screen, &prompt, &wanted).await
}

/// Has a name typed, exactly, at the terminal.
pub(super) async fn typed(screen: &Screen, prompt: &str, wanted: &str) -> Result<(), CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::NoTerminal);
    }
    screen.ask(prompt);
    let read = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        // A closed terminal is no consent: an empty line is not the name.
        let _ = std::io::stdin().lock().read_line(&mut line);
        line.trim().to_owned()
    });
    let stopped = async {
        match Stops::listen() {
            Ok(mut stops) => stops.asked().await,
            // Then the system ends the process by itself.
            Err(_) => std::future::pending().await,
        }
    };
    let typed = tokio::select! {
        typed = read => typed.unwrap_or_default(),
        () = stopped => {
            screen.say("");
            return Err(CliError::LeftAtTheQuestion);
        }
    };
    if typed == wanted {
        Ok(())
    } else {
        Err(CliError::NotConfirmed {
            typed: match typed.as_str() {
                "" => "nothing was typed".to_owned(),
                typed => format!("`{}` is not `{wanted}`", plain(typed)),
            },
        })
    }
}

/// Begins a run and carries it out.
pub(super) async fn out(
    site: &Site,
    screen: &Screen,
    plan: Plan,
    history: History,
    reason: Option<String>,
) -> Result<Exit, CliError> {
    let run = run_id(&plan);
    let journal = site.store.create(&run)?;
    let progress = Progress::new(*screen, site.clock.clone());
    let gear = gear(site, &progress);
    let canceller = gear.canceller.clone();
    let beginning = Beginning {
        run,
        plan,
        by: environment::operator(),
        reason,
    };
    let _watch = interrupts::watch(site, *screen, &beginning.run, canceller);
    let driver = Driver::begin(gear, Box::new(journal), beginning, history)?;
    end(site, screen, &progress, driver).await
}

/// Goes on with a driver until it ends, writes its report, and shows how it ended.
pub(super) async fn end(
    site: &Site,
    screen: &Screen,
    progress: &Progress,
    mut driver: Driver<'_>,
) -> Result<Exit, CliError> {
    progress.follow(&driver.run().plan);
    let finish = driver.drive().await;
    progress.finish();
    // A disk that takes no journal takes no report either; what there is can be told when the run goes on.
    let finish = finish.map_err(|error| {
        let run = driver.run();
        CliError::BrokenOff(BrokenOff::new(&run.id, run.pause_alarm(), error))
    })?;
    let report = reported(site, screen, driver.run());
    screen.result(&report, || report.human())?;
    Ok(match finish {
        Finish::Verified { .. } => Exit::Done,
        Finish::TurnedBack { by_itself, words } => {
            screen.say(&words);
            match by_itself {
                true => Exit::Waiting,
                false => Exit::Done,
            }
        }
        Finish::Stopped { stop, diagnosis, .. } => {
            if let Some(diagnosis) = diagnosis {
                screen.say(&show::status::diagnosed(&diagnosis));
            }
            screen.say(&show::more(stop.as_str()));
            Exit::from(stop)
        }
    })
}

/// Writes a run's report beside its journal. That it cannot be written takes nothing from what the run did: it is said, and
/// the journal can be read all the same.
pub(super) fn reported(site: &Site, screen: &Screen, run: &Run) -> RunReport {
    match files::of_run(&site.store.directory(&run.id), &site.recorder.take()) {
        Ok((report, _)) => report,
        Err(error) => {
            screen.say(
                "The run's report was not written; its journal holds everything that the report would tell.",
            );
            screen.error(error);
            RunReport::of(run)
        }
    }
}

/// What a driver works with at this site.
pub(super) fn gear<'a>(site: &'a Site, listener: &'a dyn Listener) -> Gear<'a> {
    let sources = site.sources();
    Gear {
        zeebe: sources.zeebe,
        searches: sources.searches,
        platforms: sources.platforms,
        traffic: sources.traffic,
        bucket: site.bucket.as_deref(),
        clock: site.clock.clone(),
        listener,
        canceller: Canceller::default(),
        // Pauses are uneven so that several c8dr do not fall into step: the process tells them apart.
        seed: u64::from(std::process::id()),
    }
}

/// A run's name: when, what, which region. Sorts by time.
pub(super) fn run_id(plan: &Plan) -> RunId {
    // The wall's own time, also where a lab's clock runs faster: the newest run is the last one by its name.
    let at = Clock::system()
        .wall()
        .strftime("%Y%m%dT%H%M%S%.3fZ")
        .to_string()
        .replace('.', "-");
    let region: String = plan
        .installation
        .region(plan.lost)
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    RunId::new(format!("{at}-{}-{region}", plan.kind.as_str()))
}
