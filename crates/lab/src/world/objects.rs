//! What `kubectl get` would list of a region: its pods and its volume claims, named and labelled as the charts do.

use std::time::Duration;

use c8dr_engine::clock::Moment;

use crate::ids::Region;
use crate::world::platform::{PodPhase, RELEASE};
use crate::world::{Power, World};

/// How long Kubernetes lets a pod go on that was told to end.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// What Kubernetes makes the ends of its names of: no vowels, and nothing that looks like another.
const NAME_ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// What an object is labelled with (spec: api.md §10).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Labels {
    /// `app.kubernetes.io/name`: `camunda-platform`, or `elasticsearch` for what comes of that chart.
    pub name: &'static str,
    /// `app.kubernetes.io/component`: `zeebe-broker`, `zeebe-gateway`, `operate`, `tasklist`, or `master` of
    /// Elasticsearch.
    pub component: &'static str,
    /// `app.kubernetes.io/instance`: the release.
    pub instance: &'static str,
}

impl Labels {
    const SEARCH: Labels = Labels {
        name: "elasticsearch",
        component: "master",
        instance: RELEASE,
    };

    const fn camunda(component: &'static str) -> Labels {
        Labels {
            name: "camunda-platform",
            component,
            instance: RELEASE,
        }
    }
}

/// A pod as `kubectl get pods` shows it.
#[derive(Clone, PartialEq, Debug)]
pub struct PodStatus {
    /// Its name.
    pub name: String,
    /// What it is of.
    pub labels: Labels,
    /// Pending, Running or Terminating.
    pub phase: PodPhase,
    /// Whether its readiness probe is content.
    pub ready: bool,
    /// When it was told to end.
    pub told_to_end: Option<Moment>,
}

/// A volume claim as `kubectl get pvc` shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VolumeStatus {
    /// Its name.
    pub name: String,
    /// Those of the stateful set that it was made for: they stay when the set is gone.
    pub labels: Labels,
}

impl World {
    /// All pods of a region, those that terminate included.
    pub fn pods(&self, region: Region) -> Vec<PodStatus> {
        let mut pods = Vec::new();
        for (ordinal, id) in (0..).zip(self.brokers_of(region)) {
            let Some(broker) = self.broker(id).filter(|b| b.power != Power::Down) else {
                continue;
            };
            pods.push(PodStatus {
                name: broker_name(ordinal),
                labels: Labels::camunda("zeebe-broker"),
                phase: PodPhase::Running,
                ready: broker.ready && broker.power == Power::Up,
                told_to_end: None,
            });
        }
        let site = &self.sites[region.index()];
        if site.gateway {
            let mut own = self.brokers_of(region).into_iter();
            pods.push(PodStatus {
                name: pod_name("zeebe-gateway", 0),
                labels: Labels::camunda("zeebe-gateway"),
                phase: PodPhase::Running,
                // The lab's gateways live in its brokers; this pod stands for them.
                ready: own.any(|id| self.broker(id).is_some_and(|b| b.answers())),
                told_to_end: None,
            });
        }
        let search = &self.searches[region.index()];
        if search.alive {
            pods.push(PodStatus {
                name: format!("{RELEASE}-elasticsearch-master-0"),
                labels: Labels::SEARCH,
                phase: PodPhase::Running,
                ready: !search.red,
                told_to_end: None,
            });
        }
        pods.extend(site.pods.values().map(|pod| PodStatus {
            name: pod.name.clone(),
            labels: Labels::camunda(pod.webapp.name()),
            phase: pod.phase,
            ready: pod.phase == PodPhase::Running && search.alive,
            told_to_end: pod.told_to_end,
        }));
        pods
    }

    /// All volume claims of a region, in use or left over.
    pub fn volumes(&self, region: Region) -> Vec<VolumeStatus> {
        if !self.sites[region.index()].volumes {
            return Vec::new();
        }
        let ordinals = 0..self.brokers_of(region).len();
        let of_brokers = ordinals.map(|ordinal| VolumeStatus {
            name: format!("data-{}", broker_name(ordinal)),
            labels: Labels::camunda("zeebe-broker"),
        });
        let of_search = VolumeStatus {
            name: format!("data-{RELEASE}-elasticsearch-master-0"),
            labels: Labels::SEARCH,
        };
        of_brokers.chain([of_search]).collect()
    }

    /// The namespace of a region; the two differ (spec: procedure.md §1).
    pub fn namespace(&self, region: Region) -> String {
        format!("{RELEASE}-{}", self.region_name(region))
    }
}

/// Node id = ordinal × regions + region (spec: api.md §10), so the brokers of a region in order are its ordinals.
fn broker_name(ordinal: usize) -> String {
    format!("{RELEASE}-zeebe-{ordinal}")
}

/// The name of a deployment's pod: its replica set's hash, then an end of its own.
pub(super) fn pod_name(deployment: &str, number: u64) -> String {
    let mut rest = number;
    let mut end = [b'b'; 5];
    for place in end.iter_mut().rev() {
        let digit = usize::try_from(rest % 27).unwrap_or(0);
        *place = NAME_ALPHABET[digit];
        rest /= 27;
    }
    format!(
        "{RELEASE}-{deployment}-7c9f6d5b84-{}",
        String::from_utf8_lossy(&end)
    )
}
