//! Releases, pods and volumes: what is left over, what is too early, and who still writes when nobody should.

#![expect(clippy::unwrap_used, reason = "a failure is the point")]

mod asking;

use asking::Asking;
use axum::body::Body;
use c8dr_lab::{Data, PlatformError, PodPhase, Region, Timings, WorldConfig};
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

const REPOSITORY: &str = "/_snapshot/camunda_backup";
const S3: &str = r#"{"type":"s3","settings":{"bucket":"b","client":"camunda","base_path":"backups"}}"#;
const SNAPSHOT: &str = "/_snapshot/camunda_backup/failback?wait_for_completion=true";
const RESTORE: &str = "/_snapshot/camunda_backup/failback/_restore?wait_for_completion=true";

fn lab(seed: u64) -> Asking {
    Asking::new(WorldConfig {
        seed,
        ..WorldConfig::default()
    })
}

/// Region 1 is lost and the survivors have gone on without it.
async fn failed_over(seed: u64) -> Asking {
    let lab = lab(seed);
    lab.sleep(10.0).await;
    lab.lab.lose_region(Region::Odd);
    lab.sleep(8.0).await;
    let force = "/actuator/cluster/brokers?force=true";
    assert_eq!(lab.management(0, "POST", force, r#"["0","2"]"#).await.0, 202);
    lab.completed(0, 2, 10.0).await;
    let disable = "/actuator/exporters/elasticsearchregion1/disable";
    assert_eq!(lab.management(0, "POST", disable, "").await.0, 202);
    lab.completed(0, 4, 20.0).await;
    lab
}

async fn ctl(lab: &Asking, verb: Value) -> (u16, Value) {
    post(lab, "/ctl", verb).await
}

async fn post(lab: &Asking, path: &str, verb: Value) -> (u16, Value) {
    let request = Request::post(path).body(Body::from(verb.to_string())).unwrap();
    let answer = lab.lab.control_router().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn read(lab: &Asking, path: &str) -> Value {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = lab.lab.control_router().oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    serde_json::from_slice(&body).unwrap()
}

async fn indices(lab: &Asking, region: Region, pattern: &str) -> usize {
    let path = format!("/_cat/indices/{pattern}?format=json");
    let all = lab.searched(region, "GET", &path, "").await;
    all.as_array().map_or(0, Vec::len)
}

fn webapp_pods(lab: &Asking, region: Region) -> Vec<PodPhase> {
    let pods = lab.lab.with(|w| w.pods(region)).into_iter();
    pods.filter(|p| matches!(p.labels.component, "operate" | "tasklist"))
        .map(|p| p.phase)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_recreated_region_runs_not_ready_until_its_brokers_have_joined() {
    let lab = failed_over(1).await;
    let region1 = json!({"region": "region1"});
    let taken = ctl(&lab, json!({"install": {"region": "region1", "webapps": false}})).await;
    assert_eq!(taken.0, 409);
    assert!(
        taken.1["error"]
            .as_str()
            .is_some_and(|e| e.contains("cannot re-use a name")),
        "{taken:?}"
    );
    let busy = ctl(&lab, json!({"delete-volumes": region1})).await;
    assert_eq!(busy.0, 409);
    assert_eq!(ctl(&lab, json!({"uninstall": region1})).await.0, 200);
    assert_eq!(ctl(&lab, json!({"uninstall": region1})).await.0, 404);
    assert_eq!(ctl(&lab, json!({"delete-volumes": region1})).await.0, 200);
    let (status, releases) = ctl(&lab, json!({"install": {"region": "region1", "webapps": false}})).await;
    assert_eq!((status, &releases[1]["webapps"]), (200, &json!(false)));
    lab.until(30.0, "listed", async || {
        lab.topology(0).await["brokers"].as_array().map(Vec::len) == Some(4)
    })
    .await;
    let brokers = async |ready: bool| {
        let pods = read(&lab, "/ctl/pods?region=region1").await;
        let pods = pods["items"].as_array().cloned().unwrap_or_default();
        let ready = json!([{"type": "Ready", "status": if ready { "True" } else { "False" }}]);
        pods.iter()
            .filter(|p| p["metadata"]["labels"]["app.kubernetes.io/component"] == "zeebe-broker")
            .filter(|p| p["status"]["phase"] == "Running" && p["status"]["conditions"] == ready)
            .count()
    };
    lab.sleep(60.0).await;
    assert_eq!(brokers(false).await, 2, "Running, not Ready, and so they stay");
    assert!(webapp_pods(&lab, Region::Odd).is_empty());
    let add = "/actuator/cluster/brokers?replicationFactor=4";
    assert_eq!(
        lab.management(0, "POST", add, r#"["0","1","2","3"]"#).await.0,
        202
    );
    lab.completed(0, 6, 60.0).await;
    assert_eq!(brokers(true).await, 2);
}

#[tokio::test(start_paused = true)]
async fn left_over_volumes_come_back_to_life() {
    let lab = failed_over(2).await;
    lab.lab.with(|w| w.uninstall(Region::Odd)).unwrap();
    // Nobody deleted the volumes.
    lab.lab.with(|w| w.install(Region::Odd, false)).unwrap();
    let records = indices(&lab, Region::Odd, "zeebe-record*").await;
    let webapps = indices(&lab, Region::Odd, "operate-*").await;
    assert!(records > 0 && webapps > 0, "the old indices are there");
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    lab.searched(Region::Even, "PUT", SNAPSHOT, "").await;
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    let refused = lab.search(Region::Odd, "POST", RESTORE, "").await;
    assert_eq!(
        (refused.0, &refused.1["error"]["type"]),
        (500, &json!("snapshot_restore_exception"))
    );
    // Empty brokers would be told the configuration; those with the old one find themselves removed and end.
    lab.until(60.0, "the old brokers have ended by themselves", async || {
        let history = lab.history();
        history.contains("Broker 1 has ended by itself") && history.contains("Broker 3 has ended by itself")
    })
    .await;
    let pods = lab.lab.with(|w| w.pods(Region::Odd));
    assert!(
        pods.iter().all(|p| p.labels.component != "zeebe-broker"),
        "{pods:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn webapps_that_are_too_early_stand_in_the_restores_way() {
    let lab = failed_over(3).await;
    lab.lab.with(|w| w.uninstall(Region::Odd)).unwrap();
    lab.lab.with(|w| w.delete_volumes(Region::Odd)).unwrap();
    lab.lab.with(|w| w.install(Region::Odd, true)).unwrap();
    assert_eq!(indices(&lab, Region::Odd, "*").await, 0);
    lab.sleep(25.0).await;
    assert!(indices(&lab, Region::Odd, "operate-*").await > 0);
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    lab.searched(Region::Even, "PUT", SNAPSHOT, "").await;
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    let refused = lab.search(Region::Odd, "POST", RESTORE, "").await;
    assert_eq!(refused.0, 500, "{refused:?}");
    lab.lab.with(|w| w.upgrade(Region::Odd, false)).unwrap();
    lab.until(30.0, "no webapp pod left", async || {
        webapp_pods(&lab, Region::Odd).is_empty()
    })
    .await;
    let left = lab
        .searched(Region::Odd, "GET", "/_cat/indices?format=json", "")
        .await;
    for index in left.as_array().into_iter().flatten() {
        let path = format!("/{}", index["index"].as_str().unwrap_or_default());
        lab.searched(Region::Odd, "DELETE", &path, "").await;
    }
    let restored = lab.searched(Region::Odd, "POST", RESTORE, "").await;
    assert_eq!(restored["snapshot"]["shards"]["failed"], 0);
    assert!(indices(&lab, Region::Odd, "operate-*").await > 0);
    assert_eq!(lab.lab.with(|w| w.release(Region::Odd)).revision, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_terminating_pod_writes_after_the_deployment_says_0() {
    let config = WorldConfig {
        seed: 4,
        timings: Timings {
            webapp_termination: c8dr_lab::Span::ms(10_000, 10_000),
            ..Timings::measured()
        },
        ..WorldConfig::default()
    };
    let lab = Asking::new(config);
    lab.sleep(10.0).await;
    let scale =
        |name: &str, n: u32| json!({"scale": {"region": "region0", "deployment": name, "replicas": n}});
    assert_eq!(ctl(&lab, scale("camunda-operate", 0)).await.0, 200);
    let (status, releases) = ctl(&lab, scale("camunda-tasklist", 0)).await;
    assert_eq!(status, 200);
    for deployment in releases[0]["deployments"].as_array().into_iter().flatten() {
        assert_eq!(
            (&deployment["replicas"], &deployment["ready"]),
            (&json!(0), &json!(0)),
            "0/0"
        );
    }
    assert_eq!(webapp_pods(&lab, Region::Even), [PodPhase::Terminating; 2]);
    let written = async || {
        let count = lab
            .searched(Region::Even, "GET", "/operate-*,tasklist-*/_count", "")
            .await;
        count["count"].as_u64().unwrap_or(0)
    };
    let at_zero = written().await;
    lab.sleep(5.0).await;
    assert!(written().await > at_zero, "0/0 is not silence");
    lab.until(10.0, "no pod left", async || {
        webapp_pods(&lab, Region::Even).is_empty()
    })
    .await;
    let silent = written().await;
    lab.sleep(60.0).await;
    assert_eq!(written().await, silent);
    assert_eq!(ctl(&lab, scale("camunda-operate", 1)).await.0, 200);
    lab.sleep(30.0).await;
    assert!(written().await > silent, "and it imports what it missed");
}

#[tokio::test(start_paused = true)]
async fn the_platform_says_what_it_will_not_do() {
    let lab = lab(5);
    let scale =
        |name: &str, n: u32| json!({"scale": {"region": "region0", "deployment": name, "replicas": n}});
    assert_eq!(ctl(&lab, scale("optimize", 1)).await.0, 404);
    assert_eq!(ctl(&lab, scale("operate", 99)).await.0, 400);
    assert_eq!(
        ctl(&lab, json!({"uninstall": {"region": "atlantis"}})).await.0,
        404
    );
    assert_eq!(ctl(&lab, json!({"explode": {}})).await.0, 400);
    assert_eq!(
        ctl(&lab, json!({"install": {"region": "region0", "webapp": false}}))
            .await
            .0,
        400
    );
    assert_eq!(ctl(&lab, json!({"store": {"state": "denied"}})).await.0, 200);
    assert_eq!(
        ctl(
            &lab,
            json!({"search": {"region": "region0", "red": true, "fault": "partial-snapshot"}})
        )
        .await
        .0,
        200
    );
    assert_eq!(
        ctl(&lab, json!({"lose-snapshot": {"name": "failback"}})).await.0,
        404
    );
    assert_eq!(
        read(&lab, "/ctl/pods").await["error"],
        "name the region: ?region=…"
    );
    assert_eq!(read(&lab, "/ctl/releases").await[0]["release"], "camunda");
    lab.lab.with(|w| {
        w.uninstall(Region::Even).unwrap();
        assert_eq!(
            w.upgrade(Region::Even, true),
            Err(PlatformError::NothingToUpgrade)
        );
        assert!(
            w.pods(Region::Even)
                .iter()
                .all(|p| p.phase == PodPhase::Terminating)
        );
        w.delete_volumes(Region::Even).unwrap();
        w.delete_volumes(Region::Even).unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn a_loss_takes_the_webapps_too_and_a_return_with_old_data_brings_them_back() {
    let lab = lab(6);
    lab.sleep(5.0).await;
    assert_eq!(webapp_pods(&lab, Region::Odd), [PodPhase::Running; 2]);
    lab.lab.lose_region(Region::Odd);
    assert!(lab.lab.with(|w| w.pods(Region::Odd)).is_empty());
    lab.lab.return_region(Region::Odd, Data::Old);
    lab.until(40.0, "webapps again", async || {
        webapp_pods(&lab, Region::Odd) == [PodPhase::Running; 2]
    })
    .await;
    lab.lab.lose_region(Region::Odd);
    lab.lab.return_region(Region::Odd, Data::Empty);
    lab.sleep(60.0).await;
    assert!(
        webapp_pods(&lab, Region::Odd).is_empty(),
        "off until the restore is done"
    );
}

/// FB1 to FB7 in the guide's order, through the platform and the searches' own interfaces, with the drain in between.
#[tokio::test(start_paused = true)]
async fn a_whole_failback_leaves_both_searches_equal() {
    let lab = failed_over(7).await;
    lab.lab.with(|w| {
        w.uninstall(Region::Odd).unwrap();
        w.delete_volumes(Region::Odd).unwrap();
        w.install(Region::Odd, false).unwrap();
        for webapp in ["camunda-operate", "camunda-tasklist"] {
            w.scale_deployment(Region::Even, webapp, 0).unwrap();
        }
    });
    lab.until(60.0, "listed, and no webapp left", async || {
        lab.topology(0).await["brokers"].as_array().map(Vec::len) == Some(4)
            && webapp_pods(&lab, Region::Even).is_empty()
    })
    .await;
    let exporting = async |verb: &str| {
        lab.until(10.0, verb, async || {
            let path = format!("/actuator/exporting/{verb}");
            asking::body_status(&lab.management(0, "POST", &path, "").await.1) == 204
        })
        .await;
    };
    exporting("pause").await;
    lab.sleep(2.0).await;
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    let taken = lab.searched(Region::Even, "PUT", SNAPSHOT, "").await;
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    let restored = lab.searched(Region::Odd, "POST", RESTORE, "").await;
    assert_eq!(restored["snapshot"]["shards"], taken["snapshot"]["shards"]);
    lab.searched(Region::Odd, "GET", "/_cluster/health?wait_for_status=green", "")
        .await;
    lab.lab.with(|w| {
        w.upgrade(Region::Even, true).unwrap();
        w.upgrade(Region::Odd, true).unwrap();
    });
    let enable = "/actuator/exporters/elasticsearchregion1/enable";
    let from = r#"{"initializeFrom":"elasticsearchregion0"}"#;
    assert_eq!(lab.management(0, "POST", enable, from).await.0, 202);
    lab.completed(0, 6, 10.0).await;
    exporting("resume").await;
    let add = "/actuator/cluster/brokers?replicationFactor=4";
    assert_eq!(
        lab.management(0, "POST", add, r#"["0","1","2","3"]"#).await.0,
        202
    );
    lab.completed(0, 8, 60.0).await;
    lab.until(60.0, "all pods ready", async || {
        Region::BOTH.into_iter().all(|r| {
            let pods = lab.lab.with(|w| w.pods(r));
            pods.len() == 6 && pods.iter().all(|p| p.ready)
        })
    })
    .await;
    // What is written when all is whole again must be in both, too.
    lab.sleep(15.0).await;
    lab.lab.with(|w| w.set_load(0.0));
    lab.sleep(5.0).await;
    let audit = lab.lab.audit_searches(&std::collections::BTreeMap::new());
    assert!(audit.is_equal_and_whole(), "{audit:?}");
    assert_eq!(audit.acknowledged_in, [audit.acknowledged; 2]);
    assert!(audit.acknowledged > 100, "{audit:?}");
}

#[tokio::test(start_paused = true)]
async fn the_control_port_reckons_and_spoils_searches_too() {
    let lab = lab(8);
    lab.sleep(10.0).await;
    let audit = read(&lab, "/audit/searches").await;
    assert_eq!(audit["partitions"].as_array().map(Vec::len), Some(4), "{audit}");
    assert_eq!(
        post(&lab, "/spoil?port=search", json!({"status": 503})).await.0,
        200
    );
    assert_eq!(post(&lab, "/spoil?port=telnet", json!("reset")).await.0, 400);
    // Only a search meets it, and only with a call that changes something.
    let (status, _) = lab
        .management(0, "POST", "/actuator/partitions/takeSnapshot", "")
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        lab.search(Region::Even, "GET", "/_cluster/health", "").await.0,
        200
    );
    assert_eq!(lab.search(Region::Even, "PUT", REPOSITORY, S3).await.0, 503);
    let missing = lab.search(Region::Even, "GET", REPOSITORY, "").await;
    assert_eq!(missing.0, 404, "it had no effect");
    assert_eq!(lab.search(Region::Even, "PUT", REPOSITORY, S3).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn pods_and_volumes_are_listed_as_kubectl_prints_them() {
    let lab = lab(9);
    lab.sleep(5.0).await;
    let list = read(&lab, "/ctl/pods?region=region1").await;
    assert_eq!(
        (&list["apiVersion"], &list["kind"]),
        (&json!("v1"), &json!("List"))
    );
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let what: Vec<_> = items
        .iter()
        .map(|p| {
            let labels = &p["metadata"]["labels"];
            assert_eq!(labels["app.kubernetes.io/instance"], "camunda");
            let label = |key: &str| labels[format!("app.kubernetes.io/{key}")].as_str().unwrap_or("-");
            format!("{}/{}", label("name"), label("component"))
        })
        .collect();
    assert_eq!(
        what,
        [
            "camunda-platform/zeebe-broker",
            "camunda-platform/zeebe-broker",
            "camunda-platform/zeebe-gateway",
            "elasticsearch/master",
            "camunda-platform/operate",
            "camunda-platform/tasklist",
        ]
    );
    let broker = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "camunda-zeebe-0",
            "namespace": "camunda-region1",
            "labels": {
                "app.kubernetes.io/name": "camunda-platform",
                "app.kubernetes.io/component": "zeebe-broker",
                "app.kubernetes.io/instance": "camunda",
            },
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    });
    assert_eq!(items[0], broker);
    let claims = read(&lab, "/ctl/volumes?region=region1").await;
    let names: Vec<_> = claims["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| {
            assert_eq!(c["kind"], "PersistentVolumeClaim");
            c["metadata"]["name"].as_str().unwrap_or_default().to_owned()
        })
        .collect();
    assert_eq!(
        names,
        [
            "data-camunda-zeebe-0",
            "data-camunda-zeebe-1",
            "data-camunda-elasticsearch-master-0"
        ]
    );
    assert_eq!(
        ctl(
            &lab,
            json!({"upgrade": {"region": "region1", "webapps": false, "install": true}})
        )
        .await
        .0,
        200
    );
    let ending = read(&lab, "/ctl/pods?region=region1").await["items"][5].clone();
    // Told to end at 12:00:05; what is written down is the end of the grace.
    assert_eq!(ending["metadata"]["deletionTimestamp"], "2026-01-01T12:00:35Z");
    assert_eq!(ending["status"]["phase"], "Running", "it still writes");
    lab.lab.with(|w| w.uninstall(Region::Odd)).unwrap();
    let left = read(&lab, "/ctl/volumes?region=region1").await;
    assert_eq!(left["items"], claims["items"], "volumes outlive their release");
    lab.lab.with(|w| w.delete_volumes(Region::Odd)).unwrap();
    assert_eq!(
        read(&lab, "/ctl/volumes?region=region1").await["items"],
        json!([])
    );
}

#[tokio::test(start_paused = true)]
async fn a_bare_region_has_nothing_until_something_is_installed() {
    let lab = failed_over(10).await;
    let uuid = async || {
        let state = lab
            .searched(
                Region::Odd,
                "GET",
                "/_cluster/state/metadata?filter_path=cluster_uuid",
                "",
            )
            .await;
        state["cluster_uuid"].as_str().unwrap().to_owned()
    };
    // What was there before the loss, by way of a return that is then undone.
    lab.lab.return_region(Region::Odd, Data::Old);
    let before = uuid().await;
    lab.lab.lose_region(Region::Odd);
    let wrong = post(&lab, "/heal", json!({"broker": 1, "data": "bare"})).await;
    assert_eq!(wrong.0, 400, "{wrong:?}");
    let bare = json!({"region": "region1", "data": "bare"});
    assert_eq!(post(&lab, "/heal", bare).await.0, 200);
    let nothing = async || {
        let of = async |what: &str| {
            let list = read(&lab, &format!("/ctl/{what}?region=region1")).await;
            list["items"] == json!([])
        };
        let release = &read(&lab, "/ctl/releases").await[1];
        let none = release["release"].is_null() && release["volumes"] == false;
        none && of("pods").await && of("volumes").await
    };
    assert!(nothing().await);
    // Neither time nor a heal brings back what is not installed, or what was on the old disks.
    assert_eq!(
        post(&lab, "/heal", json!({"region": "region1", "data": "old"}))
            .await
            .0,
        200
    );
    lab.sleep(60.0).await;
    assert!(nothing().await);
    assert!(
        lab.ask(lab.lab.search(Region::Odd), "GET", "/", "")
            .await
            .is_err(),
        "no search"
    );
    let upgrade =
        |install: bool| json!({"upgrade": {"region": "region1", "webapps": false, "install": install}});
    assert_eq!(
        ctl(&lab, upgrade(false)).await.0,
        404,
        "there is nothing to upgrade"
    );
    assert_eq!(ctl(&lab, upgrade(true)).await.0, 200);
    assert_eq!(ctl(&lab, upgrade(true)).await.0, 200, "and again: an upgrade");
    assert_eq!(lab.lab.with(|w| w.release(Region::Odd)).revision, Some(2));
    assert_ne!(uuid().await, before, "a new cluster");
    assert_eq!(indices(&lab, Region::Odd, "*").await, 0);
    lab.until(30.0, "listed, without partitions", async || {
        let topology = lab.topology(0).await;
        let brokers = topology["brokers"].as_array().cloned().unwrap_or_default();
        let empty = |b: &&Value| b["partitions"] == json!([]);
        brokers.len() == 4 && brokers.iter().filter(empty).count() == 2
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_control_port_tells_and_sets_where_the_clients_name_points() {
    let lab = lab(7);
    let first = read(&lab, "/ctl/names").await;
    assert_eq!(
        (&first["points_to"], &first["serial"], &first["ttl_s"]),
        (&json!(["region0", "region1"]), &json!(1), &json!(60))
    );
    let (status, pointed) = ctl(&lab, json!({"names": {"to": ["region0"]}})).await;
    assert_eq!(
        (status, &pointed["points_to"], &pointed["serial"]),
        (200, &json!(["region0"]), &json!(2))
    );
    let away = json!({"names": {"strange": "parking.example", "server": "hangs"}});
    let (_, pointed) = ctl(&lab, away).await;
    assert_eq!(
        (&pointed["points_to"], &pointed["strange"]),
        (&json!([]), &json!("parking.example"))
    );
    // The server hangs, for whoever asks it; whoever asks the lab is told what is so.
    assert!(lab.lab.with(|w| w.names().is_none()));
    assert_eq!(read(&lab, "/ctl/names").await, pointed);
    assert_eq!(ctl(&lab, json!({"names": {"server": "works"}})).await.1, pointed);
    assert!(lab.lab.with(|w| w.names().is_some()));
    for (names, status) in [
        (json!({}), 400),
        (json!({"to": ["region7"]}), 404),
        (json!({"server": "naps"}), 400),
    ] {
        assert_eq!(ctl(&lab, json!({"names": names})).await.0, status, "{names}");
    }
    assert_eq!(
        read(&lab, "/ctl/names").await,
        pointed,
        "what is refused changes nothing"
    );
}
