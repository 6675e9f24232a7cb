//! Dials into pods by port-forwards: a fresh one per connection, as one that is kept pins a pod and dies with it.
//! `spec: api.md §1`
//!
//! That an API server is not heard says nothing of what runs behind it, and is told as "no connection"; that a pod refuses is
//! told as a refusal.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::Silence;
use c8dr_engine::clock::Moment;
use futures_util::future::BoxFuture;

use super::ask::Ask;
use super::channel::Channel;
use super::exec::Curl;
use super::object::Object;
use super::region::Region;
use super::rights::Right;
use super::service::{Chosen, choose};
use super::transport::fault_of;
use super::trouble::Trouble;
use crate::base_url::{Kind, Route, Through};
use crate::dial::{ByteStream, Dial, NoConnection, Target};
use crate::http::{Fault, Service};

/// Dials what is inside of the regions' clusters by port-forwards, and everything else as before.
pub struct Forward {
    regions: BTreeMap<RegionId, Region>,
    others: Arc<dyn Dial>,
    turn: AtomicUsize,
}

impl Forward {
    /// Port-forwards into `regions`; `others` dials what is in none of them.
    pub fn new(regions: BTreeMap<RegionId, Region>, others: Arc<dyn Dial>) -> Self {
        Forward {
            regions,
            others,
            turn: AtomicUsize::new(0),
        }
    }

    async fn pod_of(
        &self,
        route: &Route,
        target: &Target,
        deadline: Moment,
    ) -> Result<ByteStream, NoConnection> {
        let none = |why, detail: String| NoConnection {
            why,
            detail: format!("{target}: {detail}"),
        };
        let region = self
            .regions
            .get(&route.region)
            .filter(|region| region.namespace == route.namespace && route.through == Through::Forward)
            .ok_or_else(|| none(Silence::NoSuchHost, "no cluster is configured for it".to_owned()))?;
        let clock = region.cluster.clock();
        let limit = deadline.since(clock.now());
        let opening = async {
            let Chosen { pod, port } = match route.kind {
                Kind::Pod => Chosen {
                    pod: route.name.clone(),
                    port: target.port,
                },
                Kind::Service => self.behind(region, route, target).await?,
            };
            open(region, &pod, port)
                .await
                .map_err(|trouble| trouble.no_connection(&target.to_string()))
        };
        match clock.timeout(limit, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(none(
                Silence::NoConnection,
                format!(
                    "{} opened no port-forward within {:.1} s",
                    region.cluster,
                    limit.as_secs_f64()
                ),
            )),
        }
    }

    /// One of the pods that a service stands for, each in its turn.
    async fn behind(&self, region: &Region, route: &Route, target: &Target) -> Result<Chosen, NoConnection> {
        let words = target.to_string();
        let ask = Ask::one(Right::GetService, &region.namespace, &route.name);
        let service: Object = region
            .cluster
            .object(&ask)
            .await
            .map_err(|trouble| trouble.no_connection(&words))?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        choose(region, &service, target.port, turn)
            .await
            .map_err(|failed| match failed {
                super::service::NoPod::Trouble(trouble) => trouble.no_connection(&words),
                super::service::NoPod::None { why, detail } => NoConnection {
                    why,
                    detail: format!("{words}: {detail}"),
                },
            })
    }
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forward")
            .field("regions", &self.regions)
            .finish_non_exhaustive()
    }
}

impl Dial for Forward {
    fn dial<'a>(
        &'a self,
        target: &'a Target,
        deadline: Moment,
    ) -> BoxFuture<'a, Result<ByteStream, NoConnection>> {
        match Route::of_host(&target.host) {
            None => self.others.dial(target, deadline),
            Some(route) if route.through == Through::Exec => Box::pin(async move {
                Err(NoConnection {
                    why: Silence::NoSuchHost,
                    detail: format!("{target}: through `exec` only HTTP goes; gRPC needs `forward://`"),
                })
            }),
            Some(route) => Box::pin(async move { self.pod_of(&route, target, deadline).await }),
        }
    }

    fn carrier(&self, target: &Target) -> Option<Service> {
        let route = Route::of_host(&target.host).filter(|route| route.through == Through::Exec)?;
        let region = self
            .regions
            .get(&route.region)
            .filter(|region| region.namespace == route.namespace)?;
        Some(Service::new(Curl {
            region: region.clone(),
            pod: route.name,
        }))
    }
}

/// Opens a port-forward to a pod's port.
async fn open(region: &Region, pod: &str, port: u16) -> Result<ByteStream, Trouble> {
    let ask = Ask::one(Right::Forward, &region.namespace, pod).with_query("ports", port.to_string());
    let socket = region.cluster.stream(&ask).await?;
    Ok(Box::new(Channel::new(socket.into_stream())))
}

/// What went wrong when a stream was asked for.
pub(super) fn unopened(cluster: &str, asked: String, error: &kube::Error) -> Trouble {
    match error {
        kube::Error::Api(status) => Trouble::Refused {
            cluster: cluster.to_owned(),
            asked,
            status: status.code,
            message: crate::foreign::shown(status.message.as_bytes(), 400),
        },
        kube::Error::UpgradeConnection(error) => Trouble::Garbled {
            cluster: cluster.to_owned(),
            asked,
            problem: error.to_string(),
        },
        other => Trouble::Unheard {
            cluster: cluster.to_owned(),
            fault: match fault_of(other) {
                // Nothing of ours was in it yet.
                Fault::TooLate { limit, .. } => Fault::NotSent {
                    why: Silence::NoConnection,
                    detail: format!("no answer within {limit:?}"),
                },
                fault => fault,
            },
        },
    }
}
