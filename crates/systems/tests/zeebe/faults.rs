//! Every way in which the network can fail a call, and exactly what the engine is told of it.

use std::collections::BTreeSet;
use std::time::Duration;

use c8dr_domain::effect::{Answer, Mode, ZeebeEffect};
use c8dr_domain::ids::BrokerId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_engine::ports::Zeebe;
use c8dr_systems::dial::Tcp;
use c8dr_systems::dial::memory::Network;
use c8dr_systems::zeebe::{Cluster, Endpoints};
use tokio::io::AsyncWriteExt;

use super::support::{BROKER, always, clock, cluster, endpoints, gateway, over, raw, read_head, timed, url};

fn force() -> ZeebeEffect {
    ZeebeEffect::ForceRemove {
        keep: BTreeSet::from([BrokerId(0), BrokerId(2)]),
        remove: BTreeSet::from([BrokerId(1), BrokerId(3)]),
    }
}

async fn forced(cluster: &Cluster) -> Answer {
    cluster.perform(&gateway(), &force(), Mode::Real).await
}

/// Both a read and a change meet the same silence, before the request was sent.
#[track_caller]
fn assert_not_sent(read: &Sight<bool>, change: &Answer, expected: Silence) {
    assert!(
        matches!(read, Sight::Silent { why, .. } if *why == expected),
        "{read:?}"
    );
    assert!(
        matches!(change, Answer::NotSent { why, .. } if *why == expected),
        "{change:?}"
    );
}

/// A read met silence after it was sent; a change then has an unknown outcome.
#[track_caller]
fn assert_unknown(read: &Sight<bool>, change: &Answer, expected: Silence, known: Option<u16>) {
    assert!(
        matches!(read, Sight::Silent { why, .. } if *why == expected),
        "{read:?}"
    );
    assert!(
        matches!(change, Answer::Unknown { status, .. } if *status == known),
        "{change:?}"
    );
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let cluster = over(Tcp::new(clock()), at(&format!("http://127.0.0.1:{port}")));
    assert_not_sent(
        &cluster.ready(BROKER).await,
        &forced(&cluster).await,
        Silence::Refused,
    );
}

#[tokio::test]
async fn an_unknown_host_is_not_sent() {
    let cluster = over(Tcp::new(clock()), at("http://nobody.invalid:9600"));
    assert_not_sent(
        &cluster.ready(BROKER).await,
        &forced(&cluster).await,
        Silence::NoSuchHost,
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_hangs_is_given_up_after_a_second() {
    let network = Network::new();
    network.darken("gw", 9600);
    network.darken("b0", 9600);
    let cluster = cluster(&network);
    let (read, took) = timed(cluster.ready(BROKER)).await;
    assert!(
        (Duration::from_secs(1)..Duration::from_millis(1200)).contains(&took),
        "{took:?}"
    );
    assert_not_sent(&read, &forced(&cluster).await, Silence::NoConnection);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_leaves_the_outcome_unknown() {
    let network = raw(|mut stream| async move {
        read_head(&mut stream).await;
        std::future::pending::<()>().await;
    });
    let cluster = cluster(&network);
    let (partitions, took) = timed(cluster.partitions(BROKER)).await;
    assert!(
        matches!(
            partitions,
            Sight::Silent {
                why: Silence::NoAnswer,
                ..
            }
        ),
        "{partitions:?}"
    );
    assert!(
        (400..420).contains(&took.as_millis()),
        "a hanging survivor costs {took:?}"
    );
    let (change, took) = timed(forced(&cluster)).await;
    assert!(
        (12_000..12_020).contains(&took.as_millis()),
        "the server's own 504 comes after 10 s; {took:?}"
    );
    assert_unknown(&cluster.ready(BROKER).await, &change, Silence::NoAnswer, None);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_leaves_the_outcome_unknown_but_the_status_known() {
    let network = raw(|mut stream| async move {
        read_head(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{\"changeId\":2,")
            .await
            .unwrap();
        std::future::pending::<()>().await;
    });
    let cluster = cluster(&network);
    assert_unknown(
        &cluster.ready(BROKER).await,
        &forced(&cluster).await,
        Silence::NoAnswer,
        Some(202),
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_does_not_prolong_the_limit() {
    let network = raw(|mut stream| async move {
        read_head(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            .await
            .unwrap();
        let clock = clock();
        while stream.write_all(b" ").await.is_ok() {
            clock.sleep(Duration::from_millis(50)).await;
        }
    });
    let (read, took) = timed(cluster(&network).ready(BROKER)).await;
    assert!(
        matches!(
            read,
            Sight::Silent {
                why: Silence::NoAnswer,
                ..
            }
        ),
        "{read:?}"
    );
    assert!((2_000..2_020).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_after_the_request_leaves_the_outcome_unknown() {
    let network = raw(|mut stream| async move { read_head(&mut stream).await });
    let cluster = cluster(&network);
    assert_unknown(
        &cluster.ready(BROKER).await,
        &forced(&cluster).await,
        Silence::Broken,
        None,
    );
}

#[tokio::test]
async fn a_reset_after_the_request_leaves_the_outcome_unknown() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.readable().await.unwrap();
            // Closing with unread bytes makes the kernel send a reset.
            drop(stream);
        }
    });
    let cluster = over(Tcp::new(clock()), at(&format!("http://127.0.0.1:{port}")));
    assert_unknown(
        &cluster.ready(BROKER).await,
        &forced(&cluster).await,
        Silence::Broken,
        None,
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_closed_at_once_is_never_success_and_never_refusal() {
    // A port-forward whose pod is gone accepts and hangs up. Whether the request left first is a race.
    let network = raw(|stream| async move { drop(stream) });
    let cluster = cluster(&network);
    let change = forced(&cluster).await;
    let told = matches!(
        &change,
        Answer::NotSent {
            why: Silence::Broken,
            ..
        } | Answer::Unknown { status: None, .. }
    );
    assert!(told, "{change:?}");
    let read = cluster.ready(BROKER).await;
    assert!(
        matches!(
            read,
            Sight::Silent {
                why: Silence::Broken,
                ..
            }
        ),
        "{read:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn half_an_answer_leaves_the_outcome_unknown() {
    for half in [
        "HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{\"changeId\":2,",
        "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"cha",
    ] {
        let network = raw(move |mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(half.as_bytes()).await.unwrap();
        });
        let cluster = cluster(&network);
        assert_unknown(
            &cluster.ready(BROKER).await,
            &forced(&cluster).await,
            Silence::Broken,
            Some(202),
        );
    }
    let network = raw(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 20").await.unwrap();
    });
    let cluster = cluster(&network);
    assert_unknown(
        &cluster.ready(BROKER).await,
        &forced(&cluster).await,
        Silence::Broken,
        None,
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_http_is_garbled_and_leaves_the_outcome_unknown() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.7\r\n\r\n",
        "\x15\x03\x01\x00\x02\x02\x46 TLS alert\r\n\r\n",
        "HTTP/1.1 9999 Odd\r\n\r\n",
    ] {
        let network = raw(move |mut stream| async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(garbage.as_bytes()).await;
        });
        let cluster = cluster(&network);
        let read = cluster.ready(BROKER).await;
        assert!(
            matches!(&read, Sight::Garbled { problem } if problem.contains("not HTTP")),
            "{read:?}"
        );
        let change = forced(&cluster).await;
        assert!(
            matches!(change, Answer::Unknown { status: None, .. }),
            "{change:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_the_bound_is_not_swallowed() {
    let network = always(202, "application/json", vec![b' '; 20_000]);
    let mut endpoints = endpoints();
    endpoints.limits.body_bytes_max = 10_000;
    let cluster = over(network, endpoints);
    let read = cluster.topology(&gateway()).await;
    assert!(
        matches!(&read, Sight::Garbled { problem } if problem.contains("longer than 10000 bytes")),
        "{read:?}"
    );
    assert!(matches!(
        forced(&cluster).await,
        Answer::Unknown {
            status: Some(202),
            ..
        }
    ));
}

#[tokio::test]
async fn what_is_not_configured_is_not_asked_and_not_sent() {
    let cluster = over(Network::new(), Endpoints::default());
    assert_eq!(cluster.ready(BROKER).await, Sight::NotAsked);
    assert_eq!(cluster.partitions(BROKER).await, Sight::NotAsked);
    assert_eq!(cluster.topology(&gateway()).await, Sight::NotAsked);
    assert_eq!(cluster.configuration(&gateway()).await, Sight::NotAsked);
    assert_eq!(cluster.exporters(&gateway()).await, Sight::NotAsked);
    assert!(matches!(forced(&cluster).await, Answer::NotSent { .. }));
}

fn at(management: &str) -> Endpoints {
    let mut endpoints = endpoints();
    endpoints.brokers.insert(BROKER, url(management));
    for gateway in endpoints.gateways.values_mut() {
        gateway.management = Some(url(management));
    }
    endpoints
}
