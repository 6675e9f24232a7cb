//! The roles in `deploy/rbac` against the rights in the code, both ways; and what really goes out against both.

use std::collections::BTreeSet;

use c8dr_domain::ids::{BrokerId, RegionId};
use c8dr_systems::kubernetes::{Right, Side};
use serde::Deserialize;
use serde_json::json;

use super::server::{Server, at, deployment, pod};

/// A group, a resource with its part, a verb.
type Granted = (String, String, String);

#[derive(Deserialize)]
struct Role {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    verbs: Vec<String>,
    /// Of these objects alone.
    #[serde(default)]
    resource_names: Vec<String>,
}

/// What a file grants, each thing once.
fn granted(file: &str) -> BTreeSet<Granted> {
    let path = format!("{}/../../deploy/rbac/{file}", env!("CARGO_MANIFEST_DIR"));
    let role: Role = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut granted = BTreeSet::new();
    for rule in role.rules {
        assert_eq!(rule.resource_names.is_empty(), file != "names.yaml", "{file}");
        for group in &rule.api_groups {
            for resource in &rule.resources {
                for verb in &rule.verbs {
                    assert!(!verb.contains('*') && !resource.contains('*') && !group.contains('*'));
                    let one = (group.clone(), resource.clone(), verb.clone());
                    assert!(granted.insert(one.clone()), "{one:?} is granted twice in {file}");
                }
            }
        }
    }
    granted
}

/// What the code needs.
fn needed(side: Side) -> BTreeSet<Granted> {
    Right::ALL
        .iter()
        .map(|right| right.rule())
        .filter(|rule| rule.side == side)
        .flat_map(|rule| {
            let resource = match rule.part {
                Some(part) => format!("{}/{part}", rule.resource),
                None => rule.resource.to_owned(),
            };
            rule.verbs
                .iter()
                .map(move |verb| (rule.group.to_owned(), resource.clone(), (*verb).to_owned()))
        })
        .collect()
}

#[test]
fn the_roles_grant_what_is_needed_and_nothing_else() {
    for (file, side) in [
        ("looking.yaml", Side::Looking),
        ("doing.yaml", Side::Doing),
        ("cluster-wide.yaml", Side::ClusterWide),
        ("names.yaml", Side::Names),
    ] {
        assert_eq!(granted(file), needed(side), "{file}");
    }
}

/// What an API server would check for a request line, by its own reading of paths.
fn checked(line: &str) -> Granted {
    let (method, path) = line.split_once(' ').unwrap();
    let path = path.split('?').next().unwrap();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, rest) = match parts[0] {
        "api" => ("", &parts[2..]),
        _ => (parts[1], &parts[3..]),
    };
    let rest = match rest {
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
        rest => rest,
    };
    let resource = match rest {
        [resource, _, part] => format!("{resource}/{part}"),
        [resource, ..] => (*resource).to_owned(),
        [] => panic!("{line}"),
    };
    let verb = match (method, rest.len()) {
        ("GET", 1) => "list",
        ("GET", _) => "get",
        ("PATCH", _) => "patch",
        ("POST", _) => "create",
        ("DELETE", _) => "delete",
        _ => panic!("{line}"),
    };
    (group.to_owned(), resource, verb.to_owned())
}

#[tokio::test]
async fn what_goes_out_is_granted_and_what_is_granted_goes_out() {
    let server = Server::start();
    server.put(
        "/api/v1/namespaces/camunda-london",
        json!({"metadata": {"name": "camunda-london", "uid": "u"}}),
    );
    for app in ["camunda-operate", "camunda-zeebe-gateway"] {
        server.put(&at("deployments", app), deployment(app, 1));
    }
    server.put(
        &at("statefulsets", "camunda-zeebe"),
        deployment("camunda-zeebe", 2),
    );
    server.put(&at("pods", "camunda-zeebe-0"), {
        let mut broker = pod("camunda-zeebe-0", "zeebe-broker", false);
        broker["status"]["startTime"] = json!("2026-01-01T00:00:00Z");
        broker
    });
    server.put(
        &at("persistentvolumeclaims", "data-camunda-zeebe-0"),
        json!({"metadata": {"name": "data-camunda-zeebe-0", "uid": "c", "resourceVersion": "1"}, "status": {"phase": "Bound"}}),
    );
    server.put(
        &at("secrets", "sh.helm.release.v1.camunda.v1"),
        json!({"metadata": {"name": "sh.helm.release.v1.camunda.v1", "uid": "r", "resourceVersion": "1"}}),
    );
    server.put(
        "/api/v1/persistentvolumes/pv-1",
        json!({"metadata": {"name": "pv-1", "uid": "v", "resourceVersion": "1"},
            "spec": {"claimRef": {"namespace": "camunda-london", "name": "data-camunda-zeebe-1"}}, "status": {"phase": "Released"}}),
    );
    let region = server.region();
    region.discover().await.unwrap();
    let _ = (region.pods().await, region.volumes().await);
    let _ = (region.webapps_down().await, region.webapps_up().await);
    for workload in region.workloads().await.unwrap() {
        region.scale_to_zero(&workload).await.unwrap();
    }
    region.still_there().await.unwrap();
    region.cut_off().await.unwrap();
    let brokers = region.broker_pods().await.unwrap();
    assert_eq!(brokers[0].broker(RegionId(1)), Some(BrokerId(1)));
    region.delete_broker_pod(&brokers[0]).await.unwrap();
    let left = region.leftovers().await.unwrap();
    let told: Vec<String> = left.all.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "pvc/data-camunda-zeebe-0",
            "pv/pv-1",
            "release/sh.helm.release.v1.camunda.v1"
        ]
    );
    for leftover in &left.all {
        region.remove(leftover).await.unwrap();
    }
    assert_eq!(region.leftovers().await.unwrap().all, []);
    server.put(
        "/apis/externaldns.k8s.io/v1alpha1/namespaces/camunda-london/dnsendpoints/camunda",
        json!({"metadata": {"name": "camunda", "uid": "d", "resourceVersion": "1"}, "spec": {}}),
    );
    let endpoint = server.endpoint();
    let kept = endpoint.read().await.unwrap();
    endpoint.replace(&kept, &[]).await.unwrap();
    let mut used: BTreeSet<Granted> = server.asked().iter().map(|line| checked(line)).collect();
    let all: BTreeSet<Granted> = [Side::Looking, Side::Doing, Side::ClusterWide, Side::Names]
        .into_iter()
        .flat_map(needed)
        .collect();
    let stray: Vec<&Granted> = used.difference(&all).collect();
    assert!(stray.is_empty(), "not granted: {stray:?}");
    // Streams, services by name and pods by name go out when something is dialled: the tests of those see them.
    for (resource, verbs) in [
        ("pods/portforward", &["get", "create"][..]),
        ("pods/exec", &["get", "create"]),
        ("services", &["get"]),
    ] {
        used.extend(
            verbs
                .iter()
                .map(|verb| (String::new(), resource.to_owned(), (*verb).to_owned())),
        );
    }
    let unused: Vec<&Granted> = all.difference(&used).collect();
    assert!(unused.is_empty(), "granted for nothing: {unused:?}");
}

#[tokio::test]
async fn nothing_but_that_very_object_is_deleted() {
    let server = Server::start();
    let claim = |uid: &str| json!({"metadata": {"name": "data-camunda-zeebe-0", "uid": uid, "resourceVersion": "1"}, "status": {}});
    let path = at("persistentvolumeclaims", "data-camunda-zeebe-0");
    server.put(&path, claim("old"));
    let region = server.region();
    let left = region.leftovers().await.unwrap();
    // In between a new claim has got the name.
    server.put(&path, claim("new"));
    let refused = region.remove(&left.all[0]).await.unwrap_err().to_string();
    assert!(refused.contains("409"), "{refused}");
    assert!(server.objects.lock().unwrap().contains_key(&path));
    let bodies = server.told.lock().unwrap().bodies.join("\n");
    assert!(
        bodies.contains(r#""resourceVersion":"1""#) && bodies.contains(r#""uid":"old""#),
        "{bodies}"
    );
    // And what a pod uses is told as used.
    let mut user = pod("camunda-zeebe-0", "zeebe-broker", false);
    user["spec"]["volumes"] = json!([{"persistentVolumeClaim": {"claimName": "data-camunda-zeebe-0"}}]);
    server.put(&at("pods", "camunda-zeebe-0"), user);
    let left = region.leftovers().await.unwrap();
    assert_eq!(left.all[0].used_by, ["camunda-zeebe-0".to_owned()].into());
}
