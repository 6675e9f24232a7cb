//! Which operations a request would need, in the recorded order, or why it is refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::configuration::{Configuration, Deed, Operation};
use crate::cluster::placement::round_robin;
use crate::ids::{BrokerId, PartitionId};

/// The order in which this JVM's maps run: it differs from run to run (recorded: 3 4 1 2 and 4 3 2 1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapOrder {
    pub(crate) reversed: bool,
    /// Sets of brokers that are added, and the joins of a partition, have orders of their own (recorded: 3, 14).
    pub(crate) adds_reversed: bool,
    pub(crate) joins_reversed: bool,
}

fn sorted(ids: impl Iterator<Item = BrokerId>, reversed: bool) -> Vec<BrokerId> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    if reversed {
        ids.reverse();
    }
    ids
}

impl MapOrder {
    pub(crate) fn members(self, configuration: &Configuration) -> Vec<BrokerId> {
        let mut ids: Vec<_> = configuration.members.keys().copied().collect();
        if configuration.reshaped {
            ids.sort_by_key(|b| b.wire_rank());
        } else if self.reversed {
            ids.reverse();
        }
        ids
    }

    pub(crate) fn partitions(
        self,
        configuration: &Configuration,
        of: &BTreeSet<PartitionId>,
    ) -> Vec<PartitionId> {
        let mut ids: Vec<_> = of.iter().copied().collect();
        if self.reversed {
            ids.reverse();
        } else if !configuration.reshaped {
            let half = ids.len() / 2;
            ids.rotate_left(half);
        }
        ids
    }
}

/// Ids as Java prints a list.
pub(crate) fn java_list<T: std::fmt::Display>(ids: impl IntoIterator<Item = T>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    format!("[{}]", ids.join(", "))
}

/// The operations of a forced removal of everyone but `retain`; `Err` is the message of the 400.
pub(crate) fn force(
    c: &Configuration,
    order: MapOrder,
    retain: &BTreeSet<BrokerId>,
) -> Result<Vec<Operation>, String> {
    if let Some(unknown) = retain.iter().find(|b| !c.members.contains_key(b)) {
        return Err(format!(
            "Expected to force configure while retaining broker '{unknown}', but broker '{unknown}' is not in the current cluster. Current members are '{}'",
            java_list(c.members.keys())
        ));
    }
    let partitions = c.partitions();
    let orphaned: BTreeSet<_> = partitions
        .iter()
        .copied()
        .filter(|p| c.replicas(*p).is_disjoint(retain))
        .collect();
    let Some(&coordinator) = retain.iter().next().filter(|_| orphaned.is_empty()) else {
        return Err(format!(
            "Expected to force configure and retain members '{}', but this will result in partitions '{}' having no replicas",
            java_list(retain),
            java_list(order.partitions(c, &orphaned))
        ));
    };
    let mut operations = Vec::new();
    for partition in partitions {
        let mut brokers: Vec<_> = c.replicas(partition).intersection(retain).copied().collect();
        brokers.sort_by_key(|b| b.wire_rank());
        if let Some(&executor) = brokers.first() {
            operations.push(Operation {
                executor,
                deed: Deed::Force { partition, brokers },
            });
        }
    }
    let removed = c.members.keys().copied().filter(|b| !retain.contains(b));
    for broker in sorted(removed, order.reversed) {
        operations.push(Operation {
            executor: coordinator,
            deed: Deed::BrokerRemove { broker },
        });
    }
    Ok(operations)
}

/// The operations that bring the cluster to these brokers and this replication factor.
pub(crate) fn scale(
    c: &Configuration,
    order: MapOrder,
    brokers: &BTreeSet<BrokerId>,
    factor: Option<i64>,
) -> Result<Vec<Operation>, String> {
    let factor = factor.unwrap_or_else(|| i64::try_from(c.replication_factor()).unwrap_or(i64::MAX));
    let Some(factor) = usize::try_from(factor).ok().filter(|f| *f > 0) else {
        return Err(format!("Replication factor [{factor}] must be greater than 0"));
    };
    if brokers.is_empty() {
        return Err(
            "java.lang.IllegalArgumentException: Cannot reassign partitions if no brokers are provided"
                .to_owned(),
        );
    }
    if brokers.len() < factor {
        return Err(format!(
            "Number of brokers [{}] is less than the replication factor [{factor}]",
            brokers.len()
        ));
    }
    let mut operations = Vec::new();
    let added = brokers.iter().copied().filter(|b| !c.members.contains_key(b));
    for executor in sorted(added, order.adds_reversed) {
        operations.push(Operation {
            executor,
            deed: Deed::BrokerAdd,
        });
    }
    let targets: Vec<_> = brokers.iter().copied().collect();
    let partitions: Vec<_> = c.partitions().into_iter().collect();
    for (partition, target) in round_robin(&targets, &partitions, factor) {
        reassign(c, order, partition, &target, &mut operations);
    }
    let leaving = c.members.keys().copied().filter(|b| !brokers.contains(b));
    for executor in sorted(leaving, order.reversed) {
        operations.push(Operation {
            executor,
            deed: Deed::BrokerLeave,
        });
    }
    Ok(operations)
}

fn reassign(
    c: &Configuration,
    order: MapOrder,
    partition: PartitionId,
    target: &BTreeMap<BrokerId, u32>,
    operations: &mut Vec<Operation>,
) {
    let current = c.replicas(partition);
    for executor in sorted(
        target.keys().copied().filter(|b| !current.contains(b)),
        order.joins_reversed,
    ) {
        if let Some(&priority) = target.get(&executor) {
            operations.push(Operation {
                executor,
                deed: Deed::Join { partition, priority },
            });
        }
    }
    let mut stay: Vec<_> = current.into_iter().collect();
    stay.sort_by_key(|b| b.wire_rank());
    for &executor in stay.iter().filter(|b| !target.contains_key(b)) {
        operations.push(Operation {
            executor,
            deed: Deed::Leave { partition },
        });
    }
    for executor in stay {
        let now = c
            .members
            .get(&executor)
            .and_then(|m| m.partitions.get(&partition))
            .map(|p| p.priority);
        if let Some(&priority) = target.get(&executor)
            && now != Some(priority)
        {
            operations.push(Operation {
                executor,
                deed: Deed::Priority { partition, priority },
            });
        }
    }
}

/// The operations that disable an exporter everywhere, dead members included.
pub(crate) fn disable(c: &Configuration, order: MapOrder, exporter: &str) -> Result<Vec<Operation>, String> {
    on_every_replica(c, order, |broker, partition| {
        let known = c.members.get(&broker).and_then(|m| m.partitions.get(&partition));
        if known.is_none_or(|p| !p.exporters.contains_key(exporter)) {
            return Err(format!(
                "java.lang.IllegalStateException: Expected to disable exporter, but the partition '{partition}' does not have the exporter '{exporter}'"
            ));
        }
        Ok(Deed::Disable {
            partition,
            exporter: exporter.to_owned(),
        })
    })
}

/// The operations that enable an exporter everywhere. An unknown id is accepted, as by the real one (README §6.6).
pub(crate) fn enable(
    c: &Configuration,
    order: MapOrder,
    exporter: &str,
    from: Option<&str>,
) -> Result<Vec<Operation>, String> {
    on_every_replica(c, order, |broker, partition| {
        let placed = c.members.get(&broker).and_then(|m| m.partitions.get(&partition));
        let entry = |id: &str| placed.and_then(|p| p.exporters.get(id));
        if let Some(source) = from {
            let lead = format!(
                "java.lang.IllegalStateException: Expected to enable exporter and initialize from exporter '{source}', but the"
            );
            match entry(source) {
                None => {
                    return Err(format!(
                        "{lead} partition '{partition}' does not have exporter '{source}'"
                    ));
                }
                Some(e) if !e.enabled => return Err(format!("{lead} exporter '{source}' is disabled")),
                Some(_) => {}
            }
        }
        if entry(exporter).is_some_and(|e| e.enabled) {
            return Err(format!(
                "java.lang.IllegalStateException: Expected to enable exporter, but the exporter '{exporter}' is already enabled"
            ));
        }
        Ok(Deed::Enable {
            partition,
            exporter: exporter.to_owned(),
            from: from.map(str::to_owned),
        })
    })
}

fn on_every_replica(
    c: &Configuration,
    order: MapOrder,
    deed: impl Fn(BrokerId, PartitionId) -> Result<Deed, String>,
) -> Result<Vec<Operation>, String> {
    let mut operations = Vec::new();
    for executor in order.members(c) {
        let Some(member) = c.members.get(&executor) else {
            continue;
        };
        let held = member.partitions.keys().copied().collect();
        for partition in order.partitions(c, &held) {
            operations.push(Operation {
                executor,
                deed: deed(executor, partition)?,
            });
        }
    }
    Ok(operations)
}
