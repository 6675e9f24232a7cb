//! What the engine needs from the outside. Adapters implement these; the engine knows no system behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use c8dr_domain::effect::{Answer, Effect, Mode, SearchEffect};
use c8dr_domain::exporting::{ExporterMetrics, PositionVector};
use c8dr_domain::ids::{BrokerId, GatewayName, RegionId};
use c8dr_domain::observation::Sight;
use c8dr_domain::search::{Holdings, Index, Recovery, SearchCluster, Snapshot};
use c8dr_domain::topology::{ClusterConfiguration, Exporters, GatewayTopology, OwnPartitions};
use futures_util::future::BoxFuture;

/// One Zeebe cluster, reached through its gateways and brokers.
///
/// Every call has a deadline of its own and ends: a hanging server becomes [`Sight::Silent`] or [`Answer::Unknown`].
/// Nothing is retried below this port: whether to ask again is the engine's decision.
pub trait Zeebe: Send + Sync {
    /// The gateways that can be asked, with their regions.
    fn gateways(&self) -> BTreeMap<GatewayName, RegionId>;

    /// The brokers whose own management endpoint is known.
    fn brokers(&self) -> BTreeSet<BrokerId>;

    /// The gateway's view of the cluster (`GET /v2/topology`; gRPC `Topology` where only that is configured).
    fn topology<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<GatewayTopology>>;

    /// The coordinator's configuration, asked through a gateway (`GET /actuator/cluster`).
    fn configuration<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<ClusterConfiguration>>;

    /// The exporters, asked through a gateway (`GET /actuator/exporters`).
    fn exporters<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<Exporters>>;

    /// A broker's own replicas (`GET /actuator/partitions`). An empty object is [`Sight::Empty`].
    fn partitions(&self, broker: BrokerId) -> BoxFuture<'_, Sight<OwnPartitions>>;

    /// Whether a broker calls itself ready (`GET /actuator/health/readiness`: 200 or 503, both are answers).
    fn ready(&self, broker: BrokerId) -> BoxFuture<'_, Sight<bool>>;

    /// How far a broker's exporters are (`GET /actuator/prometheus`). An adapter without metrics need not say more.
    fn metrics(&self, broker: BrokerId) -> BoxFuture<'_, Sight<ExporterMetrics>> {
        let _ = broker;
        Box::pin(async { Sight::NotAsked })
    }

    /// Sends an effect through a gateway, once.
    fn perform<'a>(
        &'a self,
        gateway: &'a GatewayName,
        effect: &'a Effect,
        mode: Mode,
    ) -> BoxFuture<'a, Answer>;
}

/// One HTTP or gRPC exchange, for the report. Holds no secrets: credentials are never in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// When it was begun.
    pub at: jiff::Timestamp,
    /// How long it took.
    pub took: std::time::Duration,
    /// Method and URL without user information.
    pub request: String,
    /// The body that was sent.
    pub sent: Option<String>,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// The body that came, cut to a bound, or what went wrong.
    pub received: String,
}

/// Where exchanges are told to.
pub type Tap = Arc<dyn Fn(Exchange) + Send + Sync>;

/// One region's search.
///
/// As with [`Zeebe`]: every call ends, nothing is retried, and what may have had its effect is [`Answer::Unknown`].
pub trait Search: Send + Sync {
    /// Which cluster answers, and how well it is (`/_cluster/health`, UUID from an API that every build has).
    fn cluster(&self) -> BoxFuture<'_, Sight<SearchCluster>>;

    /// All indices with their documents (`/_cat/indices`).
    fn indices(&self) -> BoxFuture<'_, Sight<Vec<Index>>>;

    /// Whether the repository is registered (`None`: it is not).
    fn repository<'a>(&'a self, repository: &'a str) -> BoxFuture<'a, Sight<Option<serde_json::Value>>>;

    /// The named snapshot (`None`: there is none of this name).
    fn snapshot<'a>(&'a self, repository: &'a str, name: &'a str) -> BoxFuture<'a, Sight<Option<Snapshot>>>;

    /// Indices that come or came back from a snapshot (`/_recovery`). `_status` would tell of the snapshot instead.
    fn recoveries(&self) -> BoxFuture<'_, Sight<Vec<Recovery>>>;

    /// What it holds of each partition, up to and including a position.
    fn holdings<'a>(&'a self, up_to: &'a PositionVector) -> BoxFuture<'a, Sight<Holdings>>;

    /// Sends an effect, once. For a snapshot and a restore [`Answer::Done`] says that it was begun, no more.
    fn perform<'a>(&'a self, effect: &'a SearchEffect) -> BoxFuture<'a, Answer>;
}
