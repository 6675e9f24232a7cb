//! The gRPC topology against a tonic server of our own, and its printed form against recordings of `zbctl`.

use std::future::{Ready, ready};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use c8dr_domain::ids::{BrokerId, PartitionId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::topology::{GatewayTopology, Health, Role};
use c8dr_engine::ports::Zeebe;
use c8dr_systems::dial::memory::Network;
use c8dr_systems::zeebe::{Auth, wire, zbctl};
use serde_json::Value;
use tonic::Status;
use tonic_prost::ProstCodec;

use super::recordings;
use super::support::{cluster, endpoints, gateway, over, raw, serve, tap, url};

/// The messages once more, by their documented field numbers, so that a mistake in the .proto shows.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TopologyResponse {
    #[prost(message, repeated, tag = "1")]
    brokers: Vec<Broker>,
    #[prost(int32, tag = "2")]
    cluster_size: i32,
    #[prost(int32, tag = "3")]
    partitions_count: i32,
    #[prost(int32, tag = "4")]
    replication_factor: i32,
    #[prost(string, tag = "5")]
    gateway_version: String,
    /// Newer than our .proto.
    #[prost(string, tag = "6")]
    cluster_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Broker {
    #[prost(int32, tag = "1")]
    node_id: i32,
    #[prost(string, tag = "2")]
    host: String,
    #[prost(int32, tag = "3")]
    port: i32,
    #[prost(message, repeated, tag = "4")]
    partitions: Vec<Partition>,
    #[prost(string, tag = "5")]
    version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Partition {
    #[prost(int32, tag = "1")]
    partition_id: i32,
    /// Optional here: `None` is not on the wire at all.
    #[prost(int32, optional, tag = "2")]
    role: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    health: Option<i32>,
}

fn partition(partition_id: i32, role: Option<i32>, health: Option<i32>) -> Partition {
    Partition {
        partition_id,
        role,
        health,
    }
}

pub(crate) fn lost_region() -> TopologyResponse {
    let broker = |node_id, partitions| Broker {
        node_id,
        host: format!("zeebe-{node_id}"),
        port: 26501,
        partitions,
        version: "8.6.0".to_owned(),
    };
    TopologyResponse {
        brokers: vec![
            broker(
                2,
                vec![partition(2, Some(7), Some(9)), partition(1, Some(1), Some(1))],
            ),
            broker(0, vec![partition(1, None, None), partition(2, Some(2), Some(2))]),
        ],
        cluster_size: 4,
        partitions_count: 2,
        replication_factor: 4,
        gateway_version: "8.6.0".to_owned(),
        cluster_id: "new".to_owned(),
    }
}

/// The server's one method.
#[derive(Clone)]
struct Topology(Result<TopologyResponse, Status>);

impl tonic::server::UnaryService<()> for Topology {
    type Response = TopologyResponse;
    type Future = Ready<Result<tonic::Response<TopologyResponse>, Status>>;

    fn call(&mut self, _: tonic::Request<()>) -> Self::Future {
        ready(self.0.clone().map(tonic::Response::new))
    }
}

/// A gateway that lets in who brings `authorization`.
fn gateway_server(
    path: &str,
    authorization: Option<&'static str>,
    answer: Result<TopologyResponse, Status>,
) -> Network {
    let network = Network::new();
    let handler = move |request: Request<Body>| async move {
        let brought = request
            .headers()
            .get(header::AUTHORIZATION)
            .map(|value| value.to_str().unwrap().to_owned());
        let answer = if brought.as_deref() == authorization {
            answer
        } else {
            Err(Status::unauthenticated(format!("you sent {brought:?}")))
        };
        let codec = ProstCodec::<TopologyResponse, ()>::default();
        tonic::server::Grpc::new(codec)
            .unary(Topology(answer), request)
            .await
    };
    serve(
        &network,
        "gw",
        26500,
        Router::new().route(path, axum::routing::post(handler)),
    );
    network
}

pub(crate) const PATH: &str = "/gateway_protocol.Gateway/Topology";

#[tokio::test(start_paused = true)]
async fn absent_is_leader_and_healthy_and_unknown_is_kept() {
    let network = gateway_server(PATH, None, Ok(lost_region()));
    let Sight::Seen(seen) = cluster(&network).topology_by_grpc(&gateway()).await else {
        panic!("not seen");
    };
    assert_eq!(
        (seen.cluster_size, seen.partitions_count, seen.replication_factor),
        (4, 2, 4)
    );
    let replica = |broker, partition| {
        let replica = &seen.brokers[&BrokerId(broker)].partitions[&PartitionId(partition)];
        (replica.role.clone(), replica.health.clone())
    };
    assert_eq!(replica(0, 1), (Role::Leader, Health::Healthy));
    assert_eq!(replica(0, 2), (Role::Inactive, Health::Dead));
    assert_eq!(replica(2, 1), (Role::Follower, Health::Unhealthy));
    assert_eq!(
        replica(2, 2),
        (Role::Other("7".to_owned()), Health::Other("9".to_owned()))
    );
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_rest_grpc_is_asked_below_its_base_path_with_its_credentials() {
    let network = gateway_server(
        &format!("/ctx{PATH}"),
        Some("Bearer correct-horse"),
        Ok(lost_region()),
    );
    let mut endpoints = endpoints();
    endpoints.credentials.grpc = Auth::Bearer {
        token: "correct-horse".into(),
    };
    for gateway in endpoints.gateways.values_mut() {
        gateway.rest = None;
        gateway.grpc = Some(url("http://gw:26500/ctx"));
    }
    let seen = over(network, endpoints).topology(&gateway()).await;
    assert!(matches!(seen, Sight::Seen(_)), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_status_is_declined_and_repeats_no_credentials() {
    let network = gateway_server(PATH, Some("Bearer other"), Ok(lost_region()));
    let (tap, told) = tap();
    let mut endpoints = endpoints();
    endpoints.credentials.grpc = Auth::Bearer {
        token: "correct-horse".into(),
    };
    let cluster = c8dr_systems::zeebe::Cluster::new(
        endpoints,
        std::sync::Arc::new(network),
        super::support::clock(),
        Some(tap),
    )
    .unwrap();
    let seen = cluster.topology_by_grpc(&gateway()).await;
    assert!(
        matches!(&seen, Sight::Declined { status: 16, message } if message.contains("missing or wrong")),
        "{seen:?}"
    );
    let told = told.lock().unwrap().clone();
    assert_eq!(
        told[0].request,
        "gRPC http://gw:26500/gateway_protocol.Gateway/Topology"
    );
    assert!(!format!("{seen:?}{told:?}").contains("correct-horse"));
    let network = gateway_server(PATH, None, Err(Status::unavailable("no brokers")));
    let seen = super::support::cluster(&network)
        .topology_by_grpc(&gateway())
        .await;
    assert!(
        matches!(&seen, Sight::Declined { status: 14, message } if message.contains("no brokers")),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_impossible_is_garbled() {
    let mut twice = lost_region();
    twice.brokers[1].node_id = 2;
    let mut negative = lost_region();
    negative.brokers[0].port = -1;
    for (answer, words) in [
        (twice, "broker 2 is listed twice"),
        (negative, "-1 is out of range at brokers[0].port"),
    ] {
        let seen = cluster(&gateway_server(PATH, None, Ok(answer)))
            .topology_by_grpc(&gateway())
            .await;
        assert!(
            matches!(&seen, Sight::Garbled { problem } if problem.contains(words)),
            "{seen:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn faults_are_told_apart() {
    let asked = async |network: Network| cluster(&network).topology_by_grpc(&gateway()).await;
    let silent = |sight: &Sight<GatewayTopology>, expected: Silence| {
        assert!(
            matches!(sight, Sight::Silent { why, .. } if *why == expected),
            "{sight:?}"
        );
    };
    silent(&asked(Network::new()).await, Silence::Refused);
    let dark = Network::new();
    dark.darken("gw", 26500);
    silent(&asked(dark).await, Silence::NoConnection);
    let hanging = raw(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    silent(&asked(hanging).await, Silence::NoAnswer);
    silent(
        &asked(raw(|mut stream| async move {
            super::support::read_head(&mut stream).await;
        }))
        .await,
        Silence::Broken,
    );
    let web = raw(|mut stream| async move {
        let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
        super::support::read_head(&mut stream).await;
    });
    let seen = asked(web).await;
    assert!(
        matches!(&seen, Sight::Garbled { problem } if problem.contains("gRPC port")),
        "{seen:?}"
    );
    let page = Network::new();
    let router = Router::new().fallback(|| async {
        Response::builder()
            .status(StatusCode::NOT_FOUND)
            .body(Body::from("<html>"))
            .unwrap()
    });
    serve(&page, "gw", 26500, router);
    let seen = asked(page).await;
    assert!(
        matches!(&seen, Sight::Garbled { problem } if problem.contains("404")),
        "{seen:?}"
    );
}

#[test]
fn a_topology_prints_as_zbctl_printed_it() {
    let mut compared = 0;
    for file in recordings::files() {
        let recording: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        if recording.get("grpc").is_none() {
            continue;
        }
        // zbctl ends its last line only if the last broker has no partitions; ours are always ended.
        let printed: Vec<&str> = recording["stdout"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line.as_str().unwrap())
            .filter(|line| !line.is_empty())
            .collect();
        let gateway = recording["gateway_of_broker"].as_u64().unwrap();
        let step = recording["step"].as_str().unwrap();
        let step = step.split("-grpc").next().unwrap();
        // The same gateway was asked by REST in the same step.
        let twin = format!("-{step}-topology-gw{gateway}.json");
        let twin = std::fs::read_dir(file.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.to_str().unwrap().ends_with(&twin))
            .unwrap();
        let rest: Value = serde_json::from_slice(&std::fs::read(twin).unwrap()).unwrap();
        let topology = wire::topology(&serde_json::to_vec(&rest["response_body"]).unwrap()).unwrap();
        let rendered = zbctl::render(&topology);
        assert_eq!(
            rendered.lines().collect::<Vec<_>>(),
            printed,
            "{}",
            file.display()
        );
        compared += 1;
    }
    assert_eq!(compared, 12);
}
