//! Every diagnosis that there is, reached at least once, with its words under review.

use std::collections::BTreeSet;

use c8dr_domain::diagnose::{Code, diagnose};
use c8dr_domain::history::History;
use c8dr_domain::topology::{ChangeStatus, ExporterStatus};

use crate::world::{LONDON, LONG, PARIS, Voice, World, disabling, enabling_unknown, removal, watched};

/// Names for what was seen, in the order of their danger. A line here is a snapshot.
fn scenes() -> Vec<(&'static str, Code, History)> {
    let four = || World::of(4, 4);
    let lost = || four().loses(PARIS);
    let forced = || lost().forced(PARIS, 2);
    let failed_over = || forced().elected().disabled(PARIS, 4).forgotten();
    let one = |world: World| watched(&[(&world, LONG)]);
    let mut unreachable = four().leads(0, 2).leads(2, 4);
    for broker in [1, 3] {
        unreachable = unreachable.silent(broker).ghost(broker, &[]);
    }
    let silent = (0..4).fold(four(), World::silent);
    let pending = four().pending(8, enabling_unknown(0));
    vec![
        ("healthy", Code::Healthy, one(four())),
        ("nothing-read", Code::Unclear, History::new()),
        ("nothing-answers", Code::NothingAnswers, one(silent)),
        (
            "another-installation",
            Code::AnotherInstallation,
            one(World::of(8, 8)),
        ),
        (
            "led-twice",
            Code::PartitionLedTwice,
            one(four().leads_as_well(1, 1).leads_as_well(2, 4)),
        ),
        (
            "region-just-gone",
            Code::RegionSuspected,
            watched(&[(&four(), 2), (&four().dies_just_now(PARIS), 1)]),
        ),
        (
            "region-silent-survivor-hangs",
            Code::RegionSuspected,
            one(four()
                .dies_just_now(PARIS)
                .voice(0, Voice::Hangs)
                .voice(2, Voice::Hangs)),
        ),
        ("region-1-lost", Code::RegionLost, one(lost())),
        (
            "region-1-lost-and-dropped",
            Code::RegionLost,
            one(lost().forgotten()),
        ),
        ("region-0-lost", Code::RegionLost, one(four().loses(LONDON))),
        (
            "region-lost-survivor-down",
            Code::RegionLostSurvivorDown,
            one(lost().silent(2)),
        ),
        (
            "region-unreachable-from-here",
            Code::RegionUnreachableFromHere,
            watched(&[(&unreachable, 50)]),
        ),
        ("link-cut", Code::LinkCut, one(four().cut())),
        ("broker-down", Code::BrokerDown, one(four().silent(2).leads(0, 3))),
        (
            "broker-down-with-its-partition",
            Code::BrokerDown,
            one(four().silent(2)),
        ),
        (
            "two-brokers-down",
            Code::BrokerDown,
            one(four().silent(2).silent(3)),
        ),
        ("leaderless", Code::Leaderless, one(four().unled(2).unled(3))),
        (
            "coordinator-lost",
            Code::CoordinatorLost,
            watched(&[(&pending, 2), (&pending.clone().loses(LONDON), LONG)]),
        ),
        (
            "change-running",
            Code::ChangeRunning,
            one(four().pending(8, disabling(&four(), PARIS, 0)).progressed(1)),
        ),
        (
            "change-stuck",
            Code::ChangeStuck,
            one(four().silent(2).pending(8, disabling(&four(), PARIS, 2))),
        ),
        (
            "region-lost-change-stuck",
            Code::ChangeStuck,
            one(lost().pending(2, disabling(&four(), PARIS, 1))),
        ),
        (
            "region-being-removed",
            Code::ChangeRunning,
            one(lost().pending(2, removal(&four(), PARIS)).progressed(2)),
        ),
        ("electing-after-force", Code::ElectingAfterForce, one(forced())),
        (
            "members-unreadable",
            Code::Unclear,
            one(forced().coordinator_hangs()),
        ),
        ("coordinator-slow", Code::Unclear, one(four().coordinator_hangs())),
        (
            "failover-half-done",
            Code::FailoverHalfDone,
            one(forced().elected()),
        ),
        ("failed-over", Code::FailedOver, one(failed_over())),
        (
            "failed-over-survivor-down",
            Code::BrokerDown,
            one(failed_over().silent(2)),
        ),
        (
            "failed-over-paused",
            Code::ExportingPaused,
            one(failed_over().paused()),
        ),
        (
            "region-returned",
            Code::RegionReturned,
            one(failed_over().returned_empty(PARIS)),
        ),
        ("exporting-paused", Code::ExportingPaused, one(four().paused())),
        (
            "exporter-off",
            Code::ExporterOff,
            one(four()
                .exporter_is(PARIS, ExporterStatus::Disabled)
                .ended(6, ChangeStatus::Completed)),
        ),
        (
            "members-unexpected",
            Code::MembersUnexpected,
            one(four().without_members(&[1])),
        ),
    ]
}

#[test]
fn each_diagnosis_says_what_it_should() {
    for (name, code, history) in scenes() {
        let diagnosis = diagnose(&World::of(4, 4).installation, &history);
        insta::assert_yaml_snapshot!(format!("diagnosis-{name}"), diagnosis);
        assert_eq!(diagnosis.code, code, "{name}: {diagnosis:#?}");
    }
}

/// Every code, from a list that the compiler holds to be whole.
#[test]
fn no_diagnosis_is_left_out() {
    let all = [
        Code::Healthy,
        Code::NothingAnswers,
        Code::AnotherInstallation,
        Code::PartitionLedTwice,
        Code::RegionSuspected,
        Code::RegionLost,
        Code::RegionLostSurvivorDown,
        Code::RegionUnreachableFromHere,
        Code::LinkCut,
        Code::BrokerDown,
        Code::Leaderless,
        Code::CoordinatorLost,
        Code::ChangeRunning,
        Code::ChangeStuck,
        Code::ElectingAfterForce,
        Code::FailoverHalfDone,
        Code::FailedOver,
        Code::RegionReturned,
        Code::ExportingPaused,
        Code::ExporterOff,
        Code::MembersUnexpected,
        Code::Unclear,
    ];
    let listed = |code: Code| match code {
        Code::Healthy
        | Code::NothingAnswers
        | Code::AnotherInstallation
        | Code::PartitionLedTwice
        | Code::RegionSuspected
        | Code::RegionLost
        | Code::RegionLostSurvivorDown
        | Code::RegionUnreachableFromHere
        | Code::LinkCut
        | Code::BrokerDown
        | Code::Leaderless
        | Code::CoordinatorLost
        | Code::ChangeRunning
        | Code::ChangeStuck
        | Code::ElectingAfterForce
        | Code::FailoverHalfDone
        | Code::FailedOver
        | Code::RegionReturned
        | Code::ExportingPaused
        | Code::ExporterOff
        | Code::MembersUnexpected
        | Code::Unclear => all.contains(&code),
    };
    let reached: BTreeSet<Code> = scenes().into_iter().map(|(_, code, _)| code).collect();
    assert!(reached.iter().all(|code| listed(*code)));
    assert_eq!(reached, all.into_iter().collect());
    for code in all {
        let written = serde_json::to_value(code).unwrap();
        assert_eq!(written, code.as_str(), "the code is written in one way");
    }
}

/// Whatever is said must be sentences, for somebody who has just been woken up.
#[test]
fn diagnoses_speak_in_whole_sentences() {
    for (name, _, history) in scenes() {
        let diagnosis = diagnose(&World::of(4, 4).installation, &history);
        let said = [&diagnosis.summary, &diagnosis.cost_of_waiting]
            .into_iter()
            .chain(&diagnosis.evidence)
            .chain(&diagnosis.next);
        for sentence in said {
            let begins = sentence
                .starts_with(|first: char| first.is_uppercase() || first.is_numeric() || first == '`');
            assert!(begins, "{name}: {sentence}");
            assert!(sentence.ends_with(['.', '`', ')']), "{name}: {sentence}");
            for wrong in [
                "brokers 0 and 2 is",
                "brokers 1 and 3 does",
                "partitions 1 and 2 has",
                "..",
            ] {
                assert!(!sentence.contains(wrong), "{name}: {sentence}");
            }
        }
    }
}
