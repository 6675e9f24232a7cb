//! A topology as `zbctl status` prints it, for those who compare it with Camunda's guide. `spec: api.md §8`

use c8dr_domain::topology::{GatewayTopology, Health, Role};

/// The text, brokers and partitions in order, each line ended.
pub fn render(topology: &GatewayTopology) -> String {
    let mut text = format!(
        "Cluster size: {}\nPartitions count: {}\nReplication factor: {}\nGateway version: {}\nBrokers:\n",
        topology.cluster_size,
        topology.partitions_count,
        topology.replication_factor,
        version(&topology.gateway_version),
    );
    for (id, broker) in &topology.brokers {
        text += &format!("  Broker {id} - {}:{}\n", broker.host, broker.port);
        text += &format!("    Version: {}\n", version(&broker.version));
        for (partition, replica) in &broker.partitions {
            text += &format!(
                "    Partition {partition} : {}, {}\n",
                role(&replica.role),
                health(&replica.health)
            );
        }
    }
    text
}

fn version(version: &str) -> &str {
    if version.is_empty() {
        "unavailable"
    } else {
        version
    }
}

fn role(role: &Role) -> &'static str {
    match role {
        Role::Leader => "Leader",
        Role::Follower => "Follower",
        Role::Inactive => "Inactive",
        Role::Other(_) => "Unknown",
    }
}

fn health(health: &Health) -> &'static str {
    match health {
        Health::Healthy => "Healthy",
        Health::Unhealthy => "Unhealthy",
        Health::Dead => "Dead",
        Health::Other(_) => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use c8dr_domain::ids::{BrokerId, PartitionId};
    use c8dr_domain::topology::{ListedBroker, ListedReplica};

    use super::*;

    #[test]
    fn what_is_missing_or_new_has_its_word() {
        let replica = ListedReplica {
            role: Role::Other("OBSERVER".to_owned()),
            health: Health::Other("?".to_owned()),
        };
        let broker = ListedBroker {
            host: "h".to_owned(),
            port: 26501,
            version: String::new(),
            partitions: BTreeMap::from([(PartitionId(3), replica)]),
        };
        let topology = GatewayTopology {
            brokers: BTreeMap::from([(BrokerId(1), broker)]),
            cluster_size: 1,
            partitions_count: 3,
            replication_factor: 1,
            gateway_version: String::new(),
        };
        assert_eq!(
            render(&topology),
            "Cluster size: 1\nPartitions count: 3\nReplication factor: 1\nGateway version: unavailable\nBrokers:\n  \
             Broker 1 - h:26501\n    Version: unavailable\n    Partition 3 : Unknown, Unknown\n"
        );
    }
}
