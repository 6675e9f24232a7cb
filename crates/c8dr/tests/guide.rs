//! The guide as it is typed: each page's console blocks are run in order, by the shell, against the real binary.
//!
//! A line with `$` is a command; `# exit 3` at its end is the exit code that it must have, 0 otherwise. The lines below it
//! are what must be said on both streams together: `...` stands for any lines, `[..]` for anything within one.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the stage is shared with tests that use more of it")]
mod stage;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use snapbox::{Assert, IntoData};

use crate::stage::Stage;

#[test]
fn the_first_drill() {
    typed("docs/guide/first-drill.md");
}

#[test]
fn the_night_itself() {
    typed("docs/guide/the-night.md");
}

#[test]
fn drills_as_text() {
    typed("docs/guide/drills.md");
}

#[test]
fn the_readme() {
    typed("README.md");
}

#[test]
fn each_test_that_a_guarantee_names_exists() {
    let page = std::fs::read_to_string(root().join("docs/guide/guarantees.md")).unwrap();
    let sources: Vec<String> = files(&root().join("crates"), "rs")
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let named: Vec<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.contains('_') && name.bytes().all(|c| c == b'_' || c.is_ascii_alphanumeric()))
        .collect();
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        let declared = format!("fn {name}(");
        assert!(
            sources.iter().any(|text| text.contains(&declared)),
            "there is no test `{name}`"
        );
    }
}

#[test]
fn each_link_leads_somewhere() {
    let pages = [files(&root().join("docs"), "md"), vec![root().join("README.md")]].concat();
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let leads_to = page.parent().unwrap().join(target);
            assert!(
                leads_to.exists(),
                "{} links to {target}, which is not there",
                page.display()
            );
        }
    }
}

/// The files below a folder whose names end so.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.extension().is_some_and(|extension| extension == end) {
            found.push(path);
        }
    }
    found
}

/// A command of a page.
struct Step {
    /// Where it stands, from 1.
    line: usize,
    command: String,
    exit: i32,
    /// What must be said; empty if the page does not show it.
    said: Vec<String>,
}

/// Runs all console blocks of a page, in one home and one directory.
fn typed(page: &str) {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let steps = steps(&text);
    assert!(!steps.is_empty(), "{page} has nothing to run");
    let stage = Stage::new();
    for step in steps {
        let (code, said) = shell(&stage, &step.command);
        let place = format!("{page}:{}: $ {}", step.line, step.command);
        assert_eq!(code, step.exit, "{place}\n{said}");
        if !step.said.is_empty() {
            let wanted = format!("{}\n", step.said.join("\n"));
            if let Err(differs) = Assert::new().try_eq(Some(&place), said.into_data(), wanted.into_data()) {
                panic!("{place}\n{differs}");
            }
        }
    }
}

/// The commands of a page's console blocks, in order.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_within = false;
    for (line, number) in page.lines().zip(1..) {
        match (is_within, line) {
            (false, "```console") => is_within = true,
            (true, "```") => is_within = false,
            (true, line) => match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(typed), _) => {
                    let (command, exit) = match typed.rsplit_once("# exit ") {
                        Some((command, code)) => (command.trim_end(), code.parse().unwrap()),
                        None => (typed, 0),
                    };
                    steps.push(Step {
                        line: number,
                        command: command.to_owned(),
                        exit,
                        said: Vec::new(),
                    });
                }
                (None, Some(step)) => step.said.push(line.to_owned()),
                (None, None) => panic!("line {number} is no command, and follows none"),
            },
            (false, _) => {}
        }
    }
    steps
}

/// Runs a command as a shell would, with the binary in its path; its exit code, and what it said on both streams.
fn shell(stage: &Stage, command: &str) -> (i32, String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_c8dr"));
    let mut path = vec![binary.parent().unwrap().to_owned()];
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let out = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(stage.path())
        .env_clear()
        .env("PATH", std::env::join_paths(path).unwrap())
        .env("C8DR_HOME", stage.home())
        .env("USER", "tester")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let code = out.status.code().unwrap_or(-1);
    (code, String::from_utf8_lossy(&out.stdout).into_owned())
}

/// The folder of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
