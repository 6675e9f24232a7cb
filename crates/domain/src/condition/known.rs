//! What conditions are judged by that no reading shows any more: what was answered, and what was read before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{ChangeId, PartitionId};
use crate::observation::Observation;

/// What a condition is judged by, besides the picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The change that our effect was answered with.
    pub change: Option<ChangeId>,
    /// The highest position that any broker had processed of each partition, read before the effect.
    pub processed: BTreeMap<PartitionId, i64>,
}

impl Known {
    /// Remembers the highest processed positions of a reading. Unknown positions are left out, never taken as 0.
    pub fn remember(&mut self, reading: &Observation) {
        for own in reading
            .brokers
            .values()
            .filter_map(|sight| sight.partitions.seen())
        {
            for (partition, replica) in own {
                if let Some(position) = replica.processed_position {
                    self.remember_position(*partition, position);
                }
            }
        }
    }

    /// Remembers positions that were read before.
    pub fn remember_positions(&mut self, processed: &BTreeMap<PartitionId, i64>) {
        for (partition, position) in processed {
            self.remember_position(*partition, *position);
        }
    }

    fn remember_position(&mut self, partition: PartitionId, position: i64) {
        let known = self.processed.entry(partition).or_insert(position);
        *known = (*known).max(position);
    }
}
