//! A search by the lab's view: who it is and how it is, which every look asks. All else goes the way of the wire ring.

use c8dr_domain::effect::{Answer, SearchEffect};
use c8dr_domain::exporting::PositionVector;
use c8dr_domain::observation::Sight;
use c8dr_domain::search::{Color, Holdings, Index, Recovery, SearchCluster, Snapshot};
use c8dr_engine::ports::Search;
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
                Some(SearchCluster { uuid, color })
            })
        })
    }

    fn indices(&self) -> BoxFuture<'_, Sight<Vec<Index>>> {
        self.wired.indices()
    }

    fn repository<'a>(&'a self, repository: &'a str) -> BoxFuture<'a, Sight<Option<Value>>> {
        self.wired.repository(repository)
    }

    fn snapshot<'a>(&'a self, repository: &'a str, name: &'a str) -> BoxFuture<'a, Sight<Option<Snapshot>>> {
        self.wired.snapshot(repository, name)
    }

    fn recoveries(&self) -> BoxFuture<'_, Sight<Vec<Recovery>>> {
        self.wired.recoveries()
    }

    fn holdings<'a>(&'a self, up_to: &'a PositionVector) -> BoxFuture<'a, Sight<Holdings>> {
        self.wired.holdings(up_to)
    }

    fn perform<'a>(&'a self, effect: &'a SearchEffect) -> BoxFuture<'a, Answer> {
        self.wired.perform(effect)
    }
}
