//! HTTP/1.1 over a [`Connector`], a fresh connection per call.
//!
//! A pool would pin a pod and hide its death, and would leave it unclear whether a request on a dying connection was
//! sent. `spec: api.md §1`

use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Poll};

use ::http::{HeaderValue, Request, Response, Uri, header};
use bytes::Bytes;
use c8dr_domain::observation::Silence;
use futures_util::future::{BoxFuture, Either, select};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tower::ServiceExt;

use super::{Bounds, Fault};
use crate::dial::{Connector, NoConnection, Protocol, Security, Target, explain_tls, is_tls, nobody_there};

/// An HTTP/1.1 client. Follows no redirects, retries nothing, keeps nothing between calls.
#[derive(Clone, Debug)]
pub struct Client {
    connector: Connector,
}

impl Client {
    /// A client over `connector`.
    pub fn new(connector: Connector) -> Self {
        Client { connector }
    }
}

impl tower::Service<Request<Full<Bytes>>> for Client {
    type Response = Response<Bytes>;
    type Error = Fault;
    type Future = BoxFuture<'static, Result<Response<Bytes>, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let connector = self.connector.clone();
        Box::pin(async move { exchange(&connector, request).await })
    }
}

async fn exchange(connector: &Connector, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Fault> {
    let bounds = request.extensions().get::<Bounds>().copied().unwrap_or_default();
    let (target, security) = target_of(request.uri())?;
    if let Some(carrier) = connector.carrier(&target) {
        return carrier.oneshot(request).await;
    }
    let request = in_origin_form(request, &target, security)?;
    let stream = connector
        .connect(&target, security, Protocol::Http1, bounds.connect)
        .await?;

    // Written as soon as the head is there, so that a late body can still be told with its status. 0: no head yet.
    let head = AtomicU16::new(0);
    let call = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unsent(&target, &error))?;
        let talk = async {
            let response = sender.try_send_request(request).await.map_err(|mut error| {
                // hyper hands the request back only if not a byte of it was written.
                if error.take_message().is_some() {
                    unsent(&target, error.error())
                } else {
                    failed(error.error(), None)
                }
            })?;
            let (parts, body) = response.into_parts();
            let status = parts.status.as_u16();
            head.store(status, Ordering::Relaxed);
            match Limited::new(body, bounds.body_bytes_max).collect().await {
                Ok(collected) => Ok(Response::from_parts(parts, collected.to_bytes())),
                Err(error) if error.is::<LengthLimitError>() => Err(Fault::TooLong {
                    status,
                    bytes_max: bounds.body_bytes_max,
                }),
                Err(error) => Err(failed(error.as_ref(), Some(status))),
            }
        };
        driven(talk, connection).await
    };
    match connector.clock().timeout(bounds.answer, call).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let status = Some(head.load(Ordering::Relaxed)).filter(|status| *status != 0);
            Err(Fault::TooLate {
                status,
                limit: bounds.answer,
            })
        }
    }
}

/// Runs `talk` while `connection` moves its bytes; both end together, no task is left behind.
pub(crate) async fn driven<T>(talk: impl Future<Output = T>, connection: impl Future) -> T {
    match select(pin!(talk), pin!(connection)).await {
        Either::Left((outcome, _)) => outcome,
        // The connection has ended; what it brought, or its error, is still to be taken.
        Either::Right((_, talk)) => talk.await,
    }
}

/// Host, port and security of an absolute `http` or `https` URI.
pub(crate) fn target_of(uri: &Uri) -> Result<(Target, Security), NoConnection> {
    let unusable = || NoConnection {
        why: Silence::NoSuchHost,
        detail: "the URL names no http or https host".to_owned(),
    };
    let (security, default_port) = match uri.scheme_str() {
        Some("http") => (Security::Plain, 80),
        Some("https") => (Security::Tls, 443),
        _ => return Err(unusable()),
    };
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(unusable)?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok((
        Target {
            host,
            port: uri.port_u16().unwrap_or(default_port),
        },
        security,
    ))
}

/// Puts the request into the form that goes to an origin server: only the path in its first line, `Host` in its head.
fn in_origin_form(
    mut request: Request<Full<Bytes>>,
    target: &Target,
    security: Security,
) -> Result<Request<Full<Bytes>>, Fault> {
    let unusable = |error: &dyn Error| Fault::NotSent {
        why: Silence::NoSuchHost,
        detail: error.to_string(),
    };
    let host = host_of(target, security);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let path = Uri::try_from(path).map_err(|error| unusable(&error))?;
    let host = HeaderValue::try_from(host).map_err(|error| unusable(&error))?;
    *request.uri_mut() = path;
    request.headers_mut().insert(header::HOST, host);
    request
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

/// What stands in `Host`: the name by which the server knows itself, and the port unless it is the usual one.
pub(crate) fn host_of(target: &Target, security: Security) -> String {
    let default_port = if security == Security::Tls { 443 } else { 80 };
    let mut host = Target {
        host: target.own_name().into_owned(),
        port: target.port,
    }
    .to_string();
    if target.port == default_port {
        host.truncate(host.len() - format!(":{default_port}").len());
    }
    host
}

impl From<NoConnection> for Fault {
    fn from(NoConnection { why, detail }: NoConnection) -> Self {
        Fault::NotSent { why, detail }
    }
}

pub(crate) fn unsent(target: &Target, error: &hyper::Error) -> Fault {
    // In TLS 1.3 a server refuses a client's certificate after the handshake, and now and then before the request is out.
    let (why, words) = match (nobody_there(error), is_tls(error)) {
        (Some(nobody), _) => (Silence::Refused, nobody.detail.clone()),
        (None, true) => (Silence::Tls, explain_tls(error)),
        (None, false) => (Silence::Broken, chain(error)),
    };
    Fault::NotSent {
        why,
        detail: format!("{target}: {words}"),
    }
}

/// The fault behind an error that came up after the request was begun.
pub(crate) fn failed(error: &(dyn Error + 'static), status: Option<u16>) -> Fault {
    if let (Some(nobody), None) = (nobody_there(error), status) {
        return Fault::NotSent {
            why: Silence::Refused,
            detail: nobody.detail.clone(),
        };
    }
    if is_tls(error) {
        return Fault::Broken {
            why: Silence::Tls,
            status,
            detail: explain_tls(error),
        };
    }
    match error.downcast_ref::<hyper::Error>() {
        Some(parse) if parse.is_parse() => Fault::NotHttp {
            detail: format!(
                "{}; does the port speak TLS, gRPC or something else?",
                chain(error)
            ),
        },
        _ => Fault::Broken {
            why: Silence::Broken,
            status,
            detail: chain(error),
        },
    }
}

/// An error with its sources.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        // Several layers repeat the words of their source.
        if !words.ends_with(&cause_words) {
            words = format!("{words}: {cause_words}");
        }
        source = cause.source();
    }
    words
}
