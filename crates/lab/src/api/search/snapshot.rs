//! Repositories and snapshots (spec: api.md §9).

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::api::search::error::Trouble;
use crate::api::search::indices::named;
use crate::api::search::{Outcome, SearchAsked, acknowledged, ok};
use crate::api::{Answer, JSON, Reply};
use crate::chance::Stream;
use crate::ids::Region;
use crate::search::Registered;
use crate::search::snapshot::Stored;
use crate::search::store::{Location, StoreState};
use crate::world::{SnapshotAsked, SnapshotOutcome, World};

/// The S3 clients that the searches' keystores know (spec: api.md §9).
const CLIENTS: [&str; 2] = ["camunda", "default"];

/// How often whoever waits for a snapshot or a restore is looked after.
pub(super) const WAITING: Duration = Duration::from_millis(50);

fn location(repository: &str, body: &Value) -> Result<Location, Trouble> {
    let setting = |name: &str| body["settings"][name].as_str().filter(|t| !t.is_empty());
    let creation =
        |reason: String| Trouble::new(500, "repository_exception", format!("[{repository}] {reason}"));
    match body["type"].as_str() {
        Some("s3") => {
            let client = setting("client").unwrap_or("default");
            if !CLIENTS.contains(&client) {
                let reason = format!(
                    "Unknown s3 client name [{client}]. Existing client configs: {}",
                    CLIENTS.join(",")
                );
                return Err(Trouble::new(400, "illegal_argument_exception", reason));
            }
            let bucket = setting("bucket")
                .ok_or_else(|| creation("No bucket defined for s3 repository".to_owned()))?;
            let path = setting("base_path")
                .unwrap_or_default()
                .trim_matches('/')
                .to_owned();
            Ok(Location {
                bucket: bucket.to_owned(),
                path,
            })
        }
        Some("fs") => {
            let path = setting("location").ok_or_else(|| creation("missing location".to_owned()))?;
            Ok(Location {
                bucket: String::new(),
                path: path.to_owned(),
            })
        }
        Some(other) => Err(creation(format!("repository type [{other}] does not exist"))),
        None => Err(Trouble::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: type is missing;",
        )),
    }
}

impl World {
    fn registered(&self, region: Region, name: &str) -> Result<&Registered, Trouble> {
        let repositories = &self.searches[region.index()].repositories;
        repositories
            .get(name)
            .ok_or_else(|| Trouble::repository_missing(name))
    }

    /// The snapshots in a repository, as far as this cluster sees them.
    pub(super) fn seen_in(&self, region: Region, repository: &str) -> Result<Vec<&Stored>, Trouble> {
        let registered = self.registered(region, repository)?;
        if self.store.state != StoreState::Works {
            return Err(Trouble::unreadable(repository));
        }
        let stored = self.store.at(&registered.location);
        Ok(self.searches[region.index()].visible(repository, stored))
    }

    fn accessible(&self, repository: &str, location: &Location) -> Result<(), Trouble> {
        let cause = match self.store.state {
            StoreState::Works => return Ok(()),
            StoreState::Denied => {
                "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied)"
            }
            StoreState::Gone => {
                "The specified bucket does not exist (Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket)"
            }
        };
        let reason = format!(
            "[{repository}] path [{}] is not accessible on master node",
            location.path
        );
        let trouble = Trouble::new(500, "repository_verification_exception", reason);
        Err(trouble.caused_by("i_o_exception", cause))
    }

    pub(super) fn put_repository(&mut self, asked: &SearchAsked<'_>, name: &str) -> Outcome {
        let body = asked.body()?;
        let location = location(name, &body)?;
        let readonly = matches!(&body["settings"]["readonly"], Value::Bool(true))
            || body["settings"]["readonly"].as_str() == Some("true");
        let verify = asked.call.query.get("verify").is_none_or(|v| v != "false");
        if verify {
            self.accessible(name, &location)?;
        }
        let uuid = self.chance.uuid(Stream::Search);
        let seen_up_to = self.store.count;
        let search = &mut self.searches[asked.region.index()];
        if let Some(run) = search.running.as_ref().filter(|r| r.repository == name) {
            let reason = format!(
                "[{name}] trying to modify or unregister repository [{name}] that is currently used (snapshot [{}])",
                run.snapshot.name
            );
            return Err(Trouble::new(409, "repository_conflict_exception", reason)
                .in_opensearch("illegal_state_exception"));
        }
        // The same again changes nothing, not even what is seen: it takes a DELETE and a PUT (spec: procedure.md FB3 g).
        if search.repositories.get(name).is_none_or(|r| r.body != body) {
            search.repositories.insert(
                name.to_owned(),
                Registered {
                    location,
                    body,
                    readonly,
                    uuid,
                    seen_up_to,
                },
            );
        }
        acknowledged()
    }

    pub(super) fn get_repository(&self, region: Region, name: &str) -> Outcome {
        let repositories = &self.searches[region.index()].repositories;
        if name != "_all" && name != "*" && !repositories.contains_key(name) {
            return Err(Trouble::repository_missing(name));
        }
        let mut body = Map::new();
        for (own, registered) in repositories
            .iter()
            .filter(|(n, _)| name.starts_with(['_', '*']) || *n == name)
        {
            body.insert(
                own.clone(),
                json!({"type": registered.body["type"], "uuid": registered.uuid,
                "settings": registered.body["settings"]}),
            );
        }
        ok(&Value::Object(body))
    }

    pub(super) fn delete_repository(&mut self, region: Region, name: &str) -> Outcome {
        self.registered(region, name)?;
        let search = &mut self.searches[region.index()];
        if search.running.as_ref().is_some_and(|r| r.repository == name) {
            let reason = format!("[{name}] trying to modify or unregister repository that is currently used");
            return Err(Trouble::new(409, "repository_conflict_exception", reason)
                .in_opensearch("illegal_state_exception"));
        }
        search.repositories.remove(name);
        acknowledged()
    }

    pub(super) fn verify_repository(&self, region: Region, name: &str) -> Outcome {
        let registered = self.registered(region, name)?;
        self.accessible(name, &registered.location)?;
        let node = format!("{}-master-0", self.cluster_name());
        let uuid = &self.searches[region.index()].uuid;
        ok(&json!({"nodes": {uuid.as_str(): {"name": node}}}))
    }

    pub(super) fn get_snapshots(&self, region: Region, repository: &str, name: &str) -> Outcome {
        let seen = self.seen_in(region, repository)?;
        let running = self.searches[region.index()]
            .running
            .as_ref()
            .filter(|r| r.repository == repository);
        let pattern = crate::search::pattern::Pattern::new(name);
        let all = seen.into_iter().chain(running.map(|r| &r.snapshot));
        let found: Vec<&Stored> = if name == "_current" {
            running.map(|r| &r.snapshot).into_iter().collect()
        } else {
            all.filter(|s| pattern.matches(&s.name)).collect()
        };
        if name != "_current" {
            for exact in pattern.exact() {
                if !found.iter().any(|s| s.name == exact) {
                    return Err(Trouble::snapshot_missing(repository, exact));
                }
            }
        }
        let bodies: Vec<Value> = found.iter().map(|s| self.snapshot_body(repository, s)).collect();
        ok(&json!({"snapshots": bodies, "total": bodies.len(), "remaining": 0}))
    }

    pub(super) fn running_snapshots(&self, region: Region, repository: Option<&str>) -> Outcome {
        if let Some(repository) = repository {
            self.registered(region, repository)?;
        }
        let running = self.searches[region.index()].running.as_ref();
        let own = running.filter(|r| repository.is_none_or(|name| name == r.repository));
        let bodies: Vec<Value> = own
            .map(|r| self.status_body(&r.repository, &r.snapshot))
            .into_iter()
            .collect();
        ok(&json!({"snapshots": bodies}))
    }

    pub(super) fn snapshot_status(&self, region: Region, repository: &str, name: &str) -> Outcome {
        let seen = self.seen_in(region, repository)?;
        let running = self.searches[region.index()].running.as_ref();
        let running = running
            .filter(|r| r.repository == repository)
            .map(|r| &r.snapshot);
        let found = running.into_iter().chain(seen).find(|s| s.name == name);
        let snapshot = found.ok_or_else(|| Trouble::snapshot_missing(repository, name))?;
        ok(&json!({"snapshots": [self.status_body(repository, snapshot)]}))
    }

    pub(super) fn create_snapshot(
        &mut self,
        asked: &SearchAsked<'_>,
        repository: &str,
        name: &str,
    ) -> Outcome {
        if let Some(ticket) = asked.ticket {
            return self.look_at_snapshot(asked.region, repository, ticket);
        }
        let region = asked.region;
        let body = asked.body()?;
        let registered = self.registered(region, repository)?;
        let invalid = |why: &str| {
            let reason = format!("[{repository}:{name}] Invalid snapshot name [{name}], {why}");
            Trouble::new(400, "invalid_snapshot_name_exception", reason)
        };
        if name.to_lowercase() != name {
            return Err(invalid("must be lowercase"));
        }
        if name.starts_with('_') || name.contains([' ', '"', '*', '\\', '<', '|', ',', '>', '?', '#']) {
            return Err(invalid(
                "must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?]",
            ));
        }
        if registered.readonly {
            let reason = format!("[{repository}] cannot create snapshot in a readonly repository");
            return Err(Trouble::new(500, "repository_exception", reason));
        }
        let location = registered.location.clone();
        let taken = |s: &&Stored| s.name == name;
        let search = &self.searches[region.index()];
        // The store itself is asked here, so that what this cluster does not see is in its way all the same.
        if self.store.state != StoreState::Works {
            return Err(Trouble::unreadable(repository));
        }
        let running = search.running.as_ref();
        if self.store.at(&location).iter().any(|s| taken(&s))
            || running.is_some_and(|r| r.snapshot.name == name)
        {
            let reason = format!(
                "[{repository}:{name}] Invalid snapshot name [{name}], snapshot with the same name already exists"
            );
            return Err(
                Trouble::new(400, "snapshot_name_already_in_use_exception", reason)
                    .in_opensearch("invalid_snapshot_name_exception"),
            );
        }
        if let Some(run) = running {
            let reason = format!(
                "[{repository}:{name}] a snapshot is already running: {}",
                run.snapshot.name
            );
            return Err(Trouble::new(
                503,
                "concurrent_snapshot_execution_exception",
                reason,
            ));
        }
        let wanted = match &body["indices"] {
            Value::Null => String::new(),
            Value::String(expression) => expression.clone(),
            Value::Array(parts) => parts
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(","),
            _ => {
                return Err(Trouble::new(
                    400,
                    "illegal_argument_exception",
                    "malformed indices section, should be an array of strings",
                ));
            }
        };
        let indices = match named(search, &wanted) {
            Ok(names) => names,
            Err(_) if body["ignore_unavailable"] == true => Vec::new(),
            Err(trouble) => return Err(trouble),
        };
        if search.red && body["partial"] != true {
            let reason = format!(
                "[{repository}:{name}] Indices don't have primary shards [{}]",
                indices.join(", ")
            );
            return Err(Trouble::new(500, "snapshot_exception", reason));
        }
        let id = self.begin_snapshot(
            region,
            SnapshotAsked {
                repository: repository.to_owned(),
                location,
                name: name.to_owned(),
                indices,
                global: body["include_global_state"] != false,
                metadata: body.get("metadata").cloned(),
            },
        );
        if asked.flag("wait_for_completion")? {
            return Ok(Answer::Again(self.now, Some(id)));
        }
        ok(&json!({"accepted": true}))
    }

    fn look_at_snapshot(&self, region: Region, repository: &str, id: u64) -> Outcome {
        let failed = |name: &str, uuid: &str, why: &str| {
            let reason = format!("[{repository}:{name}/{uuid}] {why}");
            Trouble::new(500, "snapshot_exception", reason)
        };
        match self.searching.outcomes.get(&id) {
            Some(SnapshotOutcome::Stored(snapshot)) => {
                let body = json!({"snapshot": self.snapshot_body(repository, snapshot)});
                Ok(Answer::At(self.now, Reply::json(200, JSON, &body)))
            }
            Some(SnapshotOutcome::NotStored { name, uuid }) => {
                Err(failed(name, uuid, "failed to update snapshot in repository"))
            }
            Some(SnapshotOutcome::Aborted { name, uuid }) => {
                Err(failed(name, uuid, "Snapshot was aborted by deletion"))
            }
            None => {
                let running = self.searches[region.index()].running.as_ref();
                if running.is_some_and(|r| r.id == id) {
                    Ok(Answer::Again(self.now + WAITING, Some(id)))
                } else {
                    Err(failed("", "", "is not known any more"))
                }
            }
        }
    }

    pub(super) fn delete_snapshot(&mut self, region: Region, repository: &str, name: &str) -> Outcome {
        let registered = self.registered(region, repository)?;
        if registered.readonly {
            let reason = format!("[{repository}] repository is readonly");
            return Err(Trouble::new(500, "repository_exception", reason));
        }
        let location = registered.location.clone();
        if self.abort_snapshot(region, name) {
            return acknowledged();
        }
        if !self.seen_in(region, repository)?.iter().any(|s| s.name == name) {
            return Err(Trouble::snapshot_missing(repository, name));
        }
        self.store.remove(&location, name);
        self.say(format!(
            "Snapshot {name} is deleted by the search of {}.",
            self.region_name(region)
        ));
        acknowledged()
    }
}
