//! Looks at an installation: asks all endpoints at once and keeps what each said, or why it said nothing.
//!
//! Looking changes nothing (guarantee G11). Each question has its own deadline below the port, so a look ends.

use std::collections::{BTreeMap, BTreeSet};

use c8dr_domain::ids::{BrokerId, GatewayName, RegionId};
use c8dr_domain::observation::{BrokerSight, GatewaySight, Observation, Sight};
use futures_util::future::{join, join_all, join3};

use crate::clock::Clock;
use crate::ports::Zeebe;

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

/// Takes one reading.
pub async fn observe(zeebe: &dyn Zeebe, clock: &Clock, look: Look) -> Observation {
    let at = clock.wall();
    let gateways = asked_gateways(zeebe, look);
    let brokers: BTreeSet<BrokerId> = zeebe
        .brokers()
        .into_iter()
        .filter(|broker| match look {
            Look::Everything | Look::Loss { .. } => true,
            Look::Side { region } => RegionId::of(*broker) == region,
        })
        .collect();
    let gateways = join_all(
        gateways
            .into_iter()
            .map(|(name, region)| gateway_sight(zeebe, name, region)),
    );
    let brokers = join_all(
        brokers
            .into_iter()
            .map(|broker| broker_sight(zeebe, broker, look)),
    );
    let (gateways, brokers) = join(gateways, brokers).await;
    Observation {
        at,
        until: clock.wall(),
        gateways: gateways.into_iter().collect(),
        brokers: brokers.into_iter().collect(),
        searches: BTreeMap::new(),
        platforms: BTreeMap::new(),
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

async fn gateway_sight(
    zeebe: &dyn Zeebe,
    name: GatewayName,
    region: RegionId,
) -> (GatewayName, GatewaySight) {
    let (topology, configuration, exporters) = join3(
        zeebe.topology(&name),
        zeebe.configuration(&name),
        zeebe.exporters(&name),
    )
    .await;
    (
        name,
        GatewaySight {
            region,
            topology,
            configuration,
            exporters,
        },
    )
}

async fn broker_sight(zeebe: &dyn Zeebe, broker: BrokerId, look: Look) -> (BrokerId, BrokerSight) {
    let sight = match look {
        Look::Everything => both(zeebe, broker).await,
        // A black hole costs its time-outs once, not one after the other.
        Look::Loss { lost } if RegionId::of(broker) == lost => both(zeebe, broker).await,
        // A broker that tells of its partitions is there; only of one that does not it is asked whether it lives.
        Look::Loss { .. } | Look::Side { .. } => match zeebe.partitions(broker).await {
            partitions @ (Sight::Seen(_) | Sight::NotAsked) => BrokerSight {
                partitions,
                ..BrokerSight::default()
            },
            partitions => BrokerSight {
                ready: zeebe.ready(broker).await,
                partitions,
                ..BrokerSight::default()
            },
        },
    };
    (broker, sight)
}

async fn both(zeebe: &dyn Zeebe, broker: BrokerId) -> BrokerSight {
    let (ready, partitions) = join(zeebe.ready(broker), zeebe.partitions(broker)).await;
    BrokerSight {
        ready,
        partitions,
        ..BrokerSight::default()
    }
}
