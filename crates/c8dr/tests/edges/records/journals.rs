//! A journal on this machine that cannot be believed.

use std::path::{Path, PathBuf};

use c8dr_domain::run::Event;
use c8dr_engine::journal::format::{self, Tip};
use c8dr_engine::journal::recover;
use jiff::Timestamp;

use super::{Page, dead_lab, files, message};
use crate::stage::Stage;

/// A failover that was killed, in the form of today.
const UNFINISHED: &str = include_str!("../../../../../fixtures/formats/1/journal-unfinished.jsonl");
/// Of a c8dr that there is not yet.
const NEWER: &str = include_str!("../../../../../fixtures/formats/newer/journal.jsonl");

/// One run on a machine from which nothing can be reached.
struct Shelf {
    stage: Stage,
    run: String,
    directory: PathBuf,
}

impl Shelf {
    fn with(text: &str) -> Shelf {
        let stage = Stage::new();
        dead_lab(&stage, "lab");
        let run = recover(Path::new(""), UNFINISHED.as_bytes())
            .unwrap()
            .run
            .id
            .to_string();
        let directory = stage.home().join("runs").join(&run);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("journal.jsonl"), text).unwrap();
        Shelf {
            stage,
            run,
            directory,
        }
    }

    /// Types everything that can be typed about the run: each says what is wrong, and nothing on the disk is touched.
    #[track_caller]
    fn is_refused(&self, page: &mut Page, fault: &str, says: &str, exits: [i32; 2]) {
        let before = files(&self.stage.home());
        let run = self.run.as_str();
        let [refused, failed] = exits;
        self.stage
            .run(&["run", "list"])
            .exits(0)
            .says("unreadable")
            .says(says);
        self.stage.run(&["run", "show", run]).exits(refused).says(says);
        self.stage
            .run(&["run", "abort", run, "--reason", "why not"])
            .exits(refused)
            .says(says);
        self.stage.run(&["run", "verify", run]).exits(failed).says(says);
        let ran = self.stage.run(&["run", "resume", run]).exits(refused).says(says);
        page.fault(&self.stage, fault, "run resume RUN", &message(&self.stage, &ran));
        assert_eq!(
            files(&self.stage.home()),
            before,
            "{fault}: something was written"
        );
    }
}

/// Refused, and its check has failed.
const UNBELIEVABLE: [i32; 2] = [3, 6];
/// The file system does not show it.
const UNSEEN: [i32; 2] = [1, 1];

pub(super) fn faults(page: &mut Page) {
    torn(page);
    changed(page);
    not_ours(page);
    nothing_else(page);
    all_at_once(page);
}

fn torn(page: &mut Page) {
    let cut = &UNFINISHED[..UNFINISHED.len() - 20];
    let shelf = Shelf::with(cut);
    let before = files(&shelf.stage.home());
    let ran = shelf
        .stage
        .run(&["run", "verify"])
        .exits(0)
        .says("bytes at the end were torn by a crash and count for nothing");
    page.fault(
        &shelf.stage,
        "The last line of a journal was torn by a crash",
        "run verify",
        &super::result(&shelf.stage, &ran),
    );
    assert_eq!(files(&shelf.stage.home()), before);
    let header = UNFINISHED.find('\n').unwrap() + 1;
    for end in [0, 20, header, header + 50] {
        Shelf::with(&UNFINISHED[..end]).is_refused(
            &mut Page::new("none", "", ""),
            "A crash came before the plan was written",
            "holds no run",
            UNBELIEVABLE,
        );
    }
    Shelf::with(&UNFINISHED[..header]).is_refused(
        page,
        "A crash came before the plan was written",
        "holds no run",
        UNBELIEVABLE,
    );
}

fn changed(page: &mut Page) {
    let lines: Vec<&str> = UNFINISHED.split_inclusive('\n').collect();
    let tip = recover(Path::new(""), UNFINISHED.as_bytes()).unwrap().tip;
    let event = Event::Resumed {
        by: "somebody".to_owned(),
    };
    let at = Timestamp::UNIX_EPOCH;
    let stray = Tip {
        sum: "00".repeat(32),
        ..tip.clone()
    };
    let added = UNFINISHED.to_owned() + &format::line(&stray, at, &event).unwrap().0;
    let planned_again = match recover(Path::new(""), UNFINISHED.as_bytes())
        .unwrap()
        .events
        .swap_remove(0)
    {
        (_, event @ Event::Planned { .. }) => event,
        (_, other) => unreachable!("{other:?}"),
    };
    let impossible = UNFINISHED.to_owned() + &format::line(&tip, at, &planned_again).unwrap().0;
    for (fault, text, says) in [
        (
            "One byte of a journal was edited",
            UNFINISHED.replacen("\"by\":\"tester", "\"by\":\"taster", 1),
            "was changed or damaged at line 2: its hash does not fit",
        ),
        (
            "A line was removed from the middle of a journal",
            [&lines[..2], &lines[3..]].concat().concat(),
            "was changed or damaged at line 3: it does not follow the line before",
        ),
        (
            "Two lines of a journal were swapped",
            [&lines[..2], &[lines[3], lines[2]], &lines[4..]]
                .concat()
                .concat(),
            "was changed or damaged at line 3: it does not follow the line before",
        ),
        (
            "A line with a right hash was added to a journal",
            added,
            "it does not follow the line before",
        ),
        (
            "A journal tells of something that cannot have happened",
            impossible,
            "tells of something that cannot have happened",
        ),
    ] {
        Shelf::with(&text).is_refused(page, fault, says, UNBELIEVABLE);
    }
}

fn not_ours(page: &mut Page) {
    for (fault, text, says) in [
        (
            "A file of another product lies where a journal should",
            "{\"level\":\"info\",\"message\":\"started\"}\n",
            "is not a c8dr journal: its first line is no journal header",
        ),
        (
            "A journal was written by a newer c8dr",
            NEWER,
            "in journal format 2; this c8dr reads up to 1",
        ),
    ] {
        Shelf::with(text).is_refused(page, fault, says, UNBELIEVABLE);
    }

    let mut shelf = Shelf::with(UNFINISHED);
    let renamed = shelf
        .directory
        .with_file_name("20260101T000000-000Z-failover-region1");
    std::fs::rename(&shelf.directory, &renamed).unwrap();
    shelf.run = super::name(&renamed);
    shelf.is_refused(
        page,
        "A journal lies in the directory of another run",
        "is the journal of another run",
        UNBELIEVABLE,
    );

    let shelf = Shelf::with("");
    std::fs::remove_file(shelf.directory.join("journal.jsonl")).unwrap();
    shelf.is_refused(
        page,
        "A run's directory holds no journal",
        "holds no journal",
        UNBELIEVABLE,
    );

    let shelf = Shelf::with("");
    std::fs::remove_dir_all(&shelf.directory).unwrap();
    std::fs::write(&shelf.directory, "notes of the night").unwrap();
    shelf.is_refused(
        page,
        "A file lies where a run's directory should",
        "it is a file, and a run is a directory",
        UNBELIEVABLE,
    );

    let shelf = Shelf::with("");
    std::fs::remove_file(shelf.directory.join("journal.jsonl")).unwrap();
    std::fs::create_dir(shelf.directory.join("journal.jsonl")).unwrap();
    shelf.is_refused(page, "A journal cannot be read", "cannot read", UNSEEN);
}

/// Whoever names no run hears of the one that might have been meant.
fn nothing_else(page: &mut Page) {
    let shelf = Shelf::with(&UNFINISHED.replacen("tester", "taster", 1));
    let before = files(&shelf.stage.home());
    for args in [&["run", "resume"][..], &["run", "abort", "--reason", "why not"]] {
        let ran = shelf
            .stage
            .run(args)
            .exits(2)
            .says("cannot be read and is passed over");
        if args.len() == 2 {
            let said = super::Ran {
                err: super::flowing(&shelf.stage, &ran.err),
                ..ran
            };
            page.fault(
                &shelf.stage,
                "The only unfinished run cannot be read",
                "run resume",
                &said,
            );
        }
    }
    assert_eq!(files(&shelf.stage.home()), before);
}

/// The list tells of each in a line, and a new run is not held up by any of them.
fn all_at_once(page: &mut Page) {
    let shelf = Shelf::with(UNFINISHED);
    let runs = shelf.stage.home().join("runs");
    for (name, text) in [
        (
            "20260101T000001-000Z-failover-region1",
            UNFINISHED.replacen("tester", "taster", 1),
        ),
        ("20260101T000002-000Z-failover-region1", NEWER.to_owned()),
        ("20260101T000003-000Z-failover-region1", String::new()),
        ("backup-of-runs", "PK\n".to_owned()),
    ] {
        std::fs::create_dir(runs.join(name)).unwrap();
        std::fs::write(runs.join(name).join("journal.jsonl"), text).unwrap();
    }
    std::fs::write(runs.join("notes.txt"), "call the data centre").unwrap();
    let before = files(&shelf.stage.home());
    let ran = shelf.stage.run(&["run", "list"]).exits(0);
    assert_eq!(ran.out.matches("unreadable").count(), 5, "{}", ran.out);
    page.fault(&shelf.stage, "Some runs cannot be read", "run list", &ran);
    // What is no run is not taken for the newest one.
    shelf.stage.run(&["run", "show"]).exits(0).says(&shelf.run);
    let listed = shelf
        .stage
        .run(&["run", "list", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(listed.as_array().map(Vec::len), Some(6), "{listed}");
    let verified = shelf
        .stage
        .run(&[
            "run",
            "verify",
            "20260101T000001-000Z-failover-region1",
            "--output",
            "json",
        ])
        .exits(6)
        .json();
    assert_eq!(verified["is_sound"], false);
    assert_eq!(files(&shelf.stage.home()), before);
}
