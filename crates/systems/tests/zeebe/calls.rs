//! What goes onto the wire, what is told of it, and what never is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use c8dr_domain::effect::{Answer, Mode, ZeebeEffect};
use c8dr_domain::ids::{BrokerId, ChangeId, ExporterId};
use c8dr_domain::observation::Sight;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Zeebe;
use c8dr_systems::dial::memory::Network;
use c8dr_systems::dial::{Connector, Dial, Tcp};
use c8dr_systems::http;
use c8dr_systems::zeebe::{Auth, Cluster, Endpoints};
use http_body_util::{BodyExt, Full};
use tokio::io::AsyncWriteExt;
use tower::ServiceExt;

use super::recordings;
use super::support::{
    Arrived, BROKER, always, clock, cluster, endpoints, gateway, listening, over, raw, read_head, serve, tap,
    url,
};

const SECRET: &str = "correct-horse";

fn effects() -> Vec<ZeebeEffect> {
    vec![
        ZeebeEffect::ForceRemove {
            keep: BTreeSet::from([BrokerId(2), BrokerId(0)]),
            remove: BTreeSet::from([BrokerId(1), BrokerId(3)]),
        },
        ZeebeEffect::DisableExporter {
            exporter: ExporterId::new("camundaregion1"),
        },
        ZeebeEffect::CancelChange { change: ChangeId(7) },
        ZeebeEffect::PauseExporting,
        ZeebeEffect::ResumeExporting,
        ZeebeEffect::ResumeExportingOn { broker: BROKER },
        ZeebeEffect::EnableExporter {
            exporter: ExporterId::new("camundaregion1"),
            initialize_from: ExporterId::new("camundaregion0"),
        },
        ZeebeEffect::AddBrokers {
            all: (0..4).map(BrokerId).collect(),
            replication_factor: 4,
        },
        ZeebeEffect::Replicate {
            members: [0, 2, 4, 6].map(BrokerId).into(),
            replication_factor: 3,
        },
    ]
}

fn line(arrived: &Arrived) -> String {
    format!("{} {} {}", arrived.method, arrived.uri, arrived.body)
        .trim_end()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn each_effect_is_one_request() {
    let (network, arrived) = listening(409, "{}");
    let cluster = cluster(&network);
    for mode in [Mode::Real, Mode::Rehearsal] {
        for effect in effects() {
            cluster.perform(&gateway(), &effect, mode).await;
        }
    }
    cluster.rebalance(&gateway()).await;
    let arrived = arrived.lock().unwrap();
    let lines: Vec<String> = arrived.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            r#"POST /actuator/cluster/brokers?force=true ["0","2"]"#,
            "POST /actuator/exporters/camundaregion1/disable",
            "DELETE /actuator/cluster/changes/7",
            "POST /actuator/exporting/pause",
            "POST /actuator/exporting/resume",
            "POST /actuator/partitions/resumeExporting",
            r#"POST /actuator/exporters/camundaregion1/enable {"initializeFrom":"camundaregion0"}"#,
            r#"POST /actuator/cluster/brokers?replicationFactor=4 ["0","1","2","3"]"#,
            r#"POST /actuator/cluster/brokers?replicationFactor=3 ["0","2","4","6"]"#,
            r#"POST /actuator/cluster/brokers?force=true&dryRun=true ["0","2"]"#,
            "POST /actuator/exporters/camundaregion1/disable?dryRun=true",
            "DELETE /actuator/cluster/changes/7?dryRun=true",
            r#"POST /actuator/exporters/camundaregion1/enable?dryRun=true {"initializeFrom":"camundaregion0"}"#,
            r#"POST /actuator/cluster/brokers?replicationFactor=4&dryRun=true ["0","1","2","3"]"#,
            r#"POST /actuator/cluster/brokers?replicationFactor=3&dryRun=true ["0","2","4","6"]"#,
            "POST /actuator/rebalance",
        ]
    );
    assert_eq!(arrived[0].headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(arrived[0].headers[header::HOST], "gw:9600");
    assert!(
        arrived
            .iter()
            .all(|request| !request.headers.contains_key(header::AUTHORIZATION))
    );
}

#[tokio::test(start_paused = true)]
async fn each_look_is_one_request_below_the_base_path() {
    let (network, arrived) = listening(200, "{}");
    let mut endpoints = endpoints();
    endpoints.brokers.insert(BROKER, url("http://b0:9600/ctx"));
    for gateway in endpoints.gateways.values_mut() {
        gateway.rest = Some(url("http://gw:8080/ctx/"));
        gateway.management = Some(url("http://gw:9600/a/b"));
    }
    let cluster = over(network, endpoints);
    cluster.topology(&gateway()).await;
    cluster.configuration(&gateway()).await;
    cluster.exporters(&gateway()).await;
    cluster.partitions(BROKER).await;
    cluster.ready(BROKER).await;
    cluster.metrics(BROKER).await;
    let lines: Vec<String> = arrived.lock().unwrap().iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "GET /ctx/v2/topology",
            "GET /a/b/actuator/cluster",
            "GET /a/b/actuator/exporters",
            "GET /ctx/actuator/partitions",
            "GET /ctx/actuator/health/readiness",
            "GET /ctx/actuator/prometheus",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_endpoint_gets_its_own_credentials() {
    let (network, arrived) = listening(200, "{}");
    let cluster = over(network, with_secrets(endpoints()));
    cluster.topology(&gateway()).await;
    cluster.exporters(&gateway()).await;
    cluster.ready(BROKER).await;
    let arrived = arrived.lock().unwrap();
    let sent: Vec<_> = arrived
        .iter()
        .map(|request| request.headers[header::AUTHORIZATION].to_str().unwrap())
        .collect();
    assert_eq!(
        sent,
        [
            "Basic ZGVtbzpjb3JyZWN0LWhvcnNl",
            "Bearer correct-horse",
            "Bearer correct-horse"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn every_call_has_a_connection_of_its_own() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    let network = raw(move |mut stream| {
        let counter = counter.clone();
        async move {
            counter.fetch_add(1, Ordering::Relaxed);
            // Answers for as long as it is asked on the same connection.
            for _ in 0..2 {
                read_head(&mut stream).await;
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"UP\"}";
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    });
    let cluster = cluster(&network);
    for _ in 0..5 {
        assert_eq!(cluster.ready(BROKER).await, Sight::Seen(true));
    }
    assert_eq!(connections.load(Ordering::Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn the_tap_is_told_of_every_call() {
    let body = recordings::body("1-main-4-brokers/086-failover-force.json");
    let (tap, told) = tap();
    let network = always(202, "application/json", body.clone());
    network.darken("b0", 9600);
    let cluster = Cluster::new(endpoints(), Arc::new(network), clock(), Some(tap)).unwrap();
    cluster.perform(&gateway(), &effects()[0], Mode::Real).await;
    cluster.ready(BROKER).await;
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2);
    assert_eq!(
        told[0].request,
        "POST http://gw:9600/actuator/cluster/brokers?force=true"
    );
    assert_eq!(
        (told[0].sent.as_deref(), told[0].status),
        (Some(r#"["0","2"]"#), Some(202))
    );
    assert_eq!(told[0].received.as_bytes(), body);
    assert_eq!(told[1].status, None);
    assert!(
        told[1].received.starts_with("not sent: no connection in time"),
        "{}",
        told[1].received
    );
    assert!(told[1].took.as_millis() >= 1000);
    assert!(told[1].at.to_string().starts_with("2026-01-01T12:00:00"));
}

#[tokio::test(start_paused = true)]
async fn the_tap_is_told_at_most_64_kib_of_a_body() {
    let (tap, told) = tap();
    let network = always(200, "text/plain", "ä".repeat(100_000).into_bytes());
    let cluster = Cluster::new(endpoints(), Arc::new(network), clock(), Some(tap)).unwrap();
    cluster.ready(BROKER).await;
    let received = told.lock().unwrap()[0].received.len();
    assert!((65_530..=65_540).contains(&received), "{received}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_echoes_credentials_does_not_make_us_repeat_them() {
    for status in [200_u16, 202, 302, 401, 409, 500] {
        for shape in [
            "{\"message\":\"you sent SECRET\"}",
            "{\"version\":\"SECRET\"}",
            "<html><title>SECRET</title>",
            // The secret lies across the place where a title is cut.
            "<html><title>seventy characters or so stand before it, so that cutting it SECRET</title>",
            "SECRET",
        ] {
            let network = Network::new();
            let router = Router::new().fallback(move |headers: HeaderMap| async move {
                let sent = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
                let body = shape.replace("SECRET", &format!("{sent} and {SECRET}"));
                (
                    StatusCode::from_u16(status).unwrap(),
                    [(header::LOCATION, format!("http://x/{SECRET}"))],
                    body,
                )
            });
            for (host, port) in [("gw", 8080), ("gw", 9600), ("b0", 9600)] {
                serve(&network, host, port, router.clone());
            }
            let (tap, told) = tap();
            let cluster =
                Cluster::new(with_secrets(endpoints()), Arc::new(network), clock(), Some(tap)).unwrap();
            let mut said = format!("{cluster:?}");
            said += &format!("{:?}", cluster.topology(&gateway()).await);
            said += &format!("{:?}", cluster.configuration(&gateway()).await);
            said += &format!("{:?}", cluster.exporters(&gateway()).await);
            said += &format!("{:?}", cluster.partitions(BROKER).await);
            said += &format!("{:?}", cluster.ready(BROKER).await);
            for effect in effects() {
                said += &format!("{:?}", cluster.perform(&gateway(), &effect, Mode::Real).await);
            }
            said += &format!("{:?}", told.lock().unwrap());
            assert!(
                !said.contains("correct") && !said.contains("ZGVtb"),
                "{status} {shape}: {said}"
            );
        }
    }
}

#[test]
fn secrets_are_not_shown_by_the_configuration_or_its_errors() {
    let shown = format!("{:?}", with_secrets(endpoints()));
    assert!(!shown.contains(SECRET), "{shown}");
    let mut endpoints = endpoints();
    endpoints.credentials.rest = Auth::Bearer {
        token: format!("{SECRET}\n").into(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    let error = Cluster::new(endpoints, Arc::new(Network::new()), clock(), None).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(SECRET));
    assert!(error.to_string().contains("REST credentials"));
}

#[tokio::test]
async fn a_call_over_loopback_costs_little() {
    const CALLS: u32 = 300;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let body = recordings::body("2-main-8-brokers/005-healthy-cluster-gw0.json");
    let router = Router::new().fallback(move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], body) }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut endpoints = endpoints();
    for gateway in endpoints.gateways.values_mut() {
        gateway.management = Some(url(&format!("http://{address}")));
    }
    let dial: Arc<dyn Dial> = Arc::new(Tcp::new(Clock::system()));
    let clock = Clock::system();
    let cluster = Cluster::new(endpoints, dial, clock.clone(), None).unwrap();
    for _ in 0..CALLS {
        assert!(matches!(cluster.configuration(&gateway()).await, Sight::Seen(_)));
    }
    let each = clock.now().since_start() / CALLS;
    println!("one call over loopback, server and parsing included: {each:?}");
    // Ten times and more of what it takes, so that a busy machine does not fail it, but a wait for a timer does.
    assert!(each.as_millis() < 20, "{each:?}");
}

#[tokio::test(start_paused = true)]
async fn a_whole_failover_is_asked_for_in_virtual_time() {
    // Twelve seconds of a hanging force take no time at all on a paused clock, through the real adapter.
    let network = Network::new();
    let router = Router::new().fallback(|| async {
        clock().sleep(std::time::Duration::from_secs(11)).await;
        let body = recordings::body("1-main-4-brokers/086-failover-force.json");
        (
            StatusCode::ACCEPTED,
            [(header::CONTENT_TYPE, "application/json")],
            body,
        )
    });
    serve(&network, "gw", 9600, router);
    let clock = clock();
    let answer = cluster(&network)
        .perform(&gateway(), &effects()[0], Mode::Real)
        .await;
    assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
    assert_eq!(clock.now().since_start().as_secs(), 11);
}

fn with_secrets(mut endpoints: Endpoints) -> Endpoints {
    endpoints.credentials.rest = Auth::Basic {
        user: "demo".to_owned(),
        password: SECRET.into(),
    };
    endpoints.credentials.management = Auth::Bearer { token: SECRET.into() };
    endpoints.credentials.grpc = Auth::Bearer { token: SECRET.into() };
    endpoints
}

#[tokio::test(start_paused = true)]
async fn any_http_service_may_stand_in_for_the_network() {
    let router = Router::new().fallback(|| async { ([(header::CONTENT_TYPE, "application/json")], "[]") });
    let service = http::Service::new(tower::service_fn(
        move |request: axum::http::Request<Full<Bytes>>| {
            let router = router.clone();
            async move {
                let Ok(response) = router.oneshot(request).await;
                let (head, body) = response.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                Ok::<_, http::Fault>(axum::http::Response::from_parts(head, body))
            }
        },
    ));
    let connector = Connector::new(Arc::new(Network::new()), None, clock());
    let cluster = Cluster::over(service, connector, endpoints(), None).unwrap();
    assert_eq!(cluster.exporters(&gateway()).await, Sight::Seen(BTreeMap::new()));
}
