//! Records in the bucket that are cut, spoilt, foreign or newer than this c8dr.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{LIMIT, Page, files, lose, message, name, newest, result, until_it_tells, with_folder};
use crate::stage::{Ran, Stage};

const FAILOVER: [&str; 4] = ["failover", "--lost", "region1", "--yes"];
const DIRECTION: &str = include_str!("../../../../../fixtures/formats/1/direction.json");
const NEWER_DIRECTION: &str = include_str!("../../../../../fixtures/formats/newer/direction.json");
const NEWER_JOURNAL: &str = include_str!("../../../../../fixtures/formats/newer/journal.jsonl");

pub(super) fn faults(page: &mut Page) {
    let stage = Stage::new();
    let bucket = with_folder(&stage);
    lose(&stage);
    directions(page, &stage, &bucket);
    killed_when_recorded(&stage, &bucket);
    pieces(page, &stage, &bucket);
    cut(page, &stage);
    stage.until("failed-over", LIMIT);
}

/// A direction record that nobody can read: nothing is forced, and the record stays as it is.
fn directions(page: &mut Page, stage: &Stage, bucket: &Path) {
    let record = bucket.join("lab/direction/000001.json");
    std::fs::create_dir_all(record.parent().unwrap()).unwrap();
    let renamed = DIRECTION.replace("\"region1\"", "\"paris\"");
    for (fault, text, says) in [
        (
            "The direction record is garbage",
            "<html>403 Forbidden</html>",
            "is no direction record of c8dr",
        ),
        (
            "The direction record was written by a newer c8dr",
            NEWER_DIRECTION,
            "has format 2; this c8dr reads up to 1",
        ),
        (
            "The direction record is another installation's",
            renamed.as_str(),
            "here region 1 is called region1",
        ),
    ] {
        std::fs::write(&record, text).unwrap();
        let ran = stage.run(&FAILOVER).exits(3).says(says);
        page.fault(stage, fault, &FAILOVER.join(" "), &result(stage, &ran));
        let journal = std::fs::read_to_string(newest(stage).join("journal.jsonl")).unwrap();
        assert!(!journal.contains("\"intended\""), "{fault}: something was sent");
        assert_eq!(std::fs::read_to_string(&record).unwrap(), text);
        stage
            .run(&["run", "abort", "--reason", "the record first"])
            .exits(0);
        assert_eq!(std::fs::read_to_string(&record).unwrap(), text);
    }
    std::fs::remove_file(&record).unwrap();
    stage.until("region-lost", LIMIT);
}

/// Kills a failover when its first request is in its record, in the third piece.
#[track_caller]
fn killed_when_recorded(stage: &Stage, bucket: &Path) {
    let mut child = until_it_tells(stage, &FAILOVER, "\"intended\"");
    #[expect(clippy::disallowed_methods, reason = "the binary lives in the wall's time")]
    let began = Instant::now();
    while pieces_of(bucket, &newest(stage)).len() < 3 {
        assert!(began.elapsed() < LIMIT, "its request is not in the record");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The pieces of a run's record. One that is being written is there under another name, and counts for nothing.
fn pieces_of(bucket: &Path, run: &Path) -> Vec<PathBuf> {
    files(&bucket.join("lab/runs").join(name(run)))
        .into_keys()
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect()
}

/// Pieces of a run's record that another machine cannot go on with.
fn pieces(page: &mut Page, stage: &Stage, bucket: &Path) {
    let record = bucket.join("lab/runs").join(name(&newest(stage)));
    let mut all = pieces_of(bucket, &newest(stage));
    all.sort();
    let whole = files(bucket);
    let mut spoilt = |fault: &str, spoil: &dyn Fn(), says: &str| {
        spoil();
        let before = files(bucket);
        let other = Stage::new();
        let ran = from_record(stage, &other).exits(3).says(says);
        page.fault(
            &other,
            fault,
            "run resume --from-record",
            &message(stage, &message(&other, &ran)),
        );
        assert_eq!(files(bucket), before, "{fault}: something was written");
        assert!(
            files(&other.home().join("runs")).is_empty(),
            "{fault}: something is here"
        );
        std::fs::remove_dir_all(bucket).unwrap();
        for (path, bytes) in &whole {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    };
    let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
    spoilt(
        "A piece of a run's record is missing",
        &|| std::fs::remove_file(&all[1]).unwrap(),
        "has a hole",
    );
    spoilt(
        "A piece of a run's record is garbage",
        &|| write(all.last().unwrap(), "{\"seq\":4,\"event\":\"nothing\"}\n"),
        "was changed or damaged at line",
    );
    spoilt(
        "A run's record was written by a newer c8dr",
        &|| {
            for path in &all[1..] {
                std::fs::remove_file(path).unwrap();
            }
            write(&all[0], NEWER_JOURNAL);
        },
        "in journal format 2; this c8dr reads up to 1",
    );
    spoilt(
        "Something else lies in a run's record",
        &|| write(&record.join("README.jsonl"), "not ours"),
        "is no piece of a journal",
    );
    let other = Stage::new();
    let config = stage.path().join("c8dr.yaml");
    let config = config.to_string_lossy();
    let ran = other
        .run(&[
            "--config",
            &config,
            "run",
            "resume",
            "--from-record",
            "20200101T000000-000Z-failover-region1",
        ])
        .exits(2)
        .says("holds nothing");
    page.fault(
        &other,
        "The bucket holds no run of that name",
        "run resume --from-record RUN",
        &message(stage, &message(&other, &ran)),
    );
}

fn from_record(stage: &Stage, other: &Stage) -> Ran {
    let config = stage.path().join("c8dr.yaml");
    other.run(&[
        "--config",
        &config.to_string_lossy(),
        "run",
        "resume",
        "--from-record",
    ])
}

/// Whole lines are gone at the end: only the record shows it.
fn cut(page: &mut Page, stage: &Stage) {
    let run = newest(stage);
    let journal = run.join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let cut: String = text.split_inclusive('\n').take(2).collect();
    std::fs::write(&journal, &cut).unwrap();
    let before = files(&run);
    stage
        .run(&["run", "abort", "--reason", "why not"])
        .exits(3)
        .says("lines are missing at the end of the journal");
    let ran = stage
        .run(&["run", "resume"])
        .exits(3)
        .says("lines are missing at the end of the journal");
    page.fault(
        stage,
        "Lines are missing at the end of a journal",
        "run resume",
        &message(stage, &ran),
    );
    assert_eq!(files(&run), before);
    // The way out that it names.
    stage
        .run(&["run", "resume", &name(&run), "--from-record"])
        .exits(0)
        .says("verified");
    assert!(
        files(&run).values().any(|bytes| bytes == cut.as_bytes()),
        "what lay here is gone"
    );
    stage.run(&["run", "verify"]).exits(0);
}
