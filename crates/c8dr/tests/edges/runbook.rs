//! The runbooks, typed by a machine: every command and every check of both pages, in their order, in one bash, against a lab.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stage::{Ran, Stage};

/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(60);

/// How often a check is repeated, every half second: two minutes in all.
const REPEATS: u32 = 240;

#[test]
fn whoever_types_the_pages_fails_over_and_back() {
    for tool in ["bash", "curl", "jq", "awk", "paste", "seq"] {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {tool}")])
            .output();
        assert!(
            found.unwrap().status.success(),
            "{tool} is not on this machine, and a runbook is typed with it: install the package that brings it"
        );
    }
    let stage = Stage::new();
    stage.lab(&["--speed", "4"]);
    // Both are printed while all is well, as they would be.
    let over = stage
        .run(&["runbook", "failover", "--lost", "region1"])
        .exits(0)
        .out;
    let back = stage
        .run(&["runbook", "failback", "--returning", "region1"])
        .exits(0)
        .out;
    steps(&over, &["FO1", "FO2", "Proof"]);
    steps(
        &back,
        &[
            "FB1", "FB2a", "FB2b", "FB3a", "FB3b", "FB3c", "FB3e", "FB4a", "FB4b", "FB5", "FB6", "FB7",
        ],
    );
    let json = stage
        .run(&["runbook", "failover", "--lost", "region0", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(json["steps"][0]["id"], "FO1");
    stage.run(&["runbook", "failover", "--lost", "nowhere"]).exits(2);

    stage.run(&["lab", "break", "region1"]).exits(0);
    types(&stage, &over);
    stage.until("failed-over", LIMIT);
    stage.run(&["lab", "heal", "region1", "--bare"]).exits(0);
    types(&stage, &back);
    stage.until("healthy", LIMIT);
    nothing_is_missing(&stage);
}

/// The page is in the order of the procedure.
#[track_caller]
fn steps(page: &str, wanted: &[&str]) {
    let found: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .filter_map(|line| line.split(" · ").nth(1))
        .filter_map(|line| line.split(' ').next())
        .skip(1)
        .collect();
    assert_eq!(found, wanted, "{page}");
}

/// Types a page: its setup, then what stands in its blocks; a check is repeated until it prints `ok`. The way back is read
/// by bash, and not carried out.
#[track_caller]
fn types(stage: &Stage, page: &str) {
    let (mut script, mut back) = (String::new(), String::new());
    let mut typed = 0;
    for part in page.split("\n```").filter(|part| part.starts_with("sh")) {
        let (kind, block) = part.split_once('\n').unwrap();
        // Writing to a string cannot fail.
        let _ = match kind {
            "sh setup" => writeln!(script, "{block}"),
            "sh" => {
                typed += 1;
                writeln!(script, "echo '### typed'\n{block}")
            }
            // In the very shell, because what a check has read (V) is used later on.
            "sh check" => writeln!(
                script,
                "for time in $(seq {REPEATS}); do\n{{\n{block}\n}} > said 2>&1\ngrep -qx ok said && break\nsleep 0.5\ndone\n\
                 grep -qx ok said || {{ echo '### a check that does not come to hold:'; cat <<'CHECK'\n{block}\nCHECK\ncat said; exit 1; }}"
            ),
            "sh back" | "sh check back" => writeln!(back, "{block}"),
            other => panic!("a block of an unknown kind: {other}"),
        };
    }
    assert!(typed > 1, "{page}");
    let bash = |words: &[&str], script: &str| -> Ran {
        let mut bash = Command::new("bash");
        bash.args(words)
            .args(["-c", script])
            .current_dir(stage.path())
            .env("C8DR_HOME", stage.home())
            .stdin(Stdio::null());
        bash.output().unwrap().into()
    };
    bash(&["-n"], &back).exits(0);
    bash(&["-u"], &script).exits(0);
}

/// What a client was told is done is in the log, and in both searches once what was on its way has come: clients go on, so
/// what is missing at one moment must not be missing later.
#[track_caller]
fn nothing_is_missing(stage: &Stage) {
    let control = std::fs::read_to_string(stage.home().join("lab/control")).unwrap();
    let url = format!("http://{}/audit/final", control.trim());
    let audit = || -> Value {
        let answer: Ran = Command::new("curl").args(["-sSf", &url]).output().unwrap().into();
        answer.exits(0).json()
    };
    let missing = |audit: &Value| -> Option<BTreeSet<String>> {
        let regions = audit["regions"].as_array().unwrap();
        let mut keys = BTreeSet::new();
        for region in regions {
            let examples = region["missing"]["examples"].as_array().unwrap();
            // Only a few are named; while there are more, nothing can be told.
            if region["missing"]["count"].as_u64() != Some(examples.len() as u64) {
                return None;
            }
            keys.extend(examples.iter().map(|key| format!("{} {key}", region["region"])));
        }
        Some(keys)
    };
    #[expect(clippy::disallowed_methods, reason = "the binary lives in the wall's time")]
    let began = Instant::now();
    let mut before: Option<BTreeSet<String>> = None;
    loop {
        let now = audit();
        assert!(now["acknowledged"].as_u64().unwrap() > 0, "{now}");
        assert_eq!(now["missing_from_log"]["count"], 0, "{now}");
        assert_eq!(now["records_not_in_log"], 0, "{now}");
        if let Some(found) = missing(&now) {
            if before.as_ref().is_some_and(|before| before.is_disjoint(&found)) {
                return;
            }
            before.get_or_insert(found);
        }
        assert!(
            began.elapsed() < LIMIT,
            "missing since then: {before:?}, now: {now}"
        );
    }
}
