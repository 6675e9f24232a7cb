//! What each answer of a server means, recorded ones and strangers'.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::http::{StatusCode, header};
use c8dr_domain::effect::{Answer, Mode, ZeebeEffect};
use c8dr_domain::ids::{BrokerId, ChangeId, ExporterId};
use c8dr_domain::observation::Sight;
use c8dr_engine::ports::Zeebe;
use c8dr_systems::dial::memory::Network;
use serde_json::Value;

use super::recordings;
use super::support::{BROKER, always, cluster, gateway, serve};

fn force() -> ZeebeEffect {
    ZeebeEffect::ForceRemove {
        keep: BTreeSet::from([BrokerId(0)]),
        remove: BTreeSet::from([BrokerId(1)]),
    }
}

fn disable() -> ZeebeEffect {
    ZeebeEffect::DisableExporter {
        exporter: ExporterId::new("elasticsearchregion1"),
    }
}

fn cancel() -> ZeebeEffect {
    ZeebeEffect::CancelChange { change: ChangeId(2) }
}

async fn performed(network: &Network, effect: &ZeebeEffect) -> Answer {
    cluster(network).perform(&gateway(), effect, Mode::Real).await
}

#[tokio::test(start_paused = true)]
async fn every_recorded_exchange_means_the_same_through_the_port() {
    let mut meanings: BTreeMap<&str, usize> = BTreeMap::new();
    for file in recordings::files() {
        let recording: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let Some(status) = recording["status"].as_u64() else {
            continue;
        };
        let status = u16::try_from(status).unwrap();
        let content_type = recording["content_type"].as_str().unwrap_or_default().to_owned();
        let body = match &recording["response_body"] {
            Value::String(text) => text.clone().into_bytes(),
            json => serde_json::to_vec(json).unwrap(),
        };
        let (method, path) = (
            recording["method"].as_str().unwrap(),
            recording["path"].as_str().unwrap(),
        );
        let path = path.split('?').next().unwrap();
        let network = always(status, content_type.leak(), body);
        let cluster = cluster(&network);
        let meaning = match (method, path) {
            ("GET", "/actuator/cluster") => of_sight(&cluster.configuration(&gateway()).await, status),
            ("GET", "/actuator/exporters") => of_sight(&cluster.exporters(&gateway()).await, status),
            ("GET", "/actuator/partitions") => of_sight(&cluster.partitions(BROKER).await, status),
            ("GET", "/v2/topology") => of_sight(&cluster.topology(&gateway()).await, status),
            ("GET", "/actuator/health/readiness") => {
                assert_eq!(cluster.ready(BROKER).await, Sight::Seen(status == 200));
                "readiness"
            }
            ("POST", path) if path.starts_with("/actuator/cluster/") || path.ends_with("able") => {
                of_answer(&cluster.perform(&gateway(), &force(), Mode::Real).await, status)
            }
            ("DELETE", _) => of_answer(&cluster.perform(&gateway(), &cancel(), Mode::Real).await, status),
            ("POST", "/actuator/exporting/pause" | "/actuator/exporting/resume") => {
                match cluster
                    .perform(&gateway(), &ZeebeEffect::ResumeExporting, Mode::Real)
                    .await
                {
                    Answer::Done => "exporting done",
                    Answer::Unknown {
                        status: Some(500),
                        detail,
                    } if !detail.contains("stackTrace") && !detail.contains("no message") => {
                        "exporting unknown"
                    }
                    other => panic!("{} became {other:?}", file.display()),
                }
            }
            ("POST", path) if path.starts_with("/actuator/partitions") => {
                let broker = ZeebeEffect::ResumeExportingOn { broker: BROKER };
                match (
                    path,
                    status,
                    cluster.perform(&gateway(), &broker, Mode::Real).await,
                ) {
                    ("/actuator/partitions/resumeExporting", 200, Answer::Done) => "resumed by itself",
                    // What another verb answers is no success of this one: paused phases, or 204 for an unknown verb.
                    (_, 200 | 204, Answer::Unknown { .. }) => "not resumed by itself",
                    (_, 200, Answer::Done) if path.ends_with("Processing") || path.ends_with("Snapshot") => {
                        "exporting already"
                    }
                    (_, 405, Answer::Refused { .. }) => "not resumed by itself",
                    (path, _, other) => panic!("{path} {status} became {other:?}"),
                }
            }
            ("POST", "/actuator/rebalance") => of_answer(&cluster.rebalance(&gateway()).await, status),
            _ => continue,
        };
        *meanings.entry(meaning).or_default() += 1;
    }
    let expected = BTreeMap::from([
        ("accepted", 53),
        ("conflict", 13),
        ("declined", 8),
        ("done", 6),
        ("exporting already", 3),
        ("exporting done", 18),
        ("exporting unknown", 7),
        ("not resumed by itself", 5),
        ("readiness", 50),
        ("resumed by itself", 1),
        ("refused", 26),
        ("seen", 225),
        ("unknown", 4),
    ]);
    assert_eq!(meanings, expected);
}

#[track_caller]
fn of_sight<T: std::fmt::Debug>(sight: &Sight<T>, expected: u16) -> &'static str {
    match sight {
        Sight::Seen(_) if expected == 200 => "seen",
        Sight::Declined { status, message } if *status == expected && !message.is_empty() => "declined",
        other => panic!("{expected} became {other:?}"),
    }
}

#[track_caller]
fn of_answer(answer: &Answer, expected: u16) -> &'static str {
    match (answer, expected) {
        (Answer::Accepted { .. }, 202) => "accepted",
        (Answer::Done, 200) => "done",
        (Answer::Refused { status, .. }, 400 | 404 | 405 | 501) if *status == expected => "refused",
        (Answer::Conflict { .. }, 409) => "conflict",
        (
            Answer::Unknown {
                status: Some(status), ..
            },
            500 | 502,
        ) if *status == expected => "unknown",
        other => panic!("{expected} became {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_recorded_force_is_accepted_with_all_that_it_will_do() {
    let body = recordings::body("1-main-4-brokers/086-failover-force.json");
    let Answer::Accepted {
        change,
        planned,
        members,
    } = performed(&always(202, "application/json", body), &force()).await
    else {
        panic!("not accepted");
    };
    assert_eq!((change, planned.len(), members.len()), (ChangeId(2), 6, 4));
}

const PLANNED: &str = r#"{"changeId":2,"currentTopology":[],"plannedChanges":[],"expectedTopology":[]}"#;
const CONFIGURATION: &str = r#"{"version":2,"brokers":[]}"#;

#[tokio::test(start_paused = true)]
async fn only_what_was_expected_is_taken_for_success() {
    let answer = async |effect: &ZeebeEffect, status: u16, body: &'static str| {
        performed(&always(status, "application/json", body), effect).await
    };
    let unknown = |answer: &Answer, known: u16| {
        assert!(
            matches!(answer, Answer::Unknown { status: Some(status), .. } if *status == known),
            "{answer:?}"
        );
    };
    assert!(matches!(
        answer(&force(), 202, PLANNED).await,
        Answer::Accepted { .. }
    ));
    assert!(matches!(
        answer(&disable(), 202, PLANNED).await,
        Answer::Accepted { .. }
    ));
    assert_eq!(answer(&cancel(), 200, CONFIGURATION).await, Answer::Done);
    assert_eq!(answer(&cancel(), 204, "").await, Answer::Done);
    // The right body with the wrong status, and the wrong body with the right status.
    for status in [200, 201, 204] {
        unknown(&answer(&force(), status, PLANNED).await, status);
        unknown(&answer(&disable(), status, PLANNED).await, status);
    }
    unknown(&answer(&cancel(), 202, PLANNED).await, 202);
    for body in [
        "",
        "null",
        "{}",
        "[]",
        "Accepted",
        r#"{"changeId":"x"}"#,
        CONFIGURATION,
    ] {
        unknown(&answer(&force(), 202, body).await, 202);
    }
    for body in ["", "{}", PLANNED] {
        unknown(&answer(&cancel(), 200, body).await, 200);
    }
    for status in [408, 413, 429, 500, 502, 503, 504] {
        unknown(&answer(&force(), status, r#"{"message":"m"}"#).await, status);
    }
    for status in [400, 401, 403, 404, 405, 501] {
        let refused = answer(&force(), status, r#"{"message":"why"}"#).await;
        assert!(
            matches!(&refused, Answer::Refused { status: s, message } if *s == status && message.contains("why")),
            "{refused:?}"
        );
    }
    assert_eq!(
        answer(&force(), 409, r#"{"message":"m"}"#).await,
        Answer::Conflict {
            message: "m".to_owned()
        }
    );
}

const RESUMED: &str = r#"{"1":{"role":"LEADER","exporterPhase":"EXPORTING"},"2":{"role":"FOLLOWER"}}"#;

#[tokio::test(start_paused = true)]
async fn a_pause_is_done_only_where_the_wrapped_status_says_so() {
    let pause = async |status: u16, body: &'static str| {
        performed(
            &always(status, "application/json", body),
            &ZeebeEffect::PauseExporting,
        )
        .await
    };
    assert_eq!(pause(204, "").await, Answer::Done);
    assert_eq!(
        pause(200, r#"{"body":null,"status":204,"contentType":null}"#).await,
        Answer::Done
    );
    let incomplete = pause(
        200,
        r#"{"body":{"message":"Leader -2 of partition 1 is not known"},"status":500}"#,
    )
    .await;
    assert_eq!(
        incomplete,
        Answer::Unknown {
            status: Some(500),
            detail: "Leader -2 of partition 1 is not known".to_owned()
        }
    );
    // A status of 400 inside says no more than 500: the call is a broadcast, and may have reached some.
    for body in [
        "",
        "{}",
        "null",
        "OK",
        RESUMED,
        r#"{"status":500}"#,
        r#"{"status":400}"#,
        r#"{"status":200}"#,
    ] {
        let answer = pause(200, body).await;
        assert!(
            matches!(answer, Answer::Unknown { .. }),
            "{body} became {answer:?}"
        );
    }
    for status in [201, 202, 500, 503] {
        let answer = pause(status, r#"{"body":null,"status":204}"#).await;
        assert!(
            matches!(answer, Answer::Unknown { status: Some(s), .. } if s == status),
            "{status} became {answer:?}"
        );
    }
    assert!(matches!(
        pause(404, "{}").await,
        Answer::Refused { status: 404, .. }
    ));
    assert!(matches!(pause(409, "{}").await, Answer::Conflict { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_broker_has_resumed_only_where_its_own_partitions_say_so() {
    let resume = async |status: u16, body: &'static str| {
        let effect = ZeebeEffect::ResumeExportingOn { broker: BROKER };
        performed(&always(status, "application/json", body), &effect).await
    };
    assert_eq!(resume(200, RESUMED).await, Answer::Done);
    for (status, body) in [
        (204, ""),
        (200, ""),
        (200, "{}"),
        (200, r#"{"body":null,"status":204}"#),
        (
            200,
            r#"{"1":{"role":"LEADER","exporterPhase":"EXPORTING"},"2":{"role":"FOLLOWER","exporterPhase":"PAUSED"}}"#,
        ),
        (200, r#"{"1":{"role":"LEADER","exporterPhase":null}}"#),
        (200, r#"{"1":{"role":"LEADER","exporterPhase":"SOFT_PAUSED"}}"#),
    ] {
        let answer = resume(status, body).await;
        assert!(
            matches!(answer, Answer::Unknown { .. }),
            "{body} became {answer:?}"
        );
    }
    let nobody = ZeebeEffect::ResumeExportingOn { broker: BrokerId(9) };
    let answer = performed(&always(200, "application/json", RESUMED), &nobody).await;
    assert!(
        matches!(&answer, Answer::NotSent { detail, .. } if detail.contains("broker 9")),
        "{answer:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_enable_is_refused_with_the_servers_reason() {
    let enable = ZeebeEffect::EnableExporter {
        exporter: ExporterId::new("elasticsearchregion1"),
        initialize_from: ExporterId::new("elasticsearchregion0"),
    };
    for (file, words) in [
        (
            "1-main-4-brokers/151-failback-exporter-enable-again.json",
            "is already enabled",
        ),
        (
            "1-main-4-brokers/057-err-enable-from-unknown-dry.json",
            "does not have exporter 'nosuch'",
        ),
        (
            "1-main-4-brokers/114-failovererr-dry-enable-from-self.json",
            "is disabled",
        ),
    ] {
        let refused = performed(&always(400, "application/json", recordings::body(file)), &enable).await;
        assert!(
            matches!(&refused, Answer::Refused { status: 400, message } if message.contains(words)),
            "{refused:?}"
        );
    }
    let accepted = recordings::body("1-main-4-brokers/148-failback-exporter-enable.json");
    let answer = performed(&always(202, "application/json", accepted), &enable).await;
    assert!(
        matches!(&answer, Answer::Accepted { planned, .. } if !planned.is_empty()),
        "{answer:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn adding_brokers_that_are_there_is_accepted_with_nothing_planned() {
    let add = ZeebeEffect::AddBrokers {
        all: (0..4).map(BrokerId).collect(),
        replication_factor: 4,
    };
    for (file, planned_count) in [
        ("1-main-4-brokers/158-failback-add.json", 10),
        ("1-main-4-brokers/166-failback-add-again-when-done.json", 0),
        ("12-stale-lastChange/002-add.json", 10),
    ] {
        let answer = performed(&always(202, "application/json", recordings::body(file)), &add).await;
        let Answer::Accepted { planned, .. } = answer else {
            panic!("{file} became {answer:?}");
        };
        assert_eq!(planned.len(), planned_count, "{file}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_of_metrics_is_read_and_anything_else_is_not() {
    let page = "# TYPE zeebe_exporter_last_exported_position gauge\n\
        zeebe_exporter_last_exported_position{exporter=\"a\",partition=\"1\",} 7.0\n\
        disk_free_bytes{path=\"/data\",} 5.0E9\n";
    let read = cluster(&always(200, "text/plain", page)).metrics(BROKER).await;
    let seen = read.seen().unwrap();
    assert_eq!(
        (seen.exporters.len(), seen.disk_free_bytes),
        (1, Some(5_000_000_000))
    );
    assert_eq!(
        cluster(&always(200, "text/plain", page))
            .metrics(BrokerId(9))
            .await,
        Sight::NotAsked
    );
    for (status, body) in [(200, LOGIN), (200, "{}"), (200, "")] {
        let read = cluster(&always(status, "text/plain", body)).metrics(BROKER).await;
        assert!(matches!(read, Sight::Garbled { .. }), "{body} became {read:?}");
    }
    let read = cluster(&always(404, "application/json", "{}"))
        .metrics(BROKER)
        .await;
    assert!(matches!(read, Sight::Declined { status: 404, .. }), "{read:?}");
}

const LOGIN: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head></html>";

#[tokio::test(start_paused = true)]
async fn a_page_for_people_is_never_an_answer() {
    for status in [200, 202, 404, 502, 503] {
        let cluster = cluster(&always(status, "text/html", LOGIN));
        let problem = |sight: &Sight<bool>| match sight {
            Sight::Garbled { problem } => problem.clone(),
            other => panic!("{status} became {other:?}"),
        };
        let ready = cluster.ready(BROKER).await;
        // 202 is no answer to a read whatever its body.
        assert!(problem(&ready).contains("Sign in") || status == 202, "{ready:?}");
        let change = cluster.perform(&gateway(), &force(), Mode::Real).await;
        let understood = matches!(&change, Answer::Refused { status: 404, message } if message.contains("Sign in"))
            || matches!(&change, Answer::Unknown { status: Some(s), detail } if *s == status && detail.contains("Sign in"));
        assert!(understood, "{change:?}");
        assert!(!matches!(cluster.rebalance(&gateway()).await, Answer::Done));
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_are_explained_and_not_followed() {
    let network = Network::new();
    let router = Router::new().fallback(|| async {
        let to = "https://user:pw@login.example/auth?state=token";
        (StatusCode::FOUND, [(header::LOCATION, to)])
    });
    serve(&network, "gw", 9600, router);
    let cluster = cluster(&network);
    let words = "redirected to https://login.example/auth: wrong base path or a login page";
    let read = cluster.exporters(&gateway()).await;
    assert!(
        matches!(&read, Sight::Garbled { problem } if problem.contains(words)),
        "{read:?}"
    );
    let change = cluster.perform(&gateway(), &force(), Mode::Real).await;
    assert!(
        matches!(&change, Answer::Unknown { status: Some(302), detail } if detail.contains(words)),
        "{change:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_usually_is_wrong_is_said() {
    #[track_caller]
    fn declined<T: std::fmt::Debug>(sight: &Sight<T>, expected: u16, words: &str) {
        let matches = matches!(sight, Sight::Declined { status, message } if *status == expected && message.contains(words));
        assert!(matches, "{sight:?}");
    }
    let problem = r#"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"An Authentication object was not found"}"#;
    let read = cluster(&always(401, "application/problem+json", problem))
        .topology(&gateway())
        .await;
    declined(
        &read,
        401,
        "the credentials are missing or wrong: Unauthorized: An Authentication object",
    );
    let read = cluster(&always(401, "text/html", LOGIN))
        .topology(&gateway())
        .await;
    declined(&read, 401, "missing or wrong: an HTML page, \"Sign in\"");
    let read = cluster(&always(403, "application/json", "{}"))
        .topology(&gateway())
        .await;
    declined(&read, 403, "the credentials do not suffice");
    let body = recordings::body("1-main-4-brokers/061-err-topology-wrong-port.json");
    let read = cluster(&always(404, "application/json", body))
        .topology(&gateway())
        .await;
    declined(
        &read,
        404,
        "wrong port, base path or version? Not Found (/v2/topology)",
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_object_of_partitions_is_empty_not_seen() {
    let cluster = cluster(&always(200, "application/json", "{}"));
    assert_eq!(cluster.partitions(BROKER).await, Sight::Empty);
}

#[tokio::test(start_paused = true)]
async fn only_a_broker_says_that_it_is_not_ready() {
    let ready =
        async |status, kind, body: &'static str| cluster(&always(status, kind, body)).ready(BROKER).await;
    assert_eq!(
        ready(503, "application/json", r#"{"status":"OUT_OF_SERVICE"}"#).await,
        Sight::Seen(false)
    );
    assert_eq!(
        ready(200, "application/json", r#"{"status":"UNKNOWN"}"#).await,
        Sight::Seen(false)
    );
    assert!(matches!(
        ready(503, "text/plain", "no healthy upstream").await,
        Sight::Garbled { .. }
    ));
    assert!(matches!(
        ready(200, "text/plain", "OK").await,
        Sight::Garbled { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn only_a_200_answers_a_read() {
    for status in [201, 202, 206] {
        let cluster = cluster(&always(status, "application/json", CONFIGURATION));
        let read = cluster.configuration(&gateway()).await;
        assert!(matches!(read, Sight::Garbled { .. }), "{status} became {read:?}");
    }
}
