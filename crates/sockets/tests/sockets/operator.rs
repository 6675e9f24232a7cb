//! Who fails over: the real engine and the real adapters, from a host of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use c8dr_domain::check::check;
use c8dr_domain::diagnose::{Code, diagnose};
use c8dr_domain::history::History;
use c8dr_domain::ids::{BrokerId, ExporterId, GatewayName, RegionId, RunId};
use c8dr_domain::installation::Installation;
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::run::Event;
use c8dr_engine::clock::{Clock, Moment};
use c8dr_engine::drive::{Beginning, Canceller, Driver, Finish, Gear};
use c8dr_engine::events;
use c8dr_engine::journal::Unkept;
use c8dr_engine::observe::{Look, observe};
use c8dr_lab::{Audit, LabStatus, Region};
use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::zeebe::{Cluster, Endpoints, GatewayEndpoints};
use jiff::Timestamp;

use crate::dial::SimulatedTcp;
use crate::stage::{BROKERS, LabHost, Stage, host};

/// How long it may take until a loss is proven, or the world is seen healthy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often somebody looks meanwhile.
const PAUSE: Duration = Duration::from_millis(500);

/// A moment to begin with; simulated time has no other.
pub(crate) fn dawn() -> Timestamp {
    "2026-01-01T03:00:00Z".parse().unwrap()
}

/// What became of a failover, and of the lab.
pub(crate) struct Told {
    pub(crate) finish: Finish,
    pub(crate) events: Vec<(Timestamp, Event)>,
    /// How long the run took.
    pub(crate) took: Duration,
    pub(crate) status: LabStatus,
    pub(crate) audit: Audit,
}

fn url(broker: u32, port: u16) -> BaseUrl {
    BaseUrl::parse(&format!("http://{}:{port}", host(broker))).unwrap()
}

fn endpoints() -> Endpoints {
    let gateways = (0..BROKERS).map(|broker| {
        let endpoints = GatewayEndpoints {
            region: RegionId(broker % 2),
            rest: Some(url(broker, 8080)),
            management: Some(url(broker, 9600)),
            grpc: None,
        };
        (GatewayName::new(format!("gateway-{broker:02}")), endpoints)
    });
    Endpoints {
        gateways: gateways.collect(),
        brokers: (0..BROKERS)
            .map(|broker| (BrokerId(broker), url(broker, 9600)))
            .collect(),
        ..Endpoints::default()
    }
}

fn cluster(stage: &Stage, clock: &Clock) -> Cluster {
    let seen = stage.seen.clone();
    let dial = SimulatedTcp {
        links: stage.links.clone(),
    };
    let tap = Arc::new(move |exchange| seen.lock().unwrap().exchanges.push(exchange));
    Cluster::new(endpoints(), Arc::new(dial), clock.clone(), Some(tap)).unwrap()
}

fn installation() -> Installation {
    let regions = [0, 1].map(|i| {
        (
            format!("region{i}"),
            ExporterId::new(format!("elasticsearchregion{i}")),
        )
    });
    Installation::new("lab", regions.to_vec(), BROKERS, BROKERS, 4).unwrap()
}

/// Looks at the world until it is as wanted.
struct Watch<'a> {
    cluster: &'a Cluster,
    clock: &'a Clock,
    installation: &'a Installation,
    history: History,
}

impl Watch<'_> {
    async fn until(&mut self, wanted: Code) {
        let began = self.clock.now();
        loop {
            let reading = observe(self.cluster, self.clock, Look::Everything).await;
            self.history.add(reading);
            let diagnosis = diagnose(self.installation, &self.history);
            if diagnosis.code == wanted {
                return;
            }
            let waited = self.clock.now().since(began);
            assert!(waited < PATIENCE, "not {wanted:?}, but {diagnosis:#?}");
            self.clock.sleep(PAUSE).await;
        }
    }
}

/// Sees a healthy world, loses a region, and fails over.
pub(crate) async fn fails_over(lab: LabHost, stage: Stage, lost: Region, seed: u64) -> Told {
    let clock = Clock::new(dawn(), 1.0);
    let installation = installation();
    let cluster = cluster(&stage, &clock);
    let mut watch = Watch {
        cluster: &cluster,
        clock: &clock,
        installation: &installation,
        history: History::new(),
    };
    watch.until(Code::Healthy).await;
    lab.with(move |lab| lab.lose_region(lost)).await;
    watch.until(Code::RegionLost).await;
    let history = watch.history;
    let id = RegionId(lost.index() as u32);
    let plan = plan(&installation, &history, &Request::new(id), clock.wall()).unwrap();
    assert_eq!(check(&plan, history.latest()), vec![]);
    let events = Arc::new(Mutex::new(Vec::new()));
    let kept = events.clone();
    let listener = move |told: &events::Told| {
        if let events::Told::Event { at, event } = told {
            kept.lock().unwrap().push((*at, event.clone()));
        }
    };
    let gear = Gear {
        zeebe: &cluster,
        searches: BTreeMap::new(),
        platforms: BTreeMap::new(),
        traffic: None,
        bucket: None,
        clock: clock.clone(),
        listener: &listener,
        canceller: Canceller::default(),
        seed,
    };
    let beginning = Beginning {
        run: RunId::new("over-sockets"),
        plan,
        by: "test".to_owned(),
        reason: None,
    };
    let began: Moment = clock.now();
    let mut driver = Driver::begin(gear, Box::new(Unkept), beginning, history).unwrap();
    let finish = driver.drive().await.unwrap();
    let took = clock.now().since(began);
    drop(driver);
    let status = lab.with(|lab| lab.status()).await;
    let audit = lab.with(|lab| lab.audit()).await;
    let events = std::mem::take(&mut *events.lock().unwrap());
    Told {
        finish,
        events,
        took,
        status,
        audit,
    }
}
