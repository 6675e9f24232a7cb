//! RE1: a third replica of each partition inside the region that serves alone.
//!
//! `spec: real-zeebe/README.md §8`. After a failover each partition has two replicas and needs both. With four survivors or
//! more the cluster itself can raise that to three, of which two are enough: one more broker may then be lost. It is the
//! last step of a failover's plan, not a plan of its own: what is owed is derived from what is seen, so a failover that is
//! done comes out as this step alone, and one that is not yet done is not held up by it. What speaks against it is a
//! refusal only where nothing else is owed.

use std::collections::BTreeSet;

use super::failover::Request;
use super::{Accepted, Class, Plan, Prediction, Refusal, RefusalCode, Settled, Step, StepId};
use crate::condition::{Condition, Verdict, is_placed, room_for_replicas};
use crate::diagnose::is_reinforcing;
use crate::effect::ZeebeEffect;
use crate::ids::{BrokerId, RegionId, counted, number};
use crate::installation::Installation;
use crate::picture::{Lead, Picture};
use crate::placement::{Placement, round_robin};
use crate::topology::ExporterStatus;

/// The replicas that each partition has afterwards.
pub const FACTOR: u32 = 3;
/// Fewer survivors gain nothing: with three each of them would hold everything, and two would have to stay up as before.
pub const SURVIVORS_MIN: usize = 4;
/// How long the replicas may take to join: the data decides.
const DEADLINE_MS: u64 = 7_200_000;
/// What a join took at least, and at most, with a tiny state. Recorded: 12 joins in 11.2 s, on two cores.
const JOIN_MS: [u64; 2] = [300, 1_500];

/// That it is wanted, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reinforce {
    /// By whom.
    pub wanted: Wanted,
    /// Go on although nobody can say how full the disks are, for this reason.
    pub accept_unknown_disks: Option<String>,
    /// What the brokers keep free, in bytes.
    pub reserve_bytes: u64,
}

/// Who wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A person, now: what speaks against it is told as a refusal.
    Asked,
    /// The site's policy, at every failover: what speaks against it is a note.
    Always,
    /// Nobody; that it is possible is told.
    Offered,
}

/// Whether it can be thought of at all.
pub fn is_possible(installation: &Installation, survivors: RegionId) -> bool {
    installation.brokers_of(survivors).len() >= SURVIVORS_MIN
}

/// Where the replicas are afterwards.
pub fn placement(installation: &Installation, survivors: RegionId) -> Placement {
    round_robin(
        &installation.brokers_of(survivors),
        installation.partitions_count(),
        FACTOR,
    )
}

/// How many replicas have to be copied.
fn joins(picture: &Picture<'_>, survivors: RegionId) -> usize {
    let installation = picture.installation;
    let ours = |held: BTreeSet<BrokerId>| -> BTreeSet<BrokerId> {
        (held.into_iter())
            .filter(|broker| RegionId::of(*broker) == survivors)
            .collect()
    };
    (placement(installation, survivors).into_iter())
        .map(|(partition, wanted)| {
            let held = ours(picture.replicas(partition, picture.latest));
            wanted.keys().filter(|broker| !held.contains(broker)).count()
        })
        .sum()
}

/// What it costs and what it buys, as a note.
fn price(picture: &Picture<'_>, survivors: RegionId, lead: &str) -> String {
    let joins = joins(picture, survivors);
    format!(
        "{lead}: each partition gets a third replica in region {}, so that one more broker may be lost. It costs {} to be copied, \
         one after the other (recorded about a second each with hardly any data; the data decides), half as much disk again on each \
         broker as its partitions take now, and the failback's last step takes longer (recorded 37 s instead of 12 s).",
        picture.installation.region(survivors).name,
        number(joins, "replica"),
    )
}

/// The step, as far as it is owed.
///
/// # Errors
/// A refusal, where it was asked for, nothing else is owed, and something speaks against it.
pub(super) fn owe(picture: &Picture<'_>, request: &Request, plan: &mut Plan) -> Result<(), Refusal> {
    let Some(wanted) = &request.reinforce else {
        return Ok(());
    };
    let (installation, survivors) = (picture.installation, plan.survivors());
    let name = &installation.region(request.lost).name;
    if wanted.wanted == Wanted::Offered {
        if is_possible(installation, survivors) && !is_done(picture, survivors) {
            let lead = format!("`c8dr failover --lost {name} --reinforce` can make it safer afterwards");
            plan.notes.push(price(picture, survivors, &lead));
        }
        return Ok(());
    }
    let step = step(picture, request, wanted);
    if is_done(picture, survivors) {
        plan.settled.push(Settled {
            id: step.id,
            title: step.title,
            why: format!("Every partition has {FACTOR} replicas there."),
        });
        return Ok(());
    }
    let is_alone = !(plan.steps.iter()).any(|step| matches!(step.id, StepId::Fo1 | StepId::Fo2));
    match against(picture, request, wanted, plan, is_alone) {
        None => {}
        Some((code, why, way_out)) if is_alone && wanted.wanted == Wanted::Asked => {
            return Err(Refusal::of(code, why, &plan.diagnosis, way_out));
        }
        Some((_, why, _)) => {
            plan.notes.push(format!("It is not reinforced: {why}"));
            return Ok(());
        }
    }
    plan.notes.push(price(picture, survivors, "RE1 reinforces"));
    let accepted = wanted.accept_unknown_disks.clone();
    plan.accepted
        .extend(accepted.map(|reason| Accepted::UnknownDisks { reason }));
    plan.steps.push(step);
    Ok(())
}

fn is_done(picture: &Picture<'_>, survivors: RegionId) -> bool {
    let members = picture.installation.brokers_of(survivors);
    is_possible(picture.installation, survivors) && is_placed(picture, &members, FACTOR).is_met()
}

/// What speaks against it.
fn against(
    picture: &Picture<'_>,
    request: &Request,
    wanted: &Reinforce,
    plan: &Plan,
    is_alone: bool,
) -> Option<(RefusalCode, String, Vec<String>)> {
    let (installation, survivors) = (picture.installation, plan.survivors());
    let brokers = installation.brokers_of(survivors);
    let refused = |why: String, way_out: Vec<String>| Some((RefusalCode::ReinforceNotPossible, why, way_out));
    if !is_possible(installation, survivors) {
        return refused(
            format!(
                "Region {} has {}; with fewer than {SURVIVORS_MIN} a third replica of each partition buys nothing, or has no place.",
                installation.region(survivors).name,
                number(brokers.len(), "broker")
            ),
            vec!["Fail back as soon as you can: that is what makes it safe again.".to_owned()],
        );
    }
    if plan.kept() != brokers {
        return refused(
            "A survivor is given up, so what is left cannot carry a third replica.".to_owned(),
            Vec::new(),
        );
    }
    // As long as the region is being removed the rest cannot be seen yet: the step itself asks for it.
    if !is_alone {
        return None;
    }
    let pending = picture
        .configuration()
        .and_then(|configuration| configuration.pending_change.as_ref())
        .filter(|change| !is_reinforcing(change, &brokers));
    if let Some(change) = pending {
        return Some((
            RefusalCode::ChangePending,
            format!(
                "Change {} is pending; every other one is refused until it ends.",
                change.id
            ),
            vec!["Wait for its end: `c8dr status --watch`.".to_owned()],
        ));
    }
    let paused = picture.paused();
    if !paused.is_empty() {
        return Some((
            RefusalCode::ExportingPaused,
            format!(
                "Exporting is paused on {}: a replica that joins now might export all the same.",
                counted("broker", paused.keys())
            ),
            vec!["Resume exporting first, if nobody is in a backup: `curl -X POST $MANAGEMENT/actuator/exporting/resume`.".to_owned()],
        ));
    }
    let unled: BTreeSet<_> = (picture.leads().into_iter())
        .filter(|(_, lead)| !matches!(lead, Lead::Proven(_) | Lead::Listed(_)))
        .map(|(partition, _)| partition)
        .collect();
    if !unled.is_empty() {
        return refused(
            format!(
                "{} not led: nothing can join there.",
                clause_is("partition", &unled)
            ),
            vec!["Repair it first: `c8dr status` says what is down.".to_owned()],
        );
    }
    if wanted.accept_unknown_disks.is_some() {
        return None;
    }
    match room_for_replicas(picture, &brokers, wanted.reserve_bytes) {
        Verdict::Met(_) => None,
        Verdict::Broken(why) | Verdict::Moved(why) => refused(
            why,
            vec!["Make the volumes larger, then repeat this command.".to_owned()],
        ),
        Verdict::NotYet(why) => refused(
            why,
            vec![
                "Let c8dr read the brokers' metrics (`brokers` in the configuration, `/actuator/prometheus`).".to_owned(),
                format!(
                    "If you know that they have room: `c8dr failover --lost {} --reinforce --accept-unknown-disks \"reason\"`.",
                    installation.region(request.lost).name
                ),
            ],
        ),
    }
}

fn clause_is<T: std::fmt::Display>(word: &str, items: &BTreeSet<T>) -> String {
    crate::ids::sentence(word, items, "is", "are")
}

fn step(picture: &Picture<'_>, request: &Request, wanted: &Reinforce) -> Step {
    let installation = picture.installation;
    let survivors = request.lost.other();
    let members = installation.brokers_of(survivors);
    let joins = joins(picture, survivors) as u64;
    let mut before = vec![
        Condition::NothingPending,
        Condition::OnlyMembers {
            exactly: members.clone(),
        },
        Condition::Up {
            brokers: members.clone(),
        },
        Condition::Led { by: members.clone() },
        Condition::Exporter {
            exporter: installation.region(request.lost).exporter.clone(),
            status: ExporterStatus::Disabled,
        },
        Condition::ExportingOn {
            brokers: members.clone(),
        },
    ];
    if wanted.accept_unknown_disks.is_none() {
        before.push(Condition::RoomForReplicas {
            brokers: members.clone(),
            reserve_bytes: wanted.reserve_bytes,
        });
    }
    let ids: Vec<String> = members.iter().map(|broker| format!("\"{broker}\"")).collect();
    let manual = &request.management;
    Step {
        id: StepId::Re1,
        title: format!(
            "Give each partition a third replica in region {}",
            installation.region(survivors).name
        ),
        class: match wanted.wanted {
            Wanted::Asked => Class::Orderly,
            Wanted::Always | Wanted::Offered => Class::Yielding,
        },
        before,
        after: vec![
            Condition::ChangeEnded,
            Condition::Members {
                exactly: members.clone(),
                replication_factor: FACTOR,
            },
            Condition::Led { by: members.clone() },
            Condition::Complete {
                replication_factor: FACTOR,
            },
            Condition::Placed {
                members: members.clone(),
                replication_factor: FACTOR,
            },
        ],
        deadline_ms: DEADLINE_MS,
        prediction: Prediction {
            what: format!(
                "COMPLETED after about a second for each of {}; the data decides. Then two of three replicas are enough.",
                number(joins as usize, "join")
            ),
            from_ms: JOIN_MS[0] * joins,
            until_ms: 10_000 + JOIN_MS[1] * joins,
        },
        manual: vec![
            format!(
                "curl -X POST '{manual}/actuator/cluster/brokers?replicationFactor={FACTOR}' -H 'Content-Type: application/json' -d '[{}]'   # never with force",
                ids.join(", ")
            ),
            format!(
                "curl '{manual}/actuator/cluster' | jq '{{pendingChange, lastChange}}'   # ours, COMPLETED, nothing pending"
            ),
            "curl 'http://localhost:8080/v2/topology'   # one leader and 2 followers per partition"
                .to_owned(),
        ],
        effect: ZeebeEffect::Replicate {
            members,
            replication_factor: FACTOR,
        }
        .into(),
    }
}
