//! Membership and gossip: what each gateway believes of the brokers, and how configurations travel.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use c8dr_engine::clock::Moment;

use crate::chance::{Chance, Stream};
use crate::cluster::configuration::Configuration;
use crate::cluster::raft::{Replica, Role};
use crate::ids::{BrokerId, PartitionId};
use crate::timings::Span;
use crate::world::{Event, Stage, World};

/// Why contact was lost: it decides how long everything takes that follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Loss {
    /// The process ended: connections are refused at once.
    Crash,
    /// The process stands still.
    Freeze,
    /// Packets vanish.
    Cut,
}

/// Whether a gateway hears a broker; each change makes what was planned before void.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contact {
    pub(crate) heard: bool,
    pub(crate) epoch: u64,
}

/// The partitions of a broker: with the term in which it leads them, if it does.
pub(crate) type Roles = BTreeMap<PartitionId, Option<u64>>;

/// What a gateway last heard a broker say about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) number: u64,
    /// Partition and whether it is led there.
    pub(crate) roles: Arc<Roles>,
}

/// One gateway's belief about the cluster. Orders are arbitrary and its own (recorded).
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) listed: Vec<BrokerId>,
    pub(crate) heard: BTreeMap<BrokerId, Heard>,
    pub(crate) partition_order: Vec<PartitionId>,
    pub(crate) contacts: BTreeMap<BrokerId, Contact>,
    /// Grows with every change of what this gateway shows.
    pub(crate) revision: u64,
    /// Where the next create goes.
    pub(crate) next_partition: usize,
}

impl View {
    pub(crate) fn new(brokers: &[BrokerId], partitions: &[PartitionId], chance: &mut Chance) -> View {
        let mut listed = brokers.to_vec();
        chance.shuffle(Stream::Gossip, &mut listed);
        let mut partition_order = partitions.to_vec();
        chance.shuffle(Stream::Gossip, &mut partition_order);
        let contact = Contact {
            heard: true,
            epoch: 0,
        };
        View {
            listed,
            heard: BTreeMap::new(),
            partition_order,
            contacts: brokers.iter().map(|b| (*b, contact)).collect(),
            revision: 0,
            next_partition: 0,
        }
    }

    fn said(&self, broker: BrokerId, partition: PartitionId) -> Option<Option<u64>> {
        self.heard.get(&broker)?.roles.get(&partition).copied()
    }

    /// The broker that this gateway holds for the partition's leader: of several who say so, the one with the highest
    /// term, and of two with the same term (after both sides were forced) the lower id (spec: edge-cases.md E10).
    pub(crate) fn leader(&self, partition: PartitionId) -> Option<BrokerId> {
        let claim = |b: &BrokerId| self.said(*b, partition).flatten().map(|term| (term, Reverse(*b)));
        self.listed
            .iter()
            .filter_map(claim)
            .max()
            .map(|(_, Reverse(b))| b)
    }

    /// Whether the broker holds the partition, and leads it, as this gateway shows it. One who says that it leads, but
    /// is not held for the leader, is not shown at all.
    pub(crate) fn shown(&self, broker: BrokerId, partition: PartitionId) -> Option<bool> {
        match self.said(broker, partition)? {
            None => Some(false),
            Some(_) => (self.leader(partition) == Some(broker)).then_some(true),
        }
    }

    /// As [`View::leader`], of all partitions at once: what each broker said is gone through once.
    pub(crate) fn leaders(&self) -> BTreeMap<PartitionId, BrokerId> {
        let mut claims: BTreeMap<PartitionId, (u64, Reverse<BrokerId>)> = BTreeMap::new();
        for broker in &self.listed {
            let Some(heard) = self.heard.get(broker) else {
                continue;
            };
            for (partition, term) in heard.roles.iter() {
                if let Some(term) = term {
                    let claim = (*term, Reverse(*broker));
                    let most = claims.entry(*partition).or_insert(claim);
                    *most = (*most).max(claim);
                }
            }
        }
        let leader = |(partition, (_, Reverse(broker)))| (partition, broker);
        claims.into_iter().map(leader).collect()
    }

    /// As [`View::shown`], of all partitions of a broker in this gateway's order, by whoever knows all leaders.
    pub(crate) fn shown_by(
        &self,
        leaders: &BTreeMap<PartitionId, BrokerId>,
        broker: BrokerId,
    ) -> Vec<(PartitionId, bool)> {
        let Some(heard) = self.heard.get(&broker) else {
            return Vec::new();
        };
        let shown = |partition: &PartitionId| match heard.roles.get(partition)? {
            None => Some((*partition, false)),
            Some(_) => (leaders.get(partition) == Some(&broker)).then_some((*partition, true)),
        };
        self.partition_order.iter().filter_map(shown).collect()
    }

    /// How many listed brokers hold the partition.
    pub(crate) fn holders(&self, partition: PartitionId) -> usize {
        self.listed
            .iter()
            .filter(|b| self.shown(**b, partition).is_some())
            .count()
    }

    fn list(&mut self, broker: BrokerId) {
        if !self.listed.contains(&broker) {
            self.revision += 1;
            self.listed.push(broker);
        }
    }

    fn unlist(&mut self, broker: BrokerId) {
        self.revision += 1;
        self.listed.retain(|b| *b != broker);
    }

    fn hears(&mut self, broker: BrokerId, heard: Heard) {
        self.revision += 1;
        self.heard.insert(broker, heard);
    }

    /// As a process that has just started: it knows itself, and nobody has said anything.
    pub(crate) fn forget_all_but(&mut self, id: BrokerId) {
        self.revision += 1;
        self.listed = vec![id];
        self.heard.clear();
    }
}

impl World {
    /// Looks at who hears whom now and plans what follows from each change.
    pub(crate) fn contacts_changed(&mut self, loss: Loss) {
        for gateway in self.broker_ids() {
            for broker in self.broker_ids() {
                if gateway != broker {
                    self.contact(gateway, broker, loss);
                }
            }
        }
        for partition in self.partition_ids() {
            self.partition_changed(partition, loss);
        }
    }

    fn contact(&mut self, gateway: BrokerId, broker: BrokerId, loss: Loss) {
        let hears = self.hear(gateway, broker);
        let Some(observer) = self.broker_mut(gateway) else {
            return;
        };
        let contact = observer.view.contacts.entry(broker).or_insert(Contact {
            heard: false,
            epoch: 0,
        });
        if contact.heard == hears {
            return;
        }
        contact.heard = hears;
        contact.epoch += 1;
        let epoch = contact.epoch;
        let observes = observer.answers();
        if !hears {
            if loss == Loss::Crash && observes {
                observer.broken_connections.insert(broker);
            }
            if observes {
                let wait = self.drop_delay(loss);
                self.after(
                    wait,
                    Event::Drop {
                        gateway,
                        broker,
                        epoch,
                    },
                );
            }
            return;
        }
        observer.broken_connections.remove(&broker);
        let wait = self.list_delay(broker);
        self.after(
            wait,
            Event::List {
                gateway,
                broker,
                epoch,
            },
        );
        self.send_configuration(broker, gateway, true);
    }

    /// A gateway that slept begins to suspect whoever is not there any more.
    pub(crate) fn miss_the_silent(&mut self, gateway: BrokerId) {
        for broker in self.broker_ids() {
            if broker == gateway || self.hear(gateway, broker) {
                continue;
            }
            let wait = self.drop_delay(Loss::Crash);
            let Some(observer) = self.broker_mut(gateway) else {
                return;
            };
            let Some(contact) = observer.view.contacts.get_mut(&broker) else {
                continue;
            };
            contact.epoch += 1;
            let epoch = contact.epoch;
            self.after(
                wait,
                Event::Drop {
                    gateway,
                    broker,
                    epoch,
                },
            );
        }
    }

    fn drop_delay(&mut self, loss: Loss) -> Duration {
        let timings = self.config.timings;
        // Rarely the suspicion takes a second round (baseline: up to 24.2 s).
        let slow = self.config.brokers > 4 && self.chance.happens(Stream::Membership, 0.15);
        let span = if slow {
            timings.gateway_drop_slow
        } else {
            timings.gateway_drop
        };
        let wait = self.chance.span(Stream::Membership, span);
        match loss {
            Loss::Crash => wait,
            Loss::Freeze => {
                wait + self
                    .chance
                    .span(Stream::Membership, timings.gateway_drop_frozen_extra)
            }
            Loss::Cut => {
                let (from, to) = (timings.gateway_drop.to, timings.gateway_drop.to.mul_f64(1.3));
                self.chance.span(Stream::Membership, Span { from, to })
            }
        }
    }

    fn list_delay(&mut self, broker: BrokerId) -> Duration {
        let timings = self.config.timings;
        let fresh = self.broker(broker).is_some_and(|b| b.stage == Stage::Serving);
        if !fresh {
            return self.chance.span(Stream::Membership, timings.list_again);
        }
        // Measured from the start of the process, which the ports' opening is 3-4 s after; bigger clusters take longer.
        let whole = self.chance.span(Stream::Membership, timings.list_new_broker);
        let share = (f64::from(self.config.brokers) / 4.0).clamp(1.0, 2.5);
        whole.mul_f64(share).saturating_sub(timings.process_start.from)
    }

    pub(crate) fn gateway_drops(&mut self, gateway: BrokerId, broker: BrokerId, epoch: u64) {
        if !self.contact_stands(gateway, broker, epoch) {
            return;
        }
        if let Some(observer) = self.broker_mut(gateway) {
            observer.view.unlist(broker);
            observer.broken_connections.remove(&broker);
        }
        self.say(format!(
            "The gateway of broker {gateway} no longer lists broker {broker}."
        ));
        let dead = self.broker(broker).is_some_and(|b| !b.answers());
        if dead
            && self
                .chance
                .happens(Stream::Membership, self.config.ghost_probability)
        {
            let wait = self
                .chance
                .span(Stream::Membership, self.config.timings.ghost_after);
            self.after(
                wait,
                Event::Ghost {
                    gateway,
                    broker,
                    epoch,
                    shown: true,
                },
            );
        }
    }

    /// A dropped broker is listed again for a while, with its stale roles (spec: README §6.4).
    pub(crate) fn ghost(&mut self, gateway: BrokerId, broker: BrokerId, epoch: u64, shown: bool) {
        let member = self
            .configuration(gateway)
            .is_some_and(|c| c.members.contains_key(&broker));
        if !self.contact_stands(gateway, broker, epoch) || (shown && !member) {
            return;
        }
        if let Some(observer) = self.broker_mut(gateway) {
            if shown {
                observer.view.list(broker);
            } else {
                observer.view.unlist(broker);
            }
        }
        if shown {
            self.say(format!(
                "The gateway of broker {gateway} lists the dead broker {broker} again."
            ));
            let wait = self
                .chance
                .span(Stream::Membership, self.config.timings.ghost_for);
            self.after(
                wait,
                Event::Ghost {
                    gateway,
                    broker,
                    epoch,
                    shown: false,
                },
            );
        }
    }

    fn contact_stands(&self, gateway: BrokerId, broker: BrokerId, epoch: u64) -> bool {
        let observer = self.broker(gateway).filter(|b| b.answers());
        observer
            .and_then(|o| o.view.contacts.get(&broker))
            .is_some_and(|c| c.epoch == epoch)
    }

    pub(crate) fn gateway_lists(&mut self, gateway: BrokerId, broker: BrokerId, epoch: u64) {
        if !self.contact_stands(gateway, broker, epoch) {
            return;
        }
        let roles = Arc::new(self.roles_of(broker));
        let number = self.broker(broker).map_or(0, |b| b.published);
        if let Some(observer) = self.broker_mut(gateway) {
            observer.view.list(broker);
            observer.view.hears(broker, Heard { number, roles });
        }
        self.say(format!("The gateway of broker {gateway} lists broker {broker}."));
    }

    /// What a broker says of its own partitions.
    pub(crate) fn roles_of(&self, broker: BrokerId) -> Roles {
        let Some(broker) = self.broker(broker).filter(|b| b.runs()) else {
            return Roles::new();
        };
        let told = |p: &PartitionId, r: &Replica| r.role == Role::Leader || !broker.untold.contains_key(p);
        let present = broker.replicas.iter();
        let present = present.filter(|(p, r)| r.role != Role::Absent && told(p, r));
        present
            .map(|(p, r)| (*p, (r.role == Role::Leader).then_some(r.term)))
            .collect()
    }

    /// A leader has reached these: those of them that were started lately begin to tell their roles.
    pub(crate) fn followers_tell(&mut self, partition: PartitionId, followers: &[BrokerId]) {
        for &broker in followers {
            let Some(own) = self.broker_mut(broker) else {
                continue;
            };
            let life = own.life;
            let Some(begun) = own.untold.get_mut(&partition).filter(|begun| !**begun) else {
                continue;
            };
            *begun = true;
            let span = self.config.timings.role_told_after_start;
            let wait = self.chance.span(Stream::Gossip, span);
            self.after(
                wait,
                Event::RoleTold {
                    broker,
                    life,
                    partition,
                },
            );
        }
    }

    pub(crate) fn role_told(&mut self, broker: BrokerId, life: u64, partition: PartitionId) {
        if let Some(own) = self.broker_mut(broker).filter(|b| b.life == life) {
            own.untold.remove(&partition);
            self.publish(broker);
        }
    }

    /// Sends a broker's roles to all gateways.
    pub(crate) fn publish(&mut self, broker: BrokerId) {
        let roles = Arc::new(self.roles_of(broker));
        let now = self.now;
        let Some(own) = self.broker_mut(broker) else {
            return;
        };
        own.published += 1;
        let number = own.published;
        let heard = Heard {
            number,
            roles: Arc::clone(&roles),
        };
        own.view.hears(broker, heard);
        let late = own
            .joined_at
            .values()
            .any(|at| now.since(*at) < Duration::from_secs(2));
        let timings = self.config.timings;
        let span = if late {
            timings.role_gossip_after_join
        } else {
            timings.role_gossip
        };
        for gateway in self.broker_ids() {
            if gateway != broker && self.hear(gateway, broker) {
                let wait = self.chance.span(Stream::Gossip, span) + self.lag(broker, gateway);
                let roles = Arc::clone(&roles);
                self.after(
                    wait,
                    Event::RolesHeard {
                        gateway,
                        broker,
                        number,
                        roles,
                    },
                );
            }
        }
    }

    /// As [`World::publish`], without delay: for the healthy world at its start.
    pub(crate) fn tell_everyone_at_once(&mut self, broker: BrokerId) {
        let roles = Arc::new(self.roles_of(broker));
        for observer in self.brokers.values_mut() {
            let heard = Heard {
                number: 0,
                roles: Arc::clone(&roles),
            };
            observer.view.hears(broker, heard);
        }
    }

    pub(crate) fn roles_heard(
        &mut self,
        gateway: BrokerId,
        broker: BrokerId,
        number: u64,
        roles: &Arc<Roles>,
    ) {
        if !self.hear(gateway, broker) {
            return;
        }
        let Some(observer) = self.broker_mut(gateway) else {
            return;
        };
        let known = observer.view.heard.get(&broker).map_or(0, |heard| heard.number);
        if known < number {
            let roles = Arc::clone(roles);
            observer.view.hears(broker, Heard { number, roles });
        }
    }

    /// Lets everyone who hears `from` know its configuration.
    pub(crate) fn gossip_configuration(&mut self, from: BrokerId) {
        for to in self.broker_ids() {
            if to != from && self.tells(from, to) {
                self.send_configuration(from, to, false);
            }
        }
    }

    /// Whether what one broker says of the configuration reaches another: it is sent to whom the sender still lists, and
    /// needs no answer. So across a link that is open one way it arrives for as long as the sender takes the other for
    /// alive (derived: only whole cuts were recorded).
    fn tells(&self, from: BrokerId, to: BrokerId) -> bool {
        let answers = |id| self.broker(id).is_some_and(|b| b.answers());
        self.hear(from, to)
            || answers(from)
                && answers(to)
                && self.passes(from.region(), to.region())
                && self.still_listed(from, to)
    }

    fn send_configuration(&mut self, from: BrokerId, to: BrokerId, after_silence: bool) {
        let Some(configuration) = self.configuration(from).cloned() else {
            return;
        };
        let Some(life) = self.broker(to).map(|b| b.life) else {
            return;
        };
        // In one life of a process what is known only grows: what is no news when it is sent is none when it arrives.
        let is_news = |own: &Arc<Configuration>| own.learns_from(&configuration);
        if !self.configuration(to).is_none_or(is_news) {
            return;
        }
        let timings = self.config.timings;
        let both_long_up = [from, to]
            .iter()
            .all(|b| self.broker(*b).is_some_and(|b| b.stage == Stage::Running));
        let just_started = self
            .broker(to)
            .is_some_and(|b| b.stage == Stage::Serving && b.configuration.is_some());
        let span = if just_started && !configuration.members.contains_key(&to) {
            timings.config_sync_of_removed
        } else if after_silence && both_long_up {
            timings.config_sync_after_heal
        } else {
            timings.config_gossip
        };
        let wait = self.chance.span(Stream::Gossip, span) + self.lag(from, to);
        self.after(
            wait,
            Event::ConfigurationHeard {
                to,
                life,
                configuration,
            },
        );
    }

    pub(crate) fn configuration_heard(&mut self, to: BrokerId, life: u64, heard: &Arc<Configuration>) {
        let Some(broker) = self.broker_mut(to).filter(|b| b.life == life && b.answers()) else {
            return;
        };
        let Some(own) = broker.configuration.clone() else {
            broker.configuration = Some(Arc::clone(heard));
            self.drive_change(to);
            return;
        };
        let Some(merged) = own.learning(heard) else {
            return;
        };
        let removed = own.members.contains_key(&to) && !merged.members.contains_key(&to);
        broker.configuration = Some(merged);
        if removed {
            self.say(format!(
                "Broker {to} hears of a newer topology in which it is no member, and shuts itself down."
            ));
            let wait = self.chance.span(Stream::Start, self.config.timings.self_shutdown);
            self.after(wait, Event::SelfShutdown { broker: to, life });
            return;
        }
        self.gossip_configuration(to);
        self.drive_change(to);
    }

    /// Everyone that a gateway lists, as the error texts name them.
    pub(crate) fn listed_by(&self, gateway: BrokerId) -> BTreeSet<BrokerId> {
        self.broker(gateway)
            .map(|g| g.view.listed.iter().copied().collect())
            .unwrap_or_default()
    }

    /// When this gateway lost sight of the broker, if it has not dropped it yet.
    pub(crate) fn still_listed(&self, gateway: BrokerId, broker: BrokerId) -> bool {
        gateway == broker
            || self
                .broker(gateway)
                .is_some_and(|g| g.view.listed.contains(&broker))
    }

    /// Used by reports: the present moment as a type that readers know.
    pub(crate) fn moment(&self) -> Moment {
        self.now
    }
}
