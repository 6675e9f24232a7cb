//! Every drill of this repository is a test in virtual time; and every word of the language is what its page says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use c8dr_storm::Ring;
use c8dr_storm::drill::{ALL, Drill, named, perform_virtually, words};

/// Carries a drill out, and shows its whole story where it fails.
#[track_caller]
fn passes(name: &str) {
    let drill = Drill::parse(named(name).unwrap().text).unwrap_or_else(|wrong| panic!("{name}: {wrong:#?}"));
    let outcome = perform_virtually(&drill, Ring::Ports).unwrap();
    if !outcome.is_passed() {
        let story: Vec<String> = outcome.story.iter().map(ToString::to_string).collect();
        panic!(
            "{}\n{name}: {:#?}\n{:#?}",
            story.join("\n"),
            outcome.failed,
            outcome.violations
        );
    }
    assert!(!outcome.met.is_empty(), "{name} expects nothing");
}

macro_rules! drills {
    ($($test:ident $name:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            passes($name);
        })*

        /// The drills that are tests above.
        const TESTED: &[&str] = &[$($name),*];
    };
}

drills![
    answer_lost "answer-lost",
    broker_lost_at_two_replicas "broker-lost-at-two-replicas",
    crash_in_every_step "crash-in-every-step",
    credentials_expire "credentials-expire",
    dirty_recreated_region "dirty-recreated-region",
    disk_fills_while_paused "disk-fills-while-paused",
    forgotten_pause "forgotten-pause",
    link_cut_both_alive "link-cut-both-alive",
    lost_in_silence "lost-in-silence",
    loss_of_region0 "loss-of-region0",
    loss_of_region1 "loss-of-region1",
    old_region_returns "old-region-returns",
    names_that_do_not_move "names-that-do-not-move",
    pending_change_region0_lost "pending-change-region0-lost",
    reinforced "reinforced",
    stuck_change_coordinator_dead "stuck-change-coordinator-dead",
    temporary_loss "temporary-loss",
    two_operators "two-operators",
    wrong_region_typed "wrong-region-typed",
];

#[test]
fn every_file_is_kept_in_the_binary_and_is_a_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../drills");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|file| file.strip_suffix(".drill").unwrap_or(&file).to_owned())
        .collect();
    let kept: BTreeSet<String> = ALL.iter().map(|known| known.name.to_owned()).collect();
    let tested: BTreeSet<String> = TESTED.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(kept, files, "`kept!` in src/drill/kept.rs lists them");
    assert_eq!(tested, files, "`drills!` in this file lists them");
}

#[test]
fn every_drill_says_in_its_first_line_what_it_is_about() {
    for known in ALL {
        let drill = Drill::parse(known.text).unwrap();
        assert!(drill.about().len() > 20, "{}: {:?}", known.name, drill.about());
    }
}

/// A drill that cannot fail proves nothing: with one expectation turned into its opposite each has to.
#[test]
fn a_drill_whose_expectation_is_wrong_fails_and_says_which() {
    let text = named("link-cut-both-alive").unwrap().text;
    let wrong = text.replace("nothing forced", "forced once");
    assert_ne!(text, wrong);
    let outcome = perform_virtually(&Drill::parse(&wrong).unwrap(), Ring::Ports).unwrap();
    let failed = outcome.failed.unwrap();
    assert_eq!(failed.expected, "forced once");
    assert_eq!(failed.was, "There were 0 forced removals.");
    let line = wrong.lines().nth(failed.line - 1).unwrap();
    assert!(line.contains("forced once"), "{line}");
}

/// What is expected, and what would be wrong instead.
const OPPOSITES: &[(&str, &str)] = &[
    ("expect verified", "expect given up"),
    ("expect killed", "expect verified"),
    ("expect stopped", "expect verified"),
    ("expect turned back", "expect verified"),
    ("expect refused", "expect verified"),
    ("expect planned", "expect refused"),
    ("nothing missing", "change pending"),
    ("nothing forced", "forced once"),
    ("forced once", "nothing forced"),
    ("all partitions led", "0 partitions led"),
    ("exporting on", "exporting paused"),
];

/// A drill that cannot fail proves nothing: whichever of two things in it is expected otherwise, it fails there.
#[test]
fn every_drill_fails_where_something_else_is_expected() {
    for known in ALL {
        let places = |(phrase, wrong): &(&'static str, &'static str)| {
            let at = known.text.rfind(phrase)?;
            Some((at, *phrase, *wrong))
        };
        let mut found: Vec<_> = OPPOSITES.iter().filter_map(places).collect();
        found.sort_unstable();
        let [first, .., last] = found.as_slice() else {
            panic!("{} expects too little: {found:?}", known.name);
        };
        for (at, phrase, wrong) in [first, last] {
            let (before, behind) = known.text.split_at(*at);
            let (text, line) = (
                behind.replacen(phrase, wrong, 1),
                before.matches('\n').count() + 1,
            );
            // Only the outcome is turned round: what else was expected with its code would be no drill any more.
            let end = text.find('\n').unwrap_or(text.len());
            let (changed, rest) = text.split_at(end);
            let changed = match changed.strip_prefix(wrong) {
                Some(_) if wrong.starts_with("expect ") => wrong,
                _ => changed,
            };
            let text = format!("{before}{changed}{rest}");
            let drill = Drill::parse(&text).unwrap_or_else(|wrong| panic!("{}: {wrong:#?}", known.name));
            let outcome = perform_virtually(&drill, Ring::Ports).unwrap();
            let failed = outcome
                .failed
                .unwrap_or_else(|| panic!("{}: {changed:?} passes", known.name));
            assert_eq!(failed.line, line, "{}: {changed:?}: {failed:#?}", known.name);
        }
    }
}

/// A script around an example that needs something before or behind it.
fn around(example: &str) -> String {
    let world = if example.starts_with("world") {
        ""
    } else {
        "world 8 brokers\n"
    };
    let ben = if example.starts_with("wait for ben") || example.starts_with("interrupt") {
        "ben: c8dr status &\n"
    } else {
        ""
    };
    let waits = if example.ends_with('&') || example.starts_with("interrupt") {
        "wait for ben\n"
    } else {
        ""
    };
    format!("{world}{ben}c8dr status\n{example}\n{waits}expect exporting on\n")
        .replace("c8dr status\nworld", "world")
}

#[test]
fn every_example_is_understood_as_it_stands() {
    for (heading, words) in words::ALL {
        for word in words {
            let text = around(word.example);
            if let Err(wrong) = Drill::parse(&text) {
                panic!("{heading}: {}: {wrong:#?}", word.example);
            }
        }
    }
}

#[test]
fn the_same_drill_ends_the_same_in_both_rings() {
    let drill = Drill::parse(named("link-cut-both-alive").unwrap().text).unwrap();
    let [ports, wire] = [Ring::Ports, Ring::Wire].map(|ring| perform_virtually(&drill, ring).unwrap());
    assert!(ports.is_passed() && wire.is_passed(), "{:#?}", wire.failed);
    assert_eq!(ports.met, wire.met);
    assert_eq!(ports.took, wire.took);
}
