//! Couriers: bring what exporters have sent off to a real search, over HTTP, and tell the world whether it arrived.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use c8dr_engine::clock::Clock;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::ids::Region;
use crate::lab::Lab;
use crate::world::Bulk;

/// How long a courier rests when there is nothing to bring.
const REST: Duration = Duration::from_millis(20);
/// How often a search that did not answer is asked again, or one that has nothing to take.
const KNOCK: Duration = Duration::from_millis(500);
/// How long a search may take: a busy machine's, and yet none that hangs for good.
const PATIENCE: Duration = Duration::from_secs(10);

/// A search that did not take what it was brought.
#[derive(Debug, thiserror::Error)]
enum Undelivered {
    #[error("nobody answers: {0}")]
    Io(#[from] std::io::Error),
    #[error("the connection broke: {0}")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be written: {0}")]
    Request(#[from] http::Error),
    #[error("the answer took too long")]
    TimedOut,
    #[error("the answer was {0}: {1}")]
    Refused(StatusCode, String),
}

/// Serves one region's search, in the wall's time, for as long as the lab does.
pub(crate) async fn serve(lab: Lab, region: Region, address: SocketAddr) {
    let wall = Clock::system();
    let mut knocked = None;
    loop {
        let bulks = lab.with(|world| world.outgoing(region));
        if bulks.is_empty() {
            let now = wall.now();
            if knocked.is_none_or(|at| now.since(at) >= KNOCK) {
                knocked = Some(now);
                let outcome = ask(&wall, address, Method::GET, "/_cluster/health", String::new()).await;
                told(&lab, region, &outcome);
            }
            wall.sleep(REST).await;
            continue;
        }
        let outcome = ask(&wall, address, Method::POST, "/_bulk", body(&bulks))
            .await
            .and_then(|answer| taken(&answer));
        told(&lab, region, &outcome);
        lab.with(|world| {
            for bulk in &bulks {
                world.delivered(region, bulk, outcome.is_ok());
            }
        });
        if outcome.is_err() {
            wall.sleep(KNOCK).await;
        }
    }
}

fn told<T>(lab: &Lab, region: Region, outcome: &Result<T, Undelivered>) {
    if let Err(error) = outcome {
        tracing::debug!(?region, %error, "a search outside did not take what it was brought");
    }
    lab.with(|world| world.outside_answers(region, outcome.is_ok()));
}

/// A bulk's lines: for each document what to do, and the document.
fn body(bulks: &[Bulk]) -> String {
    let mut lines = String::new();
    for document in bulks.iter().flat_map(Bulk::documents) {
        let action = json!({"index": {"_index": document.index, "_id": document.id}});
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{action}\n{}", document.source);
    }
    lines
}

/// A bulk is answered with 200 even if none of it was taken.
fn taken(answer: &Bytes) -> Result<(), Undelivered> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    if answer["errors"] == false {
        Ok(())
    } else {
        Err(Undelivered::Refused(StatusCode::OK, answer.to_string()))
    }
}

async fn ask(
    wall: &Clock,
    address: SocketAddr,
    method: Method,
    path: &str,
    body: String,
) -> Result<Bytes, Undelivered> {
    let answer = exchange(address, method, path, body);
    wall.timeout(PATIENCE, answer)
        .await
        .unwrap_or(Err(Undelivered::TimedOut))
}

/// One request over a connection of its own.
async fn exchange(
    address: SocketAddr,
    method: Method,
    path: &str,
    body: String,
) -> Result<Bytes, Undelivered> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", address.to_string())
        .header("content-type", "application/x-ndjson")
        .body(Full::new(Bytes::from(body)))?;
    let talk = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await?.to_bytes();
        Ok::<_, hyper::Error>((status, bytes))
    };
    let (status, bytes) = tokio::select! {
        told = talk => told?,
        // It ends before the answer only when it breaks.
        broken = connection => {
            broken?;
            return Err(Undelivered::Io(std::io::ErrorKind::ConnectionReset.into()));
        }
    };
    if status.is_success() {
        Ok(bytes)
    } else {
        Err(Undelivered::Refused(
            status,
            String::from_utf8_lossy(&bytes).into_owned(),
        ))
    }
}
