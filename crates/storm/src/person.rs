//! The person at the keyboard: plans, begins, resumes what was killed or has stopped, gives up what does not come to its
//! end, builds anew what died, and begins again; as long as a person would.

use std::time::Duration;

use c8dr_domain::check::errors;
use c8dr_domain::condition::{Asks, SearchAsks};
use c8dr_domain::history::History;
use c8dr_domain::ids::{RegionId, RunId};
use c8dr_domain::plan::{Kind, Plan, Refusal, failback, failover};
use c8dr_domain::planted;
use c8dr_domain::run::Stop;
use c8dr_domain::search::Repository;
use c8dr_engine::backoff::Backoff;
use c8dr_engine::drive::{Beginning, Canceller, DriveError, Driver, Finish, Gear};
use c8dr_engine::observe::{Look, Sources, observe, observe_all};
use c8dr_engine::ports::{Platform, Search, Zeebe};
use c8dr_lab::{BUCKET, Blow};
use serde_json::json;

use crate::fault::Chapter;
use crate::journal::{Kept, MemoryJournal};
use crate::life::Ending;
use crate::scene::Scene;

/// How long c8dr's own commands watch before they refuse what time may clear.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often a person asks for a plan that is refused, some half a minute between.
const ASKS_MAX: u32 = 12;

/// How often a person resumes a run that has stopped, before giving it up.
const RESUMES_MAX: u32 = 4;

/// How many failed proofs a person asks for again.
const PROOFS_MAX: u32 = 2;

/// How many runs of one kind a person begins.
const RUNS_MAX: u32 = 4;

/// How long a person watches a run that goes on by itself before asking it to stop (Ctrl-C) and giving it up. Some of its
/// waits have limits of hours, for installations that are a thousand times as big as the lab's.
const WATCHES: Duration = Duration::from_secs(30 * 60);

/// After being asked to stop, a run ends within what one request may take, and a little.
const STOPS_WITHIN: Duration = Duration::from_secs(120);

/// How a run came out for the person who began it.
enum Carried {
    Verified,
    /// Given up, and taken back.
    Back(String),
    /// It can neither go on nor be given up.
    Waits(String),
    Stuck(String),
}

/// How one process came out.
enum Process {
    Finished(Finish),
    Killed,
    Broke(DriveError),
    Late,
    /// A person who wants to give up was refused.
    OnlyForward(Refusal),
}

impl Scene<'_> {
    /// Until the failover is verified. An ending if it never is.
    pub(crate) async fn fail_over(&mut self) -> Option<Ending> {
        let mut last = String::new();
        for _ in 0..RUNS_MAX {
            let plan = match self.planned(Kind::Failover).await {
                Ok(planned) => planned,
                Err(refusal) => return Some(self.waits(format!("{}: {refusal}", refusal.code)).await),
            };
            self.clock.sleep(self.disaster.approval).await;
            match self.carry(plan, Chapter::Failover).await {
                Carried::Verified => return None,
                Carried::Back(words) => last = words,
                Carried::Waits(words) => return Some(self.waits(words).await),
                Carried::Stuck(words) => return Some(self.is_stuck(words).await),
            }
        }
        self.rest(false).await;
        Some(Ending::AbortedSafe(last))
    }

    /// Until the failback is verified. An ending if it never is.
    pub(crate) async fn fail_back(&mut self) -> Option<Ending> {
        let mut last = String::new();
        for _ in 0..RUNS_MAX {
            let plan = match self.planned(Kind::Failback).await {
                Ok(planned) => planned,
                Err(refusal) => return Some(self.waits(format!("{}: {refusal}", refusal.code)).await),
            };
            self.clock.sleep(self.disaster.approval).await;
            match self.carry(plan, Chapter::Failback).await {
                Carried::Verified => {
                    self.rest(true).await;
                    return None;
                }
                Carried::Back(words) => {
                    self.ear.person(|| "builds the returning region anew".to_owned());
                    self.strike(Blow::RegionIsBare(self.disaster.gone()));
                    self.pause(10_000, 40_000).await;
                    last = words;
                }
                Carried::Waits(words) => return Some(self.waits(words).await),
                Carried::Stuck(words) => return Some(self.is_stuck(words).await),
            }
        }
        self.rest(false).await;
        Some(Ending::AbortedSafe(last))
    }

    async fn waits(&mut self, words: String) -> Ending {
        self.rest(false).await;
        Ending::Waiting(words)
    }

    async fn is_stuck(&mut self, words: String) -> Ending {
        self.rest(false).await;
        Ending::Stuck(words)
    }

    /// Before anything is lost somebody asks for a failover: both regions live, so it is refused, whichever was typed.
    pub(crate) async fn typed_too_early(&mut self) -> Option<Ending> {
        let typed = self.disaster.typed?;
        self.gives_up = typed;
        self.ear.reached("failover of a region that lives asked for");
        let answer = self.ask(Kind::Failover).await;
        let ending = match answer {
            (Ok(plan), history) => {
                let carried = self.carry((plan, history), Chapter::Calm).await;
                Some(self.over(carried).await)
            }
            (Err(refusal), _) => {
                self.ear.reached(&format!("refused: {}", refusal.code));
                None
            }
        };
        self.gives_up = self.disaster.lost;
        ending
    }

    /// The operator in the other region sees that region only, and gives up the one that has just taken over.
    pub(crate) async fn the_other_side_too(&mut self) {
        self.gives_up = self.disaster.lost.other();
        self.zeebe.reaches_only = Some(self.disaster.lost);
        match self.ask(Kind::Failover).await {
            (Ok(plan), history) => {
                let carried = self.carry((plan, history), Chapter::Calm).await;
                self.ear.reached(match carried {
                    Carried::Verified => "the second operator's failover verified",
                    _ => "the second operator's failover refused",
                });
            }
            (Err(refusal), _) => self.ear.reached(&format!("refused: {}", refusal.code)),
        }
        self.gives_up = self.disaster.lost;
    }

    /// What a run that should never have been begun comes to.
    async fn over(&mut self, carried: Carried) -> Ending {
        match carried {
            Carried::Verified => self.waits("a region that lived was given up".to_owned()).await,
            Carried::Waits(words) => self.waits(words).await,
            Carried::Stuck(words) => self.is_stuck(words).await,
            Carried::Back(words) => {
                self.rest(false).await;
                Ending::AbortedSafe(words)
            }
        }
    }

    /// Both regions live and do not hear each other: nothing may be forced, and c8dr says so.
    pub(crate) async fn refused_while_both_live(&mut self) {
        self.pause(15_000, 60_000).await;
        let (answer, _) = self.ask(Kind::Failover).await;
        match answer {
            Ok(_) => self.ear.reached("planned although both regions live"),
            Err(refusal) => self.ear.reached(&format!("refused: {}", refusal.code)),
        }
    }

    /// The old region is back with its disks: it must not be failed back into.
    pub(crate) async fn refused_with_old_disks(&mut self) {
        self.pause(15_000, 40_000).await;
        let (answer, _) = self.ask(Kind::Failback).await;
        match answer {
            Ok(_) => self
                .ear
                .mistake("A failback into old disks was planned.".to_owned()),
            Err(refusal) => self.ear.reached(&format!("refused: {}", refusal.code)),
        }
    }

    async fn pause(&mut self, from_ms: u64, to_ms: u64) {
        let pause = self.person.between_ms(from_ms, to_ms);
        self.clock.sleep(pause).await;
    }

    /// Asks for a plan until there is one, or the person has asked often enough.
    async fn planned(&mut self, kind: Kind) -> Result<(Plan, History), Refusal> {
        let mut asked = 0;
        loop {
            let (answer, history) = self.ask(kind).await;
            let refusal = match answer {
                Ok(plan) => return Ok((plan, history)),
                Err(refusal) => refusal,
            };
            asked += 1;
            self.ear.reached(&format!("refused: {}", refusal.code));
            self.ear
                .person(|| format!("is refused a {}: {}", kind.as_str(), refusal.summary));
            if asked >= ASKS_MAX {
                return Err(refusal);
            }
            if kind == Kind::Failback && self.returning_is_dead() {
                self.ear.person(|| "builds the returning region anew".to_owned());
                self.strike(Blow::RegionIsBare(self.disaster.gone()));
            }
            self.pause(15_000, 45_000).await;
        }
    }

    /// One command's worth of watching.
    async fn ask(&self, kind: Kind) -> (Result<Plan, Refusal>, History) {
        let began = self.clock.now();
        let mut backoff = Backoff::seeded(self.disaster.seed);
        let mut history = History::new();
        let mut look = Look::Everything;
        loop {
            let reading = match kind {
                Kind::Failover => observe(&self.zeebe, &self.clock, look).await,
                Kind::Failback => observe_all(&self.sources(), &self.clock, Look::Everything, &asks()).await,
            };
            history.add(reading);
            self.ear.heard().judge.watch();
            let now = self.clock.wall();
            let answer = match kind {
                Kind::Failover => failover::plan(&self.installation, &history, &self.failover_request(), now),
                Kind::Failback => failback::plan(&self.installation, &history, &self.failback_request(), now),
            };
            let Err(refusal) = answer else {
                return (answer, history);
            };
            if self.clock.now().since(began) >= PATIENCE {
                return (Err(refusal), history);
            }
            if kind == Kind::Failover {
                look = Look::Loss { lost: self.gives_up };
            }
            self.clock.sleep(backoff.pause()).await;
        }
    }

    fn failover_request(&self) -> failover::Request {
        failover::Request {
            is_recorded: self.bucket.is_some(),
            ..failover::Request::new(self.gives_up)
        }
    }

    fn failback_request(&self) -> failback::Request {
        let disk = self.lab.with(|world| world.config().disk);
        let repository = Repository {
            name: "camunda_backup".to_owned(),
            settings: json!({
                "type": "s3",
                "settings": {"bucket": BUCKET, "client": "camunda", "base_path": "backups"},
            }),
        };
        failback::Request {
            trial_writes: true,
            reserve_bytes: disk.processing_free_bytes_min,
            floor_s: 60,
            ..failback::Request::new(self.disaster.lost, repository)
        }
    }

    fn sources(&self) -> Sources<'_> {
        Sources {
            zeebe: &self.zeebe as &dyn Zeebe,
            searches: (self.searches.iter())
                .map(|(id, port)| (*id, port as &dyn Search))
                .collect(),
            platforms: (self.platforms.iter())
                .map(|(id, port)| (*id, port as &dyn Platform))
                .collect(),
            traffic: None,
        }
    }

    fn gear(&self, canceller: &Canceller) -> Gear<'_> {
        let Sources {
            zeebe,
            searches,
            platforms,
            traffic,
        } = self.sources();
        Gear {
            zeebe,
            searches,
            platforms,
            traffic,
            bucket: self.bucket.as_deref(),
            clock: self.clock.clone(),
            listener: &self.ear,
            canceller: canceller.clone(),
            seed: self.disaster.seed,
        }
    }

    /// People see that a region is dark.
    pub(crate) fn returning_is_dead(&self) -> bool {
        let status = self.lab.status();
        let region = status.regions.get(self.disaster.gone().index());
        region.is_some_and(|region| region.brokers.iter().all(|broker| !broker.answers))
    }

    /// Begins a run, and sees it through deaths and stops to an end.
    async fn carry(&mut self, (plan, history): (Plan, History), chapter: Chapter) -> Carried {
        let wrong = errors(&plan, history.latest());
        if !wrong.is_empty() && planted::planted().is_none() {
            self.ear
                .mistake(format!("The checker refuses the planner's plan: {wrong:?}"));
            return Carried::Stuck("the plan is wrong".to_owned());
        }
        self.runs += 1;
        self.ear.begins(plan.kind);
        let kept = Kept::default();
        let mut beginning = Some((
            Beginning {
                run: RunId::new(format!("storm-{}", self.runs)),
                plan,
                by: "storm".to_owned(),
                reason: None,
            },
            history,
        ));
        let mut stops = 0;
        let mut gives_up = false;
        let mut failed_proofs = 0;
        loop {
            let process = self.process(&kept, chapter, beginning.take(), gives_up).await;
            match process {
                Process::Finished(Finish::Verified { .. }) => return Carried::Verified,
                Process::Finished(Finish::TurnedBack { words, .. }) => return Carried::Back(words),
                Process::Finished(Finish::Stopped { stop, words, .. }) => {
                    stops += 1;
                    // A proof that has failed twice will not hold by being asked again.
                    failed_proofs += u32::from(stop == Stop::VerificationFailed);
                    let is_over = stops > 2 * RESUMES_MAX || failed_proofs > PROOFS_MAX;
                    // Nobody who is told of it leaves a pause behind.
                    let is_paused = words.contains("EXPORTING IS PAUSED") && stops <= 4 * RESUMES_MAX;
                    if is_over && !is_paused {
                        return Carried::Waits(words);
                    }
                    // A region that died is not waited for; what was refused twice will be again.
                    let is_hopeless = chapter == Chapter::Failback && self.returning_is_dead();
                    gives_up = is_over
                        || is_hopeless
                        || stop == Stop::Interrupted
                        || stops > RESUMES_MAX
                        || (stop == Stop::Refused && stops > 1);
                    self.do_as_told(&words);
                    self.ear.person(|| match gives_up {
                        true => "gives the run up".to_owned(),
                        false => "resumes the run that has stopped".to_owned(),
                    });
                    self.pause(20_000, 60_000).await;
                }
                Process::Killed => {
                    self.ear.reached("c8dr killed in the middle");
                    self.ear.person(|| "resumes the run that was killed".to_owned());
                    self.pause(200, 20_000).await;
                }
                Process::OnlyForward(refusal) => {
                    stops += 1;
                    self.ear.reached(&format!("refused: {}", refusal.code));
                    gives_up = false;
                    if stops > 2 * RESUMES_MAX {
                        return Carried::Waits(refusal.summary);
                    }
                }
                Process::Broke(error) => {
                    self.ear.mistake(format!("{error}: {error:?}"));
                    return Carried::Stuck(error.to_string());
                }
                Process::Late => {
                    return Carried::Stuck(format!(
                        "a run was asked to stop, and goes on {} s later",
                        STOPS_WITHIN.as_secs()
                    ));
                }
            }
            match kept.run() {
                Ok(Some(run)) if run.has_ended() => {
                    // It was killed right after its last record.
                    return match run.phase {
                        c8dr_domain::run::Phase::Verified => Carried::Verified,
                        _ => Carried::Back("given up".to_owned()),
                    };
                }
                Ok(Some(_)) => {}
                Ok(None) => return Carried::Back("killed before its first record".to_owned()),
                Err(error) => {
                    self.ear.mistake(format!("the journal is no run: {error}"));
                    return Carried::Stuck(error.to_string());
                }
            }
        }
    }

    /// What a stop asks a person for, and what c8dr does not do itself: to stop a region that is to be taken out again, and to
    /// end a pause that was somebody else's.
    fn do_as_told(&mut self, words: &str) {
        if words.contains("answer at their own endpoints. RT2") && !self.returning_is_dead() {
            self.ear
                .person(|| "stops the returning region, as asked".to_owned());
            self.ear.reached("person stops the returning region");
            self.strike(Blow::RegionDies(self.disaster.gone()));
        }
        if words.contains("somebody paused it") {
            self.ear
                .person(|| "resumes what somebody has paused, as asked".to_owned());
            self.ear.reached("person resumes what somebody paused");
            self.strike(Blow::SomebodyResumes);
        }
    }

    /// One process of c8dr: begins or goes on, until it ends, is killed, or takes too long.
    async fn process(
        &self,
        kept: &Kept,
        chapter: Chapter,
        beginning: Option<(Beginning, History)>,
        gives_up: bool,
    ) -> Process {
        let canceller = Canceller::default();
        let journal = Box::new(MemoryJournal::open(
            kept,
            self.plot.clone(),
            chapter,
            self.bucket.is_some(),
        ));
        let work = async {
            let mut driver = match beginning {
                Some((beginning, history)) => {
                    Driver::begin(self.gear(&canceller), journal, beginning, history)?
                }
                None => {
                    let run = match kept.run() {
                        Ok(Some(run)) => run,
                        Ok(None) => return Err(DriveError::Ended(RunId::new("none"))),
                        Err(error) => return Err(DriveError::Illegal(error)),
                    };
                    Driver::resume(self.gear(&canceller), journal, run, "storm".to_owned())?
                }
            };
            if gives_up {
                let turned = driver
                    .turn_round("storm".to_owned(), "given up".to_owned())
                    .await?;
                if let Err(refusal) = turned {
                    return Ok(Err(refusal));
                }
                if driver.run().has_ended() {
                    return Ok(Ok(Finish::TurnedBack {
                        by_itself: false,
                        words: "given up".to_owned(),
                    }));
                }
            }
            driver.drive().await.map(Ok)
        };
        let patience = async {
            self.clock.sleep(WATCHES).await;
            self.ear
                .person(|| "has waited long enough, and asks it to stop".to_owned());
            self.ear.reached("interrupted by a person");
            canceller.cancel();
            self.clock.sleep(STOPS_WITHIN).await;
        };
        tokio::select! {
            biased;
            () = self.plot.death() => Process::Killed,
            worked = work => match worked {
                Ok(Ok(finish)) => Process::Finished(finish),
                Ok(Err(refusal)) => Process::OnlyForward(refusal),
                Err(DriveError::Journal(_)) => Process::Killed,
                Err(error) => Process::Broke(error),
            },
            () = patience => Process::Late,
        }
    }
}

/// What a failback's plan is made from.
fn asks() -> Asks {
    let search = SearchAsks {
        indices: true,
        ..SearchAsks::default()
    };
    let both = [RegionId(0), RegionId(1)];
    Asks {
        both_regions: true,
        platforms: both.into(),
        searches: both.map(|id| (id, search.clone())).into(),
        ..Asks::default()
    }
}
