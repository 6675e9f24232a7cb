//! Readiness for people.

use std::fmt::Write;

use c8dr_domain::ready::{Finding, Readiness, Severity};

use super::{BAD, DIM, GOOD, HEAD, OPEN, styled};

/// Readiness as text. What concerns the loss of either region stands there once.
pub(crate) fn human(readiness: &Readiness) -> String {
    let mut text = String::new();
    let mut losses = readiness.losses.iter();
    let common: Vec<&Finding> = match losses.next() {
        Some(first) => first
            .findings
            .iter()
            .filter(|finding| losses.clone().all(|loss| loss.findings.contains(finding)))
            .collect(),
        None => Vec::new(),
    };
    for loss in &readiness.losses {
        let verdict = match loss.is_ready() {
            true => styled(GOOD, format!("about {} s", loss.about_s)),
            false => styled(BAD, "a failover would be blocked"),
        };
        head(&mut text, &format!("If {} were lost now:", loss.name), &verdict);
        if loss.is_ready() {
            line(&mut text, &styled(DIM, &loss.made_of));
        }
        tell(
            &mut text,
            loss.findings.iter().filter(|finding| !common.contains(finding)),
        );
        text.push('\n');
    }
    if !common.is_empty() {
        let _ = writeln!(text, "{}", styled(HEAD, "Whichever is lost:"));
        tell(&mut text, common.into_iter());
        text.push('\n');
    }
    let back = &readiness.failback;
    let verdict = match back.is_ready() {
        true => styled(GOOD, format!("about {} s, and the data's time", back.about_s)),
        false => styled(BAD, "a failback would be blocked"),
    };
    head(&mut text, "And to bring it back:", &verdict);
    if back.is_ready() {
        line(&mut text, &styled(DIM, &back.made_of));
    }
    tell(&mut text, back.findings.iter());
    text.push('\n');
    text.push_str(&super::more("CODE"));
    text
}

// Writing to a string cannot fail.

fn head(text: &mut String, what: &str, verdict: &str) {
    let _ = writeln!(text, "{} {verdict}", styled(HEAD, what));
}

fn line(text: &mut String, what: &str) {
    let _ = writeln!(text, "  {what}");
}

fn tell<'a>(text: &mut String, findings: impl Iterator<Item = &'a Finding>) {
    for finding in findings {
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
}
