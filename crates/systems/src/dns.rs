//! The users' names in the DNS: read from the server that has the say, changed only as long as they are what was read.
//!
//! No resolver is asked: it may have kept what was said before. How long resolvers may do that is told with each reading.

mod message;
mod records;
mod rfc2136;

pub use self::records::{Records, Target, Targets, Wrong, plain_name};
pub use self::rfc2136::{Algorithm, Key, KeyError, NameServer, Update};
