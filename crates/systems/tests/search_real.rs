//! The search adapter against real servers: a failback's snapshot and restore, and every refusal on the way.
//!
//! Runs where `C8DR_ELASTICSEARCH_URL`, `C8DR_ELASTICSEARCH_URL_2` (two clusters) and `C8DR_ELASTICSEARCH_REPOSITORY` (a
//! folder that both may use as `fs` repositories, by their `path.repo`; or `s3://BUCKET`, which both know by the client
//! `camunda`) are set; says so in one line otherwise. What `C8DR_STORE_ENDS` says is run, where it is set, to end the store of
//! the repository in the middle of a snapshot. It makes and removes only what bears its own name. With `C8DR_RECORD` the exchanges are written there, without hosts and paths.
#![expect(
    clippy::print_stdout,
    reason = "it has no harness, and its figures are for whoever started it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use c8dr_domain::effect::{Answer, SearchEffect};
use c8dr_domain::exporting::PositionVector;
use c8dr_domain::ids::PartitionId;
use c8dr_domain::observation::Sight;
use c8dr_domain::search::{Color, Repository, Snapshot, SnapshotState};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Exchange, Search, Tap};
use c8dr_systems::auth::Auth;
use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::dial::{Connector, Tcp};
use c8dr_systems::elasticsearch::{Elasticsearch, Endpoint};
use c8dr_systems::http::{Bounds, Client};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// How many records partition 1 gets: twenty pages.
const RECORDS: i64 = 100_000;

/// How long anything is waited for: a hundred times what it takes on a small machine.
const PATIENCE: Duration = Duration::from_secs(180);

fn main() -> Outcome {
    let Some(url) = env::var("C8DR_ELASTICSEARCH_URL").ok() else {
        println!("skipped: C8DR_ELASTICSEARCH_URL is not set");
        return Ok(());
    };
    let second = env::var("C8DR_ELASTICSEARCH_URL_2")
        .map_err(|_| "C8DR_ELASTICSEARCH_URL is set, so C8DR_ELASTICSEARCH_URL_2 must be, too")?;
    let location = env::var("C8DR_ELASTICSEARCH_REPOSITORY")
        .map_err(|_| "C8DR_ELASTICSEARCH_URL is set, so C8DR_ELASTICSEARCH_REPOSITORY must be, too")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let trial = Trial::new(&url, &second, &location)?;
        let outcome = trial.run().await;
        trial.clean_up().await;
        trial.record()?;
        outcome
    })
}

struct Trial {
    surviving: Elasticsearch,
    recreated: Elasticsearch,
    urls: [String; 2],
    location: String,
    /// Part of every name, so that a trial meets nobody else's things.
    mark: String,
    clock: Clock,
    told: Arc<Mutex<Vec<Exchange>>>,
}

fn ensure(holds: bool, words: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(words().into()) }
}

fn seen<T: std::fmt::Debug>(sight: Sight<T>) -> Outcome<T> {
    match sight {
        Sight::Seen(value) => Ok(value),
        other => Err(format!("not seen: {other:?}").into()),
    }
}

fn done(answer: &Answer) -> Outcome {
    ensure(*answer == Answer::Done, || format!("not done: {answer:?}"))
}

fn refused(answer: &Answer, statuses: &[u16], words: &str) -> Outcome {
    let is_so = matches!(answer, Answer::Refused { status, message } if statuses.contains(status) && message.contains(words));
    ensure(is_so, || {
        format!("not refused with {statuses:?} {words:?}: {answer:?}")
    })
}

impl Trial {
    fn new(url: &str, second: &str, location: &str) -> Outcome<Self> {
        let clock = Clock::system();
        let mark = format!("c8drtrial{}", clock.wall().as_millisecond());
        let told = Arc::new(Mutex::new(Vec::new()));
        let keep = told.clone();
        let tap: Tap = Arc::new(move |exchange| {
            if let Ok(mut told) = keep.lock() {
                told.push(exchange);
            }
        });
        let adapter = |url: &str| -> Outcome<Elasticsearch> {
            let mut endpoint = Endpoint::new(BaseUrl::parse(url)?);
            endpoint.records_prefix = format!("zeebe-record_{mark}");
            if let (Ok(user), Ok(password)) = (
                env::var("C8DR_ELASTICSEARCH_USER"),
                env::var("C8DR_ELASTICSEARCH_PASSWORD"),
            ) {
                endpoint.auth = Auth::Basic {
                    user,
                    password: password.into(),
                };
            }
            let dial = Arc::new(Tcp::new(clock.clone()));
            Ok(Elasticsearch::new(
                endpoint,
                dial,
                clock.clone(),
                Some(tap.clone()),
            )?)
        };
        Ok(Trial {
            surviving: adapter(url)?,
            recreated: adapter(second)?,
            urls: [url, second].map(|url| url.trim_end_matches('/').to_owned()),
            location: location.trim_end_matches('/').to_owned(),
            mark: mark.clone(),
            clock,
            told,
        })
    }

    fn index(&self, kind: &str) -> String {
        format!("zeebe-record_{}_{kind}_8.6.0", self.mark)
    }

    fn indices(&self) -> BTreeSet<String> {
        ["job", "process-instance"].map(|kind| self.index(kind)).into()
    }

    fn repository(&self) -> String {
        format!("{}_repository", self.mark)
    }

    fn unusable(&self) -> String {
        format!("{}_unusable", self.mark)
    }

    fn is_s3(&self) -> bool {
        self.location.starts_with("s3://")
    }

    /// What registers a repository at this path of the given place.
    fn place(&self, path: &str) -> Value {
        match self.location.strip_prefix("s3://") {
            Some(bucket) => {
                json!({"type": "s3", "settings": {"bucket": bucket, "client": "camunda", "base_path": path}})
            }
            None => json!({"type": "fs", "settings": {"location": format!("{}/{path}", self.location)}}),
        }
    }

    fn snapshot_name(&self) -> String {
        format!("{}-snapshot", self.mark)
    }

    async fn run(&self) -> Outcome {
        let (first, second) = (
            seen(self.surviving.cluster().await)?,
            seen(self.recreated.cluster().await)?,
        );
        ensure(first.uuid != second.uuid, || {
            "both URLs lead to the same cluster".to_owned()
        })?;
        ensure(first.color != Color::Red, || {
            "the first cluster is red".to_owned()
        })?;
        if !self.is_s3() {
            // This build of Elasticsearch has no such page, and everything else goes without it.
            let told = self.raw(0, "GET", "/", String::new()).await?;
            ensure(told["status"] == 405, || format!("`GET /` answers {told}"))?;
        }
        self.fill().await?;
        let vector = PositionVector::from([
            (PartitionId(1), RECORDS),
            (PartitionId(2), 4),
            (PartitionId(3), 10),
        ]);
        let began = self.clock.now();
        let held = seen(self.surviving.holdings(&vector).await)?;
        println!(
            "holdings of {RECORDS} records: {:?}",
            self.clock.now().since(began)
        );
        let one = &held[&PartitionId(1)];
        ensure(
            one.count == RECORDS.unsigned_abs() && one.highest == Some(RECORDS),
            || format!("held: {held:?}"),
        )?;
        let mut hash = Sha256::new();
        (1..=RECORDS).for_each(|position| hash.update(format!("1-{position}\n")));
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        ensure(one.hash == hash, || "the hash is another one".to_owned())?;
        // Of partition 2, positions 2, 4 and 6 are held; 6 lies beyond the vector. Of partition 3 nothing is.
        let (two, three) = (&held[&PartitionId(2)], &held[&PartitionId(3)]);
        ensure(
            (two.count, two.highest, three.count, three.highest) == (2, Some(4), 0, None),
            || format!("held: {held:?}"),
        )?;

        self.red().await?;
        self.repositories().await?;
        self.take_snapshot(&first.uuid).await?;
        self.unusable_repository().await?;
        self.restore().await?;

        let restored = seen(self.recreated.holdings(&vector).await)?;
        ensure(restored == held, || format!("{restored:?} is not {held:?}"))?;
        self.delete(&first.uuid, &second.uuid).await?;
        match env::var("C8DR_STORE_ENDS") {
            Ok(command) => self.store_ends(&command).await,
            Err(_) => Ok(()),
        }
    }

    async fn fill(&self) -> Outcome {
        let began = self.clock.now();
        let mut positions: Vec<(u32, i64)> = (1..=RECORDS).rev().map(|position| (1, position)).collect();
        positions.extend([(2, 6), (2, 4), (2, 2)]);
        let (job, instance) = (self.index("job"), self.index("process-instance"));
        for chunk in positions.chunks(10_000) {
            let mut body = String::new();
            for (partition, position) in chunk {
                let index = if position % 2 == 0 { &job } else { &instance };
                let id = format!("{partition}-{position}");
                let padding = hex(&Sha256::digest(&id)).repeat(3);
                body.push_str(&format!("{}\n", json!({"index": {"_index": index, "_id": id}})));
                let record = json!({"partitionId": partition, "position": position, "padding": padding});
                body.push_str(&format!("{record}\n"));
            }
            let answer = self.raw(0, "POST", "/_bulk", body).await?;
            ensure(answer["errors"] == false, || "the bulk failed".to_owned())?;
        }
        println!("written: {:?}", self.clock.now().since(began));
        Ok(())
    }

    async fn repositories(&self) -> Outcome {
        let repository = self.repository();
        ensure(
            seen(self.surviving.repository(&repository).await)?.is_none(),
            || "the repository is there before it was registered".to_owned(),
        )?;
        let register = |settings: Value| SearchEffect::Register {
            repository: repository.clone(),
            settings,
            anew: false,
        };
        let elsewhere = register(json!({"type": "fs", "settings": {"location": "/nowhere/at/all"}}));
        refused(
            &self.surviving.perform(&elsewhere).await,
            &[500],
            "repository_exception",
        )?;
        // Where the plugin is missing, S3 is a type as unknown as any.
        let kind = if self.is_s3() { "nosuch" } else { "s3" };
        let unknown = register(json!({"type": kind, "settings": {"bucket": "camunda"}}));
        refused(
            &self.surviving.perform(&unknown).await,
            &[500],
            &format!("repository type [{kind}] does not exist"),
        )?;
        let mut settings = self.place(&self.mark);
        // So slow that the snapshot is seen while it runs.
        settings["settings"]["max_snapshot_bytes_per_sec"] = json!("12mb");
        done(&self.surviving.perform(&register(settings.clone())).await)?;
        let told = seen(self.surviving.repository(&repository).await)?.unwrap_or_default();
        ensure(told["type"] == settings["type"], || format!("registered: {told}"))?;
        let mut settings = self.place(&self.mark);
        settings["settings"]["readonly"] = json!(true);
        done(&self.recreated.perform(&register(settings)).await)?;
        self.tried().await
    }

    /// An index that no node takes: the cluster is red, and says why.
    async fn red(&self) -> Outcome {
        let index = format!("{}-homeless", self.mark);
        let settings =
            json!({"settings": {"number_of_replicas": 0, "routing.allocation.require._name": "nobody"}});
        self.raw(
            0,
            "PUT",
            &format!("/{index}?wait_for_active_shards=0"),
            settings.to_string(),
        )
        .await?;
        let cluster = seen(self.surviving.cluster().await)?;
        self.raw(0, "DELETE", &format!("/{index}"), String::new()).await?;
        println!("a red cluster: {cluster:?}");
        let why = cluster.why_red.clone().unwrap_or_default();
        ensure(
            cluster.color == Color::Red && why.contains(&index) && why.contains("nobody"),
            || format!("{cluster:?}"),
        )
    }

    /// As `c8dr ready --probe` tries it: what can be used, what cannot, and nothing left of either.
    async fn tried(&self) -> Outcome {
        let details = seen(self.surviving.details().await)?;
        println!("details: {details:?}");
        ensure(
            details.nodes > 0 && !details.versions.is_empty() && details.disk_total_bytes.is_some(),
            || format!("{details:?}"),
        )?;
        let name = format!("{}-probe", self.mark);
        let nowhere = json!({"type": "fs", "settings": {"location": "/nowhere/at/all"}});
        for (settings, is_usable) in [(self.place(&self.mark), true), (nowhere, false)] {
            let repository = Repository {
                name: self.repository(),
                settings,
            };
            let trial = seen(self.surviving.try_repository(&name, &repository).await)?;
            ensure(
                trial.refused.is_none() == is_usable && trial.left.is_none(),
                || format!("{trial:?}"),
            )?;
            ensure(seen(self.surviving.repository(&name).await)?.is_none(), || {
                "the trial's repository is still registered".to_owned()
            })?;
        }
        Ok(())
    }

    async fn take_snapshot(&self, uuid: &str) -> Outcome {
        let (repository, name) = (self.repository(), self.snapshot_name());
        ensure(
            seen(self.surviving.snapshot(&repository, &name).await)?.is_none(),
            || "the snapshot is there before it was taken".to_owned(),
        )?;
        let snapshot = |bytes: usize| self.snapshot(&repository, &name, bytes);
        let nowhere = format!("{repository}_nosuch");
        refused(
            &self.surviving.perform(&self.snapshot(&nowhere, &name, 8)).await,
            &[404],
            "repository_missing_exception",
        )?;
        let there = self.surviving.snapshot(&nowhere, &name).await;
        ensure(matches!(&there, Sight::Declined { status: 404, .. }), || {
            format!("a snapshot in no repository: {there:?}")
        })?;
        refused(
            &self.surviving.perform(&snapshot(1100)).await,
            &[400],
            "1024 bytes",
        )?;
        let began = self.clock.now();
        done(&self.surviving.perform(&snapshot(8)).await)?;
        let mut saw_it_run = 0_u32;
        let snapshot_info = loop {
            let Some(info) = seen(self.surviving.snapshot(&repository, &name).await)? else {
                return Err("the snapshot that was begun is not there".into());
            };
            if info.state != SnapshotState::InProgress {
                break info;
            }
            if saw_it_run == 0 {
                self.while_it_runs(&repository, &name, uuid).await?;
            }
            saw_it_run += 1;
            ensure(info.shards_done <= info.shards_total, || format!("{info:?}"))?;
            ensure(self.clock.now().since(began) < PATIENCE, || {
                "the snapshot takes too long".to_owned()
            })?;
            self.clock.sleep(Duration::from_millis(100)).await;
        };
        println!(
            "snapshot: {:?}, seen running {saw_it_run} times",
            self.clock.now().since(began)
        );
        ensure(
            saw_it_run > 0
                && snapshot_info.state == SnapshotState::Success
                && snapshot_info.shards_failed == 0
                && snapshot_info.shards_done == snapshot_info.shards_total
                && self.indices().is_subset(&snapshot_info.indices)
                && snapshot_info.metadata["positions"]["1"] == RECORDS,
            || format!("{snapshot_info:?}"),
        )?;
        // The same name again: two names for the same error.
        refused(
            &self.surviving.perform(&snapshot(8)).await,
            &[400],
            "same name already exists",
        )?;
        let there = seen(self.recreated.snapshot(&repository, &name).await)?;
        ensure(
            there.is_some_and(|there| there.uuid == snapshot_info.uuid),
            || "the other cluster does not see the same snapshot".to_owned(),
        )
    }

    fn snapshot(&self, repository: &str, name: &str, bytes: usize) -> SearchEffect {
        SearchEffect::Snapshot {
            repository: repository.to_owned(),
            name: name.to_owned(),
            metadata: BTreeMap::from([
                ("run".to_owned(), json!("a".repeat(bytes))),
                ("positions".to_owned(), json!({"1": RECORDS, "2": 4})),
            ]),
        }
    }

    /// While a snapshot runs: another word for its state in `_status`, and no index of it can be deleted.
    async fn while_it_runs(&self, repository: &str, name: &str, uuid: &str) -> Outcome {
        let path = format!("/_snapshot/{repository}/{name}/_status");
        let status = self.raw(0, "GET", &path, String::new()).await?;
        ensure(status["snapshots"][0]["state"] == "STARTED", || {
            format!("{status}")
        })?;
        let delete = SearchEffect::DeleteIndices {
            indices: self.indices(),
            cluster_uuid: uuid.to_owned(),
        };
        let answer = self.surviving.perform(&delete).await;
        ensure(
            matches!(&answer, Answer::Conflict { message } if message.contains("snapshot")),
            || format!("an index was deleted under its snapshot: {answer:?}"),
        )
    }

    /// The store of the repository ends in the middle of a snapshot: neither it nor another one is ever told as whole.
    async fn store_ends(&self, command: &str) -> Outcome {
        let (repository, name) = (self.repository(), format!("{}-broken-off", self.mark));
        done(
            &self
                .surviving
                .perform(&self.snapshot(&repository, &name, 8))
                .await,
        )?;
        let told = seen(self.surviving.snapshot(&repository, &name).await)?;
        ensure(
            told.is_some_and(|told| told.state == SnapshotState::InProgress),
            || "the snapshot is not under way".to_owned(),
        )?;
        let ended = std::process::Command::new("sh").args(["-c", command]).status()?;
        ensure(ended.success(), || format!("`{command}` ended with {ended}"))?;
        println!("its store gone: {:?}", self.end_of(&repository, &name).await?);
        // It remembers what the repository held, so it may take another one, which ends no better.
        let another = format!("{}-without-a-store", self.mark);
        let answer = self
            .surviving
            .perform(&self.snapshot(&repository, &another, 8))
            .await;
        println!("and a new one: {}", answer.words());
        if answer == Answer::Done {
            println!("which ends: {:?}", self.end_of(&repository, &another).await?);
        }
        let register = SearchEffect::Register {
            repository: self.unusable(),
            settings: self.place(&self.mark),
            anew: false,
        };
        let answer = self.surviving.perform(&register).await;
        println!("and a repository there: {}", answer.words());
        let is_told = matches!(answer, Answer::Unknown { .. } | Answer::Refused { .. })
            && answer.words().contains("repository_verification_exception");
        ensure(is_told, || format!("registered without a store: {answer:?}"))
    }

    /// What is seen of a snapshot of which not everything can be copied, once it is no longer under way.
    async fn end_of(&self, repository: &str, name: &str) -> Outcome<Sight<Option<Snapshot>>> {
        let began = self.clock.now();
        loop {
            match self.surviving.snapshot(repository, name).await {
                Sight::Seen(Some(told)) if told.state == SnapshotState::InProgress => {}
                Sight::Seen(Some(told)) if told.state == SnapshotState::Success => {
                    return Err(format!("whole without a store: {told:?}").into());
                }
                end => return Ok(end),
            }
            ensure(self.clock.now().since(began) < PATIENCE, || {
                "the snapshot is under way for ever".to_owned()
            })?;
            self.clock.sleep(Duration::from_millis(100)).await;
        }
    }

    /// Where nobody can write: Elasticsearch registers nothing then, OpenSearch registers it all the same.
    async fn unusable_repository(&self) -> Outcome {
        let name = self.unusable();
        // A bucket that is not there; or a file of the repository, where a folder is wanted.
        let settings = match self.location.strip_prefix("s3://") {
            Some(_) => {
                json!({"type": "s3", "settings": {"bucket": "c8dr-no-such-bucket", "client": "camunda"}})
            }
            None => self.place(&format!("{}/index.latest", self.mark)),
        };
        let register = SearchEffect::Register {
            repository: name.clone(),
            settings,
            anew: false,
        };
        let answer = self.surviving.perform(&register).await;
        let there = seen(self.surviving.repository(&name).await)?;
        println!("after a failed verification: {}", answer.words());
        let fits = match (&answer, there) {
            (Answer::Refused { status: 500, .. }, None) => true,
            (Answer::Unknown { detail, .. }, Some(_)) => detail.contains("is registered"),
            _ => false,
        };
        ensure(fits, || format!("not told as it is: {answer:?}"))
    }

    async fn restore(&self) -> Outcome {
        let restore = |name: String, indices: BTreeSet<String>| SearchEffect::Restore {
            repository: self.repository(),
            name,
            indices,
        };
        let missing = restore(self.snapshot_name(), BTreeSet::from([self.index("nosuch")]));
        refused(&self.recreated.perform(&missing).await, &[404], "index_not_found")?;
        let missing = restore(format!("{}-nosuch", self.mark), self.indices());
        refused(
            &self.recreated.perform(&missing).await,
            &[404, 500],
            "snapshot_restore_exception",
        )?;
        let whole = restore(self.snapshot_name(), self.indices());
        let began = self.clock.now();
        done(&self.recreated.perform(&whole).await)?;
        loop {
            let recoveries = seen(self.recreated.recoveries().await)?;
            let ours: Vec<_> = recoveries
                .iter()
                .filter(|recovery| recovery.snapshot == self.snapshot_name())
                .collect();
            if ours.len() == 2 && ours.iter().all(|recovery| recovery.is_done) {
                ensure(
                    ours.iter().all(|recovery| {
                        recovery.bytes_done == recovery.bytes_total && recovery.bytes_total > 0
                    }),
                    || format!("{ours:?}"),
                )?;
                break;
            }
            ensure(self.clock.now().since(began) < PATIENCE, || {
                format!("still {ours:?}")
            })?;
            self.clock.sleep(Duration::from_millis(50)).await;
        }
        println!("restore: {:?}", self.clock.now().since(began));
        refused(
            &self.recreated.perform(&whole).await,
            &[500],
            "an open index with same name already exists",
        )?;
        // A repository that is read-only there keeps the snapshot from the wrong hands.
        let delete = SearchEffect::DeleteSnapshot {
            repository: self.repository(),
            name: self.snapshot_name(),
        };
        let answer = self.recreated.perform(&delete).await;
        ensure(
            matches!(
                answer,
                Answer::Unknown {
                    status: Some(500),
                    ..
                }
            ),
            || format!("deleted from a read-only repository: {answer:?}"),
        )
    }

    async fn delete(&self, first: &str, second: &str) -> Outcome {
        let job = self.index("job");
        let delete = |uuid: &str| SearchEffect::DeleteIndices {
            indices: [job.clone()].into(),
            cluster_uuid: uuid.to_owned(),
        };
        refused(&self.recreated.perform(&delete(first)).await, &[412], "not sent")?;
        let of_job =
            |indices: Vec<c8dr_domain::search::Index>| indices.into_iter().find(|index| index.name == job);
        let index = of_job(seen(self.recreated.indices().await)?);
        ensure(index.is_some_and(|index| index.documents == Some(50_003)), || {
            "the index is not whole".to_owned()
        })?;
        self.raw(1, "POST", &format!("/{job}/_close"), String::new())
            .await?;
        let index = of_job(seen(self.recreated.indices().await)?);
        ensure(
            index.is_some_and(|index| index.documents.is_none() && index.color.is_none()),
            || "a closed index is told as an open one".to_owned(),
        )?;
        done(&self.recreated.perform(&delete(second)).await)?;
        ensure(of_job(seen(self.recreated.indices().await)?).is_none(), || {
            "the index is still there".to_owned()
        })?;
        // Gone already is as good as done: a run that was cut off in between goes on.
        done(&self.recreated.perform(&delete(second)).await)?;
        let delete = SearchEffect::DeleteSnapshot {
            repository: self.repository(),
            name: self.snapshot_name(),
        };
        done(&self.surviving.perform(&delete).await)?;
        refused(&self.surviving.perform(&delete).await, &[404], "snapshot_missing")
    }

    /// What the port has no words for, as only a trial needs it.
    async fn raw(&self, which: usize, method: &str, path: &str, body: String) -> Outcome<Value> {
        let bounds = Bounds {
            connect: Duration::from_secs(1),
            answer: Duration::from_secs(60),
            body_bytes_max: 64 * 1024 * 1024,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.urls[which]))
            .header("content-type", "application/json")
            .extension(bounds);
        if let (Ok(user), Ok(password)) = (
            env::var("C8DR_ELASTICSEARCH_USER"),
            env::var("C8DR_ELASTICSEARCH_PASSWORD"),
        ) {
            use base64::Engine;
            let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            request = request.header("authorization", format!("Basic {encoded}"));
        }
        let connector = Connector::new(Arc::new(Tcp::new(self.clock.clone())), None, self.clock.clone());
        let answer = Client::new(connector)
            .oneshot(request.body(Full::new(Bytes::from(body)))?)
            .await?;
        Ok(serde_json::from_slice(answer.body()).unwrap_or_default())
    }

    async fn clean_up(&self) {
        for which in [0, 1] {
            for index in self.indices() {
                let _ = self
                    .raw(which, "DELETE", &format!("/{index}"), String::new())
                    .await;
            }
            let repository = self.repository();
            let name = self.snapshot_name();
            let path = format!("/_snapshot/{repository}/{name}");
            let _ = self.raw(which, "DELETE", &path, String::new()).await;
            for repository in [repository, self.unusable()] {
                let path = format!("/_snapshot/{repository}");
                let _ = self.raw(which, "DELETE", &path, String::new()).await;
            }
        }
    }

    /// Writes what was said, each different thing once.
    fn record(&self) -> Outcome {
        let Ok(folder) = env::var("C8DR_RECORD") else {
            return Ok(());
        };
        let folder = PathBuf::from(folder);
        std::fs::create_dir_all(&folder)?;
        let told = self.told.lock().map_err(|_| "the tap broke")?;
        let mut written = BTreeMap::new();
        for exchange in told.iter() {
            let scrubbed = |text: &str| {
                let mut text = text.to_owned();
                let swaps = [
                    (self.urls[0].as_str(), "http://surviving:9200"),
                    (self.urls[1].as_str(), "http://recreated:9200"),
                    (self.location.as_str(), "/repository"),
                    (self.mark.as_str(), "trial"),
                ];
                for (from, to) in swaps {
                    text = text.replace(from, to);
                }
                for url in &self.urls {
                    let authority = url.split("://").last().unwrap_or_default();
                    text = text.replace(authority.split(':').next().unwrap_or_default(), "search");
                }
                text
            };
            // What the tap has cut is of no use as a recording.
            let Ok(received) = serde_json::from_str::<Value>(&scrubbed(&exchange.received)) else {
                continue;
            };
            let request = scrubbed(&exchange.request);
            let sent = exchange.sent.as_deref().map(scrubbed);
            let state = received
                .pointer("/snapshots/0/state")
                .cloned()
                .unwrap_or_default();
            let stages: Vec<String> = serde_json::to_string(&received)?
                .split("\"stage\":\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next().map(str::to_owned))
                .collect();
            let rows = received.is_array().then(|| received.to_string());
            let progress = (state.to_string(), stages, rows);
            let key = (request.clone(), sent.clone(), exchange.status, progress);
            if written.contains_key(&key) {
                continue;
            }
            let number = written.len() + 1;
            let file = folder.join(format!("{number:03}.json"));
            let recording = json!({
                "request": request,
                "sent": sent.and_then(|sent| serde_json::from_str::<Value>(&sent).ok()),
                "status": exchange.status,
                "took_ms": u64::try_from(exchange.took.as_millis())?,
                "received": received,
            });
            std::fs::write(file, format!("{}\n", serde_json::to_string_pretty(&recording)?))?;
            written.insert(key, number);
        }
        println!("recorded: {} exchanges", written.len());
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
