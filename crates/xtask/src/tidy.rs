//! The rules of the house that no compiler knows, each with its reason, checked over all tracked files.

use std::fmt;

use self::repository::Repository;

mod foreign_words;
mod pure_domain;
pub(crate) mod repository;
mod rooms;
mod rust_code;
mod rust_files;
mod whitespace;

/// All rules, in the order in which they are reported.
pub(crate) const RULES: &[Rule] = &[
    rust_files::MODULE_DOC,
    rust_files::FILE_LENGTH,
    rust_files::VAGUE_NAME,
    rust_files::IGNORED_TEST,
    foreign_words::MACHINE_PATH,
    foreign_words::REGISTRY_HOST,
    foreign_words::TRACKER_REFERENCE,
    whitespace::TRAILING_WHITESPACE,
    whitespace::FINAL_NEWLINE,
    rooms::UNKNOWN_ROOM,
    rooms::ROOM_DIRECTION,
    pure_domain::PURE_DOMAIN_DEPENDENCIES,
    pure_domain::PURE_DOMAIN_CODE,
    rooms::SHARED_LINTS,
];

/// One rule: what it is called, why we have it, and how it is checked.
pub(crate) struct Rule {
    /// The name by which findings and people refer to it.
    pub(crate) name: &'static str,
    /// Why we have it, in one line.
    pub(crate) reason: &'static str,
    /// Finds all offences in a repository.
    pub(crate) check: fn(&Repository) -> Vec<Finding>,
}

/// One offence against one rule: where it is, what is wrong there and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file, relative to the repository's root.
    pub(crate) path: String,
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) fix: String,
}

/// A finding with its rule, ready to be printed.
pub(crate) struct Complaint {
    rule: &'static Rule,
    finding: Finding,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding {
            path,
            line,
            message,
            fix,
        } = &self.finding;
        let Rule { name, reason, .. } = self.rule;
        write!(
            f,
            "{path}:{line}: {message} [{name}]\n    why: {reason}\n    fix: {fix}"
        )
    }
}

/// Checks a repository against all rules.
pub(crate) fn check(repository: &Repository) -> Vec<Complaint> {
    let findings_of = |rule: &'static Rule| {
        (rule.check)(repository)
            .into_iter()
            .map(move |finding| Complaint { rule, finding })
    };
    RULES.iter().flat_map(findings_of).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;

    use super::repository::Repository;
    use super::{Complaint, Finding, RULES, Rule};

    /// Checks these files (path, text) against one rule and expects findings at just these places (path, line).
    #[track_caller]
    pub(crate) fn check_rule(rule: &Rule, files: &[(&str, &str)], expect: &[(&str, usize)]) {
        let findings = (rule.check)(&Repository::sample(files));
        let places: Vec<(&str, usize)> = findings.iter().map(|f| (f.path.as_str(), f.line)).collect();
        assert_eq!(places, expect, "{}: {findings:#?}", rule.name);
    }

    /// The rules hold here and now. An exported archive has no list of tracked files, so there is nothing to check
    /// in it, and its users must be able to run all other tests.
    #[test]
    fn this_repository_is_tidy() {
        let root = crate::repository_root();
        if !root.join(".git").exists() {
            return;
        }
        let repository = Repository::load(root).expect("the repository can be read");
        assert!(
            repository.files.len() > 10,
            "the list of tracked files is complete"
        );
        let complaints = super::check(&repository)
            .iter()
            .fold(String::new(), |mut text, complaint| {
                writeln!(text, "{complaint}\n").expect("a string takes everything");
                text
            });
        assert!(complaints.is_empty(), "not tidy:\n{complaints}");
    }

    #[test]
    fn names_are_unique_and_reasons_are_one_line() {
        let names: BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
        for rule in RULES {
            assert!(
                rule.reason.ends_with('.') && !rule.reason.contains('\n'),
                "{}",
                rule.name
            );
        }
    }

    #[test]
    fn a_complaint_says_where_what_why_and_how_to_mend_it() {
        let complaint = Complaint {
            rule: &super::rust_files::FILE_LENGTH,
            finding: Finding {
                path: "crates/lab/src/lib.rs".into(),
                line: 801,
                message: "too long".into(),
                fix: "split it".into(),
            },
        };
        let text = complaint.to_string();
        let reason = super::rust_files::FILE_LENGTH.reason;
        assert_eq!(
            text,
            format!(
                "crates/lab/src/lib.rs:801: too long [file-length]\n    why: {reason}\n    fix: split it"
            )
        );
    }
}
