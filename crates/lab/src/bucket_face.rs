//! The object store's port as a tower service. It is a third place: the loss of a region does not touch it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use tower::Service;

use crate::api::bucket::{BucketCall, BucketReply, spoilt};
use crate::chance::Stream;
use crate::face::Refused;
use crate::lab::Lab;
use crate::world::AnswerFault;

/// The lab keeps records and reports there, nothing bigger.
const BODY_BYTES_MAX: usize = 4 << 20;

/// The port of the object store.
#[derive(Clone, Debug)]
pub struct BucketPort {
    lab: Lab,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Refused>> + Send>>;

impl BucketPort {
    pub(crate) fn new(lab: Lab) -> Self {
        BucketPort { lab }
    }

    async fn http(self, call: BucketCall) -> Result<BucketReply, Refused> {
        if self.lab.store_life().is_none() {
            return Err(Refused::ConnectionRefused);
        }
        let fault = self.lab.with(|w| w.next_bucket_answer_fault(call.mutates()));
        match fault {
            Some(AnswerFault::Reset | AnswerFault::LostBeforeEffect) => return Err(Refused::ConnectionReset),
            Some(AnswerFault::Status(status)) => return Ok(spoilt(status)),
            _ => {}
        }
        let mut reply = self.attend(&call).await?;
        if fault == Some(AnswerFault::Twice) {
            reply = self.attend(&call).await?;
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

    /// The effect is at once, the answer a little later, unless the store is gone by then.
    async fn attend(&self, call: &BucketCall) -> Result<BucketReply, Refused> {
        let mut upheavals = self.lab.upheavals();
        let life = self.lab.store_life().ok_or(Refused::ConnectionRefused)?;
        let (reply, at) = self.lab.with(|w| {
            let reply = w.bucket_answer(call);
            let wait = w.chance.span(Stream::Bucket, w.config.timings.answer);
            (reply, w.now + wait)
        });
        loop {
            let rested = tokio::select! {
                () = self.lab.clock().sleep_until(at) => true,
                _ = upheavals.changed() => false,
            };
            if self.lab.store_life() != Some(life) {
                return Err(Refused::ConnectionReset);
            }
            if rested {
                return Ok(reply);
            }
        }
    }
}

impl<B> Service<Request<B>> for BucketPort
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
        Box::pin(async move {
            let (head, body) = request.into_parts();
            // A body that breaks off never was a request.
            let body = Limited::new(body, BODY_BYTES_MAX)
                .collect()
                .await
                .map_err(|_| Refused::ConnectionReset)?;
            let call = BucketCall::new(
                head.method,
                head.uri.path(),
                head.uri.query(),
                head.headers,
                body.to_bytes(),
            );
            Ok(response(port.http(call).await?))
        })
    }
}

fn response(reply: BucketReply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        // What a client stored as its content type came in a header, so it goes out in one.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
