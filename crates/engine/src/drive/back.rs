//! The way back: taking again what has moved, turning round, and never leaving exporting paused. Guarantee G9.

use c8dr_domain::condition::{Asks, Condition, Verdict};
use c8dr_domain::effect::Answer;
use c8dr_domain::ids::{BrokerId, clause};
use c8dr_domain::plan::{Class, Refusal, RefusalCode, Step, StepId};
use c8dr_domain::run::{Attempt, Event, Outcome, Phase, Stop, TAKES_MAX};

use super::{DriveError, Driver, Finish, Halt, Look};
use std::collections::BTreeSet;

impl Driver<'_> {
    /// Goes back to the step from which what has moved is taken again. A halt if it was taken often enough.
    pub(super) fn again(&mut self, words: String) -> Result<Option<Halt>, DriveError> {
        let is_enabled = self
            .run
            .steps
            .get(&StepId::Fb5)
            .and_then(|record| record.outcome())
            .is_some_and(Outcome::is_good);
        if is_enabled {
            return Ok(Some(Halt::stop(Stop::VerificationFailed, words)));
        }
        if self.run.facts.take >= TAKES_MAX {
            let words = format!(
                "{words} It was taken {TAKES_MAX} times; somebody has to see why it does not hold still."
            );
            return Ok(Some(Halt::stop(Stop::Waiting, words)));
        }
        if self.may_have_enabled() {
            // An exporter that was turned on where V no longer was would leave a hole for ever.
            return Ok(Some(Halt::TurnRound(format!(
                "{words} The exporter of the returning region may have been enabled since, at a position that is not V."
            ))));
        }
        let with_webapps = self
            .run
            .steps
            .get(&StepId::Fb4b)
            .is_some_and(|record| !record.attempts.is_empty());
        if with_webapps {
            // Webapps have been writing to the returning search: nothing restores that over them.
            return Ok(Some(Halt::TurnRound(format!(
                "{words} Operate and Tasklist of the returning region have run since."
            ))));
        }
        let from = [StepId::Fb2a, StepId::Fb2b]
            .into_iter()
            .find(|id| self.run.plan.steps.iter().any(|step| step.id == *id));
        match from {
            Some(from) => {
                self.record(Event::Retaken { from, words })?;
                Ok(None)
            }
            None => Ok(Some(Halt::stop(Stop::VerificationFailed, words))),
        }
    }

    /// Whether a request to enable the returning exporter went out and may have arrived, or somebody's identical one was
    /// adopted.
    fn may_have_enabled(&self) -> bool {
        self.run.steps.get(&StepId::Fb5).is_some_and(|record| {
            let arrived = |attempt: &Attempt| {
                !matches!(
                    attempt.answer,
                    Some((_, Answer::NotSent { .. } | Answer::Conflict { .. }))
                )
            };
            record.adopted || record.attempts.iter().any(arrived)
        })
    }

    /// Begins the way back, because somebody wants it.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn turn_round(
        &mut self,
        by: String,
        reason: String,
    ) -> Result<Result<(), Refusal>, DriveError> {
        if self.run.retreating.is_some() {
            return Ok(Ok(()));
        }
        if self.run.plan.retreat.is_empty() || !self.run.has_sent {
            self.give_direction_back().await?;
            self.record(Event::Aborted { by, reason })?;
            return Ok(Ok(()));
        }
        let lost = self.run.plan.lost;
        self.observe(Look::Loss { lost }, &Asks::default()).await;
        if let Some(refusal) = self.only_forward() {
            return Ok(Err(refusal));
        }
        self.record(Event::Retreating { by, reason })?;
        Ok(Ok(()))
    }

    /// Brokers of the returning region are members, and it lives: taking them out again would be a failover of a healthy
    /// region. The way is forward. `spec: procedure.md §7`
    fn only_forward(&self) -> Option<Refusal> {
        let lost = self.run.plan.lost;
        let latest = self.history.latest()?;
        let back = self.run.plan.installation.brokers_of(lost);
        let members: BTreeSet<BrokerId> = latest
            .configuration()
            .map(|(_, configuration)| configuration.members.keys().copied().collect())
            .unwrap_or_default();
        let joined: BTreeSet<BrokerId> = members.intersection(&back).copied().collect();
        let answering: BTreeSet<BrokerId> = latest.answering().intersection(&joined).copied().collect();
        (!answering.is_empty()).then(|| Refusal {
            code: RefusalCode::OnlyForward,
            summary: format!(
                "{} Taking them out again would be the failover of a region that lives.",
                clause(
                    "Broker",
                    &answering,
                    "is a member again, and answers.",
                    "are members again, and answer."
                )
            ),
            evidence: Vec::new(),
            way_out: vec![
                format!("Go on: `c8dr run resume {}`.", self.run.id),
                "If the region is really gone again, this command does it as soon as its brokers are silent."
                    .to_owned(),
            ],
        })
    }

    pub(super) async fn turned_back(&mut self, by_itself: bool, words: String) -> Result<Finish, DriveError> {
        let (by, reason) = match &self.run.retreating {
            Some(retreat) => (retreat.by.clone(), retreat.reason.clone()),
            None => ("c8dr".to_owned(), words.clone()),
        };
        self.record(Event::Aborted {
            by,
            reason: reason.clone(),
        })?;
        self.share_the_end().await;
        Ok(Finish::TurnedBack {
            by_itself,
            words: format!(
                "{reason} {words} One region serves, exporting goes on, and nothing is left paused. Region {} keeps what it got so far: rebuild it empty, its volumes included, before the next failback.",
                self.run.plan.installation.region(self.run.plan.lost).name
            ),
        })
    }

    /// Whether a step of the way back that protects the disks is still owed when another one cannot be done.
    pub(super) fn owes_safety(&self, halt: &Halt) -> bool {
        let interrupted = matches!(
            halt,
            Halt::Stop {
                stop: Stop::Interrupted,
                ..
            }
        );
        self.run.retreating.is_some() && !interrupted && self.safety_step().is_some()
    }

    fn safety_step(&self) -> Option<Step> {
        self.run
            .plan
            .retreat
            .iter()
            .filter(|step| step.class == Class::Safety)
            .find(|step| {
                self.run
                    .steps
                    .get(&step.id)
                    .and_then(|record| record.outcome())
                    .is_none()
            })
            .cloned()
    }

    /// Does what protects the disks although a step before it cannot be done, then stops as it would have.
    pub(super) async fn keep_safe(&mut self, halt: Halt) -> Result<Halt, DriveError> {
        while let Some(step) = self.safety_step() {
            if !matches!(self.run.phase, Phase::Between) {
                break;
            }
            self.record(Event::StepBegan { step: step.id })?;
            if let Err(Halt::Error(error)) = self.step(&step).await {
                return Err(error);
            }
        }
        Ok(halt)
    }

    /// A pause of ours that nobody has ended yet has to be told as loudly as anything.
    pub(super) fn with_alarm(&self, words: String) -> String {
        match self.run.pause_alarm() {
            Some(alarm) if !self.outside.is_taken_over => format!("{words} {alarm}"),
            _ => words,
        }
    }

    /// Whether the disks would not last, where the step asks for it. Guarantee G9.
    pub(super) fn short_of_room(&self, step: &Step) -> Option<String> {
        if !self.run.has_paused() || self.run.retreating.is_some() {
            return None;
        }
        let known = self.known(step.id);
        step.before
            .iter()
            .chain(&step.after)
            .filter(|condition| matches!(condition, Condition::RoomLeft { .. }))
            .find_map(|condition| {
                let verdict = self.judged(|picture| condition.judge(picture, &known, &self.run.facts))?;
                match verdict {
                    Verdict::Broken(words) => Some(words),
                    _ => None,
                }
            })
    }
}
