//! Zeebe: management, REST and gRPC, as one [`Cluster`] behind the engine's port.

mod auth;
mod call;
mod cluster;
mod endpoints;
mod gateway;
mod grpc;
mod management;
mod reading;
mod verdict;
pub mod wire;
pub mod zbctl;

pub use self::auth::{Auth, Credentials};
pub use self::cluster::{Cluster, SetupError};
pub use self::endpoints::{BadUrl, BaseUrl, Endpoints, GatewayEndpoints, Limits};
