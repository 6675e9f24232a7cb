//! A search by the lab's view: who it is, how it is, what it holds. A repository, a snapshot, and what changes something go the
//! way of the wire ring.

use c8dr_domain::effect::{Answer, SearchEffect};
use c8dr_domain::exporting::PositionVector;
use c8dr_domain::ids::PartitionId;
use c8dr_domain::observation::Sight;
use c8dr_domain::search::{Color, Holding, Holdings, Index, Recovery, SearchCluster, Snapshot};
use c8dr_engine::ports::Search;
use c8dr_lab::views::{HeldView, IndexView, RecoveryView, Said};
use c8dr_lab::{Lab, Region};
use c8dr_systems::elasticsearch::Limits;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::zeebe::sight;

/// One region's search.
pub(crate) struct LabSearch {
    pub(crate) lab: Lab,
    pub(crate) region: Region,
    /// As long as the adapter waits.
    pub(crate) limits: Limits,
    /// The way of everything else.
    pub(crate) wired: Box<dyn Search>,
}

fn color(word: &str) -> Option<Color> {
    match word {
        "green" => Some(Color::Green),
        "yellow" => Some(Color::Yellow),
        "red" => Some(Color::Red),
        _ => None,
    }
}

impl Search for LabSearch {
    fn cluster(&self) -> BoxFuture<'_, Sight<SearchCluster>> {
        Box::pin(async {
            let said = self.lab.search_cluster(self.region, self.limits.read).await;
            sight(said, |view| {
                let color = color(view.color)?;
                let uuid = view.uuid;
                Some(SearchCluster {
                    uuid,
                    color,
                    data_nodes: Some(1),
                    why_red: None,
                })
            })
        })
    }

    fn indices(&self) -> BoxFuture<'_, Sight<Vec<Index>>> {
        Box::pin(async {
            let said = self.lab.search_indices(self.region, self.limits.read).await;
            let index = |view: IndexView| Index {
                name: view.name,
                documents: Some(view.documents),
                color: color(view.color),
            };
            sight(said, |views| Some(views.into_iter().map(index).collect()))
        })
    }

    fn repository<'a>(&'a self, repository: &'a str) -> BoxFuture<'a, Sight<Option<Value>>> {
        self.wired.repository(repository)
    }

    fn snapshot<'a>(&'a self, repository: &'a str, name: &'a str) -> BoxFuture<'a, Sight<Option<Snapshot>>> {
        self.wired.snapshot(repository, name)
    }

    fn recoveries(&self) -> BoxFuture<'_, Sight<Vec<Recovery>>> {
        Box::pin(async {
            let said = self.lab.search_recoveries(self.region, self.limits.read).await;
            let recovery = |view: RecoveryView| Recovery {
                index: view.index,
                snapshot: view.snapshot,
                is_done: view.is_done,
                bytes_done: view.bytes_done,
                bytes_total: 0,
            };
            sight(said, |views| Some(views.into_iter().map(recovery).collect()))
        })
    }

    fn holdings<'a>(&'a self, up_to: &'a PositionVector) -> BoxFuture<'a, Sight<Holdings>> {
        Box::pin(async move {
            let mut positions = Vec::with_capacity(up_to.len());
            for (partition, position) in up_to {
                positions.push((c8dr_lab::PartitionId(partition.0), *position));
            }
            let asked = self
                .lab
                .search_holdings(self.region, &positions, self.limits.page);
            let said = self.lab.clock().timeout(self.limits.holdings, asked).await;
            let holding = |(partition, view): (c8dr_lab::PartitionId, HeldView)| {
                let holding = Holding {
                    count: view.count,
                    hash: format!("{:016x}", view.hash),
                    highest: view.highest,
                };
                (PartitionId(partition.0), holding)
            };
            sight(said.unwrap_or(Said::TooLate), |views| {
                Some(views.into_iter().map(holding).collect())
            })
        })
    }

    fn perform<'a>(&'a self, effect: &'a SearchEffect) -> BoxFuture<'a, Answer> {
        self.wired.perform(effect)
    }
}
