//! A plan file that is not what was saved.

use super::{Page, dead_lab, files, message};
use crate::stage::Stage;

const PLAN: &str = include_str!("../../../../../fixtures/formats/1/plan-failover.json");
const NEWER: &str = include_str!("../../../../../fixtures/formats/newer/plan.json");

pub(super) fn faults(page: &mut Page) {
    let without_fingerprint = {
        let mut plan: serde_json::Value = serde_json::from_str(PLAN).unwrap();
        plan.as_object_mut().unwrap().remove("fingerprint");
        plan.to_string()
    };
    for (fault, text, says, exit) in [
        (
            "A plan file is torn",
            &PLAN[..PLAN.len() / 2],
            "is no plan of c8dr",
            2,
        ),
        (
            "A plan file was edited",
            &PLAN.replacen("\"deadline_ms\": ", "\"deadline_ms\": 9", 1),
            "was changed since it was saved",
            3,
        ),
        (
            "A plan was saved by a newer c8dr",
            NEWER,
            "has plan format 2; this c8dr reads up to 1",
            3,
        ),
        (
            "A file of another product is applied as a plan",
            "{\"kind\":\"Deployment\"}",
            "is no plan of c8dr: it names no format",
            2,
        ),
        (
            "A plan is applied that was printed, and not saved",
            &without_fingerprint,
            "it has no `fingerprint`",
            2,
        ),
    ] {
        check(page, fault, "lab", text, says, exit);
    }
    check(
        page,
        "A plan is applied that is for another installation",
        "camunda",
        PLAN,
        "is for another installation than the configured one",
        3,
    );
}

#[track_caller]
fn check(page: &mut Page, fault: &str, installation: &str, text: &str, says: &str, exit: i32) {
    let stage = Stage::new();
    dead_lab(&stage, installation);
    std::fs::write(stage.path().join("saved.json"), text).unwrap();
    let before = files(stage.path());
    let ran = stage
        .run(&["apply", "saved.json", "--yes"])
        .exits(exit)
        .says(says);
    page.fault(&stage, fault, "apply saved.json --yes", &message(&stage, &ran));
    assert_eq!(files(stage.path()), before, "{fault}: something was written");
}
