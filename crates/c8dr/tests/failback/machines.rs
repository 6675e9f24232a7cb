//! More than one machine: one goes on where another broke off, and two do not go on at once.

use std::time::Duration;

use c8dr_domain::plan::StepId;
use c8dr_domain::run::{Event, Stop};
use c8dr_engine::drive::{Driver, Finish};
use c8dr_engine::events::Told;
use c8dr_engine::handover;
use c8dr_engine::journal::Store;

use super::{LOST, assert_well_ended, stopped};
use crate::world::{Mortal, World};

/// A run breaks off in a step; its journal is left outside, and perhaps on a machine that is gone.
async fn broken_off(seed: u64, step: StepId) -> (World, Mortal) {
    let mut world = World::new(4, 4, seed).with_bucket();
    world.one_region(LOST).await;
    let plan = world.plan_back(LOST).await;
    let journal = Mortal::default();
    let kept = journal.kept.clone();
    let clock = world.clock.clone();
    let reached = kept.clone();
    let stop_at = async {
        loop {
            let is_there = |(_, event): &(_, Event)| matches!(event, Event::Answered { step: sent, .. } if *sent == step);
            if reached.lock().unwrap().iter().any(is_there) {
                return;
            }
            clock.sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        finish = world.carry_out(plan, journal) => panic!("{finish:?}"),
        () = stop_at => {}
    }
    let reopened = Mortal::reopened(&kept);
    (world, reopened)
}

#[tokio::test(start_paused = true)]
async fn another_machine_takes_a_run_over_from_the_bucket_and_ends_it() {
    for step in [StepId::Fb2b, StepId::Fb3b, StepId::Fb3e, StepId::Fb5, StepId::Fb7] {
        let (world, _) = broken_off(121, step).await;
        let bucket = world.bucket.as_deref().unwrap();
        let runs = handover::runs(bucket, "lab").await.unwrap();
        let run = runs.last().unwrap();
        let text = handover::text(bucket, "lab", run).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let (journal, recovered) = Store::at(home.path()).adopt(run, &text).unwrap();
        let told = |_: &Told| {};
        let (finish, run) = {
            let gear = world.gear(&told);
            let mut driver =
                Driver::resume(gear, Box::new(journal), recovered.run, "another".to_owned()).unwrap();
            let finish = driver.drive().await.unwrap();
            (finish, driver.run().clone())
        };
        assert_well_ended(&world, &finish, &run, &format!("taken over in {step}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_machines_that_go_on_with_one_run_one_is_refused() {
    let (world, own) = broken_off(122, StepId::Fb3a).await;
    let bucket = world.bucket.as_deref().unwrap();
    let run = handover::runs(bucket, "lab").await.unwrap().pop().unwrap();
    let text = handover::text(bucket, "lab", &run).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let (journal, recovered) = Store::at(home.path()).adopt(&run, &text).unwrap();
    let told = |_: &Told| {};
    let mut other = Driver::resume(
        world.gear(&told),
        Box::new(journal),
        recovered.run,
        "another".to_owned(),
    )
    .unwrap();
    let events = own.kept.lock().unwrap().clone();
    let mut first = world.resumed(&events, own, &told).unwrap();
    let (first_end, other_end) = tokio::join!(first.drive(), other.drive());
    let (first_end, other_end) = (first_end.unwrap(), other_end.unwrap());
    let (refused, (finish, run)) = match (&first_end, &other_end) {
        (Finish::Verified { .. }, refused) => (refused, (&first_end, first.run())),
        (refused, Finish::Verified { .. }) => (refused, (&other_end, other.run())),
        both => panic!("{both:#?}"),
    };
    stopped(refused, Stop::Refused, "Another machine");
    assert_well_ended(&world, finish, run, "one of two").await;
}
