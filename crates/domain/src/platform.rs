//! A region's platform as far as a failback needs it: the pods that run, and the volumes that are left.
//!
//! `spec: procedure.md FB1, FB2`: a deployment at 0/0 is not silence, as a pod that terminates still writes. Only pods count.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::RegionId;
use crate::observation::Sight;

/// What a pod is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// A Zeebe broker.
    Broker,
    /// A Zeebe gateway.
    Gateway,
    /// Elasticsearch or OpenSearch.
    Search,
    /// Operate or Tasklist: writes to the search.
    Webapp,
    /// Anything else.
    Other,
}

/// A pod object. It is there until it has ended for good, terminating or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub component: Component,
    /// Whether its readiness probe is content.
    pub is_ready: bool,
    /// Whether it was told to end.
    pub is_terminating: bool,
}

/// What came of a pod's own attempt to write into a search, by the way that its region's exporters take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteTrial {
    /// The pod that wrote.
    pub pod: String,
    /// Whose search.
    pub to: RegionId,
    /// What came of it.
    pub outcome: Trial,
}

/// How an attempt to write ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trial {
    /// A document was written, and taken away again.
    Written {
        /// The UUID of the cluster that took it.
        cluster: String,
    },
    /// It did not arrive, or was not taken.
    Failed {
        /// Why.
        why: String,
    },
    /// Nothing could be tried: that says nothing about the way.
    Untried {
        /// Why.
        why: String,
    },
}

/// What one look at a region's platform brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformSight {
    /// The pods of the installation's namespace.
    pub pods: Sight<Vec<Pod>>,
    /// The volume claims there, by name.
    pub volumes: Sight<BTreeSet<String>>,
    /// What its pods could write into both searches; asked only where a condition wants it tried.
    #[serde(default)]
    pub writes: Sight<Vec<WriteTrial>>,
}
