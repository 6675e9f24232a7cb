//! gRPC Topology says what REST topology says (recorded: equal in all comparisons).

mod asking;

use asking::Asking;
use axum::body::Body;
use c8dr_lab::{BrokerId, WorldConfig};
use http::Request;
use prost::Message;
use tower::ServiceExt;

/// The messages once more, by hand, so that a slip in the lab's protocol file cannot hide.
#[derive(Message)]
struct Topology {
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
}

#[derive(Message)]
struct Broker {
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

#[derive(Message)]
struct Partition {
    #[prost(int32, tag = "1")]
    partition_id: i32,
    #[prost(int32, tag = "2")]
    role: i32,
    #[prost(int32, tag = "3")]
    health: i32,
}

#[tokio::test(start_paused = true)]
async fn grpc_and_rest_agree() {
    let lab = Asking::new(WorldConfig::default());
    lab.sleep(3.0).await;
    // An empty message behind its five bytes of frame.
    let request = Request::builder()
        .method("POST")
        .uri("http://lab/gateway_protocol.Gateway/Topology")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::from(vec![0u8; 5]))
        .unwrap();
    let response = lab.lab.grpc(BrokerId(1)).oneshot(request).await.unwrap();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    let topology = Topology::decode(&bytes[5..]).unwrap();
    let rest = lab.topology(1).await;
    assert_eq!(topology.brokers.len(), 4);
    assert_eq!(
        (
            topology.cluster_size,
            topology.partitions_count,
            topology.replication_factor
        ),
        (4, 4, 4)
    );
    assert_eq!(topology.gateway_version, "8.6.0");
    for (broker, expected) in topology.brokers.iter().zip(rest["brokers"].as_array().unwrap()) {
        assert_eq!(expected["nodeId"], broker.node_id);
        assert_eq!(expected["host"], broker.host);
        assert_eq!(expected["port"], broker.port);
        for (partition, expected) in broker
            .partitions
            .iter()
            .zip(expected["partitions"].as_array().unwrap())
        {
            assert_eq!(expected["partitionId"], partition.partition_id);
            assert_eq!(
                expected["role"],
                if partition.role == 0 { "leader" } else { "follower" }
            );
            assert_eq!(partition.health, 0);
        }
    }
}
