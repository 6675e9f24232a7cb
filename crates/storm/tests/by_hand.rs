//! The printed guide and the published scripts in the storm: on a plain loss both come to their end, and what is known of them
//! is seen.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::StepId;
use c8dr_lab::{Blow, Region, SearchFault};
use c8dr_storm::fault::{Fault, Side, Spoil, What, When};
use c8dr_storm::{Bad, Disaster, Fate, Planner, Scenario, Shape, UnknownPlanner, fare};

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
    for seed in 0..8 {
        let (disaster, fate) = plain(seed, Planner::Guide);
        assert!(fate.is_well(), "{}", told(&fate));
        assert!(fate.service_s < fate.failover_s && fate.failover_s < fate.failback_s);
        lost.insert(disaster.lost);
    }
    assert_eq!(lost, BTreeSet::from([RegionId(0), RegionId(1)]));
}

fn bad(fate: &Fate) -> BTreeSet<Bad> {
    fate.bad.iter().map(|(bad, _)| *bad).collect()
}

/// A plain disaster in which one more thing goes wrong: what is drawn from seeds may change, this does not.
fn with(seed: u64, step: StepId, what: What) -> Disaster {
    let when = When::Request {
        step,
        side: Side::Before,
    };
    Disaster {
        faults: vec![Fault { when, what }],
        ..Disaster::of(seed, Scenario::Plain, SMALL)
    }
}

/// Neither the pause nor its end can be read back in the guide: nobody sees that exporting goes on under the snapshot.
#[test]
fn the_guide_loses_records_when_somebody_resumes_under_the_snapshot() {
    let resumes = What::Strikes {
        blow: Blow::SomebodyResumes,
        lasts: None,
    };
    let fate = fare(&with(0, StepId::Fb3e, resumes), Planner::Guide, true).unwrap();
    assert_eq!(bad(&fate), BTreeSet::from([Bad::LosesRecords]), "{}", told(&fate));
}

/// The guide proves a restore by `_status`, which tells of the snapshot: whoever looks there after a 502, and does not simply send
/// the request again, takes a restore for done that never was.
#[test]
fn the_guide_takes_a_restore_for_done_that_never_was() {
    let ends: Vec<bool> = (0..6)
        .map(|seed| {
            let spoilt = What::Spoilt(Spoil::Status(502));
            let fate = fare(&with(seed, StepId::Fb3e, spoilt), Planner::Guide, true).unwrap();
            let lost = bad(&fate).contains(&Bad::LosesRecords);
            assert_eq!(
                !told(&fate).contains("is restored into the search"),
                lost,
                "{}",
                told(&fate)
            );
            assert!(lost || fate.is_well(), "{}", told(&fate));
            lost
        })
        .collect();
    assert!(ends.contains(&true) && ends.contains(&false), "{ends:?}");
}

/// An index that stands in the way is named by the error, with what to do.
#[test]
fn whoever_types_the_guide_reads_what_an_error_says() {
    let empty = What::Strikes {
        blow: Blow::SearchFails(Region::Odd, SearchFault::EmptyIndices),
        lasts: None,
    };
    let disaster = Disaster {
        lost: RegionId(1),
        ..with(0, StepId::Fb2b, empty)
    };
    let fate = fare(&disaster, Planner::Guide, true).unwrap();
    assert!(fate.is_well(), "{}", told(&fate));
    assert!(
        told(&fate).contains("curl -XDELETE search of region1/zeebe-record"),
        "{}",
        told(&fate)
    );
}

/// A terminal that is closed costs minutes, and nothing else.
#[test]
fn a_colleague_goes_on_where_a_terminal_was_closed() {
    let fate = fare(&with(1, StepId::Fb5, What::C8drDies), Planner::Guide, true).unwrap();
    assert!(fate.is_well(), "{}", told(&fate));
    assert!(told(&fate).contains("a colleague goes on"), "{}", told(&fate));
}

/// A resume that is answered 200, with a 500 in its body, because the gateway does not know all new replicas yet.
#[test]
fn the_scripts_leave_exporting_paused_when_an_answer_wraps_an_error() {
    // How soon a gateway hears of new replicas is drawn; in some nights it is too late.
    let (disaster, fate) = (0..60)
        .map(|seed| Disaster::of(seed, Scenario::Plain, Shape::default()))
        .map(|disaster| {
            let fate = fare(&disaster, Planner::Scripts, true).unwrap();
            (disaster, fate)
        })
        .find(|(_, fate)| bad(fate).contains(&Bad::LeavesPaused))
        .expect("one of sixty nights");
    assert!(
        told(&fate).contains("200: Expected 4 members of partition"),
        "{}",
        told(&fate)
    );
    let again = fare(&disaster, Planner::Scripts, false).unwrap();
    assert_eq!(again.trace, fate.trace, "the same seed is the same night");
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
