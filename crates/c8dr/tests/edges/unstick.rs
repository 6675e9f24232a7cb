//! `c8dr unstick`: which brokers hang is shown with what speaks for it, one pod is deleted at a time, and nothing that is broken,
//! or that only waits, is touched.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::servers::{Server, answer};
use crate::stage::{Ran, Stage};

/// What an API server and a gateway show together.
#[derive(Default)]
struct World {
    /// Pods of Paris by name: a UID and a status.
    pods: BTreeMap<String, (String, Value)>,
    /// Brokers that the gateway lists.
    listed: Vec<u32>,
    /// Whether the gateway answers.
    is_told: bool,
    /// What a deleted pod comes back as; ready and listed if not given.
    comes_back: Option<Value>,
    deleted: Vec<String>,
    /// What becomes of a deletion.
    deletion: Deletion,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Deletion {
    #[default]
    Answered,
    /// It is done, and the connection breaks before the answer.
    Unanswered,
    /// The connection breaks, and nothing is done.
    Lost,
}

fn running() -> Value {
    json!({"phase": "Running", "startTime": "2026-01-01T00:00:00Z",
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        "containerStatuses": [{"state": {"running": {}}}]})
}

fn waiting(reason: &str) -> Value {
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"state": {"waiting": {"reason": reason}}}]})
}

fn ready() -> Value {
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
}

type Shared = Arc<Mutex<World>>;

/// Two regions of two brokers each; London serves, and both pods of Paris hang.
fn world() -> Shared {
    let pods = ["camunda-zeebe-0", "camunda-zeebe-1"]
        .map(|name| (name.to_owned(), (format!("old-{name}"), running())));
    Arc::new(Mutex::new(World {
        pods: pods.into(),
        listed: vec![0, 2],
        is_told: true,
        ..World::default()
    }))
}

/// The rest of a request, so that closing the connection does not break the answer.
fn drain(stream: &mut TcpStream, head: &str) -> String {
    let length = head
        .lines()
        .filter_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .map(str::to_owned)
        })
        .find_map(|length| length.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

fn api(world: Shared) -> Server {
    Server::after_request(move |stream, head| {
        let body = drain(stream, head);
        let line = head.lines().next().unwrap_or_default().to_owned();
        let mut world = world.lock().unwrap();
        let (status, answered) = match line.split(' ').collect::<Vec<_>>()[..] {
            ["GET", path, _] if path.contains("/pods?") => {
                let items: Vec<Value> = (world.pods.iter())
                    .map(|(name, (uid, status))| {
                        json!({"metadata": {"name": name, "uid": uid, "labels": {"app.kubernetes.io/component": "zeebe-broker"}},
                            "spec": {}, "status": status})
                    })
                    .collect();
                (
                    "200 OK",
                    json!({"kind": "PodList", "metadata": {}, "items": items}),
                )
            }
            ["GET", path, _] => {
                let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                (
                    "200 OK",
                    json!({"metadata": {"name": name, "uid": format!("uid-of-{name}")}}),
                )
            }
            ["DELETE", path, _] => {
                let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                let wanted: Value = serde_json::from_str(&body).unwrap();
                let is_it = (world.pods.get(&name))
                    .is_some_and(|(uid, _)| wanted["preconditions"]["uid"] == json!(uid));
                if world.deletion == Deletion::Lost {
                    return;
                }
                match is_it {
                    false => (
                        "409 Conflict",
                        json!({"kind": "Status", "message": "another UID"}),
                    ),
                    true => {
                        let status = world.comes_back.clone().unwrap_or_else(ready);
                        let new = (format!("new-{name}"), status);
                        world.deleted.push(name.clone());
                        world.pods.insert(name, new);
                        if world.deletion == Deletion::Unanswered {
                            return;
                        }
                        ("200 OK", json!({"kind": "Status", "status": "Success"}))
                    }
                }
            }
            _ => (
                "405 Method Not Allowed",
                json!({"kind": "Status", "message": "no"}),
            ),
        };
        let _ = stream.write_all(&answer(status, "application/json", &answered.to_string()));
    })
}

fn gateway(world: Shared) -> Server {
    Server::after_request(move |stream, head| {
        let world = world.lock().unwrap();
        let is_topology = head.starts_with("GET /v2/topology");
        let answered = match world.is_told && is_topology {
            false => answer("503 Service Unavailable", "application/json", "{}"),
            true => {
                let brokers: Vec<Value> = (world.listed.iter())
                    .map(|id| {
                        json!({"nodeId": id, "host": "h", "port": 26501, "version": "8.6.0", "partitions": []})
                    })
                    .collect();
                let topology = json!({"brokers": brokers, "clusterSize": 2, "partitionsCount": 4,
                    "replicationFactor": 2, "gatewayVersion": "8.6.0"});
                answer("200 OK", "application/json", &topology.to_string())
            }
        };
        let _ = stream.write_all(&answered);
    })
}

#[track_caller]
fn unstick(world: &Shared, arguments: &[&str]) -> Ran {
    let (api, gateway) = (api(world.clone()), gateway(world.clone()));
    // That of the region itself has not come up either.
    let down = Server::answering(answer("503 Service Unavailable", "application/json", "{}"));
    let stage = Stage::new();
    let kubeconfig = format!(
        "apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: '{}'}}}}]
users: [{{name: u, user: {{token: t0ken}}}}]
contexts: [{{name: any, context: {{cluster: c, user: u}}}}]
",
        api.http()
    );
    std::fs::write(stage.path().join("kubeconfig"), kubeconfig).unwrap();
    let region = |name: &str, number: u32, gateway: &Server| {
        format!(
            "  - name: {name}
    exporter: elasticsearchregion{number}
    gateways: [{{ rest: '{}' }}]
    kubernetes: {{ kubeconfig: kubeconfig, context: any, namespace: camunda-{name}, release: camunda }}
",
            gateway.http()
        )
    };
    let configuration = format!(
        "name: camunda
clusterSize: 4
partitionCount: 4
replicationFactor: 4
regions:
{}{}",
        region("london", 0, &gateway),
        region("paris", 1, &down)
    );
    std::fs::write(stage.path().join("c8dr.yaml"), configuration).unwrap();
    let words: Vec<&str> = ["unstick", "--region", "paris"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    stage.run(&words)
}

fn deleted(world: &Shared) -> Vec<String> {
    world.lock().unwrap().deleted.clone()
}

#[test]
fn what_hangs_is_shown_and_deleted_one_by_one() {
    let world = world();
    unstick(&world, &["--dry-run"])
        .exits(0)
        .says("pod camunda-zeebe-0 HANGS")
        .says("no gateway lists broker 1")
        .says("UID old-camunda-zeebe-0")
        .says("one at a time");
    unstick(&world, &[]).exits(4).says("nobody is at the terminal");
    assert!(deleted(&world).is_empty());
    unstick(&world, &["--yes", "--at-most", "1"])
        .exits(0)
        .says("Made anew: camunda-zeebe-0 is ready")
        .says("Hangs, and was left: camunda-zeebe-1");
    assert_eq!(deleted(&world), ["camunda-zeebe-0"]);
    // One is well again; the other is left.
    let told = unstick(&world, &["--yes", "--output", "json"]).exits(0).json();
    assert_eq!(told["unstuck"], json!(["camunda-zeebe-1 is ready"]));
    assert_eq!(told["pods"][0]["hangs"], json!(false));
    assert_eq!(told["pods"][1]["broker"], json!(3));
    assert_eq!(deleted(&world), ["camunda-zeebe-0", "camunda-zeebe-1"]);
    unstick(&world, &["--yes"]).exits(0).says("Nothing hangs.");
}

#[test]
fn what_waits_is_not_taken_for_what_hangs() {
    let world = world();
    world.lock().unwrap().listed = vec![0, 1, 2, 3];
    unstick(&world, &["--yes"])
        .exits(0)
        .says("it does not hang, it waits")
        .says("Nothing hangs.");
    // Nor what is not there for long enough.
    let long = "99999999";
    world.lock().unwrap().listed = vec![0, 2];
    unstick(&world, &["--yes", "--after", long])
        .exits(0)
        .says("too early to say that it hangs");
    assert!(deleted(&world).is_empty());
}

#[test]
fn what_is_broken_is_refused() {
    for (reason, says) in [
        ("CrashLoopBackOff", "ending again and again"),
        ("ImagePullBackOff", "without its image"),
        ("CreateContainerConfigError", "its configuration cannot be used"),
    ] {
        let world = world();
        let broken = ("old".to_owned(), waiting(reason));
        world
            .lock()
            .unwrap()
            .pods
            .insert("camunda-zeebe-1".to_owned(), broken);
        unstick(&world, &["--yes"])
            .exits(3)
            .says("pod camunda-zeebe-1")
            .says(says)
            .says("it does not hang, it is broken");
        assert!(deleted(&world).is_empty());
    }
    // Without anybody who says who is in the cluster nothing can be told.
    let world = world();
    world.lock().unwrap().is_told = false;
    unstick(&world, &["--yes"])
        .exits(3)
        .says("whether it hangs is not known");
    assert!(deleted(&world).is_empty());
}

/// A lost answer says nothing: what became of the pod does.
#[test]
fn a_deletion_whose_answer_is_lost_is_looked_for() {
    let world = world();
    world.lock().unwrap().deletion = Deletion::Unanswered;
    unstick(&world, &["--yes"])
        .exits(0)
        .says("Made anew: camunda-zeebe-0 is ready")
        .says("Made anew: camunda-zeebe-1 is ready");
    assert_eq!(deleted(&world), ["camunda-zeebe-0", "camunda-zeebe-1"]);
    let lost = self::world();
    lost.lock().unwrap().deletion = Deletion::Lost;
    unstick(&lost, &["--yes", "--wait", "3"])
        .exits(6)
        .says("NOT back: camunda-zeebe-0 is there still, and HANGS");
    assert!(deleted(&lost).is_empty());
}

#[test]
fn one_that_does_not_come_back_stops_it() {
    let world = world();
    world.lock().unwrap().comes_back = Some(waiting("CrashLoopBackOff"));
    unstick(&world, &["--yes"])
        .exits(6)
        .says("NOT back: camunda-zeebe-0 is ending again and again")
        .says("No other was deleted");
    assert_eq!(deleted(&world), ["camunda-zeebe-0"]);
    // One that hangs again is waited for, and then is the last.
    let other = self::world();
    other.lock().unwrap().comes_back = Some(running());
    unstick(&other, &["--yes", "--wait", "3"])
        .exits(6)
        .says("3 s after it was deleted");
    assert_eq!(deleted(&other), ["camunda-zeebe-0"]);
}
