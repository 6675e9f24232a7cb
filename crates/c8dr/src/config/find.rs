//! Which configuration is meant when none is named.

use std::path::{Path, PathBuf};

use super::ConfigError;
use crate::environment;

/// A configuration file, and why it is the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Whether it belongs to the running lab: worth saying, so that nobody takes a lab for the real thing.
    pub is_lab: bool,
}

/// The file in the working directory.
const HERE: &str = "c8dr.yaml";

/// Where a running lab keeps its own configuration.
pub fn lab_config(home: &Path) -> PathBuf {
    home.join("lab").join("c8dr.yaml")
}

/// The named file, else `$C8DR_CONFIG`, else `./c8dr.yaml`, else that of the running lab.
///
/// # Errors
/// If there is none of them.
pub fn find(named: Option<&Path>, home: &Path) -> Result<Found, ConfigError> {
    let lab = lab_config(home);
    if let Some(path) = named
        .map(Path::to_owned)
        .or_else(|| environment::read(environment::CONFIG).map(PathBuf::from))
    {
        return Ok(Found {
            is_lab: path == lab,
            path,
        });
    }
    let here = PathBuf::from(HERE);
    if here.is_file() {
        return Ok(Found {
            path: here,
            is_lab: false,
        });
    }
    if lab.is_file() {
        return Ok(Found {
            path: lab,
            is_lab: true,
        });
    }
    Err(ConfigError::Missing {
        looked: format!("--config, ${}, ./{HERE}, a running lab", environment::CONFIG),
    })
}
