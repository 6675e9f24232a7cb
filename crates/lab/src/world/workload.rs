//! The clients: they create process instances, insist until each is acknowledged, and remember what was.

use std::collections::BTreeMap;
use std::time::Duration;

use c8dr_engine::clock::Moment;

use crate::chance::Stream;
use crate::cluster::raft::{Entry, RECORDS_PER_INSTANCE, Role, Token};
use crate::ids::{BrokerId, PartitionId};
use crate::world::{Event, Power, World};

/// How a create ended, as its client sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Acknowledged with this instance key.
    Created(i64),
    /// Refused or lost: HTTP status and detail.
    Failed(u16, String),
}

#[derive(Clone, Debug)]
enum Waiter {
    Client(usize),
    /// Somebody outside asks again until it is settled.
    Asker,
}

/// A create on its way.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    token: Token,
    gateway: BrokerId,
    leader: BrokerId,
    partition: PartitionId,
    /// How long the log is with this create in it; none when it never reached a log.
    length: Option<usize>,
    waiter: Waiter,
    /// Still in the hands of whoever creates it: nobody is told yet.
    in_hand: bool,
    pub(crate) outcome: Option<Outcome>,
}

#[derive(Debug, Default)]
pub(crate) struct Workload {
    /// What each client is trying to get acknowledged.
    clients: Vec<Option<Token>>,
    pause: Duration,
    /// Nobody creates anything for now.
    resting: bool,
    next_token: u64,
    next_flight: u64,
    next_gateway: usize,
    keys: BTreeMap<PartitionId, i64>,
    pub(crate) acknowledged: BTreeMap<Token, i64>,
    pub(crate) attempts: u64,
    pub(crate) failures: BTreeMap<u16, u64>,
    pub(crate) last_acknowledged: Option<Moment>,
}

impl Workload {
    pub(crate) fn new(rate: f64) -> Workload {
        // A client waits for its answer before it goes on, as those of the recordings did; each does up to 8 a second.
        let clients = (rate / 8.0).ceil();
        let pause = if rate > 0.0 {
            Duration::from_secs_f64(clients / rate)
        } else {
            Duration::ZERO
        };
        let count = if clients >= 1.0 { clients as usize } else { 0 };
        Workload {
            clients: vec![None; count],
            pause,
            next_token: 1,
            next_flight: 1,
            ..Workload::default()
        }
    }
}

const TIMED_OUT: &str =
    "Expected to handle REST API request, but request timed out between gateway and broker";
const CONNECTION_ERROR: &str =
    "Expected to handle REST API request, but there was a connection error with one of the brokers";
const NO_PARTITION_LEFT: &str = "Expected to execute the command on one of the partitions, but all failed; there are no more partitions available to retry. Please try again. If the error persists contact your zeebe operator";
const CUT_SHORT: &str = "Expected to handle REST API request, but the connection was cut prematurely with the broker; the request may or may not have been accepted, and may not be safe to retry";

impl World {
    /// Lets the lab's clients together create so many process instances a second, or none: then they wait.
    pub fn set_load(&mut self, creates_per_second: f64) {
        let clients = self.workload.clients.len();
        let rate = creates_per_second / clients.max(1) as f64;
        self.workload.pause = if rate > 0.0 {
            Duration::from_secs_f64(1.0 / rate)
        } else {
            Duration::ZERO
        };
        self.workload.resting = rate <= 0.0;
    }

    pub(crate) fn start_clients(&mut self) {
        let pause = self.workload.pause;
        let count = self.workload.clients.len();
        for client in 0..count {
            let share = self.chance.unit(Stream::Workload);
            self.after(pause.mul_f64(share), Event::Client { client });
        }
    }

    /// A token for a create that nobody but its caller retries.
    pub(crate) fn new_token(&mut self) -> Token {
        let token = Token(self.workload.next_token);
        self.workload.next_token += 1;
        token
    }

    pub(crate) fn client_turn(&mut self, client: usize) {
        if self.workload.resting {
            self.after(Duration::from_secs(1), Event::Client { client });
            return;
        }
        let Some(held) = self.workload.clients.get(client).copied() else {
            return;
        };
        let token = held.unwrap_or_else(|| self.new_token());
        if let Some(slot) = self.workload.clients.get_mut(client) {
            *slot = Some(token);
        }
        let Some(gateway) = self.pick_gateway() else {
            self.after(self.workload.pause, Event::Client { client });
            return;
        };
        self.workload.attempts += 1;
        let flight = self.create(gateway, token, Waiter::Client(client));
        if let Some(outcome) = self.flights.get(&flight).and_then(|f| f.outcome.clone()) {
            self.flights.remove(&flight);
            self.client_hears(client, token, &outcome);
        }
    }

    /// Clients prefer the first region, and go to whoever answers the telephone.
    fn pick_gateway(&mut self) -> Option<BrokerId> {
        let answering: Vec<_> = self
            .brokers
            .values()
            .filter(|b| b.answers())
            .map(|b| b.id)
            .collect();
        let first = answering.first()?.region();
        let near: Vec<_> = answering.into_iter().filter(|b| b.region() == first).collect();
        self.workload.next_gateway += 1;
        near.get(self.workload.next_gateway % near.len()).copied()
    }

    fn client_hears(&mut self, client: usize, token: Token, outcome: &Outcome) {
        match outcome {
            Outcome::Created(key) => {
                self.workload.acknowledged.insert(token, *key);
                self.workload.last_acknowledged = Some(self.now);
                if let Some(slot) = self.workload.clients.get_mut(client) {
                    *slot = None;
                }
            }
            Outcome::Failed(status, _) => *self.workload.failures.entry(*status).or_default() += 1,
        }
        self.after(self.workload.pause, Event::Client { client });
    }

    /// A create for somebody outside: the number of its flight.
    pub(crate) fn create_for_asker(&mut self, gateway: BrokerId) -> u64 {
        let token = self.new_token();
        self.create(gateway, token, Waiter::Asker)
    }

    fn create(&mut self, gateway: BrokerId, token: Token, waiter: Waiter) -> u64 {
        let id = self.workload.next_flight;
        self.workload.next_flight += 1;
        let target = self.choose_partition(gateway);
        let (partition, leader) = target.unwrap_or((PartitionId(0), gateway));
        let flight = Flight {
            token,
            gateway,
            leader,
            partition,
            length: None,
            waiter,
            in_hand: true,
            outcome: None,
        };
        self.flights.insert(id, flight);
        match target {
            None if self.all_full(gateway) => {
                self.settle(id, &Outcome::Failed(429, NO_PARTITION_LEFT.to_owned()));
            }
            None => self.settle(id, &Outcome::Failed(503, CONNECTION_ERROR.to_owned())),
            Some(_) => self.carry(id, gateway, leader, partition, token),
        }
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.in_hand = false;
        }
        id
    }

    /// Round robin over the partitions that the gateway believes led; it goes on to the next one when a leader's
    /// connection is refused, or its disk is full.
    fn choose_partition(&mut self, gateway: BrokerId) -> Option<(PartitionId, BrokerId)> {
        let count = self.config.partitions as usize;
        for _ in 0..count {
            let view = &mut self.broker_mut(gateway)?.view;
            view.next_partition = view.next_partition % count + 1;
            let partition = PartitionId(u32::try_from(view.next_partition).unwrap_or(1));
            let leader = view.leader(partition);
            let dead = |b: &BrokerId| self.broker(*b).is_none_or(|b| b.power == Power::Down);
            if let Some(leader) = leader.filter(|b| !dead(b) && !self.refuses_for_disk(gateway, *b)) {
                return Some((partition, leader));
            }
        }
        None
    }

    /// A leader without room refuses at once, and the gateway goes on to the next partition.
    fn refuses_for_disk(&self, gateway: BrokerId, leader: BrokerId) -> bool {
        (gateway == leader || self.hear(gateway, leader)) && self.too_full_to_process(leader)
    }

    fn all_full(&self, gateway: BrokerId) -> bool {
        let leader = |p: PartitionId| self.broker(gateway)?.view.leader(p);
        let mut leaders = self.partition_ids().into_iter().filter_map(leader);
        leaders.any(|b| self.refuses_for_disk(gateway, b))
    }

    fn carry(&mut self, id: u64, gateway: BrokerId, leader: BrokerId, partition: PartitionId, token: Token) {
        self.after(
            self.config.timings.create_timeout,
            Event::FlightTimeout { flight: id },
        );
        if gateway != leader && !self.hear(gateway, leader) {
            // Frozen or cut off: nothing comes back until the time-out.
            return;
        }
        let now = self.now;
        let Some(replica) = self
            .replica_mut(leader, partition)
            .filter(|r| r.role == Role::Leader)
        else {
            let text = format!(
                "Unexpected error occurred during the request processing: No remote message handler registered for this message, subject command-api-{partition}"
            );
            self.settle(id, &Outcome::Failed(500, text));
            return;
        };
        let stuck = replica
            .quorum_lost
            .is_some_and(|at| now.since(at) > Duration::from_secs(5));
        if stuck || replica.processing_paused {
            let text = format!("Processing paused for partition '{partition}'");
            self.settle(id, &Outcome::Failed(500, text));
            return;
        }
        let entry = Entry {
            term: replica.term,
            position: replica.last_position() + RECORDS_PER_INSTANCE,
            token: Some(token),
            at: now,
        };
        replica.log.push(entry);
        let length = replica.log.len();
        replica.replicated.insert(leader, length);
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.length = Some(length);
        }
        self.bring_up_to_date(leader, partition);
        self.commit(leader, partition);
    }

    /// Tells everyone who waited for this much of the log.
    pub(crate) fn answer_committed(&mut self, leader: BrokerId, partition: PartitionId, reached: usize) {
        let done: Vec<u64> = self
            .flights
            .iter()
            .filter(|(_, f)| f.outcome.is_none() && f.leader == leader && f.partition == partition)
            .filter(|(_, f)| f.length.is_some_and(|l| l <= reached))
            .map(|(id, _)| *id)
            .collect();
        for id in done {
            let counter = self.workload.keys.entry(partition).or_insert(0);
            *counter += 1;
            // The partition is in the key's upper bits: key >> 51 (recorded).
            let key = (i64::from(partition.0) << 51) | *counter;
            let heard = self
                .flights
                .get(&id)
                .is_some_and(|f| f.gateway == f.leader || self.hear(f.gateway, leader));
            if heard {
                self.settle(id, &Outcome::Created(key));
            }
        }
    }

    fn settle(&mut self, id: u64, outcome: &Outcome) {
        let Some(flight) = self.flights.get_mut(&id).filter(|f| f.outcome.is_none()) else {
            return;
        };
        flight.outcome = Some(outcome.clone());
        let (token, waiter, in_hand) = (flight.token, flight.waiter.clone(), flight.in_hand);
        match waiter {
            Waiter::Client(client) if !in_hand => {
                self.flights.remove(&id);
                self.client_hears(client, token, outcome);
            }
            // Whoever creates it looks at once.
            Waiter::Client(_) => {}
            Waiter::Asker => {
                if let Outcome::Created(key) = outcome {
                    self.workload.acknowledged.insert(token, *key);
                }
            }
        }
    }

    pub(crate) fn flight_timed_out(&mut self, id: u64) {
        self.settle(id, &Outcome::Failed(504, TIMED_OUT.to_owned()));
    }

    /// A process ended: what went through it is lost, what waited for it is cut short.
    pub(crate) fn cut_flights(&mut self, broker: BrokerId) {
        let touched: Vec<u64> = self
            .flights
            .iter()
            .filter(|(_, f)| f.outcome.is_none() && (f.gateway == broker || f.leader == broker))
            .map(|(id, _)| *id)
            .collect();
        for id in touched {
            let Some(flight) = self.flights.get(&id) else {
                continue;
            };
            if flight.gateway != broker {
                self.settle(id, &Outcome::Failed(502, CUT_SHORT.to_owned()));
            } else if let Waiter::Client(client) = flight.waiter.clone() {
                self.flights.remove(&id);
                self.after(self.workload.pause, Event::Client { client });
            } else {
                self.flights.remove(&id);
            }
        }
    }
}
