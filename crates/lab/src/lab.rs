//! The world on a clock: every question and every fault first brings the world to the present.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use c8dr_engine::clock::{Clock, Moment};
use tokio::sync::watch;

use crate::api::{Answer, Port};
use crate::bucket_face::BucketPort;
use crate::chance::Stream;
use crate::config::{ConfigError, WorldConfig};
use crate::face::{BrokerPort, Refused};
use crate::ids::{BrokerId, PartitionId, Region};
use crate::search_face::SearchPort;
use crate::world::{AnswerFault, Audit, Data, FinalAudit, LabStatus, Power, SearchAudit, World, WorldEvent};

/// A running lab. Clones share one world.
#[derive(Clone, Debug)]
pub struct Lab {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: Mutex<World>,
    clock: Clock,
    /// How many brokers there are: that never changes, and the world need not be asked.
    brokers: u32,
    /// Changes whenever a process came, went, froze or thawed.
    upheavals: watch::Sender<u64>,
    stopped: watch::Sender<bool>,
}

/// A question at a broker's door, until it is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) broker: BrokerId,
    /// Since when.
    pub(crate) asked: Moment,
    /// Which life of the process was asked; none was met yet otherwise.
    pub(crate) life: Option<u64>,
    ticket: Option<u64>,
}

/// What a visit comes to.
pub(crate) enum Met<T> {
    /// Nobody is there, or not any more.
    Refused(Refused),
    /// The process stands still.
    Frozen,
    /// This, at that moment.
    Value(Moment, T),
    /// Nothing yet; ask again then.
    Again(Moment),
}

impl Visit {
    pub(crate) fn begun(broker: BrokerId, asked: Moment) -> Visit {
        Visit {
            broker,
            asked,
            life: None,
            ticket: None,
        }
    }

    /// Asks, in the present.
    pub(crate) fn ask<T>(
        &mut self,
        world: &mut World,
        question: &mut impl FnMut(&mut World, Moment, Option<u64>) -> Answer<T>,
    ) -> Met<T> {
        let own = world
            .broker(self.broker)
            .map(|own| (own.power, own.answers(), own.life));
        let is_first = self.life.is_none();
        let there = own.filter(|(power, answers, current)| {
            let is_down = *power == Power::Down || *power == Power::Up && !answers;
            !is_down && *self.life.get_or_insert(*current) == *current
        });
        match there {
            None if is_first && self.life.is_none() => Met::Refused(Refused::ConnectionRefused),
            None => Met::Refused(Refused::ConnectionReset),
            Some((Power::Up, ..)) => match question(world, self.asked, self.ticket) {
                Answer::Soon(value) => {
                    let timings = world.config.timings.answer;
                    Met::Value(world.now + world.chance.span(Stream::Answer, timings), value)
                }
                Answer::At(at, value) => Met::Value(at, value),
                Answer::Again(at, ticket) => {
                    self.ticket = ticket;
                    Met::Again(at)
                }
            },
            Some(_) => Met::Frozen,
        }
    }
}

/// There is no region of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no region {name:?}; the lab's regions are {known:?}")]
pub struct UnknownRegion {
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub known: [String; 2],
}

/// There is no broker with this id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no broker {id}; the lab's brokers are 0 to {last}")]
pub struct UnknownBroker {
    /// What was asked for.
    pub id: u32,
    /// The highest id.
    pub last: u32,
}

impl Lab {
    /// A healthy lab that begins now.
    ///
    /// # Errors
    /// A configuration that cannot be modelled.
    pub fn new(config: WorldConfig, clock: Clock) -> Result<Lab, ConfigError> {
        let brokers = config.brokers;
        let world = World::new(config, clock.wall_at(Moment::START))?;
        let inner = Inner {
            brokers,
            world: Mutex::new(world),
            clock,
            upheavals: watch::Sender::new(0),
            stopped: watch::Sender::new(false),
        };
        let lab = Lab {
            inner: Arc::new(inner),
        };
        lab.with(|_| ());
        Ok(lab)
    }

    /// The clock that this lab lives by.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Brings the world to the present and lets `f` have it.
    pub fn with<T>(&self, f: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.inner.world.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.inner.clock.now();
        world.advance(now);
        let result = f(&mut world);
        // What was asked for may be due at once, with timings of zero.
        world.advance(now);
        let upheavals = world.upheavals;
        drop(world);
        self.inner
            .upheavals
            .send_if_modified(|seen| std::mem::replace(seen, upheavals) != upheavals);
        result
    }

    /// The region of this name, or of this index.
    ///
    /// # Errors
    /// When there is none.
    pub fn region(&self, name: &str) -> Result<Region, UnknownRegion> {
        let known = self.with(|w| w.config().region_names.clone());
        let found = Region::BOTH
            .into_iter()
            .find(|r| known[r.index()] == name || r.index().to_string() == name);
        found.ok_or_else(|| UnknownRegion {
            name: name.to_owned(),
            known,
        })
    }

    /// The broker with this id.
    ///
    /// # Errors
    /// When there is none.
    pub fn broker(&self, id: u32) -> Result<BrokerId, UnknownBroker> {
        let count = self.inner.brokers;
        if id < count {
            Ok(BrokerId(id))
        } else {
            Err(UnknownBroker { id, last: count - 1 })
        }
    }

    /// Kills all brokers of a region and its search.
    pub fn lose_region(&self, region: Region) {
        self.with(|w| w.lose_region(region));
    }

    /// Starts what is down in a region.
    pub fn return_region(&self, region: Region, data: Data) {
        self.with(|w| w.return_region(region, data));
    }

    /// Builds a region's platform anew, with nothing on it until something is installed.
    pub fn rebuild_bare(&self, region: Region) {
        self.with(|w| w.rebuild_bare(region));
    }

    /// Kills one broker.
    pub fn kill_broker(&self, broker: BrokerId) {
        self.with(|w| w.kill_broker(broker));
    }

    /// Starts one broker that is down.
    pub fn start_broker(&self, broker: BrokerId, data: Data) {
        self.with(|w| w.start_broker(broker, data));
    }

    /// Stops a broker's process where it is.
    pub fn freeze(&self, broker: BrokerId) {
        self.with(|w| w.freeze(broker));
    }

    /// Lets a frozen broker go on.
    pub fn thaw(&self, broker: BrokerId) {
        self.with(|w| w.thaw(broker));
    }

    /// Drops every packet between the regions, both ways; management access is not affected.
    pub fn cut_link(&self) {
        self.with(World::cut_link);
    }

    /// Lets packets pass again.
    pub fn heal_link(&self) {
        self.with(World::heal_link);
    }

    /// Kills or starts a region's search alone.
    pub fn set_search(&self, region: Region, alive: bool) {
        self.with(|w| w.set_search(region, alive));
    }

    /// Snapshots a region's search; false when it is down. Stands for Elasticsearch's own snapshot, so that what is
    /// exported after it can be missing in the other region.
    pub fn snapshot_search(&self, region: Region) -> bool {
        self.with(|w| w.snapshot_search(region))
    }

    /// Restores the last snapshot into a region's search; false when there is none or the search is down.
    pub fn restore_search(&self, region: Region) -> bool {
        self.with(|w| w.restore_search(region))
    }

    /// Spoils one answer to come.
    pub fn spoil_answer(&self, fault: AnswerFault) {
        self.with(|w| w.spoil_answer(fault));
    }

    /// The state of everything, as it really is.
    pub fn status(&self) -> LabStatus {
        self.with(|w| w.status())
    }

    /// What clients were promised against what is there.
    pub fn audit(&self) -> Audit {
        self.with(|w| w.audit())
    }

    /// Both searches compared by id with each other and with the log, each named partition up to a position.
    pub fn audit_searches(&self, up_to: &BTreeMap<PartitionId, i64>) -> SearchAudit {
        self.with(|w| w.audit_searches(up_to))
    }

    /// The last reckoning of a drill, as of now: see [`World::final_audit`].
    pub fn final_audit(&self) -> FinalAudit {
        self.with(|w| w.final_audit())
    }

    /// Whether the exporters have nothing left to do: see [`World::exporters_caught_up`].
    pub fn exporters_caught_up(&self) -> bool {
        self.with(|w| w.exporters_caught_up())
    }

    /// What happened so far.
    pub fn timeline(&self) -> Vec<WorldEvent> {
        self.with(|w| w.timeline().to_vec())
    }

    /// Lets the exporters of a region's search write to a real one, at this address, for which nothing is served here.
    /// Before [`Lab::serve`], which sends the couriers.
    pub fn export_outside(&self, region: Region, address: SocketAddr) {
        self.with(|w| w.export_outside(region, address));
    }

    /// A broker's management port (9600), in this process.
    pub fn management(&self, broker: BrokerId) -> BrokerPort {
        BrokerPort::new(self.clone(), broker, Port::Management)
    }

    /// A broker's REST port (8080), in this process.
    pub fn rest(&self, broker: BrokerId) -> BrokerPort {
        BrokerPort::new(self.clone(), broker, Port::Rest)
    }

    /// A broker's gRPC port (26500), in this process.
    pub fn grpc(&self, broker: BrokerId) -> BrokerPort {
        BrokerPort::new(self.clone(), broker, Port::Grpc)
    }

    /// The port of a region's search (9200), in this process.
    pub fn search(&self, region: Region) -> SearchPort {
        SearchPort::new(self.clone(), region)
    }

    /// The port of the object store, in this process.
    pub fn bucket(&self) -> BucketPort {
        BucketPort::new(self.clone())
    }

    pub(crate) fn store_life(&self) -> Option<u64> {
        self.with(|w| w.store_life())
    }

    pub(crate) fn search_life(&self, region: Region) -> Option<u64> {
        self.with(|w| w.search_life(region))
    }

    /// Asks for the end of this lab: whoever waits on [`Lab::stopped`] goes on.
    pub fn stop(&self) {
        self.inner.stopped.send_replace(true);
    }

    /// Waits until somebody has called [`Lab::stop`].
    pub async fn stopped(&self) {
        let mut stopped = self.inner.stopped.subscribe();
        // The sender lives as long as this handle: the wait cannot fail.
        let _ = stopped.wait_for(|stop| *stop).await;
    }

    pub(crate) fn upheavals(&self) -> watch::Receiver<u64> {
        self.inner.upheavals.subscribe()
    }

    /// Asks a broker until it has an answer, waiting on the clock as long as the real one would take.
    pub(crate) async fn attend<T>(
        &self,
        broker: BrokerId,
        question: impl FnMut(&mut World, Moment, Option<u64>) -> Answer<T>,
    ) -> Result<T, Refused> {
        let visit = Visit::begun(broker, self.inner.clock.now());
        self.go_on(visit, question).await
    }

    /// As [`Lab::attend`], for a visit that may have been begun before.
    pub(crate) async fn go_on<T>(
        &self,
        mut visit: Visit,
        mut question: impl FnMut(&mut World, Moment, Option<u64>) -> Answer<T>,
    ) -> Result<T, Refused> {
        let mut upheavals = self.upheavals();
        loop {
            let at = match self.with(|world| visit.ask(world, &mut question)) {
                Met::Refused(refused) => return Err(refused),
                // Frozen: the connection stands, and nothing comes.
                Met::Frozen => {
                    let _ = upheavals.changed().await;
                    continue;
                }
                Met::Value(at, value) => {
                    self.arrives(&visit, at, &mut upheavals).await?;
                    return Ok(value);
                }
                Met::Again(at) => at,
            };
            self.arrives(&visit, at, &mut upheavals).await?;
        }
    }

    /// Waits for an answer that is on its way, as long as the process lives that gave it.
    pub(crate) async fn arrives(
        &self,
        visit: &Visit,
        at: Moment,
        upheavals: &mut watch::Receiver<u64>,
    ) -> Result<(), Refused> {
        self.sleep_unless_upheaval(at, visit.broker, visit.life, upheavals)
            .await
    }

    async fn sleep_unless_upheaval(
        &self,
        until: Moment,
        broker: BrokerId,
        life: Option<u64>,
        upheavals: &mut watch::Receiver<u64>,
    ) -> Result<(), Refused> {
        loop {
            let rested = tokio::select! {
                () = self.inner.clock.sleep_until(until) => true,
                _ = upheavals.changed() => false,
            };
            let (now, frozen) = self.with(|w| {
                let own = w.broker(broker);
                (own.map(|b| b.life), own.is_some_and(|b| b.power == Power::Frozen))
            });
            if now != life {
                return Err(Refused::ConnectionReset);
            }
            if rested && frozen {
                let _ = upheavals.changed().await;
            } else if rested {
                return Ok(());
            }
        }
    }
}
