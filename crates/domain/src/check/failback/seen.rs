//! A failback's plan against the newest reading: what is called settled was seen to be so, and what is owed still is.

use std::collections::BTreeSet;

use super::{Complaints, Deed, Ground, Rule};
use crate::ids::{BrokerId, counted, sentence};
use crate::observation::Observation;
use crate::plan::{Accepted, Step, StepId};
use crate::platform::Component;
use crate::topology::{ExporterPhase, ExporterStatus, OperationKind};

pub(super) fn check(
    ground: &Ground<'_>,
    deeds: &[(Deed, &Step)],
    seen: &Observation,
    complaints: &mut Complaints,
) {
    directions(ground, seen, complaints);
    pending(ground, seen, complaints);
    old_disks(ground, seen, complaints);
    let does = |wanted: Deed| deeds.iter().any(|(deed, _)| *deed == wanted);
    let claims = |id: StepId| ground.plan.settled.iter().any(|settled| settled.id == id);
    if claims(StepId::Fb1) {
        installed(ground, seen, complaints);
    }
    enabled(ground, does(Deed::Enable), claims(StepId::Fb5), seen, complaints);
    paused(ground, does(Deed::Pause), claims(StepId::Fb6), seen, complaints);
    if claims(StepId::Fb7) {
        added(ground, seen, complaints);
    }
    if does(Deed::Pause) && !ground.has_webapps() {
        no_webapps(ground, seen, complaints);
    }
}

fn members(seen: &Observation) -> Option<BTreeSet<BrokerId>> {
    seen.configuration()
        .map(|(_, configuration)| configuration.members.keys().copied().collect())
}

/// Who survives is a member, all of them.
fn directions(ground: &Ground<'_>, seen: &Observation, complaints: &mut Complaints) {
    let Some(members) = members(seen) else { return };
    let strangers: BTreeSet<BrokerId> = ground.survivors.difference(&members).copied().collect();
    complaints.error_unless(strangers.is_empty(), Rule::I2, || {
        sentence(
            "broker",
            &strangers,
            "of the region that is called surviving is no member.",
            "of the region that is called surviving are no members.",
        )
    });
}

/// What is pending is what this plan would do itself.
fn pending(ground: &Ground<'_>, seen: &Observation, complaints: &mut Complaints) {
    let Some(change) = seen
        .configuration()
        .and_then(|(_, configuration)| configuration.pending_change.as_ref())
    else {
        return;
    };
    let theirs = ground.exporter(ground.there);
    let foreign = change.operations().find(|operation| match operation.kind {
        OperationKind::PartitionEnableExporter => operation.exporter.as_ref() != theirs,
        OperationKind::BrokerAdd | OperationKind::PartitionJoin => operation
            .broker
            .is_some_and(|broker| !ground.returning.contains(&broker)),
        OperationKind::PartitionLeave | OperationKind::PartitionReconfigurePriority => false,
        _ => true,
    });
    if let Some(operation) = foreign {
        complaints.error(
            Rule::I5,
            format!(
                "Change {} is pending, and is no part of a failback ({}).",
                change.id,
                operation.kind.as_str()
            ),
        );
    }
}

/// Guarantee G12: a broker that holds partitions and is no member came back with its old disk.
fn old_disks(ground: &Ground<'_>, seen: &Observation, complaints: &mut Complaints) {
    let Some(members) = members(seen) else { return };
    // One that is being added may hold something before the members are read again.
    let adding: BTreeSet<BrokerId> = seen
        .configuration()
        .and_then(|(_, configuration)| configuration.pending_change.as_ref())
        .into_iter()
        .flat_map(|change| change.operations())
        .filter(|operation| operation.kind == OperationKind::BrokerAdd)
        .filter_map(|operation| operation.broker)
        .collect();
    let old: BTreeSet<BrokerId> = ground
        .returning
        .difference(&members)
        .filter(|broker| !adding.contains(broker))
        .filter(|broker| {
            seen.brokers
                .get(broker)
                .and_then(|sight| sight.partitions.seen())
                .is_some_and(|held| !held.is_empty())
        })
        .copied()
        .collect();
    complaints.error_unless(old.is_empty(), Rule::G12, || {
        sentence(
            "broker",
            &old,
            "came back with its old disk.",
            "came back with their old disks.",
        )
    });
}

/// FB1 is settled: a surviving gateway lists all returning brokers, and those that are no members without a partition.
fn installed(ground: &Ground<'_>, seen: &Observation, complaints: &mut Complaints) {
    let members = members(seen).unwrap_or_default();
    let mut listings = seen
        .topologies()
        .filter(|(_, region, _)| *region == ground.here)
        .peekable();
    let unheard = listings.peek().is_none();
    let listed = listings.any(|(_, _, topology)| {
        ground.returning.iter().all(|broker| {
            topology
                .brokers
                .get(broker)
                .is_some_and(|listed| listed.partitions.is_empty() || members.contains(broker))
        })
    });
    // Once brokers are members, what gateways list says nothing of a rebuilding.
    let adding = !members.is_disjoint(&ground.returning);
    complaints.error_unless(unheard || listed || adding, Rule::I7, || {
        format!(
            "FB1 is called settled, but no surviving gateway lists {} as empty.",
            counted("broker", &ground.returning)
        )
    });
    let webapps = seen
        .platforms
        .get(&ground.there)
        .and_then(|platform| platform.pods.seen())
        .is_some_and(|pods| pods.iter().any(|pod| pod.component == Component::Webapp));
    let restored = ground
        .plan
        .settled
        .iter()
        .any(|settled| settled.id == StepId::Fb3e);
    complaints.error_unless(!webapps || restored, Rule::I8, || {
        "FB1 is called settled, but webapps run in the returning region.".to_owned()
    });
}

fn enabled(ground: &Ground<'_>, owed: bool, claimed: bool, seen: &Observation, complaints: &mut Complaints) {
    let status = |region| {
        let exporter = ground.exporter(region)?;
        seen.exporters()?.get(exporter)
    };
    if let Some(theirs) = status(ground.there) {
        let on = *theirs == ExporterStatus::Enabled;
        complaints.error_unless(!claimed || on, Rule::I13, || {
            format!("FB5 is called settled, but the returning exporter is {theirs}.")
        });
        complaints.error_unless(!owed || !on, Rule::I18, || {
            "The returning exporter would be enabled, and is ENABLED already.".to_owned()
        });
    }
    if let Some(own) = status(ground.here) {
        complaints.error_unless(*own == ExporterStatus::Enabled, Rule::I13, || {
            format!("The surviving exporter is {own}; its search has no position to begin at.")
        });
    }
}

fn paused(ground: &Ground<'_>, pauses: bool, claimed: bool, seen: &Observation, complaints: &mut Complaints) {
    let paused: BTreeSet<BrokerId> = seen
        .brokers
        .iter()
        .filter(|(_, sight)| {
            sight.partitions.seen().is_some_and(|own| {
                own.values().any(|replica| {
                    matches!(
                        replica.exporter_phase,
                        Some(ExporterPhase::Paused | ExporterPhase::SoftPaused)
                    )
                })
            })
        })
        .map(|(broker, _)| *broker)
        .collect();
    if paused.is_empty() {
        return;
    }
    complaints.error_unless(!claimed, Rule::I17, || {
        format!(
            "FB6 is called settled, but exporting is paused on {}.",
            counted("broker", &paused)
        )
    });
    let adopted = ground
        .plan
        .accepted
        .iter()
        .any(|accepted| matches!(accepted, Accepted::PauseAdopted { .. }));
    complaints.error_unless(!pauses || adopted, Rule::I17, || {
        format!(
            "Exporting is paused already on {}, and nobody took that pause over.",
            counted("broker", &paused)
        )
    });
}

/// FB7 is settled: all are members, and every partition has all its replicas.
fn added(ground: &Ground<'_>, seen: &Observation, complaints: &mut Complaints) {
    let Some((_, configuration)) = seen.configuration() else {
        return;
    };
    let missing: BTreeSet<BrokerId> = ground
        .all
        .iter()
        .filter(|broker| !configuration.members.contains_key(broker))
        .copied()
        .collect();
    complaints.error_unless(missing.is_empty(), Rule::I19, || {
        format!(
            "FB7 is called settled, but {}",
            crate::ids::clause("broker", &missing, "is no member.", "are no members.")
        )
    });
    let factor = ground.plan.installation.replication_factor() as usize;
    let short = ground.plan.installation.partitions().find(|partition| {
        let replicas = configuration
            .members
            .values()
            .filter(|member| member.partitions.contains_key(partition));
        replicas.count() < factor
    });
    if let Some(partition) = short.filter(|_| missing.is_empty()) {
        complaints.error(
            Rule::I19,
            format!("FB7 is called settled, but partition {partition} lacks replicas."),
        );
    }
}

/// A plan without a word of webapps, where some run: they would write while the snapshot is taken.
fn no_webapps(ground: &Ground<'_>, seen: &Observation, complaints: &mut Complaints) {
    for (region, rule) in [(ground.here, Rule::I9), (ground.there, Rule::I8)] {
        let runs = seen
            .platforms
            .get(&region)
            .and_then(|platform| platform.pods.seen())
            .is_some_and(|pods| pods.iter().any(|pod| pod.component == Component::Webapp));
        complaints.error_unless(!runs, rule, || {
            format!("Webapps run in region {region}, and the plan knows of none.")
        });
    }
}
