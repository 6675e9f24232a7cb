//! A small S3 on a loopback socket: conditional puts, reads, lists by pages, and the faults that a test wants.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use c8dr_engine::clock::Clock;
use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::bucket::{Credentials, Limits, S3, Store};
use c8dr_systems::dial::{Tcp, TlsOptions};
use sha2::{Digest, Sha256};

pub(crate) const SECRET: &str = "correct-horse-battery";

/// How many keys a page of a list has.
const PAGE: usize = 3;

/// What the server does beside its work.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Fault {
    #[default]
    None,
    /// Answers this and does nothing.
    Instead(u16, &'static str),
    /// Does it, and never answers.
    HangsAfter,
    /// Does it, and closes the connection.
    CutsAfter,
}

#[derive(Clone, Default)]
pub(crate) struct Server {
    pub(crate) objects: Arc<Mutex<BTreeMap<String, Bytes>>>,
    pub(crate) fault: Arc<Mutex<Fault>>,
    /// Method and path of each request.
    pub(crate) arrived: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves the bucket `trial` on a free port.
    pub(crate) async fn start() -> (Server, SocketAddr) {
        let server = Server::default();
        let at = server.clone();
        let router =
            Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                let server = at.clone();
                async move { server.answer(&method, &uri, &headers, body).await }
            });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (server, address)
    }

    pub(crate) fn will(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    async fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Response {
        self.arrived
            .lock()
            .unwrap()
            .push(format!("{method} {}", uri.path()));
        let head = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
        assert!(head("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKIATRIAL/"));
        let hash: String = Sha256::digest(&body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(head("x-amz-content-sha256"), hash);
        let fault = *self.fault.lock().unwrap();
        if let Fault::Instead(status, body) = fault {
            return (StatusCode::from_u16(status).unwrap(), body).into_response();
        }
        let key = uri.path().strip_prefix("/trial/").map(decoded);
        let response = match (method, key.filter(|key| !key.is_empty())) {
            (&Method::PUT, Some(key)) => self.put(&key, head("if-none-match"), body),
            (&Method::GET, Some(key)) => self.get(&key),
            (&Method::GET, None) => self.list(uri.query().unwrap_or_default()),
            _ => error(405, "MethodNotAllowed"),
        };
        match fault {
            Fault::HangsAfter => std::future::pending().await,
            // axum ends the connection without an answer.
            Fault::CutsAfter => panic!("cut by the test"),
            Fault::None | Fault::Instead(..) => response,
        }
    }

    fn put(&self, key: &str, if_none_match: &str, body: Bytes) -> Response {
        assert_eq!(if_none_match, "*", "a put without its condition");
        let mut objects = self.objects.lock().unwrap();
        if objects.contains_key(key) {
            return error(412, "PreconditionFailed");
        }
        objects.insert(key.to_owned(), body);
        [(header::ETAG, "\"e\"")].into_response()
    }

    fn get(&self, key: &str) -> Response {
        let heads = [
            (header::ETAG, "\"e\""),
            (header::LAST_MODIFIED, "Sun, 22 Nov 2026 10:00:00 GMT"),
        ];
        match self.objects.lock().unwrap().get(key) {
            Some(body) => (heads, body.clone()).into_response(),
            None => error(404, "NoSuchKey"),
        }
    }

    fn list(&self, query: &str) -> Response {
        let query: BTreeMap<_, _> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        assert_eq!(query["list-type"], "2");
        let prefix = query.get("prefix").cloned().unwrap_or_default();
        let after = query.get("continuation-token").cloned().unwrap_or_default();
        let objects = self.objects.lock().unwrap();
        let mut keys = objects
            .keys()
            .filter(|key| key.starts_with(&prefix) && **key > after);
        let page: Vec<&String> = keys.by_ref().take(PAGE).collect();
        let mut xml = String::from("<?xml version=\"1.0\"?><ListBucketResult>");
        for key in &page {
            xml += &format!(
                "<Contents><Key>{key}</Key><Size>1</Size><ETag>\"e\"</ETag><LastModified>2026-11-22T10:00:00.000Z</LastModified></Contents>"
            );
        }
        if keys.next().is_some() {
            let last = page.last().unwrap();
            xml += &format!(
                "<NextContinuationToken>{last}</NextContinuationToken><IsTruncated>true</IsTruncated>"
            );
        }
        (StatusCode::OK, xml + "</ListBucketResult>").into_response()
    }
}

/// A path without its percent signs.
fn decoded(path: &str) -> String {
    let as_query = format!("={}", path.replace('+', "%2B"));
    let (_, decoded) = url::form_urlencoded::parse(as_query.as_bytes()).next().unwrap();
    decoded.into_owned()
}

fn error(status: u16, code: &str) -> Response {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>so it is</Message></Error>");
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

pub(crate) fn settings(endpoint: &str) -> S3 {
    S3 {
        bucket: "trial".to_owned(),
        prefix: "own/c8dr".to_owned(),
        region: "eu-central-1".to_owned(),
        endpoint: Some(BaseUrl::parse(endpoint).unwrap()),
        credentials: Credentials {
            access_key_id: "AKIATRIAL".to_owned(),
            secret_access_key: SECRET.into(),
            session_token: None,
        },
        tls: TlsOptions::default(),
        limits: Limits::default(),
    }
}

/// The bucket at an address. `patience` is how long an answer may take.
pub(crate) fn store(address: SocketAddr, patience: Duration) -> Store {
    let mut settings = settings(&format!("http://{address}"));
    settings.limits.answer = patience;
    let clock = Clock::system();
    Store::s3(settings, Arc::new(Tcp::new(clock.clone())), clock).unwrap()
}
