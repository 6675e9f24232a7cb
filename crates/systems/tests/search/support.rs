//! Servers that say what a test wants, behind the upper seam.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use c8dr_domain::effect::SearchEffect;
use c8dr_engine::clock::Clock;
use c8dr_systems::auth::Auth;
use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::elasticsearch::{Elasticsearch, Endpoint};
use c8dr_systems::http::{Fault, Service};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

/// Both servers that were recorded.
pub(crate) const SERVERS: [&str; 2] = ["elasticsearch-8.15.0", "opensearch-3.6.0"];

pub(crate) const PASSWORD: &str = "correct-horse";

pub(crate) fn clock() -> Clock {
    Clock::new("2026-01-01T12:00:00Z".parse().unwrap(), 1.0)
}

pub(crate) fn endpoint() -> Endpoint {
    let mut endpoint = Endpoint::new(BaseUrl::parse("http://es:9200/base").unwrap());
    endpoint.auth = Auth::Basic {
        user: "elastic".to_owned(),
        password: PASSWORD.into(),
    };
    endpoint
}

/// One request as it arrived: method, path and query below the base, body.
pub(crate) type Arrived = Arc<Mutex<Vec<String>>>;

pub(crate) type Reply = Result<(u16, String), Fault>;

/// A search whose server answers as `say` does, and the requests that it gets.
pub(crate) fn saying(say: impl FnMut(&str) -> Reply + Send + 'static) -> (Elasticsearch, Arrived) {
    let arrived = Arrived::default();
    let keep = arrived.clone();
    let say = Arc::new(Mutex::new(say));
    let service = Service::new(tower::service_fn(move |request: Request<Full<Bytes>>| {
        let (keep, say) = (keep.clone(), say.clone());
        async move {
            assert_eq!(
                request.headers()["authorization"],
                "Basic ZWxhc3RpYzpjb3JyZWN0LWhvcnNl"
            );
            let path = request.uri().path_and_query().unwrap().as_str();
            let line = format!("{} {}", request.method(), path.strip_prefix("/base").unwrap());
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8(body.to_vec()).unwrap();
            keep.lock()
                .unwrap()
                .push(format!("{line} {body}").trim_end().to_owned());
            let (status, body) = (say.lock().unwrap())(&line)?;
            let kind = if body.starts_with('<') {
                "text/html"
            } else {
                "application/json"
            };
            Ok(Response::builder()
                .status(status)
                .header("content-type", kind)
                .body(Bytes::from(body))
                .unwrap())
        }
    }));
    (
        Elasticsearch::over(service, endpoint(), clock(), None).unwrap(),
        arrived,
    )
}

/// A search whose server always says the same.
pub(crate) fn always(status: u16, body: &str) -> Elasticsearch {
    let body = body.to_owned();
    saying(move |_| Ok((status, body.clone()))).0
}

/// A recorded exchange.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// `surviving` or `recreated`.
    pub(crate) host: String,
    /// Method, path and query.
    pub(crate) line: String,
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// All that one server was recorded to answer, in order.
pub(crate) fn recorded(server: &str) -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures")
        .join(server);
    let mut files: BTreeMap<_, Value> = BTreeMap::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "json") {
            let recording = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            files.insert(file, recording);
        }
    }
    files
        .values()
        .map(|recording| {
            let (method, url) = recording["request"].as_str().unwrap().split_once(' ').unwrap();
            let (host, path) = url.strip_prefix("http://").unwrap().split_once(":9200").unwrap();
            Recorded {
                host: host.to_owned(),
                line: format!("{method} {path}"),
                status: recording["status"].as_u64().unwrap().try_into().unwrap(),
                body: recording["received"].to_string(),
            }
        })
        .collect()
}

/// A search that answers as one host of a recorded server did: each request in the order of its answers, the last one
/// for ever.
pub(crate) fn playing(server: &str, host: &str) -> Elasticsearch {
    let mut answers: BTreeMap<String, Vec<(u16, String)>> = BTreeMap::new();
    for exchange in recorded(server) {
        if exchange.host == host {
            answers
                .entry(exchange.line)
                .or_default()
                .insert(0, (exchange.status, exchange.body));
        }
    }
    saying(move |line| {
        let left = answers
            .get_mut(line)
            .unwrap_or_else(|| panic!("{line} was not recorded"));
        Ok(if left.len() > 1 {
            left.pop().unwrap()
        } else {
            left[0].clone()
        })
    })
    .0
}

pub(crate) const REPOSITORY: &str = "trial_repository";
pub(crate) const SNAPSHOT: &str = "trial-snapshot";
pub(crate) const INDEX: &str = "zeebe-record_trial_job_8.6.0";

/// One of each effect.
pub(crate) fn effects() -> [SearchEffect; 5] {
    let (repository, name) = (REPOSITORY.to_owned(), SNAPSHOT.to_owned());
    [
        SearchEffect::Register {
            repository: repository.clone(),
            settings: json!({"type": "s3", "settings": {"bucket": "b"}}),
            anew: false,
        },
        SearchEffect::Snapshot {
            repository: repository.clone(),
            name: name.clone(),
            metadata: [("run".to_owned(), json!("r1"))].into(),
        },
        SearchEffect::DeleteSnapshot {
            repository: repository.clone(),
            name: name.clone(),
        },
        SearchEffect::Restore {
            repository,
            name,
            indices: [INDEX.to_owned()].into(),
        },
        SearchEffect::DeleteIndices {
            indices: [INDEX.to_owned()].into(),
            cluster_uuid: "R9".to_owned(),
        },
    ]
}
