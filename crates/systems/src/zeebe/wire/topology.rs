//! `GET /v2/topology`: a gateway's view. `spec: api.md §6`

use std::collections::BTreeMap;

use c8dr_domain::ids::{BrokerId, PartitionId};
use c8dr_domain::topology::{GatewayTopology, Health, ListedBroker, ListedReplica, Role};
use serde::Deserialize;

use super::Garbled;
use super::json::{Int, read};

/// Reads a gateway's topology.
pub fn topology(body: &[u8]) -> Result<GatewayTopology, Garbled> {
    let wire: WireTopology = read(body)?;
    let mut brokers = BTreeMap::new();
    for (index, broker) in wire.brokers.into_iter().enumerate() {
        let id = BrokerId(broker.node_id.0);
        let mut partitions = BTreeMap::new();
        for (nth, replica) in broker.partitions.into_iter().enumerate() {
            let partition = PartitionId(replica.partition_id.0);
            let listed = ListedReplica {
                role: Role::from(replica.role),
                health: Health::from(replica.health),
            };
            if partitions.insert(partition, listed).is_some() {
                let path = format!("brokers[{index}].partitions[{nth}].partitionId");
                return Err(Garbled::content(
                    path,
                    format!("partition {partition} is listed twice"),
                ));
            }
        }
        let version = broker.version.unwrap_or_default();
        let listed = ListedBroker {
            host: broker.host,
            port: broker.port.0,
            version,
            partitions,
        };
        if brokers.insert(id, listed).is_some() {
            let path = format!("brokers[{index}].nodeId");
            return Err(Garbled::content(path, format!("broker {id} is listed twice")));
        }
    }
    Ok(GatewayTopology {
        brokers,
        cluster_size: wire.cluster_size.0,
        partitions_count: wire.partitions_count.0,
        replication_factor: wire.replication_factor.0,
        gateway_version: wire.gateway_version.unwrap_or_default(),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireTopology {
    brokers: Vec<WireBroker>,
    cluster_size: Int<u32>,
    partitions_count: Int<u32>,
    replication_factor: Int<u32>,
    gateway_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBroker {
    node_id: Int<u32>,
    host: String,
    port: Int<u16>,
    #[serde(default)]
    partitions: Vec<WireReplica>,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireReplica {
    partition_id: Int<u32>,
    role: String,
    health: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returned_broker_has_no_partitions_and_newer_fields_are_skipped() {
        let body = br#"{"brokers":[{"nodeId":1,"brokerId":"1","host":"h","port":26501,"partitions":[]}],
            "clusterSize":4,"partitionsCount":8,"replicationFactor":2,"gatewayVersion":"8.8.1","lastCompletedChangeId":"4"}"#;
        let seen = topology(body).unwrap();
        assert!(seen.brokers[&BrokerId(1)].partitions.is_empty());
        assert_eq!(seen.brokers[&BrokerId(1)].version, "");
        assert_eq!(
            (seen.cluster_size, seen.partitions_count, seen.replication_factor),
            (4, 8, 2)
        );
    }

    #[test]
    fn a_node_id_that_repeats_across_zones_is_not_believed() {
        let body = br#"{"brokers":[{"nodeId":0,"host":"a","port":1},{"nodeId":0,"host":"b","port":1}],
            "clusterSize":2,"partitionsCount":1,"replicationFactor":2}"#;
        assert_eq!(
            topology(body).unwrap_err().to_string(),
            "broker 0 is listed twice at brokers[1].nodeId"
        );
    }
}
