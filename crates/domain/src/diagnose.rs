//! What is wrong, in one named code, with the evidence for it.
//!
//! A pure function of the readings. It names one state; everything else of note is said in the evidence. Order matters:
//! what makes any action dangerous is looked for first. `spec: procedure.md §7`, `concepts.md §4`, `edge-cases.md`.

mod changes;
mod loss;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::fence;
use crate::history::History;
use crate::ids::{
    BrokerId, ChangeId, ExporterId, GatewayName, PartitionId, RegionId, clause, counted, listed, sentence,
};
use crate::installation::Installation;
use crate::observation::Sight;
use crate::picture::{Lead, Membership, Picture};
use crate::topology::ExporterStatus;

pub use changes::{is_adding, is_disabling, is_enabling, is_reinforcing, is_removal};
pub use loss::{coordinator_lost, lost_coordinator_change};

use changes::pending;
use loss::{brokers_unseen, dropped_by_the_other_side, halved, one_silent};

/// The states that an installation can be in. Kebab-case on the wire and in `c8dr explain`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::VariantArray,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
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
    /// All that there are.
    pub const ALL: &[Code] = Code::VARIANTS;

    /// The code as it is written.
    pub fn as_str(self) -> &'static str {
        self.into()
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
/// Some partitions have no leader.
const PARTLY: &str = "Processes of the partitions without a leader stand still; those of the others go on. Nothing acknowledged is lost.";
/// Exporting stands still, so the log cannot be compacted.
const LOG_GROWS: &str =
    "Processes run, but exported data stands still and the brokers' logs grow until their disks are full.";
/// Two replicas, quorum two of two.
const UNPROTECTED: &str = "Processes run unprotected: one more broker lost stops its partitions.";
/// What it costs to serve from one region, with three replicas of each partition.
const REINFORCED: &str = "Processes run unprotected against the loss of the region: it holds all there is. One more broker of it may be lost.";

/// What it costs to serve from a region alone.
fn cost_of_one(picture: &Picture<'_>, region: RegionId) -> &'static str {
    let third = picture.installation.regional_replicas() as usize + 1;
    match picture.replicas_within(region) {
        Some((least, _)) if least >= third => REINFORCED,
        _ => UNPROTECTED,
    }
}

/// Names the state that the readings amount to.
pub fn diagnose(installation: &Installation, history: &History) -> Diagnosis {
    let Some(picture) = Picture::of(installation, history) else {
        return Diagnosis::new(Code::Unclear, "Nothing has been read yet.")
            .then("Look first: `c8dr status`.");
    };
    nothing_answers(&picture)
        .or_else(|| strangers(&picture))
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
        .then("Check this machine's own network, and the addresses in the configuration.")
    })
}

/// Something answers at our addresses, but nothing of it is what Camunda says.
fn strangers(picture: &Picture<'_>) -> Option<Diagnosis> {
    let latest = picture.latest;
    let understood = latest.gateways.values().any(|gateway| {
        gateway.topology.seen().is_some()
            || gateway.configuration.seen().is_some()
            || gateway.exporters.seen().is_some()
    }) || latest
        .brokers
        .values()
        .any(|broker| broker.ready.seen().is_some() || broker.partitions.seen().is_some());
    // A survivor whose coordinator is lost declines, too; but then its brokers speak for themselves.
    let declined = latest.gateways.values().any(|gateway| {
        matches!(gateway.topology, Sight::Declined { .. } | Sight::Garbled { .. })
            || (gateway.topology == Sight::NotAsked && matches!(gateway.configuration, Sight::Garbled { .. }))
    });
    (!understood && declined).then(|| {
        let instead = latest.gateways.iter().filter_map(|(name, gateway)| {
            let words = gateway
                .topology
                .instead()
                .or_else(|| gateway.configuration.instead())?;
            Some(format!("Gateway {name}: {words}."))
        });
        Diagnosis::new(
            Code::AnotherInstallation,
            "Something answers at the configured addresses, but it does not speak as Camunda does.",
        )
        .seen(instead)
        .costs("Unknown: whatever answers is not the cluster, or does not let us in.")
        .then("Check the addresses, their base paths and `auth` in the configuration.")
    })
}

fn another_installation(picture: &Picture<'_>) -> Option<Diagnosis> {
    let wanted = picture.installation;
    let mut differing: BTreeMap<String, Vec<&GatewayName>> = BTreeMap::new();
    for (name, _, topology) in picture.latest.topologies() {
        let (partitions, size) = (topology.partitions_count, topology.cluster_size);
        if partitions != wanted.partitions_count() {
            let words = format!("{partitions} partitions instead of {}", wanted.partitions_count());
            differing.entry(words).or_default().push(name);
        }
        if size > wanted.cluster_size() {
            let words = format!("{size} brokers instead of {}", wanted.cluster_size());
            differing.entry(words).or_default().push(name);
        }
    }
    let mut wrong: Vec<String> = differing
        .into_iter()
        .map(|(words, gateways)| format!("The cluster has {words}, by {}.", listed(gateways)))
        .collect();
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
                "By gateway {name}, {} configured here.",
                clause(
                    "broker",
                    &strange,
                    "is a member that is not",
                    "are members that are not"
                )
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
    let twice: BTreeMap<PartitionId, BTreeSet<BrokerId>> = fence::led_twice(picture)
        .into_iter()
        .filter(|(_, twice)| twice.readings >= 2)
        .map(|(partition, twice)| (partition, twice.leaders))
        .collect();
    (!twice.is_empty()).then(|| {
        Diagnosis::new(
            Code::PartitionLedTwice,
            sentence(
                "partition",
                twice.keys(),
                "has two leaders: each accepts work that the other does not know.",
                "have two leaders each: both accept work that the other does not know.",
            ),
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
        let other = picture.region(region.other(), picture.latest);
        if sight.all_silent() && other.all_silent() {
            return brokers_unseen(picture);
        }
        if sight.all_silent() && (!other.answering.is_empty() || picture.gateways_seen(region.other()) > 0) {
            return match halved(picture) {
                Some(unclear) => unclear,
                None => one_silent(picture, *region),
            };
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
            no_proven_leader(&unled),
        )
        .seen(unled.iter().map(|(partition, lead)| lead_words(*partition, lead)))
        .costs(standstill(picture))
        .then(
            "Wait for an election (seconds); if it lasts, read the logs of the brokers that lead nothing.",
        );
    }
    if picture.configuration().is_none() || picture.latest.exporters().is_none() {
        return Diagnosis::new(
            Code::Unclear,
            "Every partition is led, but the members, changes and exporters of the cluster cannot all be read.",
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

fn broker_down(picture: &Picture<'_>, down: &BTreeSet<BrokerId>) -> Diagnosis {
    let unled = unled(picture);
    let effect = if unled.is_empty() {
        "Every partition still has a leader.".to_owned()
    } else {
        no_proven_leader(&unled)
    };
    let cost = if unled.is_empty() {
        "One more lost replica of the same partitions stops them."
    } else {
        standstill(picture)
    };
    Diagnosis::new(
        Code::BrokerDown,
        sentence("broker", down, "does not answer.", "do not answer."),
    )
    .seen([effect])
    .costs(cost)
    .then(format!(
        "Start {} again; this is no loss of a region.",
        counted("broker", down)
    ))
}

/// Only one region's brokers are members: the other was removed.
fn one_region(picture: &Picture<'_>, survivors: RegionId) -> Diagnosis {
    let lost = survivors.other();
    let name = &picture.installation.region(survivors).name;
    let lost_name = &picture.installation.region(lost).name;
    let members = format!(
        "The only members are {}.",
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
            format!(
                "Region {lost_name} was removed; {}",
                clause("partition", unled.keys(), "has no proven leader yet.", "have no proven leader yet.")
            ),
        )
        .about(lost)
        .seen([members])
        .seen(unled.iter().map(|(partition, lead)| lead_words(*partition, lead)))
        .costs(standstill(picture))
        .then("Wait: leaders come some six seconds after a force. Never force again while they are missing; that drops them all.");
    }
    let exporter = &picture.installation.region(lost).exporter;
    let status = picture.exporter_status(exporter);
    let on = status
        .as_ref()
        .filter(|status| !matches!(status, ExporterStatus::Disabled | ExporterStatus::ConfigNotFound));
    let back = returned(picture, lost);
    // With the region back its exporter may be on for a reason: a failback has enabled it again.
    if let (Some(status), None) = (on, &back) {
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
    if let Some(back) = back {
        return Diagnosis::new(
            Code::RegionReturned,
            format!("Region {name} serves alone, and of the removed region {lost_name} {back}"),
        )
        .about(lost)
        .seen([members])
        .seen(on.map(|status| format!("Its exporter {exporter} is {status} already.")))
        .costs(cost_of_one(picture, lost.other()))
        .then(format!(
            "If it was started empty: `c8dr failback --returning {lost_name}`."
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
    .costs(cost_of_one(picture, lost.other()))
    .then(format!(
        "Rebuild region {lost_name} empty, then fail back: `c8dr failback --returning {lost_name}`."
    ))
}

/// What of a removed region answers again, as a sentence's end; `None` if nothing does.
fn returned(picture: &Picture<'_>, lost: RegionId) -> Option<String> {
    let brokers = picture.region(lost, picture.latest).answering;
    if !brokers.is_empty() {
        return Some(clause("broker", &brokers, "answers again.", "answer again."));
    }
    let gateways: BTreeSet<&GatewayName> = picture
        .latest
        .gateways
        .iter()
        .filter(|(_, seen)| seen.region == lost)
        .filter(|(_, seen)| seen.topology.seen().is_some() || seen.configuration.seen().is_some())
        .map(|(name, _)| name)
        .collect();
    (!gateways.is_empty()).then(|| clause("gateway", &gateways, "answers again.", "answer again."))
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
            .seen(paused.iter().map(|(broker, partitions)| format!("Broker {broker}: {}.", counted("partition", partitions))))
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
        .then("Find out why: a failback that was not finished looks like this, or an exporter that was disabled before the brokers were removed."),
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

/// What it costs that partitions have no leader: all of them, or some.
fn standstill(picture: &Picture<'_>) -> &'static str {
    let all_unled = picture.leads().values().all(|lead| lead.leader().is_none());
    if all_unled { OUTAGE } else { PARTLY }
}

fn no_proven_leader(unled: &BTreeMap<PartitionId, Lead>) -> String {
    sentence(
        "partition",
        unled.keys(),
        "has no proven leader.",
        "have no proven leader.",
    )
}

/// Who leads, as a sentence.
pub fn lead_words(partition: PartitionId, lead: &Lead) -> String {
    match lead {
        Lead::Proven(leader) => format!("Partition {partition} is led by broker {leader}."),
        Lead::Listed(leader) => format!("Partition {partition} is led by broker {leader}, as gateways say."),
        Lead::Claimed(leaders) => {
            format!(
                "Partition {partition}: gateways list {}, but nobody confirms it.",
                clause("broker", leaders, "as leader", "as leaders")
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
