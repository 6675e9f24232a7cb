//! A scripted cluster of four brokers: one region lost, a forced removal and an exporter disable as a little state machine.
//!
//! Not the lab: it knows just enough to say what the driver asked for, when, and what took effect how often.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use c8dr_domain::effect::{Answer, Mode, ZeebeEffect};
use c8dr_domain::ids::{BrokerId, ChangeId, ExporterId, GatewayName, PartitionId, RegionId};
use c8dr_domain::installation::Installation;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::topology::{
    ChangeStatus, ClusterConfiguration, ConfiguredReplica, ExporterPhase, ExporterStatus, Exporters,
    GatewayTopology, Health, LastChange, ListedBroker, ListedReplica, Member, MemberState, Operation,
    OperationKind, OwnPartitions, OwnReplica, PendingChange, ProcessorPhase, Role,
};
use c8dr_engine::clock::{Clock, Moment};
use c8dr_engine::ports::Zeebe;
use futures_util::future::BoxFuture;

pub(crate) const LONDON: RegionId = RegionId(0);
pub(crate) const PARIS: RegionId = RegionId(1);

/// How long a forced removal takes, then how long until leaders are back; how long a disable takes.
const FORCE: Duration = Duration::from_millis(300);
const ELECTION: Duration = Duration::from_millis(4_500);
const DISABLE: Duration = Duration::from_millis(200);
/// How long any answer takes, and how long it takes to give up on a dead broker.
const ANSWER: Duration = Duration::from_millis(5);
const DEAD: Duration = Duration::from_millis(400);
/// How far everything had been processed when the region was lost.
const PROCESSED: i64 = 1_000;

/// What becomes of one real request, instead of the ordinary 202.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoil {
    /// 202, as it should be.
    Well,
    /// 400.
    Refused,
    /// 409: somebody sent the very same a moment ago.
    ConflictOurs,
    /// 409: another change is pending, for so many seconds.
    ConflictForeign(u64),
    /// 409, and nothing to be seen of any change.
    ConflictNone,
    /// The connection was refused.
    NotSent,
    /// 504, and it took effect.
    UnknownWithEffect,
    /// 504, and it takes effect so many seconds later.
    UnknownLate(u64),
    /// 504, and it never arrived.
    UnknownWithoutEffect,
    /// 202, and the change never ends.
    Stuck,
    /// 202, and somebody cancels it at once.
    Cancelled,
}

/// What becomes of every rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rehearsal {
    Well,
    /// It would remove one broker more.
    Other,
    /// It would do the same, and add a broker.
    More,
    Refused,
    Conflict,
    Unknown,
    /// It takes three seconds.
    Slow,
}

/// A request that arrived at the port, real ones only.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Moment,
    pub(crate) gateway: GatewayName,
    pub(crate) effect: ZeebeEffect,
    /// Full readings of the configuration, by any gateway, that had come by then.
    pub(crate) readings: usize,
}

#[derive(Debug)]
struct Running {
    id: i64,
    effect: Option<ZeebeEffect>,
    began: Moment,
    ends: Option<Moment>,
}

#[derive(Debug)]
struct State {
    running: Option<Running>,
    last: Option<(i64, ChangeStatus)>,
    next_id: i64,
    removed: BTreeSet<BrokerId>,
    led_from: Option<Moment>,
    disabled: bool,
    late: Vec<(Moment, ZeebeEffect)>,
    answering_again: BTreeSet<BrokerId>,
    configuration_hangs_until: Moment,
    /// What the newest change found, and until when gateways still show that: gossip lags.
    shown_before: (Option<(i64, ChangeStatus)>, bool),
    lags_until: Moment,
    spoils: VecDeque<Spoil>,
    rehearsal: Rehearsal,
    rehearsals: usize,
    readings: usize,
    sent: Vec<Sent>,
    forces: usize,
    disables: usize,
    repeated_forces: usize,
}

/// The cluster.
pub(crate) struct Cluster {
    pub(crate) installation: Installation,
    pub(crate) lost: RegionId,
    clock: Clock,
    state: Mutex<State>,
}

impl Cluster {
    /// Its `lost` region has been dark for a while.
    pub(crate) fn without(lost: RegionId, clock: Clock) -> Cluster {
        let regions = [LONDON, PARIS]
            .map(|region| {
                (
                    ["london", "paris"][region.0 as usize].to_owned(),
                    exporter(region),
                )
            })
            .into();
        Cluster {
            installation: Installation::new("camunda", regions, 4, 4, 4).unwrap(),
            lost,
            clock,
            state: Mutex::new(State {
                running: None,
                last: None,
                next_id: 2,
                removed: BTreeSet::new(),
                led_from: None,
                disabled: false,
                late: Vec::new(),
                answering_again: BTreeSet::new(),
                configuration_hangs_until: Moment::START,
                shown_before: (None, false),
                lags_until: Moment::START,
                spoils: VecDeque::new(),
                rehearsal: Rehearsal::Well,
                rehearsals: 0,
                readings: 0,
                sent: Vec::new(),
                forces: 0,
                disables: 0,
                repeated_forces: 0,
            }),
        }
    }

    /// The next real requests come out like this; those after them well.
    pub(crate) fn spoil(&self, spoils: &[Spoil]) {
        self.state.lock().unwrap().spoils.extend(spoils);
    }

    pub(crate) fn rehearse(&self, rehearsal: Rehearsal) {
        self.state.lock().unwrap().rehearsal = rehearsal;
    }

    pub(crate) fn answers_again(&self, broker: u32) {
        self.state
            .lock()
            .unwrap()
            .answering_again
            .insert(BrokerId(broker));
    }

    pub(crate) fn falls_silent_again(&self) {
        self.state.lock().unwrap().answering_again.clear();
    }

    /// A change of somebody else's is pending, and never ends.
    pub(crate) fn blocked(&self) {
        let now = self.clock.now();
        self.state.lock().unwrap().begin(None, now, None);
    }

    pub(crate) fn configuration_hangs_for(&self, seconds: u64) {
        let until = self.clock.now() + Duration::from_secs(seconds);
        self.state.lock().unwrap().configuration_hangs_until = until;
    }

    /// Gateways show the configuration as it was before the newest change, for a while.
    pub(crate) fn configuration_lags_for(&self, seconds: u64) {
        let until = self.clock.now() + Duration::from_secs(seconds);
        self.state.lock().unwrap().lags_until = until;
    }

    /// Somebody cancels what is pending.
    pub(crate) fn cancel_pending(&self) {
        self.state.lock().unwrap().cancel();
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.state.lock().unwrap().sent.clone()
    }

    pub(crate) fn rehearsals(&self) -> usize {
        self.state.lock().unwrap().rehearsals
    }

    /// How often a removal, and a disable, took effect; and how often a removal that was done was forced again.
    pub(crate) fn effects(&self) -> (usize, usize, usize) {
        let state = self.state.lock().unwrap();
        (state.forces, state.disables, state.repeated_forces)
    }

    pub(crate) fn keep(&self) -> BTreeSet<BrokerId> {
        self.installation.brokers_of(self.lost.other())
    }

    fn read<T>(&self, read: impl FnOnce(&mut State, Moment) -> T) -> T {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap();
        state.advance(now);
        read(&mut state, now)
    }

    /// Whether a broker is dead to us.
    fn is_dead(&self, broker: BrokerId) -> bool {
        RegionId::of(broker) == self.lost && !self.read(|state, _| state.answering_again.contains(&broker))
    }

    fn leader(&self, partition: PartitionId) -> Option<BrokerId> {
        let led = self.read(|state, now| state.led_from.is_some_and(|from| from <= now));
        let keep: Vec<BrokerId> = self.keep().into_iter().collect();
        led.then(|| keep[partition.0 as usize % keep.len()])
    }

    /// Why the coordinator does not answer, if it doesn't.
    fn coordinator_lost<T>(&self) -> Option<Sight<T>> {
        self.read(|state, now| {
            if state.configuration_hangs_until > now {
                return Some(Sight::Silent {
                    why: Silence::NoAnswer,
                    detail: String::new(),
                });
            }
            (self.lost == LONDON && state.removed.is_empty()).then(|| Sight::Declined {
                status: 502,
                message: "Expected to send a message to member '0', but member is not known.".to_owned(),
            })
        })
    }

    fn topology_now(&self) -> GatewayTopology {
        let keep = self.keep();
        let whole = self.read(|state, _| state.removed.is_empty());
        let brokers = keep
            .iter()
            .map(|broker| {
                let partitions = self
                    .installation
                    .partitions()
                    .map(|partition| {
                        let leads = self.leader(partition) == Some(*broker);
                        let role = if leads { Role::Leader } else { Role::Follower };
                        (
                            partition,
                            ListedReplica {
                                role,
                                health: Health::Healthy,
                            },
                        )
                    })
                    .collect();
                let listed = ListedBroker {
                    host: String::new(),
                    port: 26501,
                    version: String::new(),
                    partitions,
                };
                (*broker, listed)
            })
            .collect();
        let (cluster_size, replication_factor) = if whole { (4, 4) } else { (2, 2) };
        GatewayTopology {
            brokers,
            cluster_size,
            partitions_count: 4,
            replication_factor,
            gateway_version: String::new(),
        }
    }

    fn configuration_now(&self) -> ClusterConfiguration {
        let keep = self.keep();
        self.read(|state, now| {
            state.readings += 1;
            let lags = now < state.lags_until;
            let last = if lags { &state.shown_before.0 } else { &state.last };
            ClusterConfiguration {
                version: state.next_id,
                members: self.members(state),
                last_change: last.clone().map(|(id, status)| LastChange {
                    id: ChangeId(id),
                    status,
                    started_at: None,
                    completed_at: None,
                }),
                pending_change: state
                    .running
                    .as_ref()
                    .filter(|_| !lags)
                    .map(|running| PendingChange {
                        id: ChangeId(running.id),
                        status: ChangeStatus::InProgress,
                        completed: Vec::new(),
                        pending: operations(running.effect.as_ref(), &keep),
                    }),
            }
        })
    }

    fn members(&self, state: &State) -> BTreeMap<BrokerId, Member> {
        self.installation
            .brokers()
            .into_iter()
            .filter(|broker| !state.removed.contains(broker))
            .map(|broker| {
                let replica = ConfiguredReplica {
                    state: MemberState::Active,
                    priority: 1,
                    exporters: self.exporters_in(state),
                };
                let partitions = self
                    .installation
                    .partitions()
                    .map(|partition| (partition, replica.clone()))
                    .collect();
                (
                    broker,
                    Member {
                        state: MemberState::Active,
                        partitions,
                    },
                )
            })
            .collect()
    }

    fn exporters_in(&self, state: &State) -> Exporters {
        let lags = self.clock.now() < state.lags_until;
        let disabled = if lags {
            state.shown_before.1
        } else {
            state.disabled
        };
        let status = if disabled {
            ExporterStatus::Disabled
        } else {
            ExporterStatus::Enabled
        };
        [
            (exporter(self.lost), status),
            (exporter(self.lost.other()), ExporterStatus::Enabled),
        ]
        .into()
    }

    fn own(&self, broker: BrokerId) -> OwnPartitions {
        let exported = self.read(|state, _| state.disabled).then_some(PROCESSED);
        self.installation
            .partitions()
            .map(|partition| {
                let leads = self.leader(partition) == Some(broker);
                let replica = OwnReplica {
                    role: if leads { Role::Leader } else { Role::Follower },
                    processor: Some(if leads {
                        ProcessorPhase::Processing
                    } else {
                        ProcessorPhase::Replay
                    }),
                    exporter_phase: Some(ExporterPhase::Exporting),
                    processed_position: Some(PROCESSED),
                    exported_position: exported,
                };
                (partition, replica)
            })
            .collect()
    }

    fn rehearsed(&self, effect: &ZeebeEffect) -> Answer {
        let keep = self.keep();
        let (rehearsal, pending, id) = self.read(|state, _| {
            state.rehearsals += 1;
            (state.rehearsal, state.running.is_some(), state.next_id)
        });
        let removed = self.read(|state, _| state.removed.clone());
        let mut planned = operations(Some(effect), &keep);
        // Who is no member is not removed again; the partitions would be cut down again all the same.
        planned.retain(|planned| {
            planned.kind != OperationKind::BrokerRemove
                || !removed.is_superset(&planned.brokers.iter().copied().collect())
        });
        match rehearsal {
            Rehearsal::Refused => {
                return Answer::Refused {
                    status: 400,
                    message: "no such broker".to_owned(),
                };
            }
            Rehearsal::Conflict => return conflict(),
            Rehearsal::Unknown => return unknown(),
            Rehearsal::Other => planned.push(operation(
                OperationKind::BrokerRemove,
                None,
                &[*keep.first().unwrap()],
            )),
            Rehearsal::More => planned.push(operation(OperationKind::BrokerAdd, None, &[BrokerId(8)])),
            Rehearsal::Well | Rehearsal::Slow => {}
        }
        if pending {
            return conflict();
        }
        Answer::Accepted {
            change: ChangeId(id),
            planned,
            members: BTreeMap::new(),
        }
    }

    fn performed(&self, gateway: &GatewayName, effect: &ZeebeEffect) -> Answer {
        self.read(|state, now| {
            let readings = state.readings;
            state.sent.push(Sent {
                at: now,
                gateway: gateway.clone(),
                effect: effect.clone(),
                readings,
            });
            let spoil = state.spoils.pop_front().unwrap_or(Spoil::Well);
            if state.running.is_some() && !matches!(spoil, Spoil::NotSent | Spoil::UnknownWithoutEffect) {
                return conflict();
            }
            let takes = match effect {
                ZeebeEffect::ForceRemove { .. } => FORCE,
                _ => DISABLE,
            };
            match spoil {
                Spoil::Well => state.accept(effect, now, Some(now + takes)),
                Spoil::Stuck => state.accept(effect, now, None),
                Spoil::Cancelled => {
                    let answer = state.accept(effect, now, None);
                    state.cancel();
                    answer
                }
                Spoil::Refused => Answer::Refused {
                    status: 400,
                    message: "no".to_owned(),
                },
                Spoil::ConflictOurs => {
                    state.accept(effect, now, Some(now + takes));
                    conflict()
                }
                Spoil::ConflictForeign(seconds) => {
                    state.begin(None, now, Some(now + Duration::from_secs(seconds)));
                    conflict()
                }
                Spoil::ConflictNone => conflict(),
                Spoil::NotSent => Answer::NotSent {
                    why: Silence::Refused,
                    detail: String::new(),
                },
                Spoil::UnknownWithEffect => {
                    state.accept(effect, now, Some(now + takes));
                    unknown()
                }
                Spoil::UnknownLate(seconds) => {
                    state
                        .late
                        .push((now + Duration::from_secs(seconds), effect.clone()));
                    unknown()
                }
                Spoil::UnknownWithoutEffect => unknown(),
            }
        })
    }
}

impl State {
    fn begin(&mut self, effect: Option<&ZeebeEffect>, now: Moment, ends: Option<Moment>) -> i64 {
        let id = self.next_id;
        self.next_id += 2;
        self.shown_before = (self.last.clone(), self.disabled);
        self.running = Some(Running {
            id,
            effect: effect.cloned(),
            began: now,
            ends,
        });
        id
    }

    fn accept(&mut self, effect: &ZeebeEffect, now: Moment, ends: Option<Moment>) -> Answer {
        let keep = match effect {
            ZeebeEffect::ForceRemove { keep, .. } => keep.clone(),
            _ => BTreeSet::new(),
        };
        if !keep.is_empty() && !self.removed.is_empty() {
            self.repeated_forces += 1;
        }
        let id = self.begin(Some(effect), now, ends);
        Answer::Accepted {
            change: ChangeId(id),
            planned: operations(Some(effect), &keep),
            members: BTreeMap::new(),
        }
    }

    fn cancel(&mut self) {
        if let Some(running) = self.running.take() {
            self.last = Some((running.id, ChangeStatus::Cancelled));
            self.next_id += 1;
        }
    }

    fn advance(&mut self, now: Moment) {
        if let Some(place) = self.late.iter().position(|(at, _)| *at <= now) {
            let (at, effect) = self.late.remove(place);
            if self.running.is_none() {
                self.accept(&effect, at, Some(at + FORCE));
            }
        }
        let Some(running) = self
            .running
            .as_ref()
            .filter(|running| running.ends.is_some_and(|ends| ends <= now))
        else {
            return;
        };
        match &running.effect {
            Some(ZeebeEffect::ForceRemove { remove, .. }) => {
                self.removed = remove.clone();
                self.led_from = Some(running.began + FORCE + ELECTION);
                self.forces += 1;
            }
            Some(ZeebeEffect::DisableExporter { .. }) => {
                self.disabled = true;
                self.disables += 1;
            }
            _ => {}
        }
        self.last = Some((running.id, ChangeStatus::Completed));
        self.running = None;
    }
}

impl Zeebe for Cluster {
    fn gateways(&self) -> BTreeMap<GatewayName, RegionId> {
        let brokers = self.installation.brokers();
        brokers
            .into_iter()
            .map(|broker| (gateway(broker.0), RegionId::of(broker)))
            .collect()
    }

    fn brokers(&self) -> BTreeSet<BrokerId> {
        self.installation.brokers()
    }

    fn topology<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<GatewayTopology>> {
        self.asked(broker_of(gateway), || Sight::Seen(self.topology_now()))
    }

    fn configuration<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<ClusterConfiguration>> {
        self.asked(broker_of(gateway), || {
            self.coordinator_lost()
                .unwrap_or_else(|| Sight::Seen(self.configuration_now()))
        })
    }

    fn exporters<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<Exporters>> {
        self.asked(broker_of(gateway), || {
            self.coordinator_lost()
                .unwrap_or_else(|| Sight::Seen(self.read(|state, _| self.exporters_in(state))))
        })
    }

    fn partitions(&self, broker: BrokerId) -> BoxFuture<'_, Sight<OwnPartitions>> {
        self.asked(broker, move || Sight::Seen(self.own(broker)))
    }

    fn ready(&self, broker: BrokerId) -> BoxFuture<'_, Sight<bool>> {
        self.asked(broker, || Sight::Seen(true))
    }

    fn perform<'a>(
        &'a self,
        gateway: &'a GatewayName,
        effect: &'a ZeebeEffect,
        mode: Mode,
    ) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let slow = mode == Mode::Rehearsal && self.read(|state, _| state.rehearsal == Rehearsal::Slow);
            self.clock
                .sleep(if slow { Duration::from_secs(3) } else { ANSWER })
                .await;
            match mode {
                Mode::Rehearsal => self.rehearsed(effect),
                Mode::Real => self.performed(gateway, effect),
            }
        })
    }
}

impl Cluster {
    fn asked<'a, T: Send + 'a>(
        &'a self,
        broker: BrokerId,
        answer: impl FnOnce() -> Sight<T> + Send + 'a,
    ) -> BoxFuture<'a, Sight<T>> {
        Box::pin(async move {
            if self.is_dead(broker) {
                self.clock.sleep(DEAD).await;
                return Sight::Silent {
                    why: Silence::NoConnection,
                    detail: String::new(),
                };
            }
            self.clock.sleep(ANSWER).await;
            answer()
        })
    }
}

fn operation(kind: OperationKind, partition: Option<PartitionId>, brokers: &[BrokerId]) -> Operation {
    Operation {
        kind,
        broker: brokers.first().copied(),
        partition,
        brokers: brokers.to_vec(),
        exporter: None,
    }
}

fn operations(effect: Option<&ZeebeEffect>, keep: &BTreeSet<BrokerId>) -> Vec<Operation> {
    let keep: Vec<BrokerId> = keep.iter().copied().collect();
    match effect {
        Some(ZeebeEffect::ForceRemove { remove, .. }) => (1..=4)
            .map(|partition| {
                operation(
                    OperationKind::PartitionForceReconfigure,
                    Some(PartitionId(partition)),
                    &keep,
                )
            })
            .chain(
                remove
                    .iter()
                    .map(|broker| operation(OperationKind::BrokerRemove, None, &[*broker])),
            )
            .collect(),
        Some(ZeebeEffect::DisableExporter { exporter }) => vec![Operation {
            exporter: Some(exporter.clone()),
            ..operation(
                OperationKind::PartitionDisableExporter,
                Some(PartitionId(1)),
                &keep,
            )
        }],
        _ => vec![operation(
            OperationKind::PartitionEnableExporter,
            Some(PartitionId(1)),
            &keep,
        )],
    }
}

fn conflict() -> Answer {
    Answer::Conflict {
        message:
            "Cannot apply configuration change. Another configuration change [ClusterConfiguration[version=2"
                .to_owned(),
    }
}

fn unknown() -> Answer {
    Answer::Unknown {
        status: Some(504),
        detail: "timed out".to_owned(),
    }
}

fn exporter(region: RegionId) -> ExporterId {
    ExporterId::new(format!("elasticsearchregion{region}"))
}

fn gateway(broker: u32) -> GatewayName {
    GatewayName::new(format!("gateway-{broker}"))
}

fn broker_of(gateway: &GatewayName) -> BrokerId {
    let id = gateway.as_str().rsplit('-').next().and_then(|id| id.parse().ok());
    BrokerId(id.unwrap())
}
