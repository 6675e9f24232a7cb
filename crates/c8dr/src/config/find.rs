//! Which configuration is meant when none is named.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::ConfigError;
use crate::environment;

/// Why a configuration file is the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// `--config` names it.
    Argument,
    /// `$C8DR_CONFIG` names it.
    Environment,
    /// It is the `c8dr.yaml` of the working directory.
    Here,
    /// It is that of the running lab, as there is no other.
    Lab,
}

/// A configuration file, and why it is the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Why it is the one.
    pub by: FoundBy,
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
    let named = named
        .map(|path| (path.to_owned(), FoundBy::Argument))
        .or_else(|| {
            let path = environment::read(environment::CONFIG)?;
            Some((PathBuf::from(path), FoundBy::Environment))
        });
    if let Some((path, by)) = named {
        return Ok(Found {
            is_lab: path == lab,
            path,
            by,
        });
    }
    let here = PathBuf::from(HERE);
    if here.is_file() {
        return Ok(Found {
            path: here,
            by: FoundBy::Here,
            is_lab: false,
        });
    }
    if lab.is_file() {
        return Ok(Found {
            path: lab,
            by: FoundBy::Lab,
            is_lab: true,
        });
    }
    Err(ConfigError::Missing {
        looked: format!("--config, ${}, ./{HERE}, a running lab", environment::CONFIG),
    })
}
