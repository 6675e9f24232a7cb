//! `c8dr why`: what is missing, with and without a run.

use std::time::{Duration, Instant};

use crate::stage::Stage;

/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(40);

#[test]
fn it_tells_what_is_refused_and_what_a_run_waits_for() {
    let stage = Stage::new();
    stage.lab(&["--speed", "4"]);
    let why = stage.run(&["why", "--output", "json"]).exits(0).json();
    let questions = why["questions"].as_array().unwrap().clone();
    assert_eq!(questions.len(), 4);
    for question in &questions[..2] {
        assert_eq!(question["refusal"]["code"], "lost-region-answers", "{question}");
        assert!(!question["refusal"]["way_out"].as_array().unwrap().is_empty());
    }
    stage.run(&["lab", "break", "region1"]).exits(0);
    let why = stage.run(&["why", "--output", "json"]).exits(0).json();
    let of = |command: &str| {
        let all = why["questions"].as_array().unwrap();
        all.iter()
            .find(|question| question["command"] == command)
            .unwrap()
            .clone()
    };
    assert_eq!(
        of("failover --lost region1")["steps"],
        serde_json::json!(["FO1", "FO2"])
    );
    assert_eq!(
        of("failover --lost region0")["refusal"]["code"],
        "lost-region-answers"
    );
    assert_eq!(
        of("failback --returning region1")["refusal"]["code"],
        "region-not-given-up"
    );

    let mut run = stage.start(&["failover", "--lost", "region1", "--yes"]);
    #[expect(clippy::disallowed_methods, reason = "the binary lives in the wall's time")]
    let began = Instant::now();
    // Once its plan is in the journal it is a run.
    while stage.run(&["run", "list", "--output", "json"]).json()[0]["state"] != "unfinished" {
        assert!(began.elapsed() < LIMIT, "no run is begun");
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let why = stage.run(&["why", "--output", "json"]).exits(0).json();
    let found = &why["run"];
    assert_eq!(
        (&found["state"], &found["step"]),
        (&"unfinished".into(), &"FO1".into()),
        "{why}"
    );
    let held = found["held"].as_array().unwrap();
    assert!(
        held.len() >= 3 && held.iter().all(|held| held["seen"] != ""),
        "{why}"
    );
    stage
        .run(&["why"])
        .exits(0)
        .says("What can be done")
        .says("c8dr run resume")
        .says("More: c8dr explain FO1");
    stage.run(&["run", "resume"]).exits(0);
    let why = stage.run(&["why", "--output", "json"]).exits(0).json();
    assert!(why["run"].is_null(), "the run has ended: {why}");
}
