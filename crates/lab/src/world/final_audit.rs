//! The last reckoning of a drill: every promise made to a client, looked up in the log and in both searches.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::cluster::raft::Token;
use crate::ids::{BrokerId, PartitionId, Region};
use crate::world::World;

/// As many keys are named as somebody would look up by hand.
const EXAMPLES_MAX: usize = 5;

/// How many, and which some of them are.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counted {
    /// How many process instances.
    pub count: usize,
    /// The keys of the first few.
    pub examples: Vec<i64>,
}

impl Counted {
    fn of(keys: impl Iterator<Item = i64>) -> Counted {
        let mut counted = Counted::default();
        for key in keys {
            counted.count += 1;
            if counted.examples.len() < EXAMPLES_MAX {
                counted.examples.push(key);
            }
        }
        counted
    }
}

/// One region's search, held against the promises.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RegionAudit {
    /// The region's name.
    pub region: String,
    /// Acknowledged process instances that its search holds.
    pub acknowledged: usize,
    /// Acknowledged process instances that its search lacks.
    pub missing: Counted,
    /// Acknowledged process instances that it holds more than once, each under a position of its own.
    pub twice: Counted,
    /// Acknowledged process instances whose records its search holds, and which Operate or Tasklist have passed over: the
    /// records are numbered as if they had been read long ago, so users will never see them.
    pub passed_over: Counted,
    /// Records that it alone holds.
    pub records_only_here: usize,
}

/// What a drill ends with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FinalAudit {
    /// Process instances acknowledged to clients.
    pub acknowledged: usize,
    /// Of these, those that are in no log that counts.
    pub missing_from_log: Counted,
    /// Of these, those that a log holds more than once: a client repeated its request after an unknown outcome, as it
    /// has to. No loss.
    pub twice_in_log: Counted,
    /// Both regions' searches, in the order of the regions.
    pub regions: [RegionAudit; 2],
    /// Committed records that neither search holds.
    pub records_in_neither: usize,
    /// Records that a search holds and the log does not: of a history that was given up.
    pub records_not_in_log: usize,
    /// Committed records in whose place a search holds another one, of a history that was given up.
    pub records_otherwise: usize,
    /// Partitions of which an exporter that is enabled stands at a position that the log has not come to, as after a force
    /// onto a log that was shorter: what is written up to there is never exported, and nobody complains.
    pub exporters_beyond_log: Vec<u32>,
    /// Whether the exporters had nothing left to do: if not, what searches lack may yet come.
    pub exporters_caught_up: bool,
}

impl FinalAudit {
    /// Whether every promise is kept, everywhere, and both searches hold the same and all of the log.
    pub fn is_whole(&self) -> bool {
        self.missing_from_log.count == 0
            && self.records_in_neither == 0
            && self.records_not_in_log == 0
            && self.records_otherwise == 0
            && self.exporters_beyond_log.is_empty()
            && self
                .regions
                .iter()
                .all(|r| r.missing.count == 0 && r.records_only_here == 0 && r.passed_over.count == 0)
    }
}

impl World {
    /// Reckons at this moment and waits for nothing. Let the clients rest ([`World::set_load`]) and wait until
    /// [`World::exporters_caught_up`]; otherwise the tail that is still on its way counts as missing.
    pub fn final_audit(&self) -> FinalAudit {
        let mut in_log: BTreeMap<Token, usize> = BTreeMap::new();
        for partition in self.partition_ids() {
            let log = self.log_that_counts(partition).map(|r| r.log.as_slice());
            for token in log.unwrap_or_default().iter().filter_map(|e| e.token) {
                *in_log.entry(token).or_default() += 1;
            }
        }
        let records = self.audit_searches(&BTreeMap::new()).partitions;
        let only_here = |region: Region| {
            let own = records.iter().map(|p| match region {
                Region::Even => p.only_in_first.len(),
                Region::Odd => p.only_in_second.len(),
            });
            own.sum()
        };
        FinalAudit {
            acknowledged: self.workload.acknowledged.len(),
            missing_from_log: self.promised(|token| !in_log.contains_key(token)),
            twice_in_log: self.promised(|token| in_log.get(token).is_some_and(|n| *n > 1)),
            regions: Region::BOTH.map(|r| self.audit_region(r, only_here(r))),
            records_in_neither: records.iter().map(|p| p.in_neither.len()).sum(),
            records_not_in_log: records.iter().map(|p| p.not_in_log.len()).sum(),
            records_otherwise: records.iter().map(|p| p.otherwise.len()).sum(),
            exporters_beyond_log: self.exporters_beyond_log().into_iter().map(|p| p.0).collect(),
            exporters_caught_up: self.exporters_caught_up(),
        }
    }

    fn audit_region(&self, region: Region, records_only_here: usize) -> RegionAudit {
        let mut positions: BTreeMap<Token, BTreeSet<(PartitionId, i64)>> = BTreeMap::new();
        for (partition, position, document) in self.searches[region.index()].records() {
            if let Some(token) = document.token {
                positions.entry(token).or_default().insert((partition, position));
            }
        }
        let passed_over = self.passed_over(region);
        let missing = self.promised(|token| !positions.contains_key(token));
        RegionAudit {
            region: self.region_name(region).to_owned(),
            acknowledged: self.workload.acknowledged.len() - missing.count,
            missing,
            twice: self.promised(|token| positions.get(token).is_some_and(|p| p.len() > 1)),
            passed_over: self.promised(|token| passed_over.contains(token)),
            records_only_here,
        }
    }

    /// The promises of which this is true.
    fn promised(&self, is: impl Fn(&Token) -> bool) -> Counted {
        let promises = self.workload.acknowledged.iter();
        Counted::of(promises.filter(|(token, _)| is(token)).map(|(_, key)| *key))
    }

    /// Whether every partition is led, and everything that is committed is acknowledged by all of its exporters that are
    /// enabled. While clients go on creating it is hardly ever true. A disabled exporter has nothing to catch up with.
    pub fn exporters_caught_up(&self) -> bool {
        self.partition_ids().into_iter().all(|partition| {
            let leader = self.working_leader(partition);
            leader.is_some_and(|leader| self.has_caught_up(leader, partition))
        })
    }

    fn has_caught_up(&self, leader: BrokerId, partition: PartitionId) -> bool {
        let Some(replica) = self.replica(leader, partition) else {
            return false;
        };
        let acked = |r: &Region| replica.exporters.get(r.exporter()).map_or(0, |p| p.acked);
        let all = replica.log.len() == replica.committed;
        let enabled = self.enabled_exporters(leader, partition);
        all && enabled.iter().all(|r| acked(r) >= replica.committed_position())
    }
}
