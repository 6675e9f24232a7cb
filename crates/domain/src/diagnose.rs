//! What is wrong, in one named code, with the evidence for it.
//!
//! A pure function of the readings. It names one state; everything else of note is said in the evidence. Order matters:
//! what makes any action dangerous is looked for first. `spec: procedure.md §7`, `concepts.md §4`, `edge-cases.md`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::fence;
use crate::history::History;
use crate::ids::{BrokerId, ChangeId, ExporterId, PartitionId, RegionId, counted};
use crate::installation::Installation;
use crate::observation::Sight;
use crate::picture::{Lead, Membership, Picture};
use crate::topology::{ExporterStatus, OperationKind, PendingChange};

/// The states that an installation can be in. Kebab-case on the wire and in `c8dr explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// All brokers are members, every partition is led, both exporters export.
    Healthy,
    /// Nobody answered anything.
    NothingAnswers,
    /// What answers is not the installation that is configured.
    AnotherInstallation,
    /// Two brokers lead one partition: both sides were forced, or one of them is stale. Nothing may be forced now.
    PartitionLedTwice,
    /// A region has gone silent; not proven lost yet.
    RegionSuspected,
    /// A region is gone: its brokers are silent, nobody leads, all survivors are up.
    RegionLost,
    /// A region is gone, and a broker of the other one as well.
    RegionLostSurvivorDown,
    /// A region is silent from here, but the cluster goes on as if it were not: the fault is on our side.
    RegionUnreachableFromHere,
    /// Both regions answer us, but neither has a quorum: the link between them is cut.
    LinkCut,
    /// Single brokers are down.
    BrokerDown,
    /// All brokers answer, but partitions have no leader.
    Leaderless,
    /// The coordinator is lost while a change is pending; no call on the survivors gets out of this.
    CoordinatorLost,
    /// A configuration change is being carried out.
    ChangeRunning,
    /// A configuration change waits for a broker that does not answer.
    ChangeStuck,
    /// The lost region is removed, and its partitions are being elected.
    ElectingAfterForce,
    /// The lost region is removed, but exporting still waits for its search.
    FailoverHalfDone,
    /// One region serves alone; the other one is gone and owed.
    FailedOver,
    /// As failed over, and brokers of the removed region answer again.
    RegionReturned,
    /// Exporting is paused: logs grow until it is resumed.
    ExportingPaused,
    /// An exporter is switched off although both regions are members.
    ExporterOff,
    /// Members are neither all, nor one region.
    MembersUnexpected,
    /// The readings do not add up to a state.
    Unclear,
}

impl Code {
    /// The code as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Healthy => "healthy",
            Code::NothingAnswers => "nothing-answers",
            Code::AnotherInstallation => "another-installation",
            Code::PartitionLedTwice => "partition-led-twice",
            Code::RegionSuspected => "region-suspected",
            Code::RegionLost => "region-lost",
            Code::RegionLostSurvivorDown => "region-lost-survivor-down",
            Code::RegionUnreachableFromHere => "region-unreachable-from-here",
            Code::LinkCut => "link-cut",
            Code::BrokerDown => "broker-down",
            Code::Leaderless => "leaderless",
            Code::CoordinatorLost => "coordinator-lost",
            Code::ChangeRunning => "change-running",
            Code::ChangeStuck => "change-stuck",
            Code::ElectingAfterForce => "electing-after-force",
            Code::FailoverHalfDone => "failover-half-done",
            Code::FailedOver => "failed-over",
            Code::RegionReturned => "region-returned",
            Code::ExportingPaused => "exporting-paused",
            Code::ExporterOff => "exporter-off",
            Code::MembersUnexpected => "members-unexpected",
            Code::Unclear => "unclear",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The state.
    pub code: Code,
    /// The state as a sentence.
    pub summary: String,
    /// The region that it is about, where it is about one.
    pub region: Option<RegionId>,
    /// The change that it is about, where it is about one.
    pub change: Option<ChangeId>,
    /// What was seen that says so, one sentence each.
    pub evidence: Vec<String>,
    /// What it costs to leave it like this.
    pub cost_of_waiting: String,
    /// What may be done next, most useful first: commands or acts.
    pub next: Vec<String>,
}

impl Diagnosis {
    fn new(code: Code, summary: impl Into<String>) -> Self {
        Diagnosis {
            code,
            summary: summary.into(),
            region: None,
            change: None,
            evidence: Vec::new(),
            cost_of_waiting: "None.".to_owned(),
            next: Vec::new(),
        }
    }

    fn about(mut self, region: RegionId) -> Self {
        self.region = Some(region);
        self
    }

    fn seen(mut self, evidence: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    fn costs(mut self, cost: &str) -> Self {
        cost.clone_into(&mut self.cost_of_waiting);
        self
    }

    fn then(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }
}

/// Nothing is processed, so nothing is written and no disk fills.
const OUTAGE: &str = "No process moves while this lasts. Nothing acknowledged is lost, and logs do not grow.";
/// Exporting stands still, so the log cannot be compacted.
const LOG_GROWS: &str =
    "Processes run, but exported data stands still and the brokers' logs grow until their disks are full.";
/// Two replicas, quorum two of two.
const UNPROTECTED: &str = "Processes run unprotected: one more broker lost stops its partitions.";

/// Names the state that the readings amount to.
pub fn diagnose(installation: &Installation, history: &History) -> Diagnosis {
    let Some(picture) = Picture::of(installation, history) else {
        return Diagnosis::new(Code::Unclear, "Nothing has been read yet.");
    };
    nothing_answers(&picture)
        .or_else(|| another_installation(&picture))
        .or_else(|| led_twice(&picture))
        .unwrap_or_else(|| match picture.membership() {
            Membership::Only(survivors) => one_region(&picture, survivors),
            Membership::Mixed(members) => mixed(&picture, &members),
            Membership::Whole | Membership::Unknown => both_regions(&picture),
        })
}

fn nothing_answers(picture: &Picture<'_>) -> Option<Diagnosis> {
    let heard = picture.latest.brokers.values().any(|broker| broker.answers())
        || picture.latest.gateways.values().any(|gateway| {
            gateway.topology.answered() || gateway.configuration.answered() || gateway.exporters.answered()
        });
    (!heard).then(|| {
        let instead = picture.latest.gateways.iter().filter_map(|(name, gateway)| {
            let words = match gateway.topology {
                Sight::NotAsked => gateway.configuration.instead(),
                _ => gateway.topology.instead(),
            };
            words.map(|words| format!("Gateway {name}: {words}."))
        });
        Diagnosis::new(
            Code::NothingAnswers,
            "No gateway and no broker of either region answers.",
        )
        .seen(instead)
        .costs("Unknown: nothing can be seen from here.")
        .then("Check this machine's own network and the endpoints in the configuration (`c8dr config show`).")
    })
}

fn another_installation(picture: &Picture<'_>) -> Option<Diagnosis> {
    let wanted = picture.installation;
    let mut wrong = Vec::new();
    for (name, _, topology) in picture.latest.topologies() {
        if topology.partitions_count != wanted.partitions_count() {
            wrong.push(format!(
                "Gateway {name} has {} partitions; {} are configured.",
                topology.partitions_count,
                wanted.partitions_count()
            ));
        }
        if topology.cluster_size > wanted.cluster_size() {
            wrong.push(format!(
                "Gateway {name} has a cluster of {}; {} brokers are configured.",
                topology.cluster_size,
                wanted.cluster_size()
            ));
        }
    }
    if let Some((name, configuration)) = picture.latest.configuration() {
        let known = wanted.brokers();
        let strange: BTreeSet<BrokerId> = configuration
            .members
            .keys()
            .filter(|broker| !known.contains(broker))
            .copied()
            .collect();
        if !strange.is_empty() {
            wrong.push(format!(
                "By gateway {name}, {} is a member, which is not configured.",
                counted("broker", &strange)
            ));
        }
    }
    (!wrong.is_empty()).then(|| {
        Diagnosis::new(
            Code::AnotherInstallation,
            "What answers is not the installation that is configured.",
        )
        .seen(wrong)
        .costs("Unknown: this may be somebody else's cluster.")
        .then("Compare the endpoints, cluster size and partitions in the configuration with the cluster.")
    })
}

fn led_twice(picture: &Picture<'_>) -> Option<Diagnosis> {
    // Two brokers are asked one after another, so an ordinary hand-over can show two leaders once. Never twice in a row.
    let twice: BTreeMap<PartitionId, BTreeSet<BrokerId>> = picture
        .installation
        .partitions()
        .filter_map(|partition| match picture.lead(partition, picture.latest) {
            Lead::Twice(leaders) => {
                let streak = picture
                    .history
                    .streak(|reading| matches!(picture.lead(partition, reading), Lead::Twice(_)));
                (streak.readings >= 2).then_some((partition, leaders))
            }
            _ => None,
        })
        .collect();
    (!twice.is_empty()).then(|| {
        Diagnosis::new(
            Code::PartitionLedTwice,
            format!("{} has two leaders: both regions accept work that the other does not know.", counted("partition", twice.keys())),
        )
        .seen(twice.iter().map(|(partition, leaders)| {
            format!("Partition {partition} is led by {} by their own account.", counted("broker", leaders))
        }))
        .costs("Every moment both sides acknowledge work of which one side's must be thrown away.")
        .then("Send no force. Take the traffic off one region and stop its brokers (scale its StatefulSet to zero).")
        .then("Then look again with `c8dr status`; what the stopped side accepted has to be recovered by hand.")
    })
}

fn both_regions(picture: &Picture<'_>) -> Diagnosis {
    let sights = picture
        .installation
        .regions()
        .each_ref()
        .map(|region| (region.id, picture.region(region.id, picture.latest)));
    for (region, sight) in &sights {
        let other_answers = !picture
            .region(region.other(), picture.latest)
            .answering
            .is_empty();
        if sight.all_silent() && (other_answers || picture.gateways_seen(region.other()) > 0) {
            return one_silent(picture, *region);
        }
    }
    if let Some(dropped) = dropped_by_the_other_side(picture) {
        return dropped;
    }
    let down: BTreeSet<BrokerId> = sights
        .iter()
        .flat_map(|(_, sight)| sight.silent.iter().copied())
        .collect();
    if let Some(change) = pending(picture) {
        return change;
    }
    if !down.is_empty() {
        return broker_down(picture, &down);
    }
    let unled = unled(picture);
    if !unled.is_empty() {
        return Diagnosis::new(
            Code::Leaderless,
            format!("{} has no proven leader.", counted("partition", unled.keys())),
        )
        .seen(unled.iter().map(|(partition, lead)| lead_words(*partition, lead)))
        .costs(OUTAGE)
        .then(
            "Wait for an election (seconds); if it lasts, read the logs of the brokers that lead nothing.",
        );
    }
    if picture.membership() == Membership::Unknown {
        return Diagnosis::new(
            Code::Unclear,
            "Every partition is led, but who is a member cannot be read.",
        )
        .seen(
            picture
                .coordinator_silent()
                .map(|why| format!("The coordinator does not answer: {why}.")),
        )
        .then("Look again in a few seconds: `c8dr status`.");
    }
    if let Some(paused) = exporting_paused(picture) {
        return paused;
    }
    exporter_off(picture).unwrap_or_else(|| healthy(picture))
}

/// A region is silent. Lost, or not yet proven, or only not to be seen from here?
fn one_silent(picture: &Picture<'_>, lost: RegionId) -> Diagnosis {
    let name = &picture.installation.region(lost).name;
    let survivors = picture.region(lost.other(), picture.latest);
    let silent = counted("broker", picture.installation.brokers_of(lost));
    let since = picture.region_silent(lost);
    let evidence = format!(
        "{silent} of region {name} has answered nothing for {} readings over {:.1} s.",
        since.readings,
        since.span.as_secs_f64()
    );
    if let Some((change, why)) = lost_coordinator_change(picture) {
        let mut diagnosis = coordinator_lost(picture, lost, change, &why).seen([evidence]);
        diagnosis.change = change;
        return diagnosis;
    }
    let gaps = fence::gaps(picture, lost);
    if gaps.is_empty() {
        return Diagnosis::new(Code::RegionLost, format!("Region {name} is lost: its brokers are silent and no partition has a leader."))
            .about(lost)
            .seen([evidence])
            .seen(lost_details(picture, lost))
            .costs(OUTAGE)
            .then(format!("If it will be back with its disks soon, wait: the cluster heals by itself. Else `c8dr failover --lost {name}`."))
            .then("Take user traffic off the lost region (DNS or load balancer) before or together with the failover.");
    }
    // Everybody is led by survivors, and their gateways still see the other side: they have it, we have not.
    let still_listed = picture.gateways_listing(&picture.installation.brokers_of(lost), lost.other()) > 0;
    let all_led = picture.leads().values().all(|lead| lead.leader().is_some());
    let long = since.reaches(fence::READINGS, UNREACHABLE_FROM_HERE);
    if all_led && still_listed && long {
        return Diagnosis::new(
            Code::RegionUnreachableFromHere,
            format!("Region {name} does not answer us, but the cluster works with it."),
        )
        .about(lost)
        .seen([
            evidence,
            "Every partition has a leader, and the surviving gateways list the silent brokers.".to_owned(),
        ])
        .then("Repair the way from this machine to that region. Do not fail over.");
    }
    let why = gaps.iter().map(|gap| gap.why.clone());
    if !survivors.silent.is_empty() {
        return Diagnosis::new(
            Code::RegionLostSurvivorDown,
            format!(
                "Region {name} is silent, and so is {} of the surviving region.",
                counted("broker", &survivors.silent)
            ),
        )
        .about(lost)
        .seen([evidence])
        .seen(why)
        .costs(OUTAGE)
        .then(format!(
            "Start {} again first: a force would hang on it.",
            counted("broker", &survivors.silent)
        ))
        .then(format!(
            "Only if its disk is gone: `c8dr failover --lost {name} --accept-data-loss \"reason\"`."
        ));
    }
    Diagnosis::new(
        Code::RegionSuspected,
        format!("Region {name} is silent; that it is lost is not proven yet."),
    )
    .about(lost)
    .seen([evidence])
    .seen(why)
    .costs(OUTAGE)
    .then("Look again: `c8dr status --watch`. Leaders step down about five seconds after a region is gone.")
}

/// After which time survivors that still lead everything are believed to have a quorum, which a lost region excludes.
///
/// Leaders step down five to eight seconds after their quorum is gone, eleven on a busy machine. `spec: edge-cases.md E5`
const UNREACHABLE_FROM_HERE: jiff::SignedDuration = jiff::SignedDuration::from_secs(20);

fn lost_details(picture: &Picture<'_>, lost: RegionId) -> Vec<String> {
    let mut details = vec![format!(
        "{} answers; none of them leads.",
        counted("broker", picture.region(lost.other(), picture.latest).answering)
    )];
    if let Some(why) = picture.coordinator_silent() {
        details.push(format!(
            "The cluster configuration cannot be read ({why}); its coordinator is lost with the region. A force still works."
        ));
    }
    let brokers = picture.installation.brokers_of(lost);
    let (seen, listing) = (
        picture.gateways_seen(lost.other()),
        picture.gateways_listing(&brokers, lost.other()),
    );
    details.push(format!(
        "{listing} of {seen} surviving gateways still list lost brokers; they forget them after some 13 s."
    ));
    details
}

/// A change that is known to be pending, while the coordinator does not answer. `spec: edge-cases.md E9`
fn lost_coordinator_change(picture: &Picture<'_>) -> Option<(Option<ChangeId>, String)> {
    let why = picture.coordinator_silent()?;
    let pending = picture
        .history
        .readings()
        .rev()
        .find_map(|reading| reading.configuration())?
        .1
        .pending_change
        .as_ref()?;
    Some((Some(pending.id), why))
}

/// The dead end of `spec: edge-cases.md E9`, with both ways out; also used when a force is answered 409 there.
pub fn coordinator_lost(
    picture: &Picture<'_>,
    lost: RegionId,
    change: Option<ChangeId>,
    why: &str,
) -> Diagnosis {
    let name = &picture.installation.region(lost).name;
    let lowest = picture
        .installation
        .brokers_of(lost)
        .first()
        .copied()
        .unwrap_or(BrokerId(0));
    let change_words = change.map_or("A change".to_owned(), |change| format!("Change {change}"));
    let mut diagnosis = Diagnosis::new(
        Code::CoordinatorLost,
        format!("{change_words} was pending when region {name} was lost with the coordinator, broker {lowest}."),
    )
    .about(lost)
    .seen([
        format!("The configuration cannot be read or changed: {why}."),
        "While a change is pending a force is refused (409), and a cancel goes to the lost coordinator (502).".to_owned(),
    ])
    .costs(OUTAGE)
    .then(format!("Way out 1: start broker {lowest} again with its old data, wait until `/actuator/cluster` answers, cancel the change (`DELETE /actuator/cluster/changes/{{id}}`), stop it, run `c8dr failover --lost {name}`."))
    .then(format!("Way out 2: start a fresh, empty broker with node id {lowest} in the surviving region, cancel the change, and run `c8dr failover --lost {name}` at once; the empty broker exits by itself after the force."));
    diagnosis.change = change;
    diagnosis
}

/// Both regions answer us, but each has dropped the other from its gateways: the link between them is cut.
fn dropped_by_the_other_side(picture: &Picture<'_>) -> Option<Diagnosis> {
    let cut = picture.installation.regions().iter().all(|region| {
        let other = picture.installation.brokers_of(region.id.other());
        picture.gateways_seen(region.id) > 0 && picture.gateways_listing(&other, region.id) == 0
    });
    // One side's gateways may be out of our sight; then the other side's must have dropped brokers that answer us.
    let one_sided = picture.installation.regions().iter().find(|region| {
        let other = picture.installation.brokers_of(region.id.other());
        picture.gateways_seen(region.id) > 0
            && picture.gateways_listing(&other, region.id) == 0
            && picture.region(region.id.other(), picture.latest).all_answer()
            && picture
                .leads()
                .values()
                .all(|lead| !matches!(lead, Lead::Proven(_)))
    });
    if !cut && one_sided.is_none() {
        return None;
    }
    let unled = unled(picture);
    Some(
        Diagnosis::new(Code::LinkCut, "Both regions are alive, but do not see each other: the link between them is cut.")
            .seen(["The gateways of each side list none of the other side's brokers, while those answer us.".to_owned()])
            .seen((!unled.is_empty()).then(|| format!("{} has no proven leader.", counted("partition", unled.keys()))))
            .costs(OUTAGE)
            .then("Repair the link: the cluster heals by itself.")
            .then("If it can't be repaired: stop the brokers of one region (scale its StatefulSet to zero), then fail over to the other. Never force both sides.")
            .then("Without stopping them: `c8dr failover --lost REGION --accept-unfenced \"reason\"`."),
    )
}

fn broker_down(picture: &Picture<'_>, down: &BTreeSet<BrokerId>) -> Diagnosis {
    let unled = unled(picture);
    let effect = if unled.is_empty() {
        "Every partition still has a leader.".to_owned()
    } else {
        format!("{} has no proven leader.", counted("partition", unled.keys()))
    };
    let cost = if unled.is_empty() {
        "One more lost replica of the same partitions stops them."
    } else {
        OUTAGE
    };
    Diagnosis::new(
        Code::BrokerDown,
        format!("{} does not answer.", counted("broker", down)),
    )
    .seen([effect])
    .costs(cost)
    .then(format!(
        "Start {} again; this is no loss of a region.",
        counted("broker", down)
    ))
}

/// A pending change, with whom it waits for.
fn pending(picture: &Picture<'_>) -> Option<Diagnosis> {
    let change = picture.configuration()?.pending_change.as_ref()?;
    let waits_for = change.waits_for();
    let dead = waits_for.filter(|broker| {
        picture
            .latest
            .brokers
            .get(broker)
            .is_some_and(|sight| sight.is_silent())
    });
    let operations = change_words(change);
    let mut diagnosis = match dead {
        Some(broker) => Diagnosis::new(
            Code::ChangeStuck,
            format!("Change {} waits for broker {broker}, which does not answer.", change.id),
        )
        .costs("Every other change is refused with 409 while it is pending, a failover included.")
        .then(format!("Start broker {broker}; the change then goes on by itself."))
        .then(format!("Or cancel it, if you know whose it is: `curl -X DELETE $MANAGEMENT/actuator/cluster/changes/{}`.", change.id)),
        None => Diagnosis::new(Code::ChangeRunning, format!("Change {} is being carried out.", change.id))
            .costs("Every other change is refused with 409 until it ends.")
            .then("Wait for it: `c8dr status --watch`."),
    };
    diagnosis.change = Some(change.id);
    Some(diagnosis.seen([operations]))
}

fn change_words(change: &PendingChange) -> String {
    let kinds: BTreeSet<&str> = change
        .operations()
        .map(|operation| operation.kind.as_str())
        .collect();
    format!(
        "Change {}: {} operations done, {} owed ({}).",
        change.id,
        change.completed.len(),
        change.pending.len(),
        crate::ids::listed(kinds)
    )
}

/// Only one region's brokers are members: the other was removed.
fn one_region(picture: &Picture<'_>, survivors: RegionId) -> Diagnosis {
    let lost = survivors.other();
    let name = &picture.installation.region(survivors).name;
    let lost_name = &picture.installation.region(lost).name;
    let members = format!(
        "Only {} is a member.",
        counted("broker", picture.installation.brokers_of(survivors))
    );
    let down = picture.region(survivors, picture.latest).silent;
    if let Some(change) = pending(picture) {
        return change.about(lost).seen([members]);
    }
    if !down.is_empty() {
        return broker_down(picture, &down).about(lost).seen([members]);
    }
    let unled = unled(picture);
    if !unled.is_empty() {
        return Diagnosis::new(
            Code::ElectingAfterForce,
            format!("Region {lost_name} was removed; {} has no proven leader yet.", counted("partition", unled.keys())),
        )
        .about(lost)
        .seen([members])
        .seen(unled.iter().map(|(partition, lead)| lead_words(*partition, lead)))
        .costs(OUTAGE)
        .then("Wait: leaders come some six seconds after a force. Never force again while they are missing; that drops them all.");
    }
    let exporter = &picture.installation.region(lost).exporter;
    let status = picture
        .latest
        .exporters()
        .and_then(|exporters| exporters.get(exporter));
    let stalled = !matches!(
        status,
        None | Some(ExporterStatus::Disabled | ExporterStatus::ConfigNotFound)
    );
    if stalled {
        let status = status.map_or("unknown", ExporterStatus::as_str);
        return Diagnosis::new(
            Code::FailoverHalfDone,
            format!("Region {lost_name} was removed, but its exporter {exporter} is {status} and holds up all exporting."),
        )
        .about(lost)
        .seen([members])
        .costs(LOG_GROWS)
        .then(format!("`c8dr failover --lost {lost_name}` does the rest."));
    }
    if let Some(paused) = exporting_paused(picture) {
        return paused.about(lost).seen([members]);
    }
    let back = picture.region(lost, picture.latest).answering;
    if !back.is_empty() {
        return Diagnosis::new(
            Code::RegionReturned,
            format!(
                "Region {name} serves alone, and {} of the removed region {lost_name} answers again.",
                counted("broker", &back)
            ),
        )
        .about(lost)
        .seen([members])
        .costs(UNPROTECTED)
        .then(format!(
            "If it was started empty for a failback: `c8dr failback --returning {lost_name}`."
        ))
        .then("If it came back with its old disks: stop it and delete its volumes first.");
    }
    Diagnosis::new(
        Code::FailedOver,
        format!("Region {name} serves alone; region {lost_name} is gone."),
    )
    .about(lost)
    .seen([members, "Every partition has a leader.".to_owned()])
    .seen(status.map(|status| format!("The exporter {exporter} is {status}.")))
    .costs(UNPROTECTED)
    .then(format!(
        "Rebuild region {lost_name}, then `c8dr failback --returning {lost_name}`."
    ))
}

fn mixed(picture: &Picture<'_>, members: &BTreeSet<BrokerId>) -> Diagnosis {
    if let Some(change) = pending(picture) {
        return change;
    }
    Diagnosis::new(
        Code::MembersUnexpected,
        format!(
            "The members are {}: neither both regions nor one.",
            counted("broker", members)
        ),
    )
    .seen(
        unled(picture)
            .iter()
            .map(|(partition, lead)| lead_words(*partition, lead)),
    )
    .costs(UNPROTECTED)
    .then("An add or a removal was cancelled half-way. See `c8dr status` for who holds which partition.")
}

fn exporting_paused(picture: &Picture<'_>) -> Option<Diagnosis> {
    let paused = picture.paused();
    (!paused.is_empty()).then(|| {
        Diagnosis::new(Code::ExportingPaused, format!("Exporting is paused on {}.", counted("broker", paused.keys())))
            .seen(paused.iter().map(|(broker, partitions)| format!("Broker {broker}: {} paused.", counted("partition", partitions))))
            .costs(LOG_GROWS)
            .then("If nobody is in the middle of a failback or a backup: `curl -X POST $MANAGEMENT/actuator/exporting/resume` and read the status in the answer's body.")
    })
}

fn exporter_off(picture: &Picture<'_>) -> Option<Diagnosis> {
    let exporters = picture.latest.exporters()?;
    let off = |exporter: &ExporterId| {
        exporters
            .get(exporter)
            .filter(|status| **status != ExporterStatus::Enabled)
    };
    let region = picture
        .installation
        .regions()
        .iter()
        .find(|region| off(&region.exporter).is_some())?;
    let status = off(&region.exporter)?;
    Some(
        Diagnosis::new(
            Code::ExporterOff,
            format!("The exporter {} of region {} is {status}, although both regions are members.", region.exporter, region.name),
        )
        .about(region.id)
        .costs("That region's search falls behind: what is processed now never reaches it unless the failback is finished.")
        .then("A failover stopped half-way looks like this (exporter disabled before the brokers were removed), or a failback."),
    )
}

fn healthy(picture: &Picture<'_>) -> Diagnosis {
    let leaders: BTreeSet<BrokerId> = picture.leads().values().filter_map(Lead::leader).collect();
    Diagnosis::new(
        Code::Healthy,
        "Both regions are members, every partition has a leader, both exporters are on.",
    )
    .seen([format!(
        "{} partitions, led by {}.",
        picture.installation.partitions_count(),
        counted("broker", &leaders)
    )])
    .then("`c8dr ready` tells whether the loss of a region could be handled now.")
}

/// The partitions without a leader that may be believed.
fn unled(picture: &Picture<'_>) -> BTreeMap<PartitionId, Lead> {
    picture
        .leads()
        .into_iter()
        .filter(|(_, lead)| lead.leader().is_none())
        .collect()
}

/// Who leads, as a sentence.
pub fn lead_words(partition: PartitionId, lead: &Lead) -> String {
    match lead {
        Lead::Proven(leader) => format!("Partition {partition} is led by broker {leader}."),
        Lead::Listed(leader) => format!("Partition {partition} is led by broker {leader}, as gateways say."),
        Lead::Claimed(leaders) => {
            format!(
                "{} is listed as leader of partition {partition}, but does not confirm it.",
                counted("broker", leaders)
            )
        }
        Lead::Twice(leaders) => format!(
            "Partition {partition} is led by {} at once.",
            counted("broker", leaders)
        ),
        Lead::Nobody => format!("Partition {partition} has no leader."),
        Lead::Unknown => format!("Who leads partition {partition} cannot be told: its replicas do not say."),
    }
}

/// Whether a pending change is the removal of exactly `remove` by force, keeping exactly `keep`.
pub fn is_removal(change: &PendingChange, keep: &BTreeSet<BrokerId>, remove: &BTreeSet<BrokerId>) -> bool {
    let mut removed = BTreeSet::new();
    let mut forced = false;
    for operation in change.operations() {
        match operation.kind {
            OperationKind::PartitionForceReconfigure => {
                forced = true;
                if !operation.brokers.iter().all(|broker| keep.contains(broker)) {
                    return false;
                }
            }
            OperationKind::BrokerRemove => removed.extend(operation.brokers.iter().copied()),
            _ => return false,
        }
    }
    // Removals of a repeated force are gone, as their brokers are: what is forced to the same set is the same change.
    forced && removed.is_subset(remove)
}

/// Whether a pending change disables exactly `exporter`.
pub fn is_disabling(change: &PendingChange, exporter: &ExporterId) -> bool {
    let mut operations = change.operations().peekable();
    operations.peek().is_some()
        && operations.all(|operation| {
            operation.kind == OperationKind::PartitionDisableExporter
                && operation.exporter.as_ref() == Some(exporter)
        })
}
