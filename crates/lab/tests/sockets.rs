//! The ports as sockets: a dead broker refuses, a frozen one is silent, a restarted one is back where it was.

#![expect(clippy::unwrap_used, reason = "a failure is the point")]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use c8dr_engine::clock::Clock;
use c8dr_lab::{BrokerId, Data, Lab, Listen, WorldConfig};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request by hand; the whole answer as text.
async fn ask(to: SocketAddr, method: &str, path: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(to).await?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: lab\r\nconnection: close\r\nauthorization: AWS4-HMAC-SHA256 unchecked\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    if answer.is_empty() {
        Err(std::io::ErrorKind::ConnectionReset.into())
    } else {
        Ok(answer)
    }
}

/// Topology over HTTP/2 without TLS; the status that gRPC puts into the trailers.
async fn grpc_status(to: SocketAddr) -> String {
    let io = TokioIo::new(TcpStream::connect(to).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::post(format!("http://{to}/gateway_protocol.Gateway/Topology"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(Bytes::from_static(&[0; 5])))
        .unwrap();
    let answer = sender
        .send_request(request)
        .await
        .unwrap()
        .into_body()
        .collect()
        .await
        .unwrap();
    let status = answer.trailers().and_then(|t| t.get("grpc-status")).unwrap();
    status.to_str().unwrap().to_owned()
}

async fn until(clock: &Clock, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begin = clock.now();
    while !condition().await {
        assert!(clock.now().since(begin) < Duration::from_secs(300), "{what}");
        clock.sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn ports_live_and_die_with_their_broker() {
    // Twenty times as fast as the wall: a broker starts in a fifth of a second.
    let clock = Clock::at_speed(20.0);
    let lab = Lab::new(WorldConfig::default(), clock.clone()).unwrap();
    let endpoints = lab.serve(Listen::Loopback).await.unwrap();
    assert_eq!(endpoints.brokers.len(), 4);
    let first = endpoints.brokers[1].clone();
    let topology = ask(first.rest, "GET", "/v2/topology", "").await.unwrap();
    assert!(
        topology.starts_with("HTTP/1.1 200") && topology.contains("\"clusterSize\":4"),
        "{topology}"
    );
    let health = ask(first.management, "GET", "/actuator/health/readiness", "")
        .await
        .unwrap();
    assert!(
        health.contains("application/vnd.spring-boot.actuator.v3+json"),
        "{health}"
    );

    let search = endpoints.searches[1].address;
    let health = ask(search, "GET", "/_cluster/health", "").await.unwrap();
    assert!(
        health.starts_with("HTTP/1.1 200") && health.contains("\"status\":\"green\""),
        "{health}"
    );
    assert!(
        health.to_lowercase().contains("x-elastic-product: elasticsearch"),
        "{health}"
    );

    assert_eq!(grpc_status(first.grpc).await, "0", "gRPC over a plain connection");

    lab.kill_broker(BrokerId(1));
    until(&clock, "a dead broker refuses", async || {
        TcpStream::connect(first.management).await.is_err()
    })
    .await;
    lab.start_broker(BrokerId(1), Data::Old);
    until(&clock, "it is back on its port", async || {
        ask(first.management, "GET", "/actuator/cluster", "")
            .await
            .is_ok()
    })
    .await;

    lab.freeze(BrokerId(2));
    let frozen = endpoints.brokers[2].management;
    let silent = clock
        .timeout(
            Duration::from_secs(6),
            ask(frozen, "GET", "/actuator/cluster", ""),
        )
        .await;
    assert!(silent.is_err(), "a frozen broker accepts and does not answer");
    lab.thaw(BrokerId(2));
    assert!(
        ask(frozen, "GET", "/actuator/cluster", "")
            .await
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );

    let wrong = ask(endpoints.control, "POST", "/break", r#"{"region":"atlantis"}"#)
        .await
        .unwrap();
    assert!(
        wrong.starts_with("HTTP/1.1 400") && wrong.contains("there is no region"),
        "{wrong}"
    );
    let broken = ask(endpoints.control, "POST", "/break", r#"{"region":"region1"}"#)
        .await
        .unwrap();
    assert!(broken.starts_with("HTTP/1.1 200"), "{broken}");
    until(&clock, "the region is dark", async || {
        TcpStream::connect(first.rest).await.is_err()
    })
    .await;
    until(&clock, "its search is dark too", async || {
        TcpStream::connect(search).await.is_err()
    })
    .await;
    let pods = ask(endpoints.control, "GET", "/ctl/pods?region=region1", "")
        .await
        .unwrap();
    assert!(
        pods.starts_with("HTTP/1.1 200") && pods.contains("\"items\":[]"),
        "{pods}"
    );
    let bucket: SocketAddr = endpoints.bucket.trim_start_matches("http://").parse().unwrap();
    let key = "/camunda-backup/direction";
    let put = ask(bucket, "PUT", key, "abc").await.unwrap();
    assert!(
        put.starts_with("HTTP/1.1 200") && put.contains("\r\netag: \""),
        "{put}"
    );
    let store = |state: &str| format!(r#"{{"store":{{"state":"{state}"}}}}"#);
    ask(endpoints.control, "POST", "/ctl", &store("gone"))
        .await
        .unwrap();
    until(&clock, "the object store is gone", async || {
        TcpStream::connect(bucket).await.is_err()
    })
    .await;
    ask(endpoints.control, "POST", "/ctl", &store("works"))
        .await
        .unwrap();
    until(&clock, "it is back on its port", async || {
        let head = ask(bucket, "HEAD", key, "").await;
        head.is_ok_and(|h| h.contains("content-length: 3") && h.ends_with("\r\n\r\n"))
    })
    .await;
    let status = ask(endpoints.control, "GET", "/status", "").await.unwrap();
    assert!(status.contains("\"power\":\"down\""), "{status}");
    assert!(
        ask(endpoints.control, "POST", "/down", "")
            .await
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    endpoints.until_stopped(&lab).await;
}
