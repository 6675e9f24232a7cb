//! The deed: rehearse it, write the intent, send it once, write what came back.

use std::collections::{BTreeMap, BTreeSet};

use c8dr_domain::condition::FORCE_FRESHNESS;
use c8dr_domain::diagnose::coordinator_lost;
use c8dr_domain::effect::{Answer, Effect, Mode};
use c8dr_domain::ids::{BrokerId, GatewayName, PartitionId, counted};
use c8dr_domain::plan::Step;
use c8dr_domain::run::{Event, Outcome, Stop};
use c8dr_domain::topology::{Operation, OperationKind};

use super::{Driver, Halt};

/// How often one effect may be sent in one run. More than that is no accident any more.
const ATTEMPTS_MAX: u32 = 5;

/// What a deed came to.
pub(super) enum Sent {
    /// The server took it.
    UnderWay,
    /// It did not, or nobody knows: look again.
    LookAgain,
}

impl Driver<'_> {
    pub(super) async fn deed(&mut self, step: &Step) -> Result<Sent, Halt> {
        let Some(gateway) = self.gateway(step).await? else {
            return Ok(Sent::LookAgain);
        };
        if self.is_stale() {
            return Ok(Sent::LookAgain);
        }
        let attempt = self
            .run
            .steps
            .get(&step.id)
            .map_or(0, |record| record.attempts.len()) as u32
            + 1;
        if attempt > ATTEMPTS_MAX {
            let words = format!("{} was sent {ATTEMPTS_MAX} times without effect.", step.id);
            return Err(self.fail_step(step.id, Outcome::Unknown, Stop::Unknown, words));
        }
        self.record(Event::Intended {
            step: step.id,
            attempt,
            gateway: gateway.clone(),
            effect: step.effect.clone(),
        })?;
        let answer = self.gear.zeebe.perform(&gateway, &step.effect, Mode::Real).await;
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
            Answer::Conflict { .. } | Answer::NotSent { .. } | Answer::Unknown { .. } => Ok(Sent::LookAgain),
        }
    }

    /// The gateway to send by: the first of the survivors' that can be spoken to. A force is rehearsed through it.
    async fn gateway(&mut self, step: &Step) -> Result<Option<GatewayName>, Halt> {
        let gateways = self.surviving_gateways();
        let Effect::ForceRemove { keep, remove } = &step.effect else {
            return Ok(gateways.into_iter().next());
        };
        let mut last = "No surviving gateway is configured.".to_owned();
        for gateway in gateways {
            match self
                .gear
                .zeebe
                .perform(&gateway, &step.effect, Mode::Rehearsal)
                .await
            {
                Answer::Accepted { planned, .. } => {
                    if let Some(wrong) = self.wrong_in(&planned, keep, remove) {
                        let words = format!(
                            "The rehearsal through gateway {gateway} would do something else: {wrong} Nothing was sent."
                        );
                        return Err(self.fail_step(step.id, Outcome::Failed, Stop::Refused, words));
                    }
                    return Ok(Some(gateway));
                }
                Answer::Refused { status, message } => {
                    let words = format!(
                        "The rehearsal through gateway {gateway} was refused with {status}: {message}"
                    );
                    return Err(self.fail_step(step.id, Outcome::Failed, Stop::Refused, words));
                }
                Answer::Conflict { message } => return self.conflict(step, &message),
                answer => last = format!("Gateway {gateway}: {}.", answer.words()),
            }
        }
        let mut pause = self.pause(Some(step.id), super::proof::MOMENT);
        self.wait(
            &mut pause,
            &format!("No surviving gateway takes the request. {last}"),
        )
        .await?;
        Ok(None)
    }

    /// A change is pending. Where the coordinator is lost nobody can tell or cancel which: that is a dead end of its own.
    fn conflict(&mut self, step: &Step, message: &str) -> Result<Option<GatewayName>, Halt> {
        let lost = self.run.plan.lost;
        let diagnosis = self.judged(|picture| {
            picture
                .coordinator_silent()
                .map(|why| coordinator_lost(picture, lost, None, &why))
        });
        let Some(Some(diagnosis)) = diagnosis else {
            return Ok(None);
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
            .is_none_or(|latest| self.gear.clock.wall().duration_since(latest.at) > FORCE_FRESHNESS)
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
