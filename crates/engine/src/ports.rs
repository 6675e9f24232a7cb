//! What the engine needs from the outside. Adapters implement these; the engine knows no system behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use c8dr_domain::effect::{Answer, Mode, PlatformEffect, SearchEffect, TrafficEffect, ZeebeEffect};
use c8dr_domain::exporting::{BrokerMetrics, PositionVector};
use c8dr_domain::ids::{BrokerId, ExporterId, GatewayName, RegionId};
use c8dr_domain::observation::{BrokerSight, GatewaySight, Sight, Silence};
use c8dr_domain::platform::{Pod, WriteTrial};
use c8dr_domain::ready::survey::Flush;
use c8dr_domain::search::{
    Holdings, Index, Recovery, Repository, RepositoryTrial, SearchCluster, SearchDetails, Snapshot,
};
use c8dr_domain::topology::{ClusterConfiguration, Exporters, GatewayTopology, OwnPartitions};
use c8dr_domain::traffic::TrafficSight;
use futures_util::future::{BoxFuture, join, join_all, join3};

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

    /// How far a broker's exporters are, and how much disk it has left (`GET /actuator/prometheus`). An adapter without metrics need not say more.
    fn metrics(&self, broker: BrokerId) -> BoxFuture<'_, Sight<BrokerMetrics>> {
        let _ = broker;
        Box::pin(async { Sight::NotAsked })
    }

    /// Whether a broker flushes its log before it acknowledges (`GET /actuator/configprops`). An adapter that cannot see it
    /// need not say more.
    fn flush(&self, broker: BrokerId) -> BoxFuture<'_, Sight<Flush>> {
        let _ = broker;
        Box::pin(async { Sight::NotAsked })
    }

    /// Asks many questions at once. All of them are sent together, and no answer waits for another; whoever can answer them
    /// cheaper than one by one may.
    fn read<'a>(&'a self, questions: &'a Questions) -> BoxFuture<'a, Answers> {
        Box::pin(read_one_by_one(self, questions))
    }

    /// Sends an effect through a gateway, once.
    fn perform<'a>(
        &'a self,
        gateway: &'a GatewayName,
        effect: &'a ZeebeEffect,
        mode: Mode,
    ) -> BoxFuture<'a, Answer>;
}

/// Whether a broker is asked if it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskReady {
    /// At once.
    Always,
    /// Only when it does not tell of its partitions.
    IfSilent,
}

/// What a broker is asked, besides its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerQuestions {
    /// Whether it is ready.
    pub ready: AskReady,
    /// How far its exporters are.
    pub metrics: bool,
}

/// What is asked of a cluster in one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Questions {
    /// The gateways that are asked for topology, configuration and exporters.
    pub gateways: BTreeMap<GatewayName, RegionId>,
    /// The brokers.
    pub brokers: BTreeMap<BrokerId, BrokerQuestions>,
}

/// What was said to [`Questions`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// By the gateways.
    pub gateways: BTreeMap<GatewayName, Arc<GatewaySight>>,
    /// By the brokers.
    pub brokers: BTreeMap<BrokerId, Arc<BrokerSight>>,
}

/// Each question as a call of its own, all at the same time: what [`Zeebe::read`] is where nobody knows better.
pub async fn read_one_by_one<Z: Zeebe + ?Sized>(zeebe: &Z, questions: &Questions) -> Answers {
    let gateways = join_all((questions.gateways.iter()).map(async |(name, region)| {
        let (topology, configuration, exporters) = join3(
            zeebe.topology(name),
            zeebe.configuration(name),
            zeebe.exporters(name),
        )
        .await;
        let sight = GatewaySight {
            region: *region,
            topology: topology.map(Arc::new),
            configuration: configuration.map(Arc::new),
            exporters,
        };
        (name.clone(), Arc::new(sight))
    }));
    let brokers = join_all((questions.brokers.iter()).map(async |(broker, asked)| {
        let metrics = async {
            match asked.metrics {
                true => zeebe.metrics(*broker).await,
                false => Sight::NotAsked,
            }
        };
        let ((ready, partitions), metrics) = join(own_account(zeebe, *broker, asked.ready), metrics).await;
        let sight = BrokerSight {
            ready,
            partitions,
            metrics,
        };
        (*broker, Arc::new(sight))
    }));
    let (gateways, brokers) = join(gateways, brokers).await;
    Answers {
        gateways: gateways.into_iter().collect(),
        brokers: brokers.into_iter().collect(),
    }
}

async fn own_account<Z: Zeebe + ?Sized>(
    zeebe: &Z,
    broker: BrokerId,
    ready: AskReady,
) -> (Sight<bool>, Sight<OwnPartitions>) {
    match ready {
        AskReady::Always => join(zeebe.ready(broker), zeebe.partitions(broker)).await,
        AskReady::IfSilent => match zeebe.partitions(broker).await {
            partitions @ (Sight::Seen(_) | Sight::NotAsked) => (Sight::NotAsked, partitions),
            partitions => (zeebe.ready(broker).await, partitions),
        },
    }
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
    /// What the server said that its clock shows, if it did.
    pub date: Option<jiff::Timestamp>,
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

    /// Its nodes, disks, and what its indices are set to (`/_nodes`, `/_nodes/stats/fs`, `/_settings`). An adapter that cannot
    /// see them need not say more.
    fn details(&self) -> BoxFuture<'_, Sight<SearchDetails>> {
        Box::pin(async { Sight::NotAsked })
    }

    /// Tries a repository out, for whoever asked for that: registers it as `trial`, a name of its own, which lets every node
    /// write to it, reads what is in it, and takes the registration away again. No snapshot is made.
    fn try_repository<'a>(
        &'a self,
        trial: &'a str,
        repository: &'a Repository,
    ) -> BoxFuture<'a, Sight<RepositoryTrial>> {
        let _ = (trial, repository);
        Box::pin(async { Sight::NotAsked })
    }

    /// What it holds of each partition, up to and including a position.
    fn holdings<'a>(&'a self, up_to: &'a PositionVector) -> BoxFuture<'a, Sight<Holdings>>;

    /// Sends an effect, once. For a snapshot and a restore [`Answer::Done`] says that it was begun, no more.
    fn perform<'a>(&'a self, effect: &'a SearchEffect) -> BoxFuture<'a, Answer>;
}

/// One region's platform: its release and deployments, changed by whatever the installation is run with.
///
/// What a driver's tool says is never believed: what is there is read back by [`Platform::pods`].
pub trait Platform: Send + Sync {
    /// The pod objects of the installation, those that terminate included.
    fn pods(&self) -> BoxFuture<'_, Sight<Vec<Pod>>>;

    /// The volume claims of the installation, by name. An adapter that cannot see them need not say more.
    fn volumes(&self) -> BoxFuture<'_, Sight<BTreeSet<String>>> {
        Box::pin(async { Sight::NotAsked })
    }

    /// Has pods write a document into each of these searches by the exporters' own addresses, and take it away again: what this
    /// machine reaches says nothing of what they do. A platform that cannot need not say more.
    fn writes<'a>(
        &'a self,
        exporters: &'a BTreeMap<RegionId, ExporterId>,
    ) -> BoxFuture<'a, Sight<Vec<WriteTrial>>> {
        let _ = exporters;
        Box::pin(async { Sight::NotAsked })
    }

    /// What a person would type for an effect, for plans and for drivers that leave it to a person.
    fn command(&self, effect: PlatformEffect) -> Vec<String>;

    /// Whether a person has to carry the effect out, while we watch for it.
    fn is_manual(&self) -> bool {
        false
    }

    /// Carries an effect out, once. [`Answer::Done`] says that the tool ended well, no more.
    fn perform(&self, effect: PlatformEffect) -> BoxFuture<'_, Answer>;
}

/// The names that users come by, changed by whatever serves them: a name server, a controller, a site's own script.
///
/// As with [`Zeebe`]: every call ends, nothing is retried, and what may have had its effect is [`Answer::Unknown`].
pub trait Traffic: Send + Sync {
    /// Which names, and where they are kept, for people; no secrets.
    fn place(&self) -> String;

    /// Where the names point now, as the authoritative place says, never a resolver that may have cached it. A target that
    /// belongs to neither region is told as strange.
    fn look(&self) -> BoxFuture<'_, Sight<TrafficSight>>;

    /// What a person would type to point the names to these regions.
    fn command(&self, to: &BTreeSet<RegionId>) -> Vec<String>;

    /// Points every name to the regions of the effect, once, and only if the records still are what was expected:
    /// [`Answer::Stale`] says that they are not. [`Answer::Done`] says that it was taken, no more.
    fn perform<'a>(&'a self, effect: &'a TrafficEffect) -> BoxFuture<'a, Answer>;
}

/// What came of putting an object that must not be there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutNew {
    /// It is there now, and it is ours.
    Written,
    /// Another one of this name is there; nothing was changed.
    Exists,
    /// It was refused for good.
    Refused {
        /// Why.
        why: String,
    },
    /// It never left this machine.
    NotSent {
        /// Why.
        why: Silence,
        /// What the network said.
        detail: String,
    },
    /// It may or may not be there: read it again.
    Unknown {
        /// What is known.
        detail: String,
    },
}

/// An object store outside both regions' brokers, for what must outlive this machine. Guarantees G1, G7.
pub trait Bucket: Send + Sync {
    /// Where it is, for people; no secrets.
    fn place(&self) -> String;

    /// Puts an object if there is none of this name, atomically: of any number that try at once, one succeeds.
    fn put_new<'a>(&'a self, key: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, PutNew>;

    /// An object; `None` is "there is none of this name".
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Sight<Option<Vec<u8>>>>;

    /// The keys that begin with a prefix, in order.
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Sight<Vec<String>>>;

    /// Takes away what a probe has put, and nothing else: a key that [`is_probe`] does not know is refused unasked. Records are
    /// never deleted.
    ///
    /// # Errors
    /// Why it is not known to be gone, as a sentence's part.
    fn remove_probe<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), String>> {
        let _ = key;
        Box::pin(async { Err("this store takes nothing away".to_owned()) })
    }
}

/// Whether a key is a probe's: the only ones that are ever deleted.
pub fn is_probe(key: &str) -> bool {
    let mut parts = key.rsplit('/');
    parts.next().is_some_and(|name| !name.is_empty())
        && parts.next().is_some_and(|folder| folder == "probe")
        && parts.next().is_some_and(|installation| !installation.is_empty())
}
