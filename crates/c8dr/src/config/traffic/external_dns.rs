//! `driver: external-dns`: a `DNSEndpoint` in Kubernetes, and the name server that ExternalDNS carries it to.

use std::collections::BTreeMap;

use c8dr_domain::ids::RegionId;
use c8dr_systems::kubernetes::Access;

use super::{TrafficHow, name_server};
use crate::config::error::ConfigError;
use crate::config::file::{DnsEndpoint, File, Traffic};
use crate::config::kubernetes::{self, KubernetesAt};
use crate::config::source::Source;

/// How often ExternalDNS compares where nothing else is said: its own default.
const INTERVAL_S: u32 = 60;
/// Longer than a failover may be asked to wait.
const INTERVAL_MAX_S: u32 = 3_600;

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointAt {
    /// How its API server is found.
    pub access: Access,
    /// The namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Where the objects are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointsAt {
    /// One, in a cluster of its own.
    One(EndpointAt),
    /// One in each region's cluster.
    Each(BTreeMap<RegionId, EndpointAt>),
}

pub(super) fn resolve(
    source: &Source,
    file: &File,
    traffic: &Traffic,
    regions: &BTreeMap<RegionId, KubernetesAt>,
) -> Result<TrafficHow, ConfigError> {
    let update = name_server::update(source, file, traffic)?;
    let endpoint = (traffic.dns_endpoint.as_ref())
        .ok_or_else(|| name_server::missing(source, "dnsEndpoint", "{ name: camunda, namespace: dns }"))?;
    let interval_s = match traffic.interval_seconds {
        None => INTERVAL_S,
        Some(said) if (1..=INTERVAL_MAX_S).contains(&said) => said,
        Some(said) => {
            return Err(source.wrong(
                "traffic.intervalSeconds",
                format!("`intervalSeconds` is {said}"),
                format!("Seconds, from 1 to {INTERVAL_MAX_S}: the `--interval` of your ExternalDNS; 60, if not said."),
            ));
        }
    };
    Ok(TrafficHow::ExternalDns {
        update,
        at: at(source, file, endpoint, regions)?,
        interval_s,
    })
}

fn at(
    source: &Source,
    file: &File,
    endpoint: &DnsEndpoint,
    regions: &BTreeMap<RegionId, KubernetesAt>,
) -> Result<EndpointsAt, ConfigError> {
    // A name of an object may have dots, which part what a namespace may be called.
    if endpoint.name.len() > 253 || !endpoint.name.split('.').all(kubernetes::is_label) {
        return Err(source.wrong(
            "traffic.dnsEndpoint.name",
            format!("`{}` is no name that Kubernetes would take", endpoint.name),
            "`kubectl get dnsendpoints --all-namespaces` shows them.",
        ));
    }
    if let Some(namespace) =
        (endpoint.namespace.as_ref()).filter(|namespace| !kubernetes::is_label(namespace))
    {
        return Err(source.wrong(
            "traffic.dnsEndpoint.namespace",
            format!("`{namespace}` is no name that Kubernetes would take"),
            "`kubectl get dnsendpoints --all-namespaces` shows them.",
        ));
    }
    if endpoint.context.is_some() || endpoint.kubeconfig.is_some() {
        return one(source, endpoint);
    }
    let mut each = BTreeMap::new();
    for (region, number) in file.regions.iter().zip(0u32..) {
        let Some(at) = regions.get(&RegionId(number)) else {
            return Err(source.wrong(
                "traffic.dnsEndpoint",
                format!("region {} has no `kubernetes`, so its DNSEndpoint cannot be found", region.name),
                "Give both regions `kubernetes`, or name by `context` the one cluster that has a DNSEndpoint for both.",
            ));
        };
        each.insert(
            RegionId(number),
            EndpointAt {
                access: at.access.clone(),
                namespace: endpoint.namespace.clone().unwrap_or_else(|| at.namespace.clone()),
                name: endpoint.name.clone(),
            },
        );
    }
    // Two regions may be two namespaces of one cluster; then what is named once is one object.
    let mut found: Vec<&EndpointAt> = each.values().collect();
    found.dedup();
    match found.as_slice() {
        [one] => Ok(EndpointsAt::One((*one).clone())),
        _ => Ok(EndpointsAt::Each(each)),
    }
}

fn one(source: &Source, endpoint: &DnsEndpoint) -> Result<EndpointsAt, ConfigError> {
    if (endpoint.context.as_deref()).is_some_and(|context| context.trim().is_empty()) {
        return Err(source.wrong(
            "traffic.dnsEndpoint.context",
            "`context` is empty",
            "`kubectl config get-contexts` lists them.",
        ));
    }
    let Some(namespace) = endpoint.namespace.clone() else {
        return Err(source.wrong(
            "traffic.dnsEndpoint",
            "`namespace` is missing",
            "In a cluster that belongs to neither region there is no other to take: for example `namespace: dns`.",
        ));
    };
    let files = kubernetes::files(source, endpoint.kubeconfig.as_ref());
    Ok(EndpointsAt::One(EndpointAt {
        access: kubernetes::access(files, endpoint.context.clone()),
        namespace,
        name: endpoint.name.clone(),
    }))
}
