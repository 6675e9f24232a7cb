//! What brokers say, as values: the same questions as on the wire, answered after the same times, with the
//! same chance drawn, and nothing serialized. For those who live through thousands of disasters.

use std::time::Duration;

use c8dr_engine::clock::Moment;
use jiff::Timestamp;

use crate::api::cluster::exporter_states;
use crate::api::{Answer, Asked, Call, Reply};
use crate::cluster::configuration::{ChangeStatus, Configuration, Deed, Member, Operation, Placed};
use crate::cluster::raft::Role;
use crate::face::Refused;
use crate::ids::{BrokerId, PartitionId};
use crate::lab::Lab;
use crate::world::World;

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
    /// Nobody listens there.
    ConnectionRefused,
    /// Whoever listened ended before the answer.
    ConnectionReset,
    /// Nothing was said in time.
    TooLate,
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
}

impl Lab {
    /// A gateway's view of the cluster (`GET /v2/topology`).
    pub async fn view_topology(&self, gateway: BrokerId, limit: Duration) -> Said<TopologyView> {
        self.view(gateway, limit, |world, _| {
            Answer::Soon(Said::Value(world.topology_view(gateway)))
        })
        .await
    }

    /// The configuration, asked through a gateway (`GET /actuator/cluster`).
    pub async fn view_configuration(&self, gateway: BrokerId, limit: Duration) -> Said<ConfigurationView> {
        self.view(gateway, limit, |world, asked| {
            world.of_coordinator(asked, |world, c| world.configuration_view(c))
        })
        .await
    }

    /// The exporters and their states, asked through a gateway (`GET /actuator/exporters`).
    pub async fn view_exporters(
        &self,
        gateway: BrokerId,
        limit: Duration,
    ) -> Said<Vec<(String, &'static str)>> {
        self.view(gateway, limit, |world, asked| {
            world.of_coordinator(asked, |_, c| {
                let states = exporter_states(c);
                states
                    .into_iter()
                    .map(|one| (one.exporter_id, one.status))
                    .collect()
            })
        })
        .await
    }

    /// A broker's own replicas (`GET /actuator/partitions`).
    pub async fn view_partitions(&self, broker: BrokerId, limit: Duration) -> Said<Vec<ReplicaView>> {
        self.view(broker, limit, |world, asked| match world.partitions_wait(asked) {
            Answer::Again(until, ticket) => Answer::Again(until, ticket),
            Answer::At(at, hangs) => Answer::At(at, world.replicas_view(broker, hangs)),
            Answer::Soon(hangs) => Answer::Soon(world.replicas_view(broker, hangs)),
        })
        .await
    }

    /// Whether a broker calls itself ready (`GET /actuator/health/readiness`).
    pub async fn view_ready(&self, broker: BrokerId, limit: Duration) -> Said<bool> {
        self.view(broker, limit, |world, _| {
            Answer::Soon(Said::Value(world.broker(broker).is_some_and(|b| b.ready)))
        })
        .await
    }

    /// How far a broker's exporters are (`GET /actuator/prometheus`).
    pub async fn view_metrics(&self, broker: BrokerId, limit: Duration) -> Said<MetricsView> {
        self.view(broker, limit, |world, _| {
            Answer::Soon(Said::Value(world.metrics_view(broker)))
        })
        .await
    }

    async fn view<T>(
        &self,
        broker: BrokerId,
        limit: Duration,
        mut question: impl FnMut(&mut World, &Asked<'_>) -> Answer<Said<T>>,
    ) -> Said<T> {
        // What is asked is the question itself; nobody reads the call of it.
        let call = Call::new(http::Method::GET, "/", None, bytes::Bytes::new());
        let fault = self.with(|world| world.next_answer_fault(false));
        if let Some(crate::world::AnswerFault::Reset) = fault {
            return Said::ConnectionReset;
        }
        let attended = self.attend(broker, |world, at, ticket| {
            let call = &call;
            question(
                world,
                &Asked {
                    broker,
                    call,
                    at,
                    ticket,
                },
            )
        });
        match self.clock().timeout(limit, attended).await {
            Ok(Ok(said)) => said,
            Ok(Err(Refused::ConnectionRefused)) => Said::ConnectionRefused,
            Ok(Err(Refused::ConnectionReset)) => Said::ConnectionReset,
            Err(_) => Said::TooLate,
        }
    }
}

impl World {
    fn of_coordinator<T>(
        &mut self,
        asked: &Asked<'_>,
        tell: impl FnOnce(&World, &Configuration) -> T,
    ) -> Answer<Said<T>> {
        match self.ask_coordinator(asked) {
            Ok(configuration) => Answer::Soon(Said::Value(tell(self, &configuration))),
            Err(Answer::Soon(reply)) => Answer::Soon(declined(&reply)),
            Err(Answer::At(at, reply)) => Answer::At(at, declined(&reply)),
            Err(Answer::Again(at, ticket)) => Answer::Again(at, ticket),
        }
    }

    fn topology_view(&self, gateway: BrokerId) -> TopologyView {
        let seen = self.topology(gateway);
        TopologyView {
            cluster_size: seen.cluster_size,
            partitions_count: seen.partitions_count,
            replication_factor: seen.replication_factor,
            brokers: (seen.brokers.into_iter())
                .map(|broker| ListedView {
                    id: BrokerId(broker.node_id),
                    host: broker.host,
                    partitions: (broker.partitions.into_iter())
                        .map(|one| (PartitionId(one.partition_id), one.role == "leader"))
                        .collect(),
                })
                .collect(),
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

    fn replicas_view(&self, broker: BrokerId, hangs: bool) -> Said<Vec<ReplicaView>> {
        if hangs {
            return Said::Nothing;
        }
        let Some(own) = self.broker(broker) else {
            return Said::Nothing;
        };
        let mut views = Vec::new();
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
        match views.is_empty() {
            true => Said::Nothing,
            false => Said::Value(views),
        }
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
