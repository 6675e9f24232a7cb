//! Whole failovers on the lab in virtual time: both regions, all sizes, every answer spoiled, the process dying anywhere.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the failback needs more of it")]
mod world;

use std::time::Duration;

use c8dr_domain::check::check;
use c8dr_domain::diagnose::Code;
use c8dr_domain::effect::{Effect, ZeebeEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::run::{Outcome, Stop};
use c8dr_engine::drive::Finish;

use crate::world::{Mortal, Spoil, World};

const REGIONS: [RegionId; 2] = [RegionId(0), RegionId(1)];

/// Loses a region, fails over, and sees it proven; returns seconds until proven lost and until done.
async fn failed_over(world: &mut World, lost: RegionId) -> (f64, f64) {
    let (killed, proven) = world.loss_proven(lost).await;
    let plan = world.plan(lost).unwrap();
    assert_eq!(check(&plan, world.history.latest()), vec![]);
    let decided = world.clock.wall();
    let (finish, run) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    assert_eq!(world.forces(), 1);
    world.assert_failed_over(lost);
    let done = run.proof_began.unwrap().duration_since(decided).as_secs_f64();
    (proven.since(killed).as_secs_f64(), done)
}

#[tokio::test(start_paused = true)]
async fn both_regions_of_every_size_are_failed_over() {
    for (brokers, partitions) in [(4, 4), (8, 8), (12, 24), (4, 1), (6, 7)] {
        for lost in REGIONS {
            let mut world = World::new(brokers, partitions, 3);
            failed_over(&mut world, lost).await;
            assert_eq!(
                world.look().await.code,
                Code::FailedOver,
                "{brokers}/{partitions}, region {lost}"
            );
        }
    }
}

/// The limit is what tight polling of the real thing reached: 6.6 s in the median. `spec: baseline.md`
#[tokio::test(start_paused = true)]
async fn a_failover_takes_no_longer_than_the_engine_itself() {
    let mut detected = Vec::new();
    let mut took = Vec::new();
    for seed in 0..24 {
        let mut world = World::new(8, 8, seed);
        let (proven, done) = failed_over(&mut world, REGIONS[seed as usize % 2]).await;
        detected.push(proven);
        took.push(done);
    }
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (detected, took) = (median(&mut detected), median(&mut took));
    println!("proven lost after {detected:.2} s, failed over after {took:.2} s (medians)");
    assert!(detected <= 6.0, "proven lost after {detected:.2} s in the median");
    assert!(took <= 6.6 * 1.1, "failed over after {took:.2} s in the median");
}

#[tokio::test(start_paused = true)]
async fn doing_it_twice_sends_nothing_twice() {
    for lost in REGIONS {
        let mut world = World::new(4, 4, 5);
        failed_over(&mut world, lost).await;
        world.look().await;
        let again = world.plan(lost).unwrap();
        assert_eq!(again.steps, vec![]);
        assert_eq!(again.settled.len(), 2);
        let (finish, _) = world.carry_out(again, Mortal::default()).await.unwrap();
        assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
        assert_eq!(world.forces(), 1, "the force was not repeated");
    }
}

#[tokio::test(start_paused = true)]
async fn the_old_plan_carried_out_again_sends_nothing_either() {
    let mut world = World::new(4, 4, 6);
    world.loss_proven(RegionId(1)).await;
    let plan = world.plan(RegionId(1)).unwrap();
    world.carry_out(plan.clone(), Mortal::default()).await.unwrap();
    let (finish, run) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    assert!(
        run.steps
            .values()
            .all(|step| step.outcome() == Some(Outcome::Already))
    );
    assert_eq!(world.forces(), 1);
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_to_an_answer_it_ends_verified_with_one_force() {
    let spoils = [
        Spoil::LostAfter,
        Spoil::LostBefore,
        Spoil::LateAfter,
        Spoil::Refused,
        Spoil::Status(409),
        Spoil::Status(500),
        Spoil::Status(502),
        Spoil::Status(504),
        Spoil::StatusAfter(502),
        Spoil::StatusAfter(504),
        Spoil::StatusAfter(200),
    ];
    for lost in REGIONS {
        for nth in [1, 2] {
            for spoil in spoils {
                let mut world = World::new(4, 4, 11);
                world.loss_proven(lost).await;
                world.spoil(nth, spoil);
                let plan = world.plan(lost).unwrap();
                let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
                assert!(
                    matches!(finish, Finish::Verified { .. }),
                    "{spoil:?} at request {nth}: {finish:?}"
                );
                assert_eq!(world.forces(), 1, "{spoil:?} at request {nth}");
                world.assert_failed_over(lost);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_stops_the_run_with_its_words() {
    let mut world = World::new(4, 4, 12);
    world.loss_proven(RegionId(1)).await;
    world.spoil(1, Spoil::Status(400));
    let plan = world.plan(RegionId(1)).unwrap();
    let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
    let Finish::Stopped { stop, words, .. } = finish else {
        panic!("{finish:?}")
    };
    assert_eq!(stop, Stop::Refused);
    assert!(words.contains("spoiled on the way"), "{words}");
    assert_eq!(world.forces(), 0);
}

#[tokio::test(start_paused = true)]
async fn dying_after_any_record_and_resuming_ends_verified_with_one_force() {
    let mut at_all = 0;
    for lost in REGIONS {
        for dies_after in 1.. {
            let mut world = World::new(4, 4, 21);
            world.loss_proven(lost).await;
            let plan = world.plan(lost).unwrap();
            let journal = Mortal::dying_after(dies_after);
            let kept = journal.kept.clone();
            if world.carry_out(plan, journal).await.is_ok() {
                break;
            }
            at_all += 1;
            world.clock.sleep(Duration::from_millis(700)).await;
            let events = kept.lock().unwrap().clone();
            let already_ended = events.iter().any(|(_, event)| event.name() == "verified");
            if !already_ended {
                let (finish, _) = world.resume(&events, Mortal::reopened(&kept)).await.unwrap();
                assert!(
                    matches!(finish, Finish::Verified { .. }),
                    "died after {dies_after}: {finish:?}"
                );
            }
            assert_eq!(world.forces(), 1, "died after record {dies_after}");
            world.assert_failed_over(lost);
        }
    }
    assert!(at_all >= 20, "only {at_all} deaths were tried");
}

/// The journal's times are those of a machine's clock, which may be set back, or be another machine's.
#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_does_not_stop_a_run_that_is_resumed() {
    for dies_after in 1.. {
        let mut world = World::new(4, 4, 22);
        world.loss_proven(RegionId(1)).await;
        let plan = world.plan(RegionId(1)).unwrap();
        let journal = Mortal::dying_after(dies_after);
        let kept = journal.kept.clone();
        assert!(world.carry_out(plan, journal).await.is_err());
        let mut events = kept.lock().unwrap().clone();
        // What is in the air has the outcome that is hardest to tell.
        if events.last().is_none_or(|(_, event)| event.name() != "intended") {
            continue;
        }
        for (at, _) in &mut events {
            *at += jiff::SignedDuration::from_hours(2);
        }
        let (finish, run) = world.resume(&events, Mortal::reopened(&kept)).await.unwrap();
        assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
        assert!(run.planned_at > world.clock.wall(), "the clock was not behind");
        world.assert_failed_over(RegionId(1));
        break;
    }
}

#[tokio::test(start_paused = true)]
async fn the_surviving_region_is_never_given_up() {
    let mut world = World::new(4, 4, 31);
    failed_over(&mut world, RegionId(1)).await;
    world.look().await;
    assert_eq!(world.plan(RegionId(0)).unwrap_err().code.as_str(), "last-region");
}

#[tokio::test(start_paused = true)]
async fn a_healthy_region_is_never_given_up() {
    let mut world = World::new(4, 4, 32);
    world.until(Code::Healthy, Duration::from_secs(30)).await;
    for lost in REGIONS {
        assert_eq!(world.plan(lost).unwrap_err().code.as_str(), "lost-region-answers");
    }
    world.loss_proven(RegionId(1)).await;
    assert_eq!(
        world.plan(RegionId(0)).unwrap_err().code.as_str(),
        "lost-region-answers",
        "the wrong region is named"
    );
}

#[tokio::test(start_paused = true)]
async fn a_survivor_that_is_down_is_seen_before_the_force() {
    let mut world = World::new(4, 4, 33);
    world.loss_proven(RegionId(1)).await;
    world.lab.kill_broker(world.lab.broker(2).unwrap());
    world.look().await;
    let refusal = world.plan(RegionId(1)).unwrap_err();
    assert_eq!(refusal.code.as_str(), "survivor-down");
    assert!(refusal.summary.contains("roker 2"), "{refusal:?}");
    assert!(
        refusal
            .way_out
            .iter()
            .any(|way| way.contains("--accept-data-loss")),
        "{refusal:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_survivor_that_dies_right_after_the_plan_stops_it_before_anything_is_sent() {
    let mut world = World::new(4, 4, 34);
    world.loss_proven(RegionId(1)).await;
    let plan = world.plan(RegionId(1)).unwrap();
    world.lab.kill_broker(world.lab.broker(2).unwrap());
    let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
    let Finish::Stopped { stop, words, .. } = finish else {
        panic!("{finish:?}")
    };
    assert_eq!(stop, Stop::Waiting);
    assert!(words.contains("roker 2"), "{words}");
    assert_eq!(world.forces(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_broker_that_answers_again_stops_it_for_a_person() {
    let mut world = World::new(4, 4, 35);
    world.loss_proven(RegionId(1)).await;
    let plan = world.plan(RegionId(1)).unwrap();
    world
        .lab
        .start_broker(world.lab.broker(3).unwrap(), c8dr_lab::Data::Old);
    world.clock.sleep(Duration::from_secs(12)).await;
    let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
    let Finish::Stopped { stop, words, .. } = finish else {
        panic!("{finish:?}")
    };
    assert_eq!(stop, Stop::Waiting);
    assert!(words.contains("roker 3"), "{words}");
    assert_eq!(world.forces(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cut_link_is_told_from_a_loss_and_never_forced_unasked() {
    let mut world = World::new(4, 4, 36);
    world.until(Code::Healthy, Duration::from_secs(30)).await;
    world.lab.cut_link();
    world.until(Code::LinkCut, Duration::from_secs(60)).await;
    for lost in REGIONS {
        assert_eq!(world.plan(lost).unwrap_err().code.as_str(), "lost-region-answers");
    }
}

/// E6: a blocked broker hangs for most of a minute and is listed as healthy leader all the while.
#[tokio::test(start_paused = true)]
async fn a_cut_link_with_a_named_acceptance_is_failed_over_and_every_partition_proven() {
    let mut world = World::new(4, 4, 37);
    world.until(Code::Healthy, Duration::from_secs(30)).await;
    world.clock.sleep(Duration::from_secs(2)).await;
    world.lab.cut_link();
    world.until(Code::LinkCut, Duration::from_secs(60)).await;
    let request = Request {
        accept_unfenced: Some("the link is gone for good".to_owned()),
        ..Request::new(RegionId(1))
    };
    let plan = plan(&world.installation, &world.history, &request, world.clock.wall()).unwrap();
    assert_eq!(check(&plan, world.history.latest()), vec![]);
    let (finish, run) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    assert_eq!(run.plan.accepted.len(), 1, "the acceptance is on record");
    assert_eq!(world.forces(), 1);
    assert_eq!(world.lab.audit().missing, Vec::<i64>::new());
}

/// E10: both sides forced during a cut. After the heal everything looks healthy, and each partition has two leaders.
#[tokio::test(start_paused = true)]
async fn a_partition_led_twice_is_named_and_nothing_is_forced() {
    let mut world = World::new(4, 4, 38);
    world.until(Code::Healthy, Duration::from_secs(30)).await;
    world.lab.cut_link();
    world.clock.sleep(Duration::from_secs(25)).await;
    let forced = "/actuator/cluster/brokers?force=true";
    assert_eq!(world.somebody(0, "POST", forced, r#"["0","2"]"#).await, 202);
    assert_eq!(world.somebody(1, "POST", forced, r#"["1","3"]"#).await, 202);
    world.clock.sleep(Duration::from_secs(90)).await;
    world.lab.heal_link();
    world
        .until(Code::PartitionLedTwice, Duration::from_secs(60))
        .await;
    for lost in REGIONS {
        assert_eq!(world.plan(lost).unwrap_err().code.as_str(), "partition-led-twice");
    }
}

/// E9: a change was pending when the region of the coordinator was lost: no call on the survivors gets out of it.
#[tokio::test(start_paused = true)]
async fn a_change_pending_while_the_coordinator_is_lost_names_both_ways_out() {
    let mut world = World::new(4, 4, 39);
    world.until(Code::Healthy, Duration::from_secs(30)).await;
    assert_eq!(
        world
            .somebody(0, "POST", "/actuator/exporters/nosuch/enable", "")
            .await,
        202
    );
    assert_eq!(world.look().await.code, Code::ChangeRunning);
    world.lose(RegionId(0));
    world.clock.sleep(Duration::from_secs(15)).await;
    // Somebody who saw the change before the loss knows it at once …
    world.until(Code::CoordinatorLost, Duration::from_secs(30)).await;
    assert_eq!(world.plan(RegionId(0)).unwrap_err().way_out.len(), 2);
    // … somebody who comes later meets the 409 when the force is rehearsed.
    world.history = c8dr_domain::history::History::new();
    world.until(Code::RegionLost, Duration::from_secs(30)).await;
    let plan = world.plan(RegionId(0)).unwrap();
    let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
    let Finish::Stopped {
        stop: Stop::Waiting,
        diagnosis: Some(diagnosis),
        ..
    } = finish
    else {
        panic!("{finish:?}")
    };
    assert_eq!(diagnosis.code, Code::CoordinatorLost);
    assert_eq!(diagnosis.next.len(), 2, "{diagnosis:?}");
    assert_eq!(world.forces(), 0);
}

/// The exporter was disabled before the force: that never ends, and blocks the force. The way out is named and works.
#[tokio::test(start_paused = true)]
async fn an_exporter_disabled_too_early_is_named_and_its_way_out_works() {
    let mut world = World::new(4, 4, 40);
    world.loss_proven(RegionId(1)).await;
    assert_eq!(
        world
            .somebody(0, "POST", "/actuator/exporters/elasticsearchregion1/disable", "")
            .await,
        202
    );
    world.clock.sleep(Duration::from_secs(3)).await;
    world.look().await;
    let refusal = world.plan(RegionId(1)).unwrap_err();
    assert_eq!(refusal.code.as_str(), "change-pending");
    let cancel = refusal.way_out.iter().find(|way| way.contains("DELETE")).unwrap();
    let id: String = cancel
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    assert_eq!(
        world
            .somebody(0, "DELETE", &format!("/actuator/cluster/changes/{id}"), "")
            .await,
        200
    );
    world.look().await;
    let plan = world.plan(RegionId(1)).unwrap();
    let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    world.assert_failed_over(RegionId(1));
}

/// Somebody else's change, begun between plan and force, is neither cancelled nor mistaken for ours.
#[tokio::test(start_paused = true)]
async fn somebody_elses_change_stops_it_for_a_person_and_is_left_alone() {
    let mut world = World::new(4, 4, 41);
    world.loss_proven(RegionId(1)).await;
    let plan = world.plan(RegionId(1)).unwrap();
    assert_eq!(
        world
            .somebody(0, "POST", "/actuator/exporters/nosuch/enable", "")
            .await,
        202
    );
    let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
    let Finish::Stopped { stop, words, .. } = finish else {
        panic!("{finish:?}")
    };
    assert_eq!(stop, Stop::Waiting);
    assert!(words.contains("not ours"), "{words}");
    assert_eq!(world.forces(), 0);
    assert!(world.lab.status().pending_change.is_some(), "it was left alone");
}

/// E2: a survivor is gone for good. Only a named acceptance goes on without it, and the plan says what it keeps.
#[tokio::test(start_paused = true)]
async fn a_survivor_that_is_gone_for_good_is_left_out_only_by_a_named_acceptance() {
    let mut world = World::new(4, 4, 42);
    world.loss_proven(RegionId(1)).await;
    world.lab.kill_broker(world.lab.broker(2).unwrap());
    for _ in 0..5 {
        world.look().await;
        world.clock.sleep(Duration::from_millis(500)).await;
    }
    let request = Request {
        accept_data_loss: Some("its disk is gone".to_owned()),
        ..Request::new(RegionId(1))
    };
    let plan = plan(&world.installation, &world.history, &request, world.clock.wall()).unwrap();
    assert_eq!(plan.kept(), [c8dr_domain::ids::BrokerId(0)].into());
    assert_eq!(check(&plan, world.history.latest()), vec![]);
    let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    assert_eq!(world.forces(), 1);
    assert_eq!(world.lab.status().leaderless, Vec::<u32>::new());
}

/// A planner with the wrong region in its head: the driver itself does not begin such a plan.
#[tokio::test(start_paused = true)]
async fn a_plan_for_the_wrong_region_is_not_begun() {
    let mut world = World::new(4, 4, 43);
    world.loss_proven(RegionId(1)).await;
    let mut plan = world.plan(RegionId(1)).unwrap();
    for step in &mut plan.steps {
        if let Effect::Zeebe(ZeebeEffect::ForceRemove { keep, remove }) = &mut step.effect {
            std::mem::swap(keep, remove);
        }
    }
    let refused = world.carry_out(plan, Mortal::default()).await.unwrap_err();
    assert!(
        matches!(refused, c8dr_engine::drive::DriveError::WrongPlan(_)),
        "{refused}"
    );
    assert_eq!(world.forces(), 0);
}
