//! One region's search behind the engine's port.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::effect::{Answer, SearchEffect};
use c8dr_domain::exporting::PositionVector;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::search::{
    Color, Holdings, Index, Recovery, Repository, RepositoryTrial, SearchCluster, SearchDetails, Snapshot,
    SnapshotState,
};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Search, Tap};
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::{Value, json};

use super::endpoint::{Endpoint, Limits};
use super::holdings::Records;
use super::names::{wrong_index, wrong_name};
use super::verdict::answer;
use super::wire::{self, Garbled};
use crate::auth::Secrets;
use crate::base_url::segment;
use crate::call::{Call, Caller, Door, Reply};
use crate::dial::{Connector, Dial, Tls};
use crate::http::{Client, Fault, Service};
use crate::reading::{sight, without};
use crate::setup::{SetupError, header};

/// An Elasticsearch or OpenSearch cluster. See [`Search`] for what each call means.
pub struct Elasticsearch {
    caller: Caller,
    door: Door,
    records_prefix: String,
    pub(super) limits: Limits,
}

impl Elasticsearch {
    /// A search that is reached through `dial`. Nothing is sent yet. Every call is told to `tap`.
    ///
    /// # Errors
    /// If TLS cannot be set up, or the credentials cannot be sent.
    pub fn new(
        endpoint: Endpoint,
        dial: Arc<dyn Dial>,
        clock: Clock,
        tap: Option<Tap>,
    ) -> Result<Self, SetupError> {
        let tls = if endpoint.url.is_https() {
            Some(Tls::new(&endpoint.tls, &clock)?)
        } else {
            None
        };
        let service = Service::new(Client::new(Connector::new(dial, tls, clock.clone())));
        Self::over(service, endpoint, clock, tap)
    }

    /// A search whose calls go through `service`, whatever that is.
    ///
    /// # Errors
    /// If the credentials cannot be sent.
    pub fn over(
        service: Service,
        endpoint: Endpoint,
        clock: Clock,
        tap: Option<Tap>,
    ) -> Result<Self, SetupError> {
        let authorization = header("search", &endpoint.auth)?;
        Ok(Elasticsearch {
            caller: Caller {
                service,
                system: "Elasticsearch",
                clock,
                tap,
                secrets: Arc::new(Secrets::of([&endpoint.auth])),
                connect: endpoint.limits.connect,
                body_bytes_max: endpoint.limits.body_bytes_max,
            },
            door: Door {
                base: endpoint.url,
                authorization,
            },
            records_prefix: endpoint.records_prefix,
            limits: endpoint.limits,
        })
    }

    pub(super) async fn get(&self, path: &str, limit: Duration) -> Result<Reply, Fault> {
        self.caller.call(&self.door, Call::get(path, limit)).await
    }

    pub(super) async fn change(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let call = Call::new(method, path, self.limits.change).with(body.map(Value::to_string));
        answer(self.caller.call(&self.door, call).await)
    }

    /// `GET /` would say it, too, but not every build has that.
    pub(super) async fn uuid(&self) -> Sight<String> {
        let path = "/_cluster/state/version?filter_path=cluster_uuid";
        sight(self.get(path, self.limits.read).await, wire::cluster_uuid)
    }

    pub(super) async fn registered(&self, repository: &str) -> Sight<Option<Value>> {
        let path = format!("/_snapshot/{}", segment(repository));
        self.unless_missing(&path, self.limits.read, "repository_missing_exception", |body| {
            wire::repository(body, repository).map(Some)
        })
        .await
    }

    async fn snapshot_info(&self, repository: &str, name: &str) -> Sight<Option<Snapshot>> {
        let path = format!("/_snapshot/{}/{}", segment(repository), segment(name));
        let seen = self
            .unless_missing(
                &path,
                self.limits.repository,
                "snapshot_missing_exception",
                |body| wire::snapshot(body, name),
            )
            .await;
        match seen {
            // While it runs, its shards are told by another call only.
            Sight::Seen(Some(snapshot)) if snapshot.state == SnapshotState::InProgress => {
                Sight::Seen(Some(self.with_progress(&path, snapshot).await))
            }
            seen => seen,
        }
    }

    async fn with_progress(&self, path: &str, snapshot: Snapshot) -> Snapshot {
        let path = format!("{path}/_status");
        let reply = self.get(&path, self.limits.repository).await;
        match sight(reply, |body| wire::progress(body, &snapshot.name)) {
            Sight::Seen(Some(progress)) if progress.uuid == snapshot.uuid => Snapshot {
                shards_total: progress.total,
                shards_done: progress.done,
                shards_failed: progress.failed,
                copied: progress.copied,
                ..snapshot
            },
            // It is known without its progress, too.
            _ => snapshot,
        }
    }

    /// As [`sight`], where a 404 with an error of type `missing` says that there is none. Any other 404 is a wrong URL.
    async fn unless_missing<T>(
        &self,
        path: &str,
        limit: Duration,
        missing: &str,
        read: impl FnOnce(&[u8]) -> Result<Option<T>, Garbled>,
    ) -> Sight<Option<T>> {
        match self.get(path, limit).await {
            Ok(reply) if reply.status == 404 && wire::error_type(&reply.body).as_deref() == Some(missing) => {
                Sight::Seen(None)
            }
            reply => sight(reply, read),
        }
    }

    /// Deletes what lies at `path`. A 404 with an error of type `missing` says that it is gone already; any other 404 is
    /// a wrong URL.
    pub(super) async fn remove(&self, path: &str, missing: &str) -> Answer {
        let call = Call::new(Method::DELETE, path, self.limits.change);
        match self.caller.call(&self.door, call).await {
            Ok(reply) if reply.status == 404 && wire::error_type(&reply.body).as_deref() == Some(missing) => {
                Answer::Done
            }
            outcome => answer(outcome),
        }
    }

    /// Why the first primary shard that has no place has none, in the server's words; `None` where it does not say.
    async fn why_red(&self) -> Option<String> {
        let shards = "/_cat/shards?format=json&h=index,shard,prirep,state";
        let reply = self.get(shards, self.limits.read).await.ok()?;
        let (index, shard) = wire::homeless(&reply.body)?;
        let of = json!({"index": index, "shard": shard, "primary": true});
        let call = Call::new(Method::POST, "/_cluster/allocation/explain", self.limits.read)
            .with(Some(of.to_string()));
        let reply = self.caller.call(&self.door, call).await.ok()?;
        wire::explanation(&reply.body)
    }

    async fn restore(&self, path: &str, indices: &[&str]) -> Answer {
        let body = json!({
            "indices": indices,
            // What is not there must not be passed over, and no shard may be missing.
            "ignore_unavailable": false,
            "partial": false,
            // The default of restores in both; said aloud, as the state of the other cluster must never come along.
            "include_global_state": false,
        });
        let path = format!("{path}/_restore?wait_for_completion=false");
        self.change(Method::POST, &path, Some(&body)).await
    }
}

impl Search for Elasticsearch {
    fn cluster(&self) -> BoxFuture<'_, Sight<SearchCluster>> {
        Box::pin(async move {
            let uuid = match self.uuid().await {
                Sight::Seen(uuid) => uuid,
                other => return without(other),
            };
            let health = self.get("/_cluster/health", self.limits.read).await;
            match sight(health, |body| Ok((wire::color(body)?, wire::data_nodes(body)))) {
                Sight::Seen((color, data_nodes)) => Sight::Seen(SearchCluster {
                    uuid,
                    color,
                    data_nodes,
                    why_red: match color {
                        Color::Red => self.why_red().await,
                        _ => None,
                    },
                }),
                other => without(other),
            }
        })
    }

    fn indices(&self) -> BoxFuture<'_, Sight<Vec<Index>>> {
        Box::pin(async move { sight(self.get(INDICES, self.limits.read).await, wire::indices) })
    }

    fn repository<'a>(&'a self, repository: &'a str) -> BoxFuture<'a, Sight<Option<Value>>> {
        Box::pin(async move {
            match wrong_name(repository) {
                Some(words) => not_asked(&words),
                None => self.registered(repository).await,
            }
        })
    }

    fn snapshot<'a>(&'a self, repository: &'a str, name: &'a str) -> BoxFuture<'a, Sight<Option<Snapshot>>> {
        Box::pin(async move {
            match wrong_name(repository).or_else(|| wrong_name(name)) {
                Some(words) => not_asked(&words),
                None => self.snapshot_info(repository, name).await,
            }
        })
    }

    fn recoveries(&self) -> BoxFuture<'_, Sight<Vec<Recovery>>> {
        Box::pin(async move {
            // First the shards, then how many there should be: an index that goes in between is then not done.
            let reply = match self.get("/_recovery", self.limits.read).await {
                Ok(reply) if reply.status == 200 => reply,
                other => return sight(other, |_| Ok(Vec::new())),
            };
            let primaries = match sight(self.get(INDICES, self.limits.read).await, wire::primaries) {
                Sight::Seen(primaries) => primaries,
                other => return without(other),
            };
            sight(Ok(reply), |body| wire::recoveries(body, &primaries))
        })
    }

    fn details(&self) -> BoxFuture<'_, Sight<SearchDetails>> {
        Box::pin(self.read_details())
    }

    fn try_repository<'a>(
        &'a self,
        trial: &'a str,
        repository: &'a Repository,
    ) -> BoxFuture<'a, Sight<RepositoryTrial>> {
        Box::pin(async move {
            match wrong_name(trial) {
                Some(words) => not_asked(&words),
                None => self.tried(trial, repository).await,
            }
        })
    }

    fn holdings<'a>(&'a self, up_to: &'a PositionVector) -> BoxFuture<'a, Sight<Holdings>> {
        Box::pin(async move {
            let records = Records {
                caller: &self.caller,
                door: &self.door,
                prefix: &self.records_prefix,
                limits: &self.limits,
            };
            let limit = self.limits.holdings;
            match self.caller.clock.timeout(limit, records.up_to(up_to)).await {
                Ok(seen) => seen,
                Err(_) => Sight::Silent {
                    why: Silence::NoAnswer,
                    detail: format!("the records could not all be read within {limit:?}"),
                },
            }
        })
    }

    fn perform<'a>(&'a self, effect: &'a SearchEffect) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            if let Some(words) = wrong(effect) {
                return not_sent_as_wrong(&words);
            }
            match effect {
                SearchEffect::Register {
                    repository,
                    settings,
                    anew: false,
                } => self.register(repository, settings).await,
                SearchEffect::Register {
                    repository,
                    settings,
                    anew: true,
                } => self.register_anew(repository, settings).await,
                SearchEffect::Snapshot {
                    repository,
                    name,
                    metadata,
                } => {
                    // The global state goes in by default in 8.6 and 8.7; a restore never takes it. `spec: api.md §9`
                    let path = format!("{}?wait_for_completion=false", path_of(repository, name));
                    let body = json!({ "metadata": metadata });
                    self.change(Method::PUT, &path, Some(&body)).await
                }
                SearchEffect::DeleteSnapshot { repository, name } => {
                    self.change(Method::DELETE, &path_of(repository, name), None)
                        .await
                }
                SearchEffect::Restore {
                    repository,
                    name,
                    indices,
                } => {
                    let indices: Vec<&str> = indices.iter().map(String::as_str).collect();
                    self.restore(&path_of(repository, name), &indices).await
                }
                SearchEffect::DeleteIndices {
                    indices,
                    cluster_uuid,
                } => self.delete_indices(indices, cluster_uuid).await,
            }
        })
    }
}

impl fmt::Debug for Elasticsearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elasticsearch")
            .field("url", &self.door.base)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// All indices, hidden and closed ones, too: what an index is called must not decide whether it is seen.
const INDICES: &str = "/_cat/indices?format=json&expand_wildcards=all&h=index,status,health,docs.count,pri";

fn path_of(repository: &str, name: &str) -> String {
    format!("/_snapshot/{}/{}", segment(repository), segment(name))
}

/// What is wrong with an effect as it stands.
fn wrong(effect: &SearchEffect) -> Option<String> {
    match effect {
        SearchEffect::Register {
            repository, settings, ..
        } => {
            let no_object = || {
                (!settings.is_object())
                    .then(|| "the settings of the repository are no JSON object".to_owned())
            };
            wrong_name(repository).or_else(no_object)
        }
        SearchEffect::Snapshot { repository, name, .. }
        | SearchEffect::DeleteSnapshot { repository, name } => {
            wrong_name(repository).or_else(|| wrong_name(name))
        }
        SearchEffect::Restore {
            repository,
            name,
            indices,
        } => {
            // An empty list means all of them to the server.
            wrong_name(repository)
                .or_else(|| wrong_name(name))
                .or_else(|| wrong_list(indices))
        }
        SearchEffect::DeleteIndices { indices, .. } => wrong_list(indices),
    }
}

/// What is wrong with a list of indices: that it is empty, or one of its names.
fn wrong_list(indices: &BTreeSet<String>) -> Option<String> {
    if indices.is_empty() {
        return Some("no index is named".to_owned());
    }
    indices.iter().find_map(|index| wrong_index(index))
}

/// 412: our own condition is not met, so nothing was sent.
pub(super) fn not_sent_as_wrong(words: &str) -> Answer {
    Answer::Refused {
        status: 412,
        message: format!("not sent: {words}"),
    }
}

fn not_asked<T>(words: &str) -> Sight<T> {
    Sight::Declined {
        status: 412,
        message: format!("not asked: {words}"),
    }
}
