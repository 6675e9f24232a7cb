//! A look asks what it says and nothing else, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use c8dr_domain::effect::{Answer, Mode, ZeebeEffect};
use c8dr_domain::ids::{BrokerId, GatewayName, RegionId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::topology::{ClusterConfiguration, Exporters, GatewayTopology, OwnPartitions};
use c8dr_engine::clock::Clock;
use c8dr_engine::observe::{Look, observe};
use c8dr_engine::ports::Zeebe;
use futures_util::future::BoxFuture;

const LONDON: RegionId = RegionId(0);
const PARIS: RegionId = RegionId(1);

/// Writes down every question; `hanging` brokers do not tell of their partitions.
#[derive(Default)]
struct Scribe {
    asked: Mutex<BTreeSet<String>>,
    hanging: BTreeSet<BrokerId>,
}

impl Scribe {
    fn note<T: Send + 'static>(&self, question: &str, answer: Sight<T>) -> BoxFuture<'_, Sight<T>> {
        let new = self.asked.lock().unwrap().insert(question.to_owned());
        assert!(new, "{question} was asked twice in one look");
        Box::pin(async move { answer })
    }
}

fn refused<T>() -> Sight<T> {
    Sight::Silent {
        why: Silence::Refused,
        detail: String::new(),
    }
}

impl Zeebe for Scribe {
    fn gateways(&self) -> BTreeMap<GatewayName, RegionId> {
        (0..8)
            .map(|broker| (GatewayName::new(format!("gw{broker}")), RegionId(broker % 2)))
            .collect()
    }

    fn brokers(&self) -> BTreeSet<BrokerId> {
        (0..8).map(BrokerId).collect()
    }

    fn topology<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<GatewayTopology>> {
        self.note(&format!("topology {gateway}"), refused())
    }

    fn configuration<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<ClusterConfiguration>> {
        self.note(&format!("configuration {gateway}"), refused())
    }

    fn exporters<'a>(&'a self, gateway: &'a GatewayName) -> BoxFuture<'a, Sight<Exporters>> {
        self.note(&format!("exporters {gateway}"), refused())
    }

    fn partitions(&self, broker: BrokerId) -> BoxFuture<'_, Sight<OwnPartitions>> {
        let answer = if self.hanging.contains(&broker) {
            refused()
        } else {
            Sight::Seen(OwnPartitions::new())
        };
        self.note(&format!("partitions {broker}"), answer)
    }

    fn ready(&self, broker: BrokerId) -> BoxFuture<'_, Sight<bool>> {
        self.note(&format!("ready {broker}"), Sight::Seen(true))
    }

    fn perform<'a>(&'a self, _: &'a GatewayName, effect: &'a ZeebeEffect, _: Mode) -> BoxFuture<'a, Answer> {
        panic!("a look wanted to {}", effect.words());
    }
}

/// What a look asks: gateways (each for three things), brokers for their partitions, brokers whether they are ready.
async fn check(hanging: &[u32], look: Look, gateways: &[u32], partitions: &[u32], ready: &[u32]) {
    let scribe = Scribe {
        hanging: hanging.iter().copied().map(BrokerId).collect(),
        ..Scribe::default()
    };
    let clock = Clock::new("2026-01-01T12:00:00Z".parse().unwrap(), 1.0);
    let seen = observe(&scribe, &clock, look).await;
    let mut expected = BTreeSet::new();
    for gateway in gateways {
        for question in ["topology", "configuration", "exporters"] {
            expected.insert(format!("{question} gw{gateway}"));
        }
    }
    expected.extend(partitions.iter().map(|broker| format!("partitions {broker}")));
    expected.extend(ready.iter().map(|broker| format!("ready {broker}")));
    assert_eq!(*scribe.asked.lock().unwrap(), expected, "{look:?}");
    assert_eq!(seen.gateways.len(), gateways.len());
    assert!(
        seen.brokers
            .keys()
            .map(|broker| broker.0)
            .eq(partitions.iter().copied())
    );
    assert!(seen.at <= seen.until);
}

const ALL: [u32; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

#[tokio::test(start_paused = true)]
async fn everything_is_everything() {
    check(&[], Look::Everything, &ALL, &ALL, &ALL).await;
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_looked_at_from_three_gateways_of_the_other_side() {
    check(&[], Look::Loss { lost: PARIS }, &[0, 2, 4], &ALL, &[1, 3, 5, 7]).await;
    check(&[], Look::Loss { lost: LONDON }, &[1, 3, 5], &ALL, &[0, 2, 4, 6]).await;
    // Of a survivor that does not tell of its partitions it is asked whether it lives.
    check(
        &[2],
        Look::Loss { lost: PARIS },
        &[0, 2, 4],
        &ALL,
        &[1, 2, 3, 5, 7],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_side_is_one_region_only() {
    check(&[], Look::Side { region: LONDON }, &[0, 2, 4], &[0, 2, 4, 6], &[]).await;
    check(
        &[3],
        Look::Side { region: PARIS },
        &[1, 3, 5],
        &[1, 3, 5, 7],
        &[3],
    )
    .await;
}
