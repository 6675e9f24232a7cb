//! The hosts: one on which the lab lives, and one for each broker and each search, which take connections and ask the lab.
//!
//! Every host has a runtime of its own, and their clocks do not agree to the last microsecond. The lab is one world on one
//! clock, so whatever it is asked is asked on its own host.

use std::cell::RefCell;
use std::rc::Rc;

use axum::body::Body;
use bytes::Bytes;
use c8dr_engine::clock::Clock;
use c8dr_lab::{Lab, Region, WorldConfig};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::sync::{mpsc, oneshot};
use tower::ServiceExt;
use turmoil::net::{TcpListener, TcpStream};

use crate::operator::dawn;
use crate::stage::{Side, Stage, host, search_host};

/// A port that a host listens on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Door {
    /// A broker's.
    Broker(u32, u16),
    /// That of a region's search.
    Search(Region),
}

impl Door {
    /// The host that it belongs to.
    fn host(self) -> String {
        match self {
            Door::Broker(broker, _) => host(broker),
            Door::Search(region) => search_host(region),
        }
    }

    const fn port(self) -> u16 {
        match self {
            Door::Broker(_, port) => port,
            Door::Search(_) => 9200,
        }
    }
}

/// What the lab is asked.
pub(crate) enum Asked {
    /// A request that came to a door; without an answer the connection is to break.
    Request {
        door: Door,
        request: Box<Request<Full<Bytes>>>,
        answer: oneshot::Sender<Response<Bytes>>,
    },
    /// Something that is done to it, or read of it.
    Do(Box<dyn FnOnce(&Lab) + Send>),
}

/// The way to the lab.
pub(crate) type ToLab = mpsc::UnboundedSender<Asked>;

/// Which ports a broker's host listens on.
const PORTS: [u16; 2] = [8080, 9600];

/// The host of the lab. It never crashes, so it is begun once.
pub(crate) async fn lab(
    config: WorldConfig,
    asked: Rc<RefCell<Option<mpsc::UnboundedReceiver<Asked>>>>,
    stage: Stage,
) -> turmoil::Result {
    let mut asked = asked.borrow_mut().take().ok_or("the lab is begun once")?;
    let lab = Lab::new(config, Clock::new(dawn(), 1.0))?;
    while let Some(asked) = asked.recv().await {
        match asked {
            Asked::Do(deed) => deed(&lab),
            Asked::Request {
                door,
                request,
                answer,
            } => {
                tokio::task::spawn_local(answered(lab.clone(), door, *request, answer, stage.clone()));
            }
        }
    }
    Ok(())
}

async fn answered(
    lab: Lab,
    door: Door,
    request: Request<Full<Bytes>>,
    answer: oneshot::Sender<Response<Bytes>>,
    stage: Stage,
) {
    let (host, line) = (door.host(), format!("{} {}", request.method(), request.uri()));
    stage.arrived(&host, &line);
    stage.side(&host, &line, Side::Arrived).await;
    let request = request.map(Body::new);
    let told = match door {
        Door::Search(region) => lab.search(region).oneshot(request).await,
        Door::Broker(id, port) => match (lab.broker(id), port) {
            (Ok(broker), 8080) => lab.rest(broker).oneshot(request).await,
            (Ok(broker), _) => lab.management(broker).oneshot(request).await,
            (Err(_), _) => return,
        },
    };
    if let Ok(response) = told {
        let (head, body) = response.into_parts();
        if let Ok(body) = body.collect().await {
            stage.side(&host, &line, Side::Answered).await;
            let _ = answer.send(Response::from_parts(head, body.to_bytes()));
        }
    }
}

/// The host of a broker, which may crash and be begun anew.
pub(crate) async fn broker(id: u32, lab: ToLab) -> turmoil::Result {
    listens(PORTS.map(|port| Door::Broker(id, port)).into(), lab).await
}

/// The host of a region's search, which may do so as well.
pub(crate) async fn search(region: Region, lab: ToLab) -> turmoil::Result {
    listens(vec![Door::Search(region)], lab).await
}

async fn listens(doors: Vec<Door>, lab: ToLab) -> turmoil::Result {
    for door in doors {
        let listener = TcpListener::bind(("0.0.0.0", door.port())).await?;
        let lab = lab.clone();
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(serve(door, stream, lab.clone()));
            }
        });
    }
    std::future::pending().await
}

async fn serve(door: Door, stream: TcpStream, lab: ToLab) {
    let service = service_fn(move |request: Request<Incoming>| {
        let lab = lab.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(|_| Gone)?.to_bytes();
            let (answer, answered) = oneshot::channel();
            let asked = Asked::Request {
                door,
                request: Box::new(Request::from_parts(head, Full::new(body))),
                answer,
            };
            lab.send(asked).map_err(|_| Gone)?;
            answered
                .await
                .map(|response| response.map(Full::new))
                .map_err(|_| Gone)
        }
    });
    // A connection that breaks is meant to.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// There is no answer: the connection breaks.
#[derive(Debug)]
struct Gone;

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no answer")
    }
}

impl std::error::Error for Gone {}
