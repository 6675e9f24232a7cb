//! A search's port as a tower service; when the search is down there is nobody, as with a broker.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use c8dr_engine::clock::Moment;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use tower::Service;

use crate::api::search::SearchAsked;
use crate::api::{Answer, Call, JSON, Reply};
use crate::chance::Stream;
use crate::face::Refused;
use crate::ids::Region;
use crate::lab::Lab;
use crate::search::Flavour;
use crate::world::{AnswerFault, World};

/// No request that an operator sends is bigger than this.
const BODY_BYTES_MAX: usize = 4 << 20;

/// The port of one region's search.
#[derive(Clone, Debug)]
pub struct SearchPort {
    lab: Lab,
    region: Region,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Refused>> + Send>>;

impl SearchPort {
    pub(crate) fn new(lab: Lab, region: Region) -> Self {
        SearchPort { lab, region }
    }

    async fn http(self, call: Call) -> Result<Reply, Refused> {
        if self.lab.search_life(self.region).is_none() {
            return Err(Refused::ConnectionRefused);
        }
        self.thawed().await?;
        let fault = self.lab.with(|w| w.next_search_answer_fault(call.mutates()));
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

    /// Waits as long as the process stands still; whoever asks has to give up by himself.
    async fn thawed(&self) -> Result<(), Refused> {
        let life = self.lab.search_life(self.region);
        let mut upheavals = self.lab.upheavals();
        while self.lab.with(|w| w.search_stands_still(self.region)) {
            if upheavals.changed().await.is_err() || self.lab.search_life(self.region) != life {
                return Err(Refused::ConnectionReset);
            }
        }
        Ok(())
    }

    async fn attend(&self, call: &Call) -> Result<Reply, Refused> {
        let region = self.region;
        self.lab
            .attend_search(region, |world, at, ticket| {
                world.search_answer(&SearchAsked {
                    region,
                    call,
                    at,
                    ticket,
                })
            })
            .await
    }
}

impl Lab {
    /// Asks a search until there is an answer, as long as this life of it lasts.
    pub(crate) async fn attend_search<T>(
        &self,
        region: Region,
        mut question: impl FnMut(&mut World, Moment, Option<u64>) -> Answer<T>,
    ) -> Result<T, Refused> {
        let at = self.clock().now();
        let life = self.search_life(region).ok_or(Refused::ConnectionRefused)?;
        let mut upheavals = self.upheavals();
        let mut ticket = None;
        loop {
            let answer = self.with(|w| {
                if w.search_life(region) != Some(life) {
                    return None;
                }
                let answer = question(w, at, ticket);
                let timings = w.config.timings.answer;
                Some(match answer {
                    Answer::Soon(reply) => Answer::At(w.now + w.chance.span(Stream::Answer, timings), reply),
                    other => other,
                })
            });
            let (until, reply) = match answer {
                None => return Err(Refused::ConnectionReset),
                Some(Answer::Soon(reply)) => return Ok(reply),
                Some(Answer::At(until, reply)) => (until, Some(reply)),
                Some(Answer::Again(until, next)) => {
                    ticket = next;
                    (until, None)
                }
            };
            loop {
                let rested = tokio::select! {
                    () = self.clock().sleep_until(until) => true,
                    _ = upheavals.changed() => false,
                };
                if self.search_life(region) != Some(life) {
                    return Err(Refused::ConnectionReset);
                }
                if rested {
                    break;
                }
            }
            if let Some(reply) = reply {
                return Ok(reply);
            }
        }
    }
}

fn spoilt(status: u16) -> Reply {
    let kind = if status == 504 {
        "process_cluster_event_timeout_exception"
    } else {
        "status_exception"
    };
    let error = serde_json::json!({"type": kind, "reason": "Spoilt by the lab"});
    Reply::json(
        status,
        JSON,
        &serde_json::json!({"error": error, "status": status}),
    )
}

impl<B> Service<Request<B>> for SearchPort
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
            let call = Call::new(head.method, head.uri.path(), head.uri.query(), body.to_bytes());
            let flavour = port.lab.with(|w| w.search_flavour());
            let reply = port.http(call).await?;
            Ok(response(reply, flavour))
        })
    }
}

fn response(reply: Reply, flavour: Flavour) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = match flavour {
        Flavour::Elasticsearch => JSON,
        Flavour::Opensearch => "application/json; charset=UTF-8",
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if flavour == Flavour::Elasticsearch {
        // Clients of Elasticsearch check the product by this.
        headers.insert("x-elastic-product", HeaderValue::from_static("Elasticsearch"));
    }
    response
}
