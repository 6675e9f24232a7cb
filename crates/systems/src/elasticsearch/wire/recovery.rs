//! `GET /_recovery`: how far a restore is. The `_status` of the snapshot tells of the snapshot. `spec: procedure.md FB3`

use std::collections::{BTreeMap, BTreeSet};

use c8dr_domain::search::Recovery;
use serde::Deserialize;

use super::{Garbled, json};
use crate::foreign::json::Int;
use crate::foreign::shown;

/// Reads the indices that come from a snapshot. `primaries` says how many shards each has: a shard that has no node yet
/// is not listed, so that the listed ones being done is not enough.
///
/// # Errors
/// If a recovery from a snapshot does not name it.
pub fn recoveries(body: &[u8], primaries: &BTreeMap<String, u64>) -> Result<Vec<Recovery>, Garbled> {
    let indices: BTreeMap<String, Shards> = json::read(body)?;
    let mut recoveries = Vec::new();
    for (index, Shards { shards }) in indices {
        let mut by_snapshot: BTreeMap<String, Sum> = BTreeMap::new();
        for shard in shards {
            if !shard.kind.eq_ignore_ascii_case("SNAPSHOT") || !shard.primary {
                continue;
            }
            let snapshot = shard.source.snapshot.ok_or_else(|| {
                let path = shown(index.as_bytes(), 200);
                Garbled::content(path, "a shard comes from a snapshot without a name")
            })?;
            let sum = by_snapshot.entry(snapshot).or_default();
            if shard.stage.eq_ignore_ascii_case("DONE") {
                sum.done.insert(shard.id.0);
            }
            let size = shard.index.size;
            // Segments that the node had already are reused, not copied.
            sum.bytes_done = sum
                .bytes_done
                .saturating_add(bytes(size.recovered))
                .saturating_add(bytes(size.reused));
            sum.bytes_total = sum.bytes_total.saturating_add(bytes(size.total));
        }
        let shards = primaries.get(&index).copied();
        for (snapshot, sum) in by_snapshot {
            recoveries.push(Recovery {
                index: index.clone(),
                snapshot,
                is_done: shards == Some(sum.done.len() as u64),
                bytes_done: sum.bytes_done,
                bytes_total: sum.bytes_total,
            });
        }
    }
    Ok(recoveries)
}

/// Sizes are negative while they are not known.
fn bytes(wire: Option<Int<i64>>) -> u64 {
    wire.and_then(|bytes| u64::try_from(bytes.0).ok()).unwrap_or(0)
}

#[derive(Default)]
struct Sum {
    done: BTreeSet<u32>,
    bytes_done: u64,
    bytes_total: u64,
}

#[derive(Deserialize)]
struct Shards {
    shards: Vec<Shard>,
}

#[derive(Deserialize)]
struct Shard {
    id: Int<u32>,
    #[serde(rename = "type")]
    kind: String,
    stage: String,
    primary: bool,
    #[serde(default)]
    source: Source,
    #[serde(default)]
    index: Files,
}

#[derive(Default, Deserialize)]
struct Source {
    snapshot: Option<String>,
}

#[derive(Default, Deserialize)]
struct Files {
    #[serde(default)]
    size: Size,
}

#[derive(Default, Deserialize)]
struct Size {
    #[serde(rename = "total_in_bytes")]
    total: Option<Int<i64>>,
    #[serde(rename = "reused_in_bytes")]
    reused: Option<Int<i64>>,
    #[serde(rename = "recovered_in_bytes")]
    recovered: Option<Int<i64>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(shards: &str, primaries_count: u64) -> Vec<Recovery> {
        let body = format!(r#"{{"i":{{"shards":[{shards}]}}}}"#);
        recoveries(
            body.as_bytes(),
            &BTreeMap::from([("i".to_owned(), primaries_count)]),
        )
        .unwrap()
    }

    fn shard(id: u32, kind: &str, stage: &str) -> String {
        format!(
            r#"{{"id":{id},"type":"{kind}","stage":"{stage}","primary":true,"source":{{"snapshot":"s"}},"index":{{"size":{{"total_in_bytes":10,"reused_in_bytes":2,"recovered_in_bytes":5}}}}}}"#
        )
    }

    #[test]
    fn done_is_only_what_has_every_shard() {
        let both = [shard(0, "SNAPSHOT", "DONE"), shard(1, "SNAPSHOT", "DONE")].join(",");
        assert!(read(&both, 2)[0].is_done);
        assert!(!read(&both, 3)[0].is_done, "a shard without a node is not listed");
        let running = [shard(0, "SNAPSHOT", "DONE"), shard(1, "SNAPSHOT", "INDEX")].join(",");
        let seen = &read(&running, 2)[0];
        assert_eq!((seen.is_done, seen.bytes_done, seen.bytes_total), (false, 14, 20));
        // Twice the same shard is one shard.
        let twice = [shard(0, "SNAPSHOT", "DONE"), shard(0, "SNAPSHOT", "DONE")].join(",");
        assert!(!read(&twice, 2)[0].is_done);
    }

    #[test]
    fn other_recoveries_are_not_told() {
        assert_eq!(read(&shard(0, "EXISTING_STORE", "DONE"), 1), []);
        assert_eq!(recoveries(b"{}", &BTreeMap::new()), Ok(Vec::new()));
        assert!(
            !recoveries(
                format!(r#"{{"i":{{"shards":[{}]}}}}"#, shard(0, "SNAPSHOT", "DONE")).as_bytes(),
                &BTreeMap::new()
            )
            .unwrap()[0]
                .is_done
        );
    }
}
