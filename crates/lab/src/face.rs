//! A broker's port as a tower service: HTTP in, HTTP out, and a typed refusal when there is nobody.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use tower::Service;

use crate::api::{Asked, Call, Port, Reply};
use crate::grpc;
use crate::ids::BrokerId;
use crate::lab::Lab;
use crate::world::AnswerFault;

/// No request that the real ones take is bigger than this.
const BODY_BYTES_MAX: usize = 4 << 20;

/// Why there is no answer at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody listens there.
    #[error("connection refused")]
    ConnectionRefused,
    /// Whoever listened ended before the answer.
    #[error("connection reset")]
    ConnectionReset,
}

/// One port of one broker.
#[derive(Clone, Debug)]
pub struct BrokerPort {
    lab: Lab,
    broker: BrokerId,
    port: Port,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Refused>> + Send>>;

impl BrokerPort {
    pub(crate) fn new(lab: Lab, broker: BrokerId, port: Port) -> Self {
        BrokerPort { lab, broker, port }
    }

    async fn http(
        self,
        method: Method,
        path: String,
        query: Option<String>,
        body: Bytes,
    ) -> Result<Reply, Refused> {
        let call = Call::new(method, &path, query.as_deref(), body);
        let fault = self.lab.with(|w| w.next_answer_fault(call.mutates()));
        match fault {
            Some(AnswerFault::Reset | AnswerFault::LostBeforeEffect) => return Err(Refused::ConnectionReset),
            Some(AnswerFault::Status(status)) => return Ok(spoilt(status)),
            _ => {}
        }
        let (broker, port) = (self.broker, self.port);
        let attend = || {
            self.lab.attend(broker, |world, at, ticket| {
                world.answer(
                    port,
                    &Asked {
                        broker,
                        call: &call,
                        at,
                        ticket,
                    },
                )
            })
        };
        let mut reply = attend().await?;
        if fault == Some(AnswerFault::Twice) {
            reply = attend().await?;
        }
        match fault {
            Some(AnswerFault::LostAfterEffect) => Err(Refused::ConnectionReset),
            Some(AnswerFault::TimeoutAfterEffect) => Ok(spoilt(504)),
            Some(AnswerFault::Delay(delay)) => {
                self.lab.clock().sleep(delay).await;
                Ok(reply)
            }
            _ => Ok(reply),
        }
    }
}

fn spoilt(status: u16) -> Reply {
    let message = match status {
        409 => "Topology changed while applying the change. Please retry.",
        502 => "Failed to connect channel",
        504 => "Request timed out",
        _ => "Spoilt by the lab",
    };
    Reply::message(status, message)
}

impl<B> Service<Request<B>> for BrokerPort
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    type Response = Response<Body>;
    type Error = Refused;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answering {
        let port = self.clone();
        if self.port == Port::Grpc {
            return Box::pin(grpc::call(self.lab.clone(), self.broker, request));
        }
        Box::pin(async move {
            let (head, body) = request.into_parts();
            // A body that breaks off never was a request.
            let body = Limited::new(body, BODY_BYTES_MAX)
                .collect()
                .await
                .map_err(|_| Refused::ConnectionReset)?;
            let query = head.uri.query().map(str::to_owned);
            let path = head.uri.path().to_owned();
            let reply = port.http(head.method, path, query, body.to_bytes()).await?;
            Ok(response(reply))
        })
    }
}

fn response(reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(content_type) = reply.content_type {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

/// Tonic's server cannot fail itself; this says so to the type checker.
pub(crate) fn never(e: Infallible) -> Refused {
    match e {}
}
