//! The users' names in both plans: pointed off the lost region beside the force, read back last, and back when both serve.

use std::collections::BTreeSet;

use c8dr_domain::check::{Complaint, Rule, check};
use c8dr_domain::condition::{Condition, Known};
use c8dr_domain::effect::Effect;
use c8dr_domain::history::History;
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::picture::Picture;
use c8dr_domain::plan::traffic::Reroute;
use c8dr_domain::plan::{Class, Plan, Step, StepId, failback, failover};
use c8dr_domain::traffic::{Pointing, TrafficSight};

use crate::world::{LONDON, LONG, PARIS, World, noon, repository, watched};

fn both() -> BTreeSet<RegionId> {
    [LONDON, PARIS].into()
}

fn reroute() -> Reroute {
    Reroute {
        normal: both(),
        ttl_s: Some(60),
        lag_s: 0,
        commands: [([LONDON].into(), vec!["./dns.sh london".to_owned()])].into(),
    }
}

/// One name that points to these regions.
fn names(regions: &[RegionId]) -> Sight<TrafficSight> {
    let pointing = Pointing {
        regions: regions.iter().copied().collect(),
        strange: BTreeSet::new(),
    };
    Sight::Seen(TrafficSight {
        names: [("zeebe.example.org".to_owned(), pointing)].into(),
        ttl_s: Some(30),
        version: Some("7".to_owned()),
    })
}

fn off() -> Plan {
    off_in(&World::of(8, 8).loses(PARIS))
}

fn off_in(world: &World) -> Plan {
    let request = failover::Request {
        traffic: Some(reroute()),
        ..failover::Request::new(PARIS)
    };
    failover::plan(&world.installation, &watched(&[(world, LONG)]), &request, noon()).unwrap()
}

fn back() -> Plan {
    let world = World::failed_over(8, 8, PARIS);
    let request = failback::Request {
        traffic: Some(reroute()),
        ..failback::Request::new(PARIS, repository())
    };
    failback::plan(&world.installation, &watched(&[(&world, LONG)]), &request, noon()).unwrap()
}

fn ids(steps: &[Step]) -> Vec<&'static str> {
    steps.iter().map(|step| step.id.as_str()).collect()
}

fn at(plan: &mut Plan, id: StepId) -> &mut Step {
    (plan.steps.iter_mut().chain(&mut plan.retreat))
        .find(|step| step.id == id)
        .unwrap()
}

/// Plants a mistake, and expects the rule to catch it, in words that contain `says`.
#[track_caller]
fn caught<T>(mut plan: Plan, plant: impl FnOnce(&mut Plan) -> T, rule: Rule, says: &str) {
    plant(&mut plan);
    let complaints = check(&plan, None);
    let fits = |complaint: &Complaint| complaint.rule == rule && complaint.what.contains(says);
    assert!(
        complaints.iter().any(fits),
        "{rule} with {says:?} is not in {complaints:#?}"
    );
}

#[test]
fn a_failover_sends_it_beside_the_force_and_reads_it_back_last() {
    let plan = off();
    assert_eq!(ids(&plan.steps), ["UT1", "FO1", "FO2", "UT2"]);
    assert_eq!(check(&plan, None), []);
    assert_eq!(plan.steps[0].class, Class::Beside);
    assert_eq!(plan.steps[3].class, Class::Orderly);
    assert_eq!(plan.steps[3].manual, ["./dns.sh london"]);
    assert!(plan.steps[3].prediction.what.contains("within 60 s"));
    assert!(
        plan.notes
            .iter()
            .any(|note| note.contains("User traffic is taken off region paris"))
    );
}

#[test]
fn what_is_not_owed_is_settled() {
    let mut world = World::of(8, 8).loses(PARIS);
    world.traffic = names(&[LONDON]);
    let plan = off_in(&world);
    assert_eq!(ids(&plan.steps), ["FO1", "FO2"]);
    assert!(plan.settled.iter().any(|settled| settled.id == StepId::Ut2));
    // The force is over: there is nothing to be beside of.
    let plan = off_in(&World::of(8, 8).loses(PARIS).forced(PARIS, 2).elected());
    assert_eq!(ids(&plan.steps), ["FO2", "UT2"]);
    assert_eq!(check(&plan, None), []);
}

#[test]
fn a_failback_points_them_back_when_all_else_is_done() {
    let plan = back();
    assert_eq!(ids(&plan.steps).last(), Some(&"UT3"));
    assert_eq!(ids(&plan.retreat).last(), Some(&"RT6"));
    assert_eq!(check(&plan, None), []);
    let step = plan.steps.last().unwrap();
    assert_eq!(
        (step.class, &step.effect),
        (Class::Yielding, &Effect::Traffic { to: both() })
    );
}

#[test]
fn names_are_judged_by_what_was_read() {
    let judged = |sight: Sight<TrafficSight>, condition: &Condition| {
        let mut world = World::of(4, 4);
        world.traffic = sight;
        let history: History = watched(&[(&world, 1)]);
        let picture = Picture::of(&world.installation, &history).unwrap();
        let verdict = condition.judge(&picture, &Known::default(), &Default::default());
        (verdict.is_met(), verdict.words().to_owned())
    };
    let here = Condition::NamesAt { to: [LONDON].into() };
    assert_eq!(
        judged(names(&[LONDON]), &here),
        (
            true,
            "The users' names point to london; who has resolved them before follows within 30 s.".to_owned()
        )
    );
    assert_eq!(
        judged(names(&[LONDON, PARIS]), &here),
        (
            false,
            "The users' names point elsewhere: zeebe.example.org to london and paris.".to_owned()
        )
    );
    let silent = Sight::Silent {
        why: Silence::NoAnswer,
        detail: String::new(),
    };
    assert!(!judged(silent.clone(), &here).0);
    assert!(!judged(silent, &Condition::NamesOurs).0);
    assert!(!judged(Sight::NotAsked, &here).0);
    let mut odd = names(&[LONDON]);
    if let Sight::Seen(seen) = &mut odd {
        let pointing = seen.names.get_mut("zeebe.example.org").unwrap();
        pointing.strange.insert("192.0.2.1".to_owned());
    }
    let (holds, words) = judged(odd, &Condition::NamesOurs);
    assert!(!holds && words.contains("192.0.2.1"), "{words}");
}

#[test]
fn wrong_places_and_wrong_moments_are_caught_in_a_failover() {
    let to = |id: StepId, regions: BTreeSet<RegionId>| {
        move |plan: &mut Plan| {
            let step = at(plan, id);
            step.after = vec![Condition::NamesAt { to: regions.clone() }];
            step.effect = Effect::Traffic { to: regions };
        }
    };
    caught(
        off(),
        to(StepId::Ut1, both()),
        Rule::I3,
        "region 0 is the one that serves",
    );
    caught(
        off(),
        to(StepId::Ut2, [PARIS].into()),
        Rule::I3,
        "UT2 points the users' names to region 1",
    );
    caught(off(), to(StepId::Ut2, BTreeSet::new()), Rule::I3, "to nothing");
    caught(
        off(),
        |plan| plan.steps.swap(0, 1),
        Rule::I3,
        "and that is not the force",
    );
    caught(
        off(),
        |plan| plan.steps.swap(2, 3),
        Rule::I3,
        "the traffic is waited for last",
    );
    caught(
        off(),
        |plan| at(plan, StepId::Ut2).class = Class::Yielding,
        Rule::I3,
        "users would not be served",
    );
    caught(
        off(),
        |plan| plan.steps.pop(),
        Rule::G8,
        "nothing reads back what became of it",
    );
    caught(
        off(),
        |plan| at(plan, StepId::Ut2).after.clear(),
        Rule::G8,
        "does not read back where",
    );
    caught(
        off(),
        |plan| at(plan, StepId::Ut2).before.clear(),
        Rule::I3,
        "somebody has pointed the names elsewhere",
    );
    caught(
        off(),
        |plan| at(plan, StepId::Fo1).class = Class::Beside,
        Rule::G8,
        "FO1 is passed over",
    );
    caught(
        off(),
        |plan| {
            let again = plan.steps[3].clone();
            plan.steps.push(again);
        },
        Rule::G6,
        "more than once",
    );
}

#[test]
fn wrong_places_and_wrong_moments_are_caught_in_a_failback() {
    caught(
        back(),
        |plan| {
            let step = plan.steps.pop().unwrap();
            plan.steps.insert(0, step);
        },
        Rule::I3,
        "before its brokers are back",
    );
    caught(
        back(),
        |plan| at(plan, StepId::Ut3).class = Class::Orderly,
        Rule::I3,
        "would hold up the failback",
    );
    caught(
        back(),
        |plan| {
            at(plan, StepId::Ut3)
                .before
                .retain(|asked| !matches!(asked, Condition::Ready { .. }));
        },
        Rule::I3,
        "the returning brokers are ready",
    );
    caught(
        back(),
        |plan| plan.retreat.pop(),
        Rule::G9,
        "does not point the users' names",
    );
    caught(
        back(),
        |plan| {
            let step = plan.retreat.pop().unwrap();
            plan.retreat.insert(0, step);
        },
        Rule::G9,
        "before exporting is resumed",
    );
    caught(
        back(),
        |plan| at(plan, StepId::Rt6).effect = Effect::Traffic { to: both() },
        Rule::I3,
        "On the way back RT6",
    );
}
