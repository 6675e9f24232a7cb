//! Whole disasters in virtual time: a region is lost, failed over, rebuilt and failed back by the real engine, while
//! everything else goes wrong; thousands of them, each drawn from one seed, each judged by the model.
//!
//! - [`Disaster`] is everything that is decided beforehand, as a value; [`fault`] says what may go wrong, and when.
//! - [`live`] lives through one of them, on one thread, on tokio's paused clock.
//! - [`judge`] watches the model meanwhile, and believes no endpoint, no journal and no plan.
//! - [`storm()`] lives through many, and counts.
//! - [`drill`] is single disasters as readable scripts.

pub mod disaster;
pub mod drill;
pub mod fate;
pub mod fates;
pub mod fault;
pub mod guide;
pub mod judge;
pub mod life;
pub mod planner;
pub mod rings;
pub mod scenario;
pub mod storm;
pub mod story;

mod chance;
mod ear;
mod journal;
mod person;
#[cfg(feature = "planted")]
pub mod planted;
mod plot;
mod scene;
mod shrink;
mod spoilt;
pub mod without;

pub use disaster::{Disaster, Shape};
pub use fate::{Bad, Fate, fare};
pub use fates::{Fates, fates};
pub use judge::{Law, Violation};
pub use life::{Ending, Life};
pub use planner::{Planner, UnknownPlanner};
pub use rings::wire::WireError;
pub use rings::{Ring, UnknownRing};
pub use scenario::{Scenario, UnknownScenario};
pub use scene::{SceneError, live};
pub use storm::{Options, Tally, rate, storm};
pub use story::Line;
pub use without::{Part, UnknownPart, Without};
