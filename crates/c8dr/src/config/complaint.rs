//! What the YAML reader complains of, in the words of somebody who has to mend the file.

use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Location};

use super::error::ConfigError;
use super::file::BROKER_IDS;
use super::secret::{INLINE_SECRET, NO_SUCH_NAME, ONE_REFERENCE};
use super::source::Source;

/// The way out where nothing nearer is known.
const EXAMPLE: &str = "The README has a whole example; `c8dr config schema` says what may stand where.";

/// How to log in.
const LOGIN: &str = "For example `basic: { username: demo, password: { env: NAME } }` or `bearer: { token: { file: PATH } }`.";

/// A complaint of the YAML reader.
pub(super) fn of(source: &Source, error: &Error) -> ConfigError {
    let bare = innermost(error);
    let mut location = bare.location().or_else(|| error.location());
    let mut key = location.and_then(|location| source.places.key_at(&location));
    if matches!(bare, Error::SerdeMissingField { .. }) {
        // The reader stops where it gives up looking; what lacks a key is the mapping around it.
        key = location.and_then(|location| source.places.mapping_at(&location));
        location = key.and_then(|key| source.places.location(key)).or(location);
    }
    let (what, help) = words(bare, key, location);
    ConfigError::at(source, location, what, help)
}

/// The complaint itself, without the alias and the snippet around it.
fn innermost(error: &Error) -> &Error {
    match error.without_snippet() {
        Error::AliasError { error, .. } => innermost(error),
        bare => bare,
    }
}

fn words(error: &Error, key: Option<&str>, location: Option<Location>) -> (String, String) {
    let it = match key {
        None | Some("") => "this".to_owned(),
        Some(key) => format!("`{key}`"),
    };
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown key `{field}`"), nearest(field, expected))
        }
        // What is no kind of login may be a login.
        Error::SerdeUnknownVariant { expected, .. } if expected.contains(&"bearer") => (
            "there is no such way to log in".to_owned(),
            LOGIN.to_owned(),
        ),
        Error::SerdeInvalidType { .. } | Error::Unexpected { .. } if is_login(key) => (
            format!("{it} must be a mapping; a secret itself does not belong into this file"),
            LOGIN.to_owned(),
        ),
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => (format!("unknown kind `{variant}`"), nearest(variant, expected)),
        Error::SerdeMissingField { field, .. } => (
            format!("`{field}` is missing{}", within(key)),
            format!("Add `{field}:`. {EXAMPLE}"),
        ),
        Error::DuplicateMappingKey { key, .. } => (
            match key {
                Some(key) => format!("`{key}` stands here for the second time"),
                None => "this key stands here for the second time".to_owned(),
            },
            "Keep one of them.".to_owned(),
        ),
        Error::InvalidScalar { ty, .. } => wanted(&it, ty),
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => {
            wanted(&it, expected)
        }
        Error::InvalidBooleanStrict { .. } => wanted(&it, "bool"),
        Error::NonFiniteFloat { .. } => wanted(&it, "f64"),
        Error::Unexpected { expected, .. } => wanted(&it, expected),
        Error::NullIntoString { .. } => (
            format!("{it} has no value"),
            format!("Write one behind the colon, or take the key out. {EXAMPLE}"),
        ),
        Error::UnexpectedSequenceEnd { .. } | Error::UnexpectedMappingEnd { .. } | Error::Eof { .. } => (
            "the file ends, or a bracket closes, where something is still missing".to_owned(),
            "Look for a key without a value and for brackets that are not closed.".to_owned(),
        ),
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. }
        | Error::UnexpectedValueForUnitEnumVariant { .. }
        | Error::ExpectedMappingEndAfterEnumVariantValue { .. } => (
            format!("{it} must be one thing, and has more or none"),
            EXAMPLE.to_owned(),
        ),
        Error::UnknownAnchor { .. } => (
            "an alias (`*…`) without an anchor (`&…`) before it".to_owned(),
            "Quote the value if it is meant to begin with a `*`.".to_owned(),
        ),
        Error::Budget {
            breach: BudgetBreach::Documents { .. },
            ..
        }
        | Error::MultipleDocuments { .. } => (
            "there are two documents in this file".to_owned(),
            "Keep one: take out what stands behind the line `---`, or give it a file of its own.".to_owned(),
        ),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => (
            "this unfolds into far more than any configuration has".to_owned(),
            "Write the values out, without anchors and aliases.".to_owned(),
        ),
        Error::RecursiveReferencesRequireWeakTypes { .. } => (
            "an anchor that holds itself".to_owned(),
            "Write the values out, without anchors and aliases.".to_owned(),
        ),
        Error::Message { msg, .. } if msg == INLINE_SECRET => (
            format!("{it} stands in the file itself, and secrets do not belong there"),
            "Write where it is: `{ env: NAME }` for an environment variable, `{ file: PATH }` for a file. If this file was ever shared or committed, change the secret itself."
                .to_owned(),
        ),
        Error::Message { msg, .. } if msg == ONE_REFERENCE => (
            format!("{it} must say one place, either `env` or `file`"),
            "For example `{ env: CAMUNDA_PASSWORD }` or `{ file: password.txt }`.".to_owned(),
        ),
        Error::Message { msg, .. } if msg == NO_SUCH_NAME => (
            format!("{it} is no name of an environment variable"),
            "The bare name is wanted, without `$`: letters, digits and `_`. A secret itself does not belong here."
                .to_owned(),
        ),
        Error::Message { msg, .. } if msg.ends_with(BROKER_IDS) => (
            msg.clone(),
            "The number at the end of `camunda-zeebe-N` is no broker id: it is N times 2, and 1 more in the second region."
                .to_owned(),
        ),
        Error::ExternalMessage { msg, .. } | Error::Message { msg, .. } if msg.contains("recursion limit") => (
            "this has far more levels than any configuration has".to_owned(),
            "Look for brackets that are not closed.".to_owned(),
        ),
        other => syntax(&other.to_string(), location),
    }
}

fn is_login(key: Option<&str>) -> bool {
    key.is_some_and(|key| key.ends_with(".basic") || key.ends_with(".bearer"))
}

/// Where a key is missing.
fn within(key: Option<&str>) -> String {
    match key {
        None | Some("") => String::new(),
        Some(key) => format!(" in `{key}`"),
    }
}

/// Another type of value is wanted than there is. The value itself is not repeated: the source shows it, as far as it may.
fn wanted(it: &str, expected: &str) -> (String, String) {
    let (what, how) = match expected {
        "u32" | "u64" | "u16" | "usize" => ("a whole number, not below 0", ""),
        "f64" | "f32" => ("a number", ""),
        "bool" | "a boolean" => ("`true` or `false`", ", without quotes"),
        text if text.contains("string") || text.contains("scalar") => {
            ("one text", ", in quotes if it has a `:` or `#` in it")
        }
        text if text.contains("sequence") => {
            ("a list", ": `[a, b]` in one line, or a line with `- ` for each")
        }
        _ => ("a mapping", ": keys with values, indented below it"),
    };
    (
        format!("{it} must be {what}"),
        format!("Write {what}{how}. {EXAMPLE}"),
    )
}

/// What is wrong with the YAML itself.
fn syntax(told: &str, location: Option<Location>) -> (String, String) {
    let first = told
        .lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches("error: ");
    // The place is shown in the source, and need not be said.
    let what = location.map_or(first, |place| {
        let end = format!(" at line {}, column {}", place.line(), place.column());
        first.strip_suffix(end.as_str()).unwrap_or(first)
    });
    let help = if what.contains("tab") {
        "Indent with spaces, never with tabs."
    } else {
        "Look at this line and the one above it: indentation, a missing `:` or quote, a bracket that is not closed."
    };
    (what.to_owned(), help.to_owned())
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
    let all = known
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ");
    match close {
        Some((_, word)) => format!("Did you mean `{word}`? Known here: {all}."),
        None => format!("Known here: {all}."),
    }
}
