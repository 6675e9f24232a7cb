//! A region that dies during a failback, at every step; giving up at every step; disks that would not last.

use std::time::Duration;

use c8dr_domain::plan::StepId;
use c8dr_domain::plan::failover;
use c8dr_domain::run::{Event, Stop};
use c8dr_engine::drive::{Canceller, Driver, Finish};
use c8dr_engine::events::Told;
use c8dr_lab::{Data, Disk, Lab, WorldConfig};

use super::{LOST, assert_verified, assert_well_ended, meanwhile, once, one_region, stopped, there};
use crate::world::journal::Kept;
use crate::world::wire::Side;
use crate::world::{Mortal, World};

/// How long somebody lets a run wait before giving it up.
const PATIENCE: Duration = Duration::from_secs(120);

/// The requests of a failback, in order, by what is told apart of them.
const REQUESTS: [(&str, &str); 12] = [
    ("FB1", "platform-1 Install"),
    ("FB2a", "platform-0 WebappsDown"),
    ("FB2b", "/actuator/exporting/pause"),
    ("FB3a", "search-0 PUT /_snapshot/camunda_backup"),
    ("FB3b", "search-0 PUT /_snapshot/camunda_backup/"),
    ("FB3c", "search-1 PUT /_snapshot/camunda_backup"),
    ("FB3e", "/_restore"),
    ("FB4a", "platform-0 WebappsUp"),
    ("FB4b", "platform-1 WebappsUp"),
    ("FB5", "/elasticsearchregion1/enable"),
    ("FB6", "/actuator/exporting/resume"),
    ("FB7", "/actuator/cluster/brokers?replicationFactor"),
];

/// Drives a failback for as long as somebody has patience. Whatever it says by then, its journal is what counts.
async fn with_patience(world: &mut World, patience: Duration) -> (Option<Finish>, Kept) {
    let plan = world.plan_back(LOST).await;
    let journal = Mortal::default();
    let kept = journal.kept.clone();
    let clock = world.clock.clone();
    let driven = clock.timeout(patience, world.carry_out(plan, journal)).await;
    (driven.ok().map(|driven| driven.unwrap().0), kept)
}

/// Dead in the middle; back to one region; bare again; and a second failback ends verified.
async fn dies(world: &mut World, patience: Duration, context: &str) {
    let (finish, kept) = with_patience(world, patience).await;
    if let Some(Finish::Stopped { words, .. }) = &finish {
        assert!(words.len() > 20, "{context}: {words}");
    }
    if matches!(finish, Some(Finish::Verified { .. })) {
        panic!("{context}: verified, though the region is dead");
    }
    // Until its brokers are known to be silent, taking them out again is refused.
    world.clock.sleep(Duration::from_secs(30)).await;
    let (finish, _) = world.abort(&kept).await;
    assert!(
        matches!(finish, Finish::TurnedBack { .. }),
        "{context}: {finish:#?}"
    );
    world.clock.sleep(Duration::from_secs(2)).await;
    world.assert_one_region(LOST, context).await;
    assert_eq!(world.lab.audit().missing, Vec::<i64>::new(), "{context}");
    world.lab.rebuild_bare(there());
    let (finish, run, _) = super::fail_back(world).await;
    assert_well_ended(world, &finish, &run, context).await;
}

fn kill(lab: &Lab) {
    lab.lose_region(there());
}

#[tokio::test(start_paused = true)]
async fn the_returning_region_dies_before_any_request_and_a_second_failback_ends_verified() {
    // Before FB1 there is nothing that could die.
    for (step, request) in REQUESTS.into_iter().skip(1) {
        let mut world = one_region(101).await;
        meanwhile(&world, request, Side::Before, async |lab| kill(&lab));
        dies(
            &mut world,
            PATIENCE,
            &format!("dead before the request of {step}"),
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_returning_region_dies_after_any_request_and_a_second_failback_ends_verified() {
    for (step, request) in REQUESTS {
        let mut world = one_region(102).await;
        meanwhile(&world, request, Side::After, async |lab| {
            lab.clock().sleep(Duration::from_millis(300)).await;
            kill(&lab);
        });
        dies(&mut world, PATIENCE, &format!("dead after the request of {step}")).await;
    }
}

/// E4: partitions that were joined already lose their leader.
#[tokio::test(start_paused = true)]
async fn the_returning_region_dies_while_it_joins_and_a_second_failback_ends_verified() {
    for after_ms in [800, 1600, 2500, 4000] {
        let mut world = one_region(103).await;
        meanwhile(&world, "?replicationFactor", Side::After, async move |lab| {
            let clock = lab.clock().clone();
            tokio::spawn(async move {
                clock.sleep(Duration::from_millis(after_ms)).await;
                kill(&lab);
            });
        });
        dies(&mut world, PATIENCE, &format!("dead {after_ms} ms after the add")).await;
    }
}

/// Before it is verified the returning region is no place to go: the direction record knows.
#[tokio::test(start_paused = true)]
async fn the_survivors_die_before_it_is_verified_and_only_a_named_loss_goes_on() {
    let mut world = one_region(104).await;
    meanwhile(&world, "?replicationFactor", Side::After, async |lab| {
        let clock = lab.clock().clone();
        tokio::spawn(async move {
            // All have joined, and nothing is verified yet: some replicas are listed later.
            while lab.status().pending_change.is_some() {
                clock.sleep(Duration::from_millis(20)).await;
            }
            lab.lose_region(super::here());
        });
    });
    let (finish, _) = with_patience(&mut world, PATIENCE).await;
    assert!(!matches!(finish, Some(Finish::Verified { .. })), "{finish:?}");
    world.history = Default::default();
    let survivors = LOST.other();
    let mut refused = None;
    for _ in 0..40 {
        world.look().await;
        world.clock.sleep(Duration::from_millis(500)).await;
    }
    match world.plan(survivors) {
        Err(refusal) => refused = Some(refusal.summary),
        Ok(plan) => {
            let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
            let words = stopped(&finish, Stop::Refused, "direction record");
            assert!(words.contains("--accept-data-loss"), "{words}");
        }
    }
    assert_eq!(refused, None, "it is the record that refuses");
    assert_eq!(world.forces(), 0);
    let request = failover::Request {
        accept_data_loss: Some("the survivors are gone".to_owned()),
        ..failover::Request::new(survivors)
    };
    world.look().await;
    let plan = failover::plan(&world.installation, &world.history, &request, world.clock.wall()).unwrap();
    let (finish, _) = world.carry_out(plan, Mortal::default()).await.unwrap();
    assert_verified(&finish, "with a named loss");
    assert_eq!(world.forces(), 1);
}

/// Stops at a step's beginning, as somebody does by Ctrl-C, and gives up.
async fn given_up_at(step: StepId) -> bool {
    let context = format!("given up at {step}");
    let mut world = one_region(105).await;
    let plan = world.plan_back(LOST).await;
    let journal = Mortal::default();
    let kept = journal.kept.clone();
    let canceller = Canceller::default();
    let asks = canceller.clone();
    let listener = once(
        move |event: &Event| matches!(event, Event::Answered { step: sent, .. } if *sent == step),
        move || asks.cancel(),
    );
    let beginning = world.beginning(plan);
    let finish = {
        let mut gear = world.gear(&listener);
        gear.canceller = canceller;
        let mut driver = Driver::begin(gear, Box::new(journal), beginning, world.history.clone()).unwrap();
        driver.drive().await.unwrap()
    };
    if matches!(finish, Finish::Verified { .. }) {
        return false;
    }
    stopped(&finish, Stop::Interrupted, "Stopped as asked");
    let (finish, _) = world.abort(&kept).await;
    assert!(
        matches!(finish, Finish::TurnedBack { .. }),
        "{context}: {finish:#?}"
    );
    world.assert_one_region(LOST, &context).await;
    let pods = world.lab.with(|world| world.pods(super::here()));
    assert!(
        pods.iter()
            .any(|pod| pod.labels.component == "operate" && pod.ready),
        "{context}: people can work again"
    );
    world.lab.rebuild_bare(there());
    world.clock.sleep(Duration::from_secs(20)).await;
    let (finish, run, _) = super::fail_back(&mut world).await;
    assert_well_ended(&world, &finish, &run, &context).await;
    true
}

#[tokio::test(start_paused = true)]
async fn given_up_at_any_step_nothing_stays_paused_and_a_second_failback_ends_verified() {
    for step in [
        StepId::Fb1,
        StepId::Fb2a,
        StepId::Fb2b,
        StepId::Fb3a,
        StepId::Fb3b,
        StepId::Fb3c,
        StepId::Fb3e,
        StepId::Fb4a,
        StepId::Fb4b,
        StepId::Fb5,
        StepId::Fb6,
    ] {
        assert!(given_up_at(step).await, "{step} sent nothing");
    }
}

/// Once brokers of the returning region are members and answer, taking them out again would be the failover of a region
/// that lives.
#[tokio::test(start_paused = true)]
async fn given_up_while_brokers_join_the_way_is_forward() {
    let mut world = one_region(106).await;
    let plan = world.plan_back(LOST).await;
    let journal = Mortal::default();
    let kept = journal.kept.clone();
    let canceller = Canceller::default();
    let asks = canceller.clone();
    let lab = world.lab.clone();
    let listener = once(
        |event: &Event| {
            matches!(
                event,
                Event::Answered {
                    step: StepId::Fb7,
                    ..
                }
            )
        },
        move || {
            tokio::spawn(async move {
                lab.clock().sleep(Duration::from_secs(2)).await;
                asks.cancel();
            });
        },
    );
    let beginning = world.beginning(plan);
    {
        let mut gear = world.gear(&listener);
        gear.canceller = canceller;
        let mut driver = Driver::begin(gear, Box::new(journal), beginning, world.history.clone()).unwrap();
        stopped(&driver.drive().await.unwrap(), Stop::Interrupted, "");
    }
    let events = kept.lock().unwrap().clone();
    let told = |_: &Told| {};
    let refusal = {
        let mut driver = world.resumed(&events, Mortal::reopened(&kept), &told).unwrap();
        driver
            .turn_round("test".to_owned(), "enough".to_owned())
            .await
            .unwrap()
            .unwrap_err()
    };
    assert_eq!(refusal.code.as_str(), "only-forward");
    let (finish, run) = world.resume_kept(&kept).await;
    assert_well_ended(&world, &finish, &run, "forward").await;
}

/// G9: a pause must not fill the disks. The run turns round by itself, and clients are served all the time.
#[tokio::test(start_paused = true)]
async fn disks_that_would_not_last_turn_the_run_round_by_themselves() {
    let mut world = World::of(WorldConfig {
        seed: 107,
        creates_per_second: 45.0,
        disk: Disk {
            volume_bytes: 400 << 20,
            instance_bytes: 256 << 10,
            processing_free_bytes_min: 40 << 20,
            replication_free_bytes_min: 20 << 20,
        },
        // A snapshot that takes longer than the disks last. Without a pause logs are shortened long before they fill them.
        timings: c8dr_lab::Timings {
            snapshot_period: Duration::from_secs(5),
            snapshot_shard: Duration::from_secs(30),
            ..c8dr_lab::Timings::measured()
        },
        ..WorldConfig::default()
    })
    .with_memory();
    world.one_region(LOST).await;
    let (finish, _, _) = super::fail_back(&mut world).await;
    let Finish::TurnedBack { by_itself, words } = &finish else {
        panic!("{finish:#?}")
    };
    assert!(by_itself, "{words}");
    assert!(words.contains("disk"), "{words}");
    world.assert_one_region(LOST, "disks").await;
    let status = world.lab.status();
    assert!(
        !status.failed_creates.contains_key(&429),
        "{:?}",
        status.failed_creates
    );
}

/// G12: what came back with its old disks, or left volumes behind, has to go first.
#[tokio::test(start_paused = true)]
async fn old_disks_and_left_over_volumes_are_refused() {
    let mut world = World::new(4, 4, 108).with_memory();
    world.one_region(LOST).await;
    world.lab.with(|world| {
        world.install(there(), false).unwrap();
    });
    world.clock.sleep(Duration::from_secs(30)).await;
    world.lab.with(|world| world.uninstall(there())).unwrap();
    world.clock.sleep(Duration::from_secs(30)).await;
    let request = crate::world::back::request(&world, LOST);
    let refusal = world.planned_back(&request).await.unwrap_err();
    assert_eq!(
        refusal.code.as_str(),
        "returned-with-old-disks",
        "left-over volumes: {refusal:?}"
    );

    let mut world = World::new(4, 4, 109).with_memory();
    world.loss_proven(LOST).await;
    let plan = world.plan(LOST).unwrap();
    world.carry_out(plan, Mortal::default()).await.unwrap();
    world.lab.return_region(there(), Data::Old);
    world.clock.sleep(Duration::from_secs(60)).await;
    let refusal = world.planned_back(&request).await.unwrap_err();
    assert_eq!(
        refusal.code.as_str(),
        "returned-with-old-disks",
        "old disks: {refusal:?}"
    );
}
