//! A page of faults: what was wrong, what was typed, the exact message, the exit code. Written by the tests themselves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::stage::{Ran, Stage};

/// The folder of the pages.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/faults")
}

/// A page under `docs/faults`, as the faults that were run make it.
pub(crate) struct Page {
    file: &'static str,
    text: String,
}

impl Page {
    /// A page without faults yet. `file` is its name without the `.md`; `intro` is Markdown.
    pub(crate) fn new(file: &'static str, title: &str, intro: &str) -> Page {
        let text = format!(
            "# {title}\n\n<!-- Written by the tests in crates/c8dr/tests/edges; do not edit. -->\n\n{intro}\n"
        );
        Page { file, text }
    }

    /// Tells of a fault: what was wrong in a sentence, the command as it was typed, and what came of it. `said` is what a
    /// person then reads, usually all of the standard error.
    #[track_caller]
    pub(crate) fn fault(&mut self, stage: &Stage, fault: &str, typed: &str, ran: &Ran) {
        let said = if ran.err.trim().is_empty() {
            &ran.out
        } else {
            &ran.err
        };
        let said = plain(said, stage);
        assert!(
            [
                "help:",
                "`c8dr ",
                "Way out",
                "\n  next ",
                "\n  blocks ",
                " verified after "
            ]
            .iter()
            .any(|way| said.contains(way)),
            "{fault}: the message names no way out:\n{said}"
        );
        let command = if typed.is_empty() {
            "c8dr".to_owned()
        } else {
            format!("c8dr {typed}")
        };
        let _ = write!(
            self.text,
            "\n## {fault}\n\n`{command}` · exit {}\n\n```text\n{said}\n```\n",
            ran.code
        );
    }

    /// Holds the page against the one that is kept.
    #[track_caller]
    pub(crate) fn check(self) {
        hold(&folder().join(format!("{}.md", self.file)), &self.text);
    }
}

/// Compares a generated file with the kept one, or writes it where snapshots are written.
#[track_caller]
pub(crate) fn hold(path: &Path, text: &str) {
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(path, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let differs = kept.lines().zip(text.lines()).find(|(kept, now)| kept != now);
    assert!(
        kept == text,
        "{} is no longer what is said. First difference: {differs:?}. Read the new text, and write it with INSTA_UPDATE=always.\n{text}",
        path.display()
    );
}

/// What was said without what differs from run to run: paths, ports, times, ids.
fn plain(said: &str, stage: &Stage) -> String {
    let here = stage.path().to_string_lossy().into_owned();
    let canonical = stage
        .path()
        .canonicalize()
        .map_or_else(|_| here.clone(), |path| path.to_string_lossy().into_owned());
    let mut text = said.replace(&canonical, "DIR").replace(&here, "DIR");
    for (pattern, instead) in [
        (r"\x1b\[[0-9;]*m", ""),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"localhost:\d+", "localhost:PORT"),
        (r"\bpid \d+", "pid PID"),
        (r"-INT \d+", "-INT PID"),
        (r"\d+ readings? over \d+\.\d s", "N readings over N s"),
        (r"in \d+ readings? in a row", "in N readings in a row"),
        (r"(after|in) \d+\.\d s", "$1 N s"),
        (r"tester@[A-Za-z0-9._-]+", "tester@HOST"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "TIME"),
        (r"\b\d{8}-?T?\d{6}[0-9a-z-]*", "STAMP"),
    ] {
        if let Ok(pattern) = Regex::new(pattern) {
            text = pattern.replace_all(&text, instead).into_owned();
        }
    }
    // Whether a wait is told depends on how long it took.
    let is_wait = |line: &&str| line.contains(" waits ") && line.contains(" at most: ");
    let lines: Vec<_> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !is_wait(line))
        .collect();
    lines.join("\n").trim_matches('\n').to_owned()
}
