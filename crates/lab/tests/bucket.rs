//! The object store as S3 clients see it: whole objects, conditional puts, pages of keys, and its outages.

#![expect(clippy::unwrap_used, reason = "a failure is the point")]

mod asking;

use std::time::Duration;

use asking::Asking;
use axum::body::Body;
use c8dr_lab::{AnswerFault, BUCKET, Refused, Region, StoreState, WorldConfig};
use http::request::Builder;
use http::{HeaderMap, Request};
use tower::ServiceExt;

fn lab(seed: u64) -> Asking {
    Asking::new(WorldConfig {
        seed,
        ..WorldConfig::default()
    })
}

struct Heard {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Heard {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }

    /// What stands in the elements of this name.
    fn all(&self, element: &str) -> Vec<&str> {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let parts = self.body.split(&open).skip(1);
        parts.filter_map(|p| Some(p.split_once(&close)?.0)).collect()
    }
}

fn asked(method: &str, path: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(format!("/{BUCKET}{path}"))
        .header("authorization", "AWS4-HMAC-SHA256 Credential=lab/…")
}

async fn send(lab: &Asking, request: Request<Body>) -> Result<Heard, Refused> {
    let response = lab.lab.bucket().oneshot(request).await?;
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Ok(Heard {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    })
}

async fn call(lab: &Asking, method: &str, path: &str) -> Heard {
    send(lab, asked(method, path).body(Body::empty()).unwrap())
        .await
        .unwrap()
}

fn new_object(key: &str, text: &str) -> Request<Body> {
    asked("PUT", key)
        .header("if-none-match", "*")
        .body(Body::from(text.to_owned()))
        .unwrap()
}

async fn put(lab: &Asking, key: &str, text: &str) -> Heard {
    let request = asked("PUT", key).body(Body::from(text.to_owned())).unwrap();
    send(lab, request).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_object_is_put_read_and_deleted() {
    let lab = lab(1);
    lab.sleep(5.0).await;
    let stored = put(&lab, "/runs/a%20b.json", "{}").await;
    assert_eq!((stored.status, stored.body.as_str()), (200, ""));
    let etag = stored.header("etag").to_owned();
    assert!(
        etag.starts_with('"') && etag.ends_with('"') && etag.len() == 34,
        "{etag}"
    );
    let read = call(&lab, "GET", "/runs/a%20b.json").await;
    assert_eq!((read.status, read.body.as_str()), (200, "{}"));
    assert_eq!(read.header("etag"), etag);
    assert_eq!(read.header("last-modified"), "Thu, 01 Jan 2026 12:00:05 GMT");
    assert_eq!(read.header("content-type"), "binary/octet-stream");
    let head = call(&lab, "HEAD", "/runs/a%20b.json").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(
        (head.header("content-length"), head.header("etag")),
        ("2", etag.as_str())
    );
    assert_eq!(call(&lab, "DELETE", "/runs/a%20b.json").await.status, 204);
    assert_eq!(
        call(&lab, "DELETE", "/runs/a%20b.json").await.status,
        204,
        "as often as you like"
    );
    let gone = call(&lab, "GET", "/runs/a%20b.json").await;
    assert_eq!(gone.status, 404);
    assert!(
        gone.body.starts_with(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>runs/a b.json</Key><RequestId>"
        ),
        "{}",
        gone.body
    );
    assert_eq!(gone.header("content-type"), "application/xml");
    let head = call(&lab, "HEAD", "/runs/a%20b.json").await;
    assert_eq!((head.status, head.body.as_str()), (404, ""));
}

#[tokio::test(start_paused = true)]
async fn of_64_that_put_at_once_exactly_one_is_first() {
    let lab = lab(2);
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..64 {
        let port = lab.lab.bucket();
        let request = new_object("/direction", &number.to_string());
        racing.spawn(async move { (number, port.oneshot(request).await.unwrap()) });
    }
    let mut first = Vec::new();
    while let Some(done) = racing.join_next().await {
        let (number, response) = done.unwrap();
        match response.status().as_u16() {
            200 => first.push(number),
            412 => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(first.len(), 1);
    assert_eq!(call(&lab, "GET", "/direction").await.body, first[0].to_string());
    let late = send(&lab, new_object("/direction", "late")).await.unwrap();
    assert_eq!((late.status, late.all("Code")), (412, vec!["PreconditionFailed"]));
    assert_eq!(late.all("Condition"), ["If-None-Match"]);
    // Unconditionally it is overwritten, and by who knows what is there.
    assert_eq!(put(&lab, "/direction", "a").await.status, 200);
    let known = call(&lab, "HEAD", "/direction").await.header("etag").to_owned();
    let with = |etag: &str, text: &'static str| {
        asked("PUT", "/direction")
            .header("if-match", etag)
            .body(Body::from(text))
            .unwrap()
    };
    assert_eq!(send(&lab, with(&known, "b")).await.unwrap().status, 200);
    assert_eq!(send(&lab, with(&known, "c")).await.unwrap().status, 412);
    assert_eq!(call(&lab, "GET", "/direction").await.body, "b");
}

#[tokio::test(start_paused = true)]
async fn keys_are_listed_in_order_and_in_pages() {
    let lab = lab(3);
    for key in [
        "/runs/1",
        "/runs/2/events",
        "/runs/2/plan",
        "/runs/3%26",
        "/snapshots/x",
    ] {
        put(&lab, key, "12345").await;
    }
    let list = async |query: &str| call(&lab, "GET", &format!("?list-type=2&{query}")).await;
    let all = list("prefix=runs%2F").await;
    assert_eq!(all.status, 200);
    assert_eq!(
        all.all("Key"),
        ["runs/1", "runs/2/events", "runs/2/plan", "runs/3&amp;"]
    );
    assert_eq!(
        (all.all("KeyCount"), all.all("IsTruncated")),
        (vec!["4"], vec!["false"])
    );
    assert_eq!(all.all("LastModified")[0], "2026-01-01T12:00:00.000Z");
    assert_eq!(all.all("Size")[0], "5");
    assert!(all.all("ETag")[0].starts_with("&quot;"));
    assert_eq!(
        list("prefix=runs/&start-after=runs/2/events")
            .await
            .all("Key")
            .len(),
        2
    );
    assert_eq!(list("prefix=nothing").await.all("Key").len(), 0);
    let mut keys = Vec::new();
    let mut token = String::new();
    loop {
        let page = list(&format!("prefix=runs/&max-keys=1{token}")).await;
        keys.extend(page.all("Key").into_iter().map(str::to_owned));
        let Some(next) = page.all("NextContinuationToken").first().copied() else {
            break;
        };
        token = format!("&continuation-token={next}");
    }
    assert_eq!(keys, all.all("Key"));
    let folded = list("prefix=runs/&delimiter=/").await;
    assert_eq!(folded.all("Key"), ["runs/1", "runs/3&amp;"]);
    assert_eq!(folded.all("Prefix"), ["runs/", "runs/2/"]);
    assert_eq!(
        list("encoding-type=url&prefix=runs/3").await.all("Key"),
        ["runs/3%26"]
    );
    assert_eq!(
        list("continuation-token=%25").await.all("Code"),
        ["InvalidArgument"]
    );
}

#[tokio::test(start_paused = true)]
async fn many_are_deleted_at_once() {
    let lab = lab(7);
    for key in ["/a", "/b%26c", "/d"] {
        put(&lab, key, "1").await;
    }
    let delete = |keys: &str| {
        let body = Body::from(format!("<Delete>{keys}</Delete>"));
        asked("POST", "?delete").body(body).unwrap()
    };
    let two = delete("<Object><Key>a</Key></Object><Object><Key>b&amp;c</Key></Object>");
    let done = send(&lab, two).await.unwrap();
    assert_eq!((done.status, done.all("Key")), (200, vec!["a", "b&amp;c"]));
    let broken = send(&lab, delete("<Object><Key>&#100;</Key></Object>"))
        .await
        .unwrap();
    assert_eq!((broken.status, broken.all("Code")), (400, vec!["MalformedXML"]));
    assert_eq!(call(&lab, "GET", "?list-type=2").await.all("Key"), ["d"]);
}

#[tokio::test(start_paused = true)]
async fn what_it_does_not_do_it_refuses() {
    let lab = lab(4);
    let unsigned = Request::get(format!("/{BUCKET}/a")).body(Body::empty()).unwrap();
    let refused = send(&lab, unsigned).await.unwrap();
    assert_eq!((refused.status, refused.all("Code")), (403, vec!["AccessDenied"]));
    let elsewhere = Request::get("/another-bucket/a")
        .header("authorization", "AWS4-HMAC-SHA256")
        .body(Body::empty())
        .unwrap();
    let refused = send(&lab, elsewhere).await.unwrap();
    assert_eq!((refused.status, refused.all("Code")), (404, vec!["NoSuchBucket"]));
    assert_eq!(call(&lab, "HEAD", "").await.status, 200);
    for (method, path, status) in [
        ("POST", "/a?uploads", 501),
        ("PUT", "/a?partNumber=1&uploadId=x", 501),
        ("POST", "?delete", 400),
        ("GET", "", 501),
        ("DELETE", "", 501),
        ("POST", "/a", 405),
    ] {
        assert_eq!(call(&lab, method, path).await.status, status, "{method} {path}");
    }
    let chunks = asked("PUT", "/a")
        .header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
        .body(Body::from("5;chunk-signature=…\r\nhello"))
        .unwrap();
    assert_eq!(
        send(&lab, chunks).await.unwrap().status,
        501,
        "never kept as if it were the object"
    );
    assert_eq!(call(&lab, "GET", "/a").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn it_outlives_both_regions_and_has_outages_of_its_own() {
    let lab = lab(5);
    put(&lab, "/direction", "region0").await;
    for region in Region::BOTH {
        lab.lab.lose_region(region);
        lab.lab.rebuild_bare(region);
        assert_eq!(call(&lab, "GET", "/direction").await.body, "region0");
    }
    lab.lab.with(|w| w.set_store(StoreState::Denied));
    let denied = call(&lab, "GET", "/direction").await;
    assert_eq!(
        (denied.status, denied.all("Code")),
        (403, vec!["InvalidAccessKeyId"])
    );
    lab.lab.with(|w| w.set_store(StoreState::Gone));
    let gone = send(&lab, new_object("/second", "")).await;
    assert_eq!(gone.err(), Some(Refused::ConnectionRefused));
    lab.lab.with(|w| w.set_store(StoreState::Works));
    assert_eq!(
        call(&lab, "GET", "/direction").await.body,
        "region0",
        "nothing is lost by it"
    );
    assert_eq!(call(&lab, "GET", "/second").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_lost_and_the_object_is_there_or_not() {
    let lab = lab(6);
    let spoil = |fault| lab.lab.with(|w| w.spoil_bucket_answer(fault));
    spoil(AnswerFault::LostAfterEffect);
    assert_eq!(
        send(&lab, new_object("/a", "1")).await.err(),
        Some(Refused::ConnectionReset)
    );
    assert_eq!(call(&lab, "GET", "/a").await.body, "1", "a read is what tells");
    spoil(AnswerFault::LostBeforeEffect);
    assert!(send(&lab, new_object("/b", "1")).await.is_err());
    assert_eq!(call(&lab, "GET", "/b").await.status, 404);
    spoil(AnswerFault::Status(503));
    let slow = send(&lab, new_object("/b", "1")).await.unwrap();
    assert_eq!((slow.status, slow.all("Code")), (503, vec!["SlowDown"]));
    spoil(AnswerFault::Delay(Duration::from_secs(20)));
    let begin = lab.clock.now();
    assert_eq!(call(&lab, "GET", "/a").await.status, 200);
    assert!(lab.clock.now().since(begin) >= Duration::from_secs(20));
    // It goes while somebody waits for its answer.
    let port = lab.lab.bucket();
    let waiting = tokio::spawn(async move { port.oneshot(new_object("/c", "1")).await.map(|_| ()) });
    tokio::task::yield_now().await;
    lab.lab.with(|w| w.set_store(StoreState::Gone));
    assert_eq!(waiting.await.unwrap(), Err(Refused::ConnectionReset));
    lab.lab.with(|w| w.set_store(StoreState::Works));
    assert_eq!(call(&lab, "GET", "/c").await.body, "1");
}
