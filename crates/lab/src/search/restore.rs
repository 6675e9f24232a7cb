//! A restore: its indices exist at once, their shards come back one after the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::search::index::{Document, DocumentId, Index};

/// A shard to bring back, and what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Ahead {
    pub(crate) index: String,
    pub(crate) shard: u32,
    pub(crate) documents: Arc<BTreeMap<DocumentId, Document>>,
}

/// A restore, under way or done.
#[derive(Clone, Debug)]
pub(crate) struct Restore {
    /// The number by which those who wait for it know it.
    pub(crate) id: u64,
    pub(crate) repository: String,
    pub(crate) snapshot: String,
    pub(crate) indices: BTreeMap<String, u32>,
    pub(crate) ahead: VecDeque<Ahead>,
    /// Shards that are back, with the number of their documents.
    pub(crate) back: BTreeMap<(String, u32), usize>,
    pub(crate) failed: BTreeSet<(String, u32)>,
}

impl Restore {
    pub(crate) fn done(&self) -> bool {
        self.ahead.is_empty()
    }

    pub(crate) fn total(&self) -> u32 {
        self.indices.values().sum()
    }

    /// Brings the next shard back into its index.
    pub(crate) fn bring_next(&mut self, indices: &mut BTreeMap<String, Index>) {
        let Some(next) = self.ahead.pop_front() else {
            return;
        };
        let place = (next.index.clone(), next.shard);
        let Some(index) = indices.get_mut(&next.index) else {
            // Somebody deleted it meanwhile.
            self.failed.insert(place);
            return;
        };
        self.back.insert(place, next.documents.len());
        if index.shards == 1 || index.documents.is_empty() {
            index.documents = next.documents;
        } else {
            Arc::make_mut(&mut index.documents).extend(next.documents.iter().map(|(id, d)| (*id, *d)));
        }
    }

    /// The process ended before the rest was back.
    pub(crate) fn cut_short(&mut self) {
        for next in std::mem::take(&mut self.ahead) {
            self.failed.insert((next.index, next.shard));
        }
    }
}
