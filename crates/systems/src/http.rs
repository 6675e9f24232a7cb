//! The upper seam: one HTTP call, with its bounds, and with faults that say how far it got.

mod client;

use std::time::Duration;

use ::http::{Request, Response};
use bytes::Bytes;
use c8dr_domain::observation::Silence;
use http_body_util::Full;
use tower::util::BoxCloneSyncService;

pub use self::client::Client;
pub(crate) use self::client::{chain, driven, failed, host_of, target_of, unsent};

/// What carries a call: [`Client`], or anything else that speaks HTTP. Reads [`Bounds`] from the request's extensions.
pub type Service = BoxCloneSyncService<Request<Full<Bytes>>, Response<Bytes>, Fault>;

/// The bounds of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// For the connection, TLS included.
    pub connect: Duration,
    /// For the whole answer, counted from the standing connection.
    pub answer: Duration,
    /// The longest body that is taken.
    pub body_bytes_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        // The usual read of `zeebe::Limits`, for requests that do not say.
        Bounds {
            connect: Duration::from_secs(1),
            answer: Duration::from_secs(2),
            body_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// Why a call brought no whole answer. The variants are in the order of how far it got.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The request never left: no connection.
    #[error("not sent: {why} ({detail})")]
    NotSent {
        /// Why.
        why: Silence,
        /// What the network said.
        detail: String,
    },
    /// Sent, but the answer did not come, or did not end, in time.
    #[error("sent, but {} within {limit:?}", began(*status))]
    TooLate {
        /// The status, if the answer had begun.
        status: Option<u16>,
        /// The limit.
        limit: Duration,
    },
    /// Sent, but the connection broke before the answer was whole.
    #[error("sent, but the connection broke before the answer was whole{}: {detail}", with_status(*status))]
    Broken {
        /// [`Silence::Broken`], or [`Silence::Tls`] where TLS ended it.
        why: Silence,
        /// The status, if the answer had begun.
        status: Option<u16>,
        /// What the network said.
        detail: String,
    },
    /// Sent, and something came that is not HTTP.
    #[error("the answer is not HTTP: {detail}")]
    NotHttp {
        /// What is wrong with it.
        detail: String,
    },
    /// Sent, and the answer is longer than any that is meant for us.
    #[error("the answer ({status}) is longer than {bytes_max} bytes")]
    TooLong {
        /// Its status.
        status: u16,
        /// The bound.
        bytes_max: usize,
    },
}

fn began(status: Option<u16>) -> String {
    match status {
        Some(status) => format!("the answer ({status}) did not end"),
        None => "no answer came".to_owned(),
    }
}

fn with_status(status: Option<u16>) -> String {
    status.map(|status| format!(" ({status})")).unwrap_or_default()
}
