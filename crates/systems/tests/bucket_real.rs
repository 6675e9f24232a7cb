//! The bucket against a real S3: that it takes our signatures, and keeps the condition that the direction rests on.
//!
//! Runs where `C8DR_S3_ENDPOINT`, `C8DR_S3_BUCKET`, `C8DR_S3_ACCESS_KEY` and `C8DR_S3_SECRET_KEY` are set, and
//! `C8DR_S3_REGION` if it is not us-east-1; says so in one line otherwise. It leaves its objects behind, under a prefix of its own, as the port knows no deletes.
#![expect(
    clippy::print_stdout,
    reason = "it has no harness, and its figures are for whoever started it"
)]

mod real;

use std::env;
use std::sync::Arc;

use c8dr_domain::observation::Sight;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Bucket, PutNew};
use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::bucket::{Credentials, Limits, S3, Store};
use c8dr_systems::dial::{Tcp, TlsOptions};
use futures_util::future::join_all;
use real::{Outcome, given, where_said};

/// Where the server is.
const SERVER: &str = "C8DR_S3_ENDPOINT";

const WRITERS: usize = 64;
const ROUNDS: usize = 20;

fn main() -> Outcome {
    where_said(SERVER, async |endpoint| run(&endpoint).await)
}

fn store(endpoint: &str, bucket: &str, secret: &str, prefix: &str) -> Outcome<Store> {
    store_of(
        &given(SERVER, "C8DR_S3_ACCESS_KEY")?,
        endpoint,
        bucket,
        secret,
        prefix,
    )
}

fn store_of(access: &str, endpoint: &str, bucket: &str, secret: &str, prefix: &str) -> Outcome<Store> {
    let settings = S3 {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        region: env::var("C8DR_S3_REGION").unwrap_or_else(|_| "us-east-1".to_owned()),
        endpoint: Some(BaseUrl::parse(endpoint)?),
        credentials: Credentials {
            access_key_id: access.to_owned(),
            secret_access_key: secret.into(),
            session_token: None,
        },
        tls: TlsOptions::default(),
        limits: Limits::default(),
    };
    let clock = Clock::system();
    Ok(Store::s3(settings, Arc::new(Tcp::new(clock.clone())), clock)?)
}

async fn run(endpoint: &str) -> Outcome {
    let (bucket, secret) = (
        given(SERVER, "C8DR_S3_BUCKET")?,
        given(SERVER, "C8DR_S3_SECRET_KEY")?,
    );
    let prefix = format!("c8dr trial/{}", Clock::system().wall().as_millisecond());
    let ours = store(endpoint, &bucket, &secret, &prefix)?;

    ensure(&ours.list("").await, &Sight::Seen(Vec::new()))?;
    ensure(&ours.get("direction/0").await, &Sight::Seen(None))?;
    let mut most_unknown = 0;
    for round in 0..ROUNDS {
        let key = format!("direction/{round}");
        let puts = (0..WRITERS).map(|writer| ours.put_new(&key, writer.to_string().into_bytes()));
        let outcomes = join_all(puts).await;
        let of = |wanted: fn(&PutNew) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
        let written = of(|outcome| *outcome == PutNew::Written);
        let unknown = of(|outcome| matches!(outcome, PutNew::Unknown { .. }));
        most_unknown = most_unknown.max(unknown);
        if written != 1 || of(|outcome| *outcome == PutNew::Exists) + unknown + written != WRITERS {
            return Err(format!("{key} was put {written} times: {outcomes:?}").into());
        }
        let winner = outcomes.iter().position(|outcome| *outcome == PutNew::Written);
        let winner = winner.unwrap_or_default().to_string().into_bytes();
        ensure(&ours.get(&key).await, &Sight::Seen(Some(winner)))?;
    }
    println!("{ROUNDS} keys were put by {WRITERS} at once, each by one; at most {most_unknown} did not know");

    // As `c8dr ready --probe` does it, and with everything taken away again.
    let race = c8dr_engine::survey::race(&ours, "trial/probe/race", c8dr_engine::survey::WRITERS).await;
    println!("the race of a probe: {race:?}");
    if race.won != 1 || !race.is_winners || race.left.is_some() || race.refused.is_some() {
        return Err("the probe's race had not one winner, or left something".into());
    }
    ensure(&ours.get("trial/probe/race").await, &Sight::Seen(None))?;

    let mut keys: Vec<String> = (0..ROUNDS).map(|round| format!("direction/{round}")).collect();
    keys.sort_unstable();
    ensure(&ours.list("").await, &Sight::Seen(keys.clone()))?;
    keys.retain(|key| key.starts_with("direction/1"));
    ensure(&ours.list("direction/1").await, &Sight::Seen(keys))?;

    // A bucket that is not there has no objects, and yet "none of this name" would be wrong.
    let elsewhere = store(endpoint, "c8dr-no-such-bucket", &secret, &prefix)?;
    let read = elsewhere.get("direction/0").await;
    let put = elsewhere.put_new("direction/0", Vec::new()).await;
    println!("no such bucket: {read:?}, {put:?}");
    if !matches!((&read, &put), (Sight::Declined { .. }, PutNew::Refused { .. })) {
        return Err("a bucket that is not there is not told as such".into());
    }
    // Amazon answers 403 to both; this server calls an unknown key a 404, which must not be read as "no such object".
    let strangers = [
        (
            "wrong secret",
            store(endpoint, &bucket, "not-the-secret", &prefix)?,
        ),
        (
            "unknown key",
            store_of("nobody", endpoint, &bucket, &secret, &prefix)?,
        ),
    ];
    for (what, stranger) in strangers {
        let read = stranger.get("direction/0").await;
        let put = stranger.put_new("direction/x", Vec::new()).await;
        println!("{what}: {read:?}, {put:?}");
        if !matches!(
            (&read, &put),
            (
                Sight::Declined {
                    status: 403 | 404,
                    ..
                },
                PutNew::Refused { .. }
            )
        ) {
            return Err(format!("{what}: not told as such").into());
        }
    }
    Ok(())
}

fn ensure<T: PartialEq + std::fmt::Debug>(seen: &T, expected: &T) -> Outcome {
    if seen == expected {
        return Ok(());
    }
    Err(format!("{seen:?} instead of {expected:?}").into())
}
