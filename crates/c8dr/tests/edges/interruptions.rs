//! Interruptions: Ctrl-C once and twice, SIGTERM, a terminal that is closed, two that go on with one run, streams that are
//! closed, and an environment without a name or a home.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::lab_seen::{journal, said_from, signal, until};
use super::page::Page;
use super::terminal::Terminal;
use crate::stage::{Ran, Stage};

/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(60);

/// A command that runs with its words in a file, where they can be read while it runs.
pub(crate) struct Running {
    child: Child,
    said: std::path::PathBuf,
}

impl Running {
    pub(crate) fn start(stage: &Stage, args: &[&str]) -> Self {
        let said = stage.path().join("said");
        let file = File::create(&said).unwrap();
        let child = stage
            .command(args)
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Running { child, said }
    }

    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap()
    }

    pub(crate) fn end(mut self) -> Ran {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Ran {
            code,
            out: String::new(),
            err: self.said(),
        }
    }
}

/// Waits until the slow command is being run.
pub(crate) fn until_begun(folder: &Path) {
    let begun = folder.join("begun");
    until(LIMIT, "the slow deed", || begun.exists());
    std::fs::remove_file(begun).unwrap();
}

/// Writes a configuration of the same installation in which Operate and Tasklist come up slowly (FB4a, FB4b): that is in the
/// middle of the pause.
pub(crate) fn with_a_slow_step(stage: &Stage) {
    let config = std::fs::read_to_string(stage.home().join("lab/c8dr.yaml")).unwrap();
    let slow = format!(
        "webappsUp: [[sh, -c, \"touch {}; sleep 3\"], [",
        stage.path().join("begun").display()
    );
    let slow = config.replace("webappsUp: [[", &slow);
    assert_ne!(config, slow);
    std::fs::write(stage.path().join("c8dr.yaml"), slow).unwrap();
}

#[test]
fn the_page_of_interruptions() {
    let stage = Stage::new();
    let mut page = Page::new(
        "interruptions",
        "Interruptions",
        "Ctrl-C (or SIGTERM) once: the deed in the air is ended, and the run can be resumed. Twice: it ends at once, and can be \
         resumed as well. A closed terminal stops nothing: whoever agreed wants it done, and a lost connection must not leave \
         exporting paused. Before a run has begun, all of them end c8dr with nothing done.",
    );
    stage.lab(&["--speed", "4"]);
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    stage.run(&["failover", "--lost", "region1", "--yes"]).exits(0);
    stage.run(&["lab", "heal", "region1", "--bare"]).exits(0);
    with_a_slow_step(&stage);
    let begin = ["failback", "--returning", "region1", "--yes"];

    let running = Running::start(&stage, &begin);
    until_begun(stage.path());
    signal(&running.child, "-INT");
    until(LIMIT, "the first Ctrl-C is heard", || {
        running.said().contains("Stopping after")
    });
    signal(&running.child, "-INT");
    let twice = running
        .end()
        .exits(7)
        .says("EXPORTING IS PAUSED")
        .says("Ended at once");
    page.fault(
        &stage,
        "Ctrl-C twice in the middle of a pause",
        "failback --returning region1 --yes",
        &said_from(&twice, "Stopping after"),
    );
    assert!(journal(&stage, "failback").unwrap().contains("\"FB4a\""));
    let shown = stage.run(&["run", "show"]).exits(0).says("EXPORTING IS PAUSED");
    page.fault(
        &stage,
        "A run that was ended at once is looked at",
        "run show",
        &said_from(&shown, "It has not ended"),
    );
    stage.until("exporting-paused", LIMIT);
    let anew = stage.run(&begin).exits(3);
    page.fault(
        &stage,
        "A new run is begun where one is unfinished",
        "failback --returning region1 --yes",
        &anew,
    );

    let running = Running::start(&stage, &["run", "resume"]);
    until_begun(stage.path());
    let before = journal(&stage, "failback").unwrap();
    let second = stage.run(&["run", "resume"]).exits(3);
    page.fault(&stage, "A run is resumed twice at once", "run resume", &second);
    let abort = ["run", "abort", "--reason", "enough"];
    let aborted = stage.run(&abort).exits(3);
    page.fault(
        &stage,
        "A run is given up while it is being carried out elsewhere on this machine",
        "run abort --reason enough",
        &aborted,
    );
    assert_eq!(
        journal(&stage, "failback").unwrap(),
        before,
        "somebody wrote into it"
    );
    signal(&running.child, "-TERM");
    let once = running.end().exits(7).says("EXPORTING IS PAUSED");
    page.fault(
        &stage,
        "SIGTERM, or Ctrl-C once, in the middle of a pause",
        "run resume",
        &said_from(&once, "Stopping after"),
    );

    // The connection to this machine drops: nobody is there, and it goes on to its end.
    let terminal = Terminal::start(&stage.command(&["run", "resume"]), 40, 120);
    until_begun(stage.path());
    let mut left = terminal.close();
    let code = left.wait().unwrap().code();
    assert_eq!(code, Some(0), "{:?}", stage.run(&["run", "show"]).out);
    let shown = stage.run(&["run", "show"]).exits(0).says("verified");
    drop(shown);
    stage.until("healthy", LIMIT);

    streams_may_be_closed(&stage, &mut page);
    an_environment_may_be_bare(&stage);
    page.check();
}

fn shell(stage: &Stage, script: &str) -> Ran {
    Command::new("sh")
        .args(["-c", script])
        .current_dir(stage.path())
        .env("C8DR", env!("CARGO_BIN_EXE_c8dr"))
        .env("C8DR_HOME", stage.home())
        .env("C8DR_LOG", "trace")
        .stdin(Stdio::null())
        .output()
        .unwrap()
        .into()
}

fn streams_may_be_closed(stage: &Stage, page: &mut Page) {
    for script in [
        "\"$C8DR\" status | head -1 >/dev/null",
        "\"$C8DR\" --help | true",
        "\"$C8DR\" status >&-",
        "\"$C8DR\" status 2>&-",
        "\"$C8DR\" status <&-",
        "\"$C8DR\" status <&- >&- 2>&-",
        "\"$C8DR\" status 2>/dev/full",
        "\"$C8DR\" status 2>&1 | true",
        "\"$C8DR\" failback --returning region1 --yes 2>&1 | true",
    ] {
        let ran = shell(stage, script).exits(0);
        assert!(
            !format!("{}{}", ran.out, ran.err).contains("panicked"),
            "{script}: {}",
            ran.err
        );
    }
    // What went through a pipe that was closed in the middle has ended all the same.
    until(LIMIT, "the run whose pipe was closed ends", || {
        stage.run(&["run", "show"]).out.contains("verified")
    });
    let full = shell(stage, "C8DR_LOG= \"$C8DR\" status --output json >/dev/full").exits(1);
    page.fault(
        stage,
        "The result cannot be written",
        "status --output json >/dev/full",
        &full,
    );
}

fn an_environment_may_be_bare(stage: &Stage) {
    let bare = |args: &[&str]| {
        let mut command = stage.command(args);
        command
            .env_remove("USER")
            .env_remove("C8DR_HOME")
            .env("C8DR_CONFIG", stage.home().join("lab/c8dr.yaml"));
        Ran::from(command.output().unwrap())
    };
    bare(&["status"]).exits(0).says("healthy");
    // Without a home of any kind it keeps its things here.
    bare(&["failback", "--returning", "region1", "--yes"]).exits(0);
    bare(&["run", "show"]).exits(0).says("by somebody@");
    assert!(stage.path().join(".c8dr/runs").is_dir());
}
