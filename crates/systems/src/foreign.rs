//! Bodies that others wrote: read strictly, shown harmlessly, and errors found in whatever shape they come.

mod harmless;
pub(crate) mod json;
mod refusal;
mod text;

use std::fmt;

pub(crate) use self::refusal::may_be_page;
pub use self::refusal::{page, refusal};
pub(crate) use self::text::shown;

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
    pub(crate) fn content(path: impl Into<String>, what: impl Into<String>) -> Self {
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
