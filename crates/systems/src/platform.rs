//! A region's platform through the tools that an installation is run with, or through a person who is told what to do.
//!
//! What a tool says is never believed: what is there is read back as Kubernetes lists it. A list that is not whole is no
//! list, as a pod that was left out may be the one that still writes.

mod commands;
mod eyes;
pub(crate) mod kubernetes;
mod line;
mod manual;
mod masked;
mod native;

use c8dr_domain::effect::PlatformEffect;

pub use self::commands::Commands;
pub use self::eyes::Eyes;
pub use self::line::{Environment, Line};
pub use self::manual::Manual;
pub(crate) use self::masked::masked_value;
pub use self::native::Native;

/// What kubectl prints, read into the domain's nouns.
pub mod wire {
    pub use super::kubernetes::{pods, volumes};
}

/// What is done for each effect, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tasks<T> {
    /// For [`PlatformEffect::Install`].
    pub install: Vec<T>,
    /// For [`PlatformEffect::WebappsDown`].
    pub webapps_down: Vec<T>,
    /// For [`PlatformEffect::WebappsUp`].
    pub webapps_up: Vec<T>,
}

impl<T> Default for Tasks<T> {
    /// Nothing for any of them.
    fn default() -> Self {
        Tasks {
            install: Vec::new(),
            webapps_down: Vec::new(),
            webapps_up: Vec::new(),
        }
    }
}

impl<T> Tasks<T> {
    fn of(&self, effect: PlatformEffect) -> &[T] {
        match effect {
            PlatformEffect::Install => &self.install,
            PlatformEffect::WebappsDown => &self.webapps_down,
            PlatformEffect::WebappsUp => &self.webapps_up,
        }
    }
}
