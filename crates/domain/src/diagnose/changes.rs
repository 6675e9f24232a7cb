//! What a pending change amounts to, and whose it is.

use std::collections::BTreeSet;

use super::{Code, Diagnosis};
use crate::ids::{BrokerId, ExporterId, RegionId, number};
use crate::picture::Picture;
use crate::topology::{OperationKind, PendingChange};

/// A region is silent while a change is pending: the failover itself under way, or something that stands in its way.
pub(super) fn pending_in_a_loss(picture: &Picture<'_>, lost: RegionId) -> Option<Diagnosis> {
    let pending_change = picture.configuration()?.pending_change.as_ref()?;
    let name = &picture.installation.region(lost).name;
    let (keep, remove) = (
        picture.installation.brokers_of(lost.other()),
        picture.installation.brokers_of(lost),
    );
    let mut diagnosis = pending(picture)?.about(lost);
    if is_removal(pending_change, &keep, &remove) {
        diagnosis.summary = format!("Region {name} is being removed by change {}.", pending_change.id);
        return Some(diagnosis.then(format!(
            "`c8dr failover --lost {name}` takes it up and does the rest."
        )));
    }
    if diagnosis.code == Code::ChangeStuck {
        let id = pending_change.id;
        diagnosis.summary = format!(
            "Region {name} is silent, and change {id} waits for it: no failover is possible before that change is cancelled."
        );
        diagnosis.next = vec![
            format!(
                "If region {name} will be back with its disks soon, wait: the change then goes on by itself."
            ),
            format!(
                "Else cancel the change (`curl -X DELETE $MANAGEMENT/actuator/cluster/changes/{id}`), then `c8dr failover --lost {name}`."
            ),
        ];
    }
    Some(diagnosis)
}

/// A pending change, with whom it waits for.
pub(super) fn pending(picture: &Picture<'_>) -> Option<Diagnosis> {
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
        "{} of {} of change {} done ({}).",
        change.completed.len(),
        number(change.operations().count(), "operation"),
        change.id,
        crate::ids::listed(kinds)
    )
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

/// Whether a pending change enables exactly `exporter`.
pub fn is_enabling(change: &PendingChange, exporter: &ExporterId) -> bool {
    let mut operations = change.operations().peekable();
    operations.peek().is_some()
        && operations.all(|operation| {
            operation.kind == OperationKind::PartitionEnableExporter
                && operation.exporter.as_ref() == Some(exporter)
        })
}

/// Whether a pending change adds exactly brokers of `returning`, and no others. No particular list of operations is
/// expected. `spec: procedure.md FB7`
pub fn is_adding(change: &PendingChange, returning: &BTreeSet<BrokerId>) -> bool {
    let mut adds = false;
    for operation in change.operations() {
        match operation.kind {
            OperationKind::BrokerAdd | OperationKind::PartitionJoin => {
                let mut named = operation.broker.iter().chain(&operation.brokers);
                let is_one = named.all(|broker| returning.contains(broker));
                adds |= is_one;
                // Survivors join as well where they were reinforced before: the usual placement is another one.
                if !is_one && operation.kind == OperationKind::BrokerAdd {
                    return false;
                }
            }
            OperationKind::PartitionLeave | OperationKind::PartitionReconfigurePriority => {}
            _ => return false,
        }
    }
    adds
}

/// Whether a pending change moves replicas among exactly these members, and nothing else.
pub fn is_reinforcing(change: &PendingChange, members: &BTreeSet<BrokerId>) -> bool {
    let mut joins = false;
    for operation in change.operations() {
        match operation.kind {
            OperationKind::PartitionJoin => joins = true,
            OperationKind::PartitionLeave | OperationKind::PartitionReconfigurePriority => {}
            _ => return false,
        }
        let mut named = operation.broker.iter().chain(&operation.brokers);
        if !named.all(|broker| members.contains(broker)) {
            return false;
        }
    }
    joins
}
