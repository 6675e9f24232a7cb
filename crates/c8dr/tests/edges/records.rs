//! Journals, plans and records that are torn, edited, foreign, newer or gone, and disks that take nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod disk;
mod journals;
mod outside;
mod plans;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use regex::Regex;

use super::page::Page;
use crate::stage::{Ran, Stage};

/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(60);

/// How wide a message stands on the page.
const WIDTH: usize = 100;

#[test]
fn the_page_of_records() {
    let mut page = Page::new(
        "records",
        "Journals, plans, records and the disk",
        "What c8dr writes may be torn by a crash, cut, edited, replaced, written by a newer c8dr, or not written at all because the disk \
         is full. Nothing that cannot be believed is acted upon, and nothing of it is overwritten: the tests compare every \
         byte before and after. How the formats are kept apart says [formats](../reference/formats.md).",
    );
    journals::faults(&mut page);
    plans::faults(&mut page);
    outside::faults(&mut page);
    disk::faults(&mut page);
    page.check();
}

/// All files below a folder with what they hold.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                // What is being written may be gone again.
                if let Ok(bytes) = std::fs::read(&path) {
                    found.insert(path, bytes);
                }
            }
        }
    }
    found
}

/// A configuration of the lab's shape whose endpoints nobody listens at.
fn dead_lab(stage: &Stage, name: &str) {
    let region = |number: u32| {
        format!(
            "  - name: region{number}\n    exporter: elasticsearchregion{number}\n    gateways: [{{rest: \"http://127.0.0.1:1/{number}\", management: \"http://127.0.0.1:1/{number}\"}}]\n"
        )
    };
    let text = format!(
        "name: {name}\nclusterSize: 4\npartitionCount: 4\nreplicationFactor: 4\nregions:\n{}{}",
        region(0),
        region(1)
    );
    std::fs::write(stage.path().join("c8dr.yaml"), text).unwrap();
}

/// A lab whose bucket is a folder of the stage: what lies there can be spoilt.
fn with_folder(stage: &Stage) -> PathBuf {
    stage.lab(&["--speed", "4"]);
    let bucket = stage.path().join("bucket");
    std::fs::create_dir(&bucket).unwrap();
    let config = std::fs::read_to_string(stage.home().join("lab").join("c8dr.yaml")).unwrap();
    let own = Regex::new(r"(?m)^bucket:\n(  .*\n)+").unwrap();
    let folder = format!("bucket:\n  url: file://{}\n", bucket.display());
    let config = own.replace(&config, folder.as_str());
    std::fs::write(stage.path().join("c8dr.yaml"), config.as_bytes()).unwrap();
    bucket
}

/// Loses region1 of a lab, and waits until that is proven.
fn lose(stage: &Stage) {
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
}

/// The directory of the newest run here.
#[track_caller]
fn newest(stage: &Stage) -> PathBuf {
    runs(stage).pop().unwrap()
}

fn runs(stage: &Stage) -> Vec<PathBuf> {
    let mut runs: Vec<PathBuf> = std::fs::read_dir(stage.home().join("runs"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    runs.sort();
    runs
}

fn name(directory: &Path) -> String {
    directory.file_name().unwrap().to_string_lossy().into_owned()
}

/// Starts a command, and waits until the journal of the run that it begins tells of `event`.
#[track_caller]
fn until_it_tells(stage: &Stage, args: &[&str], event: &str) -> Child {
    let before = runs(stage);
    let mut child = stage.start(args);
    #[expect(clippy::disallowed_methods, reason = "the binary lives in the wall's time")]
    let began = Instant::now();
    loop {
        let journal = runs(stage)
            .into_iter()
            .find(|run| !before.contains(run))
            .and_then(|run| std::fs::read_to_string(run.join("journal.jsonl")).ok());
        if journal.is_some_and(|journal| journal.contains(event)) {
            return child;
        }
        assert!(began.elapsed() < LIMIT, "{event} was not come to");
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it came to {event}"
        );
        std::thread::yield_now();
    }
}

/// Kills it there: no chance to tidy anything up.
#[track_caller]
fn killed(stage: &Stage, args: &[&str], event: &str) {
    let mut child = until_it_tells(stage, args, event);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What was said in the end: the message itself, without the progress before it, and as wide as on any machine. How long a
/// path or a time is must not decide where lines break.
fn message(stage: &Stage, ran: &Ran) -> Ran {
    let lines: Vec<&str> = ran.err.lines().collect();
    let begin = lines
        .iter()
        .rposition(|line| line.trim_start().starts_with('×'))
        .map_or(0, |mark| mark.saturating_sub(2));
    Ran {
        code: ran.code,
        out: String::new(),
        err: flowing(stage, &lines[begin..].join("\n")),
    }
}

/// The result, where that is what tells of the fault.
fn result(stage: &Stage, ran: &Ran) -> Ran {
    Ran {
        code: ran.code,
        out: flowing(stage, &ran.out),
        err: String::new(),
    }
}

fn flowing(stage: &Stage, text: &str) -> String {
    let text = text.replace(&stage.path().display().to_string(), "DIR");
    let time = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").unwrap();
    let took = Regex::new(r"\d+\.\d s\b").unwrap();
    let text = took
        .replace_all(&time.replace_all(&text, "TIME"), "SECONDS")
        .into_owned();
    let mut flowing: Vec<String> = Vec::new();
    for line in text.lines() {
        let goes_on = line.trim_start_matches(' ').strip_prefix('│').or_else(|| {
            let is_indented = line.starts_with("      ") && !line.trim().is_empty();
            is_indented.then_some(line)
        });
        match (goes_on, flowing.last_mut()) {
            (Some(rest), Some(last)) if !last.trim().is_empty() => {
                last.push(' ');
                last.push_str(rest.trim());
            }
            _ => flowing.push(line.to_owned()),
        }
    }
    let lines: Vec<String> = flowing.iter().map(|line| wrapped(line)).collect();
    lines.join("\n")
}

/// A line over as many as it needs, each below the words of the first.
fn wrapped(line: &str) -> String {
    let start = line.len() - line.trim_start().len();
    let under = start
        + if line.trim_start().starts_with("help:") {
            6
        } else {
            2
        };
    let mut text = line[..start].to_owned();
    let mut width = start;
    for (place, word) in line.split_whitespace().enumerate() {
        let long = word.chars().count();
        if place > 0 && width + 1 + long > WIDTH {
            text.push('\n');
            text.push_str(&" ".repeat(under));
            width = under;
        } else if place > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += long;
    }
    text
}
