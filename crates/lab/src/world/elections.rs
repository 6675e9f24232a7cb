//! Leaders: who steps down, who is elected, and how a leader's log reaches the others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::chance::Stream;
use crate::cluster::raft::{Role, catch_up};
use crate::ids::{BrokerId, PartitionId, Region};
use crate::world::gossip::Loss;
use crate::world::{Event, Power, World};

/// How often a step-down that is due in a frozen process is looked at again.
const FROZEN_LOOK: Duration = Duration::from_millis(250);

impl World {
    /// The brokers that hold the partition, with the raft configuration each believes in.
    fn configurations_of(&self, partition: PartitionId) -> BTreeSet<BTreeSet<BrokerId>> {
        self.brokers
            .values()
            .filter_map(|b| b.replicas.get(&partition))
            .map(|r| r.members.clone())
            .collect()
    }

    fn takes_part(&self, broker: BrokerId, partition: PartitionId, members: &BTreeSet<BrokerId>) -> bool {
        let runs = self.broker(broker).is_some_and(|b| b.runs());
        let replica = self.replica(broker, partition);
        runs && replica.is_some_and(|r| r.role != Role::Absent && r.members == *members)
    }

    /// The parts of a raft group that hear each other: one, or one per region while the link is cut.
    fn parts(&self, partition: PartitionId, members: &BTreeSet<BrokerId>) -> Vec<Vec<BrokerId>> {
        let alive: Vec<_> = members
            .iter()
            .copied()
            .filter(|b| self.takes_part(*b, partition, members))
            .collect();
        if self.linked(Region::Even, Region::Odd) {
            return vec![alive];
        }
        Region::BOTH
            .iter()
            .map(|r| alive.iter().copied().filter(|b| b.region() == *r).collect())
            .collect()
    }

    /// Who can be heard has changed: leaders may have lost their majority or got it back; others may elect one.
    pub(crate) fn partition_changed(&mut self, partition: PartitionId, loss: Loss) {
        for members in self.configurations_of(partition) {
            for part in self.parts(partition, &members) {
                let led = self.settle_leaders(partition, &members, &part, loss);
                if !led && part.len() > members.len() / 2 {
                    let wait = self.chance.span(Stream::Election, self.config.timings.election);
                    self.call_election(partition, members.clone(), wait);
                }
            }
        }
    }

    /// Keeps the leader with the highest term; says whether there is one with a majority.
    fn settle_leaders(
        &mut self,
        partition: PartitionId,
        members: &BTreeSet<BrokerId>,
        part: &[BrokerId],
        loss: Loss,
    ) -> bool {
        let mut leaders: Vec<_> = part
            .iter()
            .filter_map(|b| {
                self.replica(*b, partition)
                    .filter(|r| r.role == Role::Leader)
                    .map(|r| (r.term, *b))
            })
            .collect();
        leaders.sort_unstable();
        let Some((term, leader)) = leaders.pop() else {
            return false;
        };
        // Somebody has heard of a later leader, even if that one is dead by now: a leader of old must not go on.
        let latest = part
            .iter()
            .filter_map(|b| self.replica(*b, partition))
            .map(|r| r.term)
            .max();
        if latest > Some(term) {
            self.become_follower(leader, partition);
            for (_, stale) in leaders {
                self.become_follower(stale, partition);
            }
            return false;
        }
        for (_, stale) in leaders {
            self.become_follower(stale, partition);
        }
        if part.len() > members.len() / 2 {
            if let Some(replica) = self.replica_mut(leader, partition) {
                replica.quorum_lost = None;
                replica.steps_down_at = None;
            }
            self.bring_up_to_date(leader, partition);
            self.followers_tell(partition, part);
            return true;
        }
        self.plan_step_down(leader, partition, loss);
        false
    }

    fn plan_step_down(&mut self, leader: BrokerId, partition: PartitionId, loss: Loss) {
        if self
            .replica(leader, partition)
            .is_none_or(|r| r.quorum_lost.is_some())
        {
            return;
        }
        let timings = self.config.timings;
        let mut wait = self.chance.span(Stream::StepDown, timings.step_down);
        if loss == Loss::Freeze {
            wait += self.chance.span(Stream::StepDown, timings.step_down_frozen_extra);
        }
        // While packets vanish the exporter sits in a call to the other region's search, and the step-down waits
        // for its time-out: 55 s with a leader that is none (spec: edge-cases.md E6).
        if self.exports_into_silence(leader, partition) && self.chance.happens(Stream::StepDown, 0.75) {
            wait = self.chance.span(Stream::StepDown, timings.exporter_timeout_block);
        }
        let now = self.now;
        let Some(replica) = self.replica_mut(leader, partition) else {
            return;
        };
        replica.quorum_lost = Some(now);
        replica.steps_down_at = Some(now + wait);
        let term = replica.term;
        self.after(
            wait,
            Event::StepDown {
                broker: leader,
                partition,
                term,
            },
        );
    }

    pub(crate) fn step_down(&mut self, broker: BrokerId, partition: PartitionId, term: u64) {
        let due = self.now;
        let Some(replica) = self.replica(broker, partition) else {
            return;
        };
        if replica.role != Role::Leader || replica.term != term || replica.steps_down_at != Some(due) {
            return;
        }
        if self.broker(broker).is_some_and(|b| b.power == Power::Frozen) {
            // Who stands still does not step down either, and tells nobody that it did.
            if let Some(replica) = self.replica_mut(broker, partition) {
                replica.steps_down_at = Some(due + FROZEN_LOOK);
            }
            self.after(
                FROZEN_LOOK,
                Event::StepDown {
                    broker,
                    partition,
                    term,
                },
            );
            return;
        }
        self.become_follower(broker, partition);
        self.say(format!(
            "Broker {broker} stepped down as leader of partition {partition}: no majority."
        ));
        // What stood still meanwhile may go on: an operation of a change waits for this.
        self.drive_change(broker);
        self.partition_changed(partition, Loss::Crash);
    }

    pub(crate) fn become_follower(&mut self, broker: BrokerId, partition: PartitionId) {
        let Some(replica) = self.replica_mut(broker, partition) else {
            return;
        };
        if replica.role == Role::Absent {
            return;
        }
        replica.role = Role::Follower;
        replica.quorum_lost = None;
        replica.steps_down_at = None;
        replica.replicated.clear();
        replica.reopen();
        self.publish(broker);
    }

    pub(crate) fn call_election(
        &mut self,
        partition: PartitionId,
        members: BTreeSet<BrokerId>,
        wait: Duration,
    ) {
        if self.elections.insert((partition, members.clone())) {
            self.after(
                wait,
                Event::Elect {
                    partition,
                    members: Arc::new(members),
                },
            );
        }
    }

    /// The longest log wins, then the priority; nobody wins without a majority of the configured members.
    pub(crate) fn elect(&mut self, partition: PartitionId, members: &BTreeSet<BrokerId>) {
        self.elections.remove(&(partition, members.clone()));
        for part in self.parts(partition, members) {
            if part.len() <= members.len() / 2 {
                continue;
            }
            let led = part.iter().any(|b| {
                self.replica(*b, partition)
                    .is_some_and(|r| r.role == Role::Leader)
            });
            if led {
                continue;
            }
            if let Some(winner) = self.winner(partition, &part) {
                self.crown(winner, partition, &part);
            }
        }
    }

    fn winner(&mut self, partition: PartitionId, part: &[BrokerId]) -> Option<BrokerId> {
        let rank = |w: &World, b: &BrokerId| w.replica(*b, partition).map(|r| r.log_rank());
        let best = part.iter().filter_map(|b| rank(self, b)).max()?;
        let mut candidates: Vec<_> = part
            .iter()
            .copied()
            .filter(|b| rank(self, b) == Some(best))
            .collect();
        candidates.sort_by_key(|b| std::cmp::Reverse(self.priority(*b, partition)));
        // Priorities only delay the others' candidacies: now and then a lower one is first (recorded: 3-stuck).
        let upset = !self.config.timings.is_zero() && self.chance.happens(Stream::Election, 0.12);
        let place = usize::from(upset && candidates.len() > 1);
        candidates.get(place).copied()
    }

    pub(crate) fn priority(&self, broker: BrokerId, partition: PartitionId) -> u32 {
        let member = self.configuration(broker).and_then(|c| c.members.get(&broker));
        member
            .and_then(|m| m.partitions.get(&partition))
            .map_or(0, |p| p.priority)
    }

    fn crown(&mut self, winner: BrokerId, partition: PartitionId, part: &[BrokerId]) {
        let term = part
            .iter()
            .filter_map(|b| self.replica(*b, partition))
            .map(|r| r.term)
            .max()
            .unwrap_or(0)
            + 1;
        for broker in part {
            if let Some(replica) = self.replica_mut(*broker, partition) {
                replica.term = term;
                replica.role = Role::Follower;
                // Its first entry commits the configuration, which is stored with it.
                replica.stored = None;
            }
        }
        if let Some(replica) = self.replica_mut(winner, partition) {
            replica.role = Role::Leader;
            replica.quorum_lost = None;
            replica.steps_down_at = None;
            replica.replicated = [(winner, replica.log.len())].into();
            replica.reopen();
        }
        self.say(format!("Broker {winner} leads partition {partition}."));
        if let Some(own) = self.broker_mut(winner) {
            own.untold.remove(&partition);
        }
        self.publish(winner);
        self.followers_tell(partition, part);
        self.bring_up_to_date(winner, partition);
        self.commit(winner, partition);
        for region in self.enabled_exporters(winner, partition) {
            self.opens_exporter(winner, partition, region);
        }
        self.export_soon(winner, partition);
    }

    /// Sends the leader's log to every member that can hear it.
    pub(crate) fn bring_up_to_date(&mut self, leader: BrokerId, partition: PartitionId) {
        let Some(replica) = self.replica(leader, partition).filter(|r| r.role == Role::Leader) else {
            return;
        };
        let (term, length) = (replica.term, replica.log.len());
        let behind: Vec<_> = replica
            .members
            .iter()
            .copied()
            .filter(|b| *b != leader && replica.replicated.get(b).is_none_or(|have| *have < length))
            .collect();
        for to in behind {
            if self.delivers(leader, to) {
                let wait = self.hop(leader, to);
                self.after(
                    wait,
                    Event::Replicate {
                        partition,
                        from: leader,
                        to,
                        term,
                    },
                );
            }
        }
    }

    pub(crate) fn replicate(&mut self, partition: PartitionId, from: BrokerId, to: BrokerId, term: u64) {
        if !self.delivers(from, to) {
            return;
        }
        let Some(leader) = self.replica(from, partition) else {
            return;
        };
        let holds = self
            .replica(to, partition)
            .is_some_and(|r| r.role != Role::Absent && r.term <= term);
        if leader.role != Role::Leader || leader.term != term || !holds {
            return;
        }
        if self.too_full_to_replicate(to) {
            // It is tried again when something has been compacted.
            return;
        }
        let (committed, length) = (leader.committed, leader.log.len());
        // The log is taken out and put back, so that the leader's need not be copied.
        let mut log = self
            .replica_mut(to, partition)
            .map(|r| std::mem::take(&mut r.log))
            .unwrap_or_default();
        if let Some(leader) = self.replica(from, partition) {
            catch_up(&mut log, &leader.log);
        }
        if let Some(follower) = self.replica_mut(to, partition) {
            if follower.role == Role::Leader {
                follower.role = Role::Follower;
            }
            follower.log = log;
            follower.term = term;
            follower.committed = committed.min(length);
        }
        if !self.confer(from, to) {
            // It arrived; that it did is told to nobody.
            return;
        }
        if let Some(leader) = self.replica_mut(from, partition) {
            let before = leader.replicated.insert(to, length).unwrap_or(0);
            *leader.appended.entry(to).or_default() += length.saturating_sub(before) as u64;
        }
        self.commit(from, partition);
    }

    /// Commits what a majority has, answers who waited for it, and lets it be exported.
    pub(crate) fn commit(&mut self, leader: BrokerId, partition: PartitionId) {
        let Some(replica) = self
            .replica_mut(leader, partition)
            .filter(|r| r.role == Role::Leader)
        else {
            return;
        };
        let reached = replica.majority_has();
        if reached <= replica.committed {
            return;
        }
        replica.committed = reached;
        let members = replica.members.clone();
        for member in members {
            if member != leader
                && self.confer(leader, member)
                && let Some(follower) = self.replica_mut(member, partition)
            {
                follower.committed = reached.min(follower.log.len());
            }
        }
        self.answer_committed(leader, partition, reached);
        self.export_soon(leader, partition);
    }

    /// Asks every partition's highest priority to take over (spec: api.md §5; recorded: most move within 5 s).
    pub(crate) fn rebalance(&mut self) {
        for partition in self.partition_ids() {
            if self.chance.happens(Stream::Election, 0.92) {
                let wait = self.chance.span(Stream::Election, self.config.timings.rebalance);
                self.after(wait, Event::Rebalance { partition });
            }
        }
    }

    pub(crate) fn rebalance_partition(&mut self, partition: PartitionId) {
        for members in self.configurations_of(partition) {
            for part in self.parts(partition, &members) {
                let leader = part.iter().copied().find(|b| {
                    self.replica(*b, partition)
                        .is_some_and(|r| r.role == Role::Leader)
                });
                let best = part.iter().copied().max_by_key(|b| self.priority(*b, partition));
                let (Some(leader), Some(best)) = (leader, best) else {
                    continue;
                };
                let caught_up = |b| self.replica(b, partition).map(|r| r.log_rank());
                if leader != best && part.len() > members.len() / 2 && caught_up(leader) == caught_up(best) {
                    self.become_follower(leader, partition);
                    self.crown(best, partition, &part);
                }
            }
        }
    }
}
