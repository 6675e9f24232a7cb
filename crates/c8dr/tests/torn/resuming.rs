//! A run whose process dies in the middle of any line is resumed from its file, comes to the same end, and forces once.

use std::path::Path;
use std::time::Duration;

use c8dr_domain::ids::{RegionId, RunId};
use c8dr_domain::plan::Plan;
use c8dr_engine::drive::{DriveError, Driver, Finish};
use c8dr_engine::events::Told;
use c8dr_engine::journal::{FileJournal, JournalError};

use super::{Tear, Tearing, home};
use crate::world::World;

const REGIONS: [RegionId; 2] = [RegionId(0), RegionId(1)];

/// How often somebody resumes what has stopped.
const RESUMES_MAX: usize = 3;

/// What became of a run whose process died.
#[derive(Debug, PartialEq, Eq)]
enum Became {
    /// It has fewer records than that: nobody died.
    Unhurt,
    /// Its plan was not durable, so it never was.
    Unborn,
    /// It was resumed, and is verified.
    Verified,
}

/// Carries a plan out, dies while record `record` is written, and goes on from what is on the disk.
async fn dies(world: &mut World, plan: Plan, home: &Path, record: usize, tear: Tear) -> Became {
    let context = format!("{tear:?} of record {record}");
    let beginning = world.beginning(plan);
    let run = beginning.run.clone();
    let directory = home.join(run.as_str());
    let told = |_: &Told| {};
    let journal = Box::new(Tearing::create(&directory, &run, record, tear));
    let history = world.history.clone();
    let began = Driver::begin(world.gear(&told), journal, beginning, history);
    let died = match began {
        Ok(mut driver) => driver.drive().await.err(),
        Err(error) => Some(error),
    };
    match died {
        None => return Became::Unhurt,
        Some(DriveError::Journal(_)) => {}
        Some(other) => panic!("{context}: {other}"),
    }
    world.clock.sleep(Duration::from_millis(700)).await;
    if record == 1 && !tear.is_whole() {
        let opened = FileJournal::reopen(&directory);
        assert!(
            matches!(opened, Err(JournalError::Empty { .. })),
            "{context}: {opened:?}"
        );
        let arrived = world.plot.lock().unwrap().arrived.len();
        assert_eq!(arrived, 0, "{context}: sent before the plan was durable");
        return Became::Unborn;
    }
    go_on(world, &run, &directory, record, tear, &context).await
}

/// Resumes, as a person does, until it is verified.
async fn go_on(
    world: &World,
    run: &RunId,
    directory: &Path,
    record: usize,
    tear: Tear,
    context: &str,
) -> Became {
    let told = |_: &Told| {};
    for resumed in 0..RESUMES_MAX {
        let (journal, recovered) = FileJournal::reopen(directory).unwrap();
        if resumed == 0 {
            let durable = record - usize::from(!tear.is_whole());
            assert_eq!(recovered.events.len(), durable, "{context}");
            let is_torn = !matches!(tear, Tear::Nothing | Tear::Whole);
            assert_eq!(!recovered.torn.is_empty(), is_torn, "{context}");
        }
        if recovered.run.has_ended() {
            assert_eq!(recovered.run.word(), "verified", "{context}");
            return Became::Verified;
        }
        let gear = world.gear(&told);
        let mut driver = Driver::resume(gear, Box::new(journal), recovered.run, "test".to_owned()).unwrap();
        match driver.drive().await.unwrap() {
            Finish::Verified { .. } => {
                let run_told = driver.run().clone();
                drop(driver);
                let read = FileJournal::read(directory).unwrap();
                assert!(read.torn.is_empty(), "{context}");
                assert_eq!(read.run, run_told, "{context}: the file tells the same");
                assert_eq!(read.run.id, *run, "{context}");
                return Became::Verified;
            }
            Finish::Stopped { words, .. } => {
                assert!(!words.is_empty(), "{context}");
                world.clock.sleep(Duration::from_secs(20)).await;
            }
            turned => panic!("{context}: {turned:?}"),
        }
    }
    panic!("{context}: stopped {RESUMES_MAX} times")
}

#[tokio::test(start_paused = true)]
async fn a_failover_that_dies_in_any_line_is_resumed_and_forces_once() {
    let home = home();
    for (number, tear) in Tear::ALL.into_iter().enumerate() {
        for record in 1.. {
            let lost = REGIONS[(number + record) % 2];
            let context = format!("region {lost}: {tear:?} of record {record}");
            let mut world = World::new(4, 4, 71);
            world.loss_proven(lost).await;
            let plan = world.plan(lost).unwrap();
            let home = home.path().join(format!("{tear:?}-{record}"));
            std::fs::create_dir(&home).unwrap();
            match dies(&mut world, plan, &home, record, tear).await {
                Became::Unborn => continue,
                Became::Unhurt => {
                    assert!(record > 12, "{context}: only {record} records");
                    break;
                }
                Became::Verified => {
                    assert_eq!(world.forces(), 1, "{context}");
                    world.assert_failed_over(lost);
                }
            }
        }
    }
}

/// The tears take turns: another one for each record.
#[tokio::test(start_paused = true)]
async fn a_failback_that_dies_in_any_line_is_resumed_and_loses_nothing() {
    let home = home();
    for record in 1.. {
        let lost = REGIONS[record % 2];
        let tear = Tear::ALL[record % Tear::ALL.len()];
        let context = format!("region {lost}: {tear:?} of record {record}");
        let mut world = World::new(4, 4, 72).with_memory();
        world.one_region(lost).await;
        let plan = world.plan_back(lost).await;
        let home = home.path().join(format!("{record}"));
        std::fs::create_dir(&home).unwrap();
        match dies(&mut world, plan, &home, record, tear).await {
            Became::Unborn => continue,
            Became::Unhurt => {
                assert!(record > 60, "{context}: only {record} records");
                break;
            }
            Became::Verified => {
                assert_eq!(world.forces(), 0, "{context}: a failback forces nothing");
                let audit = world.reckoned().await;
                world.assert_whole(&audit, &context);
            }
        }
    }
}
