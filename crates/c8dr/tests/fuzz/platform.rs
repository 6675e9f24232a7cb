//! What `kubectl get … -o json` prints.

use c8dr_systems::platform::wire;
use serde_json::{Value, json};

use super::zeebe::{documents, understood};

fn object(kind: &str, name: &str, component: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": kind,
        "metadata": {
            "name": name, "namespace": "camunda-london", "deletionTimestamp": null,
            "labels": {"app.kubernetes.io/component": component, "app.kubernetes.io/name": "camunda-platform"},
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

#[test]
fn fuzz_kubernetes_lists() {
    let list = |kind: &str, items: Vec<Value>| json!({"apiVersion": "v1", "kind": kind, "metadata": {"resourceVersion": "", "continue": ""}, "items": items});
    let seeds = [
        list(
            "List",
            vec![
                object("Pod", "camunda-zeebe-0", "zeebe-broker"),
                object("Pod", "camunda-operate-7c9", "operate"),
                object("Pod", "elasticsearch-0", "elasticsearch"),
            ],
        ),
        list("PodList", vec![]),
        list(
            "List",
            vec![object(
                "PersistentVolumeClaim",
                "data-camunda-zeebe-0",
                "zeebe-broker",
            )],
        ),
    ];
    documents("pods", 4_000, &seeds, |body| {
        understood(wire::pods(body))?;
        understood(wire::volumes(body)).map(drop)
    });
}
