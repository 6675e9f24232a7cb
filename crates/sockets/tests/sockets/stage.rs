//! A network of hosts, what is to happen to it, and what was seen.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use c8dr_engine::ports::Exchange;
use c8dr_lab::{Lab, Region, WorldConfig};
use tokio::sync::{mpsc, oneshot};

use crate::hosts::{self, Asked, ToLab};
use crate::operator::{self, Told};

/// The host from which c8dr works.
pub(crate) const OPERATOR: &str = "operator";

/// How many brokers there are, and how many partitions.
pub(crate) const BROKERS: u32 = 4;

/// How much time passes at once. Everything else is a multiple of it.
const TICK: Duration = Duration::from_millis(2);

/// Nothing takes longer, whatever is cut.
const SIMULATED_MAX: Duration = Duration::from_secs(900);

/// What happens to the way between the operator and a broker's host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Requests arrive; answers never come.
    Answers,
    /// Nothing arrives; what was on its way back still comes.
    Requests,
    /// Nothing passes, either way.
    Both,
    /// The peer is gone without a word: whoever is connected learns nothing of it. It comes back, and knows of no
    /// connection.
    HalfOpen,
    /// The host crashes, and its connections with it; then it comes back.
    Crash,
}

/// On which side of its effect a request is when something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// It has arrived, and nothing has come of it.
    Arrived,
    /// It has had its effect, and its answer leaves.
    Answered,
    /// It was rehearsed, and the connection for it stands: not a byte of it has been sent.
    Connected,
}

/// What is to happen, once: when the first request comes to the lab whose line contains this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trap {
    /// A part of the request's line. Rehearsals are not meant, but by [`Side::Connected`].
    pub(crate) line: &'static str,
    pub(crate) side: Side,
    pub(crate) cut: Cut,
    /// Whom it befalls: the host that was asked, or all brokers.
    pub(crate) all: bool,
    /// How long it lasts.
    pub(crate) lasts: Duration,
}

/// Which ways are cut, by the names of the hosts. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Links {
    cut: Arc<Mutex<BTreeSet<String>>>,
    /// The host whose next connection is cut as soon as it stands.
    next: Arc<Mutex<Option<String>>>,
}

impl Links {
    pub(crate) fn is_cut(&self, host: &str) -> bool {
        self.cut.lock().unwrap().contains(host)
    }

    /// A connection to a host stands.
    pub(crate) fn connected(&self, to: &str) {
        let is_next = self.next.lock().unwrap().take_if(|host| host == to);
        if let Some(host) = is_next {
            turmoil::partition_oneway(OPERATOR, host.as_str());
            self.cut.lock().unwrap().insert(host);
        }
    }
}

/// What is asked of whoever moves the simulation on.
enum Order {
    Crash(String),
    Bounce(String),
}

/// What was seen while it went on.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Each request that changes something and reached the lab, with its time.
    pub(crate) arrived: Vec<String>,
    /// Each call of the adapters.
    pub(crate) exchanges: Vec<Exchange>,
    /// When something was cut and when it was whole again.
    pub(crate) cuts: Vec<String>,
}

/// What the hosts share. Clones share it.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) links: Links,
    pub(crate) seen: Arc<Mutex<Seen>>,
    trap: Rc<RefCell<Option<Trap>>>,
    orders: Rc<RefCell<Vec<Order>>>,
}

/// A broker's host.
pub(crate) fn host(broker: u32) -> String {
    format!("broker-{broker}")
}

/// The host of a region's search.
pub(crate) fn search_host(region: Region) -> String {
    format!("search-{}", region.index())
}

/// Lets simulated time pass on the network.
#[expect(clippy::disallowed_methods, reason = "the network has no clock of ours")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Simulated time, in milliseconds.
fn now_ms() -> u128 {
    turmoil::sim_elapsed().unwrap_or_default().as_millis()
}

impl Stage {
    pub(crate) fn arrived(&self, host: &str, line: &str) {
        let only_reads = line.starts_with("GET") || line.contains("dryRun=true") || line.contains("/_search");
        if !only_reads {
            let seen = format!("{} ms: {host} {line}", now_ms());
            self.seen.lock().unwrap().arrived.push(seen);
        }
    }

    /// Springs the trap if this is what it waits for. When this returns, what is cut is cut.
    pub(crate) async fn side(&self, asked: &str, line: &str, side: Side) {
        let is_rehearsal = line.contains("dryRun=true");
        let is_it = |trap: &mut Trap| {
            let is_its_side = match trap.side {
                Side::Connected => is_rehearsal && side == Side::Answered,
                own => !is_rehearsal && side == own,
            };
            is_its_side && line.contains(trap.line)
        };
        let sprung = self.trap.borrow_mut().take_if(is_it);
        if let Some(trap) = sprung {
            let whom = match trap.all {
                true => (0..BROKERS).map(host).collect(),
                false => vec![asked.to_owned()],
            };
            for host in whom {
                tokio::task::spawn_local(self.clone().cut(host, trap));
            }
            // A host that is to crash does so between two ticks.
            pause(2 * TICK).await;
        }
    }

    /// Cuts, and mends. Runs on a host that is not cut off itself.
    async fn cut(self, host: String, trap: Trap) {
        if trap.side == Side::Connected {
            *self.links.next.lock().unwrap() = Some(host.clone());
            while !self.links.is_cut(&host) {
                pause(TICK).await;
            }
        }
        self.note(&format!("{host}: {:?}", trap.cut));
        let order = |order: Order| self.orders.borrow_mut().push(order);
        match trap.cut {
            Cut::Answers => turmoil::partition_oneway(host.as_str(), OPERATOR),
            Cut::Requests => turmoil::partition_oneway(OPERATOR, host.as_str()),
            Cut::Both | Cut::HalfOpen => turmoil::partition(OPERATOR, host.as_str()),
            Cut::Crash => {}
        }
        if trap.cut != Cut::Crash {
            self.links.cut.lock().unwrap().insert(host.clone());
        }
        if matches!(trap.cut, Cut::Crash | Cut::HalfOpen) {
            order(Order::Crash(host.clone()));
        }
        pause(trap.lasts).await;
        if matches!(trap.cut, Cut::Crash | Cut::HalfOpen) {
            order(Order::Bounce(host.clone()));
        }
        if trap.cut != Cut::Crash {
            turmoil::repair(OPERATOR, host.as_str());
            self.links.cut.lock().unwrap().remove(&host);
        }
        self.note(&format!("{host}: whole again"));
    }

    fn note(&self, what: &str) {
        let line = format!("{} ms: {what}", now_ms());
        self.seen.lock().unwrap().cuts.push(line);
    }
}

/// What a night under a trap came to.
pub(crate) struct Played {
    pub(crate) told: Told,
    pub(crate) seen: Seen,
}

/// The lab, as the operator's host reaches it for what is no business of c8dr's.
#[derive(Clone)]
pub(crate) struct LabHost(pub(crate) ToLab);

impl LabHost {
    /// Does something on the lab's host, and brings the result back.
    pub(crate) async fn with<T: Send + 'static>(&self, deed: impl FnOnce(&Lab) -> T + Send + 'static) -> T {
        let (done, result) = oneshot::channel();
        let deed = move |lab: &Lab| {
            let _ = done.send(deed(lab));
        };
        let _ = self.0.send(Asked::Do(Box::new(deed)));
        result.await.unwrap()
    }
}

/// How far a night goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Night {
    /// Until the failover is over.
    Failover,
    /// Until the failback is over.
    Failback,
}

/// A healthy world loses a region, which is failed over while the trap springs.
pub(crate) fn play(seed: u64, lost: Region, trap: Option<Trap>) -> Played {
    played(seed, lost, trap, Night::Failover)
}

/// The same, and the region is built anew and brought back. What is told is the failback.
pub(crate) fn play_back(seed: u64, lost: Region, trap: Option<Trap>) -> Played {
    played(seed, lost, trap, Night::Failback)
}

fn played(seed: u64, lost: Region, trap: Option<Trap>, night: Night) -> Played {
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(TICK)
        .simulation_duration(SIMULATED_MAX)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(10))
        // Whatever knocks while a host is down waits for it.
        .tcp_capacity(4096)
        .build();
    let stage = Stage {
        links: Links::default(),
        seen: Arc::default(),
        trap: Rc::new(RefCell::new(trap)),
        orders: Rc::default(),
    };
    let (to_lab, asked) = mpsc::unbounded_channel();
    let asked = Rc::new(RefCell::new(Some(asked)));
    let config = WorldConfig {
        brokers: BROKERS,
        partitions: BROKERS,
        seed,
        ..WorldConfig::default()
    };
    let lab_stage = stage.clone();
    sim.host("lab", move || {
        hosts::lab(config.clone(), asked.clone(), lab_stage.clone())
    });
    for id in 0..BROKERS {
        let to_lab = to_lab.clone();
        sim.host(host(id), move || hosts::broker(id, to_lab.clone()));
    }
    for region in Region::BOTH {
        let to_lab = to_lab.clone();
        sim.host(search_host(region), move || hosts::search(region, to_lab.clone()));
    }
    let told = Rc::new(RefCell::new(None));
    let work = operator::lives_through(LabHost(to_lab), stage.clone(), lost, seed, night);
    let teller = told.clone();
    sim.client(OPERATOR, async move {
        *teller.borrow_mut() = Some(work.await);
        Ok(())
    });
    while !sim.step().unwrap() {
        for order in stage.orders.take() {
            match order {
                Order::Crash(host) => sim.crash(host.as_str()),
                Order::Bounce(host) => sim.bounce(host.as_str()),
            }
        }
    }
    let told = told.take().unwrap();
    let seen = std::mem::take(&mut *stage.seen.lock().unwrap());
    Played { told, seen }
}
