//! What the lab's tests ask, and how they wait: on the lab's clock, for a condition, with a deadline.
#![expect(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "test support: each file uses some"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use c8dr_engine::clock::Clock;
use c8dr_lab::{BrokerId, Lab, Refused, Region, WorldConfig};
use http::{Request, Response};
use serde_json::Value;
use tower::ServiceExt;

/// A lab on tokio's paused clock.
pub struct Asking {
    pub lab: Lab,
    pub clock: Clock,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Whole {
    pub status: u16,
    pub content_type: Option<String>,
    pub text: String,
    pub elapsed: Duration,
}

impl Whole {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::String(self.text.clone()))
    }
}

pub fn body_status(body: &Value) -> u64 {
    body["status"].as_u64().unwrap_or(0)
}

impl Asking {
    pub fn new(config: WorldConfig) -> Self {
        let clock = Clock::new("2026-01-01T12:00:00Z".parse().unwrap(), 1.0);
        let lab = Lab::new(config, clock.clone()).unwrap();
        Asking { lab, clock }
    }

    pub async fn sleep(&self, seconds: f64) {
        self.clock.sleep(Duration::from_secs_f64(seconds)).await;
    }

    /// Waits until `condition` holds.
    pub async fn until(
        &self,
        seconds: f64,
        what: &str,
        mut condition: impl AsyncFnMut() -> bool,
    ) -> Duration {
        let begin = self.clock.now();
        let limit = Duration::from_secs_f64(seconds);
        while !condition().await {
            let waited = self.clock.now().since(begin);
            assert!(
                waited < limit,
                "{what}: not within {seconds} s\n{}",
                self.history()
            );
            self.clock.sleep(Duration::from_millis(100)).await;
        }
        self.clock.now().since(begin)
    }

    pub fn history(&self) -> String {
        let lines: Vec<String> = self
            .lab
            .timeline()
            .iter()
            .map(|e| format!("{:8.3} {}", e.at_s, e.what))
            .collect();
        lines.join("\n")
    }

    pub async fn ask(
        &self,
        port: impl tower::Service<Request<Body>, Response = Response<Body>, Error = Refused>,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Whole, Refused> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::from(body.to_owned()))
            .unwrap();
        let begin = self.clock.now();
        let response: Response<Body> = port.oneshot(request).await?;
        let elapsed = self.clock.now().since(begin);
        let status = response.status().as_u16();
        let header = response.headers().get("content-type");
        let content_type = header.map(|v| v.to_str().unwrap().to_owned());
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Ok(Whole {
            status,
            content_type,
            text,
            elapsed,
        })
    }

    pub async fn management(&self, broker: u32, method: &str, path: &str, body: &str) -> (u16, Value) {
        let whole = self
            .ask(self.lab.management(BrokerId(broker)), method, path, body)
            .await
            .unwrap();
        (whole.status, whole.json())
    }

    pub async fn rest(&self, broker: u32, method: &str, path: &str, body: &str) -> (u16, Value) {
        let whole = self
            .ask(self.lab.rest(BrokerId(broker)), method, path, body)
            .await
            .unwrap();
        (whole.status, whole.json())
    }

    pub async fn search(&self, region: Region, method: &str, path: &str, body: &str) -> (u16, Value) {
        let whole = self
            .ask(self.lab.search(region), method, path, body)
            .await
            .unwrap();
        (whole.status, whole.json())
    }

    /// A call to a search that succeeds.
    #[track_caller]
    pub fn searched(
        &self,
        region: Region,
        method: &str,
        path: &str,
        body: &str,
    ) -> impl Future<Output = Value> {
        let asked = format!("{method} {path}");
        async move {
            let (status, body) = self.search(region, method, path, body).await;
            assert_eq!(status, 200, "{asked}: {body}");
            body
        }
    }

    pub async fn topology(&self, gateway: u32) -> Value {
        self.rest(gateway, "GET", "/v2/topology", "").await.1
    }

    pub async fn cluster(&self, gateway: u32) -> Value {
        self.management(gateway, "GET", "/actuator/cluster", "").await.1
    }

    pub async fn readiness(&self, broker: u32) -> u16 {
        self.management(broker, "GET", "/actuator/health/readiness", "")
            .await
            .0
    }

    /// How many partitions have a leader among `of` in the gateway's topology.
    pub async fn led_by(&self, gateway: u32, of: &[u32]) -> usize {
        let topology = self.topology(gateway).await;
        let mut led = BTreeSet::new();
        for broker in topology["brokers"].as_array().unwrap() {
            let id = broker["nodeId"].as_u64().unwrap();
            if !of.iter().any(|b| u64::from(*b) == id) {
                continue;
            }
            for partition in broker["partitions"].as_array().unwrap() {
                if partition["role"] == "leader" {
                    led.insert(partition["partitionId"].as_u64().unwrap());
                }
            }
        }
        led.len()
    }

    pub async fn all_led_by(&self, gateway: u32, of: &[u32]) -> bool {
        let count = self.lab.with(|w| w.config().partitions) as usize;
        self.led_by(gateway, of).await == count
    }

    /// Waits for a change to be completed, by its id.
    pub async fn completed(&self, gateway: u32, change: u64, seconds: f64) -> Duration {
        self.until(seconds, &format!("change {change} completed"), async || {
            let cluster = self.cluster(gateway).await;
            cluster["pendingChange"].is_null()
                && cluster["lastChange"]["id"] == change
                && cluster["lastChange"]["status"] == "COMPLETED"
        })
        .await
    }
}
