//! gRPC `Topology`, over the same dialer and clock as everything else. `spec: api.md §7`

use std::collections::BTreeMap;
use std::error::Error;
use std::task::{Context, Poll};

use ::http::{HeaderValue, Request, Response, Uri, header};
use c8dr_domain::ids::{BrokerId, PartitionId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::plain::plain;
use c8dr_domain::topology::{GatewayTopology, Health, ListedBroker, ListedReplica, Role};
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tonic::{Code, Status};

use self::proto::gateway_client::GatewayClient;
use super::endpoints::Limits;
use super::wire::{Garbled, shown};
use super::zbctl;
use crate::auth::Secrets;
use crate::call::{Caller, Door};
use crate::dial::{
    ByteStream, Connector, Protocol, Security, Target, causes, explain_tls, is_tls, nobody_there,
};
use crate::http::{Fault, chain, driven, host_of, target_of};
use crate::reading::unheard;

/// The generated messages and client.
mod proto {
    #![expect(
        unreachable_pub,
        unused_qualifications,
        clippy::all,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    tonic::include_proto!("gateway_protocol");
}

/// How a gateway's gRPC port is reached.
#[derive(Clone)]
pub(super) struct Grpc {
    pub(super) connector: Connector,
}

impl Grpc {
    /// The gateway's own view of the cluster.
    pub(super) async fn topology(
        &self,
        caller: &Caller,
        door: &Door,
        limits: Limits,
    ) -> Sight<GatewayTopology> {
        let began = self.connector.clock().now();
        let outcome = self.ask(door, limits).await;
        let (status, received) = match &outcome {
            Ok(Ok(topology)) => (Some(code_number(Code::Ok)), zbctl::render(topology)),
            Ok(Err(garbled)) => (Some(code_number(Code::Ok)), garbled.to_string()),
            Err(Failure::Status(status)) => {
                (Some(code_number(status.code())), words(status, &caller.secrets))
            }
            Err(Failure::Stranger(words)) => (None, words.clone()),
            Err(Failure::Fault(fault)) => (None, fault.to_string()),
        };
        let received = caller.secrets.scrubbed(received);
        let line = format!("gRPC {}/gateway_protocol.Gateway/Topology", door.base);
        caller.tell_exchange(began, line, None, (status, None), received.clone());
        match outcome {
            Ok(Ok(topology)) => Sight::Seen(topology),
            Ok(Err(_)) | Err(Failure::Stranger(_)) => Sight::Garbled { problem: received },
            Err(Failure::Status(status)) => Sight::Declined {
                status: code_number(status.code()),
                message: received,
            },
            Err(Failure::Fault(fault)) => unheard(&fault),
        }
    }

    async fn ask(&self, door: &Door, limits: Limits) -> Result<Result<GatewayTopology, Garbled>, Failure> {
        let origin = door.base.join("").map_err(|error| Fault::NotSent {
            why: Silence::NoSuchHost,
            detail: error.to_string(),
        })?;
        let (target, security) = target_of(&origin).map_err(Fault::from)?;
        let stream = self
            .connector
            .connect(&target, security, Protocol::Http2, limits.connect)
            .await
            .map_err(Fault::from)?;
        let origin = own_origin(origin, &target, security);
        let call = talk(stream, door.authorization.clone(), origin, limits.body_bytes_max);
        match self.connector.clock().timeout(limits.read, call).await {
            Ok(answered) => Ok(converted(answered?.into_inner())),
            Err(_) => Err(Fault::TooLate {
                status: None,
                limit: limits.read,
            }
            .into()),
        }
    }
}

/// The same URL with the host by which the server knows itself.
fn own_origin(origin: Uri, target: &Target, security: Security) -> Uri {
    let mut parts = origin.clone().into_parts();
    match host_of(target, security).parse() {
        Ok(authority) => {
            parts.authority = Some(authority);
            Uri::from_parts(parts).unwrap_or(origin)
        }
        Err(_) => origin,
    }
}

/// The call by itself, over a connection that stands.
async fn talk(
    stream: ByteStream,
    authorization: Option<HeaderValue>,
    origin: Uri,
    body_bytes_max: usize,
) -> Result<tonic::Response<proto::TopologyResponse>, Failure> {
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .map_err(|error| Failure::Fault(broken(&error)))?;
    // Boxed, because rustc cannot prove hyper's own future `Send` under the lifetimes of the port.
    let connection: BoxFuture<'static, hyper::Result<()>> = Box::pin(connection);
    let mut client = GatewayClient::with_origin(
        Channel {
            sender,
            authorization,
        },
        origin,
    )
    .max_decoding_message_size(body_bytes_max);
    driven(client.topology(proto::TopologyRequest {}), connection)
        .await
        .map_err(Failure::of)
}

/// Why no topology came.
enum Failure {
    /// The server says why.
    Status(Box<Status>),
    /// Something answered that is no gRPC server.
    Stranger(String),
    /// Nothing was heard.
    Fault(Fault),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Fault(fault)
    }
}

impl Failure {
    fn of(status: Status) -> Self {
        // tonic turns what breaks below it into a status, too; only there does it have a source: the channel's error
        // while the head is awaited, hyper's own while the body is.
        for cause in status.source().into_iter().flat_map(causes) {
            if let Some(stranger @ ChannelError::Stranger { .. }) = cause.downcast_ref() {
                return Failure::Stranger(stranger.to_string());
            }
            if let Some(error) = cause.downcast_ref() {
                return Failure::Fault(broken(error));
            }
        }
        Failure::Status(Box::new(status))
    }
}

fn broken(error: &hyper::Error) -> Fault {
    if let Some(nobody) = nobody_there(error) {
        return Fault::NotSent {
            why: Silence::Refused,
            detail: nobody.detail.clone(),
        };
    }
    if is_tls(error) {
        return Fault::Broken {
            why: Silence::Tls,
            status: None,
            detail: explain_tls(error),
        };
    }
    let detail = chain(error);
    if error.is_parse() || detail.contains("frame") {
        return Fault::NotHttp {
            detail: format!("{detail}; is this the gRPC port?"),
        };
    }
    Fault::Broken {
        why: Silence::Broken,
        status: None,
        detail,
    }
}

/// What goes wrong below tonic.
#[derive(Debug, thiserror::Error)]
enum ChannelError {
    #[error("the connection broke")]
    Broken(#[source] hyper::Error),
    #[error(
        "{status} from something that does not speak gRPC: wrong port, base path, or a proxy or login page?"
    )]
    Stranger { status: u16 },
}

/// One HTTP/2 connection as tonic wants it.
struct Channel {
    sender: http2::SendRequest<tonic::body::Body>,
    authorization: Option<HeaderValue>,
}

impl tower::Service<Request<tonic::body::Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = ChannelError;
    type Future = BoxFuture<'static, Result<Response<Incoming>, ChannelError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ChannelError>> {
        self.sender.poll_ready(context).map_err(ChannelError::Broken)
    }

    fn call(&mut self, mut request: Request<tonic::body::Body>) -> Self::Future {
        if let Some(authorization) = &self.authorization {
            request
                .headers_mut()
                .insert(header::AUTHORIZATION, authorization.clone());
        }
        let answer = self.sender.send_request(request);
        Box::pin(async move {
            let response = answer.await.map_err(ChannelError::Broken)?;
            let content_type = response.headers().get(header::CONTENT_TYPE);
            if content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
                return Ok(response);
            }
            Err(ChannelError::Stranger {
                status: response.status().as_u16(),
            })
        })
    }
}

fn words(status: &Status, secrets: &Secrets) -> String {
    // Scrubbed before it is cut, so that no half of a secret is left.
    let message = shown(secrets.scrubbed(status.message().to_owned()).as_bytes(), 1000);
    let hint = match status.code() {
        Code::Unauthenticated => "; the credentials are missing or wrong",
        Code::PermissionDenied => "; the credentials do not suffice for this",
        Code::Unimplemented => "; wrong port or base path?",
        _ => "",
    };
    format!("gRPC {:?}: {message}{hint}", status.code())
}

/// The number of a gRPC code: 0 to 16.
fn code_number(code: Code) -> u16 {
    u16::try_from(i32::from(code)).unwrap_or_default()
}

fn converted(wire: proto::TopologyResponse) -> Result<GatewayTopology, Garbled> {
    let mut brokers = BTreeMap::new();
    for (index, broker) in wire.brokers.into_iter().enumerate() {
        let path = format!("brokers[{index}]");
        let id = BrokerId(natural(broker.node_id, || format!("{path}.nodeId"))?);
        let mut partitions = BTreeMap::new();
        for (nth, replica) in broker.partitions.into_iter().enumerate() {
            let path = || format!("{path}.partitions[{nth}].partitionId");
            let partition = PartitionId(natural(replica.partition_id, path)?);
            let listed = ListedReplica {
                role: role(replica.role),
                health: health(replica.health),
            };
            if partitions.insert(partition, listed).is_some() {
                return Err(Garbled::content(
                    path(),
                    format!("partition {partition} is listed twice"),
                ));
            }
        }
        let port = natural(broker.port, || format!("{path}.port"))?;
        let listed = ListedBroker {
            host: plain(&broker.host).into_owned(),
            port,
            version: plain(&broker.version).into_owned(),
            partitions,
        };
        if brokers.insert(id, listed).is_some() {
            return Err(Garbled::content(
                format!("{path}.nodeId"),
                format!("broker {id} is listed twice"),
            ));
        }
    }
    Ok(GatewayTopology {
        brokers,
        cluster_size: natural(wire.cluster_size, || "clusterSize".to_owned())?,
        partitions_count: natural(wire.partitions_count, || "partitionsCount".to_owned())?,
        replication_factor: natural(wire.replication_factor, || "replicationFactor".to_owned())?,
        gateway_version: plain(&wire.gateway_version).into_owned(),
    })
}

fn natural<T: TryFrom<i32>>(value: i32, path: impl Fn() -> String) -> Result<T, Garbled> {
    T::try_from(value).map_err(|_| Garbled::content(path(), format!("{value} is out of range")))
}

fn role(wire: i32) -> Role {
    use proto::partition::PartitionBrokerRole::{Follower, Inactive, Leader};
    match proto::partition::PartitionBrokerRole::try_from(wire) {
        Ok(Leader) => Role::Leader,
        Ok(Follower) => Role::Follower,
        Ok(Inactive) => Role::Inactive,
        Err(_) => Role::Other(wire.to_string()),
    }
}

fn health(wire: i32) -> Health {
    use proto::partition::PartitionBrokerHealth::{Dead, Healthy, Unhealthy};
    match proto::partition::PartitionBrokerHealth::try_from(wire) {
        Ok(Healthy) => Health::Healthy,
        Ok(Unhealthy) => Health::Unhealthy,
        Ok(Dead) => Health::Dead,
        Err(_) => Health::Other(wire.to_string()),
    }
}
