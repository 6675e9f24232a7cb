//! Where an API lies: a URL that holds no credentials.

use std::fmt::{self, Write};

use http::Uri;
use url::Url;

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

    /// Host and port, as connections that fail are told of.
    pub fn target(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        let port = self.0.port_or_known_default().unwrap_or_default();
        format!("{host}:{port}")
    }

    /// Whether it is on this machine, so that nobody else reads along.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// The URL of `path` (with its leading slash, perhaps with a query) below this one.
    pub(crate) fn join(&self, path: &str) -> Result<Uri, http::uri::InvalidUri> {
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
