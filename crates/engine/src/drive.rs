//! Carries a plan out: for each step a look, a deed and a proof, with every intent durable before its effect.
//!
//! A timeout, a 5xx or a lost connection is an unknown outcome: look again, compare with the intent, then decide.
//! Guarantees G1, G2, G6, G7, G8; traps from `spec: procedure.md §4` and `edge-cases.md`.

mod deed;
mod look;
mod proof;

use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::check::{self, Complaint};
use c8dr_domain::condition::Known;
use c8dr_domain::diagnose::Diagnosis;
use c8dr_domain::effect::Answer;
use c8dr_domain::history::History;
use c8dr_domain::ids::{GatewayName, RegionId, RunId};
use c8dr_domain::observation::Observation;
use c8dr_domain::picture::Picture;
use c8dr_domain::plan::{Plan, Step, StepId};
use c8dr_domain::record;
use c8dr_domain::run::{Event, IllegalTransition, Outcome, Phase, Run, Stop};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::backoff::Backoff;
use crate::clock::{Clock, Moment};
use crate::events::{Listener, Told, Waiting};
use crate::journal::{Journal, JournalError};
use crate::observe::{Look, observe};
use crate::ports::Zeebe;

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
    backoff: Backoff,
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
        if !wrong.is_empty() {
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
        Ok(Driver {
            backoff: Backoff::seeded(gear.seed),
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
            backoff: Backoff::seeded(gear.seed),
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
        match self.all_steps().await {
            Ok(words) => Ok(Finish::Verified { words }),
            Err(Halt::Error(error)) => Err(error),
            Err(Halt::Stop {
                stop,
                words,
                diagnosis,
            }) => {
                self.record(Event::Stopped {
                    stop,
                    words: words.clone(),
                })?;
                Ok(Finish::Stopped {
                    stop,
                    words,
                    diagnosis,
                })
            }
        }
    }

    async fn all_steps(&mut self) -> Result<String, Halt> {
        while let Some(id) = self.run.next_step() {
            self.check_cancelled()?;
            let Some(step) = self.run.plan.steps.iter().find(|step| step.id == id).cloned() else {
                break;
            };
            if self.run.current_step() != Some(id) {
                self.record(Event::StepBegan { step: id })?;
            }
            self.step(&step).await?;
        }
        self.proof_of_the_whole().await
    }

    /// One step: look, deed, proof; round and round until the proof holds or somebody has to decide.
    async fn step(&mut self, step: &Step) -> Result<(), Halt> {
        self.backoff.quicken();
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
                    return self.end_step(step.id, outcome, words);
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
            let words = self.proof(step).await?;
            return self.end_step(step.id, Outcome::Verified, words);
        }
    }

    fn end_step(&mut self, step: StepId, outcome: Outcome, words: String) -> Result<(), Halt> {
        self.record(Event::StepEnded { step, outcome, words })?;
        Ok(())
    }

    /// Ends a step badly and stops the run.
    fn fail_step(&mut self, step: StepId, outcome: Outcome, stop: Stop, words: String) -> Halt {
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

    async fn observe(&mut self, look: Look) -> Observation {
        let reading = observe(self.gear.zeebe, &self.gear.clock, look).await;
        self.gear
            .listener
            .tell(&Told::Observed(Box::new(reading.clone())));
        self.history.add(reading.clone());
        reading
    }

    fn survivors(&self) -> RegionId {
        self.run.plan.survivors()
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
