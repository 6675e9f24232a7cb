//! Exporters: on the leader only, in sequence, at least once; a dead target stalls them all (spec: concepts.md §7).

use c8dr_engine::clock::Moment;

use crate::cluster::raft::{Counted, Entry, ExportPosition, ExporterPhase, Replica, Role};
use crate::ids::{BrokerId, PartitionId, Region};
use crate::world::{Event, World};

/// What has become of a bulk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Written {
    /// It is in the search, and the exporter has counted so much by then.
    Arrived(Counted),
    /// The search is outside this world: a courier will tell.
    OnItsWay,
}

impl World {
    /// The exporters that this broker's configuration has enabled for the partition.
    pub(crate) fn enabled_exporters(&self, broker: BrokerId, partition: PartitionId) -> Vec<Region> {
        let Some(configuration) = self.configuration(broker) else {
            return Vec::new();
        };
        let enabled = |r: &Region| configuration.exporter_enabled(broker, partition, r.exporter());
        Region::BOTH.into_iter().filter(enabled).collect()
    }

    fn target_answers(&self, broker: BrokerId, target: Region) -> bool {
        self.takes_records(target) && self.linked(broker.region(), target)
    }

    /// A document that a shell beside a broker writes by its exporter's address, and takes away again: the UUID of the cluster
    /// that took it, if one did.
    pub fn try_to_write(&self, broker: BrokerId, target: Region) -> Option<String> {
        let runs = self.broker(broker).is_some_and(|broker| broker.runs());
        (runs && self.target_answers(broker, target)).then(|| self.searches[target.index()].uuid.clone())
    }

    /// Whether every exporter of this leader can do its work: one that cannot holds up the others.
    fn exports_flow(&self, leader: BrokerId, partition: PartitionId, enabled: &[Region]) -> bool {
        let answers = |r: &Region| self.target_answers(leader, *r);
        enabled.iter().all(answers) && !self.exporter_sticks(leader, partition)
    }

    /// Whether an exporter of this leader writes to a search of which nothing comes back, not even a refusal.
    pub(crate) fn exports_into_silence(&self, broker: BrokerId, partition: PartitionId) -> bool {
        let leads = self
            .replica(broker, partition)
            .is_some_and(|r| r.role == Role::Leader);
        let vanishes = |r: &Region| self.calls_vanish(broker, *r);
        leads && self.calls_may_last() && self.enabled_exporters(broker, partition).iter().any(vanishes)
    }

    /// Reads on, and sees to it that what is read is flushed when the timer is due.
    pub(crate) fn export_soon(&mut self, leader: BrokerId, partition: PartitionId) {
        let enabled = self.enabled_exporters(leader, partition);
        if enabled.is_empty() {
            return;
        }
        let flows = self.exports_flow(leader, partition, &enabled);
        let Some(replica) = self
            .replica_mut(leader, partition)
            .filter(|r| r.role == Role::Leader)
        else {
            return;
        };
        let committed = replica.committed_position();
        if flows && replica.phase != ExporterPhase::Paused {
            for region in &enabled {
                let position = position_of(replica, *region);
                position.handed = position.handed.max(committed);
            }
        }
        let term = replica.term;
        let waiting = enabled.iter().any(|r| position_of(replica, *r).acked < committed);
        if waiting && self.flushing.insert((leader, partition)) {
            self.after(
                self.config.timings.flush_interval,
                Event::Flush {
                    broker: leader,
                    partition,
                    term,
                },
            );
        }
    }

    pub(crate) fn flush(&mut self, leader: BrokerId, partition: PartitionId, term: u64) {
        self.flushing.remove(&(leader, partition));
        if self.broker(leader).is_none_or(|b| !b.runs()) {
            return;
        }
        let enabled = self.enabled_exporters(leader, partition);
        let flows = self.exports_flow(leader, partition, &enabled);
        let Some(replica) = self.replica(leader, partition) else {
            return;
        };
        if replica.role != Role::Leader {
            return;
        }
        if replica.term != term {
            self.export_soon(leader, partition);
            return;
        }
        let may_last = (self.calls_may_last() || !self.exporter_calls.is_empty())
            && has_something_to_send(replica, &enabled);
        if flows && may_last && self.bulk_takes_its_time(leader, partition, &enabled) {
            return;
        }
        if flows {
            for region in enabled {
                self.write_out(leader, partition, region);
            }
            self.distribute_later(leader, partition, term);
        } else {
            self.write_unheard(leader, partition, &enabled);
            if may_last {
                self.bulk_vanishes(leader, partition, &enabled);
            }
        }
        if self
            .replica(leader, partition)
            .is_some_and(|r| r.phase == ExporterPhase::Exporting)
        {
            self.export_soon(leader, partition);
        }
    }

    /// Across a link that is open one way bulks arrive, and their answers do not: what was written is written again.
    fn write_unheard(&mut self, leader: BrokerId, partition: PartitionId, enabled: &[Region]) {
        for region in enabled {
            let arrives = self.passes(leader.region(), *region) && !self.linked(leader.region(), *region);
            if arrives && self.takes_records(*region) {
                self.write_bulk(leader, partition, *region);
            }
        }
    }

    fn write_out(&mut self, leader: BrokerId, partition: PartitionId, region: Region) {
        let Written::Arrived(counted) = self.write_bulk(leader, partition, region) else {
            return;
        };
        let Some(replica) = self.replica_mut(leader, partition) else {
            return;
        };
        // Soft paused: exported, but not acknowledged, so that nothing is compacted.
        if replica.phase != ExporterPhase::SoftPaused {
            let position = position_of(replica, region);
            (position.acked, position.counted) = (position.handed, counted);
        }
    }

    fn write_bulk(&mut self, leader: BrokerId, partition: PartitionId, region: Region) -> Written {
        let Some(replica) = self.replica_mut(leader, partition) else {
            return Written::OnItsWay;
        };
        let ExportPosition {
            handed,
            acked,
            mut counted,
        } = *position_of(replica, region);
        let mut written: Vec<Entry> = replica
            .log
            .iter()
            .rev()
            .skip_while(|e| e.position > handed)
            .take_while(|e| e.position > acked)
            .copied()
            .collect();
        written.reverse();
        if self.send_outside(region, (leader, partition), counted, &written) {
            return Written::OnItsWay;
        }
        for entry in written {
            let sequence = counted.next(entry.value_type());
            self.index_record(region, partition, entry, sequence);
        }
        Written::Arrived(counted)
    }

    fn distribute_later(&mut self, leader: BrokerId, partition: PartitionId, term: u64) {
        if self.distributing.insert((leader, partition)) {
            let wait = self.config.timings.exporter_gossip;
            self.after(
                wait,
                Event::ExportGossip {
                    broker: leader,
                    partition,
                    term,
                },
            );
        }
    }

    /// Lets the followers know how far the exporters have come; until then they show −1.
    pub(crate) fn distribute(&mut self, leader: BrokerId, partition: PartitionId, term: u64) {
        self.distributing.remove(&(leader, partition));
        let Some(replica) = self.replica(leader, partition) else {
            return;
        };
        if replica.role != Role::Leader || replica.term != term {
            return;
        }
        let (members, exporters) = (replica.members.clone(), replica.exporters.clone());
        let reached = self.exported_position(leader, partition);
        for member in members {
            if member != leader
                && self.confer(leader, member)
                && let Some(follower) = self.replica_mut(member, partition)
            {
                follower.exporters.clone_from(&exporters);
                for position in follower.exporters.values_mut() {
                    position.handed = position.acked;
                }
                follower.distributed = reached;
            }
        }
    }

    /// Takes the partition's periodic snapshot, which its followers get from the leader.
    pub(crate) fn snapshot_partition(&mut self, partition: PartitionId) {
        self.after(self.config.timings.snapshot_period, Event::Snapshot { partition });
        let Some(leader) = self.working_leader(partition) else {
            return;
        };
        let exported = self.exported_position(leader, partition);
        let Some(replica) = self.replica_mut(leader, partition) else {
            return;
        };
        replica.take_snapshot(exported);
        self.share_snapshot(leader, partition);
    }

    /// Sends the leader's snapshot to its followers, and drops what nobody needs any more.
    pub(crate) fn share_snapshot(&mut self, leader: BrokerId, partition: PartitionId) {
        let Some(replica) = self.replica(leader, partition) else {
            return;
        };
        let (members, snapshot) = (replica.members.clone(), replica.snapshot.clone());
        for member in members {
            if member != leader
                && self.confer(leader, member)
                && let Some(follower) = self.replica_mut(member, partition)
            {
                follower.snapshot.clone_from(&snapshot);
            }
        }
        self.compact(leader, partition);
    }

    /// What `/actuator/partitions` shows: the least acknowledged of the enabled exporters on a leader, what was last
    /// heard on a follower.
    pub(crate) fn exported_position(&self, broker: BrokerId, partition: PartitionId) -> i64 {
        let Some(replica) = self.replica(broker, partition) else {
            return -1;
        };
        if replica.role != Role::Leader {
            return replica.distributed;
        }
        let acked = |r: Region| replica.exporters.get(r.exporter()).map_or(0, |p| p.acked);
        let configured = self
            .configuration(broker)
            .and_then(|c| c.members.get(&broker)?.partitions.get(&partition));
        let enabled = |r: &Region| {
            let exporter = configured.and_then(|placed| placed.exporters.get(r.exporter()));
            exporter.is_some_and(|entry| entry.enabled)
        };
        let least = Region::BOTH.into_iter().filter(enabled).map(acked).min();
        least.unwrap_or(-2) + 1
    }

    /// Sets the exporter phase of all of a broker's own partitions. It survives restarts.
    pub(crate) fn set_phase(&mut self, broker: BrokerId, phase: ExporterPhase) {
        let Some(own) = self.broker_mut(broker) else {
            return;
        };
        let partitions: Vec<_> = own.replicas.keys().copied().collect();
        for replica in own.replicas.values_mut() {
            replica.phase = phase;
        }
        if phase == ExporterPhase::Paused {
            self.pollute_while_paused();
        }
        self.say(format!("Broker {broker}: exporter phase {}.", phase.name()));
        for partition in partitions {
            self.export_soon(broker, partition);
        }
    }

    /// An exporter is opened, on a leader, also while it is paused: then it creates its indices where they are missing,
    /// and writes nothing to them (spec: procedure.md FB3, camunda issue 14790).
    pub(crate) fn opens_exporter(&mut self, leader: BrokerId, partition: PartitionId, target: Region) {
        let paused = self
            .replica(leader, partition)
            .is_some_and(|r| r.role == Role::Leader && r.phase == ExporterPhase::Paused);
        if paused && self.target_answers(leader, target) {
            self.create_record_indices(target);
        }
    }

    /// When a broker that is stepping down stops answering questions about its partitions, and until when.
    pub(crate) fn partitions_hang(&self, broker: BrokerId) -> Option<(Moment, Moment)> {
        let replicas = self.broker(broker)?.replicas.values();
        let hang = replicas.filter_map(|r| Some((r.quorum_lost?, r.steps_down_at?)));
        let (lost, until) = hang.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        Some((lost + self.config.timings.partitions_hang_from, until))
    }
}

fn position_of(replica: &mut Replica, region: Region) -> &mut ExportPosition {
    replica
        .exporters
        .entry(region.exporter().to_owned())
        .or_insert_with(|| ExportPosition::at(0, Counted::default()))
}

/// Whether a bulk is sent when the timer is due: not once all that was read before a pause is in there.
fn has_something_to_send(replica: &Replica, enabled: &[Region]) -> bool {
    let in_hand = |region: &Region| {
        let position = replica.exporters.get(region.exporter());
        position.is_some_and(|position| position.acked < position.handed)
    };
    replica.phase != ExporterPhase::Paused || enabled.iter().any(in_hand)
}
