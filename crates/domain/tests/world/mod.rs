//! A dual-region cluster at one instant, told in sentences, and what a look at it would bring.
//!
//! `World::of(4, 4).loses(PARIS).forgotten()` is a state; [`World::look`] turns it into an `Observation`, [`watched`] into a
//! history of them. Nothing here is shared with the code under test except its nouns and the round-robin placement.

mod failback;

use std::collections::{BTreeMap, BTreeSet};

use c8dr_domain::history::History;
use c8dr_domain::ids::{BrokerId, ChangeId, ExporterId, GatewayName, PartitionId, RegionId};
use c8dr_domain::installation::Installation;
use c8dr_domain::observation::{BrokerSight, GatewaySight, Observation, Sight, Silence};
use c8dr_domain::placement::Placement;
use c8dr_domain::platform::PlatformSight;
use c8dr_domain::search::SearchSight;
use c8dr_domain::topology::{
    ChangeStatus, ClusterConfiguration, ConfiguredReplica, ExporterPhase, ExporterStatus, GatewayTopology,
    Health, LastChange, ListedBroker, ListedReplica, Member, MemberState, Operation, OperationKind,
    OwnReplica, PendingChange, ProcessorPhase, Role,
};
use c8dr_domain::traffic::TrafficSight;
use jiff::{SignedDuration, Timestamp};
use proptest::test_runner::{Config as ProptestConfig, RngSeed};

pub(crate) use failback::{Webapp, adding, enabling, facts, indices, repository, run_id, snapshot};

pub(crate) const LONDON: RegionId = RegionId(0);
pub(crate) const PARIS: RegionId = RegionId(1);

/// How one broker behaves at its own endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Says all it knows.
    Answers,
    /// Nothing comes, for this reason.
    Silent(Silence),
    /// Says that it is ready; its partitions hang: a leader that steps down. `spec: baseline.md`
    Hangs,
    /// Says that it is ready; its partitions are `{}`. `spec: edge-cases.md E6`
    SaysNothing,
    /// Started empty: not ready, no partitions.
    Blank,
    /// Came back with its old disk: not ready, and holds what it held before.
    OldDisk,
    /// Its endpoint is not configured here.
    Unasked,
}

/// The state of everything at one instant.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) installation: Installation,
    placement: Placement,
    voices: BTreeMap<BrokerId, Voice>,
    leaders: BTreeMap<PartitionId, BTreeSet<BrokerId>>,
    /// What gateways list besides what is true: these brokers, dead or not, as leaders or followers.
    ghosts: BTreeMap<BrokerId, BTreeSet<PartitionId>>,
    /// Brokers that gateways of a region have dropped although they live.
    unseen: BTreeMap<RegionId, BTreeSet<BrokerId>>,
    /// Gateways whose topology shows no leaders at all: they heard nothing yet.
    deaf: BTreeSet<GatewayName>,
    gateways: BTreeMap<GatewayName, RegionId>,
    coordinator: Coordinator,
    sizes: (u32, u32),
    version: i64,
    last: Option<LastChange>,
    pending: Option<PendingChange>,
    exporters: BTreeMap<ExporterId, ExporterStatus>,
    phase: ExporterPhase,
    processed: Option<i64>,
    exported: Option<i64>,
    /// Phases that differ from the others'.
    phases: BTreeMap<BrokerId, ExporterPhase>,
    /// Members that hold nothing yet.
    bare: BTreeSet<BrokerId>,
    metrics: Option<failback::Metrics>,
    searches: BTreeMap<RegionId, SearchSight>,
    platforms: BTreeMap<RegionId, PlatformSight>,
    pub(crate) traffic: Sight<TrafficSight>,
}

#[derive(Clone, Debug)]
enum Coordinator {
    Answers,
    Declines(u16, String),
    Hangs,
}

impl World {
    /// Healthy, of `brokers` brokers and `partitions` partitions, in London (0, 2, …) and Paris (1, 3, …).
    pub(crate) fn of(brokers: u32, partitions: u32) -> World {
        let regions = vec![
            ("london".to_owned(), exporter(LONDON)),
            ("paris".to_owned(), exporter(PARIS)),
        ];
        let installation = Installation::new("camunda", regions, brokers, partitions, 4).unwrap();
        let placement = installation.placement();
        let leaders = placement
            .iter()
            .map(|(partition, replicas)| (*partition, BTreeSet::from([preferred(replicas)])))
            .collect();
        World {
            voices: installation
                .brokers()
                .into_iter()
                .map(|broker| (broker, Voice::Answers))
                .collect(),
            gateways: installation
                .brokers()
                .into_iter()
                .map(|broker| (gateway(broker.0), RegionId::of(broker)))
                .collect(),
            exporters: [LONDON, PARIS]
                .map(|region| (exporter(region), ExporterStatus::Enabled))
                .into(),
            sizes: (brokers, 4),
            version: 1,
            last: None,
            pending: None,
            leaders,
            ghosts: BTreeMap::new(),
            unseen: BTreeMap::new(),
            deaf: BTreeSet::new(),
            coordinator: Coordinator::Answers,
            phase: ExporterPhase::Exporting,
            processed: Some(1_000),
            exported: Some(1_000),
            phases: BTreeMap::new(),
            bare: BTreeSet::new(),
            metrics: None,
            searches: BTreeMap::new(),
            platforms: BTreeMap::new(),
            traffic: Sight::NotAsked,
            placement,
            installation,
        }
    }

    // What happens to a region.

    /// Its brokers die. Those of the other one have stepped down; gateways still list the dead, as before.
    pub(crate) fn loses(self, region: RegionId) -> World {
        let installation = self.installation.clone();
        let mut world = self.dies_just_now(region);
        world = world.nobody_leads();
        if installation.brokers_of(region).contains(&BrokerId(0)) {
            world = world.coordinator_declines(502, "Failed to connect channel for address 127.0.0.10:26502");
        }
        world
    }

    /// Its brokers die this moment: who leads elsewhere still does, and gateways believe all is well.
    pub(crate) fn dies_just_now(mut self, region: RegionId) -> World {
        for broker in self.installation.brokers_of(region) {
            let led = self.led_by(broker);
            self.ghosts.insert(broker, led);
            self = self.voice(broker.0, Voice::Silent(Silence::Refused));
        }
        self
    }

    /// Gateways have dropped the dead.
    pub(crate) fn forgotten(mut self) -> World {
        self.ghosts.clear();
        self
    }

    /// The link is cut: no leader anywhere, and each side's gateways have dropped the other side.
    pub(crate) fn cut(mut self) -> World {
        self = self.nobody_leads();
        for region in [LONDON, PARIS] {
            let other = self.installation.brokers_of(region.other());
            self.unseen.insert(region, other);
        }
        self
    }

    /// Removed by force: the others are the members, and nobody leads yet. The removal was change `id`.
    pub(crate) fn forced(mut self, lost: RegionId, id: i64) -> World {
        let keep = self.installation.brokers_of(lost.other());
        self.placement = self.installation.placement_within(lost.other());
        self.sizes = (keep.len() as u32, 2);
        self.coordinator = Coordinator::Answers;
        self.pending = None;
        self.nobody_leads().ended(id, ChangeStatus::Completed)
    }

    /// Each partition is led by the best of the replicas that are left and alive.
    pub(crate) fn elected(mut self) -> World {
        for (partition, replicas) in &self.placement {
            let alive = replicas
                .iter()
                .filter(|(broker, _)| matches!(self.voices[broker], Voice::Answers | Voice::Unasked))
                .map(|(broker, priority)| (*broker, *priority))
                .collect();
            self.leaders
                .insert(*partition, BTreeSet::from([preferred(&alive)]));
        }
        self
    }

    /// Its exporter is switched off, by change `id`.
    pub(crate) fn disabled(self, region: RegionId, id: i64) -> World {
        self.exporter_is(region, ExporterStatus::Disabled)
            .ended(id, ChangeStatus::Completed)
    }

    /// Its brokers run again, empty: known to gateways, without partitions.
    pub(crate) fn returned_empty(mut self, region: RegionId) -> World {
        for broker in self.installation.brokers_of(region) {
            self.ghosts.insert(broker, BTreeSet::new());
            self = self.voice(broker.0, Voice::Blank);
        }
        self
    }

    // Knobs: brokers and leaders.

    pub(crate) fn voice(mut self, broker: u32, voice: Voice) -> World {
        self.voices.insert(BrokerId(broker), voice);
        if matches!(voice, Voice::Silent(_)) {
            for led in self.leaders.values_mut() {
                led.remove(&BrokerId(broker));
            }
            self.ghosts.entry(BrokerId(broker)).or_default();
        }
        self
    }

    pub(crate) fn silent(self, broker: u32) -> World {
        self.voice(broker, Voice::Silent(Silence::NoConnection))
    }

    pub(crate) fn unasked(mut self, region: RegionId) -> World {
        for broker in self.installation.brokers_of(region) {
            self.voices.insert(broker, Voice::Unasked);
        }
        self
    }

    pub(crate) fn leads(mut self, broker: u32, partition: u32) -> World {
        self.leaders
            .insert(PartitionId(partition), BTreeSet::from([BrokerId(broker)]));
        self
    }

    /// One broker more says that it leads this partition.
    pub(crate) fn leads_as_well(mut self, broker: u32, partition: u32) -> World {
        self.leaders
            .entry(PartitionId(partition))
            .or_default()
            .insert(BrokerId(broker));
        self
    }

    pub(crate) fn nobody_leads(mut self) -> World {
        for led in self.leaders.values_mut() {
            led.clear();
        }
        self
    }

    pub(crate) fn unled(mut self, partition: u32) -> World {
        self.leaders.insert(PartitionId(partition), BTreeSet::new());
        self
    }

    // Knobs: gateways.

    /// Gateways list this broker as leader of these partitions, whatever it says itself.
    pub(crate) fn ghost(mut self, broker: u32, leads: &[u32]) -> World {
        self.ghosts
            .insert(BrokerId(broker), leads.iter().copied().map(PartitionId).collect());
        self
    }

    /// This gateway has not heard of any leader yet.
    pub(crate) fn deaf(mut self, broker: u32) -> World {
        self.deaf.insert(gateway(broker));
        self
    }

    /// Only these gateways are configured.
    pub(crate) fn gateways_of(mut self, brokers: &[u32]) -> World {
        self.gateways
            .retain(|name, _| brokers.iter().any(|broker| gateway(*broker) == *name));
        self
    }

    // Knobs: configuration and exporters.

    pub(crate) fn coordinator_declines(mut self, status: u16, message: &str) -> World {
        self.coordinator = Coordinator::Declines(status, message.to_owned());
        self
    }

    pub(crate) fn coordinator_hangs(mut self) -> World {
        self.coordinator = Coordinator::Hangs;
        self
    }

    pub(crate) fn ended(mut self, id: i64, status: ChangeStatus) -> World {
        self.last = Some(LastChange {
            id: ChangeId(id),
            status,
            started_at: None,
            completed_at: None,
        });
        self.version = self.version.max(id + 1);
        self.pending = None;
        self
    }

    /// A change is pending, with nothing of it done.
    pub(crate) fn pending(mut self, id: i64, operations: Vec<Operation>) -> World {
        self.pending = Some(PendingChange {
            id: ChangeId(id),
            status: ChangeStatus::InProgress,
            completed: Vec::new(),
            pending: operations,
        });
        self
    }

    /// The first `n` operations of what is pending are done.
    pub(crate) fn progressed(mut self, n: usize) -> World {
        if let Some(change) = &mut self.pending {
            change.completed = change.pending.drain(..n).collect();
        }
        self
    }

    /// These brokers are no members any more; nothing else has changed.
    pub(crate) fn without_members(mut self, gone: &[u32]) -> World {
        for replicas in self.placement.values_mut() {
            replicas.retain(|broker, _| !gone.contains(&broker.0));
        }
        self
    }

    pub(crate) fn exporter_is(mut self, region: RegionId, status: ExporterStatus) -> World {
        self.exporters.insert(exporter(region), status);
        self
    }

    pub(crate) fn exporter_renamed(mut self, region: RegionId, name: &str) -> World {
        self.exporters.remove(&exporter(region));
        self.exporters
            .insert(ExporterId::new(name), ExporterStatus::Enabled);
        self
    }

    pub(crate) fn paused(mut self) -> World {
        self.phase = ExporterPhase::Paused;
        self
    }

    /// The positions that leaders tell; `None` is the −1 of the wire.
    pub(crate) fn positions(mut self, processed: Option<i64>, exported: Option<i64>) -> World {
        self.processed = processed;
        self.exported = exported;
        self
    }

    // The look.

    /// What a look that was begun `at_ms` after noon and took 80 ms would bring.
    pub(crate) fn look(&self, at_ms: i64) -> Observation {
        let at = noon() + SignedDuration::from_millis(at_ms);
        Observation {
            at,
            until: at + SignedDuration::from_millis(80),
            gateways: self
                .gateways
                .iter()
                .map(|(name, region)| {
                    (
                        name.clone(),
                        std::sync::Arc::new(self.gateway_sight(name, *region)),
                    )
                })
                .collect(),
            brokers: self
                .voices
                .iter()
                .filter(|(_, voice)| **voice != Voice::Unasked)
                .map(|(broker, voice)| (*broker, std::sync::Arc::new(self.broker_sight(*broker, *voice))))
                .collect(),
            searches: self.searches.clone(),
            platforms: self.platforms.clone(),
            traffic: self.traffic.clone(),
        }
    }

    /// The configuration, as the coordinator would tell it.
    pub(crate) fn configuration(&self) -> ClusterConfiguration {
        let mut members: BTreeMap<BrokerId, Member> = self
            .bare
            .iter()
            .map(|broker| {
                let state = MemberState::Active;
                let partitions = BTreeMap::new();
                (*broker, Member { state, partitions })
            })
            .collect();
        for (partition, replicas) in &self.placement {
            for (broker, priority) in replicas {
                members
                    .entry(*broker)
                    .or_insert_with(|| Member {
                        state: MemberState::Active,
                        partitions: BTreeMap::new(),
                    })
                    .partitions
                    .insert(
                        *partition,
                        ConfiguredReplica {
                            state: MemberState::Active,
                            priority: *priority,
                            exporters: self.exporters.clone(),
                        },
                    );
            }
        }
        ClusterConfiguration {
            version: self.version,
            members,
            last_change: self.last.clone(),
            pending_change: self.pending.clone(),
        }
    }

    fn gateway_sight(&self, name: &GatewayName, region: RegionId) -> GatewaySight {
        let own = self
            .voices
            .iter()
            .find(|(broker, _)| gateway(broker.0) == *name)
            .map(|(_, voice)| *voice);
        if let Some(Voice::Silent(why)) = own {
            return GatewaySight {
                region,
                topology: silent(why),
                configuration: silent(why),
                exporters: silent(why),
            };
        }
        GatewaySight {
            region,
            topology: Sight::Seen(std::sync::Arc::new(self.topology(name, region))),
            configuration: self.of_coordinator(|| std::sync::Arc::new(self.configuration())),
            exporters: self.of_coordinator(|| self.exporters.clone()),
        }
    }

    fn of_coordinator<T>(&self, seen: impl FnOnce() -> T) -> Sight<T> {
        match &self.coordinator {
            Coordinator::Answers => Sight::Seen(seen()),
            Coordinator::Declines(status, message) => Sight::Declined {
                status: *status,
                message: message.clone(),
            },
            Coordinator::Hangs => silent(Silence::NoAnswer),
        }
    }

    fn topology(&self, name: &GatewayName, region: RegionId) -> GatewayTopology {
        let deaf = self.deaf.contains(name);
        let unseen = self.unseen.get(&region);
        let brokers = self
            .voices
            .iter()
            .filter(|(broker, voice)| {
                let member = self
                    .placement
                    .values()
                    .any(|replicas| replicas.contains_key(broker));
                let alive = !matches!(voice, Voice::Silent(_))
                    && (member || matches!(voice, Voice::Blank | Voice::OldDisk));
                (alive || self.ghosts.contains_key(broker))
                    && unseen.is_none_or(|unseen| !unseen.contains(broker))
            })
            .map(|(broker, voice)| (*broker, self.listed(*broker, *voice, deaf)))
            .collect();
        GatewayTopology {
            brokers,
            cluster_size: self.sizes.0,
            partitions_count: self.installation.partitions_count(),
            replication_factor: self.sizes.1,
            gateway_version: "8.6.0".to_owned(),
        }
    }

    fn listed(&self, broker: BrokerId, voice: Voice, deaf: bool) -> ListedBroker {
        let ghost = self.ghosts.get(&broker);
        let partitions = self
            .installation
            .placement()
            .into_iter()
            .filter(|(partition, replicas)| {
                // Of the dead gateways still tell what they held; of the others, what they hold.
                match voice {
                    Voice::Silent(_) => replicas.contains_key(&broker),
                    Voice::Blank | Voice::OldDisk => false,
                    _ => self.placement[partition].contains_key(&broker),
                }
            })
            .map(|(partition, _)| {
                let leads = ghost.is_some_and(|ghost| ghost.contains(&partition))
                    || self.leaders[&partition].contains(&broker);
                let role = if leads && !deaf {
                    Role::Leader
                } else {
                    Role::Follower
                };
                let health = Health::Healthy;
                (partition, ListedReplica { role, health })
            })
            .collect();
        ListedBroker {
            host: format!("zeebe-{broker}"),
            port: 26501,
            version: "8.6.0".to_owned(),
            partitions,
        }
    }

    fn broker_sight(&self, broker: BrokerId, voice: Voice) -> BrokerSight {
        let (ready, partitions) = match voice {
            Voice::Answers => (Sight::Seen(true), Sight::Seen(self.own(broker))),
            Voice::Silent(why) => (silent(why), silent(why)),
            Voice::Hangs => (Sight::Seen(true), silent(Silence::NoAnswer)),
            Voice::SaysNothing => (Sight::Seen(true), Sight::Empty),
            Voice::Blank => (Sight::Seen(false), Sight::Empty),
            Voice::OldDisk => (Sight::Seen(false), Sight::Seen(self.held_before(broker))),
            Voice::Unasked => (Sight::NotAsked, Sight::NotAsked),
        };
        BrokerSight {
            ready,
            partitions,
            metrics: self.metrics_of(broker, voice),
        }
    }

    fn own(&self, broker: BrokerId) -> BTreeMap<PartitionId, OwnReplica> {
        self.placement
            .iter()
            .filter(|(_, replicas)| replicas.contains_key(&broker))
            .map(|(partition, _)| {
                let leads = self.leaders[partition].contains(&broker);
                let replica = OwnReplica {
                    role: if leads { Role::Leader } else { Role::Follower },
                    processor: Some(if leads {
                        ProcessorPhase::Processing
                    } else {
                        ProcessorPhase::Replay
                    }),
                    exporter_phase: Some(self.phases.get(&broker).unwrap_or(&self.phase).clone()),
                    processed_position: self.processed,
                    exported_position: if leads { self.exported } else { None },
                };
                (*partition, replica)
            })
            .collect()
    }

    fn led_by(&self, broker: BrokerId) -> BTreeSet<PartitionId> {
        self.leaders
            .iter()
            .filter(|(_, led)| led.contains(&broker))
            .map(|(partition, _)| *partition)
            .collect()
    }
}

/// The operations of a removal of `lost` by force.
pub(crate) fn removal(world: &World, lost: RegionId) -> Vec<Operation> {
    let keep = world.installation.brokers_of(lost.other());
    let last = keep.last().copied();
    let mut operations: Vec<Operation> = world
        .installation
        .placement_within(lost.other())
        .into_iter()
        .map(|(partition, replicas)| Operation {
            kind: OperationKind::PartitionForceReconfigure,
            broker: last,
            partition: Some(partition),
            brokers: replicas.into_keys().collect(),
            exporter: None,
        })
        .collect();
    operations.extend(
        world
            .installation
            .brokers_of(lost)
            .into_iter()
            .map(|broker| Operation {
                kind: OperationKind::BrokerRemove,
                broker: keep.first().copied(),
                partition: None,
                brokers: vec![broker],
                exporter: None,
            }),
    );
    operations
}

/// The operations of a disable of `region`'s exporter, the first owed by `first`.
pub(crate) fn disabling(world: &World, region: RegionId, first: u32) -> Vec<Operation> {
    let mut brokers: Vec<BrokerId> = world.installation.brokers().into_iter().collect();
    brokers.sort_by_key(|broker| broker.0 != first);
    brokers
        .into_iter()
        .map(|broker| Operation {
            kind: OperationKind::PartitionDisableExporter,
            broker: Some(broker),
            partition: Some(PartitionId(1)),
            brokers: Vec::new(),
            exporter: Some(exporter(region)),
        })
        .collect()
}

/// The operations of an enable of an exporter that nobody has: it never ends. `spec: real-zeebe/README.md §6.6`
pub(crate) fn enabling_unknown(first: u32) -> Vec<Operation> {
    vec![Operation {
        kind: OperationKind::PartitionEnableExporter,
        broker: Some(BrokerId(first)),
        partition: Some(PartitionId(1)),
        brokers: Vec::new(),
        exporter: Some(ExporterId::new("elasticsearch")),
    }]
}

/// The history of scenes: each is looked at so many times, every 500 ms.
pub(crate) fn watched(scenes: &[(&World, usize)]) -> History {
    scenes
        .iter()
        .flat_map(|(world, times)| std::iter::repeat_n(*world, *times))
        .zip(0..)
        .map(|(world, reading)| world.look(reading * 500))
        .collect()
}

/// Long enough for every proof.
pub(crate) const LONG: usize = 12;

pub(crate) fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn exporter(region: RegionId) -> ExporterId {
    ExporterId::new(format!("elasticsearchregion{region}"))
}

pub(crate) fn gateway(broker: u32) -> GatewayName {
    GatewayName::new(format!("gateway-{broker}"))
}

pub(crate) fn brokers(ids: &[u32]) -> BTreeSet<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

fn preferred(replicas: &BTreeMap<BrokerId, u32>) -> BrokerId {
    replicas
        .iter()
        .max_by_key(|(_, priority)| **priority)
        .map(|(broker, _)| *broker)
        .unwrap()
}

fn silent<T>(why: Silence) -> Sight<T> {
    Sight::Silent {
        why,
        detail: String::new(),
    }
}

/// So many cases, from one seed; with `PROPTEST_RNG_SEED` from another one, to go looking for more.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let seed = std::env::var("PROPTEST_RNG_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed.unwrap_or(8)),
        ..ProptestConfig::default()
    }
}
