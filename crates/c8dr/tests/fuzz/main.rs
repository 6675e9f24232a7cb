//! Fuzzing of every reader of bytes that others wrote: seeded mutations of real answers and kept cases, as ordinary tests.
//!
//! `fuzz/README.md` tells how to run them for longer, and how a case is kept.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bucket;
mod driver;
mod growth;
mod lab;
mod mutate;
mod platform;
mod records;
mod search;
mod seeds;
mod settings;
mod texts;
mod zeebe;
