//! What c8dr itself costs: a whole failover, a whole failback, one look with its diagnosis, a decision. `cargo bench -p c8dr`.
//!
//! How it is made sure that only our own time is counted: the lab answers without any delay (`Timings::zero`), requests go
//! through the adapters' upper seam without sockets, and tokio's time is paused, so that every pause, ours or the lab's,
//! passes at once. What is left on the wall is work: asking, parsing, judging, planning, checking, writing the journal. The
//! lab's own work is in it, too, as it answers in the same thread, so the figures are upper bounds; `the_lab_alone` tells
//! its share. Our own *pauses*, which cost an operator time but no work, are told before the table, in virtual time. Not in
//! it: the network, and printing.

#![expect(clippy::expect_used, reason = "a bench fails by panicking")]

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Body;
use c8dr_domain::check::check;
use c8dr_domain::diagnose::{Code, diagnose};
use c8dr_domain::history::History;
use c8dr_domain::ids::{RegionId, RunId};
use c8dr_domain::plan::{Plan, StepId};
use c8dr_domain::run::Event;
use c8dr_engine::drive::{Beginning, Driver, Finish};
use c8dr_engine::events::Told;
use c8dr_engine::journal::{Journal, Store};
use c8dr_engine::observe::{Look, observe};
use c8dr_lab::Timings;
use divan::{Bencher, black_box};
use http_body_util::BodyExt;
use tokio::runtime::Runtime;
use tower::ServiceExt;

#[expect(dead_code, reason = "the tests of the failover need more of it")]
#[path = "../tests/world/mod.rs"]
mod world;

use world::{Mortal, World, dawn};

/// The document's shape, and a big one: brokers, partitions.
const SIZES: [(u32, u32); 2] = [(8, 8), (12, 24)];

/// Region 1 is lost; region 0 has the coordinator and lives.
const LOST: RegionId = RegionId(1);

fn main() {
    for size in SIZES {
        tell_pauses(size);
    }
    divan::main();
}

/// A thread of our own with paused time.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// A healthy lab without delays, and what it runs on.
fn healthy(size: (u32, u32)) -> (Runtime, World) {
    let runtime = runtime();
    let world = runtime.block_on(async { World::timed(size.0, size.1, 7, Timings::zero()) });
    (runtime, world)
}

/// The same after the loss of a region is proven.
fn lost(size: (u32, u32)) -> (Runtime, World) {
    let (runtime, mut world) = healthy(size);
    runtime.block_on(world.loss_proven(LOST));
    (runtime, world)
}

fn planned(world: &World) -> Plan {
    let plan = world.plan(LOST).expect("a lost region can be failed over");
    assert_eq!(check(&plan, world.history.latest()), vec![]);
    plan
}

/// Plans, checks and carries out a failover; returns how many looks it took.
async fn fail_over(world: &World, journal: Box<dyn Journal>) -> u32 {
    let looks = AtomicU32::new(0);
    let listener = |told: &Told| {
        if matches!(told, Told::Observed(_)) {
            looks.fetch_add(1, Ordering::Relaxed);
        }
    };
    let gear = world.gear(&listener);
    let beginning = Beginning {
        run: RunId::new("bench"),
        plan: planned(world),
        by: "bench".to_owned(),
        reason: None,
    };
    let mut driver = Driver::begin(gear, journal, beginning, world.history.clone()).expect("a journal");
    let finish = driver.drive().await.expect("no trouble of our own");
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    looks.load(Ordering::Relaxed)
}

/// The same after the failover: one region serves, the other is bare, and a failback's plan can be made.
fn bare(size: (u32, u32)) -> (Runtime, World) {
    let runtime = runtime();
    let world = runtime.block_on(async {
        let mut world = World::timed(size.0, size.1, 7, Timings::zero()).with_memory();
        world.one_region(LOST).await;
        world.look_back().await;
        world
    });
    (runtime, world)
}

/// Looks, plans, checks and carries a failback out, with its journal in memory and shared with a bucket in memory.
async fn fail_back(world: &mut World) -> u32 {
    let looks = AtomicU32::new(0);
    let listener = |told: &Told| {
        if matches!(told, Told::Observed(_)) {
            looks.fetch_add(1, Ordering::Relaxed);
        }
    };
    let (finish, _, _) = world.fail_back_told(LOST, &listener).await;
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    looks.load(Ordering::Relaxed)
}

/// How long c8dr itself lets an operator wait where the cluster does not: pauses between looks, readings in a row.
#[expect(clippy::print_stdout, reason = "a bench tells its figures")]
fn tell_pauses(size: (u32, u32)) {
    let (runtime, mut world) = healthy(size);
    runtime.block_on(async {
        let (killed, proven) = world.loss_proven(LOST).await;
        let (decided, journal) = (world.clock.now(), Mortal::default());
        let records = journal.kept.clone();
        let looks = fail_over(&world, Box::new(journal)).await;
        println!(
            "{size:?} without any delay of the cluster: proven lost after {:.2} s, failed over after {:.2} s more, in \
             {looks} looks and {} records of the journal (virtual time)",
            proven.since(killed).as_secs_f64(),
            world.clock.now().since(decided).as_secs_f64(),
            records.lock().expect("not poisoned").len(),
        );
    });
    let (runtime, mut world) = bare(size);
    runtime.block_on(async {
        let began = world.clock.now();
        let looks = fail_back(&mut world).await;
        println!(
            "{size:?} without any delay of the cluster: failed back after {:.2} s, in {looks} looks (virtual time)",
            world.clock.now().since(began).as_secs_f64(),
        );
    });
}

/// From a bare region to the verified failback: fifteen steps, the records of both searches compared.
mod failback {
    use super::*;

    #[divan::bench(args = SIZES, sample_count = 20, sample_size = 1)]
    fn whole_failback(bencher: Bencher, size: (u32, u32)) {
        bencher
            .with_inputs(|| bare(size))
            .bench_local_values(|(runtime, mut world)| {
                runtime.block_on(fail_back(&mut world));
                (runtime, world)
            });
    }

    /// A look that takes in everything: both regions' brokers, searches and platforms.
    #[divan::bench(args = SIZES)]
    fn one_look_at_everything(bencher: Bencher, size: (u32, u32)) {
        let (runtime, mut world) = bare(size);
        bencher.bench_local(|| runtime.block_on(world.look_back()));
    }

    /// The lab's own work for the requests that cost it most: enable and add change the configuration once per replica,
    /// and every broker hears of each. What is left of `whole_failback` beside it is ours, and the lab's share of each look.
    #[divan::bench(args = SIZES, sample_count = 20, sample_size = 1)]
    fn the_lab_alone(bencher: Bencher, size: (u32, u32)) {
        let all: Vec<String> = (0..size.0).map(|broker| format!("\"{broker}\"")).collect();
        let all = format!("[{}]", all.join(","));
        let installed = || {
            let (runtime, world) = bare(size);
            runtime.block_on(async {
                let region = world.lab.region("region1").expect("a region");
                let installed = world.lab.with(|lab| lab.upgrade_or_install(region, false));
                installed.expect("an installation");
                world.clock.sleep(Duration::from_secs(5)).await;
            });
            (runtime, world)
        };
        bencher
            .with_inputs(installed)
            .bench_local_values(|(runtime, world)| {
                runtime.block_on(async {
                    let post = async |path, body: &str| {
                        let status = world.somebody(0, "POST", path, body).await;
                        assert!(status == 200 || status == 202, "{path}: {status}");
                        world.clock.sleep(Duration::from_secs(1)).await;
                    };
                    post("/actuator/exporting/pause", "").await;
                    let enable = "/actuator/exporters/elasticsearchregion1/enable";
                    post(enable, r#"{"initializeFrom":"elasticsearchregion0"}"#).await;
                    post("/actuator/exporting/resume", "").await;
                    post("/actuator/cluster/brokers?replicationFactor=4", &all).await;
                });
                (runtime, world)
            });
    }
}

/// From the proven loss to the verified failover.
mod failover {
    use super::*;

    #[divan::bench(args = SIZES, sample_count = 40, sample_size = 1)]
    fn journal_in_memory(bencher: Bencher, size: (u32, u32)) {
        bencher
            .with_inputs(|| lost(size))
            .bench_local_values(|(runtime, world)| {
                runtime.block_on(fail_over(&world, Box::new(Mortal::default())));
                (runtime, world)
            });
    }

    #[divan::bench(args = SIZES, sample_count = 40, sample_size = 1)]
    fn journal_on_disk(bencher: Bencher, size: (u32, u32)) {
        bencher
            .with_inputs(|| (lost(size), home()))
            .bench_local_values(|((runtime, world), home)| {
                let journal = Store::at(home.path())
                    .create(&RunId::new("bench"))
                    .expect("a journal");
                runtime.block_on(fail_over(&world, Box::new(journal)));
                (runtime, world, home)
            });
    }

    /// The lab's own work for the same: the force, the disable and the seconds in which it takes effect. What is left of
    /// `journal_in_memory` beside it, and beside the lab's share of each look, is ours.
    #[divan::bench(args = SIZES, sample_count = 40, sample_size = 1)]
    fn the_lab_alone(bencher: Bencher, size: (u32, u32)) {
        let kept: Vec<String> = (0..size.0)
            .step_by(2)
            .map(|broker| format!("\"{broker}\""))
            .collect();
        let kept = format!("[{}]", kept.join(","));
        bencher
            .with_inputs(|| lost(size))
            .bench_local_values(|(runtime, world)| {
                runtime.block_on(async {
                    let post = async |path, body: &str| {
                        assert_eq!(world.somebody(0, "POST", path, body).await, 202);
                        world.clock.sleep(Duration::from_secs(1)).await;
                    };
                    post("/actuator/cluster/brokers?force=true", &kept).await;
                    post("/actuator/exporters/elasticsearchregion1/disable", "").await;
                });
                (runtime, world)
            });
    }

    /// What a failover does most often.
    #[divan::bench(args = SIZES)]
    fn one_look_at_the_survivors(bencher: Bencher, size: (u32, u32)) {
        let (runtime, world) = lost(size);
        let survivors = Look::Side { region: LOST.other() };
        bencher.bench_local(|| runtime.block_on(observe(&world.cluster, &world.clock, survivors)));
    }

    /// What a failover waits for most: a short record that is durable when this returns.
    #[divan::bench(sample_count = 40, sample_size = 1)]
    fn one_record_on_disk(bencher: Bencher) {
        let home = home();
        let mut journal = Store::at(home.path())
            .create(&RunId::new("bench"))
            .expect("a journal");
        let event = Event::StepBegan { step: StepId::Fo1 };
        bencher.bench_local(|| journal.append(dawn(), &event).expect("a record"));
    }

    /// Beside the target's other files, as a temporary directory may live in memory, where a sync costs nothing.
    fn home() -> tempfile::TempDir {
        tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a directory")
    }
}

/// `c8dr status`, but for the printing.
mod status {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn look_and_diagnosis(bencher: Bencher, size: (u32, u32)) {
        let (runtime, world) = healthy(size);
        bencher.bench_local(|| {
            let reading = runtime.block_on(observe(&world.cluster, &world.clock, Look::Everything));
            let history = History::from_iter([reading]);
            let diagnosis = diagnose(&world.installation, &history);
            assert_eq!(diagnosis.code, Code::Healthy);
            diagnosis
        });
    }

    /// The same questions, answered to nobody.
    #[divan::bench(args = SIZES)]
    fn the_lab_alone(bencher: Bencher, size: (u32, u32)) {
        let (runtime, world) = healthy(size);
        bencher.bench_local(|| {
            runtime.block_on(async {
                for broker in 0..size.0 {
                    for path in [
                        "/v2/topology",
                        "/actuator/cluster",
                        "/actuator/exporters",
                        "/actuator/health/readiness",
                        "/actuator/partitions",
                    ] {
                        black_box(ask(&world, broker, path).await);
                    }
                }
            });
        });
    }

    async fn ask(world: &World, broker: u32, path: &str) -> bytes::Bytes {
        let broker = world.lab.broker(broker).expect("a broker");
        let port = if path.starts_with("/v2") {
            world.lab.rest(broker)
        } else {
            world.lab.management(broker)
        };
        let request = http::Request::get(path).body(Body::empty()).expect("a request");
        let response = port.oneshot(request).await.expect("an answer");
        response.into_body().collect().await.expect("a body").to_bytes()
    }
}

/// The decision alone, on readings that are there: pure.
mod decision {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn diagnosis_plan_and_check(bencher: Bencher, size: (u32, u32)) {
        let (_runtime, world) = lost(size);
        bencher.bench_local(|| {
            let diagnosis = diagnose(black_box(&world.installation), black_box(&world.history));
            assert_eq!(diagnosis.code, Code::RegionLost);
            (diagnosis, planned(&world))
        });
    }

    #[divan::bench(args = SIZES)]
    fn diagnosis(bencher: Bencher, size: (u32, u32)) {
        let (_runtime, world) = lost(size);
        bencher.bench_local(|| diagnose(black_box(&world.installation), black_box(&world.history)));
    }

    #[divan::bench(args = SIZES)]
    fn check_of_a_plan(bencher: Bencher, size: (u32, u32)) {
        let (_runtime, world) = lost(size);
        let plan = planned(&world);
        bencher.bench_local(|| check(black_box(&plan), world.history.latest()));
    }
}
