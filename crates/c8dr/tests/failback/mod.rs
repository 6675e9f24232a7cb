//! A room for each kind of trouble.

mod copy;
mod copy_faults;
mod deaths;
mod joining;
mod laws;
mod machines;
mod pace;
mod planted;
mod reinforced;
mod straight;
mod vector;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::StepId;
use c8dr_domain::run::{Event, Run, Stop};
use c8dr_engine::drive::Finish;
use c8dr_engine::events::Told;
use c8dr_lab::Lab;
use futures_util::future::BoxFuture;

use crate::world::journal::Kept;
use crate::world::wire::{Side, somebody};
use crate::world::{World, back};

const REGIONS: [RegionId; 2] = [RegionId(0), RegionId(1)];

/// The region that is lost where it does not matter which.
const LOST: RegionId = RegionId(1);

#[track_caller]
fn assert_verified(finish: &Finish, context: &str) {
    assert!(
        matches!(finish, Finish::Verified { .. }),
        "{context}: {finish:#?}"
    );
}

/// The words with which a run stopped.
#[track_caller]
fn stopped(finish: &Finish, wanted: Stop, says: &str) -> String {
    let Finish::Stopped { stop, words, .. } = finish else {
        panic!("not stopped: {finish:#?}")
    };
    assert_eq!(*stop, wanted, "{words}");
    assert!(words.contains(says), "{says:?} is not in {words:?}");
    words.clone()
}

/// The facts of a certificate: where both searches were proven to be the same, and by what.
#[track_caller]
fn assert_certified(run: &Run, context: &str) {
    let facts = &run.facts;
    let partitions: Vec<_> = run.plan.installation.partitions().collect();
    assert_eq!(facts.positions.len(), partitions.len(), "{context}: V is whole");
    let snapshot = facts.snapshot.as_ref().expect(context);
    assert!(
        snapshot.uuid.is_some(),
        "{context}: the snapshot is known by its uuid"
    );
    assert!(!snapshot.indices.is_empty(), "{context}");
    assert_eq!(
        snapshot.indices,
        snapshot.documents.keys().cloned().collect(),
        "{context}"
    );
    assert_eq!(
        facts.restored, snapshot.indices,
        "{context}: exactly what was in it"
    );
    assert_eq!(facts.clusters.len(), 2, "{context}: both searches are known");
    let compared = facts.compared.as_ref().expect(context);
    for partition in partitions {
        assert!(
            compared.up_to.get(&partition) >= facts.positions.get(&partition),
            "{context}: compared up to V at least"
        );
    }
    let held: Vec<_> = compared.held.values().collect();
    assert_eq!(held.len(), 2, "{context}");
    assert_eq!(held[0], held[1], "{context}: both searches hold the same");
    assert!(
        held[0].values().any(|held| held.count > 0),
        "{context}: and not nothing"
    );
}

/// One region serves; the other is bare, and a failback of it can begin.
async fn one_region(seed: u64) -> World {
    let mut world = World::new(4, 4, seed).with_memory();
    world.one_region(LOST).await;
    world
}

/// Fails back, unwatched.
async fn fail_back(world: &mut World) -> (Finish, Run, Kept) {
    world.fail_back_told(LOST, &|_: &Told| {}).await
}

/// Asserts that a failback came to its end, and that nothing is missing anywhere.
async fn assert_well_ended(world: &World, finish: &Finish, run: &Run, context: &str) {
    assert_verified(finish, context);
    assert_certified(run, context);
    let audit = world.reckoned().await;
    world.assert_whole(&audit, context);
}

/// Does something once, when the run comes to an event.
fn once(
    when: impl Fn(&Event) -> bool + Send + Sync,
    act: impl FnOnce() + Send,
) -> impl Fn(&Told) + Send + Sync {
    let act = Mutex::new(Some(act));
    move |told: &Told| {
        if let Told::Event { event, .. } = told
            && when(event)
            && let Some(act) = act.lock().unwrap().take()
        {
            act();
        }
    }
}

fn begins(step: StepId) -> impl Fn(&Event) -> bool + Send + Sync {
    move |event| matches!(event, Event::StepBegan { step: begun } if *begun == step)
}

fn ends(step: StepId) -> impl Fn(&Event) -> bool + Send + Sync {
    move |event| matches!(event, Event::StepEnded { step: ended, .. } if *ended == step)
}

/// Holds the first request up that contains `part`, while somebody does something to the lab.
fn meanwhile<F>(world: &World, part: &str, side: Side, act: impl FnOnce(Lab) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let lab = world.lab.clone();
    let interlude: Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send> = Box::new(move || Box::pin(act(lab)));
    world.plot.lock().unwrap().hold_up(part, side, interlude);
}

/// Somebody resumes exporting and, when a little was exported, pauses it again and waits until all is quiet: afterwards
/// nothing shows it but V.
async fn resumed_and_paused_again(lab: Lab) {
    assert_eq!(
        somebody(&lab, 0, "POST", "/actuator/exporting/resume", "").await,
        200
    );
    lab.clock().sleep(Duration::from_secs(3)).await;
    assert_eq!(
        somebody(&lab, 0, "POST", "/actuator/exporting/pause", "").await,
        200
    );
    lab.clock().sleep(Duration::from_secs(4)).await;
}

/// The lines that arrived, with their targets.
fn lines(world: &World) -> Vec<String> {
    let plot = world.plot.lock().unwrap();
    plot.arrived
        .iter()
        .map(|one| format!("{} {}", one.to, one.line))
        .collect()
}

/// The names of the snapshots that were taken. One may be asked for twice while the one before it still runs.
fn snapshots(world: &World) -> BTreeSet<String> {
    lines(world)
        .iter()
        .filter_map(|line| line.split_once("PUT /_snapshot/camunda_backup/"))
        .map(|(_, rest)| rest.split('?').next().unwrap().to_owned())
        .collect()
}

/// The returning region, as the lab calls it.
fn there() -> c8dr_lab::Region {
    back::region(LOST)
}

/// The surviving one.
fn here() -> c8dr_lab::Region {
    back::region(LOST.other())
}
