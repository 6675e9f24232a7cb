//! Adapters to the real systems: each module speaks to one of them and implements what the engine asks for.
//!
//! Everything goes through two seams: [`http`] for calls and, below it, [`dial`] for byte streams. All limits are
//! counted on the engine's clock. Nothing here decides anything, and nothing is retried.

pub mod auth;
pub mod base_url;
pub mod bucket;
mod call;
pub mod command;
pub mod dial;
pub mod dns;
pub mod elasticsearch;
mod foreign;
pub mod helm;
pub mod http;
pub mod kubernetes;
pub mod platform;
mod reading;
#[cfg(feature = "route53")]
pub mod route53;
pub mod setup;
pub mod terraform;
pub mod traffic;
pub mod zeebe;
