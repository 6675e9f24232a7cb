//! The configuration: one YAML file, read strictly, resolved once into what the commands work with.

mod error;
mod file;
mod find;
mod rebuild;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use c8dr_domain::ids::{BrokerId, ExporterId, GatewayName, RegionId};
use c8dr_domain::installation::Installation;
use c8dr_systems::dial::{ClientIdentity, TlsOptions};
use c8dr_systems::zeebe::{Auth, BaseUrl, Credentials, Endpoints, GatewayEndpoints};

pub use self::error::ConfigError;
pub use self::file::{BrokerKey, File, Gateway, Login, Region, Secret, Text};
pub use self::find::{Found, find, lab_config};
pub use self::rebuild::{BucketAt, PlatformBy, Rebuild};

/// A configuration, resolved.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it was read from.
    pub path: PathBuf,
    /// What ought to be there.
    pub installation: Installation,
    /// Where it is.
    pub endpoints: Endpoints,
    /// What a failback needs besides, as far as it is configured.
    pub rebuild: Rebuild,
    /// How many seconds of the clock pass in a second of the wall; 1 except against a lab that runs faster.
    pub clock_speed: f64,
}

/// Reads and resolves a configuration file.
///
/// # Errors
/// With the place in the file, the reason and the way out.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let file = file::parse(path, &text)?;
    resolve(path, &text, &file)
}

fn resolve(path: &Path, text: &str, file: &File) -> Result<Config, ConfigError> {
    let at = |location: &serde_saphyr::Location, what: String, help: &str| {
        ConfigError::at(path, text, *location, what, help)
    };
    let regions: Vec<(String, ExporterId)> = file
        .regions
        .iter()
        .map(|region| {
            (
                region.name.value.clone(),
                ExporterId::new(region.exporter.to_ascii_lowercase()),
            )
        })
        .collect();
    let installation = Installation::new(
        file.name.clone(),
        regions,
        file.cluster_size.value,
        file.partition_count,
        file.replication_factor.value,
    )
    .map_err(|invalid| {
        use c8dr_domain::installation::InvalidInstallation as Invalid;
        let place = match &invalid {
            Invalid::ClusterSize(_) => file.cluster_size.referenced,
            Invalid::ReplicationFactor(_) => file.replication_factor.referenced,
            _ => file
                .regions
                .first()
                .map_or(file.cluster_size.referenced, |region| region.name.referenced),
        };
        at(
            &place,
            invalid.to_string(),
            "See docs: an installation has two regions and 4 replicas, 2 in each region.",
        )
    })?;
    let mut gateways = BTreeMap::new();
    let mut brokers = BTreeMap::new();
    for (region, id) in file.regions.iter().zip(0..) {
        let id = RegionId(id);
        for (gateway, number) in region.gateways.iter().zip(0..) {
            let name = gateway
                .name
                .clone()
                .unwrap_or_else(|| format!("{}-{number}", region.name.value));
            let endpoints = GatewayEndpoints {
                region: id,
                rest: url(path, text, gateway.rest.as_ref())?,
                management: url(path, text, gateway.management.as_ref())?,
                grpc: url(path, text, gateway.grpc.as_ref())?,
            };
            if gateways
                .insert(GatewayName::new(name.clone()), endpoints)
                .is_some()
            {
                return Err(at(
                    &region.name.referenced,
                    format!("two gateways are called `{name}`"),
                    "Give each gateway a name of its own.",
                ));
            }
        }
        for (key, address) in &region.brokers {
            let broker = BrokerId(key.0);
            if !installation.brokers().contains(&broker) {
                let what = format!(
                    "there is no broker {broker} in a cluster of {}",
                    installation.cluster_size()
                );
                return Err(at(
                    &address.referenced,
                    what,
                    "Broker ids begin at 0 and end below clusterSize.",
                ));
            }
            if RegionId::of(broker) != id {
                let (is, belongs) = (
                    &region.name.value,
                    &installation.region(RegionId::of(broker)).name,
                );
                let what = format!(
                    "broker {broker} is listed in region {is}, but by its number it belongs to {belongs}"
                );
                return Err(at(
                    &address.referenced,
                    what,
                    "A broker's region is its id modulo 2: the first region has the even ids.",
                ));
            }
            if let Some(address) = url(path, text, Some(address))? {
                brokers.insert(broker, address);
            }
        }
    }
    if gateways.is_empty() {
        let place = file
            .regions
            .first()
            .map_or(file.cluster_size.referenced, |region| region.name.referenced);
        return Err(at(
            &place,
            "no gateway is configured".to_owned(),
            "Give each region at least one gateway, better two.",
        ));
    }
    Ok(Config {
        path: path.to_owned(),
        installation,
        endpoints: Endpoints {
            gateways,
            brokers,
            credentials: credentials(path, file)?,
            tls: tls(path, file),
            ..Endpoints::default()
        },
        rebuild: rebuild::resolve(path, text, file)?,
        clock_speed: file.clock.as_ref().map_or(1.0, |clock| clock.speed),
    })
}

fn url(path: &Path, text: &str, address: Option<&Text>) -> Result<Option<BaseUrl>, ConfigError> {
    let Some(address) = address else { return Ok(None) };
    BaseUrl::parse(&address.value).map(Some).map_err(|bad| {
        ConfigError::at(
            path,
            text,
            address.referenced,
            bad.to_string(),
            "For example `http://gateway.example:9600`.",
        )
    })
}

fn credentials(path: &Path, file: &File) -> Result<Credentials, ConfigError> {
    let Some(auth) = &file.auth else {
        return Ok(Credentials::default());
    };
    Ok(Credentials {
        rest: login(path, auth.rest.as_ref())?,
        management: login(path, auth.management.as_ref())?,
        grpc: login(path, auth.grpc.as_ref())?,
    })
}

fn login(path: &Path, login: Option<&Login>) -> Result<Auth, ConfigError> {
    Ok(match login {
        None => Auth::None,
        Some(Login::Basic { username, password }) => Auth::Basic {
            user: username.clone(),
            password: password.resolve(path)?,
        },
        Some(Login::Bearer { token }) => Auth::Bearer {
            token: token.resolve(path)?,
        },
    })
}

fn tls(path: &Path, file: &File) -> TlsOptions {
    let beside = |file: &PathBuf| file::beside(path, file);
    file.tls
        .as_ref()
        .map_or_else(TlsOptions::default, |tls| TlsOptions {
            ca_file: tls.ca_file.as_ref().map(beside),
            identity: tls.client.as_ref().map(|client| ClientIdentity {
                certificate_file: beside(&client.certificate_file),
                key_file: beside(&client.key_file),
            }),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
name: camunda
clusterSize: 4
partitionCount: 4
replicationFactor: 4
regions:
  - name: london
    exporter: elasticsearchregion0
    gateways:
      - rest: http://a:8080
        management: http://a:9600
    brokers:
      0: http://b0:9600
      2: http://b2:9600
  - name: paris
    exporter: elasticsearchregion1
    gateways:
      - name: p
        management: http://c:9600/ctx
    brokers: {}
";

    fn read(text: &str) -> Result<Config, ConfigError> {
        let path = Path::new("c8dr.yaml");
        resolve(path, text, &file::parse(path, text)?)
    }

    fn shown(text: &str) -> String {
        let error = read(text).unwrap_err();
        let mut shown = String::new();
        miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
            .with_width(100)
            .render_report(&mut shown, &error)
            .unwrap();
        shown
    }

    #[test]
    fn a_good_file_is_resolved() {
        let config = read(GOOD).unwrap();
        assert_eq!(config.endpoints.gateways.len(), 2);
        assert!(
            config
                .endpoints
                .gateways
                .contains_key(&GatewayName::new("london-0"))
        );
        assert_eq!(
            config.endpoints.brokers.keys().copied().collect::<Vec<_>>(),
            [BrokerId(0), BrokerId(2)]
        );
        assert_eq!(config.installation.regions()[1].name, "paris");
    }

    #[test]
    fn what_a_failback_needs_is_resolved() {
        let text = GOOD.replace(
            "    brokers: {}\n",
            "    brokers: {}\n    search: {url: \"http://s:9200\", recordsPrefix: records}\n    platform:\n      driver: manual\n      pods: [kubectl, get, pods, -o, json]\n      install: [[helm, install]]\n",
        ) + "snapshots: {repository: r, type: s3, settings: {bucket: b}}\nbucket: {url: \"file:///tmp\"}\nwebapps: false\npause: {floorSeconds: 60}\n";
        let rebuild = read(&text).unwrap().rebuild;
        assert_eq!(rebuild.searches[&RegionId(1)].records_prefix, "records");
        let platform = &rebuild.platforms[&RegionId(1)];
        assert!(platform.is_manual && platform.volumes.is_none());
        assert_eq!(platform.install, [["helm", "install"]]);
        let repository = rebuild.repository.unwrap();
        assert_eq!(repository.settings["settings"]["bucket"], "b");
        assert!(rebuild.bucket.is_some_and(|bucket| bucket.credentials.is_none()));
        assert_eq!((rebuild.webapps, rebuild.floor_s), (false, 60));
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        let cases = [
            ("unknown key", GOOD.replace("partitionCount", "partitionscount")),
            ("odd size", GOOD.replace("clusterSize: 4", "clusterSize: 5")),
            (
                "replication factor",
                GOOD.replace("replicationFactor: 4", "replicationFactor: 3"),
            ),
            (
                "wrong region",
                GOOD.replace("      2: http://b2:9600", "      3: http://b3:9600"),
            ),
            (
                "no such broker",
                GOOD.replace("      2: http://b2:9600", "      6: http://b3:9600"),
            ),
            (
                "password in a URL",
                GOOD.replace("http://c:9600/ctx", "http://u:hunter2@c:9600"),
            ),
            (
                "not a number",
                GOOD.replace("partitionCount: 4", "partitionCount: many"),
            ),
            ("not YAML", GOOD.replace("regions:", "regions: [")),
            ("no object store", format!("{GOOD}bucket: {{url: \"https://example.org/bucket\"}}\n")),
            ("a bucket of no use", format!("{GOOD}bucket: {{url: \"memory:\"}}\n")),
            (
                "half a login",
                format!("{GOOD}bucket: {{url: \"s3://b/p\", accessKey: {{env: PATH}}}}\n"),
            ),
            ("no login", format!("{GOOD}bucket: {{url: \"s3://b/p\"}}\n")),
            (
                "a command without words",
                GOOD.replace(
                    "    brokers: {}\n",
                    "    brokers: {}\n    platform:\n      driver: command\n      pods: [kubectl, get, pods]\n      install: [[]]\n",
                ),
            ),
            (
                "a driver that nobody has",
                GOOD.replace(
                    "    brokers: {}\n",
                    "    brokers: {}\n    platform:\n      driver: helm\n      pods: [kubectl, get, pods]\n      install: []\n",
                ),
            ),
            ("same names", GOOD.replace("paris", "london")),
        ];
        let all: String = cases
            .iter()
            .map(|(name, text)| format!("== {name}\n{}\n", shown(text)))
            .collect();
        assert!(!all.contains("hunter2"), "{all}");
        insta::assert_snapshot!(all);
    }
}
