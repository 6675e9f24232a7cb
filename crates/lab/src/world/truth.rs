//! What is really so, for those who judge a disaster: from the model itself, not from what any endpoint says of it.

use std::collections::{BTreeMap, BTreeSet};

use c8dr_engine::clock::Moment;

use crate::cluster::raft::{ExporterPhase, Replica, Role};
use crate::ids::{BrokerId, PartitionId, Region};
use crate::world::World;

/// A forced removal that a coordinator has accepted and begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forced {
    /// When.
    pub at: Moment,
    /// The brokers that it keeps.
    pub kept: BTreeSet<BrokerId>,
    /// The members that it removes.
    pub removed: BTreeSet<BrokerId>,
}

/// A replica that leads, as it knows it itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leading {
    /// Which partition.
    pub partition: PartitionId,
    /// Which broker.
    pub broker: BrokerId,
    /// In which term.
    pub term: u64,
    /// Whether a majority hears it: only then it can commit.
    pub has_majority: bool,
}

impl World {
    /// The forced removals that were begun, oldest first.
    pub fn forces(&self) -> &[Forced] {
        &self.forced
    }

    /// Everybody who leads, by partition.
    pub fn leading(&self) -> Vec<Leading> {
        let mut leading: Vec<Leading> = self
            .brokers
            .values()
            .filter(|broker| broker.runs())
            .flat_map(|broker| broker.replicas.iter().map(|(p, r)| (broker.id, *p, r)))
            .filter(|(_, _, replica)| replica.role == Role::Leader)
            .map(|(broker, partition, replica)| Leading {
                partition,
                broker,
                term: replica.term,
                has_majority: replica.quorum_lost.is_none(),
            })
            .collect();
        leading.sort_by_key(|one| (one.partition, one.broker));
        leading
    }

    /// Partitions of which two replicas have committed different histories: whatever was told to clients, one of them will
    /// be given up. Down brokers are read from their disks.
    pub fn forked(&self) -> Vec<PartitionId> {
        let partitions = self.config.partitions as usize;
        // By partition, in the order of their ids, which begin with 1.
        let mut longest: Vec<Option<&Replica>> = vec![None; partitions];
        let mut forked = BTreeSet::new();
        for (partition, replica) in self.brokers.values().flat_map(|broker| &broker.replicas) {
            let place = (partition.0 as usize).wrapping_sub(1);
            let Some(longest) = longest.get_mut(place) else {
                continue;
            };
            let Some(other) = longest else {
                *longest = Some(replica);
                continue;
            };
            let common = replica.committed.min(other.committed);
            // Where one entry of two logs is the same, so is everything before it.
            let last = |replica: &Replica| replica.log.get(common.wrapping_sub(1)).copied();
            if last(replica) != last(other) {
                forked.insert(*partition);
            }
            if replica.committed > other.committed {
                *longest = Some(replica);
            }
        }
        forked.into_iter().collect()
    }

    /// How many replicas of each partition take part, on brokers that run.
    pub fn replicas_taking_part(&self) -> BTreeMap<PartitionId, usize> {
        let mut counts: BTreeMap<PartitionId, usize> = self
            .partition_ids()
            .into_iter()
            .map(|partition| (partition, 0))
            .collect();
        for broker in self.brokers.values().filter(|broker| broker.runs()) {
            let own = broker.replicas.iter();
            for (partition, _) in own.filter(|(_, replica)| replica.role != Role::Absent) {
                *counts.entry(*partition).or_default() += 1;
            }
        }
        counts
    }

    /// Brokers that run and have a partition whose exporters are paused, hard or soft.
    pub fn paused(&self) -> BTreeSet<BrokerId> {
        let is_paused = |replica: &Replica| replica.phase != ExporterPhase::Exporting;
        let holders = self.brokers.values().filter(|broker| broker.runs());
        holders
            .filter(|broker| broker.replicas.values().any(is_paused))
            .map(|broker| broker.id)
            .collect()
    }

    /// The members, as the lowest broker that answers in a region knows them.
    pub fn members_known_in(&self, region: Region) -> BTreeSet<BrokerId> {
        let mut own = self.brokers.values().filter(|b| b.id.region() == region);
        own.find(|broker| broker.answers())
            .and_then(|broker| broker.configuration.as_ref())
            .map(|configuration| configuration.members.keys().copied().collect())
            .unwrap_or_default()
    }

    /// Leaders that have an exporter enabled to a region, by its own broker's configuration.
    pub fn exporting_to(&self, region: Region) -> BTreeSet<PartitionId> {
        let leading = self.leading().into_iter().filter(|one| one.has_majority);
        leading
            .filter(|one| {
                self.enabled_exporters(one.broker, one.partition)
                    .contains(&region)
            })
            .map(|one| one.partition)
            .collect()
    }

    /// Partitions that are led by somebody with a majority, and of which an enabled exporter stands at a position that its
    /// log has not come to. The positions are in the leader's snapshots, and a follower that lagged has those, too; if a force
    /// leaves it alone, its log is the one that counts. An exporter takes only what lies behind its position, so what is
    /// written up to there is passed over. (That a real one passes over it without a word is unverified; it may as well
    /// refuse to open.)
    pub fn exporters_beyond_log(&self) -> BTreeSet<PartitionId> {
        let is_beyond = |partition: &PartitionId| {
            let Some(leader) = self.working_leader(*partition) else {
                return false;
            };
            let Some(replica) = self.replica(leader, *partition) else {
                return false;
            };
            let acked = |r: Region| replica.exporters.get(r.exporter()).map_or(0, |p| p.acked);
            let enabled = self.enabled_exporters(leader, *partition);
            enabled.into_iter().any(|r| acked(r) > replica.last_position())
        };
        self.partition_ids().into_iter().filter(is_beyond).collect()
    }

    /// The brokers that their platform has started anew while they ran, with when, oldest first.
    pub fn rolled(&self) -> &[(Moment, BrokerId)] {
        &self.rolled
    }

    /// The change of somebody else's that a request has cancelled.
    pub fn foreign_cancelled(&self) -> Option<u64> {
        self.foreign_cancelled
    }

    /// All brokers, and whether each answers.
    pub fn answering(&self) -> impl Iterator<Item = (BrokerId, bool)> {
        self.brokers.values().map(|broker| (broker.id, broker.answers()))
    }

    /// Brokers that answer nobody: down, frozen, or still starting.
    pub fn silent(&self) -> BTreeSet<BrokerId> {
        let silent = self.brokers.values().filter(|broker| !broker.answers());
        silent.map(|broker| broker.id).collect()
    }

    /// The pending change as a region knows it, with the broker that it waits for if that one is silent.
    pub fn waits_in_vain(&self, region: Region) -> Option<(u64, BrokerId)> {
        let mut own = self.brokers.values().filter(|b| b.id.region() == region);
        let configuration = own.find(|broker| broker.answers())?.configuration.as_ref()?;
        let (change, _, operation) = configuration.next_operation()?;
        let executor = self.broker(operation.executor);
        (executor.is_none_or(|b| !b.answers())).then_some((change, operation.executor))
    }

    /// How often each broker was started with an empty disk.
    pub fn disks_emptied(&self) -> &BTreeMap<BrokerId, u64> {
        &self.emptied
    }

    /// The documents of a region's search, and the cluster's UUID: another cluster begins anew.
    pub fn search_documents(&self, region: Region) -> (&str, usize) {
        let search = &self.searches[region.index()];
        let documents = search
            .indices
            .values()
            .map(crate::search::index::Index::len)
            .sum();
        (&search.uuid, documents)
    }

    /// Keys of acknowledged instances that no log which counts has any more: see [`World::audit`].
    pub fn promises_broken(&self) -> Vec<i64> {
        let mut held = BTreeSet::new();
        for partition in self.partition_ids() {
            if let Some(replica) = self.log_that_counts(partition) {
                held.extend(replica.log.iter().filter_map(|entry| entry.token));
            }
        }
        let promises = self.workload.acknowledged.iter();
        promises
            .filter(|(token, _)| !held.contains(token))
            .map(|(_, key)| *key)
            .collect()
    }
}
