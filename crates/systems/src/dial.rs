//! The lower seam: from a host and a port to a byte stream, over TCP, TLS, or memory.
//!
//! A [`Dial`] brings the bare stream (TCP, later a port-forward); the [`Connector`] puts TLS on top where the URL wants
//! it, so that TLS is the same over every kind of stream.

pub mod memory;
mod tcp;
mod tls;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::observation::Silence;
use c8dr_engine::clock::{Clock, Moment};
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::base_url::Route;
use crate::http::Service;

pub use self::tcp::Tcp;
pub use self::tls::{ClientIdentity, Tls, TlsOptions, TlsSetupError};
pub(crate) use self::tls::{causes, explain as explain_tls, is_tls};

/// Bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection, of whatever kind. It ends when it is dropped.
pub type ByteStream = Box<dyn Stream>;

/// Where to: a host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// A name or an address; an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Target {
    /// The name by which the server knows itself: its host, or what its own cluster calls it.
    pub(crate) fn own_name(&self) -> Cow<'_, str> {
        match Route::of_host(&self.host) {
            Some(route) => route.own_name().into(),
            None => self.host.as_str().into(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(route) = Route::of_host(&self.host) {
            write!(f, "{}:{}", route.written(), self.port)
        } else if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// No connection came about, so nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why} ({detail})")]
pub struct NoConnection {
    /// Which kind of failure: name, refusal, silence, TLS.
    pub why: Silence,
    /// What the network said, with the target.
    pub detail: String,
}

/// A stream's own error, where it was learnt only after the stream was handed out that nobody listens at its far end:
/// whatever was written into it has reached nobody. Port-forwards are like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct NobodyThere {
    /// What the one in between said.
    pub detail: String,
}

/// Whether an error comes of that.
pub(crate) fn nobody_there<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a NobodyThere> {
    causes(error).find_map(|cause| {
        cause.downcast_ref().or_else(|| {
            cause
                .downcast_ref::<std::io::Error>()
                .and_then(|io| io.get_ref())
                .and_then(|inner| inner.downcast_ref())
        })
    })
}

/// Makes connections.
pub trait Dial: Send + Sync {
    /// Connects to `target`, once, and ends by `deadline`, telling a refusal from silence and from an unknown name.
    fn dial<'a>(
        &'a self,
        target: &'a Target,
        deadline: Moment,
    ) -> BoxFuture<'a, Result<ByteStream, NoConnection>>;

    /// Who carries whole requests to a place that no stream leads to. Most dialers know of no such place.
    fn carrier(&self, target: &Target) -> Option<Service> {
        let _ = target;
        None
    }
}

/// Which protocol is spoken over the connection (ALPN, where there is TLS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// REST and management.
    Http1,
    /// gRPC.
    Http2,
}

/// Whether TLS is wanted, as the URL's scheme says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// `http`
    Plain,
    /// `https`
    Tls,
}

/// How long past its deadline a dialer is waited for before it is given up. A dialer that keeps its deadline speaks
/// first, and knows better than we do what it was waiting for; one that forgets it must not hang a failover.
const GRACE: Duration = Duration::from_millis(100);

/// Makes connections and, where wanted, TLS on top of them. Cheap to clone.
#[derive(Clone)]
pub struct Connector {
    dial: Arc<dyn Dial>,
    tls: Option<Tls>,
    clock: Clock,
}

impl Connector {
    /// A connector; without `tls` every `https` target fails with [`Silence::Tls`].
    pub fn new(dial: Arc<dyn Dial>, tls: Option<Tls>, clock: Clock) -> Self {
        Connector { dial, tls, clock }
    }

    /// The clock that its limits are counted on.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// See [`Dial::carrier`].
    pub(crate) fn carrier(&self, target: &Target) -> Option<Service> {
        self.dial.carrier(target)
    }

    /// Connects to `target` within `limit`, TLS handshake included.
    pub async fn connect(
        &self,
        target: &Target,
        security: Security,
        protocol: Protocol,
        limit: Duration,
    ) -> Result<ByteStream, NoConnection> {
        self.connect_as(target, None, security, protocol, limit).await
    }

    /// As [`Connector::connect`], to a server whose certificate has another name than its host.
    pub(crate) async fn connect_as(
        &self,
        target: &Target,
        name: Option<&str>,
        security: Security,
        protocol: Protocol,
        limit: Duration,
    ) -> Result<ByteStream, NoConnection> {
        let deadline = self.clock.now() + limit;
        let stream = match self
            .clock
            .timeout(limit + GRACE, self.dial.dial(target, deadline))
            .await
        {
            Ok(dialled) => dialled?,
            Err(_) => {
                return Err(NoConnection {
                    why: Silence::NoConnection,
                    detail: format!("{target}: no connection within {limit:?}"),
                });
            }
        };
        match (security, &self.tls) {
            (Security::Plain, _) => Ok(stream),
            (Security::Tls, Some(tls)) => {
                // A handshake always gets a chance, even if connecting used up the limit.
                let left = deadline.since(self.clock.now()).max(GRACE);
                match self
                    .clock
                    .timeout(left, tls.handshake(stream, target, name, protocol))
                    .await
                {
                    Ok(secured) => secured,
                    Err(_) => Err(NoConnection {
                        why: Silence::Tls,
                        detail: format!("{target}: no TLS handshake within {limit:?}"),
                    }),
                }
            }
            (Security::Tls, None) => Err(NoConnection {
                why: Silence::Tls,
                detail: format!("{target}: TLS is not set up"),
            }),
        }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}
