//! The wire ring: the real adapters, whose requests go through their upper seam straight into the lab's routers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use c8dr_domain::ids::{BrokerId, RegionId};
use c8dr_domain::observation::Silence;
use c8dr_engine::ports::{Bucket, Platform, Search};
use c8dr_lab::{BUCKET, Lab, Refused, Region};
use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::bucket::{BucketSetupError, Credentials, Limits, S3, Store};
use c8dr_systems::dial::memory::Network;
use c8dr_systems::dial::{Connector, TlsOptions};
use c8dr_systems::elasticsearch::{Elasticsearch, Endpoint};
use c8dr_systems::http::{Bounds, Fault, Service};
use c8dr_systems::setup::SetupError;
use c8dr_systems::zeebe::{Cluster, Endpoints, GatewayEndpoints};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;

use super::platform::LabPlatform;
use super::{Ports, gateway};
use crate::disaster::region;

/// Why the adapters cannot be set up. Never by what a seed draws.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// A host of the lab cannot be written as a URL.
    #[error("the lab's host {0} is no address")]
    Url(String),
    /// An adapter refuses its settings.
    #[error("an adapter could not be set up")]
    Setup(#[from] SetupError),
    /// The bucket's adapter refuses its settings.
    #[error("the bucket's adapter could not be set up")]
    Bucket(#[from] BucketSetupError),
}

/// Which of the lab's ports a wire leads to.
#[derive(Clone, Copy, Debug)]
enum Port {
    /// Those of the brokers, by the host's name.
    Brokers,
    /// That of a region's search.
    Search(Region),
    /// That of the object store.
    Bucket,
}

/// The ports of a lab, by the real adapters.
pub(crate) fn ports(lab: &Lab, brokers: u32, outside: bool) -> Result<Ports, WireError> {
    let clock = lab.clock().clone();
    let wire = |port: Port| Wire {
        lab: lab.clone(),
        port,
    };
    let mut endpoints = Endpoints::default();
    for broker in 0..brokers {
        let (name, region) = gateway(broker);
        let rest = url(&format!("http://broker-{broker}:8080"))?;
        let management = url(&format!("http://broker-{broker}:9600"))?;
        endpoints.brokers.insert(BrokerId(broker), management.clone());
        endpoints.gateways.insert(
            name,
            GatewayEndpoints {
                region,
                rest: Some(rest),
                management: Some(management),
                grpc: None,
            },
        );
    }
    let connector = Connector::new(Arc::new(Network::new()), None, clock.clone());
    let cluster = Cluster::over(Service::new(wire(Port::Brokers)), connector, endpoints, None)?;
    let mut searches: BTreeMap<RegionId, Box<dyn Search>> = BTreeMap::new();
    let mut platforms: BTreeMap<RegionId, Box<dyn Platform>> = BTreeMap::new();
    for id in [RegionId(0), RegionId(1)] {
        let region = region(id);
        let endpoint = Endpoint::new(url("http://search:9200")?);
        let service = Service::new(wire(Port::Search(region)));
        let search = Elasticsearch::over(service, endpoint, clock.clone(), None)?;
        searches.insert(id, Box::new(search));
        let lab = lab.clone();
        platforms.insert(id, Box::new(LabPlatform { lab, region }));
    }
    let bucket: Option<Box<dyn Bucket>> = match outside {
        true => Some(Box::new(bucket(lab)?)),
        false => None,
    };
    Ok(Ports {
        zeebe: Box::new(cluster),
        searches,
        platforms,
        bucket,
    })
}

fn url(text: &str) -> Result<BaseUrl, WireError> {
    BaseUrl::parse(text).map_err(|_| WireError::Url(text.to_owned()))
}

fn bucket(lab: &Lab) -> Result<Store, WireError> {
    let settings = S3 {
        bucket: BUCKET.to_owned(),
        prefix: "c8dr".to_owned(),
        region: "eu-central-1".to_owned(),
        endpoint: Some(url("http://127.0.0.1:9000")?),
        credentials: Credentials {
            access_key_id: "lab".to_owned(),
            secret_access_key: "lab".into(),
            session_token: None,
        },
        tls: TlsOptions::default(),
        limits: Limits::default(),
    };
    let wire = Wire {
        lab: lab.clone(),
        port: Port::Bucket,
    };
    Ok(Store::s3_over(settings, Service::new(wire), lab.clock().clone())?)
}

/// A wire, as a service for the adapters.
#[derive(Clone)]
struct Wire {
    lab: Lab,
    port: Port,
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
        Box::pin(async move {
            let bounds = request.extensions().get::<Bounds>().copied().unwrap_or_default();
            let clock = wire.lab.clock().clone();
            let asked = clock.timeout(bounds.answer, wire.ask(request)).await;
            asked.map_err(|_| Fault::TooLate {
                status: None,
                limit: bounds.answer,
            })?
        })
    }
}

impl Wire {
    async fn ask(&self, request: http::Request<Full<Bytes>>) -> Result<http::Response<Bytes>, Fault> {
        let sent = match self.port {
            Port::Search(region) => self.lab.search(region).oneshot(request.map(Body::new)).await,
            Port::Bucket => self.lab.bucket().oneshot(request.map(Body::new)).await,
            Port::Brokers => {
                let host = request.uri().host().and_then(|host| host.strip_prefix("broker-"));
                let id = host.and_then(|id| id.parse().ok());
                let Some(Ok(broker)) = id.map(|id| self.lab.broker(id)) else {
                    return Err(Fault::NotSent {
                        why: Silence::NoSuchHost,
                        detail: "no broker of the lab".to_owned(),
                    });
                };
                let port = match request.uri().port_u16() {
                    Some(8080) => self.lab.rest(broker),
                    _ => self.lab.management(broker),
                };
                port.oneshot(request.map(Body::new)).await
            }
        };
        let broken = |detail: &str| Fault::Broken {
            why: Silence::Broken,
            status: None,
            detail: detail.to_owned(),
        };
        match sent {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let body = body.collect().await.map_err(|_| broken("half an answer"))?;
                Ok(http::Response::from_parts(head, body.to_bytes()))
            }
            Err(Refused::ConnectionRefused) => Err(Fault::NotSent {
                why: Silence::Refused,
                detail: "refused".to_owned(),
            }),
            Err(Refused::ConnectionReset) => Err(broken("reset")),
        }
    }
}
