//! The texts that Zeebe 8.6.0 makes of its own objects, as they turn up in error messages.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cluster::configuration::{ChangeStatus, Configuration, Deed, Member, Operation};
use crate::cluster::plan::{MapOrder, java_list};
use crate::ids::{BrokerId, PartitionId};
use crate::wall::Wall;

/// The 409 of a change while another is pending: the whole configuration, some 6 kB (recorded).
pub(crate) fn conflict(c: &Configuration, order: MapOrder, wall: Wall) -> String {
    format!(
        "Cannot apply configuration change. Another configuration change [{}] is in progress.",
        configuration(c, order, wall)
    )
}

fn configuration(c: &Configuration, order: MapOrder, wall: Wall) -> String {
    let members: Vec<String> = order
        .members(c)
        .into_iter()
        .filter_map(|id| {
            c.members
                .get(&id)
                .map(|m| format!("{id}={}", member(c, order, m, wall)))
        })
        .collect();
    let last = c.last_change.map_or("Optional.empty".to_owned(), |l| {
        let status = match l.status {
            ChangeStatus::Completed => "COMPLETED",
            ChangeStatus::Cancelled => "CANCELLED",
        };
        format!(
            "Optional[CompletedChange[id={}, status={status}, startedAt={}, completedAt={}]]",
            l.id,
            wall.instant(l.started_at),
            wall.instant(l.completed_at)
        )
    });
    let pending = c.pending.as_ref().map_or("Optional.empty".to_owned(), |p| {
        let completed: Vec<String> = p
            .completed
            .iter()
            .map(|(o, at)| {
                format!("CompletedOperation[operation={}, completedAt={}]", operation(o), wall.second(*at))
            })
            .collect();
        format!(
            "Optional[ClusterChangePlan[id={}, version={}, status=IN_PROGRESS, startedAt={}, completedOperations={}, pendingOperations={}]]",
            p.id,
            p.version,
            wall.instant(p.started_at),
            java_list(completed),
            java_list(p.pending.iter().map(operation))
        )
    });
    format!(
        "ClusterConfiguration[version={}, members={{{}}}, lastChange={last}, pendingChanges={pending}, routingState=Optional.empty]",
        c.version,
        members.join(", ")
    )
}

fn member(c: &Configuration, order: MapOrder, m: &Member, wall: Wall) -> String {
    let updated = m
        .last_updated
        .map_or("-1000000000-01-01T00:00:00Z".to_owned(), |at| wall.instant(at));
    let held = m.partitions.keys().copied().collect();
    let mut partitions = Vec::new();
    for id in order.partitions(c, &held) {
        let Some(placed) = m.partitions.get(&id) else {
            continue;
        };
        let mut exporters = Vec::new();
        let mut entries: Vec<_> = placed.exporters.iter().collect();
        if order.reversed {
            entries.reverse();
        }
        for (exporter, e) in entries {
            let state = if e.enabled { "ENABLED" } else { "DISABLED" };
            let from = optional(e.initialized_from.as_deref());
            exporters.push(format!(
                "{exporter}=ExporterState[metadataVersion={}, state={state}, initializedFrom={from}]",
                e.metadata_version
            ));
        }
        partitions.push(format!(
            "{id}=PartitionState[state={}, priority={}, config=DynamicPartitionConfig[exporting=ExportersConfig[exporters={{{}}}]]]",
            placed.state.name(),
            placed.priority,
            exporters.join(", ")
        ));
    }
    format!(
        "MemberState[version={}, lastUpdated={updated}, state={}, partitions={{{}}}]",
        m.version,
        m.state.name(),
        partitions.join(", ")
    )
}

fn optional(value: Option<&str>) -> String {
    value.map_or("Optional.empty".to_owned(), |v| format!("Optional[{v}]"))
}

fn operation(o: &Operation) -> String {
    let by = o.executor;
    match &o.deed {
        Deed::BrokerAdd => format!("MemberJoinOperation[memberId={by}]"),
        Deed::BrokerLeave => format!("MemberLeaveOperation[memberId={by}]"),
        Deed::BrokerRemove { broker } => {
            format!("MemberRemoveOperation[memberId={by}, memberToRemove={broker}]")
        }
        Deed::Join { partition, priority } => {
            format!("PartitionJoinOperation[memberId={by}, partitionId={partition}, priority={priority}]")
        }
        Deed::Leave { partition } => {
            format!("PartitionLeaveOperation[memberId={by}, partitionId={partition}]")
        }
        Deed::Priority { partition, priority } => format!(
            "PartitionReconfigurePriorityOperation[memberId={by}, partitionId={partition}, priority={priority}]"
        ),
        Deed::Force { partition, brokers } => format!(
            "PartitionForceReconfigureOperation[memberId={by}, partitionId={partition}, members={}]",
            java_list(brokers)
        ),
        Deed::Disable { partition, exporter } => format!(
            "PartitionDisableExporterOperation[memberId={by}, partitionId={partition}, exporterId={exporter}]"
        ),
        Deed::Enable {
            partition,
            exporter,
            from,
        } => format!(
            "PartitionEnableExporterOperation[memberId={by}, partitionId={partition}, exporterId={exporter}, initializeFrom={}]",
            optional(from.as_deref())
        ),
    }
}

/// A member as a gateway knows it, for [`unknown_member`].
pub(crate) struct KnownMember {
    pub(crate) id: BrokerId,
    pub(crate) host: String,
    pub(crate) cluster_size: u32,
    pub(crate) partitions: u32,
    pub(crate) replication_factor: u32,
    /// Partition and whether it is led there.
    pub(crate) roles: Vec<(PartitionId, bool)>,
}

/// The 502 of a request whose addressee has been dropped from the gateway's membership.
pub(crate) fn unknown_member(subject: &str, to: BrokerId, known: &[KnownMember]) -> String {
    let mut members = String::new();
    for (i, m) in known.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        let _ = write!(
            members,
            "{comma}Member{{id={}, address={}:26502, properties={{brokerInfo={}, event-service-topics-subscribed=KIIDAGpvYnNBdmFpbGFibOU=}}}}",
            m.id,
            m.host,
            STANDARD.encode(broker_info(m))
        );
    }
    format!(
        "Expected to send a message with subject '{subject}' to member '{to}', but member is not known. Known members are '[{members}]'."
    )
}

/// The binary that a broker gossips about itself (read off the recordings).
fn broker_info(m: &KnownMember) -> Vec<u8> {
    let mut out = vec![0x10, 0, 0xc9, 0, 0, 0, 5, 0];
    for n in [m.id.0, m.partitions, m.cluster_size, m.replication_factor] {
        out.extend(n.to_le_bytes());
    }
    let text = |out: &mut Vec<u8>, s: &str| {
        out.extend(u32::try_from(s.len()).unwrap_or(0).to_le_bytes());
        out.extend(s.as_bytes());
    };
    out.extend([0, 0, 1]);
    text(&mut out, "commandApi");
    text(&mut out, &format!("{}:26501", m.host));
    let count = u8::try_from(m.roles.len()).unwrap_or(u8::MAX);
    out.extend([5, 0, count]);
    for (partition, leads) in &m.roles {
        out.extend(partition.0.to_le_bytes());
        out.push(u8::from(!leads));
    }
    out.extend([0x0c, 0, 0]);
    text(&mut out, "8.6.0");
    out.extend([5, 0, count]);
    for (partition, _) in &m.roles {
        out.extend(partition.0.to_le_bytes());
        out.push(1);
    }
    out
}

/// The error of a call whose connection was open when the other end died.
pub(crate) fn connection_closed(channel: u64, host: &str, port: u16) -> String {
    let id = channel & 0xffff_ffff;
    let local = 32_768 + channel % 28_000;
    format!(
        "Connection RemoteClientConnection{{channel=[id: 0x{id:08x}, L:/127.0.0.1:{local} ! R:{host}/{host}:{port}]}} was closed"
    )
}

/// The error of a call to a dead broker that is still a known member.
pub(crate) fn connection_refused(host: &str, port: u16) -> String {
    format!(
        "Failed to connect channel for address {host}:{port} (resolved: null) : io.netty.channel.AbstractChannel$AnnotatedConnectException: finishConnect(..) failed: Connection refused: /{host}:{port}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_describes_itself_as_recorded() {
        let m = KnownMember {
            id: BrokerId(2),
            host: "127.0.0.12".to_owned(),
            cluster_size: 4,
            partitions: 4,
            replication_factor: 4,
            roles: (1..=4).map(|p| (PartitionId(p), false)).collect(),
        };
        assert_eq!(
            STANDARD.encode(broker_info(&m)),
            "EADJAAAABQACAAAABAAAAAQAAAAEAAAAAAABCgAAAGNvbW1hbmRBcGkQAAAAMTI3LjAuMC4xMjoyNjUwMQUABAEAAAABAgAAAAEDAAAAAQQAAAABDAAABQAAADguNi4wBQAEAQAAAAECAAAAAQMAAAABBAAAAAE="
        );
    }
}
