//! A disk that takes nothing, and files that vanish while a run writes into them.

use std::process::{Command, Stdio};

use super::{LIMIT, Page, files, killed, lose, message, name, newest, until_it_tells, with_folder};
use crate::stage::{Ran, Stage};

const FAILOVER: [&str; 4] = ["failover", "--lost", "region1", "--yes"];

/// What a shell counts a file's size in.
const BLOCK_BYTES: usize = 512;

pub(super) fn faults(page: &mut Page) {
    let stage = Stage::new();
    with_folder(&stage);
    lose(&stage);
    no_place(page, &stage);
    full(page, &stage);
    full_while_paused(page, &stage);
    lose(&stage);
    gone(page, &stage);
}

/// Runs c8dr where no file may grow beyond a size. To a program that is a full disk, and any user may ask for it; a signal
/// that comes with it is passed over, as a full disk sends none.
fn in_little_room(stage: &Stage, bytes: usize, args: &[&str]) -> Ran {
    let blocks = bytes.div_ceil(BLOCK_BYTES).to_string();
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"", &blocks])
        .arg(env!("CARGO_BIN_EXE_c8dr"))
        .args(args)
        .current_dir(stage.path())
        .env_clear()
        .env("C8DR_HOME", stage.home())
        .env("USER", "tester")
        .stdin(Stdio::null())
        .output()
        .unwrap()
        .into()
}

/// Where nothing can be kept nothing is begun. A file in the way binds root as well.
fn no_place(page: &mut Page, stage: &Stage) {
    for (fault, what, says) in [
        ("Runs cannot be kept", "runs", "cannot list"),
        ("Locks cannot be kept", "locks", "cannot lock"),
    ] {
        let path = stage.home().join(what);
        // The lock of an earlier command may be there; nobody holds it.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::write(&path, "in the way").unwrap();
        let ran = stage.run(&FAILOVER).exits(1).says(says);
        page.fault(stage, fault, &FAILOVER.join(" "), &message(stage, &ran));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "in the way");
        std::fs::remove_file(&path).unwrap();
    }
    stage.until("region-lost", LIMIT);
}

/// The disk is full on the way: the run stops, goes on when there is room, and a report that cannot be written does not
/// keep it from its end.
fn full(page: &mut Page, stage: &Stage) {
    stage
        .run(&["plan", "failover", "--lost", "region1", "--save", "saved.json"])
        .exits(0);
    let ran = in_little_room(stage, BLOCK_BYTES, &FAILOVER)
        .exits(1)
        .says("there is no room to");
    page.fault(
        stage,
        "The disk is full when a run is begun",
        &FAILOVER.join(" "),
        &message(stage, &ran),
    );
    // Nothing was done, so it stops nobody.
    stage.run(&["run", "list"]).exits(0).says("and nothing was done");

    let saved = std::fs::read_to_string(stage.path().join("saved.json")).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&saved).unwrap();
    let room = plan.to_string().len() + 1024;
    let ran = in_little_room(stage, room, &FAILOVER)
        .exits(7)
        .says("there is no room to write");
    page.fault(
        stage,
        "The disk is full in the middle of a run",
        &FAILOVER.join(" "),
        &message(stage, &ran),
    );
    let run = newest(stage);
    let torn = std::fs::read(run.join("journal.jsonl")).unwrap();
    assert!(torn.len() <= room + BLOCK_BYTES);
    // Still full: nothing is lost by trying.
    in_little_room(stage, BLOCK_BYTES, &["run", "resume"]).exits(7);
    let kept = std::fs::read(run.join("journal.jsonl")).unwrap();
    assert!(torn.starts_with(&kept), "the journal was changed");

    // With room it goes on; its report is written beside, and that fails by itself.
    std::fs::create_dir(run.join("report.new")).unwrap();
    let ran = stage
        .run(&["run", "resume"])
        .exits(0)
        .says("verified")
        .says("The run's report was not written");
    let begin = ran.err.find("The run's report was not written").unwrap();
    let said = Ran {
        code: ran.code,
        out: String::new(),
        err: super::flowing(stage, &ran.err[begin..]),
    };
    page.fault(stage, "A run's report cannot be written", "run resume", &said);
    std::fs::remove_dir(run.join("report.new")).unwrap();
    stage.run(&["run", "verify"]).exits(0);
}

/// The same while exporting is paused: that is what has to be said first.
fn full_while_paused(page: &mut Page, stage: &Stage) {
    stage.run(&["lab", "heal", "region1", "--bare"]).exits(0);
    let failback = ["failback", "--returning", "region1", "--yes"];
    killed(stage, &failback, "\"step-began\":{\"step\":\"FB3b\"}");
    let run = newest(stage);
    let size = std::fs::metadata(run.join("journal.jsonl")).unwrap().len();
    let room = usize::try_from(size).unwrap() + 2 * BLOCK_BYTES;
    let ran = in_little_room(stage, room, &["run", "resume"])
        .exits(7)
        .says("EXPORTING IS PAUSED");
    page.fault(
        stage,
        "The disk is full while a run has exporting paused",
        "run resume",
        &message(stage, &ran),
    );
    stage.until("exporting-paused", LIMIT);
    stage.run(&["run", "resume"]).exits(0).says("verified");
    stage.until("healthy", LIMIT);
}

/// Somebody tidies up in the middle of a run.
fn gone(page: &mut Page, stage: &Stage) {
    let child = until_it_tells(stage, &FAILOVER, "\"step-began\"");
    let run = newest(stage);
    std::fs::remove_dir_all(&run).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap())
        .exits(1)
        .says("it was removed or replaced meanwhile");
    page.fault(
        stage,
        "A run's directory is deleted while the run is on",
        &FAILOVER.join(" "),
        &message(stage, &ran),
    );
    // The record in the bucket has the run, whole.
    stage
        .run(&["run", "resume", &name(&run), "--from-record"])
        .exits(0)
        .says("verified");
    stage.run(&["run", "verify"]).exits(0);
    assert!(!files(&run).is_empty());
}
