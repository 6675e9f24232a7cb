//! Snapshot and restore: what they stumble on, and what must never be deleted for them.

use std::time::Duration;

use c8dr_domain::plan::StepId;
use c8dr_domain::run::{Event, Stop};
use c8dr_engine::drive::Finish;
use c8dr_lab::{Blow, SearchFault, StoreState, Timings};

use super::{
    LOST, assert_well_ended, begins, ends, fail_back, here, lines, meanwhile, once, one_region, snapshots,
    stopped, there,
};
use crate::world::World;
use crate::world::back::repository;
use crate::world::wire::{Side, somebody_searching};

const SNAPSHOT: &str = "PUT /_snapshot/camunda_backup/";

/// Lines that delete an index, of either search.
fn deletions(world: &World) -> Vec<String> {
    lines(world)
        .into_iter()
        .filter(|line| line.contains(" DELETE /") && !line.contains("_snapshot"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn empty_indices_in_the_way_are_cleared_by_their_names() {
    let mut world = one_region(81).await;
    let lab = world.lab.clone();
    let listener = once(begins(StepId::Fb3c), move || {
        lab.with(|world| {
            assert!(world.create_search_index(there(), "zeebe-record_deployment_8.6.0_2026-01-01"));
            world.spoil_search(there(), SearchFault::EmptyIndices);
        });
    });
    let (finish, run, _) = world.fail_back_told(LOST, &listener).await;
    assert_well_ended(&world, &finish, &run, "empty indices").await;
    let deleted = deletions(&world);
    assert!(
        deleted.contains(&"search-1 DELETE /zeebe-record_deployment_8.6.0_2026-01-01".to_owned()),
        "{deleted:?}"
    );
    assert!(
        deleted
            .iter()
            .all(|line| line.starts_with("search-1 ") && !line.contains('*'))
    );
}

#[tokio::test(start_paused = true)]
async fn indices_with_documents_are_refused_and_nothing_is_deleted() {
    for step in [StepId::Fb3c, StepId::Fb3d] {
        let mut world = one_region(82).await;
        let lab = world.lab.clone();
        let listener = once(begins(step), move || {
            assert!(lab.snapshot_search(here()));
            assert!(lab.restore_search(there()));
        });
        let (finish, _, kept) = world.fail_back_told(LOST, &listener).await;
        let words = stopped(&finish, Stop::Waiting, "not clean");
        assert!(words.contains("EXPORTING IS PAUSED"), "{words}");
        assert_eq!(deletions(&world), Vec::<String>::new());
        let (finish, _) = world.abort(&kept).await;
        assert!(matches!(finish, Finish::TurnedBack { .. }), "{finish:?}");
        world.assert_one_region(LOST, "indices with documents").await;
    }
}

/// A snapshot of our name that is not ours is not taken for ours.
#[tokio::test(start_paused = true)]
async fn a_snapshot_name_that_is_taken_is_not_taken_for_ours() {
    let mut world = one_region(83).await;
    let name = format!("c8dr-test-{}-1", world.runs + 1);
    let path = format!(
        "{}{name}?wait_for_completion=true",
        SNAPSHOT.trim_start_matches("PUT ")
    );
    // Before the failback there is a registration, and somebody's old snapshot of just this name.
    let body = repository().settings.to_string();
    assert_eq!(
        somebody_searching(&world.lab, here(), "PUT", "/_snapshot/camunda_backup", &body).await,
        200
    );
    assert_eq!(
        somebody_searching(&world.lab, here(), "PUT", &path, "").await,
        200
    );
    world.clock.sleep(Duration::from_secs(5)).await;
    let (finish, run, _) = fail_back(&mut world).await;
    match finish {
        Finish::Verified { .. } => {
            assert_ne!(
                run.facts.snapshot.as_ref().unwrap().name,
                name,
                "somebody's snapshot was restored"
            );
            assert_well_ended(&world, &finish, &run, "name taken").await;
        }
        Finish::Stopped { ref words, .. } => assert!(words.contains(&name), "{words}"),
        Finish::TurnedBack { .. } => panic!("{finish:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_partial_or_failed_snapshot_is_taken_again_under_a_new_name() {
    for fault in [SearchFault::PartialSnapshot, SearchFault::FailedSnapshot] {
        let mut world = one_region(84).await;
        world.lab.with(|world| world.spoil_search(here(), fault));
        let (finish, run, _) = fail_back(&mut world).await;
        assert_well_ended(&world, &finish, &run, &format!("{fault:?}")).await;
        assert_eq!(run.facts.take, 2, "{fault:?}");
        assert_eq!(snapshots(&world).len(), 2, "{fault:?}");
    }
}

/// `spec: procedure.md I11`: a search that registered the repository before does not see later snapshots of others.
#[tokio::test(start_paused = true)]
async fn a_repository_that_does_not_show_the_snapshot_is_registered_anew() {
    let mut world = one_region(85).await;
    let lab = world.lab.clone();
    let listener = once(ends(StepId::Fb1), move || {
        tokio::spawn(async move {
            let body = repository().settings.to_string();
            let status = somebody_searching(&lab, there(), "PUT", "/_snapshot/camunda_backup", &body).await;
            assert_eq!(status, 200);
        });
    });
    let (finish, run, _) = world.fail_back_told(LOST, &listener).await;
    assert_well_ended(&world, &finish, &run, "registered too early").await;
    assert!(lines(&world).contains(&"search-1 DELETE /_snapshot/camunda_backup".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_vanished_is_taken_again_under_a_new_name() {
    for step in [StepId::Fb3c, StepId::Fb3d, StepId::Fb3e] {
        let mut world = one_region(86).await;
        let (lab, name) = (world.lab.clone(), format!("c8dr-test-{}-1", world.runs + 1));
        let listener = once(begins(step), move || {
            assert!(lab.with(|world| world.lose_snapshot(&name)));
        });
        let (finish, run, _) = world.fail_back_told(LOST, &listener).await;
        let context = format!("vanished before {step}");
        assert_well_ended(&world, &finish, &run, &context).await;
        assert_eq!(run.facts.take, 2, "{context}");
    }
}

/// A pod that scales back up writes while the snapshot is taken: the guide's check of 0/0 does not see it.
#[tokio::test(start_paused = true)]
async fn webapps_scaled_up_during_the_snapshot_make_it_worthless() {
    let mut world = one_region(87).await;
    meanwhile(&world, SNAPSHOT, Side::After, async |lab| {
        lab.with(|world| world.scale_deployment(here(), "operate", 1))
            .unwrap();
    });
    let (finish, run, _) = fail_back(&mut world).await;
    assert_well_ended(&world, &finish, &run, "scaled up").await;
    assert_eq!(run.facts.take, 2);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_still_terminates_is_waited_for() {
    let mut world = one_region(88).await;
    let (finish, run, _) = fail_back(&mut world).await;
    assert_well_ended(&world, &finish, &run, "terminating").await;
    let timeline = world.lab.timeline();
    let at = |words: &str| {
        let found = timeline.iter().filter(|event| event.what.contains(words));
        found.map(|event| event.at_s).collect::<Vec<_>>()
    };
    let scaled = at("is scaled to 0");
    let gone = at("is gone");
    let begun = at("begins snapshot");
    assert_eq!(scaled.len(), 2, "{scaled:?}");
    let last = gone.iter().rev().find(|at| **at > scaled[0]).unwrap();
    assert!(*last - scaled[1] > 0.9, "they went on for a while: {gone:?}");
    let arrived = world.plot.lock().unwrap().arrived.clone();
    let pause = arrived
        .iter()
        .find(|one| one.line.contains("exporting/pause"))
        .unwrap();
    let pause = pause.at.duration_since(crate::world::dawn()).as_secs_f64();
    assert!(
        pause > *last,
        "paused at {pause}, the last pod was gone at {last}"
    );
    assert!(begun[0] > pause);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_during_snapshot_or_restore_is_overcome() {
    for (state, outside) in [(StoreState::Denied, true), (StoreState::Gone, false)] {
        for place in [
            "search-0 PUT /_snapshot/camunda_backup/",
            "/_restore",
            "search-0 PUT /_snapshot/camunda_backup",
        ] {
            for side in [Side::Before, Side::After] {
                let context = format!("{state:?} {side:?} {place}, bucket too: {outside}");
                let mut world = World::new(4, 4, 89);
                world = if outside {
                    world.with_bucket()
                } else {
                    world.with_memory()
                };
                world.one_region(LOST).await;
                meanwhile(&world, place, side, async move |lab| {
                    lab.with(|world| world.set_store(state));
                    let clock = lab.clock().clone();
                    tokio::spawn(async move {
                        clock.sleep(Duration::from_secs(240)).await;
                        lab.with(|world| world.set_store(StoreState::Works));
                    });
                });
                let (mut finish, mut run, kept) = fail_back(&mut world).await;
                for _ in 0..3 {
                    if let Finish::Stopped { words, .. } = &finish {
                        assert!(!words.is_empty());
                        world.clock.sleep(Duration::from_secs(240)).await;
                        (finish, run) = world.resume_kept(&kept).await;
                    }
                }
                assert_well_ended(&world, &finish, &run, &context).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_that_is_another_one_midway_stops_it_and_nothing_is_deleted() {
    for step in [StepId::Fb3c, StepId::Fb3d, StepId::Fb3e, StepId::Fb5] {
        let mut world = one_region(90).await;
        let lab = world.lab.clone();
        let listener = once(begins(step), move || {
            lab.with(|world| {
                world.uninstall(there()).unwrap();
                world.delete_volumes(there()).unwrap();
                world.install(there(), false).unwrap();
                // An index that is in the way, and empty: it would be deleted in the search that was meant.
                world.create_search_index(there(), "zeebe-record_deployment_8.6.0_2026-01-01");
            });
        });
        let (finish, _, kept) = world.fail_back_told(LOST, &listener).await;
        let Finish::Stopped { words, .. } = &finish else {
            panic!("{step}: {finish:?}")
        };
        assert!(words.contains("another one"), "{step}: {words}");
        assert_eq!(deletions(&world), Vec::<String>::new(), "{step}");
        let (finish, _) = world.abort(&kept).await;
        assert!(matches!(finish, Finish::TurnedBack { .. }), "{step}: {finish:?}");
        world.assert_one_region(LOST, &step.to_string()).await;
    }
}

/// A restore that was cut short stays so: nobody waits for it for a day while exporting is paused.
#[tokio::test(start_paused = true)]
async fn a_restore_that_its_search_died_in_turns_round_within_minutes() {
    let mut world = one_region(93).await;
    let lab = world.lab.clone();
    let moment = Timings::measured().restore_shard / 2;
    let listener = once(
        |event| {
            matches!(
                event,
                Event::Intended {
                    step: StepId::Fb3e,
                    ..
                }
            )
        },
        move || {
            tokio::spawn(async move {
                while !lab
                    .timeline()
                    .iter()
                    .any(|event| event.what.contains("begins to restore"))
                {
                    lab.clock().sleep(Duration::from_millis(5)).await;
                }
                lab.clock().sleep(moment).await;
                lab.with(|world| world.strike(Blow::SearchDies(there())));
                lab.clock().sleep(Duration::from_secs(20)).await;
                lab.with(|world| world.strike(Blow::SearchStarts(there())));
            });
        },
    );
    let began = world.clock.now();
    let (finish, _, _) = world.fail_back_told(LOST, &listener).await;
    let Finish::TurnedBack { by_itself, words } = &finish else {
        panic!("{finish:#?}")
    };
    assert!(by_itself, "{words}");
    assert!(
        words.contains("The restore in region region1 has failed"),
        "{words}"
    );
    let took = world.clock.now().since(began);
    assert!(took < Duration::from_secs(900), "{took:?}");
    assert_eq!(deletions(&world), Vec::<String>::new());
    world.assert_one_region(LOST, "restore cut short").await;
    world.lab.rebuild_bare(there());
    world.clock.sleep(Duration::from_secs(20)).await;
    let (finish, run, _) = fail_back(&mut world).await;
    assert_well_ended(&world, &finish, &run, "the second failback").await;
}

/// All that comes rests on the surviving search: without it nothing is installed, and people keep Operate.
#[tokio::test(start_paused = true)]
async fn without_the_surviving_search_nothing_is_begun() {
    for installed in [false, true] {
        let context = format!("the returning region is installed: {installed}");
        let mut world = one_region(92).await;
        if installed {
            world.lab.with(|world| world.install(there(), false)).unwrap();
            world.clock.sleep(Duration::from_secs(60)).await;
        }
        world.lab.with(|world| world.set_search_red(here(), true));
        let (finish, run, kept) = fail_back(&mut world).await;
        let words = stopped(&finish, Stop::Waiting, "The search of region");
        assert!(words.contains("red"), "{context}: {words}");
        assert!(!run.has_sent, "{context}: {:?}", lines(&world));
        world.lab.with(|world| world.set_search_red(here(), false));
        let (finish, run) = world.resume_kept(&kept).await;
        assert_well_ended(&world, &finish, &run, &context).await;
    }
}

#[tokio::test(start_paused = true)]
async fn both_searches_configured_as_one_are_refused_before_anything_is_paused() {
    let mut world = one_region(91).await;
    let one_and_the_same = world.search_of(here());
    world.searches.insert(LOST, one_and_the_same);
    let request = crate::world::back::request(&world, LOST);
    match world.planned_back(&request).await {
        Err(refusal) => assert!(
            refusal.code.as_str() == "search-not-clean" || refusal.summary.contains("one and the same"),
            "{refusal:?}"
        ),
        Ok(plan) => {
            let (finish, _) = world
                .carry_out(plan, crate::world::Mortal::default())
                .await
                .unwrap();
            let Finish::Stopped { words, .. } = &finish else {
                panic!("{finish:?}")
            };
            assert!(words.contains("one and the same"), "{words}");
        }
    }
    assert!(
        lines(&world).iter().all(|line| !line.contains("pause")),
        "{:?}",
        lines(&world)
    );
}
