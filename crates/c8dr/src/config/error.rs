//! What can be wrong with a configuration, shown in its source with the nearest thing that would be right.

use std::path::PathBuf;

use c8dr_domain::plain;
use miette::{Diagnostic, NamedSource, SourceSpan};
use serde_saphyr::Location;

use super::redact::redacted;
use super::source::Source;
use crate::error::ErrorCode;

/// A configuration that can't be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ConfigError {
    /// No file anywhere.
    #[error("no configuration: there is no c8dr.yaml here")]
    #[diagnostic(help(
        "Looked for: {looked}.\nWrite one: `c8dr init --from-env`, or from the example in the README, \"Your own cluster\". Or try it on a lab: `c8dr lab up`, then `c8dr status`."
    ))]
    Missing {
        /// Where it was looked for.
        looked: String,
    },
    /// A file that can't be read.
    #[error("cannot read the configuration {}", path.display())]
    #[diagnostic(help("Check the path and its permissions, or name another file with `--config`."))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that cannot be a configuration.
    #[error("{} is no configuration: {why}", path.display())]
    #[diagnostic(help("A configuration is one YAML file in UTF-8. Name it with `--config FILE`."))]
    NotText {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file with nothing in it.
    #[error("the configuration {} is empty", path.display())]
    #[diagnostic(help(
        "Write it: `c8dr init --from-env --write FILE`, or from the example in the README, \"Your own cluster\"."
    ))]
    Blank {
        /// The file.
        path: PathBuf,
    },
    /// Something in it is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Wrong(Box<Mistake>),
    /// A secret that is not where the configuration says.
    #[error(transparent)]
    #[diagnostic(transparent)]
    NoSecret(Box<NoSecret>),
}

/// A mistake in a configuration, shown in its source.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("the configuration is wrong: {what}")]
#[diagnostic(help("{help}"))]
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

/// A secret that is not where the configuration says.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("a secret is missing: {what}")]
#[diagnostic(help("{help}"))]
pub struct NoSecret {
    /// Which, and why it can't be had.
    what: String,
    /// What to do.
    help: String,
    /// The file's text.
    #[source_code]
    source_code: NamedSource<String>,
    /// Where the configuration names it.
    #[label("named here")]
    span: Option<SourceSpan>,
}

impl ConfigError {
    /// Its code, which has a page: `c8dr explain CODE`.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            ConfigError::Missing { .. } => ErrorCode::NoConfiguration,
            ConfigError::Unreadable { .. } | ConfigError::NotText { .. } => {
                ErrorCode::ConfigurationUnreadable
            }
            ConfigError::Wrong(_) | ConfigError::Blank { .. } => ErrorCode::ConfigurationWrong,
            ConfigError::NoSecret { .. } => ErrorCode::SecretMissing,
        }
    }

    /// Something wrong at a place.
    pub(super) fn at(source: &Source, location: Option<Location>, what: String, help: String) -> Self {
        let (source_code, span) = shown(source, location);
        ConfigError::Wrong(Box::new(Mistake {
            what: told(what),
            help: told(help),
            source_code,
            span,
        }))
    }

    /// A secret that can't be had.
    pub(super) fn no_secret(source: &Source, key: &str, what: String, help: String) -> Self {
        let location = source.places.location(key);
        let (source_code, span) = shown(source, location);
        ConfigError::NoSecret(Box::new(NoSecret {
            what: told(what),
            help: told(help),
            source_code,
            span,
        }))
    }
}

/// No line is shown that is longer: a screen is 80 wide, and a file may be one line of a megabyte.
const LINE_MAX: usize = 240;

/// Words that repeat keys and values of the file: whatever these are, no line is endless, and nothing in it is obeyed.
fn told(words: String) -> String {
    const CHARS_MAX: usize = 600;
    if words.len() <= CHARS_MAX && !words.contains(plain::is_obeyed) {
        return words;
    }
    let lines: Vec<String> = words.lines().map(|line| plain::quoted(line, CHARS_MAX)).collect();
    lines.join("\n")
}

/// The file as it may be shown, and the place in it.
fn shown(source: &Source, location: Option<Location>) -> (NamedSource<String>, Option<SourceSpan>) {
    let mut text = String::new();
    for line in redacted(&source.text).lines() {
        match line.char_indices().nth(LINE_MAX) {
            Some((end, _)) => {
                text.push_str(&line[..end]);
                text.push('…');
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    let span = location.and_then(|location| span(&text, &location));
    (NamedSource::new(source.path.display().to_string(), text), span)
}

/// The rest of the line from a place on.
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
    // A remark behind the value is not what is wrong.
    let value = rest[start..].split(" #").next().unwrap_or_default();
    let length = value.trim_end().len().max(1);
    Some((before + start, length).into())
}
