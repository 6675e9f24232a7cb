//! Where a cluster's endpoints are, who may use them, and how long they may take.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use c8dr_domain::ids::{BrokerId, GatewayName, RegionId};
use http::Uri;
use url::Url;

use super::auth::Credentials;
use crate::dial::TlsOptions;

/// The endpoints of one Zeebe cluster.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// The gateways, by the name that the configuration gives them.
    pub gateways: BTreeMap<GatewayName, GatewayEndpoints>,
    /// Each broker's own management endpoint.
    pub brokers: BTreeMap<BrokerId, BaseUrl>,
    /// Who we are, by kind of endpoint.
    pub credentials: Credentials,
    /// Whom to trust. Only read if there is an `https` URL.
    pub tls: TlsOptions,
    /// How long calls may take.
    pub limits: Limits,
}

/// One gateway's endpoints. What is not given is not asked.
#[derive(Clone, Debug)]
pub struct GatewayEndpoints {
    /// The region in which the gateway stands.
    pub region: RegionId,
    /// `/v2`, usually port 8080.
    pub rest: Option<BaseUrl>,
    /// `/actuator`, usually port 9600.
    pub management: Option<BaseUrl>,
    /// gRPC, usually port 26500.
    pub grpc: Option<BaseUrl>,
}

/// How long calls may take, and how much they may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection, TLS included. The regions are at most 100 ms apart, so a second is ten round trips, while a
    /// lost region, which swallows packets, must not hold up a look for longer.
    pub connect: Duration,
    /// For `/actuator/partitions`. A survivor hangs there while its leaders step down; with a longer limit the moment
    /// when the last has stepped down is seen seconds late. `spec: baseline.md` (What to learn, 4)
    pub partitions: Duration,
    /// For all other reads. A healthy server answers them in tens of milliseconds; those that go to a lost
    /// coordinator take up to ten seconds to fail, and need not be waited for, as they are asked again anyway.
    pub read: Duration,
    /// For whatever changes something. The server itself gives up on its coordinator after 10 s (`spec: api.md §2.1`);
    /// two more, so that its own 504 is heard rather than our silence.
    pub change: Duration,
    /// The longest body. A 24-partition configuration has some 100 kB; far beyond that it is not meant for us.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(1),
            partitions: Duration::from_millis(400),
            read: Duration::from_secs(2),
            change: Duration::from_secs(12),
            body_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// An `http` or `https` URL below which an API lies, with a path if the server has a context path. Holds no
/// credentials.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaseUrl(Url);

/// A URL that is no base URL. Does not repeat the URL, as it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL at all.
    #[error("this is not a URL: {0}")]
    Syntax(url::ParseError),
    /// Another scheme.
    #[error("the URL must begin with http:// or https://")]
    Scheme,
    /// A user or a password in it.
    #[error("the URL holds credentials, which would end up in reports; give them as `auth`")]
    UserInfo,
    /// A query or a fragment.
    #[error("the URL must not have a query or a fragment")]
    Query,
}

impl BaseUrl {
    /// Takes a URL such as `https://camunda.example:9600/context`.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        let url = Url::parse(text).map_err(BadUrl::Syntax)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(BadUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadUrl::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BadUrl::Query);
        }
        Ok(BaseUrl(url))
    }

    /// Whether TLS is spoken there.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The URL of `path` (with its leading slash, perhaps with a query) below this one.
    pub(super) fn join(&self, path: &str) -> Result<Uri, http::uri::InvalidUri> {
        Uri::try_from(format!("{self}{path}"))
    }
}

impl std::str::FromStr for BaseUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        Self::parse(text)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lie_below_the_base_path() {
        let joined = |base: &str| {
            BaseUrl::parse(base)
                .unwrap()
                .join("/actuator/cluster")
                .unwrap()
                .to_string()
        };
        assert_eq!(joined("http://gw:9600"), "http://gw:9600/actuator/cluster");
        assert_eq!(joined("http://gw:9600/"), "http://gw:9600/actuator/cluster");
        assert_eq!(joined("https://gw/x/y/"), "https://gw/x/y/actuator/cluster");
        assert_eq!(joined("http://[::1]:9600"), "http://[::1]:9600/actuator/cluster");
    }

    #[test]
    fn a_refused_url_is_not_repeated() {
        let refused = BaseUrl::parse("http://demo:hunter22@gw:9600").unwrap_err();
        assert_eq!(refused, BadUrl::UserInfo);
        assert!(!format!("{refused} {refused:?}").contains("hunter22"));
        assert_eq!(BaseUrl::parse("ftp://gw").unwrap_err(), BadUrl::Scheme);
        assert_eq!(BaseUrl::parse("http://gw?a=b").unwrap_err(), BadUrl::Query);
        assert!(matches!(
            BaseUrl::parse("gw:9600 "),
            Err(BadUrl::Scheme | BadUrl::Syntax(_))
        ));
    }
}
