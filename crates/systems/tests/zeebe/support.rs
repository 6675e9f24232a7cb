//! A small installation in memory: a gateway and a broker, whose servers each test brings along.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use c8dr_domain::ids::{BrokerId, GatewayName, RegionId};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Exchange, Tap};
use c8dr_systems::dial::Dial;
use c8dr_systems::dial::memory::Network;
use c8dr_systems::zeebe::{BaseUrl, Cluster, Endpoints, GatewayEndpoints};
use tokio::io::{AsyncReadExt, DuplexStream};

pub(crate) use crate::in_memory::serve;

pub(crate) const BROKER: BrokerId = BrokerId(0);

pub(crate) fn gateway() -> GatewayName {
    GatewayName::new("gw")
}

pub(crate) fn url(text: &str) -> BaseUrl {
    BaseUrl::parse(text).unwrap()
}

/// A gateway at `gw` and a broker at `b0`, on their usual ports.
pub(crate) fn endpoints() -> Endpoints {
    let gateway_endpoints = GatewayEndpoints {
        region: RegionId(0),
        rest: Some(url("http://gw:8080")),
        management: Some(url("http://gw:9600")),
        grpc: Some(url("http://gw:26500")),
    };
    Endpoints {
        gateways: BTreeMap::from([(gateway(), gateway_endpoints)]),
        brokers: BTreeMap::from([(BROKER, url("http://b0:9600"))]),
        ..Endpoints::default()
    }
}

pub(crate) fn clock() -> Clock {
    Clock::new("2026-01-01T12:00:00Z".parse().unwrap(), 1.0)
}

/// The cluster over any dialer.
pub(crate) fn over(dial: impl Dial + 'static, endpoints: Endpoints) -> Cluster {
    Cluster::new(endpoints, Arc::new(dial), clock(), None).unwrap()
}

/// The cluster over a network in memory, with a clock of its own.
pub(crate) fn cluster(network: &Network) -> Cluster {
    over(network.clone(), endpoints())
}

/// A tap that keeps what it is told.
pub(crate) fn tap() -> (Tap, Arc<Mutex<Vec<Exchange>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let keep = told.clone();
    (
        Arc::new(move |exchange| keep.lock().unwrap().push(exchange)),
        told,
    )
}

/// A server that gives the same answer to everything, at the gateway's and the broker's ports.
pub(crate) fn always(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Network {
    let network = Network::new();
    let body = body.into();
    let router = Router::new().fallback(move || {
        let body = body.clone();
        async move {
            (
                StatusCode::from_u16(status).unwrap(),
                [(header::CONTENT_TYPE, content_type)],
                body,
            )
        }
    });
    everywhere(&network, &router);
    network
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// As [`always`], and keeps the requests.
pub(crate) fn listening(status: u16, answer: &'static str) -> (Network, Arc<Mutex<Vec<Arrived>>>) {
    let network = Network::new();
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let keep = arrived.clone();
    let router = Router::new().fallback(
        move |method: Method, uri: Uri, headers: HeaderMap, body: String| {
            keep.lock().unwrap().push(Arrived {
                method,
                uri,
                headers,
                body,
            });
            async move {
                let status = StatusCode::from_u16(status).unwrap();
                (status, [(header::CONTENT_TYPE, "application/json")], answer)
            }
        },
    );
    everywhere(&network, &router);
    (network, arrived)
}

fn everywhere(network: &Network, router: &Router) {
    for (host, port) in [("gw", 8080), ("gw", 9600), ("b0", 9600)] {
        serve(network, host, port, router.clone());
    }
}

/// Hands every connection to the gateway's and the broker's ports to `talk`, bytes and all.
pub(crate) fn raw<F>(talk: impl Fn(DuplexStream) -> F + Clone + Send + 'static) -> Network
where
    F: Future<Output = ()> + Send + 'static,
{
    let network = Network::new();
    for (host, port) in [("gw", 8080), ("gw", 9600), ("gw", 26500), ("b0", 9600)] {
        let mut listener = network.listen(host, port);
        let talk = talk.clone();
        tokio::spawn(async move {
            while let Some(stream) = listener.accept().await {
                tokio::spawn(talk(stream));
            }
        });
    }
    network
}

/// Reads until the head of a request is whole, so that it was certainly sent.
pub(crate) async fn read_head(stream: &mut DuplexStream) {
    let mut seen = Vec::new();
    while !seen.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => seen.extend_from_slice(&chunk[..count]),
        }
    }
}

/// How long something took on tokio's own, perhaps paused, time.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let clock = clock();
    let outcome = work.await;
    (outcome, clock.now().since_start())
}
