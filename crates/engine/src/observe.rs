//! Looks at an installation: asks all endpoints at once and keeps what each said, or why it said nothing.
//!
//! Looking changes nothing (guarantee G11). Each question has its own deadline below the port, so a look ends.

use std::collections::{BTreeMap, BTreeSet};

use c8dr_domain::condition::{Asks, SearchAsks};
use c8dr_domain::ids::{BrokerId, ExporterId, GatewayName, RegionId};
use c8dr_domain::observation::{Observation, Sight};
use c8dr_domain::platform::PlatformSight;
use c8dr_domain::search::SearchSight;
use futures_util::future::{join, join_all, join3};

use crate::clock::Clock;
use crate::ports::{AskReady, BrokerQuestions, Platform, Questions, Search, Traffic, Zeebe};

/// Everything that can be asked.
#[derive(Clone)]
pub struct Sources<'a> {
    /// The cluster.
    pub zeebe: &'a dyn Zeebe,
    /// The searches that are configured.
    pub searches: BTreeMap<RegionId, &'a dyn Search>,
    /// The platforms that are configured.
    pub platforms: BTreeMap<RegionId, &'a dyn Platform>,
    /// The users' names, where they are configured.
    pub traffic: Option<&'a dyn Traffic>,
}

impl<'a> Sources<'a> {
    /// Zeebe alone.
    pub fn of(zeebe: &'a dyn Zeebe) -> Self {
        Sources {
            zeebe,
            searches: BTreeMap::new(),
            platforms: BTreeMap::new(),
            traffic: None,
        }
    }
}

/// What a look takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Every endpoint of both regions.
    Everything,
    /// What tells whether a region is lost: brokers of both regions, gateways of the other side only, so that a region
    /// that is gone does not hold the look up more than once.
    Loss {
        /// The region that may be lost.
        lost: RegionId,
    },
    /// One region only: for watching the survivors closely.
    Side {
        /// The region.
        region: RegionId,
    },
}

/// Gateways of one side that are asked in a narrow look: two must agree, a third may be down.
const GATEWAYS_ASKED: usize = 3;

/// Takes one reading of the cluster alone.
pub async fn observe(zeebe: &dyn Zeebe, clock: &Clock, look: Look) -> Observation {
    observe_all(&Sources::of(zeebe), clock, look, &Asks::default()).await
}

/// Takes one reading of the cluster, and of whatever else is asked for.
pub async fn observe_all(sources: &Sources<'_>, clock: &Clock, look: Look, asks: &Asks) -> Observation {
    let at = clock.wall();
    let zeebe = sources.zeebe;
    let brokers: BTreeSet<BrokerId> = zeebe
        .brokers()
        .into_iter()
        .filter(|broker| match look {
            Look::Everything | Look::Loss { .. } => true,
            Look::Side { region } => RegionId::of(*broker) == region,
        })
        .collect();
    let questions = Questions {
        gateways: asked_gateways(zeebe, look),
        brokers: (brokers.into_iter())
            .map(|broker| (broker, broker_questions(broker, look, asks.metrics)))
            .collect(),
    };
    let searches = join_all(asks.searches.iter().filter_map(|(region, asks)| {
        let search = *sources.searches.get(region)?;
        Some(async move { (*region, search_sight(search, asks).await) })
    }));
    let platforms = join_all(asks.platforms.iter().filter_map(|region| {
        let platform = *sources.platforms.get(region)?;
        let writes = asks.writes.get(region);
        Some(async move { (*region, platform_sight(platform, writes).await) })
    }));
    let traffic = async {
        match sources.traffic {
            Some(traffic) if asks.traffic => traffic.look().await,
            _ => Sight::NotAsked,
        }
    };
    let ((answers, traffic), searches, platforms) =
        join3(join(zeebe.read(&questions), traffic), searches, platforms).await;
    Observation {
        at,
        until: clock.wall(),
        gateways: answers.gateways,
        brokers: answers.brokers,
        searches: searches.into_iter().collect(),
        platforms: platforms.into_iter().collect(),
        traffic,
    }
}

async fn search_sight(search: &dyn Search, asks: &SearchAsks) -> SearchSight {
    let indices = async {
        match asks.indices {
            true => search.indices().await,
            false => Sight::NotAsked,
        }
    };
    let recoveries = async {
        match asks.recoveries {
            true => search.recoveries().await,
            false => Sight::NotAsked,
        }
    };
    let repository = async {
        match &asks.repository {
            Some(repository) => search.repository(repository).await,
            None => Sight::NotAsked,
        }
    };
    let snapshot = async {
        match &asks.snapshot {
            Some((repository, name)) => search.snapshot(repository, name).await,
            None => Sight::NotAsked,
        }
    };
    let holdings = async {
        match &asks.holdings {
            Some(up_to) => search.holdings(up_to).await,
            None => Sight::NotAsked,
        }
    };
    let ((cluster, indices, recoveries), (repository, snapshot, holdings)) = join(
        join3(search.cluster(), indices, recoveries),
        join3(repository, snapshot, holdings),
    )
    .await;
    SearchSight {
        cluster,
        indices,
        repository,
        snapshot,
        recoveries,
        holdings,
    }
}

async fn platform_sight(
    platform: &dyn Platform,
    writes: Option<&BTreeMap<RegionId, ExporterId>>,
) -> PlatformSight {
    let writes = async {
        match writes {
            Some(exporters) => platform.writes(exporters).await,
            None => Sight::NotAsked,
        }
    };
    let (pods, volumes, writes) = join3(platform.pods(), platform.volumes(), writes).await;
    PlatformSight {
        pods,
        volumes,
        writes,
    }
}

fn asked_gateways(zeebe: &dyn Zeebe, look: Look) -> BTreeMap<GatewayName, RegionId> {
    let all = zeebe.gateways();
    match look {
        Look::Everything => all,
        Look::Loss { lost: other } => side(all, other.other()),
        Look::Side { region } => side(all, region),
    }
}

fn side(all: BTreeMap<GatewayName, RegionId>, region: RegionId) -> BTreeMap<GatewayName, RegionId> {
    all.into_iter()
        .filter(|(_, of)| *of == region)
        .take(GATEWAYS_ASKED)
        .collect()
}

fn broker_questions(broker: BrokerId, look: Look, metrics: bool) -> BrokerQuestions {
    let ready = match look {
        Look::Everything => AskReady::Always,
        // A black hole costs its time-outs once, not one after the other.
        Look::Loss { lost } if RegionId::of(broker) == lost => AskReady::Always,
        // A broker that tells of its partitions is there; only of one that does not it is asked whether it lives.
        Look::Loss { .. } | Look::Side { .. } => AskReady::IfSilent,
    };
    BrokerQuestions { ready, metrics }
}
