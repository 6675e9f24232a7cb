//! A run: a plan on its way, as the sum of its events.
//!
//! [`Run::apply`] is the only way that a run changes: live, in recovery and in replay. It never guesses; an event that
//! cannot follow is an error. An intent is an event of its own, written before the effect goes out, and nothing else may
//! happen to a run until the intent has an answer, be it only "unknown".

mod paused;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::condition::Known;
use crate::effect::{Answer, Request};
use crate::facts::Facts;
use crate::ids::{ChangeId, RunId};
use crate::plan::{Class, Kind, Plan, Step, StepId};

/// How a step came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done by this run, and read back.
    Verified,
    /// Nothing was owed.
    Already,
    /// Left out by plan.
    Skipped,
    /// Its proof failed, or it was refused.
    Failed,
    /// Whether it took effect is not known.
    Unknown,
    /// It waits for a person or for the world.
    Waiting,
}

impl Outcome {
    /// The word, as everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Verified => "verified",
            Outcome::Already => "already",
            Outcome::Skipped => "skipped",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
            Outcome::Waiting => "waiting",
        }
    }

    /// Whether the next step may follow.
    pub const fn is_good(self) -> bool {
        matches!(self, Outcome::Verified | Outcome::Already | Outcome::Skipped)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a run stopped before its end. It can be resumed from each of them.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::VariantArray, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Stop {
    /// A guard refused to go on.
    Refused,
    /// A person has to decide.
    Waiting,
    /// It is not known whether an effect took place.
    Unknown,
    /// What had to be read back was not.
    VerificationFailed,
    /// It was told to stop.
    Interrupted,
}

impl Stop {
    /// All that there are.
    pub const ALL: &[Stop] = Stop::VARIANTS;

    /// The word, as everywhere.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Everything that can happen to a run. Kept in the journal, told to every view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The run came into being with its plan.
    Planned {
        /// Its id.
        run: RunId,
        /// The plan, whole: resuming needs nothing else.
        plan: Box<Plan>,
        /// SHA-256 of the plan.
        fingerprint: String,
        /// Who started it, on which machine.
        by: String,
        /// Why, in the operator's words.
        reason: Option<String>,
    },
    /// A step was begun.
    StepBegan {
        /// Which.
        step: StepId,
    },
    /// What had to be read before the effect, because it can't be read after it.
    Remembered {
        /// For which step.
        step: StepId,
        /// What was read.
        known: Known,
    },
    /// What was learnt that later steps rest on, and that the world cannot show again. Replaces what was known before.
    Gathered {
        /// All that is known now.
        facts: Box<Facts>,
    },
    /// What a step rested on has moved under it: the run goes back to an earlier step and does it, and all after it, again.
    Retaken {
        /// The step that it goes back to.
        from: StepId,
        /// What has moved.
        words: String,
    },
    /// The run turns round: what it did is taken back, as far as the plan's way back says.
    Retreating {
        /// Who wants it.
        by: String,
        /// Why.
        reason: String,
    },
    /// The very change that the step wants was found pending: our own earlier request. It is awaited, not repeated.
    Adopted {
        /// Which step.
        step: StepId,
        /// The change.
        change: ChangeId,
    },
    /// The effect is about to go out. Durable before it does.
    Intended {
        /// Which step.
        step: StepId,
        /// Counted from 1.
        attempt: u32,
        /// What, and where to.
        request: Request,
    },
    /// What came back.
    Answered {
        /// Which step.
        step: StepId,
        /// Of which attempt.
        attempt: u32,
        /// The answer.
        answer: Answer,
    },
    /// A step came to its end.
    StepEnded {
        /// Which.
        step: StepId,
        /// How.
        outcome: Outcome,
        /// What was read that says so.
        words: String,
    },
    /// All steps are done; what must hold at the end is being read.
    ProofBegan {
        /// Positions that must be reached.
        known: Known,
    },
    /// The run stopped before its end, and can be resumed.
    Stopped {
        /// Why.
        stop: Stop,
        /// In words.
        words: String,
    },
    /// It goes on.
    Resumed {
        /// By whom, on which machine.
        by: String,
    },
    /// The end: everything that had to hold was read.
    Verified {
        /// What was read.
        words: String,
    },
    /// The end: given up by a person.
    Aborted {
        /// By whom.
        by: String,
        /// Why.
        reason: String,
    },
    /// The end: the region that the run worked from is gone, and another run goes on without it, with the loss accepted by
    /// name. There is nothing left to take back. `spec: procedure.md §7`
    Overridden {
        /// By whom.
        by: String,
        /// Why the loss was accepted.
        reason: String,
    },
}

impl Event {
    /// Its name, as in the journal.
    pub const fn name(&self) -> &'static str {
        match self {
            Event::Planned { .. } => "planned",
            Event::StepBegan { .. } => "step-began",
            Event::Remembered { .. } => "remembered",
            Event::Gathered { .. } => "gathered",
            Event::Retaken { .. } => "retaken",
            Event::Retreating { .. } => "retreating",
            Event::Adopted { .. } => "adopted",
            Event::Intended { .. } => "intended",
            Event::Answered { .. } => "answered",
            Event::StepEnded { .. } => "step-ended",
            Event::ProofBegan { .. } => "proof-began",
            Event::Stopped { .. } => "stopped",
            Event::Resumed { .. } => "resumed",
            Event::Verified { .. } => "verified",
            Event::Aborted { .. } => "aborted",
            Event::Overridden { .. } => "overridden",
        }
    }
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between steps.
    Between,
    /// In a step; no effect of it is in the air.
    Within(StepId),
    /// An effect went out or was about to; whether it arrived is not known until it is answered.
    InTheAir {
        /// Of which step.
        step: StepId,
        /// Which attempt.
        attempt: u32,
    },
    /// Proving the whole.
    Proving,
    /// Ended well.
    Verified,
    /// Given up.
    Aborted,
}

/// What is known of one step of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepRecord {
    /// When it was begun.
    pub began: Option<Timestamp>,
    /// Effects sent, with when and what came back.
    pub attempts: Vec<Attempt>,
    /// How many of them were made before the run was resumed last: a person who resumes it wants it tried anew.
    pub attempts_before: usize,
    /// What was remembered for its proof, with the change that is awaited.
    pub known: Known,
    /// Whether somebody's identical change was adopted.
    pub adopted: bool,
    /// When and how it ended, with words.
    pub ended: Option<(Timestamp, Outcome, String)>,
}

impl StepRecord {
    /// Its outcome, where it has ended.
    pub fn outcome(&self) -> Option<Outcome> {
        self.ended.as_ref().map(|(_, outcome, _)| *outcome)
    }

    /// How often it was tried since the run was begun or resumed.
    pub fn tries(&self) -> usize {
        self.attempts.len().saturating_sub(self.attempts_before)
    }

    /// The last thing sent.
    pub fn last_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }
}

/// One effect sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When the intent was written.
    pub at: Timestamp,
    /// What went out, and where to.
    pub request: Request,
    /// When and what came back.
    pub answer: Option<(Timestamp, Answer)>,
}

/// A run as its events leave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Its plan. Shared: a run is copied with each of its events, and its plan never changes.
    pub plan: Arc<Plan>,
    /// Who started it.
    pub by: String,
    /// When.
    pub planned_at: Timestamp,
    /// Where it is.
    pub phase: Phase,
    /// Its steps, those of the way back included.
    pub steps: BTreeMap<StepId, StepRecord>,
    /// What it has learnt.
    pub facts: Facts,
    /// Whether anything was sent, or a change of somebody else's adopted.
    pub has_sent: bool,
    /// Since when it goes back, and why.
    pub retreating: Option<Retreat>,
    /// What the proof at the end goes by.
    pub proof_known: Known,
    /// When the proof at the end was begun.
    pub proof_began: Option<Timestamp>,
    /// Why it stopped, if it stopped and was not resumed.
    pub stopped: Option<(Timestamp, Stop, String)>,
    /// When it ended, if it did.
    pub ended_at: Option<Timestamp>,
}

/// A run on its way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retreat {
    /// Since when.
    pub at: Timestamp,
    /// Who wants it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// How often a run may begin a snapshot anew before a person has to look.
pub const TAKES_MAX: u32 = 4;

/// An event that cannot follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{event}` cannot follow here: {why}")]
pub struct IllegalTransition {
    /// The event's name.
    pub event: &'static str,
    /// Why not.
    pub why: String,
}

impl Run {
    /// The run that an event begins.
    ///
    /// # Errors
    /// If the event is not [`Event::Planned`].
    pub fn begin(at: Timestamp, event: &Event) -> Result<Run, IllegalTransition> {
        match event {
            Event::Planned { run, plan, by, .. } => Ok(Run {
                id: run.clone(),
                plan: Arc::new((**plan).clone()),
                by: by.clone(),
                planned_at: at,
                phase: Phase::Between,
                steps: plan
                    .all_steps()
                    .map(|step| (step.id, StepRecord::default()))
                    .collect(),
                facts: Facts::of(run.clone()),
                has_sent: false,
                retreating: None,
                proof_known: Known::default(),
                proof_began: None,
                stopped: None,
                ended_at: None,
            }),
            other => Err(illegal(other, "a run begins with `planned`")),
        }
    }

    /// The run after an event.
    ///
    /// # Errors
    /// If the event cannot follow; the run is then unchanged.
    pub fn apply(&mut self, at: Timestamp, event: &Event) -> Result<(), IllegalTransition> {
        if matches!(self.phase, Phase::Verified | Phase::Aborted) {
            return Err(illegal(event, "the run has ended"));
        }
        if self.stopped.is_some()
            && !matches!(
                event,
                Event::Resumed { .. } | Event::Aborted { .. } | Event::Overridden { .. }
            )
        {
            return Err(illegal(event, "the run has stopped and was not resumed"));
        }
        match event {
            Event::Planned { .. } => return Err(illegal(event, "the run has begun already")),
            Event::StepBegan { step } => {
                self.expect_phase(event, &Phase::Between)?;
                if self.next_step() != Some(*step) && !self.is_safety_on_the_way_back(*step) {
                    return Err(illegal(event, format!("{step} is not the next step")));
                }
                let record = self.step(*step, event)?;
                if record.ended.is_some() {
                    return Err(illegal(
                        event,
                        format!("{step} ended badly, and the run was not resumed"),
                    ));
                }
                record.began = Some(at);
                self.phase = Phase::Within(*step);
            }
            Event::Remembered { step, known } => {
                self.expect_phase(event, &Phase::Within(*step))?;
                let change = self.step(*step, event)?.known.change;
                self.step(*step, event)?.known = Known {
                    change: known.change.or(change),
                    ..known.clone()
                };
            }
            Event::Gathered { facts } => {
                if matches!(self.phase, Phase::InTheAir { .. }) {
                    return Err(illegal(event, "an effect is in the air and has no answer yet"));
                }
                if facts.run.as_ref() != Some(&self.id) {
                    return Err(illegal(event, "the facts are those of another run"));
                }
                self.facts = (**facts).clone();
            }
            Event::Retaken { from, .. } => self.retake(event, *from)?,
            Event::Retreating { by, reason } => {
                if matches!(self.phase, Phase::InTheAir { .. }) {
                    return Err(illegal(event, "an effect is in the air and has no answer yet"));
                }
                if self.plan.retreat.is_empty() {
                    return Err(illegal(event, "the plan has no way back"));
                }
                if self.retreating.is_some() {
                    return Err(illegal(event, "the run goes back already"));
                }
                self.phase = Phase::Between;
                self.retreating = Some(Retreat {
                    at,
                    by: by.clone(),
                    reason: reason.clone(),
                });
            }
            Event::Adopted { step, change } => {
                self.expect_phase(event, &Phase::Within(*step))?;
                let record = self.step(*step, event)?;
                record.adopted = true;
                record.known.change = Some(*change);
                self.has_sent = true;
            }
            Event::Intended {
                step,
                attempt,
                request,
            } => self.intend(event, at, *step, *attempt, request)?,
            Event::Answered {
                step,
                attempt,
                answer,
            } => {
                self.expect_phase(
                    event,
                    &Phase::InTheAir {
                        step: *step,
                        attempt: *attempt,
                    },
                )?;
                let record = self.step(*step, event)?;
                if let Answer::Accepted { change, .. } = answer {
                    record.known.change = Some(*change);
                }
                if let Some(last) = record.attempts.last_mut() {
                    last.answer = Some((at, answer.clone()));
                }
                self.phase = Phase::Within(*step);
            }
            Event::StepEnded { step, outcome, words } => {
                self.expect_phase(event, &Phase::Within(*step))?;
                let record = self.step(*step, event)?;
                let sent = record.adopted || !record.attempts.is_empty();
                match outcome {
                    Outcome::Verified if !sent => {
                        return Err(illegal(event, format!("nothing was sent for {step}")));
                    }
                    Outcome::Already if sent => {
                        return Err(illegal(event, format!("something was sent for {step}")));
                    }
                    _ => {}
                }
                record.ended = Some((at, *outcome, words.clone()));
                self.phase = Phase::Between;
            }
            Event::ProofBegan { known } => {
                self.expect_phase(event, &Phase::Between)?;
                if self.retreating.is_some() {
                    return Err(illegal(event, "the run goes back; there is nothing to prove"));
                }
                if let Some(step) = self.next_step() {
                    return Err(illegal(event, format!("{step} is still owed")));
                }
                self.proof_known = known.clone();
                self.proof_began = Some(at);
                self.phase = Phase::Proving;
            }
            Event::Stopped { stop, words } => {
                if matches!(self.phase, Phase::InTheAir { .. }) {
                    return Err(illegal(event, "an effect is in the air and has no answer yet"));
                }
                self.stopped = Some((at, *stop, words.clone()));
            }
            Event::Resumed { .. } => self.resume(),
            Event::Verified { .. } => {
                self.expect_phase(event, &Phase::Proving)?;
                self.phase = Phase::Verified;
                self.ended_at = Some(at);
            }
            Event::Aborted { .. } => {
                // Guarantee G9: what was begun is taken back first; a pause that nobody resumes fills the disks.
                if self.owes_retreat() {
                    return Err(illegal(event, "what it did was not taken back yet"));
                }
                self.stopped = None;
                self.phase = Phase::Aborted;
                self.ended_at = Some(at);
            }
            Event::Overridden { .. } => {
                if self.plan.kind != Kind::Failback {
                    return Err(illegal(event, "only a failback can be overridden by a failover"));
                }
                self.stopped = None;
                self.phase = Phase::Aborted;
                self.ended_at = Some(at);
            }
        }
        Ok(())
    }

    fn intend(
        &mut self,
        event: &Event,
        at: Timestamp,
        step: StepId,
        attempt: u32,
        request: &Request,
    ) -> Result<(), IllegalTransition> {
        self.expect_phase(event, &Phase::Within(step))?;
        let record = self.step(step, event)?;
        if attempt as usize != record.attempts.len() + 1 {
            return Err(illegal(
                event,
                format!("attempt {attempt} does not follow {}", record.attempts.len()),
            ));
        }
        record.attempts.push(Attempt {
            at,
            request: request.clone(),
            answer: None,
        });
        self.phase = Phase::InTheAir { step, attempt };
        self.has_sent = true;
        Ok(())
    }

    /// Goes back to an earlier step: it and those after it are owed again, and what rested on them is forgotten.
    fn retake(&mut self, event: &Event, from: StepId) -> Result<(), IllegalTransition> {
        if matches!(self.phase, Phase::InTheAir { .. } | Phase::Proving) || self.retreating.is_some() {
            return Err(illegal(event, format!("the run is at {:?}", self.phase)));
        }
        if self.facts.take >= TAKES_MAX {
            return Err(illegal(event, format!("it was taken {TAKES_MAX} times already")));
        }
        let place = |id: StepId| self.plan.steps.iter().position(|step| step.id == id);
        let Some(at) = place(from) else {
            return Err(illegal(event, format!("{from} is not in the plan")));
        };
        if self.next_step().and_then(place).is_none_or(|next| next < at) {
            return Err(illegal(event, format!("{from} has not been come to yet")));
        }
        // Once the exporter is on, its position is its own: there is nothing to take again. `spec: procedure.md I18`
        let is_enabled = self
            .steps
            .get(&StepId::Fb5)
            .and_then(StepRecord::outcome)
            .is_some_and(Outcome::is_good);
        if is_enabled {
            return Err(illegal(event, "the exporter is enabled already"));
        }
        for step in &self.plan.steps[at..] {
            self.steps.insert(step.id, StepRecord::default());
        }
        self.facts.take += 1;
        self.facts.positions.clear();
        self.facts.snapshot = None;
        self.phase = Phase::Between;
        Ok(())
    }

    /// Whether something was sent that the plan's way back takes back, and that is not done.
    pub fn owes_retreat(&self) -> bool {
        let is_back = self.retreating.is_some() && self.next_step().is_none();
        !self.plan.retreat.is_empty() && self.has_sent && !is_back
    }

    /// The steps that it is on: those of the plan, or of the way back.
    pub fn owed(&self) -> &[Step] {
        if self.retreating.is_some() {
            &self.plan.retreat
        } else {
            &self.plan.steps
        }
    }

    /// On the way back, what protects the disks is done even if a step before it cannot be. Guarantee G9.
    fn is_safety_on_the_way_back(&self, step: StepId) -> bool {
        self.retreating.is_some()
            && self
                .plan
                .retreat
                .iter()
                .any(|planned| planned.id == step && planned.class == Class::Safety)
    }

    /// A resumed run looks again at the step that it stopped in, and at the proof from its beginning.
    fn resume(&mut self) {
        self.stopped = None;
        if self.phase == Phase::Proving {
            self.phase = Phase::Between;
        }
        for record in self.steps.values_mut() {
            record.attempts_before = record.attempts.len();
            if record.outcome().is_some_and(|outcome| !outcome.is_good()) {
                record.ended = None;
            }
        }
    }

    fn expect_phase(&self, event: &Event, wanted: &Phase) -> Result<(), IllegalTransition> {
        if self.phase == *wanted {
            Ok(())
        } else {
            Err(illegal(event, format!("the run is at {:?}", self.phase)))
        }
    }

    fn step(&mut self, step: StepId, event: &Event) -> Result<&mut StepRecord, IllegalTransition> {
        self.steps
            .get_mut(&step)
            .ok_or_else(|| illegal(event, format!("{step} is not in the plan")))
    }

    /// The first step in the plan's order that has not ended well.
    pub fn next_step(&self) -> Option<StepId> {
        self.owed().iter().map(|step| step.id).find(|id| {
            !self
                .steps
                .get(id)
                .and_then(StepRecord::outcome)
                .is_some_and(Outcome::is_good)
        })
    }

    /// The step that the run is in.
    pub fn current_step(&self) -> Option<StepId> {
        match self.phase {
            Phase::Within(step) | Phase::InTheAir { step, .. } => Some(step),
            _ => None,
        }
    }

    /// Whether it has ended, well or given up.
    pub fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Verified | Phase::Aborted)
    }

    /// Its state in one word, for lists.
    pub fn word(&self) -> &'static str {
        match (&self.phase, &self.stopped) {
            (Phase::Verified, _) => "verified",
            (Phase::Aborted, _) => "aborted",
            (_, Some((_, Stop::Refused, _))) => "refused",
            (_, Some((_, Stop::Waiting, _))) => "waiting",
            (_, Some((_, Stop::Unknown, _))) => "unknown",
            (_, Some((_, Stop::VerificationFailed, _))) => "failed",
            (_, Some((_, Stop::Interrupted, _))) => "interrupted",
            (_, None) => "unfinished",
        }
    }
}

fn illegal(event: &Event, why: impl Into<String>) -> IllegalTransition {
    IllegalTransition {
        event: event.name(),
        why: why.into(),
    }
}
