//! What a tired person does: the wrong region, no reason, a slip at the question, two at once.

use std::time::Duration;

use super::lab_seen::{cluster, said_from, until, without_sights};
use super::page::Page;
use super::terminal::Terminal;
use crate::stage::{Ran, Stage};

/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn the_page_of_people() {
    let stage = Stage::new();
    let mut page = Page::new(
        "people",
        "The person",
        "A wrong region, no reason, a slip at the question, two people at once. Nothing was done unless the text says so.",
    );
    stage.lab(&["--speed", "4"]);
    stage.until("healthy", LIMIT);
    let before = cluster(&stage);
    let mut fault = |fault: &str, words: &[&str], exit: i32| {
        let ran = stage.run(words).exits(exit);
        let typed: Vec<String> = words
            .iter()
            .map(|word| match word.is_empty() || word.contains(' ') {
                true => format!("\"{word}\""),
                false => (*word).to_owned(),
            })
            .collect();
        page.fault(&stage, fault, &typed.join(" "), &without_sights(&ran, ""));
    };
    let lost = |region| ["failover", "--lost", region, "--yes"];
    fault("A region is misspelt", &lost("regionl"), 2);
    fault("A region is written with a capital letter", &lost("Region1"), 2);
    fault("A region is abbreviated", &lost("r1"), 2);
    fault("There are spaces around a region's name", &lost(" region1"), 2);
    fault("The region's name is empty", &lost(""), 2);
    fault("Both regions are named in one", &lost("region0,region1"), 2);
    fault(
        "Both regions are named one after the other",
        &["failover", "--lost", "region0", "--lost", "region1"],
        2,
    );
    fault("No region is named", &["failover", "--yes"], 2);
    fault("No region is named for a failback", &["failback"], 2);
    fault(
        "An override has no reason",
        &["failover", "--lost", "region1", "--accept-data-loss", "--yes"],
        2,
    );
    fault(
        "The reason of an override is blank",
        &["failover", "--lost", "region1", "--accept-unfenced", "  "],
        2,
    );
    fault("A run is given up without a reason", &["run", "abort"], 2);
    fault("A failover is wanted and nothing is lost", &lost("region1"), 3);
    assert_eq!(cluster(&stage), before, "something was changed");
    stage.run(&["run", "list"]).exits(0).says("No runs yet");
    // Nothing is owed, so only the proof is read.
    let nothing = stage
        .run(&["failback", "--returning", "region1", "--dry-run"])
        .exits(0)
        .says("Nothing is failed over");
    page.fault(
        &stage,
        "A failback is wanted and nothing was failed over",
        "failback --returning region1 --dry-run",
        &Ran {
            code: nothing.code,
            out: String::new(),
            err: nothing.err.clone(),
        },
    );

    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    let survivor = stage.run(&lost("region0")).exits(3);
    page.fault(
        &stage,
        "The surviving region is named as the lost one",
        "failover --lost region0 --yes",
        &without_sights(&survivor, ""),
    );
    let alone = stage.run(&["failover", "--lost", "region1"]).exits(4);
    page.fault(
        &stage,
        "Nobody is at a terminal to agree",
        "failover --lost region1",
        &said_from(&alone, "no-terminal"),
    );
    for (what, keys, code) in [
        (
            "The wrong name is typed at the question",
            "region0\r",
            "not-confirmed",
        ),
        (
            "The name is typed with a capital letter",
            "Region1\r",
            "not-confirmed",
        ),
        ("Only Enter is typed at the question", "\r", "not-confirmed"),
        (
            "The input ends at the question (Ctrl-D)",
            "\u{4}",
            "not-confirmed",
        ),
        ("Ctrl-C at the question", "\u{3}", "left-at-the-question"),
    ] {
        let terminal = Terminal::start(&stage.command(&["failover", "--lost", "region1"]), 40, 100);
        terminal.until("Type the name of the region to give up");
        terminal.types(keys);
        let (exit, shown) = terminal.end();
        let ran = Ran {
            code: exit,
            out: String::new(),
            err: shown,
        }
        .exits(4);
        page.fault(&stage, what, "failover --lost region1", &said_from(&ran, code));
    }
    assert_eq!(cluster(&stage), before, "something was changed");
    stage.run(&["run", "list"]).exits(0).says("No runs yet");

    let first = stage.start(&lost("region1"));
    until_locked(&stage, first.id());
    let second = stage.run(&lost("region1")).exits(3);
    Ran::from(first.wait_with_output().unwrap()).exits(0);
    page.fault(
        &stage,
        "The same failover is begun twice at once",
        "failover --lost region1 --yes",
        &second,
    );
    let other = stage.run(&lost("region0")).exits(3);
    page.fault(
        &stage,
        "The other region is given up right after the first",
        "failover --lost region0 --yes",
        &other,
    );
    page.check();
}

#[test]
fn the_name_may_have_spaces_around_it_and_terminals_may_be_poor() {
    let stage = Stage::new();
    stage.lab(&["--speed", "4"]);
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    for (rows, columns, term) in [(1, 1, "dumb"), (0, 0, "xterm"), (24, 3, ""), (2, 500, "dumb")] {
        for args in [
            &["status"][..],
            &["failover", "--lost", "region1", "--dry-run"],
            &["run", "list"],
        ] {
            let mut command = stage.command(args);
            command.env("TERM", term).env("COLUMNS", "1");
            let (code, shown) = Terminal::start(&command, rows, columns).end();
            assert_eq!(code, 0, "{args:?} at {rows}x{columns}, {term:?}:\n{shown}");
            assert!(!shown.contains("panicked"), "{shown}");
        }
    }
    let mut command = stage.command(&["failover", "--lost", "region1"]);
    command.env("TERM", "dumb").env("COLUMNS", "1");
    let terminal = Terminal::start(&command, 1, 1);
    terminal.until("(region1): ");
    terminal.types("  region1 \r");
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    stage.until("failed-over", LIMIT);
}

/// Waits until this process holds the lab's lock.
#[track_caller]
fn until_locked(stage: &Stage, process: u32) {
    let lock = stage.home().join("locks/lab.lock");
    until(LIMIT, "somebody takes the lock", || {
        std::fs::read_to_string(&lock).is_ok_and(|holder| holder.contains(&format!("pid {process}")))
    });
}
