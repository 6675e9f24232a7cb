//! `c8dr storm` as it is typed: the same seeds give the same storm, one disaster is told as a story, wrong words are refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn c8dr(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_c8dr"));
    command.env_clear().args(args).output().unwrap()
}

fn document(args: &[&str]) -> serde_json::Value {
    let run = c8dr(args);
    assert_eq!(
        run.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn the_same_seeds_give_the_same_storm_in_both_rings() {
    let args = [
        "storm",
        "--seeds",
        "3",
        "--from",
        "5",
        "--brokers",
        "4",
        "--output",
        "json",
    ];
    let (one, two) = (document(&args), document(&args));
    let wire = document(&[&args[..], &["--ring", "wire"]].concat());
    for field in ["trace_hash", "reached", "ended"] {
        assert_eq!(one[field], two[field], "{field}");
        assert_eq!(one[field], wire[field], "{field} by the wire");
    }
    assert_eq!(one["violations"], 0);
    assert_eq!(one["stuck"], 0);
    assert_eq!(one["seeds"], 3);
    assert!(one["seeds_per_second"].as_f64().unwrap() > 0.0);
    assert_eq!(one["reached"]["failover planned"], 3);
}

#[test]
fn one_disaster_is_told_as_a_story() {
    let run = c8dr(&["storm", "--seed", "5", "--scenario", "plain", "--trace"]);
    let story = String::from_utf8(run.stdout).unwrap();
    assert_eq!(run.status.code(), Some(0), "{story}");
    let told = [
        "seed 5: ",
        " is lost.",
        "FO1 sends (1): remove brokers",
        "VERIFIED: ",
        "FB7 verified",
    ];
    let places: Vec<_> = told.iter().map(|words| story.find(words)).collect();
    assert!(places.iter().all(Option::is_some), "{told:?} {places:?}\n{story}");
    assert!(places.is_sorted(), "in this order: {story}");
    assert!(story.trim_end().ends_with("verified"), "{story}");
}

#[test]
fn wrong_words_are_refused_with_those_that_there_are() {
    for (args, says) in [
        (&["storm", "--scenario", "rain"][..], "answers, deaths, network"),
        (&["storm", "--ring", "tcp"][..], "ports and wire"),
        (&["storm", "--planner", "gide"][..], "c8dr, guide, scripts"),
        (
            &["storm", "--compare", "--planner", "guide"][..],
            "cannot be used with",
        ),
        (
            &["storm", "--planner", "guide", "--ring", "wire"][..],
            "Leave `--ring` out",
        ),
        (&["storm", "--brokers", "5"][..], "even number"),
        (
            &["storm", "--seed", "1", "--seeds", "2"][..],
            "cannot be used with",
        ),
    ] {
        let run = c8dr(args);
        let words = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(2), "{args:?}: {words}");
        assert!(words.contains(says), "{args:?}: {words}");
    }
}

#[test]
fn how_true_the_lab_is_can_be_read_from_the_binary() {
    let run = c8dr(&["storm", "--fidelity"]);
    assert_eq!(run.status.code(), Some(0));
    let page = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(page.contains("recordings"), "{page}");
    let json = c8dr(&["storm", "--fidelity", "--output", "json"]);
    let told: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        told["fidelity"].as_str().map(str::trim_end),
        Some(page.trim_end())
    );
}

#[test]
fn the_guide_is_counted_and_told() {
    let args = [
        "storm",
        "--scenario",
        "plain",
        "--brokers",
        "4",
        "--planner",
        "guide",
    ];
    let counts = document(&[&args[..], &["--seeds", "2", "--output", "json"]].concat());
    assert_eq!(counts["planner"], "guide");
    assert_eq!(counts["seeds"], 2);
    assert_eq!(counts["completes_well"], 2);
    assert_eq!(counts["bad"]["loses-records"]["disasters"], 0);
    let run = c8dr(&[&args[..], &["--seed", "0", "--trace"]].concat());
    let story = String::from_utf8(run.stdout).unwrap();
    assert_eq!(run.status.code(), Some(0), "{story}");
    let told = [
        "FO1: curl -XPOST",
        "sees brokers",
        "calls the failover done",
        "calls the failback done",
    ];
    assert!(told.iter().all(|words| story.contains(words)), "{story}");
}
