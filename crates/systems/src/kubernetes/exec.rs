//! HTTP by running `curl` in a pod that has it and a shell: the last resort, where neither a URL nor a port-forward leads to a port.
//!
//! Everything goes in by the standard input, as curl's own configuration, so that neither `ps` nor an audit log shows a
//! credential or a body. How far a request got is told by curl's exit code.

use std::error::Error;
use std::fmt::Write;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{HeaderName, HeaderValue, Request, Response, header};
use bytes::Bytes;
use c8dr_domain::observation::Silence;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use serde::Deserialize;
use tokio_tungstenite::tungstenite::Message;

use super::ask::Ask;
use super::region::Region;
use super::rights::Right;
use crate::foreign::{json, shown};
use crate::http::{Bounds, Fault};

/// Carries requests into one pod.
#[derive(Clone, Debug)]
pub(super) struct Curl {
    pub(super) region: Region,
    pub(super) pod: String,
}

impl tower::Service<Request<Full<Bytes>>> for Curl {
    type Response = Response<Bytes>;
    type Error = Fault;
    type Future = BoxFuture<'static, Result<Response<Bytes>, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let curl = self.clone();
        Box::pin(async move { curl.carry(request).await })
    }
}

/// What a program in a pod wrote, and how it ended.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub(super) out: Vec<u8>,
    pub(super) errors: Vec<u8>,
    /// `None`: nobody said.
    pub(super) code: Option<i32>,
}

fn unsent(why: Silence, detail: impl Into<String>) -> Fault {
    Fault::NotSent {
        why,
        detail: detail.into(),
    }
}

impl Curl {
    async fn carry(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Fault> {
        let bounds = request.extensions().get::<Bounds>().copied().unwrap_or_default();
        let configuration = configuration(request, bounds).await?;
        // Not every kubelet passes on that the input has ended, so it is told how long that is. Nothing else is in the script.
        let script = format!("head -c {} | curl --config -", configuration.len());
        read(
            &run(&self.region, &self.pod, &script, configuration, bounds).await?,
            bounds,
        )
    }
}

/// Has a shell in a pod run a script, which gets `input`. The script itself is seen by whoever reads the API server's audit log.
/// It should end by itself within the bounds, and is waited for a little longer.
pub(super) async fn run(
    region: &Region,
    pod: &str,
    script: &str,
    input: String,
    bounds: Bounds,
) -> Result<Ran, Fault> {
    let clock = region.cluster.clock().clone();
    let ask = ["sh", "-c", script]
        .into_iter()
        .fold(Ask::one(Right::Exec, &region.namespace, pod), |ask, word| {
            ask.with_query("command", word)
        });
    let ask = ["stdin", "stdout", "stderr"]
        .into_iter()
        .fold(ask, |ask, stream| ask.with_query(stream, "true"));
    let place = format!("exec://pod/{pod}");
    let opening = clock.timeout(bounds.connect, region.cluster.stream(&ask));
    let connection = match opening.await {
        Ok(Ok(connection)) => connection,
        Ok(Err(trouble)) => {
            let none = trouble.no_connection(&place);
            return Err(unsent(none.why, none.detail));
        }
        Err(_) => {
            let detail = format!(
                "{place}: {} ran nothing within {:?}",
                region.cluster, bounds.connect
            );
            return Err(unsent(Silence::NoConnection, detail));
        }
    };
    // curl ends by itself at the limit, and tells more.
    let limit = bounds.answer + GRACE;
    let talk = talk(connection, input, bounds.body_bytes_max);
    match clock.timeout(limit, talk).await {
        Ok(ran) => ran,
        Err(_) => Err(Fault::TooLate { status: None, limit }),
    }
}

/// How much longer curl is waited for than it waits itself.
const GRACE: Duration = Duration::from_secs(2);

/// The request as curl's configuration.
async fn configuration(request: Request<Full<Bytes>>, bounds: Bounds) -> Result<String, Fault> {
    let (head, body) = request.into_parts();
    // A whole body that is in memory: collecting it cannot fail.
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let body = std::str::from_utf8(&body).map_err(|_| {
        unsent(
            Silence::NoSuchHost,
            "a body that is no text goes through no `exec`",
        )
    })?;
    let scheme = head.uri.scheme_str().unwrap_or("http");
    let port = head.uri.port_u16().unwrap_or(80);
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    // curl decides nothing here: one protocol, no redirects, no proxy of the pod's environment.
    let mut text = String::from("silent\nshow-error\ninclude\nhttp1.1\nnoproxy = \"*\"\n");
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key} = \"{}\"", escaped(value));
    };
    line("url", &format!("{scheme}://localhost:{port}{path}"));
    line("request", head.method.as_str());
    line("connect-timeout", &format!("{:.1}", bounds.connect.as_secs_f64()));
    line("max-time", &format!("{:.1}", bounds.answer.as_secs_f64()));
    for (name, value) in &head.headers {
        if let Ok(value) = value.to_str() {
            line("header", &format!("{name}: {value}"));
        }
    }
    // It would wait for a leave that is not always given.
    line("header", "Expect:");
    if !body.is_empty() {
        line("data-raw", body);
    }
    Ok(text)
}

/// A value within the quotes of curl's configuration.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[derive(Deserialize)]
struct Ended {
    status: String,
    message: Option<String>,
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    causes: Vec<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    reason: Option<String>,
    message: Option<String>,
}

/// Gives a program its input, and takes what it writes.
async fn talk(connection: kube::client::Connection, input: String, bytes_max: usize) -> Result<Ran, Fault> {
    const CHUNK: usize = 32 * 1024;
    let broken = |error: &(dyn Error + 'static)| Fault::Broken {
        why: Silence::Broken,
        status: None,
        detail: format!("the stream to the pod broke: {}", crate::http::chain(error)),
    };
    let can_close = connection.supports_stream_close();
    let mut socket = connection.into_stream();
    for chunk in input.as_bytes().chunks(CHUNK) {
        let mut frame = vec![0u8];
        frame.extend_from_slice(chunk);
        socket
            .send(Message::Binary(frame.into()))
            .await
            .map_err(|error| broken(&error))?;
    }
    if can_close {
        // Channel 255 closes the one that is named.
        let close = Message::Binary(vec![255u8, 0].into());
        socket.send(close).await.map_err(|error| broken(&error))?;
    }
    let mut ran = Ran::default();
    while let Some(message) = socket.next().await {
        let frame = match message {
            Ok(Message::Binary(frame)) => frame,
            Ok(Message::Close(_)) => break,
            Ok(_) => continue,
            Err(error) => return Err(broken(&error)),
        };
        match frame.split_first() {
            Some((1, bytes)) => ran.out.extend_from_slice(bytes),
            Some((2, bytes)) if ran.errors.len() < CHUNK => ran.errors.extend_from_slice(bytes),
            Some((3, bytes)) if !bytes.is_empty() => {
                ran.code = ended(bytes, &mut ran.errors);
                break;
            }
            _ => {}
        }
        if ran.out.len() > bytes_max {
            return Err(Fault::TooLong { status: 0, bytes_max });
        }
    }
    Ok(ran)
}

/// The exit code that a status tells; 127 where there is no such program.
fn ended(status: &[u8], errors: &mut Vec<u8>) -> Option<i32> {
    let ended: Ended = json::read(status).ok()?;
    if ended.status == "Success" {
        return Some(0);
    }
    let code = ended.details.as_ref().and_then(|details| {
        details
            .causes
            .iter()
            .find(|cause| cause.reason.as_deref() == Some("ExitCode"))?
            .message
            .as_deref()?
            .parse()
            .ok()
    });
    let message = ended.message.unwrap_or_default();
    let is_missing = message.contains("executable file not found") || message.contains("no such file");
    errors.extend_from_slice(message.as_bytes());
    code.or(is_missing.then_some(127)).or_else(|| in_words(&message))
}

/// Some runtimes tell the code only at the end of a sentence: `… exit status 7`.
fn in_words(message: &str) -> Option<i32> {
    let (_, code) = message.trim_end().rsplit_once("exit status ")?;
    code.parse().ok()
}

/// What came of it.
fn read(ran: &Ran, bounds: Bounds) -> Result<Response<Bytes>, Fault> {
    let said = || shown(&ran.errors, 300);
    let broken = |detail: String| Fault::Broken {
        why: Silence::Broken,
        status: None,
        detail,
    };
    match ran.code {
        Some(0) => answer(&ran.out),
        // It did not understand, or could not begin: nothing was sent.
        Some(1..=4 | 43) => Err(unsent(
            Silence::NoSuchHost,
            format!("curl in the pod: {}", said()),
        )),
        Some(5 | 6) => Err(unsent(Silence::NoSuchHost, said())),
        Some(7) => Err(unsent(Silence::Refused, said())),
        Some(35 | 58..=60 | 77 | 83 | 91) => Err(unsent(Silence::Tls, said())),
        Some(126 | 127) => Err(unsent(
            Silence::NoSuchHost,
            format!("there is no curl in the pod: {}", said()),
        )),
        Some(28) => Err(Fault::TooLate {
            status: None,
            limit: bounds.answer,
        }),
        Some(code) => Err(broken(format!("curl in the pod ended with {code}: {}", said()))),
        None => Err(broken(format!(
            "how curl in the pod ended was not told: {}",
            said()
        ))),
    }
}

/// A head and a body as curl prints them.
fn answer(out: &[u8]) -> Result<Response<Bytes>, Fault> {
    let not_http = || Fault::NotHttp {
        detail: format!("curl in the pod printed `{}`", shown(out, 100)),
    };
    let mut rest = out;
    loop {
        let end = rest
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .ok_or_else(not_http)?;
        let head = std::str::from_utf8(&rest[..end]).map_err(|_| not_http())?;
        rest = &rest[end + 4..];
        let mut lines = head.lines();
        let status: u16 = lines
            .next()
            .filter(|line| line.starts_with("HTTP/"))
            .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .ok_or_else(not_http)?;
        // An answer before the answer.
        if (100..200).contains(&status) {
            continue;
        }
        let mut response = Response::builder().status(status);
        for line in lines {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let named = (
                HeaderName::try_from(name.trim()),
                HeaderValue::try_from(value.trim()),
            );
            if let (Ok(name), Ok(value)) = named {
                // It is whole here already.
                if name != header::TRANSFER_ENCODING {
                    response = response.header(name, value);
                }
            }
        }
        return response
            .body(Bytes::copy_from_slice(rest))
            .map_err(|_| not_http());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(code: Option<i32>, out: &str) -> String {
        let ran = Ran {
            out: out.as_bytes().to_vec(),
            errors: b"curl: so it is".to_vec(),
            code,
        };
        match read(&ran, Bounds::default()) {
            Ok(response) => format!("{} {:?}", response.status(), response.body()),
            Err(fault) => format!("{fault:?}"),
        }
    }

    #[test]
    fn a_code_in_words_counts_at_the_end_alone() {
        assert_eq!(in_words("cmd wait: sh -c x: exit status 7"), Some(7));
        for other in ["exit status 7 of another", "exit status", "it ended"] {
            assert_eq!(in_words(other), None, "{other}");
        }
    }

    #[test]
    fn how_far_it_got_is_told_by_the_exit_code() {
        for (code, expected) in [
            (Some(7), "NotSent { why: Refused"),
            (Some(6), "NotSent { why: NoSuchHost"),
            (Some(60), "NotSent { why: Tls"),
            (Some(127), "NotSent { why: NoSuchHost"),
            (Some(28), "TooLate"),
            (Some(52), "Broken"),
            (Some(56), "Broken"),
            (Some(137), "Broken"),
            (None, "Broken"),
            (Some(0), "NotHttp"),
        ] {
            let told = ran(code, "");
            assert!(told.starts_with(expected), "{code:?}: {told}");
        }
    }

    #[test]
    fn the_answer_is_read_behind_those_before_it() {
        let out = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\r\n{\"a\":\r\n\r\n1}";
        assert_eq!(
            ran(Some(0), out),
            "503 Service Unavailable b\"{\\\"a\\\":\\r\\n\\r\\n1}\""
        );
    }

    #[tokio::test]
    async fn everything_goes_in_as_curls_configuration() {
        let request = Request::builder()
            .method("PUT")
            .uri("http://es-0.ns.pod.0.exec.kubernetes.invalid:9200/_snapshot/a?b=c")
            .header("authorization", "Basic x")
            .body(Full::new(Bytes::from_static(b"{\"a\": \"x\\\\y\n\"}")))
            .unwrap();
        let told = configuration(request, Bounds::default()).await.unwrap();
        for line in [
            "url = \"http://localhost:9200/_snapshot/a?b=c\"",
            "request = \"PUT\"",
            "header = \"authorization: Basic x\"",
            "data-raw = \"{\\\"a\\\": \\\"x\\\\\\\\y\\n\\\"}\"",
        ] {
            assert!(told.lines().any(|told| told == line), "{line} in\n{told}");
        }
    }
}
