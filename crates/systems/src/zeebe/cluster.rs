//! One cluster behind the engine's port.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use c8dr_domain::effect::{Answer, Mode, ZeebeEffect};
use c8dr_domain::exporting::BrokerMetrics;
use c8dr_domain::ids::{BrokerId, GatewayName, RegionId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::ready::survey::Flush;
use c8dr_domain::topology::{ClusterConfiguration, Exporters, GatewayTopology, OwnPartitions};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Tap, Zeebe};
use futures_util::future::BoxFuture;
use http::HeaderValue;

use super::endpoints::{Endpoints, Limits};
use super::gateway;
use super::grpc::Grpc;
use super::management::Management;
use super::said::Sayings;
use crate::auth::Secrets;
use crate::base_url::BaseUrl;
use crate::call::{Caller, Door};
use crate::dial::{Connector, Dial, Tls};
use crate::http::{Client, Service};
use crate::setup::{SetupError, header};

/// A Zeebe cluster, reached through its gateways and brokers. See [`Zeebe`] for what each call means.
pub struct Cluster {
    gateways: BTreeMap<GatewayName, Gateway>,
    brokers: BTreeMap<BrokerId, Door>,
    limits: Limits,
    caller: Caller,
    grpc: Grpc,
    sayings: Sayings,
}

struct Gateway {
    region: RegionId,
    rest: Option<Door>,
    management: Option<Door>,
    grpc: Option<Door>,
}

impl Cluster {
    /// A cluster that is reached through `dial`. Nothing is sent yet.
    ///
    /// Every call is told to `tap`.
    pub fn new(
        endpoints: Endpoints,
        dial: Arc<dyn Dial>,
        clock: Clock,
        tap: Option<Tap>,
    ) -> Result<Self, SetupError> {
        let https = |url: &BaseUrl| url.is_https();
        let gateways_secure = endpoints.gateways.values().any(|gateway| {
            [&gateway.rest, &gateway.management, &gateway.grpc]
                .into_iter()
                .flatten()
                .any(https)
        });
        let secure = gateways_secure || endpoints.brokers.values().any(https);
        let tls = if secure {
            Some(Tls::new(&endpoints.tls, &clock)?)
        } else {
            None
        };
        let connector = Connector::new(dial, tls, clock);
        let service = Service::new(Client::new(connector.clone()));
        Self::over(service, connector, endpoints, tap)
    }

    /// A cluster whose HTTP calls go through `service`, whatever that is; its gRPC goes over `connector`, which also
    /// brings the clock.
    pub fn over(
        service: Service,
        connector: Connector,
        endpoints: Endpoints,
        tap: Option<Tap>,
    ) -> Result<Self, SetupError> {
        let Endpoints {
            gateways,
            brokers,
            credentials,
            limits,
            ..
        } = endpoints;
        let rest = header("REST", &credentials.rest)?;
        let management = header("management", &credentials.management)?;
        let grpc = header("gRPC", &credentials.grpc)?;
        let door = |base: Option<BaseUrl>, authorization: &Option<HeaderValue>| {
            base.map(|base| Door {
                base,
                authorization: authorization.clone(),
            })
        };
        let gateways = gateways
            .into_iter()
            .map(|(name, gateway)| {
                let opened = Gateway {
                    region: gateway.region,
                    rest: door(gateway.rest, &rest),
                    management: door(gateway.management, &management),
                    grpc: door(gateway.grpc, &grpc),
                };
                (name, opened)
            })
            .collect();
        let brokers = brokers
            .into_iter()
            .map(|(id, base)| {
                (
                    id,
                    Door {
                        base,
                        authorization: management.clone(),
                    },
                )
            })
            .collect();
        let caller = Caller {
            service,
            system: "Zeebe",
            clock: connector.clock().clone(),
            tap,
            secrets: Arc::new(Secrets::of([
                &credentials.rest,
                &credentials.management,
                &credentials.grpc,
            ])),
            connect: limits.connect,
            body_bytes_max: limits.body_bytes_max,
        };
        Ok(Cluster {
            gateways,
            brokers,
            limits,
            caller,
            grpc: Grpc { connector },
            sayings: Sayings::default(),
        })
    }

    /// Asks the leaders, through a gateway, to move to where the priorities want them (`POST /actuator/rebalance`).
    ///
    /// Best effort: the server always answers 200. Clients see a few failures meanwhile. `spec: README.md §5.8`
    pub async fn rebalance(&self, gateway: &GatewayName) -> Answer {
        match self.management_of(gateway) {
            Some(management) => management.rebalance().await,
            None => not_configured(&format!("the gateway {gateway}")),
        }
    }

    /// The gateway's view by gRPC, even where REST is configured, too. [`zbctl::render`](super::zbctl::render) prints it
    /// as Camunda's older guides show it.
    pub async fn topology_by_grpc(&self, gateway: &GatewayName) -> Sight<GatewayTopology> {
        match self.gateways.get(gateway) {
            Some(gateway) => self.grpc_topology(gateway).await,
            None => Sight::NotAsked,
        }
    }

    async fn grpc_topology(&self, gateway: &Gateway) -> Sight<GatewayTopology> {
        match &gateway.grpc {
            Some(door) => self.grpc.topology(&self.caller, door, self.limits).await,
            None => Sight::NotAsked,
        }
    }

    fn management_of(&self, gateway: &GatewayName) -> Option<Management<'_>> {
        let door = self.gateways.get(gateway)?.management.as_ref()?;
        Some(self.at(door))
    }

    fn at<'a>(&'a self, door: &'a Door) -> Management<'a> {
        Management {
            caller: &self.caller,
            door,
            limits: &self.limits,
            sayings: &self.sayings,
        }
    }
}

impl Zeebe for Cluster {
    fn gateways(&self) -> BTreeMap<GatewayName, RegionId> {
        self.gateways
            .iter()
            .map(|(name, gateway)| (name.clone(), gateway.region))
            .collect()
    }

    fn brokers(&self) -> BTreeSet<BrokerId> {
        self.brokers.keys().copied().collect()
    }

    fn topology<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<GatewayTopology>> {
        Box::pin(async move {
            let Some(gateway) = self.gateways.get(gateway) else {
                return Sight::NotAsked;
            };
            match &gateway.rest {
                Some(rest) => {
                    gateway::topology(&self.caller, rest, self.limits.read, &self.sayings.topologies).await
                }
                None => self.grpc_topology(gateway).await,
            }
        })
    }

    fn configuration<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<ClusterConfiguration>> {
        Box::pin(async move {
            match self.management_of(gateway) {
                Some(management) => management.configuration().await,
                None => Sight::NotAsked,
            }
        })
    }

    fn exporters<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<Exporters>> {
        Box::pin(async move {
            match self.management_of(gateway) {
                Some(management) => management.exporters().await,
                None => Sight::NotAsked,
            }
        })
    }

    fn partitions(&self, broker: BrokerId) -> BoxFuture<'_, Sight<OwnPartitions>> {
        Box::pin(async move {
            match self.brokers.get(&broker) {
                Some(door) => self.at(door).partitions().await,
                None => Sight::NotAsked,
            }
        })
    }

    fn ready(&self, broker: BrokerId) -> BoxFuture<'_, Sight<bool>> {
        Box::pin(async move {
            match self.brokers.get(&broker) {
                Some(door) => self.at(door).ready().await,
                None => Sight::NotAsked,
            }
        })
    }

    fn metrics(&self, broker: BrokerId) -> BoxFuture<'_, Sight<BrokerMetrics>> {
        Box::pin(async move {
            match self.brokers.get(&broker) {
                Some(door) => self.at(door).metrics().await,
                None => Sight::NotAsked,
            }
        })
    }

    fn flush(&self, broker: BrokerId) -> BoxFuture<'_, Sight<Flush>> {
        Box::pin(async move {
            match self.brokers.get(&broker) {
                Some(door) => self.at(door).flush().await,
                None => Sight::NotAsked,
            }
        })
    }

    fn perform<'a>(
        &'a self,
        gateway: &'a GatewayName,
        effect: &'a ZeebeEffect,
        mode: Mode,
    ) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            // No gateway can make a single broker resume: that is said to the broker itself.
            if let ZeebeEffect::ResumeExportingOn { broker } = effect {
                return match self.brokers.get(broker) {
                    Some(door) => self.at(door).perform(effect, mode).await,
                    None => not_configured(&format!("broker {broker}")),
                };
            }
            match self.management_of(gateway) {
                Some(management) => management.perform(effect, mode).await,
                None => not_configured(&format!("the gateway {gateway}")),
            }
        })
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("gateways", &self.gateways.keys())
            .field("brokers", &self.brokers.keys())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

fn not_configured(who: &str) -> Answer {
    Answer::NotSent {
        why: Silence::NoSuchHost,
        detail: format!("{who} has no management endpoint in the configuration"),
    }
}
