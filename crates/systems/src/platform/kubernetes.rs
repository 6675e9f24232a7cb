//! Lists as `kubectl get … -o json` prints them, read strictly into pods and names.

use std::collections::{BTreeMap, BTreeSet};

use c8dr_domain::platform::{Component, Pod, PodTrouble};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::foreign::{Garbled, json, shown};
use crate::kubernetes::state::trouble_of;

/// The pods that have not ended for good.
///
/// # Errors
/// If it is no list of pods, or not all of it.
pub fn pods(body: &[u8]) -> Result<Vec<Pod>, Garbled> {
    whole(pods_page(body)?)
}

/// As [`pods`], of a list that may go on; with the token of what follows.
pub(crate) fn pods_page(body: &[u8]) -> Result<Page<Pod>, Garbled> {
    let (pods, more) = items::<PodStatus>(body, "Pod")?;
    let pods = pods
        .into_iter()
        // All of its containers have ended and none is begun again: it is a record of the past.
        .filter(|pod| !matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed")))
        .map(|pod| Pod {
            component: component(&pod.metadata.labels.unwrap_or_default()),
            is_ready: pod
                .status
                .conditions
                .iter()
                .flatten()
                .any(|condition| condition.what == "Ready" && condition.status == "True"),
            is_terminating: pod.metadata.deletion_timestamp.is_some(),
            trouble: pod.status.trouble(),
            name: pod.metadata.name,
        })
        .collect();
    Ok((pods, more))
}

/// The names of the volume claims.
///
/// # Errors
/// If it is no list of volume claims, or not all of it.
pub fn volumes(body: &[u8]) -> Result<BTreeSet<String>, Garbled> {
    Ok(whole(volumes_page(body)?)?.into_iter().collect())
}

/// As [`volumes`], of a list that may go on; with the token of what follows.
pub(crate) fn volumes_page(body: &[u8]) -> Result<Page<String>, Garbled> {
    let (claims, more) = items::<IgnoredAny>(body, "PersistentVolumeClaim")?;
    let names = claims.into_iter().map(|claim| claim.metadata.name).collect();
    Ok((names, more))
}

/// A page of a list, and the token of the next one.
pub(crate) type Page<T> = (Vec<T>, Option<String>);

/// What is on the only page.
fn whole<T>((items, more): Page<T>) -> Result<Vec<T>, Garbled> {
    match more {
        None => Ok(items),
        Some(_) => {
            let what = "the list goes on, and the rest was not asked for";
            Err(Garbled::content("metadata.continue", what))
        }
    }
}

/// What a pod is for, by the labels of Camunda's charts and of those that bring the search. `spec: api.md §10`
fn component(labels: &BTreeMap<String, String>) -> Component {
    let label = |name: &str| labels.get(name).map(String::as_str);
    match label("app.kubernetes.io/component") {
        Some("zeebe-broker") => return Component::Broker,
        Some("zeebe-gateway") => return Component::Gateway,
        Some("operate" | "tasklist") => return Component::Webapp,
        Some("elasticsearch" | "opensearch") => return Component::Search,
        _ => {}
    }
    let is_search = matches!(
        label("app.kubernetes.io/name"),
        Some("elasticsearch" | "opensearch")
    ) || label("elasticsearch.k8s.elastic.co/cluster-name").is_some();
    match is_search {
        true => Component::Search,
        false => Component::Other,
    }
}

#[derive(Deserialize)]
struct List<S> {
    kind: String,
    metadata: Option<ListMetadata>,
    items: Vec<Object<S>>,
}

#[derive(Deserialize)]
struct ListMetadata {
    #[serde(rename = "continue")]
    more: Option<String>,
}

#[derive(Deserialize)]
struct Object<S> {
    kind: Option<String>,
    metadata: Metadata,
    status: S,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    labels: Option<BTreeMap<String, String>>,
    deletion_timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodStatus {
    phase: Option<String>,
    conditions: Option<Vec<Condition>>,
    init_container_statuses: Option<Vec<ContainerStatus>>,
    container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    what: String,
    status: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct ContainerStatus {
    state: Option<ContainerState>,
}

#[derive(Deserialize)]
struct ContainerState {
    waiting: Option<Waiting>,
}

#[derive(Deserialize)]
struct Waiting {
    reason: Option<String>,
}

impl PodStatus {
    /// Why it cannot run, if it says so.
    fn trouble(&self) -> Option<PodTrouble> {
        let containers = [&self.init_container_statuses, &self.container_statuses];
        let waits = (containers.into_iter().flatten().flatten())
            .filter_map(|container| container.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
        let unplaced = (self.conditions.iter().flatten())
            .any(|it| it.what == "PodScheduled" && it.reason.as_deref() == Some("Unschedulable"));
        waits
            .filter_map(trouble_of)
            .next()
            .or(unplaced.then_some(PodTrouble::Unschedulable))
    }
}

/// The items of a list of `kind`s, each with a name that is one.
fn items<S: DeserializeOwned>(body: &[u8], kind: &str) -> Result<Page<Object<S>>, Garbled> {
    let list: List<S> = json::read(body)?;
    if list.kind != "List" && list.kind != format!("{kind}List") {
        let what = format!(
            "this is a {:?}, not a list of {kind}s",
            shown(list.kind.as_bytes(), 60)
        );
        return Err(Garbled::content("kind", what));
    }
    for (item, at) in list.items.iter().zip(0..) {
        if let Some(other) = item.kind.as_deref().filter(|other| *other != kind) {
            let what = format!("this is a {:?}, not a {kind}", shown(other.as_bytes(), 60));
            return Err(Garbled::content(format!("items[{at}].kind"), what));
        }
        if !is_name(&item.metadata.name) {
            let what = format!("{:?} is no name", shown(item.metadata.name.as_bytes(), 60));
            return Err(Garbled::content(format!("items[{at}].metadata.name"), what));
        }
    }
    let more = list.metadata.and_then(|metadata| metadata.more);
    Ok((list.items, more.filter(|more| !more.is_empty())))
}

/// Whether Kubernetes could have taken it for the name of an object: it is shown to people, and typed by them.
pub(crate) fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    (1..=253).contains(&name.len()) && name.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, labels: impl Into<Value>, status: impl Into<Value>) -> Value {
        let (labels, status) = (labels.into(), status.into());
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "status": status})
    }

    fn list(items: impl Into<Value>) -> String {
        let items = items.into();
        json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items})
            .to_string()
    }

    fn running(ready: &str) -> Value {
        json!({"phase": "Running", "conditions": [
            {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": ready, "reason": "x"}]})
    }

    #[test]
    fn pods_are_known_by_their_labels() {
        let labelled = |labels: Value| {
            let body = list(vec![pod("p", labels, running("True"))]);
            pods(body.as_bytes()).unwrap()[0].component
        };
        let camunda = |component: &str| {
            labelled(
                json!({"app.kubernetes.io/name": "camunda-platform", "app.kubernetes.io/component": component}),
            )
        };
        for (component, expected) in [
            ("zeebe-broker", Component::Broker),
            ("zeebe-gateway", Component::Gateway),
            ("operate", Component::Webapp),
            ("tasklist", Component::Webapp),
            ("elasticsearch", Component::Search),
            ("optimize", Component::Other),
            ("connectors", Component::Other),
            ("Operate", Component::Other),
        ] {
            assert_eq!(camunda(component), expected, "{component}");
        }
        // As Bitnami's chart has it, and as the operator of Elastic has it.
        let bitnami =
            json!({"app.kubernetes.io/name": "elasticsearch", "app.kubernetes.io/component": "master"});
        assert_eq!(labelled(bitnami), Component::Search);
        let elastic = json!({"elasticsearch.k8s.elastic.co/cluster-name": "elasticsearch"});
        assert_eq!(labelled(elastic), Component::Search);
        assert_eq!(
            labelled(json!({"app.kubernetes.io/name": "opensearch"})),
            Component::Search
        );
        assert_eq!(labelled(json!({})), Component::Other);
        assert_eq!(labelled(Value::Null), Component::Other);
    }

    #[test]
    fn a_pod_is_there_until_it_has_ended_for_good() {
        let operate = json!({"app.kubernetes.io/component": "operate"});
        let mut terminating = pod("operate-0", operate.clone(), running("True"));
        terminating["metadata"]["deletionTimestamp"] = json!("2026-11-22T10:00:30Z");
        let body = list(vec![
            terminating,
            pod("operate-1", operate.clone(), json!({"phase": "Pending"})),
            pod("operate-2", operate.clone(), running("False")),
            pod("operate-3", operate.clone(), json!({"phase": "Succeeded"})),
            pod(
                "operate-4",
                operate.clone(),
                json!({"phase": "Failed", "reason": "Evicted", "conditions": null}),
            ),
            // Its node is lost: it may well go on.
            pod("operate-5", operate.clone(), json!({"phase": "Unknown"})),
            pod("operate-6", operate, json!({})),
        ]);
        let told: Vec<(String, bool, bool)> = pods(body.as_bytes())
            .unwrap()
            .into_iter()
            .map(|pod| (pod.name, pod.is_ready, pod.is_terminating))
            .collect();
        let expected = [
            ("operate-0", true, true),
            ("operate-1", false, false),
            ("operate-2", false, false),
            ("operate-5", false, false),
            ("operate-6", false, false),
        ];
        assert_eq!(
            told,
            expected.map(|(name, ready, ending)| (name.to_owned(), ready, ending))
        );
    }

    #[test]
    fn volume_claims_are_told_by_name() {
        let body = r#"{"kind":"PersistentVolumeClaimList","apiVersion":"v1","metadata":{},"items":[
            {"metadata":{"name":"data-camunda-zeebe-0"},"spec":{},"status":{"phase":"Bound"}},
            {"kind":"PersistentVolumeClaim","metadata":{"name":"data-camunda-zeebe-1"},"status":{}}]}"#;
        let names = ["data-camunda-zeebe-0", "data-camunda-zeebe-1"].map(str::to_owned);
        assert_eq!(volumes(body.as_bytes()), Ok(names.into()));
        assert_eq!(volumes(list(Vec::<Value>::new()).as_bytes()), Ok(BTreeSet::new()));
        // A list of other things is not "no volumes".
        assert!(volumes(br#"{"kind":"PodList","items":[]}"#).is_err());
    }

    #[test]
    fn a_list_that_may_not_be_whole_is_none() {
        for body in [
            "",
            "No resources found in camunda namespace.",
            "{}",
            "[]",
            "null",
            r#"{"kind":"List"}"#,
            r#"{"kind":"List","items":null}"#,
            r#"{"items":[]}"#,
            r#"{"kind":"Status","status":"Failure","message":"Forbidden","items":[]}"#,
            r#"{"kind":"PodList","metadata":{"continue":"abc"},"items":[]}"#,
            r#"{"kind":"DeploymentList","items":[]}"#,
            r#"{"kind":"List","items":[{"kind":"Deployment","metadata":{"name":"a"},"status":{}}]}"#,
            r#"{"kind":"List","items":[{"metadata":{"name":"a"}}]}"#,
            r#"{"kind":"List","items":[{"metadata":{},"status":{}}]}"#,
            r#"{"kind":"List","items":[{"metadata":{"name":""},"status":{}}]}"#,
            r#"{"kind":"List","items":[],"items":[]}"#,
            r#"{"kind":"List","items":[]} {"kind":"List","items":[]}"#,
            "Warning: x\n{\"kind\":\"List\",\"items\":[]}",
        ] {
            assert!(pods(body.as_bytes()).is_err(), "{body}");
        }
        assert_eq!(
            pods(br#"{"kind":"PodList","metadata":{"continue":""},"items":[]}"#),
            Ok(Vec::new())
        );
        let whole = list(vec![
            pod("a", json!({}), running("True")),
            pod("b", json!({}), running("True")),
        ]);
        for cut in 0..whole.len() {
            assert!(pods(&whole.as_bytes()[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn names_that_could_deceive_are_refused_and_shown_harmlessly() {
        for name in [
            "evil\u{202e}txt",
            "a\u{1b}[2J",
            "a b",
            "A",
            "../x",
            "x\ny",
            "ａ",
            &"x".repeat(254),
        ] {
            let body = list(vec![pod(name, json!({}), running("True"))]);
            let told = pods(body.as_bytes()).unwrap_err().to_string();
            assert!(
                !told.contains(['\u{202e}', '\u{1b}', '\n']) && told.len() < 400,
                "{told:?}"
            );
            assert!(told.contains("items[0].metadata.name"), "{told}");
        }
        let deep = format!(r#"{{"kind":"List","x":{}"#, "[".repeat(100_000));
        assert!(pods(deep.as_bytes()).is_err());
    }

    #[test]
    fn ten_mebibytes_are_read() {
        let mut body = r#"{"kind":"List","metadata":{},"items":["#.to_owned();
        let filler = "y".repeat(10_000);
        let mut count = 0;
        while body.len() < 10 * 1024 * 1024 {
            if count > 0 {
                body.push(',');
            }
            body.push_str(&format!(
                r#"{{"metadata":{{"name":"p-{count}","annotations":{{"x":"{filler}"}}}},"status":{{}}}}"#
            ));
            count += 1;
        }
        body.push_str("]}");
        assert_eq!(pods(body.as_bytes()).unwrap().len(), count);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fall(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (pods(&body), volumes(&body));
        }

        #[test]
        fn a_changed_byte_is_never_a_list_without_its_pods(at in 0usize..2000, to in any::<u8>()) {
            let operate = json!({"app.kubernetes.io/component": "operate"});
            let mut body = list(vec![pod("operate-0", operate.clone(), json!({})), pod("operate-1", operate, json!({}))])
                .into_bytes();
            let at = at % body.len();
            body[at] = to;
            // One pod's label or name may read otherwise; the other one is still there.
            if let Ok(pods) = pods(&body) {
                prop_assert!(pods.len() == 2 && pods.iter().any(|pod| pod.component == Component::Webapp));
            }
        }
    }
}
