//! From a service and one of its ports to a pod and one of its own.

use c8dr_domain::observation::Silence;
use c8dr_domain::platform::PodState;
use serde_json::Value;

use super::ask::Ask;
use super::object::Object;
use super::region::Region;
use super::rights::Right;
use super::state::state_of;
use super::trouble::Trouble;

/// Where a service's port leads.
pub(super) struct Chosen {
    pub(super) pod: String,
    pub(super) port: u16,
}

/// Why it leads nowhere.
pub(super) enum NoPod {
    /// It could not be learnt.
    Trouble(Trouble),
    /// There is nobody.
    None { why: Silence, detail: String },
}

/// Chooses a pod that the service stands for: a ready one; or, where the service publishes those that are not ready (brokers
/// find each other that way), one that runs.
pub(super) async fn choose(
    region: &Region,
    service: &Object,
    port: u16,
    turn: usize,
) -> Result<Chosen, NoPod> {
    let name = &service.metadata.name;
    let none = |why, detail: String| NoPod::None { why, detail };
    let selector: Vec<String> = service
        .spec
        .get("selector")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect();
    if selector.is_empty() {
        let detail = format!("service `{name}` selects no pods; name a pod, or the URL that it stands for");
        return Err(none(Silence::NoSuchHost, detail));
    }
    let ports: Vec<&Value> = service
        .spec
        .get("ports")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect();
    let found = ports
        .iter()
        .find(|found| Object::number(found, "/port") == Some(u64::from(port)))
        .ok_or_else(|| {
            let has: Vec<String> = ports
                .iter()
                .filter_map(|found| Some(Object::number(found, "/port")?.to_string()))
                .collect();
            let detail = format!("service `{name}` has no port {port}; it has {}", has.join(", "));
            none(Silence::NoSuchHost, detail)
        })?;
    let ask = Ask::all(Right::ListPods, &region.namespace).with_query("labelSelector", selector.join(","));
    let mut pods = region.cluster.list(&ask).await.map_err(NoPod::Trouble)?;
    pods.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
    let publishes_all = service.spec.get("publishNotReadyAddresses") == Some(&Value::Bool(true));
    let in_state = |wanted: &[PodState]| -> Vec<&Object> {
        pods.iter()
            .filter(|pod| wanted.contains(&state_of(pod)))
            .collect()
    };
    let mut able = in_state(&[PodState::Ready]);
    if able.is_empty() && publishes_all {
        able = in_state(&[PodState::Running, PodState::Ready]);
    }
    if able.is_empty() {
        let there: Vec<String> = pods
            .iter()
            .map(|pod| format!("{} is {}", pod.metadata.name, state_of(pod).words()))
            .collect();
        let there = match there.is_empty() {
            true => "there is none".to_owned(),
            false => there.join(", "),
        };
        return Err(none(
            Silence::Refused,
            format!("no pod behind service `{name}` is ready: {there}"),
        ));
    }
    let pod = able[turn % able.len()];
    let port = of_pod(found, pod, port).ok_or_else(|| {
        none(
            Silence::NoSuchHost,
            format!(
                "pod `{}` has no such port as service `{name}` leads to",
                pod.metadata.name
            ),
        )
    })?;
    Ok(Chosen {
        pod: pod.metadata.name.clone(),
        port,
    })
}

/// The pod's own port: by its number, by its name, or the service's where it says nothing.
fn of_pod(service_port: &Value, pod: &Object, port: u16) -> Option<u16> {
    match service_port.get("targetPort") {
        None | Some(Value::Null) => Some(port),
        Some(Value::Number(number)) => u16::try_from(number.as_u64()?).ok(),
        Some(Value::String(name)) => pod
            .spec
            .get("containers")?
            .as_array()?
            .iter()
            .filter_map(|container| container.get("ports")?.as_array())
            .flatten()
            .find(|port| port.get("name").and_then(Value::as_str) == Some(name))
            .and_then(|port| u16::try_from(Object::number(port, "/containerPort")?).ok()),
        Some(_) => None,
    }
}
