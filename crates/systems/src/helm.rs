//! Helm: releases of Camunda's chart looked at, compared and changed by the helm command, and the values that they need.
//!
//! Helm renders and sends; it does not know what Zeebe can bear. So before each change it is asked what it would render,
//! and what would restart brokers that serve is not sent (guarantee G6).

mod cli;
mod generation;
mod manifest;
mod platform;
mod release;
mod trouble;
pub mod values;
mod yaml;

pub use self::cli::{At, Chart, Cli, HelmError};
pub use self::generation::Generation;
pub use self::manifest::{Change, Changes, How, Pods};
pub use self::platform::{Helm, Outlook};
pub use self::release::{Release, Revision, Status, WayOut};
pub use self::trouble::{CHART, Trouble};
