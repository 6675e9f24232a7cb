//! The object store that repositories are in: shared by both regions, and outliving them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::bucket::Objects;
use crate::search::snapshot::Stored;

/// Where in the object store a repository is: bucket and path within it, or a file system's location.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Location {
    pub(crate) bucket: String,
    pub(crate) path: String,
}

/// How the object store is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreState {
    /// It answers.
    #[default]
    Works,
    /// The keys are refused (403).
    Denied,
    /// Nobody answers, or the bucket is gone.
    Gone,
}

/// The object store of both regions.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) state: StoreState,
    /// Counts its disappearances and returns: what was under way then is cut off.
    pub(crate) life: u64,
    /// Numbers the requests that its own port gets.
    pub(crate) requests: u64,
    /// Counts finished snapshots, so that a repository knows which were there when it was registered.
    pub(crate) count: u64,
    pub(crate) snapshots: BTreeMap<Location, Vec<Stored>>,
    /// What clients keep there themselves.
    pub(crate) objects: Objects,
}

impl Store {
    pub(crate) fn at(&self, location: &Location) -> &[Stored] {
        self.snapshots.get(location).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn keep(&mut self, location: &Location, mut snapshot: Stored) {
        self.count += 1;
        snapshot.number = self.count;
        self.snapshots.entry(location.clone()).or_default().push(snapshot);
    }

    /// Takes a snapshot away; false when there is none of this name.
    pub(crate) fn remove(&mut self, location: &Location, name: &str) -> bool {
        let Some(here) = self.snapshots.get_mut(location) else {
            return false;
        };
        let before = here.len();
        here.retain(|s| s.name != name);
        here.len() < before
    }
}
