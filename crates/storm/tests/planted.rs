//! Mistakes that are planted are caught, and what catches them is as small as it can be. `cargo test --features planted`.

#![cfg(feature = "planted")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use c8dr_domain::planted::Bug;
use c8dr_storm::planted::{hunt, plantings};
use c8dr_storm::{Options, Ring, Shape, live, storm};

/// Repeats what a hunt has found by what its command says, and asserts that the same law is broken.
#[track_caller]
fn repeated(bug: Bug) {
    let planting = plantings().find(|planting| planting.bug == bug).unwrap();
    let hunted = hunt(planting, Options::default()).unwrap();
    assert!(hunted.caught, "{hunted:#?}");
    let command = hunted.command.unwrap();
    let after = |flag: &str| {
        let mut words = command.split(' ').skip_while(|word| *word != flag);
        words.nth(1).map(str::to_owned)
    };
    let options = Options {
        scenario: planting.scenario,
        without: after("--without")
            .map(|parts| parts.parse().unwrap())
            .unwrap_or_default(),
        shape: Shape {
            brokers: after("--brokers").map(|n| n.parse().unwrap()),
            partitions: after("--partitions").map(|n| n.parse().unwrap()),
        },
        planted: Some(bug),
        ..Options::default()
    };
    let seed = hunted.seed.unwrap();
    assert_eq!(after("--seed"), Some(seed.to_string()), "{command}");
    let disaster = options.disaster(seed);
    let law = hunted.law.unwrap();
    let again = live(&disaster, Ring::Ports, false).unwrap();
    assert!(
        law.starts_with(again.violations[0].law.words()),
        "{command}: {:?}",
        again.violations
    );
    // Nothing is in it that is not needed, so each part that is left is needed.
    for part in disaster.parts() {
        let fewer = disaster.clone().without(c8dr_storm::Without::default().and(part));
        let life = live(&fewer, Ring::Ports, false).unwrap();
        let still = life.violations.first().map(|violation| violation.law.words());
        assert!(
            fewer == disaster || still.is_none_or(|still| !law.starts_with(still)),
            "{part} is not needed: {command}"
        );
    }
}

#[test]
fn a_repeated_force_is_caught_and_shrinks_to_the_answer_that_was_lost() {
    repeated(Bug::BlindRepeat);
}

#[test]
fn a_lock_that_is_not_taken_is_caught_where_two_operators_do_not_see_each_other() {
    repeated(Bug::LockNotTaken);
}

#[test]
fn a_storm_with_a_mistake_planted_shows_its_failures_as_small_as_they_can_be() {
    let options = Options {
        seeds: 1,
        planted: Some(Bug::EnableWithoutInitializeFrom),
        ..Options::default()
    };
    let tally = storm(options, |_| true).unwrap();
    assert!(!tally.is_clean());
    assert_eq!(
        tally.failures[0].parts,
        Vec::<String>::new(),
        "{:#?}",
        tally.failures
    );
    assert!(
        tally.failures[0]
            .again
            .contains("--planted enable-without-initialize-from")
    );
}
