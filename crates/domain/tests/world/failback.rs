//! What a failback adds to the told world: a region that comes back, a pause, metrics with their traps, searches, platforms.

use std::collections::{BTreeMap, BTreeSet};

use c8dr_domain::exporting::{BrokerMetrics, ExporterPositions};
use c8dr_domain::facts::{Facts, SnapshotFacts};
use c8dr_domain::ids::{BrokerId, PartitionId, RegionId, RunId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::placement::round_robin;
use c8dr_domain::platform::{Component, PlatformSight, Pod};
use c8dr_domain::search::{Color, Index, Repository, SearchCluster, SearchSight, Snapshot, SnapshotState};
use c8dr_domain::topology::{
    ChangeStatus, ExporterPhase, ExporterStatus, Operation, OperationKind, OwnReplica, Role,
};

use super::{LONDON, PARIS, Voice, World, exporter, silent};

/// What leaders' metrics say of their enabled exporters; all else on the page is old, and must not be believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metrics {
    handed: Option<i64>,
    acknowledged: Option<i64>,
    disk_free_bytes: Option<u64>,
}

impl World {
    /// As a failover leaves it, long enough ago that gateways have dropped the dead: searches and platforms can be asked,
    /// and those of the lost region do not answer.
    pub(crate) fn failed_over(brokers: u32, partitions: u32, lost: RegionId) -> World {
        let mut world = World::of(brokers, partitions)
            .loses(lost)
            .forced(lost, 2)
            .elected()
            .disabled(lost, 4)
            .forgotten();
        for region in [LONDON, PARIS] {
            world.searches.insert(region, search_of(region));
            world.platforms.insert(region, platform_of(region));
        }
        world
            .search(lost, |search| {
                search.cluster = silent(Silence::Refused);
                search.indices = silent(Silence::Refused);
            })
            .platform(lost, |platform| {
                platform.pods = silent(Silence::Refused);
                platform.volumes = silent(Silence::Refused);
            })
    }

    /// Each partition has three replicas among the survivors, by change `id`.
    pub(crate) fn reinforced(mut self, survivors: RegionId, id: i64) -> World {
        let members = self.installation.brokers_of(survivors);
        self.placement = round_robin(&members, self.installation.partitions_count(), 3);
        self.sizes = (members.len() as u32, 3);
        self.elected().ended(id, ChangeStatus::Completed)
    }

    /// It is installed anew: brokers empty and listed, no webapps, an empty search.
    pub(crate) fn rebuilt(mut self, region: RegionId) -> World {
        self = self.returned_empty(region);
        self.searches.insert(region, search_of(region));
        self.platforms.insert(region, platform_of(region));
        self.webapps(region, &[])
            .search(region, |search| {
                search.repository = Sight::Seen(None);
                search.indices = Sight::Seen(Vec::new());
            })
            .platform(region, |platform| {
                platform.volumes = Sight::Seen(["data-zeebe-1".to_owned()].into());
            })
    }

    /// Its exporter is on again, by change `id`.
    pub(crate) fn enabled(self, region: RegionId, id: i64) -> World {
        self.exporter_is(region, ExporterStatus::Enabled)
            .ended(id, ChangeStatus::Completed)
    }

    /// Its brokers are members, and have joined these partitions so far.
    pub(crate) fn joined(mut self, region: RegionId, partitions: &[u32]) -> World {
        for broker in self.installation.brokers_of(region) {
            self = self.member(broker.0, partitions);
        }
        self
    }

    /// One broker is a member, and has joined these partitions so far.
    pub(crate) fn member(mut self, broker: u32, partitions: &[u32]) -> World {
        let broker = BrokerId(broker);
        self.voices.insert(broker, Voice::Answers);
        self.ghosts.remove(&broker);
        self.bare.insert(broker);
        for (partition, replicas) in self.installation.placement() {
            if let Some(priority) = replicas
                .get(&broker)
                .filter(|_| partitions.contains(&partition.0))
            {
                self.placement
                    .entry(partition)
                    .or_default()
                    .insert(broker, *priority);
            }
        }
        self
    }

    /// All of it is back: members with all replicas, by change `id`.
    pub(crate) fn added(self, region: RegionId, id: i64) -> World {
        let all: Vec<u32> = self
            .installation
            .partitions()
            .map(|partition| partition.0)
            .collect();
        let mut world = self.joined(region, &all);
        world.sizes = (world.installation.cluster_size(), 4);
        world.ended(id, ChangeStatus::Completed)
    }

    // Knobs.

    pub(crate) fn phase(mut self, phase: ExporterPhase) -> World {
        self.phase = phase;
        self
    }

    pub(crate) fn phase_of(mut self, broker: u32, phase: ExporterPhase) -> World {
        self.phases.insert(BrokerId(broker), phase);
        self
    }

    /// Leaders' metrics of the enabled exporters: what was handed to them, and what they acknowledged.
    pub(crate) fn measured(mut self, handed: Option<i64>, acknowledged: Option<i64>) -> World {
        let disk_free_bytes = self.metrics.and_then(|metrics| metrics.disk_free_bytes);
        self.metrics = Some(Metrics {
            handed,
            acknowledged,
            disk_free_bytes,
        });
        self
    }

    pub(crate) fn disks(mut self, free_bytes: u64) -> World {
        let (handed, acknowledged) = self
            .metrics
            .map_or((None, None), |metrics| (metrics.handed, metrics.acknowledged));
        self.metrics = Some(Metrics {
            handed,
            acknowledged,
            disk_free_bytes: Some(free_bytes),
        });
        self
    }

    pub(crate) fn search(mut self, region: RegionId, tune: impl FnOnce(&mut SearchSight)) -> World {
        tune(self.searches.entry(region).or_default());
        self
    }

    pub(crate) fn platform(mut self, region: RegionId, tune: impl FnOnce(&mut PlatformSight)) -> World {
        tune(self.platforms.entry(region).or_default());
        self
    }

    /// The webapp pods of a region, ready, terminating or neither.
    pub(crate) fn webapps(self, region: RegionId, pods: &[Webapp]) -> World {
        let pods: Vec<Pod> = pods.iter().zip(0..).map(|(pod, i)| pod.named(i)).collect();
        self.platform(region, |platform| {
            let others = platform.pods.seen().cloned().unwrap_or_default();
            let others = others
                .into_iter()
                .filter(|pod| pod.component != Component::Webapp);
            platform.pods = Sight::Seen(others.chain(pods).collect());
        })
    }

    /// The platform is not configured.
    pub(crate) fn without_platform(mut self, region: RegionId) -> World {
        self.platforms.remove(&region);
        self
    }

    /// The snapshot of [`facts`] is restored in `region`, completely.
    pub(crate) fn restored(self, region: RegionId) -> World {
        self.search(region, |search| {
            search.indices = Sight::Seen(indices());
            search.recoveries = Sight::Seen(Vec::new());
        })
    }

    pub(super) fn metrics_of(&self, broker: BrokerId, voice: Voice) -> Sight<BrokerMetrics> {
        let (Some(metrics), Voice::Answers) = (self.metrics, voice) else {
            return Sight::NotAsked;
        };
        // Followers' and disabled exporters' series: recorded values, unequal for ever. `spec: edge-cases.md E1`
        let stale = ExporterPositions {
            handed: Some(475),
            acknowledged: Some(381),
        };
        let exporters = self
            .installation
            .partitions()
            .map(|partition| {
                let leads = self.leaders[&partition].contains(&broker);
                let of_partition = self.exporters.iter().map(|(exporter, status)| {
                    let positions = match leads && *status == ExporterStatus::Enabled {
                        true => ExporterPositions {
                            handed: metrics.handed,
                            acknowledged: metrics.acknowledged,
                        },
                        false => stale,
                    };
                    (exporter.clone(), positions)
                });
                (partition, of_partition.collect())
            })
            .collect();
        Sight::Seen(BrokerMetrics {
            exporters,
            disk_free_bytes: metrics.disk_free_bytes,
            disk_total_bytes: None,
        })
    }

    pub(super) fn held_before(&self, broker: BrokerId) -> BTreeMap<PartitionId, OwnReplica> {
        self.installation
            .placement()
            .into_iter()
            .filter(|(_, replicas)| replicas.contains_key(&broker))
            .map(|(partition, _)| {
                let replica = OwnReplica {
                    role: Role::Inactive,
                    processor: None,
                    exporter_phase: None,
                    processed_position: Some(900),
                    exported_position: None,
                };
                (partition, replica)
            })
            .collect()
    }
}

/// A pod of Operate or Tasklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Webapp {
    Ready,
    Starting,
    Terminating,
}

impl Webapp {
    fn named(self, number: usize) -> Pod {
        Pod {
            name: format!("camunda-operate-{number}"),
            component: Component::Webapp,
            is_ready: self == Webapp::Ready,
            is_terminating: self == Webapp::Terminating,
            trouble: None,
        }
    }
}

fn platform_of(region: RegionId) -> PlatformSight {
    let pod = |name: &str, component| Pod {
        name: format!("camunda-{name}-{region}"),
        component,
        is_ready: true,
        is_terminating: false,
        trouble: None,
    };
    PlatformSight {
        pods: Sight::Seen(vec![
            pod("zeebe", Component::Broker),
            pod("elasticsearch", Component::Search),
            Webapp::Ready.named(0),
        ]),
        volumes: Sight::Seen(BTreeSet::new()),
        writes: Sight::NotAsked,
    }
}

fn search_of(region: RegionId) -> SearchSight {
    SearchSight {
        cluster: Sight::Seen(SearchCluster {
            uuid: format!("uuid-of-{region}"),
            color: Color::Green,
            data_nodes: None,
            why_red: None,
        }),
        indices: Sight::Seen(indices()),
        repository: Sight::Seen(Some(repository().settings)),
        snapshot: Sight::Seen(None),
        recoveries: Sight::Seen(Vec::new()),
        holdings: Sight::NotAsked,
    }
}

/// What a search holds: two indices of the installation's and one of the server's own.
pub(crate) fn indices() -> Vec<Index> {
    [
        ("operate-list-view-8.3.0_", 40),
        ("zeebe-record_job_8.6.0_2026-01-01", 12),
        (".tasks", 3),
    ]
    .into_iter()
    .map(|(name, documents)| Index {
        name: name.to_owned(),
        documents: Some(documents),
        color: Some(Color::Green),
    })
    .collect()
}

pub(crate) fn repository() -> Repository {
    Repository {
        name: "camunda_backup".to_owned(),
        settings: serde_json::json!({
            "type": "s3",
            "settings": {"bucket": "backups-of-camunda", "client": "camunda", "base_path": "backups"}
        }),
    }
}

pub(crate) fn run_id() -> RunId {
    RunId::new("20260101-120000-a1b2")
}

/// The snapshot of [`facts`], as it is listed when it is whole.
pub(crate) fn snapshot() -> Snapshot {
    let name = facts().snapshot_name();
    Snapshot {
        uuid: "uuid-of-snapshot".to_owned(),
        state: SnapshotState::Success,
        indices: indices().into_iter().map(|index| index.name).collect(),
        shards_total: 3,
        shards_done: 3,
        shards_failed: 0,
        copied: None,
        metadata: facts().snapshot_metadata(),
        name,
    }
}

/// What a run has learnt that has paused (V is 1000 everywhere, four partitions) and taken its snapshot.
pub(crate) fn facts() -> Facts {
    let mut facts = Facts::of(run_id());
    facts.positions = (1..=4).map(|partition| (PartitionId(partition), 1_000)).collect();
    facts.clusters = [LONDON, PARIS]
        .map(|region| (region, format!("uuid-of-{region}")))
        .into();
    let documents: BTreeMap<String, u64> = indices()
        .into_iter()
        .filter(|index| !index.name.starts_with('.'))
        .filter_map(|index| Some((index.name, index.documents?)))
        .collect();
    facts.snapshot = Some(SnapshotFacts {
        name: facts.snapshot_name(),
        uuid: Some("uuid-of-snapshot".to_owned()),
        indices: documents.keys().cloned().collect(),
        documents,
    });
    facts
}

/// The operations of an add of `returning`.
pub(crate) fn adding(world: &World, returning: RegionId) -> Vec<Operation> {
    let brokers = world.installation.brokers_of(returning);
    let operation = |kind, broker, partition| Operation {
        kind,
        broker: Some(broker),
        partition,
        brokers: Vec::new(),
        exporter: None,
    };
    let adds = brokers
        .iter()
        .map(|broker| operation(OperationKind::BrokerAdd, *broker, None));
    let joins = world
        .installation
        .placement()
        .into_iter()
        .flat_map(|(partition, replicas)| {
            let joining: Vec<BrokerId> = replicas
                .into_keys()
                .filter(|broker| brokers.contains(broker))
                .collect();
            joining
                .into_iter()
                .map(move |broker| operation(OperationKind::PartitionJoin, broker, Some(partition)))
        });
    adds.chain(joins).collect()
}

/// The operations of an enable of `region`'s exporter.
pub(crate) fn enabling(world: &World, region: RegionId) -> Vec<Operation> {
    world
        .installation
        .brokers_of(region.other())
        .into_iter()
        .map(|broker| Operation {
            kind: OperationKind::PartitionEnableExporter,
            broker: Some(broker),
            partition: Some(PartitionId(1)),
            brokers: Vec::new(),
            exporter: Some(exporter(region)),
        })
        .collect()
}
