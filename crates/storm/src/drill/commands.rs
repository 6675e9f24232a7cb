//! c8dr's commands as an operator types them: watched as long, refused alike, and ended alike as in production.

use std::time::Duration;

use c8dr_domain::check::errors;
use c8dr_domain::condition::{Asks, SearchAsks};
use c8dr_domain::diagnose::{Code, Diagnosis, diagnose};
use c8dr_domain::history::History;
use c8dr_domain::ids::{RegionId, RunId};
use c8dr_domain::plan::reinforce::{Reinforce, Wanted as By};
use c8dr_domain::plan::{Kind, Plan, Refusal, RefusalCode, failback, failover};
use c8dr_domain::ready::{Prospect, prospects};
use c8dr_domain::run::{Run, Stop};
use c8dr_domain::search::Repository;
use c8dr_engine::backoff::Backoff;
use c8dr_engine::drive::{Beginning, Canceller, DriveError, Driver, Finish};
use c8dr_engine::handover;
use c8dr_engine::observe::{Look, Sources, observe, observe_all};
use c8dr_lab::BUCKET;
use serde_json::json;

use super::machine::Machine;
use super::script::{Command, EXITS, Ended};
use super::stage::Stage;
use crate::fault::Chapter;
use crate::journal::{Kept, MemoryJournal};
use crate::rings::names::LabNames;

/// As long as c8dr's own commands watch before they refuse what time may clear.
const PATIENCE: Duration = Duration::from_secs(15);

/// As long as c8dr's own commands watch what may be a hiccup.
const HICCUP: Duration = Duration::from_secs(3);

/// As long as `c8dr status` looks at what one reading cannot tell.
const GLANCE: Duration = Duration::from_secs(4);

/// No command of a drill takes longer; then it is asked to stop, as by Ctrl-C.
const COMMAND_LIMIT: Duration = Duration::from_secs(2 * 3600);

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its exit code; 137 if it was killed.
    pub exit: u8,
    /// What it said in the end.
    pub words: String,
    /// Its run, if it had one.
    pub run: Option<Run>,
    /// How long it took, in the drill's own time.
    pub took: Duration,
    pub(super) ended: Ended,
    pub(super) diagnosis: Option<Code>,
}

/// What a shell calls a process that was killed.
const KILLED: u8 = 137;

impl Done {
    fn new(exit: u8, ended: Ended, words: impl Into<String>) -> Done {
        Done {
            exit,
            words: words.into(),
            run: None,
            took: Duration::ZERO,
            ended,
            diagnosis: None,
        }
    }

    fn refused(exit: u8, code: &str, words: impl Into<String>) -> Done {
        Done::new(exit, Ended::Refused(Some(code.to_owned())), words)
    }

    fn of(refusal: &Refusal) -> Done {
        let words = format!("{} {}", refusal.summary, refusal.evidence.join(" "));
        Done::refused(exit("refused"), refusal.code.as_str(), words)
    }

    fn mistake(error: impl std::fmt::Display) -> Done {
        Done::refused(exit("unexpected"), "mistake-of-c8dr", error.to_string())
    }

    /// How it ended, in a few words.
    pub fn summary(&self) -> String {
        match &self.ended {
            Ended::Verified => "verified".to_owned(),
            Ended::TurnedBack => "turned back by itself".to_owned(),
            Ended::GivenUp => "given up".to_owned(),
            Ended::Killed => "killed".to_owned(),
            Ended::Refused(Some(code)) => format!("refused {code}"),
            Ended::Refused(None) => "refused".to_owned(),
            Ended::Stopped(Some(stop)) => format!("stopped {}", stop.as_str()),
            Ended::Stopped(None) => "stopped".to_owned(),
            Ended::Planned => "planned".to_owned(),
            Ended::Ready => "ready".to_owned(),
            Ended::NotReady => "not ready".to_owned(),
            Ended::Told => "told".to_owned(),
        }
    }
}

/// The number of an exit code.
fn exit(word: &str) -> u8 {
    let place = EXITS.iter().position(|one| *one == word);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(1)
}

impl Stage {
    /// Lets an operator type a command, and waits until it has ended.
    pub(super) async fn type_in(&self, operator: &str, command: &Command) -> Done {
        let began = self.clock.now();
        let mut done = match command {
            Command::Failover {
                lost,
                accepts,
                reinforce,
                is_dry,
            } => {
                let request = failover::Request {
                    traffic: self.names.as_ref().map(LabNames::reroute),
                    reinforce: reinforce.then(|| Reinforce {
                        wanted: By::Asked,
                        accept_unknown_disks: accepts.unknown_disks.clone(),
                        reserve_bytes: self
                            .lab
                            .with(|world| world.config().disk.processing_free_bytes_min),
                    }),
                    is_recorded: self.bucket.is_some(),
                    accept_unfenced: accepts.unfenced.clone(),
                    accept_data_loss: accepts.data_loss.clone(),
                    accept_unrecorded: accepts.unrecorded.clone(),
                    ..failover::Request::new(*lost)
                };
                self.changes(operator, *is_dry, &Wanted::Failover(request)).await
            }
            Command::Failback {
                returning,
                adopt_pause,
                is_dry,
            } => {
                let request = failback::Request {
                    adopt_pause: adopt_pause.clone(),
                    ..self.failback_request(*returning)
                };
                self.changes(operator, *is_dry, &Wanted::Failback(request)).await
            }
            Command::Resume { from_record } => self.resumes(operator, *from_record).await,
            Command::Abort { reason } => self.gives_up(operator, reason).await,
            Command::Status => {
                let (diagnosis, _) = self.glance().await;
                told(&diagnosis)
            }
            Command::Ready => self.is_ready().await,
            Command::Why => self.why(operator).await,
        };
        done.took = self.clock.now().since(began);
        done
    }

    /// An operator presses Ctrl-C: what goes on ends after the request that is in the air.
    pub(super) fn interrupt(&self, operator: &str) {
        if let Some(machine) = self.machines().get(operator) {
            machine.canceller.cancel();
        }
    }

    fn failback_request(&self, returning: RegionId) -> failback::Request {
        let disk = self.lab.with(|world| world.config().disk);
        let repository = Repository {
            name: "camunda_backup".to_owned(),
            settings: json!({
                "type": "s3",
                "settings": {"bucket": BUCKET, "client": "camunda", "base_path": "backups"},
            }),
        };
        failback::Request {
            reserve_bytes: disk.processing_free_bytes_min,
            floor_s: 60,
            trial_writes: true,
            traffic: self.names.as_ref().map(LabNames::reroute),
            ..failback::Request::new(returning, repository)
        }
    }

    /// Plans, and carries the plan out unless it was only to be shown.
    async fn changes(&self, operator: &str, is_dry: bool, wanted: &Wanted) -> Done {
        if !is_dry {
            let unfinished = self
                .machines()
                .entry(operator.to_owned())
                .or_default()
                .unfinished();
            match unfinished {
                Ok(None) => {}
                Ok(Some((run, _))) => {
                    let words = format!("Run {} of this installation is {}.", run.id, run.word());
                    return Done::refused(exit("refused"), "run-unfinished", words);
                }
                Err(error) => return Done::mistake(error),
            }
        }
        let mut history = History::new();
        let plan = match self.planned(wanted, &mut history).await {
            Ok(plan) => plan,
            Err(refusal) => return Done::of(&refusal),
        };
        let wrong = errors(&plan, history.latest());
        if !wrong.is_empty() {
            self.ear
                .mistake(format!("The checker refuses the planner's plan: {wrong:?}"));
            return Done::mistake("the checker refuses the planner's plan");
        }
        if is_dry {
            let steps: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
            return Done::new(exit("done"), Ended::Planned, steps.join(", "));
        }
        self.begins(operator, plan, history).await
    }

    /// Watches as long as c8dr's own command would.
    async fn planned(&self, wanted: &Wanted, history: &mut History) -> Result<Plan, Refusal> {
        let began = self.clock.now();
        let mut backoff = Backoff::seeded(0);
        let mut look = Look::Everything;
        loop {
            let (answer, patience) = match wanted {
                Wanted::Failover(request) => {
                    let asks = Asks {
                        metrics: request.reinforce.is_some(),
                        ..Asks::default()
                    };
                    let sources = Sources::of(self.zeebe());
                    history.add(observe_all(&sources, &self.clock, look, &asks).await);
                    look = Look::Loss { lost: request.lost };
                    let answer = failover::plan(&self.installation, history, request, self.clock.wall());
                    (answer, over_patience as fn(RefusalCode) -> Duration)
                }
                Wanted::Failback(request) => {
                    let asks = asks(request.returning);
                    history.add(observe_all(&self.sources(), &self.clock, Look::Everything, &asks).await);
                    let answer = failback::plan(&self.installation, history, request, self.clock.wall());
                    (answer, back_patience as fn(RefusalCode) -> Duration)
                }
            };
            let refusal = match answer {
                Ok(plan) => return Ok(plan),
                Err(refusal) => refusal,
            };
            let patience = patience(refusal.code);
            if patience.is_zero() || self.clock.now().since(began) >= patience {
                return Err(refusal);
            }
            self.clock.sleep(backoff.pause()).await;
        }
    }

    async fn begins(&self, operator: &str, plan: Plan, history: History) -> Done {
        let kept = Kept::default();
        let run = {
            let mut machines = self.machines();
            let number = machines
                .values()
                .map(|machine| machine.all().len())
                .sum::<usize>()
                + 1;
            let run = RunId::new(format!("{number:04}-{}", plan.kind.as_str()));
            machines
                .entry(operator.to_owned())
                .or_default()
                .keep(run.clone(), kept.clone());
            run
        };
        let chapter = chapter(plan.kind);
        self.ear.begins(plan.kind);
        self.plot.begin(chapter);
        let beginning = Beginning {
            run,
            plan,
            by: operator.to_owned(),
            reason: Some("drill".to_owned()),
        };
        self.process(
            operator,
            &kept,
            chapter,
            Work::Begin(Box::new((beginning, history))),
        )
        .await
    }

    async fn resumes(&self, operator: &str, from_record: bool) -> Done {
        if from_record && let Err(done) = self.takes_over(operator).await {
            return *done;
        }
        let (run, kept) = match self.to_change(operator) {
            Ok(found) => found,
            Err(done) => return *done,
        };
        let chapter = chapter(run.plan.kind);
        self.ear.begins(run.plan.kind);
        let by = operator.to_owned();
        self.process(
            operator,
            &kept,
            chapter,
            Work::Resume {
                run: Box::new(run),
                by,
            },
        )
        .await
    }

    async fn gives_up(&self, operator: &str, reason: &str) -> Done {
        let (run, kept) = match self.to_change(operator) {
            Ok(found) => found,
            Err(done) => return *done,
        };
        let chapter = chapter(run.plan.kind);
        let work = Work::GiveUp {
            run: Box::new(run),
            by: operator.to_owned(),
            reason: reason.to_owned(),
        };
        self.process(operator, &kept, chapter, work).await
    }

    fn to_change(&self, operator: &str) -> Result<(Run, Kept), Box<Done>> {
        let unfinished = self
            .machines()
            .entry(operator.to_owned())
            .or_default()
            .unfinished();
        match unfinished {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(Box::new(Done::refused(
                exit("usage"),
                "no-such-run",
                "There is no unfinished run.",
            ))),
            Err(error) => Err(Box::new(Done::mistake(error))),
        }
    }

    /// Fetches the newest run's journal from the object store onto this machine.
    async fn takes_over(&self, operator: &str) -> Result<(), Box<Done>> {
        let Some(bucket) = self.bucket.as_deref() else {
            let words = "A run of another machine lies in a `bucket`, and this world has none.";
            return Err(Box::new(Done::refused(exit("usage"), "no-such-run", words)));
        };
        let name = self.installation.name();
        let refused = |words: String| Box::new(Done::refused(exit("refused"), "no-such-run", words));
        let runs = handover::runs(bucket, name)
            .await
            .map_err(|error| refused(error.to_string()))?;
        let Some(run) = runs.into_iter().next_back() else {
            return Err(refused("No run is recorded in the bucket.".to_owned()));
        };
        let place = handover::address(bucket, name, &run);
        let text = handover::text(bucket, name, &run)
            .await
            .map_err(|error| refused(error.to_string()))?;
        let recovered = handover::recovered(&place, &text).map_err(|error| refused(error.to_string()))?;
        let kept = Kept::taken_over(text, recovered);
        self.machines()
            .entry(operator.to_owned())
            .or_default()
            .keep(run, kept);
        Ok(())
    }

    /// One process of c8dr, until it ends or is killed.
    async fn process(&self, operator: &str, kept: &Kept, chapter: Chapter, work: Work) -> Done {
        let canceller = Canceller::default();
        self.machines().entry(operator.to_owned()).or_default().canceller = canceller.clone();
        let has_text = self.bucket.is_some();
        let journal = Box::new(MemoryJournal::open(kept, self.plot.clone(), chapter, has_text));
        let gives_up = matches!(work, Work::GiveUp { .. });
        let drive = async {
            let mut driver = match work {
                Work::Begin(begun) => {
                    let (beginning, history) = *begun;
                    Driver::begin(self.gear(&canceller), journal, beginning, history)?
                }
                Work::Resume { run, by } => Driver::resume(self.gear(&canceller), journal, *run, by)?,
                Work::GiveUp { run, by, reason } => {
                    let mut driver = Driver::resume(self.gear(&canceller), journal, *run, by.clone())?;
                    if let Err(refusal) = driver.turn_round(by, reason).await? {
                        return Ok(Err(refusal));
                    }
                    if driver.run().has_ended() {
                        let words = "given up".to_owned();
                        return Ok(Ok(Finish::TurnedBack {
                            by_itself: false,
                            words,
                        }));
                    }
                    driver
                }
            };
            driver.drive().await.map(Ok)
        };
        let limit = async {
            self.clock.sleep(COMMAND_LIMIT).await;
            canceller.cancel();
            std::future::pending::<()>().await;
        };
        let driven: Result<Result<Finish, Refusal>, DriveError> = tokio::select! {
            biased;
            () = self.plot.death() => {
                return self.with_run(kept, Done::new(KILLED, Ended::Killed, "killed"));
            }
            driven = drive => driven,
            () = limit => return Done::mistake("a limit has no end"),
        };
        let done = match driven {
            Ok(Ok(finish)) => finished(finish, gives_up),
            Ok(Err(refusal)) => Done::of(&refusal),
            // Only a death breaks this journal.
            Err(DriveError::Journal(_)) => Done::new(KILLED, Ended::Killed, "killed"),
            Err(error) => {
                self.ear.mistake(format!("{error}: {error:?}"));
                Done::mistake(error)
            }
        };
        self.with_run(kept, done)
    }

    fn with_run(&self, kept: &Kept, done: Done) -> Done {
        match kept.run() {
            Ok(run) => Done { run, ..done },
            Err(error) => {
                self.ear.mistake(format!("the journal is no run: {error}"));
                Done::mistake(error)
            }
        }
    }

    /// Looks as `c8dr status` does.
    async fn glance(&self) -> (Diagnosis, History) {
        let began = self.clock.now();
        let mut backoff = Backoff::seeded(0);
        let mut history = History::new();
        let mut look = Look::Everything;
        loop {
            history.add(observe(self.zeebe(), &self.clock, look).await);
            let diagnosis = diagnose(&self.installation, &history);
            let may_clear = matches!(
                diagnosis.code,
                Code::RegionSuspected | Code::Unclear | Code::Leaderless | Code::ElectingAfterForce
            );
            let enough = !may_clear || self.clock.now().since(began) >= GLANCE;
            if enough && (diagnosis.code == Code::Healthy || history.len() >= 3) {
                return (diagnosis, history);
            }
            if let (Code::RegionSuspected, Some(lost)) = (diagnosis.code, diagnosis.region) {
                look = Look::Loss { lost };
            }
            self.clock.sleep(backoff.pause()).await;
        }
    }

    async fn is_ready(&self) -> Done {
        let (diagnosis, history) = self.glance().await;
        let prospects = prospects(&self.installation, &history, &diagnosis);
        let is_ready = !prospects.is_empty() && prospects.iter().all(Prospect::is_ready);
        let (number, ended) = match is_ready {
            true => (exit("done"), Ended::Ready),
            false => (exit("refused"), Ended::NotReady),
        };
        let findings: Vec<&str> = (prospects.iter().flat_map(|prospect| &prospect.findings))
            .map(|finding| finding.what.as_str())
            .collect();
        Done {
            diagnosis: Some(diagnosis.code),
            ..Done::new(number, ended, findings.join(" "))
        }
    }

    /// What is missing: for the run that has not ended, or for a failover and a failback of each region now.
    async fn why(&self, operator: &str) -> Done {
        let (diagnosis, _) = self.glance().await;
        let mut done = told(&diagnosis);
        let unfinished = self.machines().get(operator).map(Machine::unfinished);
        if let Some(Ok(Some((run, _)))) = unfinished {
            let stopped = run.stopped.as_ref().map(|(_, _, words)| words.as_str());
            let step = run.current_step().or_else(|| run.next_step());
            done.words = format!(
                "Run {} is {}{}. {}",
                run.id,
                run.word(),
                step.map_or_else(String::new, |step| format!(", at {step}")),
                stopped.unwrap_or_default()
            );
            return done;
        }
        for region in [RegionId(0), RegionId(1)] {
            let over = Wanted::Failover(failover::Request::new(region));
            let back = Wanted::Failback(self.failback_request(region));
            for wanted in [over, back] {
                if let Err(refusal) = self.planned(&wanted, &mut History::new()).await {
                    done.words
                        .push_str(&format!(" {} ({region}): {}", refusal.code, refusal.summary));
                }
            }
        }
        done
    }
}

/// What is wanted of the planner.
enum Wanted {
    Failover(failover::Request),
    Failback(failback::Request),
}

/// What a process is to do.
enum Work {
    Begin(Box<(Beginning, History)>),
    Resume {
        run: Box<Run>,
        by: String,
    },
    GiveUp {
        run: Box<Run>,
        by: String,
        reason: String,
    },
}

/// How long c8dr's `failover` watches a refusal that time may clear.
fn over_patience(code: RefusalCode) -> Duration {
    match code {
        RefusalCode::NotFenced => PATIENCE,
        RefusalCode::SurvivorDown | RefusalCode::NothingAnswers => HICCUP,
        _ => Duration::ZERO,
    }
}

/// How long c8dr's `failback` watches a refusal that time may clear.
fn back_patience(code: RefusalCode) -> Duration {
    match code {
        RefusalCode::SurvivorDown
        | RefusalCode::NothingAnswers
        | RefusalCode::MembersUnreadable
        | RefusalCode::PlatformUnseen => HICCUP,
        _ => Duration::ZERO,
    }
}

fn chapter(kind: Kind) -> Chapter {
    match kind {
        Kind::Failover => Chapter::Failover,
        Kind::Failback => Chapter::Failback,
    }
}

fn told(diagnosis: &Diagnosis) -> Done {
    let words = format!("{} {}", diagnosis.summary, diagnosis.evidence.join(" "));
    Done {
        diagnosis: Some(diagnosis.code),
        ..Done::new(exit("done"), Ended::Told, words)
    }
}

fn finished(finish: Finish, gives_up: bool) -> Done {
    match finish {
        Finish::Verified { words } => Done::new(exit("done"), Ended::Verified, words),
        Finish::TurnedBack {
            by_itself: true,
            words,
        } => Done::new(exit("waiting"), Ended::TurnedBack, words),
        Finish::TurnedBack { words, .. } if gives_up => Done::new(exit("done"), Ended::GivenUp, words),
        Finish::TurnedBack { words, .. } => Done::new(exit("done"), Ended::TurnedBack, words),
        Finish::Stopped {
            stop,
            words,
            diagnosis,
        } => {
            let number = match stop {
                Stop::Refused => "refused",
                Stop::Waiting => "waiting",
                Stop::Unknown => "unknown",
                Stop::VerificationFailed => "verification-failed",
                Stop::Interrupted => "interrupted",
            };
            Done {
                diagnosis: diagnosis.map(|diagnosis| diagnosis.code),
                ..Done::new(exit(number), Ended::Stopped(Some(stop)), words)
            }
        }
    }
}

/// What a failback's plan is made from.
fn asks(returning: RegionId) -> Asks {
    let both = [returning, returning.other()];
    let search = SearchAsks {
        indices: true,
        ..SearchAsks::default()
    };
    Asks {
        both_regions: true,
        platforms: both.into(),
        searches: both.map(|id| (id, search.clone())).into(),
        ..Asks::default()
    }
}
