//! The indices of a search: listing, creating and deleting them, and how far their restore is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::search::cluster::Colour;
use crate::api::search::error::Trouble;
use crate::api::search::{Outcome, SearchAsked, acknowledged, ok};
use crate::chance::Stream;
use crate::ids::Region;
use crate::search::index::{DOCUMENT_BYTES, Index};
use crate::search::pattern::{Pattern, glob};
use crate::search::restore::Restore;
use crate::search::{Cluster, Flavour};
use crate::world::World;

/// A size in words, as `_cat` writes it.
fn size(documents: usize) -> String {
    let bytes = 230 + DOCUMENT_BYTES * documents as u64;
    match bytes {
        0..1024 => format!("{bytes}b"),
        1024..1_048_576 => format!("{:.1}kb", bytes as f64 / 1024.0),
        _ => format!("{:.1}mb", bytes as f64 / 1_048_576.0),
    }
}

/// The indices that an expression names; a name without a wildcard must be there.
pub(super) fn named(search: &Cluster, pattern: &str) -> Result<Vec<String>, Trouble> {
    let pattern = Pattern::new(pattern);
    let alias = |name: &str| Index::alias(name);
    for exact in pattern.exact() {
        let known = search
            .indices
            .keys()
            .any(|n| n == exact || alias(n).as_deref() == Some(exact));
        if !known {
            return Err(Trouble::index_not_found(exact));
        }
    }
    let matches = |n: &&String| pattern.matches(n) || alias(n).is_some_and(|a| pattern.matches(&a));
    Ok(search.indices.keys().filter(matches).cloned().collect())
}

/// One shard's way back, or into being.
struct Recovery<'a> {
    index: &'a str,
    shard: u32,
    restore: Option<&'a Restore>,
    done: bool,
    documents: usize,
}

fn recoveries<'a>(search: &'a Cluster, names: &'a [String], active_only: bool) -> Vec<Recovery<'a>> {
    let mut all = Vec::new();
    for name in names {
        let Some(index) = search.indices.get(name) else {
            continue;
        };
        let restore = search
            .restores
            .iter()
            .rev()
            .find(|r| r.indices.contains_key(name));
        for shard in 0..index.shards {
            let ahead = restore.is_some_and(|r| r.ahead.iter().any(|a| a.index == *name && a.shard == shard));
            let back = restore.and_then(|r| r.back.get(&(name.clone(), shard)));
            if active_only && !ahead {
                continue;
            }
            all.push(Recovery {
                index: name,
                shard,
                restore,
                done: !ahead,
                documents: back.copied().unwrap_or(0),
            });
        }
    }
    all
}

impl World {
    pub(super) fn cat_indices(&self, region: Region, pattern: &str) -> Outcome {
        let search = &self.searches[region.index()];
        let colour = Colour::of(search).name();
        let row = |name: &String| {
            let index = search.indices.get(name)?;
            let busy = search
                .restores
                .iter()
                .any(|r| r.ahead.iter().any(|a| a.index == *name));
            let mut row = json!({
                "health": if busy { "yellow" } else if search.red { colour } else { "green" },
                "status": "open",
                "index": name,
                "uuid": index.uuid,
                "pri": index.shards.to_string(),
                "rep": "0",
                "docs.count": index.len().to_string(),
                "docs.deleted": "0",
                "store.size": size(index.len()),
                "pri.store.size": size(index.len()),
            });
            if self.searching.flavour == Flavour::Elasticsearch {
                row["dataset.size"] = size(index.len()).into();
            }
            Some(row)
        };
        let rows: Vec<Value> = named(search, pattern)?.iter().filter_map(row).collect();
        ok(&Value::Array(rows))
    }

    pub(super) fn get_indices(&self, region: Region, pattern: &str) -> Outcome {
        let search = &self.searches[region.index()];
        let mut body = Map::new();
        for name in named(search, pattern)? {
            let Some(index) = search.indices.get(&name) else {
                continue;
            };
            let aliases: Map<_, _> = Index::alias(&name).map(|a| (a, json!({}))).into_iter().collect();
            let settings = json!({"index": {"uuid": index.uuid, "provided_name": name,
                "number_of_shards": index.shards.to_string(), "number_of_replicas": "0"}});
            body.insert(
                name,
                json!({"aliases": aliases, "mappings": {}, "settings": settings}),
            );
        }
        ok(&Value::Object(body))
    }

    /// What indices are set to. A node whose disk is full closes every index that has a shard on it.
    pub(super) fn get_settings(&self, region: Region, pattern: &str) -> Outcome {
        let search = &self.searches[region.index()];
        let mut body = Map::new();
        for name in named(search, pattern)? {
            let Some(index) = search.indices.get(&name) else {
                continue;
            };
            let mut settings = json!({"uuid": index.uuid, "provided_name": name,
                "number_of_shards": index.shards.to_string(), "number_of_replicas": "0"});
            if search.flooded {
                settings["blocks"] = json!({"read_only_allow_delete": "true"});
            }
            body.insert(name, json!({"settings": {"index": settings}}));
        }
        ok(&Value::Object(body))
    }

    pub(super) fn put_index(&mut self, region: Region, name: &str) -> Outcome {
        if name.contains(['*', ',', '"', ' ']) || name.to_lowercase() != name {
            let reason = format!("Invalid index name [{name}]");
            return Err(Trouble::new(400, "invalid_index_name_exception", reason));
        }
        let uuid = self.chance.uuid(Stream::Search);
        let search = &mut self.searches[region.index()];
        if let Some(there) = search.indices.get(name) {
            let reason = format!("index [{name}/{}] already exists", there.uuid);
            return Err(Trouble::new(400, "resource_already_exists_exception", reason));
        }
        search.create_index(name, uuid);
        ok(&json!({"acknowledged": true, "shards_acknowledged": true, "index": name}))
    }

    pub(super) fn delete_indices(&mut self, region: Region, pattern: &str) -> Outcome {
        if Pattern::new(pattern).is_wild() {
            // Both servers refuse wildcards unless they are told otherwise.
            let reason = "Wildcard expressions or all indices are not allowed";
            return Err(Trouble::new(400, "illegal_argument_exception", reason));
        }
        let search = &self.searches[region.index()];
        let names = named(search, pattern)?;
        if let Some(run) = &search.running
            && let Some(busy) = names
                .iter()
                .find(|n| run.ahead.iter().any(|(index, _)| index == *n))
        {
            let reason = format!(
                "Cannot delete indices that are being snapshotted: [[{busy}]]. Try again after snapshot finishes or cancel the currently running snapshot."
            );
            return Err(Trouble::new(400, "snapshot_in_progress_exception", reason));
        }
        let search = &mut self.searches[region.index()];
        for name in &names {
            search.indices.remove(name);
            for restore in &mut search.restores {
                restore.ahead.retain(|a| a.index != *name);
                restore.failed.retain(|(index, _)| index != name);
            }
        }
        self.say(format!(
            "Indices {} are deleted from the search of {}.",
            names.join(", "),
            self.region_name(region)
        ));
        acknowledged()
    }

    pub(super) fn cat_recovery(&self, asked: &SearchAsked<'_>, pattern: &str) -> Outcome {
        let search = &self.searches[asked.region.index()];
        let names = named(search, pattern)?;
        let rows = recoveries(search, &names, asked.flag("active_only")?);
        let row = |r: Recovery<'_>| {
            json!({
                "index": r.index,
                "shard": r.shard.to_string(),
                "time": "30ms",
                "type": if r.restore.is_some() { "snapshot" } else { "empty_store" },
                "stage": if r.done { "done" } else { "index" },
                "source_host": "n/a",
                "source_node": "n/a",
                "target_host": "127.0.0.1",
                "target_node": format!("{}-master-0", self.cluster_name()),
                "repository": r.restore.map_or("n/a", |s| &s.repository),
                "snapshot": r.restore.map_or("n/a", |s| &s.snapshot),
                "files_percent": if r.done { "100.0%" } else { "0.0%" },
                "bytes_percent": if r.done { "100.0%" } else { "0.0%" },
            })
        };
        ok(&Value::Array(rows.into_iter().map(row).collect()))
    }

    pub(super) fn recovery(&self, asked: &SearchAsked<'_>, pattern: &str) -> Outcome {
        let search = &self.searches[asked.region.index()];
        let names = named(search, pattern)?;
        let mut by_index: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for r in recoveries(search, &names, asked.flag("active_only")?) {
            let source = r.restore.map_or_else(
                || json!({}),
                |s| json!({"repository": s.repository, "snapshot": s.snapshot, "index": r.index}),
            );
            let bytes = DOCUMENT_BYTES * r.documents as u64;
            by_index.entry(r.index).or_default().push(json!({
                "id": r.shard,
                "type": if r.restore.is_some() { "SNAPSHOT" } else { "EMPTY_STORE" },
                "stage": if r.done { "DONE" } else { "INDEX" },
                "primary": true,
                "source": source,
                "index": {"size": {"recovered_in_bytes": bytes, "percent": if r.done { "100.0%" } else { "0.0%" }}},
            }));
        }
        let body: Map<_, _> = by_index
            .into_iter()
            .map(|(name, shards)| (name.to_owned(), json!({"shards": shards})))
            .collect();
        ok(&Value::Object(body))
    }

    pub(super) fn templates(&self, region: Region, name: &str) -> Outcome {
        let search = &self.searches[region.index()];
        let all: Vec<Value> = search
            .templates
            .iter()
            .filter(|t| glob(name, t))
            .map(|t| json!({"name": t, "index_template": {"index_patterns": [format!("{t}_*")], "priority": 20}}))
            .collect();
        if all.is_empty() && !name.contains('*') {
            let reason = format!("index template matching [{name}] not found");
            return Err(Trouble::new(404, "resource_not_found_exception", reason));
        }
        ok(&json!({"index_templates": all}))
    }

    pub(super) fn aliases(&self, region: Region, pattern: &str) -> Outcome {
        let search = &self.searches[region.index()];
        let of = |name: String| {
            let aliases: Map<_, _> = Index::alias(&name).map(|a| (a, json!({}))).into_iter().collect();
            (name, json!({"aliases": aliases}))
        };
        let body: Map<_, _> = named(search, pattern)?.into_iter().map(of).collect();
        ok(&Value::Object(body))
    }

    /// What is written is found at once here, so there is nothing to do.
    pub(super) fn refresh(&self, region: Region, pattern: &str) -> Outcome {
        let search = &self.searches[region.index()];
        let names = named(search, pattern)?;
        let shards: u32 = names
            .iter()
            .filter_map(|n| search.indices.get(n))
            .map(|i| i.shards)
            .sum();
        ok(&json!({"_shards": {"total": shards, "successful": shards, "failed": 0}}))
    }
}
