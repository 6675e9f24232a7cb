//! A dual-region Camunda 8.6 in one process: a model, not a mock, that answers as the recorded Zeebe 8.6.0 did.
//!
//! - [`World`] is the model: a pure discrete-event simulation of brokers, raft, gossip, configuration changes,
//!   exporters, searches and clients. It knows no sockets and no clock.
//! - [`Lab`] is the world on a clock: a handle that is cheap to clone, through which faults are made, questions are
//!   asked and the reckoning is read.
//! - [`Lab::management`], [`Lab::rest`] and [`Lab::grpc`] are a broker's ports as tower services, and [`Lab::search`] is
//!   the port of a region's search, and [`Lab::bucket`] that of an object store beside both, for virtual time;
//!   [`Lab::serve`] opens the same ports as sockets, and [`Lab::control_router`] lets another process drive a lab.
//!
//! When the lab and a recording differ, the lab is wrong.

mod api;
mod bucket;
mod bucket_face;
mod chance;
mod cluster;
mod config;
mod control;
mod courier;
mod ctl;
mod face;
mod grpc;
mod ids;
mod kube;
mod lab;
mod search;
mod search_face;
mod serve;
mod timings;
pub mod views;
mod wall;
mod world;

pub use api::Port;
pub use bucket::BUCKET;
pub use bucket_face::BucketPort;
pub use config::{ConfigError, Disk, State, Version, WorldConfig};
pub use face::{BrokerPort, Refused};
pub use ids::{BrokerId, PartitionId, Region};
pub use lab::{Lab, UnknownBroker, UnknownRegion};
pub use search::Flavour;
pub use search::store::StoreState;
pub use search_face::SearchPort;
pub use serve::{BrokerEndpoints, Endpoints, Listen, SearchEndpoint, ServeError};
pub use timings::{Span, Timings};
pub use world::{
    AnswerFault, Audit, Blow, BrokerStatus, Counted, Data, DeploymentStatus, Door, FinalAudit, Forced,
    LabStatus, Labels, Leading, Link, NameRecord, NamesChanged, NamesTrouble, PartitionAudit, PlatformError,
    PodPhase, PodStatus, Power, RegionAudit, RegionStatus, ReleaseStatus, SearchAudit, SearchFault,
    SearchStatus, VolumeStatus, World, WorldEvent,
};
