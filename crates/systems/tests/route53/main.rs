//! The driver for Route 53 against a server that answers as Amazon's does: batches that compare and set, refusals in both of
//! their shapes, answers that do not come, and sets that are not simple.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../in_memory/mod.rs"]
mod in_memory;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use c8dr_domain::effect::{Answer, TrafficEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Traffic;
use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::bucket::Credentials;
use c8dr_systems::dial::TlsOptions;
use c8dr_systems::dial::memory::Network;
use c8dr_systems::dns::Targets;
use c8dr_systems::route53::{Route53, SetupError, Zone};
use in_memory::serve;

const LONDON: RegionId = RegionId(0);
const PARIS: RegionId = RegionId(1);
const SECRET: &str = "s3cret+of/mine0123456789abcdefghijklmnop";
const TOKEN: &str = "t0ken-that-is-lent";
const XMLNS: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// What is answered to a batch or to a question how far it is: a status with a body, or nothing at all.
type Planned = Option<(u16, String)>;

#[derive(Default)]
struct Held {
    /// The sets, as they stand in a list.
    sets: String,
    batch: Planned,
    /// For each question in its turn; the last one stays.
    changes: Vec<Planned>,
    list: Option<Planned>,
    asked: Vec<(String, String)>,
}

#[derive(Clone)]
struct Amazon {
    network: Network,
    held: Arc<Mutex<Held>>,
}

fn set(name: &str, kind: &str, rest: &str) -> String {
    format!("<ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type>{rest}</ResourceRecordSet>")
}

fn a(name: &str, ttl: u32, addresses: &[&str]) -> String {
    let values: String = (addresses.iter())
        .map(|address| format!("<ResourceRecord><Value>{address}</Value></ResourceRecord>"))
        .collect();
    set(
        name,
        "A",
        &format!("<TTL>{ttl}</TTL><ResourceRecords>{values}</ResourceRecords>"),
    )
}

fn list(sets: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<ListResourceRecordSetsResponse xmlns=\"{XMLNS}\"><ResourceRecordSets>{sets}</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"
    )
}

fn change(root: &str, status: &str) -> Planned {
    Some((
        200,
        format!(
            "<?xml version=\"1.0\"?>\n<{root} xmlns=\"{XMLNS}\"><ChangeInfo><Id>/change/C2682N5HXP0BZ4</Id><Status>{status}</Status><SubmittedAt>2026-11-30T02:30:00Z</SubmittedAt></ChangeInfo></{root}>"
        ),
    ))
}

fn error(status: u16, code: &str, message: &str) -> Planned {
    Some((
        status,
        format!(
            "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"{XMLNS}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>b25f48e8</RequestId></ErrorResponse>"
        ),
    ))
}

fn invalid_batch(message: &str) -> Planned {
    Some((
        400,
        format!(
            "<?xml version=\"1.0\"?>\n<InvalidChangeBatch xmlns=\"{XMLNS}\"><Messages><Message>{message}</Message></Messages><RequestId>b25f48e8</RequestId></InvalidChangeBatch>"
        ),
    ))
}

impl Amazon {
    fn start(addresses: &[&str]) -> Self {
        let held = Held {
            sets: a("gateway.dr.test.", 60, addresses) + &a("zzz.dr.test.", 60, &["192.0.2.9"]),
            batch: change("ChangeResourceRecordSetsResponse", "PENDING"),
            changes: vec![change("GetChangeResponse", "INSYNC")],
            ..Held::default()
        };
        let amazon = Amazon {
            network: Network::new(),
            held: Arc::new(Mutex::new(held)),
        };
        let this = amazon.clone();
        let router = Router::new().fallback(move |request: Request<Body>| {
            let this = this.clone();
            async move { this.answer(request).await }
        });
        serve(&amazon.network, "127.0.0.1", 5353, router);
        amazon
    }

    async fn answer(&self, request: Request<Body>) -> Response {
        let (head, body) = request.into_parts();
        let authorization = head.headers[header::AUTHORIZATION].to_str().unwrap();
        assert!(
            authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
            "{authorization}"
        );
        assert!(
            authorization.contains("/us-east-1/route53/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature="),
            "{authorization}"
        );
        assert_eq!(head.headers["x-amz-security-token"], TOKEN);
        let body = axum::body::to_bytes(body, 1_000_000).await.unwrap();
        let line = format!("{} {}", head.method, head.uri);
        let planned = {
            let mut held = self.held.lock().unwrap();
            held.asked.push((line, String::from_utf8(body.to_vec()).unwrap()));
            match (head.method.as_str(), head.uri.path()) {
                ("GET", "/2013-04-01/hostedzone/Z123/rrset") => {
                    (held.list.clone()).unwrap_or_else(|| Some((200, list(&held.sets))))
                }
                ("POST", "/2013-04-01/hostedzone/Z123/rrset/") => held.batch.clone(),
                ("GET", "/2013-04-01/change/C2682N5HXP0BZ4") => match held.changes.len() {
                    1 => held.changes[0].clone(),
                    _ => held.changes.remove(0),
                },
                (method, path) => error(405, "NoSuchCall", &format!("{method} {path}")),
            }
        };
        match planned {
            Some((status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
            None => std::future::pending().await,
        }
    }

    fn names(&self) -> Route53 {
        Route53::new(
            zone(),
            None,
            Arc::new(self.network.clone()),
            Clock::system(),
            None,
        )
        .unwrap()
    }

    fn batches(&self) -> Vec<String> {
        (self.held.lock().unwrap().asked.iter())
            .filter(|(line, _)| line.starts_with("POST"))
            .map(|(_, body)| body.clone())
            .collect()
    }
}

fn zone() -> Zone {
    let one = |target: &str| -> BTreeSet<_> { [target.parse().unwrap()].into() };
    Zone {
        id: "Z123".to_owned(),
        names: ["gateway.dr.test".to_owned()].into(),
        targets: Targets([(LONDON, one("10.0.0.10")), (PARIS, one("10.1.0.10"))].into()),
        ttl_s: 5,
        endpoint: BaseUrl::parse("http://127.0.0.1:5353").unwrap(),
        region: "us-east-1".to_owned(),
        credentials: Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: SECRET.into(),
            session_token: Some(TOKEN.into()),
        },
        tls: TlsOptions::default(),
        limit: Duration::from_secs(2),
        propagation: Duration::from_secs(60),
    }
}

fn to_paris() -> TrafficEffect {
    TrafficEffect {
        to: [PARIS].into(),
        expected: Some("gateway.dr.test=10.0.0.10".to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn the_very_sets_that_were_read_are_deleted_and_others_created() {
    let amazon = Amazon::start(&["10.0.0.10"]);
    let names = amazon.names();
    let Sight::Seen(seen) = names.look().await else {
        panic!("not seen")
    };
    assert!(seen.is_at(&[LONDON].into()));
    assert_eq!((seen.ttl_s, seen.version), (Some(60), to_paris().expected));
    let asked = amazon.held.lock().unwrap().asked[0].0.clone();
    assert_eq!(
        asked,
        "GET /2013-04-01/hostedzone/Z123/rrset?maxitems=300&name=gateway.dr.test."
    );
    assert_eq!(names.perform(&to_paris()).await, Answer::Done);
    assert_eq!(
        amazon.batches(),
        ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Comment>c8dr: the users' names</Comment><Changes>\
        <Change><Action>DELETE</Action><ResourceRecordSet><Name>gateway.dr.test.</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>10.0.0.10</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>\
        <Change><Action>CREATE</Action><ResourceRecordSet><Name>gateway.dr.test.</Name><Type>A</Type><TTL>5</TTL><ResourceRecords><ResourceRecord><Value>10.1.0.10</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>\
        </Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"]
    );
    // What is so already is not sent again.
    amazon.held.lock().unwrap().sets = a("gateway.dr.test.", 5, &["10.1.0.10"]);
    assert_eq!(names.perform(&to_paris()).await, Answer::Done);
    assert_eq!(amazon.batches().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_changed_is_left_alone() {
    let amazon = Amazon::start(&["192.0.2.7"]);
    let names = amazon.names();
    let answer = names.perform(&to_paris()).await;
    assert!(
        matches!(&answer, Answer::Stale { message } if message.contains("192.0.2.7")),
        "{answer:?}"
    );
    assert!(amazon.batches().is_empty());
    // Changed between our read and our batch: Route 53 says so, in either shape.
    amazon.held.lock().unwrap().sets = a("gateway.dr.test.", 60, &["10.0.0.10"]);
    let what = "[name='gateway.dr.test.', type='A']";
    for planned in [
        invalid_batch(&format!(
            "Tried to delete resource record set {what} but the values provided do not match the current values"
        )),
        invalid_batch(&format!(
            "Tried to delete resource record set {what} but it was not found"
        )),
        error(
            400,
            "InvalidChangeBatch",
            &format!("[Tried to create resource record set {what} but it already exists]"),
        ),
    ] {
        amazon.held.lock().unwrap().batch = planned;
        let answer = names.perform(&to_paris()).await;
        assert!(matches!(answer, Answer::Stale { .. }), "{answer:?}");
    }
    // Another reason is none that looking again would mend.
    amazon.held.lock().unwrap().batch =
        invalid_batch("RRSet with DNS name x. is not permitted in zone dr.test.");
    let answer = names.perform(&to_paris()).await;
    assert!(
        matches!(answer, Answer::Refused { status: 400, .. }),
        "{answer:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_no_has_its_meaning_and_no_secret_in_it() {
    let amazon = Amazon::start(&["10.0.0.10"]);
    let names = amazon.names();
    for (status, code, is_refused, says) in [
        (403, "SignatureDoesNotMatch", true, "the secret key is wrong"),
        (403, "ExpiredToken", true, "the session token has expired"),
        (403, "InvalidClientTokenId", true, "no such access key"),
        (403, "AccessDenied", true, "route53:ChangeResourceRecordSets"),
        (404, "NoSuchHostedZone", true, "no such zone"),
        (400, "Throttling", false, "too often"),
        (400, "PriorRequestNotComplete", false, "is not done yet"),
        (500, "InternalFailure", false, "500"),
    ] {
        let message = format!("it was {SECRET} and {TOKEN} by AKIDEXAMPLE");
        amazon.held.lock().unwrap().batch = error(status, code, &message);
        let answer = names.perform(&to_paris()).await;
        let text = format!("{answer:?}");
        assert!(text.contains(says), "{code}: {text}");
        assert_eq!(matches!(answer, Answer::Refused { .. }), is_refused, "{text}");
        assert!(is_refused || matches!(answer, Answer::Unknown { .. }), "{text}");
        assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{text}");
        // The same to a look is no sight of anything, and nothing was changed by what could not be read.
        amazon.held.lock().unwrap().list = Some(error(status, code, &message));
        let sight = names.look().await;
        assert!(matches!(sight, Sight::Declined { .. }), "{sight:?}");
        let answer = names.perform(&to_paris()).await;
        assert!(
            matches!(answer, Answer::Refused { .. } | Answer::NotSent { .. }),
            "{answer:?}"
        );
        amazon.held.lock().unwrap().list = None;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_answered_is_unknown() {
    let amazon = Amazon::start(&["10.0.0.10"]);
    let names = amazon.names();
    for planned in [
        None,
        Some((200, "<html><title>Login</title></html>".to_owned())),
        Some((200, "ok".to_owned())),
        Some((200, String::new())),
        change("ChangeResourceRecordSetsResponse", "BROKEN"),
        change("AnotherResponse", "INSYNC"),
    ] {
        amazon.held.lock().unwrap().batch = planned;
        let answer = names.perform(&to_paris()).await;
        assert!(matches!(answer, Answer::Unknown { .. }), "{answer:?}");
    }
    // A look that brings nothing whole.
    for planned in [
        Some((200, "<html><title>Login</title></html>".to_owned())),
        Some((200, list("").replace("</ListResourceRecordSetsResponse>", ""))),
        Some((200, list(&a("gateway.dr.test.", 60, &["not an address"])))),
    ] {
        amazon.held.lock().unwrap().list = Some(planned);
        let sight = names.look().await;
        assert!(matches!(sight, Sight::Garbled { .. }), "{sight:?}");
    }
    amazon.held.lock().unwrap().list = Some(None);
    let sight = names.look().await;
    assert!(
        matches!(
            sight,
            Sight::Silent {
                why: Silence::NoAnswer,
                ..
            }
        ),
        "{sight:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn it_is_done_when_all_name_servers_have_it() {
    let amazon = Amazon::start(&["10.0.0.10"]);
    let names = amazon.names();
    let pending = || change("GetChangeResponse", "PENDING");
    amazon.held.lock().unwrap().changes = vec![
        pending(),
        error(400, "Throttling", "Rate exceeded"),
        pending(),
        change("GetChangeResponse", "INSYNC"),
    ];
    let clock = Clock::system();
    let began = clock.now();
    assert_eq!(names.perform(&to_paris()).await, Answer::Done);
    let took = clock.now().since(began);
    assert!(took >= Duration::from_secs(6), "{took:?}");
    // One that never is in sync: taken, and not known to have come. Until it has, no look says where the names lead.
    amazon.held.lock().unwrap().changes = vec![pending()];
    let answer = names.perform(&to_paris()).await;
    assert!(
        matches!(&answer, Answer::Unknown { detail, .. } if detail.contains("C2682N5HXP0BZ4") && detail.contains("PENDING")),
        "{answer:?}"
    );
    amazon.held.lock().unwrap().sets = a("gateway.dr.test.", 5, &["10.1.0.10"]);
    let sight = names.look().await;
    assert!(matches!(sight, Sight::Declined { status: 202, .. }), "{sight:?}");
    amazon.held.lock().unwrap().changes = vec![change("GetChangeResponse", "INSYNC")];
    let sight = names.look().await;
    assert!(
        matches!(&sight, Sight::Seen(seen) if seen.is_at(&[PARIS].into())),
        "{sight:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn sets_that_are_not_simple_are_not_changed() {
    let amazon = Amazon::start(&[]);
    let names = amazon.names();
    let values = "<TTL>60</TTL><ResourceRecords><ResourceRecord><Value>10.0.0.10</Value></ResourceRecord></ResourceRecords>";
    for (rest, says) in [
        (
            "<SetIdentifier>london</SetIdentifier><Weight>100</Weight>",
            "share it by weight",
        ),
        (
            "<SetIdentifier>one</SetIdentifier><Failover>PRIMARY</Failover><HealthCheckId>h</HealthCheckId>",
            "share it by weight",
        ),
        (
            "<HealthCheckId>abcdef11</HealthCheckId>",
            "hangs on a health check",
        ),
        (
            "<TrafficPolicyInstanceId>t</TrafficPolicyInstanceId>",
            "a traffic policy made",
        ),
        (
            "<AliasTarget><HostedZoneId>Z2</HostedZoneId><DNSName>lb.example.org.</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>",
            "an alias of lb.example.org.",
        ),
    ] {
        let values = if rest.contains("AliasTarget") { "" } else { values };
        amazon.held.lock().unwrap().sets = set("gateway.dr.test.", "A", &format!("{rest}{values}"));
        let sight = names.look().await;
        assert!(
            matches!(&sight, Sight::Garbled { problem } if problem.contains(says)),
            "{sight:?}"
        );
        let answer = names.perform(&to_paris()).await;
        assert!(
            matches!(&answer, Answer::Refused { status: 412, message } if message.contains(says)),
            "{answer:?}"
        );
    }
    assert!(amazon.batches().is_empty());
    // Sets of the name that lead nowhere, and those of others, do not count.
    let txt = "<TTL>60</TTL><ResourceRecords><ResourceRecord><Value>\"v=1\"</Value></ResourceRecord></ResourceRecords>";
    let other = "<SetIdentifier>x</SetIdentifier><Weight>1</Weight>";
    amazon.held.lock().unwrap().sets = set("gateway.dr.test.", "TXT", txt) + &set("zzz.dr.test.", "A", other);
    let sight = names.look().await;
    assert!(
        matches!(&sight, Sight::Seen(seen) if seen.is_at(&BTreeSet::new())),
        "{sight:?}"
    );
}

#[test]
fn what_others_could_read_is_not_sent() {
    let network: Arc<Network> = Arc::new(Network::new());
    let of = |zone| Route53::new(zone, None, network.clone(), Clock::system(), None).map(drop);
    let plain = Zone {
        endpoint: BaseUrl::parse("http://route53.example.org").unwrap(),
        ..zone()
    };
    assert!(matches!(of(plain), Err(SetupError::Plain)));
    let mut odd = zone();
    odd.credentials.session_token = Some("line\nbreak".into());
    let odd = of(odd).unwrap_err();
    assert!(matches!(odd, SetupError::Key(_)), "{odd}");
    assert!(!format!("{:?}", zone()).contains("s3cret"));
}
