//! Carries a plan out: for each step a look, a deed and a proof, with every intent durable before its effect.
//!
//! A timeout, a 5xx or a lost connection is an unknown outcome: look again, compare with the intent, then decide.
//! Guarantees G1, G2, G6, G7, G8; traps from `spec: procedure.md §4` and `edge-cases.md`.

mod back;
mod beside;
mod deed;
mod look;
mod outside;
mod proof;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::check::{self, Complaint};
use c8dr_domain::condition::{Asks, Known};
use c8dr_domain::diagnose::Diagnosis;
use c8dr_domain::effect::{Answer, Effect};
use c8dr_domain::facts::Facts;
use c8dr_domain::history::History;
use c8dr_domain::ids::{GatewayName, RegionId, RunId};
use c8dr_domain::observation::Observation;
use c8dr_domain::picture::Picture;
use c8dr_domain::plan::{Class, Kind, Plan, Step, StepId};
use c8dr_domain::planted;
use c8dr_domain::record;
use c8dr_domain::run::{Event, IllegalTransition, Outcome, Phase, Run, Stop};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::backoff::{Backoff, Pace};
use crate::clock::{Clock, Moment};
use crate::events::{Listener, Told, Waiting};
use crate::journal::{Journal, JournalError};
use crate::observe::{Look, Sources, observe_all};
use crate::ports::{Bucket, Platform, Search, Traffic, Zeebe};

use outside::Outside;

/// How long a step may go round between a look that is clear and a request that does not come through: room for five
/// requests whose outcome is unknown, each watched for eleven seconds, and for a gateway that is started anew meanwhile.
const ROUNDS_LIMIT: Duration = Duration::from_secs(180);

/// Why a run could not go on for reasons of our own. What the world does is no error, but a [`Finish`].
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The journal could not be written; nothing may happen that it does not know.
    #[error("the journal could not be written, so nothing more was done")]
    Journal(#[from] JournalError),
    /// The driver did what a run may not do: a mistake of ours.
    #[error("c8dr made a mistake of its own")]
    Illegal(#[from] IllegalTransition),
    /// The checker complains of the plan; nothing was begun.
    #[error("the plan is wrong: {}", check::sentences(.0))]
    WrongPlan(Vec<Complaint>),
    /// There is nothing left to do.
    #[error("run {0} has ended; there is nothing to resume")]
    Ended(RunId),
    /// The plan could not be fingerprinted.
    #[error("the plan could not be written as JSON")]
    Plan(#[from] serde_json::Error),
}

/// How a drive came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// All of it verified.
    Verified {
        /// What was read in the end.
        words: String,
    },
    /// Given up, and what it had begun is taken back: nothing is left paused.
    TurnedBack {
        /// Whether it turned round by itself, to protect the disks.
        by_itself: bool,
        /// Why, and what was read in the end.
        words: String,
    },
    /// Stopped before the end; the run can be resumed.
    Stopped {
        /// Why.
        stop: Stop,
        /// What happened, as sentences.
        words: String,
        /// What was diagnosed, where that says more than the words.
        diagnosis: Option<Box<Diagnosis>>,
    },
}

/// What stops a step. Turned into a journaled [`Event::Stopped`] in one place.
#[derive(Debug)]
enum Halt {
    Error(DriveError),
    Stop {
        stop: Stop,
        words: String,
        diagnosis: Option<Box<Diagnosis>>,
    },
    /// What the step rests on has moved: the run goes back to an earlier one.
    Again(String),
    /// Going on would fill the disks: the run turns round.
    TurnRound(String),
    /// The step could not be done, was told, and is passed over: the run goes on behind it.
    PassedOver,
}

impl Halt {
    fn stop(stop: Stop, words: impl Into<String>) -> Self {
        Halt::Stop {
            stop,
            words: words.into(),
            diagnosis: None,
        }
    }
}

impl<E: Into<DriveError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Halt::Error(error.into())
    }
}

/// Asks a driver to stop: after the deed that is in the air, leaving a run that can be resumed.
#[derive(Clone, Debug)]
pub struct Canceller(Arc<watch::Sender<bool>>);

impl Default for Canceller {
    fn default() -> Self {
        Canceller(Arc::new(watch::channel(false).0))
    }
}

impl Canceller {
    /// Asks.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    fn asked(&self) -> bool {
        *self.0.borrow()
    }

    async fn wait(&self) {
        let mut seen = self.0.subscribe();
        // The sender lives as long as this does, so waiting ends only by being asked.
        let _ = seen.wait_for(|asked| *asked).await;
    }
}

/// What a driver works with.
pub struct Gear<'a> {
    /// The cluster.
    pub zeebe: &'a dyn Zeebe,
    /// The searches, where they are configured. A failback needs both.
    pub searches: BTreeMap<RegionId, &'a dyn Search>,
    /// The platforms, where they are configured. A failback needs both.
    pub platforms: BTreeMap<RegionId, &'a dyn Platform>,
    /// The users' names, where they are configured.
    pub traffic: Option<&'a dyn Traffic>,
    /// The object store outside this machine, where one is configured.
    pub bucket: Option<&'a dyn Bucket>,
    /// The clock.
    pub clock: Clock,
    /// Who is told.
    pub listener: &'a dyn Listener,
    /// Who may stop it.
    pub canceller: Canceller,
    /// From which all unevenness is drawn.
    pub seed: u64,
}

/// A run being carried out.
pub struct Driver<'a> {
    gear: Gear<'a>,
    journal: Box<dyn Journal>,
    run: Run,
    history: History,
    /// The most that any reading of this process has shown.
    most: Known,
    backoff: Backoff,
    outside: Outside,
    /// What was sent beside a step, and is not over.
    beside: Option<beside::Call<'a>>,
    /// Since when this process carries it out.
    began: Moment,
}

/// How a run comes into being.
pub struct Beginning {
    /// Its id.
    pub run: RunId,
    /// Its plan, checked.
    pub plan: Plan,
    /// Who starts it, on which machine.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

impl<'a> Driver<'a> {
    /// A new run; its plan is durable when this returns.
    ///
    /// # Errors
    /// If the checker finds an error in the plan, or the journal can't be written.
    pub fn begin(
        gear: Gear<'a>,
        journal: Box<dyn Journal>,
        beginning: Beginning,
        history: History,
    ) -> Result<Self, DriveError> {
        let wrong = check::errors(&beginning.plan, history.latest());
        // Nobody else has a second pair of eyes; a planted mistake has to show in the world.
        if !wrong.is_empty() && planted::planted().is_none() {
            return Err(DriveError::WrongPlan(wrong));
        }
        let mut journal = journal;
        let at = gear.clock.wall();
        let event = Event::Planned {
            run: beginning.run,
            fingerprint: record::fingerprint(&beginning.plan)?,
            plan: Box::new(beginning.plan),
            by: beginning.by,
            reason: beginning.reason,
        };
        let run = Run::begin(at, &event)?;
        journal.append(at, &event)?;
        gear.listener.tell(&Told::Event { at, event });
        let mut most = Known::default();
        for reading in history.readings() {
            most.remember(reading);
        }
        Ok(Driver {
            most,
            backoff: Backoff::seeded(gear.seed),
            outside: Outside::new(&run),
            beside: None,
            began: gear.clock.now(),
            gear,
            journal,
            run,
            history,
        })
    }

    /// A run that goes on where its journal ends. What was in the air when it broke off counts as unknown.
    ///
    /// # Errors
    /// If the journal can't be written, or the run has ended.
    pub fn resume(
        gear: Gear<'a>,
        journal: Box<dyn Journal>,
        run: Run,
        by: String,
    ) -> Result<Self, DriveError> {
        if run.has_ended() {
            return Err(DriveError::Ended(run.id));
        }
        let history = History::new();
        let mut driver = Driver {
            most: Known::default(),
            backoff: Backoff::seeded(gear.seed),
            outside: Outside::resumed(),
            beside: None,
            began: gear.clock.now(),
            gear,
            journal,
            run,
            history,
        };
        driver.record(Event::Resumed { by })?;
        if let Phase::InTheAir { step, attempt } = driver.run.phase {
            let detail = "c8dr was stopped before an answer came".to_owned();
            driver.record(Event::Answered {
                step,
                attempt,
                answer: Answer::Unknown { status: None, detail },
            })?;
        }
        Ok(driver)
    }

    /// The run as it stands.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Goes through to the end, or to where a person is needed.
    ///
    /// # Errors
    /// For reasons of our own only; see [`DriveError`].
    pub async fn drive(&mut self) -> Result<Finish, DriveError> {
        let mut by_itself = false;
        let halt = loop {
            match self.all_steps().await {
                Ok(words) if self.run.retreating.is_some() => {
                    return self.turned_back(by_itself, words).await;
                }
                Ok(words) => {
                    self.share_the_end().await;
                    return Ok(Finish::Verified { words });
                }
                Err(Halt::Error(error)) => return Err(error),
                Err(Halt::Again(words)) => match self.again(words)? {
                    Some(Halt::TurnRound(words)) => {
                        by_itself = true;
                        self.record(Event::Retreating {
                            by: "c8dr".to_owned(),
                            reason: words,
                        })?;
                    }
                    Some(halt) => break halt,
                    None => {}
                },
                // It has ended already; what comes behind it is owed.
                Err(Halt::PassedOver) => {}
                Err(Halt::TurnRound(words)) if self.run.retreating.is_none() => {
                    by_itself = true;
                    self.record(Event::Retreating {
                        by: "c8dr".to_owned(),
                        reason: words,
                    })?;
                }
                Err(halt @ Halt::Stop { .. }) if self.owes_safety(&halt) => {
                    break self.keep_safe(halt).await?;
                }
                Err(halt) => break halt,
            }
        };
        let (stop, words, diagnosis) = match halt {
            Halt::Stop {
                stop,
                words,
                diagnosis,
            } => (stop, words, diagnosis),
            Halt::Again(words) | Halt::TurnRound(words) => (Stop::Waiting, words, None),
            Halt::PassedOver => (Stop::Waiting, String::new(), None),
            Halt::Error(error) => return Err(error),
        };
        self.end_beside().await;
        let words = self.with_alarm(words);
        self.record(Event::Stopped {
            stop,
            words: words.clone(),
        })?;
        self.share_the_end().await;
        Ok(Finish::Stopped {
            stop,
            words,
            diagnosis,
        })
    }

    async fn all_steps(&mut self) -> Result<String, Halt> {
        self.meet_the_outside().await?;
        // A step that was begun comes first, also where it was begun before its turn, as what protects the disks is.
        while let Some(id) = self.run.current_step().or_else(|| self.run.next_step()) {
            self.check_cancelled()?;
            let Some(step) = self.run.owed().iter().find(|step| step.id == id).cloned() else {
                break;
            };
            if self.run.current_step() != Some(id) {
                self.record(Event::StepBegan { step: id })?;
            }
            self.step_beside(&step).await?;
        }
        self.end_beside().await;
        if self.run.retreating.is_some() {
            return Ok("What was begun is taken back.".to_owned());
        }
        self.proof_of_the_whole().await
    }

    /// One step, and beside it what was sent before.
    async fn step_beside(&mut self, step: &Step) -> Result<(), Halt> {
        if step.class == Class::Beside {
            return self.send_beside(step).await;
        }
        // Two at once would not know of each other.
        if matches!(step.effect, Effect::Traffic { .. }) {
            self.end_beside().await;
        }
        let mut call = self.beside.take();
        let done = beside::along(self.step(step), &mut call).await;
        self.beside = call;
        done
    }

    /// One step: look, deed, proof; round and round until the proof holds or somebody has to decide.
    async fn step(&mut self, step: &Step) -> Result<(), Halt> {
        self.backoff.begin(Pace::of(step.id));
        let mut rounds = self.pause(Some(step.id), ROUNDS_LIMIT);
        loop {
            match self.look(step).await? {
                look::Seen::Done(words) => {
                    let sent = self
                        .run
                        .steps
                        .get(&step.id)
                        .is_some_and(|record| record.adopted || !record.attempts.is_empty());
                    let outcome = if sent { Outcome::Verified } else { Outcome::Already };
                    return self.end_step(step, outcome, words);
                }
                look::Seen::UnderWay => {}
                look::Seen::Clear => match self.deed(step).await? {
                    deed::Sent::UnderWay => {}
                    deed::Sent::LookAgain(why) => {
                        if self.is_over(&rounds) {
                            return Err(self.give_up(step.id, &why));
                        }
                        self.wait(&mut rounds, &why).await?;
                        continue;
                    }
                },
            }
            match self.proof(step).await? {
                proof::Proven::Yes(words) => return self.end_step(step, Outcome::Verified, words),
                proof::Proven::SendAgain(why) => {
                    if self.is_over(&rounds) {
                        return Err(self.give_up(step.id, &why));
                    }
                }
            }
        }
    }

    /// Ends a step well. What it has taught is durable before it ends.
    fn end_step(&mut self, step: &Step, outcome: Outcome, words: String) -> Result<(), Halt> {
        let facts = self.judged(|picture| self.run.facts.after(&step.effect, picture));
        if let Some(facts) = facts {
            self.gather(facts)?;
        }
        self.record(Event::StepEnded {
            step: step.id,
            outcome,
            words,
        })?;
        Ok(())
    }

    fn gather(&mut self, facts: Facts) -> Result<(), DriveError> {
        if facts == self.run.facts {
            return Ok(());
        }
        self.record(Event::Gathered {
            facts: Box::new(facts),
        })
    }

    /// Ends a step badly and stops the run; one that holds up nothing is told and passed over.
    fn fail_step(&mut self, step: StepId, outcome: Outcome, stop: Stop, words: String) -> Halt {
        let planned = self.run.owed().iter().find(|planned| planned.id == step).cloned();
        // A change that has begun is not passed over: it is pending, and in everybody's way.
        let has_begun = |planned: &Step| {
            let record = self.run.steps.get(&planned.id);
            let is_sent = record.is_some_and(|record| record.adopted || !record.attempts.is_empty());
            planned.effect.begins_change() && is_sent
        };
        let planned = planned.filter(|planned| planned.class == Class::Yielding && !has_begun(planned));
        if let Some(planned) = planned {
            let words = format!("{words} It holds up nothing, and is passed over; it is owed still.");
            return match self.pass_over(&planned, words) {
                Ok(()) => Halt::PassedOver,
                Err(halt) => halt,
            };
        }
        match self.record(Event::StepEnded {
            step,
            outcome,
            words: words.clone(),
        }) {
            Ok(()) => Halt::stop(stop, words),
            Err(error) => Halt::Error(error),
        }
    }

    /// Makes an event durable, then lets it be true, then tells it.
    fn record(&mut self, event: Event) -> Result<(), DriveError> {
        let at = self.gear.clock.wall();
        let mut next = self.run.clone();
        next.apply(at, &event)?;
        self.journal.append(at, &event)?;
        self.run = next;
        self.gear.listener.tell(&Told::Event { at, event });
        Ok(())
    }

    async fn observe(&mut self, look: Look, asks: &Asks) -> Arc<Observation> {
        let sources = Sources {
            zeebe: self.gear.zeebe,
            searches: self.gear.searches.clone(),
            platforms: self.gear.platforms.clone(),
            traffic: self.gear.traffic,
        };
        let reading = Arc::new(observe_all(&sources, &self.gear.clock, look, asks).await);
        self.gear.listener.tell(&Told::Observed(Arc::clone(&reading)));
        self.most.remember(&reading);
        self.history.add(Arc::clone(&reading));
        reading
    }

    fn survivors(&self) -> RegionId {
        self.run.plan.survivors()
    }

    fn is_failback(&self) -> bool {
        self.run.plan.kind == Kind::Failback
    }

    /// The gateways of the survivors, those that answered the newest look first.
    fn surviving_gateways(&self) -> Vec<GatewayName> {
        let side = self.survivors();
        let mut gateways: Vec<GatewayName> = self
            .gear
            .zeebe
            .gateways()
            .into_iter()
            .filter(|(_, region)| *region == side)
            .map(|(name, _)| name)
            .collect();
        gateways.sort_by_key(|name| !self.gateway_answers(name));
        gateways
    }

    /// Whether a gateway answered anything in the newest look.
    fn gateway_answers(&self, name: &GatewayName) -> bool {
        self.history
            .latest()
            .and_then(|latest| latest.gateways.get(name))
            .is_some_and(|seen| seen.configuration.answered() || seen.topology.answered())
    }

    fn known(&self, step: StepId) -> Known {
        self.run
            .steps
            .get(&step)
            .map(|record| record.known.clone())
            .unwrap_or_default()
    }

    /// Judges by the newest readings. There always is one when this is called; without one nothing holds.
    fn judged<T>(&self, judge: impl FnOnce(&Picture<'_>) -> T) -> Option<T> {
        Picture::of(&self.run.plan.installation, &self.history).map(|picture| judge(&picture))
    }

    fn check_cancelled(&self) -> Result<(), Halt> {
        if self.gear.canceller.asked() {
            return Err(Halt::stop(
                Stop::Interrupted,
                "Stopped as asked. No request is in the air; a change that the cluster has accepted goes on there.",
            ));
        }
        Ok(())
    }

    /// Tells what is waited for and pauses a little, unless it is time to stop.
    async fn wait(&mut self, pause: &mut Pause, what: &str) -> Result<(), Halt> {
        self.check_cancelled()?;
        if pause.told.as_deref() != Some(what) {
            self.backoff.quicken();
            pause.told = Some(what.to_owned());
        }
        self.gear.listener.tell(&Told::Waiting(Waiting {
            step: pause.step,
            what: what.to_owned(),
            since: pause.since_wall,
            limit: pause.limit,
        }));
        let nap = self.backoff.pause();
        let canceller = self.gear.canceller.clone();
        tokio::select! {
            () = self.gear.clock.sleep(nap) => {}
            () = canceller.wait() => {}
        }
        Ok(())
    }

    fn pause(&self, step: Option<StepId>, limit: Duration) -> Pause {
        let since = self.gear.clock.now();
        Pause {
            step,
            since,
            since_wall: self.gear.clock.wall_at(since),
            limit,
            told: None,
        }
    }

    fn is_over(&self, pause: &Pause) -> bool {
        self.gear.clock.now().since(pause.since) >= pause.limit
    }
}

/// A wait with its since and its until.
struct Pause {
    step: Option<StepId>,
    since: Moment,
    since_wall: Timestamp,
    limit: Duration,
    told: Option<String>,
}
