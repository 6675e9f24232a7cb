//! The users' names in a Route 53 that somebody else has written: set, changed, and not changed when they are no longer what was
//! read.
//!
//! Runs where `C8DR_ROUTE53_URL`, `C8DR_ROUTE53_ZONE` (the hosted zone's id) and `C8DR_ROUTE53_NAME` (a name in it that does not
//! exist) are set; says so in one line otherwise. The name is left behind.
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
use c8dr_domain::observation::Sight;
use c8dr_domain::traffic::TrafficSight;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Traffic;
use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::bucket::Credentials;
use c8dr_systems::dial::{Tcp, TlsOptions};
use c8dr_systems::dns::Targets;
use c8dr_systems::route53::{Route53, Zone};
use real::{Outcome, given, holds, where_said};

/// Where the server is.
const SERVER: &str = "C8DR_ROUTE53_URL";

const LONDON: RegionId = RegionId(0);
const PARIS: RegionId = RegionId(1);

fn main() -> Outcome {
    where_said(SERVER, async |url| run(&url).await)
}

fn names(url: &str, zone: &str, name: &str) -> Outcome<Route53> {
    let set = |list: &[&str]| -> Outcome<BTreeSet<_>> {
        let mut all = BTreeSet::new();
        for target in list {
            all.insert(target.parse()?);
        }
        Ok(all)
    };
    let zone = Zone {
        id: zone.to_owned(),
        names: [name.to_owned()].into(),
        targets: Targets(
            [
                (LONDON, set(&["10.0.0.10", "fd00::10"])?),
                (PARIS, set(&["10.1.0.10"])?),
            ]
            .into(),
        ),
        ttl_s: 5,
        endpoint: BaseUrl::parse(url)?,
        region: "us-east-1".to_owned(),
        credentials: Credentials {
            access_key_id: "testing".to_owned(),
            secret_access_key: "testing".into(),
            session_token: None,
        },
        tls: TlsOptions::default(),
        limit: Duration::from_secs(10),
        propagation: Duration::from_secs(30),
    };
    let clock = Clock::system();
    let dial = Arc::new(Tcp::new(clock.clone()));
    Ok(Route53::new(zone, None, dial, clock, None)?)
}

fn effect(to: &[RegionId], expected: Option<&TrafficSight>) -> TrafficEffect {
    TrafficEffect {
        to: to.iter().copied().collect(),
        expected: expected.and_then(|seen| seen.version.clone()),
    }
}

async fn seen(names: &Route53, at: &[RegionId]) -> Outcome<TrafficSight> {
    match names.look().await {
        Sight::Seen(seen) if seen.is_at(&at.iter().copied().collect()) => Ok(seen),
        other => Err(format!("the names are not at {at:?}: {other:?}").into()),
    }
}

async fn run(url: &str) -> Outcome {
    let zone = given(SERVER, "C8DR_ROUTE53_ZONE")?;
    let names_of = names(url, &zone, &given(SERVER, "C8DR_ROUTE53_NAME")?)?;
    let nothing = seen(&names_of, &[]).await?;
    let answer = names_of.perform(&effect(&[LONDON, PARIS], Some(&nothing))).await;
    holds(&format!("created: {answer:?}"), answer == Answer::Done)?;
    let both = seen(&names_of, &[LONDON, PARIS]).await?;
    holds("the time to live is told", both.ttl_s == Some(5))?;
    // One type goes, another changes: one batch.
    let answer = names_of.perform(&effect(&[PARIS], Some(&both))).await;
    holds(&format!("changed: {answer:?}"), answer == Answer::Done)?;
    let paris = seen(&names_of, &[PARIS]).await?;
    let answer = names_of.perform(&effect(&[LONDON], Some(&both))).await;
    holds(
        &format!("stale: {answer:?}"),
        matches!(answer, Answer::Stale { .. }),
    )?;
    holds(
        "and nothing was changed",
        seen(&names_of, &[PARIS]).await? == paris,
    )?;
    let answer = names_of.perform(&effect(&[PARIS], Some(&both))).await;
    holds(&format!("what is so is done: {answer:?}"), answer == Answer::Done)?;
    let other = names(url, "ZNOSUCHZONE", &given(SERVER, "C8DR_ROUTE53_NAME")?)?;
    let answer = other.perform(&effect(&[PARIS], None)).await;
    holds(
        &format!("another zone: {answer:?}"),
        matches!(answer, Answer::Refused { status: 404, .. }),
    )?;
    println!("read, created, changed, stale, another zone: all as they should");
    Ok(())
}
