//! The ports with a network in between that is as bad as the plot wants it: what changes something may be lost, late, or
//! the last that c8dr did. What only asks passes through.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use c8dr_domain::effect::{Answer, Mode, PlatformEffect, SearchEffect, ZeebeEffect};
use c8dr_domain::exporting::{BrokerMetrics, PositionVector};
use c8dr_domain::ids::{BrokerId, GatewayName, RegionId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::platform::Pod;
use c8dr_domain::search::{Holdings, Index, Recovery, SearchCluster, Snapshot};
use c8dr_domain::topology::{ClusterConfiguration, Exporters, GatewayTopology, OwnPartitions};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Answers, Platform, Questions, Search, Zeebe};
use futures_util::future::BoxFuture;

use crate::fault::{Side, Spoil};
use crate::plot::{Met, Plot};

/// After how long an adapter gives an answer up that does not come.
const TOO_LATE: Duration = Duration::from_secs(12);

/// A port behind a bad network.
pub(crate) struct Spoilt<P> {
    pub(crate) port: P,
    pub(crate) plot: Plot,
    pub(crate) clock: Clock,
}

fn unknown(status: Option<u16>, detail: &str) -> Answer {
    Answer::Unknown {
        status,
        detail: detail.to_owned(),
    }
}

impl<P> Spoilt<P> {
    async fn send(&self, request: impl Future<Output = Answer> + Send) -> Answer {
        let met = self.plot.meet(Side::Before);
        let spoil = match met {
            Some(Met::Death) => {
                self.plot.die().await;
                None
            }
            Some(Met::Spoil(spoil)) => Some(spoil),
            None => None,
        };
        match spoil {
            Some(Spoil::LostBefore) => return unknown(None, "the connection broke"),
            Some(Spoil::NotSent) => {
                return Answer::NotSent {
                    why: Silence::Refused,
                    detail: "connection refused".to_owned(),
                };
            }
            Some(Spoil::Status(409)) => {
                return Answer::Conflict {
                    message: "Topology changed while applying the change. Please retry.".to_owned(),
                };
            }
            Some(Spoil::Status(status)) => return unknown(Some(status), "something in between answered"),
            _ => {}
        }
        let answer = request.await;
        if self.plot.meet(Side::After) == Some(Met::Death) {
            self.plot.die().await;
        }
        match spoil {
            Some(Spoil::LostAfter) => unknown(None, "the connection broke"),
            Some(Spoil::LateAfter) => {
                self.clock.sleep(TOO_LATE).await;
                unknown(None, "no answer in time")
            }
            _ => answer,
        }
    }
}

impl Zeebe for Spoilt<Box<dyn Zeebe>> {
    fn gateways(&self) -> BTreeMap<GatewayName, RegionId> {
        self.port.gateways()
    }

    fn brokers(&self) -> BTreeSet<BrokerId> {
        self.port.brokers()
    }

    fn topology<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<GatewayTopology>> {
        self.port.topology(gateway)
    }

    fn configuration<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<ClusterConfiguration>> {
        self.port.configuration(gateway)
    }

    fn exporters<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<Exporters>> {
        self.port.exporters(gateway)
    }

    fn partitions(&self, broker: BrokerId) -> BoxFuture<'_, Sight<OwnPartitions>> {
        self.port.partitions(broker)
    }

    fn ready(&self, broker: BrokerId) -> BoxFuture<'_, Sight<bool>> {
        self.port.ready(broker)
    }

    fn metrics(&self, broker: BrokerId) -> BoxFuture<'_, Sight<BrokerMetrics>> {
        self.port.metrics(broker)
    }

    fn read<'a>(&'a self, questions: &'a Questions) -> BoxFuture<'a, Answers> {
        self.port.read(questions)
    }

    fn perform<'a>(
        &'a self,
        gateway: &'a GatewayName,
        effect: &'a ZeebeEffect,
        mode: Mode,
    ) -> BoxFuture<'a, Answer> {
        match mode {
            Mode::Real => Box::pin(self.send(self.port.perform(gateway, effect, mode))),
            Mode::Rehearsal => self.port.perform(gateway, effect, mode),
        }
    }
}

impl Search for Spoilt<Box<dyn Search>> {
    fn cluster(&self) -> BoxFuture<'_, Sight<SearchCluster>> {
        self.port.cluster()
    }

    fn indices(&self) -> BoxFuture<'_, Sight<Vec<Index>>> {
        self.port.indices()
    }

    fn repository<'a>(&'a self, repository: &'a str) -> BoxFuture<'a, Sight<Option<serde_json::Value>>> {
        self.port.repository(repository)
    }

    fn snapshot<'a>(&'a self, repository: &'a str, name: &'a str) -> BoxFuture<'a, Sight<Option<Snapshot>>> {
        self.port.snapshot(repository, name)
    }

    fn recoveries(&self) -> BoxFuture<'_, Sight<Vec<Recovery>>> {
        self.port.recoveries()
    }

    fn holdings<'a>(&'a self, up_to: &'a PositionVector) -> BoxFuture<'a, Sight<Holdings>> {
        self.port.holdings(up_to)
    }

    fn perform<'a>(&'a self, effect: &'a SearchEffect) -> BoxFuture<'a, Answer> {
        Box::pin(self.send(self.port.perform(effect)))
    }
}

impl Platform for Spoilt<Box<dyn Platform>> {
    fn pods(&self) -> BoxFuture<'_, Sight<Vec<Pod>>> {
        self.port.pods()
    }

    fn volumes(&self) -> BoxFuture<'_, Sight<BTreeSet<String>>> {
        self.port.volumes()
    }

    fn command(&self, effect: PlatformEffect) -> Vec<String> {
        self.port.command(effect)
    }

    fn perform(&self, effect: PlatformEffect) -> BoxFuture<'_, Answer> {
        Box::pin(self.send(self.port.perform(effect)))
    }
}
