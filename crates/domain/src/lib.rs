//! The nouns of a dual-region installation and the pure decisions about it.
//!
//! Nothing here waits, asks, reads a clock or an environment: a decision is a function of what was observed. What leaves
//! this crate in serialized form (plans, diagnoses, events) is described in [`record`].

pub mod effect;
pub mod ids;
pub mod installation;
pub mod observation;
pub mod placement;
pub mod topology;
