//! The lab as others see and change it: by plain HTTP, past c8dr.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stage::{Ran, Stage};

/// Waits for a state, with a deadline.
#[track_caller]
pub(crate) fn until(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "the binary lives in the wall's time")]
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < limit, "did not come about: {what}");
        // Whoever spins here takes the time from what is waited for.
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// The management addresses of the lab's brokers, by their ids.
pub(crate) fn management(stage: &Stage) -> Vec<String> {
    let config = std::fs::read_to_string(stage.home().join("lab/c8dr.yaml")).unwrap();
    let of = |broker: u32| {
        config.lines().find_map(|line| {
            line.trim()
                .strip_prefix(&format!("{broker}: http://"))
                .map(str::to_owned)
        })
    };
    (0..).map_while(of).collect()
}

/// One request, as anybody may send it to a management port: the status and the body.
pub(crate) fn http(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    http_with(address, method, path, "content-type: application/json", body)
}

/// The same with a header of one's own.
pub(crate) fn http_with(address: &str, method: &str, path: &str, header: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{header}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    (status, body.to_owned())
}

/// What can be changed in the cluster, as a broker of region0 tells it: if two of these are equal nothing was changed.
pub(crate) fn cluster(stage: &Stage) -> Value {
    let (status, body) = http(&management(stage)[0], "GET", "/actuator/cluster", "");
    assert_eq!(status, 200, "{body}");
    let mut seen: Value = serde_json::from_str(body.trim_matches(|c: char| c != '{' && c != '}'))
        .unwrap_or_else(|error| panic!("{error} in {body}"));
    // Who is up changes by itself.
    for broker in seen["brokers"].as_array_mut().into_iter().flatten() {
        if let Some(broker) = broker.as_object_mut() {
            broker.remove("lastUpdatedAt");
        }
    }
    seen
}

/// The journal of the newest run of a kind.
pub(crate) fn journal(stage: &Stage, kind: &str) -> Option<String> {
    let mut runs: Vec<PathBuf> = std::fs::read_dir(stage.home().join("runs"))
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains(kind))
        .collect();
    runs.sort();
    std::fs::read_to_string(runs.pop()?.join("journal.jsonl")).ok()
}

/// Sends a signal.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// A refusal without what was seen of it: that differs with the moment at which it was looked. Lines with `but` are kept.
pub(crate) fn without_sights(ran: &Ran, but: &str) -> Ran {
    let kept = |line: &&str| !line.starts_with("  seen ") || (!but.is_empty() && line.contains(but));
    Ran {
        code: ran.code,
        out: ran.out.clone(),
        err: ran.err.lines().filter(kept).collect::<Vec<_>>().join("\n"),
    }
}

/// What was said from the first line on that contains `words`.
#[track_caller]
pub(crate) fn said_from(ran: &Ran, words: &str) -> Ran {
    let all = format!("{}\n{}", ran.err, ran.out);
    let lines: Vec<&str> = all.lines().collect();
    let from = lines
        .iter()
        .position(|line| line.contains(words))
        .unwrap_or_else(|| panic!("`{words}` is not in:\n{all}"));
    Ran {
        code: ran.code,
        out: String::new(),
        err: lines[from..].join("\n"),
    }
}
