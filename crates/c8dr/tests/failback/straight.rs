//! Nothing goes wrong: loss, failover, failback, for both regions, three sizes and two rates, under load all the time.

use c8dr_domain::diagnose::Code;
use c8dr_lab::WorldConfig;

use super::{REGIONS, assert_certified, assert_verified};
use crate::world::{Mortal, World};

const SIZES: [(u32, u32); 3] = [(4, 4), (8, 8), (12, 24)];
/// Process instances per second: a walk, and as fast as in the recordings.
const RATES: [f64; 2] = [4.0, 45.0];

#[tokio::test(start_paused = true)]
async fn every_size_goes_there_and_back_under_load() {
    for (brokers, partitions) in SIZES {
        for creates_per_second in RATES {
            for lost in REGIONS {
                // The lab's work for the largest and fastest is most of this test's time: once is enough.
                if brokers == 12 && creates_per_second > 4.0 && lost == REGIONS[0] {
                    continue;
                }
                let context = format!("{brokers}/{partitions}, region {lost}, {creates_per_second}/s");
                let mut world = World::of(WorldConfig {
                    brokers,
                    partitions,
                    seed: 51,
                    creates_per_second,
                    ..WorldConfig::default()
                })
                .with_memory();
                world.one_region(lost).await;
                let (finish, run) = world.fail_back(lost).await;
                assert_verified(&finish, &context);
                assert_certified(&run, &context);
                assert_eq!(run.facts.take, 1, "{context}: nothing had to be taken again");
                assert_eq!(world.forces(), 0, "{context}: a failback forces nothing");
                let audit = world.reckoned().await;
                world.assert_whole(&audit, &context);
                assert_eq!(world.look().await.code, Code::Healthy, "{context}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_failback_owes_nothing_and_sends_nothing() {
    for lost in REGIONS {
        let mut world = World::new(4, 4, 52).with_memory();
        world.one_region(lost).await;
        let (finish, _) = world.fail_back(lost).await;
        assert_verified(&finish, "the first");
        let sent = world.plot.lock().unwrap().arrived.len();
        let plan = world.plan_back(lost).await;
        let (finish, run) = world.carry_out(plan, Mortal::default()).await.unwrap();
        assert_verified(&finish, "the second");
        assert!(
            run.steps.values().all(|step| step.attempts.is_empty()),
            "nothing is sent"
        );
        assert_eq!(world.plot.lock().unwrap().arrived.len(), sent);
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_can_be_lost_again_after_its_failback_and_the_other_one_too() {
    let mut world = World::new(4, 4, 53).with_memory();
    for lost in [REGIONS[1], REGIONS[0], REGIONS[0]] {
        world.history = Default::default();
        world.one_region(lost).await;
        let (finish, _) = world.fail_back(lost).await;
        assert_verified(&finish, "a round");
    }
    let audit = world.reckoned().await;
    world.assert_whole(&audit, "after three rounds");
}

#[tokio::test(start_paused = true)]
async fn the_bucket_may_be_the_labs_own() {
    let mut world = World::new(4, 4, 54).with_bucket();
    world.one_region(REGIONS[1]).await;
    let (finish, run) = world.fail_back(REGIONS[1]).await;
    assert_verified(&finish, "through S3");
    assert_certified(&run, "through S3");
}
