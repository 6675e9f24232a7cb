//! Who this cluster is and how it is.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::search::error::Trouble;
use crate::api::search::{Outcome, SearchAsked, ok};
use crate::api::{Answer, JSON, Reply};
use crate::ids::Region;
use crate::search::{Cluster, Flavour};
use crate::world::World;

/// From bad to good, so that they compare.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Colour {
    Red,
    Yellow,
    Green,
}

impl Colour {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Colour::Red => "red",
            Colour::Yellow => "yellow",
            Colour::Green => "green",
        }
    }

    /// A primary that is being restored makes its index yellow, one that could not be makes it red.
    pub(crate) fn of(search: &Cluster) -> Colour {
        let failed = |r: &crate::search::restore::Restore| {
            r.failed
                .iter()
                .any(|(index, _)| search.indices.contains_key(index))
        };
        if search.red || search.restores.iter().any(failed) {
            Colour::Red
        } else if search.restoring() {
            Colour::Yellow
        } else {
            Colour::Green
        }
    }
}

/// Elasticsearch's `30s`, `500ms`, `1m`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match text.get(digits.len()..)? {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number * 60)),
        _ => None,
    }
}

impl World {
    pub(super) fn cluster_name(&self) -> &'static str {
        match self.searching.flavour {
            Flavour::Elasticsearch => "elasticsearch",
            Flavour::Opensearch => "opensearch",
        }
    }

    pub(super) fn search_root(&self, region: Region) -> Outcome {
        let name = format!("{}-master-0", self.cluster_name());
        let (version, tagline) = match self.searching.flavour {
            Flavour::Elasticsearch => (
                json!({"number": "8.15.0", "build_flavor": "default", "build_type": "docker",
                    "build_snapshot": false, "lucene_version": "9.11.1",
                    "minimum_wire_compatibility_version": "7.17.0",
                    "minimum_index_compatibility_version": "7.0.0"}),
                "You Know, for Search",
            ),
            Flavour::Opensearch => (
                json!({"distribution": "opensearch", "number": "3.6.0", "build_type": "docker",
                    "build_snapshot": false}),
                "The OpenSearch Project: https://opensearch.org/",
            ),
        };
        ok(&json!({
            "name": name,
            "cluster_name": self.cluster_name(),
            "cluster_uuid": self.searches[region.index()].uuid,
            "version": version,
            "tagline": tagline,
        }))
    }

    pub(super) fn search_state(&self, region: Region) -> Outcome {
        let uuid = &self.searches[region.index()].uuid;
        ok(&json!({
            "cluster_name": self.cluster_name(),
            "cluster_uuid": uuid,
            "metadata": {"cluster_uuid": uuid, "cluster_uuid_committed": true},
        }))
    }

    /// The smallest part of the state that still tells the cluster's uuid; its number is that of the lab's events.
    pub(super) fn search_version(&self, region: Region) -> Outcome {
        let uuid = &self.searches[region.index()].uuid;
        ok(&json!({
            "cluster_name": self.cluster_name(),
            "cluster_uuid": uuid,
            "version": self.now().since_start().as_millis() as u64,
            "state_uuid": uuid,
        }))
    }

    /// The one node, as far as anybody needs to know it.
    pub(super) fn search_nodes(&self, region: Region) -> Outcome {
        let version = match self.searching.flavour {
            Flavour::Elasticsearch => "8.15.0",
            Flavour::Opensearch => "3.6.0",
        };
        let uuid = self.searches[region.index()].uuid.as_str();
        ok(&json!({
            "_nodes": {"total": 1, "successful": 1, "failed": 0},
            "cluster_name": self.cluster_name(),
            "nodes": {uuid: {"name": format!("{}-master-0", self.cluster_name()), "version": version}},
        }))
    }

    /// Its disk: 100 GB, of which next to nothing is free when it is full.
    pub(super) fn search_disks(&self, region: Region) -> Outcome {
        let search = &self.searches[region.index()];
        let total: u64 = 100_000_000_000;
        let available = if search.flooded { total / 50 } else { total / 2 };
        let total =
            json!({"total_in_bytes": total, "free_in_bytes": available, "available_in_bytes": available});
        ok(&json!({
            "_nodes": {"total": 1, "successful": 1, "failed": 0},
            "cluster_name": self.cluster_name(),
            "nodes": {search.uuid.as_str(): {"fs": {"total": total}}},
        }))
    }

    /// Waits for a colour when told to, and answers 408 when it does not come.
    pub(super) fn search_health(&self, asked: &SearchAsked<'_>) -> Outcome {
        let query = &asked.call.query;
        let wanted = match query.get("wait_for_status").map(String::as_str) {
            None => Colour::Red,
            Some("green") => Colour::Green,
            Some("yellow") => Colour::Yellow,
            Some("red") => Colour::Red,
            Some(other) => {
                let reason =
                    format!("No enum constant org.elasticsearch.cluster.health.ClusterHealthStatus.{other}");
                return Err(Trouble::new(400, "illegal_argument_exception", reason));
            }
        };
        let limit = query
            .get("timeout")
            .map_or(Some(Duration::from_secs(30)), |t| duration(t));
        let limit = limit.ok_or_else(|| {
            Trouble::new(
                400,
                "illegal_argument_exception",
                "failed to parse setting [timeout]",
            )
        })?;
        let search = &self.searches[asked.region.index()];
        let colour = Colour::of(search);
        let late = self.now >= asked.at + limit;
        if colour < wanted && !late {
            let next = self.now + Duration::from_millis(100);
            return Ok(Answer::Again(next.min(asked.at + limit), None));
        }
        let timed_out = colour < wanted;
        let status = if timed_out { 408 } else { 200 };
        Ok(Answer::Soon(Reply::json(
            status,
            JSON,
            &self.health_body(search, timed_out),
        )))
    }

    fn health_body(&self, search: &Cluster, timed_out: bool) -> Value {
        let ahead: usize = search.restores.iter().map(|r| r.ahead.len()).sum();
        let all: usize = search.indices.values().map(|i| i.shards as usize).sum();
        let lost = usize::from(search.red);
        let active = all.saturating_sub(ahead + lost);
        let share = if all == 0 {
            100.0
        } else {
            100.0 * active as f64 / all as f64
        };
        json!({
            "cluster_name": self.cluster_name(),
            "status": Colour::of(search).name(),
            "timed_out": timed_out,
            "number_of_nodes": 1,
            "number_of_data_nodes": 1,
            "active_primary_shards": active,
            "active_shards": active,
            "relocating_shards": 0,
            "initializing_shards": ahead,
            "unassigned_shards": lost,
            "delayed_unassigned_shards": 0,
            "number_of_pending_tasks": 0,
            "number_of_in_flight_fetch": 0,
            "task_max_waiting_in_queue_millis": 0,
            "active_shards_percent_as_number": share,
        })
    }
}
