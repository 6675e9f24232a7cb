//! Laws of failbacks that hold whatever is observed: searches, platforms, metrics and phases in any mixture.

use std::collections::{BTreeMap, BTreeSet};

use c8dr_domain::check::errors;
use c8dr_domain::condition::{Asks, Condition, Known, Verdict, judge_all};
use c8dr_domain::diagnose::diagnose;
use c8dr_domain::effect::{Effect, Request as Sent, SearchEffect, ZeebeEffect};
use c8dr_domain::exporting::{BrokerMetrics, ExporterPositions};
use c8dr_domain::facts::{Compared, Facts};
use c8dr_domain::fill::request;
use c8dr_domain::history::History;
use c8dr_domain::ids::{BrokerId, ChangeId, PartitionId, RegionId};
use c8dr_domain::observation::{Observation, Sight};
use c8dr_domain::picture::Picture;
use c8dr_domain::plan::Plan;
use c8dr_domain::plan::failback::{Request, plan};
use c8dr_domain::plan::failover;
use c8dr_domain::platform::{Component, PlatformSight, Pod};
use c8dr_domain::search::{
    Color, Holding, Index, Recovery, SearchCluster, SearchSight, Snapshot, SnapshotState,
};
use c8dr_domain::topology::{ChangeStatus, ExporterPhase, ExporterStatus};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::arbitrary::{Twist, sight, twist, twisted};
use crate::world::{
    LONDON, PARIS, Voice, Webapp, World, adding, disabling, enabling, exporter, facts, gateway, indices,
    noon, repository, run_id, snapshot,
};

/// Names that matter, those of the snapshot among them, and one that does not.
fn index_name() -> impl Strategy<Value = String> {
    select(vec![
        "operate-list-view-8.3.0_",
        "zeebe-record_job_8.6.0_2026-01-01",
        ".tasks",
        "somebody-elses",
    ])
    .prop_map(str::to_owned)
}

fn search_sight() -> impl Strategy<Value = SearchSight> {
    let color = select(vec![Color::Green, Color::Yellow, Color::Red]);
    let cluster =
        (select(vec!["uuid-of-0", "uuid-of-1", "uuid-of-2"]), color.clone()).prop_map(|(uuid, color)| {
            SearchCluster {
                uuid: uuid.to_owned(),
                color,
                data_nodes: None,
                why_red: None,
            }
        });
    let index = (
        select(vec![None, Some(0), Some(12), Some(40)]),
        prop::option::of(color),
    );
    let indices = btree_map(index_name(), index, 0..5).prop_map(|indices| {
        let named = |(name, (documents, color))| Index {
            name,
            documents,
            color,
        };
        indices.into_iter().map(named).collect::<Vec<_>>()
    });
    let registration = select(vec![
        None,
        Some(repository().settings),
        Some(serde_json::json!({"type": "fs"})),
        Some(serde_json::json!(7)),
    ]);
    let taken = (
        select(vec![
            SnapshotState::InProgress,
            SnapshotState::Success,
            SnapshotState::Partial,
            SnapshotState::Failed,
            SnapshotState::Incompatible,
        ]),
        select(vec!["uuid-of-snapshot", "uuid-of-another"]),
        btree_set(index_name(), 0..4),
        0u64..3,
    )
        .prop_map(|(state, uuid, indices, shards_failed)| Snapshot {
            state,
            uuid: uuid.to_owned(),
            indices,
            shards_failed,
            copied: None,
            ..snapshot()
        });
    let recovery = (index_name(), any::<bool>(), any::<u64>()).prop_map(|(index, is_done, bytes)| Recovery {
        index,
        snapshot: "any".to_owned(),
        is_done,
        bytes_done: bytes / 4,
        bytes_total: bytes / 2,
    });
    let holding = (0u64..3, prop::option::of(-1i64..50)).prop_map(|(count, highest)| Holding {
        count,
        hash: count.to_string(),
        highest,
    });
    (
        sight(cluster),
        sight(indices),
        sight(registration),
        sight(prop::option::of(taken)),
        sight(vec(recovery, 0..4)),
        sight(btree_map((0u32..6).prop_map(PartitionId), holding, 0..6)),
    )
        .prop_map(
            |(cluster, indices, repository, snapshot, recoveries, holdings)| SearchSight {
                cluster,
                indices,
                repository,
                snapshot,
                recoveries,
                holdings,
            },
        )
}

fn platform_sight() -> impl Strategy<Value = PlatformSight> {
    let pod = (
        select(vec![Component::Broker, Component::Webapp, Component::Other]),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(component, is_ready, is_terminating)| Pod {
            name: "a-pod".to_owned(),
            component,
            is_ready,
            is_terminating,
            trouble: None,
        });
    let volumes = btree_set(select(vec!["data-0".to_owned(), "data-1".to_owned()]), 0..3);
    (sight(vec(pod, 0..4)), sight(volumes)).prop_map(|(pods, volumes)| PlatformSight {
        pods,
        volumes,
        ..PlatformSight::default()
    })
}

fn metrics() -> impl Strategy<Value = Sight<BrokerMetrics>> {
    let position = || select(vec![None, Some(-1), Some(990), Some(1_000), Some(i64::MAX)]);
    let positions = (position(), position())
        .prop_map(|(handed, acknowledged)| ExporterPositions { handed, acknowledged });
    let of_partition = btree_map(select(vec![exporter(LONDON), exporter(PARIS)]), positions, 0..3);
    let page = (
        btree_map((0u32..6).prop_map(PartitionId), of_partition, 0..6),
        select(vec![None, Some(0), Some(3_000_000_000), Some(u64::MAX)]),
    )
        .prop_map(|(exporters, disk_free_bytes)| BrokerMetrics {
            exporters,
            disk_free_bytes,
            disk_total_bytes: None,
        });
    sight(page)
}

/// What may be replaced in a reading by anything at all.
#[derive(Clone, Debug)]
enum Oddity {
    Reading(Twist),
    Search(RegionId, Box<SearchSight>),
    Platform(RegionId, PlatformSight),
    Metrics(BrokerId, Sight<BrokerMetrics>),
    NoSearch(RegionId),
    NoPlatform(RegionId),
}

fn oddity() -> impl Strategy<Value = Oddity> {
    let region = || select(vec![LONDON, PARIS]);
    prop_oneof![
        2 => twist().prop_map(Oddity::Reading),
        3 => (region(), search_sight()).prop_map(|(region, sight)| Oddity::Search(region, Box::new(sight))),
        3 => (region(), platform_sight()).prop_map(|(region, sight)| Oddity::Platform(region, sight)),
        3 => ((0u32..6).prop_map(BrokerId), metrics()).prop_map(|(broker, sight)| Oddity::Metrics(broker, sight)),
        1 => region().prop_map(Oddity::NoSearch),
        1 => region().prop_map(Oddity::NoPlatform),
    ]
}

fn odd(reading: Observation, oddities: &[Oddity]) -> Observation {
    oddities
        .iter()
        .cloned()
        .fold(reading, |mut reading, oddity| match oddity {
            Oddity::Reading(twist) => twisted(reading, &[twist]),
            Oddity::Search(region, sight) => {
                reading.searches.insert(region, *sight);
                reading
            }
            Oddity::Platform(region, sight) => {
                reading.platforms.insert(region, sight);
                reading
            }
            Oddity::Metrics(broker, sight) => {
                if let Some(seen) = reading.brokers.get_mut(&broker) {
                    std::sync::Arc::make_mut(seen).metrics = sight;
                }
                reading
            }
            Oddity::NoSearch(region) => {
                reading.searches.remove(&region);
                reading
            }
            Oddity::NoPlatform(region) => {
                reading.platforms.remove(&region);
                reading
            }
        })
}

/// A stage of a failback, with any of the knobs turned.
fn told() -> impl Strategy<Value = World> {
    let stage = (0usize..10, select(vec![LONDON, PARIS])).prop_map(|(stage, lost)| {
        let single = || World::failed_over(4, 4, lost);
        let rebuilt = || single().rebuilt(lost);
        let enabled = || rebuilt().restored(lost).enabled(lost, 6);
        match stage {
            0 => single(),
            1 | 2 => rebuilt(),
            3 => rebuilt()
                .webapps(lost.other(), &[])
                .paused()
                .measured(Some(1_000), Some(1_000)),
            4 => enabled().paused(),
            5 => enabled(),
            6 => enabled()
                .pending(8, adding(&rebuilt(), lost))
                .progressed(1)
                .member(lost.0, &[]),
            7 => enabled().joined(lost, &[1, 2]),
            8 => enabled().added(lost, 8),
            _ => World::of(4, 4),
        }
    });
    let knob = (0usize..18, 0u32..4, 1u32..5);
    (stage, vec(knob, 0..3)).prop_map(|(world, knobs)| {
        knobs.into_iter().fold(world, |world, (knob, broker, partition)| {
            let region = RegionId::of(BrokerId(broker));
            match knob {
                0 => world.silent(broker),
                1 => world.voice(broker, Voice::SaysNothing),
                2 => world.voice(broker, Voice::OldDisk),
                3 => world.voice(broker, Voice::Blank),
                4 => world.ghost(broker, &[partition]),
                5 => world.leads_as_well(broker, partition),
                6 => world.coordinator_hangs(),
                7 => world.clone().pending(9, disabling(&world, region, broker)),
                8 => world.clone().pending(9, enabling(&world, region)),
                9 => world.clone().pending(9, adding(&world, region)),
                10 => world.without_members(&[broker]),
                11 => world.member(broker, &[partition]),
                12 => world.paused(),
                13 => world.phase_of(broker, ExporterPhase::SoftPaused),
                14 => world.exporter_is(region, ExporterStatus::Disabled),
                15 => world.webapps(region, &[Webapp::Terminating, Webapp::Ready]),
                16 => world.webapps(region, &[]),
                _ => world
                    .ended(9, ChangeStatus::Cancelled)
                    .exporter_is(region, ExporterStatus::Enabled),
            }
        })
    })
}

/// A few scenes, each watched for a while, with oddities in some of them.
fn history() -> impl Strategy<Value = History> {
    let oddities = prop_oneof![2 => Just(Vec::new()), 1 => vec(oddity(), 1..4)];
    let scene = (told(), 1usize..6, oddities);
    (vec(scene, 0..4), select(vec![1i64, 500, 3_000])).prop_map(|(scenes, apart)| {
        scenes
            .into_iter()
            .flat_map(|(world, times, oddities)| std::iter::repeat_n((world, oddities), times))
            .zip(0..)
            .map(|((world, oddities), reading)| odd(world.look(reading * apart), &oddities))
            .collect()
    })
}

/// What a run may have learnt.
fn learnt() -> impl Strategy<Value = Facts> {
    let full = || Facts {
        compared: Some(Compared {
            up_to: facts().positions,
            held: BTreeMap::new(),
        }),
        ..facts()
    };
    let restored = || Facts {
        restored: indices().into_iter().map(|index| index.name).collect(),
        ..facts()
    };
    select(vec![
        Facts::default(),
        Facts::of(run_id()),
        facts(),
        full(),
        restored(),
    ])
}

fn requests() -> Vec<Request> {
    let mut requests = Vec::new();
    for returning in [LONDON, PARIS] {
        for (webapps, adopt_pause) in [
            (true, None),
            (false, None),
            (true, Some("because".to_owned())),
            (false, Some("because".to_owned())),
        ] {
            requests.push(Request {
                webapps,
                adopt_pause,
                ..Request::new(returning, repository())
            });
        }
    }
    requests
}

fn plans(history: &History) -> Vec<Plan> {
    let installation = World::of(4, 4).installation;
    requests()
        .iter()
        .filter_map(|request| plan(&installation, history, request, noon()).ok())
        .collect()
}

/// A whole plan, for its conditions and effects: none is left out.
fn any_plan() -> Plan {
    let world = World::failed_over(4, 4, PARIS);
    let history = (0..12).map(|reading| world.look(reading * 500)).collect();
    plan(
        &world.installation,
        &history,
        &Request::new(PARIS, repository()),
        noon(),
    )
    .unwrap()
}

fn conditions(plan: &Plan) -> Vec<Condition> {
    let of_steps = plan
        .all_steps()
        .flat_map(|step| step.before.iter().chain(&step.after));
    of_steps.chain(&plan.proof).cloned().collect()
}

proptest! {
    #![proptest_config(crate::world::cases(200))]

    #[test]
    fn nothing_that_is_observed_makes_a_failback_panic(
        history in history(),
        facts in learnt(),
        attempts in 0usize..3,
        order in any::<prop::sample::Index>(),
    ) {
        let whole = any_plan();
        let installation = World::of(4, 4).installation;
        plans(&history);
        let Some(picture) = Picture::of(&installation, &history) else { return Ok(()) };
        let known = Known { change: Some(ChangeId(8)), processed: [(PartitionId(1), 7)].into() };
        let mut conditions = conditions(&whole);
        let turn = order.index(conditions.len());
        conditions.rotate_left(turn);
        for condition in &conditions {
            prop_assert!(!condition.judge(&picture, &known, &facts).words().is_empty());
        }
        let all = judge_all(&conditions, &picture, &known, &facts);
        let met = conditions.iter().all(|condition| condition.judge(&picture, &known, &facts).is_met());
        prop_assert_eq!(all.is_met(), met);
        Asks::of(&conditions, &facts);
        for step in whole.all_steps() {
            let learned = facts.after(&step.effect, &picture);
            prop_assert_eq!(learned.run, facts.run.clone());
            let _ = request(&step.effect, Some(&gateway(0)), &picture, &facts, attempts, &BTreeSet::new());
        }
    }

    #[test]
    fn a_failback_that_comes_out_is_sound(history in history()) {
        for plan in plans(&history) {
            let errors = errors(&plan, history.latest());
            prop_assert_eq!(errors, vec![], "{:#?}\n{:#?}", plan.diagnosis, history.latest());
            let members = history
                .latest()
                .and_then(Observation::configuration)
                .map(|(_, configuration)| configuration.members.keys().copied().collect::<BTreeSet<_>>());
            let survivors = plan.installation.brokers_of(plan.survivors());
            prop_assert!(members.is_some_and(|members| survivors.is_subset(&members)));
        }
    }

    /// A failover of the same worlds: also one after a failback that broke off.
    #[test]
    fn a_failover_that_comes_out_in_the_middle_of_a_failback_is_sound(history in history()) {
        let installation = World::of(4, 4).installation;
        for lost in [LONDON, PARIS] {
            let Ok(plan) = failover::plan(&installation, &history, &failover::Request::new(lost), noon()) else {
                continue;
            };
            prop_assert_eq!(errors(&plan, history.latest()), vec![], "{:#?}", plan.diagnosis);
        }
    }

    /// Guarantee G10, and nobody else's changes.
    #[test]
    fn nothing_goes_out_that_harms(history in history(), facts in learnt(), own in btree_set(6i64..10, 0..3)) {
        let installation = World::of(4, 4).installation;
        let Some(picture) = Picture::of(&installation, &history) else { return Ok(()) };
        let own: BTreeSet<ChangeId> = own.into_iter().map(ChangeId).collect();
        for step in any_plan().all_steps() {
            match request(&step.effect, Some(&gateway(0)), &picture, &facts, 0, &own) {
                Ok(Sent::Search { region, effect: SearchEffect::DeleteIndices { indices, cluster_uuid } }) => {
                    prop_assert!(!indices.is_empty());
                    prop_assert_eq!(Some(&cluster_uuid), facts.clusters.get(&region));
                    let there = picture.latest.searches[&region].indices.seen().unwrap();
                    for index in there.iter().filter(|index| indices.contains(&index.name)) {
                        prop_assert!(facts.restored.contains(&index.name) || index.documents == Some(0));
                    }
                }
                Ok(Sent::Search { effect: SearchEffect::Snapshot { .. }, .. }) => {
                    prop_assert!(!facts.positions.is_empty());
                }
                Ok(Sent::Zeebe { effect: ZeebeEffect::CancelChange { change }, .. }) => {
                    prop_assert!(own.contains(&change));
                    prop_assert!(step.effect == Effect::CancelOwn);
                }
                _ => {}
            }
        }
    }

    /// §3a: as long as a leader's own metrics show something in hand, or nobody knows, nothing is drained.
    #[test]
    fn nothing_in_hand_is_ever_called_drained(history in history()) {
        let installation = World::of(4, 4).installation;
        let Some(picture) = Picture::of(&installation, &history) else { return Ok(()) };
        let drained = Condition::Drained { exporter: exporter(LONDON) };
        if !drained.judge(&picture, &Known::default(), &Facts::default()).is_met() {
            return Ok(());
        }
        for partition in installation.partitions() {
            let leaders = picture.latest.own_leaders(partition);
            prop_assert!(!leaders.is_empty());
            for leader in leaders {
                let seen = &picture.latest.brokers[&leader];
                let own = &seen.partitions.seen().unwrap()[&partition];
                let Some(positions) = seen
                    .metrics
                    .seen()
                    .and_then(|metrics| metrics.exporters.get(&partition)?.get(&exporter(LONDON)))
                else { continue };
                let in_hand = positions.acknowledged.is_some()
                    && positions.acknowledged == own.exported_position
                    && positions.handed.is_some_and(|handed| Some(handed) != positions.acknowledged);
                prop_assert!(!in_hand || picture.latest.own_leaders(partition).len() > 1, "{partition}: {positions:?}");
            }
        }
    }

    /// V unmoved is met by exactly V, paused, on every partition.
    #[test]
    fn v_is_unmoved_only_where_it_stands(history in history()) {
        let installation = World::of(4, 4).installation;
        let Some(picture) = Picture::of(&installation, &history) else { return Ok(()) };
        let unmoved = Condition::Unmoved { exporter: exporter(LONDON) };
        if let Verdict::Met(_) = unmoved.judge(&picture, &Known::default(), &facts()) {
            for partition in installation.partitions() {
                let stands = picture
                    .latest
                    .own_replicas(partition)
                    .any(|(_, replica)| replica.leads() && replica.exported_position == Some(1_000));
                prop_assert!(stands, "{partition}");
            }
        }
    }

    #[test]
    fn planning_is_deterministic(history in history()) {
        prop_assert_eq!(plans(&history), plans(&history.clone()));
        let installation = World::of(4, 4).installation;
        prop_assert_eq!(diagnose(&installation, &history), diagnose(&installation, &history));
    }
}

/// The strategy above is worth something only if plans of every stage and many refusals come out of it.
#[test]
fn the_strategy_reaches_every_stage_and_many_refusals() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let installation = World::of(4, 4).installation;
    let (mut stages, mut codes) = (BTreeMap::<usize, usize>::new(), BTreeSet::new());
    for _ in 0..600 {
        let history = history().new_tree(&mut runner).unwrap().current();
        for request in requests() {
            match plan(&installation, &history, &request, noon()) {
                Ok(plan) => *stages.entry(plan.steps.len()).or_default() += 1,
                Err(refusal) => drop(codes.insert(refusal.code)),
            }
        }
    }
    assert!(
        stages.len() > 6 && stages.values().sum::<usize>() > 300,
        "{stages:?}"
    );
    assert!(codes.len() > 14, "{codes:?}");
}
