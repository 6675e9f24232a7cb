//! A run's events: each applies or leaves the run as it was, and nothing but a whole run ends verified.

use c8dr_domain::condition::Known;
use c8dr_domain::effect::{Answer, Request};
use c8dr_domain::ids::{ChangeId, GatewayName, RunId};
use c8dr_domain::plan::failover::{self, plan};
use c8dr_domain::plan::{Plan, StepId};
use c8dr_domain::record::fingerprint;
use c8dr_domain::run::{Event, Outcome, Phase, Run, Stop};
use jiff::SignedDuration;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::{LONG, PARIS, World, noon, watched};

fn a_failover() -> Plan {
    let world = World::of(4, 4).loses(PARIS);
    plan(
        &world.installation,
        &watched(&[(&world, LONG)]),
        &failover::Request::new(PARIS),
        noon(),
    )
    .unwrap()
}

fn planned() -> Event {
    let plan = a_failover();
    Event::Planned {
        run: RunId::new("a-run"),
        fingerprint: fingerprint(&plan).unwrap(),
        plan: Box::new(plan),
        by: "somebody".to_owned(),
        reason: None,
    }
}

fn began(step: StepId) -> Event {
    Event::StepBegan { step }
}

fn intended(step: StepId, attempt: u32) -> Event {
    let plan = a_failover();
    let effect = plan
        .steps
        .iter()
        .find(|planned| planned.id == step)
        .unwrap()
        .effect
        .clone();
    Event::Intended {
        step,
        attempt,
        request: Request::Zeebe {
            gateway: GatewayName::new("gateway-0"),
            effect: effect.zeebe().unwrap().clone(),
        },
    }
}

fn answered(step: StepId, attempt: u32, answer: Answer) -> Event {
    Event::Answered {
        step,
        attempt,
        answer,
    }
}

fn accepted(change: i64) -> Answer {
    Answer::Accepted {
        change: ChangeId(change),
        planned: Vec::new(),
        members: Default::default(),
    }
}

fn unknown() -> Answer {
    Answer::Unknown {
        status: Some(504),
        detail: "timed out".to_owned(),
    }
}

fn ended(step: StepId, outcome: Outcome) -> Event {
    Event::StepEnded {
        step,
        outcome,
        words: "So it is.".to_owned(),
    }
}

fn stopped(stop: Stop) -> Event {
    Event::Stopped {
        stop,
        words: "That is why.".to_owned(),
    }
}

fn resumed() -> Event {
    Event::Resumed {
        by: "somebody".to_owned(),
    }
}

fn proof_began() -> Event {
    Event::ProofBegan {
        known: Known::default(),
    }
}

fn verified() -> Event {
    Event::Verified {
        words: "All of it.".to_owned(),
    }
}

fn aborted() -> Event {
    Event::Aborted {
        by: "somebody".to_owned(),
        reason: "enough".to_owned(),
    }
}

use StepId::{Fo1, Fo2};

/// A run after events that must all apply.
#[track_caller]
fn run_of(events: &[Event]) -> Run {
    let mut run = Run::begin(noon(), &planned()).unwrap();
    for (event, second) in events.iter().zip(1..) {
        run.apply(noon() + SignedDuration::from_secs(second), event)
            .unwrap();
    }
    run
}

/// The last event cannot follow the others, for this reason, and leaves the run as it was.
#[track_caller]
fn check(events: &[Event], illegal: &Event, why: &str) {
    let mut run = run_of(events);
    let before = run.clone();
    let error = run.apply(noon(), illegal).unwrap_err();
    assert!(error.to_string().contains(why), "{why:?} is not in {error}");
    assert_eq!(run, before);
}

#[test]
fn what_cannot_follow_is_refused_with_the_reason() {
    check(&[], &planned(), "has begun already");
    check(&[], &began(Fo2), "FO2 is not the next step");
    check(&[], &proof_began(), "FO1 is still owed");
    check(&[], &verified(), "cannot follow");
    check(&[], &intended(Fo1, 1), "cannot follow");
    check(&[began(Fo1)], &intended(Fo1, 2), "attempt 2 does not follow 0");
    check(&[began(Fo1)], &answered(Fo1, 1, unknown()), "cannot follow");
    check(&[began(Fo1)], &ended(Fo1, Outcome::Verified), "nothing was sent");
    check(&[began(Fo1)], &ended(Fo2, Outcome::Already), "cannot follow");
    let sent = [began(Fo1), intended(Fo1, 1)];
    for illegal in [
        began(Fo2),
        intended(Fo1, 2),
        ended(Fo1, Outcome::Verified),
        Event::Adopted {
            step: Fo1,
            change: ChangeId(2),
        },
        Event::Remembered {
            step: Fo1,
            known: Known::default(),
        },
        proof_began(),
        stopped(Stop::Interrupted),
    ] {
        check(&sent, &illegal, "cannot follow");
    }
    let answer = [began(Fo1), intended(Fo1, 1), answered(Fo1, 1, accepted(2))];
    check(&answer, &ended(Fo1, Outcome::Already), "something was sent");
    check(&answer, &intended(Fo1, 1), "attempt 1 does not follow 1");
    let failed = [began(Fo1), ended(Fo1, Outcome::Failed)];
    check(&failed, &began(Fo1), "ended badly");
    check(&failed, &began(Fo2), "FO2 is not the next step");
    let stop = [began(Fo1), stopped(Stop::Waiting)];
    check(&stop, &ended(Fo1, Outcome::Already), "was not resumed");
    check(&stop, &stopped(Stop::Waiting), "was not resumed");
    let all = whole();
    check(&all, &resumed(), "has ended");
    check(&[aborted()], &resumed(), "has ended");
}

fn whole() -> Vec<Event> {
    vec![
        began(Fo1),
        intended(Fo1, 1),
        answered(Fo1, 1, accepted(2)),
        ended(Fo1, Outcome::Verified),
        began(Fo2),
        ended(Fo2, Outcome::Already),
        proof_began(),
        verified(),
    ]
}

#[test]
fn a_run_that_is_whole_ends_verified() {
    let run = run_of(&whole());
    assert_eq!((run.word(), run.phase.clone()), ("verified", Phase::Verified));
    assert_eq!(run.steps[&Fo1].known.change, Some(ChangeId(2)));
    assert_eq!(run.steps[&Fo1].outcome(), Some(Outcome::Verified));
}

#[test]
fn a_resumed_run_begins_again_what_ended_badly_and_keeps_what_ended_well() {
    let run = run_of(&[
        began(Fo1),
        ended(Fo1, Outcome::Already),
        began(Fo2),
        intended(Fo2, 1),
        answered(Fo2, 1, accepted(4)),
        ended(Fo2, Outcome::Failed),
        stopped(Stop::VerificationFailed),
        resumed(),
    ]);
    assert_eq!(run.next_step(), Some(Fo2));
    assert_eq!(run.steps[&Fo1].outcome(), Some(Outcome::Already));
    assert_eq!(run.steps[&Fo2].known.change, Some(ChangeId(4)));
    // A proof is not continued but made again, from fresh positions.
    let mut proving = whole();
    proving.pop();
    proving.extend([stopped(Stop::VerificationFailed), resumed()]);
    assert_eq!(run_of(&proving).phase, Phase::Between);
    check(&proving, &verified(), "cannot follow");
}

#[test]
fn a_crash_in_the_air_is_resumed_and_counts_as_unknown() {
    let run = run_of(&[
        began(Fo1),
        intended(Fo1, 1),
        resumed(),
        answered(Fo1, 1, unknown()),
    ]);
    assert_eq!(run.phase, Phase::Within(Fo1));
}

fn any_event() -> impl Strategy<Value = Event> {
    let step = || select(vec![Fo1, Fo2]);
    let outcome = select(vec![
        Outcome::Verified,
        Outcome::Already,
        Outcome::Skipped,
        Outcome::Failed,
        Outcome::Unknown,
        Outcome::Waiting,
    ]);
    let answer = select(vec![
        accepted(2),
        unknown(),
        Answer::Done,
        Answer::Conflict {
            message: "pending".to_owned(),
        },
        Answer::Refused {
            status: 400,
            message: "no".to_owned(),
        },
    ]);
    prop_oneof![
        Just(planned()),
        step().prop_map(began),
        step().prop_map(|step| Event::Remembered {
            step,
            known: Known::default()
        }),
        step().prop_map(|step| Event::Adopted {
            step,
            change: ChangeId(9)
        }),
        (step(), 1u32..4).prop_map(|(step, attempt)| intended(step, attempt)),
        (step(), 1u32..4, answer).prop_map(|(step, attempt, answer)| answered(step, attempt, answer)),
        (step(), outcome).prop_map(|(step, outcome)| ended(step, outcome)),
        Just(proof_began()),
        Just(stopped(Stop::Waiting)),
        Just(resumed()),
        Just(verified()),
        Just(aborted()),
    ]
}

/// An event that fits where the run is, so that long runs come about.
fn fitting(run: &Run) -> Event {
    if run.stopped.is_some() {
        return resumed();
    }
    match run.phase {
        Phase::Between => run.next_step().map_or_else(proof_began, began),
        Phase::Within(step) => match run.steps[&step].attempts.len() {
            0 => intended(step, 1),
            _ => ended(step, Outcome::Verified),
        },
        Phase::InTheAir { step, attempt } => answered(step, attempt, accepted(2)),
        Phase::Proving => verified(),
        Phase::Verified | Phase::Aborted => resumed(),
    }
}

proptest! {
    #![proptest_config(crate::world::cases(300))]

    #[test]
    fn an_event_applies_or_leaves_the_run_as_it_was(events in vec(prop::option::weighted(0.4, any_event()), 0..40)) {
        let mut run = Run::begin(noon(), &planned()).unwrap();
        let mut told = Vec::new();
        for (event, second) in events.into_iter().zip(1..) {
            let event = event.unwrap_or_else(|| fitting(&run));
            let at = noon() + SignedDuration::from_secs(second);
            let before = run.clone();
            match run.apply(at, &event) {
                Ok(()) => told.push((at, event)),
                Err(_) => prop_assert_eq!(&run, &before),
            }
            if run.phase == Phase::Verified {
                prop_assert!(run.steps.values().all(|step| step.outcome().is_some_and(Outcome::is_good)));
                prop_assert!(run.next_step().is_none());
                let last_resume = told.iter().rposition(|(_, event)| matches!(event, Event::Resumed { .. })).unwrap_or(0);
                let proof = told[last_resume..].iter().any(|(_, event)| matches!(event, Event::ProofBegan { .. }));
                prop_assert!(proof, "no proof since the last resume");
            }
            let sent = run.steps.values().flat_map(|step| &step.attempts).filter(|attempt| attempt.answer.is_none()).count();
            let in_the_air = usize::from(matches!(run.phase, Phase::InTheAir { .. } | Phase::Aborted));
            prop_assert!(sent <= in_the_air, "two effects in the air");
        }
        // Replay: the same events, the same run.
        let mut replayed = Run::begin(noon(), &planned()).unwrap();
        for (at, event) in told {
            replayed.apply(at, &event).unwrap();
        }
        prop_assert_eq!(replayed, run);
    }
}
