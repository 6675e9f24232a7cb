//! The gRPC port: `gateway_protocol.Gateway/Topology` (spec: api.md §7).

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use tonic::Status;
use tower::ServiceExt;

use crate::api::Answer;
use crate::api::topology::Topology;
use crate::face::{Refused, never};
use crate::ids::BrokerId;
use crate::lab::Lab;

mod wire {
    //! Generated from the lab's own copy of the protocol.
    #![expect(
        unreachable_pub,
        unused_qualifications,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated code"
    )]
    tonic::include_proto!("gateway_protocol");
}

use wire::gateway_server::{Gateway, GatewayServer};
use wire::partition::{PartitionBrokerHealth, PartitionBrokerRole};

struct Face {
    lab: Lab,
    broker: BrokerId,
    /// A refusal is no gRPC status: it ends the connection, so it is carried past tonic.
    refused: Arc<Mutex<Option<Refused>>>,
}

#[tonic::async_trait]
impl Gateway for Face {
    async fn topology(
        &self,
        _: tonic::Request<wire::TopologyRequest>,
    ) -> Result<tonic::Response<wire::TopologyResponse>, Status> {
        let broker = self.broker;
        let answer = self
            .lab
            .attend(broker, |world, _, _| Answer::Soon(world.topology(broker)))
            .await;
        match answer {
            Ok(topology) => Ok(tonic::Response::new(message(topology))),
            Err(refused) => {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused);
                Err(Status::unavailable(refused.to_string()))
            }
        }
    }
}

fn message(topology: Topology) -> wire::TopologyResponse {
    let signed = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let brokers = topology.brokers.into_iter().map(|b| wire::BrokerInfo {
        node_id: signed(b.node_id),
        host: b.host,
        port: i32::from(b.port),
        partitions: b
            .partitions
            .into_iter()
            .map(|p| wire::Partition {
                partition_id: signed(p.partition_id),
                role: match p.role {
                    "leader" => PartitionBrokerRole::Leader.into(),
                    _ => PartitionBrokerRole::Follower.into(),
                },
                health: PartitionBrokerHealth::Healthy.into(),
            })
            .collect(),
        version: b.version.to_owned(),
    });
    wire::TopologyResponse {
        brokers: brokers.collect(),
        cluster_size: signed(topology.cluster_size),
        partitions_count: signed(topology.partitions_count),
        replication_factor: signed(topology.replication_factor),
        gateway_version: topology.gateway_version.to_owned(),
    }
}

pub(crate) async fn call<B>(
    lab: Lab,
    broker: BrokerId,
    request: Request<B>,
) -> Result<Response<Body>, Refused>
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let refused = Arc::new(Mutex::new(None));
    let server = GatewayServer::new(Face {
        lab,
        broker,
        refused: Arc::clone(&refused),
    });
    let response = server.oneshot(request).await.map_err(never)?;
    if let Some(refused) = *refused.lock().unwrap_or_else(PoisonError::into_inner) {
        return Err(refused);
    }
    Ok(response.map(Body::new))
}
