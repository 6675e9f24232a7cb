//! What holds of every store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::observation::Sight;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Bucket, PutNew};
use c8dr_systems::bucket::{BucketSetupError, Store};
use c8dr_systems::dial::Tcp;
use futures_util::future::join_all;

use super::server::{Server, settings, store};

const PATIENCE: Duration = Duration::from_secs(30);

/// Memory, a folder, and S3, each with what keeps it alive.
async fn stores() -> (Vec<Arc<Store>>, tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = Server::start().await;
    // Another's object in the same bucket, which must not turn up.
    server
        .objects
        .lock()
        .unwrap()
        .insert("own/c8drx/runs/x".to_owned(), "x".into());
    let stores = vec![
        Arc::new(Store::memory(Clock::system())),
        Arc::new(Store::folder(folder.path(), Clock::system()).unwrap()),
        Arc::new(store(address, PATIENCE)),
    ];
    (stores, folder, server)
}

#[tokio::test]
async fn of_many_that_put_one_key_exactly_one_succeeds() {
    const WRITERS: usize = 64;
    let (stores, _folder, _server) = stores().await;
    for store in stores {
        for round in 0..4 {
            let key = format!("direction/{round}.json");
            let puts = (0..WRITERS).map(|writer| {
                let (store, key) = (store.clone(), key.clone());
                tokio::spawn(async move {
                    (
                        writer,
                        store
                            .put_new(&key, vec![u8::try_from(writer).unwrap(); 4096])
                            .await,
                    )
                })
            });
            let outcomes: Vec<(usize, PutNew)> =
                join_all(puts).await.into_iter().map(|put| put.unwrap()).collect();
            let (written, others): (Vec<_>, Vec<_>) = outcomes
                .into_iter()
                .partition(|(_, outcome)| *outcome == PutNew::Written);
            assert_eq!(written.len(), 1, "{store:?}");
            assert!(
                others.iter().all(|(_, outcome)| *outcome == PutNew::Exists),
                "{store:?}: {others:?}"
            );
            let winner = u8::try_from(written[0].0).unwrap();
            assert_eq!(store.get(&key).await, Sight::Seen(Some(vec![winner; 4096])));
        }
    }
}

#[tokio::test]
async fn what_was_put_is_read_and_listed_in_order() {
    let (stores, _folder, _server) = stores().await;
    for store in stores {
        assert_eq!(store.list("").await, Sight::Seen(Vec::new()), "{store:?}");
        assert_eq!(store.get("runs/a/1").await, Sight::Seen(None), "{store:?}");
        let keys = [
            "runs/b/1",
            "runs/a/2",
            "runs/a/1",
            "runs/a.json",
            "runs2",
            "zz",
            "a=b:c d+e@f,g~h",
        ];
        for key in keys {
            assert_eq!(store.put_new(key, key.into()).await, PutNew::Written, "{store:?}");
        }
        assert_eq!(store.put_new("zz", b"other".to_vec()).await, PutNew::Exists);
        assert_eq!(store.get("zz").await, Sight::Seen(Some(b"zz".to_vec())));
        let all: BTreeSet<&str> = keys.into();
        for prefix in [
            "", "r", "runs", "runs/", "runs/a", "runs/a/", "runs/a/1", "x", "runs/x/",
        ] {
            let expected: Vec<String> = all
                .iter()
                .filter(|key| key.starts_with(prefix))
                .map(|&key| key.to_owned())
                .collect();
            assert_eq!(
                store.list(prefix).await,
                Sight::Seen(expected),
                "{store:?} {prefix:?}"
            );
        }
        assert_eq!(store.put_new("empty", Vec::new()).await, PutNew::Written);
        assert_eq!(store.get("empty").await, Sight::Seen(Some(Vec::new())));
    }
}

#[tokio::test]
async fn what_is_not_the_key_of_one_object_is_not_sent() {
    let (stores, folder, server) = stores().await;
    for store in stores {
        for key in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            "../a",
            "a/../../b",
            ".",
            "a\nb",
            "a\u{7}",
            "*",
            "a#1",
        ] {
            let put = store.put_new(key, b"x".to_vec()).await;
            assert!(
                matches!(put, PutNew::Refused { .. }),
                "{store:?} {key:?} became {put:?}"
            );
            let read = store.get(key).await;
            assert!(
                matches!(read, Sight::Declined { status: 412, .. }),
                "{key:?} became {read:?}"
            );
        }
        let listed = store.list("../").await;
        assert!(
            matches!(listed, Sight::Declined { status: 412, .. }),
            "{listed:?}"
        );
    }
    assert_eq!(*server.arrived.lock().unwrap(), Vec::<String>::new());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_not_an_empty_one() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("mount");
    assert!(matches!(
        Store::folder(&folder, Clock::system()),
        Err(BucketSetupError::Unusable { .. })
    ));
    std::fs::create_dir(&folder).unwrap();
    let store = Store::folder(&folder, Clock::system()).unwrap();
    assert_eq!(store.put_new("a", b"x".to_vec()).await, PutNew::Written);
    // A file where a folder is wanted: nothing can have come of it.
    let put = store.put_new("a/b", b"x".to_vec()).await;
    assert!(matches!(put, PutNew::Refused { .. }), "{put:?}");
    std::fs::remove_dir_all(&folder).unwrap();
    let put = store.put_new("b", b"x".to_vec()).await;
    assert!(matches!(put, PutNew::Refused { .. }), "{put:?}");
    assert!(!folder.exists());
    assert!(matches!(store.get("a").await, Sight::Declined { .. }));
    assert!(matches!(store.list("").await, Sight::Declined { .. }));
}

#[tokio::test]
async fn an_object_that_cannot_be_ours_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::folder(folder.path(), Clock::system()).unwrap();
    let big = std::fs::File::create(folder.path().join("big")).unwrap();
    big.set_len(16 * 1024 * 1024 + 1).unwrap();
    let read = store.get("big").await;
    assert!(matches!(read, Sight::Garbled { .. }), "{read:?}");
}

#[tokio::test]
async fn a_bucket_without_tls_is_on_this_machine_or_none() {
    let of = |endpoint: &str| {
        let clock = Clock::system();
        Store::s3(settings(endpoint), Arc::new(Tcp::new(clock.clone())), clock)
    };
    assert!(matches!(of("http://minio:9000"), Err(BucketSetupError::Plain)));
    let store = of("http://localhost:9000").unwrap();
    assert_eq!(store.place(), "s3://trial/own/c8dr at http://localhost:9000");
    assert_eq!(Store::memory(Clock::system()).place(), "memory:");
}

#[tokio::test]
async fn a_probe_has_one_winner_and_leaves_nothing_and_nothing_else_can_be_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    for store in [
        Store::memory(Clock::system()),
        Store::folder(folder.path(), Clock::system()).unwrap(),
    ] {
        let race = c8dr_engine::survey::race(&store, "camunda/probe/one", 64).await;
        assert_eq!(
            (race.won, race.lost, race.unknown),
            (1, 63, 0),
            "{store:?}: {race:?}"
        );
        assert!(
            race.is_winners && race.left.is_none() && race.refused.is_none(),
            "{race:?}"
        );
        assert_eq!(store.list("").await, Sight::Seen(Vec::new()), "{store:?}");
        assert_eq!(
            store.remove_probe("camunda/probe/one").await,
            Ok(()),
            "gone is gone"
        );

        let key = "camunda/direction/000001.json";
        assert_eq!(store.put_new(key, b"x".to_vec()).await, PutNew::Written);
        for other in [key, "camunda/direction/probe", "probe/x", "camunda/probe/", ""] {
            assert!(store.remove_probe(other).await.is_err(), "{other}");
        }
        assert_eq!(
            store.get(key).await,
            Sight::Seen(Some(b"x".to_vec())),
            "{store:?}"
        );
    }
}
