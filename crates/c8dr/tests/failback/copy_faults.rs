//! A search that fails while it is copied from or to: full disks, red, standing still. Each ends in a state from which the run
//! goes on, or back; and the brokers' disks are watched all the time.

use std::time::Duration;

use c8dr_domain::plan::StepId;
use c8dr_domain::run::Event;
use c8dr_engine::drive::Finish;
use c8dr_lab::{Disk, Lab, Region, WorldConfig};

use super::{LOST, assert_well_ended, fail_back, here, lines, once, one_region, there};
use crate::world::World;

/// When the request that begins a step's work is about to go out.
fn intends(step: StepId) -> impl Fn(&Event) -> bool + Send + Sync {
    move |event| matches!(event, Event::Intended { step: begun, .. } if *begun == step)
}

/// What may be wrong with a search for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Full,
    Red,
    Frozen,
}

fn strike(lab: &Lab, region: Region, trouble: Trouble, is_on: bool) {
    lab.with(|world| match trouble {
        Trouble::Full => world.set_search_full(region, is_on),
        Trouble::Red => world.set_search_red(region, is_on),
        Trouble::Frozen => world.set_search_frozen(region, is_on),
    });
}

/// Troubles a search from a step's request on, and heals it after a while.
fn troubled(
    world: &World,
    step: StepId,
    region: Region,
    trouble: Trouble,
    heals_after: Option<Duration>,
) -> impl Fn(&c8dr_engine::events::Told) + Send + Sync + use<> {
    let lab = world.lab.clone();
    once(intends(step), move || {
        strike(&lab, region, trouble, true);
        if let Some(after) = heals_after {
            tokio::spawn(async move {
                lab.clock().sleep(after).await;
                strike(&lab, region, trouble, false);
            });
        }
    })
}

/// Half a minute or two of trouble are waited out, whichever search has it and whenever: nothing is begun anew that was well.
#[tokio::test(start_paused = true)]
async fn a_search_in_trouble_for_a_while_is_waited_for() {
    for (step, region) in [
        (StepId::Fb3a, here()),
        (StepId::Fb3b, here()),
        (StepId::Fb3c, there()),
        (StepId::Fb3e, there()),
        (StepId::Fb5, there()),
    ] {
        for trouble in [Trouble::Full, Trouble::Red, Trouble::Frozen] {
            let context = format!("{trouble:?} at {step}");
            let mut world = one_region(95).await;
            let listener = troubled(&world, step, region, trouble, Some(Duration::from_secs(90)));
            let (mut finish, mut run, kept) = world.fail_back_told(LOST, &listener).await;
            // What stops says why, and goes on once it is well.
            for _ in 0..3 {
                if let Finish::Stopped { words, .. } = &finish {
                    assert!(!words.is_empty(), "{context}");
                    world.clock.sleep(Duration::from_secs(120)).await;
                    (finish, run) = world.resume_kept(&kept).await;
                }
            }
            assert_well_ended(&world, &finish, &run, &context).await;
        }
    }
}

/// A world whose brokers' disks last for a minute of a pause. Without one, logs are shortened long before they fill them.
async fn short_disks(seed: u64) -> World {
    let mut world = World::of(WorldConfig {
        seed,
        creates_per_second: 45.0,
        disk: Disk {
            volume_bytes: 800 << 20,
            instance_bytes: 256 << 10,
            processing_free_bytes_min: 40 << 20,
            replication_free_bytes_min: 20 << 20,
        },
        timings: c8dr_lab::Timings {
            snapshot_period: Duration::from_secs(5),
            ..c8dr_lab::Timings::measured()
        },
        ..WorldConfig::default()
    })
    .with_memory();
    world.one_region(LOST).await;
    world
}

/// G9: a snapshot or a restore that never comes to its end, because its search stands still or its disks are full, must not
/// fill the brokers' disks: the run turns round by itself, resumes, and clients are served all the time.
#[tokio::test(start_paused = true)]
async fn a_copy_that_hangs_is_given_up_before_the_disks_fill() {
    for (step, region, trouble) in [
        (StepId::Fb3b, here(), Trouble::Frozen),
        (StepId::Fb3e, there(), Trouble::Frozen),
        (StepId::Fb3e, there(), Trouble::Full),
    ] {
        let context = format!("{trouble:?} at {step}");
        let mut world = short_disks(96).await;
        let listener = troubled(&world, step, region, trouble, None);
        let (finish, run, kept) = world.fail_back_told(LOST, &listener).await;
        let retreat = run.retreating.as_ref().expect("it turned round");
        assert!(retreat.reason.contains("disk"), "{context}: {retreat:?}");
        assert!(run.pause_alarm().is_none(), "{context}: something is left paused");
        // Where the serving search itself stands still nothing is exported after the resume either: that is not the pause's doing.
        if region == there() {
            let refused = world.lab.status().failed_creates;
            assert!(!refused.contains_key(&429), "{context}: {refused:?}");
        }
        assert!(
            lines(&world).iter().any(|line| line.contains("exporting/resume")),
            "{context}"
        );
        strike(&world.lab, region, trouble, false);
        world.clock.sleep(Duration::from_secs(60)).await;
        // Operate is not ready as long as its own search stands still: that is said, and done once it goes on.
        let finish = match finish {
            Finish::Stopped { words, .. } => {
                assert!(words.contains("is not ready"), "{context}: {words}");
                world.resume_kept(&kept).await.0
            }
            finish => finish,
        };
        assert!(
            matches!(finish, Finish::TurnedBack { .. }),
            "{context}: {finish:#?}"
        );
        world.assert_one_region(LOST, &context).await;
        // And from there it goes well, once what had piled up is exported and compacted.
        world.lab.with(|world| world.set_load(1.0));
        world.clock.sleep(Duration::from_secs(900)).await;
        world.lab.rebuild_bare(there());
        world.clock.sleep(Duration::from_secs(20)).await;
        let (finish, run, _) = fail_back(&mut world).await;
        assert_well_ended(&world, &finish, &run, &context).await;
    }
}
