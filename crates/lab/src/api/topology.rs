//! The cluster as one gateway sees it, for REST and gRPC alike.

use serde::Serialize;

use crate::ids::BrokerId;
use crate::world::World;

/// `GET /v2/topology`.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Topology {
    pub(crate) brokers: Vec<TopologyBroker>,
    pub(crate) cluster_size: u32,
    pub(crate) partitions_count: u32,
    pub(crate) replication_factor: u32,
    pub(crate) gateway_version: &'static str,
}

#[derive(Serialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TopologyBroker {
    pub(crate) node_id: u32,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) partitions: Vec<TopologyPartition>,
    pub(crate) version: &'static str,
}

#[derive(Serialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TopologyPartition {
    pub(crate) partition_id: u32,
    pub(crate) role: &'static str,
    pub(crate) health: &'static str,
}

const VERSION: &str = "8.6.0";

impl World {
    /// What the gateway of this broker believes: brokers from gossip, sizes from the configuration.
    pub(crate) fn topology(&self, gateway: BrokerId) -> Topology {
        let mut brokers = Vec::new();
        let view = self.broker(gateway).map(|b| &b.view);
        let order = view.map(|v| v.partition_order.as_slice()).unwrap_or_default();
        let led: Vec<_> = order
            .iter()
            .map(|partition| (*partition, view.and_then(|v| v.leader(*partition))))
            .collect();
        for id in view.map(|v| v.listed.as_slice()).unwrap_or_default() {
            let mut partitions = Vec::new();
            for (partition, leader) in &led {
                let Some(leads) = view.and_then(|v| v.shown_under(*leader, *id, *partition)) else {
                    continue;
                };
                partitions.push(TopologyPartition {
                    partition_id: partition.0,
                    role: if leads { "leader" } else { "follower" },
                    health: "healthy",
                });
            }
            brokers.push(TopologyBroker {
                node_id: id.0,
                host: self.broker(*id).map(|b| b.host.clone()).unwrap_or_default(),
                port: 26501,
                partitions,
                version: VERSION,
            });
        }
        let configuration = self.configuration(gateway);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Topology {
            brokers,
            cluster_size: configuration.map_or(0, |c| number(c.members.len())),
            partitions_count: self.config.partitions,
            replication_factor: configuration.map_or(0, |c| number(c.replication_factor())),
            gateway_version: VERSION,
        }
    }
}
