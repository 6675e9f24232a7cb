//! A snapshot: shard after shard is copied, and each holds what was in it at that moment, not at the beginning.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use c8dr_engine::clock::Moment;
use serde_json::Value;

use crate::search::Cluster;
use crate::search::index::{Document, DocumentId};
use crate::search::store::Location;

/// How a snapshot ended, or that it has not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    InProgress,
    Success,
    Partial,
    Failed,
}

impl State {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            State::InProgress => "IN_PROGRESS",
            State::Success => "SUCCESS",
            State::Partial => "PARTIAL",
            State::Failed => "FAILED",
        }
    }
}

/// What a snapshot holds of one index.
#[derive(Clone, Debug)]
pub(crate) struct CopiedIndex {
    pub(crate) shards: u32,
    pub(crate) copied: BTreeMap<u32, Arc<BTreeMap<DocumentId, Document>>>,
    pub(crate) failed: BTreeSet<u32>,
}

/// A snapshot, being taken or in the object store.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) uuid: String,
    /// Its place in the order of all snapshots; 0 until it is stored.
    pub(crate) number: u64,
    /// The cluster that took it.
    pub(crate) by: String,
    pub(crate) state: State,
    pub(crate) indices: BTreeMap<String, CopiedIndex>,
    /// The templates, when the global state was included.
    pub(crate) global: Option<BTreeSet<String>>,
    pub(crate) metadata: Option<Value>,
    pub(crate) began: Moment,
    pub(crate) ended: Moment,
    /// Why the failed shards failed.
    pub(crate) failure: &'static str,
}

impl Stored {
    pub(crate) fn total(&self) -> u32 {
        self.indices.values().map(|i| i.shards).sum()
    }

    pub(crate) fn failed(&self) -> u32 {
        self.indices
            .values()
            .map(|i| u32::try_from(i.failed.len()).unwrap_or(u32::MAX))
            .sum()
    }

    pub(crate) fn copied(&self) -> u32 {
        self.indices
            .values()
            .map(|i| u32::try_from(i.copied.len()).unwrap_or(u32::MAX))
            .sum()
    }

    /// Says how it ended, by its shards.
    pub(crate) fn conclude(&mut self, now: Moment) {
        let (failed, total) = (self.failed(), self.total());
        self.state = match failed {
            0 => State::Success,
            _ if failed == total => State::Failed,
            _ => State::Partial,
        };
        self.ended = now;
    }
}

/// A snapshot under way in a cluster.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotRun {
    /// The number by which those who wait for it know it.
    pub(crate) id: u64,
    pub(crate) repository: String,
    pub(crate) location: Location,
    pub(crate) snapshot: Stored,
    /// The shards still to copy.
    pub(crate) ahead: VecDeque<(String, u32)>,
    /// Shards that will fail because somebody wanted it so.
    pub(crate) doomed: BTreeSet<(String, u32)>,
}

impl SnapshotRun {
    /// Copies the next shard as it is now; the number of documents copied. None when there is none left.
    pub(crate) fn copy_next(
        &mut self,
        indices: &BTreeMap<String, crate::search::index::Index>,
    ) -> Option<usize> {
        let (name, shard) = self.ahead.pop_front()?;
        let copy = self.snapshot.indices.get_mut(&name)?;
        let doomed = self.doomed.contains(&(name.clone(), shard));
        match indices.get(&name).filter(|_| !doomed) {
            Some(index) => {
                let documents = index.shard(shard);
                let count = documents.len();
                copy.copied.insert(shard, documents);
                Some(count)
            }
            None => {
                copy.failed.insert(shard);
                Some(0)
            }
        }
    }

    /// Fails all that is still to be copied.
    pub(crate) fn fail_the_rest(&mut self) {
        for (name, shard) in std::mem::take(&mut self.ahead) {
            if let Some(copy) = self.snapshot.indices.get_mut(&name) {
                copy.failed.insert(shard);
            }
        }
    }
}

impl Cluster {
    /// The snapshots that this cluster sees in a repository: those that were there when it was registered, and its own.
    pub(crate) fn visible<'a>(&self, repository: &str, stored: &'a [Stored]) -> Vec<&'a Stored> {
        let Some(registered) = self.repositories.get(repository) else {
            return Vec::new();
        };
        stored
            .iter()
            .filter(|s| s.number <= registered.seen_up_to || s.by == self.uuid)
            .collect()
    }
}
