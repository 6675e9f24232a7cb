//! The driver for name servers against servers that answer wrongly, late or not at all: nothing of it is believed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::effect::{Answer, TrafficEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Traffic;
use c8dr_systems::dial::memory::Network;
use c8dr_systems::dial::{ByteStream, Target as Place};
use c8dr_systems::dns::{Algorithm, Key, KeyError, NameServer, Targets, Update};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The bits of a header: an answer, by whom has the say.
const ANSWER: u8 = 0x80;
const AUTHORITATIVE: u8 = 0x04;
const UPDATE: u8 = 0x28;

fn update() -> Update {
    let one = |target: &str| -> BTreeSet<_> { [target.parse().unwrap()].into() };
    Update {
        server: Place {
            host: "ns.test".to_owned(),
            port: 53,
        },
        zone: "dr.test".to_owned(),
        names: ["gateway.dr.test".to_owned()].into(),
        targets: Targets([(RegionId(0), one("10.0.0.10")), (RegionId(1), one("10.1.0.10"))].into()),
        ttl_s: 5,
        limit: Duration::from_secs(2),
    }
}

fn key(secret: &str) -> Key {
    Key {
        name: "failover".to_owned(),
        algorithm: Algorithm::HmacSha256,
        secret: secret.into(),
    }
}

/// A server that answers each message by what `make` makes of it; nothing, and it stays silent.
fn names(make: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) -> NameServer {
    let network = Network::new();
    let mut listener = network.listen("ns.test", 53);
    let make = Arc::new(make);
    tokio::spawn(async move {
        while let Some(stream) = listener.accept().await {
            tokio::spawn(serve(Box::new(stream), make.clone()));
        }
    });
    let clock = Clock::system();
    NameServer::new(update(), Some(&key("c2VjcmV0")), Arc::new(network), clock, 7).unwrap()
}

async fn serve(mut stream: ByteStream, make: Arc<impl Fn(&[u8]) -> Option<Vec<u8>>>) {
    while let Ok(length) = stream.read_u16().await {
        let mut message = vec![0; usize::from(length)];
        if stream.read_exact(&mut message).await.is_err() {
            return;
        }
        let Some(answer) = make(&message) else {
            std::future::pending::<()>().await;
            return;
        };
        let length = u16::try_from(answer.len()).unwrap();
        if stream.write_u16(length).await.is_err() || stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// The question with another header: bits, code, and an A record where one was asked for.
fn answer(message: &[u8], bits: u8, code: u8, address: Option<[u8; 4]>) -> Vec<u8> {
    let mut answer = message.to_vec();
    answer[2] = bits;
    answer[3] = code;
    // The type stands before the class, at the end of a question.
    let is_for_addresses = message[message.len() - 4..message.len() - 2] == [0, 1];
    if let (Some(address), true) = (address, is_for_addresses) {
        answer[7] = 1;
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
        answer.extend(address);
    }
    answer
}

#[tokio::test(start_paused = true)]
async fn records_are_read_from_who_has_the_say() {
    let seen = names(|message| Some(answer(message, ANSWER | AUTHORITATIVE, 0, Some([10, 1, 0, 10]))))
        .look()
        .await;
    let Sight::Seen(seen) = seen else {
        panic!("{seen:?}")
    };
    assert!(seen.is_at(&[RegionId(1)].into()), "{seen:?}");
    assert_eq!(
        (seen.ttl_s, seen.version.as_deref()),
        (Some(5), Some("gateway.dr.test=10.1.0.10"))
    );
    // What it has only heard of may be old.
    let heard = names(|message| Some(answer(message, ANSWER, 0, Some([10, 1, 0, 10]))))
        .look()
        .await;
    assert!(
        matches!(&heard, Sight::Declined { message, .. } if message.contains("does not have the say")),
        "{heard:?}"
    );
    let refused = names(|message| Some(answer(message, ANSWER | AUTHORITATIVE, 5, None)))
        .look()
        .await;
    assert!(
        matches!(refused, Sight::Declined { status: 5, .. }),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_is_none() {
    let garbled = |sight: Sight<_>| {
        assert!(matches!(sight, Sight::Garbled { .. }), "{sight:?}");
    };
    garbled(names(|_| Some(Vec::new())).look().await);
    garbled(names(|_| Some(vec![0xff; 40])).look().await);
    garbled(names(|message| Some(message.to_vec())).look().await);
    garbled(
        names(|message| {
            let mut other = answer(message, ANSWER | AUTHORITATIVE, 0, None);
            other[0] ^= 1;
            Some(other)
        })
        .look()
        .await,
    );
    let cut = |message: &[u8]| answer(message, ANSWER | AUTHORITATIVE | 2, 0, None);
    garbled(names(move |message| Some(cut(message))).look().await);
    let silent = names(|_| None).look().await;
    assert!(
        matches!(
            silent,
            Sight::Silent {
                why: Silence::NoAnswer,
                ..
            }
        ),
        "{silent:?}"
    );
}

fn to_paris() -> TrafficEffect {
    TrafficEffect {
        to: [RegionId(1)].into(),
        expected: Some("gateway.dr.test=10.0.0.10".to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_signed_is_not_believed() {
    for code in [0, 5, 8] {
        let said = names(move |message| {
            Some(answer(&message[..12], ANSWER | UPDATE, code, None).without_sections())
        })
        .perform(&to_paris())
        .await;
        assert!(matches!(said, Answer::Unknown { .. }), "{code}: {said:?}");
    }
    // Who does not know the key cannot sign with it.
    let said = names(|message| Some(answer(&message[..12], ANSWER | UPDATE, 9, None).without_sections()))
        .perform(&to_paris())
        .await;
    assert!(matches!(said, Answer::Refused { .. }), "{said:?}");
    let said = names(|_| None).perform(&to_paris()).await;
    assert!(matches!(said, Answer::Unknown { .. }), "{said:?}");
}

/// A header that promises nothing behind it.
trait Bare {
    fn without_sections(self) -> Self;
}

impl Bare for Vec<u8> {
    fn without_sections(mut self) -> Self {
        self.truncate(12);
        self[4..12].fill(0);
        self
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_right_is_not_sent() {
    let server = names(|_| panic!("nothing may be sent"));
    for (to, expected) in [
        (&[][..], "gateway.dr.test=10.0.0.10"),
        (&[RegionId(1)][..], "other.dr.test=10.0.0.10"),
        (&[RegionId(1)][..], "2026113001"),
    ] {
        let effect = TrafficEffect {
            to: to.iter().copied().collect(),
            expected: Some(expected.to_owned()),
        };
        let said = server.perform(&effect).await;
        assert!(matches!(said, Answer::Refused { .. }), "{said:?}");
    }
    let nobody = NameServer::new(
        update(),
        Some(&key("c2VjcmV0")),
        Arc::new(Network::new()),
        Clock::system(),
        7,
    );
    let said = nobody.unwrap().perform(&to_paris()).await;
    assert!(matches!(said, Answer::NotSent { .. }), "{said:?}");
}

#[test]
fn a_key_that_cannot_sign_is_told_before_it_is_needed() {
    let made = |key: &Key| {
        NameServer::new(update(), Some(key), Arc::new(Network::new()), Clock::system(), 7).map(drop)
    };
    assert_eq!(made(&key("c2VjcmV0")), Ok(()));
    assert_eq!(made(&key("not base64!")), Err(KeyError::NotBase64));
    assert_eq!(made(&key("")), Err(KeyError::Empty));
    assert!(!format!("{:?}", key("c2VjcmV0")).contains("c2VjcmV0"));
}

#[test]
fn a_person_can_type_the_same() {
    let server = NameServer::new(update(), None, Arc::new(Network::new()), Clock::system(), 7).unwrap();
    assert_eq!(
        server.command(&[RegionId(1)].into()),
        [
            "nsupdate -k KEYFILE <<'END'",
            "server ns.test 53",
            "zone dr.test",
            "update delete gateway.dr.test. A",
            "update delete gateway.dr.test. AAAA",
            "update delete gateway.dr.test. CNAME",
            "update add gateway.dr.test. 5 A 10.1.0.10",
            "send",
            "END",
        ]
    );
}
