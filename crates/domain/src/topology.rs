//! What Zeebe says of itself: the gateways' topology, the cluster configuration, exporters, and each broker's replicas.
//!
//! These are the nouns, not the wire: unknown enum values are kept as they came, so that a newer Zeebe is shown, not
//! refused. `spec: api.md §2–§6`

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{BrokerId, ChangeId, ExporterId, PartitionId};

macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($(#[$vdoc])* $variant,)+
            /// A value that this build does not know, as it came.
            Other(String),
        }

        impl $name {
            /// The value as it stands on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$variant => $text,)+
                    $name::Other(text) => text,
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                $(if text.eq_ignore_ascii_case($text) { return $name::$variant; })+
                $name::Other(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

open_enum! {
    /// A replica's role in its partition's raft group.
    Role {
        /// Leads the partition.
        Leader = "leader",
        /// Follows, or stands for election.
        Follower = "follower",
        /// Not running.
        Inactive = "inactive",
    }
}
open_enum! {
    /// A partition's health as a gateway heard of it. A leaderless partition of followers is `healthy`.
    Health {
        /// Fine, by its own account.
        Healthy = "healthy",
        /// Not fine.
        Unhealthy = "unhealthy",
        /// Beyond repair without a restart.
        Dead = "dead",
    }
}
open_enum! {
    /// A member's or a replica's place in the configuration's life.
    MemberState {
        /// In.
        Active = "ACTIVE",
        /// On its way in.
        Joining = "JOINING",
        /// On its way out.
        Leaving = "LEAVING",
        /// Out.
        Left = "LEFT",
    }
}
open_enum! {
    /// How a finished or a pending change stands.
    ChangeStatus {
        /// Operations are left.
        InProgress = "IN_PROGRESS",
        /// All operations done.
        Completed = "COMPLETED",
        /// Gave up.
        Failed = "FAILED",
        /// Somebody cancelled it; what was done stays done.
        Cancelled = "CANCELLED",
    }
}
open_enum! {
    /// Whether an exporter is configured to run. Says nothing of a pause.
    ExporterStatus {
        /// Runs.
        Enabled = "ENABLED",
        /// Not yet on every partition.
        Enabling = "ENABLING",
        /// Does not run, and does not hold the log.
        Disabled = "DISABLED",
        /// Not yet off on every partition.
        Disabling = "DISABLING",
        /// Named in the state, but no longer configured.
        ConfigNotFound = "CONFIG_NOT_FOUND",
    }
}
open_enum! {
    /// What a partition's exporters do on one broker.
    ExporterPhase {
        /// Exporting, if the broker leads.
        Exporting = "EXPORTING",
        /// Paused: nothing is read, nothing acknowledged.
        Paused = "PAUSED",
        /// Exporting without acknowledging; of no use for a failback.
        SoftPaused = "SOFT_PAUSED",
        /// Closed.
        Closed = "CLOSED",
    }
}
open_enum! {
    /// What the stream processor of a replica does.
    ProcessorPhase {
        /// Taking commands: a leader at work.
        Processing = "PROCESSING",
        /// Following the leader's log.
        Replay = "REPLAY",
        /// Starting.
        Initial = "INITIAL",
        /// Refusing commands.
        Paused = "PAUSED",
        /// Broken.
        Failed = "FAILED",
    }
}
open_enum! {
    /// A kind of configuration operation.
    OperationKind {
        /// A broker becomes a member.
        BrokerAdd = "BROKER_ADD",
        /// A broker ceases to be a member.
        BrokerRemove = "BROKER_REMOVE",
        /// A replica joins its partition.
        PartitionJoin = "PARTITION_JOIN",
        /// A replica leaves its partition.
        PartitionLeave = "PARTITION_LEAVE",
        /// A replica's priority changes.
        PartitionReconfigurePriority = "PARTITION_RECONFIGURE_PRIORITY",
        /// A partition is cut down to the named replicas, without the others' consent.
        PartitionForceReconfigure = "PARTITION_FORCE_RECONFIGURE",
        /// An exporter stops on one replica.
        PartitionDisableExporter = "PARTITION_DISABLE_EXPORTER",
        /// An exporter starts on one replica.
        PartitionEnableExporter = "PARTITION_ENABLE_EXPORTER",
    }
}

/// One replica as a gateway heard of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedReplica {
    /// Its role.
    pub role: Role,
    /// Its health.
    pub health: Health,
}

/// One broker as a gateway lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedBroker {
    /// Its advertised host. Never to be used for telling the region. `spec: api.md §10`
    pub host: String,
    /// Its command port.
    pub port: u16,
    /// Its version; empty if not told.
    pub version: String,
    /// Its replicas; none on a broker that has not joined yet.
    pub partitions: BTreeMap<PartitionId, ListedReplica>,
}

/// One gateway's own view of the cluster (`/v2/topology`, gRPC `Topology`).
///
/// The brokers come from gossip and can be stale by ten seconds and more; the sizes come from the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayTopology {
    /// The brokers that this gateway believes in.
    pub brokers: BTreeMap<BrokerId, ListedBroker>,
    /// Members in the configuration.
    pub cluster_size: u32,
    /// Partitions.
    pub partitions_count: u32,
    /// Replicas per partition.
    pub replication_factor: u32,
    /// The gateway's version; empty if not told.
    pub gateway_version: String,
}

impl GatewayTopology {
    /// The brokers that this gateway lists as leader of `partition`, healthy or not.
    pub fn leaders(&self, partition: PartitionId) -> impl Iterator<Item = (BrokerId, &ListedReplica)> {
        self.brokers.iter().filter_map(move |(id, broker)| {
            broker
                .partitions
                .get(&partition)
                .filter(|replica| replica.role == Role::Leader)
                .map(|replica| (*id, replica))
        })
    }
}

/// One operation of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// What is done.
    pub kind: OperationKind,
    /// Who does it; the change waits for this broker.
    pub broker: Option<BrokerId>,
    /// On which partition.
    pub partition: Option<PartitionId>,
    /// The brokers it names: those retained by a force, those removed by a removal.
    pub brokers: Vec<BrokerId>,
    /// The exporter that it concerns.
    pub exporter: Option<ExporterId>,
}

/// A change that is being carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingChange {
    /// Its id.
    pub id: ChangeId,
    /// Its status; `IN_PROGRESS` as far as recorded.
    pub status: ChangeStatus,
    /// Operations that are done.
    pub completed: Vec<Operation>,
    /// Operations that are owed; the first is being waited for.
    pub pending: Vec<Operation>,
}

impl PendingChange {
    /// All operations, done and owed.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.completed.iter().chain(&self.pending)
    }

    /// The broker that the change waits for.
    pub fn waits_for(&self) -> Option<BrokerId> {
        self.pending.first().and_then(|operation| operation.broker)
    }
}

/// The last change that came to an end. While another is pending, this is *the one before*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastChange {
    /// Its id.
    pub id: ChangeId,
    /// How it ended.
    pub status: ChangeStatus,
    /// When it began; `None` where the server gives a time that is none.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

/// One replica in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfiguredReplica {
    /// Its state.
    pub state: MemberState,
    /// Its priority for leading.
    pub priority: u32,
    /// Its exporters.
    pub exporters: BTreeMap<ExporterId, ExporterStatus>,
}

/// One member of the configuration; dead members stay in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its state.
    pub state: MemberState,
    /// Its replicas.
    pub partitions: BTreeMap<PartitionId, ConfiguredReplica>,
}

/// The dynamic cluster configuration (`/actuator/cluster`), answered by the coordinator. Knows no leaders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterConfiguration {
    /// Its version; grows.
    pub version: i64,
    /// Its members.
    pub members: BTreeMap<BrokerId, Member>,
    /// The change that ended last; `None` until there was one.
    pub last_change: Option<LastChange>,
    /// The change that is being carried out.
    pub pending_change: Option<PendingChange>,
}

/// One replica by its own broker's account (`/actuator/partitions`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnReplica {
    /// Its role, by itself.
    pub role: Role,
    /// What its processor does.
    pub processor: Option<ProcessorPhase>,
    /// What its exporters do.
    pub exporter_phase: Option<ExporterPhase>,
    /// The last record processed (leader) or replayed (follower). `None` is unknown, never 0.
    pub processed_position: Option<i64>,
    /// The last position that every enabled exporter acknowledged; `None` is unknown (−1 on the wire).
    pub exported_position: Option<i64>,
}

impl OwnReplica {
    /// Whether this broker says that it leads and takes commands.
    pub fn leads(&self) -> bool {
        self.role == Role::Leader && matches!(self.processor, None | Some(ProcessorPhase::Processing))
    }
}

/// A broker's own account of its replicas.
pub type OwnPartitions = BTreeMap<PartitionId, OwnReplica>;

/// The exporters and their status (`/actuator/exporters`), answered by the coordinator.
pub type Exporters = BTreeMap<ExporterId, ExporterStatus>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_are_kept() {
        assert_eq!(Role::from("LEADER".to_owned()), Role::Leader);
        let strange = Role::from("observer".to_owned());
        assert_eq!(strange.as_str(), "observer");
        assert_eq!(serde_json::to_string(&strange).unwrap(), "\"observer\"");
    }

    #[test]
    fn a_leader_whose_processing_is_paused_does_not_lead() {
        let mut replica = OwnReplica {
            role: Role::Leader,
            processor: Some(ProcessorPhase::Processing),
            exporter_phase: None,
            processed_position: None,
            exported_position: None,
        };
        assert!(replica.leads());
        replica.processor = Some(ProcessorPhase::Paused);
        assert!(!replica.leads());
    }
}
