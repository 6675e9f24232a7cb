//! The ports as sockets: a dead broker's refuse, a frozen one's accept and stay silent, a restarted one's are back.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::api::Port;
use crate::bucket_face::BucketPort;
use crate::courier;
use crate::face::{BrokerPort, Refused};
use crate::ids::{BrokerId, Region};
use crate::lab::Lab;
use crate::search_face::SearchPort;
use crate::world::Power;

/// Where a lab listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listen {
    /// On 127.0.0.1, on ports that are free.
    Loopback,
    /// Broker *i* on 127.0.N.(10+i) with the standard ports 8080, 9600 and 26500, as in the recordings, where N is 0; the
    /// search of region *r* on 127.0.N.(10+r):9200.
    PerBroker(u8),
}

/// A port that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ServeError {
    /// Where.
    pub address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Where one broker listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerEndpoints {
    /// Whose ports these are.
    pub broker: BrokerId,
    /// REST, 8080-like.
    pub rest: SocketAddr,
    /// Management, 9600-like.
    pub management: SocketAddr,
    /// gRPC, 26500-like.
    pub grpc: SocketAddr,
}

/// Where the search of a region listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchEndpoint {
    /// Whose port this is.
    pub region: Region,
    /// 9200-like.
    pub address: SocketAddr,
}

/// The open ports of a lab. Dropping this closes them all.
#[derive(Debug)]
pub struct Endpoints {
    /// Each broker's, in order of their ids.
    pub brokers: Vec<BrokerEndpoints>,
    /// Each region's search, in the order of the regions.
    pub searches: Vec<SearchEndpoint>,
    /// Where the lab itself is driven.
    pub control: SocketAddr,
    /// The base URL of the object store, for S3 clients that name the bucket [`crate::BUCKET`] in the path. It is in
    /// neither region.
    pub bucket: String,
    tasks: JoinSet<()>,
}

impl Endpoints {
    /// Waits until the lab is stopped; the ports stay open meanwhile.
    pub async fn until_stopped(mut self, lab: &Lab) {
        lab.stopped().await;
        self.tasks.shutdown().await;
    }
}

impl Lab {
    /// Opens all brokers' ports and the control port, and keeps the world going in the clock's time.
    ///
    /// # Errors
    /// A port that is taken.
    pub async fn serve(&self, listen: Listen) -> Result<Endpoints, ServeError> {
        let mut tasks = JoinSet::new();
        let mut brokers = Vec::new();
        for broker in self.with(|w| w.broker_ids()) {
            let mut open = async |port: Port| {
                let door = Door::Broker(broker, port);
                let wanted = address(listen, door);
                let listener = bind(wanted).await?;
                let address = listener.local_addr().unwrap_or(wanted);
                tasks.spawn(keep_open(self.clone(), door, address, listener));
                Ok::<_, ServeError>(address)
            };
            brokers.push(BrokerEndpoints {
                broker,
                rest: open(Port::Rest).await?,
                management: open(Port::Management).await?,
                grpc: open(Port::Grpc).await?,
            });
        }
        let mut searches = Vec::new();
        for region in Region::BOTH {
            if let Some(address) = self.with(|w| w.outside_address(region)) {
                tasks.spawn(courier::serve(self.clone(), region, address));
                searches.push(SearchEndpoint { region, address });
                continue;
            }
            let door = Door::Search(region);
            let wanted = address(listen, door);
            let listener = bind(wanted).await?;
            let address = listener.local_addr().unwrap_or(wanted);
            tasks.spawn(keep_open(self.clone(), door, address, listener));
            searches.push(SearchEndpoint { region, address });
        }
        let wanted = address(listen, Door::Bucket);
        let listener = bind(wanted).await?;
        let store = listener.local_addr().unwrap_or(wanted);
        tasks.spawn(keep_open(self.clone(), Door::Bucket, store, listener));
        let wanted = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let listener = bind(wanted).await?;
        let control = listener.local_addr().unwrap_or(wanted);
        let router = self.control_router();
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the lab's control port has ended");
            }
        });
        tasks.spawn(keep_going(self.clone()));
        Ok(Endpoints {
            brokers,
            searches,
            control,
            bucket: format!("http://{store}"),
            tasks,
        })
    }
}

/// A port that opens and closes with its process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Door {
    Broker(BrokerId, Port),
    Search(Region),
    Bucket,
}

fn address(listen: Listen, door: Door) -> SocketAddr {
    let anywhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let Listen::PerBroker(network) = listen else {
        return anywhere;
    };
    let (host, port) = match door {
        Door::Broker(broker, Port::Rest) => (broker.0, 8080),
        Door::Broker(broker, Port::Management) => (broker.0, 9600),
        Door::Broker(broker, Port::Grpc) => (broker.0, 26500),
        Door::Search(Region::Even) => (0, 9200),
        Door::Search(Region::Odd) => (1, 9200),
        // It is in no region, so it has no address to keep.
        Door::Bucket => return anywhere,
    };
    // The configuration allows 200 brokers at most, so the last octet holds.
    let octet = u8::try_from(10 + host).unwrap_or(u8::MAX);
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, network, octet)), port)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError { address, source })
}

/// Brings the world to each next event, so that processes end and ports close without anybody asking.
async fn keep_going(lab: Lab) {
    let mut upheavals = lab.upheavals();
    loop {
        let soon = lab.clock().now() + Duration::from_millis(20);
        let next = lab.with(|w| w.next_event()).map_or(soon, |at| at.max(soon));
        tokio::select! {
            () = lab.clock().sleep_until(next) => {}
            _ = upheavals.changed() => {}
        }
    }
}

/// Whether a port is open, and in which life of its process.
fn open_in(lab: &Lab, door: Door) -> Option<u64> {
    let broker = match door {
        Door::Broker(broker, _) => broker,
        Door::Search(region) => return lab.search_life(region),
        Door::Bucket => return lab.store_life(),
    };
    lab.with(|w| {
        w.broker(broker)
            .filter(|b| b.answers() || b.power == Power::Frozen)
            .map(|b| b.life)
    })
}

async fn keep_open(lab: Lab, door: Door, address: SocketAddr, first: TcpListener) {
    let mut upheavals = lab.upheavals();
    let mut listener = Some(first);
    loop {
        let Some(life) = open_in(&lab, door) else {
            listener = None;
            if upheavals.changed().await.is_err() {
                return;
            }
            continue;
        };
        let Some(open) = listener.take() else {
            match TcpListener::bind(address).await {
                Ok(bound) => listener = Some(bound),
                Err(error) => {
                    tracing::warn!(%address, %error, "a port that is to open again is taken; trying again");
                    lab.clock().sleep(Duration::from_millis(200)).await;
                }
            }
            continue;
        };
        // Leaving this drops the listener and, with the set, every connection of this life.
        accept_while(&lab, door, life, &open, &mut upheavals).await;
    }
}

async fn accept_while(
    lab: &Lab,
    door: Door,
    life: u64,
    listener: &TcpListener,
    upheavals: &mut tokio::sync::watch::Receiver<u64>,
) {
    let mut connections = JoinSet::new();
    while open_in(lab, door) == Some(life) {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                // The small answers of a management port must not wait for more to send.
                let _ = stream.set_nodelay(true);
                match door {
                    Door::Broker(broker, port) => {
                        connections.spawn(serve_connection(stream, BrokerPort::new(lab.clone(), broker, port)))
                    }
                    Door::Search(region) => {
                        connections.spawn(serve_connection(stream, SearchPort::new(lab.clone(), region)))
                    }
                    Door::Bucket => connections.spawn(serve_connection(stream, BucketPort::new(lab.clone()))),
                };
            }
            changed = upheavals.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection<F>(stream: TcpStream, face: F)
where
    F: tower::Service<Request<Incoming>, Response = Response<Body>, Error = Refused> + Clone + Send + 'static,
    F::Future: Send,
{
    let service = service_fn(move |request| face.clone().oneshot(request));
    let serving = auto::Builder::new(TokioExecutor::new());
    // A connection that ends in a refusal is meant to.
    let _ = serving.serve_connection(TokioIo::new(stream), service).await;
}
