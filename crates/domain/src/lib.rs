//! Nouns and pure decisions.
