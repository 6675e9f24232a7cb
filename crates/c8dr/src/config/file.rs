//! The file as it is written: names, shapes, nothing resolved. Unknown keys are errors.
//!
//! What stands here as documentation stands in the published schema, and is read there by people.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

pub use super::secret::Secret;

/// The whole file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct File {
    /// What the installation is called.
    pub name: String,
    /// Brokers of both regions together: even, 4 at least.
    #[schemars(range(min = 4), extend("multipleOf" = 2))]
    pub cluster_size: u32,
    /// Partitions.
    #[schemars(range(min = 1))]
    pub partition_count: u32,
    /// Replicas of each partition: 4, of which each region keeps 2.
    #[schemars(range(min = 4, max = 4))]
    pub replication_factor: u32,
    /// Both regions, in the order of their ids: the first has the brokers with even ids.
    #[schemars(length(equal = 2))]
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
    /// The names that users come by: a failover points them to the surviving region, a failback to where they were.
    #[serde(default)]
    pub traffic: Option<Traffic>,
    /// Whether the installation has Operate and Tasklist; yes, if not said.
    #[serde(default)]
    pub webapps: Option<bool>,
    /// Whether the region that serves alone is given a third replica of each partition; `offer`, if not said.
    #[serde(default)]
    pub reinforce: Option<Policy>,
    /// What bounds a pause of exporting.
    #[serde(default)]
    pub pause: Option<Pause>,
    /// How long endpoints may take.
    #[serde(default)]
    pub timeouts: Option<Timeouts>,
    /// The clock; for labs that run faster than the wall.
    #[serde(default)]
    pub clock: Option<Pace>,
}

/// The snapshot repository, as both searches know it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshots {
    /// Its name.
    pub repository: String,
    /// Its type: `s3`, or `fs` for tests.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its settings, as the server wants them. Credentials belong into the servers' keystores.
    #[serde(default)]
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Where the name of the bucket is, if not in `settings`.
    #[serde(default)]
    pub bucket_from: Option<BucketFrom>,
}

/// Where the name of a bucket is: one of the two.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BucketFrom {
    /// The environment variable that has it.
    #[serde(default)]
    pub env: Option<String>,
    /// The outputs of Terraform, which is asked when the name is needed.
    #[serde(default)]
    pub terraform: Option<TerraformOutput>,
}

/// An output of Terraform.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TerraformOutput {
    /// The folder in which `terraform apply` was run.
    pub dir: PathBuf,
    /// The output's name; `s3_bucket_name`, if not said.
    #[serde(default)]
    pub output: Option<String>,
}

/// An object store.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bucket {
    /// `s3://BUCKET/PREFIX`, or `file:///FOLDER` for one machine.
    pub url: String,
    /// The S3 endpoint, where it is not Amazon's.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The S3 region; `us-east-1`, if not said.
    #[serde(default)]
    pub region: Option<String>,
    /// Where the access key is.
    #[serde(default)]
    pub access_key: Option<Secret>,
    /// Where the secret key is.
    #[serde(default)]
    pub secret_key: Option<Secret>,
}

/// Whether the region that serves alone is given a third replica of each partition, where it has four brokers or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Not even if somebody asks for it.
    Never,
    /// If somebody asks for it; plans tell of it.
    #[default]
    Offer,
    /// At the end of every failover. What speaks against it is told, and holds up nothing.
    Always,
}

/// Who changes the names that users come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrafficDriver {
    /// Commands of your own.
    Command,
    /// Signed updates of a name server.
    Rfc2136,
    /// A `DNSEndpoint` in Kubernetes, which ExternalDNS carries to the name server.
    ExternalDns,
    /// Amazon's Route 53, in a c8dr that was built with it.
    Route53,
}

/// The names that users come by. Each command is a list of arguments; no shell is involved.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Traffic {
    /// Who changes them.
    pub driver: TrafficDriver,
    /// Where they point when both regions serve: a region, or `both`, if not said.
    #[serde(default)]
    pub normal: Option<String>,
    /// How long resolvers may keep what they were told, in seconds: told in plans, so that nobody wonders.
    #[serde(default)]
    pub ttl_seconds: Option<u32>,
    /// For `command`: what points the names to a region, by its name; `both` for both of them.
    #[serde(default)]
    pub to: BTreeMap<String, Vec<String>>,
    /// For `command`: prints where the names point, as the authoritative place says. A line `points NAME REGION …` for each.
    #[serde(default)]
    pub show: Option<Vec<String>>,
    /// How long each command, look or update may take, in seconds; 10, if not said.
    #[serde(default)]
    #[schemars(range(max = 60.0), extend("exclusiveMinimum" = 0))]
    pub timeout_seconds: Option<f64>,
    /// For `rfc2136` and `external-dns`, and for `route53` if there is one to be reached: the server that has the say for the zone, `HOST` or `HOST:PORT`; port 53, if not said.
    #[serde(default)]
    pub server: Option<String>,
    /// For `rfc2136`, `external-dns` and `route53`: the zone.
    #[serde(default)]
    pub zone: Option<String>,
    /// For `rfc2136`, `external-dns` and `route53`: the names in the zone that users come by.
    #[serde(default)]
    pub names: Vec<String>,
    /// For `rfc2136`, `external-dns` and `route53`: what the names lead to for each region, by its name: addresses, or one name of a load balancer.
    #[serde(default)]
    pub targets: BTreeMap<String, Vec<String>>,
    /// For `rfc2136`: the key that updates are signed with (TSIG).
    #[serde(default)]
    pub key: Option<TsigKey>,
    /// For `external-dns`: the object that is changed.
    #[serde(default)]
    pub dns_endpoint: Option<DnsEndpoint>,
    /// For `external-dns`: how often ExternalDNS compares (its `--interval`), in seconds; 60, if not said. Told in plans, and
    /// waited for.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3600))]
    pub interval_seconds: Option<u32>,
    /// For `route53`: which hosted zone, and who we are there.
    #[serde(default)]
    pub route53: Option<HostedZone>,
}

/// A hosted zone of Route 53.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostedZone {
    /// Its id, such as `Z08123456789ABCDEFGHI`.
    pub hosted_zone: String,
    /// Where the access key is.
    pub access_key: Secret,
    /// Where the secret key is.
    pub secret_key: Secret,
    /// Where the session token is, for a key that is lent for some hours.
    #[serde(default)]
    pub session_token: Option<Secret>,
    /// Where Route 53 is asked, if it is not Amazon's usual place.
    #[serde(default)]
    pub url: Option<String>,
    /// The region that requests are signed for; `us-east-1`, if not said.
    #[serde(default)]
    pub region: Option<String>,
}

/// A `DNSEndpoint` (`externaldns.k8s.io/v1alpha1`): one of this name in each region's cluster, or a single one where `context` or
/// `kubeconfig` says.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DnsEndpoint {
    /// Its name.
    pub name: String,
    /// Its namespace; that of each region's installation, if not said.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The context of a cluster that belongs to neither region, in which there is one for both.
    #[serde(default)]
    pub context: Option<String>,
    /// The kubeconfig with that cluster, if it is not where kubectl looks for it.
    #[serde(default)]
    pub kubeconfig: Option<PathBuf>,
}

/// A key that a name server knows as well.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TsigKey {
    /// Its name, as the server knows it.
    pub name: String,
    /// `hmac-sha256`, if not said; `hmac-sha384` or `hmac-sha512`.
    #[serde(default)]
    pub algorithm: Option<String>,
    /// Where the key itself is, in base64.
    pub secret: Secret,
}

/// What bounds a pause of exporting.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pause {
    /// How long the brokers' disks must last at least, in seconds; less, and a run turns round. 600, if not said.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub floor_seconds: Option<u64>,
    /// What the brokers keep free, in bytes: below it they take no commands. 2 GB, if not said.
    #[serde(default)]
    pub reserve_bytes: Option<u64>,
}

/// How long endpoints may take, in seconds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    /// To take a connection, TLS included: 1, if not said; 3 where a region has `kubernetes`.
    #[serde(default)]
    #[schemars(range(min = 0.1, max = 30.0))]
    pub connect_seconds: Option<f64>,
    /// To answer a usual question: 2, if not said.
    #[serde(default)]
    #[schemars(range(min = 0.1, max = 30.0))]
    pub answer_seconds: Option<f64>,
}

/// A region's search.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    /// Its address, usually port 9200.
    pub url: String,
    /// Its address as brokers of both regions reach it, for the values of helm; where the guide puts it, if not said.
    #[serde(default)]
    pub from_brokers: Option<String>,
    /// Who we are there.
    #[serde(default)]
    pub auth: Option<Login>,
    /// How the names of the indices begin into which the exporter writes; `zeebe-record`, if not said.
    #[serde(default)]
    pub records_prefix: Option<String>,
}

/// How a region's platform is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlatformDriver {
    /// By commands that c8dr runs.
    Command,
    /// By a person, while c8dr watches.
    Manual,
    /// By helm, which c8dr runs.
    Helm,
}

/// A region's platform. Each command is a list of arguments; no shell is involved.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Platform {
    /// Who changes it.
    pub driver: PlatformDriver,
    /// Prints the pods as JSON, as `kubectl get pods -o json` does. Always run by c8dr: what cannot be seen cannot be proven. May
    /// be left out where the region has `kubernetes`: its API server is asked then.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub pods: Option<Vec<String>>,
    /// Prints the volume claims as JSON, as `kubectl get pvc -o json` does.
    #[serde(default)]
    pub volumes: Option<Vec<String>>,
    /// Installs the release, or brings it up to date, without Operate and Tasklist.
    #[serde(default)]
    pub install: Option<Vec<Vec<String>>>,
    /// Takes Operate and Tasklist down.
    #[serde(default)]
    pub webapps_down: Vec<Vec<String>>,
    /// Brings Operate and Tasklist up.
    #[serde(default)]
    pub webapps_up: Vec<Vec<String>>,
    /// For helm: the chart, `camunda/camunda-platform`, if not said.
    #[serde(default)]
    pub chart: Option<String>,
    /// For helm: the chart's whole version, the same in both regions.
    #[serde(default)]
    #[schemars(pattern(r"^[0-9]+\.[0-9]+\.[0-9]+"))]
    pub version: Option<String>,
    /// For helm: the values files, beside the configuration if not absolute; the last one wins.
    #[serde(default)]
    pub values: Option<Vec<PathBuf>>,
}

/// A region's place in Kubernetes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kubernetes {
    /// The context in the kubeconfig; left out: the cluster that c8dr runs in, or the current context.
    #[serde(default)]
    pub context: Option<String>,
    /// The kubeconfig, if it is not where kubectl looks for it.
    #[serde(default)]
    pub kubeconfig: Option<PathBuf>,
    /// The namespace of the installation.
    pub namespace: String,
    /// The release of the installation.
    pub release: String,
}

/// One region.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Region {
    /// What people call it, and type to confirm.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The exporter that writes to this region's search.
    pub exporter: String,
    /// Its gateways.
    #[serde(default)]
    pub gateways: Vec<Gateway>,
    /// Each broker's own management endpoint.
    #[serde(default)]
    pub brokers: BTreeMap<BrokerKey, String>,
    /// Its search; a failback needs both.
    #[serde(default)]
    pub search: Option<Search>,
    /// Its platform; a failback needs both.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Its place in Kubernetes.
    #[serde(default)]
    pub kubernetes: Option<Kubernetes>,
}

/// One gateway's addresses.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gateway {
    /// What to call it; `REGION-NUMBER` if not given.
    #[serde(default)]
    pub name: Option<String>,
    /// `/v2`, usually port 8080.
    #[serde(default)]
    pub rest: Option<String>,
    /// `/actuator`, usually port 9600.
    #[serde(default)]
    pub management: Option<String>,
    /// gRPC, usually port 26500.
    #[serde(default)]
    pub grpc: Option<String>,
}

/// What broker ids are. [`super::complaint`] knows the words.
pub(super) const BROKER_IDS: &str = "ids are 0, 1, 2, …";

/// A broker id as a key, written as a number or in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrokerKey(pub u32);

impl JsonSchema for BrokerKey {
    fn schema_name() -> Cow<'static, str> {
        "BrokerKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+$" })
    }

    fn inline_schema() -> bool {
        true
    }
}

impl<'de> Deserialize<'de> for BrokerKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map(BrokerKey)
            .map_err(|_| serde::de::Error::custom(format!("`{text}` is no broker id; {BROKER_IDS}")))
    }
}

/// Who we are, by kind of endpoint.
#[derive(Debug, Deserialize, JsonSchema)]
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
#[derive(Debug, Deserialize, JsonSchema)]
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

/// Whom to trust.
#[derive(Debug, Deserialize, JsonSchema)]
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
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    /// PEM file of the certificate and its chain.
    pub certificate_file: PathBuf,
    /// PEM file of its key.
    pub key_file: PathBuf,
}

/// The clock's pace.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pace {
    /// Seconds of the clock per second of the wall; above 0.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub speed: f64,
}

impl File {
    /// Every secret that is named, with its key.
    pub(super) fn secrets(&self) -> Vec<(String, &Secret)> {
        let auth = self.auth.as_ref();
        let mut logins = vec![
            ("auth.rest".to_owned(), auth.and_then(|auth| auth.rest.as_ref())),
            (
                "auth.management".to_owned(),
                auth.and_then(|auth| auth.management.as_ref()),
            ),
            ("auth.grpc".to_owned(), auth.and_then(|auth| auth.grpc.as_ref())),
        ];
        for (region, number) in self.regions.iter().zip(0u32..) {
            let login = region.search.as_ref().and_then(|search| search.auth.as_ref());
            logins.push((format!("regions[{number}].search.auth"), login));
        }
        let bucket = self.bucket.as_ref();
        let traffic = self.traffic.as_ref();
        let zone = traffic.and_then(|traffic| traffic.route53.as_ref());
        let keys = [
            ("traffic.route53.accessKey", zone.map(|zone| &zone.access_key)),
            ("traffic.route53.secretKey", zone.map(|zone| &zone.secret_key)),
            (
                "traffic.route53.sessionToken",
                zone.and_then(|zone| zone.session_token.as_ref()),
            ),
            (
                "traffic.key.secret",
                traffic.and_then(|traffic| Some(&traffic.key.as_ref()?.secret)),
            ),
            (
                "bucket.accessKey",
                bucket.and_then(|bucket| bucket.access_key.as_ref()),
            ),
            (
                "bucket.secretKey",
                bucket.and_then(|bucket| bucket.secret_key.as_ref()),
            ),
        ];
        logins
            .into_iter()
            .filter_map(|(key, login)| {
                Some(match login? {
                    Login::Basic { password, .. } => (format!("{key}.basic.password"), password),
                    Login::Bearer { token } => (format!("{key}.bearer.token"), token),
                })
            })
            .chain(
                keys.into_iter()
                    .filter_map(|(key, secret)| Some((key.to_owned(), secret?))),
            )
            .collect()
    }
}
