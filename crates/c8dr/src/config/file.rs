//! The file as it is written: names, shapes, nothing resolved. Unknown keys are errors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use super::error::ConfigError;
use crate::environment;

/// A text that knows where it stands.
pub type Text = Spanned<String>;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct File {
    /// What the installation is called.
    pub name: String,
    /// Brokers of both regions together.
    pub cluster_size: Spanned<u32>,
    /// Partitions.
    pub partition_count: u32,
    /// Replicas per partition.
    pub replication_factor: Spanned<u32>,
    /// Both regions, in the order of their ids: the first has the even brokers.
    pub regions: Vec<Region>,
    /// Who we are at the endpoints.
    #[serde(default)]
    pub auth: Option<Logins>,
    /// Whom to trust.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// The clock; for labs that run faster than the wall.
    #[serde(default)]
    pub clock: Option<Pace>,
}

/// One region.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Region {
    /// What people call it, and type to confirm.
    pub name: Text,
    /// The exporter that writes to this region's search.
    pub exporter: String,
    /// Its gateways.
    #[serde(default)]
    pub gateways: Vec<Gateway>,
    /// Each broker's own management endpoint.
    #[serde(default)]
    pub brokers: BTreeMap<BrokerKey, Text>,
}

/// One gateway's addresses.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gateway {
    /// What to call it; `REGION-NUMBER` if not given.
    #[serde(default)]
    pub name: Option<String>,
    /// `/v2`, usually port 8080.
    #[serde(default)]
    pub rest: Option<Text>,
    /// `/actuator`, usually port 9600.
    #[serde(default)]
    pub management: Option<Text>,
    /// gRPC, usually port 26500.
    #[serde(default)]
    pub grpc: Option<Text>,
}

/// A broker id as a key, written as a number or in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrokerKey(pub u32);

impl<'de> Deserialize<'de> for BrokerKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map(BrokerKey)
            .map_err(|_| serde::de::Error::custom(format!("`{text}` is no broker id; ids are 0, 1, 2, …")))
    }
}

/// Who we are, by kind of endpoint.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logins {
    /// At `/v2`.
    #[serde(default)]
    pub rest: Option<Login>,
    /// At `/actuator`.
    #[serde(default)]
    pub management: Option<Login>,
    /// At gRPC.
    #[serde(default)]
    pub grpc: Option<Login>,
}

/// How to log in.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Login {
    /// User and password.
    #[serde(rename_all = "camelCase")]
    Basic {
        /// The user.
        username: String,
        /// Where the password is.
        password: Secret,
    },
    /// A token.
    #[serde(rename_all = "camelCase")]
    Bearer {
        /// Where the token is.
        token: Secret,
    },
}

/// Where a secret is. Never the secret itself: a configuration is shown, copied and committed.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Secret {
    /// In an environment variable.
    Env(String),
    /// In a file, beside the configuration if not absolute.
    File(PathBuf),
}

impl Secret {
    /// Fetches it.
    pub(super) fn resolve(&self, config: &Path) -> Result<SecretString, ConfigError> {
        match self {
            Secret::Env(name) => {
                environment::read(name)
                    .map(Into::into)
                    .ok_or_else(|| ConfigError::NoSecret {
                        place: format!("the environment variable {name}"),
                        reason: "it is not set, or empty".to_owned(),
                    })
            }
            Secret::File(file) => {
                let path = beside(config, file);
                let text = std::fs::read_to_string(&path).map_err(|error| ConfigError::NoSecret {
                    place: format!("the file {}", path.display()),
                    reason: error.to_string(),
                })?;
                Ok(text.trim_end_matches(['\n', '\r']).into())
            }
        }
    }
}

/// Whom to trust.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    /// A PEM file of certificates to trust instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A certificate of our own.
    #[serde(default)]
    pub client: Option<Client>,
}

/// A certificate of our own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    /// PEM file of the certificate and its chain.
    pub certificate_file: PathBuf,
    /// PEM file of its key.
    pub key_file: PathBuf,
}

/// The clock's pace.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pace {
    /// Seconds of the clock per second of the wall.
    pub speed: f64,
}

/// A path in the configuration means: beside the configuration.
pub(super) fn beside(config: &Path, file: &Path) -> PathBuf {
    config
        .parent()
        .map_or_else(|| file.to_owned(), |directory| directory.join(file))
}

/// Parses the file.
pub(super) fn parse(path: &Path, text: &str) -> Result<File, ConfigError> {
    serde_saphyr::from_str(text).map_err(|error| ConfigError::syntax(path, text, &error))
}
