//! The traps of a real Zeebe, each by name. `spec: baseline.md`, `real-zeebe/README.md §6`, `edge-cases.md`

use c8dr_domain::check::{Severity, check};
use c8dr_domain::condition::{Condition, Known, Verdict};
use c8dr_domain::diagnose::{Code, Diagnosis, diagnose};
use c8dr_domain::fence::{Gap, Pale, gaps};
use c8dr_domain::history::History;
use c8dr_domain::ids::{ChangeId, ExporterId, PartitionId, RegionId};
use c8dr_domain::observation::Silence;
use c8dr_domain::picture::Picture;
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::plan::{Plan, Refusal, StepId};
use c8dr_domain::topology::{ChangeStatus, ExporterStatus};

use crate::world::{
    LONDON, LONG, PARIS, Voice, World, brokers, disabling, enabling_unknown, exporter, noon, removal, watched,
};

const FO1: StepId = StepId::Fo1;
const FO2: StepId = StepId::Fo2;

fn four() -> World {
    World::of(4, 4)
}

fn failed_over() -> World {
    four().loses(PARIS).forced(PARIS, 2).elected().disabled(PARIS, 4)
}

#[track_caller]
fn diagnosed(history: &History, code: Code) -> Diagnosis {
    let diagnosis = diagnose(&four().installation, history);
    assert_eq!(diagnosis.code, code, "{diagnosis:#?}");
    diagnosis
}

#[track_caller]
fn asked(history: &History, request: &Request) -> Result<Plan, Refusal> {
    plan(&four().installation, history, request, noon())
}

#[track_caller]
fn refused(history: &History, lost: RegionId, code: &str) -> Refusal {
    let refusal = asked(history, &Request::new(lost)).unwrap_err();
    assert_eq!(refusal.code, code, "{refusal:#?}");
    assert!(!refusal.way_out.is_empty(), "no way out: {refusal:#?}");
    refusal
}

#[track_caller]
fn planned(history: &History, lost: RegionId, steps: &[StepId]) -> Plan {
    let plan = asked(history, &Request::new(lost)).unwrap();
    let owed: Vec<StepId> = plan.steps.iter().map(|step| step.id).collect();
    assert_eq!(owed, steps, "{plan:#?}");
    let errors: Vec<_> = check(&plan, history.latest())
        .into_iter()
        .filter(|complaint| complaint.severity == Severity::Error)
        .collect();
    assert_eq!(errors, [], "the checker complains");
    plan
}

/// An override does not help.
#[track_caller]
fn refused_in_any_case(history: &History, lost: RegionId, code: &str) {
    let mut request = Request::new(lost);
    request.accept_unfenced = Some("I know better".to_owned());
    request.accept_data_loss = Some("I really do".to_owned());
    refused(history, lost, code);
    assert_eq!(asked(history, &request).unwrap_err().code, code);
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stands {
    Met,
    NotYet,
    Broken,
}
use Stands::{Broken, Met, NotYet};

/// How a condition stands, with a part of what it says.
#[track_caller]
fn stands(condition: &Condition, change: Option<i64>, history: &History, how: Stands, says: &str) {
    let known = Known {
        change: change.map(ChangeId),
        ..Known::default()
    };
    judged(condition, &known, history, how, says);
}

#[track_caller]
fn judged(condition: &Condition, known: &Known, history: &History, how: Stands, says: &str) {
    let installation = four().installation;
    let picture = Picture::of(&installation, history).unwrap();
    let verdict = condition.judge(&picture, known);
    let stands = match verdict {
        Verdict::Met(_) => Met,
        Verdict::NotYet(_) => NotYet,
        Verdict::Broken(_) => Broken,
    };
    assert_eq!(stands, how, "{verdict:?}");
    assert!(verdict.words().contains(says), "{says:?} is not in {verdict:?}");
}

#[track_caller]
fn fence_gaps(history: &History, lost: RegionId) -> Vec<Gap> {
    let installation = four().installation;
    gaps(&Picture::of(&installation, history).unwrap(), lost)
}

#[track_caller]
fn gap_in(history: &History, lost: RegionId, pale: Pale, says: &str) {
    let gaps = fence_gaps(history, lost);
    let gap = gaps
        .iter()
        .find(|gap| gap.pale == pale)
        .unwrap_or_else(|| panic!("no gap in {pale:?}: {gaps:#?}"));
    assert!(gap.why.contains(says), "{says:?} is not in {gap:?}");
}

fn led_by_survivors() -> Condition {
    Condition::Led { by: brokers(&[0, 2]) }
}

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

// Forces.

#[test]
fn a_force_is_never_owed_twice_while_leaders_are_missing() {
    let still = Condition::StillMembers {
        brokers: brokers(&[1, 3]),
    };
    let electing = four().loses(PARIS).forced(PARIS, 2);
    let history = watched(&[(&electing, LONG)]);
    stands(&still, None, &history, NotYet, "were removed already");
    planned(&history, PARIS, &[FO2]);
    // A survivor that is slow to tell the configuration is no lost coordinator.
    for slow in [
        electing.clone().coordinator_hangs(),
        electing.coordinator_declines(504, "timed out"),
    ] {
        let history = watched(&[(&four().loses(PARIS), 5), (&slow, LONG)]);
        stands(&still, None, &history, NotYet, "cannot be read");
        refused(&history, PARIS, "members-unreadable");
        diagnosed(&history, Code::Unclear);
    }
    // Nor after region 0 went, whose coordinator may well be lost.
    let still = Condition::StillMembers {
        brokers: brokers(&[0, 2]),
    };
    let slow = four().loses(LONDON).forced(LONDON, 2).coordinator_hangs();
    let history = watched(&[(&four().loses(LONDON), 5), (&slow, LONG)]);
    stands(&still, None, &history, NotYet, "cannot be read");
    refused(&history, LONDON, "members-unreadable");
}

#[test]
fn a_removal_met_half_way_is_taken_up_and_not_repeated() {
    let lost = four().loses(PARIS);
    let running = lost.clone().pending(2, removal(&lost, PARIS));
    for world in [
        running.clone(),
        running.clone().progressed(3),
        running.progressed(5).without_members(&[1]),
    ] {
        let history = watched(&[(&world, 3)]);
        let diagnosis = diagnosed(&history, Code::ChangeRunning);
        assert_eq!(diagnosis.change, Some(ChangeId(2)));
        planned(&history, PARIS, &[FO1, FO2]);
        stands(
            &Condition::NothingPending,
            None,
            &history,
            NotYet,
            "Change 2 is pending",
        );
    }
    // In the opposite direction it is somebody else's.
    let theirs = lost.clone().pending(2, removal(&lost, LONDON));
    refused(&watched(&[(&theirs, LONG)]), PARIS, "change-pending");
}

#[test]
fn an_exporter_disabled_before_the_force_is_stuck_and_the_way_out_is_told() {
    let lost = four().loses(PARIS);
    let stuck = lost.clone().pending(2, disabling(&lost, PARIS, 1));
    let history = watched(&[(&stuck, LONG)]);
    let diagnosis = diagnosed(&history, Code::ChangeStuck);
    assert_eq!(diagnosis.region, Some(PARIS));
    assert!(
        diagnosis.next.iter().any(|next| next.contains("changes/2")),
        "{diagnosis:#?}"
    );
    let refusal = refused(&history, PARIS, "change-pending");
    assert!(
        refusal.summary.contains("409") && refusal.summary.contains("waits for broker 1"),
        "{refusal:#?}"
    );
    assert!(refusal.way_out[0].contains("DELETE"), "{refusal:#?}");
    // Cancelled, the failover goes its ordinary way.
    let free = lost.ended(2, ChangeStatus::Cancelled);
    planned(&watched(&[(&free, LONG)]), PARIS, &[FO1, FO2]);
}

#[test]
fn an_unknown_exporter_that_somebody_enables_blocks_the_failover() {
    let blocked = four().loses(PARIS).pending(2, enabling_unknown(0));
    refused(&watched(&[(&blocked, LONG)]), PARIS, "change-pending");
}

#[test]
fn an_exporter_that_the_cluster_does_not_have_is_refused_before_anything_is_sent() {
    let other = four().loses(PARIS).exporter_renamed(PARIS, "camundaregion1");
    let refusal = refused(&watched(&[(&other, LONG)]), PARIS, "exporter-unknown");
    assert!(refusal.summary.contains("camundaregion1"), "{refusal:#?}");
    let unknown = Condition::Exporter {
        exporter: ExporterId::new("nosuch"),
        status: ExporterStatus::Disabled,
    };
    stands(
        &unknown,
        None,
        &watched(&[(&four(), 1)]),
        Broken,
        "no exporter nosuch",
    );
}

#[test]
fn the_survivors_exporter_must_be_on_before_the_other_goes_off() {
    let both_off = four().loses(PARIS).exporter_is(LONDON, ExporterStatus::Disabled);
    let plan = planned(&watched(&[(&both_off, LONG)]), PARIS, &[FO1, FO2]);
    assert!(
        plan.notes
            .iter()
            .any(|note| note.contains("elasticsearchregion0 is DISABLED")),
        "{:#?}",
        plan.notes
    );
    let on = Condition::Exporter {
        exporter: exporter(LONDON),
        status: ExporterStatus::Enabled,
    };
    assert!(plan.steps[1].before.contains(&on));
}

#[test]
fn one_survivor_down_is_repaired_first() {
    for (lost, down) in [(PARIS, 2), (PARIS, 0), (LONDON, 1), (LONDON, 3)] {
        let world = four().loses(lost).silent(down);
        let history = watched(&[(&world, LONG)]);
        let diagnosis = diagnosed(&history, Code::RegionLostSurvivorDown);
        assert!(
            diagnosis.next[0].contains(&format!("broker {down}")),
            "{diagnosis:#?}"
        );
        let refusal = refused(&history, lost, "survivor-down");
        assert!(
            refusal.way_out[0].contains(&format!("Start broker {down}")),
            "{refusal:#?}"
        );
    }
    // It has only just come back: that is a matter of readings, not of a broker that is down.
    let back = watched(&[(&four().loses(PARIS).silent(2), 5), (&four().loses(PARIS), 2)]);
    let refusal = refused(&back, PARIS, "not-fenced");
    assert!(!refusal.summary.contains("no broker"), "{refusal:#?}");
}

#[test]
fn with_data_loss_accepted_the_dead_survivor_goes_with_the_lost_region() {
    let world = four().loses(PARIS).silent(2);
    let history = watched(&[(&world, LONG)]);
    let mut request = Request::new(PARIS);
    request.accept_data_loss = Some("its disk burnt".to_owned());
    let plan = asked(&history, &request).unwrap();
    assert_eq!(plan.kept(), brokers(&[0]));
    let words = plan.steps[0].effect.words();
    assert_eq!(words, "remove brokers 1, 2 and 3 by force, keep broker 0");
    assert_eq!(check(&plan, history.latest()), []);
    // But never down to nothing of a partition.
    let none = watched(&[(&four().loses(PARIS).silent(0).silent(2), LONG)]);
    assert!(asked(&none, &request).is_err());
}

#[test]
fn a_lost_broker_that_answers_again_is_a_persons_matter() {
    let lost = four().loses(PARIS);
    let back = lost.clone().voice(3, Voice::Blank);
    let history = watched(&[(&lost, LONG), (&back, 1)]);
    let all = [
        Pale::LostSilent,
        Pale::SurvivorsUp,
        Pale::NoQuorumLost,
        Pale::Leaderless,
    ];
    let fenced = Condition::Fenced {
        lost: PARIS,
        pales: all.into(),
    };
    stands(
        &fenced,
        None,
        &history,
        Broken,
        "Broker 3 of region paris answers at its own endpoint",
    );
    refused(&history, PARIS, "lost-region-answers");
    stands(&fenced, None, &watched(&[(&lost, LONG)]), Met, "fenced");
}

#[test]
fn a_cut_link_is_not_a_loss_and_either_force_needs_a_named_override() {
    let history = watched(&[(&four(), 3), (&four().cut(), LONG)]);
    diagnosed(&history, Code::LinkCut);
    for lost in [LONDON, PARIS] {
        let refusal = refused(&history, lost, "lost-region-answers");
        assert!(
            refusal
                .way_out
                .iter()
                .any(|way| way.contains("--accept-unfenced")),
            "{refusal:#?}"
        );
        let mut request = Request::new(lost);
        request.accept_unfenced = Some("the data centre burns".to_owned());
        let plan = asked(&history, &request).unwrap();
        assert_eq!(check(&plan, history.latest()), []);
    }
}

#[test]
fn a_healthy_cluster_is_never_forced() {
    let history = watched(&[(&four(), LONG)]);
    diagnosed(&history, Code::Healthy);
    refused(&history, PARIS, "lost-region-answers");
    // Nor one whose other region only we cannot see.
    let mut unseen = four();
    for broker in [1, 3] {
        unseen = unseen.leads(0, 2).leads(2, 4).ghost(broker, &[]).silent(broker);
    }
    let history = watched(&[(&unseen, 50)]);
    diagnosed(&history, Code::RegionUnreachableFromHere);
    refused(&history, PARIS, "region-unreachable-from-here");
}

#[test]
fn the_wrong_region_is_refused() {
    let history = watched(&[(&four().loses(PARIS), LONG)]);
    refused(&history, LONDON, "lost-region-answers");
    // And the one that was kept is all there is, ever after.
    let refusal = refused(&watched(&[(&failed_over(), LONG)]), LONDON, "last-region");
    assert!(refusal.way_out[0].contains("the only copy"), "{refusal:#?}");
    let worse = failed_over().silent(0).silent(2);
    refused(&watched(&[(&worse, LONG)]), LONDON, "nothing-answers");
}

// Region 0 and the coordinator.

#[test]
fn with_region_0_lost_reads_fail_until_the_force_and_the_force_is_planned_all_the_same() {
    let lost = four().loses(LONDON);
    for world in [
        lost.clone(),
        lost.clone().coordinator_hangs(),
        lost.coordinator_declines(500, "closed"),
    ] {
        let history = watched(&[(&four(), 3), (&world, LONG)]);
        let diagnosis = diagnosed(&history, Code::RegionLost);
        assert!(
            diagnosis
                .evidence
                .iter()
                .any(|seen| seen.contains("A force still works")),
            "{diagnosis:#?}"
        );
        let plan = planned(&history, LONDON, &[FO1, FO2]);
        assert_eq!(plan.kept(), brokers(&[1, 3]));
        let still = Condition::StillMembers {
            brokers: brokers(&[0, 2]),
        };
        stands(&still, None, &history, Met, "still the coordinator");
        stands(
            &Condition::NothingPending,
            None,
            &history,
            Met,
            "a rehearsal will tell",
        );
    }
}

#[test]
fn a_change_pending_when_the_coordinator_is_lost_is_a_dead_end_with_two_ways_out() {
    let busy = four().pending(2, enabling_unknown(0));
    let lost = busy.clone().loses(LONDON);
    let history = watched(&[(&busy, 3), (&lost, LONG)]);
    let diagnosis = diagnosed(&history, Code::CoordinatorLost);
    assert_eq!(diagnosis.change, Some(ChangeId(2)));
    assert!(diagnosis.summary.contains("broker 0"), "{diagnosis:#?}");
    let refusal = refused(&history, LONDON, "coordinator-lost");
    for way in ["with its old data", "empty broker with node id 0"] {
        assert!(
            refusal.way_out.iter().any(|out| out.contains(way)),
            "{way} is not in {refusal:#?}"
        );
    }
    // With Paris lost the coordinator lives: slow, but it can still be asked to cancel.
    let slow = busy.clone().loses(PARIS).coordinator_hangs();
    let history = watched(&[(&busy, 3), (&slow, LONG)]);
    assert_ne!(
        diagnose(&four().installation, &history).code,
        Code::CoordinatorLost
    );
}

// Positions.

#[test]
fn an_unknown_position_is_never_zero() {
    let known = Known {
        processed: [(PartitionId(1), 900)].into(),
        ..Known::default()
    };
    let case = |world: &World, condition: &Condition, how, says: &str| {
        judged(condition, &known, &watched(&[(world, 3)]), how, says);
    };
    let led = failed_over();
    case(
        &led,
        &Condition::NothingCutOff,
        Met,
        "unknown for partitions 2, 3 and 4",
    );
    case(&led, &Condition::ExportingAgain, Met, "Every leader exports");
    let unknown = led.clone().positions(None, None);
    case(
        &unknown,
        &Condition::NothingCutOff,
        NotYet,
        "Partition 1: the leader's position is not known",
    );
    case(
        &unknown,
        &Condition::ExportingAgain,
        NotYet,
        "nothing is known to be exported",
    );
    let short = led.clone().positions(Some(899), Some(899));
    case(
        &short,
        &Condition::NothingCutOff,
        NotYet,
        "up to 899; 900 had been",
    );
    case(
        &short,
        &Condition::ExportingAgain,
        NotYet,
        "exported up to 899 of 900",
    );
    case(
        &led.paused(),
        &Condition::ExportingAgain,
        Broken,
        "somebody paused it",
    );
    let mut remembered = Known::default();
    remembered.remember(&unknown.look(0));
    assert!(remembered.processed.is_empty());
}

#[test]
fn a_leader_that_only_gateways_know_keeps_its_position_unknown() {
    let known = Known {
        processed: [(PartitionId(1), 900)].into(),
        ..Known::default()
    };
    let unasked = failed_over().unasked(LONDON);
    judged(
        &Condition::NothingCutOff,
        &known,
        &watched(&[(&unasked, 3)]),
        Met,
        "unknown",
    );
}

// Endpoints that are not configured.

#[test]
fn without_the_lost_brokers_endpoints_gateways_must_have_dropped_them_for_a_while() {
    let listed = four().loses(PARIS).unasked(PARIS);
    gap_in(
        &watched(&[(&listed, LONG)]),
        PARIS,
        Pale::LostSilent,
        "2 of 2 gateways still list them",
    );
    let mut dropped = four()
        .nobody_leads()
        .gateways_of(&[0, 2])
        .unasked(PARIS)
        .ghost(1, &[]);
    dropped = dropped.forgotten().without_members(&[]).cut();
    gap_in(
        &watched(&[(&listed, 5), (&dropped, 1)]),
        PARIS,
        Pale::LostSilent,
        "for 1 reading over",
    );
    assert_eq!(fence_gaps(&watched(&[(&dropped, LONG)]), PARIS), []);
}

#[test]
fn all_brokers_silent_while_gateways_answer_is_no_loss_of_either_region() {
    let mut blind = four().nobody_leads();
    for broker in 0..4 {
        blind = blind.voice(broker, Voice::Unasked);
    }
    let mut reading = blind.look(0);
    let silent = four()
        .loses(PARIS)
        .voice(1, Voice::Silent(Silence::NoConnection))
        .look(0);
    for broker in 0..4u32 {
        let sight = silent.brokers[&c8dr_domain::ids::BrokerId(1)].clone();
        reading.brokers.insert(c8dr_domain::ids::BrokerId(broker), sight);
    }
    let history: History = [reading].into_iter().collect();
    let diagnosis = diagnosed(&history, Code::Unclear);
    assert!(
        diagnosis.summary.contains("though gateways answer"),
        "{diagnosis:#?}"
    );
}
