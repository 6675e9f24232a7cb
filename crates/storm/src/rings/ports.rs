//! The ports ring: what the engine asks thousands of times is answered by the lab's own views, and nothing is serialized.
//!
//! What changes something, and what a search is asked seldom, goes the way of the wire ring.

mod search;
mod zeebe;

use c8dr_engine::ports::Search;
use c8dr_lab::Lab;
use c8dr_systems::elasticsearch::Limits;

use super::Ports;
use super::wire::{self, WireError};
use crate::disaster::region;

/// The ports of a lab, by its views.
pub(crate) fn ports(lab: &Lab, brokers: u32, outside: bool) -> Result<Ports, WireError> {
    let wired = wire::ports(lab, brokers, outside)?;
    let searches = wired.searches.into_iter().map(|(id, wired)| {
        let search: Box<dyn Search> = Box::new(search::LabSearch {
            lab: lab.clone(),
            region: region(id),
            limits: Limits::default(),
            wired,
        });
        (id, search)
    });
    Ok(Ports {
        zeebe: Box::new(zeebe::LabZeebe::new(lab.clone(), brokers, wired.zeebe)),
        searches: searches.collect(),
        platforms: wired.platforms,
        bucket: wired.bucket,
    })
}
