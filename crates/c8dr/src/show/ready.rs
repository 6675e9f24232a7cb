//! Readiness for people.

use std::fmt::Write;

use c8dr_domain::ready::{Prospect, Severity};

use super::{BAD, DIM, GOOD, HEAD, OPEN, styled};

/// The prospects as text.
pub(crate) fn human(prospects: &[Prospect]) -> String {
    let mut text = String::new();
    for prospect in prospects {
        let verdict = if prospect.is_ready() {
            styled(GOOD, format!("about {} s", prospect.about_s))
        } else {
            styled(BAD, "a failover would be blocked")
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{} {verdict}",
            styled(HEAD, format!("If {} were lost now:", prospect.name))
        );
        if prospect.is_ready() {
            let _ = writeln!(text, "  {}", styled(DIM, &prospect.made_of));
        }
        for finding in &prospect.findings {
            let word = match finding.severity {
                Severity::Blocking => styled(BAD, "blocks "),
                Severity::Warning => styled(OPEN, "warning"),
                Severity::Note => styled(DIM, "note   "),
            };
            let _ = writeln!(
                text,
                "  {word} {} {}\n          {}",
                finding.what,
                styled(DIM, format!("({})", finding.code.as_str())),
                styled(DIM, &finding.remedy)
            );
        }
        text.push('\n');
    }
    text.push_str(&super::more("CODE"));
    text
}
