//! Zeebe: management, REST and gRPC, as one [`Cluster`] behind the engine's port.

mod cluster;
mod endpoints;
mod gateway;
mod grpc;
mod management;
mod said;
mod verdict;
pub mod wire;
pub mod zbctl;

pub use self::cluster::Cluster;
pub use self::endpoints::{Credentials, Endpoints, GatewayEndpoints, Limits};
pub use crate::auth::Auth;
pub use crate::base_url::{BadUrl, BaseUrl};
pub use crate::setup::SetupError;
