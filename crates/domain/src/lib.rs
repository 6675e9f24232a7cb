//! The nouns of a dual-region installation and the pure decisions about it.
//!
//! Nothing here waits, asks, reads a clock or an environment: a decision is a function of what was observed. What leaves
//! this crate in serialized form (plans, diagnoses, events) is described in [`record`].

pub mod check;
pub mod condition;
pub mod diagnose;
pub mod effect;
pub mod exporting;
pub mod facts;
pub mod fence;
pub mod fill;
pub mod hanging;
pub mod history;
pub mod ids;
pub mod installation;
pub mod observation;
pub mod picture;
pub mod placement;
pub mod plain;
pub mod plan;
pub mod planted;
pub mod platform;
pub mod ready;
pub mod record;
pub mod run;
pub mod search;
pub mod topology;
pub mod traffic;
