//! A region's search (Elasticsearch or OpenSearch): its health, indices, snapshots, restores, and what it holds.
//!
//! `spec: api.md §9`. A cluster is told by its UUID, never by its address: deleting in the wrong one is for ever.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::PartitionId;
use crate::observation::Sight;

/// How well a search cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Color {
    /// Everything is there.
    Green,
    /// Replicas are missing.
    Yellow,
    /// Data is missing.
    Red,
}

/// A search cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchCluster {
    /// What tells it from every other.
    pub uuid: String,
    /// How well it is.
    pub color: Color,
    /// How many nodes hold data; `None` where that is not told. One alone cannot hold replicas, and stays yellow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_nodes: Option<u64>,
    /// Why it is red, in the server's words, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_red: Option<String>,
}

impl SearchCluster {
    /// Why it is red, as the end of a sentence, with its first space; empty where it is not, or does not say.
    pub fn red_words(&self) -> String {
        (self.why_red.as_ref())
            .map(|why| format!(" ({why})"))
            .unwrap_or_default()
    }
}

/// What a search is made of, as far as a copy of it depends on that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchDetails {
    /// The versions of its nodes.
    pub versions: BTreeSet<String>,
    /// How many nodes hold data, at most: all that there are.
    pub nodes: usize,
    /// Bytes free on the fullest node's disk; `None` where that is not told.
    pub disk_free_bytes: Option<u64>,
    /// Bytes in all on that disk.
    pub disk_total_bytes: Option<u64>,
    /// Indices of which no second copy is kept.
    pub without_replicas: BTreeSet<String>,
    /// Indices that were closed to writes, as a full disk does (`read_only_allow_delete`), or by somebody.
    pub read_only: BTreeSet<String>,
}

/// What came of trying a repository: registered under a name of its own, written to, read, and unregistered again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryTrial {
    /// What the search said against it; `None` if every node could write and read.
    pub refused: Option<String>,
    /// What could not be taken away afterwards, and why.
    pub left: Option<String>,
}

/// How a snapshot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotState {
    /// Under way.
    InProgress,
    /// Whole.
    Success,
    /// Shards are missing; worthless, though the call was answered 200.
    Partial,
    /// Broken.
    Failed,
    /// Written by a version that this server cannot read.
    Incompatible,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// Its own UUID: the same name may be another snapshot.
    pub uuid: String,
    /// How it stands.
    pub state: SnapshotState,
    /// Its indices.
    pub indices: BTreeSet<String>,
    /// Shards in all.
    pub shards_total: u64,
    /// Shards done so far.
    pub shards_done: u64,
    /// Shards that failed.
    pub shards_failed: u64,
    /// How much of it is copied; `None` where that is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied: Option<Copied>,
    /// What was put into it when it was begun.
    pub metadata: BTreeMap<String, serde_json::Value>,
}

/// How much is copied, of how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Bytes that are there.
    pub bytes_done: u64,
    /// Bytes in all, as far as shards have begun.
    pub bytes_total: u64,
}

impl Copied {
    /// As people say it: `12.3 of 40.0 MB`.
    pub fn words(self) -> String {
        let (unit, name) = match self.bytes_total {
            total if total >= 10_000_000_000 => (1e9, "GB"),
            total if total >= 10_000_000 => (1e6, "MB"),
            total if total >= 10_000 => (1e3, "kB"),
            _ => return format!("{} of {} bytes", self.bytes_done, self.bytes_total),
        };
        format!(
            "{:.1} of {:.1} {name}",
            self.bytes_done as f64 / unit,
            self.bytes_total as f64 / unit
        )
    }
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its documents. `None` is unknown, never 0: it is closed, or none of its shards answers.
    pub documents: Option<u64>,
    /// How well it is; `None` while it is closed.
    pub color: Option<Color>,
}

/// One index on its way back from a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The index.
    pub index: String,
    /// The snapshot it comes from.
    pub snapshot: String,
    /// Whether every one of its primary shards is there and done. Not told any more once a shard has moved or its node
    /// has restarted: an index that is not listed may well be whole.
    pub is_done: bool,
    /// Bytes copied, of how many.
    pub bytes_done: u64,
    /// Bytes in all.
    pub bytes_total: u64,
}

/// What a search holds of one partition, up to a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Distinct records.
    pub count: u64,
    /// SHA-256 over their ids in order, in hexadecimal.
    pub hash: String,
    /// The highest position held; `None` if nothing is.
    pub highest: Option<i64>,
}

/// What a search holds, by partition.
pub type Holdings = BTreeMap<PartitionId, Holding>;

/// What one look at a search brought. What a look was not for is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchSight {
    /// Which cluster answers, and how well it is.
    pub cluster: Sight<SearchCluster>,
    /// Its indices.
    pub indices: Sight<Vec<Index>>,
    /// The repository's registration; `None` is "not registered".
    pub repository: Sight<Option<serde_json::Value>>,
    /// The run's snapshot, as seen from here; `None` is "no such snapshot".
    pub snapshot: Sight<Option<Snapshot>>,
    /// Indices that come or came back from a snapshot.
    pub recoveries: Sight<Vec<Recovery>>,
    /// What it holds up to the positions that were asked for.
    pub holdings: Sight<Holdings>,
}

/// The repository that snapshots go to, as both searches know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Its name.
    pub name: String,
    /// Its type and settings, as the server wants them. No secrets: those are in the servers' keystores.
    pub settings: serde_json::Value,
}
