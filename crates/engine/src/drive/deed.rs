//! The deed: rehearse it, write the intent, send it once, write what came back.

use std::collections::{BTreeMap, BTreeSet};

use c8dr_domain::condition::{FORCE_FRESHNESS, Verdict};
use c8dr_domain::diagnose::coordinator_lost;
use c8dr_domain::effect::{Answer, Mode, Request, ZeebeEffect};
use c8dr_domain::ids::{BrokerId, GatewayName, PartitionId, counted};
use c8dr_domain::plan::{Step, StepId};
use c8dr_domain::run::{Event, Outcome, Stop};
use c8dr_domain::topology::{Operation, OperationKind};

use super::{Driver, Halt};

/// How often one effect may be tried in one run. More than that is no accident any more.
const ATTEMPTS_MAX: u32 = 5;

/// What a deed came to.
pub(super) enum Sent {
    /// The server took it.
    UnderWay,
    /// It did not, or nobody knows: look again, after a moment. The sentence says why.
    LookAgain(String),
}

/// The way to send by.
enum Way {
    Through(GatewayName),
    None(String),
}

impl Driver<'_> {
    pub(super) async fn deed(&mut self, step: &Step) -> Result<Sent, Halt> {
        let gateway = match self.gateway(step).await? {
            Way::Through(gateway) => gateway,
            Way::None(why) => return Ok(Sent::LookAgain(why)),
        };
        // A slow rehearsal makes the look before it old. It is looked again, and not rehearsed again: a server that is
        // always slow would never be sent anything.
        if self.is_stale() {
            self.observe(self.breadth(step)).await;
            match self.judge_before(step) {
                Some(Verdict::Met(_)) => {}
                other => {
                    let words = other.map_or(String::new(), |verdict| verdict.words().to_owned());
                    return Ok(Sent::LookAgain(words));
                }
            }
        }
        self.check_cancelled()?;
        let attempt = self
            .run
            .steps
            .get(&step.id)
            .map_or(0, |record| record.attempts.len()) as u32
            + 1;
        if attempt > ATTEMPTS_MAX {
            let why = format!("It was tried {ATTEMPTS_MAX} times.");
            return Err(self.give_up(step.id, &why));
        }
        let Some(effect) = step.effect.zeebe() else {
            return Err(self.give_up(step.id, "Nobody here can send it."));
        };
        self.record(Event::Intended {
            step: step.id,
            attempt,
            request: Request::Zeebe { gateway: gateway.clone(), effect: effect.clone() },
        })?;
        let answer = self.gear.zeebe.perform(&gateway, effect, Mode::Real).await;
        self.record(Event::Answered {
            step: step.id,
            attempt,
            answer: answer.clone(),
        })?;
        match answer {
            Answer::Accepted { .. } | Answer::Done => Ok(Sent::UnderWay),
            Answer::Refused { .. } => {
                let words = format!("The server {}.", answer.words());
                Err(self.fail_step(step.id, Outcome::Failed, Stop::Refused, words))
            }
            Answer::Conflict { .. } | Answer::NotSent { .. } | Answer::Unknown { .. } => Ok(Sent::LookAgain(
                format!("The request through gateway {gateway}: {}.", answer.words()),
            )),
        }
    }

    /// A request does not come through and is not tried any more. Unknown only if the last one may have arrived.
    pub(super) fn give_up(&mut self, step: StepId, why: &str) -> Halt {
        let last = self.run.steps.get(&step).and_then(|record| record.last_attempt());
        let unknown =
            last.is_some_and(|attempt| matches!(attempt.answer, None | Some((_, Answer::Unknown { .. }))));
        let (outcome, stop, state) = if unknown {
            (
                Outcome::Unknown,
                Stop::Unknown,
                "whether its last request had an effect is not known",
            )
        } else {
            (Outcome::Waiting, Stop::Waiting, "no request of it was taken")
        };
        let words = format!(
            "{step} does not come through; {state}. {why} Look at the cluster (`c8dr status`) before anything else."
        );
        self.fail_step(step, outcome, stop, words)
    }

    /// The gateway to send by: the first of the survivors' that can be spoken to. A force is rehearsed through it.
    async fn gateway(&mut self, step: &Step) -> Result<Way, Halt> {
        let gateways = self.gateways_in_turn(step.id);
        let mut last = "none is configured.".to_owned();
        let Some(rehearsed @ ZeebeEffect::ForceRemove { keep, remove }) = step.effect.zeebe() else {
            let first = gateways.into_iter().next();
            return Ok(first.map_or(Way::None(format!("No surviving gateway: {last}")), Way::Through));
        };
        for gateway in gateways {
            match self
                .gear
                .zeebe
                .perform(&gateway, rehearsed, Mode::Rehearsal)
                .await
            {
                Answer::Accepted { planned, .. } if Self::removes_nobody(&planned, keep) => {
                    return Ok(Way::None(
                        "By the rehearsal all of them are removed already; the force is not repeated."
                            .to_owned(),
                    ));
                }
                Answer::Accepted { planned, .. } => {
                    if let Some(wrong) = self.wrong_in(&planned, keep, remove) {
                        let words = format!(
                            "The rehearsal through gateway {gateway} would do something else: {wrong} Nothing was sent."
                        );
                        return Err(self.fail_step(step.id, Outcome::Failed, Stop::Refused, words));
                    }
                    return Ok(Way::Through(gateway));
                }
                Answer::Refused { status, message } => {
                    let words = format!(
                        "The rehearsal through gateway {gateway} was refused with {status}: {message}"
                    );
                    return Err(self.fail_step(step.id, Outcome::Failed, Stop::Refused, words));
                }
                Answer::Conflict { message } => return self.conflict(step, &message),
                answer => last = format!("by gateway {gateway} {}.", answer.words()),
            }
        }
        Ok(Way::None(format!(
            "No surviving gateway takes the rehearsal: {last}"
        )))
    }

    /// The surviving gateways, those that answer first; after a request that failed, the next of them is tried.
    fn gateways_in_turn(&self, step: StepId) -> Vec<GatewayName> {
        let mut gateways = self.surviving_gateways();
        let answering = gateways
            .iter()
            .filter(|gateway| self.gateway_answers(gateway))
            .count();
        let tried = self
            .run
            .steps
            .get(&step)
            .map_or(0, |record| record.attempts.len());
        if let Some(turn) = tried.checked_rem(answering) {
            gateways[..answering].rotate_left(turn);
        }
        gateways
    }

    /// A change is pending. Where the coordinator is lost nobody can tell or cancel which: that is a dead end of its own.
    fn conflict(&mut self, step: &Step, message: &str) -> Result<Way, Halt> {
        let lost = self.run.plan.lost;
        let diagnosis = self.judged(|picture| {
            picture
                .coordinator_lost_with(lost)
                .map(|why| coordinator_lost(picture, lost, None, &why))
        });
        let Some(Some(diagnosis)) = diagnosis else {
            return Ok(Way::None(format!(
                "The rehearsal was refused with 409: {} Reading which change is pending.",
                shortened(message)
            )));
        };
        let words = format!(
            "{} The rehearsal was refused with 409: {}",
            diagnosis.summary,
            shortened(message)
        );
        Err(
            match self.fail_step(step.id, Outcome::Waiting, Stop::Waiting, words) {
                Halt::Stop { stop, words, .. } => Halt::Stop {
                    stop,
                    words,
                    diagnosis: Some(Box::new(diagnosis)),
                },
                error => error,
            },
        )
    }

    /// Whether a rehearsal would only cut the partitions down again: the removal has come since the look, by an earlier
    /// request or another's. With the lost coordinator no look shows that before it is over.
    fn removes_nobody(planned: &[Operation], keep: &BTreeSet<BrokerId>) -> bool {
        !planned.is_empty()
            && planned.iter().all(|operation| {
                operation.kind == OperationKind::PartitionForceReconfigure
                    && operation.brokers.iter().all(|broker| keep.contains(broker))
            })
    }

    /// What a rehearsal would do that the plan does not say; `None` if it is exactly the plan.
    fn wrong_in(
        &self,
        planned: &[Operation],
        keep: &BTreeSet<BrokerId>,
        remove: &BTreeSet<BrokerId>,
    ) -> Option<String> {
        let mut removed = BTreeSet::new();
        let mut retained: BTreeMap<PartitionId, BTreeSet<BrokerId>> = BTreeMap::new();
        for operation in planned {
            match (&operation.kind, operation.partition) {
                (OperationKind::BrokerRemove, _) => removed.extend(operation.brokers.iter().copied()),
                (OperationKind::PartitionForceReconfigure, Some(partition)) => {
                    retained
                        .entry(partition)
                        .or_default()
                        .extend(operation.brokers.iter().copied());
                }
                (other, _) => return Some(format!("it contains {other}.")),
            }
        }
        if removed != *remove {
            return Some(format!(
                "it removes {}, the plan {}.",
                counted("broker", &removed),
                counted("broker", remove)
            ));
        }
        for (partition, replicas) in self.run.plan.installation.placement() {
            let wanted: BTreeSet<BrokerId> = replicas
                .into_keys()
                .filter(|broker| keep.contains(broker))
                .collect();
            let got = retained.remove(&partition).unwrap_or_default();
            if got != wanted {
                return Some(format!(
                    "partition {partition} would keep {} instead of {}.",
                    counted("broker", &got),
                    counted("broker", &wanted)
                ));
            }
        }
        None
    }

    /// Whether the newest reading is too old to act upon. Guarantee G1
    fn is_stale(&self) -> bool {
        self.history
            .latest()
            .is_none_or(|latest| self.gear.clock.wall().duration_since(latest.until) > FORCE_FRESHNESS)
    }
}

/// A server's message, cut to what a person reads; some are 6 kB.
fn shortened(message: &str) -> String {
    const CHARS: usize = 200;
    match message.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{} …", &message[..end]),
        None => message.to_owned(),
    }
}
