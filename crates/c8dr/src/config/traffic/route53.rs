//! `driver: route53`: a hosted zone of Amazon's Route 53. Only a c8dr that was built with it takes it.

use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::bucket::Credentials;
use c8dr_systems::dial::TlsOptions;
use c8dr_systems::dns::Update;
use secrecy::ExposeSecret;

use super::TrafficHow;
use super::name_server::{self, Led};
use crate::config::error::ConfigError;
use crate::config::file::{File, Traffic};
use crate::config::resolver::Resolver;
use crate::config::source::Source;

/// Where Amazon's own is.
const ENDPOINT: &str = "https://route53.amazonaws.com";
/// The region that requests to it are signed for.
const REGION: &str = "us-east-1";
/// How long Route 53 may take to carry a change to its name servers, by its own word, in seconds.
pub(super) const PROPAGATION_S: u32 = 60;

/// A hosted zone.
#[derive(Clone, Debug)]
pub struct ZoneAt {
    /// Its id.
    pub id: String,
    /// Which names lead where.
    pub led: Led,
    /// A name server of the zone, where one can be reached.
    pub read_from: Option<Update>,
    /// Where Route 53 is asked.
    pub endpoint: BaseUrl,
    /// The region that requests are signed for.
    pub region: String,
    /// Who we are.
    pub credentials: Credentials,
    /// Whom to trust.
    pub tls: TlsOptions,
}

pub(super) fn resolve(
    source: &Source,
    file: &File,
    traffic: &Traffic,
    resolver: &Resolver,
) -> Result<TrafficHow, ConfigError> {
    if !cfg!(feature = "route53") {
        return Err(source.wrong(
            "traffic.driver",
            "this c8dr was built without Route 53",
            "Build it with `cargo build --release --features route53`, or change the names by commands of yours: `driver: command`.",
        ));
    }
    let led = name_server::led(source, file, traffic)?;
    let zone = (traffic.route53.as_ref()).ok_or_else(|| {
        let example = "{ hostedZone: Z0812…, accessKey: { env: AWS_ACCESS_KEY_ID }, secretKey: { env: AWS_SECRET_ACCESS_KEY } }";
        name_server::missing(source, "route53", example)
    })?;
    let is_id = (1..=32).contains(&zone.hosted_zone.len())
        && zone.hosted_zone.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_id {
        return Err(source.wrong(
            "traffic.route53.hostedZone",
            format!("`{}` is no id of a hosted zone", zone.hosted_zone),
            "Letters and digits, such as Z08123456789ABCDEFGHI: `aws route53 list-hosted-zones` shows them, after `/hostedzone/`.",
        ));
    }
    let url = zone.url.as_deref().unwrap_or(ENDPOINT);
    let endpoint = BaseUrl::parse(url)
        .ok()
        .filter(|url| url.inside().is_none() && (url.is_https() || is_here(url)))
        .ok_or_else(|| {
            source.wrong(
                "traffic.route53.url",
                "this is no place of Route 53",
                format!("A URL with https, or with http on this machine; {ENDPOINT}, if not said."),
            )
        })?;
    let credentials = Credentials {
        access_key_id: resolver
            .secret("traffic.route53.accessKey", &zone.access_key)?
            .expose_secret()
            .to_owned(),
        secret_access_key: resolver.secret("traffic.route53.secretKey", &zone.secret_key)?,
        session_token: match &zone.session_token {
            Some(token) => Some(resolver.secret("traffic.route53.sessionToken", token)?),
            None => None,
        },
    };
    #[cfg(feature = "route53")]
    // Where secrets are not fetched there is nothing to try.
    if !credentials.secret_access_key.expose_secret().is_empty() {
        c8dr_systems::route53::check(&credentials).map_err(|bad| {
            source.wrong(
                "traffic.route53",
                bad.to_string(),
                "Does `aws sts get-caller-identity` work with it? A line break at its end is no part of it.",
            )
        })?;
    }
    let read_from = match traffic.server.as_deref() {
        Some(server) => Some(led.read_from(name_server::place(source, server)?)),
        None => None,
    };
    Ok(TrafficHow::Route53(Box::new(ZoneAt {
        id: zone.hosted_zone.clone(),
        led,
        read_from,
        endpoint,
        region: zone.region.clone().unwrap_or_else(|| REGION.to_owned()),
        credentials,
        tls: resolver.tls(),
    })))
}

fn is_here(url: &BaseUrl) -> bool {
    let host = url.host();
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|it| it.is_loopback())
}
