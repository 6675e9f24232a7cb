//! The printed guide and the published scripts in the storm: on a plain loss both come to their end, and what is known of them
//! is seen.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use c8dr_domain::ids::RegionId;
use c8dr_storm::{Disaster, Fate, Planner, Scenario, Shape, UnknownPlanner, fare};

/// The smallest installation.
const SMALL: Shape = Shape {
    brokers: Some(4),
    partitions: Some(4),
};

fn plain(seed: u64, planner: Planner) -> (Disaster, Fate) {
    let disaster = Disaster::of(seed, Scenario::Plain, SMALL);
    let fate = fare(&disaster, planner, true).unwrap();
    (disaster, fate)
}

fn told(fate: &Fate) -> String {
    let lines: Vec<String> = fate.story.iter().map(ToString::to_string).collect();
    let sums = (&fate.ending, &fate.bad, &fate.violations);
    format!("{sums:#?}\n{}", lines.join("\n"))
}

/// A guide that lost a plain loss would have been written unfairly.
#[test]
fn the_guide_ends_well_on_a_plain_loss_of_either_region() {
    let mut lost = BTreeSet::new();
    for seed in 0..4 {
        let (disaster, fate) = plain(seed, Planner::Guide);
        assert!(fate.is_well(), "{}", told(&fate));
        assert!(fate.service_s < fate.failover_s && fate.failover_s < fate.failback_s);
        lost.insert(disaster.lost);
    }
    assert_eq!(lost, BTreeSet::from([RegionId(0), RegionId(1)]));
}

#[test]
fn whoever_decides_is_a_known_word() {
    for planner in Planner::ALL {
        assert_eq!(planner.as_str().parse(), Ok(planner));
    }
    let unknown = "gide".parse::<Planner>().unwrap_err();
    assert_eq!(unknown, UnknownPlanner("gide".to_owned()));
    assert_eq!(
        unknown.to_string(),
        "there is no planner \"gide\"; there are c8dr, guide, scripts"
    );
}
