//! Restores: what must hold before one begins, and the wait for its end.

use serde_json::{Value, json};

use crate::api::search::error::Trouble;
use crate::api::search::snapshot::WAITING;
use crate::api::search::{Outcome, SearchAsked, ok};
use crate::api::{Answer, JSON, Reply};
use crate::search::pattern::Pattern;
use crate::search::snapshot::State;
use crate::world::{RestoreAsked, World};

/// What the lab's restore understands; anything else would silently not happen.
const KNOWN: [&str; 6] = [
    "indices",
    "include_global_state",
    "ignore_unavailable",
    "include_aliases",
    "partial",
    "feature_states",
];

impl World {
    pub(super) fn restore(&mut self, asked: &SearchAsked<'_>, repository: &str, name: &str) -> Outcome {
        if let Some(ticket) = asked.ticket {
            return self.look_at_restore(asked, ticket);
        }
        let body = asked.body()?;
        if let Some(other) = body
            .as_object()
            .into_iter()
            .flatten()
            .map(|(k, _)| k)
            .find(|k| !KNOWN.contains(&k.as_str()))
        {
            return Err(Trouble::new(
                400,
                "illegal_argument_exception",
                format!("Unknown parameter {other}"),
            ));
        }
        let seen = self.seen_in(asked.region, repository)?;
        let found = seen.into_iter().find(|s| s.name == name);
        let snapshot = found
            .ok_or_else(|| Trouble::nothing_to_restore(repository, name))?
            .clone();
        let refused = |reason: String| {
            let reason = format!("[{repository}:{name}/{}] {reason}", snapshot.uuid);
            Trouble::new(500, "snapshot_restore_exception", reason)
        };
        if !matches!(snapshot.state, State::Success | State::Partial) {
            return Err(refused(format!(
                "unsupported snapshot state [{}]",
                snapshot.state.name()
            )));
        }
        let wanted = match &body["indices"] {
            Value::Array(parts) => parts
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(","),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        let wanted = Pattern::new(&wanted);
        if let Some(absent) = wanted
            .exact()
            .find(|n| !snapshot.indices.contains_key(*n))
            .map(str::to_owned)
        {
            return Err(Trouble::index_not_found(&absent));
        }
        let indices: Vec<String> = snapshot
            .indices
            .keys()
            .filter(|n| wanted.matches(n))
            .cloned()
            .collect();
        let partial = body["partial"] == true;
        let broken = indices
            .iter()
            .find(|n| snapshot.indices.get(*n).is_some_and(|i| !i.failed.is_empty()));
        if let Some(broken) = broken.filter(|_| !partial) {
            return Err(refused(format!(
                "index [{broken}] wasn't fully snapshotted - cannot restore"
            )));
        }
        let search = &self.searches[asked.region.index()];
        if let Some(open) = indices.iter().find(|n| search.indices.contains_key(*n)) {
            return Err(refused(format!(
                "cannot restore index [{open}] because an open index with same name already exists in the cluster. Either close or delete the existing index or restore the index under a different name by providing a rename pattern and replacement name"
            )));
        }
        let id = self.begin_restore(
            asked.region,
            RestoreAsked {
                repository: repository.to_owned(),
                snapshot,
                indices,
                global: body["include_global_state"] == true,
            },
        );
        if asked.flag("wait_for_completion")? {
            return Ok(Answer::Again(self.now, Some(id)));
        }
        ok(&json!({"accepted": true}))
    }

    fn look_at_restore(&self, asked: &SearchAsked<'_>, id: u64) -> Outcome {
        let search = &self.searches[asked.region.index()];
        let Some(restore) = search.restores.iter().find(|r| r.id == id) else {
            return Err(Trouble::new(
                500,
                "snapshot_restore_exception",
                "the restore is not known any more",
            ));
        };
        if !restore.done() {
            return Ok(Answer::Again(self.now + WAITING, Some(id)));
        }
        let failed = restore.failed.len();
        let body = json!({"snapshot": {
            "snapshot": restore.snapshot,
            "indices": restore.indices.keys().collect::<Vec<_>>(),
            "shards": {"total": restore.total(), "failed": failed, "successful": restore.back.len()},
        }});
        Ok(Answer::At(self.now, Reply::json(200, JSON, &body)))
    }
}
