//! The hosts: one on which the lab lives, and one for each broker, which takes connections and asks the lab.
//!
//! Every host has a runtime of its own, and their clocks do not agree to the last microsecond. The lab is one world on one
//! clock, so whatever it is asked is asked on its own host.

use std::cell::RefCell;
use std::rc::Rc;

use axum::body::Body;
use bytes::Bytes;
use c8dr_engine::clock::Clock;
use c8dr_lab::{BrokerPort, Lab, WorldConfig};
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
use crate::stage::{Side, Stage};

/// What the lab is asked.
pub(crate) enum Asked {
    /// A request that came to a port of a broker; without an answer the connection is to break.
    Request {
        broker: u32,
        port: u16,
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
                broker,
                port,
                request,
                answer,
            } => {
                let id = lab.broker(broker)?;
                let port = match port {
                    8080 => lab.rest(id),
                    _ => lab.management(id),
                };
                tokio::task::spawn_local(answered(broker, port, *request, answer, stage.clone()));
            }
        }
    }
    Ok(())
}

async fn answered(
    broker: u32,
    port: BrokerPort,
    request: Request<Full<Bytes>>,
    answer: oneshot::Sender<Response<Bytes>>,
    stage: Stage,
) {
    let line = format!("{} {}", request.method(), request.uri());
    stage.arrived(broker, &line);
    stage.side(broker, &line, Side::Arrived).await;
    if let Ok(response) = port.oneshot(request.map(Body::new)).await {
        let (head, body) = response.into_parts();
        if let Ok(body) = body.collect().await {
            stage.side(broker, &line, Side::Answered).await;
            let _ = answer.send(Response::from_parts(head, body.to_bytes()));
        }
    }
}

/// The host of a broker, which may crash and be begun anew.
pub(crate) async fn broker(id: u32, lab: ToLab) -> turmoil::Result {
    for port in PORTS {
        let listener = TcpListener::bind(("0.0.0.0", port)).await?;
        let lab = lab.clone();
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(serve(id, port, stream, lab.clone()));
            }
        });
    }
    std::future::pending().await
}

async fn serve(id: u32, port: u16, stream: TcpStream, lab: ToLab) {
    let service = service_fn(move |request: Request<Incoming>| {
        let lab = lab.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(|_| Gone)?.to_bytes();
            let (answer, answered) = oneshot::channel();
            let asked = Asked::Request {
                broker: id,
                port,
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
