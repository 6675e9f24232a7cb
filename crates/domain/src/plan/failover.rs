//! The plan for failing over: FO1 and FO2 of 8.6, as far as they are still owed.
//!
//! `spec: procedure.md §4, §7`. Anything that would make it wrong is refused here, with the way out.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::reinforce::{self, Reinforce};
use super::traffic::Reroute;
use super::{
    Accepted, Class, Kind, Plan, Prediction, Refusal, RefusalCode, Seen, Settled, Step, StepId, Waiting,
    overlooked,
};
use crate::condition::Condition;
use crate::diagnose::{Code, Diagnosis, diagnose, is_disabling, is_reinforcing, is_removal};
use crate::effect::ZeebeEffect;
use crate::fence::{self, Gap, Pale};
use crate::history::History;
use crate::ids::{BrokerId, RegionId, clause, counted, sentence};
use crate::installation::Installation;
use crate::picture::{Membership, Picture};
use crate::planted::{self, Bug};
use crate::record;
use crate::topology::{ExporterStatus, MemberState, PendingChange};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The region to give up.
    pub lost: RegionId,
    /// Go on although the fence does not stand, for this reason.
    pub accept_unfenced: Option<String>,
    /// Go on without all replicas of the surviving region, for this reason.
    pub accept_data_loss: Option<String>,
    /// Go on although the direction record cannot be written, for this reason.
    pub accept_unrecorded: Option<String>,
    /// Whether a direction record outside this machine is configured.
    pub is_recorded: bool,
    /// The users' names, where c8dr points them.
    pub traffic: Option<Reroute>,
    /// A third replica of each partition afterwards, and who wants it.
    pub reinforce: Option<Reinforce>,
    /// Base URL of a surviving management endpoint, for the commands that a person would type.
    pub management: String,
}

impl Request {
    /// The plain request: no overrides, the guide's own port-forward in the commands.
    pub fn new(lost: RegionId) -> Self {
        Request {
            lost,
            accept_unfenced: None,
            accept_data_loss: None,
            accept_unrecorded: None,
            is_recorded: false,
            traffic: None,
            reinforce: None,
            management: "http://localhost:9600".to_owned(),
        }
    }
}

/// How long FO1's proof may take. Recorded: 6 s, 17 s on a busy machine, 30 s after a cut link; a blocked broker needs 55 s.
const FORCE_DEADLINE_MS: u64 = 180_000;
/// How long FO2's proof may take. Recorded: 0.2 s; over a minute when the lost search is cut off instead of dead (E6).
const DISABLE_DEADLINE_MS: u64 = 300_000;
/// How long exporting may take to catch up with where we began to look.
const PROOF_DEADLINE_MS: u64 = 120_000;

/// Makes the plan from what was observed.
///
/// # Errors
/// A [`Refusal`] where a failover would be wrong, or cannot be shown to be right.
pub fn plan(
    installation: &Installation,
    history: &History,
    request: &Request,
    at: Timestamp,
) -> Result<Plan, Refusal> {
    let diagnosis = diagnose(installation, history);
    let Some(picture) = Picture::of(installation, history) else {
        return Err(Refusal::of(
            RefusalCode::NothingRead,
            "Nothing has been read yet.",
            &diagnosis,
            vec!["Look first: `c8dr status`.".to_owned()],
        ));
    };
    refuse_by_diagnosis(&diagnosis)?;
    let survivors = request.lost.other();
    let mut plan = Plan {
        format: record::FORMAT,
        made_at: at,
        kind: Kind::Failover,
        installation: installation.clone(),
        lost: request.lost,
        seen: Seen::of(&picture),
        settled: Vec::new(),
        steps: Vec::new(),
        retreat: Vec::new(),
        proof: Vec::new(),
        proof_deadline_ms: PROOF_DEADLINE_MS,
        waiting: waiting(&diagnosis),
        accepted: accepted(request),
        notes: notes(&picture, request),
        diagnosis,
    };
    match picture.membership() {
        Membership::Only(region) if region == request.lost => return Err(last_region(&plan)),
        Membership::Only(_) => {
            let title = force_title(installation, request.lost);
            let why = format!(
                "The only members are {}.",
                counted("broker", installation.brokers_of(survivors))
            );
            plan.settled.push(Settled {
                id: StepId::Fo1,
                title,
                why,
            });
        }
        // A removal takes its brokers out one by one, so it can be met half-way.
        Membership::Mixed(_) if !removing(&picture, request.lost) && !broken_off(&picture, request.lost) => {
            return Err(Refusal::of(
                RefusalCode::MembersUnexpected,
                format!("{} A failover from here is not planned.", plan.diagnosis.summary),
                &plan.diagnosis,
                plan.diagnosis.next.clone(),
            ));
        }
        Membership::Unknown if picture.shrunk_unread() => {
            return Err(Refusal::of(
                RefusalCode::MembersUnreadable,
                "Brokers were removed from the cluster, and which of them cannot be read now; a force could be the second one.",
                &plan.diagnosis,
                vec!["Repeat this command in a few seconds, when the coordinator answers again.".to_owned()],
            ));
        }
        Membership::Whole | Membership::Mixed(_) | Membership::Unknown => {
            let step = force(&picture, request, &plan.diagnosis)?;
            if let Some(traffic) = request
                .traffic
                .as_ref()
                .filter(|_| !is_off(&picture, request.lost))
            {
                plan.steps.push(traffic.off_beside(installation, survivors));
            }
            plan.steps.push(step);
            let (survivors, kept) = (installation.brokers_of(survivors), plan.kept());
            if survivors != kept {
                plan.notes.push(format!(
                    "{} given up: what was acknowledged on no other survivor is gone, and the old disks must not come back.",
                    sentence("broker", survivors.difference(&kept), "is", "are")
                ));
            }
        }
    }
    owe_disable(&picture, request, &mut plan)?;
    owe_traffic(&picture, request, &mut plan);
    reinforce::owe(&picture, request, &mut plan)?;
    let kept = plan.kept();
    plan.proof = vec![
        Condition::Led { by: kept },
        Condition::NothingCutOff,
        Condition::Exporter {
            exporter: installation.region(request.lost).exporter.clone(),
            status: ExporterStatus::Disabled,
        },
        Condition::Exporter {
            exporter: installation.region(survivors).exporter.clone(),
            status: ExporterStatus::Enabled,
        },
        Condition::ExportingAgain,
    ];
    if planted::is(Bug::DisableBeforeForce) {
        plan.steps.reverse();
    }
    overlooked::leave_out(&mut plan);
    Ok(plan)
}

/// States in which no force may go out, whatever is asked for.
fn refuse_by_diagnosis(diagnosis: &Diagnosis) -> Result<(), Refusal> {
    match RefusalCode::of_any_change(diagnosis.code) {
        Some(code) => Err(Refusal::of(
            code,
            diagnosis.summary.clone(),
            diagnosis,
            diagnosis.next.clone(),
        )),
        None => Ok(()),
    }
}

/// Guarantees G1 and G2: the region that was kept is all there is.
fn last_region(plan: &Plan) -> Refusal {
    let installation = &plan.installation;
    let (asked, gone) = (
        &installation.region(plan.lost).name,
        &installation.region(plan.survivors()).name,
    );
    Refusal {
        code: RefusalCode::LastRegion,
        summary: format!(
            "Region {asked} is the only one left: region {gone} was removed before, and holds nothing any more."
        ),
        evidence: plan.diagnosis.evidence.clone(),
        way_out: vec![
            format!("If {asked} is down as well, repair it: it has the only copy of the data."),
            format!(
                "To bring {gone} back, rebuild it empty and fail back: `c8dr failback --returning {gone}`."
            ),
        ],
    }
}

/// Whether the removal of `lost`, and nothing else, is under way.
fn removing(picture: &Picture<'_>, lost: RegionId) -> bool {
    let installation = picture.installation;
    picture
        .configuration()
        .and_then(|configuration| configuration.pending_change.as_ref())
        .is_some_and(|change| {
            let (keep, remove) = (
                installation.brokers_of(lost.other()),
                installation.brokers_of(lost),
            );
            let kept_whole =
                matches!(picture.membership(), Membership::Mixed(members) if members.is_superset(&keep));
            kept_whole && is_removal(change, &keep, &remove)
        })
}

/// Whether a failback of `lost` broke off in the middle of its add: all survivors are members and some of the lost, nothing
/// is pending, and the lost are silent. `spec: edge-cases.md E4`
fn broken_off(picture: &Picture<'_>, lost: RegionId) -> bool {
    let idle = picture
        .configuration()
        .is_some_and(|configuration| configuration.pending_change.is_none());
    let survivors = picture.installation.brokers_of(lost.other());
    let is_partly_in = match picture.membership() {
        Membership::Mixed(members) => members.is_superset(&survivors),
        // The brokers were added, and not all of their replicas had joined.
        Membership::Whole => replicas_missing(picture, lost),
        Membership::Only(_) | Membership::Unknown => false,
    };
    idle && is_partly_in && picture.region(lost, picture.latest).all_silent()
}

/// Whether a partition lacks a replica that belongs to a region, or has one that is still joining.
fn replicas_missing(picture: &Picture<'_>, region: RegionId) -> bool {
    let Some(configuration) = picture.configuration() else {
        return false;
    };
    picture
        .installation
        .placement()
        .into_iter()
        .any(|(partition, replicas)| {
            replicas
                .into_keys()
                .filter(|broker| RegionId::of(*broker) == region)
                .any(|broker| {
                    configuration
                        .members
                        .get(&broker)
                        .and_then(|member| member.partitions.get(&partition))
                        .is_none_or(|replica| replica.state != MemberState::Active)
                })
        })
}

/// FO1, with its guards.
fn force(picture: &Picture<'_>, request: &Request, diagnosis: &Diagnosis) -> Result<Step, Refusal> {
    let installation = picture.installation;
    let survivors = request.lost.other();
    let keep = kept(picture, request, diagnosis)?;
    // Who is not kept goes, a survivor that is given up as well: that is what the server does, and what is compared.
    let remove: BTreeSet<BrokerId> = installation.brokers().difference(&keep).copied().collect();
    if let Some(words) = fence::led_twice_words(picture) {
        return Err(Refusal {
            code: RefusalCode::PartitionLedTwice,
            summary: format!("{words} Nothing is forced while that is so."),
            evidence: diagnosis.evidence.clone(),
            way_out: vec![
                "Look again: `c8dr status`. An ordinary change of leader looks like this for a moment."
                    .to_owned(),
                "If it stays, both sides were forced: take the traffic off one region and stop its brokers."
                    .to_owned(),
            ],
        });
    }
    let adopted = match picture
        .configuration()
        .and_then(|configuration| configuration.pending_change.as_ref())
    {
        Some(change) if is_removal(change, &keep, &remove) => true,
        Some(change) => return Err(foreign_change(picture, change, diagnosis)),
        None => false,
    };
    let all = keep == installation.brokers_of(survivors);
    let pales: BTreeSet<Pale> = [
        Pale::LostSilent,
        Pale::SurvivorsUp,
        Pale::NoQuorumLost,
        Pale::Leaderless,
    ]
    .into_iter()
    .filter(|pale| match pale {
        Pale::LostSilent => request.accept_unfenced.is_none(),
        // Partitions that were not joined are led by survivors all the time.
        Pale::Leaderless => request.accept_unfenced.is_none() && !broken_off(picture, request.lost),
        Pale::SurvivorsUp => all && !planted::is(Bug::ForceWithSurvivorDown),
        Pale::NoQuorumLost => request.accept_data_loss.is_none() && !planted::is(Bug::ForceWithSurvivorDown),
    })
    .collect();
    // A force that is under way has passed its guards; the world no longer looks as before it. Only that the lost side
    // is still silent can be asked at any time.
    if adopted {
        refuse_returned(picture, request, diagnosis)?;
    } else if !planted::is(Bug::WrongRegion) {
        refuse_gaps(picture, request, &pales, diagnosis)?;
    }
    let ids: Vec<String> = keep.iter().map(|broker| format!("\"{broker}\"")).collect();
    let manual = &request.management;
    Ok(Step {
        id: StepId::Fo1,
        title: match installation
            .brokers_of(survivors)
            .difference(&keep)
            .copied()
            .collect::<BTreeSet<_>>()
        {
            given_up if given_up.is_empty() => force_title(installation, request.lost),
            given_up => format!(
                "{}, and give up {}",
                force_title(installation, request.lost),
                counted("broker", given_up)
            ),
        },
        class: Class::Orderly,
        before: vec![
            Condition::StillMembers {
                brokers: remove.clone(),
            },
            Condition::NothingPending,
            Condition::Up {
                brokers: keep.clone(),
            },
            Condition::Fenced {
                lost: request.lost,
                pales,
            },
        ],
        after: vec![
            Condition::ChangeEnded,
            members_are(picture, &keep),
            Condition::Led { by: keep.clone() },
        ],
        deadline_ms: FORCE_DEADLINE_MS,
        prediction: Prediction {
            what: "COMPLETED within two seconds; some partitions led at once, the last six seconds later"
                .to_owned(),
            from_ms: 3_500,
            until_ms: 8_500,
        },
        manual: vec![
            format!(
                "curl -X POST '{manual}/actuator/cluster/brokers?force=true' -H 'Content-Type: application/json' -d '[{}]'",
                ids.join(", ")
            ),
            format!(
                "curl '{manual}/actuator/cluster' | jq '{{pendingChange, lastChange}}'   # ours, COMPLETED, nothing pending"
            ),
            "curl 'http://localhost:8080/v2/topology'   # one healthy leader per partition, on two gateways"
                .to_owned(),
        ],
        effect: ZeebeEffect::ForceRemove { keep, remove }.into(),
    })
}

/// That exactly these are members. Where partitions were reinforced, and a failback broke off, some have one more replica than
/// others, and what number gateways show is not known beforehand.
fn members_are(picture: &Picture<'_>, keep: &BTreeSet<BrokerId>) -> Condition {
    let is_reinforced = (keep.first()).is_some_and(|broker| picture.is_reinforced(RegionId::of(*broker)));
    match is_reinforced {
        true => Condition::OnlyMembers {
            exactly: keep.clone(),
        },
        false => Condition::Members {
            exactly: keep.clone(),
            replication_factor: replicas_kept(picture.installation, keep),
        },
    }
}

/// Replicas per partition that gateways show after the force: what is left of the fullest partition.
fn replicas_kept(installation: &Installation, keep: &BTreeSet<BrokerId>) -> u32 {
    installation
        .placement()
        .values()
        .map(|replicas| replicas.keys().filter(|broker| keep.contains(broker)).count() as u32)
        .max()
        .unwrap_or(0)
}

/// The brokers that stay: all of the surviving region, or with a named acceptance those that answer.
fn kept(
    picture: &Picture<'_>,
    request: &Request,
    diagnosis: &Diagnosis,
) -> Result<BTreeSet<BrokerId>, Refusal> {
    let installation = picture.installation;
    let survivors = installation.brokers_of(request.lost.other());
    let down = picture.region(request.lost.other(), picture.latest).silent;
    if down.is_empty() || request.accept_data_loss.is_none() {
        return Ok(survivors);
    }
    let keep: BTreeSet<BrokerId> = survivors.difference(&down).copied().collect();
    let bare: Vec<_> = installation
        .placement()
        .into_iter()
        .filter(|(_, replicas)| replicas.keys().all(|broker| !keep.contains(broker)))
        .map(|(partition, _)| partition)
        .collect();
    if bare.is_empty() {
        return Ok(keep);
    }
    Err(Refusal::of(
        RefusalCode::NoReplicaLeft,
        format!(
            "Without {} nothing is left of {}.",
            counted("broker", &down),
            counted("partition", bare)
        ),
        diagnosis,
        vec![format!("Start {} again.", counted("broker", &down))],
    ))
}

fn refuse_gaps(
    picture: &Picture<'_>,
    request: &Request,
    pales: &BTreeSet<Pale>,
    diagnosis: &Diagnosis,
) -> Result<(), Refusal> {
    let gaps: Vec<Gap> = fence::gaps(picture, request.lost)
        .into_iter()
        .filter(|gap| pales.contains(&gap.pale))
        .collect();
    let Some(first) = gaps.first() else { return Ok(()) };
    let name = &picture.installation.region(request.lost).name;
    let down = picture.region(request.lost.other(), picture.latest).silent;
    if diagnosis.code == Code::RegionUnreachableFromHere && diagnosis.region == Some(request.lost) {
        return Err(Refusal::of(
            RefusalCode::RegionUnreachableFromHere,
            format!("{} There is nothing to fail over from.", diagnosis.summary),
            diagnosis,
            diagnosis.next.clone(),
        ));
    }
    let (code, summary, way_out) = match first.pale {
        Pale::LostSilent if !first.may_close => (
            RefusalCode::LostRegionAnswers,
            format!("Region {name} is not lost: it answers."),
            ways_out_of_an_answer(picture, request, diagnosis),
        ),
        Pale::SurvivorsUp if !down.is_empty() => (
            RefusalCode::SurvivorDown,
            sentence(
                "broker",
                &down,
                "of the surviving region does not answer; a force would hang on it and block everything else.",
                "of the surviving region do not answer; a force would hang on them and block everything else.",
            ),
            vec![
                format!(
                    "Start {} again, then repeat this command.",
                    counted("broker", &down)
                ),
                format!(
                    "Only if that disk is gone for good: `c8dr failover --lost {name} --accept-data-loss \"reason\"` keeps the others."
                ),
            ],
        ),
        Pale::NoQuorumLost => (
            RefusalCode::ReplicasMissing,
            "The surviving region does not hold all its replicas; a force could drop what was acknowledged."
                .to_owned(),
            vec![format!(
                "If that is known and wanted: `c8dr failover --lost {name} --accept-data-loss \"reason\"`."
            )],
        ),
        Pale::LostSilent | Pale::Leaderless | Pale::SurvivorsUp => (
            RefusalCode::NotFenced,
            format!("That region {name} is lost is not proven yet."),
            vec![
                "Repeat the command: it looks for some seconds before it decides.".to_owned(),
                format!("If you know better: `c8dr failover --lost {name} --accept-unfenced \"reason\"`."),
            ],
        ),
    };
    let mut refusal = Refusal::of(code, summary, diagnosis, way_out);
    for gap in gaps {
        if !refusal.evidence.contains(&gap.why) {
            refusal.evidence.push(gap.why);
        }
    }
    Err(refusal)
}

/// The region to give up answers: the wrong one, a cut link, or nothing at all. An override is offered for a cut only; to
/// whoever typed the wrong name it would be a trap.
fn ways_out_of_an_answer(picture: &Picture<'_>, request: &Request, diagnosis: &Diagnosis) -> Vec<String> {
    let name = &picture.installation.region(request.lost).name;
    let other = &picture.installation.region(request.lost.other()).name;
    match diagnosis.code {
        Code::RegionLost | Code::RegionSuspected if diagnosis.region == Some(request.lost.other()) => {
            vec![format!(
                "It is region {other} that is silent. If you mean that one: `c8dr failover --lost {other}`."
            )]
        }
        Code::LinkCut | Code::Leaderless | Code::RegionSuspected => vec![
            format!(
                "If only the link between the regions is cut, and for good: stop the brokers of {name} first, then fail over."
            ),
            format!("Without stopping them: `c8dr failover --lost {name} --accept-unfenced \"reason\"`."),
        ],
        _ => vec![
            "Nothing has to be failed over as it is; `c8dr status` shows what is wrong, if anything."
                .to_owned(),
        ],
    }
}

/// The lost region is being removed, and brokers of it answer again: no plan goes through with that as if nothing were.
fn refuse_returned(picture: &Picture<'_>, request: &Request, diagnosis: &Diagnosis) -> Result<(), Refusal> {
    let answering = picture.region(request.lost, picture.latest).answering;
    if answering.is_empty() || request.accept_unfenced.is_some() {
        return Ok(());
    }
    let name = &picture.installation.region(request.lost).name;
    Err(Refusal::of(
        RefusalCode::LostRegionAnswers,
        format!(
            "Region {name} is being removed, and {}",
            clause("broker", &answering, "of it answers.", "of it answer.")
        ),
        diagnosis,
        vec![
            "Wait until the change has ended (`c8dr status --watch`), then repeat this command: what is then still owed is safe."
                .to_owned(),
            format!("If nobody wanted to remove {name}: stop whoever did, before the change ends."),
        ],
    ))
}

fn foreign_change(picture: &Picture<'_>, change: &PendingChange, diagnosis: &Diagnosis) -> Refusal {
    let waits = change
        .waits_for()
        .map_or(String::new(), |broker| format!(" It waits for broker {broker}."));
    let lost_exporter = picture
        .installation
        .regions()
        .iter()
        .find(|region| is_disabling(change, &region.exporter));
    let early = lost_exporter.map_or(String::new(), |_| {
        " An exporter was disabled before the lost brokers were removed: that never ends.".to_owned()
    });
    Refusal::of(
        RefusalCode::ChangePending,
        format!(
            "Change {} is pending, and while it is every failover is refused with 409.{waits}{early}",
            change.id
        ),
        diagnosis,
        vec![
            format!(
                "If nobody needs it: `curl -X DELETE $MANAGEMENT/actuator/cluster/changes/{}`, then repeat this command.",
                change.id
            ),
            "If it moves, wait for its end: `c8dr status --watch`.".to_owned(),
        ],
    )
}

/// FO2 as far as it is owed.
fn owe_disable(picture: &Picture<'_>, request: &Request, plan: &mut Plan) -> Result<(), Refusal> {
    let installation = picture.installation;
    let region = match planted::is(Bug::DefaultRegionZero) {
        true => RegionId(0),
        false => request.lost,
    };
    let exporter = installation.region(region).exporter.clone();
    let title = format!(
        "Disable the exporter {exporter} to the lost region {}",
        installation.region(request.lost).name
    );
    let exporters = picture.latest.exporters();
    if let Some(exporters) = exporters {
        for region in installation.regions() {
            if !exporters.contains_key(&region.exporter) {
                let known = crate::ids::listed(exporters.keys());
                return Err(Refusal::of(
                    RefusalCode::ExporterUnknown,
                    format!(
                        "The cluster has no exporter {} (of region {}); its exporters are: {known}.",
                        region.exporter, region.name
                    ),
                    &plan.diagnosis,
                    vec!["Correct the exporter's name in the configuration.".to_owned()],
                ));
            }
        }
    }
    let pending = picture
        .configuration()
        .and_then(|configuration| configuration.pending_change.as_ref());
    if !plan.steps.iter().any(|step| step.id == StepId::Fo1)
        && let Some(change) = pending
        && !is_disabling(change, &exporter)
        && !is_reinforcing(change, &installation.brokers_of(plan.survivors()))
    {
        let keep = installation.brokers_of(plan.survivors());
        if !is_removal(change, &keep, &installation.brokers_of(request.lost)) {
            return Err(foreign_change(picture, change, &plan.diagnosis));
        }
    }
    let surviving = &installation.region(plan.survivors()).exporter;
    if let Some(status) = exporters.and_then(|exporters| exporters.get(surviving))
        && *status != ExporterStatus::Enabled
    {
        plan.notes.push(format!(
            "The surviving region's own exporter {surviving} is {status}: FO2 waits until it is ENABLED, because with both off \
             the brokers throw away what nobody exported."
        ));
    }
    let settled = exporters.and_then(|exporters| exporters.get(&exporter)) == Some(&ExporterStatus::Disabled)
        && pending.is_none_or(|change| is_reinforcing(change, &installation.brokers_of(plan.survivors())));
    if settled {
        let why = format!("The exporter {exporter} is DISABLED.");
        plan.settled.push(Settled {
            id: StepId::Fo2,
            title,
            why,
        });
        return Ok(());
    }
    let kept = plan.kept();
    plan.steps.push(Step {
        id: StepId::Fo2,
        title,
        class: Class::Orderly,
        before: vec![
            members_are(picture, &kept),
            Condition::NothingPending,
            // Were both off, nothing would hold the logs, and what nobody has exported would be compacted away.
            Condition::Exporter {
                exporter: surviving.clone(),
                status: ExporterStatus::Enabled,
            },
        ],
        after: vec![
            Condition::ChangeEnded,
            Condition::Exporter {
                exporter: exporter.clone(),
                status: ExporterStatus::Disabled,
            },
            Condition::Exporter {
                exporter: surviving.clone(),
                status: ExporterStatus::Enabled,
            },
        ],
        deadline_ms: DISABLE_DEADLINE_MS,
        prediction: Prediction {
            what: "COMPLETED within half a second; exporting goes on in the surviving region".to_owned(),
            from_ms: 100,
            until_ms: 1_500,
        },
        manual: vec![
            format!(
                "curl -X POST '{}/actuator/exporters/{exporter}/disable'",
                request.management
            ),
            format!(
                "curl '{}/actuator/exporters'   # {exporter} DISABLED, the other ENABLED",
                request.management
            ),
        ],
        effect: ZeebeEffect::DisableExporter { exporter }.into(),
    });
    Ok(())
}

/// Whether the users' names were seen to point to the surviving region alone.
fn is_off(picture: &Picture<'_>, lost: RegionId) -> bool {
    (picture.latest.traffic.seen()).is_some_and(|seen| seen.is_at(&[lost.other()].into()))
}

/// The users' names, as far as they are owed, once the cluster is well.
fn owe_traffic(picture: &Picture<'_>, request: &Request, plan: &mut Plan) {
    let Some(traffic) = &request.traffic else { return };
    let step = traffic.off(picture.installation, plan.survivors());
    if !is_off(picture, request.lost) {
        plan.steps.push(step);
        return;
    }
    plan.settled.push(Settled {
        id: step.id,
        title: step.title,
        why: "The users' names point there.".to_owned(),
    });
}

fn force_title(installation: &Installation, lost: RegionId) -> String {
    format!(
        "Remove {} of the lost region {}",
        counted("broker", installation.brokers_of(lost)),
        installation.region(lost).name
    )
}

fn accepted(request: &Request) -> Vec<Accepted> {
    let unfenced = request
        .accept_unfenced
        .clone()
        .map(|reason| Accepted::Unfenced { reason });
    let data_loss = request
        .accept_data_loss
        .clone()
        .map(|reason| Accepted::DataLoss { reason });
    let unrecorded = request
        .accept_unrecorded
        .clone()
        .map(|reason| Accepted::Unrecorded { reason });
    unfenced.into_iter().chain(data_loss).chain(unrecorded).collect()
}

fn waiting(diagnosis: &Diagnosis) -> Waiting {
    let possible = matches!(
        diagnosis.code,
        Code::RegionLost | Code::RegionSuspected | Code::LinkCut | Code::RegionLostSurvivorDown
    );
    let words = if possible {
        "Waiting is possible: if the region comes back with its disks, the cluster heals by itself and nothing is owed. \
         Nothing is processed meanwhile, so logs do not grow; how much disk is left was not read (unknown)."
    } else {
        "Waiting brings nothing: the lost region was removed already, or is not silent."
    };
    Waiting {
        possible,
        disks_allow_s: None,
        words: words.to_owned(),
    }
}

fn notes(picture: &Picture<'_>, request: &Request) -> Vec<String> {
    let name = &picture.installation.region(request.lost).name;
    let paused = picture.paused();
    let mut notes = vec![
        match &request.traffic {
            None => format!("Take user traffic off region {name} (DNS or load balancer) before or together with this; c8dr does not do it."),
            Some(traffic) => format!(
                "User traffic is taken off region {name}: UT1 sends it beside the force, which does not wait for it, and UT2 reads it back; {}.",
                traffic.follow()
            ),
        },
        format!("The disks of region {name} are worthless afterwards: it can only come back empty, by a failback."),
        "Until a failback is verified the installation is unprotected: one more broker lost stops its partitions.".to_owned(),
    ];
    if !request.is_recorded {
        notes.push(
            "No direction record outside this machine is configured (`bucket`): only this machine is guarded against an opposite failover."
                .to_owned(),
        );
    }
    if !paused.is_empty() {
        notes.push(format!(
            "Exporting is paused on {}: the run will stop at its proof until somebody resumes it.",
            counted("broker", paused.keys())
        ));
    }
    notes
}
