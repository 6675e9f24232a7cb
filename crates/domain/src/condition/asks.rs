//! What has to be asked to judge a condition. A look takes in what its conditions need, and no more.

use std::collections::{BTreeMap, BTreeSet};

use super::Condition;
use crate::exporting::PositionVector;
use crate::facts::Facts;
use crate::ids::{ExporterId, RegionId};

/// What a look has to ask besides the gateways and brokers of the surviving side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// The brokers of both regions.
    pub both_regions: bool,
    /// The brokers' metrics.
    pub metrics: bool,
    /// The brokers' readiness.
    pub readiness: bool,
    /// Searches.
    pub searches: BTreeMap<RegionId, SearchAsks>,
    /// Platforms.
    pub platforms: BTreeSet<RegionId>,
    /// From which region's pods it is tried to write by which exporters' addresses.
    pub writes: BTreeMap<RegionId, BTreeMap<RegionId, ExporterId>>,
    /// Where the users' names point.
    pub traffic: bool,
}

/// What has to be asked of a search. Which cluster it is, is always asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchAsks {
    /// Its indices.
    pub indices: bool,
    /// Its recoveries.
    pub recoveries: bool,
    /// How a repository is registered.
    pub repository: Option<String>,
    /// A snapshot, by repository and name.
    pub snapshot: Option<(String, String)>,
    /// What it holds up to these positions.
    pub holdings: Option<PositionVector>,
}

impl Asks {
    /// What these conditions need.
    pub fn of<'a>(conditions: impl IntoIterator<Item = &'a Condition>, facts: &Facts) -> Self {
        let mut asks = Asks::default();
        for condition in conditions {
            asks.add(condition, facts);
        }
        asks
    }

    fn search(&mut self, region: RegionId) -> &mut SearchAsks {
        self.searches.entry(region).or_default()
    }

    fn add(&mut self, condition: &Condition, facts: &Facts) {
        match condition {
            Condition::Fenced { .. } => self.both_regions = true,
            Condition::NothingLeft { region } => {
                self.both_regions = true;
                self.platforms.insert(*region);
            }
            Condition::Joined { .. } => self.both_regions = true,
            Condition::Ready { .. } => {
                self.both_regions = true;
                self.readiness = true;
            }
            Condition::NoWebapps { region }
            | Condition::StillNoWebapps { region }
            | Condition::WebappsStarted { region }
            | Condition::WebappsUp { region } => {
                self.platforms.insert(*region);
            }
            Condition::Drained { .. }
            | Condition::Unmoved { .. }
            | Condition::RoomLeft { .. }
            | Condition::RoomForReplicas { .. } => {
                self.metrics = true;
            }
            Condition::SearchWell { region } => {
                self.search(*region);
                self.search(region.other());
            }
            Condition::WritesArrive { from, exporters } => {
                self.platforms.insert(*from);
                self.writes.insert(*from, exporters.clone());
                // Which cluster each of them should be.
                for region in exporters.keys() {
                    self.search(*region);
                }
            }
            Condition::Registered { region, repository } => {
                self.search(*region).repository = Some(repository.name.clone());
            }
            Condition::SnapshotWhole { region, repository } => {
                let search = self.search(*region);
                search.snapshot = Some((repository.clone(), facts.snapshot_name()));
                search.indices = true;
            }
            Condition::WayClear { region } | Condition::NothingRealInTheWay { region } => {
                self.search(*region).indices = true;
            }
            Condition::Restored { region } => {
                // The source's health is the measure.
                self.search(region.other());
                let search = self.search(*region);
                search.indices = true;
                search.recoveries = true;
            }
            Condition::SameRecords => {
                let up_to = facts.compared.as_ref().map(|compared| compared.up_to.clone());
                for region in [RegionId(0), RegionId(1)] {
                    self.search(region).holdings.clone_from(&up_to);
                }
                self.both_regions = true;
            }
            Condition::NamesOurs | Condition::NamesAt { .. } => self.traffic = true,
            Condition::Members { .. } | Condition::Led { .. } | Condition::Complete { .. } => {}
            Condition::Up { brokers }
            | Condition::ExportingOn { brokers }
            | Condition::ExportingPaused { brokers } => {
                let regions: BTreeSet<RegionId> =
                    brokers.iter().map(|broker| RegionId::of(*broker)).collect();
                self.both_regions |= regions.len() > 1;
            }
            Condition::OnlyMembers { .. }
            | Condition::Placed { .. }
            | Condition::StillMembers { .. }
            | Condition::NothingPending
            | Condition::ChangeEnded
            | Condition::NothingCutOff
            | Condition::Exporter { .. }
            | Condition::ExportingAgain => {}
        }
    }
}
