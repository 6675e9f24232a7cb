//! The names that users come by: where they point, and pointing them elsewhere.
//!
//! What a driver's tool says of its own deed is never believed: where the names point is read back from the place that is
//! asked last by every resolver.

mod external_dns;
mod form;
mod hook;

pub use self::external_dns::{ExternalDns, Places};
pub use self::form::shown;
pub use self::hook::{Hook, REFUSED, STALE, Target};
