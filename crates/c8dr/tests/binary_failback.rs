//! Failing back with the whole binary as a person does it, on the lab's real sockets: there and back, killed, taken over.

#![cfg(unix)]

mod stage;

use std::time::Duration;

use serde_json::Value;

use crate::stage::Stage;

/// The lab runs faster than the wall here, so that the tests end sooner; the clock's times stay what they are.
const SPEED: [&str; 2] = ["--speed", "4"];
/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(40);

/// A lab in which `lost` was lost, failed over, and its platform rebuilt with nothing on it.
fn rebuilt(lost: &str) -> Stage {
    let stage = Stage::new();
    stage.lab(&SPEED);
    stage.run(&["lab", "break", lost]).exits(0);
    stage.until("region-lost", LIMIT);
    stage.run(&["failover", "--lost", lost, "--yes"]).exits(0);
    stage.run(&["lab", "heal", lost, "--bare"]).exits(0);
    stage
}

/// The lab's own truth: every promise kept in the log, nothing paused by what brokers say, and everything led.
#[track_caller]
fn nothing_is_wrong(stage: &Stage) {
    let truth = stage.run(&["lab", "status", "--output", "json"]).exits(0).json();
    assert_eq!(truth["leaderless"].as_array().map(Vec::len), Some(0), "{truth}");
    let status = stage.run(&["status", "--output", "json"]).exits(0).json();
    assert_ne!(status["diagnosis"]["code"], "exporting-paused", "{status}");
}

#[test]
fn a_region_is_brought_back_by_hand_and_its_certificate_holds() {
    for lost in ["region1", "region0"] {
        let stage = rebuilt(lost);
        let back = ["failback", "--returning", lost];
        // Looking changes nothing, whoever looks.
        stage
            .run(&[&back[..], &["--dry-run"]].concat())
            .exits(0)
            .says("Pause exporting, and wait until nothing is in the exporters' hands");
        stage
            .run(&back)
            .exits(4)
            .says("nobody is at the terminal to agree");
        let report = stage
            .run(&[&back[..], &["--yes", "--output", "json"]].concat())
            .exits(0)
            .json();
        assert_eq!(report["outcome"], "verified");
        stage.until("healthy", LIMIT);
        nothing_is_wrong(&stage);
        stage.run(&["run", "verify"]).exits(0).says("the same");
        // Once more is nothing owed but the proof.
        stage.run(&[&back[..], &["--yes"]].concat()).exits(0);

        let run = report["run"].as_str().unwrap_or_default();
        let certificate = stage.home().join("runs").join(run).join("certificate.json");
        let whole = std::fs::read(&certificate).unwrap_or_default();
        assert!(!whole.is_empty());
        for at in [0, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(std::fs::write(&certificate, &changed).is_ok());
            stage.run(&["run", "verify", run]).exits(6);
        }
        assert!(std::fs::write(&certificate, &whole).is_ok());
        stage.run(&["run", "verify", run]).exits(0);
    }
}

/// Starts a failback and kills it as soon as its journal tells of `event`.
fn killed_at(stage: &Stage, lost: &str, event: &str) {
    let mut child = stage.start(&["failback", "--returning", lost, "--yes"]);
    #[expect(clippy::disallowed_methods, reason = "the binary lives in the wall's time")]
    let began = std::time::Instant::now();
    loop {
        let told = journal_of_the_failback(stage).is_some_and(|journal| journal.contains(event));
        let ended = child.try_wait().is_ok_and(|status| status.is_some());
        if told || ended || began.elapsed() > LIMIT {
            assert!(told, "{event} was not come to");
            break;
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn journal_of_the_failback(stage: &Stage) -> Option<String> {
    let runs = std::fs::read_dir(stage.home().join("runs")).ok()?;
    let directory = runs
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().contains("-failback-"))?;
    std::fs::read_to_string(directory.join("journal.jsonl")).ok()
}

/// The names that steps have where a journal tells of them.
fn began(step: &str) -> String {
    format!("\"step-began\":{{\"step\":\"{step}\"}}")
}

#[test]
fn killed_in_the_middle_it_is_resumed_to_the_same_end() {
    for (lost, step) in [("region1", "FB2b"), ("region0", "FB5")] {
        let stage = rebuilt(lost);
        killed_at(&stage, lost, &began(step));
        // Another failback must not begin beside it, and nothing is proven yet.
        stage
            .run(&["failback", "--returning", lost, "--yes"])
            .exits(3)
            .says("run resume");
        // Who only looks is told of it before anything that a person would type against the pause.
        stage.run(&["status"]).exits(0).says("open run").says(&format!(
            "unfinished at {step}: `c8dr why` tells what it waits for"
        ));
        stage.run(&["run", "resume"]).exits(0).says("verified");
        let healthy = stage.run(&["status", "--output", "json"]).exits(0).json();
        assert!(healthy.get("open_run").is_none(), "{healthy}");
        stage.until("healthy", LIMIT);
        nothing_is_wrong(&stage);
        stage.run(&["run", "verify"]).exits(0).says("the same");
    }
}

#[test]
fn a_machine_with_an_empty_home_goes_on_through_the_record() {
    let stage = rebuilt("region1");
    killed_at(&stage, "region1", &began("FB3e"));
    let other = Stage::new();
    let config = stage.home().join("lab").join("c8dr.yaml");
    let elsewhere = |args: &[&str]| {
        let config = config.to_string_lossy().into_owned();
        other.run(&[&["--config", config.as_str()], args].concat())
    };
    elsewhere(&["run", "resume", "--from-record"])
        .exits(0)
        .says("are taken over from s3://");
    elsewhere(&["run", "verify"]).exits(0).says("the same");
    nothing_is_wrong(&stage);
    // The first machine sees that it is too late, takes the end over, and is free for the next run.
    stage
        .run(&["run", "resume"])
        .exits(0)
        .says("it has ended there: it is verified");
    stage.run(&["run", "verify"]).exits(0).says("the same");
    stage
        .run(&["failback", "--returning", "region1", "--yes"])
        .exits(0);
    // Nor is there anything to take over any more.
    let third = Stage::new();
    let config = config.to_string_lossy().into_owned();
    third
        .run(&["--config", config.as_str(), "run", "resume", "--from-record"])
        .exits(3);
}

#[test]
fn given_up_in_the_pause_it_leaves_nothing_paused() {
    let stage = rebuilt("region1");
    killed_at(&stage, "region1", &began("FB3b"));
    stage.until("exporting-paused", LIMIT);
    let aborted = stage
        .run(&["run", "abort", "--reason", "the night is over"])
        .exits(0);
    drop(aborted);
    nothing_is_wrong(&stage);
    let runs = stage.run(&["run", "list", "--output", "json"]).exits(0).json();
    let states: Vec<&Value> = runs
        .as_array()
        .into_iter()
        .flatten()
        .map(|run| &run["state"])
        .collect();
    assert_eq!(states, ["verified", "aborted"]);
    // The next one wants an empty region again.
    stage.run(&["lab", "heal", "region1", "--bare"]).exits(0);
    stage
        .run(&["failback", "--returning", "region1", "--yes"])
        .exits(0);
    stage.until("healthy", LIMIT);
}

#[test]
fn the_opposite_direction_is_refused_from_any_machine() {
    let stage = rebuilt("region1");
    // An empty home knows nothing of the first failover; the record does.
    let other = Stage::new();
    let config = stage.home().join("lab").join("c8dr.yaml");
    let config = config.to_string_lossy().into_owned();
    other
        .run(&[
            "--config",
            config.as_str(),
            "failover",
            "--lost",
            "region0",
            "--yes",
        ])
        .exits(3);
    // The wrong region by name is refused as well.
    stage
        .run(&["failback", "--returning", "region0", "--yes"])
        .exits(3)
        .says("region-serves");
    stage
        .run(&["failback", "--returning", "region2", "--yes"])
        .exits(2);
}

#[test]
fn without_what_it_needs_it_says_what() {
    let stage = Stage::new();
    let config = "name: camunda\nclusterSize: 4\npartitionCount: 4\nreplicationFactor: 4\nregions:\n  - name: london\n    exporter: e0\n    gateways: [{rest: \"http://127.0.0.1:1\"}]\n  - name: paris\n    exporter: e1\n";
    assert!(std::fs::write(stage.path().join("c8dr.yaml"), config).is_ok());
    stage
        .run(&["failback", "--returning", "paris", "--yes"])
        .exits(2)
        .says("a failback needs `snapshots` and `search` in both regions and `platform` in both regions");
}
