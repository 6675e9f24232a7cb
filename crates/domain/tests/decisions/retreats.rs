//! A failback's run: it takes a moved step again, turns round, and is not given up before what it did is taken back.

use c8dr_domain::condition::Known;
use c8dr_domain::effect::{Answer, Request, ZeebeEffect};
use c8dr_domain::facts::Facts;
use c8dr_domain::ids::RunId;
use c8dr_domain::plan::StepId::{Fb1, Fb2a, Fb2b, Fb3a, Fb3b, Fb3c, Rt1, Rt2, Rt3, Rt4, Rt5};
use c8dr_domain::plan::failback::{self, plan};
use c8dr_domain::plan::{Plan, StepId, failover};
use c8dr_domain::record::fingerprint;
use c8dr_domain::run::{Event, Outcome, Phase, Run, Stop, TAKES_MAX};
use jiff::SignedDuration;

use crate::world::{LONG, PARIS, World, facts, gateway, noon, repository, run_id, watched};

fn a_failback() -> Plan {
    let world = World::failed_over(4, 4, PARIS);
    let request = failback::Request::new(PARIS, repository());
    plan(&world.installation, &watched(&[(&world, LONG)]), &request, noon()).unwrap()
}

fn begun(plan: Plan) -> Run {
    let planned = Event::Planned {
        run: run_id(),
        fingerprint: fingerprint(&plan).unwrap(),
        plan: Box::new(plan),
        by: "somebody".to_owned(),
        reason: None,
    };
    Run::begin(noon(), &planned).unwrap()
}

/// A run after events that must all apply.
#[track_caller]
fn after(events: &[Event]) -> Run {
    let mut run = begun(a_failback());
    for (event, second) in events.iter().zip(1..) {
        run.apply(noon() + SignedDuration::from_secs(second), event)
            .unwrap();
    }
    run
}

/// The last event cannot follow the others, for this reason, and leaves the run as it was.
#[track_caller]
fn illegal(events: &[Event], event: &Event, why: &str) {
    let mut run = after(events);
    let before = run.clone();
    let error = run.apply(noon(), event).unwrap_err();
    assert!(error.to_string().contains(why), "{why:?} is not in {error}");
    assert_eq!(run, before);
}

fn already(step: StepId) -> Vec<Event> {
    vec![
        Event::StepBegan { step },
        Event::StepEnded {
            step,
            outcome: Outcome::Already,
            words: "So it is.".to_owned(),
        },
    ]
}

fn intended(step: StepId, attempt: u32) -> Event {
    Event::Intended {
        step,
        attempt,
        request: Request::Zeebe {
            gateway: gateway(0),
            effect: ZeebeEffect::PauseExporting,
        },
    }
}

fn answered(step: StepId, attempt: u32) -> Event {
    Event::Answered {
        step,
        attempt,
        answer: Answer::Done,
    }
}

fn sent(step: StepId) -> Vec<Event> {
    vec![
        Event::StepBegan { step },
        intended(step, 1),
        answered(step, 1),
        Event::StepEnded {
            step,
            outcome: Outcome::Verified,
            words: "So it is.".to_owned(),
        },
    ]
}

fn gathered(facts: Facts) -> Event {
    Event::Gathered {
        facts: Box::new(facts),
    }
}

fn retaken(from: StepId) -> Event {
    Event::Retaken {
        from,
        words: "V has moved.".to_owned(),
    }
}

fn retreating() -> Event {
    Event::Retreating {
        by: "somebody".to_owned(),
        reason: "the disks fill".to_owned(),
    }
}

fn aborted() -> Event {
    Event::Aborted {
        by: "somebody".to_owned(),
        reason: "enough".to_owned(),
    }
}

fn stopped() -> Event {
    Event::Stopped {
        stop: Stop::Waiting,
        words: "That is why.".to_owned(),
    }
}

fn resumed() -> Event {
    Event::Resumed {
        by: "somebody".to_owned(),
    }
}

/// Paused, with V known.
fn paused() -> Vec<Event> {
    [
        already(Fb1),
        sent(Fb2a),
        sent(Fb2b),
        vec![gathered(Facts {
            snapshot: None,
            ..facts()
        })],
    ]
    .concat()
}

/// The snapshot is taken.
fn snapped() -> Vec<Event> {
    [paused(), already(Fb3a), sent(Fb3b), vec![gathered(facts())]].concat()
}

#[test]
fn what_was_learnt_is_kept_and_only_of_this_run() {
    assert_eq!(after(&snapped()).facts, facts());
    assert_eq!(after(&[]).facts, Facts::of(run_id()));
    let strange = Facts {
        run: Some(RunId::new("another")),
        ..facts()
    };
    illegal(
        &paused(),
        &gathered(strange),
        "the facts are those of another run",
    );
    let nobodys = Facts { run: None, ..facts() };
    illegal(
        &paused(),
        &gathered(nobodys),
        "the facts are those of another run",
    );
    let in_the_air = [
        already(Fb1),
        vec![Event::StepBegan { step: Fb2a }, intended(Fb2a, 1)],
    ]
    .concat();
    illegal(&in_the_air, &gathered(facts()), "in the air");
}

#[test]
fn what_has_moved_is_taken_again() {
    let mut events = snapped();
    events.push(Event::StepBegan { step: Fb3c });
    events.push(retaken(Fb2b));
    let run = after(&events);
    assert_eq!(run.phase, Phase::Between);
    assert_eq!(run.next_step(), Some(Fb2b));
    assert_eq!(run.steps[&Fb2a].outcome(), Some(Outcome::Verified));
    assert_eq!(run.steps[&Fb3b].attempts, []);
    assert_eq!((run.facts.take, run.facts.snapshot.is_some()), (2, false));
    assert!(run.facts.positions.is_empty());
    assert_ne!(run.facts.snapshot_name(), facts().snapshot_name());
    // Who the searches are is not forgotten, and what was restored may be cleared away.
    assert_eq!(run.facts.clusters, facts().clusters);
    assert!(run.has_sent && run.owes_retreat());
}

#[test]
fn not_for_ever_and_not_from_anywhere() {
    let mut events = paused();
    for _ in 1..TAKES_MAX {
        events.push(retaken(Fb2b));
        events.extend(sent(Fb2b));
    }
    illegal(&events, &retaken(Fb2b), "times already");
    illegal(&paused(), &retaken(StepId::Fo1), "FO1 is not in the plan");
    illegal(&paused(), &retaken(Rt4), "RT4 is not in the plan");
    let in_the_air = [
        already(Fb1),
        vec![Event::StepBegan { step: Fb2a }, intended(Fb2a, 1)],
    ]
    .concat();
    illegal(&in_the_air, &retaken(Fb1), "cannot follow");
    illegal(
        &[paused(), vec![retreating()]].concat(),
        &retaken(Fb2b),
        "cannot follow",
    );
    illegal(
        &[paused(), vec![stopped()]].concat(),
        &retaken(Fb2b),
        "was not resumed",
    );
}

#[test]
fn a_run_that_turns_round_does_the_way_back_and_nothing_else() {
    let mut events = snapped();
    events.push(retreating());
    let run = after(&events);
    assert_eq!(run.next_step(), Some(Rt1));
    assert!(run.owes_retreat());
    illegal(
        &events,
        &Event::StepBegan { step: Fb3c },
        "FB3c is not the next step",
    );
    illegal(&events, &retreating(), "goes back already");
    let proof = Event::ProofBegan {
        known: Known::default(),
    };
    illegal(&events, &proof, "there is nothing to prove");
    for step in [Rt1, Rt2, Rt3] {
        events.extend(already(step));
    }
    events.extend(sent(Rt4));
    events.extend(already(Rt5));
    let run = after(&events);
    assert_eq!((run.next_step(), run.owes_retreat()), (None, false));
    illegal(&events, &proof, "there is nothing to prove");
    events.push(aborted());
    assert_eq!(after(&events).word(), "aborted");
}

/// Guarantee G9: whoever paused and gives up leaves nothing paused.
#[test]
fn a_run_that_paused_is_not_given_up_before_it_has_taken_that_back() {
    illegal(&paused(), &aborted(), "was not taken back yet");
    illegal(
        &[paused(), vec![stopped()]].concat(),
        &aborted(),
        "was not taken back yet",
    );
    illegal(
        &[paused(), vec![retreating()]].concat(),
        &aborted(),
        "was not taken back yet",
    );
    // Also while the pause itself is in the air, or its answer was never heard.
    let air = [
        already(Fb1),
        already(Fb2a),
        vec![Event::StepBegan { step: Fb2b }, intended(Fb2b, 1)],
    ]
    .concat();
    illegal(&air, &aborted(), "was not taken back yet");
    illegal(&air, &retreating(), "in the air");
    // Half of the way back is not the way back.
    let half = [
        paused(),
        vec![retreating()],
        already(Rt1),
        already(Rt2),
        already(Rt3),
    ]
    .concat();
    illegal(&half, &aborted(), "was not taken back yet");
    let failed = [
        half,
        vec![
            Event::StepBegan { step: Rt4 },
            Event::StepEnded {
                step: Rt4,
                outcome: Outcome::Failed,
                words: "500".to_owned(),
            },
            stopped(),
        ],
    ]
    .concat();
    illegal(&failed, &aborted(), "was not taken back yet");
    let run = after(&[failed, vec![resumed()]].concat());
    assert_eq!(run.next_step(), Some(Rt4));
}

#[test]
fn a_run_that_sent_nothing_may_be_given_up() {
    assert_eq!(after(&[aborted()]).word(), "aborted");
    assert_eq!(
        after(&[already(Fb1), vec![stopped(), aborted()]].concat()).word(),
        "aborted"
    );
}

/// What protects the disks is done even if a step before it cannot be; the other steps keep their order.
#[test]
fn exporting_is_resumed_even_if_the_way_back_is_stuck() {
    let stuck = [
        paused(),
        vec![
            retreating(),
            Event::StepBegan { step: Rt1 },
            Event::StepEnded {
                step: Rt1,
                outcome: Outcome::Waiting,
                words: "Change 9 is not ours.".to_owned(),
            },
        ],
    ]
    .concat();
    illegal(
        &stuck,
        &Event::StepBegan { step: Rt3 },
        "RT3 is not the next step",
    );
    let run = after(&[stuck.clone(), sent(Rt4)].concat());
    assert_eq!(run.steps[&Rt4].outcome(), Some(Outcome::Verified));
    assert!(run.owes_retreat());
    illegal(&[stuck, sent(Rt4)].concat(), &aborted(), "was not taken back yet");
}

#[test]
fn a_failover_has_no_way_back() {
    let world = World::of(4, 4).loses(PARIS);
    let request = failover::Request::new(PARIS);
    let plan = failover::plan(&world.installation, &watched(&[(&world, LONG)]), &request, noon()).unwrap();
    let mut run = begun(plan);
    let error = run.apply(noon(), &retreating()).unwrap_err();
    assert!(error.to_string().contains("has no way back"));
    assert!(!run.owes_retreat());
}
