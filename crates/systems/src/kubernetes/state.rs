//! How a pod is: that it runs and is not ready is how brokers of a recreated region are meant to be; that it cannot run is
//! something else. `spec: procedure.md FB1`

use serde_json::Value;

use super::object::Object;

/// How a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It runs, and its readiness probe is content.
    Ready,
    /// It runs, and is not ready (yet).
    Running,
    /// It is being started.
    Starting,
    /// Its container ends again and again.
    CrashLoop,
    /// Its image cannot be had.
    NoImage,
    /// Its configuration cannot be used: a secret or a map that is not there.
    BadConfiguration,
    /// No node takes it.
    Unschedulable,
    /// It was told to end.
    Ending,
    /// It has ended for good.
    Ended,
    /// Its node is not heard.
    Unknown,
}

impl State {
    /// Reads it off a pod.
    pub(super) fn of(pod: &Object) -> Self {
        let phase = pod.status.get("phase").and_then(Value::as_str);
        match phase {
            Some("Succeeded" | "Failed") => return State::Ended,
            _ if pod.metadata.deletion_timestamp.is_some() => return State::Ending,
            Some("Unknown") => return State::Unknown,
            _ => {}
        }
        let condition = |what: &str| {
            pod.status
                .get("conditions")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .find(|condition| condition.get("type").and_then(Value::as_str) == Some(what))
        };
        let text = |value: Option<&Value>, key: &str| -> Option<String> {
            value?.get(key)?.as_str().map(str::to_owned)
        };
        if text(condition("Ready"), "status").as_deref() == Some("True") {
            return State::Ready;
        }
        let waits = ["initContainerStatuses", "containerStatuses"]
            .iter()
            .filter_map(|list| pod.status.get(*list)?.as_array())
            .flatten()
            .filter_map(|container| container.pointer("/state/waiting/reason")?.as_str());
        for reason in waits {
            match reason {
                "CrashLoopBackOff" => return State::CrashLoop,
                "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
                    return State::NoImage;
                }
                "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                    return State::BadConfiguration;
                }
                _ => {}
            }
        }
        if text(condition("PodScheduled"), "reason").as_deref() == Some("Unschedulable") {
            return State::Unschedulable;
        }
        match phase {
            Some("Running") => State::Running,
            _ => State::Starting,
        }
    }

    /// Whether it stays as it is until somebody mends something.
    pub fn is_broken(self) -> bool {
        matches!(
            self,
            State::CrashLoop | State::NoImage | State::BadConfiguration | State::Unschedulable
        )
    }

    /// In a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            State::Ready => "ready",
            State::Running => "running and not ready",
            State::Starting => "being started",
            State::CrashLoop => "ending again and again (CrashLoopBackOff)",
            State::NoImage => "without its image (ImagePullBackOff)",
            State::BadConfiguration => "not started, as its configuration cannot be used",
            State::Unschedulable => "pending, as no node takes it (Unschedulable)",
            State::Ending => "ending",
            State::Ended => "over",
            State::Unknown => "on a node that is not heard",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(status: Value) -> State {
        State::of(&Object {
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
        assert_eq!(waiting("Running", "CrashLoopBackOff"), State::CrashLoop);
        assert_eq!(waiting("Pending", "ImagePullBackOff"), State::NoImage);
        assert_eq!(
            waiting("Pending", "CreateContainerConfigError"),
            State::BadConfiguration
        );
        assert_eq!(waiting("Pending", "ContainerCreating"), State::Starting);
        let unschedulable = json!({"phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]});
        assert_eq!(state(unschedulable), State::Unschedulable);
        let running = |ready: &str| {
            state(
                json!({"phase": "Running", "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [{"state": {"running": {}}}]}),
            )
        };
        assert_eq!(
            (running("True"), running("False")),
            (State::Ready, State::Running)
        );
        assert_eq!(state(json!({"phase": "Failed"})), State::Ended);
        assert_eq!(state(json!({"phase": "Unknown"})), State::Unknown);
        assert_eq!(state(json!({})), State::Starting);
        assert!(!State::Running.is_broken() && State::CrashLoop.is_broken());
    }
}
