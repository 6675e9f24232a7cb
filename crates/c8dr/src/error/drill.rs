//! A drill's script that is not understood, shown in its source: every mistake in it, each with what would be right.

use c8dr_storm::drill::Mistake;
use miette::{Diagnostic, NamedSource, SourceSpan};

/// As many mistakes are shown at once: somebody mends the first and looks again.
const SHOWN_MAX: usize = 10;

/// A script that is not understood: its first mistake, and the others.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("the drill is not understood: {what}")]
#[diagnostic(help("{help}"))]
pub struct DrillTrouble {
    what: String,
    help: String,
    #[source_code]
    source_code: NamedSource<String>,
    #[label("here")]
    span: SourceSpan,
    #[related]
    others: Vec<Another>,
}

/// Another mistake in the same script.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{what}")]
#[diagnostic(help("{help}"))]
pub(super) struct Another {
    what: String,
    help: String,
    #[source_code]
    source_code: NamedSource<String>,
    #[label("here")]
    span: SourceSpan,
}

impl DrillTrouble {
    /// The mistakes of a script; `None` if there are none.
    pub fn of(name: &str, text: &str, mistakes: &[Mistake]) -> Option<DrillTrouble> {
        let (first, rest) = mistakes.split_first()?;
        let source = || NamedSource::new(name, text.to_owned());
        let span = |one: &Mistake| SourceSpan::from((one.span.start, one.span.len()));
        Some(DrillTrouble {
            what: first.to_string(),
            help: format!(
                "{}\nNothing was begun. All words: docs/guide/drills.md; an example: `c8dr drill --list`.",
                first.help
            ),
            source_code: source(),
            span: span(first),
            others: rest
                .iter()
                .take(SHOWN_MAX - 1)
                .map(|one| Another {
                    what: one.to_string(),
                    help: one.help.clone(),
                    source_code: source(),
                    span: span(one),
                })
                .collect(),
        })
    }
}
