//! The cluster as one gateway sees it, for REST and gRPC alike.

use serde::Serialize;

use crate::ids::{BrokerId, PartitionId};
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
        let (cluster_size, replication_factor) = self.sizes_shown(gateway);
        let partition = |(partition, leads): (PartitionId, bool)| TopologyPartition {
            partition_id: partition.0,
            role: if leads { "leader" } else { "follower" },
            health: "healthy",
        };
        let broker = |(id, partitions): (BrokerId, Vec<(PartitionId, bool)>)| TopologyBroker {
            node_id: id.0,
            host: self.broker(id).map(|b| b.host.clone()).unwrap_or_default(),
            port: 26501,
            partitions: partitions.into_iter().map(partition).collect(),
            version: VERSION,
        };
        Topology {
            brokers: self.listing(gateway).into_iter().map(broker).collect(),
            cluster_size,
            partitions_count: self.config.partitions,
            replication_factor,
            gateway_version: VERSION,
        }
    }

    /// The brokers that a gateway lists, and of each the partitions that it shows there, with whether it leads them; in the
    /// gateway's own order.
    pub(crate) fn listing(&self, gateway: BrokerId) -> Vec<(BrokerId, Vec<(PartitionId, bool)>)> {
        let Some(view) = self.broker(gateway).map(|b| &b.view) else {
            return Vec::new();
        };
        let leaders = view.leaders();
        let shown = |id: &BrokerId| (*id, view.shown_by(&leaders, *id));
        view.listed.iter().map(shown).collect()
    }

    /// How many members there are, and the smallest number of replicas, as a gateway shows them.
    pub(crate) fn sizes_shown(&self, gateway: BrokerId) -> (u32, u32) {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let configuration = self.configuration(gateway);
        configuration.map_or((0, 0), |c| {
            (number(c.members.len()), number(c.replication_factor()))
        })
    }
}
