//! Zeebe's JSON, read once and strictly into the domain's nouns.
//!
//! Unknown fields are skipped and unknown enum values kept, as a newer Zeebe adds both; but what a decision rests on
//! (ids, states, roles, versions) must be there and unambiguous, or the body is [`Garbled`]. `spec: api.md §2–§6`

mod change;
mod cluster;
mod exporters;
mod exporting;
mod flush;
mod metrics;
mod partitions;
mod readiness;
mod topology;

pub use self::change::{PlannedChange, planned_change};
pub use self::cluster::configuration;
pub use self::exporters::exporters;
pub use self::exporting::{ExportingOutcome, exporting_outcome};
pub use self::flush::flush;
pub use self::metrics::broker_metrics;
pub use self::partitions::own_partitions;
pub use self::readiness::ready;
pub use self::topology::topology;

pub use crate::foreign::{Garbled, page, refusal};
pub(crate) use crate::foreign::{json, shown};
