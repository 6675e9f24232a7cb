//! The platform as Kubernetes lists it: what `kubectl get pods -o json` and `kubectl get pvc -o json` print, as far as
//! anybody looks.

use serde::Serialize;

use crate::ids::Region;
use crate::world::{GRACE, Labels, PodPhase, PodStatus, World};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<T> {
    api_version: &'static str,
    items: Vec<T>,
    kind: &'static str,
    metadata: ListMetadata,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    resource_version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Object<S> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    status: S,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_grace_period_seconds: Option<u64>,
    /// The moment at which the grace is over, not that of the deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_timestamp: Option<String>,
    labels: WireLabels,
    name: String,
    namespace: String,
}

#[derive(Serialize)]
struct WireLabels {
    #[serde(rename = "app.kubernetes.io/component")]
    component: &'static str,
    #[serde(rename = "app.kubernetes.io/instance")]
    instance: &'static str,
    #[serde(rename = "app.kubernetes.io/name")]
    name: &'static str,
}

#[derive(Serialize)]
pub(crate) struct OfPod {
    conditions: [Condition; 1],
    phase: &'static str,
}

#[derive(Serialize)]
struct Condition {
    status: &'static str,
    #[serde(rename = "type")]
    what: &'static str,
}

#[derive(Serialize)]
pub(crate) struct OfVolume {
    phase: &'static str,
}

/// A region's pods.
pub(crate) fn pods(world: &World, region: Region) -> List<Object<OfPod>> {
    let pod = |pod: PodStatus| Object {
        api_version: "v1",
        kind: "Pod",
        metadata: Metadata {
            deletion_grace_period_seconds: pod.told_to_end.map(|_| GRACE.as_secs()),
            deletion_timestamp: pod.told_to_end.map(|at| world.wall.second(at + GRACE)),
            labels: labels(pod.labels),
            name: pod.name,
            namespace: world.namespace(region),
        },
        status: OfPod {
            conditions: [Condition {
                status: if pod.ready { "True" } else { "False" },
                what: "Ready",
            }],
            phase: match pod.phase {
                PodPhase::Pending => "Pending",
                // "Terminating" is only what kubectl's table says; the phase stays.
                PodPhase::Running | PodPhase::Terminating => "Running",
            },
        },
    };
    list(world.pods(region).into_iter().map(pod))
}

/// A region's volume claims.
pub(crate) fn volumes(world: &World, region: Region) -> List<Object<OfVolume>> {
    let claims = world.volumes(region).into_iter().map(|volume| Object {
        api_version: "v1",
        kind: "PersistentVolumeClaim",
        metadata: Metadata {
            deletion_grace_period_seconds: None,
            deletion_timestamp: None,
            labels: labels(volume.labels),
            name: volume.name,
            namespace: world.namespace(region),
        },
        status: OfVolume { phase: "Bound" },
    });
    list(claims)
}

fn labels(labels: Labels) -> WireLabels {
    WireLabels {
        component: labels.component,
        instance: labels.instance,
        name: labels.name,
    }
}

fn list<T>(items: impl Iterator<Item = T>) -> List<T> {
    List {
        api_version: "v1",
        items: items.collect(),
        kind: "List",
        metadata: ListMetadata { resource_version: "" },
    }
}
