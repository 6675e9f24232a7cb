//! Failovers under each cut, and what must hold whatever is cut.

use std::time::Duration;

use c8dr_domain::effect::Answer;
use c8dr_domain::run::{Event, Stop};
use c8dr_engine::drive::Finish;
use c8dr_lab::Region;
use c8dr_systems::zeebe::Limits;

use crate::stage::{Cut, Played, Side, Trap, play};

/// What removes the lost brokers.
const FORCE: &str = "/actuator/cluster/brokers?force=true";

/// What disables the exporter to the lost region.
const DISABLE: &str = "/disable";

/// A call ends this much behind its limits at most: the simulation goes on in ticks, and a connector waits a little longer.
const SLACK: Duration = Duration::from_millis(150);

const fn trap(line: &'static str, side: Side, cut: Cut, seconds: u64) -> Trap {
    Trap {
        line,
        side,
        cut,
        all: false,
        lasts: Duration::from_secs(seconds),
    }
}

/// What must hold of every run.
#[track_caller]
fn assert_sound(played: &Played, context: &str) {
    let Played { told, seen } = played;
    let forces = seen.arrived.iter().filter(|line| line.ends_with(FORCE)).count();
    assert!(forces <= 1, "{context}: {forces} forces: {:#?}", seen.arrived);
    match &told.finish {
        Finish::Verified { .. } => {
            assert_eq!(told.status.leaderless, Vec::<u32>::new(), "{context}");
            assert_eq!(told.status.led_twice, Vec::<u32>::new(), "{context}");
            assert_eq!(told.status.pending_change, None, "{context}");
            assert_eq!(told.audit.missing, Vec::<i64>::new(), "{context}");
            assert_eq!(forces, 1, "{context}");
        }
        Finish::Stopped { stop, words, .. } => {
            assert_eq!(*stop, Stop::Waiting, "{context}: {words}");
            assert!(words.len() > 20, "{context}: {words:?} is no reason");
        }
        other => panic!("{context}: {other:?}"),
    }
    let limits = Limits::default();
    let read = limits.read.max(limits.partitions).max(limits.metrics);
    for exchange in &seen.exchanges {
        let answer = match exchange.request.starts_with("GET") {
            true => read,
            false => limits.change,
        };
        assert!(
            exchange.took <= limits.connect + answer + SLACK,
            "{context}: {exchange:?}"
        );
    }
    let sent = |event: &Event| matches!(event, Event::Intended { .. });
    let intents = told.events.iter().filter(|(_, event)| sent(event)).count();
    assert!(
        seen.arrived.len() <= intents,
        "{context}: {:#?} of {intents} intents",
        seen.arrived
    );
}

/// The answers that the run wrote down, in order.
fn answers(played: &Played) -> Vec<&Answer> {
    let answers = played.told.events.iter().filter_map(|(_, event)| match event {
        Event::Answered { answer, .. } => Some(answer),
        _ => None,
    });
    answers.collect()
}

#[track_caller]
fn assert_verified(played: &Played, context: &str) {
    assert!(
        matches!(played.told.finish, Finish::Verified { .. }),
        "{context}: {:#?}\n{:#?}",
        played.told.finish,
        played.seen.cuts
    );
}

/// Everything that was decided and seen, with its times.
fn trace(played: &Played) -> Vec<String> {
    let mut lines: Vec<String> = (played.told.events.iter())
        .map(|(at, event)| format!("{at} {event:?}"))
        .collect();
    lines.extend(played.seen.arrived.clone());
    lines.extend(played.seen.cuts.clone());
    let calls = played.seen.exchanges.iter();
    lines.extend(calls.map(|call| format!("{} {:?} {}", call.at, call.took, call.request)));
    lines
}

#[test]
fn over_a_sound_network_a_failover_is_as_quick_as_without_one() {
    for lost in Region::BOTH {
        let played = play(1, lost, None);
        assert_sound(&played, "sound");
        assert_verified(&played, "sound");
        assert!(
            played.told.took < Duration::from_secs(15),
            "{:?}",
            played.told.took
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let cut = trap(FORCE, Side::Answered, Cut::Answers, 5);
    let once = trace(&play(2, Region::Odd, Some(cut)));
    let again = trace(&play(2, Region::Odd, Some(cut)));
    assert_eq!(once, again);
    assert_ne!(once, trace(&play(3, Region::Odd, Some(cut))));
}

/// Each cut, around what changes something, on both sides of the effect: short, and longer than any call may take.
#[test]
fn whatever_is_cut_around_a_request_is_looked_at_again_and_forced_once() {
    for (number, line) in [FORCE, DISABLE].into_iter().enumerate() {
        for cut in [Cut::Answers, Cut::Requests, Cut::Both, Cut::HalfOpen, Cut::Crash] {
            for (side, seconds) in [(Side::Arrived, 3), (Side::Answered, 20)] {
                let lost = Region::BOTH[(number + usize::from(side == Side::Arrived)) % 2];
                let context = format!("{cut:?} for {seconds} s, {side:?}: {line}");
                let played = play(4, lost, Some(trap(line, side, cut, seconds)));
                assert_eq!(played.seen.cuts.len(), 2, "{context}: {:?}", played.seen.cuts);
                assert_sound(&played, &context);
                assert_verified(&played, &context);
                let was_heard = cut == Cut::Requests;
                let has_unknown = answers(&played)
                    .iter()
                    .any(|answer| matches!(answer, Answer::Unknown { .. }));
                assert_eq!(has_unknown, !was_heard, "{context}: {:#?}", answers(&played));
                assert!(
                    !answers(&played)
                        .iter()
                        .any(|answer| matches!(answer, Answer::Refused { .. })),
                    "{context}: {:#?}",
                    answers(&played)
                );
            }
        }
    }
}

/// The force leaves on a connection that stands, and none of its bytes arrive: nobody can tell that from one that had its
/// effect.
#[test]
fn a_force_that_left_and_never_arrived_is_unknown_and_arrives_once() {
    for seconds in [3, 20] {
        let context = format!("cut for {seconds} s behind the connection");
        let trap = trap(FORCE, Side::Connected, Cut::Requests, seconds);
        let played = play(6, Region::Odd, Some(trap));
        assert_eq!(played.seen.cuts.len(), 2, "{context}: {:?}", played.seen.cuts);
        assert_sound(&played, &context);
        assert_verified(&played, &context);
        let answers = answers(&played);
        assert!(
            matches!(
                answers[..],
                [Answer::Unknown { status: None, .. }, Answer::Accepted { .. }, ..]
            ),
            "{context}: {answers:#?}"
        );
    }
}

/// The operator sees nothing at all for a while, in the middle of a change.
#[test]
fn an_operator_who_is_cut_off_decides_nothing_and_goes_on_when_the_network_does() {
    for cut in [Cut::Answers, Cut::Both, Cut::HalfOpen] {
        let trap = Trap {
            all: true,
            ..trap(FORCE, Side::Answered, cut, 25)
        };
        let context = format!("{cut:?} of all");
        let played = play(5, Region::Odd, Some(trap));
        assert_sound(&played, &context);
        assert_verified(&played, &context);
        assert!(
            played.told.took > trap.lasts,
            "{context}: it was over while nothing could be seen"
        );
    }
}
