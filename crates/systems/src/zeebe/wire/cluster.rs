//! `GET /actuator/cluster`: the dynamic cluster configuration. `spec: api.md §2.2`

use std::collections::BTreeMap;

use c8dr_domain::ids::{BrokerId, ChangeId, ExporterId, PartitionId};
use c8dr_domain::topology::{
    ClusterConfiguration, ConfiguredReplica, LastChange, Member, Operation, OperationKind, PendingChange,
};
use serde::Deserialize;

use super::Garbled;
use super::json::{Int, read, time};

/// Reads the answer of `GET /actuator/cluster` and of `DELETE /actuator/cluster/changes/{id}`.
///
/// Without a `version` (8.10 with several tenants) it is [`Garbled`]: there a missing pending change proves nothing.
pub fn configuration(body: &[u8]) -> Result<ClusterConfiguration, Garbled> {
    let wire: WireCluster = read(body)?;
    Ok(ClusterConfiguration {
        version: wire.version.0,
        members: members(wire.brokers, "brokers")?,
        last_change: wire.last_change.map(|change| LastChange {
            id: ChangeId(change.id.0),
            status: change.status.into(),
            started_at: time(change.started_at.as_deref()),
            completed_at: time(change.completed_at.as_deref()),
        }),
        pending_change: wire.pending_change.map(|change| PendingChange {
            id: ChangeId(change.id.0),
            status: change.status.into(),
            completed: operations(change.completed),
            pending: operations(change.pending),
        }),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCluster {
    version: Int<i64>,
    brokers: Vec<WireMember>,
    last_change: Option<WireLastChange>,
    pending_change: Option<WirePendingChange>,
}

#[derive(Deserialize)]
pub(super) struct WireMember {
    id: Int<u32>,
    state: String,
    #[serde(default)]
    partitions: Vec<WireReplica>,
}

#[derive(Deserialize)]
struct WireReplica {
    id: Int<u32>,
    state: String,
    #[serde(default)]
    priority: Option<Int<u32>>,
    #[serde(default)]
    config: Option<WireConfig>,
}

#[derive(Deserialize)]
struct WireConfig {
    #[serde(default)]
    exporting: Option<WireExporting>,
}

#[derive(Deserialize)]
struct WireExporting {
    #[serde(default)]
    exporters: Vec<WireExporter>,
}

#[derive(Deserialize)]
struct WireExporter {
    id: String,
    state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLastChange {
    id: Int<i64>,
    status: String,
    started_at: Option<String>,
    completed_at: Option<String>,
}

#[derive(Deserialize)]
struct WirePendingChange {
    id: Int<i64>,
    status: String,
    #[serde(default)]
    completed: Vec<WireOperation>,
    #[serde(default)]
    pending: Vec<WireOperation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireOperation {
    operation: String,
    broker_id: Option<Int<u32>>,
    partition_id: Option<Int<u32>>,
    #[serde(default)]
    brokers: Vec<Int<u32>>,
    exporter_id: Option<String>,
}

/// Members by id. `path` is where they stand in the body.
pub(super) fn members(wire: Vec<WireMember>, path: &str) -> Result<BTreeMap<BrokerId, Member>, Garbled> {
    let mut members = BTreeMap::new();
    for (index, member) in wire.into_iter().enumerate() {
        let (id, path) = (BrokerId(member.id.0), format!("{path}[{index}]"));
        let member = Member {
            state: member.state.into(),
            partitions: replicas(member.partitions, &path)?,
        };
        if members.insert(id, member).is_some() {
            return Err(Garbled::content(
                format!("{path}.id"),
                format!("broker {id} is listed twice"),
            ));
        }
    }
    Ok(members)
}

fn replicas(wire: Vec<WireReplica>, path: &str) -> Result<BTreeMap<PartitionId, ConfiguredReplica>, Garbled> {
    let mut replicas = BTreeMap::new();
    for (index, replica) in wire.into_iter().enumerate() {
        let (id, path) = (PartitionId(replica.id.0), format!("{path}.partitions[{index}]"));
        let exporters = replica
            .config
            .and_then(|config| config.exporting)
            .map(|e| e.exporters);
        let mut by_id = BTreeMap::new();
        for exporter in exporters.unwrap_or_default() {
            let exporter_id = ExporterId::new(exporter.id);
            if by_id.insert(exporter_id.clone(), exporter.state.into()).is_some() {
                let path = format!("{path}.config.exporting.exporters");
                return Err(Garbled::content(
                    path,
                    format!("exporter {exporter_id} is listed twice"),
                ));
            }
        }
        let replica = ConfiguredReplica {
            state: replica.state.into(),
            priority: replica.priority.map_or(0, |priority| priority.0),
            exporters: by_id,
        };
        if replicas.insert(id, replica).is_some() {
            return Err(Garbled::content(
                format!("{path}.id"),
                format!("partition {id} is listed twice"),
            ));
        }
    }
    Ok(replicas)
}

pub(super) fn operations(wire: Vec<WireOperation>) -> Vec<Operation> {
    wire.into_iter()
        .map(|operation| Operation {
            kind: OperationKind::from(operation.operation),
            broker: operation.broker_id.map(|id| BrokerId(id.0)),
            partition: operation.partition_id.map(|id| PartitionId(id.0)),
            brokers: operation.brokers.into_iter().map(|id| BrokerId(id.0)).collect(),
            exporter: operation.exporter_id.map(ExporterId::new),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use c8dr_domain::topology::{ExporterStatus, MemberState};

    use super::*;

    #[test]
    fn optional_parts_may_be_missing_and_unknown_ones_are_kept_or_skipped() {
        let body = br#"{"version":"7","clusterId":"x","brokers":[
            {"id":"3","state":"RECOVERING","lastUpdatedAt":"-999999999-01-01T00:00:00+18:00"},
            {"id":0,"state":"ACTIVE","partitions":[{"id":1,"state":"ACTIVE","config":null},
             {"id":2,"state":"ACTIVE","priority":4,"config":{"exporting":{"exporters":[{"id":"a","state":"CONFIG_NOT_FOUND"}]}}}]}],
            "routing":{"version":1},"lastChange":{"id":4,"status":"COMPLETED","startedAt":"0000-01-01T00:00:00Z"}}"#;
        let seen = configuration(body).unwrap();
        assert_eq!(seen.version, 7);
        assert_eq!(
            seen.members[&BrokerId(3)].state,
            MemberState::Other("RECOVERING".to_owned())
        );
        let partitions = &seen.members[&BrokerId(0)].partitions;
        assert!(partitions[&PartitionId(1)].exporters.is_empty());
        assert_eq!(
            partitions[&PartitionId(2)].exporters[&ExporterId::new("a")],
            ExporterStatus::ConfigNotFound
        );
        assert_eq!(seen.last_change.unwrap().started_at, None);
        assert_eq!(seen.pending_change, None);
    }

    #[test]
    fn a_broker_named_twice_is_not_silently_dropped() {
        let body = br#"{"version":1,"brokers":[{"id":0,"state":"ACTIVE"},{"id":"0","state":"LEFT"}]}"#;
        assert_eq!(
            configuration(body).unwrap_err().to_string(),
            "broker 0 is listed twice at brokers[1].id"
        );
    }

    #[test]
    fn without_a_version_nothing_is_believed() {
        assert!(
            configuration(br#"{"brokers":[]}"#)
                .unwrap_err()
                .what
                .contains("version")
        );
    }
}
