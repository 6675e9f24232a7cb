//! Whole failbacks on the lab in virtual time: both regions, all sizes, every answer spoiled, the process dying anywhere,
//! and every trap that is known.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "failback/mod.rs"]
mod failback;
#[expect(dead_code, reason = "the failover needs more of it")]
mod world;
