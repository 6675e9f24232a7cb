//! The traps in what a real Zeebe shows of changes and leaders, each by name. `spec: baseline.md`, `edge-cases.md`

use c8dr_domain::condition::Condition;
use c8dr_domain::diagnose::{Code, diagnose};
use c8dr_domain::fence::Pale;
use c8dr_domain::history::History;
use c8dr_domain::topology::ChangeStatus;

use crate::world::{LONDON, LONG, PARIS, Voice, brokers, disabling, watched};

use crate::asking::*;

// Changes.

#[test]
fn the_previous_changes_completed_says_nothing_while_ours_is_pending() {
    let ours = four().ended(6, ChangeStatus::Completed);
    let ours = ours.clone().pending(8, disabling(&ours, PARIS, 0));
    stands(
        &Condition::ChangeEnded,
        Some(8),
        &watched(&[(&ours, 1)]),
        NotYet,
        "0 of 4 operations of change 8 done",
    );
    // Nor before the server shows ours at all.
    let before = four().ended(6, ChangeStatus::Completed);
    stands(
        &Condition::ChangeEnded,
        Some(8),
        &watched(&[(&before, 1)]),
        NotYet,
        "not shown yet",
    );
}

#[test]
fn change_ids_jump_and_others_come_after_ours() {
    let case = |last, how, says: &str| {
        let world = four().ended(last, ChangeStatus::Completed);
        stands(
            &Condition::ChangeEnded,
            Some(7),
            &watched(&[(&world, 1)]),
            how,
            says,
        );
    };
    case(7, Met, "Change 7 is COMPLETED");
    case(4, NotYet, "Change 7 is not shown yet");
    case(11, Met, "Change 11 came after ours (7)");
}

#[test]
fn a_change_that_was_cancelled_or_failed_is_no_matter_of_patience() {
    for status in [ChangeStatus::Cancelled, ChangeStatus::Failed] {
        let world = four().ended(7, status.clone());
        stands(
            &Condition::ChangeEnded,
            Some(7),
            &watched(&[(&world, 1)]),
            Broken,
            status.as_str(),
        );
    }
}

#[test]
fn timestamps_may_be_absent_and_so_may_any_change() {
    stands(
        &Condition::ChangeEnded,
        None,
        &watched(&[(&four(), 1)]),
        Met,
        "Nothing is pending",
    );
    let dateless = failed_over();
    assert!(
        dateless
            .configuration()
            .last_change
            .unwrap()
            .completed_at
            .is_none()
    );
    diagnosed(&watched(&[(&dateless, LONG)]), Code::FailedOver);
}

#[test]
fn completed_is_not_led() {
    let electing = four().loses(PARIS).forced(PARIS, 2);
    let history = watched(&[(&electing, LONG)]);
    stands(&Condition::ChangeEnded, Some(2), &history, Met, "COMPLETED");
    stands(&led_by_survivors(), Some(2), &history, NotYet, "Partition 1");
    diagnosed(&history, Code::ElectingAfterForce);
}

// Who leads.

#[test]
fn leaders_are_believed_after_three_readings_and_two_gateways() {
    let electing = four().loses(PARIS).forced(PARIS, 2);
    let led = electing.clone().elected();
    stands(
        &led_by_survivors(),
        None,
        &watched(&[(&electing, 5), (&led, 2)]),
        NotYet,
        "2 of 3 readings",
    );
    stands(
        &led_by_survivors(),
        None,
        &watched(&[(&electing, 5), (&led, 3)]),
        Met,
        "Every partition is led",
    );
    // Gateways disagree for some two seconds.
    let disagreeing = led.clone().deaf(2);
    stands(
        &led_by_survivors(),
        None,
        &watched(&[(&disagreeing, 9)]),
        NotYet,
        "1 of 2 gateways say so, 2 are wanted",
    );
    stands(
        &led_by_survivors(),
        None,
        &watched(&[(&led, 5), (&disagreeing, 1), (&led, 2)]),
        NotYet,
        "2 of 3",
    );
}

#[test]
fn survivors_are_ready_while_nothing_is_led() {
    let history = watched(&[(&four().loses(PARIS), LONG)]);
    let latest = history.latest().unwrap();
    assert!(
        brokers(&[0, 2])
            .iter()
            .all(|id| latest.brokers[id].ready.seen() == Some(&true))
    );
    stands(&led_by_survivors(), None, &history, NotYet, "Partition 1");
    diagnosed(&history, Code::RegionLost);
}

#[test]
fn hanging_partitions_while_leaders_step_down_are_a_suspicion_and_no_proof() {
    let hanging = four()
        .dies_just_now(PARIS)
        .voice(0, Voice::Hangs)
        .voice(2, Voice::Hangs);
    let history = watched(&[(&four(), 3), (&four().dies_just_now(PARIS), 1), (&hanging, LONG)]);
    let diagnosis = diagnosed(&history, Code::RegionSuspected);
    assert!(!diagnosis.evidence.is_empty());
    refused(&history, PARIS, "not-fenced");
    gap_in(&history, PARIS, Pale::Leaderless, "confirmed nor denied");
    // A hanging broker holds its partitions: it is not taken for one without any.
    stands(
        &led_by_survivors(),
        None,
        &history,
        NotYet,
        "Partition 1: gateways list broker 0 as leader, but nobody confirms it.",
    );
    // When they have stepped down the region is lost, without waiting for another election.
    let down = watched(&[(&four(), 3), (&hanging, 4), (&four().loses(PARIS), 2)]);
    diagnosed(&down, Code::RegionLost);
}

#[test]
fn an_empty_answer_is_unknown_and_not_no_partitions() {
    let nothing_said = four().loses(PARIS).voice(0, Voice::SaysNothing);
    let history = watched(&[(&nothing_said, LONG)]);
    gap_in(&history, PARIS, Pale::Leaderless, "do not say who leads");
    diagnosed(&history, Code::RegionSuspected);
}

#[test]
fn a_healthy_leader_that_does_not_confirm_does_not_lead() {
    // Broker 0 is cut off from its search: listed as healthy leader of 1 for a minute, blocked, and leading nothing.
    let stale = four().loses(PARIS).ghost(0, &[1]).voice(0, Voice::SaysNothing);
    let history = watched(&[(&stale, LONG)]);
    gap_in(
        &history,
        PARIS,
        Pale::Leaderless,
        "Gateways list broker 0 as leader of partition 1",
    );
    // After the force it keeps partition 1 from being proven led.
    let forced = stale
        .forced(PARIS, 2)
        .elected()
        .voice(0, Voice::SaysNothing)
        .leads(0, 1);
    stands(
        &led_by_survivors(),
        None,
        &watched(&[(&forced, LONG)]),
        NotYet,
        "Partition 1: gateways list broker 0 as leader",
    );
    // And a leader that denies is never believed, whatever gateways say.
    let denied = four().loses(PARIS).ghost(0, &[1]);
    assert_eq!(fence_gaps(&watched(&[(&denied, LONG)]), PARIS), []);
}

#[test]
fn ghosts_of_the_dead_neither_lead_nor_stand_in_the_way() {
    // Gateways list dead leaders for 13 s; the fence goes by the survivors' own word.
    let listed = watched(&[(&four().loses(PARIS), LONG)]);
    assert_eq!(fence_gaps(&listed, PARIS), []);
    // One comes back in the topology ten seconds after it was dropped, with its stale leader role.
    let led = four().loses(PARIS).forgotten().forced(PARIS, 2).elected();
    let haunted = led.clone().ghost(3, &[4]);
    stands(
        &led_by_survivors(),
        None,
        &watched(&[(&led, 2), (&haunted, 1)]),
        Met,
        "Every partition is led",
    );
    diagnosed(&watched(&[(&haunted.disabled(PARIS, 4), 3)]), Code::FailedOver);
}

#[test]
fn one_reading_proves_no_loss() {
    for few in 1..=2 {
        let history = watched(&[(&four(), 3), (&four().loses(PARIS), few)]);
        diagnosed(&history, Code::RegionSuspected);
        refused(&history, PARIS, "not-fenced");
    }
    // Nor do readings with an hour in between.
    let lost = four().loses(PARIS);
    let apart: History = (0..5).map(|hour| lost.look(hour * 3_600_000)).collect();
    diagnosed(&apart, Code::RegionSuspected);
}

#[test]
fn a_leader_that_handed_over_in_good_times_has_not_stepped_down_for_the_loss() {
    // All is led from Paris now, but broker 0 led partition 1 before a rebalance; then Paris goes dark.
    let mut paris_leads = four();
    for partition in 1..=4 {
        paris_leads = paris_leads.leads(1, partition);
    }
    let lost = paris_leads.clone().loses(PARIS);
    let history = watched(&[(&four(), 5), (&paris_leads, 5), (&lost, 4)]);
    gap_in(&history, PARIS, Pale::Leaderless, "an election may take 2.5 s");
    assert_eq!(
        fence_gaps(&watched(&[(&four(), 5), (&paris_leads, 5), (&lost, 7)]), PARIS),
        []
    );
}

// Led twice.

#[test]
fn a_partition_led_by_two_brokers_stops_every_force() {
    let twice = four().leads_as_well(1, 1);
    let history = watched(&[(&twice, 2)]);
    let diagnosis = diagnosed(&history, Code::PartitionLedTwice);
    assert!(
        diagnosis.evidence[0].contains("brokers 0 and 1"),
        "{diagnosis:#?}"
    );
    refused_in_any_case(&history, PARIS, "partition-led-twice");
    refused_in_any_case(&history, LONDON, "partition-led-twice");
    // Both sides were forced and merged: the configuration looks whole and healthy, one reading is enough to refuse.
    refused_in_any_case(
        &watched(&[(&four(), 5), (&twice, 1)]),
        PARIS,
        "partition-led-twice",
    );
    let unfenced = Condition::Fenced {
        lost: PARIS,
        pales: [Pale::SurvivorsUp].into(),
    };
    stands(&unfenced, None, &history, Broken, "at once");
}

#[test]
fn one_hand_over_is_no_second_leader() {
    let history = watched(&[(&four(), 3), (&four().leads_as_well(1, 1), 1)]);
    assert_ne!(
        diagnose(&four().installation, &history).code,
        Code::PartitionLedTwice
    );
}
