//! Rules about blanks: none at the end of a line, exactly one newline at the end of a file.

use super::repository::{Repository, TrackedFile};
use super::{Finding, Rule};

/// No line ends in blanks.
pub(crate) const TRAILING_WHITESPACE: Rule = Rule {
    name: "trailing-whitespace",
    reason: "Blanks that nobody sees turn up as changes in every later diff.",
    check: |repository| {
        let mut findings = Vec::new();
        for file in written_by_hand(repository) {
            let lines = file.text.split('\n').enumerate();
            findings.extend(lines.filter(|(_, line)| line.ends_with(char::is_whitespace)).map(
                |(index, line)| {
                    let what = if line.ends_with('\r') {
                        "a carriage return"
                    } else {
                        "blanks"
                    };
                    Finding {
                        path: file.path.clone(),
                        line: index + 1,
                        message: format!("the line ends in {what}"),
                        fix: "remove what stands behind the last visible character".into(),
                    }
                },
            ));
        }
        findings
    },
};

/// Every file that is not empty ends with one newline.
pub(crate) const FINAL_NEWLINE: Rule = Rule {
    name: "final-newline",
    reason: "Without it the next line that is added shows the old last line as changed, too.",
    check: |repository| {
        written_by_hand(repository)
            .filter(|file| !file.text.is_empty())
            .filter(|file| !file.text.ends_with('\n') || file.text.ends_with("\n\n"))
            .map(|file| Finding {
                path: file.path.clone(),
                line: file.text.lines().count(),
                message: "the file does not end with exactly one newline".into(),
                fix: "end the last line with a newline and put no empty line behind it".into(),
            })
            .collect()
    },
};

/// All files but recordings and snapshots: they hold what a program said, to the byte.
fn written_by_hand(repository: &Repository) -> impl Iterator<Item = &TrackedFile> {
    let said_by_a_program = |path: &str| {
        path.starts_with("fixtures/") || path.starts_with("fuzz/corpus/") || path.ends_with(".snap")
    };
    repository
        .files
        .iter()
        .filter(move |file| !said_by_a_program(&file.path))
}

#[cfg(test)]
mod tests {
    use super::{FINAL_NEWLINE, TRAILING_WHITESPACE};
    use crate::tidy::tests::check_rule;

    #[test]
    fn trailing_whitespace_is_found_on_its_line() {
        check_rule(&TRAILING_WHITESPACE, &[("a.md", "one\n\n  two\n")], &[]);
        check_rule(
            &TRAILING_WHITESPACE,
            &[("a.md", "one\ntwo \n\t\n")],
            &[("a.md", 2), ("a.md", 3)],
        );
        check_rule(&TRAILING_WHITESPACE, &[("a.md", "one\r\ntwo\n")], &[("a.md", 1)]);
        check_rule(
            &TRAILING_WHITESPACE,
            &[("fixtures/x.json", "{} \n"), ("status.snap", "a \n")],
            &[],
        );
    }

    #[test]
    fn final_newline_is_there_and_alone() {
        check_rule(&FINAL_NEWLINE, &[("a.md", "one\ntwo\n"), ("empty", "")], &[]);
        check_rule(&FINAL_NEWLINE, &[("a.md", "one\ntwo")], &[("a.md", 2)]);
        check_rule(&FINAL_NEWLINE, &[("a.md", "one\n\n")], &[("a.md", 2)]);
        check_rule(
            &FINAL_NEWLINE,
            &[("fixtures/x.json", "{}"), ("status.snap", "a")],
            &[],
        );
    }
}
