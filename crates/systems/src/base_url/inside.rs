//! Addresses of what lies inside of a Kubernetes cluster: `forward://svc/NAME:PORT/base`, `exec://pod/NAME:PORT`.
//!
//! Below, each becomes a host that no resolver knows, `NAME.NAMESPACE.svc.REGION.kubernetes.invalid`, by which the dialer of
//! port-forwards tells it from others. Servers see the part of it that is theirs.

use std::fmt;

use c8dr_domain::ids::RegionId;
use url::Url;

use super::BadUrl;
use crate::platform::kubernetes::is_name;

/// How something inside of a cluster is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Through {
    /// By a port-forward.
    Forward,
    /// By running `curl` in the pod.
    Exec,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// One of the pods that a service stands for.
    Service,
    /// A pod.
    Pod,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Kind::Service => "svc",
            Kind::Pod => "pod",
        }
    }
}

/// Something inside of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inside {
    /// How it is reached.
    pub through: Through,
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its port, as the service or the pod has it.
    pub port: u16,
    is_tls: bool,
    base: String,
}

/// What all hosts end with that stand for something inside of a cluster. `.invalid` never resolves, by RFC 6761.
const END: &str = ".kubernetes.invalid";

impl Inside {
    /// Reads what begins with one of our schemes; `None` for others.
    pub(super) fn parse(text: &str) -> Option<Result<Self, BadUrl>> {
        let (scheme, rest) = text.split_once("://")?;
        let (through, is_tls) = match scheme {
            "forward" => (Through::Forward, false),
            "forward+https" => (Through::Forward, true),
            "exec" => (Through::Exec, false),
            "exec+https" => (Through::Exec, true),
            _ => return None,
        };
        Some(Self::of(through, is_tls, rest).ok_or(BadUrl::Inside))
    }

    fn of(through: Through, is_tls: bool, rest: &str) -> Option<Self> {
        let (kind, rest) = rest.split_once('/')?;
        let kind = match kind {
            "svc" => Kind::Service,
            "pod" => Kind::Pod,
            _ => return None,
        };
        let (place, base) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (name, port) = place.split_once(':')?;
        let port = port.parse::<u16>().ok().filter(|port| *port > 0)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.~/".contains(c);
        let is_whole = is_name(name) && base.chars().all(is_plain) && !base.contains("..");
        // A service is nothing that a program could be run in.
        let is_reachable = through == Through::Forward || kind == Kind::Pod;
        (is_whole && is_reachable).then(|| Inside {
            through,
            kind,
            name: name.to_owned(),
            port,
            is_tls,
            base: base.trim_end_matches('/').to_owned(),
        })
    }

    /// The URL that stands for it in a region's namespace.
    pub(super) fn url(&self, region: RegionId, namespace: &str) -> Result<Url, url::ParseError> {
        let scheme = if self.is_tls { "https" } else { "http" };
        let host = Route {
            region,
            namespace: namespace.to_owned(),
            through: self.through,
            kind: self.kind,
            name: self.name.clone(),
        }
        .host();
        Url::parse(&format!("{scheme}://{host}:{}{}", self.port, self.base))
    }
}

/// Which way a host stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) region: RegionId,
    pub(crate) namespace: String,
    pub(crate) through: Through,
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

impl Route {
    fn host(&self) -> String {
        let through = match self.through {
            Through::Forward => "forward",
            Through::Exec => "exec",
        };
        format!("{}.{}.{through}{END}", self.own_name(), self.region)
    }

    /// What a host stands for, if it is one of ours.
    pub(crate) fn of_host(host: &str) -> Option<Self> {
        let mut parts = host.strip_suffix(END)?.rsplit('.');
        let through = match parts.next()? {
            "forward" => Through::Forward,
            "exec" => Through::Exec,
            _ => return None,
        };
        let region = RegionId(parts.next()?.parse().ok()?);
        let kind = match parts.next()? {
            "svc" => Kind::Service,
            "pod" => Kind::Pod,
            _ => return None,
        };
        let namespace = parts.next()?.to_owned();
        let mut name: Vec<&str> = parts.collect();
        name.reverse();
        Some(Route {
            region,
            namespace,
            through,
            kind,
            name: name.join("."),
        })
    }

    /// The name by which the server knows itself: as its own cluster's DNS has it.
    pub(crate) fn own_name(&self) -> String {
        format!("{}.{}.{}", self.name, self.namespace, self.kind.word())
    }

    /// As it is written in a configuration, without a port.
    pub(crate) fn written(&self) -> String {
        let scheme = match self.through {
            Through::Forward => "forward",
            Through::Exec => "exec",
        };
        format!("{scheme}://{}/{}", self.kind.word(), self.name)
    }
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.through {
            Through::Forward => "forward",
            Through::Exec => "exec",
        };
        let tls = if self.is_tls { "+https" } else { "" };
        let Inside {
            kind,
            name,
            port,
            base,
            ..
        } = self;
        write!(f, "{scheme}{tls}://{}/{name}:{port}{base}", kind.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_tells_its_way() {
        for (text, own) in [
            (
                "forward://svc/camunda-zeebe-gateway:9600",
                "camunda-zeebe-gateway.camunda-london.svc",
            ),
            (
                "forward+https://svc/search:9200/base",
                "search.camunda-london.svc",
            ),
            (
                "forward://pod/camunda-zeebe-0:9600",
                "camunda-zeebe-0.camunda-london.pod",
            ),
            ("exec://pod/odd.name-0:9200", "odd.name-0.camunda-london.pod"),
        ] {
            let inside = Inside::parse(text).unwrap().unwrap();
            assert_eq!(inside.to_string(), text);
            let url = inside.url(RegionId(1), "camunda-london").unwrap();
            let route = Route::of_host(url.host_str().unwrap()).unwrap();
            assert_eq!(route.own_name(), own);
            assert_eq!(
                (
                    route.region,
                    route.through,
                    route.kind,
                    route.name.as_str(),
                    url.port()
                ),
                (
                    RegionId(1),
                    inside.through,
                    inside.kind,
                    inside.name.as_str(),
                    Some(inside.port)
                )
            );
        }
        assert!(Route::of_host("camunda-zeebe-gateway.camunda-london.svc").is_none());
        assert!(Route::of_host("a.kubernetes.invalid").is_none());
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in [
            "forward://svc/gw",
            "forward://svc/gw:0",
            "forward://svc/gw:http",
            "forward://svc/:9600",
            "forward://deploy/gw:9600",
            "forward://svc/../gw:9600",
            "forward://svc/GW:9600",
            "forward://svc/gw:9600/a?b=c",
            "forward://svc/gw:9600/../x",
            "forward://me:secret@svc/gw:9600",
            "forward:///gw:9600",
            "exec://svc/gw:9600",
        ] {
            assert_eq!(Inside::parse(text), Some(Err(BadUrl::Inside)), "{text}");
        }
        assert_eq!(Inside::parse("http://gw:9600"), None);
    }
}
