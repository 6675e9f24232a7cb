//! The real engine and the real adapters on the lab's ports, in virtual time: nothing is mocked, nothing is waited for.
//!
//! Requests go through the adapters' upper seam straight into the lab's routers. One request that changes something can be
//! spoiled on its way, as networks do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use c8dr_domain::diagnose::{Code, Diagnosis, diagnose};
use c8dr_domain::history::History;
use c8dr_domain::ids::{BrokerId, ExporterId, GatewayName, RegionId, RunId};
use c8dr_domain::installation::Installation;
use c8dr_domain::observation::Silence;
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::plan::{Plan, Refusal};
use c8dr_domain::run::{Event, Run};
use c8dr_engine::backoff::Backoff;
use c8dr_engine::clock::{Clock, Moment};
use c8dr_engine::drive::{Beginning, Canceller, DriveError, Driver, Finish, Gear};
use c8dr_engine::events::Told;
use c8dr_engine::journal::{Journal, JournalError};
use c8dr_engine::observe::{Look, observe};
use c8dr_lab::{Lab, Refused, Timings, WorldConfig};
use c8dr_systems::dial::Connector;
use c8dr_systems::dial::memory::Network;
use c8dr_systems::http::{Bounds, Fault, Service};
use c8dr_systems::zeebe::{BaseUrl, Cluster, Endpoints, GatewayEndpoints};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use tower::ServiceExt;

/// What happens to a request that changes something, on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoil {
    /// It has its effect; the connection breaks before the answer.
    LostAfter,
    /// It never arrives; the connection breaks.
    LostBefore,
    /// It has its effect; no answer comes in time.
    LateAfter,
    /// It is answered so, without effect.
    Status(u16),
    /// It is answered so, and has its effect all the same.
    StatusAfter(u16),
    /// No connection comes about.
    Refused,
}

/// Which of the requests that change something is spoiled, and how. Counted from 1; rehearsals do not count.
pub(crate) type Plot = Arc<Mutex<Plotted>>;

#[derive(Debug, Default)]
pub(crate) struct Plotted {
    pub(crate) spoil: Option<(usize, Spoil)>,
    /// Forces and disables that reached the lab.
    pub(crate) arrived: Vec<String>,
    seen: usize,
}

/// A lab, and everything that is needed to work on it.
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) cluster: Cluster,
    pub(crate) clock: Clock,
    pub(crate) installation: Installation,
    pub(crate) history: History,
    pub(crate) plot: Plot,
}

#[derive(Clone)]
struct Wire {
    lab: Lab,
    clock: Clock,
    plot: Plot,
}

impl tower::Service<http::Request<Full<Bytes>>> for Wire {
    type Response = http::Response<Bytes>;
    type Error = Fault;
    type Future = BoxFuture<'static, Result<http::Response<Bytes>, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Full<Bytes>>) -> Self::Future {
        let wire = self.clone();
        Box::pin(async move { wire.exchange(request).await })
    }
}

impl Wire {
    async fn exchange(self, request: http::Request<Full<Bytes>>) -> Result<http::Response<Bytes>, Fault> {
        let bounds = request.extensions().get::<Bounds>().copied().unwrap_or_default();
        let broken = || Fault::Broken {
            why: Silence::Broken,
            status: None,
            detail: "cut".to_owned(),
        };
        let late = Fault::TooLate {
            status: None,
            limit: bounds.answer,
        };
        let changes =
            *request.method() != http::Method::GET && !request.uri().to_string().contains("dryRun=true");
        let spoil = if changes { self.plotted(&request) } else { None };
        match spoil {
            Some(Spoil::LostBefore) => return Err(broken()),
            Some(Spoil::Refused) => {
                return Err(Fault::NotSent {
                    why: Silence::Refused,
                    detail: "refused".to_owned(),
                });
            }
            Some(Spoil::Status(status)) => return Ok(answer(status)),
            _ => {}
        }
        let arrived = format!("{} {}", request.method(), request.uri().path());
        let outcome = self
            .clock
            .timeout(bounds.answer, self.ask(request))
            .await
            .map_err(|_| late.clone())?;
        if changes {
            self.plot.lock().unwrap().arrived.push(arrived);
        }
        match spoil {
            Some(Spoil::LostAfter) => Err(broken()),
            Some(Spoil::LateAfter) => {
                self.clock.sleep(bounds.answer).await;
                Err(late)
            }
            Some(Spoil::StatusAfter(status)) => Ok(answer(status)),
            _ => outcome,
        }
    }

    fn plotted(&self, _: &http::Request<Full<Bytes>>) -> Option<Spoil> {
        let mut plot = self.plot.lock().unwrap();
        plot.seen += 1;
        plot.spoil
            .filter(|(nth, _)| *nth == plot.seen)
            .map(|(_, spoil)| spoil)
    }

    async fn ask(&self, request: http::Request<Full<Bytes>>) -> Result<http::Response<Bytes>, Fault> {
        let broker: u32 = request
            .uri()
            .host()
            .and_then(|host| host.strip_prefix("broker-"))
            .unwrap()
            .parse()
            .unwrap();
        let broker = self.lab.broker(broker).unwrap();
        let port = match request.uri().port_u16() {
            Some(8080) => self.lab.rest(broker),
            _ => self.lab.management(broker),
        };
        match port.oneshot(request.map(Body::new)).await {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                Ok(http::Response::from_parts(head, body))
            }
            Err(Refused::ConnectionRefused) => Err(Fault::NotSent {
                why: Silence::Refused,
                detail: "refused".to_owned(),
            }),
            Err(Refused::ConnectionReset) => Err(Fault::Broken {
                why: Silence::Broken,
                status: None,
                detail: "reset".to_owned(),
            }),
        }
    }
}

fn answer(status: u16) -> http::Response<Bytes> {
    http::Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Bytes::from_static(br#"{"message":"spoiled on the way"}"#))
        .unwrap()
}

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
        let clock = Clock::new(dawn(), 1.0);
        let config = WorldConfig {
            brokers,
            partitions,
            seed,
            timings,
            ..WorldConfig::default()
        };
        let lab = Lab::new(config, clock.clone()).unwrap();
        let plot = Plot::default();
        let wire = Wire {
            lab: lab.clone(),
            clock: clock.clone(),
            plot: plot.clone(),
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
        let cluster = Cluster::over(Service::new(wire), connector, endpoints, None).unwrap();
        let regions = (0..2)
            .map(|i| {
                (
                    format!("region{i}"),
                    ExporterId::new(format!("elasticsearchregion{i}")),
                )
            })
            .collect();
        let installation = Installation::new("lab", regions, brokers, partitions, 4).unwrap();
        World {
            lab,
            cluster,
            clock,
            installation,
            history: History::new(),
            plot,
        }
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
        &self,
        plan: Plan,
        journal: impl Journal + 'static,
    ) -> Result<(Finish, Run), DriveError> {
        let beginning = Beginning {
            run: RunId::new("test"),
            plan,
            by: "test".to_owned(),
            reason: None,
        };
        let mut driver = Driver::begin(self.gear(), Box::new(journal), beginning, self.history.clone())?;
        let finish = driver.drive().await?;
        Ok((finish, driver.run().clone()))
    }

    /// Resumes a run from its events and drives it as far as it goes.
    pub(crate) async fn resume(
        &self,
        events: &[(Timestamp, Event)],
        journal: impl Journal + 'static,
    ) -> Result<(Finish, Run), DriveError> {
        let (first, rest) = events.split_first().unwrap();
        let mut run = Run::begin(first.0, &first.1).unwrap();
        for (at, event) in rest {
            run.apply(*at, event).unwrap();
        }
        let mut driver = Driver::resume(self.gear(), Box::new(journal), run, "test".to_owned())?;
        let finish = driver.drive().await?;
        Ok((finish, driver.run().clone()))
    }

    fn gear(&self) -> Gear<'_> {
        Gear {
            zeebe: &self.cluster,
            searches: Default::default(),
            platforms: Default::default(),
            bucket: None,
            clock: self.clock.clone(),
            listener: &|_: &Told| {},
            canceller: Canceller::default(),
            seed: 7,
        }
    }

    /// What somebody else sends to a broker's management port; returns the status.
    pub(crate) async fn somebody(&self, broker: u32, method: &str, path: &str, body: &str) -> u16 {
        let port = self.lab.management(self.lab.broker(broker).unwrap());
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        port.oneshot(request)
            .await
            .map_or(0, |response| response.status().as_u16())
    }

    /// How many forces reached the lab.
    pub(crate) fn forces(&self) -> usize {
        self.plot
            .lock()
            .unwrap()
            .arrived
            .iter()
            .filter(|request| request.ends_with("/actuator/cluster/brokers"))
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

/// A journal in memory that can die after a number of records, as a process does: the record is durable, nothing after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mortal {
    pub(crate) kept: Arc<Mutex<Vec<(Timestamp, Event)>>>,
    pub(crate) dies_after: Option<usize>,
}

impl Journal for Mortal {
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), JournalError> {
        let mut kept = self.kept.lock().unwrap();
        kept.push((at, event.clone()));
        if self.dies_after == Some(kept.len()) {
            return Err(JournalError::Empty { path: "died".into() });
        }
        Ok(())
    }
}
