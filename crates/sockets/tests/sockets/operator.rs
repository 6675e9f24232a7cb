//! Who fails over and back: the real engine and the real adapters, from a host of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use c8dr_domain::check::check;
use c8dr_domain::condition::{Asks, SearchAsks};
use c8dr_domain::diagnose::{Code, diagnose};
use c8dr_domain::history::History;
use c8dr_domain::ids::{BrokerId, ExporterId, GatewayName, RegionId, RunId};
use c8dr_domain::installation::Installation;
use c8dr_domain::plan::{Plan, failback, failover};
use c8dr_domain::run::Event;
use c8dr_domain::search::Repository;
use c8dr_engine::clock::{Clock, Moment};
use c8dr_engine::drive::{Beginning, Canceller, Driver, Finish, Gear};
use c8dr_engine::events;
use c8dr_engine::journal::Unkept;
use c8dr_engine::observe::{Look, Sources, observe, observe_all};
use c8dr_engine::ports::{Platform, Search, Tap};
use c8dr_lab::{Audit, BUCKET, FinalAudit, Lab, LabStatus, Region};
use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::elasticsearch::{Elasticsearch, Endpoint};
use c8dr_systems::zeebe::{Cluster, Endpoints, GatewayEndpoints};
use jiff::Timestamp;

use crate::dial::SimulatedTcp;
use crate::platform::RemotePlatform;
use crate::stage::{BROKERS, LabHost, Night, Stage, host, search_host};

/// How long it may take until a loss is proven, or the world is seen healthy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often somebody looks meanwhile.
const PAUSE: Duration = Duration::from_millis(500);

/// A moment to begin with; simulated time has no other.
pub(crate) fn dawn() -> Timestamp {
    "2026-01-01T03:00:00Z".parse().unwrap()
}

/// What became of a run, and of the lab.
pub(crate) struct Told {
    pub(crate) finish: Finish,
    pub(crate) events: Vec<(Timestamp, Event)>,
    /// How long the run took.
    pub(crate) took: Duration,
    pub(crate) status: LabStatus,
    pub(crate) audit: Audit,
    /// Both searches and the log, when all is over.
    pub(crate) in_the_end: FinalAudit,
    /// On how many brokers exporting is paused.
    pub(crate) paused: usize,
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

/// The way to a host, and who sees each call.
fn seams(stage: &Stage) -> (SimulatedTcp, Tap) {
    let seen = stage.seen.clone();
    let dial = SimulatedTcp {
        links: stage.links.clone(),
    };
    let tap = Arc::new(move |exchange| seen.lock().unwrap().exchanges.push(exchange));
    (dial, tap)
}

fn cluster(stage: &Stage, clock: &Clock) -> Cluster {
    let (dial, tap) = seams(stage);
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

/// What somebody does from this host, and by what.
struct Operator {
    lab: LabHost,
    clock: Clock,
    installation: Installation,
    cluster: Cluster,
    searches: BTreeMap<RegionId, Elasticsearch>,
    platforms: BTreeMap<RegionId, RemotePlatform>,
    events: Arc<Mutex<Vec<(Timestamp, Event)>>>,
    seed: u64,
}

impl Operator {
    fn new(lab: LabHost, stage: &Stage, seed: u64) -> Operator {
        let clock = Clock::new(dawn(), 1.0);
        let searches = Region::BOTH.map(|region| {
            let url = BaseUrl::parse(&format!("http://{}:9200", search_host(region))).unwrap();
            let endpoint = Endpoint::new(url);
            let (dial, tap) = seams(stage);
            let search = Elasticsearch::new(endpoint, Arc::new(dial), clock.clone(), Some(tap)).unwrap();
            (RegionId(region.index() as u32), search)
        });
        let platforms = Region::BOTH.map(|region| {
            let platform = RemotePlatform {
                lab: lab.clone(),
                region,
                clock: clock.clone(),
            };
            (RegionId(region.index() as u32), platform)
        });
        Operator {
            cluster: cluster(stage, &clock),
            installation: installation(),
            searches: searches.into(),
            platforms: platforms.into(),
            events: Arc::default(),
            lab,
            clock,
            seed,
        }
    }

    fn sources(&self) -> Sources<'_> {
        let searches = self.searches.iter();
        let platforms = self.platforms.iter();
        Sources {
            zeebe: &self.cluster,
            searches: searches.map(|(id, one)| (*id, one as &dyn Search)).collect(),
            platforms: platforms.map(|(id, one)| (*id, one as &dyn Platform)).collect(),
            traffic: None,
        }
    }

    /// Plans the way back as soon as it can be planned.
    async fn planned_back(&self, returning: RegionId) -> (Plan, History) {
        let repository = Repository {
            name: "camunda_backup".to_owned(),
            settings: serde_json::json!({
                "type": "s3",
                "settings": {"bucket": BUCKET, "client": "camunda", "base_path": "backups"},
            }),
        };
        let request = failback::Request::new(returning, repository);
        let both = [RegionId(0), RegionId(1)];
        let search = SearchAsks {
            indices: true,
            ..SearchAsks::default()
        };
        let asks = Asks {
            both_regions: true,
            platforms: both.into(),
            searches: both.map(|id| (id, search.clone())).into(),
            ..Asks::default()
        };
        let (mut history, began) = (History::new(), self.clock.now());
        loop {
            history.add(observe_all(&self.sources(), &self.clock, Look::Everything, &asks).await);
            match failback::plan(&self.installation, &history, &request, self.clock.wall()) {
                Ok(plan) => return (plan, history),
                Err(refusal) => {
                    let waited = self.clock.now().since(began);
                    assert!(waited < PATIENCE, "{refusal:#?}");
                    self.clock.sleep(PAUSE).await;
                }
            }
        }
    }

    /// Carries a plan out, and says what became of it and how long it took.
    async fn carries_out(&self, plan: Plan, history: History) -> (Finish, Duration) {
        assert_eq!(check(&plan, history.latest()), vec![]);
        let kept = self.events.clone();
        kept.lock().unwrap().clear();
        let listener = move |told: &events::Told| {
            if let events::Told::Event { at, event } = told {
                kept.lock().unwrap().push((*at, event.clone()));
            }
        };
        let sources = self.sources();
        let gear = Gear {
            zeebe: sources.zeebe,
            searches: sources.searches,
            platforms: sources.platforms,
            traffic: None,
            bucket: None,
            clock: self.clock.clone(),
            listener: &listener,
            canceller: Canceller::default(),
            seed: self.seed,
        };
        let beginning = Beginning {
            run: RunId::new("over-sockets"),
            plan,
            by: "test".to_owned(),
            reason: None,
        };
        let began: Moment = self.clock.now();
        let mut driver = Driver::begin(gear, Box::new(Unkept), beginning, history).unwrap();
        let finish = driver.drive().await.unwrap();
        (finish, self.clock.now().since(began))
    }

    /// What became of it all; after a failback everybody rests before it is reckoned up.
    async fn told(&self, night: Night, (finish, took): (Finish, Duration)) -> Told {
        if night == Night::Failback {
            self.lab.with(|lab| lab.with(|world| world.set_load(0.0))).await;
            let began = self.clock.now();
            while !self.lab.with(Lab::exporters_caught_up).await && self.clock.now().since(began) < PATIENCE {
                self.clock.sleep(PAUSE).await;
            }
        }
        Told {
            finish,
            took,
            status: self.lab.with(Lab::status).await,
            audit: self.lab.with(Lab::audit).await,
            in_the_end: self.lab.with(Lab::final_audit).await,
            paused: self.lab.with(|lab| lab.with(|world| world.paused().len())).await,
            events: std::mem::take(&mut *self.events.lock().unwrap()),
        }
    }
}

/// Sees a healthy world, loses a region, and fails over; and, if the night goes on so long, back.
pub(crate) async fn lives_through(lab: LabHost, stage: Stage, lost: Region, seed: u64, night: Night) -> Told {
    let operator = Operator::new(lab, &stage, seed);
    let mut watch = Watch {
        cluster: &operator.cluster,
        clock: &operator.clock,
        installation: &operator.installation,
        history: History::new(),
    };
    watch.until(Code::Healthy).await;
    operator.lab.with(move |lab| lab.lose_region(lost)).await;
    watch.until(Code::RegionLost).await;
    let history = watch.history;
    let id = RegionId(lost.index() as u32);
    let request = failover::Request::new(id);
    let plan = failover::plan(&operator.installation, &history, &request, operator.clock.wall()).unwrap();
    let carried = operator.carries_out(plan, history).await;
    if night == Night::Failover {
        return operator.told(night, carried).await;
    }
    assert!(matches!(carried.0, Finish::Verified { .. }), "{:#?}", carried.0);
    operator.lab.with(move |lab| lab.rebuild_bare(lost)).await;
    // What is seen and told from here on is the failback.
    std::mem::take(&mut *stage.seen.lock().unwrap());
    let (plan, history) = operator.planned_back(id).await;
    let carried = operator.carries_out(plan, history).await;
    operator.told(night, carried).await
}
