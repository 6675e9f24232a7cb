//! What c8dr says when something is wrong with the input, the disk, the network or the person. What is said here is what
//! `docs/faults` shows: each module runs its faults against the real binary and holds its page against what was said.
//!
//! With `INSTA_UPDATE=always` the pages are written anew; read them then as the person at 3 a.m. would.

#![cfg(unix)]

#[path = "edges/mod.rs"]
mod edges;
mod stage;
