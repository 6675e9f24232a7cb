//! The pause: hard and everywhere, drained by the leaders' own metrics, V unmoved, room on the disks.

use super::*;

#[test]
fn paused_hard_by_everyones_own_account() {
    let paused = Condition::ExportingPaused {
        brokers: brokers(&[0, 2]),
    };
    stands(&paused, &rebuilt(), NotYet, "EXPORTING on broker 0");
    stands(&paused, &rebuilt().paused(), Met, "have paused");
    stands(
        &paused,
        &rebuilt().paused().phase_of(2, ExporterPhase::SoftPaused),
        NotYet,
        "SOFT_PAUSED on broker 2",
    );
    stands(
        &paused,
        &rebuilt().paused().phase_of(2, ExporterPhase::Exporting),
        NotYet,
        "EXPORTING on broker 2",
    );
    stands(
        &paused,
        &rebuilt().paused().voice(2, Voice::SaysNothing),
        NotYet,
        "Broker 2 does not say",
    );
    stands(
        &paused,
        &rebuilt().paused().voice(2, Voice::Hangs),
        NotYet,
        "Broker 2 does not say",
    );
}

#[test]
fn exporting_by_everyones_own_account() {
    let on = Condition::ExportingOn {
        brokers: brokers(&[0, 2]),
    };
    stands(&on, &rebuilt(), Met, "Brokers 0 and 2 export");
    stands(&on, &rebuilt().paused(), NotYet, "PAUSED on broker 0");
    stands(
        &on,
        &rebuilt().phase_of(2, ExporterPhase::Paused),
        NotYet,
        "PAUSED on broker 2",
    );
    stands(
        &on,
        &rebuilt().phase_of(2, ExporterPhase::Closed),
        NotYet,
        "on broker 2",
    );
    stands(&on, &rebuilt().silent(2), NotYet, "Broker 2 does not say");
}

fn drained() -> Condition {
    Condition::Drained {
        exporter: exporter(LONDON),
    }
}

#[test]
fn drained_by_the_leaders_metrics_of_the_enabled_exporter() {
    // Followers' series and the disabled exporter's are 475 and 381 for ever: they are in every page of this world.
    let world = rebuilt().paused().measured(Some(1_000), Some(1_000));
    over(
        &drained(),
        &watched(&[(&world, 1)]),
        &facts(),
        Met,
        "Nothing is in the hands",
    );
    let in_hand = rebuilt().paused().measured(Some(1_030), Some(1_000));
    stands(
        &drained(),
        &in_hand,
        NotYet,
        "handed records up to 1030, and has acknowledged 1000",
    );
}

#[test]
fn unequal_metrics_are_not_drained_however_long_they_stand() {
    let in_hand = rebuilt().paused().measured(Some(1_030), Some(1_000));
    over(
        &drained(),
        &watched(&[(&in_hand, 60)]),
        &facts(),
        NotYet,
        "handed records up to 1030",
    );
}

/// Without metrics only time can tell: fifteen seconds in which the position stood still, paused.
#[test]
fn without_metrics_the_weaker_criterion_counts() {
    let blind = rebuilt().paused();
    over(
        &drained(),
        &watched(&[(&blind, 2)]),
        &facts(),
        NotYet,
        "has stood still for",
    );
    over(&drained(), &watched(&[(&blind, 29)]), &facts(), NotYet, "of 15 s");
    over(&drained(), &watched(&[(&blind, 31)]), &facts(), Met, "Nothing");
    let moved = blind.clone().positions(Some(1_000), Some(990));
    over(
        &drained(),
        &watched(&[(&moved, 40), (&blind, 5)]),
        &facts(),
        NotYet,
        "has stood still for 2",
    );
    // Before the pause records were on their way: standing still then says nothing.
    let running = rebuilt();
    over(
        &drained(),
        &watched(&[(&running, 40), (&blind, 5)]),
        &facts(),
        NotYet,
        "has stood still for 2",
    );
    let no_series = rebuilt().paused().measured(None, None);
    over(
        &drained(),
        &watched(&[(&no_series, 5)]),
        &facts(),
        NotYet,
        "the metrics do not tell",
    );
    over(
        &drained(),
        &watched(&[(&no_series, 31)]),
        &facts(),
        Met,
        "Nothing",
    );
}

/// Metrics of an older leadership differ from what the broker says itself: they are not believed, equal or not.
#[test]
fn metrics_that_contradict_the_broker_are_not_believed() {
    let old = rebuilt().paused().measured(Some(900), Some(900));
    over(
        &drained(),
        &watched(&[(&old, 5)]),
        &facts(),
        NotYet,
        "the metrics do not tell",
    );
}

#[test]
fn an_unknown_position_is_never_drained() {
    let unknown = rebuilt()
        .paused()
        .positions(Some(1_000), None)
        .measured(Some(1_000), Some(1_000));
    over(
        &drained(),
        &watched(&[(&unknown, 60)]),
        &facts(),
        NotYet,
        "does not know how far",
    );
    let unled = rebuilt().paused().unled(2).measured(Some(1_000), Some(1_000));
    over(
        &drained(),
        &watched(&[(&unled, 60)]),
        &facts(),
        NotYet,
        "Partition 2 has no leader",
    );
}

#[test]
fn v_unmoved() {
    let unmoved = Condition::Unmoved {
        exporter: exporter(LONDON),
    };
    let here = rebuilt().paused();
    stands(&unmoved, &here, Met, "still stands at V");
    stands(&unmoved, &rebuilt(), Moved, "Somebody has resumed it");
    // Resumed and paused again: invisible in the phases.
    let moved = here.clone().positions(Some(1_010), Some(1_001));
    stands(&unmoved, &moved, Moved, "partition 1 from 1000 to 1001");
    // A leader that has fewer acknowledged: another one, at an older position.
    let behind = here.clone().positions(Some(1_010), Some(999));
    stands(&unmoved, &behind, Moved, "or a leader changed");
    stands(
        &unmoved,
        &here.clone().positions(Some(1_000), None),
        NotYet,
        "does not know",
    );
    stands(
        &unmoved,
        &here.clone().unled(4),
        NotYet,
        "Partition 4 has no leader",
    );
    stands(
        &unmoved,
        &here.clone().phase(ExporterPhase::SoftPaused),
        NotYet,
        "SOFT_PAUSED",
    );
    let history = watched(&[(&here, 3)]);
    let unknown = Facts {
        positions: Default::default(),
        ..facts()
    };
    over(&unmoved, &history, &unknown, NotYet, "not known yet");
}

#[test]
fn room_on_the_disks() {
    const GB: u64 = 1_000_000_000;
    let room = |floor_s| Condition::RoomLeft {
        brokers: brokers(&[0, 2]),
        floor_s,
        reserve_bytes: 2 * GB,
    };
    let free = |bytes| rebuilt().paused().disks(bytes);
    stands(&room(600), &rebuilt(), Met, "unknown");
    stands(&room(600), &free(50 * GB), Met, "unknown");
    over(
        &room(600),
        &watched(&[(&free(50 * GB), 12)]),
        &facts(),
        Met,
        "No disk fills up",
    );
    // 6 s, 30 MB in each of which 5 MB/s: 8 GB above the reserve last for about 1600 s.
    let filling: Vec<World> = (0..12).map(|i| free(10 * GB - i * 2_500_000)).collect();
    let scenes: Vec<(&World, usize)> = filling.iter().map(|world| (world, 1)).collect();
    over(
        &room(600),
        &watched(&scenes),
        &facts(),
        Met,
        "last for 26 minutes",
    );
    over(
        &room(3_600),
        &watched(&scenes),
        &facts(),
        Broken,
        "3600 s are the least",
    );
    // Compacted a while ago, and filling since: the pace is that of the filling.
    let full = free(4 * GB);
    let mut since = vec![(&full, 100)];
    since.extend(&scenes);
    over(&room(3_600), &watched(&since), &facts(), Broken, "lasts for 1");
    // Steady for a while, and filling since.
    let steady = free(10 * GB);
    let mut since = vec![(&steady, 100)];
    since.extend(&scenes);
    over(&room(3_600), &watched(&since), &facts(), Broken, "lasts for 1");
    // A reading that is forgotten counts no more: what was free then is not missed now.
    let emptier = free(40 * GB);
    over(
        &room(600),
        &watched(&[(&emptier, 1), (&steady, 600)]),
        &facts(),
        Met,
        "No disk fills up",
    );
    stands(&room(600), &free(2 * GB), Broken, "lasts for 0 s");
    stands(&room(600), &free(GB), Broken, "lasts for 0 s");
}
