//! The ports with a network in between that is as bad as the plot wants it: what changes something may be lost, late, or
//! the last that c8dr did. What only asks passes through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::effect::{Answer, Mode, PlatformEffect, SearchEffect, ZeebeEffect};
use c8dr_domain::exporting::{BrokerMetrics, PositionVector};
use c8dr_domain::ids::{BrokerId, ExporterId, GatewayName, RegionId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::platform::{Pod, WriteTrial};
use c8dr_domain::search::{Holdings, Index, Recovery, SearchCluster, Snapshot};
use c8dr_domain::topology::{ClusterConfiguration, Exporters, GatewayTopology, OwnPartitions};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Answers, Platform, Questions, Search, Zeebe, read_one_by_one};
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
    /// The only region that is reached from where c8dr is; `None` if both are.
    pub(crate) reaches_only: Option<RegionId>,
}

fn unknown(status: Option<u16>, detail: &str) -> Answer {
    Answer::Unknown {
        status,
        detail: detail.to_owned(),
    }
}

impl<P> Spoilt<P> {
    async fn send(&self, request: BoxFuture<'static, Answer>) -> Answer {
        let met = self.plot.meet(Side::Before);
        let spoil = match met {
            Some(Met::Death) => {
                self.plot.die().await;
                None
            }
            Some(Met::LateDeath(late)) => {
                // It is on its way, and nobody is left to hear what becomes of it.
                let clock = self.clock.clone();
                tokio::spawn(async move {
                    clock.sleep(late).await;
                    request.await;
                });
                self.plot.die().await;
                return unknown(None, "c8dr is gone");
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
        if matches!(self.plot.meet(Side::After), Some(Met::Death | Met::LateDeath(_))) {
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

impl<P> Spoilt<P> {
    fn is_away(&self, region: Option<RegionId>) -> bool {
        self.reaches_only
            .is_some_and(|only| region.is_some_and(|region| region != only))
    }
}

/// What is asked across a cut link.
fn unheard<'a, T: Send + 'a>() -> BoxFuture<'a, Sight<T>> {
    Box::pin(async {
        Sight::Silent {
            why: Silence::NoConnection,
            detail: "the link is cut".to_owned(),
        }
    })
}

impl Spoilt<Arc<dyn Zeebe>> {
    fn region_of(&self, gateway: &GatewayName) -> Option<RegionId> {
        self.reaches_only?;
        self.port.gateways().get(gateway).copied()
    }
}

impl Zeebe for Spoilt<Arc<dyn Zeebe>> {
    fn gateways(&self) -> BTreeMap<GatewayName, RegionId> {
        self.port.gateways()
    }

    fn brokers(&self) -> BTreeSet<BrokerId> {
        self.port.brokers()
    }

    fn topology<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<GatewayTopology>> {
        match self.is_away(self.region_of(gateway)) {
            true => unheard(),
            false => self.port.topology(gateway),
        }
    }

    fn configuration<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<ClusterConfiguration>> {
        match self.is_away(self.region_of(gateway)) {
            true => unheard(),
            false => self.port.configuration(gateway),
        }
    }

    fn exporters<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<Exporters>> {
        match self.is_away(self.region_of(gateway)) {
            true => unheard(),
            false => self.port.exporters(gateway),
        }
    }

    fn partitions(&self, broker: BrokerId) -> BoxFuture<'_, Sight<OwnPartitions>> {
        match self.is_away(Some(RegionId::of(broker))) {
            true => unheard(),
            false => self.port.partitions(broker),
        }
    }

    fn ready(&self, broker: BrokerId) -> BoxFuture<'_, Sight<bool>> {
        match self.is_away(Some(RegionId::of(broker))) {
            true => unheard(),
            false => self.port.ready(broker),
        }
    }

    fn metrics(&self, broker: BrokerId) -> BoxFuture<'_, Sight<BrokerMetrics>> {
        match self.is_away(Some(RegionId::of(broker))) {
            true => unheard(),
            false => self.port.metrics(broker),
        }
    }

    fn read<'a>(&'a self, questions: &'a Questions) -> BoxFuture<'a, Answers> {
        match self.reaches_only {
            // Each of them meets the cut on its own.
            Some(_) => Box::pin(read_one_by_one(self, questions)),
            None => self.port.read(questions),
        }
    }

    fn perform<'a>(
        &'a self,
        gateway: &'a GatewayName,
        effect: &'a ZeebeEffect,
        mode: Mode,
    ) -> BoxFuture<'a, Answer> {
        if self.is_away(self.region_of(gateway)) {
            return Box::pin(async {
                Answer::NotSent {
                    why: Silence::NoConnection,
                    detail: "the link is cut".to_owned(),
                }
            });
        }
        match mode {
            Mode::Real => {
                let (port, gateway, effect) = (self.port.clone(), gateway.clone(), effect.clone());
                Box::pin(self.send(Box::pin(
                    async move { port.perform(&gateway, &effect, mode).await },
                )))
            }
            Mode::Rehearsal => self.port.perform(gateway, effect, mode),
        }
    }
}

impl Search for Spoilt<Arc<dyn Search>> {
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
        let (port, effect) = (self.port.clone(), effect.clone());
        Box::pin(self.send(Box::pin(async move { port.perform(&effect).await })))
    }
}

impl Platform for Spoilt<Arc<dyn Platform>> {
    fn pods(&self) -> BoxFuture<'_, Sight<Vec<Pod>>> {
        self.port.pods()
    }

    fn volumes(&self) -> BoxFuture<'_, Sight<BTreeSet<String>>> {
        self.port.volumes()
    }

    fn writes<'a>(
        &'a self,
        exporters: &'a BTreeMap<RegionId, ExporterId>,
    ) -> BoxFuture<'a, Sight<Vec<WriteTrial>>> {
        self.port.writes(exporters)
    }

    fn command(&self, effect: PlatformEffect) -> Vec<String> {
        self.port.command(effect)
    }

    fn perform(&self, effect: PlatformEffect) -> BoxFuture<'_, Answer> {
        let port = self.port.clone();
        Box::pin(self.send(Box::pin(async move { port.perform(effect).await })))
    }
}
