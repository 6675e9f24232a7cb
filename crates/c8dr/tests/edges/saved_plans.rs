//! Saved plans that are carried out later: after the world moved, after somebody edited them, twice, elsewhere.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use super::lab_seen::{cluster, http, management, said_from, until, without_sights};
use super::page::Page;
use crate::stage::{Ran, Stage};

/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn the_page_of_saved_plans() {
    let stage = Stage::new();
    let mut page = Page::new(
        "saved_plans",
        "Saved plans",
        "`c8dr apply` makes the plan anew and compares: what is carried out is what was read and approved, or nothing.",
    );
    stage.lab(&["--speed", "4"]);
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    stage
        .run(&["plan", "failover", "--lost", "region1", "--save", "saved.json"])
        .exits(0);
    let saved = std::fs::read_to_string(stage.path().join("saved.json")).unwrap();
    let unchanged = cluster(&stage);

    let edited = saved.replace("\"elasticsearchregion1\"", "\"elasticsearchregion0\"");
    assert_ne!(edited, saved);
    std::fs::write(stage.path().join("edited.json"), &edited).unwrap();
    let edited = stage.run(&["apply", "edited.json", "--yes"]).exits(2);
    page.fault(
        &stage,
        "The exporters in a plan were edited by hand",
        "apply edited.json --yes",
        &edited,
    );
    let mut kept: serde_json::Value = serde_json::from_str(&saved).unwrap();
    kept["steps"].as_array_mut().unwrap().remove(0);
    std::fs::write(stage.path().join("shorter.json"), kept.to_string()).unwrap();
    let shorter = stage
        .run(&["apply", "shorter.json", "--yes"])
        .exits(3)
        .says("was changed since it was saved");
    page.fault(
        &stage,
        "A step was taken out of a plan by hand",
        "apply shorter.json --yes",
        &shorter,
    );
    let config = std::fs::read_to_string(stage.home().join("lab/c8dr.yaml")).unwrap();
    std::fs::write(
        stage.path().join("other.yaml"),
        config.replace("name: lab", "name: other"),
    )
    .unwrap();
    let elsewhere = stage
        .run(&["--config", "other.yaml", "apply", "saved.json", "--yes"])
        .exits(3);
    page.fault(
        &stage,
        "The plan is that of another installation",
        "--config other.yaml apply saved.json --yes",
        &elsewhere,
    );
    assert_eq!(cluster(&stage), unchanged, "something was sent");

    // Everybody was there again for a while.
    stage.run(&["lab", "heal", "region1"]).exits(0);
    stage.until("healthy", LIMIT);
    let moved = stage
        .run(&["apply", "saved.json", "--yes"])
        .exits(3)
        .says("Since then: Brokers 1 and 3 were silent; now they answer.");
    page.fault(
        &stage,
        "The lost region came back after the plan was made",
        "apply saved.json --yes",
        &without_sights(&moved, "Since then: Brokers"),
    );
    assert_eq!(
        cluster(&stage)["lastChange"],
        unchanged["lastChange"],
        "something was sent"
    );
    stage.run(&["run", "list"]).exits(0).says("No runs yet");

    // Somebody removes the lost brokers in between, with what the guide says.
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    let address = management(&stage).remove(0);
    let (status, body) = http(
        &address,
        "POST",
        "/actuator/cluster/brokers?force=true",
        r#"["0","2"]"#,
    );
    assert_eq!(status, 202, "{body}");
    until(LIMIT, "the removal ends", || {
        cluster(&stage)["pendingChange"].is_null()
    });
    let theirs = cluster(&stage);
    let overtaken = stage
        .run(&["apply", "saved.json", "--yes"])
        .exits(3)
        .says("FO1 is no longer owed.")
        .says("The members were brokers 0, 1, 2 and 3; now they are brokers 0 and 2.");
    page.fault(
        &stage,
        "Somebody else carried out a part of the plan meanwhile",
        "apply saved.json --yes",
        &overtaken,
    );
    assert_eq!(
        cluster(&stage)["lastChange"],
        theirs["lastChange"],
        "something was sent"
    );

    // What is owed then is planned and carried out through a pipe; the second time nothing is.
    stage
        .run(&["plan", "failover", "--lost", "region1", "--save", "piped.json"])
        .exits(0);
    let plan = std::fs::read_to_string(stage.path().join("piped.json")).unwrap();
    let piped = |plan: &str, yes: &[&str]| {
        let mut child = stage
            .command(&[&["apply", "-"], yes].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(plan.as_bytes()).unwrap();
        Ran::from(child.wait_with_output().unwrap())
    };
    let silent = piped(&plan, &[]).exits(4);
    page.fault(
        &stage,
        "A plan comes through a pipe and nobody agreed to it",
        "apply -",
        &said_from(&silent, "no-terminal"),
    );
    piped(&plan, &["--yes"]).exits(0).says("verified");
    stage.until("failed-over", LIMIT);
    let done = cluster(&stage);
    let twice = piped(&plan, &["--yes"])
        .exits(0)
        .says("Nothing of this plan is owed any more");
    let first: Vec<&str> = twice
        .err
        .lines()
        .filter(|line| line.contains("owed any more"))
        .collect();
    page.fault(
        &stage,
        "A plan is carried out twice",
        "apply - --yes",
        &Ran {
            code: twice.code,
            out: String::new(),
            err: first.join("\n") + "\nHow it ended: `c8dr run show`.",
        },
    );
    assert_eq!(
        cluster(&stage)["lastChange"],
        done["lastChange"],
        "something was sent twice"
    );
    page.check();
}
