//! `driver: rfc2136`: a name server that takes signed updates; and what any driver has to know to read names from one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use c8dr_domain::ids::RegionId;
use c8dr_systems::dial::Target as Place;
use c8dr_systems::dns::{Algorithm, Key, Target, Targets, Update, plain_name};
use c8dr_systems::traffic::Target as Regions;
use secrecy::ExposeSecret;

use super::{TrafficHow, both, limit, target};
use crate::config::error::ConfigError;
use crate::config::file::{File, Traffic};
use crate::config::resolver::Resolver;
use crate::config::source::Source;

/// Where name servers listen.
const PORT: u16 = 53;

/// How long resolvers may keep the names where nothing is said: short enough for a failover, and what most allow.
const TTL_S: u32 = 30;

pub(super) fn resolve(
    source: &Source,
    file: &File,
    traffic: &Traffic,
    resolver: &Resolver,
) -> Result<TrafficHow, ConfigError> {
    let update = update(source, file, traffic)?;
    let key = traffic
        .key
        .as_ref()
        .ok_or_else(|| missing(source, "key", "{ name: failover, secret: { env: DNS_KEY } }"))?;
    let said = key.algorithm.as_deref();
    let algorithm = Algorithm::ALL
        .into_iter()
        .find(|known| said.is_none_or(|said| known.as_str() == said))
        .ok_or_else(|| {
            source.wrong(
                "traffic.key.algorithm",
                format!(
                    "`{}` is no algorithm that is known here",
                    said.unwrap_or_default()
                ),
                "Known are hmac-sha256, hmac-sha384 and hmac-sha512; `tsig-keygen` makes keys for them.",
            )
        })?;
    let key = Key {
        name: key.name.clone(),
        algorithm,
        secret: resolver.secret("traffic.key.secret", &key.secret)?,
    };
    // Where secrets are not fetched there is nothing to try.
    if !key.secret.expose_secret().is_empty() {
        key.check().map_err(|bad| {
            source.wrong(
                "traffic.key",
                bad.to_string(),
                "Name and secret stand in the file that `tsig-keygen` prints: `key \"NAME\" { … secret \"BASE64\"; };`.",
            )
        })?;
    }
    Ok(TrafficHow::NameServer { update, key })
}

/// The names, where they lead, and the server that has the say for them.
pub(super) fn update(source: &Source, file: &File, traffic: &Traffic) -> Result<Update, ConfigError> {
    let server = traffic
        .server
        .as_deref()
        .ok_or_else(|| missing(source, "server", "ns1.example.org"))?;
    let server = place(source, server)?;
    let led = led(source, file, traffic)?;
    Ok(led.read_from(server))
}

/// Names and where they lead, whoever serves them.
#[derive(Clone, Debug)]
pub struct Led {
    /// The zone.
    pub zone: String,
    /// The names in it.
    pub names: BTreeSet<String>,
    /// Where they lead in each region.
    pub targets: Targets,
    /// How long resolvers may keep them, in seconds.
    pub ttl_s: u32,
    /// How long a look or a change may take.
    pub limit: Duration,
}

impl Led {
    /// The same, read from a name server.
    pub(super) fn read_from(&self, server: Place) -> Update {
        Update {
            server,
            zone: self.zone.clone(),
            names: self.names.clone(),
            targets: self.targets.clone(),
            ttl_s: self.ttl_s,
            limit: self.limit,
        }
    }
}

pub(super) fn led(source: &Source, file: &File, traffic: &Traffic) -> Result<Led, ConfigError> {
    let zone = traffic
        .zone
        .as_deref()
        .ok_or_else(|| missing(source, "zone", "example.org"))?;
    let plain_zone = plain_name(zone).ok_or_else(|| {
        source.wrong(
            "traffic.zone",
            format!("`{zone}` is no name of a zone"),
            "For example `zone: example.org`.",
        )
    })?;
    let names = names(source, traffic, &plain_zone)?;
    if names.is_empty() {
        return Err(missing(source, "names", "[camunda.example.org]"));
    }
    Ok(Led {
        zone: plain_zone,
        names,
        targets: targets(source, file, traffic)?,
        ttl_s: traffic.ttl_seconds.unwrap_or(TTL_S),
        limit: limit(source, traffic)?,
    })
}

/// A key that is not there.
pub(super) fn missing(source: &Source, key: &str, example: &str) -> ConfigError {
    source.wrong(
        "traffic",
        format!("`{key}` is missing"),
        format!("For example `{key}: {example}`."),
    )
}

/// What the names can be pointed to: each region, and both where they lead to addresses.
pub(super) fn reachable(targets: &Targets) -> BTreeSet<Regions> {
    let mut all: BTreeSet<Regions> = targets.0.keys().map(|region| Regions::from([*region])).collect();
    let leads_to_names = targets
        .of(&both())
        .iter()
        .any(|target| matches!(target, Target::Name(_)));
    if !leads_to_names {
        all.insert(both());
    }
    all
}

pub(super) fn place(source: &Source, server: &str) -> Result<Place, ConfigError> {
    let wrong = || {
        source.wrong(
            "traffic.server",
            format!("`{server}` is no server"),
            "For example `server: ns1.example.org`, `server: 10.0.0.53:5353` or `server: '[fd00::53]:53'`.",
        )
    };
    // An address of IPv6 has colons of its own, and is in brackets where a port follows.
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
            (host, port.strip_prefix(':'))
        }
        None if server.matches(':').count() > 1 => (server, None),
        None => match server.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (server, None),
        },
    };
    if host.parse::<Target>().is_err() {
        return Err(wrong());
    }
    let port = match port {
        None => PORT,
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?,
    };
    Ok(Place {
        host: host.to_owned(),
        port,
    })
}

fn names(source: &Source, traffic: &Traffic, zone: &str) -> Result<BTreeSet<String>, ConfigError> {
    let mut names = BTreeSet::new();
    for (name, number) in traffic.names.iter().zip(0u32..) {
        let key = format!("traffic.names[{number}]");
        let plain = plain_name(name).filter(|plain| plain.ends_with(&format!(".{zone}")));
        let Some(plain) = plain else {
            return Err(source.wrong(
                &key,
                format!("`{name}` is no name in the zone {zone}"),
                format!("Write the whole name, for example `camunda.{zone}`."),
            ));
        };
        names.insert(plain);
    }
    Ok(names)
}

fn targets(source: &Source, file: &File, traffic: &Traffic) -> Result<Targets, ConfigError> {
    let mut all: BTreeMap<RegionId, BTreeSet<Target>> = BTreeMap::new();
    for (name, list) in &traffic.targets {
        let key = format!("traffic.targets.{name}");
        let region = target(file, name).filter(|regions| regions.len() == 1);
        let Some(region) = region.and_then(|regions| regions.first().copied()) else {
            return Err(source.wrong(
                &key,
                format!("`{name}` is none of the regions"),
                "The keys under `targets` are the names of the regions.",
            ));
        };
        let mut found = BTreeSet::new();
        for (text, number) in list.iter().zip(0u32..) {
            let target: Target = text.parse().map_err(|wrong: c8dr_systems::dns::Wrong| {
                source.wrong(
                    &format!("{key}[{number}]"),
                    wrong.to_string(),
                    "An address such as 10.0.0.10 or fd00::1, or the name of a load balancer.",
                )
            })?;
            found.insert(target);
        }
        let leads_to_names = found.iter().any(|target| matches!(target, Target::Name(_)));
        if found.is_empty() || (leads_to_names && found.len() > 1) {
            return Err(source.wrong(
                &key,
                format!("`{name}` needs addresses, or one name"),
                "A name that leads to another name leads to that one alone.",
            ));
        }
        if all.values().any(|other| !other.is_disjoint(&found)) {
            return Err(source.wrong(
                &key,
                "both regions have a target in common",
                "What leads to both cannot tell them apart. Give each region targets of its own.",
            ));
        }
        all.insert(region, found);
    }
    if all.len() < 2 {
        return Err(source.wrong(
            "traffic.targets",
            "`targets` is not given for both regions",
            "For example `targets: { london: [10.0.0.10], paris: [10.1.0.10] }`.",
        ));
    }
    Ok(Targets(all))
}
