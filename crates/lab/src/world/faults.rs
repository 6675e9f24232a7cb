//! What a disaster may do to the world: processes killed, frozen and started; the link cut; answers spoilt.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::chance::Stream;
use crate::cluster::raft::Role;
use crate::ids::{BrokerId, PartitionId, Region};
use crate::world::gossip::Loss;
use crate::world::{Contact, Event, Stage, World};

/// The state of a broker's process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    /// It runs (or is starting).
    Up,
    /// It stands still (SIGSTOP): connections are accepted and nothing is answered.
    Frozen,
    /// There is no process: connections are refused.
    Down,
}

/// With which disks something is started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Data {
    /// With none: a recreated broker or region.
    Empty,
    /// With those it had when it went.
    Old,
}

/// Something that happens to one answer and then no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswerFault {
    /// The next mutating call takes effect, but its connection is reset before the answer.
    LostAfterEffect,
    /// The next mutating call's connection is reset before it takes effect.
    LostBeforeEffect,
    /// The next call is answered this much later.
    Delay(Duration),
    /// The next mutating call is answered so, without effect: 502, 504 or 409.
    Status(u16),
    /// The next mutating call takes effect, but is answered 504, as by a gateway that gave up.
    TimeoutAfterEffect,
    /// The connection of the next call, whatever it is, is reset.
    Reset,
    /// The next mutating call arrives twice, one after the other, as from a proxy that repeats what it believes lost: it
    /// takes effect twice, and the second answer is the one that comes back.
    Twice,
}

impl AnswerFault {
    /// Takes the first of these faults that a call meets: some only concern calls that change something.
    pub(super) fn take(faults: &mut Vec<AnswerFault>, mutates: bool) -> Option<AnswerFault> {
        let any = |f: &AnswerFault| matches!(f, AnswerFault::Delay(_) | AnswerFault::Reset);
        let place = faults.iter().position(|f| mutates || any(f))?;
        Some(faults.remove(place))
    }
}

impl World {
    /// Kills all brokers of a region, its search and its webapps: `kill -9`.
    pub fn lose_region(&mut self, region: Region) {
        self.say(format!("{} is lost.", self.region_name(region)));
        self.sites[region.index()].pods.clear();
        self.end_processes(region);
    }

    /// Starts all brokers of a region that are down, its search, and what else its release has. Empty stands for an
    /// uninstall, new volumes, and an install without webapps: the region was rebuilt up to FB1. With old data only
    /// what is installed comes back. See also [`World::rebuild_bare`].
    pub fn return_region(&mut self, region: Region, data: Data) {
        if data == Data::Old && self.sites[region.index()].release.is_none() {
            self.say(format!(
                "{} is there again, with nothing installed.",
                self.region_name(region)
            ));
            return;
        }
        let with = if data == Data::Empty {
            "empty"
        } else {
            "with its old data"
        };
        self.say(format!("{} is started, {with}.", self.region_name(region)));
        if data == Data::Empty {
            self.empty_search(region);
            self.reinstall_without_webapps(region);
        } else {
            self.start_search(region);
            self.sites[region.index()].gateway = true;
        }
        for id in self.brokers_of(region) {
            self.start_broker(id, data);
        }
        self.fill_up(region);
    }

    /// Kills one broker: `kill -9`.
    pub fn kill_broker(&mut self, id: BrokerId) {
        if self.end_process(id) {
            self.say(format!("Broker {id} is killed."));
            self.contacts_changed(Loss::Crash);
        }
    }

    /// Starts a broker that is down; does nothing to one that is not.
    pub fn start_broker(&mut self, id: BrokerId, data: Data) {
        let wait = self.chance.span(Stream::Start, self.config.timings.process_start);
        let now = self.now;
        let Some(broker) = self.broker_mut(id).filter(|b| b.power == Power::Down) else {
            return;
        };
        broker.power = Power::Up;
        broker.stage = Stage::Starting;
        broker.life += 1;
        broker.stirred = now;
        broker.ready = false;
        if data == Data::Empty {
            broker.configuration = None;
            broker.replicas.clear();
            broker.joined_at.clear();
        }
        broker.view.forget_all_but(id);
        for contact in broker.view.contacts.values_mut() {
            *contact = Contact {
                heard: false,
                epoch: contact.epoch + 1,
            };
        }
        let life = broker.life;
        if data == Data::Empty {
            self.filled.remove(&id);
            *self.emptied.entry(id).or_default() += 1;
        }
        self.after(wait, Event::Serving { broker: id, life });
    }

    /// Stops a broker's process where it is: `kill -STOP`.
    pub fn freeze(&mut self, id: BrokerId) {
        let now = self.now;
        if let Some(broker) = self.broker_mut(id).filter(|b| b.power == Power::Up) {
            broker.power = Power::Frozen;
            broker.stirred = now;
            self.upheavals += 1;
            self.say(format!("Broker {id} stands still."));
            self.contacts_changed(Loss::Freeze);
        }
    }

    /// Lets a frozen broker go on.
    pub fn thaw(&mut self, id: BrokerId) {
        let now = self.now;
        if let Some(broker) = self.broker_mut(id).filter(|b| b.power == Power::Frozen) {
            broker.power = Power::Up;
            broker.stirred = now;
            // It hears everybody anew, and begins to miss those who went while it slept.
            for contact in broker.view.contacts.values_mut() {
                contact.heard = false;
            }
            self.miss_the_silent(id);
            self.upheavals += 1;
            self.say(format!("Broker {id} goes on."));
            self.publish(id);
            self.contacts_changed(Loss::Crash);
            self.drive_change(id);
        }
    }

    /// Kills or starts the search of a region, and only that.
    pub fn set_search(&mut self, region: Region, alive: bool) {
        let word = if alive { "up" } else { "down" };
        self.say(format!("The search of {} is {word}.", self.region_name(region)));
        if alive {
            self.start_search(region);
        } else {
            self.stop_search(region);
        }
    }

    /// Spoils one answer to come.
    pub fn spoil_answer(&mut self, fault: AnswerFault) {
        self.answer_faults.push(fault);
    }

    /// Takes the fault that this call is to meet, if any.
    pub(crate) fn next_answer_fault(&mut self, mutates: bool) -> Option<AnswerFault> {
        AnswerFault::take(&mut self.answer_faults, mutates)
    }

    pub(crate) fn brokers_of(&self, region: Region) -> Vec<BrokerId> {
        self.brokers
            .keys()
            .copied()
            .filter(|b| b.region() == region)
            .collect()
    }

    pub(super) fn end_process(&mut self, id: BrokerId) -> bool {
        let now = self.now;
        let Some(broker) = self.broker_mut(id).filter(|b| b.power != Power::Down) else {
            return false;
        };
        broker.power = Power::Down;
        broker.stage = Stage::Off;
        broker.life += 1;
        broker.stirred = now;
        broker.ready = false;
        broker.busy = None;
        for replica in broker.replicas.values_mut() {
            replica.role = Role::Absent;
            replica.forget_what_is_not_stored();
            replica.quorum_lost = None;
            replica.steps_down_at = None;
            replica.replicated.clear();
            replica.appended.clear();
            replica.processing_paused = false;
        }
        self.upheavals += 1;
        self.cut_flights(id);
        true
    }

    pub(crate) fn serving(&mut self, id: BrokerId, life: u64) {
        let wait = self
            .chance
            .span(Stream::Start, self.config.timings.partitions_start);
        let Some(broker) = self.broker_mut(id).filter(|b| b.life == life) else {
            return;
        };
        if broker.power == Power::Frozen {
            // Never at once, or a frozen process would spin.
            let wait = wait.max(Duration::from_millis(100));
            self.after(wait, Event::Serving { broker: id, life });
            return;
        }
        if !self.names_known {
            match self.waits_for_names() {
                Some(wait) => self.after(wait, Event::Serving { broker: id, life }),
                None => self.say(format!("Broker {id} cannot resolve its peers, and hangs.")),
            }
            return;
        }
        let Some(broker) = self.broker_mut(id) else {
            return;
        };
        broker.stage = Stage::Serving;
        self.upheavals += 1;
        self.after(wait, Event::PartitionsStarted { broker: id, life });
        self.contacts_changed(Loss::Crash);
        self.drive_change(id);
    }

    pub(crate) fn partitions_started(&mut self, id: BrokerId, life: u64) {
        let Some(broker) = self.broker(id).filter(|b| b.life == life) else {
            return;
        };
        if broker.power == Power::Frozen {
            let wait = self
                .chance
                .span(Stream::Start, self.config.timings.partitions_start);
            // Never at once, or a frozen process would spin.
            let wait = wait.max(Duration::from_millis(100));
            self.after(wait, Event::PartitionsStarted { broker: id, life });
            return;
        }
        let own = broker.configuration.as_ref().and_then(|c| c.members.get(&id));
        let held: Vec<_> = own
            .map(|m| m.partitions.keys().copied().collect())
            .unwrap_or_default();
        let mut running = false;
        for partition in held {
            let members = self.members_that_count(id, partition);
            let Some(replica) = self.replica_mut(id, partition) else {
                continue;
            };
            replica.role = Role::Follower;
            replica.reopen();
            if let Some((number, members)) = members {
                replica.members = members;
                replica.configured = number;
            }
            running = true;
        }
        let quick = self.config.timings.role_told_after_start.is_zero();
        if let Some(broker) = self.broker_mut(id) {
            let present = broker.replicas.iter().filter(|(_, r)| r.role != Role::Absent);
            broker.untold = present.map(|(p, _)| (*p, false)).filter(|_| !quick).collect();
            broker.stage = Stage::Running;
            broker.ready |= running;
        }
        let what = if running {
            "takes part"
        } else {
            "runs without partitions"
        };
        self.say(format!("Broker {id} is started and {what}."));
        self.publish(id);
        self.contacts_changed(Loss::Crash);
        self.drive_change(id);
    }

    /// The raft configuration that a returning replica will be told by the present leader, or, where nobody leads, by
    /// whoever knows a later one and stands for election by it, if it is still in it.
    fn members_that_count(&self, id: BrokerId, partition: PartitionId) -> Option<(u64, BTreeSet<BrokerId>)> {
        let own = self.replica(id, partition)?.configured;
        let others = self.brokers.values().filter(|b| b.id != id && b.runs());
        let known = others.filter_map(|b| b.replicas.get(&partition).map(|r| (b.id, r)));
        let leader = known.clone().filter(|(_, r)| r.role == Role::Leader);
        let leader = leader.max_by_key(|(_, r)| r.term).map(|(_, r)| r);
        let later = known.filter(|(b, r)| {
            r.role != Role::Absent && r.configured > own && self.linked(b.region(), id.region())
        });
        let told = leader.or_else(|| later.max_by_key(|(_, r)| r.configured).map(|(_, r)| r))?;
        told.members
            .contains(&id)
            .then(|| (told.configured, told.members.clone()))
    }

    pub(crate) fn shuts_itself_down(&mut self, id: BrokerId, life: u64) {
        if self.broker(id).is_some_and(|b| b.life == life) && self.end_process(id) {
            self.say(format!("Broker {id} has ended by itself."));
            self.contacts_changed(Loss::Crash);
        }
    }
}
