//! Failbacks under cuts: in front of what pauses, copies, enables and adds, on both sides of its effect.

use std::time::Duration;

use c8dr_domain::effect::Answer;
use c8dr_domain::run::Event;
use c8dr_engine::drive::Finish;
use c8dr_lab::Region;

use crate::stage::{Cut, Played, Side, Trap, play_back};

/// What pauses exporting.
const PAUSE: &str = "/actuator/exporting/pause";
/// What enables the exporter to the returning region.
const ENABLE: &str = "/enable";
/// What adds the returning region's brokers.
const ADD: &str = "/actuator/cluster/brokers?replicationFactor=4";
/// What resumes exporting.
const RESUME: &str = "/actuator/exporting/resume";
/// What restores the snapshot into the returning region's search.
const RESTORE: &str = "/_restore";

const fn trap(line: &'static str, side: Side, cut: Cut, seconds: u64) -> Trap {
    Trap {
        line,
        side,
        cut,
        all: false,
        lasts: Duration::from_secs(seconds),
    }
}

/// The requests of this kind that arrived, with what they met on the way.
fn arrived<'a>(played: &'a Played, line: &str) -> Vec<&'a String> {
    let all = played.seen.arrived.iter();
    all.filter(|one| one.contains(line)).collect()
}

/// How many answers were never heard.
fn unknown(played: &Played) -> usize {
    let events = played.told.events.iter();
    let unheard = |event: &Event| {
        matches!(
            event,
            Event::Answered {
                answer: Answer::Unknown { .. },
                ..
            }
        )
    };
    events.filter(|(_, event)| unheard(event)).count()
}

/// Verified, and everything is where it should be, by the lab's own truth.
#[track_caller]
fn assert_back(played: &Played, context: &str) {
    let Played { told, seen } = played;
    assert!(
        matches!(told.finish, Finish::Verified { .. }),
        "{context}: {:#?}\n{:#?}\n{:#?}",
        told.finish,
        seen.cuts,
        seen.arrived
    );
    assert_eq!(told.status.leaderless, Vec::<u32>::new(), "{context}");
    assert_eq!(told.status.pending_change, None, "{context}");
    assert_eq!(told.paused, 0, "{context}");
    assert!(told.in_the_end.acknowledged > 0, "{context}");
    assert!(told.in_the_end.is_whole(), "{context}: {:#?}", told.in_the_end);
    for broker in told.status.regions.iter().flat_map(|region| &region.brokers) {
        let holds = !broker.leads.is_empty() || !broker.follows.is_empty();
        assert!(broker.ready && holds, "{context}: {broker:?}");
    }
    // What has its effect when it is done again would be a change too many.
    for line in [ENABLE, ADD, RESTORE] {
        let times = arrived(played, line);
        assert!(times.len() <= 2, "{context}: {times:#?}");
    }
}

#[test]
fn over_a_sound_network_a_region_is_brought_back() {
    for lost in Region::BOTH {
        let played = play_back(1, lost, None);
        assert_back(&played, "sound");
        assert_eq!(unknown(&played), 0);
        for line in [PAUSE, ENABLE, ADD, RESUME, RESTORE] {
            assert_eq!(
                arrived(&played, line).len(),
                1,
                "{line}: {:#?}",
                played.seen.arrived
            );
        }
    }
}

/// The way is cut in one direction: what was sent arrives, and its answer never does.
#[test]
fn answers_that_are_lost_one_way_are_looked_for_and_nothing_is_done_twice() {
    for (number, line) in [PAUSE, ENABLE, ADD, RESTORE].into_iter().enumerate() {
        let lost = Region::BOTH[number % 2];
        let context = format!("the answer of {line} is lost");
        let played = play_back(2, lost, Some(trap(line, Side::Answered, Cut::Answers, 20)));
        assert_eq!(played.seen.cuts.len(), 2, "{context}: {:?}", played.seen.cuts);
        assert_back(&played, &context);
        assert!(unknown(&played) >= 1, "{context}: {:#?}", played.told.events);
        if line == ENABLE || line == ADD {
            assert_eq!(
                arrived(&played, line).len(),
                1,
                "{context}: {:#?}",
                played.seen.arrived
            );
        }
    }
}

/// The host that was asked crashes with its connections, before and after the effect, and comes back.
#[test]
fn a_host_that_crashes_in_the_middle_is_asked_again_when_it_is_back() {
    for (number, line) in [ENABLE, ADD, RESUME].into_iter().enumerate() {
        for (side, seconds) in [(Side::Arrived, 3), (Side::Answered, 20)] {
            let lost = Region::BOTH[(number + usize::from(side == Side::Arrived)) % 2];
            let context = format!("{side:?} crash for {seconds} s: {line}");
            let played = play_back(3, lost, Some(trap(line, side, Cut::Crash, seconds)));
            assert_eq!(played.seen.cuts.len(), 2, "{context}: {:?}", played.seen.cuts);
            assert_back(&played, &context);
            assert!(unknown(&played) >= 1, "{context}: {:#?}", played.told.events);
        }
    }
}

/// The returning region's search is gone without a word while it takes the snapshot back.
#[test]
fn a_search_that_is_half_open_while_it_restores_holds_the_run_up_and_no_more() {
    let trap = trap(RESTORE, Side::Arrived, Cut::HalfOpen, 15);
    let played = play_back(4, Region::Odd, Some(trap));
    assert_eq!(played.seen.cuts.len(), 2, "{:?}", played.seen.cuts);
    assert_back(&played, "half open");
    assert!(played.told.took > trap.lasts);
}
