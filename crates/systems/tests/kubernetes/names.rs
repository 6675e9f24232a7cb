//! The users' names in a `DNSEndpoint`: compared and set in the API server, read from a name server that somebody else changes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use c8dr_domain::effect::{Answer, TrafficEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::Sight;
use c8dr_engine::ports::Traffic;
use c8dr_systems::dial::Target as Place;
use c8dr_systems::dial::memory::Network;
use c8dr_systems::dns::{Targets, Update};
use c8dr_systems::traffic::{ExternalDns, Places};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server::{Instead, NAMESPACE, Server, clock};

const LONDON: RegionId = RegionId(0);
const PARIS: RegionId = RegionId(1);
const NAME: &str = "gateway.dr.test";

/// Where an object is in a fake API server.
fn path() -> String {
    format!("/apis/externaldns.k8s.io/v1alpha1/namespaces/{NAMESPACE}/dnsendpoints/camunda")
}

fn object(targets: &[&str]) -> Value {
    json!({"metadata": {"name": "camunda", "uid": "d", "resourceVersion": "41"},
    "spec": {"endpoints": [
        {"dnsName": "other.dr.test", "recordType": "A", "targets": ["192.0.2.9"]},
        {"dnsName": NAME, "recordType": "A", "recordTTL": 60, "targets": targets},
    ]}})
}

/// What a server in memory has now.
fn held(server: &Server) -> Value {
    server.objects.lock().unwrap()[&path()].clone()
}

fn targets_of(object: &Value) -> Vec<String> {
    let records = object["spec"]["endpoints"].as_array().unwrap();
    assert!(
        records.iter().any(|record| record["dnsName"] == "other.dr.test"),
        "{object}"
    );
    (records.iter())
        .filter(|record| record["dnsName"] == NAME)
        .flat_map(|record| record["targets"].as_array().unwrap())
        .map(|target| target.as_str().unwrap().to_owned())
        .collect()
}

/// A name server with the say, whose addresses of every name are changed by the test.
fn name_server(network: &Network) -> Arc<Mutex<Vec<Ipv4Addr>>> {
    let addresses: Arc<Mutex<Vec<Ipv4Addr>>> = Arc::new(Mutex::new(vec![[10, 0, 0, 10].into()]));
    let (mut listener, shared) = (network.listen("ns.test", 53), addresses.clone());
    tokio::spawn(async move {
        while let Some(mut stream) = listener.accept().await {
            let addresses = shared.clone();
            tokio::spawn(async move {
                while let Ok(length) = stream.read_u16().await {
                    let mut message = vec![0; usize::from(length)];
                    stream.read_exact(&mut message).await.unwrap();
                    let answer = answer(&message, &addresses.lock().unwrap());
                    stream
                        .write_u16(u16::try_from(answer.len()).unwrap())
                        .await
                        .unwrap();
                    stream.write_all(&answer).await.unwrap();
                }
            });
        }
    });
    addresses
}

/// The question with the answers behind it, said by who has the say.
fn answer(question: &[u8], addresses: &[Ipv4Addr]) -> Vec<u8> {
    let mut answer = question.to_vec();
    answer[2] = 0x84;
    let is_for_addresses = question[question.len() - 4..question.len() - 2] == [0, 1];
    if is_for_addresses {
        answer[7] = u8::try_from(addresses.len()).unwrap();
        for address in addresses {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
            answer.extend(address.octets());
        }
    }
    answer
}

fn update() -> Update {
    let one = |target: &str| -> BTreeSet<_> { [target.parse().unwrap()].into() };
    Update {
        server: Place {
            host: "ns.test".to_owned(),
            port: 53,
        },
        zone: "dr.test".to_owned(),
        names: [NAME.to_owned()].into(),
        targets: Targets([(LONDON, one("10.0.0.10")), (PARIS, one("10.1.0.10"))].into()),
        ttl_s: 5,
        limit: Duration::from_secs(2),
    }
}

fn names(places: Places, network: &Network) -> ExternalDns {
    ExternalDns::new(places, update(), Arc::new(network.clone()), clock(), 7).unwrap()
}

fn to(regions: &[RegionId], expected: Option<&str>) -> TrafficEffect {
    TrafficEffect {
        to: regions.iter().copied().collect(),
        expected: expected.map(str::to_owned),
    }
}

const AT_LONDON: Option<&str> = Some("gateway.dr.test=10.0.0.10");

#[tokio::test]
async fn the_object_is_changed_and_the_name_server_is_what_is_read() {
    let server = Server::start();
    server.put(&path(), object(&["10.0.0.10"]));
    let addresses = name_server(&server.network);
    let names = names(Places::One(server.endpoint()), &server.network);
    let Sight::Seen(seen) = names.look().await else {
        panic!("not seen")
    };
    assert_eq!(seen.version.as_deref(), AT_LONDON);
    assert_eq!(
        names.perform(&to(&[PARIS], seen.version.as_deref())).await,
        Answer::Done
    );
    assert_eq!(targets_of(&held(&server)), ["10.1.0.10"]);
    let body = server.told.lock().unwrap().bodies.last().unwrap().clone();
    assert!(
        body.contains(r#""resourceVersion":"41""#) && body.contains(r#""uid":"d""#),
        "{body}"
    );
    // Nobody has carried it to the name server yet, and that is what counts.
    let Sight::Seen(seen) = names.look().await else {
        panic!("not seen")
    };
    assert!(seen.is_at(&[LONDON].into()));
    // Told again meanwhile it is so already, and nothing is sent.
    let sent = server.asked().len();
    assert_eq!(names.perform(&to(&[PARIS], AT_LONDON)).await, Answer::Done);
    assert!(server.asked()[sent..].iter().all(|line| line.starts_with("GET ")));
    *addresses.lock().unwrap() = vec![[10, 1, 0, 10].into()];
    let Sight::Seen(seen) = names.look().await else {
        panic!("not seen")
    };
    assert!(seen.is_at(&[PARIS].into()));
    // Without a version it is read first.
    assert_eq!(names.perform(&to(&[LONDON, PARIS], None)).await, Answer::Done);
    assert_eq!(targets_of(&held(&server)), ["10.0.0.10", "10.1.0.10"]);
}

#[tokio::test]
async fn what_others_have_done_is_left_alone() {
    let server = Server::start();
    let names = names(Places::One(server.endpoint()), &server.network);
    for foreign in [&["192.0.2.7"][..], &["10.0.0.10", "192.0.2.7"], &[]] {
        server.put(&path(), object(foreign));
        let answer = names.perform(&to(&[PARIS], AT_LONDON)).await;
        assert!(matches!(answer, Answer::Stale { .. }), "{foreign:?}: {answer:?}");
        assert_eq!(held(&server), object(foreign));
    }
    // Changed between our read and our write.
    server.put(&path(), object(&["10.0.0.10"]));
    server.will("PATCH", Instead::Status(409, "the object has been modified"));
    let answer = names.perform(&to(&[PARIS], AT_LONDON)).await;
    assert!(
        matches!(&answer, Answer::Stale { message } if message.contains("has been modified")),
        "{answer:?}"
    );
    assert_eq!(held(&server), object(&["10.0.0.10"]));
}

#[tokio::test]
async fn each_no_of_the_api_server_has_its_meaning() {
    let server = Server::start();
    let names = names(Places::One(server.endpoint()), &server.network);
    let answer = names.perform(&to(&[PARIS], AT_LONDON)).await;
    assert!(
        matches!(&answer, Answer::Refused { status: 404, message } if message.contains("makes none")),
        "{answer:?}"
    );
    server.put(&path(), object(&["10.0.0.10"]));
    server.will("PATCH", Instead::Status(403, "dnsendpoints is forbidden"));
    let answer = names.perform(&to(&[PARIS], AT_LONDON)).await;
    assert!(
        matches!(&answer, Answer::Refused { status: 403, message } if message.contains("deploy/rbac")),
        "{answer:?}"
    );
    server.will("PATCH", Instead::Hang);
    let answer = names.perform(&to(&[PARIS], AT_LONDON)).await;
    assert!(matches!(answer, Answer::Unknown { .. }), "{answer:?}");
    // That it could not be read has changed nothing.
    server.will("GET", Instead::Hang);
    let answer = names.perform(&to(&[PARIS], AT_LONDON)).await;
    assert!(matches!(answer, Answer::Refused { .. }), "{answer:?}");
    let other = Some("another.dr.test=10.0.0.10");
    let answer = names.perform(&to(&[PARIS], other)).await;
    assert!(
        matches!(answer, Answer::Refused { status: 412, .. }),
        "{answer:?}"
    );
}

/// Two regions, each with an API server and an object of its own; the name server is London's neighbour.
struct Two {
    london: Server,
    paris: Server,
    names: ExternalDns,
}

fn two(london: &[&str], paris: &[&str]) -> Two {
    let (one, other) = (Server::start(), Server::start());
    one.put(&path(), object(london));
    other.put(&path(), object(paris));
    let places = Places::Each(BTreeMap::from([
        (LONDON, one.endpoint()),
        (PARIS, other.endpoint()),
    ]));
    let names = names(places, &one.network);
    Two {
        london: one,
        paris: other,
        names,
    }
}

#[tokio::test]
async fn a_lost_region_holds_up_nothing_and_follows_where_it_can() {
    let both = &["10.0.0.10", "10.1.0.10"][..];
    let at_both = Some("gateway.dr.test=10.0.0.10,10.1.0.10");
    let two = two(both, both);
    two.london.will("/", Instead::Hang);
    assert_eq!(two.names.perform(&to(&[PARIS], at_both)).await, Answer::Done);
    assert_eq!(targets_of(&held(&two.paris)), ["10.1.0.10"]);
    assert_eq!(targets_of(&held(&two.london)), both);
    // Reachable again it is told as well, so that nobody there changes the names back.
    two.london.instead.lock().unwrap().clear();
    assert_eq!(two.names.perform(&to(&[PARIS], at_both)).await, Answer::Done);
    assert_eq!(targets_of(&held(&two.london)), ["10.1.0.10"]);
}

#[tokio::test]
async fn both_are_looked_at_before_one_is_changed() {
    let two = two(&["192.0.2.7"], &["10.1.0.10"]);
    let at_paris = Some("gateway.dr.test=10.1.0.10");
    let answer = two.names.perform(&to(&[LONDON, PARIS], at_paris)).await;
    assert!(matches!(answer, Answer::Stale { .. }), "{answer:?}");
    assert_eq!(targets_of(&held(&two.paris)), ["10.1.0.10"]);
    // The second no comes after the first was changed: it cannot be said that nothing was done.
    two.london.put(&path(), object(&["10.1.0.10"]));
    two.paris.will("PATCH", Instead::Status(403, "no"));
    let answer = two.names.perform(&to(&[LONDON, PARIS], at_paris)).await;
    assert!(matches!(answer, Answer::Unknown { .. }), "{answer:?}");
}

#[test]
fn a_person_is_told_what_to_type() {
    let server = tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(async { Server::start() });
    let names = names(Places::One(server.endpoint()), &server.network);
    let lines = names.command(&[PARIS].into());
    assert!(lines[0].starts_with("kubectl --kubeconfig "), "{lines:?}");
    assert!(
        lines[0].ends_with("--context london --namespace camunda-london edit dnsendpoint camunda"),
        "{lines:?}"
    );
    assert!(lines[1].contains(r#""targets":["10.1.0.10"]"#), "{lines:?}");
    assert_eq!(
        lines[2],
        format!("dig +norecurse -p 53 @ns.test {NAME}   # read it back")
    );
}
