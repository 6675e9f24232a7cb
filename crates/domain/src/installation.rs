//! The installation as it was configured: what ought to be there, against which everything seen is held.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::{BrokerId, ExporterId, PartitionId, REGIONS, RegionId};
use crate::placement::{Placement, replicas_of, round_robin};

/// One region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Its number.
    pub id: RegionId,
    /// Its name, as people call it and must type it.
    pub name: String,
    /// The exporter that writes to this region's search.
    pub exporter: ExporterId,
}

/// A dual-region installation. Valid by construction: see [`Installation::new`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Installation {
    name: String,
    regions: [Region; REGIONS as usize],
    cluster_size: u32,
    partitions: u32,
    replication_factor: u32,
}

#[derive(Clone, Serialize, Deserialize)]
struct Raw {
    name: String,
    regions: Vec<Region>,
    cluster_size: u32,
    partitions: u32,
    replication_factor: u32,
}

/// What makes a described installation impossible. Each message names the value and what is right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInstallation {
    /// Not two regions.
    #[error("{0} regions are described; a dual-region installation has exactly 2")]
    Regions(usize),
    /// Two regions of one name.
    #[error("both regions are called `{0}`; give them different names, they are typed to confirm a failover")]
    SameName(String),
    /// A region without a name.
    #[error("region {0} has no name")]
    NoName(RegionId),
    /// Both regions export by one exporter.
    #[error("both regions name the exporter `{0}`; each region's search has an exporter of its own")]
    SameExporter(ExporterId),
    /// Odd or too small.
    #[error("cluster size {0} cannot be split over two regions; it must be even and at least 4")]
    ClusterSize(u32),
    /// Not four.
    #[error(
        "replication factor {0} is not supported; a dual-region installation keeps 4 replicas, 2 in each region"
    )]
    ReplicationFactor(u32),
    /// None.
    #[error("an installation has at least 1 partition")]
    NoPartitions,
}

/// The only replication factor that the procedure is for. `spec: concepts.md §1.1`
pub const REPLICATION_FACTOR: u32 = 4;

impl Installation {
    /// Checks the description against the hard rules of `spec: concepts.md §1.1`.
    ///
    /// The regions are given in the order of their numbers.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn new(
        name: impl Into<String>,
        regions: Vec<(String, ExporterId)>,
        cluster_size: u32,
        partitions: u32,
        replication_factor: u32,
    ) -> Result<Self, InvalidInstallation> {
        let count = regions.len();
        let regions: Vec<Region> = regions
            .into_iter()
            .zip(0..)
            .map(|((name, exporter), id)| Region {
                id: RegionId(id),
                name,
                exporter,
            })
            .collect();
        let regions: [Region; 2] = regions
            .try_into()
            .map_err(|_| InvalidInstallation::Regions(count))?;
        if let Some(nameless) = regions.iter().find(|region| region.name.trim().is_empty()) {
            return Err(InvalidInstallation::NoName(nameless.id));
        }
        let [first, second] = &regions;
        if first.name == second.name {
            return Err(InvalidInstallation::SameName(first.name.clone()));
        }
        if first.exporter == second.exporter {
            return Err(InvalidInstallation::SameExporter(first.exporter.clone()));
        }
        if cluster_size < 4 || !cluster_size.is_multiple_of(REGIONS) {
            return Err(InvalidInstallation::ClusterSize(cluster_size));
        }
        if replication_factor != REPLICATION_FACTOR {
            return Err(InvalidInstallation::ReplicationFactor(replication_factor));
        }
        if partitions == 0 {
            return Err(InvalidInstallation::NoPartitions);
        }
        Ok(Installation {
            name: name.into(),
            regions,
            cluster_size,
            partitions,
            replication_factor,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Both regions, by number.
    pub fn regions(&self) -> &[Region; 2] {
        &self.regions
    }

    /// A region by its number.
    pub fn region(&self, id: RegionId) -> &Region {
        &self.regions[(id.0 % REGIONS) as usize]
    }

    /// A region by the name that a person typed; exactly, no abbreviations: the wrong one would be removed.
    pub fn region_named(&self, name: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.name == name)
    }

    /// Brokers of both regions together.
    pub fn cluster_size(&self) -> u32 {
        self.cluster_size
    }

    /// Partitions.
    pub fn partitions_count(&self) -> u32 {
        self.partitions
    }

    /// All partitions.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (1..=self.partitions).map(PartitionId)
    }

    /// Replicas of each partition when all is well.
    pub fn replication_factor(&self) -> u32 {
        self.replication_factor
    }

    /// Replicas of each partition that one region holds.
    pub fn regional_replicas(&self) -> u32 {
        self.replication_factor / REGIONS
    }

    /// All brokers.
    pub fn brokers(&self) -> BTreeSet<BrokerId> {
        (0..self.cluster_size).map(BrokerId).collect()
    }

    /// The brokers of a region, in their order.
    pub fn brokers_in(&self, region: RegionId) -> impl Iterator<Item = BrokerId> + use<> {
        (0..self.cluster_size)
            .map(BrokerId)
            .filter(move |broker| RegionId::of(*broker) == region)
    }

    /// The brokers of a region.
    pub fn brokers_of(&self, region: RegionId) -> BTreeSet<BrokerId> {
        self.brokers_in(region).collect()
    }

    /// Where every replica lives when all is well.
    pub fn placement(&self) -> Placement {
        round_robin(&self.brokers(), self.partitions, self.replication_factor)
    }

    /// Where the replicas of one partition live when all is well; empty for one that there is not.
    pub fn replicas_of(&self, partition: PartitionId) -> BTreeSet<BrokerId> {
        if !(1..=self.partitions).contains(&partition.0) {
            return BTreeSet::new();
        }
        let members: Vec<BrokerId> = self.brokers().into_iter().collect();
        let replicas = replicas_of(partition, &members, self.replication_factor);
        replicas.into_keys().collect()
    }

    /// Where the replicas live once only `region` is left: a force moves nothing, each broker keeps what it has.
    pub fn placement_within(&self, region: RegionId) -> Placement {
        let mut placement = self.placement();
        for replicas in placement.values_mut() {
            replicas.retain(|broker, _| RegionId::of(*broker) == region);
        }
        placement
    }
}

impl TryFrom<Raw> for Installation {
    type Error = InvalidInstallation;

    fn try_from(raw: Raw) -> Result<Self, InvalidInstallation> {
        let regions = raw
            .regions
            .into_iter()
            .map(|region| (region.name, region.exporter))
            .collect();
        Installation::new(
            raw.name,
            regions,
            raw.cluster_size,
            raw.partitions,
            raw.replication_factor,
        )
    }
}

impl From<Installation> for Raw {
    fn from(installation: Installation) -> Raw {
        Raw {
            name: installation.name,
            regions: installation.regions.into(),
            cluster_size: installation.cluster_size,
            partitions: installation.partitions,
            replication_factor: installation.replication_factor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions() -> Vec<(String, ExporterId)> {
        ["london", "paris"]
            .into_iter()
            .zip(0..)
            .map(|(name, i)| {
                (
                    name.to_owned(),
                    ExporterId::new(format!("elasticsearchregion{i}")),
                )
            })
            .collect()
    }

    #[track_caller]
    fn check(size: u32, partitions: u32, factor: u32, expected: &str) {
        let error = Installation::new("camunda", regions(), size, partitions, factor).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn impossible_shapes_are_refused() {
        check(7, 8, 4, "cluster size 7");
        check(2, 8, 4, "cluster size 2");
        check(8, 8, 3, "replication factor 3");
        check(8, 0, 4, "at least 1 partition");
    }

    #[test]
    fn regions_must_be_two_and_told_apart() {
        let mut same = regions();
        same[1].0 = "london".to_owned();
        assert_eq!(
            Installation::new("c", same, 4, 4, 4).unwrap_err(),
            InvalidInstallation::SameName("london".into())
        );
        assert_eq!(
            Installation::new("c", vec![], 4, 4, 4).unwrap_err(),
            InvalidInstallation::Regions(0)
        );
        let mut same = regions();
        same[1].1 = same[0].1.clone();
        assert!(matches!(
            Installation::new("c", same, 4, 4, 4),
            Err(InvalidInstallation::SameExporter(_))
        ));
    }

    #[test]
    fn a_region_is_found_by_its_whole_name_only() {
        let installation = Installation::new("c", regions(), 8, 8, 4).unwrap();
        assert_eq!(installation.region_named("paris").unwrap().id, RegionId(1));
        assert_eq!(installation.region_named("par"), None);
        assert_eq!(
            installation.brokers_of(RegionId(1)),
            [1, 3, 5, 7].map(BrokerId).into()
        );
    }
}
