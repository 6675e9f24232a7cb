//! What is seen, and what is known of a change, after every answer that an API server gives.

use c8dr_domain::effect::Answer;
use c8dr_domain::observation::Sight;
use c8dr_domain::platform::Component;
use serde_json::{Value, json};

use super::server::{Instead, Server, at, deployment, pod};

fn installation() -> Server {
    let server = Server::start();
    server.put(
        &at("pods", "camunda-zeebe-0"),
        pod("camunda-zeebe-0", "zeebe-broker", false),
    );
    server.put(
        &at("pods", "camunda-operate-x"),
        pod("camunda-operate-x", "operate", true),
    );
    server.put(
        &at("persistentvolumeclaims", "data-camunda-zeebe-0"),
        json!({"metadata": {"name": "data-camunda-zeebe-0"}, "status": {}}),
    );
    server.put(
        &at("deployments", "camunda-operate"),
        deployment("camunda-operate", 2),
    );
    server.put(
        &at("deployments", "camunda-tasklist"),
        deployment("camunda-tasklist", 1),
    );
    server.put(
        &at("deployments", "camunda-connectors"),
        deployment("camunda-connectors", 1),
    );
    server
}

#[tokio::test]
async fn pods_and_volumes_are_seen() {
    let region = installation().region();
    let pods = region.pods().await;
    let pods = pods.seen().unwrap();
    assert_eq!(pods.len(), 2);
    assert_eq!((pods[1].component, pods[1].is_ready), (Component::Broker, false));
    assert_eq!(
        region.volumes().await,
        Sight::Seen(["data-camunda-zeebe-0".to_owned()].into())
    );
}

#[tokio::test]
async fn whatever_else_comes_is_no_list() {
    let server = installation();
    let region = server.region();
    for (instead, expected) in [
        (Instead::Status(401, "Unauthorized"), "Declined { status: 401"),
        (
            Instead::Status(403, "pods is forbidden"),
            "Declined { status: 403",
        ),
        (Instead::Status(404, "not found"), "Declined { status: 404"),
        (
            Instead::Status(410, "too old resource version"),
            "Declined { status: 410",
        ),
        (
            Instead::Status(500, "etcd leader changed"),
            "Declined { status: 500",
        ),
        (Instead::Status(503, "overloaded"), "Declined { status: 503"),
        (Instead::Hang, "Silent { why: NoConnection"),
        (Instead::Cut, "Silent { why: NoConnection"),
        (Instead::Body("{\"kind\":\"PodList\"}".to_owned()), "Garbled"),
        (
            Instead::Body("<html><title>Sign in</title></html>".to_owned()),
            "Garbled",
        ),
        (
            Instead::Body("{\"kind\":\"DeploymentList\",\"items\":[]}".to_owned()),
            "Garbled",
        ),
    ] {
        server.will("/pods", instead.clone());
        let told = format!("{:?}", region.pods().await);
        assert!(told.starts_with(expected), "{instead:?} became {told}");
    }
    server.will(
        "/pods",
        Instead::Status(403, "pods is forbidden: User \"x\" cannot list resource"),
    );
    let told = format!("{:?}", region.pods().await);
    assert!(
        told.contains("does not allow us to list pods in namespace `camunda-london` (403)")
            && told.contains("deploy/rbac"),
        "{told}"
    );
}

#[tokio::test]
async fn a_list_is_read_to_its_end_or_not_at_all() {
    let server = Server::start();
    let region = server.region();
    let page = |name: &str, more: &str| {
        Instead::Body(
            json!({"kind": "PodList", "metadata": {"continue": more}, "items": [pod(name, "operate", true)]})
                .to_string(),
        )
    };
    server.will("pods?limit=500&continue=one", page("b", ""));
    server.will("pods?limit=500", page("a", "one"));
    // The longer part comes later in the order of the map, so the first page must not match it.
    let names = |sight: Sight<Vec<c8dr_domain::platform::Pod>>| -> Vec<String> {
        sight.seen().unwrap().iter().map(|pod| pod.name.clone()).collect()
    };
    server.instead.lock().unwrap().clear();
    server.will("limit=500 ", page("a", "one"));
    server.will("continue=one", page("b", ""));
    server.will("pods?limit=500", page("a", "one"));
    assert_eq!(names(region.pods().await), ["a", "b"]);
    // In between the server forgets where it was.
    server.will(
        "continue=one",
        Instead::Status(410, "The provided continue parameter is too old"),
    );
    assert!(matches!(region.pods().await, Sight::Declined { status: 410, .. }));
    // And one that never ends is none.
    server.will("continue=one", page("b", "one"));
    assert!(matches!(region.pods().await, Sight::Garbled { .. }));
}

#[tokio::test]
async fn webapps_go_down_to_zero_and_back_to_what_they_were() {
    let server = installation();
    let region = server.region();
    let object = |name: &str| server.objects.lock().unwrap()[&at("deployments", name)].clone();
    assert_eq!(region.webapps_down().await, Answer::Done);
    for (name, before) in [("camunda-operate", "2"), ("camunda-tasklist", "1")] {
        assert_eq!(object(name)["spec"]["replicas"], 0);
        assert_eq!(object(name)["metadata"]["annotations"]["c8dr/replicas"], before);
    }
    assert_eq!(object("camunda-connectors")["spec"]["replicas"], 1);
    // Once more changes nothing, and forgets nothing.
    assert_eq!(region.webapps_down().await, Answer::Done);
    assert_eq!(
        object("camunda-operate")["metadata"]["annotations"]["c8dr/replicas"],
        "2"
    );
    assert_eq!(region.webapps_up().await, Answer::Done);
    assert_eq!(object("camunda-operate")["spec"]["replicas"], 2);
    assert_eq!(object("camunda-tasklist")["spec"]["replicas"], 1);
    assert_eq!(object("camunda-operate")["metadata"]["annotations"], json!({}));
    // The note is made only on that very object.
    let bodies = server.told.lock().unwrap().bodies.join("\n");
    assert!(bodies.contains(r#""uid":"uid-camunda-operate""#), "{bodies}");
}

#[tokio::test]
async fn a_scale_that_somebody_else_sets_is_not_done() {
    let server = installation();
    server.will(
        "GET /apis/apps/v1/namespaces/camunda-london/deployments/camunda-operate/scale",
        Instead::Body(json!({"kind": "Scale", "spec": {"replicas": 2}}).to_string()),
    );
    let Answer::Unknown { detail, .. } = server.region().webapps_down().await else {
        panic!("unknown");
    };
    assert!(detail.contains("scaled to 0, and 2 is read back"), "{detail}");
}

#[tokio::test]
async fn a_change_is_refused_or_unknown_but_never_thought_done() {
    for (instead, expected) in [
        (Instead::Status(401, "Unauthorized"), "Refused"),
        (Instead::Status(403, "forbidden"), "Refused"),
        (Instead::Status(404, "not found"), "Refused"),
        (Instead::Status(409, "the object has been modified"), "Conflict"),
        (Instead::Status(422, "invalid"), "Refused"),
        (Instead::Status(429, "too many requests"), "Unknown"),
        (Instead::Status(500, "etcd"), "Unknown"),
        (Instead::Status(504, "timeout"), "Unknown"),
        (Instead::Hang, "Unknown"),
        (Instead::Cut, "Unknown"),
    ] {
        let server = installation();
        server.will("PATCH", instead.clone());
        let told = format!("{:?}", server.region().webapps_down().await);
        assert!(told.starts_with(expected), "{instead:?} became {told}");
        let replicas: Vec<Value> = ["camunda-operate", "camunda-tasklist"]
            .iter()
            .map(|name| server.objects.lock().unwrap()[&at("deployments", name)]["spec"]["replicas"].clone())
            .collect();
        assert_eq!(replicas, [2, 1]);
    }
    // The first was done, so it is not said that nothing was.
    let server = installation();
    server.will("deployments/camunda-tasklist", Instead::Status(403, "forbidden"));
    assert!(matches!(
        server.region().webapps_down().await,
        Answer::Unknown { .. }
    ));
    // Nobody is there at all.
    let server = installation();
    server.network.darken("api", 6443);
    assert!(matches!(
        server.region().webapps_down().await,
        Answer::NotSent { .. }
    ));
}

#[tokio::test]
async fn a_chart_without_webapps_of_their_own_is_said() {
    let server = Server::start();
    let Answer::Refused { status: 412, message } = server.region().webapps_down().await else {
        panic!("refused");
    };
    assert!(message.contains("no deployment camunda-operate"), "{message}");
}
