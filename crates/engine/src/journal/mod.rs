//! The journal of a run: what happened and what was about to, on disk before it happens.
//!
//! One directory per run, one file of JSON lines that `less` can read. Every line carries the hash of the one before and of
//! itself; the first names the format. An intent is durable (fsync) before its effect goes out (guarantee G7).

pub mod file;
pub mod format;
pub mod store;

use c8dr_domain::run::Event;
use jiff::Timestamp;

pub use file::FileJournal;
pub use format::{JournalError, Recovered, recover};
pub use store::Store;

/// Where a run's events are made durable.
pub trait Journal: Send {
    /// Makes an event durable. When this returns, it is.
    ///
    /// # Errors
    /// If it could not be written; the run must stop then, for the world may not get ahead of the journal.
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), JournalError>;

    /// All of it so far, as it is kept: what is shared with other machines.
    fn text(&self) -> &[u8];
}

/// A journal that keeps nothing: for simulations that judge the world and not the disk.
#[derive(Debug, Default)]
pub struct Unkept;

impl Journal for Unkept {
    fn append(&mut self, _at: Timestamp, _event: &Event) -> Result<(), JournalError> {
        Ok(())
    }

    fn text(&self) -> &[u8] {
        &[]
    }
}
