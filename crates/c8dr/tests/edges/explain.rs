//! `c8dr explain`: a page for each code that anything can yield, a code for each page, and nothing untrue in them that a
//! test can see.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use c8dr::args::Args;
use c8dr::explain::{self, Kind, SECTIONS};
use clap::Parser;
use clap::error::ErrorKind;

use super::page::{Page, hold};
use crate::stage::Stage;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let codes: BTreeSet<&str> = Kind::ALL.iter().flat_map(|kind| kind.codes()).collect();
    let pages = explain::all();
    let paged: BTreeSet<&str> = pages.iter().map(|page| page.code).collect();
    let missing: Vec<_> = codes.difference(&paged).collect();
    assert!(
        missing.is_empty(),
        "{missing:?}: write docs/errors/CODE.md with the sections {SECTIONS:?} (not-fenced.md is an example), and add the \
         code to crates/c8dr/src/explain/pages.rs"
    );
    let idle: Vec<_> = paged.difference(&codes).collect();
    assert!(
        idle.is_empty(),
        "nothing yields {idle:?}: delete docs/errors/CODE.md and its line in crates/c8dr/src/explain/pages.rs, or add the \
         code to its enum"
    );
    assert_eq!(paged.len(), pages.len(), "a page is in the table twice");
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name != "README")
        .collect();
    let table: BTreeSet<String> = paged.iter().map(ToString::to_string).collect();
    assert_eq!(
        files, table,
        "the folder docs/errors and the table in explain/pages.rs differ"
    );
}

#[test]
fn codes_differ_by_more_than_capitals() {
    let mut seen = BTreeSet::new();
    for page in explain::all() {
        assert!(
            seen.insert(page.code.to_lowercase()),
            "{} is there twice",
            page.code
        );
    }
}

#[test]
fn every_page_has_its_sections() {
    for page in explain::all() {
        let code = page.code;
        assert!(
            page.markdown.starts_with(&format!("# {code}\n\n")),
            "{code}: the heading"
        );
        let headings: Vec<&str> = page
            .markdown
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        assert_eq!(headings, SECTIONS, "{code}");
        for section in page.markdown.split("\n## ").skip(1) {
            assert!(section.lines().count() > 2, "{code}: an empty section: {section}");
        }
        let ways = page.markdown.split("## Ways out").nth(1).unwrap_or_default();
        assert!(
            ways.contains("\n1. "),
            "{code}: the ways out are numbered, the first one first"
        );
        let words = page.markdown.split_whitespace().count();
        assert!(words < 330, "{code}: {words} words are too many at night");
    }
}

#[test]
fn every_command_on_a_page_is_one() {
    let mut seen = 0;
    for page in explain::all() {
        for command in commands(page.markdown) {
            seen += 1;
            match Args::try_parse_from(words(&command)) {
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {}
                Err(error) => panic!("{}: `{command}` is no command of c8dr: {error}", page.code),
            }
            if let Some(code) = command.strip_prefix("c8dr explain ") {
                assert!(
                    explain::page(code).is_ok(),
                    "{}: `{command}` has no page",
                    page.code
                );
            }
        }
    }
    assert!(
        seen > 200,
        "only {seen} commands were found: the pages are read wrongly"
    );
}

#[test]
fn the_list_in_the_folder_is_true() {
    let pages = explain::all();
    let mut text = "# Every code that c8dr says\n\n<!-- Written by the tests in crates/c8dr/tests/edges; do not edit. -->\n\nThe same pages are in the binary: `c8dr explain CODE`.\n".to_owned();
    for kind in Kind::ALL {
        let _ = write!(text, "\n## {}\n\n| code | |\n|---|---|\n", kind.heading());
        for code in kind.codes() {
            let title = pages
                .iter()
                .find(|page| page.code == code)
                .map_or("", |page| page.title.as_str());
            let _ = writeln!(text, "| [{code}]({code}.md) | {title} |");
        }
    }
    hold(&folder().join("README.md"), &text);
}

#[test]
fn the_page_of_explain() {
    let stage = Stage::new();
    let told = stage.run(&["explain", "NOT-fenced"]).exits(0);
    for section in SECTIONS {
        assert!(told.out.contains(section), "{}", told.out);
    }
    assert!(
        !told.out.contains('#') && !told.out.contains("```"),
        "{}",
        told.out
    );
    assert_eq!(
        stage.run(&["explain", "3"]).exits(0).out,
        stage.run(&["explain", "refused"]).exits(0).out
    );
    let json = stage
        .run(&["explain", "fb2b", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(
        (&json["code"], &json["kinds"][0]),
        (&"FB2b".into(), &"step".into())
    );
    let list = stage.run(&["explain"]).exits(0).out;
    for page in explain::all() {
        assert!(
            list.contains(&format!("  {} ", page.code)),
            "{} is not listed",
            page.code
        );
    }
    let mut page = Page::new(
        "explain",
        "Codes and their pages",
        "Every message has a code, and every code a page: `c8dr explain CODE`.",
    );
    let typed = ["explain", "not-fensed"];
    let ran = stage.run(&typed).exits(2).says("Did you mean `not-fenced`?");
    page.fault(
        &stage,
        "A code is typed that there is not",
        &typed.join(" "),
        &ran,
    );
    page.check();
}

/// The command lines of c8dr in a page: in code blocks, and between backticks.
fn commands(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    let mut prose = String::new();
    for line in markdown.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            found.extend(line.starts_with("c8dr ").then(|| line.to_owned()));
        } else {
            prose.push_str(line.trim_start());
            prose.push(' ');
        }
    }
    let inline = prose
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| text.starts_with("c8dr "));
    found.extend(inline.map(ToOwned::to_owned));
    found
}

/// A command line's words, as a shell makes them of plain words and words in double quotes.
fn words(command: &str) -> Vec<String> {
    command
        .split('"')
        .enumerate()
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(ToOwned::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}
