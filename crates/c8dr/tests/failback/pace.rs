//! Zeebe's part of a failback takes no longer than tight polling of the real thing needed. `spec: baseline.md`

use std::time::Duration;

use c8dr_domain::plan::StepId;
use c8dr_domain::run::Run;

use super::{REGIONS, assert_verified};
use crate::world::World;

/// How long a step took, in seconds.
fn seconds(run: &Run, step: StepId) -> f64 {
    let record = &run.steps[&step];
    let ended = record.ended.as_ref().unwrap().0;
    ended.duration_since(record.began.unwrap()).as_secs_f64()
}

/// The limit is 20.9 s in the median: pause, enable, resume, add, until every replica is listed.
#[tokio::test(start_paused = true)]
async fn zeebes_part_of_a_failback_takes_no_longer_than_zeebe() {
    let steps = [StepId::Fb2b, StepId::Fb5, StepId::Fb6, StepId::Fb7];
    let mut took: Vec<Vec<f64>> = Vec::new();
    let mut whole = Vec::new();
    for seed in 0..20 {
        let lost = REGIONS[seed as usize % 2];
        let mut world = World::new(8, 8, 200 + seed).with_memory();
        world.one_region(lost).await;
        let began = world.clock.now();
        let (finish, run) = world.fail_back(lost).await;
        assert_verified(&finish, &format!("seed {seed}"));
        whole.push(world.clock.now().since(began));
        took.push(steps.iter().map(|step| seconds(&run, *step)).collect());
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let each: Vec<f64> = (0..steps.len())
        .map(|step| median(took.iter().map(|run| run[step]).collect()))
        .collect();
    let all = median(took.iter().map(|run| run.iter().sum()).collect());
    let whole = median(whole.iter().map(Duration::as_secs_f64).collect());
    println!(
        "medians of 20: pause until drained {:.2} s, enable {:.2} s, resume {:.2} s, add until listed {:.2} s, together \
         {all:.2} s; the whole failback with platform, snapshot and proof {whole:.2} s",
        each[0], each[1], each[2], each[3]
    );
    assert!(all <= 20.9 * 1.1, "{all:.2} s in the median");
}
