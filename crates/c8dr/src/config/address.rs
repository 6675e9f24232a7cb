//! The addresses in a configuration: each is checked before anything is sent there, and belongs to one region.

use std::collections::BTreeMap;

use c8dr_domain::ids::RegionId;
use c8dr_systems::zeebe::{BadUrl, BaseUrl};

use super::error::ConfigError;
use super::kubernetes::KubernetesAt;
use super::source::Source;

/// An address at a key of a region: it may lie inside of the region's cluster, if it has one.
pub(super) fn url_in(
    source: &Source,
    key: &str,
    text: &str,
    region: RegionId,
    kubernetes: Option<&KubernetesAt>,
) -> Result<BaseUrl, ConfigError> {
    let address = parsed(source, key, text)?;
    if address.inside().is_none() {
        return Ok(address);
    }
    let Some(kubernetes) = kubernetes else {
        return Err(source.wrong(
            key,
            format!("{address} lies inside of a cluster, and region {region} has none here"),
            format!("Add `kubernetes: {{ context: …, namespace: …, release: … }}` to `regions[{region}]`, or give a URL that can be reached from here."),
        ));
    };
    address
        .within(region, &kubernetes.namespace)
        .map_err(|bad| source.wrong(key, bad.to_string(), "Is the namespace right?"))
}

/// An address at a key that belongs to no region.
pub(super) fn url(source: &Source, key: &str, text: &str) -> Result<BaseUrl, ConfigError> {
    let address = parsed(source, key, text)?;
    match address.inside() {
        None => Ok(address),
        Some(_) => Err(source.wrong(
            key,
            format!("{address} lies inside of a cluster, and this belongs to neither region"),
            "Give a URL that can be reached from here, also while a region is lost.",
        )),
    }
}

fn parsed(source: &Source, key: &str, text: &str) -> Result<BaseUrl, ConfigError> {
    let wrong = |what: String, help: String| Err(source.wrong(key, what, help));
    let example = || "For example `http://gateway.example:9600`.".to_owned();
    match BaseUrl::parse(text) {
        Ok(_) if port(text) == Some(0) => wrong(
            "nobody can be reached at port 0".to_owned(),
            "The ports are usually 8080 (rest), 9600 (management), 26500 (grpc) and 9200 (search).".to_owned(),
        ),
        Ok(address) => Ok(address),
        // What lacks a scheme is most often whole otherwise.
        Err(bad @ (BadUrl::Syntax(_) | BadUrl::Scheme)) if !text.contains("://") => {
            match BaseUrl::parse(&format!("http://{text}")) {
                Ok(_) if !text.is_empty() => wrong(
                    "the address lacks `http://` or `https://` in front".to_owned(),
                    format!("Did you mean `http://{text}`?"),
                ),
                _ => wrong(bad.to_string(), example()),
            }
        }
        Err(BadUrl::UserInfo) => wrong(
            BadUrl::UserInfo.to_string(),
            "Take the user and the password out of the URL, and name them under `auth`: `basic: { username: demo, password: { env: NAME } }`. If this file was ever shared, change the password."
                .to_owned(),
        ),
        Err(BadUrl::Query) => wrong(
            BadUrl::Query.to_string(),
            "Take out what stands behind the `?` or `#`; c8dr adds the paths itself.".to_owned(),
        ),
        Err(BadUrl::Inside) => wrong(
            BadUrl::Inside.to_string(),
            "For example `forward://svc/camunda-zeebe-gateway:9600` or `forward://pod/camunda-zeebe-0:9600`.".to_owned(),
        ),
        Err(bad) => wrong(bad.to_string(), example()),
    }
}

fn port(text: &str) -> Option<u16> {
    url::Url::parse(text).ok()?.port()
}

/// Which region each address belongs to. The same address in both would show a lost region as alive, or the reverse.
#[derive(Default)]
pub(super) struct Owners(BTreeMap<BaseUrl, (RegionId, String)>);

impl Owners {
    /// Notes an address of a region.
    pub(super) fn note(
        &mut self,
        source: &Source,
        key: &str,
        region: RegionId,
        address: &BaseUrl,
    ) -> Result<(), ConfigError> {
        let (owner, first) = self
            .0
            .entry(address.clone())
            .or_insert_with(|| (region, key.to_owned()));
        if *owner == region {
            return Ok(());
        }
        Err(source.wrong(
            key,
            format!("both regions have the address {address}: it is also `{first}`"),
            "Each address belongs to one region: by the other's answers a lost region would look alive. With port-forwards, give each its own local port.",
        ))
    }
}
