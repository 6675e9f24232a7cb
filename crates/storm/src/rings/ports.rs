//! The ports ring: what the engine asks thousands of times is answered by the lab's own views, and nothing is serialized.
//!
//! What changes something, and what is asked of a search, is rare, and goes the way of the wire ring.

mod zeebe;

use c8dr_lab::Lab;

use super::Ports;
use super::wire::{self, WireError};

/// The ports of a lab, by its views.
pub(crate) fn ports(lab: &Lab, brokers: u32, outside: bool) -> Result<Ports, WireError> {
    let wired = wire::ports(lab, brokers, outside)?;
    Ok(Ports {
        zeebe: Box::new(zeebe::LabZeebe::new(lab.clone(), brokers, wired.zeebe)),
        ..wired
    })
}
