//! The JSON that the lab writes: structures of its own, in the recorded order of their fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::cluster::configuration::{ChangeStatus, Configuration, Deed, DoneChange, Member, Operation};
use crate::ids::BrokerId;
use crate::wall::Wall;

#[derive(Serialize)]
pub(crate) struct Message {
    pub(crate) message: String,
}

#[derive(Serialize)]
pub(crate) struct SpringError<'a> {
    pub(crate) timestamp: String,
    pub(crate) status: u16,
    pub(crate) error: &'a str,
    pub(crate) path: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem<'a> {
    pub(crate) r#type: &'a str,
    pub(crate) title: &'a str,
    pub(crate) status: u16,
    pub(crate) detail: &'a str,
    pub(crate) instance: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClusterBody {
    version: u64,
    brokers: Vec<MemberBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_change: Option<DoneBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_change: Option<PendingBody>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlannedBody {
    pub(crate) change_id: u64,
    pub(crate) current_topology: Vec<MemberBody>,
    pub(crate) planned_changes: Vec<OperationBody>,
    pub(crate) expected_topology: Vec<MemberBody>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberBody {
    id: u32,
    state: &'static str,
    version: u64,
    last_updated_at: String,
    partitions: Vec<PlacedBody>,
}

#[derive(Serialize)]
struct PlacedBody {
    id: u32,
    state: &'static str,
    priority: u32,
    config: ConfigBody,
}

#[derive(Serialize)]
struct ConfigBody {
    exporting: ExportingBody,
}

#[derive(Serialize)]
struct ExportingBody {
    exporters: Vec<ExporterBody>,
}

#[derive(Serialize)]
struct ExporterBody {
    id: String,
    state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DoneBody {
    id: u64,
    status: &'static str,
    started_at: String,
    completed_at: String,
}

#[derive(Serialize)]
struct PendingBody {
    id: u64,
    status: &'static str,
    completed: Vec<OperationBody>,
    pending: Vec<OperationBody>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperationBody {
    operation: &'static str,
    broker_id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u32>,
    brokers: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exporter_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExporterStatus {
    pub(crate) exporter_id: String,
    pub(crate) status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartitionBody {
    pub(crate) role: &'static str,
    pub(crate) processed_position: i64,
    pub(crate) snapshot_id: Option<String>,
    pub(crate) processed_position_in_snapshot: Option<i64>,
    pub(crate) stream_processor_phase: &'static str,
    pub(crate) exporter_phase: &'static str,
    pub(crate) exported_position: i64,
    pub(crate) clock: ClockBody,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClockBody {
    pub(crate) instant: String,
    pub(crate) modification_type: &'static str,
    pub(crate) modification: Empty,
}

#[derive(Serialize)]
pub(crate) struct Empty {}

/// An object with keys that are numbers, in their order.
pub(crate) struct ByNumber<T>(pub(crate) Vec<(u32, T)>);

impl<T: Serialize> Serialize for ByNumber<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(&key.to_string(), value)?;
        }
        map.end()
    }
}

/// The wrapper that the exporting endpoint of 8.6.0 puts around its outcome, as HTTP 200 (README §6.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wrapped {
    pub(crate) body: Option<Thrown>,
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Thrown {
    cause: Option<String>,
    stack_trace: Vec<Frame>,
    message: Option<String>,
    suppressed: Vec<String>,
    localized_message: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Frame {
    class_loader_name: Option<&'static str>,
    module_name: Option<&'static str>,
    module_version: Option<&'static str>,
    method_name: &'static str,
    file_name: Option<&'static str>,
    line_number: i32,
    class_name: &'static str,
    native_method: bool,
}

impl Wrapped {
    pub(crate) fn done() -> Wrapped {
        Wrapped {
            body: None,
            status: 204,
            content_type: None,
        }
    }

    /// `message` is absent where the exception has none: an unknown verb (recorded).
    pub(crate) fn failed(message: Option<String>) -> Wrapped {
        let app = |method_name, file_name, line_number, class_name| Frame {
            class_loader_name: Some("app"),
            module_name: None,
            module_version: None,
            method_name,
            file_name: Some(file_name),
            line_number,
            class_name,
            native_method: false,
        };
        let base = |method_name, class_name| Frame {
            class_loader_name: None,
            module_name: Some("java.base"),
            module_version: Some("21.0.8"),
            method_name,
            file_name: None,
            line_number: -1,
            class_name,
            native_method: false,
        };
        let stack_trace = vec![
            app(
                "broadcastOnTopology",
                "ExportingControlService.java",
                54,
                "io.camunda.zeebe.gateway.admin.exporting.ExportingControlService",
            ),
            app(
                "post",
                "ExportingEndpoint.java",
                45,
                "io.camunda.zeebe.shared.management.ExportingEndpoint",
            ),
            base("invoke", "java.lang.reflect.Method"),
            base("run", "java.lang.Thread"),
        ];
        let thrown = Thrown {
            cause: None,
            stack_trace,
            message: message.clone(),
            suppressed: Vec::new(),
            localized_message: message,
        };
        Wrapped {
            body: Some(thrown),
            status: 500,
            content_type: None,
        }
    }
}

/// `GET /actuator/cluster`.
pub(crate) fn cluster(c: &Configuration, wall: Wall) -> ClusterBody {
    let done = |d: DoneChange| DoneBody {
        id: d.id,
        status: match d.status {
            ChangeStatus::Completed => "COMPLETED",
            ChangeStatus::Cancelled => "CANCELLED",
        },
        started_at: wall.instant(d.started_at),
        completed_at: wall.instant(d.completed_at),
    };
    let pending = c.pending.as_ref().map(|p| PendingBody {
        id: p.id,
        status: "IN_PROGRESS",
        completed: p
            .completed
            .iter()
            .map(|(o, at)| operation(o, Some(wall.second(*at))))
            .collect(),
        pending: p.pending.iter().map(|o| operation(o, None)).collect(),
    });
    ClusterBody {
        version: c.version,
        brokers: members(&c.members, wall),
        last_change: c.last_change.map(done),
        pending_change: pending,
    }
}

/// The members, in the order of Zeebe's map.
pub(crate) fn members(members: &BTreeMap<BrokerId, Arc<Member>>, wall: Wall) -> Vec<MemberBody> {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by_key(|(id, _)| id.wire_rank());
    sorted.into_iter().map(|(id, m)| member(*id, m, wall)).collect()
}

fn member(id: BrokerId, m: &Member, wall: Wall) -> MemberBody {
    let mut placed = Vec::new();
    for (partition, p) in &m.partitions {
        let state = |enabled| if enabled { "ENABLED" } else { "DISABLED" };
        let exporters = p
            .exporters
            .iter()
            .map(|(id, e)| ExporterBody {
                id: id.clone(),
                state: state(e.enabled),
            })
            .collect();
        let config = ConfigBody {
            exporting: ExportingBody { exporters },
        };
        placed.push(PlacedBody {
            id: partition.0,
            state: p.state.name(),
            priority: p.priority,
            config,
        });
    }
    MemberBody {
        id: id.0,
        state: m.state.name(),
        version: m.version,
        last_updated_at: m
            .last_updated
            .map_or("0000-01-01T00:00:00Z".to_owned(), |at| wall.instant(at)),
        partitions: placed,
    }
}

/// An operation, planned, pending or completed.
pub(crate) fn operation(o: &Operation, completed_at: Option<String>) -> OperationBody {
    let mut body = OperationBody {
        operation: "",
        broker_id: o.executor.0,
        partition_id: None,
        priority: None,
        brokers: Vec::new(),
        exporter_id: None,
        completed_at,
    };
    match &o.deed {
        Deed::BrokerAdd => body.operation = "BROKER_ADD",
        Deed::BrokerLeave => body.operation = "BROKER_REMOVE",
        Deed::BrokerRemove { broker } => {
            body.operation = "BROKER_REMOVE";
            body.brokers = vec![broker.0];
        }
        Deed::Join { partition, priority } => {
            body.operation = "PARTITION_JOIN";
            body.partition_id = Some(partition.0);
            body.priority = Some(*priority);
        }
        Deed::Leave { partition } => {
            body.operation = "PARTITION_LEAVE";
            body.partition_id = Some(partition.0);
        }
        Deed::Priority { partition, priority } => {
            body.operation = "PARTITION_RECONFIGURE_PRIORITY";
            body.partition_id = Some(partition.0);
            body.priority = Some(*priority);
        }
        Deed::Force { partition, brokers } => {
            body.operation = "PARTITION_FORCE_RECONFIGURE";
            body.partition_id = Some(partition.0);
            body.brokers = brokers.iter().map(|b| b.0).collect();
        }
        Deed::Disable { partition, exporter } => {
            body.operation = "PARTITION_DISABLE_EXPORTER";
            body.partition_id = Some(partition.0);
            body.exporter_id = Some(exporter.clone());
        }
        Deed::Enable {
            partition, exporter, ..
        } => {
            body.operation = "PARTITION_ENABLE_EXPORTER";
            body.partition_id = Some(partition.0);
            body.exporter_id = Some(exporter.clone());
        }
    }
    body
}
