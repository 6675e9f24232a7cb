//! A cluster by the lab's views, in the domain's words. The wire's readers share nothing with this: where both come to the
//! same decisions, neither misunderstands the lab.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use c8dr_domain::effect::{Answer, Mode, ZeebeEffect};
use c8dr_domain::exporting::{BrokerMetrics, ExporterPositions};
use c8dr_domain::ids::{BrokerId, ChangeId, ExporterId, GatewayName, PartitionId, RegionId};
use c8dr_domain::observation::{BrokerSight, GatewaySight, Sight, Silence};
use c8dr_domain::topology::{
    ChangeStatus, ClusterConfiguration, ConfiguredReplica, ExporterPhase, ExporterStatus, Exporters,
    GatewayTopology, Health, LastChange, ListedBroker, ListedReplica, Member, MemberState, Operation,
    OperationKind, OwnPartitions, OwnReplica, PendingChange, ProcessorPhase, Role,
};
use c8dr_engine::ports::{Answers, AskReady, Questions, Zeebe};
use c8dr_lab::Lab;
use c8dr_lab::views::{
    Asking, Begun, ConfigurationView, ListedView, MemberView, MetricsView, OperationView, PlacedView,
    Question, ReplicaView, Said, Told, TopologyView,
};
use c8dr_systems::zeebe::Limits;
use futures_util::future::{BoxFuture, join, join_all};

use crate::rings::gateway;

/// The brokers and gateways of a lab.
pub(crate) struct LabZeebe {
    lab: Lab,
    gateways: BTreeMap<GatewayName, (c8dr_lab::BrokerId, RegionId)>,
    regions: BTreeMap<GatewayName, RegionId>,
    brokers: BTreeSet<BrokerId>,
    /// As long as the adapters wait.
    limits: Limits,
    /// The way of what changes something.
    effects: Box<dyn Zeebe>,
    /// What was told last, as it was read.
    shown: Mutex<Shown>,
}

/// As many configurations as both sides have, and what they were a moment ago.
const CONFIGURATIONS_KEPT: usize = 4;

/// What was told last, with what it was read from: what is the same as before is not read again.
#[derive(Default)]
struct Shown {
    gateways: BTreeMap<GatewayName, (Parts, Arc<GatewaySight>)>,
    topologies: BTreeMap<GatewayName, (Arc<TopologyView>, Arc<GatewayTopology>)>,
    configurations: Vec<(Arc<ConfigurationView>, Arc<ClusterConfiguration>)>,
    brokers: BTreeMap<BrokerId, (Arc<Vec<ReplicaView>>, Arc<BrokerSight>)>,
}

/// What a gateway's sight was read from.
struct Parts {
    topology: Arc<TopologyView>,
    configuration: Arc<ConfigurationView>,
    exporters: Arc<Vec<(String, &'static str)>>,
}

/// What a broker told of itself.
#[derive(Default)]
struct Account {
    ready: Sight<bool>,
    partitions: Option<Said<Told>>,
    /// Where its partitions were followed on their own.
    followed: Option<Sight<OwnPartitions>>,
    metrics: Sight<BrokerMetrics>,
}

impl Shown {
    fn topology(&mut self, name: &GatewayName, view: Arc<TopologyView>) -> Arc<GatewayTopology> {
        if let Some((of, read)) = self.topologies.get(name)
            && Arc::ptr_eq(of, &view)
        {
            return Arc::clone(read);
        }
        let read = Arc::new(topology(&view));
        self.topologies.insert(name.clone(), (view, Arc::clone(&read)));
        read
    }

    fn configuration(&mut self, view: Arc<ConfigurationView>) -> Arc<ClusterConfiguration> {
        let known = self.configurations.iter().find(|(of, _)| Arc::ptr_eq(of, &view));
        if let Some((_, read)) = known {
            return Arc::clone(read);
        }
        let read = Arc::new(configuration(&view));
        if self.configurations.len() == CONFIGURATIONS_KEPT {
            self.configurations.remove(0);
        }
        self.configurations.push((view, Arc::clone(&read)));
        read
    }

    /// A gateway's three answers; the same sight as before if all three are the same as before.
    fn gateway(&mut self, name: &GatewayName, region: RegionId, said: [Said<Told>; 3]) -> Arc<GatewaySight> {
        let parts = match &said {
            [
                Said::Value(Told::Topology(topology)),
                Said::Value(Told::Configuration(configuration)),
                Said::Value(Told::Exporters(exporters)),
            ] => Some(Parts {
                topology: Arc::clone(topology),
                configuration: Arc::clone(configuration),
                exporters: Arc::clone(exporters),
            }),
            _ => None,
        };
        if let (Some(parts), Some((before, sight))) = (&parts, self.gateways.get(name))
            && Arc::ptr_eq(&parts.topology, &before.topology)
            && Arc::ptr_eq(&parts.configuration, &before.configuration)
            && Arc::ptr_eq(&parts.exporters, &before.exporters)
        {
            return Arc::clone(sight);
        }
        let [one, two, three] = said;
        let read = Arc::new(GatewaySight {
            region,
            topology: sight(one, |told| match told {
                Told::Topology(view) => Some(self.topology(name, view)),
                _ => None,
            }),
            configuration: sight(two, |told| match told {
                Told::Configuration(view) => Some(self.configuration(view)),
                _ => None,
            }),
            exporters: sight(three, told_exporters),
        });
        if let Some(parts) = parts {
            self.gateways.insert(name.clone(), (parts, Arc::clone(&read)));
        }
        read
    }

    /// What a broker told; the same sight as before if it told the same.
    fn broker(&mut self, broker: BrokerId, account: Account) -> Arc<BrokerSight> {
        let view = match &account.partitions {
            Some(Said::Value(Told::Partitions(view))) => Some(Arc::clone(view)),
            _ => None,
        };
        if let (Some(view), Some((of, before))) = (&view, self.brokers.get(&broker))
            && Arc::ptr_eq(of, view)
            && before.ready == account.ready
            && before.metrics == account.metrics
        {
            return Arc::clone(before);
        }
        let partitions = match (account.followed, account.partitions) {
            (Some(followed), _) => followed,
            (None, Some(said)) => sight(said, told_partitions),
            (None, None) => Sight::NotAsked,
        };
        let read = Arc::new(BrokerSight {
            ready: account.ready,
            partitions,
            metrics: account.metrics,
        });
        if let Some(view) = view {
            self.brokers.insert(broker, (view, Arc::clone(&read)));
        }
        read
    }
}

impl LabZeebe {
    pub(crate) fn new(lab: Lab, brokers: u32, effects: Box<dyn Zeebe>) -> LabZeebe {
        let gateways: BTreeMap<_, _> = (0..brokers)
            .map(|broker| {
                let (name, region) = gateway(broker);
                (name, (c8dr_lab::BrokerId(broker), region))
            })
            .collect();
        LabZeebe {
            regions: (gateways.iter())
                .map(|(name, (_, region))| (name.clone(), *region))
                .collect(),
            gateways,
            brokers: (0..brokers).map(BrokerId).collect(),
            limits: Limits::default(),
            lab,
            effects,
            shown: Mutex::default(),
        }
    }

    fn asking(&self, broker: c8dr_lab::BrokerId, question: Question) -> Asking {
        let limit = match question {
            Question::Partitions => self.limits.partitions,
            Question::Metrics => self.limits.metrics,
            _ => self.limits.read,
        };
        Asking {
            broker,
            question,
            limit,
        }
    }

    /// Asks one thing.
    async fn one(&self, broker: c8dr_lab::BrokerId, question: Question) -> Said<Told> {
        let begun = self.lab.begin(&[self.asking(broker, question)]);
        let said = self.lab.finish_all(begun).await;
        said.into_iter().next().unwrap_or(Said::Nothing)
    }

    /// Asks a gateway, if there is one of this name.
    async fn asked<T>(
        &self,
        name: &GatewayName,
        question: Question,
        read: impl FnOnce(Told) -> Option<T>,
    ) -> Sight<T> {
        match self.gateways.get(name) {
            Some((gateway, _)) => sight(self.one(*gateway, question).await, read),
            None => Sight::NotAsked,
        }
    }

    /// A broker's partitions, and if it does not tell of them, whether it is ready.
    async fn own_account(&self, begun: Begun) -> (Sight<bool>, Sight<OwnPartitions>) {
        let broker = begun.broker();
        match sight(self.lab.finish(begun).await, told_partitions) {
            partitions @ (Sight::Seen(_) | Sight::NotAsked) => (Sight::NotAsked, partitions),
            partitions => {
                let ready = ready(self.one(broker, Question::Ready).await);
                (ready, partitions)
            }
        }
    }

    async fn read_all(&self, questions: &Questions) -> Answers {
        let mut askings = Vec::with_capacity(3 * (questions.gateways.len() + questions.brokers.len()));
        let asked_gateways: Vec<_> = (questions.gateways.iter())
            .filter_map(|(name, region)| Some((name, *region, self.gateways.get(name)?.0)))
            .collect();
        for (_, _, gateway) in &asked_gateways {
            for question in [Question::Topology, Question::Configuration, Question::Exporters] {
                askings.push(self.asking(*gateway, question));
            }
        }
        for (broker, asked) in &questions.brokers {
            let at = c8dr_lab::BrokerId(broker.0);
            if asked.ready == AskReady::Always {
                askings.push(self.asking(at, Question::Ready));
            }
            askings.push(self.asking(at, Question::Partitions));
            if asked.metrics {
                askings.push(self.asking(at, Question::Metrics));
            }
        }
        // All of them are asked in the same instant. Whoever will not tell of its partitions is followed on its own.
        let mut plain = Vec::with_capacity(askings.len());
        let mut followed = Vec::new();
        for begun in self.lab.begin(&askings) {
            let broker = BrokerId(begun.broker().0);
            let is_account = begun.question() == Question::Partitions
                && (questions.brokers.get(&broker)).is_some_and(|asked| asked.ready == AskReady::IfSilent);
            if is_account && !matches!(begun.foreseen(), Some(Said::Value(_))) {
                followed.push((broker, begun));
            } else {
                plain.push(begun);
            }
        }
        let accounts = join_all(
            followed
                .into_iter()
                .map(async |(broker, begun)| (broker, self.own_account(begun).await)),
        );
        let (said, mut accounts) = join(self.lab.finish_all(plain), accounts).await;
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answers = Answers::default();
        let mut said = said.into_iter();
        for (name, region, _) in asked_gateways.iter().copied() {
            let (Some(one), Some(two), Some(three)) = (said.next(), said.next(), said.next()) else {
                break;
            };
            let sight = shown.gateway(name, region, [one, two, three]);
            answers.gateways.insert(name.clone(), sight);
        }
        // The answers stand in the order of the questions, but for those that were followed.
        let mut brokers = Vec::with_capacity(questions.brokers.len());
        for (broker, asked) in &questions.brokers {
            let mut account = Account::default();
            if asked.ready == AskReady::Always {
                account.ready = said.next().map_or(Sight::NotAsked, ready);
            }
            match accounts.iter().position(|(of, _)| of == broker) {
                Some(place) => {
                    let (_, (ready, partitions)) = accounts.swap_remove(place);
                    account.ready = ready;
                    account.followed = Some(partitions);
                }
                None => account.partitions = said.next(),
            }
            if asked.metrics {
                let metrics = said.next().map(|said| sight(said, told_metrics));
                account.metrics = metrics.unwrap_or_default();
            }
            brokers.push((*broker, shown.broker(*broker, account)));
        }
        answers.brokers = brokers.into_iter().collect();
        answers
    }
}

/// What was said, as what was seen.
pub(super) fn sight<V, T>(said: Said<V>, read: impl FnOnce(V) -> Option<T>) -> Sight<T> {
    let silent = |why, detail: &str| Sight::Silent {
        why,
        detail: detail.to_owned(),
    };
    match said {
        Said::Value(value) => read(value).map_or(Sight::NotAsked, Sight::Seen),
        Said::Nothing => Sight::Empty,
        Said::Declined { status, message } => Sight::Declined { status, message },
        Said::Garbled(problem) => Sight::Garbled { problem },
        Said::ConnectionRefused => silent(Silence::Refused, "refused"),
        Said::ConnectionReset => silent(Silence::Broken, "reset"),
        Said::TooLate => silent(Silence::NoAnswer, ""),
    }
}

fn told_topology(told: Told) -> Option<GatewayTopology> {
    match told {
        Told::Topology(view) => Some(topology(&view)),
        _ => None,
    }
}

fn told_configuration(told: Told) -> Option<ClusterConfiguration> {
    match told {
        Told::Configuration(view) => Some(configuration(&view)),
        _ => None,
    }
}

fn told_exporters(told: Told) -> Option<Exporters> {
    match told {
        Told::Exporters(view) => Some(exporters(&view)),
        _ => None,
    }
}

fn told_partitions(told: Told) -> Option<OwnPartitions> {
    match told {
        Told::Partitions(views) => Some(own(&views)),
        _ => None,
    }
}

/// Whether it is ready, of what was said.
fn ready(said: Said<Told>) -> Sight<bool> {
    sight(said, |told| match told {
        Told::Ready(ready) => Some(ready),
        _ => None,
    })
}

fn told_metrics(told: Told) -> Option<BrokerMetrics> {
    match told {
        Told::Metrics(view) => Some(metrics(view)),
        _ => None,
    }
}

fn broker(id: c8dr_lab::BrokerId) -> BrokerId {
    BrokerId(id.0)
}

fn partition(id: c8dr_lab::PartitionId) -> PartitionId {
    PartitionId(id.0)
}

fn listed(view: &ListedView) -> (BrokerId, ListedBroker) {
    let replica = |(id, leads): &(c8dr_lab::PartitionId, bool)| {
        let replica = ListedReplica {
            role: if *leads { Role::Leader } else { Role::Follower },
            health: Health::Healthy,
        };
        (partition(*id), replica)
    };
    let listed = ListedBroker {
        host: view.host.clone(),
        port: 26501,
        version: "8.6.0".to_owned(),
        partitions: view.partitions.iter().map(replica).collect(),
    };
    (broker(view.id), listed)
}

fn topology(view: &TopologyView) -> GatewayTopology {
    GatewayTopology {
        brokers: view.brokers.iter().map(listed).collect(),
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

fn placed(view: &PlacedView) -> (PartitionId, ConfiguredReplica) {
    let exporter = |(id, is_enabled): &(String, bool)| {
        let status = match *is_enabled {
            true => ExporterStatus::Enabled,
            false => ExporterStatus::Disabled,
        };
        (ExporterId::new(id.as_str()), status)
    };
    let replica = ConfiguredReplica {
        state: state(view.state),
        priority: view.priority,
        exporters: view.exporters.iter().map(exporter).collect(),
    };
    (partition(view.partition), replica)
}

fn member(view: &MemberView) -> (BrokerId, Member) {
    let member = Member {
        state: state(view.state),
        partitions: view.partitions.iter().map(placed).collect(),
    };
    (broker(view.id), member)
}

fn operation(view: &OperationView) -> Operation {
    Operation {
        kind: OperationKind::from(view.kind.to_owned()),
        broker: Some(broker(view.broker)),
        partition: view.partition.map(partition),
        brokers: view.brokers.iter().copied().map(broker).collect(),
        exporter: view.exporter.as_deref().map(ExporterId::new),
    }
}

fn configuration(view: &ConfigurationView) -> ClusterConfiguration {
    let id = |id: u64| ChangeId(i64::try_from(id).unwrap_or(i64::MAX));
    ClusterConfiguration {
        version: i64::try_from(view.version).unwrap_or(i64::MAX),
        members: view.members.iter().map(member).collect(),
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
        pending_change: view
            .pending
            .as_ref()
            .map(|(change, completed, pending)| PendingChange {
                id: id(*change),
                status: ChangeStatus::InProgress,
                completed: completed.iter().map(operation).collect(),
                pending: pending.iter().map(operation).collect(),
            }),
    }
}

fn exporters(view: &[(String, &'static str)]) -> Exporters {
    let one = |(id, status): &(String, &'static str)| {
        let status = ExporterStatus::from((*status).to_owned());
        (ExporterId::new(id.as_str()), status)
    };
    view.iter().map(one).collect()
}

fn own(views: &[ReplicaView]) -> OwnPartitions {
    let position = |position: i64| (position >= 0).then_some(position);
    let one = |view: &ReplicaView| {
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
    views.iter().map(one).collect()
}

fn metrics(view: MetricsView) -> BrokerMetrics {
    let mut metrics = BrokerMetrics {
        disk_free_bytes: view.disk_free_bytes,
        disk_total_bytes: view.disk_total_bytes,
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
        self.regions.clone()
    }

    fn brokers(&self) -> BTreeSet<BrokerId> {
        self.brokers.clone()
    }

    fn topology<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<GatewayTopology>> {
        Box::pin(self.asked(gateway, Question::Topology, told_topology))
    }

    fn configuration<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<ClusterConfiguration>> {
        Box::pin(self.asked(gateway, Question::Configuration, told_configuration))
    }

    fn exporters<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<Exporters>> {
        Box::pin(self.asked(gateway, Question::Exporters, told_exporters))
    }

    fn partitions(&self, broker: BrokerId) -> BoxFuture<'_, Sight<OwnPartitions>> {
        let at = c8dr_lab::BrokerId(broker.0);
        Box::pin(async move { sight(self.one(at, Question::Partitions).await, told_partitions) })
    }

    fn ready(&self, broker: BrokerId) -> BoxFuture<'_, Sight<bool>> {
        let at = c8dr_lab::BrokerId(broker.0);
        Box::pin(async move { ready(self.one(at, Question::Ready).await) })
    }

    fn metrics(&self, broker: BrokerId) -> BoxFuture<'_, Sight<BrokerMetrics>> {
        let at = c8dr_lab::BrokerId(broker.0);
        Box::pin(async move { sight(self.one(at, Question::Metrics).await, told_metrics) })
    }

    fn read<'a>(&'a self, questions: &'a Questions) -> BoxFuture<'a, Answers> {
        Box::pin(self.read_all(questions))
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
