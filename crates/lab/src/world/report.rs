//! What the world says about itself: its state, its history, and whether anything acknowledged is missing.

use std::collections::{BTreeMap, BTreeSet};

use c8dr_engine::clock::Moment;
use serde::Serialize;

use crate::cluster::raft::{Replica, Role, Token};
use crate::ids::{BrokerId, PartitionId, Region};
use crate::world::{Link, Power, Stage, World};

/// Something that happened, in a sentence.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct WorldEvent {
    /// Seconds since the world's start.
    pub at_s: f64,
    /// What happened.
    pub what: String,
    #[serde(skip)]
    moment: Moment,
}

impl WorldEvent {
    pub(crate) fn new(moment: Moment, what: String) -> Self {
        WorldEvent {
            at_s: moment.since_start().as_secs_f64(),
            what,
            moment,
        }
    }

    /// When it happened.
    pub fn moment(&self) -> Moment {
        self.moment
    }
}

/// A broker as it really is, not as a gateway believes.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BrokerStatus {
    /// Node id.
    pub id: u32,
    /// The process.
    pub power: Power,
    /// Whether it answers: it is up and its ports are open.
    pub answers: bool,
    /// What its readiness says.
    pub ready: bool,
    /// Partitions it leads.
    pub leads: Vec<u32>,
    /// Partitions it follows.
    pub follows: Vec<u32>,
    /// What its logs leave free on its volume.
    pub disk_free_bytes: u64,
}

/// The search of a region.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SearchStatus {
    /// Whether it answers.
    pub alive: bool,
    /// Distinct process instances written to it.
    pub instances: usize,
    /// Writes of something that was there already.
    pub rewrites: u64,
}

/// A region.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RegionStatus {
    /// Its name.
    pub name: String,
    /// Its brokers.
    pub brokers: Vec<BrokerStatus>,
    /// Its search.
    pub search: SearchStatus,
}

/// The whole lab at one moment: for `c8dr lab status`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LabStatus {
    /// Seconds since the world's start.
    pub at_s: f64,
    /// Both regions.
    pub regions: Vec<RegionStatus>,
    /// The link between them.
    pub link: Link,
    /// The pending change, if any, as the lowest living member knows it.
    pub pending_change: Option<u64>,
    /// Partitions without a leader that has a majority.
    pub leaderless: Vec<u32>,
    /// Partitions with more than one leader.
    pub led_twice: Vec<u32>,
    /// Process instances acknowledged to clients.
    pub acknowledged: usize,
    /// Failed creates by HTTP status.
    pub failed_creates: BTreeMap<u16, u64>,
    /// Seconds since the world's start at the last acknowledged create.
    pub last_acknowledged_s: Option<f64>,
}

/// The reckoning: what clients were promised, and what is there.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Audit {
    /// Process instances acknowledged to clients.
    pub acknowledged: usize,
    /// Keys of acknowledged instances that are in no log that counts.
    pub missing: Vec<i64>,
    /// Requests that a log holds more than once, because a client repeated them after an unknown outcome.
    pub duplicates: usize,
    /// Distinct instances in each region's search.
    pub in_search: [usize; 2],
    /// Instances that only one of the two searches holds.
    pub in_one_search_only: usize,
}

impl World {
    /// What happened so far.
    pub fn timeline(&self) -> &[WorldEvent] {
        &self.timeline
    }

    /// The state of everything.
    pub fn status(&self) -> LabStatus {
        let regions = Region::BOTH.into_iter().map(|r| self.region_status(r)).collect();
        let mut leaderless = Vec::new();
        let mut led_twice = Vec::new();
        for partition in self.partition_ids() {
            if self.working_leader(partition).is_none() {
                leaderless.push(partition.0);
            }
            if self.leaders(partition).len() > 1 {
                led_twice.push(partition.0);
            }
        }
        let coordinator = self.brokers.values().find(|b| b.answers());
        let configuration = coordinator.and_then(|b| b.configuration.as_ref());
        LabStatus {
            at_s: self.moment().since_start().as_secs_f64(),
            regions,
            link: self.link,
            pending_change: configuration.and_then(|c| c.pending.as_ref()).map(|p| p.id),
            leaderless,
            led_twice,
            acknowledged: self.workload.acknowledged.len(),
            failed_creates: self.workload.failures.clone(),
            last_acknowledged_s: self
                .workload
                .last_acknowledged
                .map(|m| m.since_start().as_secs_f64()),
        }
    }

    fn region_status(&self, region: Region) -> RegionStatus {
        let brokers = self
            .brokers_of(region)
            .into_iter()
            .filter_map(|id| self.broker_status(id))
            .collect();
        let search = self.searches.get(region.index());
        RegionStatus {
            name: self.region_name(region).to_owned(),
            brokers,
            search: SearchStatus {
                alive: search.is_some_and(|s| s.alive),
                instances: search.map_or(0, |s| s.records().count()),
                rewrites: search.map_or(0, |s| s.rewrites),
            },
        }
    }

    fn broker_status(&self, id: BrokerId) -> Option<BrokerStatus> {
        let broker = self.broker(id)?;
        let with = |role: Role| {
            let runs = broker.stage == Stage::Running;
            broker
                .replicas
                .iter()
                .filter(|(_, r)| runs && r.role == role)
                .map(|(p, _)| p.0)
                .collect()
        };
        Some(BrokerStatus {
            id: id.0,
            power: broker.power,
            answers: broker.answers(),
            ready: broker.ready,
            leads: with(Role::Leader),
            follows: with(Role::Follower),
            disk_free_bytes: self.disk_free_bytes(id),
        })
    }

    fn leaders(&self, partition: PartitionId) -> Vec<(BrokerId, &Replica)> {
        self.brokers
            .values()
            .filter(|b| b.runs())
            .filter_map(|b| b.replicas.get(&partition).map(|r| (b.id, r)))
            .filter(|(_, r)| r.role == Role::Leader)
            .collect()
    }

    /// The replica whose log counts: that of the leader with a majority, of the lowest id if there are two, as
    /// gateways do (E10); without a leader, the longest log among the living.
    pub(super) fn log_that_counts(&self, partition: PartitionId) -> Option<&Replica> {
        let leader = self
            .leaders(partition)
            .into_iter()
            .find(|(_, r)| r.quorum_lost.is_none());
        leader.map(|(_, r)| r).or_else(|| {
            let alive = self.brokers.values().filter(|b| b.runs());
            alive
                .filter_map(|b| b.replicas.get(&partition))
                .max_by_key(|r| r.log_rank())
        })
    }

    /// Counts what was acknowledged against what the living hold.
    pub fn audit(&self) -> Audit {
        let mut held: BTreeMap<Token, usize> = BTreeMap::new();
        for partition in self.partition_ids() {
            let Some(replica) = self.log_that_counts(partition) else {
                continue;
            };
            for token in replica.log.iter().filter_map(|e| e.token) {
                *held.entry(token).or_default() += 1;
            }
        }
        let missing = |(token, key): (&Token, &i64)| (!held.contains_key(token)).then_some(*key);
        let [a, b] = &self.searches;
        let (a, b) = (a.record_ids(), b.record_ids());
        let both: BTreeSet<_> = a.intersection(&b).collect();
        Audit {
            acknowledged: self.workload.acknowledged.len(),
            missing: self.workload.acknowledged.iter().filter_map(missing).collect(),
            duplicates: held.values().filter(|n| **n > 1).count(),
            in_search: [a.len(), b.len()],
            in_one_search_only: a.len() + b.len() - 2 * both.len(),
        }
    }
}
