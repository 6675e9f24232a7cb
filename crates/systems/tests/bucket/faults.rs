//! What is known after a call to a bucket that did not go well, and that no secret is told.

use std::time::Duration;

use c8dr_domain::observation::{Sight, Silence};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Bucket, PutNew};
use c8dr_systems::dial::memory::Network;

use super::server::{Fault, SECRET, Server, settings, store};

const PATIENCE: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_millis(200);

fn error(code: &str) -> &'static str {
    // Leaked on purpose: a handful of short texts.
    Box::leak(format!("<Error><Code>{code}</Code><Message>so it is</Message></Error>").into_boxed_str())
}

const LOGIN: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head></html>";

#[tokio::test]
async fn a_put_is_refused_or_unknown_but_never_thought_done() {
    let (server, address) = Server::start().await;
    let store = store(address, PATIENCE);
    for (status, body, expected) in [
        (412, error("PreconditionFailed"), "Exists"),
        (400, error("InvalidRequest"), "Refused"),
        (401, LOGIN, "Refused"),
        (403, error("AccessDenied"), "Refused"),
        (404, error("NoSuchBucket"), "Refused"),
        (405, "", "Refused"),
        (301, error("PermanentRedirect"), "Refused"),
        // It knows no conditional puts.
        (501, error("NotImplemented"), "Refused"),
        // Another put of this key is under way, and may yet fail: there may be nothing.
        (409, error("ConditionalRequestConflict"), "Unknown"),
        (429, error("SlowDown"), "Unknown"),
        (307, error("TemporaryRedirect"), "Unknown"),
        (500, error("InternalError"), "Unknown"),
        (503, error("SlowDown"), "Unknown"),
        (504, LOGIN, "Unknown"),
        // What a proxy takes for a success is none.
        (200, LOGIN, "Unknown"),
        (204, "", "Unknown"),
    ] {
        server.will(Fault::Instead(status, body));
        server.arrived.lock().unwrap().clear();
        let told = format!("{:?}", store.put_new("direction", b"x".to_vec()).await);
        assert!(told.starts_with(expected), "{status} became {told}");
        // Nothing is sent twice.
        assert_eq!(*server.arrived.lock().unwrap(), ["PUT /trial/own/c8dr/direction"]);
    }
    assert!(server.objects.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_put_whose_answer_is_lost_is_unknown_and_there() {
    for fault in [Fault::HangsAfter, Fault::CutsAfter] {
        let (server, address) = Server::start().await;
        let store = store(address, SOON);
        server.will(fault);
        let put = store.put_new("direction", b"ours".to_vec()).await;
        assert!(matches!(put, PutNew::Unknown { .. }), "{fault:?} became {put:?}");
        server.will(Fault::None);
        // What the engine does then: it reads, and sees that it is its own.
        assert_eq!(store.get("direction").await, Sight::Seen(Some(b"ours".to_vec())));
        assert_eq!(
            store.put_new("direction", b"theirs".to_vec()).await,
            PutNew::Exists
        );
    }
}

#[tokio::test]
async fn only_the_buckets_own_word_says_that_there_is_none() {
    let (server, address) = Server::start().await;
    let store = store(address, SOON);
    assert_eq!(store.get("direction").await, Sight::Seen(None));
    for (status, body, expected) in [
        (404, error("NoSuchBucket"), "Declined"),
        (404, error("NoSuchKeyword"), "Declined"),
        (404, "not here", "Declined"),
        (404, "", "Declined"),
        (403, error("AccessDenied"), "Declined"),
        (503, error("SlowDown"), "Declined"),
        (200, LOGIN, "Garbled"),
        (200, "", "Garbled"),
        (200, "<ListBucketResult><Contents><Key>own", "Garbled"),
        (304, "", "Declined"),
    ] {
        server.will(Fault::Instead(status, body));
        for told in [
            format!("{:?}", store.get("direction").await),
            format!("{:?}", store.list("").await),
        ] {
            assert!(told.starts_with(expected), "{status} {body} became {told}");
        }
    }
    server.will(Fault::HangsAfter);
    for told in [
        format!("{:?}", store.get("direction").await),
        format!("{:?}", store.list("").await),
    ] {
        assert!(told.starts_with("Silent { why: NoAnswer"), "{told}");
    }
    server.will(Fault::CutsAfter);
    let cut = store.get("direction").await;
    assert!(
        matches!(
            &cut,
            Sight::Silent {
                why: Silence::Broken,
                ..
            }
        ),
        "{cut:?}"
    );
}

#[tokio::test]
async fn what_never_left_is_told_so() {
    // Bound and dropped: nobody listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let put = store(address, PATIENCE).put_new("direction", b"x".to_vec()).await;
    assert!(
        matches!(
            &put,
            PutNew::NotSent {
                why: Silence::Refused,
                ..
            }
        ),
        "{put:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_cut_off_is_given_up_in_time() {
    let network = Network::new();
    network.darken("localhost", 9000);
    let clock = Clock::system();
    let settings = settings("http://localhost:9000");
    let store =
        c8dr_systems::bucket::Store::s3(settings, std::sync::Arc::new(network), clock.clone()).unwrap();
    let put = store.put_new("direction", b"x".to_vec()).await;
    assert!(
        matches!(
            &put,
            PutNew::NotSent {
                why: Silence::NoConnection,
                ..
            }
        ),
        "{put:?}"
    );
    assert!(clock.now().since_start() < Duration::from_secs(4));
}

#[tokio::test]
async fn no_secret_is_told() {
    let (server, address) = Server::start().await;
    let store = store(address, PATIENCE);
    let echo = Box::leak(
        format!("<Error><Code>X{SECRET}</Code><Message>you sent {SECRET}\u{1b}[2J\u{202e}</Message></Error>")
            .into_boxed_str(),
    );
    for status in [403, 503] {
        server.will(Fault::Instead(status, echo));
        let told = format!(
            "{store:?} {} {:?} {:?} {:?} {:?}",
            store.place(),
            settings("http://localhost:1"),
            store.put_new("a", b"x".to_vec()).await,
            store.get("a").await,
            store.list("").await
        );
        assert!(!told.contains(SECRET) && !told.contains("horse"), "{told}");
        assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
        assert!(told.contains("you sent ***"), "{told}");
    }
}
