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

/// The known word nearest to a wrong one, and all of them.
pub(super) fn nearest(wrong: &str, known: &[&str]) -> String {
    let wrong = wrong.to_lowercase();
    let distance = |word: &str| strsim::damerau_levenshtein(&wrong, &word.to_lowercase());
    let close = (known.iter().map(|word| (distance(word), *word)))
        .min()
        .filter(|(distance, word)| *distance <= word.len().max(wrong.len()) / 3);
    let all: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    let all = all.join(", ");
    match close {
        Some((_, word)) => format!("Did you mean `{word}`? Known here: {all}."),
        None => format!("Known here: {all}."),
    }
}
