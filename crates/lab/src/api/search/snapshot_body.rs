//! How a snapshot is described: in lists, in the answer to its creation, and by `_status`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::search::Flavour;
use crate::search::index::DOCUMENT_BYTES;
use crate::search::snapshot::{State, Stored};
use crate::world::World;

impl World {
    /// What a list or the answer to a creation says of a snapshot.
    pub(super) fn snapshot_body(&self, repository: &str, snapshot: &Stored) -> Value {
        let (total, failed) = (snapshot.total(), snapshot.failed());
        let (version_id, version) = match self.searching.flavour {
            Flavour::Elasticsearch => (8_512_000, "8.15.0"),
            Flavour::Opensearch => (137_247_827, "3.6.0"),
        };
        let failures: Vec<Value> = snapshot
            .indices
            .iter()
            .flat_map(|(name, copy)| copy.failed.iter().map(move |shard| (name, shard)))
            .map(|(name, shard)| {
                json!({"index": name, "index_uuid": name, "shard_id": shard, "reason": snapshot.failure,
                    "node_id": null, "status": "INTERNAL_SERVER_ERROR"})
            })
            .collect();
        let mut body = json!({
            "snapshot": snapshot.name,
            "uuid": snapshot.uuid,
            "repository": repository,
            "version_id": version_id,
            "version": version,
            "indices": snapshot.indices.keys().collect::<Vec<_>>(),
            "data_streams": [],
            "include_global_state": snapshot.global.is_some(),
            "state": snapshot.state.name(),
            "start_time": self.wall.milli(snapshot.began),
            "start_time_in_millis": self.wall.epoch_ms(snapshot.began),
            "failures": failures,
            "shards": {"total": total, "failed": failed, "successful": snapshot.copied()},
            "feature_states": [],
        });
        if let Some(metadata) = &snapshot.metadata {
            body["metadata"] = metadata.clone();
        }
        if snapshot.state != State::InProgress {
            let took = snapshot.ended.since(snapshot.began).as_millis();
            body["end_time"] = self.wall.milli(snapshot.ended).into();
            body["end_time_in_millis"] = self.wall.epoch_ms(snapshot.ended).into();
            body["duration_in_millis"] = u64::try_from(took).unwrap_or(u64::MAX).into();
        }
        body
    }

    /// What `_status` says: of the snapshot, never of a restore.
    pub(super) fn status_body(&self, repository: &str, snapshot: &Stored) -> Value {
        // A snapshot under way reads STARTED here, and IN_PROGRESS in lists (recorded).
        let state = match snapshot.state {
            State::InProgress => "STARTED",
            other => other.name(),
        };
        let (total, failed, done) = (snapshot.total(), snapshot.failed(), snapshot.copied());
        let documents: usize = snapshot
            .indices
            .values()
            .flat_map(|i| i.copied.values())
            .map(|d| d.len())
            .sum();
        let bytes = DOCUMENT_BYTES * documents as u64;
        // Shards that have not begun are guessed to be as large as those that have.
        let of_all = if done == 0 {
            bytes
        } else {
            bytes / u64::from(done) * u64::from(total)
        };
        let indices: BTreeMap<&String, Value> = snapshot
            .indices
            .iter()
            .map(|(name, copy)| {
                let shards: BTreeMap<String, Value> = (0..copy.shards)
                    .map(|s| {
                        let stage = if copy.copied.contains_key(&s) {
                            "DONE"
                        } else if copy.failed.contains(&s) {
                            "FAILURE"
                        } else {
                            "INIT"
                        };
                        (s.to_string(), json!({"stage": stage}))
                    })
                    .collect();
                let stats = json!({"initializing": copy.shards as usize - copy.copied.len() - copy.failed.len(),
                    "started": 0, "finalizing": 0, "done": copy.copied.len(), "failed": copy.failed.len(),
                    "total": copy.shards});
                (name, json!({"shards_stats": stats, "shards": shards}))
            })
            .collect();
        json!({
            "snapshot": snapshot.name,
            "repository": repository,
            "uuid": snapshot.uuid,
            "state": state,
            "include_global_state": snapshot.global.is_some(),
            "shards_stats": {"initializing": total - failed - done, "started": 0, "finalizing": 0,
                "done": done, "failed": failed, "total": total},
            "stats": {"incremental": {"file_count": total, "size_in_bytes": of_all},
                "processed": {"file_count": done, "size_in_bytes": bytes},
                "total": {"file_count": done, "size_in_bytes": bytes},
                "start_time_in_millis": self.wall.epoch_ms(snapshot.began)},
            "indices": indices,
        })
    }
}
