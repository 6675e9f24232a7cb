//! The searches over HTTP, and what a failback does to them: the order of its steps decides what is lost.

mod asking;

use std::collections::BTreeMap;

use asking::{Asking, body_status};
use c8dr_lab::{AnswerFault, Data, Flavour, Refused, Region, SearchFault, StoreState, Timings, WorldConfig};
use serde_json::Value;

const REPOSITORY: &str = "/_snapshot/camunda_backup";
const S3: &str = r#"{"type":"s3","settings":{"bucket":"b","client":"camunda","base_path":"backups"}}"#;
const SNAPSHOT: &str = "/_snapshot/camunda_backup/failback?wait_for_completion=true";
const RESTORE: &str = "/_snapshot/camunda_backup/failback/_restore?wait_for_completion=true";
const RECORDS_ONLY: &str = r#"{"indices":"zeebe-record*"}"#;

fn lab(seed: u64) -> Asking {
    Asking::new(WorldConfig {
        seed,
        ..WorldConfig::default()
    })
}

fn error(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["error"]["type"].as_str().unwrap_or(""))
}

/// Region 1 is lost, failed over, and back empty.
async fn returned(seed: u64) -> Asking {
    let lab = lab(seed);
    lab.sleep(20.0).await;
    lab.lab.lose_region(Region::Odd);
    lab.sleep(8.0).await;
    let force = "/actuator/cluster/brokers?force=true";
    assert_eq!(lab.management(0, "POST", force, r#"["0","2"]"#).await.0, 202);
    lab.completed(0, 2, 10.0).await;
    lab.until(15.0, "led by the survivors", async || {
        lab.all_led_by(0, &[0, 2]).await
    })
    .await;
    let disable = "/actuator/exporters/elasticsearchregion1/disable";
    assert_eq!(lab.management(0, "POST", disable, "").await.0, 202);
    lab.completed(0, 4, 10.0).await;
    lab.sleep(10.0).await;
    lab.lab.return_region(Region::Odd, Data::Empty);
    lab.until(30.0, "listed", async || {
        lab.topology(0).await["brokers"].as_array().map(Vec::len) == Some(4)
    })
    .await;
    lab
}

async fn exporting(lab: &Asking, verb: &str) {
    lab.until(10.0, verb, async || {
        let path = format!("/actuator/exporting/{verb}");
        body_status(&lab.management(0, "POST", &path, "").await.1) == 204
    })
    .await;
}

/// FB2 to FB6, with the snapshot `wait` seconds after the pause's answer.
async fn brought_back(lab: &Asking, wait: f64) {
    exporting(lab, "pause").await;
    lab.sleep(wait).await;
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    let taken = lab.searched(Region::Even, "PUT", SNAPSHOT, RECORDS_ONLY).await;
    assert_eq!(taken["snapshot"]["state"], "SUCCESS");
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    let restored = lab.searched(Region::Odd, "POST", RESTORE, "").await;
    assert_eq!(restored["snapshot"]["shards"]["failed"], 0);
    lab.searched(Region::Odd, "GET", "/_cluster/health?wait_for_status=green", "")
        .await;
    lab.sleep(3.0).await;
    let enable = "/actuator/exporters/elasticsearchregion1/enable";
    let from = r#"{"initializeFrom":"elasticsearchregion0"}"#;
    assert_eq!(lab.management(0, "POST", enable, from).await.0, 202);
    lab.completed(0, 6, 10.0).await;
    exporting(lab, "resume").await;
    lab.sleep(10.0).await;
    lab.lab.with(|w| w.set_load(0.0));
    lab.sleep(5.0).await;
}

async fn only_in_region0(lab: &Asking) -> i64 {
    let count = async |r| {
        lab.searched(r, "GET", "/zeebe-record*/_count", "").await["count"]
            .as_i64()
            .unwrap_or(-1)
    };
    count(Region::Even).await - count(Region::Odd).await
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_at_the_pauses_answer_loses_records_for_ever_and_a_drained_one_none() {
    let hasty = returned(20).await;
    brought_back(&hasty, 0.0).await;
    assert!(only_in_region0(&hasty).await > 0, "{}", hasty.history());
    hasty.sleep(600.0).await;
    assert!(only_in_region0(&hasty).await > 0, "nothing ever heals it");
    let audit = hasty.lab.audit_searches(&BTreeMap::new());
    let only: usize = audit.partitions.iter().map(|p| p.only_in_first.len()).sum();
    assert_eq!(
        audit.acknowledged_missing[1].len(),
        only,
        "clients were promised all of them"
    );
    assert!(only > 0 && audit.acknowledged_missing[0].is_empty());

    let drained = returned(20).await;
    brought_back(&drained, 2.0).await;
    assert_eq!(only_in_region0(&drained).await, 0);
    assert_eq!(drained.lab.audit().in_one_search_only, 0);
    let audit = drained.lab.audit_searches(&BTreeMap::new());
    assert!(audit.is_equal_and_whole(), "{audit:?}");
    assert_eq!(audit.acknowledged_in, [audit.acknowledged; 2]);
}

#[tokio::test(start_paused = true)]
async fn records_are_indexed_as_the_exporter_does() {
    let lab = lab(1);
    lab.sleep(30.0).await;
    let indices = lab
        .searched(Region::Even, "GET", "/_cat/indices/zeebe-record*?format=json", "")
        .await;
    let names: Vec<&str> = indices
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|i| i["index"].as_str())
        .collect();
    assert_eq!(
        names,
        [
            "zeebe-record_deployment_8.6.0_2026-01-01",
            "zeebe-record_process-instance-creation_8.6.0_2026-01-01"
        ]
    );
    let query = r#"{"size":3,"track_total_hits":true,"sort":[{"position":"desc"}],
        "query":{"bool":{"filter":[{"term":{"partitionId":2}},{"range":{"position":{"gt":20,"lte":400}}}]}}}"#;
    let found = lab
        .searched(
            Region::Even,
            "POST",
            "/zeebe-record-process-instance-creation/_search",
            query,
        )
        .await;
    let hits = found["hits"]["hits"].as_array().cloned().unwrap_or_default();
    assert_eq!(hits.len(), 3, "{found}");
    for hit in &hits {
        let position = hit["_source"]["position"].as_i64().unwrap_or(0);
        assert_eq!(hit["_id"], format!("2-{position}"));
        assert!(position > 20 && position <= 400);
        let key = hit["_source"]["key"].as_i64().unwrap_or(0);
        assert_eq!(key >> 51, 2, "the partition is in the key");
    }
    let after = format!(
        r#"{{"size":10000,"sort":["position"],"search_after":[{}],"query":{{"term":{{"partitionId":2}}}}}}"#,
        hits[0]["_source"]["position"]
    );
    let rest = lab
        .searched(Region::Even, "POST", "/zeebe-record*/_search", &after)
        .await;
    let first = &rest["hits"]["hits"][0]["sort"][0];
    assert!(
        first.as_i64() > hits[0]["_source"]["position"].as_i64(),
        "{first}"
    );
    // What is exported again changes nothing: both regions hold the same distinct ids.
    let status = lab.lab.status();
    assert_eq!(
        status.regions[0].search.instances,
        status.regions[1].search.instances
    );
}

#[tokio::test(start_paused = true)]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let lab = lab(2);
    lab.sleep(60.0).await;
    lab.lab.with(|w| w.set_load(0.0));
    lab.sleep(5.0).await;
    let count = lab
        .searched(Region::Even, "GET", "/zeebe-record*/_count", "")
        .await["count"]
        .as_u64();
    let mut after = String::new();
    let mut ids = std::collections::BTreeSet::new();
    loop {
        let body = format!(r#"{{"size":17,"sort":["partitionId","position"]{after}}}"#);
        let page = lab
            .searched(Region::Even, "POST", "/zeebe-record*/_search", &body)
            .await;
        let hits = page["hits"]["hits"].as_array().cloned().unwrap_or_default();
        let Some(last) = hits.last() else { break };
        after = format!(r#","search_after":{}"#, last["sort"]);
        for hit in &hits {
            assert!(ids.insert(hit["_id"].to_string()), "twice: {hit}");
        }
    }
    assert_eq!(Some(ids.len() as u64), count);
    assert!(ids.len() > 100);
}

#[tokio::test(start_paused = true)]
async fn an_empty_return_is_a_new_cluster() {
    let lab = lab(3);
    let path = "/_cluster/state/metadata?filter_path=cluster_uuid";
    let before = lab.searched(Region::Odd, "GET", path, "").await;
    assert_eq!(before.as_object().map(serde_json::Map::len), Some(1), "{before}");
    lab.lab.lose_region(Region::Odd);
    let refused = lab.ask(lab.lab.search(Region::Odd), "GET", "/", "").await;
    assert_eq!(refused.unwrap_err(), Refused::ConnectionRefused);
    lab.lab.return_region(Region::Odd, Data::Old);
    assert_eq!(lab.searched(Region::Odd, "GET", path, "").await, before);
    lab.lab.lose_region(Region::Odd);
    lab.lab.return_region(Region::Odd, Data::Empty);
    assert_ne!(lab.searched(Region::Odd, "GET", path, "").await, before);
    let left = lab
        .searched(Region::Odd, "GET", "/_cat/indices/zeebe*?format=json", "")
        .await;
    assert_eq!(left, serde_json::json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_restore_over_an_open_index_is_refused_with_500() {
    let lab = returned(4).await;
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    lab.searched(Region::Even, "PUT", SNAPSHOT, "").await;
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    let name = "zeebe-record_deployment_8.6.0_2026-01-01";
    lab.lab
        .with(|w| assert!(w.create_search_index(Region::Odd, name)));
    let refused = lab.search(Region::Odd, "POST", RESTORE, "").await;
    assert_eq!(error(&refused), (500, "snapshot_restore_exception"));
    assert!(refused.1.to_string().contains(name), "{}", refused.1);
    lab.searched(Region::Odd, "DELETE", &format!("/{name}"), "").await;
    let restored = lab.searched(Region::Odd, "POST", RESTORE, RECORDS_ONLY).await;
    assert_eq!(
        restored["snapshot"]["shards"]["successful"],
        restored["snapshot"]["shards"]["total"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_repository_shows_only_what_was_there_when_it_was_registered() {
    let lab = returned(5).await;
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    let taken = lab.searched(Region::Even, "PUT", SNAPSHOT, RECORDS_ONLY).await;
    let list = format!("{REPOSITORY}/_all");
    assert_eq!(
        lab.searched(Region::Odd, "GET", &list, "").await["total"],
        0,
        "too early (I11)"
    );
    let missing = lab.search(Region::Odd, "POST", RESTORE, "").await;
    assert_eq!(error(&missing), (500, "snapshot_restore_exception"));
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    assert_eq!(
        lab.searched(Region::Odd, "GET", &list, "").await["total"],
        0,
        "the same again helps nothing"
    );
    lab.searched(Region::Odd, "DELETE", REPOSITORY, "").await;
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    let seen = lab.searched(Region::Odd, "GET", &list, "").await;
    assert_eq!(seen["snapshots"][0]["uuid"], taken["snapshot"]["uuid"]);
}

#[tokio::test(start_paused = true)]
async fn each_shard_is_copied_at_its_own_moment() {
    let config = WorldConfig {
        seed: 6,
        timings: Timings {
            snapshot_shard: std::time::Duration::from_secs(2),
            ..Timings::measured()
        },
        ..WorldConfig::default()
    };
    let lab = Asking::new(config);
    lab.sleep(20.0).await;
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    let begin = lab.clock.now();
    let accepted = lab
        .searched(
            Region::Even,
            "PUT",
            "/_snapshot/camunda_backup/failback",
            RECORDS_ONLY,
        )
        .await;
    assert_eq!(accepted["accepted"], true);
    lab.sleep(5.0).await;
    let status = "/_snapshot/camunda_backup/failback/_status";
    let running = lab.searched(Region::Even, "GET", status, "").await["snapshots"][0].clone();
    assert_eq!(running["state"], "STARTED", "{running}");
    assert!(running["shards_stats"]["done"].as_u64() > Some(0));
    assert!(running["shards_stats"]["initializing"].as_u64() > Some(0));
    let listed = "/_snapshot/camunda_backup/failback";
    let list = lab.searched(Region::Even, "GET", listed, "").await;
    assert_eq!(list["snapshots"][0]["state"], "IN_PROGRESS");
    let second = lab
        .search(Region::Even, "PUT", "/_snapshot/camunda_backup/other", "")
        .await;
    assert_eq!(error(&second), (503, "concurrent_snapshot_execution_exception"));
    let deleting = "/zeebe-record_process-instance-creation_8.6.0_2026-01-01";
    let busy = lab.search(Region::Even, "DELETE", deleting, "").await;
    assert_eq!(error(&busy), (400, "snapshot_in_progress_exception"));
    lab.until(60.0, "the snapshot's end", async || {
        lab.searched(Region::Even, "GET", listed, "").await["snapshots"][0]["state"] == "SUCCESS"
    })
    .await;
    assert!(lab.clock.now().since(begin).as_secs() >= 10, "six shards at 2 s");

    lab.lab.lose_region(Region::Odd);
    lab.lab.return_region(Region::Odd, Data::Empty);
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    let before = lab
        .searched(Region::Odd, "GET", "/_cat/indices/zeebe*?format=json", "")
        .await;
    for index in before.as_array().into_iter().flatten() {
        let name = index["index"].as_str().unwrap_or_default();
        lab.searched(Region::Odd, "DELETE", &format!("/{name}"), "").await;
    }
    lab.searched(Region::Odd, "POST", RESTORE, "").await;
    // The shard of partition 3 is copied first, those of 1 and 4 second, that of 2 last: what was written in between is
    // in the later ones only.
    let last = async |partition: u32| {
        let body = format!(
            r#"{{"size":1,"sort":[{{"position":"desc"}}],"query":{{"term":{{"partitionId":{partition}}}}}}}"#
        );
        let found = lab
            .searched(Region::Odd, "POST", "/zeebe-record_process*/_search", &body)
            .await;
        found["hits"]["hits"][0]["sort"][0].as_i64().unwrap_or(0)
    };
    let (first, later) = (last(3).await, last(2).await);
    assert!(
        later > first,
        "partition 2 up to {later}, partition 3 up to {first}"
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_have_the_real_status_and_type() {
    let lab = lab(7);
    lab.sleep(5.0).await;
    let ask = async |method: &str, path: &str, body: &str| lab.search(Region::Even, method, path, body).await;
    let missing = (404, "repository_missing_exception");
    for path in [
        REPOSITORY,
        "/_snapshot/camunda_backup/_all",
        "/_snapshot/camunda_backup/x/_status",
    ] {
        assert_eq!(error(&ask("GET", path, "").await), missing, "{path}");
    }
    assert_eq!(error(&ask("PUT", SNAPSHOT, "").await), missing);
    assert_eq!(error(&ask("POST", RESTORE, "").await), missing);
    assert_eq!(error(&ask("DELETE", REPOSITORY, "").await), missing);
    assert_eq!(
        error(&ask("PUT", REPOSITORY, r#"{"type":"gcs"}"#).await),
        (500, "repository_exception")
    );
    let client = r#"{"type":"s3","settings":{"bucket":"b","client":"nobody"}}"#;
    assert_eq!(
        error(&ask("PUT", REPOSITORY, client).await),
        (400, "illegal_argument_exception")
    );
    lab.lab.with(|w| w.set_store(StoreState::Denied));
    let unverified = (500, "repository_verification_exception");
    assert_eq!(error(&ask("PUT", REPOSITORY, S3).await), unverified);
    lab.lab.with(|w| w.set_store(StoreState::Works));
    assert_eq!(ask("PUT", REPOSITORY, S3).await.0, 200);
    assert_eq!(ask("POST", "/_snapshot/camunda_backup/_verify", "").await.0, 200);
    lab.lab.with(|w| w.set_store(StoreState::Gone));
    assert_eq!(
        error(&ask("POST", "/_snapshot/camunda_backup/_verify", "").await),
        unverified
    );
    assert_eq!(
        error(&ask("GET", "/_snapshot/camunda_backup/_all", "").await),
        (500, "repository_exception")
    );
    lab.lab.with(|w| w.set_store(StoreState::Works));
    let gone = (404, "snapshot_missing_exception");
    for (method, path) in [
        ("GET", "/_snapshot/camunda_backup/failback"),
        ("GET", "/_snapshot/camunda_backup/failback/_status"),
        ("DELETE", "/_snapshot/camunda_backup/failback"),
    ] {
        assert_eq!(error(&ask(method, path, "").await), gone, "{method} {path}");
    }
    let invalid = ask("PUT", "/_snapshot/camunda_backup/Failback", "").await;
    assert_eq!(error(&invalid), (400, "invalid_snapshot_name_exception"));
    let taken = ask("PUT", SNAPSHOT, r#"{"metadata":{"run":"r1"}}"#).await;
    assert_eq!(taken.1["snapshot"]["metadata"]["run"], "r1");
    assert_eq!(
        error(&ask("PUT", SNAPSHOT, "").await),
        (400, "snapshot_name_already_in_use_exception")
    );
    lab.lab.with(|w| w.set_search_flavour(Flavour::Opensearch));
    assert_eq!(
        error(&ask("PUT", SNAPSHOT, "").await),
        (400, "invalid_snapshot_name_exception")
    );
    assert_eq!(
        error(&ask("GET", "/nothing/_count", "").await),
        (404, "index_not_found_exception")
    );
    assert_eq!(
        error(&ask("DELETE", "/nothing", "").await),
        (404, "index_not_found_exception")
    );
    assert_eq!(
        error(&ask("DELETE", "/zeebe*", "").await),
        (400, "illegal_argument_exception")
    );
    let query = r#"{"query":{"fuzzy":{"position":1}}}"#;
    assert_eq!(
        error(&ask("POST", "/_search", query).await),
        (400, "parsing_exception")
    );
    assert_eq!(ask("PATCH", "/_snapshot", "").await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_may_end_partial_failed_or_not_at_all() {
    let lab = lab(8);
    lab.sleep(10.0).await;
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    lab.lab
        .with(|w| w.spoil_search(Region::Even, SearchFault::PartialSnapshot));
    let taken = lab.searched(Region::Even, "PUT", SNAPSHOT, "").await;
    assert_eq!(taken["snapshot"]["state"], "PARTIAL");
    assert_eq!(taken["snapshot"]["shards"]["failed"], 1);
    let refused = lab.search(Region::Even, "POST", RESTORE, "").await;
    assert_eq!(error(&refused), (500, "snapshot_restore_exception"));
    lab.searched(Region::Even, "DELETE", "/_snapshot/camunda_backup/failback", "")
        .await;

    lab.lab
        .with(|w| w.spoil_search(Region::Even, SearchFault::FailedSnapshot));
    let taken = lab.searched(Region::Even, "PUT", SNAPSHOT, "").await;
    assert_eq!(taken["snapshot"]["state"], "FAILED");
    lab.searched(Region::Even, "DELETE", "/_snapshot/camunda_backup/failback", "")
        .await;

    let started = lab
        .searched(Region::Even, "PUT", "/_snapshot/camunda_backup/failback", "")
        .await;
    assert_eq!(started["accepted"], true);
    lab.lab.with(|w| w.set_store(StoreState::Gone));
    lab.sleep(5.0).await;
    let list = "/_snapshot/camunda_backup/_all";
    assert_eq!(
        error(&lab.search(Region::Even, "GET", list, "").await),
        (500, "repository_exception")
    );
    lab.lab.with(|w| w.set_store(StoreState::Works));
    assert_eq!(
        lab.searched(Region::Even, "GET", list, "").await["total"],
        0,
        "it never came to be"
    );

    lab.searched(Region::Even, "PUT", SNAPSHOT, "").await;
    assert!(lab.lab.with(|w| w.lose_snapshot("failback")));
    assert_eq!(
        error(&lab.search(Region::Even, "POST", RESTORE, "").await),
        (500, "snapshot_restore_exception")
    );
}

#[tokio::test(start_paused = true)]
async fn a_red_search_stalls_the_exporters_and_health_waits_for_it() {
    let lab = lab(9);
    lab.sleep(10.0).await;
    lab.lab.with(|w| w.set_search_red(Region::Odd, true));
    lab.sleep(3.0).await;
    let before = lab.lab.status().regions[0].search.instances;
    lab.sleep(10.0).await;
    assert_eq!(
        lab.lab.status().regions[0].search.instances,
        before,
        "both stand still"
    );
    let begin = lab.clock.now();
    let late = lab
        .search(
            Region::Odd,
            "GET",
            "/_cluster/health?wait_for_status=green&timeout=5s",
            "",
        )
        .await;
    assert_eq!(
        (late.0, &late.1["timed_out"], &late.1["status"]),
        (408, &true.into(), &"red".into())
    );
    assert!((5..6).contains(&lab.clock.now().since(begin).as_secs()));
    lab.lab.with(|w| w.set_search_red(Region::Odd, false));
    lab.searched(
        Region::Odd,
        "GET",
        "/_cluster/health?wait_for_status=green&timeout=5s",
        "",
    )
    .await;
    lab.sleep(5.0).await;
    assert!(lab.lab.status().regions[0].search.instances > before);
}

#[tokio::test(start_paused = true)]
async fn paused_exporters_may_create_empty_indices_that_are_in_the_way() {
    let lab = returned(10).await;
    lab.lab
        .with(|w| w.spoil_search(Region::Odd, SearchFault::EmptyIndices));
    exporting(&lab, "pause").await;
    lab.sleep(3.0).await;
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    lab.searched(Region::Even, "PUT", SNAPSHOT, "").await;
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    let refused = lab.search(Region::Odd, "POST", RESTORE, RECORDS_ONLY).await;
    assert_eq!(error(&refused), (500, "snapshot_restore_exception"));
    let count = lab
        .searched(Region::Odd, "GET", "/zeebe-record*/_count", "")
        .await;
    assert_eq!(count["count"], 0, "they are empty");
}

#[tokio::test(start_paused = true)]
async fn templates_come_back_only_with_the_global_state() {
    let lab = returned(11).await;
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    lab.searched(Region::Even, "PUT", SNAPSHOT, "").await;
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    lab.searched(Region::Odd, "POST", RESTORE, "").await;
    let templates = async || {
        let all = lab.searched(Region::Odd, "GET", "/_index_template", "").await;
        all["index_templates"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(templates().await, 0, "false is the default on restore");
    for name in ["deployment", "process-instance-creation"] {
        let path = format!("/zeebe-record_{name}_8.6.0_2026-01-01");
        lab.searched(Region::Odd, "DELETE", &path, "").await;
    }
    let with = r#"{"indices":"zeebe-record*","include_global_state":true}"#;
    lab.searched(Region::Odd, "POST", RESTORE, with).await;
    assert_eq!(templates().await, 2);
    let recovery = lab
        .searched(Region::Odd, "GET", "/_cat/recovery/zeebe*?format=json", "")
        .await;
    for shard in recovery.as_array().into_iter().flatten() {
        assert_eq!(
            (&shard["type"], &shard["stage"]),
            (&"snapshot".into(), &"done".into())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_lost_and_the_snapshot_goes_on() {
    let lab = lab(12);
    lab.sleep(5.0).await;
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    lab.lab
        .with(|w| w.spoil_search_answer(AnswerFault::LostAfterEffect));
    let lost = lab.ask(lab.lab.search(Region::Even), "PUT", SNAPSHOT, "").await;
    assert_eq!(lost.unwrap_err(), Refused::ConnectionReset);
    let found = lab
        .searched(Region::Even, "GET", "/_snapshot/camunda_backup/failback", "")
        .await;
    assert_eq!(found["snapshots"][0]["state"], "SUCCESS");
}

#[tokio::test(start_paused = true)]
async fn a_search_that_dies_under_a_snapshot_or_restore_leaves_nothing_whole() {
    let lab = returned(13).await;
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    lab.searched(Region::Even, "PUT", SNAPSHOT, RECORDS_ONLY).await;
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    let begin = RESTORE.replace("=true", "=false");
    lab.searched(Region::Odd, "POST", &begin, "").await;
    lab.lab.set_search(Region::Odd, false);
    lab.lab.set_search(Region::Odd, true);
    let health = lab.searched(Region::Odd, "GET", "/_cluster/health", "").await;
    assert_eq!(health["status"], "red");
    let indices = lab
        .searched(Region::Odd, "GET", "/_cat/indices/zeebe*?format=json", "")
        .await;
    for index in indices.as_array().into_iter().flatten() {
        let path = format!("/{}", index["index"].as_str().unwrap_or_default());
        lab.searched(Region::Odd, "DELETE", &path, "").await;
    }
    lab.searched(Region::Odd, "POST", RESTORE, "").await;
    let health = lab.searched(Region::Odd, "GET", "/_cluster/health", "").await;
    assert_eq!(health["status"], "green", "deleted and restored again");
}
