//! Laws that hold whatever is observed: answers, refusals, time-outs and contradictions in any mixture.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use c8dr_domain::check::{Severity, check};
use c8dr_domain::condition::{Condition, Known};
use c8dr_domain::diagnose::diagnose;
use c8dr_domain::effect::{Effect, ZeebeEffect};
use c8dr_domain::history::History;
use c8dr_domain::ids::{BrokerId, ChangeId, PartitionId, RegionId};
use c8dr_domain::observation::{BrokerSight, Observation, Sight, Silence};
use c8dr_domain::picture::Picture;
use c8dr_domain::plan::Plan;
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::ready::prospects;
use c8dr_domain::topology::{
    ChangeStatus, ClusterConfiguration, ExporterPhase, ExporterStatus, Exporters, GatewayTopology, Health,
    ListedBroker, ListedReplica, OwnPartitions, OwnReplica, ProcessorPhase, Role,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::{
    LONDON, PARIS, Voice, World, brokers, disabling, enabling_unknown, exporter, noon, removal,
};

pub(crate) fn sight<T: Clone + std::fmt::Debug + 'static>(
    seen: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Sight<T>> {
    let why = select(vec![
        Silence::Refused,
        Silence::NoConnection,
        Silence::NoAnswer,
        Silence::Broken,
    ]);
    prop_oneof![
        5 => seen.prop_map(Sight::Seen),
        2 => why.prop_map(|why| Sight::Silent { why, detail: String::new() }),
        1 => select(vec![404u16, 500, 502, 504]).prop_map(|status| Sight::Declined { status, message: "no".to_owned() }),
        1 => Just(Sight::Garbled { problem: "not JSON".to_owned() }),
        1 => Just(Sight::Empty),
        1 => Just(Sight::NotAsked),
    ]
}

fn own_partitions() -> impl Strategy<Value = OwnPartitions> {
    let replica = (
        select(vec![
            Role::Leader,
            Role::Follower,
            Role::Inactive,
            Role::Other("observer".to_owned()),
        ]),
        select(vec![
            None,
            Some(ProcessorPhase::Processing),
            Some(ProcessorPhase::Paused),
            Some(ProcessorPhase::Replay),
        ]),
        select(vec![
            None,
            Some(ExporterPhase::Exporting),
            Some(ExporterPhase::Paused),
        ]),
        prop::option::of(-1i64..50),
    )
        .prop_map(|(role, processor, exporter_phase, position)| OwnReplica {
            role,
            processor,
            exporter_phase,
            processed_position: position,
            exported_position: position,
        });
    btree_map((0u32..6).prop_map(PartitionId), replica, 0..5)
}

fn topology() -> impl Strategy<Value = GatewayTopology> {
    let replica = (
        select(vec![Role::Leader, Role::Follower]),
        select(vec![Health::Healthy, Health::Unhealthy, Health::Dead]),
    )
        .prop_map(|(role, health)| ListedReplica { role, health });
    let broker =
        btree_map((0u32..6).prop_map(PartitionId), replica, 0..5).prop_map(|partitions| ListedBroker {
            host: String::new(),
            port: 0,
            version: String::new(),
            partitions,
        });
    let brokers = btree_map((0u32..6).prop_map(BrokerId), broker, 0..5);
    (
        brokers,
        select(vec![4u32, 4, 4, 2, 0, 8]),
        select(vec![4u32, 4, 4, 8]),
        0u32..5,
    )
        .prop_map(
            |(brokers, cluster_size, partitions_count, replication_factor)| GatewayTopology {
                brokers,
                cluster_size,
                partitions_count,
                replication_factor,
                gateway_version: String::new(),
            },
        )
}

fn exporters() -> impl Strategy<Value = Exporters> {
    let status = select(vec![
        ExporterStatus::Enabled,
        ExporterStatus::Disabled,
        ExporterStatus::Disabling,
        ExporterStatus::ConfigNotFound,
    ]);
    btree_map(select(vec![exporter(LONDON), exporter(PARIS)]), status, 0..3)
}

/// A state on the way, with any of the knobs turned.
fn told() -> impl Strategy<Value = World> {
    let four = || World::of(4, 4);
    let state = (0usize..8, select(vec![LONDON, PARIS])).prop_map(move |(state, lost)| match state {
        0 => four(),
        1 => four().dies_just_now(lost),
        2 => four().loses(lost),
        3 => four().loses(lost).forgotten(),
        4 => four().loses(lost).forced(lost, 2),
        5 => four().loses(lost).forced(lost, 2).elected(),
        6 => four()
            .loses(lost)
            .forced(lost, 2)
            .elected()
            .disabled(lost, 4)
            .returned_empty(lost),
        _ => four().cut(),
    });
    let knob = (0usize..13, 0u32..4, 1u32..5);
    (state, vec(knob, 0..3)).prop_map(|(world, knobs)| {
        knobs.into_iter().fold(world, |world, (knob, broker, partition)| {
            let region = RegionId::of(BrokerId(broker));
            match knob {
                0 => world.silent(broker),
                1 => world.voice(broker, Voice::Hangs),
                2 => world.voice(broker, Voice::SaysNothing),
                3 => world.ghost(broker, &[partition]),
                4 => world.leads_as_well(broker, partition),
                5 => world.coordinator_hangs(),
                6 => world.clone().pending(8, removal(&world, region)),
                7 => world.clone().pending(8, disabling(&world, region, broker)),
                8 => world.pending(8, enabling_unknown(broker)),
                9 => world.without_members(&[broker]),
                10 => world.voice(broker, Voice::Blank),
                11 => world.unasked(region),
                _ => world
                    .ended(8, ChangeStatus::Cancelled)
                    .exporter_is(region, ExporterStatus::Disabled),
            }
        })
    })
}

/// What may be replaced in a reading by anything at all.
#[derive(Clone, Debug)]
pub(crate) enum Twist {
    Topology(usize, Sight<GatewayTopology>),
    Configuration(usize, usize),
    Exporters(usize, Sight<Exporters>),
    Broker(BrokerId, BrokerSight),
    Forget(BrokerId),
}

pub(crate) fn twist() -> impl Strategy<Value = Twist> {
    let broker =
        (sight(any::<bool>()), sight(own_partitions())).prop_map(|(ready, partitions)| BrokerSight {
            ready,
            partitions,
            ..BrokerSight::default()
        });
    prop_oneof![
        (0usize..4, sight(topology())).prop_map(|(gateway, sight)| Twist::Topology(gateway, sight)),
        (0usize..4, 0usize..4).prop_map(|(from, to)| Twist::Configuration(from, to)),
        (0usize..4, sight(exporters())).prop_map(|(gateway, sight)| Twist::Exporters(gateway, sight)),
        ((0u32..6).prop_map(BrokerId), broker).prop_map(|(broker, sight)| Twist::Broker(broker, sight)),
        (0u32..4).prop_map(|broker| Twist::Forget(BrokerId(broker))),
    ]
}

/// Other configurations than the coordinator's: nobody's, a shifted one, one of strangers.
fn other_configuration(which: usize) -> Sight<ClusterConfiguration> {
    let shifted = World::of(8, 4).without_members(&[0, 2]).configuration();
    match which {
        0 => Sight::Seen(shifted),
        1 => Sight::Seen(ClusterConfiguration {
            version: 9,
            members: BTreeMap::new(),
            last_change: None,
            pending_change: None,
        }),
        2 => Sight::Declined {
            status: 502,
            message: "member is not known".to_owned(),
        },
        _ => Sight::Seen(World::of(4, 4).loses(PARIS).forced(PARIS, 30).configuration()),
    }
}

pub(crate) fn twisted(mut reading: Observation, twists: &[Twist]) -> Observation {
    for twist in twists.iter().cloned() {
        match twist {
            Twist::Topology(gateway, sight) => {
                reading
                    .gateways
                    .values_mut()
                    .nth(gateway)
                    .into_iter()
                    .for_each(|seen| Arc::make_mut(seen).topology = sight.clone().map(Arc::new));
            }
            Twist::Configuration(gateway, which) => {
                let sight = other_configuration(which);
                reading
                    .gateways
                    .values_mut()
                    .nth(gateway)
                    .into_iter()
                    .for_each(|seen| Arc::make_mut(seen).configuration = sight.clone().map(Arc::new));
            }
            Twist::Exporters(gateway, sight) => {
                reading
                    .gateways
                    .values_mut()
                    .nth(gateway)
                    .into_iter()
                    .for_each(|seen| Arc::make_mut(seen).exporters = sight.clone());
            }
            Twist::Broker(broker, sight) => {
                reading.brokers.insert(broker, Arc::new(sight));
            }
            Twist::Forget(broker) => {
                reading.brokers.remove(&broker);
            }
        }
    }
    reading
}

/// A few scenes, each watched for a while, with twists in some readings.
fn history() -> impl Strategy<Value = History> {
    let scene = (told(), 1usize..9, vec(twist(), 0..3));
    (vec(scene, 0..4), select(vec![1i64, 250, 500, 3_000])).prop_map(|(scenes, apart)| {
        scenes
            .into_iter()
            .flat_map(|(world, times, twists)| std::iter::repeat_n((world, twists), times))
            .zip(0..)
            .map(|((world, twists), reading)| twisted(world.look(reading * apart), &twists))
            .collect()
    })
}

fn requests() -> Vec<Request> {
    let reason = || Some("because".to_owned());
    let mut requests = Vec::new();
    for lost in [LONDON, PARIS] {
        for (accept_unfenced, accept_data_loss) in [
            (None, None),
            (reason(), None),
            (None, reason()),
            (reason(), reason()),
        ] {
            requests.push(Request {
                accept_unfenced,
                accept_data_loss,
                ..Request::new(lost)
            });
        }
    }
    requests
}

fn plans(history: &History) -> Vec<(Request, Plan)> {
    let installation = World::of(4, 4).installation;
    requests()
        .into_iter()
        .filter_map(|request| {
            let plan = plan(&installation, history, &request, noon()).ok()?;
            Some((request, plan))
        })
        .collect()
}

fn force(plan: &Plan) -> Option<(&BTreeSet<BrokerId>, &BTreeSet<BrokerId>)> {
    plan.steps.iter().find_map(|step| match &step.effect {
        Effect::Zeebe(ZeebeEffect::ForceRemove { keep, remove }) => Some((keep, remove)),
        _ => None,
    })
}

fn conditions() -> Vec<Condition> {
    let world = World::of(4, 4).loses(PARIS);
    let history = (0..12).map(|reading| world.look(reading * 500)).collect();
    let plan = plan(&world.installation, &history, &Request::new(PARIS), noon()).unwrap();
    let of_steps = plan
        .steps
        .iter()
        .flat_map(|step| step.before.iter().chain(&step.after));
    of_steps.chain(&plan.proof).cloned().collect()
}

proptest! {
    #![proptest_config(crate::world::cases(150))]

    #[test]
    fn nothing_that_is_observed_makes_a_decision_panic(history in history()) {
        let installation = World::of(4, 4).installation;
        let diagnosis = diagnose(&installation, &history);
        prop_assert!(!diagnosis.summary.is_empty());
        prospects(&installation, &history, &diagnosis);
        plans(&history);
        if let Some(picture) = Picture::of(&installation, &history) {
            let known = Known { change: Some(ChangeId(8)), processed: [(PartitionId(1), 7)].into() };
            for condition in conditions() {
                prop_assert!(!condition.judge(&picture, &known, &Default::default()).words().is_empty());
            }
        }
    }

    #[test]
    fn a_plan_that_comes_out_is_sound(history in history()) {
        for (request, plan) in plans(&history) {
            let errors: Vec<_> = check(&plan, history.latest())
                .into_iter()
                .filter(|complaint| complaint.severity == Severity::Error)
                .collect();
            prop_assert_eq!(errors, vec![], "{:#?}\n{:#?}", plan.diagnosis, history.latest());
            let Some((keep, remove)) = force(&plan) else { continue };
            let (survivors, lost) = if request.lost == PARIS {
                (brokers(&[0, 2]), brokers(&[1, 3]))
            } else {
                (brokers(&[1, 3]), brokers(&[0, 2]))
            };
            prop_assert!(lost.is_subset(remove));
            if request.accept_data_loss.is_none() {
                prop_assert_eq!(keep, &survivors);
            } else {
                prop_assert!(!keep.is_empty() && keep.is_subset(&survivors));
            }
        }
    }

    #[test]
    fn nothing_is_forced_while_a_lost_broker_answers(history in history()) {
        for (request, plan) in plans(&history) {
            if let (Some((_, remove)), None) = (force(&plan), &request.accept_unfenced) {
                let answering = history.latest().map(Observation::answering).unwrap_or_default();
                prop_assert!(remove.is_disjoint(&answering), "{:?} of {:?}", answering, remove);
            }
        }
    }

    #[test]
    fn nothing_is_forced_while_a_partition_is_led_twice(history in history()) {
        let twice = history.latest().is_some_and(|latest| {
            (1..=4).any(|partition| latest.own_leaders(PartitionId(partition)).len() > 1)
        });
        prop_assert!(!twice || plans(&history).iter().all(|(_, plan)| force(plan).is_none()));
    }

    #[test]
    fn planning_is_deterministic(history in history()) {
        prop_assert_eq!(plans(&history), plans(&history.clone()));
        let installation = World::of(4, 4).installation;
        prop_assert_eq!(diagnose(&installation, &history), diagnose(&installation, &history));
    }
}

/// The strategy above is worth something only if forces, refusals and many diagnoses come out of it.
#[test]
fn the_strategy_reaches_both_plans_and_refusals() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut forces, mut refusals, mut codes) = (0, 0, BTreeSet::new());
    for _ in 0..600 {
        let history = history().new_tree(&mut runner).unwrap().current();
        codes.insert(diagnose(&World::of(4, 4).installation, &history).code);
        let plans = plans(&history);
        refusals += requests().len() - plans.len();
        forces += plans.iter().filter(|(_, plan)| force(plan).is_some()).count();
    }
    assert!(
        forces > 200 && refusals > 200,
        "{forces} forces, {refusals} refusals"
    );
    assert!(codes.len() > 15, "{codes:?}");
}
