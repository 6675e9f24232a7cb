//! How a world begins: everybody up, every partition led by its highest priority, one deployment in every log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use c8dr_engine::clock::Moment;

use crate::cluster::configuration::{Configuration, ExporterEntry, Member, MemberState, Placed};
use crate::cluster::placement::round_robin;
use crate::cluster::raft::{Counted, Entry, ExportPosition, Replica, Role};
use crate::ids::{BrokerId, PartitionId, Region};
use crate::world::{Broker, Power, Stage, View, World};

/// The position of the deployment that every partition's log begins with.
const FIRST_POSITION: i64 = 20;

impl World {
    pub(super) fn lead_by_priority(&mut self, configuration: &Configuration, partitions: &[PartitionId]) {
        for &partition in partitions {
            let leader = configuration
                .members
                .iter()
                .filter_map(|(b, m)| m.partitions.get(&partition).map(|p| (p.priority, *b)))
                .max()
                .map(|(_, b)| b);
            let Some(leader) = leader else { continue };
            let members = configuration.replicas(partition);
            let Some(replica) = self.replica_mut(leader, partition) else {
                continue;
            };
            replica.role = Role::Leader;
            replica.replicated = members.into_iter().map(|b| (b, 1)).collect();
            self.export_soon(leader, partition);
        }
    }
}

pub(super) fn first_configuration(
    brokers: &[BrokerId],
    partitions: &[PartitionId],
    factor: u32,
) -> Configuration {
    let placement = round_robin(brokers, partitions, factor as usize);
    let entry = ExporterEntry {
        enabled: true,
        metadata_version: 0,
        initialized_from: None,
    };
    let exporters: BTreeMap<_, _> = Region::BOTH
        .iter()
        .map(|r| (r.exporter().to_owned(), entry.clone()))
        .collect();
    let member = |id: &BrokerId| {
        let placed = |(partition, replicas): (&PartitionId, &BTreeMap<BrokerId, u32>)| {
            let priority = *replicas.get(id)?;
            let placed = Placed {
                state: MemberState::Active,
                priority,
                exporters: exporters.clone(),
            };
            Some((*partition, placed))
        };
        let partitions = placement.iter().filter_map(placed).collect();
        (
            *id,
            Arc::new(Member {
                version: 0,
                last_updated: None,
                state: MemberState::Active,
                partitions,
            }),
        )
    };
    Configuration {
        version: 1,
        members: brokers.iter().map(member).collect(),
        last_change: None,
        pending: None,
        reshaped: false,
    }
}

pub(super) fn healthy_broker(id: BrokerId, configuration: &Arc<Configuration>, view: View) -> Broker {
    let mut replicas = BTreeMap::new();
    let held = configuration
        .members
        .get(&id)
        .map(|m| m.partitions.keys().copied())
        .into_iter()
        .flatten();
    for partition in held {
        let mut replica = Replica::new(configuration.replicas(partition));
        replica.role = Role::Follower;
        replica.term = 1;
        replica.log = vec![Entry {
            term: 1,
            position: FIRST_POSITION,
            token: None,
            at: Moment::START,
        }];
        replica.committed = 1;
        let start = ExportPosition::at(0, Counted::default());
        replica.exporters = Region::BOTH
            .iter()
            .map(|r| (r.exporter().to_owned(), start))
            .collect();
        replicas.insert(partition, replica);
    }
    Broker {
        id,
        host: format!("127.0.0.{}", 10 + id.0),
        power: Power::Up,
        stage: Stage::Running,
        life: 1,
        touched: 0,
        stirred: Moment::START,
        ready: true,
        configuration: Some(Arc::clone(configuration)),
        replicas,
        view,
        published: 0,
        busy: None,
        joined_at: BTreeMap::new(),
        untold: BTreeMap::new(),
        broken_connections: BTreeSet::new(),
    }
}
