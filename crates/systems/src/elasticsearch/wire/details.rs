//! What a search is made of: `GET /_nodes`, `GET /_nodes/stats/fs`, `GET /_all/_settings`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::{Garbled, json};
use crate::foreign::json::Int;

/// Reads each node's version.
///
/// # Errors
/// If there is no node, or one without a version.
pub fn versions(body: &[u8]) -> Result<Vec<String>, Garbled> {
    #[derive(Deserialize)]
    struct Node {
        version: String,
    }
    #[derive(Deserialize)]
    struct Nodes {
        nodes: BTreeMap<String, Node>,
    }
    let nodes: Nodes = json::read(body)?;
    if nodes.nodes.is_empty() {
        return Err(Garbled::content("nodes", "no node is listed"));
    }
    Ok(nodes.nodes.into_values().map(|node| node.version).collect())
}

/// Reads the bytes free and in all of the node whose disk is fullest; `None` where no node tells.
///
/// # Errors
/// If it is no list of nodes.
pub fn disks(body: &[u8]) -> Result<Option<(u64, u64)>, Garbled> {
    #[derive(Deserialize)]
    struct Total {
        total_in_bytes: Int<i64>,
        available_in_bytes: Int<i64>,
    }
    #[derive(Deserialize)]
    struct Fs {
        total: Total,
    }
    #[derive(Deserialize)]
    struct Node {
        fs: Fs,
    }
    // A map, not a struct: serde would read `[]` as a struct of which nothing is told. Where no node tells, `nodes` is left out.
    let mut asked: BTreeMap<String, BTreeMap<String, Node>> = json::read(body)?;
    let nodes = asked.remove("nodes").unwrap_or_default();
    // Negative is "not known".
    let told = nodes.into_values().filter_map(|node| {
        let Total {
            total_in_bytes,
            available_in_bytes,
        } = node.fs.total;
        let total = u64::try_from(total_in_bytes.0).ok().filter(|total| *total > 0)?;
        Some((u64::try_from(available_in_bytes.0).ok()?, total))
    });
    Ok(told.min_by_key(|(free, total)| free.saturating_mul(1_000) / total))
}

/// What indices are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexSettings {
    /// Indices with no replicas.
    pub without_replicas: BTreeSet<String>,
    /// Indices that are closed to writes.
    pub read_only: BTreeSet<String>,
}

/// The blocks that keep documents out.
const BLOCKS: [&str; 3] = ["read_only_allow_delete", "read_only", "write"];

/// Reads how many replicas each index has, and whether it takes writes. Indices of the system are left out.
///
/// # Errors
/// If it is no object of indices.
pub fn index_settings(body: &[u8]) -> Result<IndexSettings, Garbled> {
    let indices: BTreeMap<String, Value> = json::read(body)?;
    let mut read = IndexSettings::default();
    for (name, settings) in indices {
        if name.starts_with('.') {
            continue;
        }
        let index = &settings["settings"]["index"];
        if is(&index["number_of_replicas"], "0") {
            read.without_replicas.insert(name.clone());
        }
        if BLOCKS.iter().any(|block| is(&index["blocks"][*block], "true")) {
            read.read_only.insert(name);
        }
    }
    Ok(read)
}

/// Servers write settings as text.
fn is(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Bool(flag) => wanted == if *flag { "true" } else { "false" },
        Value::Number(number) => wanted
            .parse()
            .is_ok_and(|wanted: u64| number.as_u64() == Some(wanted)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_node_counts() {
        let body = br#"{"nodes":{"a":{"fs":{"total":{"total_in_bytes":100,"available_in_bytes":50}}},
            "b":{"fs":{"total":{"total_in_bytes":1000,"available_in_bytes":90}}},
            "c":{"fs":{"total":{"total_in_bytes":-1,"available_in_bytes":-1}}}}}"#;
        assert_eq!(disks(body).unwrap(), Some((90, 1000)));
        assert_eq!(disks(b"{}").unwrap(), None);
        assert!(disks(b"[]").is_err() && disks(b"[1]").is_err() && disks(b"null").is_err());
    }

    #[test]
    fn replicas_and_blocks_are_read_and_system_indices_left_out() {
        let body = br#"{
            "a":{"settings":{"index":{"number_of_replicas":"0"}}},
            "b":{"settings":{"index":{"number_of_replicas":"1","blocks":{"read_only_allow_delete":"true"}}}},
            ".c":{"settings":{"index":{"number_of_replicas":"0"}}},
            "d":{"settings":{}}}"#;
        let read = index_settings(body).unwrap();
        assert_eq!(read.without_replicas, BTreeSet::from(["a".to_owned()]));
        assert_eq!(read.read_only, BTreeSet::from(["b".to_owned()]));
    }

    #[test]
    fn a_cluster_without_nodes_is_none() {
        let read = versions(br#"{"nodes":{"a":{"version":"8.15.0"}}}"#);
        assert_eq!(read, Ok(vec!["8.15.0".to_owned()]));
        assert!(versions(br#"{"nodes":{}}"#).is_err());
        assert!(versions(b"{}").is_err());
    }
}
