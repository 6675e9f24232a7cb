//! `c8dr run …`: the runs of this machine.

use std::path::Path;

use c8dr_domain::check::errors;
use c8dr_domain::ids::RunId;
use c8dr_domain::record;
use c8dr_domain::run::{Event, Run};
use c8dr_engine::drive::Driver;
use c8dr_engine::handover;
use c8dr_engine::journal::store::Kept;
use c8dr_engine::journal::{FileJournal, Journal, Store};

use super::{carry, drill};
use crate::args::{Args, RunCommand};
use crate::certificate::{self, Certificate};
use crate::environment;
use crate::error::CliError;
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
            abort(args, screen, pick(store.list()?, run.as_deref(), true)?, reason).await
        }
        RunCommand::Resume {
            run,
            from_record: true,
        } => from_record(args, screen, run.as_deref()).await,
        RunCommand::Resume { run, .. } => {
            resume(args, screen, pick(store.list()?, run.as_deref(), true)?).await
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
            None => !unfinished || is_open(kept),
        })
        .ok_or_else(|| CliError::NoRun { which: which() })
}

/// Checks a run's journal and, of a failback that was verified, its certificate. Asks nobody.
fn verify(screen: &Screen, kept: Kept) -> Result<Exit, CliError> {
    let recovered = kept.recovered?;
    let mut wrong = Vec::new();
    if recovered.run.id != kept.id {
        wrong.push(format!(
            "The journal is that of another run: {}.",
            plain(recovered.run.id.as_str())
        ));
    }
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
        last_hash: recovered.tip.sum.clone(),
        plan_sha256: fingerprint,
        torn_bytes: recovered.torn.len(),
        certificate,
        is_sound: wrong.is_empty(),
        wrong,
    };
    screen.result(&document, || document.human())?;
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
    last_hash: String,
    plan_sha256: String,
    torn_bytes: usize,
    certificate: Option<Certificate>,
    is_sound: bool,
    wrong: Vec<String>,
}

impl Verification {
    fn human(&self) -> String {
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
        let certified = match &self.certificate {
            Some(certificate) if self.is_sound => format!("\n{}", plain(&certificate.words())),
            _ => String::new(),
        };
        format!(
            "{} ({}): {verdict}\n{} records, each fits its hash and the one before, and can follow it.\nplan  {}\nlast  {}{torn}{certified}",
            self.run, self.state, self.records, self.plan_sha256, self.last_hash
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
    let (journal, recovered) = FileJournal::reopen(&kept.directory)?;
    if let Some(ended) = ended_elsewhere(&site, &kept.directory, journal.text(), &recovered.run).await? {
        return show_ended(&site, screen, &ended);
    }
    let progress = Progress::new(*screen, site.clock.clone());
    progress.follow(&recovered.run.plan);
    let gear = carry::gear(&site, &progress);
    let canceller = gear.canceller.clone();
    let mut driver = Driver::resume(gear, Box::new(journal), recovered.run, environment::operator())?;
    driver
        .turn_round(environment::operator(), reason.to_owned())
        .await??;
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
    let _watcher = carry::interrupts(*screen, canceller);
    carry::end(&site, screen, &progress, driver).await
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
    if run.plan.installation != site.config.installation {
        return Err(CliError::OtherInstallation {
            what: format!("run {id}"),
        });
    }
    Ok(site)
}

/// Fetches a run's journal from the bucket, and goes on with it here.
async fn from_record(args: &Args, screen: &Screen, named: Option<&str>) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    let wrong = |what: String| CliError::Record {
        what,
        help: "`c8dr status` shows what the installation itself says.".to_owned(),
    };
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
            .await
            .map_err(wrong)?
            .pop()
            .ok_or_else(|| wrong(format!("{} holds no run of {installation}", bucket.place())))?,
    };
    let text = handover::text(bucket, installation, &run).await.map_err(wrong)?;
    if text.is_empty() {
        return Err(wrong(format!("{} holds no run {run}", bucket.place())));
    }
    let directory = site.store.directory(&run);
    let recovered = {
        let _lock = site.store.lock(installation, &environment::operator())?;
        if directory.exists() {
            let (journal, here) = FileJournal::reopen(&directory)?;
            match is_elsewhere(journal.text(), &text) {
                true => FileJournal::supersede(&directory, &text)?.1,
                false => here,
            }
        } else {
            site.store.adopt(&run, &text)?.1
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

/// Whether a run's record outside tells of more than its journal here: another machine went on with it.
fn is_elsewhere(here: &[u8], there: &[u8]) -> bool {
    !here.starts_with(there)
}

/// The run as another machine has ended it, if one has. What lies here then gives way to it.
async fn ended_elsewhere(
    site: &Site,
    directory: &Path,
    here: &[u8],
    run: &Run,
) -> Result<Option<Run>, CliError> {
    let Some(bucket) = site.bucket.as_deref() else {
        return Ok(None);
    };
    // A bucket that cannot be read now is waited for when the run goes on.
    let there = handover::text(bucket, run.plan.installation.name(), &run.id)
        .await
        .unwrap_or_default();
    if there.is_empty() || !is_elsewhere(here, &there) {
        return Ok(None);
    }
    let has_ended = handover::recovered(&bucket.place(), &there)?.run.has_ended();
    Ok(match has_ended {
        true => Some(FileJournal::supersede(directory, &there)?.1.run),
        false => None,
    })
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
    let (journal, recovered) = FileJournal::reopen(&kept.directory)?;
    if let Some(ended) = ended_elsewhere(&site, &kept.directory, journal.text(), &recovered.run).await? {
        return show_ended(&site, screen, &ended);
    }
    let progress = Progress::new(*screen, site.clock.clone());
    progress.follow(&recovered.run.plan);
    let gear = carry::gear(&site, &progress);
    let canceller = gear.canceller.clone();
    let driver = Driver::resume(gear, Box::new(journal), recovered.run, environment::operator())?;
    let _watcher = carry::interrupts(*screen, canceller);
    carry::end(&site, screen, &progress, driver).await
}
