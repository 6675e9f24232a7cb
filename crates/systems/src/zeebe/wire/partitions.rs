//! `GET /actuator/partitions`: a broker's own account of its replicas. `spec: api.md §5`

use std::fmt;

use c8dr_domain::ids::PartitionId;
use c8dr_domain::topology::{ExporterPhase, OwnPartitions, OwnReplica, ProcessorPhase, Role};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::Garbled;
use super::json::{Int, read};

/// Reads the replicas. An empty object comes out empty: it means "unknown". `spec: edge-cases.md E6`
pub fn own_partitions(body: &[u8]) -> Result<OwnPartitions, Garbled> {
    let WirePartitions(wire) = read(body)?;
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

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireReplica {
    role: String,
    stream_processor_phase: Option<String>,
    exporter_phase: Option<String>,
    processed_position: Option<Int<i64>>,
    exported_position: Option<Int<i64>>,
}

/// All entries as they stand, so that a key that is repeated shows; a map would keep the last.
struct WirePartitions(Vec<(String, WireReplica)>);

impl<'de> Deserialize<'de> for WirePartitions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = WirePartitions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of partitions by id")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WirePartitions, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(WirePartitions(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
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
        assert_eq!(
            own_partitions(br#"{"1":{"role":"LEADER"},"1":{"role":"FOLLOWER"}}"#)
                .unwrap_err()
                .what,
            "partition 1 is listed twice"
        );
        assert!(own_partitions(b"{}").unwrap().is_empty());
    }
}
