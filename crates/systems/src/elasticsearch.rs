//! Elasticsearch 8 and OpenSearch: health, indices, snapshots, restores, and what they hold of Zeebe's records.
//!
//! The two differ in a few answers only (`spec: real-parts.md §1`); both are read by the same code, and recorded answers
//! of both stand behind it.

mod deletion;
mod details;
mod endpoint;
mod holdings;
mod names;
mod registration;
mod server;
mod trial;
mod verdict;
pub mod wire;

pub use self::endpoint::{Endpoint, Limits};
pub use self::server::Elasticsearch;
