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

/// Why a pod cannot run. It stays so until somebody mends something: making the pod anew does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PodTrouble {
    /// Its container ends again and again.
    CrashLoop,
    /// Its image cannot be had.
    NoImage,
    /// Its configuration cannot be used: a secret or a map that is not there.
    BadConfiguration,
    /// No node takes it.
    Unschedulable,
}

impl PodTrouble {
    /// In a sentence, after `is`.
    pub const fn words(self) -> &'static str {
        match self {
            PodTrouble::CrashLoop => "ending again and again (CrashLoopBackOff)",
            PodTrouble::NoImage => "without its image (ImagePullBackOff)",
            PodTrouble::BadConfiguration => "not started, as its configuration cannot be used",
            PodTrouble::Unschedulable => "pending, as no node takes it (Unschedulable)",
        }
    }
}

/// How a pod is: that it runs and is not ready is how brokers of a recreated region are meant to be; that it cannot run is
/// something else. `spec: procedure.md FB1`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodState {
    /// It runs, and its readiness probe is content.
    Ready,
    /// It runs, and is not ready (yet).
    Running,
    /// It is being started.
    Starting,
    /// It cannot run.
    Broken(PodTrouble),
    /// It was told to end.
    Ending,
    /// It has ended for good.
    Ended,
    /// Its node is not heard.
    Unknown,
}

impl PodState {
    /// In a sentence, after `is`.
    pub const fn words(self) -> &'static str {
        match self {
            PodState::Ready => "ready",
            PodState::Running => "running and not ready",
            PodState::Starting => "being started",
            PodState::Broken(trouble) => trouble.words(),
            PodState::Ending => "ending",
            PodState::Ended => "over",
            PodState::Unknown => "on a node that is not heard",
        }
    }
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
    /// Why it cannot run, if that is so: else a pod that is not ready may become so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<PodTrouble>,
}

impl Pod {
    /// Its name, with why it cannot run where that is so.
    pub fn told(&self) -> String {
        match self.trouble {
            Some(trouble) => format!("{} ({})", self.name, trouble.words()),
            None => self.name.clone(),
        }
    }
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
