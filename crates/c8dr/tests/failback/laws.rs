//! Three laws: nothing is sent that was not written down before; a death anywhere is survived; so is any spoiled answer.

use std::time::Duration;

use c8dr_domain::effect::{Request, SearchEffect, ZeebeEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::StepId;
use c8dr_domain::run::{Event, Stop};
use c8dr_engine::drive::{DriveError, Finish};
use c8dr_lab::AnswerFault;

use super::{LOST, REGIONS, assert_certified, assert_verified};
use crate::world::journal::Kept;
use crate::world::wire::Arrived;
use crate::world::{Mortal, Spoil, World};

/// The requests on the wire that an intent stands for: target, and how the line begins. Deleting is one call per index.
fn on_the_wire(request: &Request) -> Vec<(String, String)> {
    let line = |to: &str, line: &str| (to.to_owned(), line.to_owned());
    match request {
        Request::Zeebe { gateway, effect } => {
            let number: u32 = gateway.as_str().trim_start_matches("gateway-").parse().unwrap();
            let own = format!("broker-{number}");
            match effect {
                ZeebeEffect::PauseExporting => vec![line(&own, "POST /actuator/exporting/pause")],
                ZeebeEffect::ResumeExporting => vec![line(&own, "POST /actuator/exporting/resume")],
                ZeebeEffect::ResumeExportingOn { broker } => vec![line(
                    &format!("broker-{broker}"),
                    "POST /actuator/partitions/resumeExporting",
                )],
                ZeebeEffect::EnableExporter { exporter, .. } => {
                    vec![line(&own, &format!("POST /actuator/exporters/{exporter}/enable"))]
                }
                ZeebeEffect::DisableExporter { exporter } => {
                    vec![line(
                        &own,
                        &format!("POST /actuator/exporters/{exporter}/disable"),
                    )]
                }
                ZeebeEffect::AddBrokers {
                    replication_factor, ..
                }
                | ZeebeEffect::Replicate {
                    replication_factor, ..
                } => vec![line(
                    &own,
                    &format!("POST /actuator/cluster/brokers?replicationFactor={replication_factor}"),
                )],
                ZeebeEffect::ForceRemove { .. } => {
                    vec![line(&own, "POST /actuator/cluster/brokers?force=true")]
                }
                ZeebeEffect::CancelChange { change } => {
                    vec![line(&own, &format!("DELETE /actuator/cluster/changes/{change}"))]
                }
            }
        }
        Request::Search { region, effect } => {
            let own = format!("search-{region}");
            match effect {
                SearchEffect::Register { repository, anew, .. } => {
                    let path = format!("/_snapshot/{repository}");
                    let put = line(&own, &format!("PUT {path}"));
                    match anew {
                        true => vec![line(&own, &format!("DELETE {path}")), put],
                        false => vec![put],
                    }
                }
                SearchEffect::Snapshot { repository, name, .. } => {
                    vec![line(&own, &format!("PUT /_snapshot/{repository}/{name}"))]
                }
                SearchEffect::DeleteSnapshot { repository, name } => {
                    vec![line(&own, &format!("DELETE /_snapshot/{repository}/{name}"))]
                }
                SearchEffect::Restore { repository, name, .. } => {
                    vec![line(
                        &own,
                        &format!("POST /_snapshot/{repository}/{name}/_restore"),
                    )]
                }
                SearchEffect::DeleteIndices { indices, .. } => indices
                    .iter()
                    .map(|index| line(&own, &format!("DELETE /{index}")))
                    .collect(),
            }
        }
        Request::Platform { region, effect } => {
            vec![line(&format!("platform-{region}"), &format!("{effect:?}"))]
        }
        Request::Traffic { .. } => unreachable!("no traffic is configured here"),
    }
}

/// Holds what arrived against what was written down: the same, in the same order, and nothing before its intent.
#[track_caller]
fn assert_journaled(kept: &Kept, arrived: &[Arrived], context: &str) {
    let mut wanted = Vec::new();
    for (at, event) in kept.lock().unwrap().iter() {
        if let Event::Intended { request, .. } = event {
            wanted.extend(on_the_wire(request).into_iter().map(|line| (*at, line)));
        }
    }
    let told: Vec<String> = arrived
        .iter()
        .map(|one| format!("{} {}", one.to, one.line))
        .collect();
    assert_eq!(told.len(), wanted.len(), "{context}: {told:#?}\n{wanted:#?}");
    for (one, (at, (to, line))) in arrived.iter().zip(&wanted) {
        assert_eq!(one.to, *to, "{context}: {told:#?}");
        assert!(
            one.line.starts_with(line.as_str()),
            "{context}: {one:?} is not {line}"
        );
        assert!(one.at >= *at, "{context}: {one:?} came before its intent");
    }
}

/// What must be true of the requests of any failback that ends verified, whatever happened on the way.
#[track_caller]
fn assert_lawful(world: &World, context: &str) {
    let plot = world.plot.lock().unwrap();
    let mut names = std::collections::BTreeSet::new();
    for one in &plot.arrived {
        assert!(!one.line.contains("force=true"), "{context}: forced");
        if one.line.ends_with("/enable") {
            assert!(
                one.body.contains("initializeFrom"),
                "{context}: {one:?} makes a hole"
            );
        }
        let snapshot = one.line.strip_prefix("PUT /_snapshot/camunda_backup/");
        if let Some(name) = snapshot.and_then(|name| name.split('?').next()) {
            names.insert(name.to_owned());
        }
    }
    drop(plot);
    let begun = world
        .lab
        .timeline()
        .into_iter()
        .filter(|event| event.what.contains("begins snapshot"))
        .count();
    assert_eq!(begun, names.len(), "{context}: one snapshot per take");
}

#[tokio::test(start_paused = true)]
async fn the_intents_are_exactly_what_the_lab_saw() {
    for (brokers, partitions) in [(4, 4), (8, 8)] {
        for lost in REGIONS {
            let context = format!("{brokers}/{partitions}, region {lost}");
            let mut world = World::new(brokers, partitions, 61).with_memory();
            world.one_region(lost).await;
            let plan = world.plan_back(lost).await;
            let journal = Mortal::default();
            let kept = journal.kept.clone();
            let (finish, _) = world.carry_out(plan, journal).await.unwrap();
            assert_verified(&finish, &context);
            let arrived = world.plot.lock().unwrap().arrived.clone();
            assert_journaled(&kept, &arrived, &context);
            assert_lawful(&world, &context);
            assert!(arrived.len() >= 11, "{context}: {arrived:#?}");
        }
    }
}

/// Dies at a record, comes to again, and so on to the end.
async fn dies(lost: RegionId, mortal: Mortal, context: &str) -> bool {
    let mut world = World::new(4, 4, 62).with_memory();
    world.one_region(lost).await;
    let plan = world.plan_back(lost).await;
    let kept = mortal.kept.clone();
    let died = match world.carry_out(plan, mortal).await {
        Ok(_) => return false,
        Err(DriveError::Journal(_)) => true,
        Err(other) => panic!("{context}: {other}"),
    };
    world.clock.sleep(Duration::from_millis(700)).await;
    let begun = !kept.lock().unwrap().is_empty();
    let ended = kept
        .lock()
        .unwrap()
        .iter()
        .any(|(_, event)| event.name() == "verified");
    if begun && !ended {
        let (finish, run) = world.resume_kept(&kept).await;
        assert_verified(&finish, context);
        assert_certified(&run, context);
        assert_lawful(&world, context);
        let arrived = world.plot.lock().unwrap().arrived.clone();
        // An intent whose process died before it was sent stands alone: the rest is in order.
        assert!(arrived.len() >= 11, "{context}");
        let audit = world.reckoned().await;
        world.assert_whole(&audit, context);
    }
    died
}

/// The regions take turns.
#[tokio::test(start_paused = true)]
async fn dying_after_any_record_and_resuming_ends_verified() {
    let mut deaths = 0;
    for after in 1.. {
        let lost = REGIONS[after % 2];
        let context = format!("region {lost}, died after record {after}");
        if !dies(lost, Mortal::dying_after(after), &context).await {
            break;
        }
        deaths += 1;
    }
    assert!(deaths >= 60, "only {deaths} deaths were tried");
}

/// What came before the record has happened, and nobody wrote down what came of it.
#[tokio::test(start_paused = true)]
async fn dying_before_any_record_and_resuming_ends_verified() {
    let mut deaths = 0;
    for before in 2.. {
        let lost = REGIONS[before % 2];
        let context = format!("region {lost}, died before record {before}");
        if !dies(lost, Mortal::dying_before(before), &context).await {
            break;
        }
        deaths += 1;
    }
    assert!(deaths >= 60, "only {deaths} deaths were tried");
}

/// One of each kind.
const FAULTS: [Spoil; 8] = [
    Spoil::Lab(AnswerFault::LostAfterEffect),
    Spoil::Lab(AnswerFault::LostBeforeEffect),
    Spoil::Lab(AnswerFault::Delay(Duration::from_secs(45))),
    Spoil::Lab(AnswerFault::Status(409)),
    Spoil::Lab(AnswerFault::Status(502)),
    Spoil::Lab(AnswerFault::TimeoutAfterEffect),
    Spoil::Refused,
    Spoil::StatusAfter(200),
];

/// Those that only differ a little from the others.
const MORE_FAULTS: [Spoil; 6] = [
    Spoil::Lab(AnswerFault::Delay(Duration::from_secs(3))),
    Spoil::Lab(AnswerFault::Status(504)),
    Spoil::Lab(AnswerFault::Reset),
    Spoil::LateAfter,
    Spoil::Status(500),
    Spoil::StatusAfter(500),
];

/// Spoils one request; resumes as a person would if the run stops. True if there was a request of that number.
async fn spoiled(lost: RegionId, nth: usize, spoil: Spoil) -> bool {
    let context = format!("region {lost}, {spoil:?} at request {nth}");
    let mut world = World::new(4, 4, 63).with_memory();
    world.one_region(lost).await;
    world.spoil(nth, spoil);
    let (mut finish, mut run, kept) = world
        .fail_back_told(lost, &|_: &c8dr_engine::events::Told| {})
        .await;
    let mut resumed = 0;
    while let Finish::Stopped { stop, words, .. } = &finish {
        assert!(resumed < 3, "{context}: stopped again: {words}");
        assert!(!words.is_empty(), "{context}");
        assert_ne!(*stop, Stop::VerificationFailed, "{context}: {words}");
        resumed += 1;
        world.clock.sleep(Duration::from_secs(20)).await;
        (finish, run) = world.resume_kept(&kept).await;
    }
    assert_verified(&finish, &context);
    assert_certified(&run, &context);
    assert_lawful(&world, &context);
    let audit = world.reckoned().await;
    world.assert_whole(&audit, &context);
    world.plot.lock().unwrap().seen >= nth
}

/// Every kind of spoiled answer, at every request of a failback; the regions take turns.
#[tokio::test(start_paused = true)]
async fn whatever_happens_to_an_answer_it_ends_verified() {
    for (number, spoil) in FAULTS.into_iter().chain(MORE_FAULTS).enumerate() {
        let mut nth = 1;
        while spoiled(REGIONS[(number + nth) % 2], nth, spoil).await {
            nth += 1;
        }
        assert!(nth > 11, "{spoil:?}: only {nth} requests");
    }
}

/// The same of the bucket, whose requests are no effects: each is spoiled by the lab in turn.
#[tokio::test(start_paused = true)]
async fn whatever_happens_to_an_answer_of_the_bucket_it_ends_verified() {
    let faults = [
        AnswerFault::LostAfterEffect,
        AnswerFault::LostBeforeEffect,
        AnswerFault::Delay(Duration::from_secs(30)),
        AnswerFault::Status(503),
        AnswerFault::TimeoutAfterEffect,
        AnswerFault::Reset,
    ];
    let steps = [
        StepId::Fb1,
        StepId::Fb2b,
        StepId::Fb3b,
        StepId::Fb3e,
        StepId::Fb5,
        StepId::Fb7,
    ];
    for fault in faults {
        for step in steps {
            let context = format!("{fault:?} in {step}");
            let mut world = World::new(4, 4, 64).with_bucket();
            world.one_region(LOST).await;
            let lab = world.lab.clone();
            let listener = move |told: &c8dr_engine::events::Told| {
                if let c8dr_engine::events::Told::Event { event, .. } = told
                    && matches!(event, Event::StepBegan { step: begun } if *begun == step)
                {
                    lab.with(|world| world.spoil_bucket_answer(fault));
                }
            };
            let (mut finish, mut run, kept) = world.fail_back_told(LOST, &listener).await;
            if let Finish::Stopped { stop, .. } = &finish {
                assert_eq!(*stop, Stop::Waiting, "{context}: {finish:#?}");
                (finish, run) = world.resume_kept(&kept).await;
            }
            assert_verified(&finish, &context);
            assert_certified(&run, &context);
            assert_lawful(&world, &context);
        }
    }
}
