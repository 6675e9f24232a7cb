//! A search cluster of one region: its identity, indices, templates, repositories, and what it is busy with.
//!
//! It is a model, not a search engine: it knows as much of Elasticsearch 8.15 and OpenSearch 3.6 as a failback depends on
//! (spec: api.md §9, real-parts.md §1). Time and chance come from the world.

pub(crate) mod index;
pub(crate) mod pattern;
pub(crate) mod restore;
pub(crate) mod snapshot;
pub(crate) mod store;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::ids::PartitionId;
use index::{Document, DocumentId, Index};
use restore::Restore;
use snapshot::SnapshotRun;
use store::Location;

/// Which product's words a search uses where the two differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// Elasticsearch 8.15.
    #[default]
    Elasticsearch,
    /// OpenSearch 3.6.
    Opensearch,
}

/// No cluster of the lab takes more: then it refuses to write, as a real one whose disk is full. 2 million are days of
/// the lab's usual load and some 200 MB of the lab's memory.
pub(crate) const DOCUMENTS_MAX: usize = 2_000_000;

/// A repository as one cluster has it registered.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Registered {
    pub(crate) location: Location,
    pub(crate) body: serde_json::Value,
    pub(crate) readonly: bool,
    pub(crate) uuid: String,
    /// The newest snapshot that was there at the registration: later ones of others are not seen (I11).
    pub(crate) seen_up_to: u64,
}

/// A search cluster.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) alive: bool,
    /// Counts comings and goings of the process.
    pub(crate) life: u64,
    pub(crate) uuid: String,
    /// A primary shard is missing: nothing can be written.
    pub(crate) red: bool,
    /// Its disks are full: nothing can be written, and no shard finds a place.
    pub(crate) flooded: bool,
    /// Each bulk takes its time.
    pub(crate) slow: bool,
    /// Its process stands still: it takes connections and requests, and answers none; what it was busy with waits.
    pub(crate) frozen: bool,
    pub(crate) indices: BTreeMap<String, Index>,
    pub(crate) templates: BTreeSet<String>,
    pub(crate) repositories: BTreeMap<String, Registered>,
    pub(crate) running: Option<SnapshotRun>,
    /// The restores of this life, done or not: what `_recovery` tells.
    pub(crate) restores: Vec<Restore>,
    /// Up to which position each importer has looked, by its index: so that it need not look at everything each time. What
    /// it has read to is a document of its own, and is copied and restored like others.
    pub(crate) looked_at: BTreeMap<(&'static str, PartitionId), i64>,
    /// What each importer found when it last looked, by its index: the UUIDs of what it reads from, and their documents.
    pub(crate) found: BTreeMap<&'static str, Vec<(String, usize)>>,
    pub(crate) writes: u64,
    pub(crate) rewrites: u64,
}

impl Cluster {
    /// A new cluster without anything in it.
    pub(crate) fn empty(uuid: String, life: u64) -> Cluster {
        Cluster {
            alive: true,
            life,
            uuid,
            ..Cluster::default()
        }
    }

    /// Whether what is written now is kept.
    pub(crate) fn writable(&self) -> bool {
        self.alive && !self.frozen && !self.red && !self.flooded && !self.restoring() && !self.full()
    }

    pub(crate) fn restoring(&self) -> bool {
        self.restores.iter().any(|r| !r.done())
    }

    pub(crate) fn full(&self) -> bool {
        self.indices.values().map(Index::len).sum::<usize>() >= DOCUMENTS_MAX
    }

    /// Writes a document, into an index that is created if need be. An id that is there already is overwritten.
    pub(crate) fn write(
        &mut self,
        index: &str,
        uuid: impl FnOnce() -> String,
        id: DocumentId,
        document: Document,
    ) {
        self.writes += 1;
        if !self.indices.contains_key(index) {
            self.create_index(index, uuid());
        }
        if let Some(index) = self.indices.get_mut(index)
            && !index.put(id, document)
        {
            self.rewrites += 1;
        }
    }

    /// Creates an empty index; false when there is one of this name.
    pub(crate) fn create_index(&mut self, name: &str, uuid: String) -> bool {
        if self.indices.contains_key(name) {
            return false;
        }
        let family = index::family(name);
        if family == index::Family::Records {
            // The exporter brings the template of a value type with its first index.
            let template = name.rsplit_once('_').map_or(name, |(template, _)| template);
            self.templates.insert(template.to_owned());
        }
        self.indices.insert(name.to_owned(), Index::new(name, uuid));
        true
    }

    /// The process ends: what it was busy with is gone, its disks stay.
    pub(crate) fn stop(&mut self) {
        self.alive = false;
        self.frozen = false;
        self.life += 1;
        self.running = None;
        // A restore that was cut short leaves indices without their shards.
        for restore in &mut self.restores {
            restore.cut_short();
        }
    }

    /// The exported records: of each the partition and position.
    pub(crate) fn records(&self) -> impl Iterator<Item = (PartitionId, i64, Document)> {
        self.indices
            .values()
            .flat_map(|i| i.documents.iter())
            .filter_map(|(id, d)| match id {
                DocumentId::Record { partition, position } => Some((*partition, *position, *d)),
                DocumentId::Webapp(_) => None,
            })
    }

    /// Partition and position of every distinct record.
    pub(crate) fn record_ids(&self) -> BTreeSet<(PartitionId, i64)> {
        self.records()
            .map(|(partition, position, _)| (partition, position))
            .collect()
    }
}
