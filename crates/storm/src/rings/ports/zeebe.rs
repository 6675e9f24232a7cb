//! A cluster by the lab's views, in the domain's words. The wire's readers share nothing with this: where both come to the
//! same decisions, neither misunderstands the lab.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use c8dr_domain::effect::{Answer, Mode, ZeebeEffect};
use c8dr_domain::exporting::{BrokerMetrics, ExporterPositions};
use c8dr_domain::ids::{BrokerId, ChangeId, ExporterId, GatewayName, PartitionId, RegionId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::topology::{
    ChangeStatus, ClusterConfiguration, ConfiguredReplica, ExporterPhase, ExporterStatus, Exporters,
    GatewayTopology, Health, LastChange, ListedBroker, ListedReplica, Member, MemberState, Operation,
    OperationKind, OwnPartitions, OwnReplica, PendingChange, ProcessorPhase, Role,
};
use c8dr_engine::ports::Zeebe;
use c8dr_lab::Lab;
use c8dr_lab::views::{
    ConfigurationView, ListedView, MemberView, MetricsView, OperationView, PlacedView, ReplicaView, Said,
    TopologyView,
};
use c8dr_systems::zeebe::Limits;
use futures_util::future::BoxFuture;

use crate::rings::gateway;

/// The brokers and gateways of a lab.
pub(crate) struct LabZeebe {
    lab: Lab,
    gateways: BTreeMap<GatewayName, (c8dr_lab::BrokerId, RegionId)>,
    brokers: BTreeSet<BrokerId>,
    /// As long as the adapters wait.
    limits: Limits,
    /// The way of what changes something.
    effects: Box<dyn Zeebe>,
}

impl LabZeebe {
    pub(crate) fn new(lab: Lab, brokers: u32, effects: Box<dyn Zeebe>) -> LabZeebe {
        LabZeebe {
            gateways: (0..brokers)
                .map(|broker| {
                    let (name, region) = gateway(broker);
                    (name, (c8dr_lab::BrokerId(broker), region))
                })
                .collect(),
            brokers: (0..brokers).map(BrokerId).collect(),
            limits: Limits::default(),
            lab,
            effects,
        }
    }

    /// Asks a gateway, if there is one of this name.
    async fn asked<T, V, F: Future<Output = Said<V>>>(
        &self,
        name: &GatewayName,
        ask: impl FnOnce(c8dr_lab::BrokerId, Duration) -> F,
        read: impl FnOnce(V) -> T,
    ) -> Sight<T> {
        match self.gateways.get(name) {
            Some((gateway, _)) => sight(ask(*gateway, self.limits.read).await, read),
            None => Sight::NotAsked,
        }
    }
}

/// What was said, as what was seen.
fn sight<V, T>(said: Said<V>, read: impl FnOnce(V) -> T) -> Sight<T> {
    let silent = |why, detail: &str| Sight::Silent {
        why,
        detail: detail.to_owned(),
    };
    match said {
        Said::Value(value) => Sight::Seen(read(value)),
        Said::Nothing => Sight::Empty,
        Said::Declined { status, message } => Sight::Declined { status, message },
        Said::ConnectionRefused => silent(Silence::Refused, "refused"),
        Said::ConnectionReset => silent(Silence::Broken, "reset"),
        Said::TooLate => silent(Silence::NoAnswer, ""),
    }
}

fn broker(id: c8dr_lab::BrokerId) -> BrokerId {
    BrokerId(id.0)
}

fn partition(id: c8dr_lab::PartitionId) -> PartitionId {
    PartitionId(id.0)
}

fn listed(view: ListedView) -> (BrokerId, ListedBroker) {
    let replica = |(id, leads)| {
        let replica = ListedReplica {
            role: if leads { Role::Leader } else { Role::Follower },
            health: Health::Healthy,
        };
        (partition(id), replica)
    };
    let listed = ListedBroker {
        host: view.host,
        port: 26501,
        version: "8.6.0".to_owned(),
        partitions: view.partitions.into_iter().map(replica).collect(),
    };
    (broker(view.id), listed)
}

fn topology(view: TopologyView) -> GatewayTopology {
    GatewayTopology {
        brokers: view.brokers.into_iter().map(listed).collect(),
        cluster_size: view.cluster_size,
        partitions_count: view.partitions_count,
        replication_factor: view.replication_factor,
        gateway_version: "8.6.0".to_owned(),
    }
}

fn state(word: &str) -> MemberState {
    match word {
        "ACTIVE" => MemberState::Active,
        "JOINING" => MemberState::Joining,
        "LEAVING" => MemberState::Leaving,
        "LEFT" => MemberState::Left,
        other => MemberState::Other(other.to_owned()),
    }
}

fn placed(view: PlacedView) -> (PartitionId, ConfiguredReplica) {
    let exporter = |(id, is_enabled): (String, bool)| {
        let status = match is_enabled {
            true => ExporterStatus::Enabled,
            false => ExporterStatus::Disabled,
        };
        (ExporterId::new(id), status)
    };
    let replica = ConfiguredReplica {
        state: state(view.state),
        priority: view.priority,
        exporters: view.exporters.into_iter().map(exporter).collect(),
    };
    (partition(view.partition), replica)
}

fn member(view: MemberView) -> (BrokerId, Member) {
    let member = Member {
        state: state(view.state),
        partitions: view.partitions.into_iter().map(placed).collect(),
    };
    (broker(view.id), member)
}

fn operation(view: OperationView) -> Operation {
    Operation {
        kind: OperationKind::from(view.kind.to_owned()),
        broker: Some(broker(view.broker)),
        partition: view.partition.map(partition),
        brokers: view.brokers.into_iter().map(broker).collect(),
        exporter: view.exporter.map(ExporterId::new),
    }
}

fn configuration(view: ConfigurationView) -> ClusterConfiguration {
    let id = |id: u64| ChangeId(i64::try_from(id).unwrap_or(i64::MAX));
    ClusterConfiguration {
        version: i64::try_from(view.version).unwrap_or(i64::MAX),
        members: view.members.into_iter().map(member).collect(),
        last_change: view
            .last_change
            .map(|(change, is_completed, began, ended)| LastChange {
                id: id(change),
                status: match is_completed {
                    true => ChangeStatus::Completed,
                    false => ChangeStatus::Cancelled,
                },
                started_at: Some(began),
                completed_at: Some(ended),
            }),
        pending_change: view.pending.map(|(change, completed, pending)| PendingChange {
            id: id(change),
            status: ChangeStatus::InProgress,
            completed: completed.into_iter().map(operation).collect(),
            pending: pending.into_iter().map(operation).collect(),
        }),
    }
}

fn exporters(view: Vec<(String, &'static str)>) -> Exporters {
    let one = |(id, status): (String, &str)| (ExporterId::new(id), ExporterStatus::from(status.to_owned()));
    view.into_iter().map(one).collect()
}

fn own(views: Vec<ReplicaView>) -> OwnPartitions {
    let position = |position: i64| (position >= 0).then_some(position);
    let one = |view: ReplicaView| {
        let replica = OwnReplica {
            role: if view.leads { Role::Leader } else { Role::Follower },
            processor: Some(match view.processor {
                "PROCESSING" => ProcessorPhase::Processing,
                "REPLAY" => ProcessorPhase::Replay,
                "PAUSED" => ProcessorPhase::Paused,
                other => ProcessorPhase::Other(other.to_owned()),
            }),
            exporter_phase: Some(match view.phase {
                "EXPORTING" => ExporterPhase::Exporting,
                "PAUSED" => ExporterPhase::Paused,
                "SOFT_PAUSED" => ExporterPhase::SoftPaused,
                other => ExporterPhase::Other(other.to_owned()),
            }),
            processed_position: position(view.processed),
            exported_position: position(view.exported),
        };
        (partition(view.partition), replica)
    };
    views.into_iter().map(one).collect()
}

fn metrics(view: MetricsView) -> BrokerMetrics {
    let mut metrics = BrokerMetrics {
        disk_free_bytes: view.disk_free_bytes,
        ..BrokerMetrics::default()
    };
    for (of, exporter, handed, acknowledged) in view.exporters {
        let positions = ExporterPositions {
            handed: Some(handed),
            acknowledged: Some(acknowledged),
        };
        let partition = metrics.exporters.entry(partition(of)).or_default();
        partition.insert(ExporterId::new(exporter), positions);
    }
    metrics
}

impl Zeebe for LabZeebe {
    fn gateways(&self) -> BTreeMap<GatewayName, RegionId> {
        let region = |(name, (_, region)): (&GatewayName, &(_, RegionId))| (name.clone(), *region);
        self.gateways.iter().map(region).collect()
    }

    fn brokers(&self) -> BTreeSet<BrokerId> {
        self.brokers.clone()
    }

    fn topology<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<GatewayTopology>> {
        Box::pin(self.asked(gateway, |at, limit| self.lab.view_topology(at, limit), topology))
    }

    fn configuration<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<ClusterConfiguration>> {
        Box::pin(self.asked(
            gateway,
            |at, limit| self.lab.view_configuration(at, limit),
            configuration,
        ))
    }

    fn exporters<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<Exporters>> {
        Box::pin(self.asked(gateway, |at, limit| self.lab.view_exporters(at, limit), exporters))
    }

    fn partitions(&self, broker: BrokerId) -> BoxFuture<'_, Sight<OwnPartitions>> {
        Box::pin(async move {
            let at = c8dr_lab::BrokerId(broker.0);
            sight(self.lab.view_partitions(at, self.limits.partitions).await, own)
        })
    }

    fn ready(&self, broker: BrokerId) -> BoxFuture<'_, Sight<bool>> {
        Box::pin(async move {
            let at = c8dr_lab::BrokerId(broker.0);
            sight(self.lab.view_ready(at, self.limits.read).await, |ready| ready)
        })
    }

    fn metrics(&self, broker: BrokerId) -> BoxFuture<'_, Sight<BrokerMetrics>> {
        Box::pin(async move {
            let at = c8dr_lab::BrokerId(broker.0);
            sight(self.lab.view_metrics(at, self.limits.metrics).await, metrics)
        })
    }

    fn perform<'a>(
        &'a self,
        gateway: &'a GatewayName,
        effect: &'a ZeebeEffect,
        mode: Mode,
    ) -> BoxFuture<'a, Answer> {
        self.effects.perform(gateway, effect, mode)
    }
}
