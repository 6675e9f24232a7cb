//! Rules about words that mean something on one machine or in one tracker only.
//!
//! The words that are looked for are put together from parts here, so that this file doesn't contain them itself.

use super::repository::Repository;
use super::{Finding, Rule};

/// Folders that differ from machine to machine.
const MACHINE_FOLDERS: &[&str] = &[
    concat!("/ho", "me"),
    concat!("/ro", "ot"),
    concat!("/t", "mp"),
    concat!("/Us", "ers"),
    concat!("/wo", "rk"),
];

/// Parts of the names of hosts that packages are fetched from.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("artifac", "tory"),
    concat!("index.cra", "tes.io"),
    concat!("static.cra", "tes.io"),
    concat!("proxy.gol", "ang.org"),
    concat!("registry.np", "mjs.org"),
    concat!("pyp", "i.org"),
];

/// Words before a number that make it a reference to a tracker.
const REFERENCE_WORDS: &[&str] = &[
    "bug", "bugs", "closes", "fix", "fixes", "issue", "issues", "mr", "pr", "ref", "refs", "see", "ticket",
];

/// Marks of work that belongs into a tracker.
const WORK_MARKS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// No tracked file names a folder of one machine.
pub(crate) const MACHINE_PATH: Rule = Rule {
    name: "machine-path",
    reason: "A path of one machine breaks, or misleads, on every other one.",
    check: |repository| {
        each_line(repository, |line| {
            let folder = MACHINE_FOLDERS.iter().find(|folder| names_folder(line, folder))?;
            Some((
                format!("`{folder}` is a folder of one machine"),
                "tests: env!(\"CARGO_MANIFEST_DIR\") or tempfile; texts: a path relative to the repository"
                    .into(),
            ))
        })
    },
};

/// No tracked file names the host that packages come from.
pub(crate) const REGISTRY_HOST: Rule = Rule {
    name: "registry-host",
    reason: "Where packages are fetched from is a matter of each machine's own configuration.",
    check: |repository| {
        each_line(repository, |line| {
            let line = line.to_ascii_lowercase();
            let host = REGISTRY_HOSTS.iter().find(|host| line.contains(*host))?;
            Some((
                format!("`{host}` belongs to a package registry"),
                "leave the host out: cargo's default registry, or the user's configuration, is meant".into(),
            ))
        })
    },
};

/// No tracked file refers to a tracker that the reader can't see, or keeps one of its own in comments.
pub(crate) const TRACKER_REFERENCE: Rule = Rule {
    name: "tracker-reference",
    reason: "A bare number means something else in every tracker, and work noted in comments is never found again.",
    check: |repository| {
        each_line(repository, |line| {
            if let Some(reference) = bare_reference(line) {
                return Some((
                    format!("`{reference}` does not say whose number it is"),
                    "say in words what it is about; for other projects write owner/repository#number".into(),
                ));
            }
            let mark = WORK_MARKS.iter().find(|mark| has_word(line, mark))?;
            Some((
                format!("`{mark}` marks work that is not done"),
                "do it, or say as a fact what does not work and what happens instead".into(),
            ))
        })
    },
};

/// Asks `offence` for message and fix, for every line of all files but the recordings, which are not our words.
fn each_line(repository: &Repository, offence: impl Fn(&str) -> Option<(String, String)>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository
        .files
        .iter()
        .filter(|file| !file.path.starts_with("fixtures/") && !file.path.starts_with("fuzz/corpus/"))
    {
        for (line, text) in file.numbered_lines() {
            findings.extend(offence(text).map(|(message, fix)| Finding {
                path: file.path.clone(),
                line,
                message,
                fix,
            }));
        }
    }
    findings
}

/// Whether a path in this line begins with the folder. A folder of the same name further down a path doesn't count.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + folder.len()..].chars().next();
        let starts = before.is_none_or(|c| !(c.is_alphanumeric() || "_-.~/})>".contains(c)));
        let ends = after.is_none_or(|c| !(c.is_alphanumeric() || "_-.".contains(c)));
        starts && ends
    })
}

/// A number sign with a number that doesn't say whose it is: in parentheses, or behind a word such as *issue*.
fn bare_reference(line: &str) -> Option<&str> {
    line.match_indices('#').find_map(|(at, _)| {
        let digits = line[at + 1..].chars().take_while(char::is_ascii_digit).count();
        let end = at + 1 + digits;
        let number = digits > 0 && !line[end..].starts_with(char::is_alphanumeric);
        let before = &line[..at];
        let last_word = before
            .trim_end()
            .rsplit(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default();
        let referred = before.ends_with('(')
            || (before.ends_with(' ') && REFERENCE_WORDS.contains(&last_word.to_ascii_lowercase().as_str()));
        (number && referred).then(|| &line[at..end])
    })
}

/// Whether the line contains the word, and not only as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .any(|other| other == word)
}

#[cfg(test)]
mod tests {
    use super::{
        MACHINE_FOLDERS, MACHINE_PATH, REGISTRY_HOST, REGISTRY_HOSTS, TRACKER_REFERENCE, WORK_MARKS,
    };
    use crate::tidy::tests::check_rule;

    const PAGE: &str = "docs/guide.md";

    #[test]
    fn machine_paths_are_refused() {
        for folder in MACHINE_FOLDERS {
            for bad in [
                format!("{folder}/x"),
                format!("open(\"{folder}\")"),
                format!("cd {folder}/c8dr"),
                format!("state={folder}"),
            ] {
                check_rule(
                    &MACHINE_PATH,
                    &[(PAGE, &format!("# Guide\n{bad}\n"))],
                    &[(PAGE, 2)],
                );
            }
            check_rule(
                &MACHINE_PATH,
                &[("fixtures/INDEX.md", &format!("{folder}/x\n"))],
                &[],
            );
        }
    }

    #[test]
    fn folders_of_the_same_name_elsewhere_are_no_machine_paths() {
        for folder in MACHINE_FOLDERS {
            for good in [
                format!("https://example.org{folder}/x"),
                format!("crates{folder}/x"),
                format!("~{folder}/x"),
                format!("{{root}}{folder}"),
                format!("{folder}ing"),
                format!("{folder}-flow"),
            ] {
                check_rule(&MACHINE_PATH, &[(PAGE, &good)], &[]);
            }
        }
    }

    #[test]
    fn registry_hosts_are_refused() {
        for host in REGISTRY_HOSTS {
            let bad = format!("A line.\nsparse+https://{}/x\n", host.to_uppercase());
            check_rule(&REGISTRY_HOST, &[("deny.toml", &bad)], &[("deny.toml", 2)]);
        }
        let lock = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
        check_rule(&REGISTRY_HOST, &[("Cargo.lock", lock)], &[]);
    }

    #[test]
    fn bare_numbers_of_trackers_are_refused() {
        for bad in ["(N12)", "Issue N12", "fixes N7.", "camunda PR N16367", "see N3,"] {
            let bad = bad.replace('N', "#");
            check_rule(
                &TRACKER_REFERENCE,
                &[(PAGE, &format!("ok\n{bad}\n"))],
                &[(PAGE, 2)],
            );
        }
    }

    #[test]
    fn references_that_say_whose_they_are_and_other_number_signs_pass() {
        for good in [
            "camunda/camunda#16312",
            "(camunda/camunda#16312)",
            "color: #333",
            "r#\"x\"#",
            "# 1",
            "see #anchor",
        ] {
            check_rule(&TRACKER_REFERENCE, &[(PAGE, good)], &[]);
        }
    }

    #[test]
    fn marks_of_unfinished_work_are_refused() {
        for mark in WORK_MARKS {
            check_rule(
                &TRACKER_REFERENCE,
                &[(PAGE, &format!("// {mark}: later\n"))],
                &[(PAGE, 1)],
            );
            check_rule(
                &TRACKER_REFERENCE,
                &[(PAGE, &format!("{mark}S and x{mark} are words\n"))],
                &[],
            );
        }
    }
}
