//! An API server in memory: objects by their paths, answers by plan, and port-forwards that lead to servers in memory.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use c8dr_domain::ids::RegionId;
use c8dr_engine::clock::Clock;
use c8dr_systems::dial::memory::Network;
use c8dr_systems::dial::{Dial, Target};
use c8dr_systems::kubernetes::{Access, Cluster, DnsEndpoint, Forward, Limits, Region};
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

pub(crate) use crate::in_memory::serve;

pub(crate) const TOKEN: &str = "t0ken-of-mine";
pub(crate) const NAMESPACE: &str = "camunda-london";

/// What a server does in place of answering as it should.
#[derive(Clone, Debug)]
pub(crate) enum Instead {
    Status(u16, &'static str),
    Hang,
    /// Half a body, then nothing more.
    Cut,
    /// A body as it is, with 200.
    Body(String),
}

/// How a port-forward goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Going {
    /// To `POD:PORT` in the same network.
    Through,
    /// The kubelet finds nobody at the port.
    Refused,
    /// It breaks after the first bytes went in.
    Breaks,
}

#[derive(Default)]
pub(crate) struct Told {
    pub(crate) asked: Vec<String>,
    pub(crate) bodies: Vec<String>,
    pub(crate) authorization: Vec<String>,
}

/// A server, and what it holds.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) network: Network,
    kubeconfig: Arc<tempfile::NamedTempFile>,
    pub(crate) objects: Arc<Mutex<BTreeMap<String, Value>>>,
    pub(crate) instead: Arc<Mutex<BTreeMap<String, Instead>>>,
    pub(crate) going: Arc<Mutex<Going>>,
    pub(crate) told: Arc<Mutex<Told>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let server = Server {
            network: Network::new(),
            kubeconfig: Arc::new(kubeconfig("http://api:6443")),
            objects: Arc::default(),
            instead: Arc::default(),
            going: Arc::new(Mutex::new(Going::Through)),
            told: Arc::default(),
        };
        let this = server.clone();
        let router = Router::new().fallback(move |request: Request<Body>| {
            let this = this.clone();
            async move { this.answer(request).await }
        });
        serve(&server.network, "api", 6443, router);
        server
    }

    /// Puts an object at a path below the namespace: `api/v1/…/pods/x`.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.objects.lock().unwrap().insert(path.to_owned(), object);
    }

    pub(crate) fn will(&self, path_part: &str, instead: Instead) {
        self.instead.lock().unwrap().insert(path_part.to_owned(), instead);
    }

    pub(crate) fn region(&self) -> Region {
        Region {
            cluster: cluster(&self.network, self.kubeconfig.path()),
            namespace: NAMESPACE.to_owned(),
            release: "camunda".to_owned(),
        }
    }

    pub(crate) fn endpoint(&self) -> DnsEndpoint {
        DnsEndpoint {
            cluster: cluster(&self.network, self.kubeconfig.path()),
            namespace: NAMESPACE.to_owned(),
            name: "camunda".to_owned(),
        }
    }

    pub(crate) fn forward(&self) -> Forward {
        Forward::new(
            BTreeMap::from([(RegionId(0), self.region())]),
            Arc::new(self.network.clone()),
        )
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.told.lock().unwrap().asked.clone()
    }

    async fn answer(&self, request: Request<Body>) -> Response {
        let (parts, body) = request.into_parts();
        let line = format!("{} {}", parts.method, parts.uri);
        let upgrade = parts.extensions.get::<hyper::upgrade::OnUpgrade>().cloned();
        let body = axum::body::to_bytes(body, 1_000_000).await.unwrap_or_default();
        {
            let mut told = self.told.lock().unwrap();
            told.asked.push(line.clone());
            told.bodies.push(String::from_utf8_lossy(&body).into_owned());
            let authorization = parts.headers.get(header::AUTHORIZATION);
            told.authorization.push(
                authorization
                    .map(|value| value.to_str().unwrap().to_owned())
                    .unwrap_or_default(),
            );
        }
        let instead = self
            .instead
            .lock()
            .unwrap()
            .iter()
            .find(|(part, _)| line.contains(part.as_str()))
            .map(|(_, instead)| instead.clone());
        match instead {
            Some(Instead::Status(status, message)) => return failure(status, message),
            Some(Instead::Hang) => std::future::pending().await,
            Some(Instead::Cut) => {
                let body = futures_util::stream::iter([
                    Ok(Bytes::from_static(b"{\"kind\":\"PodList\",\"items\":[")),
                    Err(std::io::Error::other("gone")),
                ]);
                return Body::from_stream(body).into_response();
            }
            Some(Instead::Body(text)) => {
                return ([(header::CONTENT_TYPE, "application/json")], text).into_response();
            }
            None => {}
        }
        if parts.uri.path().ends_with("/portforward") {
            return self.port_forward(&parts.uri, &parts.headers, upgrade);
        }
        self.object(&parts.method, &parts.uri, &body)
    }

    fn object(&self, method: &Method, uri: &Uri, body: &[u8]) -> Response {
        let mut objects = self.objects.lock().unwrap();
        let path = uri.path().to_owned();
        let is_scale = path.ends_with("/scale");
        let key = path.trim_end_matches("/scale").to_owned();
        match *method {
            Method::GET if objects.contains_key(&key) => {
                let object = &objects[&key];
                match is_scale {
                    true => {
                        axum::Json(json!({"kind": "Scale", "spec": {"replicas": object["spec"]["replicas"]}}))
                            .into_response()
                    }
                    false => axum::Json(object.clone()).into_response(),
                }
            }
            Method::GET => {
                let items: Vec<&Value> = objects
                    .iter()
                    .filter(|(at, _)| at.rsplit_once('/').is_some_and(|(parent, _)| parent == path))
                    .map(|(_, object)| object)
                    .collect();
                let kinds = BTreeMap::from([
                    ("pods", "PodList"),
                    ("persistentvolumeclaims", "PersistentVolumeClaimList"),
                ]);
                let resource = path.rsplit('/').next().unwrap_or_default();
                let kind = kinds.get(resource).copied().unwrap_or("ThingList");
                if items.is_empty() && !resource.ends_with('s') {
                    return failure(404, "not found");
                }
                axum::Json(json!({"kind": kind, "metadata": {}, "items": items})).into_response()
            }
            Method::PATCH => match objects.get_mut(&key) {
                None => failure(404, "not found"),
                Some(object) => {
                    let patch: Value = serde_json::from_slice(body).unwrap();
                    for what in ["uid", "resourceVersion"] {
                        let wanted = &patch["metadata"][what];
                        if !wanted.is_null() && *wanted != object["metadata"][what] {
                            return failure(409, "the object has been modified");
                        }
                    }
                    let version = object["metadata"]["resourceVersion"]
                        .as_str()
                        .and_then(|it| it.parse().ok());
                    merge(object, &patch);
                    object["metadata"]["resourceVersion"] = json!((version.unwrap_or(0u64) + 1).to_string());
                    axum::Json(object.clone()).into_response()
                }
            },
            Method::DELETE => match objects.remove(&key) {
                None => failure(404, "not found"),
                Some(object) => {
                    let wanted: Value = serde_json::from_slice(body).unwrap_or_default();
                    let uid = &wanted["preconditions"]["uid"];
                    if !uid.is_null() && *uid != object["metadata"]["uid"] {
                        objects.insert(key, object);
                        return failure(409, "the UID in the precondition is another");
                    }
                    axum::Json(json!({"kind": "Status", "status": "Success"})).into_response()
                }
            },
            Method::POST => {
                let object: Value = serde_json::from_slice(body).unwrap();
                let name = object["metadata"]["name"].as_str().unwrap().to_owned();
                objects.insert(format!("{key}/{name}"), object.clone());
                (StatusCode::CREATED, axum::Json(object)).into_response()
            }
            _ => failure(405, "no such method"),
        }
    }

    fn port_forward(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        upgrade: Option<hyper::upgrade::OnUpgrade>,
    ) -> Response {
        let pod = uri.path().rsplit('/').nth(1).unwrap().to_owned();
        let port: u16 = uri
            .query()
            .and_then(|query| query.strip_prefix("ports="))
            .unwrap()
            .parse()
            .unwrap();
        let is_there = self
            .objects
            .lock()
            .unwrap()
            .keys()
            .any(|key| key.ends_with(&format!("/pods/{pod}")));
        if !is_there {
            return failure(404, "pods not found");
        }
        if headers[header::ACCEPT] != "*/*" {
            return failure(406, "Not Acceptable");
        }
        let accept = derive_accept_key(headers[header::SEC_WEBSOCKET_KEY].as_bytes());
        let (network, going) = (self.network.clone(), *self.going.lock().unwrap());
        tokio::spawn(async move {
            let upgraded = upgrade.unwrap().await.unwrap();
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
            pump(socket, &network, &pod, port, going).await;
        });
        (
            StatusCode::SWITCHING_PROTOCOLS,
            [
                (header::CONNECTION, "Upgrade".to_owned()),
                (header::UPGRADE, "websocket".to_owned()),
                (header::SEC_WEBSOCKET_ACCEPT, accept),
                (header::SEC_WEBSOCKET_PROTOCOL, "v4.channel.k8s.io".to_owned()),
            ],
        )
            .into_response()
    }
}

/// A kubelet's side of a port-forward.
async fn pump<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    mut socket: WebSocketStream<S>,
    network: &Network,
    pod: &str,
    port: u16,
    going: Going,
) {
    for channel in [0u8, 1] {
        let mut first = vec![channel];
        first.extend(port.to_le_bytes());
        socket.send(Message::Binary(first.into())).await.unwrap();
    }
    let target = Target {
        host: pod.to_owned(),
        port,
    };
    let clock = Clock::system();
    let dialled = network
        .dial(&target, clock.now() + std::time::Duration::from_secs(1))
        .await;
    let (Ok(stream), true) = (dialled, going != Going::Refused) else {
        let said = format!(
            "\u{1}error forwarding port {port} to pod {pod}: dial tcp4 127.0.0.1:{port}: connect: connection refused"
        );
        let _ = socket.send(Message::Binary(said.into_bytes().into())).await;
        let _ = socket.close(None).await;
        return;
    };
    let (mut out, mut into) = tokio::io::split(stream);
    let (mut send, mut receive) = socket.split();
    let up = async {
        while let Some(Ok(Message::Binary(frame))) = receive.next().await {
            if going == Going::Breaks {
                return;
            }
            if into.write_all(&frame[1..]).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        let mut buffer = vec![0u8; 4096];
        loop {
            match out.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    let mut frame = vec![0u8];
                    frame.extend_from_slice(&buffer[..count]);
                    if send.send(Message::Binary(frame.into())).await.is_err() {
                        return;
                    }
                }
            }
        }
        let _ = send.close().await;
    };
    tokio::select! { () = up => {}, () = down => {} }
}

fn merge(into: &mut Value, patch: &Value) {
    if into.is_null() && patch.is_object() {
        *into = json!({});
    }
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                match value {
                    Value::Null => drop(into.remove(key)),
                    _ => merge(into.entry(key.clone()).or_insert(Value::Null), value),
                }
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

pub(crate) fn failure(status: u16, message: &str) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message,
        "reason": "Whatever", "code": status});
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

/// A kubeconfig with a context `london`, in a file that goes with the test's end.
pub(crate) fn kubeconfig(server: &str) -> tempfile::NamedTempFile {
    written(&format!(
        "apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]
users: [{{name: u, user: {{token: {TOKEN}}}}}]
contexts: [{{name: london, context: {{cluster: c, user: u}}}}, {{name: paris, context: {{cluster: c, user: u}}}}]
"
    ))
}

pub(crate) fn written(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

pub(crate) fn clock() -> Clock {
    Clock::system()
}

/// A cluster over a network in memory, by its kubeconfig's context `london`.
pub(crate) fn cluster(network: &Network, kubeconfig: &std::path::Path) -> Cluster {
    let access = Access::Kubeconfig {
        files: vec![kubeconfig.to_owned()],
        context: Some("london".to_owned()),
    };
    Cluster::new(access, Arc::new(network.clone()), clock(), limits(), None)
}

pub(crate) fn limits() -> Limits {
    Limits {
        connect: std::time::Duration::from_millis(500),
        answer: std::time::Duration::from_millis(500),
        ..Limits::default()
    }
}

pub(crate) fn at(resource: &str, name: &str) -> String {
    let group = match resource {
        "deployments" | "statefulsets" => "/apis/apps/v1",
        _ => "/api/v1",
    };
    format!("{group}/namespaces/{NAMESPACE}/{resource}/{name}")
}

pub(crate) fn pod(name: &str, component: &str, ready: bool) -> Value {
    json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "labels": {"app.kubernetes.io/component": component}},
        "spec": {"containers": [{"name": "zeebe", "ports": [{"name": "http", "containerPort": 9600}]}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]},
    })
}

pub(crate) fn deployment(name: &str, replicas: u64) -> Value {
    json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "resourceVersion": "7", "annotations": {}},
        "spec": {"replicas": replicas},
        "status": {},
    })
}
