//! A second operator: somebody changes the cluster by plain HTTP while c8dr plans, asks, or works.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use super::interruptions::{Running, until_begun, with_a_slow_step};
use super::lab_seen::{cluster, http, journal, management, said_from, until};
use super::page::Page;
use super::terminal::Terminal;
use crate::stage::{Ran, Stage};

/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(60);

/// What somebody does past c8dr, at a broker of the surviving region. The server has to take it.
#[track_caller]
fn somebody(stage: &Stage, method: &str, path: &str, body: &str) {
    let (status, answer) = http(&management(stage)[0], method, path, body);
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
}

fn pending(stage: &Stage) -> Option<String> {
    cluster(stage)["pendingChange"]["id"]
        .as_i64()
        .map(|id| id.to_string())
}

#[test]
fn the_page_of_a_second_operator() {
    let stage = Stage::new();
    let mut page = Page::new(
        "second_operator",
        "A second operator",
        "Somebody else changes the cluster while c8dr plans, asks or works. Nothing of theirs is cancelled, resumed or sent again.",
    );
    stage.lab(&["--speed", "4"]);
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    let lost = ["failover", "--lost", "region1", "--yes"];

    // They remove a dead broker without force: that waits for it for ever.
    somebody(&stage, "DELETE", "/actuator/cluster/brokers/3", "");
    let theirs = pending(&stage).unwrap();
    let refused = stage.run(&lost).says(&theirs);
    assert!([3, 4].contains(&refused.code), "{}{}", refused.out, refused.err);
    page.fault(
        &stage,
        "Somebody's change is pending when a failover is wanted",
        "failover --lost region1 --yes",
        &said_from(&refused, "refused:"),
    );
    assert_eq!(
        pending(&stage).as_deref(),
        Some(theirs.as_str()),
        "it was cancelled"
    );
    somebody(
        &stage,
        "DELETE",
        &format!("/actuator/cluster/changes/{theirs}"),
        "",
    );

    // While the question waits for its answer the region comes back.
    let terminal = Terminal::start(&stage.command(&["failover", "--lost", "region1"]), 60, 120);
    terminal.until("Type the name of the region to give up");
    let before = cluster(&stage)["lastChange"].clone();
    stage.run(&["lab", "heal", "region1"]).exits(0);
    stage.until("healthy", LIMIT);
    terminal.types("region1\r");
    let (code, shown) = terminal.end();
    let returned = Ran {
        code,
        out: String::new(),
        err: shown,
    };
    assert!([3, 4].contains(&code), "{}", returned.err);
    assert_eq!(cluster(&stage)["lastChange"], before, "it was forced");
    page.fault(
        &stage,
        "The region comes back while the question waits for its answer",
        "failover --lost region1",
        &said_from(&returned, "FO1 waiting"),
    );
    let run = stage.run(&["run", "abort", "--reason", "it came back"]).exits(0);
    drop(run);

    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    stage.run(&lost).exits(0);
    stage.run(&["lab", "heal", "region1", "--bare"]).exits(0);
    while_it_fails_back(&stage, &mut page);
    page.check();
}

fn while_it_fails_back(stage: &Stage, page: &mut Page) {
    with_a_slow_step(stage);
    let back = ["failback", "--returning", "region1", "--yes"];
    somebody(stage, "POST", "/actuator/exporting/pause", "");
    stage.until("exporting-paused", LIMIT);
    let paused = stage.run(&back).exits(3);
    page.fault(
        stage,
        "Somebody has paused exporting when a failback is wanted",
        "failback --returning region1 --yes",
        &said_from(&paused, "refused:"),
    );
    stage.until("exporting-paused", LIMIT);
    somebody(stage, "POST", "/actuator/exporting/resume", "");

    let running = Running::start(stage, &back);
    until(LIMIT, "the pause stands", || {
        journal(stage, "failback")
            .is_some_and(|journal| journal.contains("\"step-began\":{\"step\":\"FB3a\"}"))
    });
    somebody(stage, "POST", "/actuator/exporting/resume", "");
    // It goes back to the pause, and comes as far as FB4a then; now they enable the exporter themselves.
    until_begun(stage.path());
    assert!(running.said().contains("back to FB2"), "{}", running.said());
    somebody(
        stage,
        "POST",
        "/actuator/exporters/elasticsearchregion1/enable",
        r#"{"initializeFrom":"elasticsearchregion0"}"#,
    );
    // And they cancel our last change.
    let began = || running.said().contains("FB7 Add");
    until(LIMIT, "FB7", began);
    let mut ours = None;
    until(LIMIT, "our change is pending", || {
        ours = pending(stage);
        ours.is_some()
    });
    let ours = ours.unwrap();
    somebody(stage, "DELETE", &format!("/actuator/cluster/changes/{ours}"), "");
    let cancelled = running.end();
    assert_ne!(cancelled.code, 0, "{}", cancelled.err);
    let retaken: Vec<&str> = cancelled
        .err
        .lines()
        .filter(|line| line.contains("back to FB2"))
        .collect();
    page.fault(
        stage,
        "Somebody resumes exporting in the middle of the pause",
        "failback --returning region1 --yes",
        &Ran {
            code: cancelled.code,
            out: String::new(),
            err: format!(
                "{}\nIt pauses and takes the snapshot again by itself; `c8dr status` shows the rest.",
                retaken.join("\n")
            ),
        },
    );
    page.fault(
        stage,
        "Somebody cancels our change",
        "failback --returning region1 --yes",
        &said_from(&cancelled, "FB7 Add"),
    );
    assert_eq!(pending(stage), None, "something was sent again");
}
