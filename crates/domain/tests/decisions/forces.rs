//! The traps before a force, and when the coordinator, a position or an endpoint is missing, each by name.
//! `spec: real-zeebe/README.md §6`, `edge-cases.md E2, E8, E9`

use c8dr_domain::check::check;
use c8dr_domain::condition::{Condition, Known};
use c8dr_domain::diagnose::{Code, diagnose};
use c8dr_domain::fence::Pale;
use c8dr_domain::history::History;
use c8dr_domain::ids::{ChangeId, ExporterId, PartitionId};
use c8dr_domain::observation::Silence;
use c8dr_domain::plan::failover::Request;
use c8dr_domain::topology::{ChangeStatus, ExporterStatus};

use crate::world::{
    LONDON, LONG, PARIS, Voice, World, brokers, disabling, enabling_unknown, exporter, removal, watched,
};

use crate::asking::*;

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
    // A force with an unknown broker to remove cuts every partition down to all of its replicas: nobody's failover.
    let mut nothing = removal(&lost, PARIS);
    nothing.retain(|operation| operation.partition.is_some());
    for operation in &mut nothing {
        operation.brokers = lost.installation.brokers().into_iter().collect();
    }
    let for_nothing = lost.clone().pending(2, nothing);
    refused(&watched(&[(&for_nothing, LONG)]), PARIS, "change-pending");
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
