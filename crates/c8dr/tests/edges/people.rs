//! What a tired person does.

use std::time::{Duration, Instant};

use super::page::Page;
use crate::stage::{Ran, Stage};

/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(40);

#[test]
fn the_page_of_people() {
    let stage = Stage::new();
    let mut page = Page::new(
        "people",
        "The person",
        "A wrong region, a plan that is old, two people at once, an interruption. Nothing was done unless the text says so.",
    );
    stage.lab(&["--speed", "4"]);
    let mut fault = |fault: &str, typed: &str, exit: i32| {
        let words: Vec<&str> = typed.split(' ').collect();
        let ran = stage.run(&words).exits(exit);
        page.fault(&stage, fault, typed, &ran);
    };
    fault(
        "A region is typed that there is not",
        "failover --lost Region1 --yes",
        2,
    );
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    stage.run(&["run", "list"]).exits(0).says("No runs yet");
    let first = stage.start(&["failover", "--lost", "region1", "--yes"]);
    until_locked(&stage);
    let second = stage.run(&["failover", "--lost", "region1", "--yes"]).exits(3);
    Ran::from(first.wait_with_output().unwrap()).exits(0);
    page.fault(
        &stage,
        "The same failover is begun twice at once",
        "failover --lost region1 --yes",
        &second,
    );
    page.check();
}

/// Waits until a c8dr holds the lab's lock, and has said who it is.
#[track_caller]
fn until_locked(stage: &Stage) {
    let lock = stage.home().join("locks/lab.lock");
    #[expect(clippy::disallowed_methods, reason = "the binary lives in the wall's time")]
    let began = Instant::now();
    while std::fs::read_to_string(&lock).unwrap_or_default().is_empty() {
        assert!(began.elapsed() < LIMIT, "nobody took {}", lock.display());
        std::thread::yield_now();
    }
}
