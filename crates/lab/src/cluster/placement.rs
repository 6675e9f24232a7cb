//! Round-robin placement of partitions, with priorities (spec: concepts.md §2).

use std::collections::BTreeMap;

use crate::ids::{BrokerId, PartitionId};

/// The replicas of every partition with their priorities.
pub(crate) type Placement = BTreeMap<PartitionId, BTreeMap<BrokerId, u32>>;

/// Places `partitions` on `brokers` (sorted), `factor` replicas each.
pub(crate) fn round_robin(brokers: &[BrokerId], partitions: &[PartitionId], factor: usize) -> Placement {
    let n = brokers.len();
    let mut placement = Placement::new();
    if n == 0 {
        return placement;
    }
    let top = u32::try_from(factor).unwrap_or(u32::MAX);
    for &partition in partitions {
        let index = partition.0.saturating_sub(1) as usize;
        let descending = (index / n).is_multiple_of(2);
        let mut replicas = BTreeMap::new();
        for j in 0..factor.min(n) {
            let Some(&broker) = brokers.get((index + j) % n) else {
                continue;
            };
            let step = u32::try_from(j).unwrap_or(0);
            let priority = match (j, descending) {
                (0, _) => top,
                (_, true) => top - step,
                (_, false) => step,
            };
            replicas.insert(broker, priority);
        }
        placement.insert(partition, replicas);
    }
    placement
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(n: u32) -> Vec<BrokerId> {
        (0..n).map(BrokerId).collect()
    }

    #[track_caller]
    fn check(brokers: u32, partition: u32, expected: &[(u32, u32)]) {
        let placed = round_robin(&ids(brokers), &[PartitionId(partition)], 4);
        let got: Vec<_> = placed[&PartitionId(partition)]
            .iter()
            .map(|(b, p)| (b.0, *p))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn follows_the_recorded_placement() {
        check(4, 1, &[(0, 4), (1, 3), (2, 2), (3, 1)]);
        check(4, 3, &[(0, 2), (1, 1), (2, 4), (3, 3)]);
        check(8, 8, &[(0, 3), (1, 2), (2, 1), (7, 4)]);
        check(8, 5, &[(4, 4), (5, 3), (6, 2), (7, 1)]);
        // The second round reverses the lower priorities.
        check(4, 5, &[(0, 4), (1, 1), (2, 2), (3, 3)]);
    }
}
