//! A region made sure not to come back by itself: its brokers and gateways scaled to zero and seen gone, or cut off by a
//! network policy. `design: G3, level F2`

use c8dr_domain::platform::PodState;
use serde_json::{Value, json};

use super::ask::Ask;
use super::object::Object;
use super::region::Region;
use super::rights::Right;
use super::state::state_of;
use super::trouble::Trouble;

/// One thing that a fence scales to zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// What it is.
    pub kind: WorkloadKind,
    /// Its name.
    pub name: String,
    /// How many replicas are wanted now.
    pub replicas: u64,
}

/// What keeps pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    /// Of brokers.
    StatefulSet,
    /// Of gateways, where they are apart (charts 11 and 12).
    Deployment,
}

impl WorkloadKind {
    /// As kubectl calls it.
    pub const fn word(self) -> &'static str {
        match self {
            WorkloadKind::StatefulSet => "statefulset",
            WorkloadKind::Deployment => "deployment",
        }
    }
}

/// A pod that still stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: PodState,
}

/// Whom a fence is about, by their label.
const COMPONENTS: [&str; 2] = ["zeebe-broker", "zeebe-gateway"];

impl Region {
    /// What a fence would scale: the brokers' stateful set, and the gateway's deployment where there is one.
    ///
    /// # Errors
    /// If it cannot be listed, or the release has no brokers there: then it is another namespace than was meant.
    pub async fn workloads(&self) -> Result<Vec<Workload>, Trouble> {
        let (sets, deployments) = futures_util::join!(
            self.list(Right::ListStatefulSets),
            self.list(Right::ListDeployments)
        );
        let of = |kind, name: String, all: &[Object]| {
            all.iter()
                .find(|object| object.metadata.name == name)
                .map(|object| Workload {
                    kind,
                    name,
                    replicas: Object::number(&object.spec, "/replicas").unwrap_or(1),
                })
        };
        let brokers = of(
            WorkloadKind::StatefulSet,
            format!("{}-zeebe", self.release),
            &sets?,
        );
        let gateways = of(
            WorkloadKind::Deployment,
            format!("{}-zeebe-gateway", self.release),
            &deployments?,
        );
        let Some(brokers) = brokers else {
            return Err(Trouble::Refused {
                cluster: self.cluster.to_string(),
                asked: format!("find the brokers in namespace `{}`", self.namespace),
                status: 404,
                message: format!("there is no stateful set `{}-zeebe`", self.release),
            });
        };
        Ok(std::iter::once(brokers).chain(gateways).collect())
    }

    /// Scales one of them to zero, and reads it back.
    ///
    /// # Errors
    /// If that is refused, or not known to be so.
    pub async fn scale_to_zero(&self, workload: &Workload) -> Result<(), Trouble> {
        let (set, get) = match workload.kind {
            WorkloadKind::StatefulSet => (Right::PatchStatefulSetScale, Right::GetStatefulSetScale),
            WorkloadKind::Deployment => (Right::PatchDeploymentScale, Right::GetDeploymentScale),
        };
        if workload.replicas > 0 {
            self.set_scale(set, &workload.name, 0).await?;
        }
        self.read_scale(get, &workload.name, 0).await
    }

    /// The pods of brokers and gateways that are still there: a fence is one only when there is none. A pod that ends still
    /// writes, and one on a node that is not heard may.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn still_there(&self) -> Result<Vec<Still>, Trouble> {
        let selector = format!("app.kubernetes.io/component in ({})", COMPONENTS.join(","));
        let ask = Ask::all(Right::ListPods, &self.namespace).with_query("labelSelector", selector);
        let pods = self.cluster.list(&ask).await?;
        Ok(pods
            .iter()
            .map(|pod| Still {
                name: pod.metadata.name.clone(),
                state: state_of(pod),
            })
            .filter(|pod| pod.state != PodState::Ended)
            .collect())
    }

    /// What our network policy is called.
    pub fn policy_name(&self) -> String {
        format!("{}-c8dr-fence", self.release)
    }

    /// Puts a network policy there that lets nothing to or from brokers and gateways, and reads it back. That it is there is
    /// not that the network keeps it.
    ///
    /// # Errors
    /// If that is refused, not known to be so, or another policy of this name is there.
    pub async fn cut_off(&self) -> Result<(), Trouble> {
        let policy = self.policy();
        let name = self.policy_name();
        let create = Ask::all(Right::CreateNetworkPolicy, &self.namespace).with_body(policy.clone());
        match self.cluster.ask(&create).await {
            // Ours of an earlier time, perhaps: read below.
            Ok(_) | Err(Trouble::Refused { status: 409, .. }) => {}
            Err(trouble) => return Err(trouble),
        }
        let ask = Ask::one(Right::GetNetworkPolicy, &self.namespace, &name);
        let read: Object = self.cluster.object(&ask).await?;
        let is_empty = |key: &str| {
            read.spec
                .get(key)
                .is_none_or(|rules| rules.as_array().is_none_or(Vec::is_empty))
        };
        let is_ours = ["podSelector", "policyTypes"]
            .iter()
            .all(|key| read.spec.get(*key) == policy["spec"].get(*key));
        if is_ours && is_empty("ingress") && is_empty("egress") {
            return Ok(());
        }
        Err(Trouble::Garbled {
            cluster: self.cluster.to_string(),
            asked: ask.words(),
            problem: format!("network policy `{name}` is there and cuts off something else, or less"),
        })
    }

    fn policy(&self) -> Value {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": self.policy_name(), "labels": {"app.kubernetes.io/managed-by": "c8dr"}},
            "spec": {
                "podSelector": {"matchExpressions": [
                    {"key": "app.kubernetes.io/component", "operator": "In", "values": COMPONENTS},
                ]},
                "policyTypes": ["Ingress", "Egress"],
            },
        })
    }
}
