//! The look before a deed: is it done already, is it under way, was it sent before, may it go out?

use std::collections::BTreeSet;
use std::time::Duration;

use c8dr_domain::condition::{Asks, Condition, Verdict, in_the_way, judge_all};
use c8dr_domain::diagnose::{
    Diagnosis, coordinator_lost, is_adding, is_disabling, is_enabling, is_reinforcing, is_removal,
    lost_coordinator_change,
};
use c8dr_domain::effect::{Answer, Effect, Mode, SearchTask, ZeebeEffect};
use c8dr_domain::ids::ChangeId;
use c8dr_domain::plan::{Step, StepId};
use c8dr_domain::planted::{self, Bug};
use c8dr_domain::run::{Event, Outcome, Stop};
use c8dr_domain::search::SnapshotState;
use c8dr_domain::topology::{ChangeStatus, PendingChange};

use super::{Driver, Halt, Look};

/// How long a look waits for its preconditions: an election, a gossip round, a hanging survivor, with room.
const LOOK_LIMIT: Duration = Duration::from_secs(90);

/// How long a request whose outcome is unknown may still be at work in the server: its own limit is 10 s. `spec: api.md §2.1`
const SERVER_LIMIT: Duration = Duration::from_secs(11);

/// Readings after that limit in which the effect must be absent before it is sent again.
const CLEAN_READINGS: u32 = 2;

/// What a look came to.
pub(super) enum Seen {
    /// What the step is for holds already.
    Done(String),
    /// The change that the step wants is being carried out.
    UnderWay,
    /// Nothing stands in the way of the deed.
    Clear,
}

/// Whose a pending change is.
enum Owner {
    Ours(ChangeId),
    Foreign(String),
}

fn takes_a_snapshot(step: &Step) -> bool {
    matches!(
        step.effect,
        Effect::Search {
            task: SearchTask::Snapshot { .. },
            ..
        }
    )
}

impl Driver<'_> {
    pub(super) async fn look(&mut self, step: &Step) -> Result<Seen, Halt> {
        let mut pause = self.pause(Some(step.id), LOOK_LIMIT);
        let mut clean = 0;
        loop {
            self.check_cancelled()?;
            self.observe(self.breadth(step), &self.asks(step)).await;
            if let Some(words) = self.short_of_room(step) {
                return Err(Halt::TurnRound(words));
            }
            match self.judge_after(step) {
                Some(Verdict::Met(words)) if !self.is_overlooked(step) => return Ok(Seen::Done(words)),
                // Something stands where the snapshot would, and is not it: no request can put that right.
                Some(Verdict::Moved(words)) if takes_a_snapshot(step) => return Err(Halt::Again(words)),
                _ => {}
            }
            match self.owner_of_pending(step) {
                // What is to be cancelled is known by its id from here on.
                Some(Owner::Ours(change)) if step.effect == Effect::CancelOwn => {
                    self.adopt(step.id, change)?;
                }
                Some(Owner::Ours(change)) => {
                    self.adopt(step.id, change)?;
                    return Ok(Seen::UnderWay);
                }
                Some(Owner::Foreign(_)) if planted::is(Bug::ForeignChangeCancelled) => {
                    self.cancel_whatever_is_pending().await;
                }
                Some(Owner::Foreign(words)) => {
                    return Err(self.fail_step(step.id, Outcome::Waiting, Stop::Waiting, words));
                }
                None => {}
            }
            if self.accepted_but_unproven(step) || self.is_copying(step) {
                return Ok(Seen::UnderWay);
            }
            let waits_for = match self.unsettled(step, &mut clean) {
                Some(words) => words,
                None => match self.judge_before(step) {
                    Some(Verdict::Met(_)) => {
                        self.remember(step.id)?;
                        return Ok(Seen::Clear);
                    }
                    Some(Verdict::Broken(words)) => {
                        let words = format!("{} {} was not begun.", words, step.id);
                        return Err(self.fail_step(step.id, Outcome::Waiting, Stop::Waiting, words));
                    }
                    Some(Verdict::Moved(words)) => return Err(Halt::Again(words)),
                    Some(Verdict::NotYet(words)) => words,
                    None => "A first reading.".to_owned(),
                },
            };
            if self.is_over(&pause) {
                let words = format!(
                    "{} could not be begun within {} s: {waits_for}",
                    step.id,
                    LOOK_LIMIT.as_secs()
                );
                let dead_end = self.dead_end(step);
                return Err(
                    match self.fail_step(step.id, Outcome::Waiting, Stop::Waiting, words) {
                        Halt::Stop { stop, words, .. } => Halt::Stop {
                            stop,
                            words: match &dead_end {
                                Some(diagnosis) => format!("{} {words}", diagnosis.summary),
                                None => words,
                            },
                            diagnosis: dead_end.map(Box::new),
                        },
                        error => error,
                    },
                );
            }
            self.wait(&mut pause, &waits_for).await?;
        }
    }

    /// Whether a planted mistake makes a step look done that was not begun: what would say so is not looked at.
    fn is_overlooked(&self, step: &Step) -> bool {
        let is_unsent = || {
            let record = self.run.steps.get(&step.id);
            record.is_none_or(|record| record.attempts.is_empty())
        };
        let may_be = matches!(step.id, StepId::Fb3e | StepId::Fb5 | StepId::Fb6);
        planted::planted().is_some() && may_be && is_unsent()
    }

    /// Cancels a change that is in the way, and asks nobody whose it is. Only where that is planted.
    async fn cancel_whatever_is_pending(&mut self) {
        let pending = self.history.latest().and_then(|latest| latest.configuration());
        let pending = pending.and_then(|(_, configuration)| configuration.pending_change.as_ref());
        let gateway = self.surviving_gateways().into_iter().next();
        if let (Some(change), Some(gateway)) = (pending.map(|change| change.id), gateway) {
            let effect = ZeebeEffect::CancelChange { change };
            self.gear.zeebe.perform(&gateway, &effect, Mode::Real).await;
        }
    }

    /// A force has to know both sides, and what concerns the returning region as well; the rest the survivors only.
    pub(super) fn breadth(&self, step: &Step) -> Look {
        let lost = self.run.plan.lost;
        match step.effect.zeebe() {
            Some(ZeebeEffect::ForceRemove { .. }) => Look::Loss { lost },
            _ if self.asks(step).both_regions => Look::Loss { lost },
            _ => Look::Side {
                region: self.survivors(),
            },
        }
    }

    /// What has to be asked to judge a step.
    pub(super) fn asks(&self, step: &Step) -> Asks {
        Asks::of(step.before.iter().chain(&step.after), &self.run.facts)
    }

    pub(super) fn judge_after(&self, step: &Step) -> Option<Verdict> {
        let known = self.known(step.id);
        self.judged(|picture| judge_all(&step.after, picture, &known, &self.run.facts))
    }

    pub(super) fn judge_before(&self, step: &Step) -> Option<Verdict> {
        let known = self.known(step.id);
        // Once a release is being installed its own volumes are there, and no left-overs.
        let sent = self
            .run
            .steps
            .get(&step.id)
            .is_some_and(|record| !record.attempts.is_empty());
        let before: Vec<Condition> = step
            .before
            .iter()
            .filter(|condition| !(sent && matches!(condition, Condition::NothingLeft { .. })))
            .cloned()
            .collect();
        self.judged(|picture| judge_all(&before, picture, &known, &self.run.facts))
    }

    /// The changes that answers to this run's requests have named.
    pub(super) fn own_changes(&self) -> BTreeSet<ChangeId> {
        self.run
            .steps
            .values()
            .filter_map(|record| record.known.change)
            .collect()
    }

    /// The snapshot or the restore of this run is there, begun by a request whose answer was lost: it is awaited.
    fn is_copying(&self, step: &Step) -> bool {
        let sent = self
            .run
            .steps
            .get(&step.id)
            .is_some_and(|record| !record.attempts.is_empty());
        let Effect::Search { region, task } = &step.effect else {
            return false;
        };
        let search = self
            .history
            .latest()
            .and_then(|latest| latest.searches.get(region));
        sent && search.is_some_and(|search| match task {
            SearchTask::Snapshot { .. } => {
                matches!(search.snapshot.seen(), Some(Some(snapshot)) if snapshot.state == SnapshotState::InProgress)
            }
            SearchTask::Restore { .. } => search
                .indices
                .seen()
                .is_some_and(|indices| !in_the_way(indices, &self.run.facts).ours.is_empty()),
            SearchTask::Register { .. } | SearchTask::ClearTheWay => false,
        })
    }

    /// A force that waits for a configuration that nobody can read: its coordinator is lost, and when it was last read a
    /// change was pending. No time helps then, and there are ways out. `spec: edge-cases.md E9`
    fn dead_end(&self, step: &Step) -> Option<Diagnosis> {
        let Some(ZeebeEffect::ForceRemove { .. }) = step.effect.zeebe() else {
            return None;
        };
        let lost = self.run.plan.lost;
        self.judged(|picture| {
            let (change, why) = lost_coordinator_change(picture, lost)?;
            Some(coordinator_lost(picture, lost, change, &why))
        })
        .flatten()
    }

    fn owner_of_pending(&self, step: &Step) -> Option<Owner> {
        // What does not touch the configuration need not care.
        if !step.effect.begins_change() && step.effect != Effect::CancelOwn {
            return None;
        }
        let change = self
            .history
            .latest()?
            .configuration()?
            .1
            .pending_change
            .as_ref()?;
        // Ours is what is to be cancelled; somebody else's is waited for by nobody on the way back.
        if step.effect == Effect::CancelOwn && self.own_changes().contains(&change.id) {
            return None;
        }
        let ours = self.is_ours(step, change);
        Some(if ours {
            Owner::Ours(change.id)
        } else {
            Owner::Foreign(self.foreign_words(step.id, change))
        })
    }

    fn is_ours(&self, step: &Step, change: &PendingChange) -> bool {
        self.known(step.id).change == Some(change.id)
            || match step.effect.zeebe() {
                Some(ZeebeEffect::ForceRemove { keep, remove }) => is_removal(change, keep, remove),
                Some(ZeebeEffect::DisableExporter { exporter }) => is_disabling(change, exporter),
                Some(ZeebeEffect::EnableExporter { exporter, .. }) => is_enabling(change, exporter),
                Some(ZeebeEffect::Replicate { members, .. }) => is_reinforcing(change, members),
                Some(ZeebeEffect::AddBrokers { .. }) => {
                    let returning = self.run.plan.installation.brokers_of(self.run.plan.lost);
                    is_adding(change, &returning)
                }
                _ => step.effect == Effect::CancelOwn && self.is_of_a_request_unheard_of(change),
            }
    }

    /// Whether a change is what a request of this run asked for whose answer was lost: nobody has told its id, and it is
    /// known by what it does, as when the step itself is taken up again.
    fn is_of_a_request_unheard_of(&self, change: &PendingChange) -> bool {
        let is_unheard_of = |sent: &&Step| {
            let record = self.run.steps.get(&sent.id);
            let unresolved = record
                .filter(|record| record.known.change.is_none())
                .and_then(|record| record.last_attempt())
                .is_some_and(|attempt| matches!(attempt.answer, None | Some((_, Answer::Unknown { .. }))));
            unresolved && self.is_ours(sent, change)
        };
        let sent = self.run.plan.steps.iter();
        sent.filter(|sent| sent.effect.begins_change())
            .any(|sent| is_unheard_of(&sent))
    }

    fn foreign_words(&self, step: StepId, change: &PendingChange) -> String {
        let kind = change
            .operations()
            .next()
            .map_or("of unknown kind".to_owned(), |operation| {
                operation.kind.to_string()
            });
        let waits = change
            .waits_for()
            .map_or(String::new(), |broker| format!(", waiting for broker {broker}"));
        format!(
            "Change {} ({kind}{waits}) is pending and is not ours; {step} would be refused with 409. Wait for its end, or if \
             nobody needs it cancel it (`curl -X DELETE $MANAGEMENT/actuator/cluster/changes/{}`), then `c8dr run resume`.",
            change.id, change.id
        )
    }

    pub(super) fn adopt(&mut self, step: StepId, change: ChangeId) -> Result<(), Halt> {
        if self.known(step).change != Some(change) {
            self.record(Event::Adopted { step, change })?;
        }
        Ok(())
    }

    /// The server took our request, and nothing says that it failed: prove it, do not repeat it. A repeated force would
    /// drop every leader. `spec: real-zeebe/README.md §6.3`
    fn accepted_but_unproven(&self, step: &Step) -> bool {
        // What may be repeated is; a platform's tool that ended well before we were stopped is run again.
        if step.effect.may_be_repeated() {
            return false;
        }
        let step = step.id;
        !self.ended_without_effect(step)
            && self.run.steps.get(&step).is_some_and(|record| {
                let accepted = record
                    .last_attempt()
                    .and_then(|attempt| attempt.answer.as_ref())
                    .is_some_and(|(_, answer)| matches!(answer, Answer::Accepted { .. } | Answer::Done));
                let unresolved = record.last_attempt().is_none() && record.adopted;
                accepted || unresolved
            })
    }

    /// Our change is over, and not well: cancelled, failed, or followed by another while its effect is absent. A person
    /// who resumes the run after that wants it again, and the preconditions say whether it may be.
    fn ended_without_effect(&self, step: StepId) -> bool {
        let Some(ours) = self.known(step).change else {
            return false;
        };
        let configuration = self.history.latest().and_then(|latest| latest.configuration());
        let Some((_, configuration)) = configuration.filter(|(_, seen)| seen.pending_change.is_none()) else {
            return false;
        };
        configuration
            .last_change
            .as_ref()
            .is_some_and(|last| last.id > ours || (last.id == ours && last.status != ChangeStatus::Completed))
    }

    /// Whether the newest reading could have shown the effect if it had come: a reading that could not is no clean one.
    fn effect_would_be_seen(&self, step: &Step) -> Result<(), String> {
        match step.effect.zeebe() {
            Some(ZeebeEffect::ForceRemove { .. }) => {
                let owed = step
                    .before
                    .iter()
                    .find(|condition| matches!(condition, Condition::StillMembers { .. }));
                let known = self.known(step.id);
                let verdict =
                    owed.and_then(|owed| self.judged(|picture| owed.judge(picture, &known, &self.run.facts)));
                match verdict {
                    Some(Verdict::NotYet(words) | Verdict::Broken(words) | Verdict::Moved(words)) => {
                        Err(words)
                    }
                    Some(Verdict::Met(_)) | None => Ok(()),
                }
            }
            // A snapshot or a restore is read from its search.
            None => {
                let Effect::Search { region, .. } = &step.effect else {
                    return Ok(());
                };
                let search = self
                    .history
                    .latest()
                    .and_then(|latest| latest.searches.get(region));
                search
                    .filter(|search| search.snapshot.seen().is_some() && search.indices.seen().is_some())
                    .map(|_| ())
                    .ok_or_else(|| "The search cannot be read.".to_owned())
            }
            // All else is read from the configuration.
            Some(_) => self
                .history
                .latest()
                .filter(|latest| latest.configuration().is_some() && latest.exporters().is_some())
                .map(|_| ())
                .ok_or_else(|| "The configuration cannot be read.".to_owned()),
        }
    }

    /// Whether the last attempt may still take effect. "Not seen" is not "not done". Guarantee G7
    fn unsettled(&self, planned: &Step, clean: &mut u32) -> Option<String> {
        if planned.effect.may_be_repeated() {
            return None;
        }
        let step = planned.id;
        let record = self.run.steps.get(&step)?;
        let attempt = record.last_attempt()?;
        if !matches!(attempt.answer, Some((_, Answer::Unknown { .. })) | None) {
            return None;
        }
        let age = self.gear.clock.wall().duration_since(attempt.at);
        // Where this machine's clock was set back, or another one's was ahead, its age cannot be told by the wall. What is
        // sure then is for how long this process has watched.
        let age = match age.is_negative() {
            true => jiff::SignedDuration::try_from(self.gear.clock.now().since(self.began))
                .unwrap_or(jiff::SignedDuration::MAX),
            false => age,
        };
        let limit = jiff::SignedDuration::try_from(SERVER_LIMIT).unwrap_or(jiff::SignedDuration::MAX);
        if age < limit {
            return Some(format!(
                "The outcome of the last request is unknown; it may take effect for {:.0} s more.",
                (limit - age).as_secs_f64().max(0.0)
            ));
        }
        if let Err(words) = self.effect_would_be_seen(planned) {
            *clean = 0;
            return Some(format!(
                "Whether the last request had its effect is not known: {words}"
            ));
        }
        *clean += 1;
        (*clean <= CLEAN_READINGS)
            .then(|| "Reading again whether the last request had its effect.".to_owned())
    }

    /// Keeps what can't be read any more once the effect is out.
    fn remember(&mut self, step: StepId) -> Result<(), Halt> {
        let mut known = self.known(step);
        known.remember_positions(&self.most.processed);
        if known != self.known(step) {
            self.record(Event::Remembered { step, known })?;
        }
        Ok(())
    }
}
