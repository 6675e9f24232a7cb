//! A third replica inside the surviving region, and the failback that goes from three to four: both regions, two sizes, a
//! broker lost in between, c8dr killed in it.

use std::time::Duration;

use c8dr_domain::diagnose::Code;
use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::failover::{self, Request};
use c8dr_domain::plan::reinforce::{Reinforce, Wanted};
use c8dr_domain::plan::{Plan, Refusal, RefusalCode, StepId};
use c8dr_domain::run::Outcome;
use c8dr_engine::observe::{Look, Sources, observe_all};
use c8dr_lab::{BrokerId, Data, WorldConfig};

use super::{LOST, REGIONS, assert_verified};
use crate::world::{Mortal, World, back, run_of};

fn request(world: &World, lost: RegionId, wanted: Wanted) -> Request {
    Request {
        reinforce: Some(Reinforce {
            wanted,
            accept_unknown_disks: None,
            reserve_bytes: world.lab.with(|lab| lab.config().disk.processing_free_bytes_min),
        }),
        ..Request::new(lost)
    }
}

async fn planned(world: &mut World, request: &Request) -> Result<Plan, Refusal> {
    let asks = c8dr_domain::condition::Asks {
        metrics: true,
        ..Default::default()
    };
    for _ in 0..3 {
        let sources = Sources::of(&world.cluster);
        let reading = observe_all(&sources, &world.clock, Look::Everything, &asks).await;
        world.history.add(reading);
        world.clock.sleep(Duration::from_millis(500)).await;
    }
    let plan = failover::plan(&world.installation, &world.history, request, world.clock.wall())?;
    assert_eq!(c8dr_domain::check::check(&plan, world.history.latest()), vec![]);
    Ok(plan)
}

/// Every partition has so many replicas that take part.
#[track_caller]
fn assert_replicas(world: &World, wanted: usize, context: &str) {
    let counts = world.lab.with(|lab| lab.replicas_taking_part());
    assert!(
        counts.values().all(|count| *count == wanted),
        "{context}: {counts:?}"
    );
}

/// Loses a region, fails over, and reinforces.
async fn reinforced(world: &mut World, lost: RegionId) {
    world.loss_proven(lost).await;
    let request = request(world, lost, Wanted::Asked);
    let plan = planned(world, &request).await.unwrap();
    let (finish, run) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert_verified(&finish, "the failover");
    assert_eq!(run.steps[&StepId::Re1].outcome(), Some(Outcome::Verified));
    assert_eq!(world.forces(), 1);
    world.assert_failed_over(lost);
    assert_replicas(world, 3, "reinforced");
}

#[tokio::test(start_paused = true)]
async fn three_replicas_are_enough_for_one_broker_less_and_the_failback_goes_from_three_to_four() {
    for (brokers, partitions) in [(8, 8), (12, 24)] {
        for lost in REGIONS {
            let context = format!("{brokers}/{partitions}, region {lost}");
            let mut world = World::of(WorldConfig {
                brokers,
                partitions,
                seed: 81,
                ..WorldConfig::default()
            })
            .with_memory();
            reinforced(&mut world, lost).await;
            assert_eq!(world.look().await.code, Code::FailedOver, "{context}");
            // With two replicas this broker's partitions would stand still.
            let gone = BrokerId(lost.other().0 + 2);
            world.lab.kill_broker(gone);
            world.clock.sleep(Duration::from_secs(20)).await;
            assert_eq!(world.lab.status().leaderless, Vec::<u32>::new(), "{context}");
            world.lab.start_broker(gone, Data::Old);
            world.clock.sleep(Duration::from_secs(30)).await;
            assert_replicas(&world, 3, &context);
            world.lab.rebuild_bare(back::region(lost));
            world.history = Default::default();
            let (finish, _) = world.fail_back(lost).await;
            assert_verified(&finish, &context);
            let audit = world.reckoned().await;
            world.assert_whole(&audit, &context);
            assert_replicas(&world, 4, &context);
            assert_eq!(world.look().await.code, Code::Healthy, "{context}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn once_it_is_there_nothing_is_owed() {
    let mut world = World::new(8, 8, 82);
    reinforced(&mut world, LOST).await;
    let request = request(&world, LOST, Wanted::Asked);
    let plan = planned(&mut world, &request).await.unwrap();
    assert_eq!(plan.steps, vec![]);
    assert!(plan.settled.iter().any(|settled| settled.id == StepId::Re1));
}

#[tokio::test(start_paused = true)]
async fn c8dr_may_die_at_any_record_of_it() {
    for dies_after in (14..40).step_by(3) {
        let mut world = World::new(8, 8, 83);
        world.loss_proven(LOST).await;
        let request = request(&world, LOST, Wanted::Asked);
        let plan = planned(&mut world, &request).await.unwrap();
        let journal = Mortal::dying_after(dies_after);
        let kept = journal.kept.clone();
        if world.carry_out(plan, journal).await.is_ok() || run_of(&kept.lock().unwrap()).has_ended() {
            break;
        }
        let (finish, _) = world.resume_kept(&kept).await;
        assert_verified(&finish, &format!("after {dies_after}"));
        let plot = world.plot.lock().unwrap();
        let is_it = |line: &str| line.contains("replicationFactor=3");
        let sent = plot.arrived.iter().filter(|request| is_it(&request.line)).count();
        drop(plot);
        assert_eq!(sent, 1, "after {dies_after}: it arrives once");
        assert_replicas(&world, 3, "resumed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_survivor_that_dies_in_it_is_waited_for() {
    let mut world = World::new(8, 8, 84);
    world.loss_proven(LOST).await;
    let request = request(&world, LOST, Wanted::Asked);
    let plan = planned(&mut world, &request).await.unwrap();
    let journal = Mortal::default();
    let lab = world.lab.clone();
    let clock = world.clock.clone();
    let dies = tokio::spawn(async move {
        // Replicas move when some partition has its third one, and the force is over.
        let is_moving = || {
            lab.with(|lab| {
                let third = lab.replicas_taking_part().values().any(|count| *count == 3);
                third && !lab.forces().is_empty()
            })
        };
        while !is_moving() {
            clock.sleep(Duration::from_millis(200)).await;
        }
        lab.kill_broker(BrokerId(4));
        clock.sleep(Duration::from_secs(40)).await;
        lab.start_broker(BrokerId(4), Data::Old);
    });
    let (finish, _) = world.carry_out(plan, journal).await.unwrap();
    dies.await.unwrap();
    assert_verified(&finish, "it came back");
    assert_replicas(&world, 3, "it came back");
}

#[tokio::test(start_paused = true)]
async fn it_is_refused_where_it_has_no_place_and_holds_up_no_failover() {
    let mut world = World::new(4, 4, 85);
    world.loss_proven(LOST).await;
    let wanted = request(&world, LOST, Wanted::Asked);
    let plan = planned(&mut world, &wanted).await.unwrap();
    assert!(plan.steps.iter().all(|step| step.id != StepId::Re1));
    assert!(
        plan.notes.iter().any(|note| note.contains("not reinforced")),
        "{:?}",
        plan.notes
    );
    let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert_verified(&finish, "without it");
    let refusal = planned(&mut world, &wanted).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::ReinforceNotPossible);
}

#[tokio::test(start_paused = true)]
async fn disks_that_nobody_can_see_are_a_refusal_unless_somebody_accepts_them_by_name() {
    let mut world = World::of(WorldConfig {
        brokers: 8,
        partitions: 8,
        seed: 86,
        shows_free_disk: false,
        ..WorldConfig::default()
    });
    world.loss_proven(LOST).await;
    let plan = world.plan(LOST).unwrap();
    let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert_verified(&finish, "the failover");
    let mut wanted = request(&world, LOST, Wanted::Asked);
    let refusal = planned(&mut world, &wanted).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::ReinforceNotPossible);
    assert!(
        refusal
            .way_out
            .iter()
            .any(|line| line.contains("--accept-unknown-disks"))
    );
    // By policy it is a note, and no refusal.
    let by_policy = request(&world, LOST, Wanted::Always);
    let plan = planned(&mut world, &by_policy).await.unwrap();
    assert_eq!(plan.steps, vec![]);
    if let Some(reinforce) = &mut wanted.reinforce {
        reinforce.accept_unknown_disks = Some("half empty, seen by hand".to_owned());
    }
    let plan = planned(&mut world, &wanted).await.unwrap();
    let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert_verified(&finish, "accepted");
    assert_replicas(&world, 3, "accepted");
}

/// The returning region dies while its brokers join from three replicas: it is taken out again, and nothing is lost.
#[tokio::test(start_paused = true)]
async fn a_region_that_dies_while_it_joins_is_taken_out_again() {
    let mut world = World::new(8, 8, 87).with_memory();
    reinforced(&mut world, LOST).await;
    world.clock.sleep(Duration::from_secs(2)).await;
    world.lab.rebuild_bare(back::region(LOST));
    world.history = Default::default();
    let plan = world.plan_back(LOST).await;
    let journal = Mortal::default();
    let kept = journal.kept.clone();
    let (lab, clock) = (world.lab.clone(), world.clock.clone());
    let members = 6;
    let dies = tokio::spawn(async move {
        loop {
            let now = lab.status();
            let joined = now.regions[1]
                .brokers
                .iter()
                .filter(|broker| !broker.follows.is_empty())
                .count();
            if joined >= members - 4 {
                break;
            }
            clock.sleep(Duration::from_millis(200)).await;
        }
        lab.lose_region(back::region(LOST));
    });
    let (finish, _) = world.carry_out(plan, journal).await.unwrap();
    dies.await.unwrap();
    assert!(
        matches!(finish, c8dr_engine::drive::Finish::Stopped { .. }),
        "it waits for the region: {finish:?}"
    );
    let (finish, _) = world.abort(&kept).await;
    assert!(
        matches!(finish, c8dr_engine::drive::Finish::TurnedBack { .. }),
        "{finish:?}"
    );
    world.assert_one_region(LOST, "taken out again").await;
    // And once more, to the end.
    world.clock.sleep(Duration::from_secs(2)).await;
    world.lab.rebuild_bare(back::region(LOST));
    world.history = Default::default();
    let (finish, _) = world.fail_back(LOST).await;
    assert_verified(&finish, "the second failback");
    let audit = world.reckoned().await;
    world.assert_whole(&audit, "the second failback");
    assert_replicas(&world, 4, "the second failback");
}
