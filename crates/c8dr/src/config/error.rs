//! What can be wrong with a configuration, shown in its source with the nearest thing that would be right.

use std::path::{Path, PathBuf};

use miette::{Diagnostic, NamedSource, SourceSpan};
use serde_saphyr::Location;

/// A configuration that can't be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ConfigError {
    /// No file anywhere.
    #[error("no configuration: there is no c8dr.yaml here")]
    #[diagnostic(
        code(config::missing),
        help(
            "Looked for: {looked}.\nWrite one (README, \"Your own cluster\"), or try it on a lab: `c8dr lab up`, then `c8dr status`."
        )
    )]
    Missing {
        /// Where it was looked for.
        looked: String,
    },
    /// A file that can't be read.
    #[error("cannot read {}", path.display())]
    #[diagnostic(
        code(config::unreadable),
        help("Check the path and its permissions, or name another with `--config`.")
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Wrong(Box<Mistake>),
    /// A secret that is not where the configuration says.
    #[error("a secret is missing: {place}: {reason}")]
    #[diagnostic(
        code(config::secret),
        help(
            "Set it, or correct `auth` in the configuration. Secrets are never written into the configuration itself."
        )
    )]
    NoSecret {
        /// Where it should be.
        place: String,
        /// Why it can't be had.
        reason: String,
    },
}

/// A mistake in a configuration, shown in its source.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("the configuration is wrong: {what}")]
#[diagnostic(code(config::wrong), help("{help}"))]
pub struct Mistake {
    /// What.
    what: String,
    /// What would be right.
    help: String,
    /// The file's text.
    #[source_code]
    source_code: NamedSource<String>,
    /// Where.
    #[label("here")]
    span: Option<SourceSpan>,
}

impl ConfigError {
    /// Something wrong at a place.
    pub(super) fn at(path: &Path, text: &str, location: Location, what: String, help: &str) -> Self {
        ConfigError::Wrong(Box::new(Mistake {
            what,
            help: help.to_owned(),
            source_code: NamedSource::new(path.display().to_string(), redacted(text)),
            span: span(text, &location),
        }))
    }

    /// What the YAML reader complained of.
    pub(super) fn syntax(path: &Path, text: &str, error: &serde_saphyr::Error) -> Self {
        let bare = error.without_snippet();
        let (what, help) = match bare {
            serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => {
                (format!("unknown key `{field}`"), nearest(field, expected))
            }
            serde_saphyr::Error::SerdeUnknownVariant {
                variant, expected, ..
            } => (format!("unknown kind `{variant}`"), nearest(variant, expected)),
            serde_saphyr::Error::SerdeMissingField { field, .. } => (
                format!("`{field}` is missing"),
                format!("Add `{field}:`; the README has a whole example."),
            ),
            other => {
                let text = other.to_string();
                let first = text
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_owned();
                (first, "The README has a whole example.".to_owned())
            }
        };
        let location = bare.location();
        ConfigError::Wrong(Box::new(Mistake {
            what,
            help,
            source_code: NamedSource::new(path.display().to_string(), redacted(text)),
            span: location.and_then(|location| span(text, &location)),
        }))
    }
}

/// The known word nearest to a wrong one, or all of them.
fn nearest(wrong: &str, known: &[&str]) -> String {
    let close = known
        .iter()
        .map(|word| {
            (
                strsim::damerau_levenshtein(&wrong.to_lowercase(), &word.to_lowercase()),
                word,
            )
        })
        .min()
        .filter(|(distance, word)| *distance <= word.len().max(wrong.len()) / 3);
    match close {
        Some((_, word)) => format!("Did you mean `{word}`?"),
        None => format!(
            "Known here: {}.",
            known
                .iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

/// The source without what somebody may have put into a URL in front of an `@`.
fn redacted(text: &str) -> String {
    text.lines()
        .map(|line| match (line.find("://"), line.rfind('@')) {
            // Same length, so that places stay places.
            (Some(start), Some(end)) if start + 3 < end => {
                format!(
                    "{}{}{}",
                    &line[..start + 3],
                    "*".repeat(end - start - 3),
                    &line[end..]
                )
            }
            _ => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn span(text: &str, location: &Location) -> Option<SourceSpan> {
    let (line, column) = (
        usize::try_from(location.line()).ok()?,
        usize::try_from(location.column()).ok()?,
    );
    let before: usize = text
        .split_inclusive('\n')
        .take(line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let rest = text.get(before..)?.lines().next().unwrap_or_default();
    let start = rest
        .char_indices()
        .nth(column.checked_sub(1)?)
        .map_or(rest.len(), |(at, _)| at);
    let length = rest[start..].trim_end().len().max(1);
    Some((before + start, length).into())
}
