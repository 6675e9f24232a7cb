//! Planted bugs: a driver, a port or a plan that does what others have done wrong, and what catches each.

use std::collections::{BTreeMap, BTreeSet};

use c8dr_domain::check::{Rule, check, errors};
use c8dr_domain::condition::Condition;
use c8dr_domain::effect::{Answer, Effect, Mode, ZeebeEffect};
use c8dr_domain::exporting::BrokerMetrics;
use c8dr_domain::ids::{BrokerId, GatewayName, RegionId};
use c8dr_domain::observation::Sight;
use c8dr_domain::plan::{Plan, StepId};
use c8dr_domain::run::Run;
use c8dr_domain::topology::{ClusterConfiguration, ExporterPhase, Exporters, GatewayTopology, OwnPartitions};
use c8dr_engine::drive::{DriveError, Driver, Finish};
use c8dr_engine::events::Told;
use c8dr_engine::ports::Zeebe;
use c8dr_lab::WorldConfig;
use futures_util::future::BoxFuture;

use super::{LOST, assert_well_ended, lines, one_region};
use crate::world::{Mortal, World};

/// How a port to the cluster lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// It tells no metrics, as an installation without that endpoint.
    NoMetrics,
    /// All that was handed over is acknowledged, it says: the pause's answer is taken for silence.
    Drained,
    /// Every replica is paused, it says, whatever somebody does.
    AlwaysPaused,
    /// Every replica exports, it says.
    AlwaysExporting,
}

struct Liar<'a> {
    truth: &'a dyn Zeebe,
    lie: Lie,
}

impl Zeebe for Liar<'_> {
    fn gateways(&self) -> BTreeMap<GatewayName, RegionId> {
        self.truth.gateways()
    }

    fn brokers(&self) -> BTreeSet<BrokerId> {
        self.truth.brokers()
    }

    fn topology<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<GatewayTopology>> {
        self.truth.topology(gateway)
    }

    fn configuration<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<ClusterConfiguration>> {
        self.truth.configuration(gateway)
    }

    fn exporters<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<Exporters>> {
        self.truth.exporters(gateway)
    }

    fn partitions(&self, broker: BrokerId) -> BoxFuture<'_, Sight<OwnPartitions>> {
        Box::pin(async move {
            let mut seen = self.truth.partitions(broker).await;
            let told = match self.lie {
                Lie::AlwaysPaused => Some(ExporterPhase::Paused),
                Lie::AlwaysExporting => Some(ExporterPhase::Exporting),
                Lie::NoMetrics | Lie::Drained => None,
            };
            if let (Sight::Seen(own), Some(phase)) = (&mut seen, told) {
                for replica in own.values_mut() {
                    replica.exporter_phase = Some(phase.clone());
                }
            }
            seen
        })
    }

    fn ready(&self, broker: BrokerId) -> BoxFuture<'_, Sight<bool>> {
        self.truth.ready(broker)
    }

    fn metrics(&self, broker: BrokerId) -> BoxFuture<'_, Sight<BrokerMetrics>> {
        Box::pin(async move {
            let mut seen = self.truth.metrics(broker).await;
            match (self.lie, &mut seen) {
                (Lie::NoMetrics, _) => return Sight::NotAsked,
                (Lie::Drained, Sight::Seen(metrics)) => {
                    for positions in metrics.exporters.values_mut().flat_map(BTreeMap::values_mut) {
                        positions.handed = positions.acknowledged;
                    }
                }
                _ => {}
            }
            seen
        })
    }

    fn perform<'a>(
        &'a self,
        gateway: &'a GatewayName,
        effect: &'a ZeebeEffect,
        mode: Mode,
    ) -> BoxFuture<'a, Answer> {
        self.truth.perform(gateway, effect, mode)
    }
}

/// A failback through a liar, under load, for as long as somebody has patience.
async fn lied_to(lie: Lie, seed: u64) -> (World, Option<(Finish, Run)>) {
    let mut world = World::of(WorldConfig {
        seed,
        creates_per_second: 45.0,
        ..WorldConfig::default()
    })
    .with_memory();
    world.one_region(LOST).await;
    let plan = world.plan_back(LOST).await;
    let beginning = world.beginning(plan);
    let told = |_: &Told| {};
    let driven = {
        let liar = Liar {
            truth: &world.cluster,
            lie,
        };
        let gear = world.gear_with(&liar, &told);
        let journal = Box::new(Mortal::default());
        let mut driver = Driver::begin(gear, journal, beginning, world.history.clone()).unwrap();
        let limit = std::time::Duration::from_secs(900);
        let finish = world.clock.timeout(limit, driver.drive()).await;
        finish.ok().map(|finish| (finish.unwrap(), driver.run().clone()))
    };
    (world, driven)
}

/// Without metrics the weaker criterion holds: the position stands still for longer than records are kept in hand.
#[tokio::test(start_paused = true)]
async fn without_metrics_it_waits_longer_and_loses_nothing() {
    let (world, driven) = lied_to(Lie::NoMetrics, 131).await;
    let (finish, run) = driven.unwrap();
    assert_well_ended(&world, &finish, &run, "no metrics").await;
    let pause = &run.steps[&StepId::Fb2b];
    let took = pause
        .ended
        .as_ref()
        .unwrap()
        .0
        .duration_since(pause.began.unwrap());
    assert!(took.as_secs() >= 15, "{took}");
    assert_eq!(run.facts.take, 1);
}

/// The snapshot at the answer: V moves on behind it, which is seen, and it is taken again.
#[tokio::test(start_paused = true)]
async fn a_snapshot_at_the_pauses_answer_is_caught_by_v() {
    let mut caught = 0;
    for seed in 132..138 {
        let (world, driven) = lied_to(Lie::Drained, seed).await;
        let (finish, run) = driven.unwrap();
        assert_well_ended(&world, &finish, &run, &format!("drained too early, seed {seed}")).await;
        caught += u32::from(run.facts.take > 1);
    }
    assert!(caught > 0, "V was never read too early, so nothing was shown");
}

/// A resume that did nothing, by a port that says it did: the proof of the whole asks what is exported.
#[tokio::test(start_paused = true)]
async fn a_pause_that_is_called_over_is_caught_by_what_is_exported() {
    let (world, driven) = lied_to(Lie::AlwaysExporting, 139).await;
    // Paused is never seen, so nothing is snapshotted, restored or enabled on its ground.
    assert!(
        !matches!(driven, Some((Finish::Verified { .. }, _))),
        "{driven:?}"
    );
    assert!(
        lines(&world)
            .iter()
            .all(|line| !line.contains("/_restore") && !line.ends_with("/enable"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_never_over_is_never_called_verified() {
    let (_, driven) = lied_to(Lie::AlwaysPaused, 140).await;
    assert!(
        !matches!(driven, Some((Finish::Verified { .. }, _))),
        "{driven:?}"
    );
}

/// Carries a plan out that somebody has spoiled; which rules catch it. Nothing may have been sent.
async fn caught(spoil: impl FnOnce(&mut Plan)) -> BTreeSet<Rule> {
    let mut world = one_region(141).await;
    let mut plan = world.plan_back(LOST).await;
    assert_eq!(check(&plan, world.history.latest()), vec![]);
    spoil(&mut plan);
    let rules = errors(&plan, world.history.latest())
        .into_iter()
        .map(|complaint| complaint.rule)
        .collect();
    let refused = world.carry_out(plan, Mortal::default()).await.unwrap_err();
    assert!(matches!(refused, DriveError::WrongPlan(_)), "{refused}");
    assert_eq!(lines(&world), Vec::<String>::new());
    rules
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_restores_into_the_wrong_region_is_not_begun() {
    let rules = caught(|plan| {
        for step in &mut plan.steps {
            if let Effect::Search { region, .. } = &mut step.effect {
                *region = region.other();
            }
        }
    })
    .await;
    assert!(rules.contains(&Rule::G10), "{rules:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_installs_into_the_wrong_region_is_not_begun() {
    caught(|plan| {
        for step in &mut plan.steps {
            if let Effect::Platform { region, .. } = &mut step.effect {
                *region = region.other();
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_snapshot_does_not_wait_for_v_is_not_begun() {
    let rules = caught(|plan| {
        for step in &mut plan.steps {
            step.after
                .retain(|condition| !matches!(condition, Condition::Drained { .. }));
        }
    })
    .await;
    assert!(rules.contains(&Rule::I10), "{rules:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_snapshot_comes_before_the_pause_is_not_begun() {
    let rules = caught(|plan| {
        let at = |plan: &Plan, id: StepId| plan.steps.iter().position(|step| step.id == id).unwrap();
        let (pause, snapshot) = (at(plan, StepId::Fb2b), at(plan, StepId::Fb3b));
        plan.steps.swap(pause, snapshot);
    })
    .await;
    assert!(
        rules.contains(&Rule::I10) || rules.contains(&Rule::G6),
        "{rules:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_way_back_forgets_the_pause_is_not_begun() {
    let rules = caught(|plan| plan.retreat.retain(|step| step.id != StepId::Rt4)).await;
    assert!(
        rules.contains(&Rule::G9) || rules.contains(&Rule::I17),
        "{rules:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_enables_from_nowhere_is_not_begun() {
    let rules = caught(|plan| {
        for step in &mut plan.steps {
            if let Effect::Zeebe(ZeebeEffect::EnableExporter {
                exporter,
                initialize_from,
            }) = &mut step.effect
            {
                initialize_from.clone_from(exporter);
            }
        }
    })
    .await;
    assert!(rules.contains(&Rule::I13), "{rules:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_resumes_before_the_exporter_is_on_is_not_begun() {
    let rules = caught(|plan| {
        let at = |plan: &Plan, id: StepId| plan.steps.iter().position(|step| step.id == id).unwrap();
        let (enable, resume) = (at(plan, StepId::Fb5), at(plan, StepId::Fb6));
        plan.steps.swap(enable, resume);
    })
    .await;
    assert!(
        rules.contains(&Rule::I13) || rules.contains(&Rule::G6),
        "{rules:?}"
    );
}
