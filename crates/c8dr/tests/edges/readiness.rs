//! `c8dr ready` as people and scripts read it: its JSON, what it tries when asked to, and what it names after a failover.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use crate::stage::Stage;

const SPEED: [&str; 2] = ["--speed", "4"];
const LIMIT: Duration = Duration::from_secs(40);

/// The codes of all findings, with their weights.
fn codes(readiness: &Value) -> BTreeSet<(String, String)> {
    let losses = readiness["losses"].as_array().unwrap();
    let findings = losses.iter().map(|loss| &loss["findings"]);
    findings
        .chain([&readiness["failback"]["findings"]])
        .flat_map(|findings| findings.as_array().unwrap())
        .map(|finding| {
            let text = |name: &str| finding[name].as_str().unwrap().to_owned();
            (text("code"), text("severity"))
        })
        .collect()
}

#[track_caller]
fn has(readiness: &Value, code: &str, severity: &str) {
    let codes = codes(readiness);
    assert!(
        codes.contains(&(code.to_owned(), severity.to_owned())),
        "{code} {severity} is not in {codes:?}"
    );
}

#[track_caller]
fn has_not(readiness: &Value, code: &str) {
    let codes = codes(readiness);
    assert!(codes.iter().all(|(one, _)| one != code), "{code} is in {codes:?}");
}

/// What differs from run to run: ports, counts of documents, positions.
fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, instead) in [
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"copying \d+ documents", "copying N documents"),
        (r"and \d+ more ind(ex|ices)", "and N more"),
        (
            r"zeebe-record_[a-z-]+_8\.6\.0_\d{4}-\d\d-\d\d",
            "zeebe-record_KIND_8.6.0_DAY",
        ),
    ] {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, instead)
            .into_owned();
    }
    text
}

#[test]
fn readiness_as_json_and_what_a_probe_leaves_behind() {
    let stage = Stage::new();
    stage.lab(&SPEED);
    stage.until("healthy", LIMIT);
    let looked = stage.run(&["ready", "--output", "json"]).exits(0);
    let readiness = looked.json();
    assert_eq!(
        (&readiness["is_ready"], &readiness["is_probed"]),
        (&true.into(), &false.into())
    );
    has(&readiness, "not-probed", "note");
    insta::assert_snapshot!("ready_json", plain(&looked.out));

    let tried = stage
        .run(&["ready", "--probe", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(tried["is_probed"], true);
    for code in [
        "not-probed",
        "probe-left",
        "bucket-not-exclusive",
        "repository-unusable",
    ] {
        has_not(&tried, code);
    }
}

#[test]
fn a_lab_without_its_parts_is_not_ready_and_says_why() {
    let stage = Stage::new();
    stage.lab(&SPEED);
    stage.until("healthy", LIMIT);
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    stage.run(&["failover", "--lost", "region1", "--yes"]).exits(0);
    let owed = stage.run(&["ready", "--output", "json"]).exits(3).json();
    assert_eq!(owed["failback"]["owed"], 1);
    has(&owed, "members-missing", "blocking");
    has(&owed, "exporter-off", "warning");
    stage
        .run(&["ready"])
        .exits(3)
        .says("a failback would be blocked")
        .says("Brokers 1 and 3 are no members");
    stage.run(&["lab", "heal", "region1", "--bare"]).exits(0);
    stage
        .run(&["failback", "--returning", "region1", "--yes"])
        .exits(0);
    stage.run(&["ready"]).exits(0).says("about 15 s");
}
