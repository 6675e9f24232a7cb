//! Enable, resume and add: what is answered twice, not at all, or too early.

use std::time::Duration;

use c8dr_domain::plan::StepId;
use c8dr_domain::run::Stop;
use c8dr_engine::drive::Finish;
use c8dr_lab::{Data, Lab, Span, Timings, WorldConfig};

use super::{LOST, assert_well_ended, begins, fail_back, lines, meanwhile, once, one_region, stopped, there};
use crate::world::World;
use crate::world::journal::Kept;
use crate::world::wire::{Side, somebody};

async fn later(lab: Lab, wait: Duration, act: impl FnOnce(&Lab) + Send + 'static) {
    tokio::spawn(async move {
        lab.clock().sleep(wait).await;
        act(&lab);
    });
}

/// 400 "is already enabled" is our own effect: done.
#[tokio::test(start_paused = true)]
async fn an_enable_that_somebody_was_faster_with_is_done() {
    let mut world = one_region(111).await;
    meanwhile(
        &world,
        "/elasticsearchregion1/enable",
        Side::Before,
        async |lab| {
            let body = r#"{"initializeFrom":"elasticsearchregion0"}"#;
            let path = "/actuator/exporters/elasticsearchregion1/enable";
            assert_eq!(somebody(&lab, 0, "POST", path, body).await, 202);
            lab.clock().sleep(Duration::from_secs(5)).await;
        },
    );
    let (finish, run, _) = fail_back(&mut world).await;
    assert_well_ended(&world, &finish, &run, "enabled already").await;
    let sent = lines(&world)
        .iter()
        .filter(|line| line.ends_with("/enable"))
        .count();
    assert_eq!(sent, 1, "a refusal is not repeated");
}

/// E3: a resume fails as a whole while a partition is incomplete, and has perhaps done its part.
#[tokio::test(start_paused = true)]
async fn a_resume_that_fails_as_a_whole_is_finished_broker_by_broker() {
    for side in [Side::Before, Side::After] {
        for back_after in [5, 30, 100] {
            let context = format!("killed {side:?} the resume, back after {back_after} s");
            let mut world = one_region(112).await;
            meanwhile(&world, "/actuator/exporting/resume", side, async move |lab| {
                let broker = lab.broker(2).unwrap();
                lab.kill_broker(broker);
                later(lab, Duration::from_secs(back_after), move |lab| {
                    lab.start_broker(broker, Data::Old);
                })
                .await;
            });
            let (mut finish, mut run, kept) = fail_back(&mut world).await;
            if matches!(finish, Finish::Stopped { .. }) {
                world.clock.sleep(Duration::from_secs(30)).await;
                (finish, run) = world.resume_kept(&kept).await;
            }
            assert_well_ended(&world, &finish, &run, &context).await;
        }
    }
    let mut world = one_region(113).await;
    meanwhile(&world, "/actuator/exporting/resume", Side::Before, async |lab| {
        let broker = lab.broker(2).unwrap();
        lab.kill_broker(broker);
        later(lab, Duration::from_secs(30), move |lab| {
            lab.start_broker(broker, Data::Old);
        })
        .await;
    });
    let _ = fail_back(&mut world).await;
    assert!(
        lines(&world)
            .iter()
            .any(|line| line.contains("POST /actuator/partitions/resumeExporting")),
        "{:#?}",
        lines(&world)
    );
}

#[tokio::test(start_paused = true)]
async fn brokers_that_are_added_and_do_not_run_are_waited_for() {
    let mut world = one_region(114).await;
    meanwhile(&world, "?replicationFactor", Side::Before, async |lab| {
        let broker = lab.broker(3).unwrap();
        lab.kill_broker(broker);
        later(lab, Duration::from_secs(16), move |lab| {
            lab.start_broker(broker, Data::Empty);
        })
        .await;
    });
    let (finish, run, _) = fail_back(&mut world).await;
    assert_well_ended(&world, &finish, &run, "not running").await;
    let sent = lines(&world)
        .iter()
        .filter(|line| line.contains("?replicationFactor"))
        .count();
    assert_eq!(sent, 1, "it is awaited, not repeated");
}

/// COMPLETED is not listed: recorded 1.2 to 7.2 s, here 20 s and more.
#[tokio::test(start_paused = true)]
async fn a_topology_that_lags_completed_is_waited_for() {
    let mut world = World::of(WorldConfig {
        seed: 115,
        timings: Timings {
            role_gossip_after_join: Span::ms(20_000, 25_000),
            ..Timings::measured()
        },
        ..WorldConfig::default()
    })
    .with_memory();
    world.one_region(LOST).await;
    let (finish, run, _) = fail_back(&mut world).await;
    assert_well_ended(&world, &finish, &run, "lagging").await;
    let step = &run.steps[&StepId::Fb7];
    let took = step.ended.as_ref().unwrap().0.duration_since(step.began.unwrap());
    assert!(took.as_secs() >= 20, "{took}");
}

/// Somebody adds the brokers while ours is about to: one change of two, and nothing is added twice.
#[tokio::test(start_paused = true)]
async fn an_add_that_somebody_was_faster_with_is_awaited() {
    let mut world = one_region(116).await;
    let lab = world.lab.clone();
    let listener = once(begins(StepId::Fb7), move || {
        tokio::spawn(async move {
            let path = "/actuator/cluster/brokers?replicationFactor=4";
            assert_eq!(somebody(&lab, 2, "POST", path, r#"["0","1","2","3"]"#).await, 202);
        });
    });
    let (finish, run, _) = world.fail_back_told(LOST, &listener).await;
    assert_well_ended(&world, &finish, &run, "added already").await;
}

/// The returning region dies just after the add was taken. Somebody hears of it within minutes.
async fn died_while_it_joined(seed: u64) -> (World, Kept) {
    let mut world = one_region(seed).await;
    meanwhile(&world, "?replicationFactor", Side::After, async |lab| {
        later(lab, Duration::from_secs(1), |lab| lab.lose_region(there())).await;
    });
    let (finish, run, kept) = fail_back(&mut world).await;
    let words = stopped(&finish, Stop::Waiting, "has been silent for 60 s");
    for wanted in [
        "region1",
        "Nothing acknowledged is lost",
        "run resume",
        "run abort",
    ] {
        assert!(words.contains(wanted), "{wanted:?} is not in {words:?}");
    }
    assert!(!words.contains("EXPORTING IS PAUSED"), "{words}");
    let step = &run.steps[&StepId::Fb7];
    let took = step.ended.as_ref().unwrap().0.duration_since(step.began.unwrap());
    assert!(took.as_secs() < 180, "{took}");
    (world, kept)
}

#[tokio::test(start_paused = true)]
async fn a_region_that_dies_while_it_joins_is_told_of_and_joins_when_it_is_back() {
    let (mut world, kept) = died_while_it_joined(117).await;
    // Resumed too early it says so again, and sends nothing.
    let (finish, _) = world.resume_kept(&kept).await;
    stopped(&finish, Stop::Waiting, "has been silent for 60 s");
    world.lab.return_region(there(), Data::Old);
    world.clock.sleep(Duration::from_secs(30)).await;
    let (finish, run) = world.resume_kept(&kept).await;
    assert_well_ended(&world, &finish, &run, "back again").await;
    let sent = lines(&world)
        .iter()
        .filter(|line| line.contains("?replicationFactor"))
        .count();
    assert_eq!(sent, 1, "it is awaited, not repeated");
}

#[tokio::test(start_paused = true)]
async fn a_region_that_died_for_good_while_it_joined_is_taken_out_again() {
    let (mut world, kept) = died_while_it_joined(118).await;
    let (finish, _) = world.abort(&kept).await;
    assert!(matches!(finish, Finish::TurnedBack { .. }), "{finish:#?}");
    world.assert_one_region(LOST, "taken out again").await;
}
