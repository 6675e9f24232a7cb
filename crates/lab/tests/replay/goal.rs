//! What a recorded poll waited for, and where a cluster is in its changes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::recorded::shape_of;

/// What a poll waited for, as far as its first and its last answer tell.
#[derive(Debug)]
pub(super) enum Goal {
    /// This change is completed, or cancelled.
    Changed(u64),
    /// These are listed.
    Listed(BTreeSet<u64>),
    /// So many partitions are led.
    Led(usize),
    /// The same status, and the same shape.
    Shape(u64, String),
}

pub(super) fn listed(topology: &Value) -> BTreeSet<u64> {
    topology["brokers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|b| b["nodeId"].as_u64())
        .collect()
}

pub(super) fn led(topology: &Value) -> usize {
    let brokers = topology["brokers"].as_array().into_iter().flatten();
    let partitions = brokers.flat_map(|b| b["partitions"].as_array().into_iter().flatten());
    let led: BTreeSet<_> = partitions
        .filter(|p| p["role"] == "leader")
        .filter_map(|p| p["partitionId"].as_u64())
        .collect();
    led.len()
}

impl Goal {
    pub(super) fn of(step: &str, first: &Value, last: &Value) -> Goal {
        let (before, body) = (&first["response_body"], &last["response_body"]);
        let status = last["status"].as_u64().unwrap_or(0);
        if body["brokers"].is_array() && body["clusterSize"].is_u64() {
            let lists = ["drop", "list", "seen"].iter().any(|word| step.contains(word));
            if !step.contains("led") && (lists || listed(before) != listed(body)) {
                return Goal::Listed(listed(body));
            }
            return Goal::Led(led(body));
        }
        match body["lastChange"]["id"].as_u64() {
            Some(id) if body["pendingChange"].is_null() => Goal::Changed(id),
            _ => Goal::Shape(status, shape_of(body)),
        }
    }

    pub(super) fn is_met(&self, status: u64, body: &Value, loose: bool) -> bool {
        match self {
            Goal::Changed(id) => {
                let done = body["pendingChange"].is_null() && body["lastChange"].is_object();
                done && (loose || body["lastChange"]["id"] == *id)
            }
            Goal::Listed(ids) => listed(body) == *ids,
            Goal::Led(count) => led(body) >= *count,
            Goal::Shape(wanted, shape) => *wanted == status && (status != 200 || shape_of(body) == *shape),
        }
    }

    pub(super) fn words(&self) -> String {
        match self {
            Goal::Changed(id) => format!("change {id} over"),
            Goal::Listed(ids) => format!("listed {ids:?}"),
            Goal::Led(count) => format!("{count} partitions led"),
            Goal::Shape(status, _) => format!("status {status} in its last shape"),
        }
    }
}

/// Where the cluster is in its changes, in a word.
pub(super) fn change_stage(body: &Value) -> String {
    let id = |v: &Value| v["id"].as_u64().map_or("-".to_owned(), |id| id.to_string());
    let status = body["lastChange"]["status"].as_str().unwrap_or("-");
    format!(
        "pending {} last {} {status}",
        id(&body["pendingChange"]),
        id(&body["lastChange"])
    )
}

/// Whether one goes through the other's stages in their order: short ones may be missed on either side.
pub(super) fn in_order(lab: &[String], recorded: &[String]) -> bool {
    let within = |short: &[String], long: &[String]| {
        let mut rest = long.iter();
        short.iter().all(|stage| rest.any(|s| s == stage))
    };
    within(lab, recorded) || within(recorded, lab)
}
