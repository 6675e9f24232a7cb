//! The brokers' pods of a region, each as that very object, and the one that is deleted so that it is made anew.

use c8dr_domain::ids::{BrokerId, RegionId};
use c8dr_domain::platform::PodState;
use serde_json::Value;

use super::ask::Ask;
use super::leftovers::only;
use super::object::Object;
use super::region::Region;
use super::rights::Right;
use super::state::state_of;
use super::trouble::Trouble;

/// A broker's pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerPod {
    /// Its name.
    pub name: String,
    /// Which very pod it is: a pod of this name that is made anew has another.
    pub uid: String,
    /// How it is.
    pub state: PodState,
    /// Since when it is not ready, or when it was taken on by its node; unknown before that.
    pub since: Option<jiff::Timestamp>,
}

impl BrokerPod {
    /// The broker in it, by the pod's number within its region. `spec: api.md §10`
    pub fn broker(&self, region: RegionId) -> Option<BrokerId> {
        let (_, number) = self.name.rsplit_once('-')?;
        let number: u32 = number.parse().ok()?;
        Some(BrokerId(number.checked_mul(2)?.checked_add(region.0)?))
    }
}

impl Region {
    /// The brokers' pods of the namespace, but for those that have ended for good.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn broker_pods(&self) -> Result<Vec<BrokerPod>, Trouble> {
        let ask = Ask::all(Right::ListPods, &self.namespace)
            .with_query("labelSelector", "app.kubernetes.io/component=zeebe-broker");
        let pods = self.cluster.list(&ask).await?;
        let all = pods.iter().map(broker_pod);
        Ok(all.filter(|pod| pod.state != PodState::Ended).collect())
    }

    /// Deletes one pod, this one and no other of its name: its stateful set makes it anew.
    ///
    /// # Errors
    /// If that is refused, or not known to be so.
    pub async fn delete_broker_pod(&self, pod: &BrokerPod) -> Result<(), Trouble> {
        let ask = Ask::one(Right::DeletePod, &self.namespace, &pod.name).with_body(only(&pod.uid, None));
        self.cluster.ask(&ask).await.map(drop)
    }
}

fn broker_pod(pod: &Object) -> BrokerPod {
    // The condition tells since when it is so; a pod without one has its start alone.
    let unready = (pod
        .status
        .get("conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten())
    .find(|condition| condition.get("type").and_then(Value::as_str) == Some("Ready"))
    .and_then(|condition| condition.get("lastTransitionTime"));
    let began = unready.or_else(|| pod.status.get("startTime"));
    BrokerPod {
        name: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
        state: state_of(pod),
        since: began.and_then(Value::as_str).and_then(|began| began.parse().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_number_tells_its_broker() {
        let of = |name: &str, region| {
            let pod = BrokerPod {
                name: name.to_owned(),
                uid: String::new(),
                state: PodState::Ready,
                since: None,
            };
            pod.broker(RegionId(region)).map(|broker| broker.0)
        };
        assert_eq!(of("camunda-zeebe-0", 0), Some(0));
        assert_eq!(of("camunda-zeebe-3", 1), Some(7));
        assert_eq!(of("camunda-zeebe", 1), None);
        assert_eq!(of("camunda-zeebe-4294967295", 1), None);
    }
}
