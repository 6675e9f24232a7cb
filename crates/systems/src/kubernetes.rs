//! Kubernetes: two clusters' API servers, asked for what an installation consists of, and told to change little of it.
//!
//! kube reads the kubeconfig, keeps tokens fresh and shakes hands for port-forwards; every byte goes through the same seam as
//! everything else ([`crate::dial`]), a fresh connection per call. Each call needs a [`Right`], so the rights that an
//! installation has to grant are all listed in one place. Lists are whole, or there is none.

mod access;
mod ask;
mod brokers;
mod channel;
mod cluster;
mod configuration;
mod discover;
mod endpoint;
mod exec;
mod fence;
mod forward;
mod leftovers;
mod object;
mod plugin;
mod region;
mod rights;
mod service;
pub(crate) mod state;
mod transport;
mod trial;
mod trouble;
mod webapps;

pub use self::access::Access;
pub use self::brokers::BrokerPod;
pub use self::cluster::{Cluster, Limits};
pub use self::configuration::{Numbering, Numbers};
pub use self::discover::{Found, FoundSearch, NotThere};
pub use self::endpoint::{DnsEndpoint, Kept};
pub use self::fence::{Still, Workload, WorkloadKind};
pub use self::forward::Forward;
pub use self::leftovers::{Leftover, LeftoverKind, Leftovers};
pub use self::region::Region;
pub use self::rights::{Right, Rule, Side};
pub use self::trouble::Trouble;
pub use self::webapps::Webapp;
