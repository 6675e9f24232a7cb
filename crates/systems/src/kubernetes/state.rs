//! How a pod is, read off its status.

use c8dr_domain::platform::{PodState, PodTrouble};
use serde_json::Value;

use super::object::Object;

/// What stands in a container's `state.waiting.reason`, if it says that the container cannot run.
pub(crate) fn trouble_of(reason: &str) -> Option<PodTrouble> {
    match reason {
        "CrashLoopBackOff" => Some(PodTrouble::CrashLoop),
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
            Some(PodTrouble::NoImage)
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(PodTrouble::BadConfiguration)
        }
        _ => None,
    }
}

/// Reads it off a pod.
pub(super) fn state_of(pod: &Object) -> PodState {
    let phase = pod.status.get("phase").and_then(Value::as_str);
    match phase {
        Some("Succeeded" | "Failed") => return PodState::Ended,
        _ if pod.metadata.deletion_timestamp.is_some() => return PodState::Ending,
        Some("Unknown") => return PodState::Unknown,
        _ => {}
    }
    let condition = |what: &str, key: &str| -> Option<&str> {
        let conditions = pod.status.get("conditions")?.as_array()?;
        let found = conditions
            .iter()
            .find(|condition| condition.get("type").and_then(Value::as_str) == Some(what))?;
        found.get(key)?.as_str()
    };
    if condition("Ready", "status") == Some("True") {
        return PodState::Ready;
    }
    let trouble = ["initContainerStatuses", "containerStatuses"]
        .iter()
        .filter_map(|list| pod.status.get(*list)?.as_array())
        .flatten()
        .filter_map(|container| container.pointer("/state/waiting/reason")?.as_str())
        .find_map(trouble_of);
    if let Some(trouble) = trouble {
        return PodState::Broken(trouble);
    }
    if condition("PodScheduled", "reason") == Some("Unschedulable") {
        return PodState::Broken(PodTrouble::Unschedulable);
    }
    match phase {
        Some("Running") => PodState::Running,
        _ => PodState::Starting,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(status: Value) -> PodState {
        state_of(&Object {
            status,
            ..Object::default()
        })
    }

    #[test]
    fn running_not_ready_is_told_from_broken() {
        let waiting = |phase: &str, reason: &str| {
            state(
                json!({"phase": phase, "conditions": [{"type": "Ready", "status": "False"}],
                "containerStatuses": [{"state": {"waiting": {"reason": reason}}}]}),
            )
        };
        let broken = PodState::Broken;
        assert_eq!(
            waiting("Running", "CrashLoopBackOff"),
            broken(PodTrouble::CrashLoop)
        );
        assert_eq!(
            waiting("Pending", "ImagePullBackOff"),
            broken(PodTrouble::NoImage)
        );
        assert_eq!(
            waiting("Pending", "CreateContainerConfigError"),
            broken(PodTrouble::BadConfiguration)
        );
        assert_eq!(waiting("Pending", "ContainerCreating"), PodState::Starting);
        let unschedulable = json!({"phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]});
        assert_eq!(state(unschedulable), broken(PodTrouble::Unschedulable));
        let running = |ready: &str| {
            state(
                json!({"phase": "Running", "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [{"state": {"running": {}}}]}),
            )
        };
        assert_eq!(
            (running("True"), running("False")),
            (PodState::Ready, PodState::Running)
        );
        assert_eq!(state(json!({"phase": "Failed"})), PodState::Ended);
        assert_eq!(state(json!({"phase": "Unknown"})), PodState::Unknown);
        assert_eq!(state(json!({})), PodState::Starting);
    }
}
