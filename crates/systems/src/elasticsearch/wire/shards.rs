//! Why a search is red: `GET /_cat/shards`, and `POST /_cluster/allocation/explain` for one that has no place. Told to people,
//! never decided upon, so what cannot be read is no error.

use serde::Deserialize;

use crate::foreign::json::Int;
use crate::foreign::shown;

/// How much is told of what a server says of itself, in bytes.
const WORDS_MAX: usize = 400;

/// The first primary shard that has no place: its index and its number. `None` if all have one, or it cannot be read.
pub fn homeless(body: &[u8]) -> Option<(String, u64)> {
    #[derive(Deserialize)]
    struct Row {
        index: String,
        shard: Int<u64>,
        prirep: String,
        state: String,
    }
    let rows: Vec<Row> = serde_json::from_slice(body).ok()?;
    rows.into_iter()
        .find(|row| row.prirep == "p" && row.state == "UNASSIGNED")
        .map(|row| (row.index, row.shard.0))
}

/// Why a shard has no place, by the first node that says why it does not take it, else by what is said of all.
pub fn explanation(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Explained {
        index: String,
        shard: u64,
        allocate_explanation: Option<String>,
        #[serde(default)]
        node_allocation_decisions: Vec<Node>,
    }
    #[derive(Deserialize)]
    struct Node {
        #[serde(default)]
        deciders: Vec<Decider>,
    }
    #[derive(Deserialize)]
    struct Decider {
        decision: String,
        explanation: String,
    }
    let told: Explained = serde_json::from_slice(body).ok()?;
    let why = (told.node_allocation_decisions.into_iter())
        .flat_map(|node| node.deciders)
        .find(|decider| decider.decision == "NO")
        .map(|decider| decider.explanation)
        .or(told.allocate_explanation)?;
    let index = shown(told.index.as_bytes(), WORDS_MAX);
    Some(format!(
        "shard {} of {index} has no place: {}",
        told.shard,
        shown(why.as_bytes(), WORDS_MAX)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_primary_without_a_place_makes_a_search_red() {
        let rows = br#"[{"index":"a","shard":"0","prirep":"p","state":"STARTED"},
            {"index":"a","shard":"0","prirep":"r","state":"UNASSIGNED"},
            {"index":"b","shard":"2","prirep":"p","state":"UNASSIGNED"}]"#;
        assert_eq!(homeless(rows), Some(("b".to_owned(), 2)));
        assert_eq!(homeless(b"[]"), None);
        assert_eq!(homeless(b"no"), None);
    }

    #[test]
    fn a_nodes_own_reason_says_more_than_the_sum() {
        let told = |nodes: &str| {
            let body = format!(
                r#"{{"index":"a","shard":0,"primary":true,"allocate_explanation":"cannot","node_allocation_decisions":{nodes}}}"#
            );
            explanation(body.as_bytes())
        };
        let node = r#"[{"deciders":[{"decider":"same_shard","decision":"YES","explanation":"fine"},
            {"decider":"disk_threshold","decision":"NO","explanation":"the node is above the low watermark"}]}]"#;
        assert_eq!(
            told(node).as_deref(),
            Some("shard 0 of a has no place: the node is above the low watermark")
        );
        assert_eq!(told("[]").as_deref(), Some("shard 0 of a has no place: cannot"));
        assert_eq!(
            explanation(br#"{"error":{"type":"illegal_argument_exception"}}"#),
            None
        );
    }
}
