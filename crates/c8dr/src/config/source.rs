//! The configuration's text, read with bounds, and a mistake at any of its keys shown in it.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Budget, Options};

use super::complaint;
use super::error::ConfigError;
use super::file::File;
use super::places::Places;

/// The largest configuration that is read. Eight brokers and two platforms take some five thousand bytes.
const BYTES_MAX: u64 = 1024 * 1024;

/// A configuration's text.
#[derive(Debug)]
pub(crate) struct Source {
    /// Where it was read from.
    pub(crate) path: PathBuf,
    /// All of it.
    pub(super) text: String,
    /// Where each value stands.
    pub(crate) places: Places,
}

impl Source {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Source, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let not_text = |why: String| ConfigError::NotText {
            path: path.to_owned(),
            why,
        };
        if path.is_dir() {
            return Err(not_text("it is a folder".to_owned()));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(unreadable)?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(not_text(format!(
                "it has more than {} KiB, which no configuration has",
                BYTES_MAX / 1024
            )));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..good]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                + 1;
            not_text(format!("line {line} is not UTF-8"))
        })?;
        Ok(Source::of(path, &text))
    }

    /// Takes a text as that of a file.
    pub(super) fn of(path: &Path, text: &str) -> Source {
        // An editor's mark of UTF-8 is no part of the text, and would move each place of the first line.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            places: Places::of(text, options()),
        }
    }

    /// Reads its shape.
    pub(super) fn parse(&self) -> Result<File, ConfigError> {
        if self.places.is_blank() || self.text.trim().is_empty() {
            return Err(ConfigError::Blank {
                path: self.path.clone(),
            });
        }
        serde_saphyr::from_str_with_options(&self.text, options())
            .map_err(|error| complaint::of(self, &error))
    }

    /// Something is wrong with the value at a key.
    pub(super) fn wrong(&self, key: &str, what: impl Into<String>, help: impl Into<String>) -> ConfigError {
        ConfigError::at(self, self.places.location(key), what.into(), help.into())
    }

    /// A path in the configuration means: beside the configuration.
    pub(super) fn beside(&self, file: &Path) -> PathBuf {
        self.path
            .parent()
            .map_or_else(|| file.to_owned(), |directory| directory.join(file))
    }
}

/// How YAML is read: no more than a configuration needs, so that a file of a few lines cannot unfold into gigabytes.
fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_documents = 1;
    budget.max_depth = 32;
    budget.max_nodes = 50_000;
    budget.max_events = 200_000;
    budget.max_anchors = 256;
    budget.max_aliases = 1_000;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = 50_000;
    // YAML 1.1 takes `no` for false and a country for a boolean; here a truth is written as one.
    options.strict_booleans = true;
    // What is no number is refused where its place is known.
    options.non_finite_float_policy = NonFiniteFloatPolicy::AsString;
    options
}
