//! A third replica inside the surviving region: when it is owed, what speaks against it, and wrong plans that are caught.

use c8dr_domain::check::{Complaint, Rule, check};
use c8dr_domain::condition::Condition;
use c8dr_domain::diagnose::{Code, diagnose};
use c8dr_domain::effect::ZeebeEffect;
use c8dr_domain::history::History;
use c8dr_domain::plan::failover::{self, Request};
use c8dr_domain::plan::reinforce::{Reinforce, Wanted};
use c8dr_domain::plan::{Accepted, Class, Plan, Refusal, RefusalCode, Step, StepId, failback};

use crate::world::{LONDON, LONG, PARIS, World, brokers, noon, repository, watched};

fn reinforce(wanted: Wanted) -> Reinforce {
    Reinforce {
        wanted,
        accept_unknown_disks: Some("half empty".to_owned()),
        reserve_bytes: 0,
    }
}

fn planned(world: &World, reinforce: Reinforce) -> Result<Plan, Refusal> {
    let request = Request {
        reinforce: Some(reinforce),
        ..Request::new(PARIS)
    };
    failover::plan(&world.installation, &seen(world), &request, noon())
}

fn seen(world: &World) -> History {
    watched(&[(world, LONG)])
}

fn lost() -> World {
    World::of(8, 8).loses(PARIS)
}

fn alone() -> World {
    World::failed_over(8, 8, PARIS)
}

fn ids(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

fn step(plan: &mut Plan) -> &mut Step {
    plan.steps.iter_mut().find(|step| step.id == StepId::Re1).unwrap()
}

/// Plants a mistake, and expects the rule to catch it, in words that contain `says`.
#[track_caller]
fn caught<T>(plant: impl FnOnce(&mut Plan) -> T, rule: Rule, says: &str) {
    let mut plan = planned(&lost(), reinforce(Wanted::Asked)).unwrap();
    plan.accepted.clear();
    if let Some(step) = plan.steps.last_mut() {
        step.before.push(Condition::RoomForReplicas {
            brokers: brokers(&[0, 2, 4, 6]),
            reserve_bytes: 0,
        });
    }
    assert_eq!(check(&plan, None), [], "right before the mistake");
    plant(&mut plan);
    let complaints = check(&plan, None);
    let fits = |complaint: &Complaint| complaint.rule == rule && complaint.what.contains(says);
    assert!(
        complaints.iter().any(fits),
        "{rule} with {says:?} is not in {complaints:#?}"
    );
}

#[test]
fn it_comes_last_and_is_owed_alone_when_the_rest_is_done() {
    let plan = planned(&lost(), reinforce(Wanted::Asked)).unwrap();
    assert_eq!(ids(&plan), ["FO1", "FO2", "RE1"]);
    assert!(
        plan.notes
            .iter()
            .any(|note| note.contains("It costs 12 replicas to be copied")),
        "{:#?}",
        plan.notes
    );
    let plan = planned(&alone(), reinforce(Wanted::Asked)).unwrap();
    assert_eq!(ids(&plan), ["RE1"]);
    assert_eq!(plan.steps[0].class, Class::Orderly);
    assert_eq!(check(&plan, seen(&alone()).latest()), []);
    let plan = planned(&alone(), reinforce(Wanted::Always)).unwrap();
    assert_eq!(plan.steps[0].class, Class::Yielding);
    let done = alone().reinforced(LONDON, 6);
    let plan = planned(&done, reinforce(Wanted::Asked)).unwrap();
    assert_eq!(ids(&plan), Vec::<&str>::new());
}

#[test]
fn an_offer_is_a_note_where_it_is_possible() {
    let plan = planned(&lost(), reinforce(Wanted::Offered)).unwrap();
    assert_eq!(ids(&plan), ["FO1", "FO2"]);
    assert!(plan.notes.iter().any(|note| note.contains("--reinforce")));
    let small = World::of(4, 4).loses(PARIS);
    let plan = planned(&small, reinforce(Wanted::Offered)).unwrap();
    assert!(!plan.notes.iter().any(|note| note.contains("--reinforce")));
}

#[test]
fn what_speaks_against_it_is_a_refusal_only_where_nothing_else_is_owed() {
    let small = World::of(4, 4).loses(PARIS);
    assert_eq!(
        ids(&planned(&small, reinforce(Wanted::Asked)).unwrap()),
        ["FO1", "FO2"]
    );
    let refused = |world: &World, how: Reinforce| planned(world, how).unwrap_err().code;
    let small = World::failed_over(4, 4, PARIS);
    assert_eq!(
        refused(&small, reinforce(Wanted::Asked)),
        RefusalCode::ReinforceNotPossible
    );
    assert_eq!(
        ids(&planned(&small, reinforce(Wanted::Always)).unwrap()),
        Vec::<&str>::new()
    );
    let unknown = Reinforce {
        accept_unknown_disks: None,
        ..reinforce(Wanted::Asked)
    };
    assert_eq!(refused(&alone(), unknown), RefusalCode::ReinforceNotPossible);
    let paused = alone().paused();
    assert_eq!(
        refused(&paused, reinforce(Wanted::Asked)),
        RefusalCode::ExportingPaused
    );
    let unled = alone().unled(3);
    assert_eq!(
        refused(&unled, reinforce(Wanted::Asked)),
        RefusalCode::ReinforceNotPossible
    );
}

#[test]
fn three_replicas_in_one_region_are_a_state_of_their_own_and_not_misplaced() {
    let world = alone().reinforced(LONDON, 6);
    let diagnosis = diagnose(&world.installation, &seen(&world));
    assert_eq!(diagnosis.code, Code::FailedOver);
    assert!(
        diagnosis
            .cost_of_waiting
            .contains("One more broker of it may be lost")
    );
    assert!(
        diagnose(&alone().installation, &seen(&alone()))
            .cost_of_waiting
            .contains("one more broker lost stops")
    );
}

#[test]
fn a_failback_from_three_reads_back_where_replicas_are() {
    let world = alone().reinforced(LONDON, 6);
    let request = failback::Request::new(PARIS, repository());
    let plan = failback::plan(&world.installation, &seen(&world), &request, noon()).unwrap();
    assert_eq!(check(&plan, seen(&world).latest()), []);
    let pause = plan.steps.iter().find(|step| step.id == StepId::Fb2b).unwrap();
    assert!(pause.before.contains(&Condition::Complete {
        replication_factor: 3
    }));
    let mut wrong = plan.clone();
    for step in &mut wrong.steps {
        step.after
            .retain(|condition| !matches!(condition, Condition::Placed { .. }));
    }
    wrong
        .proof
        .retain(|condition| !matches!(condition, Condition::Placed { .. }));
    let complaints = check(&wrong, seen(&world).latest());
    assert_eq!(
        complaints
            .iter()
            .filter(|complaint| complaint.rule == Rule::I19)
            .count(),
        2,
        "{complaints:#?}"
    );
    // Enough replicas, and three of them in one region: the add is not over.
    let half = world
        .rebuilt(PARIS)
        .restored(PARIS)
        .enabled(PARIS, 8)
        .member(1, &[1, 2, 6, 7, 8])
        .member(3, &[])
        .member(5, &[])
        .member(7, &[]);
    let plan = failback::plan(&half.installation, &seen(&half), &request, noon()).unwrap();
    assert!(
        plan.steps.iter().any(|step| step.id == StepId::Fb7),
        "{:?}",
        ids(&plan)
    );
}

#[test]
fn wrong_plans_are_caught() {
    let effect = |members: &[u32], replication_factor: u32| {
        let members = brokers(members);
        move |plan: &mut Plan| {
            step(plan).effect = ZeebeEffect::Replicate {
                members,
                replication_factor,
            }
            .into();
        }
    };
    caught(
        effect(&[1, 3, 5, 7], 3),
        Rule::G2,
        "the surviving region is brokers 0, 2, 4 and 6",
    );
    caught(effect(&[0, 2, 4], 3), Rule::G2, "four are the least");
    caught(effect(&[0, 2, 4, 6], 4), Rule::G2, "makes it 4 replicas");
    caught(
        |plan| {
            let step = plan.steps.pop().unwrap();
            plan.steps.insert(0, step);
        },
        Rule::G6,
        "it is the last to be done",
    );
    let unasked =
        |gone: fn(&Condition) -> bool| move |plan: &mut Plan| step(plan).before.retain(|one| !gone(one));
    caught(
        unasked(|one| matches!(one, Condition::NothingPending)),
        Rule::I5,
        "a change is pending",
    );
    caught(
        unasked(|one| matches!(one, Condition::OnlyMembers { .. })),
        Rule::I4,
        "the lost brokers are removed",
    );
    caught(
        unasked(|one| matches!(one, Condition::Up { .. })),
        Rule::I20,
        "every survivor is up",
    );
    caught(
        unasked(|one| matches!(one, Condition::Led { .. })),
        Rule::G6,
        "every partition is led",
    );
    caught(
        unasked(|one| matches!(one, Condition::ExportingOn { .. })),
        Rule::I14,
        "exporting is paused",
    );
    caught(
        unasked(|one| matches!(one, Condition::Exporter { .. })),
        Rule::I6,
        "exporter is off",
    );
    caught(
        unasked(|one| matches!(one, Condition::RoomForReplicas { .. })),
        Rule::G6,
        "nobody accepted",
    );
    let unread =
        |gone: fn(&Condition) -> bool| move |plan: &mut Plan| step(plan).after.retain(|one| !gone(one));
    caught(
        unread(|one| matches!(one, Condition::ChangeEnded)),
        Rule::I5,
        "has ended",
    );
    caught(
        unread(|one| matches!(one, Condition::Placed { .. })),
        Rule::G8,
        "where it belongs",
    );
    caught(
        unread(|one| matches!(one, Condition::Complete { .. })),
        Rule::G8,
        "every replica is listed",
    );
}

#[test]
fn an_accepted_unknown_disk_is_in_the_plan_by_its_reason() {
    let plan = planned(&alone(), reinforce(Wanted::Asked)).unwrap();
    let reason = "half empty".to_owned();
    assert_eq!(plan.accepted, [Accepted::UnknownDisks { reason }]);
    assert!(
        !plan.steps[0]
            .before
            .iter()
            .any(|one| matches!(one, Condition::RoomForReplicas { .. }))
    );
}
