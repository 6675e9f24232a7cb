//! The lab's own ids: brokers, partitions, regions, exporters.

use std::fmt;

use serde::Serialize;

/// A broker's node id (spec: concepts.md §2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct BrokerId(pub u32);

/// A partition's id, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct PartitionId(pub u32);

/// One of the two regions, by its index: region = broker id mod 2 (spec: concepts.md §2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub enum Region {
    /// The region of the brokers with even ids.
    Even,
    /// The region of the brokers with odd ids.
    Odd,
}

impl Region {
    /// Both regions, in order.
    pub const BOTH: [Region; 2] = [Region::Even, Region::Odd];

    /// 0 or 1.
    pub const fn index(self) -> usize {
        match self {
            Region::Even => 0,
            Region::Odd => 1,
        }
    }

    /// The other one.
    pub const fn other(self) -> Region {
        match self {
            Region::Even => Region::Odd,
            Region::Odd => Region::Even,
        }
    }

    /// The id of the exporter that writes to this region's search.
    pub const fn exporter(self) -> &'static str {
        match self {
            Region::Even => "elasticsearchregion0",
            Region::Odd => "elasticsearchregion1",
        }
    }

    /// The region that an exporter writes to, if it is one of the two.
    pub(crate) fn of_exporter(exporter: &str) -> Option<Region> {
        Region::BOTH.into_iter().find(|r| r.exporter() == exporter)
    }
}

impl BrokerId {
    /// The region that this broker belongs to.
    pub const fn region(self) -> Region {
        if self.0.is_multiple_of(2) {
            Region::Even
        } else {
            Region::Odd
        }
    }

    /// The place of this broker in the maps that Zeebe 8.6.0 writes out: 1, 2, … 9, 0, then the rest (recorded).
    pub(crate) const fn wire_rank(self) -> u32 {
        match self.0 {
            0 => 10,
            n if n < 10 => n,
            n => n + 1,
        }
    }
}

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
