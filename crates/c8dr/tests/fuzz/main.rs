//! Fuzzing of every reader of bytes that others wrote: seeded mutations of real answers and kept cases, as ordinary tests.
//!
//! `fuzz/README.md` tells how to run them for longer, and how a case is kept.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a long run tells how many inputs it drew")]

mod bucket;
mod drills;
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
