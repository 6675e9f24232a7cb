//! `GET /actuator/partitions`: a broker's own account of its replicas. `spec: api.md §5`

use std::collections::BTreeMap;

use c8dr_domain::ids::PartitionId;
use c8dr_domain::topology::{ExporterPhase, OwnPartitions, OwnReplica, ProcessorPhase, Role};
use serde::Deserialize;

use super::Garbled;
use super::json::{Int, read};

/// Reads the replicas. An empty object comes out empty: it means "unknown". `spec: edge-cases.md E6`
pub fn own_partitions(body: &[u8]) -> Result<OwnPartitions, Garbled> {
    let wire: BTreeMap<String, WireReplica> = read(body)?;
    let mut partitions = OwnPartitions::new();
    for (key, replica) in wire {
        let id = key.parse().map(PartitionId).map_err(|_| {
            Garbled::content(
                "",
                format!("{:?} is no partition id", super::shown(key.as_bytes(), 40)),
            )
        })?;
        let replica = OwnReplica {
            role: Role::from(replica.role),
            processor: replica.stream_processor_phase.map(ProcessorPhase::from),
            exporter_phase: replica.exporter_phase.map(ExporterPhase::from),
            processed_position: position(replica.processed_position),
            exported_position: position(replica.exported_position),
        };
        if partitions.insert(id, replica).is_some() {
            return Err(Garbled::content("", format!("partition {id} is listed twice")));
        }
    }
    Ok(partitions)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireReplica {
    role: String,
    stream_processor_phase: Option<String>,
    exporter_phase: Option<String>,
    processed_position: Option<Int<i64>>,
    exported_position: Option<Int<i64>>,
}

/// −1 is "not known yet", never a position.
fn position(wire: Option<Int<i64>>) -> Option<i64> {
    wire.map(|position| position.0).filter(|position| *position >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_one_is_unknown_and_zero_is_a_position() {
        let body = br#"{"1":{"role":"LEADER","processedPosition":0,"exportedPosition":-1,"streamProcessorPhase":null}}"#;
        let replica = &own_partitions(body).unwrap()[&PartitionId(1)];
        assert_eq!(
            (replica.processed_position, replica.exported_position),
            (Some(0), None)
        );
        assert_eq!((&replica.role, &replica.processor), (&Role::Leader, &None));
    }

    #[test]
    fn keys_must_be_partitions() {
        assert_eq!(
            own_partitions(br#"{"one":{"role":"LEADER"}}"#).unwrap_err().what,
            "\"one\" is no partition id"
        );
        assert_eq!(
            own_partitions(br#"{"1":{"role":"LEADER"},"01":{"role":"FOLLOWER"}}"#)
                .unwrap_err()
                .what,
            "partition 1 is listed twice"
        );
        assert!(own_partitions(b"{}").unwrap().is_empty());
    }
}
