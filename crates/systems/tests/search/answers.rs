//! What each answer means that is not the one that was hoped for.

use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::effect::Answer;
use c8dr_domain::exporting::PositionVector;
use c8dr_domain::ids::PartitionId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_engine::ports::Search;
use c8dr_systems::dial::memory::Network;
use c8dr_systems::elasticsearch::Elasticsearch;
use c8dr_systems::http::Fault;

use super::support::{PASSWORD, REPOSITORY, SNAPSHOT, always, clock, effects, endpoint, saying};

/// Every look, in the same words.
async fn looks(search: &Elasticsearch) -> Vec<Sight<String>> {
    fn told<T: std::fmt::Debug>(sight: Sight<T>) -> Sight<String> {
        match sight {
            Sight::Seen(value) => Sight::Seen(format!("{value:?}")),
            Sight::Silent { why, detail } => Sight::Silent { why, detail },
            Sight::Declined { status, message } => Sight::Declined { status, message },
            Sight::Garbled { problem } => Sight::Garbled { problem },
            Sight::Empty => Sight::Empty,
            Sight::NotAsked => Sight::NotAsked,
        }
    }
    let vector = PositionVector::from([(PartitionId(1), 5)]);
    vec![
        told(search.cluster().await),
        told(search.indices().await),
        told(search.repository(REPOSITORY).await),
        told(search.snapshot(REPOSITORY, SNAPSHOT).await),
        told(search.recoveries().await),
        told(search.holdings(&vector).await),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_refusal_to_look_is_told_with_its_status() {
    for status in [400, 401, 403, 404, 405, 408, 429, 500, 503] {
        let error = r#"{"error":{"type":"some_exception","reason":"why"},"status":0}"#;
        for look in looks(&always(status, error)).await {
            assert!(
                matches!(&look, Sight::Declined { status: s, message } if *s == status && message.contains("why")),
                "{status} became {look:?}"
            );
        }
    }
}

const LOGIN: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head></html>";

#[tokio::test(start_paused = true)]
async fn a_page_for_people_is_never_an_answer() {
    for status in [200, 404, 502, 503] {
        let search = always(status, LOGIN);
        for look in looks(&search).await {
            let words = "\"Sign in\": a proxy or a login page answered, not Elasticsearch";
            assert!(
                matches!(&look, Sight::Garbled { problem } if problem.contains(words)),
                "{status} became {look:?}"
            );
        }
        for effect in effects() {
            let answer = search.perform(&effect).await;
            assert!(!matches!(answer, Answer::Done), "{effect:?} became {answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_to_a_look_is_garbled() {
    for body in [
        "",
        "null",
        "[]",
        "true",
        "{",
        r#"{"snapshots":[{}]}"#,
        r#"[{}]"#,
        r#"{"a":{"shards":[{}]}}"#,
    ] {
        for (number, look) in looks(&always(200, body)).await.into_iter().enumerate() {
            // An empty list of indices is a list.
            let is_fine = matches!((number, body), (1, "[]"));
            assert!(
                is_fine || matches!(look, Sight::Garbled { .. }),
                "{body} became {look:?} for look {number}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_says_so_is_done_and_only_what_is_known_is_refused() {
    for effect in effects() {
        let perform = async |status: u16, body: &str| {
            let body = body.to_owned();
            let (search, _) = saying(move |line| {
                Ok(if line.contains("/_cluster/state") {
                    (200, r#"{"cluster_uuid":"R9"}"#.to_owned())
                } else {
                    (status, body.clone())
                })
            });
            search.perform(&effect).await
        };
        for body in [r#"{"acknowledged":true}"#, r#"{"accepted":true}"#] {
            assert_eq!(perform(200, body).await, Answer::Done);
            for status in [201, 202, 204, 500] {
                assert!(matches!(perform(status, body).await, Answer::Unknown { .. }));
            }
        }
        for body in [
            "",
            "{}",
            r#"{"acknowledged":false}"#,
            r#"{"accepted":false}"#,
            "OK",
        ] {
            let answer = perform(200, body).await;
            assert!(
                matches!(answer, Answer::Unknown { .. }),
                "{body} became {answer:?}"
            );
        }
        let error = |kind: &str| format!(r#"{{"error":{{"type":"{kind}","reason":"why"}}}}"#);
        for status in [400, 401, 403, 404, 405] {
            let answer = perform(status, &error("x_exception")).await;
            assert!(
                matches!(&answer, Answer::Refused { status: s, message } if *s == status && message.contains("why")),
                "{answer:?}"
            );
        }
        for status in [408, 429, 500, 502, 503, 504] {
            let answer = perform(status, &error("x_exception")).await;
            assert!(
                matches!(answer, Answer::Unknown { .. }),
                "{status} became {answer:?}"
            );
        }
        for (status, kind) in [
            (503, "concurrent_snapshot_execution_exception"),
            (400, "snapshot_in_progress_exception"),
            (409, "x_exception"),
        ] {
            let answer = perform(status, &error(kind)).await;
            assert!(
                matches!(answer, Answer::Conflict { .. }),
                "{kind} became {answer:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_not_answered_is_unknown_and_one_that_was_not_sent_is_not() {
    let faults = [
        Fault::TooLate {
            status: Some(200),
            limit: Duration::from_secs(32),
        },
        Fault::Broken {
            why: Silence::Broken,
            status: None,
            detail: "reset".to_owned(),
        },
        Fault::NotHttp {
            detail: "junk".to_owned(),
        },
        Fault::TooLong {
            status: 200,
            bytes_max: 1,
        },
    ];
    let [register, snapshot, delete, restore, _] = effects();
    for effect in [register, snapshot, delete, restore] {
        for fault in faults.clone() {
            let answer = saying(move |_| Err(fault.clone())).0.perform(&effect).await;
            assert!(matches!(answer, Answer::Unknown { .. }), "{answer:?}");
        }
        let unsent = Fault::NotSent {
            why: Silence::Refused,
            detail: "es:9200".to_owned(),
        };
        let answer = saying(move |_| Err(unsent.clone())).0.perform(&effect).await;
        assert!(
            matches!(
                answer,
                Answer::NotSent {
                    why: Silence::Refused,
                    ..
                }
            ),
            "{answer:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_repository_whose_registration_failed_is_looked_for() {
    let [register, ..] = effects();
    let failed = r#"{"error":{"type":"repository_verification_exception","reason":"no write access"}}"#;
    let perform = async |status: u16, body: &'static str| {
        let (search, _) = saying(move |line| {
            Ok(if line.starts_with("PUT ") {
                (500, failed.to_owned())
            } else {
                (status, body.to_owned())
            })
        });
        search.perform(&register).await
    };
    let missing = r#"{"error":{"type":"repository_missing_exception","reason":"missing"},"status":404}"#;
    assert!(matches!(
        perform(404, missing).await,
        Answer::Refused { status: 500, .. }
    ));
    for (status, body) in [
        (200, r#"{"trial_repository":{"type":"s3"}}"#),
        (200, "{}"),
        (404, "{}"),
        (503, "{}"),
    ] {
        let answer = perform(status, body).await;
        assert!(
            matches!(&answer, Answer::Unknown { detail, .. } if detail.contains("no write access")),
            "{answer:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_repository_says_nothing_about_its_snapshots() {
    let missing = |kind: &str| format!(r#"{{"error":{{"type":"{kind}","reason":"r"}},"status":404}}"#);
    let search = always(404, &missing("repository_missing_exception"));
    assert_eq!(search.repository(REPOSITORY).await, Sight::Seen(None));
    let snapshot = search.snapshot(REPOSITORY, SNAPSHOT).await;
    assert!(
        matches!(snapshot, Sight::Declined { status: 404, .. }),
        "{snapshot:?}"
    );
    let search = always(404, &missing("snapshot_missing_exception"));
    assert_eq!(search.snapshot(REPOSITORY, SNAPSHOT).await, Sight::Seen(None));
}

#[tokio::test(start_paused = true)]
async fn what_the_server_echoes_of_the_password_is_blotted_out() {
    let error = format!(r#"{{"error":{{"type":"security_exception","reason":"bad {PASSWORD}"}}}}"#);
    let search = always(401, &error);
    for look in looks(&search).await {
        let told = format!("{look:?}");
        assert!(told.contains("***") && !told.contains(PASSWORD), "{told}");
    }
    let [register, ..] = effects();
    let told = format!("{:?} {search:?}", search.perform(&register).await);
    assert!(told.contains("***") && !told.contains(PASSWORD), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_given_up_in_time() {
    let network = Network::new();
    let mut listener = network.listen("es", 9200);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Some(stream) = listener.accept().await {
            held.push(stream);
        }
    });
    let clock = clock();
    let search = Elasticsearch::new(endpoint(), Arc::new(network), clock.clone(), None).unwrap();
    for look in looks(&search).await {
        assert!(
            matches!(
                look,
                Sight::Silent {
                    why: Silence::NoAnswer,
                    ..
                }
            ),
            "{look:?}"
        );
    }
    // Four reads of 5 s, one of the repository, one refresh.
    assert!(clock.now().since_start() < Duration::from_secs(52));
    for effect in effects() {
        let answer = search.perform(&effect).await;
        assert!(
            matches!(
                answer,
                Answer::Unknown { .. }
                    | Answer::NotSent {
                        why: Silence::NoAnswer,
                        ..
                    }
            ),
            "{answer:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn endless_pages_end() {
    // A server that always says that there is more, at ever the same place.
    let page = r#"{"timed_out":false,"_shards":{"total":1,"failed":0},"hits":{"total":{"value":9,"relation":"eq"},"hits":[{"_id":"1-5","sort":[5,"i"]}]}}"#;
    let held = always(200, page)
        .holdings(&PositionVector::from([(PartitionId(1), 5)]))
        .await;
    assert!(matches!(held, Sight::Garbled { .. }), "{held:?}");
}
