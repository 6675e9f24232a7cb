//! What real servers were recorded to answer, asked again through the port.

use std::collections::BTreeMap;

use c8dr_domain::effect::{Answer, SearchEffect};
use c8dr_domain::exporting::PositionVector;
use c8dr_domain::ids::PartitionId;
use c8dr_domain::search::{Color, SnapshotState};
use c8dr_engine::ports::Search;
use c8dr_systems::elasticsearch::wire;
use serde_json::json;

use super::support::{INDEX, REPOSITORY, SERVERS, SNAPSHOT, always, effects, playing, recorded, saying};

#[test]
fn every_recording_is_understood() {
    for server in SERVERS {
        let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
        for exchange in recorded(server) {
            let body = exchange.body.as_bytes();
            let (method, path) = exchange.line.split_once(' ').unwrap();
            let path = path.split('?').next().unwrap();
            let kind = match (exchange.status, method, path) {
                (400.., _, _) => {
                    let kind = wire::error_type(body).unwrap();
                    assert!(kind.ends_with("_exception"), "{kind}");
                    "error"
                }
                (200, "GET", "/_cluster/state/version") => {
                    assert_eq!(wire::cluster_uuid(body).unwrap().len(), 22);
                    "uuid"
                }
                (200, "GET", "/_cluster/health") => {
                    assert_eq!(wire::color(body), Ok(Color::Green));
                    "health"
                }
                (200, "GET", "/_cat/indices") => {
                    wire::indices(body).unwrap();
                    assert!(wire::primaries(body).unwrap().values().all(|count| *count == 1));
                    "indices"
                }
                (200, "GET", "/_recovery") => {
                    wire::recoveries(body, &BTreeMap::new()).unwrap();
                    "recoveries"
                }
                (200, "GET", path) if path.ends_with("/_status") => {
                    assert_eq!(wire::progress(body, SNAPSHOT).unwrap().unwrap().total, 2);
                    "progress"
                }
                (200, "GET", path) if path.ends_with(SNAPSHOT) => {
                    let snapshot = wire::snapshot(body, SNAPSHOT).unwrap().unwrap();
                    assert_eq!(snapshot.metadata["positions"], json!({"1": 100_000, "2": 4}));
                    assert!(snapshot.indices.contains(INDEX));
                    "snapshot"
                }
                (200, "GET", path) if path.ends_with(REPOSITORY) => {
                    assert_eq!(wire::repository(body, REPOSITORY).unwrap()["type"], "fs");
                    "repository"
                }
                (200, "GET", "/_snapshot/trial_unusable") => "repository",
                (200, "POST", path) if path.ends_with("/_search") => {
                    wire::page(body).unwrap();
                    "page"
                }
                (200, "POST", path) if path.ends_with("/_refresh") => {
                    assert_eq!(wire::refreshed(body), Ok(()));
                    "refresh"
                }
                (200, "PUT" | "POST" | "DELETE", _) => {
                    assert_eq!(wire::is_taken(body), Ok(true));
                    "taken"
                }
                (status, ..) => panic!("nothing reads {} {status}", exchange.line),
            };
            *tally.entry(kind).or_default() += 1;
        }
        for kind in [
            "error",
            "indices",
            "page",
            "progress",
            "recoveries",
            "snapshot",
            "taken",
            "uuid",
        ] {
            assert!(
                tally.get(kind).is_some_and(|count| *count >= 2),
                "{server}: {tally:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_comes_about_as_it_was_seen_to() {
    for server in SERVERS {
        let search = playing(server, "surviving");
        let look = async || {
            let seen = search.snapshot(REPOSITORY, SNAPSHOT).await;
            seen.seen()
                .unwrap_or_else(|| panic!("{server}: {seen:?}"))
                .clone()
        };
        assert_eq!(look().await, None);
        let running = look().await.unwrap();
        assert_eq!(
            (running.state, running.shards_total),
            (SnapshotState::InProgress, 2)
        );
        assert!(running.shards_done < 2);
        let whole = loop {
            // The recording holds each answer to `_status` once, so this ends.
            let seen = look().await.unwrap();
            if seen.state != SnapshotState::InProgress {
                break seen;
            }
        };
        assert_eq!(
            (whole.state, whole.shards_done, whole.shards_failed, &whole.uuid),
            (SnapshotState::Success, 2, 0, &running.uuid)
        );
        let there = playing(server, "recreated");
        let there = there.snapshot(REPOSITORY, SNAPSHOT).await;
        assert_eq!(there.seen().unwrap().as_ref().unwrap().uuid, whole.uuid);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restore_is_done_when_every_shard_is() {
    for server in SERVERS {
        let of = |path: &str| -> Vec<String> {
            let exchanges = recorded(server).into_iter();
            let of_path = exchanges.filter(|exchange| exchange.line.starts_with(path));
            of_path.map(|exchange| exchange.body).collect()
        };
        // The list of indices was kept where it differed only, so that it does not keep step with the recoveries.
        let indices = of("GET /_cat/indices").remove(0);
        let mut left = of("GET /_recovery");
        let looks_count = left.len();
        left.reverse();
        let (search, _) = saying(move |line| {
            Ok(if line == "GET /_recovery" {
                (200, left.pop().unwrap())
            } else {
                (200, indices.clone())
            })
        });
        let mut looks = Vec::new();
        for _ in 0..looks_count {
            let seen = search.recoveries().await;
            let recoveries = seen.seen().unwrap_or_else(|| panic!("{server}: {seen:?}"));
            assert!(recoveries.iter().all(|recovery| recovery.snapshot == SNAPSHOT));
            assert!(
                recoveries
                    .iter()
                    .all(|recovery| recovery.bytes_done <= recovery.bytes_total)
            );
            looks.push(recoveries.iter().filter(|recovery| recovery.is_done).count());
        }
        assert!(looks.is_sorted(), "{server}: {looks:?}");
        assert_eq!(
            (looks.first(), looks.last()),
            (Some(&0), Some(&2)),
            "{server}: {looks:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn both_sides_hold_the_same_of_a_partition() {
    for server in SERVERS {
        let vector = PositionVector::from([(PartitionId(2), 4)]);
        let mut held = Vec::new();
        for host in ["surviving", "recreated"] {
            // Of all pages only those of partition 2 tell ids; the others were too long to be kept.
            let mut pages: Vec<(u16, String)> = recorded(server)
                .into_iter()
                .filter(|exchange| exchange.host == host && exchange.line.contains("/_search"))
                .filter(|exchange| exchange.body.contains(r#""value":2"#))
                .map(|exchange| (exchange.status, exchange.body))
                .collect();
            assert_eq!(pages.len(), 2);
            pages.reverse();
            let (search, _) = saying(move |line| {
                Ok(if line.contains("/_refresh") {
                    (
                        200,
                        r#"{"_shards":{"total":4,"successful":2,"failed":0}}"#.to_owned(),
                    )
                } else {
                    pages.pop().unwrap()
                })
            });
            held.push(search.holdings(&vector).await);
        }
        assert_eq!(held[0], held[1]);
        let holding = &held[0].seen().unwrap()[&PartitionId(2)];
        assert_eq!((holding.count, holding.highest), (2, Some(4)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_documents_of_what_is_closed_are_not_known() {
    for server in SERVERS {
        let lists: Vec<_> = recorded(server)
            .into_iter()
            .filter(|exchange| exchange.line.contains("/_cat/indices") && exchange.body.contains("\"close\""))
            .collect();
        let search = always(200, &lists[0].body);
        let indices = search.indices().await;
        let closed = indices
            .seen()
            .unwrap()
            .iter()
            .find(|index| index.name == INDEX)
            .unwrap();
        assert_eq!((closed.documents, closed.color), (None, None));
    }
}

/// What the recorded error answer to a change of this kind means.
fn refusal(server: &str, method: &str, words: &str) -> (u16, String) {
    let found = recorded(server)
        .into_iter()
        .find(|exchange| {
            exchange.line.starts_with(method) && exchange.status >= 400 && exchange.body.contains(words)
        })
        .unwrap_or_else(|| panic!("{server}: no {method} was answered {words}"));
    (found.status, found.body)
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_told_with_its_reason() {
    let [_, snapshot, delete, restore, _] = effects();
    for server in SERVERS {
        for (effect, method, words) in [
            (&snapshot, "PUT", "snapshot with the same name already exists"),
            (&snapshot, "PUT", "metadata must be smaller than 1024 bytes"),
            (&restore, "POST", "an open index with same name already exists"),
            (&restore, "POST", "snapshot does not exist"),
            (&restore, "POST", "no such index"),
            (&delete, "DELETE", "snapshot_missing_exception"),
        ] {
            let (status, body) = refusal(server, method, words);
            let answer = always(status, &body).perform(effect).await;
            assert!(
                matches!(&answer, Answer::Refused { status: s, message } if *s == status && message.contains(words)),
                "{server}: {words} became {answer:?}"
            );
        }
        let (status, body) = refusal(server, "DELETE", "readonly");
        let answer = always(status, &body).perform(&delete).await;
        assert!(
            matches!(&answer, Answer::Unknown { detail, .. } if detail.contains("readonly")),
            "{answer:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_verification_leaves_a_repository_in_one_of_the_two() {
    let register = SearchEffect::Register {
        repository: "trial_unusable".to_owned(),
        settings: json!({"type": "fs", "settings": {}}),
        anew: false,
    };
    let [elasticsearch, opensearch] = SERVERS;
    let answer = playing(elasticsearch, "surviving").perform(&register).await;
    assert!(
        matches!(&answer, Answer::Refused { status: 500, message } if message.contains("is not accessible on master node")),
        "{answer:?}"
    );
    let answer = playing(opensearch, "surviving").perform(&register).await;
    assert!(
        matches!(&answer, Answer::Unknown { detail, .. } if detail.contains("and yet a repository of this name is registered")),
        "{answer:?}"
    );
}
