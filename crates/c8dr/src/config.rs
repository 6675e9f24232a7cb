//! The configuration: one YAML file, read strictly, resolved once into what the commands work with.

mod address;
mod complaint;
mod error;
mod file;
mod find;
pub(crate) mod kubernetes;
mod origins;
mod places;
mod platforms;
mod rebuild;
mod redact;
mod resolver;
mod schema;
mod secret;
mod source;
mod timeouts;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use c8dr_domain::ids::{BrokerId, ExporterId, GatewayName, RegionId};
use c8dr_domain::installation::{Installation, InvalidInstallation};
use c8dr_systems::zeebe::{BaseUrl, Endpoints, GatewayEndpoints};

use self::address::{Owners, url_in};
pub use self::error::{ConfigError, Mistake, NoSecret};
pub use self::file::{BrokerKey, File, Gateway, Login, Policy, Region, Secret, TerraformOutput};
pub use self::find::{Found, FoundBy, find, lab_config};
pub use self::kubernetes::KubernetesAt;
pub use self::origins::{Origin, Setting, origins};
pub use self::platforms::{HelmBy, ValuesOf};
pub use self::rebuild::{BucketAt, PlatformBy, Rebuild};
use self::resolver::{Resolver, Secrets};
pub use self::schema::schema;
use self::secret::Sought;
use self::source::Source;
pub use self::timeouts::Timeouts;
pub use self::traffic::{EndpointAt, EndpointsAt, Led, TrafficBy, TrafficHow, ZoneAt};

/// More brokers than any Zeebe has; a slip of the finger would be carried into every plan.
const BROKERS_MAX: u32 = 1024;
/// More partitions than any Zeebe has.
const PARTITIONS_MAX: u32 = 8192;
/// Faster than any lab runs.
const SPEED_MAX: f64 = 1_000_000.0;

/// A configuration, resolved.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it was read from.
    pub path: PathBuf,
    /// What ought to be there.
    pub installation: Installation,
    /// Where it is.
    pub endpoints: Endpoints,
    /// Where each region's release runs in Kubernetes, as far as it is said.
    pub kubernetes: BTreeMap<RegionId, KubernetesAt>,
    /// What a failback needs besides, as far as it is configured.
    pub rebuild: Rebuild,
    /// The names that users come by, where they are configured.
    pub traffic: Option<TrafficBy>,
    /// Whether the survivors are reinforced after a failover.
    pub reinforce: Policy,
    /// How long endpoints may take.
    pub timeouts: Timeouts,
    /// How many seconds of the clock pass in a second of the wall; 1 except against a lab that runs faster.
    pub clock_speed: f64,
    /// What can be used, and ought to be better: sentences for people.
    pub warnings: Vec<String>,
}

/// Reads and resolves a configuration file.
///
/// # Errors
/// With the place in the file, the reason and the way out.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let source = Source::read(path)?;
    resolve(&source, &source.parse()?, Secrets::Fetched)
}

/// Checks a text that is to become a configuration, without fetching its secrets.
///
/// # Errors
/// As [`load`].
pub fn try_out(path: &Path, text: &str) -> Result<(), ConfigError> {
    let source = Source::of(path, text);
    resolve(&source, &source.parse()?, Secrets::LeftOut).map(drop)
}

fn resolve(source: &Source, file: &File, secrets: Secrets) -> Result<Config, ConfigError> {
    let installation = installation(source, file)?;
    let resolver = Resolver::new(source, file, secrets)?;
    let timeouts = Timeouts::resolve(source, file)?;
    let kubernetes = kubernetes::resolve(source, file)?;
    let mut endpoints = Endpoints {
        credentials: resolver.credentials(file)?,
        tls: resolver.tls(),
        limits: timeouts.zeebe(),
        ..Endpoints::default()
    };
    let mut owners = Owners::default();
    for (region, id) in file.regions.iter().zip(0..) {
        let place = Place {
            region,
            id: RegionId(id),
            kubernetes: kubernetes.get(&RegionId(id)),
        };
        gateways(source, &place, &mut owners, &mut endpoints)?;
        brokers(source, &place, &installation, &mut owners, &mut endpoints)?;
    }
    if endpoints.gateways.is_empty() {
        return Err(source.wrong(
            "regions[0]",
            "no gateway is configured",
            "Give each region at least one gateway, better two.",
        ));
    }
    let clock_speed = file.clock.as_ref().map_or(1.0, |clock| clock.speed);
    if !(clock_speed.is_finite() && clock_speed > 0.0 && clock_speed <= SPEED_MAX) {
        return Err(source.wrong(
            "clock.speed",
            format!("a clock cannot run {clock_speed} times as fast as the wall"),
            "Take `clock` out: it is for labs that run faster than the wall, and 1 if not said.",
        ));
    }
    let traffic = traffic::resolve(source, file, &kubernetes, &resolver)?;
    Ok(Config {
        path: source.path.clone(),
        installation,
        endpoints,
        rebuild: rebuild::resolve(source, file, &resolver, timeouts, &kubernetes)?,
        kubernetes,
        traffic,
        reinforce: file.reinforce.unwrap_or_default(),
        timeouts,
        clock_speed,
        warnings: warnings(source, file),
    })
}

/// What ought to be there, by the hard rules of a dual-region installation.
fn installation(source: &Source, file: &File) -> Result<Installation, ConfigError> {
    for (key, name) in std::iter::once(("name".to_owned(), &file.name)).chain(
        file.regions
            .iter()
            .zip(0u32..)
            .map(|(region, number)| (format!("regions[{number}].name"), &region.name)),
    ) {
        let is_odd = name.trim() != name || name.chars().any(char::is_control);
        if name.is_empty() || is_odd {
            return Err(source.wrong(
                &key,
                format!("`{key}` is empty, or has blanks at its ends or control characters in it"),
                "Give it a short plain name; a region's name is typed to confirm a failover.",
            ));
        }
    }
    for (key, count, most) in [
        ("clusterSize", file.cluster_size, BROKERS_MAX),
        ("partitionCount", file.partition_count, PARTITIONS_MAX),
    ] {
        if count > most {
            return Err(source.wrong(
                key,
                format!("`{key}` is {count}; c8dr goes up to {most}"),
                "It is the number that Zeebe itself is configured with: ask `/v2/topology`.",
            ));
        }
    }
    let regions = file
        .regions
        .iter()
        .map(|region| {
            let exporter = ExporterId::new(region.exporter.to_ascii_lowercase());
            (region.name.clone(), exporter)
        })
        .collect();
    if let [first, second] = file.regions.as_slice()
        && first.name != second.name
        && first.name.to_lowercase() == second.name.to_lowercase()
    {
        return Err(source.wrong(
            "regions[1].name",
            format!("`{}` and `{}` differ in capitals only", first.name, second.name),
            "Give the regions different names: they are typed to confirm a failover.",
        ));
    }
    Installation::new(
        file.name.clone(),
        regions,
        file.cluster_size,
        file.partition_count,
        file.replication_factor,
    )
    .map_err(|invalid| {
        let (key, help) = match &invalid {
            InvalidInstallation::ClusterSize(_) => (
                "clusterSize",
                "It is the `clusterSize` of the Helm values: brokers of both regions together.",
            ),
            InvalidInstallation::ReplicationFactor(_) => (
                "replicationFactor",
                "It is the `replicationFactor` of the Helm values; another one keeps too little in one region.",
            ),
            InvalidInstallation::NoPartitions => (
                "partitionCount",
                "It is the `partitionCount` of the Helm values.",
            ),
            InvalidInstallation::Regions(_) => (
                "regions",
                "List both, in the order of their ids: the first has the brokers with even ids.",
            ),
            InvalidInstallation::SameExporter(_) => (
                "regions[1].exporter",
                "They are usually `elasticsearchregion0` and `elasticsearchregion1`; `c8dr status` lists what there is.",
            ),
            InvalidInstallation::SameName(_) | InvalidInstallation::NoName(_) => {
                ("regions[1].name", "For example `london` and `paris`.")
            }
        };
        source.wrong(key, invalid.to_string(), help)
    })
}

/// A region of the file, with what is known of its place.
struct Place<'a> {
    region: &'a Region,
    id: RegionId,
    kubernetes: Option<&'a KubernetesAt>,
}

fn gateways(
    source: &Source,
    place: &Place<'_>,
    owners: &mut Owners,
    endpoints: &mut Endpoints,
) -> Result<(), ConfigError> {
    let Place {
        region,
        id,
        kubernetes,
    } = *place;
    for (gateway, number) in region.gateways.iter().zip(0u32..) {
        let key = format!("regions[{id}].gateways[{number}]");
        let mut address = |kind: &str, text: &Option<String>| -> Result<Option<BaseUrl>, ConfigError> {
            let Some(text) = text else { return Ok(None) };
            let key = format!("{key}.{kind}");
            let address = url_in(source, &key, text, id, kubernetes)?;
            owners.note(source, &key, id, &address)?;
            Ok(Some(address))
        };
        let found = GatewayEndpoints {
            region: id,
            rest: address("rest", &gateway.rest)?,
            management: address("management", &gateway.management)?,
            grpc: address("grpc", &gateway.grpc)?,
        };
        if found.rest.is_none() && found.management.is_none() && found.grpc.is_none() {
            return Err(source.wrong(
                &key,
                "this gateway has no address",
                "Give it `management` at least (usually port 9600), better `rest` (8080) too.",
            ));
        }
        let name = gateway_name(region, gateway, number);
        if endpoints
            .gateways
            .insert(GatewayName::new(name.clone()), found)
            .is_some()
        {
            return Err(source.wrong(
                &format!("{key}.name"),
                format!("two gateways are called `{name}`"),
                "Give each gateway a name of its own.",
            ));
        }
    }
    Ok(())
}

/// What a gateway is called.
fn gateway_name(region: &Region, gateway: &Gateway, number: u32) -> String {
    gateway
        .name
        .clone()
        .unwrap_or_else(|| format!("{}-{number}", region.name))
}

fn brokers(
    source: &Source,
    place: &Place<'_>,
    installation: &Installation,
    owners: &mut Owners,
    endpoints: &mut Endpoints,
) -> Result<(), ConfigError> {
    let Place {
        region,
        id,
        kubernetes,
    } = *place;
    for (number, address) in &region.brokers {
        let broker = BrokerId(number.0);
        let key = format!("regions[{id}].brokers.{}", number.0);
        if !installation.brokers().contains(&broker) {
            return Err(source.wrong(
                &key,
                format!(
                    "there is no broker {broker} in a cluster of {}",
                    installation.cluster_size()
                ),
                "Broker ids begin at 0 and end below clusterSize.",
            ));
        }
        if RegionId::of(broker) != id {
            return Err(source.wrong(
                &key,
                format!(
                    "broker {broker} is listed in region {}, but by its number it belongs to {}",
                    region.name,
                    installation.region(RegionId::of(broker)).name
                ),
                "A broker's region is its id modulo 2: the first region has the even ids.",
            ));
        }
        let address = url_in(source, &key, address, id, kubernetes)?;
        owners.note(source, &key, id, &address)?;
        if let Some((twin, _)) = endpoints.brokers.iter().find(|(_, other)| **other == address) {
            return Err(source.wrong(
                &key,
                format!("brokers {twin} and {broker} have the same address {address}"),
                "Each broker has a management endpoint of its own: leaders are proven there.",
            ));
        }
        endpoints.brokers.insert(broker, address);
    }
    Ok(())
}

/// What can be used, and ought to be better. One file may hold several secrets, and is told of once.
fn warnings(source: &Source, file: &File) -> Vec<String> {
    let warnings: BTreeSet<String> = file
        .secrets()
        .into_iter()
        .filter_map(|(_, secret)| match secret.seek(source) {
            Sought::Found { warning, .. } => warning,
            Sought::Missing { .. } => None,
        })
        .collect();
    warnings.into_iter().collect()
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
        let source = Source::of(Path::new("c8dr.yaml"), text);
        resolve(&source, &source.parse()?, Secrets::Fetched)
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

    fn with_kubernetes() -> String {
        let block = |region: &str| {
            format!(
                "    kubernetes: {{kubeconfig: /k/config, context: {region}, namespace: camunda-{region}, release: camunda}}\n"
            )
        };
        GOOD.replace(
            "    gateways:\n      - rest",
            &format!("{}    gateways:\n      - rest", block("london")),
        )
        .replace(
            "    gateways:\n      - name",
            &format!("{}    gateways:\n      - name", block("paris")),
        )
    }

    #[test]
    fn addresses_inside_of_a_cluster_belong_to_their_region() {
        let text = with_kubernetes()
            .replace("http://a:9600", "forward://svc/gw:9600")
            .replace("http://c:9600/ctx", "forward://svc/gw:9600")
            + "bucket: {url: \"file:///tmp\"}\n";
        let text = text.replace(
            "    brokers: {}\n",
            "    brokers: {}\n    platform: {driver: manual, install: []}\n    search: {url: \"forward+https://svc/es:9200\"}\n",
        );
        let config = read(&text).unwrap();
        // The same words in both regions are two addresses.
        let management = |gateway: &str| {
            config.endpoints.gateways[&GatewayName::new(gateway)]
                .management
                .clone()
                .unwrap()
        };
        let (london, paris) = (management("london-0"), management("p"));
        assert_eq!(
            (london.to_string(), paris.to_string()),
            (
                "forward://svc/gw:9600".to_owned(),
                "forward://svc/gw:9600".to_owned()
            )
        );
        assert_ne!(london, paris);
        assert!(config.rebuild.searches[&RegionId(1)].url.is_https());
        assert_eq!(config.rebuild.platforms[&RegionId(1)].pods, None);
        assert_eq!(
            config.kubernetes[&RegionId(1)]
                .kubectl(&["get", "pods"])
                .join(" "),
            "kubectl --kubeconfig /k/config --context paris --namespace camunda-paris get pods"
        );
        assert_eq!(config.timeouts.connect, std::time::Duration::from_secs(3));
    }

    #[test]
    fn places_in_a_cluster_that_cannot_be_are_refused() {
        for (text, words) in [
            (
                GOOD.replace("http://a:9600", "forward://svc/gw:9600"),
                "and region 0 has none here",
            ),
            (
                GOOD.replace("http://a:9600", "forward://gw:9600"),
                "an address inside of a cluster is",
            ),
            (
                with_kubernetes()
                    .replace("namespace: camunda-paris", "namespace: camunda-london")
                    .replace("context: paris", "context: london"),
                "are the same namespace of the same cluster",
            ),
            (
                with_kubernetes().replace("namespace: camunda-paris", "namespace: Paris!"),
                "no name that Kubernetes would take",
            ),
            (
                GOOD.replace(
                    "    brokers: {}\n",
                    "    brokers: {}\n    platform: {driver: manual, install: []}\n",
                ),
                "`pods` is missing",
            ),
            (
                format!(
                    "{GOOD}bucket: {{url: \"s3://b/p\", endpoint: \"forward://svc/s3:9000\", accessKey: {{env: PATH}}, secretKey: {{env: PATH}}}}\n"
                ),
                "belongs to neither region",
            ),
        ] {
            // Where a line is broken, the frame goes on.
            let told = shown(&text)
                .replace('│', " ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            assert!(told.contains(words), "{words}: {told}");
        }
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
                    "    brokers: {}\n    platform:\n      driver: argo\n      pods: [kubectl, get, pods]\n      install: []\n",
                ),
            ),
            (
                "a time-out that is none",
                format!("{GOOD}timeouts: {{connectSeconds: 0}}\n"),
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
