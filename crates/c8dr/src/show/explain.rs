//! Pages of codes for a terminal: Markdown with its marks taken off.

use std::fmt::Write;

use super::{DIM, HEAD, styled};
use crate::explain::{Kind, Page};

/// One page.
pub(crate) fn page(page: &Page) -> String {
    let mut text = String::new();
    let mut in_code = false;
    for line in page.markdown.lines() {
        // Writing to a string cannot fail.
        let _ = match (line, in_code) {
            (fence, _) if fence.starts_with("```") => {
                in_code = !in_code;
                Ok(())
            }
            (code, true) => writeln!(text, "    {code}"),
            (heading, _) if heading.starts_with('#') => {
                writeln!(text, "{}", styled(HEAD, heading.trim_start_matches(['#', ' '])))
            }
            (line, false) => writeln!(text, "{line}"),
        };
    }
    text
}

/// All codes by their kinds, each with its sentence.
pub(crate) fn list(kinds: &[(Kind, Vec<&str>)], pages: &[Page]) -> String {
    let width = pages.iter().map(|page| page.code.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (kind, codes) in kinds {
        let _ = writeln!(text, "{}", styled(HEAD, kind.heading()));
        for code in codes {
            let title = pages
                .iter()
                .find(|page| page.code == *code)
                .map_or("", |page| page.title.as_str());
            let _ = writeln!(text, "  {code:<width$}  {}", styled(DIM, title));
        }
        text.push('\n');
    }
    text.push_str("`c8dr explain CODE` prints a page.");
    text
}
