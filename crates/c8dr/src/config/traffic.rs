//! The names that users come by, as they are configured: who changes them, where they point by rights, how fast they follow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use c8dr_domain::ids::RegionId;
use c8dr_systems::dns::{Key, Update};
use c8dr_systems::traffic::{Hook, Target};

mod external_dns;
mod name_server;
mod route53;

pub use self::external_dns::{EndpointAt, EndpointsAt};
pub use self::name_server::Led;
pub use self::route53::ZoneAt;
use super::error::ConfigError;
use super::file::{File, Traffic, TrafficDriver};
use super::kubernetes::KubernetesAt;
use super::resolver::Resolver;
use super::source::Source;

/// The key under `to` that means both regions.
const BOTH: &str = "both";
/// Longer than any name server, and longer than a failover may be asked to wait for one.
const TIMEOUT_MAX_S: f64 = 60.0;

/// How the users' names are changed and seen.
#[derive(Clone, Debug)]
pub struct TrafficBy {
    /// Who changes them.
    pub how: TrafficHow,
    /// Where they point when both regions serve.
    pub normal: BTreeSet<RegionId>,
    /// How long resolvers may keep them, in seconds, where that is known.
    pub ttl_s: Option<u32>,
    /// How long somebody else may take to carry a change to the name server, in seconds; 0 where nobody has to.
    pub lag_s: u32,
}

/// Who changes the users' names.
#[derive(Clone, Debug)]
pub enum TrafficHow {
    /// Commands of the site's own. Each is a list of arguments.
    Command {
        /// What points them to these regions.
        to: BTreeMap<Target, Vec<String>>,
        /// Prints where they point.
        show: Vec<String>,
        /// How long each may take.
        limit: Duration,
    },
    /// Signed updates of a name server.
    NameServer {
        /// Which names, where.
        update: Update,
        /// Who we are there.
        key: Key,
    },
    /// A `DNSEndpoint` that ExternalDNS carries to a name server.
    ExternalDns {
        /// Which names, and the server they are read from.
        update: Update,
        /// Where the objects are.
        at: EndpointsAt,
        /// How often ExternalDNS compares, in seconds.
        interval_s: u32,
    },
    /// A hosted zone of Route 53.
    Route53(Box<ZoneAt>),
}

pub(super) fn resolve(
    source: &Source,
    file: &File,
    kubernetes: &BTreeMap<RegionId, KubernetesAt>,
    resolver: &Resolver,
) -> Result<Option<TrafficBy>, ConfigError> {
    let Some(traffic) = &file.traffic else {
        return Ok(None);
    };
    if let Some((number, _)) = (file.regions.iter().enumerate()).find(|(_, region)| region.name == BOTH) {
        return Err(source.wrong(
            &format!("regions[{number}].name"),
            "a region is called `both`, which under `traffic` means both of them",
            "Give the region another name.",
        ));
    }
    let how = match traffic.driver {
        TrafficDriver::Command => command(source, file, traffic)?,
        TrafficDriver::Rfc2136 => name_server::resolve(source, file, traffic, resolver)?,
        TrafficDriver::ExternalDns => external_dns::resolve(source, file, traffic, kubernetes)?,
        TrafficDriver::Route53 => route53::resolve(source, file, traffic, resolver)?,
    };
    let reachable: BTreeSet<Target> = match &how {
        TrafficHow::Command { to, .. } => to.keys().cloned().collect(),
        TrafficHow::NameServer { update, .. } | TrafficHow::ExternalDns { update, .. } => {
            name_server::reachable(&update.targets)
        }
        TrafficHow::Route53(zone) => name_server::reachable(&zone.led.targets),
    };
    let normal = match &traffic.normal {
        Some(name) => target(file, name).ok_or_else(|| {
            source.wrong(
                "traffic.normal",
                format!("`{name}` is none of the regions, and not `both`"),
                "Say where the names point when both regions serve: the name of a region, or `both`.",
            )
        })?,
        None => both(),
    };
    if !reachable.contains(&normal) {
        let (key, help) = match &traffic.normal {
            Some(_) => ("traffic.normal", "Give it under `to` as well."),
            None if traffic.driver != TrafficDriver::Command => (
                "traffic.targets",
                "A name leads to one other name alone. Say with `normal` to which region the names point when both serve, or give addresses.",
            ),
            None => (
                "traffic.to",
                "Give `both` under `to`, or say with `normal` to which region the names point when both serve.",
            ),
        };
        return Err(source.wrong(
            key,
            "nothing points the names to where they are when both regions serve",
            help,
        ));
    }
    for (region, number) in file.regions.iter().zip(0u32..) {
        if !reachable.contains(&Target::from([RegionId(number)])) {
            return Err(source.wrong(
                "traffic.to",
                format!("nothing points the names to region {} alone", region.name),
                "Each region may be the one that is left: give a command for each under `to`.",
            ));
        }
    }
    let ttl_s = match &how {
        TrafficHow::Command { .. } => traffic.ttl_seconds,
        TrafficHow::NameServer { update, .. } | TrafficHow::ExternalDns { update, .. } => Some(update.ttl_s),
        TrafficHow::Route53(zone) => Some(zone.led.ttl_s),
    };
    let lag_s = match &how {
        TrafficHow::Command { .. } | TrafficHow::NameServer { .. } => 0,
        TrafficHow::ExternalDns { interval_s, .. } => *interval_s,
        TrafficHow::Route53(_) => route53::PROPAGATION_S,
    };
    Ok(Some(TrafficBy {
        how,
        normal,
        ttl_s,
        lag_s,
    }))
}

fn both() -> Target {
    [RegionId(0), RegionId(1)].into()
}

/// The regions that a key under `to`, or `normal`, means.
fn target(file: &File, name: &str) -> Option<Target> {
    if name == BOTH {
        return Some(both());
    }
    (file.regions.iter().zip(0u32..))
        .find(|(region, _)| region.name == name)
        .map(|(_, number)| [RegionId(number)].into())
}

fn command(source: &Source, file: &File, traffic: &Traffic) -> Result<TrafficHow, ConfigError> {
    let is_wordless = |words: &[String]| words.first().is_none_or(|program| program.trim().is_empty());
    let wordless = |key: String| {
        source.wrong(
            &key,
            format!("`{key}` is a command without words"),
            "A command is a list of arguments, for example `[./dns.sh, london]`.",
        )
    };
    let show = match &traffic.show {
        Some(words) if is_wordless(words) => return Err(wordless("traffic.show".to_owned())),
        Some(words) => words.clone(),
        None => {
            return Err(source.wrong(
                "traffic",
                "`show` is missing",
                "Give a command that prints where the names point, as the authoritative place says: what cannot be seen cannot be proven.",
            ));
        }
    };
    let mut to = BTreeMap::new();
    for (name, words) in &traffic.to {
        let key = format!("traffic.to.{name}");
        let Some(target) = target(file, name) else {
            return Err(source.wrong(
                &key,
                format!("`{name}` is none of the regions, and not `both`"),
                "The keys under `to` are the names of the regions, and `both`.",
            ));
        };
        if is_wordless(words) {
            return Err(wordless(key));
        }
        to.insert(target, words.clone());
    }
    let limit = limit(source, traffic)?;
    Ok(TrafficHow::Command { to, show, limit })
}

/// How long a command, a look or an update may take.
fn limit(source: &Source, traffic: &Traffic) -> Result<Duration, ConfigError> {
    match traffic.timeout_seconds {
        None => Ok(Hook::LIMIT),
        Some(said) if said > 0.0 && said <= TIMEOUT_MAX_S => Ok(Duration::from_secs_f64(said)),
        Some(said) => Err(source.wrong(
            "traffic.timeoutSeconds",
            format!("`timeoutSeconds` is {said}"),
            format!("Seconds, more than 0, up to {TIMEOUT_MAX_S}; 10, if not said."),
        )),
    }
}
