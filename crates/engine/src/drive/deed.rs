//! The deed: rehearse it, write the intent, send it once, write what came back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use c8dr_domain::condition::{FORCE_FRESHNESS, Verdict};
use c8dr_domain::diagnose::coordinator_lost;
use c8dr_domain::effect::{Answer, Effect, Mode, Request, ZeebeEffect};
use c8dr_domain::fill;
use c8dr_domain::ids::{BrokerId, GatewayName, PartitionId, counted};
use c8dr_domain::observation::Silence;
use c8dr_domain::plan::{Step, StepId};
use c8dr_domain::planted::{self, Bug};
use c8dr_domain::run::{Event, Outcome, StepRecord, Stop};
use c8dr_domain::topology::{Operation, OperationKind};

use super::{Driver, Halt};
use crate::events::Told;
use crate::handover::NotShared;

/// How often one effect may be tried in one run. More than that is no accident any more.
const ATTEMPTS_MAX: u32 = 5;

/// How often more, and once more per broker, what does no harm by being repeated: a resume may need each broker's own call.
const REPEATS_MAX: u32 = 15;

/// How long a tool pauses that repeats blindly.
const BLIND_PAUSE: Duration = Duration::from_secs(2);

/// What a deed came to.
pub(super) enum Sent {
    /// The server took it.
    UnderWay,
    /// It did not, or nobody knows: look again, after a moment. The sentence says why.
    LookAgain(String),
}

/// The way to send by.
enum Way {
    /// Through this gateway; `None` for what does not go to Zeebe.
    Through(Option<GatewayName>),
    None(String),
}

impl Driver<'_> {
    pub(super) async fn deed(&mut self, step: &Step) -> Result<Sent, Halt> {
        let gateway = match self.gateway(step).await? {
            Way::Through(gateway) => gateway,
            Way::None(why) => return Ok(Sent::LookAgain(why)),
        };
        let attempts = self
            .run
            .steps
            .get(&step.id)
            .map_or(0, |record| record.attempts.len());
        let filled = self.judged(|picture| {
            let own = self.own_changes();
            fill::request(
                &step.effect,
                gateway.as_ref(),
                picture,
                &self.run.facts,
                attempts,
                &own,
            )
        });
        let request = match filled {
            Some(Ok(request)) if attempts > 0 && planted::is(Bug::KeepSetChanged) => keeping_fewer(request),
            Some(Ok(request)) => request,
            Some(Err(why)) => return Ok(Sent::LookAgain(why)),
            None => return Ok(Sent::LookAgain("Nothing has been read yet.".to_owned())),
        };
        if let Some(why) = self.claim(step.id, &request).await? {
            return Ok(Sent::LookAgain(why));
        }
        // A slow rehearsal makes the look before it old. It is looked again, and not rehearsed again: a server that is
        // always slow would never be sent anything.
        if self.is_stale() {
            self.observe(self.breadth(step), &self.asks(step)).await;
            match self.judge_before(step) {
                Some(Verdict::Met(_)) => {}
                other => {
                    let words = other.map_or(String::new(), |verdict| verdict.words().to_owned());
                    return Ok(Sent::LookAgain(words));
                }
            }
        }
        self.check_cancelled()?;
        let attempt = attempts as u32 + 1;
        let tries = self.run.steps.get(&step.id).map_or(0, StepRecord::tries);
        let most = match step.effect.may_be_repeated() {
            true => ATTEMPTS_MAX + self.run.plan.installation.cluster_size() + REPEATS_MAX,
            false => ATTEMPTS_MAX,
        };
        if tries as u32 >= most {
            let why = format!("It was tried {most} times.");
            return Err(self.give_up(step.id, &why));
        }
        // A bucket that does not answer is noticed before there is an intent: waiting for it is no attempt.
        if let Err(NotShared::Unreachable(words) | NotShared::Spoilt(words)) = self.share_before().await {
            return Ok(Sent::LookAgain(words));
        }
        self.gather(self.run.facts.before(&request))?;
        let early = match planted::is(Bug::JournalAfterEffect) {
            true => Some(self.send(step, &request).await),
            false => None,
        };
        self.record(Event::Intended {
            step: step.id,
            attempt,
            request: request.clone(),
        })?;
        let shared = self.share_before().await;
        let not_sent = |detail: String| Answer::NotSent {
            why: Silence::NoConnection,
            detail,
        };
        let answer = match &shared {
            _ if early.is_some() => early.unwrap_or(Answer::Done),
            Ok(()) if planted::is(Bug::BlindRepeat) => self.send_blindly(step, &request).await,
            Ok(()) => self.send(step, &request).await,
            Err(NotShared::Unreachable(words) | NotShared::Spoilt(words)) => not_sent(words.clone()),
            Err(NotShared::TakenOver) => not_sent("another machine goes on with this run".to_owned()),
        };
        self.record(Event::Answered {
            step: step.id,
            attempt,
            answer: answer.clone(),
        })?;
        if shared == Err(NotShared::TakenOver) {
            let words = self.taken_over().await;
            return Err(self.fail_step(step.id, Outcome::Failed, Stop::Refused, words));
        }
        match answer {
            Answer::Accepted { .. } | Answer::Done => Ok(Sent::UnderWay),
            // "Already enabled" or "name in use" may be our own effect; the next look says. A second refusal is one.
            Answer::Refused { .. } if self.is_failback() && tries == 0 => Ok(Sent::LookAgain(format!(
                "The request through {} was {}.",
                request.through(),
                answer.words()
            ))),
            Answer::Refused { .. } => {
                let words = format!("The server {}.", answer.words());
                Err(self.fail_step(step.id, Outcome::Failed, Stop::Refused, words))
            }
            Answer::Conflict { .. }
            | Answer::Stale { .. }
            | Answer::NotSent { .. }
            | Answer::Unknown { .. } => Ok(Sent::LookAgain(format!(
                "The request through {}: {}.",
                request.through(),
                answer.words()
            ))),
        }
    }

    /// Sends a request, once.
    async fn send(&self, step: &Step, request: &Request) -> Answer {
        let nobody = |whose: &str| Answer::NotSent {
            why: Silence::NoSuchHost,
            detail: format!("{whose} is not configured"),
        };
        match request {
            Request::Zeebe { gateway, effect } => self.gear.zeebe.perform(gateway, effect, Mode::Real).await,
            Request::Search { region, effect } => match self.gear.searches.get(region) {
                Some(search) => search.perform(effect).await,
                None => nobody("the search"),
            },
            Request::Platform { region, effect } => match self.gear.platforms.get(region) {
                Some(platform) => {
                    if platform.is_manual() {
                        self.gear.listener.tell(&Told::Please {
                            step: step.id,
                            lines: platform.command(*effect),
                        });
                    }
                    platform.perform(*effect).await
                }
                None => nobody("the platform"),
            },
            Request::Traffic { effect } => match self.gear.traffic {
                Some(traffic) => traffic.perform(effect).await,
                None => nobody("the traffic"),
            },
        }
    }

    /// As `curl --retry` does it: until there is an answer that is none of failure. Only where that is planted.
    async fn send_blindly(&self, step: &Step, request: &Request) -> Answer {
        let mut answer = self.send(step, request).await;
        for _ in 0..ATTEMPTS_MAX {
            if !matches!(answer, Answer::Unknown { .. } | Answer::Conflict { .. }) {
                break;
            }
            self.gear.clock.sleep(BLIND_PAUSE).await;
            answer = self.send(step, request).await;
        }
        answer
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
        let answered = last
            .and_then(|attempt| attempt.answer.as_ref())
            .map_or(String::new(), |(_, answer)| {
                format!(" The last answer: {}.", shortened(&answer.words()))
            });
        let words = format!(
            "{step} does not come through; {state}. {why}{answered} Look at the cluster (`c8dr status`) before anything else."
        );
        self.fail_step(step, outcome, stop, words)
    }

    /// The gateway to send by: the first of the survivors' that can be spoken to. A force is rehearsed through it.
    async fn gateway(&mut self, step: &Step) -> Result<Way, Halt> {
        if !matches!(step.effect, Effect::Zeebe(_) | Effect::CancelOwn) {
            return Ok(Way::Through(None));
        }
        let gateways = self.gateways_in_turn(step.id);
        let mut last = "none is configured.".to_owned();
        let Some(rehearsed @ ZeebeEffect::ForceRemove { keep, remove }) = step.effect.zeebe() else {
            let first = gateways.into_iter().next();
            return Ok(
                first.map_or(Way::None(format!("No surviving gateway: {last}")), |gateway| {
                    Way::Through(Some(gateway))
                }),
            );
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
                    return Ok(Way::Through(Some(gateway)));
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
        // Who is no member cannot be removed: a failback that broke off has brought back some of them only.
        let members = self
            .history
            .latest()
            .and_then(|latest| latest.configuration())
            .map(|(_, configuration)| configuration.members.keys().copied().collect::<BTreeSet<_>>());
        let wanted: BTreeSet<BrokerId> = match &members {
            Some(members) => remove.intersection(members).copied().collect(),
            None => remove.clone(),
        };
        if removed != wanted {
            return Some(format!(
                "it removes {}, the plan {}.",
                counted("broker", &removed),
                counted("broker", &wanted)
            ));
        }
        for (partition, wanted) in self.replicas_of(keep) {
            let got = retained.remove(&partition).unwrap_or_default();
            // With the coordinator lost nobody can say whether there was a third one; what counts is that none of those that
            // belong there is dropped, or that as many are kept.
            let is_enough = members.is_none() && got.is_subset(keep) && got.len() >= wanted.len();
            if got != wanted && !is_enough {
                return Some(format!(
                    "partition {partition} would keep {} instead of {}.",
                    counted("broker", &got),
                    counted("broker", &wanted)
                ));
            }
        }
        None
    }

    /// The replicas of each partition that a force has to keep: all of these brokers' that it has. Where it was reinforced, or a
    /// change of it broke off, those are others than the usual ones.
    fn replicas_of(&self, keep: &BTreeSet<BrokerId>) -> BTreeMap<PartitionId, BTreeSet<BrokerId>> {
        let kept = |held: BTreeSet<BrokerId>| held.intersection(keep).copied().collect();
        let held = self.judged(|picture| {
            let partitions = picture.installation.partitions();
            partitions
                .map(|partition| (partition, kept(picture.replicas(partition, picture.latest))))
                .collect()
        });
        held.unwrap_or_default()
    }

    /// Whether the newest reading is too old to act upon. Guarantee G1
    fn is_stale(&self) -> bool {
        self.history
            .latest()
            .is_none_or(|latest| self.gear.clock.wall().duration_since(latest.until) > FORCE_FRESHNESS)
    }
}

/// A force that keeps one broker fewer: only where that is planted.
fn keeping_fewer(mut request: Request) -> Request {
    if let Request::Zeebe {
        effect: ZeebeEffect::ForceRemove { keep, remove },
        ..
    } = &mut request
        && keep.len() > 1
    {
        remove.extend(keep.pop_last());
    }
    request
}

/// A server's message, cut to what a person reads; some are 6 kB.
fn shortened(message: &str) -> String {
    const CHARS: usize = 200;
    match message.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{} …", &message[..end]),
        None => message.to_owned(),
    }
}
