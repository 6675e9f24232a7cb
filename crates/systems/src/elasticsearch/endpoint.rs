//! Where a region's search is, who may use it, and how long it may take.

use std::time::Duration;

use crate::auth::Auth;
use crate::base_url::BaseUrl;
use crate::dial::TlsOptions;

/// One search cluster's endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The URL, with a path if a proxy puts one before it.
    pub url: BaseUrl,
    /// Who we are.
    pub auth: Auth,
    /// Whom to trust. Only read if the URL is `https`.
    pub tls: TlsOptions,
    /// How the names of the indices begin into which Zeebe's exporter writes records.
    pub records_prefix: String,
    /// How long calls may take.
    pub limits: Limits,
}

impl Endpoint {
    /// An endpoint with everything as Camunda's charts have it: no credentials, records in `zeebe-record*`.
    pub fn new(url: BaseUrl) -> Self {
        Endpoint {
            url,
            auth: Auth::None,
            tls: TlsOptions::default(),
            records_prefix: "zeebe-record".to_owned(),
            limits: Limits::default(),
        }
    }
}

/// How long calls may take, and how much they may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection, TLS included; as for Zeebe.
    pub connect: Duration,
    /// For reads that the cluster answers from its own state. A busy master takes seconds.
    pub read: Duration,
    /// For reads that go to the repository: listing a snapshot reads several objects from a bucket.
    pub repository: Duration,
    /// For whatever changes something. The server waits 30 s for its nodes to acknowledge (its default `timeout`); two
    /// more, so that its own answer is heard rather than our silence.
    pub change: Duration,
    /// For one page of records, and for the refresh before them.
    pub page: Duration,
    /// For all pages of all partitions together. At 5,000 records in some 0.1 s a page this is about 45 million records.
    pub holdings: Duration,
    /// The longest body. 10,000 shards that recover make 10 MB; a page of records has 0.7 MB.
    pub body_bytes_max: usize,
}

impl Limits {
    /// Limits for a network that is slower or quicker than usual: `connect` for a connection, and every read `pace` times as
    /// long as by default. What changes something keeps its time at least, as the server's own time-out sets that.
    pub fn paced(connect: Duration, pace: f64) -> Self {
        let usual = Limits::default();
        Limits {
            connect,
            read: usual.read.mul_f64(pace),
            repository: usual.repository.mul_f64(pace),
            change: usual.change.mul_f64(pace.max(1.0)),
            page: usual.page.mul_f64(pace),
            holdings: usual.holdings.mul_f64(pace.max(1.0)),
            body_bytes_max: usual.body_bytes_max,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(1),
            read: Duration::from_secs(5),
            repository: Duration::from_secs(15),
            change: Duration::from_secs(32),
            page: Duration::from_secs(15),
            holdings: Duration::from_secs(15 * 60),
            body_bytes_max: 16 * 1024 * 1024,
        }
    }
}
