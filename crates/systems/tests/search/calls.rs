//! What goes onto the wire, and what never does.

use c8dr_domain::effect::{Answer, SearchEffect};
use c8dr_domain::exporting::PositionVector;
use c8dr_domain::ids::PartitionId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::search::Color;
use c8dr_engine::ports::Search;
use c8dr_systems::http::Fault;
use serde_json::json;

use super::support::{INDEX, REPOSITORY, SNAPSHOT, effects, saying};

#[tokio::test(start_paused = true)]
async fn each_effect_is_one_request() {
    let (search, arrived) = saying(|line| {
        Ok(if line.contains("/_cluster/state") {
            (200, r#"{"cluster_uuid":"R9"}"#.to_owned())
        } else {
            (200, r#"{"acknowledged":true}"#.to_owned())
        })
    });
    for effect in effects() {
        assert_eq!(search.perform(&effect).await, Answer::Done);
    }
    assert_eq!(
        *arrived.lock().unwrap(),
        [
            r#"PUT /_snapshot/trial_repository {"settings":{"bucket":"b"},"type":"s3"}"#,
            r#"PUT /_snapshot/trial_repository/trial-snapshot?wait_for_completion=false {"metadata":{"run":"r1"}}"#,
            "DELETE /_snapshot/trial_repository/trial-snapshot",
            r#"POST /_snapshot/trial_repository/trial-snapshot/_restore?wait_for_completion=false {"ignore_unavailable":false,"include_global_state":false,"indices":["zeebe-record_trial_job_8.6.0"],"partial":false}"#,
            // Which cluster it is is asked just before.
            "GET /_cluster/state/version?filter_path=cluster_uuid",
            "DELETE /zeebe-record_trial_job_8.6.0",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_red_search_is_asked_why_and_is_red_without_an_answer_too() {
    let explained = r#"{"index":"a","shard":1,"primary":true,"allocate_explanation":"the disk is full"}"#;
    for (status, body, why) in [
        (
            200,
            explained,
            Some("shard 1 of a has no place: the disk is full"),
        ),
        (403, r#"{"error":{"type":"security_exception"}}"#, None),
    ] {
        let (search, arrived) = saying(move |line| {
            Ok(match line.split('?').next().unwrap_or_default() {
                "GET /_cluster/state/version" => (200, r#"{"cluster_uuid":"R9"}"#.to_owned()),
                "GET /_cluster/health" => (200, r#"{"status":"red"}"#.to_owned()),
                "GET /_cat/shards" => {
                    let row = r#"[{"index":"a","shard":"1","prirep":"p","state":"UNASSIGNED"}]"#;
                    (200, row.to_owned())
                }
                _ => (status, body.to_owned()),
            })
        });
        let Sight::Seen(cluster) = search.cluster().await else {
            panic!("the cluster was not seen");
        };
        assert_eq!(cluster.color, Color::Red);
        assert_eq!(cluster.why_red.as_deref(), why);
        assert_eq!(
            arrived.lock().unwrap().last().unwrap(),
            r#"POST /_cluster/allocation/explain {"index":"a","primary":true,"shard":1}"#
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_is_deleted_in_the_cluster_that_was_meant_and_in_no_other() {
    let delete = SearchEffect::DeleteIndices {
        indices: [INDEX.to_owned()].into(),
        cluster_uuid: "R9".to_owned(),
    };
    let hung = || Fault::TooLate {
        status: None,
        limit: std::time::Duration::from_secs(5),
    };
    let replies: Vec<Box<dyn Fn() -> super::support::Reply + Send>> = vec![
        Box::new(|| Ok((200, r#"{"cluster_uuid":"other"}"#.to_owned()))),
        Box::new(|| Ok((200, r#"{"cluster_uuid":"_na_"}"#.to_owned()))),
        Box::new(|| Ok((200, "{}".to_owned()))),
        Box::new(|| Ok((401, "{}".to_owned()))),
        Box::new(|| Ok((503, "{}".to_owned()))),
        Box::new(move || Err(hung())),
    ];
    for reply in replies {
        let (search, arrived) = saying(move |_| reply());
        let answer = search.perform(&delete).await;
        assert!(
            matches!(
                answer,
                Answer::Refused { status: 412, .. } | Answer::NotSent { .. }
            ),
            "{answer:?}"
        );
        assert!(
            arrived
                .lock()
                .unwrap()
                .iter()
                .all(|line| line.starts_with("GET "))
        );
    }
    // A plan that does not know the cluster does not delete in one that has no name either.
    let (search, arrived) = saying(|_| Ok((200, r#"{"cluster_uuid":""}"#.to_owned())));
    let nobody = SearchEffect::DeleteIndices {
        indices: [INDEX.to_owned()].into(),
        cluster_uuid: String::new(),
    };
    assert!(!matches!(search.perform(&nobody).await, Answer::Done));
    assert_eq!(arrived.lock().unwrap().len(), 1);
}

/// What deletes of `a`, `b` and `c` answer where `b` is answered so, and how many requests were sent.
async fn deleting(b: impl Fn() -> super::support::Reply + Send + 'static) -> (Answer, Vec<String>) {
    let (search, arrived) = saying(move |line| match line {
        "DELETE /b" => b(),
        line if line.starts_with("GET ") => Ok((200, r#"{"cluster_uuid":"R9"}"#.to_owned())),
        _ => Ok((200, r#"{"acknowledged":true}"#.to_owned())),
    });
    let delete = SearchEffect::DeleteIndices {
        indices: ["c", "a", "b"].map(str::to_owned).into(),
        cluster_uuid: "R9".to_owned(),
    };
    let answer = search.perform(&delete).await;
    let arrived = arrived.lock().unwrap().split_off(1);
    (answer, arrived)
}

#[tokio::test(start_paused = true)]
async fn indices_are_deleted_in_order_up_to_the_first_that_is_not_gone() {
    let all = ["DELETE /a", "DELETE /b", "DELETE /c"];
    let gone = r#"{"error":{"type":"index_not_found_exception","reason":"no such index [b]"},"status":404}"#;
    for (status, body) in [(200, r#"{"acknowledged":true}"#), (404, gone)] {
        let (answer, arrived) = deleting(move || Ok((status, body.to_owned()))).await;
        assert_eq!((answer, arrived), (Answer::Done, all.map(str::to_owned).to_vec()));
    }
    // A 404 that is not about an index is a proxy's or a wrong path's: nothing is known to be gone.
    let cases: [(u16, &str, &str); 4] = [
        (404, "not here", "Refused"),
        (403, "{}", "Refused"),
        (503, "{}", "Unknown"),
        (200, r#"{"acknowledged":false}"#, "Unknown"),
    ];
    for (status, body, expected) in cases {
        let (answer, arrived) = deleting(move || Ok((status, body.to_owned()))).await;
        let told = format!("{answer:?}");
        assert!(
            told.starts_with(expected) && told.contains("at b; 1 of 3 were gone before"),
            "{told}"
        );
        assert_eq!(arrived, all[..2]);
    }
    // With the first gone it can no longer be said that nothing was sent.
    let (answer, arrived) = deleting(|| {
        Err(Fault::NotSent {
            why: Silence::Refused,
            detail: "es:9200".to_owned(),
        })
    })
    .await;
    assert!(
        matches!(&answer, Answer::Unknown { status: None, detail } if detail.contains("1 of 3")),
        "{answer:?}"
    );
    assert_eq!(arrived, all[..2]);
}

type Said = (u16, &'static str);

#[tokio::test(start_paused = true)]
async fn registering_anew_takes_the_older_registration_away_first() {
    let register = SearchEffect::Register {
        repository: REPOSITORY.to_owned(),
        settings: json!({"type": "s3", "settings": {}}),
        anew: true,
    };
    let both = [
        "DELETE /_snapshot/trial_repository",
        r#"PUT /_snapshot/trial_repository {"settings":{},"type":"s3"}"#,
    ];
    let yes = (200, r#"{"acknowledged":true}"#);
    let missing = (
        404,
        r#"{"error":{"type":"repository_missing_exception"},"status":404}"#,
    );
    // How the DELETE and the PUT are answered, what that is, and how many of them are sent.
    let cases: [(Said, Said, &str, usize); 7] = [
        (yes, yes, "Done", 2),
        (missing, yes, "Done", 2),
        ((404, "not here"), yes, "Refused", 1),
        ((403, "{}"), yes, "Refused", 1),
        ((503, "{}"), yes, "Unknown", 1),
        (yes, (403, "{}"), "Refused", 2),
        (missing, (503, "{}"), "Unknown", 2),
    ];
    for (delete, put, expected, sent) in cases {
        let (search, arrived) = saying(move |line| {
            let (status, body) = if line.starts_with("DELETE") { delete } else { put };
            Ok((status, body.to_owned()))
        });
        let told = format!("{:?}", search.perform(&register).await);
        assert!(told.starts_with(expected), "{delete:?} {put:?} became {told}");
        assert_eq!(*arrived.lock().unwrap(), both[..sent]);
    }
    // The registration is gone when the second request does not leave: "nothing was sent" would be wrong.
    let (search, _) = saying(|line| match line.starts_with("DELETE") {
        true => Ok((200, r#"{"acknowledged":true}"#.to_owned())),
        false => Err(Fault::NotSent {
            why: Silence::Refused,
            detail: "es:9200".to_owned(),
        }),
    });
    let answer = search.perform(&register).await;
    assert!(matches!(answer, Answer::Unknown { .. }), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn what_could_mean_more_than_one_thing_is_not_sent() {
    let (search, arrived) = saying(|_| Ok((200, r#"{"acknowledged":true}"#.to_owned())));
    let restore = |name: &str, indices: &[&str]| SearchEffect::Restore {
        repository: REPOSITORY.to_owned(),
        name: name.to_owned(),
        indices: indices.iter().map(|&index| index.to_owned()).collect(),
    };
    let delete = |indices: &[&str]| SearchEffect::DeleteIndices {
        indices: indices.iter().map(|&index| index.to_owned()).collect(),
        cluster_uuid: "R9".to_owned(),
    };
    let wrong = [
        restore(SNAPSHOT, &[]),
        restore(SNAPSHOT, &["zeebe-record*"]),
        restore(SNAPSHOT, &[INDEX, "-a"]),
        restore("*", &[INDEX]),
        delete(&[]),
        delete(&["_all"]),
        delete(&["*"]),
        delete(&["a,b"]),
        delete(&[""]),
        delete(&["../_all"]),
        // One wrong name, and not even the right one before it goes.
        delete(&[INDEX, "zz*"]),
        SearchEffect::DeleteSnapshot {
            repository: REPOSITORY.to_owned(),
            name: "trial*".to_owned(),
        },
        SearchEffect::Register {
            repository: "a/b".to_owned(),
            settings: json!({}),
            anew: true,
        },
        SearchEffect::Register {
            repository: REPOSITORY.to_owned(),
            settings: json!("fs"),
            anew: true,
        },
    ];
    for effect in wrong {
        let answer = search.perform(&effect).await;
        assert!(
            matches!(&answer, Answer::Refused { status: 412, message } if message.starts_with("not sent: ")),
            "{effect:?} became {answer:?}"
        );
    }
    assert!(matches!(
        search.repository("*").await,
        Sight::Declined { status: 412, .. }
    ));
    assert!(matches!(
        search.snapshot(REPOSITORY, "_all").await,
        Sight::Declined { status: 412, .. }
    ));
    assert_eq!(*arrived.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn records_are_asked_for_page_by_page_after_a_refresh() {
    let mut pages = vec![
        r#"{"timed_out":false,"_shards":{"total":1,"failed":0},"hits":{"total":{"value":2,"relation":"eq"},"hits":[{"_id":"3-8","sort":[8,"i"]}]}}"#,
        r#"{"timed_out":false,"_shards":{"total":1,"failed":0},"hits":{"total":{"value":2,"relation":"eq"},"hits":[{"_id":"3-7","sort":[7,"i"]}]}}"#,
        r#"{"_shards":{"total":1,"failed":0}}"#,
    ];
    let (search, arrived) = saying(move |_| Ok((200, pages.pop().unwrap().to_owned())));
    let held = search
        .holdings(&PositionVector::from([(PartitionId(3), 9)]))
        .await;
    assert_eq!(held.seen().unwrap()[&PartitionId(3)].highest, Some(8));
    let arrived = arrived.lock().unwrap();
    let scope = "ignore_unavailable=true&allow_no_indices=true&expand_wildcards=open,hidden";
    assert_eq!(arrived[0], format!("POST /zeebe-record*/_refresh?{scope}"));
    let body: serde_json::Value =
        serde_json::from_str(arrived[2].split_once(' ').unwrap().1.split_once(' ').unwrap().1).unwrap();
    assert_eq!(body["search_after"], json!([7, "i"]));
    assert_eq!(
        body["query"]["bool"]["filter"][0],
        json!({"term": {"partitionId": 3}})
    );
    assert_eq!(
        body["query"]["bool"]["filter"][1],
        json!({"range": {"position": {"lte": 9}}})
    );
    assert!(arrived[2].contains("allow_partial_search_results=false"));
    assert_eq!(arrived.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_on_after_something_that_was_not_heard() {
    let (search, arrived) = saying(|_| {
        Err(Fault::NotSent {
            why: Silence::Refused,
            detail: "es:9200".to_owned(),
        })
    });
    let silent = |sight: &dyn std::fmt::Debug| format!("{sight:?}").starts_with("Silent");
    assert!(silent(&search.cluster().await));
    assert!(silent(&search.recoveries().await));
    assert!(silent(
        &search
            .holdings(&PositionVector::from([(PartitionId(1), 1)]))
            .await
    ));
    assert_eq!(arrived.lock().unwrap().len(), 3);
}

/// A repository is tried under a name of its own, and whatever comes of it, the registration is taken away again.
#[tokio::test(start_paused = true)]
async fn a_trial_takes_away_what_it_registers() {
    let repository = c8dr_domain::search::Repository {
        name: REPOSITORY.to_owned(),
        settings: json!({"type": "s3", "settings": {"bucket": "b"}}),
    };
    let missing = || {
        (
            404,
            r#"{"error":{"type":"repository_missing_exception","reason":"x"}}"#.to_owned(),
        )
    };
    let taken = || (200, r#"{"acknowledged":true}"#.to_owned());
    for (register, list, refused) in [
        (taken(), (200, r#"{"snapshots":[]}"#.to_owned()), None),
        (taken(), (403, "{}".to_owned()), Some("cannot be read")),
        (
            (
                500,
                r#"{"error":{"type":"repository_verification_exception","reason":"no way"}}"#.to_owned(),
            ),
            (200, "{}".to_owned()),
            Some("no way"),
        ),
    ] {
        let (search, arrived) = saying(move |line| {
            Ok(match line.split(' ').next().unwrap() {
                "PUT" => register.clone(),
                "DELETE" => taken(),
                _ if line.ends_with("/_all") => list.clone(),
                _ => missing(),
            })
        });
        let trial = search.try_repository("c8dr-probe-1", &repository).await;
        let trial = trial.seen().unwrap();
        assert_eq!(trial.left, None);
        match refused {
            None => assert_eq!(trial.refused, None),
            Some(words) => assert!(trial.refused.as_ref().unwrap().contains(words), "{trial:?}"),
        }
        let arrived = arrived.lock().unwrap();
        assert_eq!(arrived.last().unwrap(), "DELETE /_snapshot/c8dr-probe-1");
        assert!(
            arrived
                .iter()
                .all(|line| line.contains("/_snapshot/c8dr-probe-1")),
            "{arrived:?}"
        );
    }
    // Somebody's repository of this name is neither registered anew nor taken away.
    let (search, arrived) =
        saying(|_| Ok((200, r#"{"c8dr-probe-1":{"type":"s3","settings":{}}}"#.to_owned())));
    let trial = search.try_repository("c8dr-probe-1", &repository).await;
    assert!(matches!(trial, Sight::Declined { status: 412, .. }), "{trial:?}");
    assert_eq!(*arrived.lock().unwrap(), ["GET /_snapshot/c8dr-probe-1"]);
}
