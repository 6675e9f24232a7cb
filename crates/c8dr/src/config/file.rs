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
    /// Where snapshots go; a failback needs it.
    #[serde(default)]
    pub snapshots: Option<Snapshots>,
    /// An object store outside both regions, for the direction record and for going on from another machine.
    #[serde(default)]
    pub bucket: Option<Bucket>,
    /// Whether the installation has Operate and Tasklist; yes, if not said.
    #[serde(default)]
    pub webapps: Option<bool>,
    /// What bounds a pause of exporting.
    #[serde(default)]
    pub pause: Option<Pause>,
    /// The clock; for labs that run faster than the wall.
    #[serde(default)]
    pub clock: Option<Pace>,
}

/// The snapshot repository, as both searches know it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshots {
    /// Its name.
    pub repository: Text,
    /// Its type: `s3`, or `fs` for tests.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its settings, as the server wants them. Credentials belong into the servers' keystores.
    pub settings: BTreeMap<String, serde_json::Value>,
}

/// An object store.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bucket {
    /// `s3://BUCKET/PREFIX`, or `file:///FOLDER` for one machine.
    pub url: Text,
    /// The S3 endpoint, where it is not Amazon's.
    #[serde(default)]
    pub endpoint: Option<Text>,
    /// The S3 region.
    #[serde(default)]
    pub region: Option<String>,
    /// Where the access key is.
    #[serde(default)]
    pub access_key: Option<Secret>,
    /// Where the secret key is.
    #[serde(default)]
    pub secret_key: Option<Secret>,
}

/// What bounds a pause of exporting.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pause {
    /// How long the brokers' disks must last at least, in seconds; less, and a run turns round.
    #[serde(default)]
    pub floor_seconds: Option<u64>,
    /// What the brokers keep free, in bytes: below it they take no commands.
    #[serde(default)]
    pub reserve_bytes: Option<u64>,
}

/// A region's search.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    /// Its address, usually port 9200.
    pub url: Text,
    /// Who we are there.
    #[serde(default)]
    pub auth: Option<Login>,
    /// How the names of the indices begin into which the exporter writes; `zeebe-record`, if not said.
    #[serde(default)]
    pub records_prefix: Option<String>,
}

/// How a region's platform is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlatformDriver {
    /// By commands that c8dr runs.
    Command,
    /// By a person, while c8dr watches.
    Manual,
}

/// A region's platform. Each command is a list of arguments; no shell is involved.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Platform {
    /// Who changes it.
    pub driver: PlatformDriver,
    /// Prints the pods as JSON, as `kubectl get pods -o json` does. Always run by c8dr: what cannot be seen cannot be proven.
    pub pods: Spanned<Vec<String>>,
    /// Prints the volume claims as JSON, as `kubectl get pvc -o json` does.
    #[serde(default)]
    pub volumes: Option<Vec<String>>,
    /// Installs the release, or brings it up to date, without Operate and Tasklist.
    pub install: Vec<Vec<String>>,
    /// Takes Operate and Tasklist down.
    #[serde(default)]
    pub webapps_down: Vec<Vec<String>>,
    /// Brings Operate and Tasklist up.
    #[serde(default)]
    pub webapps_up: Vec<Vec<String>>,
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
    /// Its search; a failback needs both.
    #[serde(default)]
    pub search: Option<Search>,
    /// Its platform; a failback needs both.
    #[serde(default)]
    pub platform: Option<Platform>,
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
