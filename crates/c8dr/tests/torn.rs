//! Journals that a crash tore: whole runs on the lab, in virtual time, that write into real files and die in the middle of
//! a line, at every record, there and back.
//!
//! What a machine leaves behind when it stops while a line is written: a part of it, all of it but its end, zeros where
//! sectors never reached the disk, zeros behind it up to the end of a page.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "torn/mod.rs"]
mod torn;
#[expect(dead_code, reason = "failovers and failbacks need more of it")]
mod world;
