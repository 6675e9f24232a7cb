//! Where the replicas of each partition live: Zeebe's round robin, with priorities.
//!
//! `spec: concepts.md §2`. Sorted members b0…b(n−1); partition p has the replicas b[(p−1+j) mod n], j = 0…F−1. The
//! first has priority F; the others F−1…1 in order when (p−1) div n is even, in reverse order when it is odd.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{BrokerId, PartitionId, RegionId};

/// For each partition its replicas with their priorities; the highest priority is the preferred leader.
pub type Placement = BTreeMap<PartitionId, BTreeMap<BrokerId, u32>>;

/// The round-robin placement of `partitions` partitions with `replication_factor` replicas over `members`.
///
/// A replication factor above the number of members is cut to it.
pub fn round_robin(members: &BTreeSet<BrokerId>, partitions: u32, replication_factor: u32) -> Placement {
    let members: Vec<BrokerId> = members.iter().copied().collect();
    (1..=partitions)
        .map(PartitionId)
        .map(|partition| (partition, replicas_of(partition, &members, replication_factor)))
        .collect()
}

/// The replicas of one partition over `members`, in the order of their ids.
pub fn replicas_of(
    partition: PartitionId,
    members: &[BrokerId],
    replication_factor: u32,
) -> BTreeMap<BrokerId, u32> {
    let n = members.len();
    let factor = (replication_factor as usize).min(n);
    let first = (partition.0.saturating_sub(1)) as usize;
    let forwards = first.checked_div(n).unwrap_or(0).is_multiple_of(2);
    (0..factor)
        .map(|j| {
            let priority = match j {
                0 => factor,
                _ if forwards => factor - j,
                _ => j,
            };
            (members[(first + j) % n], priority as u32)
        })
        .collect()
}

/// The replicas of a partition that live in `region`.
pub fn replicas_in(placement: &Placement, partition: PartitionId, region: RegionId) -> BTreeSet<BrokerId> {
    placement
        .get(&partition)
        .into_iter()
        .flat_map(|replicas| replicas.keys().copied())
        .filter(|broker| RegionId::of(*broker) == region)
        .collect()
}

/// How many replicas of `members` must agree before a record is committed or a leader elected.
pub const fn quorum(members: usize) -> usize {
    members / 2 + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn brokers(n: u32) -> BTreeSet<BrokerId> {
        (0..n).map(BrokerId).collect()
    }

    #[track_caller]
    fn check(n: u32, partitions: u32, partition: u32, expected: &[(u32, u32)]) {
        let placed = round_robin(&brokers(n), partitions, 4);
        let expected: BTreeMap<_, _> = expected.iter().map(|(b, p)| (BrokerId(*b), *p)).collect();
        assert_eq!(placed[&PartitionId(partition)], expected);
    }

    #[test]
    fn agrees_with_the_documented_table_of_eight_brokers() {
        check(8, 8, 1, &[(0, 4), (1, 3), (2, 2), (3, 1)]);
        check(8, 8, 5, &[(4, 4), (5, 3), (6, 2), (7, 1)]);
        check(8, 8, 6, &[(5, 4), (6, 3), (7, 2), (0, 1)]);
        check(8, 8, 8, &[(7, 4), (0, 3), (1, 2), (2, 1)]);
    }

    #[test]
    fn the_second_round_reverses_the_priorities_of_the_followers() {
        check(4, 8, 5, &[(0, 4), (1, 1), (2, 2), (3, 3)]);
        check(12, 24, 13, &[(0, 4), (1, 1), (2, 2), (3, 3)]);
    }

    #[test]
    fn survivors_alone_take_every_replica_they_can() {
        let placed = round_robin(&[0, 2].map(BrokerId).into(), 4, 4);
        assert_eq!(
            placed[&PartitionId(2)],
            BTreeMap::from([(BrokerId(2), 2), (BrokerId(0), 1)])
        );
    }

    #[test]
    fn no_members_hold_nothing() {
        assert!(round_robin(&BTreeSet::new(), 3, 4)[&PartitionId(3)].is_empty());
    }

    proptest! {
        /// Four consecutive members of alternating regions are always two and two: what region loss rests on.
        #[test]
        fn each_region_holds_half_of_every_partition(half in 2u32..30, partitions in 1u32..100) {
            let placed = round_robin(&brokers(half * 2), partitions, 4);
            for partition in placed.keys() {
                prop_assert_eq!(replicas_in(&placed, *partition, RegionId(0)).len(), 2);
                prop_assert_eq!(replicas_in(&placed, *partition, RegionId(1)).len(), 2);
            }
        }

        #[test]
        fn priorities_are_one_to_the_replication_factor(half in 2u32..30, partitions in 1u32..100) {
            for replicas in round_robin(&brokers(half * 2), partitions, 4).values() {
                let mut priorities: Vec<u32> = replicas.values().copied().collect();
                priorities.sort_unstable();
                prop_assert_eq!(priorities, vec![1, 2, 3, 4]);
            }
        }
    }
}
