//! What an object store answers, through the whole of the adapter.

use bytes::Bytes;
use c8dr_domain::observation::Sight;
use c8dr_domain::plain::is_obeyed;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Bucket, PutNew};
use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::bucket::{Credentials, Limits, S3, Store};
use c8dr_systems::dial::TlsOptions;
use c8dr_systems::http::{Fault, Service};
use http::{Request, Response};
use http_body_util::Full;

use super::driver::{Verdict, bounded, fuzz};
use super::mutate;

const SECRET: &str = "a-secret-of-the-store";

/// An answer begins with its status.
const ANSWERS: &[&str] = &[
    "200 <?xml version=\"1.0\"?><ListBucketResult><Contents><Key>own/direction/000001.json</Key><Size>1</Size><ETag>\"e\"</ETag><LastModified>2026-11-22T10:00:00.000Z</LastModified></Contents><Contents><Key>own/direction/000001.closed.json</Key><Size>1</Size><ETag>\"e\"</ETag><LastModified>2026-11-22T10:00:00.000Z</LastModified></Contents></ListBucketResult>",
    "200 <?xml version=\"1.0\"?><ListBucketResult></ListBucketResult>",
    "412 <?xml version=\"1.0\"?><Error><Code>PreconditionFailed</Code><Message>so it is</Message></Error>",
    "404 <?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>so it is</Message></Error>",
    "503 <?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>a-secret-of-the-store</Message></Error>",
    "307 <html>elsewhere</html>",
];

fn store(answer: &[u8]) -> Store {
    let (status, body) = answer
        .iter()
        .position(|byte| *byte == b' ')
        .map_or((answer, &b""[..]), |at| (&answer[..at], &answer[at + 1..]));
    let status = std::str::from_utf8(status)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|status| (200..600).contains(status))
        .unwrap_or(200);
    let body = Bytes::from(body.to_vec());
    let service = Service::new(tower::service_fn(move |_: Request<Full<Bytes>>| {
        let body = body.clone();
        async move {
            let answer = Response::builder()
                .status(status)
                .header("etag", "\"e\"")
                .header("last-modified", "Sun, 22 Nov 2026 10:00:00 GMT")
                .header("content-length", body.len());
            Ok::<_, Fault>(answer.body(body).unwrap())
        }
    }));
    let settings = S3 {
        bucket: "trial".to_owned(),
        prefix: "own".to_owned(),
        region: "eu-central-1".to_owned(),
        endpoint: Some(BaseUrl::parse("http://localhost:1").unwrap()),
        credentials: Credentials {
            access_key_id: "AKIATRIAL".to_owned(),
            secret_access_key: SECRET.into(),
            session_token: None,
        },
        tls: TlsOptions::default(),
        limits: Limits::default(),
    };
    Store::s3_over(settings, service, Clock::system()).unwrap()
}

/// Nothing obeyed, not long, and no secret.
fn quiet(words: &str) -> Verdict {
    if words.contains(SECRET) {
        return Err(format!("the secret is told: {words}"));
    }
    bounded(words, 10_000, is_obeyed)
}

fn seen<T>(sight: &Sight<T>) -> Verdict {
    sight.instead().map_or(Ok(()), |words| quiet(&words.to_string()))
}

#[test]
fn fuzz_store_answers() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let seeds: Vec<Vec<u8>> = ANSWERS.iter().map(|answer| answer.as_bytes().to_vec()).collect();
    fuzz(
        "bucket",
        500,
        &seeds,
        |chance| {
            let answer = chance.pick(ANSWERS).as_bytes();
            mutate::bytes(chance, answer)
        },
        |answer| {
            runtime.block_on(async {
                let store = store(answer);
                let listed = store.list("direction/").await;
                seen(&listed)?;
                if let Sight::Seen(keys) = &listed
                    && let Some(stranger) = keys.iter().find(|key| !key.starts_with("direction/"))
                {
                    return Err(format!("{stranger:?} was not asked for"));
                }
                seen(&store.get("direction/000001.json").await)?;
                match store.put_new("direction/000001.json", b"{}".to_vec()).await {
                    PutNew::Written | PutNew::Exists => Ok(()),
                    PutNew::Refused { why } => quiet(&why),
                    PutNew::NotSent { detail, .. } | PutNew::Unknown { detail } => quiet(&detail),
                }
            })
        },
    );
}
