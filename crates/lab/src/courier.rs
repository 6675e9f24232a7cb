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
    let mut talk = std::pin::pin!(talk);
    let (status, bytes) = tokio::select! {
        told = &mut talk => told?,
        // A server may hang up behind its answer, which is here then; where it gave none, this says so.
        ended = connection => {
            ended?;
            talk.await?
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::WorldConfig;
    use crate::world::World;

    /// Bulks as a world gives them out.
    fn bulks() -> Vec<Bulk> {
        let mut world = World::new(WorldConfig::default(), Timestamp::UNIX_EPOCH).unwrap();
        world.export_outside(Region::Odd, "127.0.0.1:9200".parse().unwrap());
        world.outside_answers(Region::Odd, true);
        let to = world.now() + Duration::from_secs(10);
        world.advance(to);
        world.outgoing(Region::Odd)
    }

    /// A server for one connection: what it was asked, once it has answered so, or hung up without a word.
    async fn server(answer: &'static str) -> (SocketAddr, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !is_whole(&asked) {
                assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0, "it hung up first");
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(asked).unwrap()
        });
        (address, served)
    }

    /// Whether a request has come with all of its body.
    fn is_whole(asked: &[u8]) -> bool {
        let asked = String::from_utf8_lossy(asked);
        let Some((head, body)) = asked.split_once("\r\n\r\n") else {
            return false;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        length.is_some_and(|length| length.parse() == Ok(body.len()))
    }

    async fn bring(address: SocketAddr) -> Result<Bytes, Undelivered> {
        let wall = Clock::system();
        let answer = ask(&wall, address, Method::POST, "/_bulk", body(&bulks())).await?;
        taken(&answer)?;
        Ok(answer)
    }

    #[test]
    fn a_bulk_is_a_line_that_says_what_and_a_line_of_the_document() {
        let bulks = bulks();
        let text = body(&bulks);
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let documents: Vec<_> = bulks.iter().flat_map(Bulk::documents).collect();
        assert!(!documents.is_empty() && text.ends_with('\n'));
        assert_eq!(lines.len(), 2 * documents.len());
        for (pair, document) in lines.chunks(2).zip(documents) {
            assert_eq!(
                pair[0],
                json!({"index": {"_index": document.index, "_id": document.id}})
            );
            assert_eq!(pair[1], document.source);
        }
    }

    #[test]
    fn only_an_answer_without_errors_is_a_delivery() {
        assert!(taken(&Bytes::from_static(br#"{"errors":false,"items":[]}"#)).is_ok());
        for answer in [r#"{"errors":true}"#, "{}", "", "<html>"] {
            let told = taken(&Bytes::from_static(answer.as_bytes()));
            assert!(
                matches!(told, Err(Undelivered::Refused(_, _))),
                "{answer:?}: {told:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_brought_over_a_connection_is_taken_or_it_is_known_why_not() {
        let (address, served) =
            server("HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"errors\":false}").await;
        assert!(bring(address).await.is_ok());
        let asked = served.await.unwrap();
        assert!(asked.starts_with("POST /_bulk HTTP/1.1\r\n"), "{asked}");
        assert!(
            asked.contains("content-type: application/x-ndjson\r\n"),
            "{asked}"
        );
        assert!(asked.ends_with(&body(&bulks())), "{asked}");

        let (address, _) = server("HTTP/1.1 429 Too Many\r\ncontent-length: 4\r\n\r\nfull").await;
        let told = bring(address).await;
        assert!(
            matches!(&told, Err(Undelivered::Refused(status, words)) if *status == 429 && words == "full"),
            "{told:?}"
        );

        let (address, _) = server("").await;
        let told = bring(address).await;
        assert!(
            matches!(told, Err(Undelivered::Http(_) | Undelivered::Io(_))),
            "it hung up: {told:?}"
        );
        let told = bring(address).await;
        assert!(
            matches!(told, Err(Undelivered::Io(_))),
            "nobody is there: {told:?}"
        );
    }
}
