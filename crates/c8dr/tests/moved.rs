//! Whole failovers and failbacks that point the users' names, in virtual time: a name server that refuses, takes without
//! doing, hangs, or is changed by somebody else, and c8dr killed in it. The force waits for none of that.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "others need more of it")]
mod world;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use c8dr_domain::check::check;
use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::failover::{self, Request};
use c8dr_domain::plan::{Plan, StepId};
use c8dr_domain::run::{Event, Outcome, Run, Stop};
use c8dr_engine::drive::Finish;
use c8dr_engine::events::Told;
use c8dr_lab::{NamesTrouble, Region};

use crate::world::{Mortal, World, back, run_of};

const LOST: RegionId = RegionId(1);

fn off(world: &World) -> Plan {
    let request = Request {
        traffic: world.names.as_ref().map(|names| names.reroute()),
        ..Request::new(LOST)
    };
    let plan = failover::plan(&world.installation, &world.history, &request, world.clock.wall()).unwrap();
    assert_eq!(check(&plan, world.history.latest()), vec![]);
    plan
}

fn at(world: &World) -> BTreeSet<Region> {
    world.lab.with(|lab| lab.names_really().regions.clone())
}

fn here() -> BTreeSet<Region> {
    [Region::Even].into()
}

fn outcome(run: &Run, step: StepId) -> Option<Outcome> {
    run.steps.get(&step).and_then(|record| record.outcome())
}

async fn lost(seed: u64) -> World {
    let mut world = World::new(4, 4, seed).with_names();
    world.loss_proven(LOST).await;
    world
}

/// From the beginning of the run until the force was sent, in seconds.
fn until_the_force(run: &Run) -> f64 {
    let force = run.steps[&StepId::Fo1].attempts[0].at;
    force.duration_since(run.planned_at).as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn names_move_beside_the_force_and_back_with_the_region() {
    let mut world = lost(71).await.with_memory();
    let plan = off(&world);
    let (finish, run) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    assert_eq!(
        outcome(&run, StepId::Ut1),
        Some(Outcome::Skipped),
        "nothing waited for it"
    );
    assert_eq!(
        outcome(&run, StepId::Ut2),
        Some(Outcome::Already),
        "it had come by then"
    );
    assert_eq!((at(&world), world.forces()), (here(), 1));
    world.clock.sleep(Duration::from_secs(2)).await;
    world.lab.rebuild_bare(back::region(LOST));
    let request = c8dr_domain::plan::failback::Request {
        traffic: world.names.as_ref().map(|names| names.reroute()),
        ..back::request(&world, LOST)
    };
    let plan = world.planned_back(&request).await.unwrap();
    let (finish, run) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    assert_eq!(outcome(&run, StepId::Ut3), Some(Outcome::Verified));
    assert_eq!(at(&world), Region::BOTH.into());
}

#[tokio::test(start_paused = true)]
async fn whatever_the_name_server_does_the_force_does_not_wait_for_it() {
    let mut plain = World::new(4, 4, 72);
    plain.loss_proven(LOST).await;
    let plan = plain.plan(LOST).unwrap();
    let (_, run) = plain.carry_out(plan, Mortal::default()).await.unwrap();
    let usual = until_the_force(&run);
    for (trouble, most) in [
        (NamesTrouble::None, 0.5),
        (NamesTrouble::Refuses, 0.5),
        (NamesTrouble::Ignores, 0.5),
        (NamesTrouble::Mute, 0.5),
        // What it is held up by at most is the look.
        (NamesTrouble::Hangs, 2.2),
    ] {
        let mut world = lost(72).await;
        world.lab.with(|lab| lab.trouble_names(trouble));
        let plan = off(&world);
        let (_, run) = world.carry_out(plan, Mortal::default()).await.unwrap();
        let took = until_the_force(&run);
        assert!(
            took <= usual + most,
            "{trouble:?}: the force was sent after {took} s, else {usual} s"
        );
        assert_eq!(outcome(&run, StepId::Fo2), Some(Outcome::Verified), "{trouble:?}");
        assert_eq!(world.forces(), 1, "{trouble:?}");
        world.assert_failed_over(LOST);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_stops_the_run_at_the_names_and_a_person_may_do_it_by_hand() {
    let mut world = lost(73).await;
    world.lab.with(|lab| lab.trouble_names(NamesTrouble::Refuses));
    let plan = off(&world);
    let journal = Mortal::default();
    let kept = journal.kept.clone();
    let (finish, run) = world.carry_out(plan, journal).await.unwrap();
    let Finish::Stopped { stop, words, .. } = finish else {
        panic!("{finish:?}")
    };
    assert_eq!(stop, Stop::Refused);
    assert!(words.contains("refuses changes"), "{words}");
    assert_eq!(outcome(&run, StepId::Ut2), Some(Outcome::Failed));
    assert_eq!(at(&world), Region::BOTH.into(), "nothing was changed");
    world.lab.with(|lab| lab.set_names(here(), None));
    let (finish, _) = world.resume_kept(&kept).await;
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_not_the_deed() {
    let mut world = lost(74).await;
    world.lab.with(|lab| lab.trouble_names(NamesTrouble::Ignores));
    let plan = off(&world);
    let (finish, run) = world.carry_out(plan, Mortal::default()).await.unwrap();
    let Finish::Stopped { words, .. } = &finish else {
        panic!("{finish:?}")
    };
    assert!(words.contains("point elsewhere"), "{words}");
    assert_ne!(outcome(&run, StepId::Ut2), Some(Outcome::Verified));
}

#[tokio::test(start_paused = true)]
async fn what_was_done_and_not_answered_is_seen() {
    let mut world = lost(75).await;
    world.lab.with(|lab| lab.trouble_names(NamesTrouble::Mute));
    let plan = off(&world);
    let (finish, run) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    assert_eq!(
        outcome(&run, StepId::Ut2),
        Some(Outcome::Already),
        "it is not sent twice"
    );
    assert_eq!(world.lab.with(|lab| lab.names_really().serial), 2);
}

/// Somebody points the names between our look and our request: ours is not carried out, it is looked again.
#[tokio::test(start_paused = true)]
async fn a_record_that_somebody_has_changed_since_is_read_again() {
    let mut world = lost(76).await;
    let plan = off(&world);
    let (lab, stale) = (world.lab.clone(), Mutex::new(false));
    let told = |told: &Told| {
        if let Told::Event {
            event: Event::Intended { step, .. },
            ..
        } = told
            && *step == StepId::Ut1
        {
            lab.with(|lab| lab.set_names(Region::BOTH.into(), None));
        }
        if let Told::Note(words) = told {
            *stale.lock().unwrap() |= words.contains("somebody else has changed it");
        }
    };
    let (finish, run) = world
        .carry_out_told(plan, Mortal::default(), &told)
        .await
        .unwrap();
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    assert!(
        *stale.lock().unwrap(),
        "the first request was too late, and that was told"
    );
    assert_eq!(outcome(&run, StepId::Ut2), Some(Outcome::Verified));
    assert_eq!(at(&world), here());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_says_that_we_are_down_is_not_overwritten() {
    let mut world = lost(77).await;
    world
        .lab
        .with(|lab| lab.set_names(BTreeSet::new(), Some("status.example.org".to_owned())));
    let plan = off(&world);
    let (finish, run) = world.carry_out(plan, Mortal::default()).await.unwrap();
    let Finish::Stopped { words, .. } = &finish else {
        panic!("{finish:?}")
    };
    assert!(words.contains("status.example.org"), "{words}");
    assert_eq!(outcome(&run, StepId::Ut2), Some(Outcome::Waiting));
    assert_eq!(
        world.lab.with(|lab| lab.names_really().serial),
        2,
        "nothing was sent"
    );
}

#[tokio::test(start_paused = true)]
async fn c8dr_may_die_at_any_record_of_it() {
    for dies_after in 2..30 {
        let mut world = lost(78).await;
        let plan = off(&world);
        let journal = Mortal::dying_after(dies_after);
        let kept = journal.kept.clone();
        let first = world.carry_out(plan, journal).await;
        if first.is_ok() || run_of(&kept.lock().unwrap()).has_ended() {
            break;
        }
        let (finish, _) = world.resume_kept(&kept).await;
        assert!(
            matches!(finish, Finish::Verified { .. }),
            "after {dies_after}: {finish:?}"
        );
        assert_eq!((at(&world), world.forces()), (here(), 1), "after {dies_after}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failback_does_not_wait_for_a_name_server() {
    for trouble in [NamesTrouble::Refuses, NamesTrouble::Hangs, NamesTrouble::Ignores] {
        let mut world = World::new(4, 4, 79).with_names().with_memory();
        world.one_region(LOST).await;
        world.lab.with(|lab| lab.set_names(here(), None));
        world.lab.with(|lab| lab.trouble_names(trouble));
        let request = c8dr_domain::plan::failback::Request {
            traffic: world.names.as_ref().map(|names| names.reroute()),
            ..back::request(&world, LOST)
        };
        let plan = world.planned_back(&request).await.unwrap();
        let (finish, run) = world.carry_out(plan, Mortal::default()).await.unwrap();
        assert!(
            matches!(finish, Finish::Verified { .. }),
            "{trouble:?}: {finish:?}"
        );
        assert_eq!(outcome(&run, StepId::Ut3), Some(Outcome::Skipped), "{trouble:?}");
        assert_eq!(at(&world), here(), "{trouble:?}");
    }
}
