//! The real engine and the real adapters on the lab's ports, in virtual time: nothing is mocked, nothing is waited for.
//!
//! Requests go through the adapters' upper seam straight into the lab's routers. One request that changes something can be
//! spoiled on its way, as networks do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod back;
pub(crate) mod journal;
pub(crate) mod platform;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::diagnose::{Code, Diagnosis, diagnose};
use c8dr_domain::history::History;
use c8dr_domain::ids::{BrokerId, ExporterId, GatewayName, RegionId, RunId};
use c8dr_domain::installation::Installation;
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::plan::{Plan, Refusal};
use c8dr_domain::run::{Event, Run};
use c8dr_engine::backoff::Backoff;
use c8dr_engine::clock::{Clock, Moment};
use c8dr_engine::drive::{Beginning, Canceller, DriveError, Driver, Finish, Gear};
use c8dr_engine::events::{Listener, Told};
use c8dr_engine::journal::Journal;
use c8dr_engine::observe::{Look, observe};
use c8dr_engine::ports::{Bucket, Platform, Search, Traffic, Zeebe};
use c8dr_lab::{Lab, Region, Timings, WorldConfig};
use c8dr_storm::rings::names::LabNames;
use c8dr_systems::dial::Connector;
use c8dr_systems::dial::memory::Network;
use c8dr_systems::elasticsearch::{Elasticsearch, Endpoint};
use c8dr_systems::http::Service;
use c8dr_systems::zeebe::{BaseUrl, Cluster, Endpoints, GatewayEndpoints};
use jiff::Timestamp;

pub(crate) use journal::{Mortal, run_of};
use platform::LabPlatform;
pub(crate) use wire::{Plot, Spoil};
use wire::{Port, Wire};

/// A lab, and everything that is needed to work on it.
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) cluster: Cluster,
    pub(crate) searches: BTreeMap<RegionId, Box<dyn Search>>,
    pub(crate) platforms: BTreeMap<RegionId, Box<dyn Platform>>,
    /// The users' names; none unless a test wants them.
    pub(crate) names: Option<LabNames>,
    /// The place outside this machine; none unless a test wants one.
    pub(crate) bucket: Option<Box<dyn Bucket>>,
    pub(crate) clock: Clock,
    pub(crate) installation: Installation,
    pub(crate) history: History,
    pub(crate) plot: Plot,
    /// The runs that were begun here.
    pub(crate) runs: u32,
}

/// A search at the end of a wire.
fn search(wire: Wire) -> Box<dyn Search> {
    let url = BaseUrl::parse("http://search:9200").unwrap();
    let clock = wire.clock.clone();
    Box::new(Elasticsearch::over(Service::new(wire), Endpoint::new(url), clock, None).unwrap())
}

/// Both regions, as c8dr and as the lab calls them.
pub(crate) const REGIONS: [(RegionId, Region); 2] = [(RegionId(0), Region::Even), (RegionId(1), Region::Odd)];

/// A moment to begin with; virtual time has no other.
pub(crate) fn dawn() -> Timestamp {
    "2026-01-01T03:00:00Z".parse().unwrap()
}

impl World {
    /// A healthy lab of measured delays.
    pub(crate) fn new(brokers: u32, partitions: u32, seed: u64) -> World {
        World::timed(brokers, partitions, seed, Timings::measured())
    }

    /// A healthy lab of given delays.
    pub(crate) fn timed(brokers: u32, partitions: u32, seed: u64, timings: Timings) -> World {
        World::of(WorldConfig {
            brokers,
            partitions,
            seed,
            timings,
            ..WorldConfig::default()
        })
    }

    /// A healthy lab of this configuration.
    pub(crate) fn of(config: WorldConfig) -> World {
        let clock = Clock::new(dawn(), 1.0);
        let (brokers, partitions) = (config.brokers, config.partitions);
        let lab = Lab::new(config, clock.clone()).unwrap();
        let plot = Plot::default();
        let wire = |port: Port| Wire {
            lab: lab.clone(),
            clock: clock.clone(),
            plot: plot.clone(),
            port,
        };
        let url = |broker: u32, port: u16| BaseUrl::parse(&format!("http://broker-{broker}:{port}")).unwrap();
        let endpoints = Endpoints {
            gateways: (0..brokers)
                .map(|broker| {
                    let endpoints = GatewayEndpoints {
                        region: RegionId(broker % 2),
                        rest: Some(url(broker, 8080)),
                        management: Some(url(broker, 9600)),
                        grpc: None,
                    };
                    (GatewayName::new(format!("gateway-{broker:02}")), endpoints)
                })
                .collect(),
            brokers: (0..brokers)
                .map(|broker| (BrokerId(broker), url(broker, 9600)))
                .collect(),
            ..Endpoints::default()
        };
        let connector = Connector::new(Arc::new(Network::new()), None, clock.clone());
        let cluster = Cluster::over(Service::new(wire(Port::Brokers)), connector, endpoints, None).unwrap();
        let regions = (0..2)
            .map(|i| {
                (
                    format!("region{i}"),
                    ExporterId::new(format!("elasticsearchregion{i}")),
                )
            })
            .collect();
        let installation = Installation::new("lab", regions, brokers, partitions, 4).unwrap();
        let searches = REGIONS
            .into_iter()
            .map(|(id, region)| (id, search(wire(Port::Search(region)))))
            .collect();
        let platforms = REGIONS
            .into_iter()
            .map(|(id, region)| {
                let platform = LabPlatform {
                    lab: lab.clone(),
                    region,
                    clock: clock.clone(),
                    plot: plot.clone(),
                };
                (id, Box::new(platform) as Box<dyn Platform>)
            })
            .collect();
        World {
            lab,
            cluster,
            searches,
            platforms,
            names: None,
            bucket: None,
            clock,
            installation,
            history: History::new(),
            plot,
            runs: 0,
        }
    }

    /// Another way to a region's search.
    pub(crate) fn search_of(&self, region: Region) -> Box<dyn Search> {
        search(Wire {
            lab: self.lab.clone(),
            clock: self.clock.clone(),
            plot: self.plot.clone(),
            port: Port::Search(region),
        })
    }

    /// Kills a region.
    pub(crate) fn lose(&self, region: RegionId) {
        self.lab
            .lose_region(self.lab.region(&format!("region{region}")).unwrap());
    }

    /// Takes one reading of everything.
    pub(crate) async fn look(&mut self) -> Diagnosis {
        self.history
            .add(observe(&self.cluster, &self.clock, Look::Everything).await);
        diagnose(&self.installation, &self.history)
    }

    /// Looks until a state is reached; panics with what is seen instead.
    pub(crate) async fn until(&mut self, code: Code, limit: Duration) -> Moment {
        let began = self.clock.now();
        let mut backoff = Backoff::seeded(1);
        loop {
            let diagnosis = self.look().await;
            if diagnosis.code == code {
                return self.clock.now();
            }
            assert!(
                self.clock.now().since(began) < limit,
                "not {code:?} within {limit:?}, but {diagnosis:#?}"
            );
            self.clock.sleep(backoff.pause()).await;
        }
    }

    /// A healthy world loses a region, which is then proven; returns when it was killed and when it was proven.
    pub(crate) async fn loss_proven(&mut self, lost: RegionId) -> (Moment, Moment) {
        self.until(Code::Healthy, Duration::from_secs(30)).await;
        self.clock.sleep(Duration::from_secs(2)).await;
        self.look().await;
        self.lose(lost);
        let killed = self.clock.now();
        (
            killed,
            self.until(Code::RegionLost, Duration::from_secs(60)).await,
        )
    }

    /// The plan as of now.
    pub(crate) fn plan(&self, lost: RegionId) -> Result<Plan, Refusal> {
        plan(
            &self.installation,
            &self.history,
            &Request::new(lost),
            self.clock.wall(),
        )
    }

    /// Begins a run of a plan and drives it as far as it goes.
    pub(crate) async fn carry_out(
        &mut self,
        plan: Plan,
        journal: impl Journal + 'static,
    ) -> Result<(Finish, Run), DriveError> {
        self.carry_out_told(plan, journal, &|_: &Told| {}).await
    }

    /// The same, before the eyes of a listener.
    pub(crate) async fn carry_out_told(
        &mut self,
        plan: Plan,
        journal: impl Journal + 'static,
        listener: &dyn Listener,
    ) -> Result<(Finish, Run), DriveError> {
        let beginning = self.beginning(plan);
        let gear = self.gear(listener);
        let mut driver = Driver::begin(gear, Box::new(journal), beginning, self.history.clone())?;
        let finish = driver.drive().await?;
        Ok((finish, driver.run().clone()))
    }

    /// A run of its own for each plan.
    pub(crate) fn beginning(&mut self, plan: Plan) -> Beginning {
        self.runs += 1;
        Beginning {
            run: RunId::new(format!("test-{}", self.runs)),
            plan,
            by: "test".to_owned(),
            reason: None,
        }
    }

    /// Resumes a run from its events and drives it as far as it goes.
    pub(crate) async fn resume(
        &self,
        events: &[(Timestamp, Event)],
        journal: impl Journal + 'static,
    ) -> Result<(Finish, Run), DriveError> {
        let mut driver = self.resumed(events, journal, &|_: &Told| {})?;
        let finish = driver.drive().await?;
        Ok((finish, driver.run().clone()))
    }

    /// A driver that goes on with a run.
    pub(crate) fn resumed<'a>(
        &'a self,
        events: &[(Timestamp, Event)],
        journal: impl Journal + 'static,
        listener: &'a dyn Listener,
    ) -> Result<Driver<'a>, DriveError> {
        Driver::resume(
            self.gear(listener),
            Box::new(journal),
            run_of(events),
            "test".to_owned(),
        )
    }

    /// What a driver works with here.
    pub(crate) fn gear<'a>(&'a self, listener: &'a dyn Listener) -> Gear<'a> {
        self.gear_with(&self.cluster, listener)
    }

    /// The same with another way to the cluster.
    pub(crate) fn gear_with<'a>(&'a self, zeebe: &'a dyn Zeebe, listener: &'a dyn Listener) -> Gear<'a> {
        Gear {
            zeebe,
            searches: self
                .searches
                .iter()
                .map(|(region, search)| (*region, search.as_ref()))
                .collect(),
            platforms: self
                .platforms
                .iter()
                .map(|(region, platform)| (*region, platform.as_ref()))
                .collect(),
            traffic: (self.names.as_ref()).map(|names| names as &dyn Traffic),
            bucket: self.bucket.as_deref(),
            clock: self.clock.clone(),
            listener,
            canceller: Canceller::default(),
            seed: 7,
        }
    }

    /// What somebody else sends to a broker's management port; returns the status.
    pub(crate) async fn somebody(&self, broker: u32, method: &str, path: &str, body: &str) -> u16 {
        wire::somebody(&self.lab, broker, method, path, body).await
    }

    /// How many forces reached the lab.
    pub(crate) fn forces(&self) -> usize {
        self.plot
            .lock()
            .unwrap()
            .arrived
            .iter()
            .filter(|request| request.line.ends_with("/brokers?force=true"))
            .count()
    }

    /// Spoils the n-th request that changes something.
    pub(crate) fn spoil(&self, nth: usize, spoil: Spoil) {
        self.plot.lock().unwrap().spoil = Some((nth, spoil));
    }

    /// Asserts that the failover is really there, by the lab's own truth, and that nothing acknowledged is missing.
    #[track_caller]
    pub(crate) fn assert_failed_over(&self, lost: RegionId) {
        let status = self.lab.status();
        assert_eq!(status.leaderless, Vec::<u32>::new(), "every partition is led");
        assert_eq!(status.led_twice, Vec::<u32>::new());
        assert_eq!(status.pending_change, None);
        for broker in &status.regions[lost.0 as usize].brokers {
            assert!(
                broker.leads.is_empty(),
                "broker {} of the lost region leads",
                broker.id
            );
        }
        let audit = self.lab.audit();
        assert_eq!(
            audit.missing,
            Vec::<i64>::new(),
            "nothing acknowledged is missing"
        );
        assert!(audit.acknowledged > 0, "clients were served");
    }
}
