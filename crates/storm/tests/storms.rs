//! Small storms: what is drawn from a seed is the same every time, and what is promised holds in each.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use c8dr_storm::{Disaster, Ending, Options, Ring, Scenario, Shape, live, storm};

/// The smallest installation: what is drawn besides does not depend on it.
const SMALL: Shape = Shape {
    brokers: Some(4),
    partitions: Some(4),
};

/// Lives through some disasters of a kind, and asserts that no law was broken and each came to its end.
#[track_caller]
fn weather(scenario: Scenario, ring: Ring, from: u64, seeds: u64) -> c8dr_storm::Tally {
    let options = Options {
        from,
        seeds,
        ring,
        scenario,
        shape: SMALL,
        ..Options::default()
    };
    let tally = storm(options, |_| true).unwrap();
    assert!(tally.is_clean(), "{:#?}", tally.failures);
    assert_eq!(tally.seeds, seeds);
    tally
}

#[test]
fn a_plain_loss_is_failed_over_and_back_wherever_it_happens() {
    let tally = weather(Scenario::Plain, Ring::Wire, 0, 3);
    assert_eq!(tally.ended["verified"], 3, "{tally:#?}");
    for state in ["FO1 sent", "FB2b sent", "FB3e sent", "FB7 sent", "run verified"] {
        assert!(
            tally.reached.contains_key(state),
            "{state} is not in {:#?}",
            tally.reached
        );
    }
}

#[test]
fn the_same_seed_is_the_same_disaster_to_the_nanosecond() {
    for seed in [3, 4] {
        let disaster = Disaster::of(seed, Scenario::Any, SMALL);
        assert_eq!(disaster, Disaster::of(seed, Scenario::Any, SMALL));
        let one = live(&disaster, Ring::Wire, false).unwrap();
        let two = live(&disaster, Ring::Wire, true).unwrap();
        assert_eq!(one.trace, two.trace, "seed {seed}");
        assert_eq!(one.decisions, two.decisions, "seed {seed}");
        assert_eq!(one.ending, two.ending, "seed {seed}");
        assert!(one.story.is_empty() && two.story.len() > 20);
    }
    let [a, b] = [3, 4].map(|seed| Disaster::of(seed, Scenario::Any, Shape::default()));
    assert_ne!(a, b, "another seed is another disaster");
}

/// What is decided does not depend on how the engine reaches the lab; and as both rings ask the same questions in the same
/// order, not even on the nanosecond.
#[test]
fn both_rings_come_to_the_same_decisions_and_the_same_end() {
    let kinds = [
        Scenario::Plain,
        Scenario::Answers,
        Scenario::Deaths,
        Scenario::Network,
        Scenario::Brokers,
    ];
    for (seed, scenario) in (20..).zip(kinds) {
        let disaster = Disaster::of(seed, scenario, SMALL);
        let [ports, wire] = [Ring::Ports, Ring::Wire].map(|ring| live(&disaster, ring, false).unwrap());
        assert_eq!(ports.ending, wire.ending, "seed {seed}");
        assert_eq!(ports.decisions, wire.decisions, "seed {seed}");
        assert_eq!(ports.reached, wire.reached, "seed {seed}");
        assert_eq!(ports.trace, wire.trace, "seed {seed}");
    }
}

#[test]
fn every_kind_of_trouble_is_survived() {
    for scenario in Scenario::ALL {
        let tally = weather(scenario, Ring::Ports, 10, 2);
        assert!(
            tally.reached.contains_key("failover planned"),
            "{scenario}: {:#?}",
            tally.reached
        );
    }
}

/// Disasters that a run once came out of by waiting for hours, or by noticing too late: somebody resumes while the exporter is
/// being enabled; the region dies while it joins. Or that were once judged wrongly: c8dr is killed as it writes its plan down;
/// the region dies a second after it was proven to be back. Or that c8dr's own resume did not survive: it is killed while it
/// resumes exporting on a way back whose step before that waits.
#[test]
fn what_storms_have_found_ends_verified() {
    for seed in [119, 1022, 29, 46, 1026, 7896] {
        let disaster = Disaster::of(seed, Scenario::Any, Shape::default());
        let life = live(&disaster, Ring::Wire, false).unwrap();
        assert_eq!(life.ending, Ending::Verified, "seed {seed}");
        assert_eq!(life.violations, [], "seed {seed}");
    }
}

#[test]
fn whoever_stops_a_storm_is_told_what_there_is() {
    let options = Options {
        seeds: 1_000_000,
        scenario: Scenario::Plain,
        ..Options::default()
    };
    let tally = storm(options, |tally| tally.seeds < 2).unwrap();
    assert_eq!(tally.seeds, 2);
}

#[test]
fn an_impossible_world_is_refused() {
    let shape = Shape {
        brokers: Some(5),
        partitions: None,
    };
    let disaster = Disaster::of(0, Scenario::Plain, shape);
    let error = live(&disaster, Ring::Wire, false)
        .map(|life| life.ending == Ending::Verified)
        .unwrap_err();
    assert_eq!(error.to_string(), "there is no such world");
}
