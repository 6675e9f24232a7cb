//! How a pending change is carried out: each operation by its own broker, one after the other, and what stops it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::chance::Stream;
use crate::cluster::configuration::{Configuration, Deed, Operation};
use crate::cluster::raft::{Counted, ExportPosition, Replica, Role};
use crate::ids::{BrokerId, PartitionId, Region};
use crate::timings::Span;
use crate::world::{Event, Forced, World};

/// Whether an operation that has taken its time is done.
enum Due {
    Now,
    /// Something is in the way: look again after this.
    Later(Duration),
    /// It will never be done (spec: README §6.6, an unknown exporter).
    Never,
}

impl World {
    /// Starts a change at its coordinator and gives its id.
    pub(crate) fn start_change(&mut self, coordinator: BrokerId, operations: Vec<Operation>) -> u64 {
        let now = self.now;
        let count = operations.len();
        self.remember_force(&operations);
        let id = self
            .rewrite(coordinator, |c| c.start(operations, now))
            .unwrap_or(0);
        self.say(format!(
            "Change {id} of {count} operations begins at broker {coordinator}."
        ));
        self.gossip_configuration(coordinator);
        self.drive_change(coordinator);
        id
    }

    fn remember_force(&mut self, operations: &[Operation]) {
        let mut kept = BTreeSet::new();
        let mut removed = BTreeSet::new();
        for operation in operations {
            match &operation.deed {
                Deed::Force { brokers, .. } => kept.extend(brokers.iter().copied()),
                Deed::BrokerRemove { broker } => {
                    removed.insert(*broker);
                }
                _ => {}
            }
        }
        if !kept.is_empty() {
            let at = self.now;
            self.forced.push(Forced { at, kept, removed });
        }
    }

    /// Cancels the pending change at its coordinator.
    pub(crate) fn cancel_change(&mut self, coordinator: BrokerId) {
        let now = self.now;
        let pending = self.configuration(coordinator).and_then(|c| c.pending.as_ref());
        if let Some(id) = pending
            .map(|p| p.id)
            .filter(|id| Some(*id) == self.foreign_change)
        {
            self.foreign_cancelled = Some(id);
        }
        self.rewrite(coordinator, |c| c.cancel(now));
        self.say("The pending change is cancelled.".to_owned());
        self.gossip_configuration(coordinator);
    }

    fn rewrite<T>(&mut self, broker: BrokerId, edit: impl FnOnce(&mut Configuration) -> T) -> Option<T> {
        let configuration = self.broker_mut(broker)?.configuration.as_mut()?;
        Some(edit(Arc::make_mut(configuration)))
    }

    /// Lets a broker take up the next operation if it is its own.
    pub(crate) fn drive_change(&mut self, id: BrokerId) {
        let Some(broker) = self.broker(id).filter(|b| b.answers()) else {
            return;
        };
        let (busy, life) = (broker.busy, broker.life);
        let Some(configuration) = broker.configuration.clone() else {
            return;
        };
        let Some((change, index, operation)) = configuration.next_operation() else {
            return;
        };
        if operation.executor != id || busy == Some((change, index)) {
            return;
        }
        if let Some(broker) = self.broker_mut(id) {
            broker.busy = Some((change, index));
        }
        let now = self.now;
        self.rewrite(id, |c| c.begin(operation, now));
        self.gossip_configuration(id);
        let wait = self.duration_of(operation, index);
        if matches!(operation.deed, Deed::Join { .. }) {
            self.after(
                wait.mul_f64(0.3),
                Event::OperationMidway {
                    broker: id,
                    life,
                    change,
                    index,
                },
            );
        }
        self.after(
            wait,
            Event::OperationDue {
                broker: id,
                life,
                change,
                index,
            },
        );
    }

    fn duration_of(&mut self, operation: &Operation, index: usize) -> Duration {
        let timings = self.config.timings;
        let bigger = self.config.brokers > 4;
        let mut draw = |span| self.chance.span(Stream::Change, span);
        let (mut wait, extra, p) = match &operation.deed {
            Deed::Force { .. } => (draw(timings.force_operation), timings.force_extra, 0.1),
            Deed::Disable { .. } | Deed::Enable { .. } => {
                (draw(timings.exporter_operation), timings.exporter_extra, 0.2)
            }
            Deed::Join { .. } => (draw(timings.join_operation), timings.join_extra, 0.06),
            Deed::Leave { .. } | Deed::Priority { .. } => {
                (draw(timings.leave_operation), Span::ms(0, 0), 0.0)
            }
            Deed::BrokerAdd | Deed::BrokerLeave | Deed::BrokerRemove { .. } => {
                (draw(timings.broker_operation), Span::ms(0, 0), 0.0)
            }
        };
        if matches!(operation.deed, Deed::Join { .. }) {
            // What is copied grows with what was written: 3.7 s for 8 joins with 4 creates a second, 13 s with 45.
            wait = wait.mul_f64((1.0 + self.config.creates_per_second / 20.0).min(4.0));
            let state = self.config.state;
            wait +=
                Duration::from_secs_f64(state.partition_bytes as f64 / state.copied_bytes_per_second as f64);
        }
        let p = if bigger { p * 3.0 } else { p };
        let may_drag = index == 0 || matches!(operation.deed, Deed::Join { .. });
        if may_drag && p > 0.0 && self.chance.happens(Stream::Change, p) {
            wait += self.chance.span(Stream::Change, extra);
        }
        if let Deed::Disable { partition, .. } | Deed::Enable { partition, .. } = &operation.deed
            && self.exports_into_silence(operation.executor, *partition)
        {
            wait += self
                .chance
                .span(Stream::Change, timings.exporter_operation_blocked);
        } else if let Deed::Disable { .. } | Deed::Enable { .. } = &operation.deed
            && let Some(until) = self.exporters_sit_until(operation.executor, self.now)
        {
            wait += until.since(self.now);
        }
        wait
    }

    fn current(&self, broker: BrokerId, life: u64, change: u64, index: usize) -> Option<Operation> {
        let own = self
            .broker(broker)
            .filter(|b| b.life == life && b.busy == Some((change, index)))?;
        let (id, at, operation) = own.configuration.as_ref()?.next_operation()?;
        (id == change && at == index && operation.executor == broker).then(|| operation.clone())
    }

    /// Halfway through a join the new replica is a raft member already, so its death costs the majority (E4).
    pub(crate) fn operation_midway(&mut self, broker: BrokerId, life: u64, change: u64, index: usize) {
        if let Some(operation) = self.current(broker, life, change, index)
            && let Deed::Join { partition, .. } = operation.deed
        {
            self.join_raft(broker, partition);
        }
    }

    pub(crate) fn operation_due(&mut self, id: BrokerId, life: u64, change: u64, index: usize) {
        let Some(operation) = self.current(id, life, change, index) else {
            if let Some(broker) = self.broker_mut(id).filter(|b| b.busy == Some((change, index))) {
                broker.busy = None;
            }
            self.drive_change(id);
            return;
        };
        match self.due(id, &operation) {
            Due::Now => {}
            Due::Later(wait) => {
                self.after(
                    wait,
                    Event::OperationDue {
                        broker: id,
                        life,
                        change,
                        index,
                    },
                );
                return;
            }
            Due::Never => return,
        }
        self.take_effect(&operation);
        let now = self.now;
        self.rewrite(id, |c| {
            c.finish(&operation, now);
            c.advance(now);
        });
        if let Some(broker) = self.broker_mut(id) {
            broker.busy = None;
        }
        if self.configuration(id).is_some_and(|c| c.pending.is_none()) {
            self.say(format!("Change {change} is completed."));
        }
        self.gossip_configuration(id);
        self.drive_change(id);
    }

    fn due(&self, id: BrokerId, operation: &Operation) -> Due {
        let again = Due::Later(Duration::from_millis(250));
        if self.broker(id).is_none_or(|b| !b.answers()) {
            return again;
        }
        match &operation.deed {
            Deed::Force { partition, brokers } => {
                // The executor waits for its own step-down, and every retained member has to agree.
                if let Some(until) = self.replica(id, *partition).and_then(|r| r.steps_down_at) {
                    return Due::Later(until.since(self.now) + Duration::from_millis(5));
                }
                let all = brokers
                    .iter()
                    .all(|b| self.confer(id, *b) && self.replica(*b, *partition).is_some());
                if all { Due::Now } else { again }
            }
            Deed::Join { partition, .. } => match self.working_leader(*partition) {
                Some(leader) if self.confer(id, leader) => Due::Now,
                _ => again,
            },
            Deed::Leave { partition } => {
                if self.working_leader(*partition).is_some() {
                    Due::Now
                } else {
                    again
                }
            }
            Deed::Enable { exporter, .. } if Region::of_exporter(exporter).is_none() => Due::Never,
            Deed::Disable { partition, .. } | Deed::Enable { partition, .. } => {
                let present = self
                    .replica(id, *partition)
                    .is_some_and(|r| r.role != Role::Absent);
                if present { Due::Now } else { again }
            }
            Deed::BrokerAdd | Deed::BrokerLeave | Deed::BrokerRemove { .. } | Deed::Priority { .. } => {
                Due::Now
            }
        }
    }

    /// The leader of the partition that has a majority.
    pub(crate) fn working_leader(&self, partition: PartitionId) -> Option<BrokerId> {
        self.brokers
            .values()
            .filter(|b| b.runs())
            .map(|b| b.id)
            .find(|id| {
                self.replica(*id, partition)
                    .is_some_and(|r| r.role == Role::Leader && r.quorum_lost.is_none())
            })
    }

    fn take_effect(&mut self, operation: &Operation) {
        let id = operation.executor;
        match &operation.deed {
            Deed::Force { partition, brokers } => self.force_raft(*partition, brokers),
            Deed::Join { partition, .. } => {
                if self
                    .replica(id, *partition)
                    .is_none_or(|r| r.role == Role::Absent)
                {
                    self.join_raft(id, *partition);
                }
                let now = self.now;
                if let Some(broker) = self.broker_mut(id) {
                    broker.ready = true;
                    broker.joined_at.insert(*partition, now);
                }
                self.publish(id);
            }
            Deed::Leave { partition } => self.leave_raft(id, *partition),
            Deed::Disable { .. } => {}
            Deed::Enable {
                partition,
                exporter,
                from,
            } => {
                self.start_exporter(id, *partition, exporter, from.as_deref());
            }
            Deed::BrokerAdd | Deed::BrokerLeave | Deed::BrokerRemove { .. } | Deed::Priority { .. } => {}
        }
        if let Deed::Disable { partition, .. } | Deed::Enable { partition, .. } = &operation.deed {
            self.export_soon(id, *partition);
        }
    }

    /// The retained replicas become a raft group of their own; all leaders fall, and rise again later.
    fn force_raft(&mut self, partition: PartitionId, brokers: &[BrokerId]) {
        let members: BTreeSet<_> = brokers.iter().copied().collect();
        let had_leader = self.working_leader(partition).is_some();
        let term = brokers
            .iter()
            .filter_map(|b| self.replica(*b, partition))
            .map(|r| r.term)
            .max()
            .unwrap_or(0);
        let numbers = brokers.iter().filter_map(|b| self.replica(*b, partition));
        let number = numbers.map(|r| r.configured).max().unwrap_or(0) + 1;
        for broker in brokers {
            // Reported: a survivor that was restarted, has heard no leader since and has no snapshot has a low commit index,
            // and keeps the forced configuration in memory until a leader's first entry is committed.
            let low = self
                .broker(*broker)
                .is_some_and(|b| b.untold.contains_key(&partition));
            if let Some(replica) = self.replica_mut(*broker, partition) {
                if low && replica.snapshot.is_none() && replica.stored.is_none() {
                    replica.stored = Some((replica.configured, replica.members.clone()));
                }
                replica.configured = number;
                replica.members.clone_from(&members);
                replica.term = term + 1;
            }
            self.become_follower(*broker, partition);
        }
        let timings = self.config.timings;
        // Who has long been without a leader is about to stand for election anyway; who has just heard one waits out
        // its time-out first, so a repeated force costs every partition seconds (README §6.3).
        let fast = !had_leader && self.chance.happens(Stream::Election, 0.4);
        let span = if fast {
            timings.election_after_force_fast
        } else {
            timings.election_after_force_slow
        };
        let wait = self.chance.span(Stream::Election, span);
        self.call_election(partition, members, wait);
    }

    fn join_raft(&mut self, id: BrokerId, partition: PartitionId) {
        let Some(leader) = self.working_leader(partition).filter(|l| self.confer(*l, id)) else {
            return;
        };
        let Some(source) = self.replica(leader, partition) else {
            return;
        };
        let mut members = source.members.clone();
        members.insert(id);
        let (log, term, committed) = (source.log.clone(), source.term, source.committed);
        let (exporters, snapshot) = (source.exporters.clone(), source.snapshot.clone());
        let compacted = source.compacted;
        let number = self.regroup(partition, &members);
        let mut replica = Replica::new(members);
        replica.configured = number;
        replica.role = Role::Follower;
        replica.term = term;
        replica.log = log;
        replica.committed = committed;
        replica.exporters = exporters;
        replica.snapshot = snapshot;
        replica.compacted = compacted;
        let length = replica.log.len();
        if let Some(broker) = self.broker_mut(id) {
            broker.replicas.insert(partition, replica);
        }
        if let Some(leader) = self.replica_mut(leader, partition) {
            leader.replicated.insert(id, length);
        }
    }

    fn leave_raft(&mut self, id: BrokerId, partition: PartitionId) {
        let Some(replica) = self.broker_mut(id).and_then(|b| b.replicas.remove(&partition)) else {
            return;
        };
        let mut members = replica.members.clone();
        members.remove(&id);
        self.regroup(partition, &members);
        self.publish(id);
        if replica.role == Role::Leader {
            let wait = self.chance.span(Stream::Election, self.config.timings.election);
            self.call_election(partition, members, wait);
        }
    }

    /// Gives the members that can be reached their new raft configuration, and tells its number.
    fn regroup(&mut self, partition: PartitionId, members: &BTreeSet<BrokerId>) -> u64 {
        let known = members.iter().filter_map(|b| self.replica(*b, partition));
        let number = known.map(|r| r.configured).max().unwrap_or(0) + 1;
        for member in members {
            if let Some(replica) = self.replica_mut(*member, partition) {
                replica.configured = number;
                replica.members.clone_from(members);
            }
        }
        number
    }

    fn start_exporter(&mut self, id: BrokerId, partition: PartitionId, exporter: &str, from: Option<&str>) {
        let Some(replica) = self.replica_mut(id, partition) else {
            return;
        };
        let source = from.and_then(|f| replica.exporters.get(f));
        // Without a source it starts at the present end of the log: what lies between is never exported; and it has no
        // metadata, so it counts from 0 again: what it exports is numbered as what importers have read already.
        let start = match source {
            Some(source) => ExportPosition::at(source.acked, source.counted),
            None => ExportPosition::at(replica.committed_position(), Counted::default()),
        };
        replica.exporters.insert(exporter.to_owned(), start);
        if let Some(region) = Region::of_exporter(exporter) {
            self.opens_exporter(id, partition, region);
        }
    }
}
