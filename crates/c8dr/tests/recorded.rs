//! What a real Zeebe 8.6.0 was recorded to answer, stage by stage: each gets the right diagnosis, and a failover of either
//! region gets the steps that are still owed, or is refused for the right reason.

#[path = "recorded/mod.rs"]
mod recording;

use c8dr_domain::diagnose::{Code, diagnose};
use c8dr_domain::history::History;
use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::StepId;

use crate::recording::watch::{Watch, owed};
use crate::recording::{Recording, Stage};

const MAIN_4: Recording = Recording {
    folder: "1-main-4-brokers",
    brokers: 4,
};
const MAIN_8: Recording = Recording {
    folder: "2-main-8-brokers",
    brokers: 8,
};
const STUCK: Recording = Recording {
    folder: "3-stuck-4-brokers",
    brokers: 4,
};
const SURVIVOR_DOWN: Recording = Recording {
    folder: "7-survivor-down",
    brokers: 4,
};
const RESUME: Recording = Recording {
    folder: "8-resume-incomplete",
    brokers: 4,
};
const STALE: Recording = Recording {
    folder: "12-stale-lastChange",
    brokers: 4,
};
const REGION_0: Recording = Recording {
    folder: "14-region0-lost",
    brokers: 4,
};

/// The brokers of region 1 in an installation of 4, and of 8.
const ODD_4: [u32; 2] = [1, 3];
const ODD_8: [u32; 4] = [1, 3, 5, 7];

/// What a failover of a region comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    /// A plan with these steps.
    Steps(&'static [StepId]),
    /// A refusal with this code.
    Refused(&'static str),
}

const BOTH: Owed = Owed::Steps(&[StepId::Fo1, StepId::Fo2]);
const FO2: Owed = Owed::Steps(&[StepId::Fo2]);
const NOTHING: Owed = Owed::Steps(&[]);
const ANSWERS: Owed = Owed::Refused("lost-region-answers");
const LAST: Owed = Owed::Refused("last-region");
const PENDING: Owed = Owed::Refused("change-pending");
const UNFENCED: Owed = Owed::Refused("not-fenced");
const MEMBERS: Owed = Owed::Refused("members-unexpected");

/// A stage, its diagnosis, and what a failover of region 0 and of region 1 comes to.
type Row = (&'static str, Stage, Code, Owed, Owed);

fn words(owed: Owed) -> String {
    match owed {
        Owed::Refused(code) => format!("refused: {code}"),
        Owed::Steps(steps) => steps.iter().map(StepId::to_string).collect::<Vec<_>>().join(" "),
    }
}

/// Holds a table against the domain; all rows that differ are told at once.
async fn hold(recording: Recording, rows: Vec<Row>) {
    let installation = recording.installation();
    let mut wrong = Vec::new();
    for (name, stage, code, lose_0, lose_1) in rows {
        let history = stage.three_readings().await;
        let diagnosis = diagnose(&installation, &history);
        let expected = [code.as_str().to_owned(), words(lose_0), words(lose_1)];
        let found = [
            diagnosis.code.as_str().to_owned(),
            owed(&installation, &history, RegionId(0)),
            owed(&installation, &history, RegionId(1)),
        ];
        if expected != found {
            wrong.push(format!(
                "{name}: expected {expected:?}\n   found {found:?}\n   {}\n   {:#?}",
                diagnosis.summary, diagnosis.evidence
            ));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", recording.folder, wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn from_health_to_health_with_four_brokers() {
    let run = || MAIN_4.stage();
    let returned = || run().heard(119..=134);
    #[rustfmt::skip] // A row is a line.
    let rows = vec![
        ("healthy", run().heard(4..=20), Code::Healthy, ANSWERS, ANSWERS),
        ("lost", run().heard(66..=74).dead(ODD_4), Code::RegionLost, ANSWERS, BOTH),
        ("removing", run().heard(66..=74).polled(88, 0).dead(ODD_4), Code::ChangeRunning, PENDING, BOTH),
        ("removed, none led", run().heard([68]).polled(88, 1).polled(89, 0).dead(ODD_4), Code::ElectingAfterForce, LAST, FO2),
        ("removed, two led", run().heard([68]).polled(88, 1).polled(89, 2).dead(ODD_4), Code::ElectingAfterForce, LAST, FO2),
        ("removed, three led", run().heard([68]).polled(88, 1).polled(89, 3).dead(ODD_4), Code::ElectingAfterForce, LAST, FO2),
        ("removed, all led", run().heard([68]).last_of(90).last_of(89).dead(ODD_4), Code::FailoverHalfDone, LAST, FO2),
        ("forced twice, leaders dropped", run().heard(92..=101).dead(ODD_4), Code::ElectingAfterForce, LAST, FO2),
        ("disabling", run().heard([95]).last_of(89).polled(107, 0).dead(ODD_4), Code::ChangeRunning, LAST, FO2),
        ("disabled", run().heard(108..=110).polled(118, 0).dead(ODD_4), Code::FailedOver, LAST, NOTHING),
        ("returned empty", returned().heard([135]), Code::RegionReturned, LAST, NOTHING),
        ("paused", returned().heard(143..=145), Code::ExportingPaused, LAST, NOTHING),
        ("enabling", returned().heard([143]).polled(149, 1), Code::ChangeRunning, LAST, PENDING),
        ("adding: begun", returned().heard([150]).polled(162, 0), Code::ChangeRunning, LAST, PENDING),
        ("adding: brokers", returned().heard([150]).polled(162, 1), Code::ChangeRunning, PENDING, PENDING),
        ("adding: half", returned().heard([150]).polled(162, 7), Code::ChangeRunning, PENDING, PENDING),
        ("adding: last", returned().heard([150]).polled(162, 12), Code::ChangeRunning, PENDING, PENDING),
        ("final", run().heard(167..=183), Code::Healthy, ANSWERS, ANSWERS),
        ("rebalanced", run().heard([168, 169, 170, 174, 178, 182, 187]), Code::Healthy, ANSWERS, ANSWERS),
    ];
    hold(MAIN_4, rows).await;
}

#[tokio::test(start_paused = true)]
async fn from_health_to_health_with_eight_brokers() {
    let run = || MAIN_8.stage();
    let returned = || run().heard(101..=132);
    #[rustfmt::skip] // A row is a line.
    let rows = vec![
        ("healthy", run().heard(4..=36), Code::Healthy, ANSWERS, ANSWERS),
        ("lost", run().heard(44..=60).dead(ODD_8), Code::RegionLost, ANSWERS, BOTH),
        ("removing: begun", run().heard(44..=60).polled(67, 0).dead(ODD_8), Code::ChangeRunning, PENDING, BOTH),
        ("removing: forced in part", run().heard(44..=60).polled(67, 2).dead(ODD_8), Code::ChangeRunning, PENDING, BOTH),
        ("removing: brokers leave", run().heard(44..=60).polled(67, 3).dead(ODD_8), Code::ChangeRunning, PENDING, BOTH),
        ("removed, some led", run().heard([46]).polled(67, 4).polled(68, 0).dead(ODD_8), Code::ElectingAfterForce, LAST, FO2),
        ("removed, all led", run().heard([46]).last_of(69).last_of(68).dead(ODD_8), Code::FailoverHalfDone, LAST, FO2),
        ("forced twice, leaders dropped, gateways disagree", run().heard(71..=88).dead(ODD_8), Code::ElectingAfterForce, LAST, FO2),
        ("disabling", run().heard([74]).last_of(68).polled(94, 0).dead(ODD_8), Code::ChangeRunning, LAST, FO2),
        ("disabled", run().heard([95]).last_of(94).polled(100, 0).dead(ODD_8), Code::FailedOver, LAST, NOTHING),
        ("disabling once more", run().heard([95, 97]).polled(100, 0).dead(ODD_8), Code::ChangeRunning, LAST, FO2),
        ("returned empty", returned().heard([133]), Code::RegionReturned, LAST, NOTHING),
        ("paused", returned().heard(141..=143), Code::ExportingPaused, LAST, NOTHING),
        ("adding: begun", returned().heard([148]).polled(160, 0), Code::ChangeRunning, LAST, PENDING),
        ("adding: half", returned().heard([148]).polled(160, 14), Code::ChangeRunning, PENDING, PENDING),
        ("adding: last", returned().heard([148]).polled(160, 26), Code::ChangeRunning, PENDING, PENDING),
        ("final", run().heard(167..=199), Code::Healthy, ANSWERS, ANSWERS),
        // Five seconds after the rebalance nobody leads partition 4 by this gateway's account.
        ("rebalancing", run().heard(168..=198).heard([203]), Code::Leaderless, ANSWERS, ANSWERS),
    ];
    hold(MAIN_8, rows).await;
}

/// At the moment of the loss every answer says that the region is gone, and one look could still be a hiccup of our own.
#[tokio::test(start_paused = true)]
async fn two_readings_do_not_prove_a_loss_and_the_third_does() {
    let stages = [
        (MAIN_4, MAIN_4.stage().heard(66..=74).dead(ODD_4), RegionId(1)),
        (MAIN_8, MAIN_8.stage().heard(44..=60).dead(ODD_8), RegionId(1)),
        (
            STUCK,
            STUCK.stage().last_of(10).heard([6, 9]).dead(ODD_4),
            RegionId(1),
        ),
        (REGION_0, REGION_0.stage().heard(6..=15).dead([0, 2]), RegionId(0)),
    ];
    for (recording, stage, lost) in stages {
        let installation = recording.installation();
        let mut history = History::new();
        let readings = stage.three_readings().await;
        let expected = [
            (Code::RegionSuspected, UNFENCED),
            (Code::RegionSuspected, UNFENCED),
            (Code::RegionLost, BOTH),
        ];
        for (reading, (code, failover)) in readings.readings().zip(expected) {
            history.add(reading.clone());
            let folder = recording.folder;
            assert_eq!(diagnose(&installation, &history).code, code, "{folder}");
            assert_eq!(owed(&installation, &history, lost), words(failover), "{folder}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn changes_that_are_stuck() {
    let run = || STUCK.stage();
    #[rustfmt::skip] // A row is a line.
    let rows = vec![
        ("an unknown exporter is enabled", run().last_of(1).last_of(5).heard([6]), Code::ChangeRunning, PENDING, PENDING),
        ("that is cancelled", run().last_of(1).heard([6, 9]), Code::Healthy, UNFENCED, UNFENCED),
        ("lost", run().last_of(10).heard([6, 9]).dead(ODD_4), Code::RegionLost, UNFENCED, BOTH),
        ("disabled before the force", run().last_of(10).heard([15, 16]).dead(ODD_4), Code::ChangeStuck, PENDING, PENDING),
        ("that is cancelled", run().last_of(10).heard([19, 21]).dead(ODD_4), Code::RegionLost, UNFENCED, BOTH),
        ("removing by PATCH", run().last_of(10).heard([21]).polled(26, 0).dead(ODD_4), Code::ChangeRunning, PENDING, BOTH),
        ("removed, none led", run().heard([21]).polled(26, 1).polled(27, 0).dead(ODD_4), Code::ElectingAfterForce, LAST, FO2),
        ("removed, all led", run().last_of(26).last_of(27).heard([28]).dead(ODD_4), Code::FailoverHalfDone, LAST, FO2),
        ("brokers are added that do not run", run().last_of(27).last_of(32).dead(ODD_4), Code::ChangeStuck, LAST, PENDING),
        ("final, its exporter off", run().heard(34..=36).last_of(34), Code::ExporterOff, UNFENCED, UNFENCED),
    ];
    hold(STUCK, rows).await;
}

#[tokio::test(start_paused = true)]
async fn a_survivor_is_down_as_well() {
    let run = || SURVIVOR_DOWN.stage();
    #[rustfmt::skip] // A row is a line.
    let rows = vec![
        ("dropped", run().last_of(1).dead([1, 2, 3]), Code::RegionLostSurvivorDown, UNFENCED, Owed::Refused("survivor-down")),
        ("forced, hangs on the survivor", run().last_of(4).heard(5..=6).dead([1, 2, 3]), Code::ChangeStuck, PENDING, BOTH),
        ("the survivor comes back", run().polled(9, 1).polled(10, 0).dead(ODD_4), Code::ChangeRunning, PENDING, BOTH),
        ("removed, none led", run().last_of(9).polled(10, 0).dead(ODD_4), Code::ElectingAfterForce, LAST, FO2),
        ("the survivor falls again", run().heard([11, 12]).dead([1, 2, 3]), Code::BrokerDown, LAST, FO2),
        ("forced again, hangs again", run().heard([12, 14]).dead([1, 2, 3]), Code::ChangeStuck, LAST, FO2),
        ("that is cancelled", run().heard([12, 16]).dead([1, 2, 3]), Code::BrokerDown, LAST, FO2),
        ("one broker is left", run().last_of(20).last_of(19).dead([1, 2, 3]), Code::MembersUnexpected, MEMBERS, MEMBERS),
        ("the old one is listed, and gone", run().heard(21..=24).dead(ODD_4), Code::MembersUnexpected, MEMBERS, MEMBERS),
        ("and is added without running", run().last_of(26).heard([27]).dead([1, 2, 3]), Code::ChangeStuck, MEMBERS, MEMBERS),
    ];
    hold(SURVIVOR_DOWN, rows).await;
}

#[tokio::test(start_paused = true)]
async fn exporting_resumed_in_part() {
    let run = || RESUME.stage().last_of(2).dead(ODD_4);
    #[rustfmt::skip] // A row is a line.
    let rows = vec![
        ("paused", run().heard([4, 5]), Code::ExportingPaused, LAST, FO2),
        ("one broker killed, the other resumed", run().heard([8]).dead([2]), Code::BrokerDown, LAST, FO2),
        ("its lead is listed still", run().heard([9, 11]).dead([2]), Code::BrokerDown, LAST, FO2),
        ("soft paused, leading nothing", run().heard([9, 17]).dead([2]), Code::BrokerDown, LAST, FO2),
        ("the broker comes back", run().polled(26, 1), Code::ElectingAfterForce, LAST, FO2),
        ("back, paused as before", run().last_of(26).heard([27, 28]), Code::ExportingPaused, LAST, FO2),
        ("a resume that failed", run().last_of(26).heard([30, 31]), Code::ExportingPaused, LAST, FO2),
        ("soft paused", run().last_of(26).heard([33, 34]), Code::ExportingPaused, LAST, FO2),
        ("paused, one broker restarts", run().last_of(37).heard([38, 39]), Code::BrokerDown, LAST, FO2),
    ];
    hold(RESUME, rows).await;
}

#[tokio::test(start_paused = true)]
async fn the_change_before_is_completed_while_this_one_is_pending() {
    let run = || STALE.stage();
    let mut rows: Vec<Row> = Vec::new();
    for nth in 0..15 {
        // First the members are region 0 alone, then broker 1 has joined and broker 3 has not, then all are members.
        let (lose_0, lose_1) = match nth {
            0 => (LAST, PENDING),
            1 => (MEMBERS, MEMBERS),
            _ => (PENDING, PENDING),
        };
        rows.push((
            "adding",
            run().polled(3, nth),
            Code::ChangeRunning,
            lose_0,
            lose_1,
        ));
    }
    hold(STALE, rows).await;
}

#[tokio::test(start_paused = true)]
async fn the_region_of_the_coordinator_is_lost() {
    let run = || REGION_0.stage().dead([0, 2]);
    #[rustfmt::skip] // A row is a line.
    let rows = vec![
        ("at once: 500", run().heard([2]).polled(5, 0), Code::RegionSuspected, UNFENCED, UNFENCED),
        ("then: 502", run().heard([4]).polled(5, 1), Code::RegionSuspected, UNFENCED, UNFENCED),
        ("lost, members unread", run().heard(6..=15), Code::RegionLost, BOTH, ANSWERS),
        ("forced, no longer a member", run().heard(6..=15).polled(23, 0), Code::RegionLost, BOTH, ANSWERS),
        ("halved, members unread", run().heard(6..=15).polled(23, 0).polled(24, 0), Code::Unclear, Owed::Refused("members-unreadable"), Owed::Refused("members-unreadable")),
        ("removed, none led", run().heard(9..=10).heard(14..=15).last_of(23).polled(24, 0), Code::ElectingAfterForce, FO2, LAST),
        ("disabling", run().last_of(24).polled(28, 1), Code::ChangeRunning, FO2, LAST),
        ("adding", REGION_0.stage().last_of(29).polled(37, 2), Code::ChangeRunning, PENDING, PENDING),
    ];
    hold(REGION_0, rows).await;
}

// Stages that are easily mistaken for others.

#[tokio::test(start_paused = true)]
async fn a_failback_under_way_is_no_failover_half_done() {
    let returned_4 = || MAIN_4.stage().heard(119..=134);
    let returned_8 = || MAIN_8.stage().heard(101..=132);
    #[rustfmt::skip] // A row is a line.
    let rows = vec![
        ("enabled, still paused", returned_4().heard([143, 150, 152]), Code::ExportingPaused, LAST, FO2),
        ("resumed", returned_4().heard([150, 152]), Code::RegionReturned, LAST, FO2),
    ];
    hold(MAIN_4, rows).await;
    #[rustfmt::skip] // A row is a line.
    let rows = vec![
        ("enabled, still paused", returned_8().heard([141, 148, 150]), Code::ExportingPaused, LAST, FO2),
        ("resumed", returned_8().heard([148, 150]), Code::RegionReturned, LAST, FO2),
    ];
    hold(MAIN_8, rows).await;
}

/// The configuration was read and calls both exporters ENABLED; `/actuator/exporters` was not asked.
#[tokio::test(start_paused = true)]
async fn exporters_that_were_not_read_are_not_off() {
    let led = SURVIVOR_DOWN.stage().last_of(10).heard([11]).dead(ODD_4);
    hold(
        SURVIVOR_DOWN,
        vec![("removed, all led", led, Code::FailoverHalfDone, LAST, FO2)],
    )
    .await;
    let led = REGION_0.stage().last_of(24).heard(25..=26).dead([0, 2]);
    hold(
        REGION_0,
        vec![("removed, all led", led, Code::FailoverHalfDone, FO2, LAST)],
    )
    .await;
}

/// Brokers 0 and 2 are listed again, and the gateway of broker 0 answers; their management endpoints were not asked.
#[tokio::test(start_paused = true)]
async fn a_region_whose_gateway_answers_again_has_returned() {
    let returned = REGION_0.stage().last_of(29).heard(30..=31);
    hold(
        REGION_0,
        vec![("returned", returned, Code::RegionReturned, FO2, LAST)],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn four_brokers_watched_from_health_through_the_loss_to_the_end_of_the_failover() {
    let mut watch = Watch::begin(MAIN_4);
    watch.once(MAIN_4.stage().heard(4..=20)).await;
    let lost = MAIN_4.stage().heard([6, 62]).dead(ODD_4);
    watch.poll(63, &lost).await;
    watch.poll(64, &lost).await;
    watch.once(MAIN_4.stage().heard(66..=74).dead(ODD_4)).await;
    watch.poll(88, &MAIN_4.stage().heard(66..=73).dead(ODD_4)).await;
    watch
        .poll(89, &MAIN_4.stage().heard([68]).last_of(88).dead(ODD_4))
        .await;
    watch.once(MAIN_4.stage().heard(92..=101).dead(ODD_4)).await;
    watch
        .nth_of(118, 0, &MAIN_4.stage().heard(108..=110).dead(ODD_4))
        .await;
    watch.assert_seen(
        &[
            Code::Healthy,
            Code::RegionSuspected,
            Code::RegionLost,
            Code::ChangeRunning,
            Code::ElectingAfterForce,
            Code::FailoverHalfDone,
            // The second force, sent on purpose, drops every leader.
            Code::ElectingAfterForce,
            Code::FailedOver,
        ],
        32.765,
        9.0,
    );
}

#[tokio::test(start_paused = true)]
async fn eight_brokers_watched_with_a_ghost_that_is_listed_as_leader() {
    let mut watch = Watch::begin(MAIN_8);
    watch.once(MAIN_8.stage().heard(4..=36)).await;
    let lost = MAIN_8.stage().heard([6, 40]).dead(ODD_8);
    watch.poll(41, &lost).await;
    // Broker 3, dropped ten seconds before, is listed again, and as leader of partition 4.
    watch.poll(42, &lost).await;
    watch.once(MAIN_8.stage().heard(44..=60).dead(ODD_8)).await;
    watch.poll(67, &MAIN_8.stage().heard(44..=59).dead(ODD_8)).await;
    let removed = MAIN_8.stage().heard([46]).dead(ODD_8);
    watch.poll(68, &removed.clone().last_of(67)).await;
    watch.poll(69, &removed.last_of(68)).await;
    watch.once(MAIN_8.stage().heard(71..=88).dead(ODD_8)).await;
    watch
        .nth_of(100, 0, &MAIN_8.stage().heard([95]).last_of(94).dead(ODD_8))
        .await;
    watch.assert_seen(
        &[
            Code::Healthy,
            Code::RegionSuspected,
            Code::RegionLost,
            Code::ChangeRunning,
            Code::ElectingAfterForce,
            Code::FailoverHalfDone,
            Code::ElectingAfterForce,
            Code::FailedOver,
        ],
        61.679,
        9.0,
    );
}

#[tokio::test(start_paused = true)]
async fn an_exporter_disabled_too_early_watched_to_the_cancel_and_the_force() {
    let mut watch = Watch::begin(STUCK);
    watch.once(STUCK.stage().last_of(1).heard([6, 9])).await;
    watch.poll(10, &STUCK.stage().heard([6, 9]).dead(ODD_4)).await;
    let lost = STUCK.stage().last_of(10).dead(ODD_4);
    watch.poll(12, &lost.clone().heard([16])).await;
    watch.once(lost.clone().heard([19, 21])).await;
    watch.poll(26, &lost.heard([21])).await;
    watch
        .poll(27, &STUCK.stage().heard([21]).last_of(26).dead(ODD_4))
        .await;
    watch.assert_seen(
        &[
            Code::Healthy,
            Code::RegionSuspected,
            Code::RegionLost,
            Code::ChangeStuck,
            Code::RegionLost,
            Code::ChangeRunning,
            Code::ElectingAfterForce,
            Code::FailoverHalfDone,
        ],
        43.043,
        10.0,
    );
}

#[tokio::test(start_paused = true)]
async fn the_coordinators_region_watched_while_nobody_can_read_the_members() {
    let mut watch = Watch::begin(REGION_0);
    let lost = REGION_0.stage().dead([0, 2]);
    watch.poll(5, &lost.clone().heard([4])).await;
    watch.once(lost.clone().heard(6..=15)).await;
    watch.nth_of(23, 0, &lost.clone().heard([8, 13])).await;
    watch.nth_of(23, 1, &lost.clone().heard([8, 13])).await;
    // The last answer of the poll, all led, is one of those that need the exporters.
    for nth in 0..3 {
        watch.nth_of(24, nth, &lost.clone().last_of(23)).await;
    }
    watch.assert_seen(
        &[Code::RegionSuspected, Code::RegionLost, Code::ElectingAfterForce],
        31.418,
        10.0,
    );
}

#[tokio::test(start_paused = true)]
async fn a_survivor_that_is_down_watched_until_it_is_back() {
    let mut watch = Watch::begin(SURVIVOR_DOWN);
    watch.poll(1, &SURVIVOR_DOWN.stage().dead([1, 2, 3])).await;
    watch
        .poll(4, &SURVIVOR_DOWN.stage().last_of(1).dead([1, 2, 3]))
        .await;
    // Broker 2 runs again from here on; nobody asked it.
    watch.poll(9, &SURVIVOR_DOWN.stage().heard([5]).dead(ODD_4)).await;
    for nth in 0..4 {
        watch
            .nth_of(10, nth, &SURVIVOR_DOWN.stage().last_of(9).dead(ODD_4))
            .await;
    }
    assert_eq!(
        watch.codes,
        [
            Code::RegionLostSurvivorDown,
            Code::ChangeStuck,
            Code::ChangeRunning,
            Code::ElectingAfterForce,
        ],
        "{:?}",
        watch.since_s
    );
}
