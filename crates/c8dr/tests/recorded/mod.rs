//! The recordings of a real Zeebe 8.6.0, put back on the wire: what was answered then is heard by the real adapters now.
//!
//! A [`Stage`] is what was asked around one moment of a recorded run. What was not asked then is not asked now; what was
//! dead then refuses connections. Nothing is made up, except the dates: a stage is dated to the newest of its answers.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod returning;
pub(crate) mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use c8dr_domain::history::History;
use c8dr_domain::ids::{BrokerId, ExporterId, GatewayName, RegionId};
use c8dr_domain::installation::Installation;
use c8dr_domain::observation::{BrokerSight, GatewaySight, Observation, Sight, Silence};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Zeebe;
use c8dr_systems::dial::Connector;
use c8dr_systems::dial::memory::Network;
use c8dr_systems::http::{Fault, Service};
use c8dr_systems::zeebe::{BaseUrl, Cluster, Endpoints, GatewayEndpoints};
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The reads of which a reading consists.
const TOPOLOGY: &str = "/v2/topology";
const CONFIGURATION: &str = "/actuator/cluster";
const EXPORTERS: &str = "/actuator/exporters";
const READINESS: &str = "/actuator/health/readiness";
const PARTITIONS: &str = "/actuator/partitions";
const READS: [&str; 5] = [TOPOLOGY, CONFIGURATION, EXPORTERS, READINESS, PARTITIONS];

/// One recorded run of a real cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recording {
    pub(crate) folder: &'static str,
    pub(crate) brokers: u32,
}

/// One answer of a poll, with when it was seen first and last, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) from_s: f64,
    pub(crate) until_s: f64,
    pub(crate) times: u32,
}

impl Recording {
    /// The installation that was recorded: as many partitions as brokers, named as its exporters are.
    pub(crate) fn installation(self) -> Installation {
        let regions = (0..2)
            .map(|i| {
                (
                    format!("region{i}"),
                    ExporterId::new(format!("elasticsearchregion{i}")),
                )
            })
            .collect();
        Installation::new(self.folder, regions, self.brokers, self.brokers, 4).unwrap()
    }

    /// A stage of which nothing is known yet.
    pub(crate) fn stage(self) -> Stage {
        Stage {
            recording: self,
            answers: BTreeMap::new(),
            dead: BTreeSet::new(),
            at_s: 0.0,
        }
    }

    /// The answers of a poll, each as often as it was seen.
    pub(crate) fn polls(self, number: u32) -> Vec<Seen> {
        let seconds = |answer: &Value, key: &str| answer[key].as_f64();
        distinct(&self.file(number), number)
            .iter()
            .map(|answer| {
                let from_s = seconds(answer, "at_s").unwrap();
                Seen {
                    from_s,
                    until_s: seconds(answer, "last_seen_at_s").unwrap_or(from_s),
                    times: u32::try_from(answer["seen"].as_u64().unwrap()).unwrap(),
                }
            })
            .collect()
    }

    fn file(self, number: u32) -> Value {
        let prefix = format!("{number:03}-");
        let folder = recordings().join(self.folder);
        let file = std::fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .find(|file| file.file_name().unwrap().to_str().unwrap().starts_with(&prefix))
            .unwrap_or_else(|| panic!("no recording {number} in {}", self.folder));
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }
}

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/zeebe-8.6.0")
}

fn distinct(recorded: &Value, number: u32) -> Vec<Value> {
    recorded["distinct_answers"]
        .as_array()
        .unwrap_or_else(|| panic!("recording {number} is no poll"))
        .clone()
}

/// What was asked around one moment, and what came.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    recording: Recording,
    /// By broker (each has an embedded gateway) and path.
    answers: BTreeMap<(u32, String), Value>,
    dead: BTreeSet<u32>,
    at_s: f64,
}

impl Stage {
    /// Adds the reads among these recordings; a later one takes the place of an earlier one. Changes, rehearsals and other
    /// systems' answers in between are passed over.
    pub(crate) fn heard(mut self, numbers: impl IntoIterator<Item = u32>) -> Stage {
        for number in numbers {
            let recorded = self.recording.file(number);
            if let Some("GET") = recorded["method"].as_str() {
                self.add(recorded);
            }
        }
        self
    }

    /// Adds one answer of a poll, counted from 0.
    pub(crate) fn polled(mut self, number: u32, nth: usize) -> Stage {
        let mut answers = distinct(&self.recording.file(number), number);
        self.add(answers.swap_remove(nth));
        self
    }

    /// Adds the last answer of a poll.
    pub(crate) fn last_of(self, number: u32) -> Stage {
        let last = distinct(&self.recording.file(number), number).len() - 1;
        self.polled(number, last)
    }

    /// These brokers were killed: whatever is asked of them is refused.
    pub(crate) fn dead(mut self, brokers: impl IntoIterator<Item = u32>) -> Stage {
        self.dead.extend(brokers);
        self
    }

    fn add(&mut self, exchange: Value) {
        let path = exchange["path"].as_str().unwrap().to_owned();
        if !READS.contains(&path.as_str()) {
            return;
        }
        let broker = u32::try_from(exchange["gateway_of_broker"].as_u64().unwrap()).unwrap();
        // The later of the first and the last sight of an answer is when it was still true.
        let at_s = exchange["last_seen_at_s"]
            .as_f64()
            .or(exchange["at_s"].as_f64())
            .unwrap();
        self.at_s = self.at_s.max(at_s);
        self.answers.insert((broker, path), exchange);
    }

    /// The stage as one reading, through the real adapters.
    pub(crate) async fn reading(&self) -> Observation {
        let cluster = self.cluster();
        let (mut gateways, mut brokers) = (BTreeMap::new(), BTreeMap::new());
        for broker in 0..self.recording.brokers {
            let name = gateway(broker);
            let asked = |path| self.is_asked(broker, path);
            let gateway = GatewaySight {
                region: RegionId(broker % 2),
                topology: if asked(TOPOLOGY) {
                    cluster.topology(&name).await.map(Arc::new)
                } else {
                    Sight::NotAsked
                },
                configuration: if asked(CONFIGURATION) {
                    cluster.configuration(&name).await.map(Arc::new)
                } else {
                    Sight::NotAsked
                },
                exporters: if asked(EXPORTERS) {
                    cluster.exporters(&name).await
                } else {
                    Sight::NotAsked
                },
            };
            let own = BrokerSight {
                ready: if asked(READINESS) {
                    cluster.ready(BrokerId(broker)).await
                } else {
                    Sight::NotAsked
                },
                partitions: if asked(PARTITIONS) {
                    cluster.partitions(BrokerId(broker)).await
                } else {
                    Sight::NotAsked
                },
                ..BrokerSight::default()
            };
            gateways.insert(name, Arc::new(gateway));
            brokers.insert(BrokerId(broker), Arc::new(own));
        }
        let at = moment(self.at_s);
        Observation {
            at,
            until: at,
            gateways,
            brokers,
            searches: BTreeMap::new(),
            platforms: BTreeMap::new(),
            traffic: Sight::NotAsked,
        }
    }

    /// The stage read three times in a row, a second apart, with nothing known of what was before.
    pub(crate) async fn three_readings(&self) -> History {
        let reading = self.reading().await;
        (0..3).map(|nth| later(&reading, f64::from(nth))).collect()
    }

    fn is_asked(&self, broker: u32, path: &str) -> bool {
        self.dead.contains(&broker) || self.answers.contains_key(&(broker, path.to_owned()))
    }

    /// The real adapters, with the recorded answers behind them.
    fn cluster(&self) -> Cluster {
        let url = |broker: u32| BaseUrl::parse(&format!("http://broker-{broker}")).unwrap();
        let endpoints = Endpoints {
            gateways: (0..self.recording.brokers)
                .map(|broker| {
                    let endpoints = GatewayEndpoints {
                        region: RegionId(broker % 2),
                        rest: Some(url(broker)),
                        management: Some(url(broker)),
                        grpc: None,
                    };
                    (gateway(broker), endpoints)
                })
                .collect(),
            brokers: (0..self.recording.brokers)
                .map(|broker| (BrokerId(broker), url(broker)))
                .collect(),
            ..Endpoints::default()
        };
        let stage = Arc::new(self.clone());
        let wire = tower::service_fn(move |request: http::Request<Full<Bytes>>| {
            let stage = stage.clone();
            async move { stage.answer(&request) }
        });
        let connector = Connector::new(Arc::new(Network::new()), None, Clock::new(moment(0.0), 1.0));
        Cluster::over(Service::new(wire), connector, endpoints, None).unwrap()
    }

    fn answer(&self, request: &http::Request<Full<Bytes>>) -> Result<http::Response<Bytes>, Fault> {
        let host = request.uri().host().unwrap();
        let broker: u32 = host.strip_prefix("broker-").unwrap().parse().unwrap();
        let refused = || Fault::NotSent {
            why: Silence::Refused,
            detail: String::new(),
        };
        let path = request.uri().path();
        let exchange = match self.answers.get(&(broker, path.to_owned())) {
            Some(exchange) => exchange,
            None if self.dead.contains(&broker) => return Err(refused()),
            None => panic!("{path} of broker {broker} was not recorded at this stage"),
        };
        let Some(status) = exchange["status"].as_u64() else {
            // A recording without a status is one of a refused connection.
            assert!(exchange["error"].as_str().unwrap().contains("refused"));
            return Err(refused());
        };
        let body = match &exchange["response_body"] {
            Value::Null => Bytes::new(),
            Value::String(text) => text.clone().into(),
            json => serde_json::to_vec(json).unwrap().into(),
        };
        let mut response = http::Response::builder().status(u16::try_from(status).unwrap());
        if let Some(content_type) = exchange["content_type"].as_str() {
            response = response.header("content-type", content_type);
        }
        Ok(response.body(body).unwrap())
    }
}

fn gateway(broker: u32) -> GatewayName {
    GatewayName::new(format!("gateway-{broker}"))
}

/// A moment of a run, which counts its seconds from its own beginning.
pub(crate) fn moment(at_s: f64) -> Timestamp {
    let dawn: Timestamp = "2026-01-01T03:00:00Z".parse().unwrap();
    dawn.checked_add(SignedDuration::from_secs_f64(at_s)).unwrap()
}

/// The same reading, taken so many seconds later.
pub(crate) fn later(reading: &Observation, seconds: f64) -> Observation {
    let by = SignedDuration::from_secs_f64(seconds);
    Observation {
        at: reading.at.checked_add(by).unwrap(),
        until: reading.until.checked_add(by).unwrap(),
        ..reading.clone()
    }
}

/// The same reading, taken at another moment of the run.
pub(crate) fn dated(reading: &Observation, at_s: f64) -> Observation {
    Observation {
        at: moment(at_s),
        until: moment(at_s),
        ..reading.clone()
    }
}
