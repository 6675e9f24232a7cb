//! What brokers say, as values: the same questions as on the wire, answered after the same times, with the
//! same chance drawn, and nothing serialized. For those who live through thousands of disasters.

mod search;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use c8dr_engine::clock::Moment;
use futures_util::future::join_all;
use jiff::Timestamp;

use crate::api::cluster::exporter_states;
use crate::api::{Answer, Asked, Call, JSON, Reply, wire};
use crate::cluster::configuration::{ChangeStatus, Configuration, Deed, Member, Operation, Placed};
use crate::cluster::raft::Role;
use crate::face::Refused;
use crate::ids::{BrokerId, PartitionId};
use crate::lab::{Lab, Met, Visit};
use crate::world::{AnswerFault, World};

pub use search::{HeldView, IndexView, RecoveryView, SearchView};

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Said<T> {
    /// This was said.
    Value(T),
    /// An empty object was said, after seconds of silence.
    Nothing,
    /// An error was said.
    Declined {
        /// Its status.
        status: u16,
        /// Its message.
        message: String,
    },
    /// Something was said that is no answer.
    Garbled(String),
    /// Nobody listens there.
    ConnectionRefused,
    /// Whoever listened ended before the answer.
    ConnectionReset,
    /// Nothing was said in time.
    TooLate,
}

impl<T> Said<T> {
    /// Another value where one was said.
    fn map<U>(self, other: impl FnOnce(T) -> U) -> Said<U> {
        match self {
            Said::Value(value) => Said::Value(other(value)),
            Said::Nothing => Said::Nothing,
            Said::Declined { status, message } => Said::Declined { status, message },
            Said::Garbled(problem) => Said::Garbled(problem),
            Said::ConnectionRefused => Said::ConnectionRefused,
            Said::ConnectionReset => Said::ConnectionReset,
            Said::TooLate => Said::TooLate,
        }
    }
}

/// A broker as a gateway lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedView {
    /// Which.
    pub id: BrokerId,
    /// Its host.
    pub host: String,
    /// Its partitions, and whether it leads them.
    pub partitions: Vec<(PartitionId, bool)>,
}

/// A gateway's view of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct TopologyView {
    /// The brokers that it lists.
    pub brokers: Vec<ListedView>,
    /// How many members there are.
    pub cluster_size: u32,
    /// How many partitions.
    pub partitions_count: u32,
    /// The smallest number of replicas.
    pub replication_factor: u32,
}

/// An operation of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationView {
    /// Its kind, as it is called on the wire.
    pub kind: &'static str,
    /// Who carries it out.
    pub broker: BrokerId,
    /// Which partition it is about.
    pub partition: Option<PartitionId>,
    /// Which brokers it is about.
    pub brokers: Vec<BrokerId>,
    /// Which exporter it is about.
    pub exporter: Option<String>,
}

/// A replica in the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedView {
    /// Of which partition.
    pub partition: PartitionId,
    /// Its state, as it is called on the wire.
    pub state: &'static str,
    /// Its priority.
    pub priority: u32,
    /// Its exporters, and whether they are enabled.
    pub exporters: Vec<(String, bool)>,
}

/// A member of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberView {
    /// Which broker.
    pub id: BrokerId,
    /// Its state, as it is called on the wire.
    pub state: &'static str,
    /// Its replicas.
    pub partitions: Vec<PlacedView>,
}

/// The coordinator's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigurationView {
    /// Its version.
    pub version: u64,
    /// Its members.
    pub members: Vec<MemberView>,
    /// The last change: its id, whether it was completed (otherwise cancelled), when it began and ended.
    pub last_change: Option<(u64, bool, Timestamp, Timestamp)>,
    /// The pending change: its id, and its operations, those that are done and those that are not.
    pub pending: Option<(u64, Vec<OperationView>, Vec<OperationView>)>,
}

/// A broker's own replica.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaView {
    /// Of which partition.
    pub partition: PartitionId,
    /// Whether it leads.
    pub leads: bool,
    /// What was processed.
    pub processed: i64,
    /// What was exported; below 0 where that is not known.
    pub exported: i64,
    /// What its stream processor does, as it is called on the wire.
    pub processor: &'static str,
    /// What its exporters do, as it is called on the wire.
    pub phase: &'static str,
}

/// What a broker's page of metrics tells.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsView {
    /// Of each partition and exporter: the position one behind what was handed to it, and what it has acknowledged.
    pub exporters: Vec<(PartitionId, String, i64, i64)>,
    /// What is free on its disk, where that is shown.
    pub disk_free_bytes: Option<u64>,
    /// The size of its volume, where the page shows it.
    pub disk_total_bytes: Option<u64>,
}

/// What a broker, or the gateway in it, is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The gateway's view of the cluster (`GET /v2/topology`).
    Topology,
    /// The coordinator's configuration, asked through the gateway (`GET /actuator/cluster`).
    Configuration,
    /// The exporters and their states, asked through the gateway (`GET /actuator/exporters`).
    Exporters,
    /// The broker's own replicas (`GET /actuator/partitions`).
    Partitions,
    /// Whether the broker calls itself ready (`GET /actuator/health/readiness`).
    Ready,
    /// How far the broker's exporters are (`GET /actuator/prometheus`).
    Metrics,
}

/// What was told to a [`Question`]. What is shared is the same value as before as long as nothing of it has changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The gateway's view.
    Topology(Arc<TopologyView>),
    /// The configuration.
    Configuration(Arc<ConfigurationView>),
    /// The exporters by name, and their states as they are called on the wire.
    Exporters(Arc<Vec<(String, &'static str)>>),
    /// The broker's replicas.
    Partitions(Arc<Vec<ReplicaView>>),
    /// Whether it is ready.
    Ready(bool),
    /// Its exporters.
    Metrics(MetricsView),
}

/// A question that is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// Of whom.
    pub broker: BrokerId,
    /// What.
    pub question: Question,
    /// For how long at most.
    pub limit: Duration,
}

/// A question that was asked.
#[derive(Debug)]
pub struct Begun {
    asking: Asking,
    visit: Visit,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nobody is there.
    Over(Said<Told>),
    /// The answer is on its way.
    Comes(Moment, Said<Told>),
    /// Who was asked takes longer.
    Open,
}

impl Begun {
    /// Who was asked.
    pub fn broker(&self) -> BrokerId {
        self.asking.broker
    }

    /// What was asked.
    pub fn question(&self) -> Question {
        self.asking.question
    }

    /// What will be said, unless whoever says it dies before; `None` as long as that is open.
    pub fn foreseen(&self) -> Option<&Said<Told>> {
        match &self.state {
            State::Over(said) | State::Comes(_, said) => Some(said),
            State::Open => None,
        }
    }
}

/// What was told last, so that what has not changed is not made again.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// By gateway.
    topologies: BTreeMap<BrokerId, KeptTopology>,
    configurations: Vec<KeptConfiguration>,
    /// By broker: how much of it had changed, and the replicas that it told of.
    replicas: BTreeMap<BrokerId, (u64, Arc<Vec<ReplicaView>>)>,
    /// As they go over the wire.
    bodies: Vec<KeptBodies>,
    /// By broker: how much of it had changed, what it told of its partitions, and where in that its clock stands.
    pub(crate) partitions: BTreeMap<BrokerId, (u64, Vec<u8>, Vec<usize>)>,
}

/// What the wire shows of a configuration.
#[derive(Debug)]
struct KeptBodies {
    of: Arc<Configuration>,
    cluster: Vec<u8>,
    exporters: Vec<u8>,
}

/// A gateway's view, and what it was made of.
#[derive(Debug)]
struct KeptTopology {
    revision: u64,
    configuration: Option<Arc<Configuration>>,
    view: Arc<TopologyView>,
    /// As it goes over the wire, once it has.
    body: Option<Vec<u8>>,
}

#[derive(Debug)]
struct KeptConfiguration {
    of: Arc<Configuration>,
    view: Arc<ConfigurationView>,
    exporters: Arc<Vec<(String, &'static str)>>,
}

/// Two sides and what they were a moment ago.
const CONFIGURATIONS_KEPT: usize = 4;

impl Lab {
    /// Asks many questions in the same instant.
    pub fn begin(&self, askings: &[Asking]) -> Vec<Begun> {
        self.with(|world| askings.iter().map(|asking| world.begin(*asking)).collect())
    }

    /// Waits until all of them are answered.
    pub async fn finish_all(&self, begun: Vec<Begun>) -> Vec<Said<Told>> {
        let until = begun.iter().filter_map(|one| match &one.state {
            State::Comes(at, _) => Some(*at),
            _ => None,
        });
        let until = until.max();
        let is_simple = begun.iter().all(Begun::comes_in_time);
        let mut upheavals = self.upheavals();
        let calm = match (is_simple, until) {
            (false, _) => false,
            (true, None) => true,
            (true, Some(until)) => {
                let slept = tokio::select! {
                    () = self.clock().sleep_until(until) => true,
                    _ = upheavals.changed() => false,
                };
                slept && self.with(|world| world.upheavals) == *upheavals.borrow_and_update()
            }
        };
        if calm && !upheavals.has_changed().unwrap_or(false) {
            let said = |one: Begun| match one.state {
                State::Over(said) | State::Comes(_, said) => said,
                State::Open => Said::TooLate,
            };
            return begun.into_iter().map(said).collect();
        }
        join_all(begun.into_iter().map(|one| self.finish(one))).await
    }

    /// Waits for one answer.
    pub async fn finish(&self, begun: Begun) -> Said<Told> {
        let Begun { asking, visit, state } = begun;
        let mut upheavals = self.upheavals();
        let answered = async {
            match state {
                State::Over(said) => Ok(said),
                // It had come before whatever has happened to that process since.
                State::Comes(at, said) if self.with(|world| world.had_said_before(asking.broker, at)) => {
                    Ok(said)
                }
                State::Comes(at, said) => self.arrives(&visit, at, &mut upheavals).await.map(|()| said),
                State::Open => self.go_on(visit, |world, at, _| world.tell(asking, at)).await,
            }
        };
        let left = (visit.asked + asking.limit).since(self.clock().now());
        match self.clock().timeout(left, answered).await {
            Ok(Ok(said)) => said,
            Ok(Err(refused)) => refusal(refused),
            Err(_) => Said::TooLate,
        }
    }
}

impl Begun {
    fn comes_in_time(&self) -> bool {
        match &self.state {
            State::Over(_) => true,
            State::Comes(at, _) => *at < self.visit.asked + self.asking.limit,
            State::Open => false,
        }
    }
}

fn refusal<T>(refused: Refused) -> Said<T> {
    match refused {
        Refused::ConnectionRefused => Said::ConnectionRefused,
        Refused::ConnectionReset => Said::ConnectionReset,
    }
}

impl World {
    fn begin(&mut self, asking: Asking) -> Begun {
        let mut visit = Visit::begun(asking.broker, self.now);
        let state = match self.next_answer_fault(false) {
            Some(AnswerFault::Reset) => State::Over(Said::ConnectionReset),
            _ => match visit.ask(self, &mut |world, at, _| world.tell(asking, at)) {
                Met::Refused(refused) => State::Over(refusal(refused)),
                Met::Value(at, said) => State::Comes(at, said),
                Met::Frozen | Met::Again(_) => State::Open,
            },
        };
        Begun { asking, visit, state }
    }

    fn had_said_before(&self, broker: BrokerId, at: Moment) -> bool {
        self.now >= at && self.broker(broker).is_some_and(|own| own.stirred > at)
    }

    fn tell(&mut self, asking: Asking, at: Moment) -> Answer<Said<Told>> {
        let broker = asking.broker;
        // What is asked is the question itself; nobody reads the call of it.
        let call = Call::none();
        let asked = Asked {
            broker,
            call: &call,
            at,
            ticket: None,
        };
        let soon = |told| Answer::Soon(Said::Value(told));
        match asking.question {
            Question::Topology => soon(Told::Topology(self.topology_kept(broker))),
            Question::Configuration => {
                self.of_coordinator(&asked, |kept| Told::Configuration(Arc::clone(&kept.view)))
            }
            Question::Exporters => {
                self.of_coordinator(&asked, |kept| Told::Exporters(Arc::clone(&kept.exporters)))
            }
            Question::Partitions => match self.partitions_wait(&asked) {
                Answer::Again(until, ticket) => Answer::Again(until, ticket),
                Answer::At(at, hangs) => Answer::At(at, self.replicas_told(broker, hangs)),
                Answer::Soon(hangs) => Answer::Soon(self.replicas_told(broker, hangs)),
            },
            Question::Ready => soon(Told::Ready(self.broker(broker).is_some_and(|b| b.ready))),
            Question::Metrics => soon(Told::Metrics(self.metrics_view(broker))),
        }
    }

    fn of_coordinator(
        &mut self,
        asked: &Asked<'_>,
        tell: impl FnOnce(&KeptConfiguration) -> Told,
    ) -> Answer<Said<Told>> {
        match self.ask_coordinator(asked) {
            Ok(configuration) => Answer::Soon(Said::Value(tell(self.configuration_kept(configuration)))),
            Err(Answer::Soon(reply)) => Answer::Soon(declined(&reply)),
            Err(Answer::At(at, reply)) => Answer::At(at, declined(&reply)),
            Err(Answer::Again(at, ticket)) => Answer::Again(at, ticket),
        }
    }

    fn topology_kept(&mut self, gateway: BrokerId) -> Arc<TopologyView> {
        let revision = self.broker(gateway).map_or(0, |own| own.view.revision);
        let configuration = self.configuration(gateway).cloned();
        let pointer = configuration.as_ref().map(Arc::as_ptr);
        let kept = (self.kept.topologies.get(&gateway)).filter(|kept| kept.revision == revision);
        if let Some(kept) = kept
            && kept.configuration.as_ref().map(Arc::as_ptr) == pointer
        {
            return Arc::clone(&kept.view);
        }
        // Of the configuration a gateway shows the sizes alone, and what it heard may have been known: who is told the same
        // value as before need not read it again.
        let sizes = kept.map(|kept| (kept.view.cluster_size, kept.view.replication_factor));
        let is_same = sizes.is_some_and(|sizes| sizes == self.sizes_shown(gateway));
        let view = (!is_same).then(|| self.topology_view(gateway));
        if let Some(kept) = self.kept.topologies.get_mut(&gateway)
            && view.as_ref().is_none_or(|view| *view == *kept.view)
        {
            (kept.revision, kept.configuration) = (revision, configuration);
            return Arc::clone(&kept.view);
        }
        let view = Arc::new(view.unwrap_or_else(|| self.topology_view(gateway)));
        let kept = KeptTopology {
            revision,
            configuration,
            view: Arc::clone(&view),
            body: None,
        };
        self.kept.topologies.insert(gateway, kept);
        view
    }

    /// A gateway's view as it goes over the wire.
    pub(crate) fn topology_body(&mut self, gateway: BrokerId) -> Vec<u8> {
        self.topology_kept(gateway);
        let kept = self.kept.topologies.get(&gateway);
        if let Some(body) = kept.and_then(|kept| kept.body.as_ref()) {
            return body.clone();
        }
        let body = Reply::json(200, JSON, &self.topology(gateway)).body;
        if let Some(kept) = self.kept.topologies.get_mut(&gateway) {
            kept.body = Some(body.clone());
        }
        body
    }

    /// A configuration, and the exporters by it, as they go over the wire.
    fn bodies(&mut self, configuration: &Arc<Configuration>) -> &KeptBodies {
        let known = (self.kept.bodies.iter()).position(|one| Arc::ptr_eq(&one.of, configuration));
        let index = known.unwrap_or_else(|| {
            let made = KeptBodies {
                of: Arc::clone(configuration),
                cluster: Reply::json(200, JSON, &wire::cluster(configuration, self.wall)).body,
                exporters: Reply::json(200, JSON, &exporter_states(configuration)).body,
            };
            let kept = &mut self.kept.bodies;
            if kept.len() == CONFIGURATIONS_KEPT {
                kept.remove(0);
            }
            kept.push(made);
            kept.len() - 1
        });
        &self.kept.bodies[index]
    }

    pub(crate) fn cluster_body(&mut self, configuration: &Arc<Configuration>) -> Vec<u8> {
        self.bodies(configuration).cluster.clone()
    }

    pub(crate) fn exporters_body(&mut self, configuration: &Arc<Configuration>) -> Vec<u8> {
        self.bodies(configuration).exporters.clone()
    }

    fn configuration_kept(&mut self, configuration: Arc<Configuration>) -> &KeptConfiguration {
        let kept = &self.kept.configurations;
        let known = kept.iter().position(|one| Arc::ptr_eq(&one.of, &configuration));
        let index = known.unwrap_or_else(|| {
            let states = exporter_states(&configuration);
            let exporters = states
                .into_iter()
                .map(|one| (one.exporter_id, one.status))
                .collect();
            let made = KeptConfiguration {
                view: Arc::new(self.configuration_view(&configuration)),
                exporters: Arc::new(exporters),
                of: configuration,
            };
            let kept = &mut self.kept.configurations;
            if kept.len() == CONFIGURATIONS_KEPT {
                kept.remove(0);
            }
            kept.push(made);
            kept.len() - 1
        });
        &self.kept.configurations[index]
    }

    fn topology_view(&self, gateway: BrokerId) -> TopologyView {
        let (cluster_size, replication_factor) = self.sizes_shown(gateway);
        let view = |(id, partitions): (BrokerId, Vec<(PartitionId, bool)>)| ListedView {
            id,
            host: self.broker(id).map(|b| b.host.clone()).unwrap_or_default(),
            partitions,
        };
        TopologyView {
            cluster_size,
            partitions_count: self.config.partitions,
            replication_factor,
            brokers: self.listing(gateway).into_iter().map(view).collect(),
        }
    }

    fn configuration_view(&self, c: &Configuration) -> ConfigurationView {
        ConfigurationView {
            version: c.version,
            members: c.members.iter().map(|(id, m)| member_view(*id, m)).collect(),
            last_change: c.last_change.map(|done| {
                let at = |moment: Moment| self.wall.at(moment);
                let is_completed = done.status == ChangeStatus::Completed;
                (done.id, is_completed, at(done.started_at), at(done.completed_at))
            }),
            pending: c.pending.as_ref().map(|change| {
                let completed = change.completed.iter().map(|(o, _)| operation_view(o)).collect();
                let pending = change.pending.iter().map(operation_view).collect();
                (change.id, completed, pending)
            }),
        }
    }

    fn replicas_told(&mut self, broker: BrokerId, hangs: bool) -> Said<Told> {
        let Some(touched) = self.broker(broker).map(|own| own.touched).filter(|_| !hangs) else {
            return Said::Nothing;
        };
        let kept = self.kept.replicas.get(&broker);
        let views = match kept.filter(|(then, _)| *then == touched) {
            Some((_, views)) => Arc::clone(views),
            None => {
                let views = self.replicas_view(broker);
                match self.kept.replicas.get_mut(&broker) {
                    // Touched, and nothing of it shows.
                    Some((then, same)) if **same == views => {
                        *then = touched;
                        Arc::clone(same)
                    }
                    _ => {
                        let views = Arc::new(views);
                        self.kept.replicas.insert(broker, (touched, Arc::clone(&views)));
                        views
                    }
                }
            }
        };
        match views.is_empty() {
            true => Said::Nothing,
            false => Said::Value(Told::Partitions(views)),
        }
    }

    fn replicas_view(&self, broker: BrokerId) -> Vec<ReplicaView> {
        let Some(own) = self.broker(broker) else {
            return Vec::new();
        };
        let mut views = Vec::with_capacity(own.replicas.len());
        for (partition, replica) in own.replicas.iter().filter(|(_, r)| r.role != Role::Absent) {
            let leads = replica.role == Role::Leader;
            views.push(ReplicaView {
                partition: *partition,
                leads,
                processed: replica.committed_position(),
                exported: self.exported_position(broker, *partition),
                processor: match (replica.processing_paused, leads) {
                    (true, _) => "PAUSED",
                    (false, true) => "PROCESSING",
                    (false, false) => "REPLAY",
                },
                phase: replica.phase.name(),
            });
        }
        views
    }

    fn metrics_view(&self, broker: BrokerId) -> MetricsView {
        let replicas = self.broker(broker).into_iter().flat_map(|b| &b.replicas);
        let mut exporters = Vec::new();
        for (partition, replica) in replicas.filter(|(_, r)| r.role != Role::Absent) {
            for (exporter, position) in replica.exporters.iter().filter(|(_, p)| p.handed > 0) {
                // The page shows both one too high, as the real one does.
                exporters.push((
                    *partition,
                    exporter.clone(),
                    position.handed + 1,
                    position.acked + 1,
                ));
            }
        }
        MetricsView {
            exporters,
            disk_free_bytes: self.config.shows_free_disk.then(|| self.disk_free_bytes(broker)),
            disk_total_bytes: self
                .config
                .shows_free_disk
                .then_some(self.config.disk.volume_bytes),
        }
    }
}

fn member_view(id: BrokerId, member: &Member) -> MemberView {
    let placed = |(partition, placed): (&PartitionId, &Placed)| PlacedView {
        partition: *partition,
        state: placed.state.name(),
        priority: placed.priority,
        exporters: (placed.exporters.iter())
            .map(|(id, entry)| (id.clone(), entry.enabled))
            .collect(),
    };
    MemberView {
        id,
        state: member.state.name(),
        partitions: member.partitions.iter().map(placed).collect(),
    }
}

fn operation_view(operation: &Operation) -> OperationView {
    let mut view = OperationView {
        kind: "",
        broker: operation.executor,
        partition: None,
        brokers: Vec::new(),
        exporter: None,
    };
    match &operation.deed {
        Deed::BrokerAdd => view.kind = "BROKER_ADD",
        Deed::BrokerLeave => view.kind = "BROKER_REMOVE",
        Deed::BrokerRemove { broker } => {
            view.kind = "BROKER_REMOVE";
            view.brokers = vec![*broker];
        }
        Deed::Join { partition, .. } => {
            view.kind = "PARTITION_JOIN";
            view.partition = Some(*partition);
        }
        Deed::Leave { partition } => {
            view.kind = "PARTITION_LEAVE";
            view.partition = Some(*partition);
        }
        Deed::Priority { partition, .. } => {
            view.kind = "PARTITION_RECONFIGURE_PRIORITY";
            view.partition = Some(*partition);
        }
        Deed::Force { partition, brokers } => {
            view.kind = "PARTITION_FORCE_RECONFIGURE";
            view.partition = Some(*partition);
            view.brokers.clone_from(brokers);
        }
        Deed::Disable { partition, exporter } => {
            view.kind = "PARTITION_DISABLE_EXPORTER";
            view.partition = Some(*partition);
            view.exporter = Some(exporter.clone());
        }
        Deed::Enable {
            partition, exporter, ..
        } => {
            view.kind = "PARTITION_ENABLE_EXPORTER";
            view.partition = Some(*partition);
            view.exporter = Some(exporter.clone());
        }
    }
    view
}

/// An error's message, from the one form that the management API writes it in.
fn declined<T>(reply: &Reply) -> Said<T> {
    let body: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
    let message = body.as_ref().and_then(|body| body["message"].as_str());
    Said::Declined {
        status: reply.status,
        message: message.unwrap_or_default().to_owned(),
    }
}
