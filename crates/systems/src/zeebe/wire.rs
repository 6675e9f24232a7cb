//! Zeebe's JSON, read once and strictly into the domain's nouns.
//!
//! Unknown fields are skipped and unknown enum values kept, as a newer Zeebe adds both; but what a decision rests on
//! (ids, states, roles, versions) must be there and unambiguous, or the body is [`Garbled`]. `spec: api.md §2–§6`

mod change;
mod cluster;
mod exporters;
mod exporting;
mod json;
mod partitions;
mod readiness;
mod refusal;
mod text;
mod topology;

use std::fmt;

pub use self::change::{PlannedChange, planned_change};
pub use self::cluster::configuration;
pub use self::exporters::exporters;
pub use self::exporting::{ExportingOutcome, exporting_outcome};
pub use self::partitions::own_partitions;
pub use self::readiness::ready;
pub use self::refusal::{page, refusal};
pub use self::topology::topology;

/// A body that is not what it should be: what is wrong, where, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbled {
    /// What is wrong.
    pub what: String,
    /// The path to it, such as `brokers[3].partitions[0].role`; empty for the body as a whole.
    pub path: String,
    /// The byte at which reading stopped, counted from 0; `None` if the JSON is fine but its content is not.
    pub at: Option<usize>,
    /// What stands around that byte, escaped and cut; empty if there is nothing to show.
    pub excerpt: String,
}

impl Garbled {
    /// JSON that is well-formed but says something impossible at `path`.
    pub(super) fn content(path: impl Into<String>, what: impl Into<String>) -> Self {
        Garbled {
            what: what.into(),
            path: path.into(),
            at: None,
            excerpt: String::new(),
        }
    }
}

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.path.is_empty() {
            write!(f, " at {}", self.path)?;
        }
        if let Some(at) = self.at {
            write!(f, ", byte {at}")?;
        }
        if !self.excerpt.is_empty() {
            write!(f, ": `{}`", self.excerpt)?;
        }
        Ok(())
    }
}

impl std::error::Error for Garbled {}

pub(crate) use self::text::shown;
