//! The world: two regions of brokers, their searches and clients, as a discrete-event simulation.
//!
//! Nothing here runs by itself. [`World::advance`] processes every event that is due, in the order of moment and
//! sequence; whoever asks the world something advances it to the present first. So a disaster of minutes takes
//! milliseconds in virtual time, and the same seed and the same calls give the same world.

mod blows;
mod changes;
mod disks;
mod elections;
mod exporter_calls;
mod exporting;
mod faults;
mod final_audit;
mod genesis;
mod gossip;
mod link;
mod names;
mod objects;
mod outside;
mod platform;
mod reckoning;
mod report;
mod search_faults;
mod searching;
mod somebody;
mod truth;
mod webapps;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use c8dr_engine::clock::Moment;
use jiff::Timestamp;

use crate::chance::{Chance, Stream};
use crate::cluster::configuration::Configuration;
use crate::cluster::plan::MapOrder;
use crate::cluster::raft::Replica;
use crate::config::{ConfigError, WorldConfig};
use crate::ids::{BrokerId, PartitionId, Region};
use crate::search::Cluster;
use crate::search::store::Store;
use crate::views::Kept;
use crate::wall::Wall;

pub use blows::{Blow, Door};
use exporter_calls::ExporterCall;
pub use faults::{AnswerFault, Data, Power};
pub use final_audit::{Counted, FinalAudit, RegionAudit};
pub(crate) use gossip::{Contact, View};
pub use link::Link;
use link::LinkTrouble;
pub use names::{NameRecord, NamesChanged, NamesTrouble};
pub(crate) use objects::GRACE;
pub use objects::{Labels, PodStatus, VolumeStatus};
pub(crate) use outside::Bulk;
use outside::Outside;
use platform::Site;
pub use platform::{DeploymentStatus, PlatformError, PodPhase, ReleaseStatus};
pub use reckoning::{PartitionAudit, SearchAudit};
pub use report::{Audit, BrokerStatus, LabStatus, RegionStatus, SearchStatus, WorldEvent};
pub use search_faults::SearchFault;
use searching::Searching;
pub(crate) use searching::{RestoreAsked, SnapshotAsked, SnapshotOutcome};
pub use truth::{Forced, Leading};
pub(crate) use workload::Outcome;
use workload::{Flight, Workload};

/// How far a broker's process has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Stage {
    Off,
    /// Started, its ports still closed.
    Starting,
    /// Answers and gossips; its partitions are not there yet.
    Serving,
    /// Its partitions take part.
    Running,
}

#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) id: BrokerId,
    pub(crate) host: String,
    pub(crate) power: Power,
    pub(crate) stage: Stage,
    /// Counts starts and ends of the process: what belongs to an earlier life is ignored.
    pub(crate) life: u64,
    /// Grows whenever something of it may have changed.
    pub(crate) touched: u64,
    /// When it last came, went, froze or thawed.
    pub(crate) stirred: Moment,
    /// Once ready, ready until the process ends.
    pub(crate) ready: bool,
    /// On disk.
    pub(crate) configuration: Option<Arc<Configuration>>,
    /// Logs and pause flags on disk, roles in memory.
    pub(crate) replicas: BTreeMap<PartitionId, Replica>,
    pub(crate) view: View,
    /// Counts what this broker has published about itself.
    pub(crate) published: u64,
    /// The operation of a pending change that this broker is busy with: change id and index.
    pub(crate) busy: Option<(u64, usize)>,
    /// Partitions joined lately, whose roles are listed late.
    pub(crate) joined_at: BTreeMap<PartitionId, Moment>,
    /// Replicas that run since the last start of the process, and whose roles have not been told to anybody yet; true
    /// where that is under way.
    pub(crate) untold: BTreeMap<PartitionId, bool>,
    /// What its gateway knows of dead connections: the first call after a death fails differently.
    pub(crate) broken_connections: BTreeSet<BrokerId>,
}

impl Broker {
    pub(crate) fn answers(&self) -> bool {
        self.power == Power::Up && self.stage >= Stage::Serving
    }

    pub(crate) fn runs(&self) -> bool {
        self.power == Power::Up && self.stage == Stage::Running
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Event {
    Serving {
        broker: BrokerId,
        life: u64,
    },
    PartitionsStarted {
        broker: BrokerId,
        life: u64,
    },
    SelfShutdown {
        broker: BrokerId,
        life: u64,
    },
    Drop {
        gateway: BrokerId,
        broker: BrokerId,
        epoch: u64,
    },
    List {
        gateway: BrokerId,
        broker: BrokerId,
        epoch: u64,
    },
    Ghost {
        gateway: BrokerId,
        broker: BrokerId,
        epoch: u64,
        shown: bool,
    },
    RolesHeard {
        gateway: BrokerId,
        broker: BrokerId,
        number: u64,
        roles: Arc<gossip::Roles>,
    },
    ConfigurationHeard {
        to: BrokerId,
        life: u64,
        configuration: Arc<Configuration>,
    },
    RoleTold {
        broker: BrokerId,
        life: u64,
        partition: PartitionId,
    },
    StepDown {
        broker: BrokerId,
        partition: PartitionId,
        term: u64,
    },
    Elect {
        partition: PartitionId,
        members: Arc<BTreeSet<BrokerId>>,
    },
    Rebalance {
        partition: PartitionId,
    },
    Replicate {
        partition: PartitionId,
        from: BrokerId,
        to: BrokerId,
        term: u64,
    },
    OperationMidway {
        broker: BrokerId,
        life: u64,
        change: u64,
        index: usize,
    },
    OperationDue {
        broker: BrokerId,
        life: u64,
        change: u64,
        index: usize,
    },
    Flush {
        broker: BrokerId,
        partition: PartitionId,
        term: u64,
    },
    ExportGossip {
        broker: BrokerId,
        partition: PartitionId,
        term: u64,
    },
    Snapshot {
        partition: PartitionId,
    },
    /// The next shard of a snapshot is copied.
    CopyShard {
        region: Region,
        life: u64,
        run: u64,
    },
    /// The next shard of a restore is back.
    ShardBack {
        region: Region,
        life: u64,
        restore: u64,
    },
    /// A webapp's pod does what it does.
    WebappTurn {
        region: Region,
        pod: u64,
    },
    PodGone {
        region: Region,
        pod: u64,
    },
    Client {
        client: usize,
    },
    FlightTimeout {
        flight: u64,
    },
    /// The link comes or goes.
    LinkFlaps {
        epoch: u64,
    },
    /// A rolling restart looks at the broker that it replaced last.
    RollsOut {
        broker: BrokerId,
        rollout: u64,
    },
    /// What somebody has arranged strikes.
    Blow {
        blow: Blow,
    },
}

/// The dual-region world.
#[derive(Debug)]
pub struct World {
    pub(crate) config: WorldConfig,
    pub(crate) wall: Wall,
    pub(crate) now: Moment,
    sequence: u64,
    queue: BTreeMap<(Moment, u64), Event>,
    pub(crate) chance: Chance,
    pub(crate) order: MapOrder,
    pub(crate) brokers: BTreeMap<BrokerId, Broker>,
    pub(crate) link: Link,
    link_trouble: LinkTrouble,
    /// The names that clients come by.
    names: NameRecord,
    names_trouble: NamesTrouble,
    /// Whether brokers that start can resolve the names of their peers.
    names_known: bool,
    /// Brokers whose volume something else has filled.
    filled: BTreeSet<BrokerId>,
    /// Exporters that are stuck in opening: in which life and term of their leader, and to which region.
    stuck_exporters: BTreeMap<(BrokerId, PartitionId), (u64, u64, Region)>,
    /// Counts the rolling restarts of each region: an earlier one ends where a later one begins.
    rollouts: [u64; 2],
    pub(crate) searches: [Cluster; 2],
    /// Real searches that stand in for one of these.
    outside: [Option<Outside>; 2],
    /// Where snapshots are kept; it outlives both regions.
    pub(crate) store: Store,
    pub(crate) searching: Searching,
    pub(crate) sites: [Site; 2],
    /// Numbers the webapps' pods.
    pods_made: u64,
    /// Numbers what users of the webapps write.
    webapp_notes: u64,
    pub(crate) workload: Workload,
    pub(crate) flights: BTreeMap<u64, Flight>,
    elections: BTreeSet<(PartitionId, BTreeSet<BrokerId>)>,
    flushing: BTreeSet<(BrokerId, PartitionId)>,
    distributing: BTreeSet<(BrokerId, PartitionId)>,
    /// The calls to searches that last: none while all is well.
    exporter_calls: BTreeMap<(BrokerId, PartitionId), ExporterCall>,
    pub(crate) answer_faults: Vec<AnswerFault>,
    timeline: Vec<WorldEvent>,
    /// The forced removals that were begun.
    forced: Vec<Forced>,
    /// The brokers that their platform has started anew, oldest first.
    rolled: Vec<(Moment, BrokerId)>,
    /// A change that somebody else has begun, and has not taken back.
    foreign_change: Option<u64>,
    /// A change of somebody else's that was cancelled by a request.
    foreign_cancelled: Option<u64>,
    /// How often each broker was started with an empty disk.
    emptied: BTreeMap<BrokerId, u64>,
    trace: u64,
    /// Counts what the sockets have to know: processes that came, went, froze or thawed.
    pub(crate) upheavals: u64,
    /// What was told last as values.
    pub(crate) kept: Kept,
}

impl World {
    /// A healthy installation at the clock's start, whose wall shows `begin` then.
    ///
    /// # Errors
    /// A configuration that cannot be modelled.
    pub fn new(config: WorldConfig, begin: Timestamp) -> Result<World, ConfigError> {
        config.check()?;
        let mut chance = Chance::new(config.seed);
        let mut coin = || chance.happens(Stream::Shape, 0.5);
        let order = MapOrder {
            reversed: coin(),
            adds_reversed: coin(),
            joins_reversed: coin(),
        };
        let brokers: Vec<_> = (0..config.brokers).map(BrokerId).collect();
        let partitions: Vec<_> = (1..=config.partitions).map(PartitionId).collect();
        let configuration = Arc::new(genesis::first_configuration(
            &brokers,
            &partitions,
            config.replication_factor,
        ));
        let workload = Workload::new(config.creates_per_second);
        let mut world = World {
            wall: Wall::new(begin),
            now: Moment::START,
            sequence: 0,
            queue: BTreeMap::new(),
            order,
            brokers: BTreeMap::new(),
            link: Link::Up,
            link_trouble: LinkTrouble::default(),
            names: NameRecord::default(),
            names_trouble: NamesTrouble::None,
            names_known: true,
            filled: BTreeSet::new(),
            stuck_exporters: BTreeMap::new(),
            rollouts: [0; 2],
            searches: [Cluster::default(), Cluster::default()],
            outside: [None, None],
            store: Store::default(),
            searching: Searching::default(),
            sites: [Site::default(), Site::default()],
            pods_made: 0,
            webapp_notes: 0,
            workload,
            flights: BTreeMap::new(),
            elections: BTreeSet::new(),
            flushing: BTreeSet::new(),
            distributing: BTreeSet::new(),
            exporter_calls: BTreeMap::new(),
            answer_faults: Vec::new(),
            timeline: Vec::new(),
            forced: Vec::new(),
            rolled: Vec::new(),
            foreign_change: None,
            foreign_cancelled: None,
            emptied: BTreeMap::new(),
            trace: 0xcbf2_9ce4_8422_2325,
            upheavals: 0,
            kept: Kept::default(),
            chance,
            config,
        };
        for region in Region::BOTH {
            world.empty_search(region);
            world.install_at_first(region);
        }
        for &id in &brokers {
            let view = View::new(&brokers, &partitions, &mut world.chance);
            world
                .brokers
                .insert(id, genesis::healthy_broker(id, &configuration, view));
        }
        world.lead_by_priority(&configuration, &partitions);
        for id in brokers {
            world.tell_everyone_at_once(id);
        }
        for partition in partitions {
            world.after(
                world.config.timings.snapshot_period,
                Event::Snapshot { partition },
            );
        }
        world.start_clients();
        world.say(format!(
            "{} brokers, {} partitions, replication factor {}: healthy.",
            world.config.brokers, world.config.partitions, world.config.replication_factor
        ));
        Ok(world)
    }

    /// The configuration this world was made of.
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// The moment up to which everything has happened.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// When the next event is due.
    pub fn next_event(&self) -> Option<Moment> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// Lets everything happen that is due by `to`.
    pub fn advance(&mut self, to: Moment) {
        while let Some(entry) = self.queue.first_entry() {
            let (at, sequence) = *entry.key();
            if at > to {
                break;
            }
            let event = entry.remove();
            self.now = self.now.max(at);
            self.mark(sequence);
            self.happen(event);
        }
        self.now = self.now.max(to);
    }

    /// A number that two worlds share if the same happened in both.
    pub fn trace(&self) -> u64 {
        self.trace
    }

    fn mark(&mut self, what: u64) {
        // FNV-1a over the moment and what happened then.
        let nanos = u64::try_from(self.now.since_start().as_nanos()).unwrap_or(u64::MAX);
        for byte in nanos.to_le_bytes().into_iter().chain(what.to_le_bytes()) {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn say(&mut self, sentence: String) {
        for byte in sentence.bytes() {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        tracing::debug!(at = ?self.now, "{sentence}");
        self.timeline.push(WorldEvent::new(self.now, sentence));
    }

    pub(crate) fn after(&mut self, delay: Duration, event: Event) {
        self.sequence += 1;
        self.queue.insert((self.now + delay, self.sequence), event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Serving { broker, life } => self.serving(broker, life),
            Event::PartitionsStarted { broker, life } => self.partitions_started(broker, life),
            Event::SelfShutdown { broker, life } => self.shuts_itself_down(broker, life),
            Event::Drop {
                gateway,
                broker,
                epoch,
            } => self.gateway_drops(gateway, broker, epoch),
            Event::List {
                gateway,
                broker,
                epoch,
            } => self.gateway_lists(gateway, broker, epoch),
            Event::Ghost {
                gateway,
                broker,
                epoch,
                shown,
            } => self.ghost(gateway, broker, epoch, shown),
            Event::RolesHeard {
                gateway,
                broker,
                number,
                roles,
            } => {
                self.roles_heard(gateway, broker, number, &roles);
            }
            Event::ConfigurationHeard {
                to,
                life,
                configuration,
            } => {
                self.configuration_heard(to, life, &configuration);
            }
            Event::RoleTold {
                broker,
                life,
                partition,
            } => self.role_told(broker, life, partition),
            Event::StepDown {
                broker,
                partition,
                term,
            } => self.step_down(broker, partition, term),
            Event::Elect { partition, members } => self.elect(partition, &members),
            Event::Rebalance { partition } => self.rebalance_partition(partition),
            Event::Replicate {
                partition,
                from,
                to,
                term,
            } => self.replicate(partition, from, to, term),
            Event::OperationMidway {
                broker,
                life,
                change,
                index,
            } => {
                self.operation_midway(broker, life, change, index);
            }
            Event::OperationDue {
                broker,
                life,
                change,
                index,
            } => {
                self.operation_due(broker, life, change, index);
            }
            Event::Flush {
                broker,
                partition,
                term,
            } => self.flush(broker, partition, term),
            Event::ExportGossip {
                broker,
                partition,
                term,
            } => self.distribute(broker, partition, term),
            Event::Snapshot { partition } => self.snapshot_partition(partition),
            Event::CopyShard { region, life, run } => self.copy_shard(region, life, run),
            Event::ShardBack {
                region,
                life,
                restore,
            } => self.shard_back(region, life, restore),
            Event::WebappTurn { region, pod } => self.webapp_turn(region, pod),
            Event::PodGone { region, pod } => self.pod_gone(region, pod),
            Event::Client { client } => self.client_turn(client),
            Event::FlightTimeout { flight } => self.flight_timed_out(flight),
            Event::LinkFlaps { epoch } => self.link_flaps(epoch),
            Event::RollsOut { broker, rollout } => self.rolls_out(broker, rollout),
            Event::Blow { blow } => self.strike(blow),
        }
    }

    pub(crate) fn broker(&self, id: BrokerId) -> Option<&Broker> {
        self.brokers.get(&id)
    }

    pub(crate) fn broker_mut(&mut self, id: BrokerId) -> Option<&mut Broker> {
        let broker = self.brokers.get_mut(&id)?;
        broker.touched += 1;
        Some(broker)
    }

    pub(crate) fn replica(&self, broker: BrokerId, partition: PartitionId) -> Option<&Replica> {
        self.brokers.get(&broker)?.replicas.get(&partition)
    }

    pub(crate) fn replica_mut(&mut self, broker: BrokerId, partition: PartitionId) -> Option<&mut Replica> {
        self.broker_mut(broker)?.replicas.get_mut(&partition)
    }

    pub(crate) fn broker_ids(&self) -> Vec<BrokerId> {
        self.brokers.keys().copied().collect()
    }

    pub(crate) fn partition_ids(&self) -> Vec<PartitionId> {
        (1..=self.config.partitions).map(PartitionId).collect()
    }

    pub(crate) fn region_name(&self, region: Region) -> &str {
        &self.config.region_names[region.index()]
    }

    /// Whether two processes hear each other.
    pub(crate) fn hear(&self, a: BrokerId, b: BrokerId) -> bool {
        let up = |id| self.broker(id).is_some_and(Broker::answers);
        up(a) && up(b) && self.linked(a.region(), b.region())
    }

    /// Whether the raft of two brokers hears each other.
    pub(crate) fn confer(&self, a: BrokerId, b: BrokerId) -> bool {
        let runs = |id| self.broker(id).is_some_and(Broker::runs);
        runs(a) && runs(b) && self.linked(a.region(), b.region())
    }

    /// Whether what one broker's raft sends gets to the other's, be it answered or not.
    pub(crate) fn delivers(&self, from: BrokerId, to: BrokerId) -> bool {
        let runs = |id| self.broker(id).is_some_and(Broker::runs);
        runs(from) && runs(to) && self.passes(from.region(), to.region())
    }

    pub(crate) fn hop(&mut self, a: BrokerId, b: BrokerId) -> Duration {
        let timings = self.config.timings;
        let span = if a.region() == b.region() {
            timings.in_region_hop
        } else {
            timings.cross_region_hop
        };
        self.chance.span(Stream::Replication, span) + self.lag(a, b)
    }

    pub(crate) fn configuration(&self, broker: BrokerId) -> Option<&Arc<Configuration>> {
        self.brokers.get(&broker)?.configuration.as_ref()
    }
}
