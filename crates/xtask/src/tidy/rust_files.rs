//! Rules about single Rust files: what they say first, how long they are, how they are named, that all tests run.

use super::repository::{Repository, TrackedFile};
use super::rust_code::{attributes, code_only, words};
use super::{Finding, Rule};

/// No Rust file has more lines than this. We aim at 500; whoever needs 800 has two subjects in one file.
const LINES_MAX: usize = 800;

/// Names that say nothing about what is inside, so that everything ends up inside.
const VAGUE_NAMES: &[&str] = &[
    "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils",
];

/// Every Rust file begins by saying what it is for.
pub(crate) const MODULE_DOC: Rule = Rule {
    name: "module-doc",
    reason: "A newcomer at night learns from the first line whether this is the right file.",
    check: |repository| {
        rust_files(repository)
            .filter(|file| {
                let first = file.text.lines().next().unwrap_or_default();
                first.strip_prefix("//! ").is_none_or(|doc| doc.trim().is_empty())
            })
            .map(|file| Finding {
                path: file.path.clone(),
                line: 1,
                message: "the file does not begin with a `//!` line".into(),
                fix: "write as the first line `//! ` and one sentence that says what the file is for".into(),
            })
            .collect()
    },
};

/// No Rust file is too long to be held in mind.
pub(crate) const FILE_LENGTH: Rule = Rule {
    name: "file-length",
    reason: "A file does one thing; one that has grown beyond 800 lines does several.",
    check: |repository| {
        let lines_of = |file: &TrackedFile| file.text.lines().count();
        rust_files(repository)
            .filter(|file| lines_of(file) > LINES_MAX)
            .map(|file| Finding {
                path: file.path.clone(),
                line: LINES_MAX + 1,
                message: format!("the file has {} lines; {LINES_MAX} are allowed", lines_of(file)),
                fix: "move one of its subjects, with its tests, to a file named after it".into(),
            })
            .collect()
    },
};

/// No file, folder or module has a name under which anything could live.
pub(crate) const VAGUE_NAME: Rule = Rule {
    name: "vague-name",
    reason: "A name that could hold anything will; a line's place must be guessable from names alone.",
    check: |repository| {
        let finding = |file: &TrackedFile, line, name: &str| Finding {
            path: file.path.clone(),
            line,
            message: format!("`{name}` does not say what is inside"),
            fix: "name it after the noun or the deed that it holds (quorum, placement, redact)".into(),
        };
        let mut findings = Vec::new();
        for file in rust_files(repository) {
            let path = file.path.trim_end_matches(".rs");
            findings.extend(
                path.split('/')
                    .filter(|name| is_vague(name))
                    .map(|name| finding(file, 1, name)),
            );
            for (index, line) in code_only(&file.text).lines().enumerate() {
                let inline = line.trim_end().ends_with('{');
                let module = words(line).skip_while(|&word| word != "mod").nth(1);
                findings.extend(
                    module
                        .filter(|name| inline && is_vague(name))
                        .map(|name| finding(file, index + 1, name)),
                );
            }
        }
        findings
    },
};

/// Every test that is written is run.
pub(crate) const IGNORED_TEST: Rule = Rule {
    name: "ignored-test",
    reason: "A test that nobody runs proves nothing and looks as if it did.",
    check: |repository| {
        let mut findings = Vec::new();
        for file in rust_files(repository) {
            let finding = |line, what: &str| {
                Finding {
                path: file.path.clone(),
                line,
                message: format!("{what} keeps a test from running"),
                fix: "make it run everywhere; if it needs what not every machine has, look for that in the test, \
                      say in one line that it is missing, and return"
                    .into(),
            }
            };
            for (line, attribute) in attributes(&code_only(&file.text)) {
                let first = words(attribute).next();
                let ignores = match first {
                    Some("ignore") => true,
                    Some("cfg_attr") => words(attribute).any(|word| word == "ignore"),
                    _ => false,
                };
                findings.extend(ignores.then(|| finding(line, "an `ignore` attribute")));
            }
            for (line, text) in file.numbered_lines() {
                let text = text.trim_start();
                let doc = text.strip_prefix("///").or_else(|| text.strip_prefix("//!"));
                let fence = doc.and_then(|doc| doc.trim_start().strip_prefix("```"));
                let ignores = fence.is_some_and(|flags| words(flags).any(|flag| flag == "ignore"));
                findings.extend(ignores.then(|| finding(line, "an `ignore` on an example")));
            }
        }
        findings
    },
};

fn rust_files(repository: &Repository) -> impl Iterator<Item = &TrackedFile> {
    repository.files.iter().filter(|file| file.is_rust())
}

/// Whether the name itself, or its last word, is a vague one: `utils`, `run_manager`, but not `common_prefix`.
fn is_vague(name: &str) -> bool {
    name.rsplit(['_', '-'])
        .next()
        .is_some_and(|last| VAGUE_NAMES.contains(&last))
}

#[cfg(test)]
mod tests {
    use super::{FILE_LENGTH, IGNORED_TEST, LINES_MAX, MODULE_DOC, VAGUE_NAME};
    use crate::tidy::tests::check_rule;

    const LIB: &str = "crates/lab/src/lib.rs";

    #[test]
    fn module_doc_is_the_first_line() {
        check_rule(&MODULE_DOC, &[(LIB, "//! The lab.\n")], &[]);
        check_rule(&MODULE_DOC, &[("README.md", "# c8dr\n")], &[]);
        check_rule(
            &MODULE_DOC,
            &[("crates/lab/build.rs", "fn main() {}\n")],
            &[("crates/lab/build.rs", 1)],
        );
        for bad in [
            "",
            "\n//! Late.\n",
            "// A comment.\n",
            "#![expect(x)]\n//! Late.\n",
            "//!\n",
            "//! \n",
        ] {
            check_rule(&MODULE_DOC, &[(LIB, bad)], &[(LIB, 1)]);
        }
    }

    #[test]
    fn file_length_has_a_limit() {
        check_rule(&FILE_LENGTH, &[(LIB, &"line\n".repeat(LINES_MAX))], &[]);
        check_rule(
            &FILE_LENGTH,
            &[(LIB, &"line\n".repeat(LINES_MAX + 1))],
            &[(LIB, LINES_MAX + 1)],
        );
        check_rule(
            &FILE_LENGTH,
            &[("docs/guide.md", &"line\n".repeat(LINES_MAX + 1))],
            &[],
        );
    }

    #[test]
    fn vague_names_are_refused_for_files_folders_and_modules() {
        for bad in [
            "crates/lab/src/utils.rs",
            "crates/lab/tests/common/mod.rs",
            "crates/lab/src/run_manager.rs",
            "crates/lab/src/test-helpers.rs",
        ] {
            check_rule(&VAGUE_NAME, &[(bad, "//! A doc.\n")], &[(bad, 1)]);
        }
        check_rule(
            &VAGUE_NAME,
            &[(LIB, "//! A doc.\npub(crate) mod misc {\n}\n")],
            &[(LIB, 2)],
        );
        check_rule(
            &VAGUE_NAME,
            &[("crates/lab/src/common_prefix.rs", "// mod utils {\n")],
            &[],
        );
        check_rule(
            &VAGUE_NAME,
            &[("crates/lab/src/management.rs", "mod tests {\n}\n")],
            &[],
        );
    }

    #[test]
    fn a_vague_file_is_reported_once_and_not_again_where_it_is_declared() {
        let files = [
            (LIB, "//! A doc.\nmod utils;\n"),
            ("crates/lab/src/utils.rs", "//! A doc.\n"),
        ];
        check_rule(&VAGUE_NAME, &files, &[("crates/lab/src/utils.rs", 1)]);
    }

    #[test]
    fn ignored_tests_are_refused_in_every_spelling() {
        for bad in [
            "#[ignore]\n",
            "#[ignore = \"slow\"]\n",
            "#[ ignore ]\n",
            "#[cfg_attr(not(feature = \"kube\"), ignore)]\n",
            "#[cfg_attr(\n    unix,\n    ignore = \"slow\"\n)]\n",
            "/// ```ignore\n",
            "    //! ```rust,ignore\n",
        ] {
            check_rule(
                &IGNORED_TEST,
                &[(LIB, &format!("//! A doc.\n{bad}"))],
                &[(LIB, 2)],
            );
        }
    }

    #[test]
    fn words_about_ignoring_are_no_ignored_tests() {
        for good in [
            "// #[ignore] is refused here.\n",
            "const S: &str = \"#[ignore]\";\n",
            "#[serde(ignore)]\n",
            "fn ignore() {}\n",
            "/// ```no_run\n",
            "#[must_use = \"ignore\"]\n",
        ] {
            check_rule(&IGNORED_TEST, &[(LIB, good)], &[]);
        }
    }
}
