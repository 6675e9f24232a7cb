//! The wires to the lab's ports in this process: what changes something is counted, kept, held up, or spoiled on its way.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use c8dr_domain::observation::Silence;
use c8dr_engine::clock::Clock;
use c8dr_lab::{AnswerFault, Lab, Refused, Region};
use c8dr_systems::http::{Bounds, Fault};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use tower::ServiceExt;

/// What happens to a request that changes something, on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Spoil {
    /// It has its effect; the connection breaks before the answer.
    LostAfter,
    /// It never arrives; the connection breaks.
    LostBefore,
    /// It has its effect; no answer comes in time.
    LateAfter,
    /// It is answered so, without effect.
    Status(u16),
    /// It is answered so, and has its effect all the same.
    StatusAfter(u16),
    /// No connection comes about.
    Refused,
    /// The lab spoils it itself.
    Lab(AnswerFault),
}

/// Whether something is done before a request arrives, or after it has had its effect and before its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

/// A request that changes something and reached the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// When.
    pub(crate) at: Timestamp,
    /// `broker-0`, `search-1`, `platform-0`.
    pub(crate) to: String,
    /// Method and path, or what a platform is told to do.
    pub(crate) line: String,
    /// The body as it is.
    pub(crate) body: String,
}

/// Holds a request up while something else happens.
type Interlude = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// What is to become of the requests that change something, and what became of them. Rehearsals do not count.
pub(crate) type Plot = Arc<Mutex<Plotted>>;

#[derive(Default)]
pub(crate) struct Plotted {
    /// Which one is spoiled, counted from 1, and how.
    pub(crate) spoil: Option<(usize, Spoil)>,
    /// Those that reached the lab.
    pub(crate) arrived: Vec<Arrived>,
    /// The first whose line contains this is held up while that happens.
    interludes: Vec<(String, Side, Interlude)>,
    /// How many were sent.
    pub(crate) seen: usize,
}

impl Plotted {
    /// Holds the first request up whose line, after its target, contains `part`.
    pub(crate) fn hold_up(&mut self, part: &str, side: Side, interlude: Interlude) {
        self.interludes.push((part.to_owned(), side, interlude));
    }

    /// Counts a request, and says how it is spoiled.
    fn next(&mut self) -> Option<Spoil> {
        self.seen += 1;
        self.spoil
            .filter(|(nth, _)| *nth == self.seen)
            .map(|(_, spoil)| spoil)
    }

    fn interlude(&mut self, to: &str, line: &str, side: Side) -> Option<Interlude> {
        let whole = format!("{to} {line}");
        let place = self
            .interludes
            .iter()
            .position(|(part, own, _)| *own == side && whole.contains(part.as_str()))?;
        Some(self.interludes.remove(place).2)
    }
}

/// Lets happen what was plotted for this side of a request.
pub(crate) async fn held_up(plot: &Plot, to: &str, line: &str, side: Side) {
    let interlude = plot.lock().unwrap().interlude(to, line, side);
    if let Some(interlude) = interlude {
        interlude().await;
    }
}

/// Counts a request of a platform, and says how it is spoiled.
pub(crate) fn next_spoil(plot: &Plot) -> Option<Spoil> {
    plot.lock().unwrap().next()
}

/// Which of the lab's ports a wire leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Port {
    /// Those of the brokers, by the host's name.
    Brokers,
    /// That of a region's search.
    Search(Region),
    /// That of the object store: its requests are not effects, and are not counted.
    Bucket,
}

/// A wire, as a service for the adapters.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) lab: Lab,
    pub(crate) clock: Clock,
    pub(crate) plot: Plot,
    pub(crate) port: Port,
}

impl tower::Service<http::Request<Full<Bytes>>> for Wire {
    type Response = http::Response<Bytes>;
    type Error = Fault;
    type Future = BoxFuture<'static, Result<http::Response<Bytes>, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Full<Bytes>>) -> Self::Future {
        let wire = self.clone();
        Box::pin(async move { wire.exchange(request).await })
    }
}

impl Wire {
    fn changes(&self, request: &http::Request<Full<Bytes>>) -> bool {
        let uri = request.uri().to_string();
        match self.port {
            Port::Brokers => *request.method() != http::Method::GET && !uri.contains("dryRun=true"),
            // A search is asked by POST, too.
            Port::Search(_) => {
                let asks = ["_search", "_refresh", "_pit", "_count"];
                let path = request.uri().path();
                !matches!(*request.method(), http::Method::GET | http::Method::HEAD)
                    && !asks.iter().any(|word| path.contains(word))
            }
            Port::Bucket => false,
        }
    }

    async fn exchange(self, request: http::Request<Full<Bytes>>) -> Result<http::Response<Bytes>, Fault> {
        if !self.changes(&request) {
            return self.in_time(request).await;
        }
        let to = match self.port {
            Port::Search(region) => format!("search-{}", region.index()),
            _ => request.uri().host().unwrap().to_owned(),
        };
        let line = format!("{} {}", request.method(), request.uri().path_and_query().unwrap());
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        let bounds = head.extensions.get::<Bounds>().copied().unwrap_or_default();
        let request = http::Request::from_parts(head, Full::new(body));

        let broken = || Fault::Broken {
            why: Silence::Broken,
            status: None,
            detail: "cut".to_owned(),
        };
        let spoil = self.plot.lock().unwrap().next();
        match spoil {
            Some(Spoil::LostBefore) => return Err(broken()),
            Some(Spoil::Refused) => {
                return Err(Fault::NotSent {
                    why: Silence::Refused,
                    detail: "refused".to_owned(),
                });
            }
            Some(Spoil::Status(status)) => return Ok(answer(status)),
            _ => {}
        }
        held_up(&self.plot, &to, &line, Side::Before).await;
        // Right before it leaves: nothing else is on the way that the lab could spoil instead.
        if let Some(Spoil::Lab(fault)) = spoil {
            self.lab.with(|world| match self.port {
                Port::Search(_) => world.spoil_search_answer(fault),
                _ => world.spoil_answer(fault),
            });
        }
        self.plot.lock().unwrap().arrived.push(Arrived {
            at: self.clock.wall(),
            to: to.clone(),
            line: line.clone(),
            body: text,
        });
        let outcome = self.in_time(request).await;
        held_up(&self.plot, &to, &line, Side::After).await;
        match spoil {
            Some(Spoil::LostAfter) => Err(broken()),
            Some(Spoil::LateAfter) => {
                self.clock.sleep(bounds.answer).await;
                Err(too_late(bounds))
            }
            Some(Spoil::StatusAfter(status)) => Ok(answer(status)),
            _ => outcome,
        }
    }

    async fn in_time(&self, request: http::Request<Full<Bytes>>) -> Result<http::Response<Bytes>, Fault> {
        let bounds = request.extensions().get::<Bounds>().copied().unwrap_or_default();
        self.clock
            .timeout(bounds.answer, self.ask(request))
            .await
            .map_err(|_| too_late(bounds))?
    }

    async fn ask(&self, request: http::Request<Full<Bytes>>) -> Result<http::Response<Bytes>, Fault> {
        let sent = match self.port {
            Port::Search(region) => self.lab.search(region).oneshot(request.map(Body::new)).await,
            Port::Bucket => self.lab.bucket().oneshot(request.map(Body::new)).await,
            Port::Brokers => {
                let host = request.uri().host().and_then(|host| host.strip_prefix("broker-"));
                let broker = self.lab.broker(host.unwrap().parse().unwrap()).unwrap();
                let port = match request.uri().port_u16() {
                    Some(8080) => self.lab.rest(broker),
                    _ => self.lab.management(broker),
                };
                port.oneshot(request.map(Body::new)).await
            }
        };
        match sent {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                Ok(http::Response::from_parts(head, body))
            }
            Err(Refused::ConnectionRefused) => Err(Fault::NotSent {
                why: Silence::Refused,
                detail: "refused".to_owned(),
            }),
            Err(Refused::ConnectionReset) => Err(Fault::Broken {
                why: Silence::Broken,
                status: None,
                detail: "reset".to_owned(),
            }),
        }
    }
}

/// What somebody else sends to a broker's management port; returns the status.
pub(crate) async fn somebody(lab: &Lab, broker: u32, method: &str, path: &str, body: &str) -> u16 {
    let port = lab.management(lab.broker(broker).unwrap());
    port.oneshot(foreign(method, path, body))
        .await
        .map_or(0, |response| response.status().as_u16())
}

/// What somebody else sends to a region's search; returns the status.
pub(crate) async fn somebody_searching(
    lab: &Lab,
    region: Region,
    method: &str,
    path: &str,
    body: &str,
) -> u16 {
    lab.search(region)
        .oneshot(foreign(method, path, body))
        .await
        .map_or(0, |response| response.status().as_u16())
}

fn foreign(method: &str, path: &str, body: &str) -> http::Request<Body> {
    http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

fn too_late(bounds: Bounds) -> Fault {
    Fault::TooLate {
        status: None,
        limit: bounds.answer,
    }
}

fn answer(status: u16) -> http::Response<Bytes> {
    http::Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Bytes::from_static(br#"{"message":"spoiled on the way"}"#))
        .unwrap()
}
