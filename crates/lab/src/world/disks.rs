//! The brokers' disks: logs that grow while exporters stand still, and what stops when they are full
//! (spec: concepts.md §7, §7.1).

use crate::cluster::raft::Replica;
use crate::ids::{BrokerId, PartitionId};
use crate::world::World;

impl World {
    /// What the logs leave free on a broker's volume, in bytes.
    pub fn disk_free_bytes(&self, broker: BrokerId) -> u64 {
        let disk = self.config.disk;
        let replicas = self.broker(broker).into_iter().flat_map(|b| b.replicas.values());
        let held: usize = replicas.map(Replica::held).sum();
        let room = if self.filled.contains(&broker) {
            // Whatever fills it leaves half of what raft needs.
            disk.replication_free_bytes_min / 2
        } else {
            disk.volume_bytes
        };
        room.saturating_sub(disk.instance_bytes.saturating_mul(held as u64))
    }

    /// Whether a broker takes no commands: its clients are told RESOURCE_EXHAUSTED.
    pub(crate) fn too_full_to_process(&self, broker: BrokerId) -> bool {
        self.disk_free_bytes(broker) < self.config.disk.processing_free_bytes_min
    }

    /// Whether a broker takes no entries from leaders either.
    pub(crate) fn too_full_to_replicate(&self, broker: BrokerId) -> bool {
        self.disk_free_bytes(broker) < self.config.disk.replication_free_bytes_min
    }

    /// Drops what the partition's snapshot covers and every enabled exporter has acknowledged, on the leader and on the
    /// followers that have its snapshot; then those that had no room are brought up to date.
    pub(crate) fn compact(&mut self, leader: BrokerId, partition: PartitionId) {
        let enabled = self.enabled_exporters(leader, partition);
        let Some(replica) = self.replica_mut(leader, partition) else {
            return;
        };
        let acked = |r: &crate::ids::Region| replica.exporters.get(r.exporter()).map_or(0, |p| p.acked);
        // A disabled exporter holds nothing; without any the snapshot alone decides.
        let bound = enabled.iter().map(acked).min().unwrap_or(i64::MAX);
        replica.compact(bound);
        let members = replica.members.clone();
        for member in members {
            if member != leader
                && self.confer(leader, member)
                && let Some(follower) = self.replica_mut(member, partition)
            {
                follower.compact(bound);
            }
        }
        self.bring_up_to_date(leader, partition);
    }
}
