//! What is not understood in a script: where, what, and what would be right.

use std::fmt;
use std::ops::Range;

/// A mistake in a drill's script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistake {
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub help: String,
    /// Where in the file, in bytes.
    pub span: Range<usize>,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

/// With more words than this only the nearest are told.
const TOLD_MAX: usize = 26;

/// The known word nearest to a wrong one, and all of them; or of very many the nearest few.
pub(super) fn nearest(wrong: &str, known: &[&str]) -> String {
    let wrong = wrong.to_lowercase();
    let distance = |word: &str| strsim::damerau_levenshtein(&wrong, &word.to_lowercase());
    let close = (known.iter().map(|word| (distance(word), *word)))
        .min()
        // Two slips in a word of five letters, as in `brake` for `break`.
        .filter(|(distance, word)| *distance <= word.len().max(wrong.len()) * 2 / 5);
    let listed = |words: &[&str]| {
        let all: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        all.join(", ")
    };
    let known = match known.len() {
        0..=TOLD_MAX => format!("Known here: {}.", listed(known)),
        _ => {
            let mut near = known.to_vec();
            near.sort_by_key(|word| distance(word));
            near.truncate(6);
            format!("Near to it: {}.", listed(&near))
        }
    };
    match close {
        Some((_, word)) => format!("Did you mean `{word}`? {known}"),
        None => known,
    }
}
