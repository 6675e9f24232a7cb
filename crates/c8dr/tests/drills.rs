//! `c8dr drill SCRIPT` as it is typed: a kept drill live on the screen, the list, and what the exit codes are called.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use c8dr::exit::Exit;
use c8dr_storm::drill::{ALL, EXITS};

fn c8dr(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_c8dr"));
    command.env_clear().args(args).output().unwrap()
}

fn document(args: &[&str], exit: i32) -> serde_json::Value {
    let run = c8dr(args);
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(exit), "{said}");
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn a_kept_drill_runs_live() {
    let args = ["drill", "answer-lost", "--speed", "8", "--output", "json"];
    let live = document(&args, 0);
    assert_eq!(live["outcome"], "passed", "{live:#}");
    assert_eq!(live["missing"], 0);
    assert_eq!(live["runs"][0]["outcome"], "verified");
    assert_eq!(live["met"].as_array().unwrap().len(), 7, "{live:#}");
    // The clock is the wall's, so nothing else is the same to the moment; what was expected is met in virtual time as well.
    let at_once = document(&["drill", "answer-lost", "--virtual", "--output", "json"], 0);
    assert_eq!(live["met"], at_once["met"]);
}

#[test]
fn the_binary_lists_what_it_keeps() {
    let list = document(&["drill", "--list", "--output", "json"], 0);
    let names: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    let kept: Vec<&str> = ALL.iter().map(|known| known.name).collect();
    assert_eq!(names, kept);
    assert!(kept.len() >= 12, "{kept:?}");
}

#[test]
fn a_dry_run_begins_nothing() {
    let lines = document(
        &["drill", "crash-in-every-step", "--dry-run", "--output", "json"],
        0,
    );
    assert!(
        lines
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line["text"] == "after FB5  kill c8dr"),
        "{lines:#}"
    );
}

#[test]
fn what_belongs_to_the_other_drill_is_refused_beside_a_script() {
    for option in [["--lose", "region0"], ["--brokers", "8"], ["--seed", "1"]] {
        let run = c8dr(&[&["drill", "answer-lost"][..], &option].concat());
        assert_eq!(run.status.code(), Some(2), "{option:?}");
    }
}

#[test]
fn exit_codes_are_called_alike_everywhere() {
    let words: Vec<&str> = Exit::ALL.iter().map(|exit| exit.word()).collect();
    assert_eq!(words, EXITS);
}
