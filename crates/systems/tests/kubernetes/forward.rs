//! Calls through port-forwards: to pods, to services, and how far each got when it did not go well.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use c8dr_domain::ids::{BrokerId, GatewayName, RegionId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_engine::ports::Zeebe;
use c8dr_systems::zeebe::{BaseUrl, Cluster, Endpoints, GatewayEndpoints};
use serde_json::{Value, json};

use super::server::{Going, Instead, NAMESPACE, Server, at, clock, pod, serve};

fn within(text: &str) -> BaseUrl {
    BaseUrl::parse(text)
        .unwrap()
        .within(RegionId(0), NAMESPACE)
        .unwrap()
}

fn service(ports: &Value, more: &Value) -> Value {
    let mut spec = json!({"selector": {"app.kubernetes.io/component": "zeebe-gateway"}, "ports": ports});
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"metadata": {"name": "camunda-zeebe-gateway"}, "spec": spec, "status": {}})
}

/// A gateway behind a service, whose pod answers to its readiness.
fn installation() -> Server {
    let server = Server::start();
    server.put(&at("pods", "gw-a"), pod("gw-a", "zeebe-gateway", true));
    server.put(
        &at("services", "camunda-zeebe-gateway"),
        service(&json!([{"port": 9600, "targetPort": "http"}]), &json!({})),
    );
    let router = Router::new().route(
        "/base/actuator/health/readiness",
        get(|headers: HeaderMap| async move {
            assert_eq!(headers["host"], "camunda-zeebe-gateway.camunda-london.svc:9600");
            "{\"status\":\"UP\"}"
        }),
    );
    serve(&server.network, "gw-a", 9600, router);
    server
}

async fn ready(server: &Server, address: &str) -> Sight<bool> {
    let gateway = GatewayEndpoints {
        region: RegionId(0),
        rest: None,
        management: Some(within(address)),
        grpc: None,
    };
    let endpoints = Endpoints {
        gateways: BTreeMap::from([(GatewayName::new("gw"), gateway)]),
        brokers: BTreeMap::from([(BrokerId(0), within(address))]),
        ..Endpoints::default()
    };
    let cluster = Cluster::new(endpoints, Arc::new(server.forward()), clock(), None).unwrap();
    cluster.ready(BrokerId(0)).await
}

const ADDRESS: &str = "forward://svc/camunda-zeebe-gateway:9600/base";

#[tokio::test]
async fn a_service_is_reached_by_a_pod_that_is_ready() {
    let server = installation();
    server.put(
        &at("pods", "gw-0-not-ready"),
        pod("gw-0-not-ready", "zeebe-gateway", false),
    );
    assert_eq!(ready(&server, ADDRESS).await, Sight::Seen(true));
    assert_eq!(ready(&server, ADDRESS).await, Sight::Seen(true));
    let asked = server.asked();
    let forwards = asked
        .iter()
        .filter(|line| line.contains("/gw-a/portforward?ports=9600"))
        .count();
    assert_eq!(forwards, 2, "a fresh one for each call: {asked:?}");
}

#[tokio::test]
async fn a_pod_is_reached_by_its_name() {
    let server = Server::start();
    server.put(
        &at("pods", "camunda-zeebe-0"),
        pod("camunda-zeebe-0", "zeebe-broker", false),
    );
    let router = Router::new().route(
        "/actuator/health/readiness",
        get(|| async { "{\"status\":\"UP\"}" }),
    );
    serve(&server.network, "camunda-zeebe-0", 9600, router);
    assert_eq!(
        ready(&server, "forward://pod/camunda-zeebe-0:9600").await,
        Sight::Seen(true)
    );
}

/// Why nothing was heard.
async fn silence(server: &Server, address: &str) -> (Silence, String) {
    match ready(server, address).await {
        Sight::Silent { why, detail } => (why, detail),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_from_who_refuses_and_from_who_is_not_heard() {
    let server = installation();
    // There is no such pod, no such service, no such port.
    for (address, words) in [
        ("forward://pod/camunda-zeebe-9:9600", "has none of that"),
        ("forward://svc/other:9600", "has none of that"),
        ("forward://svc/camunda-zeebe-gateway:26500", "it has 9600"),
    ] {
        let (why, detail) = silence(&server, address).await;
        assert_eq!(why, Silence::NoSuchHost, "{detail}");
        assert!(detail.contains(words) && detail.contains(address), "{detail}");
    }
    // Nobody listens at the pod's port: nothing reached anybody.
    *server.going.lock().unwrap() = Going::Refused;
    let (why, detail) = silence(&server, ADDRESS).await;
    assert_eq!(why, Silence::Refused, "{detail}");
    // It breaks with the question inside: who knows.
    *server.going.lock().unwrap() = Going::Breaks;
    assert_eq!(silence(&server, ADDRESS).await.0, Silence::Broken);
    *server.going.lock().unwrap() = Going::Through;
    // The API server answers, and will not.
    for (instead, words) in [
        (
            Instead::Status(403, "pods/portforward is forbidden"),
            "get pods/portforward `gw-a` in namespace `camunda-london` (403)",
        ),
        (
            Instead::Status(500, "error dialing backend: no route to host"),
            "no route to host",
        ),
        (Instead::Hang, "opened no port-forward within"),
    ] {
        server.will("/portforward", instead);
        let (why, detail) = silence(&server, ADDRESS).await;
        assert_eq!(why, Silence::NoConnection, "{detail}");
        assert!(detail.contains(words), "{detail}");
    }
    // The API server is not there: nothing is known of the pod, least of all that it refuses.
    let server = installation();
    drop(server.network.listen("api", 6443));
    let (why, detail) = silence(&server, ADDRESS).await;
    assert_eq!(why, Silence::NoConnection, "{detail}");
    assert!(detail.contains("API server of context `london`"), "{detail}");
}

#[tokio::test]
async fn a_service_without_ready_pods_refuses_unless_it_publishes_them() {
    let server = installation();
    server.put(&at("pods", "gw-a"), pod("gw-a", "zeebe-gateway", false));
    let (why, detail) = silence(&server, ADDRESS).await;
    assert_eq!(why, Silence::Refused);
    assert!(detail.contains("gw-a is running and not ready"), "{detail}");
    server.put(
        &at("services", "camunda-zeebe-gateway"),
        service(
            &json!([{"port": 9600}]),
            &json!({"publishNotReadyAddresses": true, "clusterIP": "None"}),
        ),
    );
    assert_eq!(ready(&server, ADDRESS).await, Sight::Seen(true));
}
