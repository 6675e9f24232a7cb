//! Where an API lies: a URL that holds no credentials.

mod inside;

use std::fmt::{self, Write};

use c8dr_domain::ids::RegionId;

use http::Uri;
use url::Url;

pub(crate) use self::inside::Route;
pub use self::inside::{Inside, Kind, Through};

/// An `http` or `https` URL below which an API lies, with a path if the server has a context path; or the place of one
/// inside of a Kubernetes cluster. Holds no credentials.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaseUrl {
    url: Url,
    inside: Option<Inside>,
}

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
    /// It is to be inside of a cluster, and names no place there.
    #[error(
        "an address inside of a cluster is `forward://svc/NAME:PORT` or `forward://pod/NAME:PORT` (`forward+https://` where TLS is spoken), perhaps with a path; or `exec://pod/NAME:PORT`"
    )]
    Inside,
}

impl BaseUrl {
    /// Takes a URL such as `https://camunda.example:9600/context`. One inside of a cluster still has to be told in which one
    /// ([`BaseUrl::within`]), and reaches nobody until then.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        if let Some(inside) = Inside::parse(text) {
            let inside = inside?;
            let url = Url::parse("http://nowhere.kubernetes.invalid").map_err(BadUrl::Syntax)?;
            return Ok(BaseUrl {
                url,
                inside: Some(inside),
            });
        }
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
        Ok(BaseUrl { url, inside: None })
    }

    /// What it is, if it is inside of a cluster.
    pub fn inside(&self) -> Option<&Inside> {
        self.inside.as_ref()
    }

    /// The same in the namespace of a region, if it is inside of a cluster.
    ///
    /// # Errors
    /// If the namespace can stand in no host.
    pub fn within(self, region: RegionId, namespace: &str) -> Result<Self, BadUrl> {
        match self.inside {
            None => Ok(self),
            Some(inside) => Ok(BaseUrl {
                url: inside.url(region, namespace).map_err(BadUrl::Syntax)?,
                inside: Some(inside),
            }),
        }
    }

    /// Whether TLS is spoken there.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Host and port, as connections that fail are told of.
    pub fn target(&self) -> String {
        if let Some(inside) = &self.inside {
            return inside.to_string();
        }
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or_default();
        format!("{host}:{port}")
    }

    /// The host alone: a name, or an address; of a place inside of a cluster a name that ends as names there do.
    pub fn host(&self) -> String {
        match &self.inside {
            Some(inside) => format!("{inside}.svc"),
            None => self.url.host_str().unwrap_or_default().to_owned(),
        }
    }

    /// Whether it is on this machine, so that nobody else reads along.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// The URL of `path` (with its leading slash, perhaps with a query) below this one.
    pub(crate) fn join(&self, path: &str) -> Result<Uri, http::uri::InvalidUri> {
        Uri::try_from(format!("{}{path}", self.url.as_str().trim_end_matches('/')))
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
        match &self.inside {
            Some(inside) => inside.fmt(f),
            None => f.write_str(self.url.as_str().trim_end_matches('/')),
        }
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A name as one segment of a path. It comes from a configuration or from a server, and must not reach another path.
pub(crate) fn segment(name: &str) -> String {
    let only_dots = name.chars().all(|c| c == '.');
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) || (byte == b'.' && !only_dots) {
            segment.push(char::from(byte));
        } else {
            // Writing into a String does not fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
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
    fn loopback_is_this_machine_only() {
        let is_loopback = |url: &str| BaseUrl::parse(url).unwrap().is_loopback();
        for own in [
            "http://localhost:9000",
            "http://127.0.0.1",
            "http://127.8.9.1:1/x",
            "http://[::1]:9000",
        ] {
            assert!(is_loopback(own), "{own}");
        }
        for other in [
            "http://minio:9000",
            "http://localhost.example",
            "http://10.0.0.1",
            "http://[fe80::1]",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
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

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(segment("camunda-region.1"), "camunda-region.1");
        assert_eq!(
            segment("../../cluster/purge?x#y"),
            "..%2F..%2Fcluster%2Fpurge%3Fx%23y"
        );
        assert_eq!(segment(".."), "%2E%2E");
    }
}
