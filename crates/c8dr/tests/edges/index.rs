//! The table of all faults, made from the pages.

use std::fmt::Write as _;

use super::page;

#[test]
fn the_table_lists_every_fault() {
    let mut pages: Vec<_> = std::fs::read_dir(page::folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md") && !path.ends_with("README.md"))
        .collect();
    pages.sort();
    let mut text = "# Every fault, and what c8dr says then\n\n<!-- Written by the tests in crates/c8dr/tests/edges; do not edit. -->\n\nEach line is a test that runs the real binary; the exact message is behind the link.\n".to_owned();
    let mut faults = 0;
    for path in pages {
        let page = std::fs::read_to_string(&path).unwrap();
        let file = path.file_name().unwrap().to_string_lossy();
        let title = page.lines().next().unwrap_or_default().trim_start_matches("# ");
        let _ = write!(
            text,
            "\n## [{title}]({file})\n\n| what is wrong | exit | what is said first |\n|---|---|---|\n"
        );
        for fault in page.split("\n## ").skip(1) {
            faults += 1;
            let mut lines = fault.lines();
            let heading = lines.next().unwrap_or_default();
            let exit = fault
                .split("· exit ")
                .nth(1)
                .and_then(|rest| rest.lines().next())
                .unwrap_or_default();
            let said = fault
                .split("```text\n")
                .nth(1)
                .map(|said| headline(said.split("\n```").next().unwrap_or_default()))
                .unwrap_or_default();
            let _ = writeln!(
                text,
                "| [{heading}]({file}#{}) | {exit} | {} |",
                anchor(heading),
                said.replace('|', "\\|")
            );
        }
    }
    assert!(faults > 0, "no page has a fault");
    page::hold(&page::folder().join("README.md"), &text);
}

/// The first sentence of a message, without the code above it and the marks of the frame.
fn headline(said: &str) -> String {
    // A terminal that is not known gets a frame of plain letters.
    let begins = |line: &str| ["×", "x "].iter().any(|mark| line.trim_start().starts_with(mark));
    let goes_on = |line: &str| {
        let is_snippet = line.trim_start().starts_with(['╭', '├', '╰', '·', ',']);
        let is_indented = line.starts_with("    ") && !is_snippet;
        is_indented || ["│", "| "].iter().any(|mark| line.trim_start().starts_with(mark))
    };
    let text = |line: &str| {
        let line = line.trim();
        line.trim_start_matches("x ")
            .trim_start_matches(['×', '│', '|', ' '])
            .to_owned()
    };
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    if let Some(start) = lines.iter().position(|line| begins(line)) {
        let rest = lines[start + 1..].iter().take_while(|line| goes_on(line));
        let told: Vec<String> = std::iter::once(&lines[start])
            .chain(rest)
            .map(|line| text(line))
            .collect();
        return told.join(" ");
    }
    let is_it = |line: &&&str| line.starts_with("refused");
    let is_no_note = |line: &&&str| !line.starts_with("There is no c8dr.yaml here");
    let found = lines.iter().find(is_it).or_else(|| lines.iter().find(is_no_note));
    found.map_or_else(String::new, |line| text(line))
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}
