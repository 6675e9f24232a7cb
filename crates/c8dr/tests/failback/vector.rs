//! V: what the pause's answer does not say, and what happens when somebody moves it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use c8dr_domain::plan::StepId;
use c8dr_engine::drive::Finish;
use c8dr_lab::{Lab, WorldConfig};

use super::{
    LOST, assert_well_ended, ends, fail_back, here, lines, meanwhile, once, one_region,
    resumed_and_paused_again, snapshots, there,
};
use crate::world::World;
use crate::world::back::request;
use crate::world::wire::{Side, somebody};

/// Distinct records that the surviving search holds.
fn held(lab: &Lab) -> usize {
    let audit = lab.audit_searches(&BTreeMap::new());
    audit
        .partitions
        .iter()
        .map(|partition| partition.distinct[here().index()])
        .sum()
}

/// `edge-cases.md E1`: 65 and 143 records would have been lost by a snapshot at the answer, on the real one.
#[tokio::test(start_paused = true)]
async fn a_snapshot_at_the_answer_would_lose_records_and_ours_holds_them() {
    let mut world = World::of(WorldConfig {
        seed: 71,
        creates_per_second: 45.0,
        ..WorldConfig::default()
    })
    .with_memory();
    world.one_region(LOST).await;
    let counts = Arc::new(Mutex::new((0, 0)));
    let at_answer = counts.clone();
    meanwhile(
        &world,
        "/actuator/exporting/pause",
        Side::After,
        async move |lab| {
            at_answer.lock().unwrap().0 = held(&lab);
        },
    );
    let at_snapshot = counts.clone();
    meanwhile(
        &world,
        "PUT /_snapshot/camunda_backup/",
        Side::Before,
        async move |lab| {
            at_snapshot.lock().unwrap().1 = held(&lab);
        },
    );
    let (finish, run, _) = fail_back(&mut world).await;
    let (at_answer, at_snapshot) = *counts.lock().unwrap();
    assert!(at_answer > 0);
    assert!(
        at_snapshot > at_answer,
        "{at_answer} records at the answer, {at_snapshot} when it was drained"
    );
    let documents = &run.facts.snapshot.as_ref().unwrap().documents;
    let records: u64 = documents
        .iter()
        .filter(|(index, _)| index.starts_with("zeebe-record"))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(records, at_snapshot as u64, "our snapshot holds all of them");
    assert_well_ended(&world, &finish, &run, "drained").await;
}

#[tokio::test(start_paused = true)]
async fn moved_before_the_snapshot_it_is_taken_again_under_a_new_name() {
    let mut world = one_region(72).await;
    meanwhile(
        &world,
        "PUT /_snapshot/camunda_backup/",
        Side::Before,
        resumed_and_paused_again,
    );
    let (finish, run, _) = fail_back(&mut world).await;
    assert_well_ended(&world, &finish, &run, "moved before the snapshot").await;
    assert_eq!(run.facts.take, 2);
    let names = snapshots(&world);
    assert_eq!(names.len(), 2, "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn moved_between_snapshot_and_enable_it_is_taken_again_under_a_new_name() {
    for place in [
        "DELETE /_snapshot/camunda_backup",
        "/_restore",
        "platform-0 WebappsUp",
    ] {
        let mut world = one_region(73).await;
        meanwhile(&world, place, Side::Before, resumed_and_paused_again);
        let (finish, run, _) = fail_back(&mut world).await;
        assert_well_ended(&world, &finish, &run, place).await;
        assert_eq!(run.facts.take, 2, "{place}");
        let names = snapshots(&world);
        assert_eq!(names.len(), 2, "{place}: {names:?}");
    }
}

/// Once the webapps of the returning region have run, what was restored there is no copy any more: it is rebuilt.
#[tokio::test(start_paused = true)]
async fn moved_when_the_webapps_of_the_returning_region_have_run_it_turns_round_by_itself() {
    let mut world = one_region(77).await;
    meanwhile(
        &world,
        "platform-1 WebappsUp",
        Side::Before,
        resumed_and_paused_again,
    );
    let (finish, _, _) = fail_back(&mut world).await;
    let Finish::TurnedBack { by_itself, words } = &finish else {
        panic!("{finish:#?}")
    };
    assert!(by_itself, "{words}");
    assert!(words.contains("rebuild it empty"), "{words}");
    world.assert_one_region(LOST, "turned round").await;
    world.lab.rebuild_bare(there());
    world.clock.sleep(Duration::from_secs(20)).await;
    let (finish, run, _) = fail_back(&mut world).await;
    assert_well_ended(&world, &finish, &run, "the second failback").await;
}

/// No look can be close enough to the enable: what moved while it was on its way is seen when it is proven, before brokers
/// are added, where there is still a way back.
#[tokio::test(start_paused = true)]
async fn moved_while_the_enable_is_on_its_way_it_turns_round_before_brokers_are_added() {
    let mut world = one_region(74).await;
    meanwhile(
        &world,
        "/elasticsearchregion1/enable",
        Side::Before,
        resumed_and_paused_again,
    );
    assert_turned_round_before_adding(&mut world, "resumed and paused again").await;
}

/// Somebody resumes while the change that enables the exporter is being carried out, and leaves it so.
#[tokio::test(start_paused = true)]
async fn resumed_while_the_exporter_is_being_enabled_it_turns_round_before_brokers_are_added() {
    let mut world = one_region(78).await;
    meanwhile(&world, "/elasticsearchregion1/enable", Side::After, async |lab| {
        let status = somebody(&lab, 0, "POST", "/actuator/exporting/resume", "").await;
        assert_eq!(status, 200);
    });
    assert_turned_round_before_adding(&mut world, "resumed while it is enabled").await;
}

async fn assert_turned_round_before_adding(world: &mut World, context: &str) {
    let (finish, _, _) = fail_back(world).await;
    let Finish::TurnedBack { by_itself, words } = &finish else {
        panic!("{context}: {finish:#?}")
    };
    assert!(by_itself, "{context}: {words}");
    assert!(words.contains("rebuild it empty"), "{context}: {words}");
    assert!(
        lines(world)
            .iter()
            .all(|line| !line.contains("?replicationFactor")),
        "{context}: no broker was added"
    );
    world.assert_one_region(LOST, context).await;
    world.lab.rebuild_bare(there());
    world.clock.sleep(Duration::from_secs(20)).await;
    let (finish, run, _) = fail_back(world).await;
    assert_well_ended(world, &finish, &run, context).await;
}

/// The phases show it: somebody resumed and left it so.
#[tokio::test(start_paused = true)]
async fn resumed_by_somebody_and_left_so_it_is_paused_and_taken_again() {
    for step in [StepId::Fb2b, StepId::Fb3b, StepId::Fb3e] {
        let mut world = one_region(75).await;
        let lab = world.lab.clone();
        let listener = once(ends(step), move || {
            tokio::spawn(async move {
                assert_eq!(
                    somebody(&lab, 0, "POST", "/actuator/exporting/resume", "").await,
                    200
                );
            });
        });
        let (finish, run, _) = world.fail_back_told(LOST, &listener).await;
        let context = format!("resumed after {step}");
        assert_well_ended(&world, &finish, &run, &context).await;
        assert_eq!(run.facts.take, 2, "{context}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_somebody_else_is_refused_unless_it_is_taken_over() {
    let mut world = one_region(76).await;
    assert_eq!(
        world.somebody(0, "POST", "/actuator/exporting/pause", "").await,
        200
    );
    let plain = request(&world, LOST);
    let refusal = world.planned_back(&plain).await.unwrap_err();
    assert_eq!(refusal.code.as_str(), "exporting-paused");
    assert!(refusal.way_out.iter().any(|way| way.contains("--adopt-pause")));
    let adopting = c8dr_domain::plan::failback::Request {
        adopt_pause: Some("it was mine".to_owned()),
        ..plain
    };
    let plan = world.planned_back(&adopting).await.unwrap();
    assert_eq!(plan.accepted.len(), 1, "the acceptance is on record");
    let (finish, run) = world
        .carry_out(plan, crate::world::Mortal::default())
        .await
        .unwrap();
    assert_well_ended(&world, &finish, &run, "adopted").await;
}
