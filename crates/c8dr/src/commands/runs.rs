//! `c8dr run …`: the runs of this machine.

use std::path::Path;

use c8dr_domain::check::errors;
use c8dr_domain::ids::RunId;
use c8dr_domain::record;
use c8dr_domain::run::{Event, Run};
use c8dr_engine::direction;
use c8dr_engine::drive::{DriveError, Driver};
use c8dr_engine::handover::{self, RecordError, Standing};
use c8dr_engine::journal::store::Kept;
use c8dr_engine::journal::{FileJournal, Journal, JournalError, Store};

use super::{carry, drill, interrupts};
use crate::args::{Args, RunCommand};
use crate::certificate::{self, Certificate};
use crate::environment;
use crate::error::{BrokenOff, CliError};
use crate::exit::Exit;
use crate::report::text::plain;
use crate::report::{Files, RunReport};
use crate::show::progress::Progress;
use crate::show::{self, Screen};
use crate::site::Site;

pub(super) async fn run(args: &Args, screen: &Screen, command: &RunCommand) -> Result<Exit, CliError> {
    let store = Store::at(environment::home());
    match command {
        RunCommand::List => {
            let rows = show::runs::rows(&everything(&store)?);
            screen.result(&rows, || show::runs::list(&rows))?;
            Ok(Exit::Done)
        }
        RunCommand::Show { run } => {
            let kept = pick(everything(&store)?, run.as_deref(), false)?;
            let recovered = kept.recovered?;
            let files = Files::of(&kept.directory);
            let report = RunReport::of(&recovered.run).lying_at(&files);
            screen.result(&report, || show::runs::one(&recovered.run, &files))?;
            Ok(Exit::Done)
        }
        RunCommand::Verify { run } => verify(screen, pick(everything(&store)?, run.as_deref(), false)?),
        RunCommand::Abort { run, reason } => {
            let kept = to_change(screen, store.list()?, run.as_deref())?;
            abort(args, screen, kept, reason).await
        }
        RunCommand::Resume {
            run,
            from_record: true,
        } => from_record(args, screen, run.as_deref()).await,
        RunCommand::Resume { run, .. } => {
            let kept = to_change(screen, store.list()?, run.as_deref())?;
            resume(args, screen, kept).await
        }
    }
}

/// All runs that can be looked at: those of installations, and those of drills.
fn everything(store: &Store) -> Result<Vec<Kept>, CliError> {
    let mut kept = store.list()?;
    kept.extend(drill::store(store.home()).list()?);
    // A run's id begins with its time.
    kept.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(kept)
}

/// The named run, or the newest unfinished one. What could be meant and cannot be read is told.
fn to_change(screen: &Screen, kept: Vec<Kept>, named: Option<&str>) -> Result<Kept, CliError> {
    if named.is_none() {
        carry::tell_unreadable(screen, &kept);
    }
    pick(kept, named, true)
}

/// The named run, or the newest; of the unfinished ones if it is to be changed.
fn pick(kept: Vec<Kept>, named: Option<&str>, unfinished: bool) -> Result<Kept, CliError> {
    let which = || match named {
        Some(name) => format!("run {name}"),
        None if unfinished => "unfinished run".to_owned(),
        None => "run yet".to_owned(),
    };
    let is_open = |kept: &Kept| {
        kept.recovered
            .as_ref()
            .is_ok_and(|recovered| !recovered.run.has_ended())
    };
    kept.into_iter()
        .rev()
        .find(|kept| match named {
            Some(name) => kept.id == RunId::new(name),
            // What lies there besides runs has to be named to be looked at.
            None => match unfinished {
                true => is_open(kept),
                false => has_a_runs_name(&kept.id),
            },
        })
        .ok_or_else(|| CliError::NoRun { which: which() })
}

/// Whether a directory is named as a run's is: with the moment at which it was begun.
fn has_a_runs_name(id: &RunId) -> bool {
    let (date, rest) = id.as_str().split_at_checked(8).unwrap_or_default();
    date.bytes().all(|byte| byte.is_ascii_digit()) && rest.starts_with('T')
}

/// Checks a run's journal and, of a failback that was verified, its certificate. Asks nobody.
fn verify(screen: &Screen, kept: Kept) -> Result<Exit, CliError> {
    let recovered = match kept.recovered {
        Ok(recovered) => recovered,
        // That it cannot be believed is what was to be found out: the check has failed, and not c8dr.
        Err(error) if error.is_of_content() => {
            let document = Verification::unreadable(&kept.id, &error);
            if screen.is_human() {
                screen.error(error.into());
            } else {
                screen.result(&document, String::new)?;
            }
            return Ok(Exit::VerificationFailed);
        }
        Err(error) => return Err(error.into()),
    };
    let mut wrong = Vec::new();
    let promised = recovered.events.iter().find_map(|(_, event)| match event {
        Event::Planned { fingerprint, .. } => Some(fingerprint.clone()),
        _ => None,
    });
    let fingerprint = record::fingerprint(&recovered.run.plan).map_err(|error| CliError::Unwritable {
        form: "JSON",
        why: error.to_string(),
    })?;
    if promised.as_deref() != Some(fingerprint.as_str()) {
        wrong.push("The plan does not fit its fingerprint.".to_owned());
    }
    wrong.extend(
        errors(&recovered.run.plan, None)
            .into_iter()
            .map(|complaint| format!("{}: {}", complaint.rule, complaint.what)),
    );
    let certificate = Certificate::of(&recovered);
    wrong.extend(certificate::complaints(certificate.as_ref(), &kept.directory)?);
    let document = Verification {
        run: kept.id.to_string(),
        state: recovered.run.word(),
        records: recovered.events.len(),
        last_hash: Some(recovered.tip.sum.clone()),
        plan_sha256: Some(fingerprint),
        torn_bytes: recovered.torn.len(),
        certificate,
        is_sound: wrong.is_empty(),
        wrong,
    };
    let has_ended = recovered.run.has_ended();
    screen.result(&document, || document.human(has_ended))?;
    Ok(if document.is_sound {
        Exit::Done
    } else {
        Exit::VerificationFailed
    })
}

/// What an offline check of a journal found.
#[derive(serde::Serialize)]
struct Verification {
    run: String,
    state: &'static str,
    records: usize,
    /// `None` where the journal cannot be read.
    last_hash: Option<String>,
    /// `None` where the journal cannot be read.
    plan_sha256: Option<String>,
    torn_bytes: usize,
    certificate: Option<Certificate>,
    is_sound: bool,
    wrong: Vec<String>,
}

impl Verification {
    /// Of a journal that cannot be read.
    fn unreadable(run: &RunId, error: &JournalError) -> Self {
        Verification {
            run: run.to_string(),
            state: "unreadable",
            records: 0,
            last_hash: None,
            plan_sha256: None,
            torn_bytes: 0,
            certificate: None,
            is_sound: false,
            wrong: vec![plain(&error.to_string())],
        }
    }

    fn human(&self, has_ended: bool) -> String {
        let verdict = if self.is_sound {
            show::styled(show::GOOD, "sound")
        } else {
            show::styled(show::BAD, self.wrong.join(" "))
        };
        let torn = if self.torn_bytes == 0 {
            String::new()
        } else {
            format!(
                "\n{} bytes at the end were torn by a crash and count for nothing.",
                self.torn_bytes
            )
        };
        // Lines that are missing at the end leave no trace in what stands before them.
        let open = match has_ended {
            true => "",
            false => {
                "\nWhether lines are missing at its end only its record in the bucket can tell; `c8dr run resume` compares them."
            }
        };
        let certified = match &self.certificate {
            Some(certificate) if self.is_sound => format!("\n{}", plain(&certificate.words())),
            _ => String::new(),
        };
        let hash = |hash: &Option<String>| hash.clone().unwrap_or_default();
        format!(
            "{} ({}): {verdict}\n{} records, each fits its hash and the one before, and can follow it.\nplan  {}\nlast  {}{torn}{open}{certified}",
            self.run,
            self.state,
            self.records,
            hash(&self.plan_sha256),
            hash(&self.last_hash)
        )
    }
}

/// Gives a run up. What a failback has begun is taken back first: nothing stays paused.
async fn abort(args: &Args, screen: &Screen, kept: Kept, reason: &str) -> Result<Exit, CliError> {
    let found = kept.recovered?.run;
    let site = open_for(args, screen, &kept.id, &found)?;
    let _lock = site
        .store
        .lock(found.plan.installation.name(), &environment::operator())?;
    let (journal, recovered) =
        FileJournal::reopen(&kept.directory).map_err(|error| broken_off(&found, error))?;
    if let Some(ended) = ended_elsewhere(&site, &kept.directory, journal.text(), &recovered.run).await? {
        return show_ended(&site, screen, &ended);
    }
    let progress = Progress::new(*screen, site.clock.clone());
    progress.follow(&recovered.run.plan);
    let gear = carry::gear(&site, &progress);
    let canceller = gear.canceller.clone();
    let mut driver = Driver::resume(gear, Box::new(journal), recovered.run, environment::operator())
        .map_err(|error| broken_off(&found, error))?;
    driver
        .turn_round(environment::operator(), reason.to_owned())
        .await
        .map_err(|error| broken_off(driver.run(), error))??;
    if driver.run().has_ended() {
        let report = carry::reported(&site, screen, driver.run());
        screen.result(&report, || {
            format!(
                "Run {} is given up. What it did stays done; `c8dr status` shows what is owed.{}",
                kept.id,
                report.human()
            )
        })?;
        return Ok(Exit::Done);
    }
    let _watch = interrupts::watch(&site, *screen, &kept.id, canceller);
    carry::end(&site, screen, &progress, driver).await
}

/// A run that this machine cannot go on with now; what has to be told of it is told.
fn broken_off(run: &Run, error: impl Into<DriveError>) -> CliError {
    CliError::BrokenOff(BrokenOff::new(&run.id, run.pause_alarm(), error.into()))
}

/// The site of a run that goes on, if the run is one of it and has not ended.
fn open_for(args: &Args, screen: &Screen, id: &RunId, run: &Run) -> Result<Site, CliError> {
    if run.has_ended() {
        return Err(CliError::RunEnded {
            run: id.to_string(),
            word: run.word().to_owned(),
        });
    }
    let site = Site::open(args, screen)?;
    is_of(&site, id, run)?;
    Ok(site)
}

fn is_of(site: &Site, id: &RunId, run: &Run) -> Result<(), CliError> {
    match run.plan.installation == site.config.installation {
        true => Ok(()),
        false => Err(CliError::OtherInstallation {
            what: format!("run {id}"),
        }),
    }
}

/// Fetches a run's journal from the bucket, and goes on with it here.
async fn from_record(args: &Args, screen: &Screen, named: Option<&str>) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    let Some(bucket) = site.bucket.as_deref() else {
        return Err(CliError::NotConfigured {
            what: "a run of another machine lies in a `bucket`".to_owned(),
            path: site.config.path.clone(),
            help: "Use the configuration of the machine that began the run.",
        });
    };
    let installation = site.config.installation.name();
    let run = match named {
        Some(named) => RunId::new(named),
        None => handover::runs(bucket, installation)
            .await?
            .into_iter()
            .rfind(has_a_runs_name)
            .ok_or_else(|| RecordError::Nothing {
                place: format!("{} {}", bucket.place(), direction::place(installation)),
            })?,
    };
    let place = handover::address(bucket, installation, &run);
    let text = handover::text(bucket, installation, &run).await?;
    if text.is_empty() {
        return Err(RecordError::Nothing { place }.into());
    }
    // Whether it is what is wanted is known before anything is written here.
    let there = handover::recovered(&place, &text)?.run;
    if there.id != run {
        let found = plain(there.id.as_str());
        let path = place.into();
        return Err(RecordError::Unreadable(JournalError::OtherRun { path, found }).into());
    }
    is_of(&site, &run, &there)?;
    let recovered = {
        let _lock = site.store.lock(installation, &environment::operator())?;
        match FileJournal::reopen(&site.store.directory(&run)) {
            Ok((journal, here)) => match handover::standing(&place, journal.text(), &text)? {
                Standing::Here => here,
                Standing::Elsewhere(_) | Standing::Cut { .. } => site.store.adopt(&run, &text)?.1,
            },
            // A newer c8dr has gone on with it here: what it wrote is not given up for what was shared before.
            Err(error @ (JournalError::Newer { .. } | JournalError::NotUnderstood { .. })) => {
                return Err(error.into());
            }
            Err(error) if error.is_of_content() => site.store.adopt(&run, &text)?.1,
            Err(error) => return Err(error.into()),
        }
    };
    screen.note(&format!(
        "Run {run} was begun by {}; {} records of it are taken over from {}.",
        recovered.run.by,
        recovered.events.len(),
        bucket.place()
    ));
    let store = Store::at(environment::home());
    resume(args, screen, pick(store.list()?, Some(run.as_str()), true)?).await
}

/// The run as another machine has ended it, if one has. What lies here then gives way to it.
///
/// # Errors
/// If lines are missing at the end of what lies here.
async fn ended_elsewhere(
    site: &Site,
    directory: &Path,
    here: &[u8],
    run: &Run,
) -> Result<Option<Run>, CliError> {
    let Some(bucket) = site.bucket.as_deref() else {
        return Ok(None);
    };
    let installation = run.plan.installation.name();
    let place = handover::address(bucket, installation, &run.id);
    // A bucket that cannot be read now is waited for when the run goes on, and what is no record is told of there.
    let Ok(there) = handover::text(bucket, installation, &run.id).await else {
        return Ok(None);
    };
    match handover::standing(&place, here, &there) {
        Ok(Standing::Elsewhere(recovered)) if recovered.run.has_ended() => {
            Ok(Some(FileJournal::adopt(directory, &there)?.1.run))
        }
        Ok(Standing::Cut { here, there }) => Err(CliError::Cut {
            run: run.id.to_string(),
            here,
            there,
            place,
        }),
        _ => Ok(None),
    }
}

/// Shows a run that has ended on another machine: there is nothing left to do here.
fn show_ended(site: &Site, screen: &Screen, run: &Run) -> Result<Exit, CliError> {
    let report = carry::reported(site, screen, run);
    screen.result(&report, || {
        format!(
            "Another machine went on with run {}, and it has ended there: it is {}. Nothing is left to do for it.{}",
            run.id,
            run.word(),
            report.human()
        )
    })?;
    Ok(Exit::Done)
}

async fn resume(args: &Args, screen: &Screen, kept: Kept) -> Result<Exit, CliError> {
    let found = kept.recovered?.run;
    let site = open_for(args, screen, &kept.id, &found)?;
    let _lock = site
        .store
        .lock(found.plan.installation.name(), &environment::operator())?;
    // Read again under the lock: another c8dr may have gone on with it until just now.
    let (journal, recovered) =
        FileJournal::reopen(&kept.directory).map_err(|error| broken_off(&found, error))?;
    if let Some(ended) = ended_elsewhere(&site, &kept.directory, journal.text(), &recovered.run).await? {
        return show_ended(&site, screen, &ended);
    }
    let progress = Progress::new(*screen, site.clock.clone());
    progress.follow(&recovered.run.plan);
    let gear = carry::gear(&site, &progress);
    let canceller = gear.canceller.clone();
    let driver = Driver::resume(gear, Box::new(journal), recovered.run, environment::operator())
        .map_err(|error| broken_off(&found, error))?;
    let _watch = interrupts::watch(&site, *screen, &kept.id, canceller);
    carry::end(&site, screen, &progress, driver).await
}
