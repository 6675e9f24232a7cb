//! `GET /_snapshot/…`: repositories, snapshots, and how far a running one is.

use std::collections::BTreeMap;

use c8dr_domain::search::{Copied, Snapshot, SnapshotState};
use serde::Deserialize;
use serde_json::Value;

use super::{Garbled, json};
use crate::foreign::json::Int;

/// Reads the type and the settings of the repository `name`.
///
/// # Errors
/// If the answer is about another one.
pub fn repository(body: &[u8], name: &str) -> Result<Value, Garbled> {
    let mut repositories: BTreeMap<String, Value> = json::read(body)?;
    repositories
        .remove(name)
        .filter(Value::is_object)
        .ok_or_else(|| Garbled::content("", format!("the repository {name:?} is not in it")))
}

/// Reads the snapshot `name`; `None` if the answer lists none.
///
/// # Errors
/// If the answer is about another one, or its state is not known to us.
pub fn snapshot(body: &[u8], name: &str) -> Result<Option<Snapshot>, Garbled> {
    let Listed { snapshots, .. } = json::read::<Listed<WireSnapshot>>(body)?;
    let Some(wire) = only(snapshots, name, |wire| &wire.snapshot)? else {
        return Ok(None);
    };
    let shards = wire.shards.unwrap_or_default();
    let state = state(&wire.state)?;
    Ok(Some(Snapshot {
        name: wire.snapshot,
        uuid: wire.uuid,
        state,
        indices: wire.indices.into_iter().collect(),
        shards_total: shards.total.0,
        shards_done: shards.successful.0,
        shards_failed: shards.failed.0,
        copied: None,
        metadata: wire.metadata.unwrap_or_default(),
    }))
}

/// How far a running snapshot is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Whose progress it is.
    pub uuid: String,
    /// Shards in all.
    pub total: u64,
    /// Shards done.
    pub done: u64,
    /// Shards that failed.
    pub failed: u64,
    /// Bytes copied, of how many; `None` where that is not told.
    pub copied: Option<Copied>,
}

/// Reads the `_status` of the snapshot `name`; `None` if the answer lists none.
///
/// # Errors
/// If the answer is about another one.
pub fn progress(body: &[u8], name: &str) -> Result<Option<Progress>, Garbled> {
    let Listed { snapshots } = json::read::<Listed<WireStatus>>(body)?;
    Ok(
        only(snapshots, name, |wire| &wire.snapshot)?.map(|wire| Progress {
            uuid: wire.uuid,
            total: wire.shards_stats.total.0,
            done: wire.shards_stats.done.0,
            failed: wire.shards_stats.failed.0,
            copied: wire.stats.and_then(WireSizes::copied),
        }),
    )
}

fn only<T>(mut listed: Vec<T>, name: &str, of: impl Fn(&T) -> &String) -> Result<Option<T>, Garbled> {
    match (listed.pop(), listed.is_empty()) {
        (None, _) => Ok(None),
        (Some(only), true) if of(&only) == name => Ok(Some(only)),
        (Some(_), true) => Err(Garbled::content("snapshots[0]", "this is another snapshot")),
        (Some(_), false) => Err(Garbled::content("snapshots", "there is more than one")),
    }
}

fn state(name: &str) -> Result<SnapshotState, Garbled> {
    match name {
        "IN_PROGRESS" => Ok(SnapshotState::InProgress),
        "SUCCESS" => Ok(SnapshotState::Success),
        "PARTIAL" => Ok(SnapshotState::Partial),
        "FAILED" => Ok(SnapshotState::Failed),
        "INCOMPATIBLE" => Ok(SnapshotState::Incompatible),
        _ => Err(Garbled::content(
            "snapshots[0].state",
            "this is no state of a snapshot",
        )),
    }
}

#[derive(Deserialize)]
struct Listed<T> {
    snapshots: Vec<T>,
}

#[derive(Deserialize)]
struct WireSnapshot {
    snapshot: String,
    uuid: String,
    state: String,
    #[serde(default)]
    indices: Vec<String>,
    shards: Option<WireShards>,
    metadata: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct WireShards {
    total: Int<u64>,
    failed: Int<u64>,
    successful: Int<u64>,
}

impl Default for WireShards {
    fn default() -> Self {
        WireShards {
            total: Int(0),
            failed: Int(0),
            successful: Int(0),
        }
    }
}

#[derive(Deserialize)]
struct WireStatus {
    snapshot: String,
    uuid: String,
    shards_stats: WireStats,
    stats: Option<WireSizes>,
}

/// Files that this snapshot brings; those that are in the repository already are in neither.
#[derive(Deserialize)]
struct WireSizes {
    incremental: Option<WireSize>,
    /// Left out once it is the same.
    processed: Option<WireSize>,
}

impl WireSizes {
    fn copied(self) -> Option<Copied> {
        let bytes = |size: &WireSize| u64::try_from(size.size_in_bytes.0).ok();
        let bytes_total = self.incremental.as_ref().and_then(bytes)?;
        let bytes_done = match &self.processed {
            Some(processed) => bytes(processed)?,
            None => bytes_total,
        };
        Some(Copied {
            bytes_done,
            bytes_total,
        })
    }
}

#[derive(Deserialize)]
struct WireSize {
    size_in_bytes: Int<i64>,
}

#[derive(Deserialize)]
struct WireStats {
    total: Int<u64>,
    done: Int<u64>,
    failed: Int<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(state: &str) -> String {
        format!(
            r#"{{"snapshots":[{{"snapshot":"s","uuid":"u","state":"{state}","indices":["b","a"],"shards":{{"total":3,"failed":1,"successful":2}},"metadata":{{"run":"r"}}}}]}}"#
        )
    }

    #[test]
    fn every_state_is_told_apart_and_a_new_one_is_not_guessed() {
        let read =
            |state: &str| snapshot(body(state).as_bytes(), "s").map(|snapshot| snapshot.unwrap().state);
        assert_eq!(read("SUCCESS"), Ok(SnapshotState::Success));
        assert_eq!(read("PARTIAL"), Ok(SnapshotState::Partial));
        assert_eq!(read("FAILED"), Ok(SnapshotState::Failed));
        assert_eq!(read("IN_PROGRESS"), Ok(SnapshotState::InProgress));
        assert_eq!(read("INCOMPATIBLE"), Ok(SnapshotState::Incompatible));
        assert!(read("DELETED").is_err());
    }

    #[test]
    fn a_running_snapshot_tells_how_much_is_copied() {
        let read = |stats: &str| {
            let body = format!(
                r#"{{"snapshots":[{{"snapshot":"s","uuid":"u","shards_stats":{{"total":3,"done":1,"failed":0}}{stats}}}]}}"#
            );
            progress(body.as_bytes(), "s").unwrap().unwrap().copied
        };
        let copied = |bytes_done, bytes_total| {
            Some(Copied {
                bytes_done,
                bytes_total,
            })
        };
        let sizes = r#","stats":{"incremental":{"size_in_bytes":40},"processed":{"size_in_bytes":12}}"#;
        assert_eq!(read(sizes), copied(12, 40));
        assert_eq!(
            read(r#","stats":{"incremental":{"size_in_bytes":40}}"#),
            copied(40, 40)
        );
        assert_eq!(read(r#","stats":{"incremental":{"size_in_bytes":-1}}"#), None);
        assert_eq!(read(r#","stats":{}"#), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn only_the_snapshot_that_was_asked_for_is_taken() {
        assert!(snapshot(body("SUCCESS").as_bytes(), "t").is_err());
        assert_eq!(snapshot(br#"{"snapshots":[]}"#, "s"), Ok(None));
        assert!(snapshot(b"{}", "s").is_err());
        let seen = snapshot(body("SUCCESS").as_bytes(), "s").unwrap().unwrap();
        assert_eq!(
            (seen.shards_total, seen.shards_done, seen.shards_failed),
            (3, 2, 1)
        );
        assert_eq!(seen.metadata["run"], "r");
    }
}
