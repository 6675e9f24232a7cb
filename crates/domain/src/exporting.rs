//! How far the exporters of a broker are, by their metrics: the only thing that says "drained" exactly.
//!
//! `spec: procedure.md §3a`, `edge-cases.md E1`: a pause stops reading; what is in the exporter's hands is still written for
//! seconds. Drained is: handed to the exporter == acknowledged by it, on each partition's leader, for the running exporter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{ExporterId, PartitionId};

/// Two positions of one exporter on one partition, as one broker's metrics show them.
///
/// On a follower, and of a disabled exporter, these are old values that never change: they must not be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExporterPositions {
    /// The last record handed to the exporter.
    pub handed: Option<i64>,
    /// The last record that the exporter acknowledged.
    pub acknowledged: Option<i64>,
}

impl ExporterPositions {
    /// Whether nothing is in the exporter's hands. Unknown positions are not drained.
    pub fn is_drained(&self) -> bool {
        self.handed.is_some() && self.handed == self.acknowledged
    }
}

/// A broker's exporters, by partition.
pub type ExporterMetrics = BTreeMap<PartitionId, BTreeMap<ExporterId, ExporterPositions>>;

/// What a broker's metrics say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerMetrics {
    /// How far its exporters are.
    pub exporters: ExporterMetrics,
    /// Bytes free on its disk; `None` where the page does not say.
    pub disk_free_bytes: Option<u64>,
    /// How big its disk is, in bytes; `None` where the page does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_total_bytes: Option<u64>,
}

/// The position vector V: for every partition the position that the surviving exporter has acknowledged, read drained.
pub type PositionVector = BTreeMap<PartitionId, i64>;
