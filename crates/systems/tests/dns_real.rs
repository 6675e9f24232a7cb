//! The users' names on a real name server: read, changed with a signature, and not changed when they are no longer what was
//! read.
//!
//! Runs where `C8DR_DNS_SERVER` (`HOST:PORT`), `C8DR_DNS_ZONE`, `C8DR_DNS_KEY_NAME` and `C8DR_DNS_KEY` (hmac-sha256, in base64) are
//! set; says so in one line otherwise. The zone needs a name `gateway` with the one record `A 10.0.0.10`, and the key must be
//! allowed to change A records only. The name is brought back to what it was.
#![expect(
    clippy::print_stdout,
    reason = "it has no harness, and its figures are for whoever started it"
)]

mod real;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::effect::{Answer, TrafficEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::traffic::TrafficSight;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Traffic;
use c8dr_systems::dial::{Target as Place, Tcp};
use c8dr_systems::dns::{Algorithm, Key, NameServer, Targets, Update};
use futures_util::future::join_all;
use real::{Outcome, given, holds, where_said};

/// Where the server is.
const SERVER: &str = "C8DR_DNS_SERVER";

const LONDON: RegionId = RegionId(0);
const PARIS: RegionId = RegionId(1);
const TTL_S: u32 = 5;

fn main() -> Outcome {
    where_said(SERVER, async |server| run(&server).await)
}

/// A server with targets for both regions.
struct Stage {
    place: Place,
    zone: String,
    key: Key,
}

impl Stage {
    fn names(&self, name: &str, london: &[&str], paris: &[&str], key: Option<&Key>) -> Outcome<NameServer> {
        let set = |list: &[&str]| -> Outcome<BTreeSet<_>> {
            let mut all = BTreeSet::new();
            for target in list {
                all.insert(target.parse()?);
            }
            Ok(all)
        };
        let update = Update {
            server: self.place.clone(),
            zone: self.zone.clone(),
            names: [name.to_owned()].into(),
            targets: Targets([(LONDON, set(london)?), (PARIS, set(paris)?)].into()),
            ttl_s: TTL_S,
            limit: Duration::from_secs(5),
        };
        let clock = Clock::system();
        let dial = Arc::new(Tcp::new(clock.clone()));
        Ok(NameServer::new(update, key, dial, clock, 4711)?)
    }
}

fn effect(to: &[RegionId], expected: Option<&TrafficSight>) -> TrafficEffect {
    TrafficEffect {
        to: to.iter().copied().collect(),
        expected: expected.and_then(|seen| seen.version.clone()),
    }
}

async fn seen(names: &NameServer) -> Outcome<TrafficSight> {
    match names.look().await {
        Sight::Seen(seen) => Ok(seen),
        other => Err(format!("the names are not seen: {other:?}").into()),
    }
}

async fn run(server: &str) -> Outcome {
    let (host, port) = server.rsplit_once(':').ok_or("C8DR_DNS_SERVER is HOST:PORT")?;
    let stage = Stage {
        place: Place {
            host: host.to_owned(),
            port: port.parse()?,
        },
        zone: given(SERVER, "C8DR_DNS_ZONE")?,
        key: Key {
            name: given(SERVER, "C8DR_DNS_KEY_NAME")?,
            algorithm: Algorithm::HmacSha256,
            secret: given(SERVER, "C8DR_DNS_KEY")?.into(),
        },
    };
    let gateway = format!("gateway.{}", stage.zone);
    let (london, paris) = (&["10.0.0.10"][..], &["10.1.0.10"][..]);
    let names = stage.names(&gateway, london, paris, Some(&stage.key))?;

    let clock = Clock::system();
    let began = clock.now();
    let first = seen(&names).await?;
    println!("read: {:.1?}", clock.now().since(began));
    holds(
        &format!("it points to London: {first:?}"),
        first.is_at(&[LONDON].into()),
    )?;
    holds("the time to live is told", first.ttl_s == Some(TTL_S))?;

    wrong_keys(&stage, &names, &gateway, &first).await?;

    let began = clock.now();
    let answer = names.perform(&effect(&[PARIS], Some(&first))).await;
    println!("changed: {:.1?}", clock.now().since(began));
    holds(&format!("it is taken: {answer:?}"), answer == Answer::Done)?;
    let second = seen(&names).await?;
    holds(
        &format!("it points to Paris: {second:?}"),
        second.is_at(&[PARIS].into()),
    )?;

    let stale = names.perform(&effect(&[LONDON], Some(&first))).await;
    holds(
        &format!("what was read before is no longer so: {stale:?}"),
        matches!(stale, Answer::Stale { .. }),
    )?;
    holds("and nothing was changed", seen(&names).await? == second)?;

    // Of many that change at once what they all have read, one does.
    let all =
        join_all((0..8).map(|_| async { names.perform(&effect(&[LONDON, PARIS], Some(&second))).await }))
            .await;
    let done = all.iter().filter(|answer| **answer == Answer::Done).count();
    let stale = all
        .iter()
        .filter(|answer| matches!(answer, Answer::Stale { .. }))
        .count();
    holds(&format!("one of eight: {all:?}"), (done, stale) == (1, 7))?;
    let both = seen(&names).await?;
    holds(
        &format!("it points to both: {both:?}"),
        both.is_at(&[LONDON, PARIS].into()),
    )?;

    refusals(&stage, &gateway, london, &both).await?;

    let answer = names.perform(&effect(&[LONDON], Some(&both))).await;
    holds(&format!("it goes back: {answer:?}"), answer == Answer::Done)?;
    let last = seen(&names).await?;
    holds("as it was", last == first)?;
    println!("read, changed, stale, raced by eight, refused: all as they should");
    Ok(())
}

async fn wrong_keys(stage: &Stage, names: &NameServer, gateway: &str, first: &TrafficSight) -> Outcome {
    let (london, paris) = (&["10.0.0.10"][..], &["10.1.0.10"][..]);
    let others = [
        None,
        Some(Key {
            secret: "YW5vdGhlciBrZXksIG5vdCB0aGUgcmlnaHQgb25lIQ==".into(),
            ..stage.key.clone()
        }),
        Some(Key {
            name: "nobody".to_owned(),
            ..stage.key.clone()
        }),
        Some(Key {
            algorithm: Algorithm::HmacSha512,
            ..stage.key.clone()
        }),
    ];
    for key in others {
        let other = stage.names(gateway, london, paris, key.as_ref())?;
        let answer = other.perform(&effect(&[PARIS], Some(first))).await;
        holds(
            &format!("without the right key it is refused: {answer:?}"),
            matches!(answer, Answer::Refused { .. }),
        )?;
    }
    holds("and nothing was changed", seen(names).await? == *first)
}

async fn refusals(stage: &Stage, gateway: &str, london: &[&str], both: &TrafficSight) -> Outcome {
    // The key may not change this type.
    let six = stage.names(gateway, london, &["fd00::1"], Some(&stage.key))?;
    let answer = six.perform(&effect(&[PARIS], Some(both))).await;
    holds(
        &format!("another type is refused: {answer:?}"),
        matches!(&answer, Answer::Refused { message, .. } if message.contains("REFUSED")),
    )?;
    // What it does not have the say for it must not tell us.
    let elsewhere = stage.names("gateway.example.org", london, &["10.1.0.10"], Some(&stage.key))?;
    let sight = elsewhere.look().await;
    holds(
        &format!("another zone is declined: {sight:?}"),
        matches!(sight, Sight::Declined { .. }),
    )?;
    // A name that is not there points nowhere; that is an answer.
    let absent = format!("absent.{}", stage.zone);
    let absent = stage.names(&absent, london, &["10.1.0.10"], Some(&stage.key))?;
    let sight = seen(&absent).await?;
    holds(
        &format!("what is not there points nowhere: {sight:?}"),
        sight.is_at(&BTreeSet::new()) && sight.ttl_s.is_none(),
    )?;
    // Nobody listens there.
    let nobody = Stage {
        place: Place {
            port: 1,
            ..stage.place.clone()
        },
        zone: stage.zone.clone(),
        key: stage.key.clone(),
    };
    let nobody = nobody.names(gateway, london, &["10.1.0.10"], Some(&stage.key))?;
    let answer = nobody.perform(&effect(&[PARIS], Some(both))).await;
    holds(
        &format!("nothing was sent: {answer:?}"),
        matches!(
            answer,
            Answer::NotSent {
                why: Silence::Refused,
                ..
            }
        ),
    )
}
