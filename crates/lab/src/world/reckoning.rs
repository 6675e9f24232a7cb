//! The searches' reckoning: which records each of them holds, which only one has, and whether what clients were promised
//! can be found.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::cluster::raft::{Entry, Token};
use crate::ids::{PartitionId, Region};
use crate::world::World;

/// One partition's records in both searches, by position.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PartitionAudit {
    /// The partition.
    pub partition: u32,
    /// Distinct records in each region's search.
    pub distinct: [usize; 2],
    /// The last position in each region's search; none when it holds nothing of this partition.
    pub last: [Option<i64>; 2],
    /// Positions that are committed in the log that counts, and in neither search.
    pub in_neither: Vec<i64>,
    /// Positions that only the first region's search holds.
    pub only_in_first: Vec<i64>,
    /// Positions that only the second region's search holds.
    pub only_in_second: Vec<i64>,
    /// Positions that a search holds and the log that counts does not: of a history that was given up.
    pub not_in_log: Vec<i64>,
    /// Positions that the log that counts and a search both hold, and not as the same record: the search's is of a history
    /// that was given up, and it was never overwritten. By their positions alone these look whole.
    pub otherwise: Vec<i64>,
}

/// Both searches, partition by partition and for the clients.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SearchAudit {
    /// In the order of their ids.
    pub partitions: Vec<PartitionAudit>,
    /// Process instances acknowledged to clients.
    pub acknowledged: usize,
    /// Of these, how many each region's search holds.
    pub acknowledged_in: [usize; 2],
    /// Keys of acknowledged instances that each region's search lacks. Right after a create this is normal: exporters
    /// lag.
    pub acknowledged_missing: [Vec<i64>; 2],
}

/// What a search holds: by its place, whose request each record came of.
type Held = BTreeMap<(PartitionId, i64), Option<Token>>;

impl SearchAudit {
    /// Whether both searches hold the same, and all of the log.
    pub fn is_equal_and_whole(&self) -> bool {
        self.partitions.iter().all(|p| {
            p.in_neither.is_empty()
                && p.only_in_first.is_empty()
                && p.only_in_second.is_empty()
                && p.not_in_log.is_empty()
                && p.otherwise.is_empty()
        })
    }
}

impl World {
    /// Compares both searches by id with each other and with the log, each partition up to a position; partitions that
    /// are not named, to the end. Searches that are down are read from their disks.
    pub fn audit_searches(&self, up_to: &BTreeMap<PartitionId, i64>) -> SearchAudit {
        let in_search: [Held; 2] = Region::BOTH.map(|r| {
            let records = self.searches[r.index()].records();
            records.map(|(p, at, d)| ((p, at), d.token)).collect()
        });
        let partitions = self
            .partition_ids()
            .into_iter()
            .map(|p| self.audit_partition(p, up_to.get(&p).copied().unwrap_or(i64::MAX), &in_search))
            .collect();
        let tokens: [BTreeSet<Token>; 2] = Region::BOTH.map(|r| {
            self.searches[r.index()]
                .records()
                .filter_map(|(_, _, d)| d.token)
                .collect()
        });
        let acknowledged = &self.workload.acknowledged;
        let missing = |r: Region| -> Vec<i64> {
            let lacks = |token: &Token| !tokens[r.index()].contains(token);
            acknowledged
                .iter()
                .filter(|(t, _)| lacks(t))
                .map(|(_, key)| *key)
                .collect()
        };
        let acknowledged_missing = Region::BOTH.map(missing);
        SearchAudit {
            partitions,
            acknowledged: acknowledged.len(),
            acknowledged_in: [0, 1].map(|i: usize| acknowledged.len() - acknowledged_missing[i].len()),
            acknowledged_missing,
        }
    }

    fn audit_partition(&self, partition: PartitionId, up_to: i64, in_search: &[Held; 2]) -> PartitionAudit {
        let held = |region: usize| in_search[region].range((partition, i64::MIN)..=(partition, up_to));
        let positions =
            |region: usize| -> BTreeSet<i64> { held(region).map(|((_, position), _)| *position).collect() };
        let (first, second) = (positions(0), positions(1));
        let counts = self.log_that_counts(partition);
        let committed = counts.map_or(0, |r| r.committed_position()).min(up_to);
        let written = || {
            let log = counts.into_iter().flat_map(|r| &r.log);
            log.take_while(|e| e.position <= committed)
        };
        let log: BTreeSet<i64> = written().map(|e| e.position).collect();
        let differs = |entry: &&Entry| {
            let of = |region: usize| in_search[region].get(&(partition, entry.position));
            [of(0), of(1)]
                .into_iter()
                .flatten()
                .any(|token| *token != entry.token)
        };
        let either: BTreeSet<i64> = first.union(&second).copied().collect();
        PartitionAudit {
            partition: partition.0,
            distinct: [first.len(), second.len()],
            last: [first.last().copied(), second.last().copied()],
            in_neither: log.difference(&either).copied().collect(),
            only_in_first: first.difference(&second).copied().collect(),
            only_in_second: second.difference(&first).copied().collect(),
            not_in_log: either.difference(&log).copied().collect(),
            otherwise: written().filter(differs).map(|e| e.position).collect(),
        }
    }
}
