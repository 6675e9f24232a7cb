//! Secrets: recognizable ones are planted wherever they can come from, and looked for in everything that is written or said.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::lab_seen::http_with;
use crate::stage::{Ran, Stage};

/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(60);

/// What must be found nowhere, with where each is planted.
const PLANTED: [(&str, &str); 6] = [
    ("the password of REST, in a variable", "plant-rest/Pa55word"),
    ("the token of management, in a file", "plant-management-t0ken"),
    (
        "the password of the searches, in a variable",
        "plant-search+Pa55word",
    ),
    (
        "the secret key of the bucket, in a variable",
        "plant-bucket/s3cret+key",
    ),
    ("the password in a command's arguments", "plant-argument-Pa55word"),
    ("the token in a command's arguments", "plant-flag-t0ken"),
];

/// Every form of every secret that is in a text.
fn leaks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (whose, secret) in PLANTED {
        let in_url: String = secret.replace('/', "%2F").replace('+', "%2B");
        // Of the whole header `user:password` in base64 the middle is enough to know it by.
        let header = STANDARD_NO_PAD.encode(format!("demo:{secret}"));
        for form in [
            secret.to_owned(),
            in_url,
            STANDARD_NO_PAD.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
            header,
        ] {
            if let Some(at) = text.find(&form) {
                let from = text[..at].rfind('\n').map_or(0, |line| line + 1);
                found.push(format!(
                    "{whose}: {}",
                    text[from..].chars().take(300).collect::<String>()
                ));
            }
        }
    }
    found
}

#[track_caller]
fn is_clean(what: &str, text: &str) {
    let found = leaks(text);
    assert!(found.is_empty(), "{what} leaks {found:#?}");
}

#[track_caller]
fn says_nothing(what: &str, ran: &Ran) {
    is_clean(&format!("stdout of {what}"), &ran.out);
    is_clean(&format!("stderr of {what}"), &ran.err);
}

/// Every file below a folder, but those in which the secrets are.
fn files_are_clean(folder: &Path) {
    let mut looked_at = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("c8dr.yaml") && !path.ends_with("token.txt") {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                is_clean(&path.display().to_string(), &text);
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 5, "only {looked_at} files were looked at");
}

/// A command with the planted variables in its environment, at the loudest log.
fn planted(stage: &Stage, args: &[&str]) -> Command {
    let mut command = stage.command(args);
    command
        .env("PLANTED_REST", PLANTED[0].1)
        .env("PLANTED_SEARCH", PLANTED[2].1)
        .env("PLANTED_KEY", PLANTED[3].1)
        .env("PATH", std::env::var("PATH").unwrap())
        .env("C8DR_LOG", "trace");
    command
}

fn run(stage: &Stage, args: &[&str]) -> Ran {
    let ran = Ran::from(planted(stage, args).output().unwrap());
    says_nothing(&args.join(" "), &ran);
    ran
}

const LOGINS: &str = "auth:\n  rest: {basic: {username: demo, password: {env: PLANTED_REST}}}\n  management: {bearer: {token: {file: token.txt}}}\n";
const SEARCH: &str = "auth: {basic: {username: demo, password: {env: PLANTED_SEARCH}}}";

#[test]
fn a_run_tells_no_secret_anywhere() {
    let stage = Stage::new();
    stage.lab(&["--speed", "4"]);
    std::fs::write(stage.path().join("token.txt"), format!("{}\n", PLANTED[1].1)).unwrap();
    let own = std::fs::read_to_string(stage.home().join("lab/c8dr.yaml")).unwrap();
    let mut config = String::new();
    for line in own.lines() {
        let line = match line.trim() {
            // Commands repeat what they are given, and all of their environment; and what they are given is a secret.
            trimmed if trimmed.starts_with("install: [[") => line.replacen(
                "install: [[",
                &format!(
                    "install: [[sh, -c, \"env; env >&2; echo $0 $* >&2; cat /proc/$PPID/cmdline >cmdline\", --set, \"a.b=1,auth.rootPassword={}\", --token, {}], [",
                    PLANTED[4].1, PLANTED[5].1
                ),
                1,
            ),
            trimmed if trimmed.starts_with("url: http://") => format!("{line}\n      {SEARCH}"),
            trimmed if trimmed.starts_with("secretKey:") => "  secretKey: {env: PLANTED_KEY}".to_owned(),
            _ => line.to_owned(),
        };
        config.push_str(&line);
        config.push('\n');
    }
    assert!(
        config.contains("PLANTED_KEY")
            && config.contains("PLANTED_SEARCH")
            && config.contains("rootPassword")
    );
    std::fs::write(stage.path().join("c8dr.yaml"), config.clone() + LOGINS).unwrap();

    run(&stage, &["status"]).exits(0).says("healthy");
    run(&stage, &["ready"]).exits(0);
    run(&stage, &["lab", "break", "region1"]).exits(0);
    stage_until(&stage, "region-lost");
    run(
        &stage,
        &["plan", "failover", "--lost", "region1", "--save", "failover.json"],
    )
    .exits(0);
    run(&stage, &["failover", "--lost", "region1", "--yes"]).exits(0);
    run(&stage, &["lab", "heal", "region1", "--bare"]).exits(0);
    run(
        &stage,
        &[
            "plan",
            "failback",
            "--returning",
            "region1",
            "--save",
            "failback.json",
        ],
    )
    .exits(0)
    .says("auth.rootPassword=***");
    run(
        &stage,
        &[
            "failback",
            "--returning",
            "region1",
            "--dry-run",
            "--output",
            "json",
        ],
    )
    .exits(0);
    // A command that fails says why, in the words of its own.
    let failing = config.replace("cat /proc/$PPID/cmdline >cmdline", "exit 9");
    std::fs::write(stage.path().join("c8dr.yaml"), failing + LOGINS).unwrap();
    let failed = run(&stage, &["failback", "--returning", "region1", "--yes"]);
    assert_ne!(failed.code, 0);
    assert!(
        failed.err.contains("exit code 9") && failed.err.contains("***"),
        "{}",
        failed.err
    );
    run(&stage, &["run", "show"]).exits(0);
    std::fs::write(stage.path().join("c8dr.yaml"), config + LOGINS).unwrap();
    run(&stage, &["run", "resume", "--output", "json"]).exits(0);
    for args in [
        &["run", "list"][..],
        &["run", "show", "--output", "yaml"],
        &["run", "verify", "--output", "json"],
        &["status", "--output", "yaml"],
    ] {
        run(&stage, args).exits(0);
    }
    let arguments = std::fs::read_to_string(stage.path().join("cmdline")).unwrap();
    assert!(arguments.contains("resume"), "{arguments}");
    files_are_clean(stage.path());
    the_bucket_is_clean(&stage);
}

#[track_caller]
fn stage_until(stage: &Stage, code: &str) {
    super::lab_seen::until(LIMIT, code, || {
        let status = planted(stage, &["status", "--output", "json"]).output().unwrap();
        Ran::from(status).out.contains(&format!("\"code\": \"{code}\""))
    });
}

const SIGNED: &str = "authorization: AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\nx-amz-date: 20260101T000000Z\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD";

/// The record of the direction, and the pieces of the journals, as anybody reads them who has the bucket.
fn the_bucket_is_clean(stage: &Stage) {
    let own = std::fs::read_to_string(stage.home().join("lab/c8dr.yaml")).unwrap();
    let address = own
        .lines()
        .find_map(|line| line.trim().strip_prefix("endpoint: http://"))
        .unwrap();
    let bucket = own
        .lines()
        .find_map(|line| line.trim().strip_prefix("url: s3://")?.split('/').next())
        .unwrap();
    // The lab takes anybody's signature, as long as there is one.
    let get = |path: &str| http_with(address, "GET", path, SIGNED, "");
    let (status, list) = get(&format!("/{bucket}?list-type=2&prefix=c8dr"));
    assert_eq!(status, 200, "{list}");
    let keys: Vec<&str> = list
        .split("<Key>")
        .skip(1)
        .filter_map(|key| key.split("</Key>").next())
        .collect();
    assert!(keys.len() > 2, "{list}");
    for key in keys {
        let (status, object) = get(&format!("/{bucket}/{key}"));
        assert_eq!(status, 200, "{key}: {object}");
        is_clean(key, &object);
    }
}

/// A server that refuses everything and repeats what it was sent, as some proxies do; with `?` in the path of what it is
/// asked it leads on to a page whose address has a secret in it.
fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            std::thread::spawn(move || answer(stream, number));
        }
    });
    address
}

fn answer(mut stream: TcpStream, number: usize) {
    let mut request = vec![0; 16 * 1024];
    let read = stream.read(&mut request).unwrap_or_default();
    let request = String::from_utf8_lossy(&request[..read]).into_owned();
    let sent = request
        .lines()
        .find_map(|line| line.strip_prefix("authorization: "))
        .unwrap_or("nothing")
        .to_owned();
    let token = sent.rsplit(' ').next().unwrap_or_default();
    let json = format!(
        "{{\"message\":\"refused: {sent} of {}\"}}",
        request.lines().next().unwrap_or_default()
    );
    let (status, kind, body) = match number % 4 {
        0 => ("401 Unauthorized", "application/json", json),
        1 => ("500 Internal Server Error", "text/plain", request),
        2 => (
            "200 OK",
            "text/html",
            format!("<html><title>{sent}</title>{request}</html>"),
        ),
        _ => ("302 Found", "text/plain", String::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nlocation: https://me:{token}@login.example/{token}/x?token={token}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // The other side may have gone.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

#[test]
fn servers_that_repeat_what_they_were_sent_are_not_repeated() {
    let stage = Stage::new();
    std::fs::write(stage.path().join("token.txt"), PLANTED[1].1).unwrap();
    let at = echo();
    let region = |name: &str, id: u32| {
        format!(
            "  - name: {name}\n    exporter: e{id}\n    gateways:\n      - {{rest: \"http://{at}\", management: \"http://{at}\"}}\n      - {{rest: \"http://{at}\", management: \"http://{at}\"}}\n    brokers: {{{id}: \"http://{at}\"}}\n    search:\n      url: http://{at}\n      {SEARCH}\n    platform:\n      driver: command\n      pods: [sh, -c, \"env >&2; env; exit 3\", --set, auth.password={}]\n      install: [[helm, install]]\n",
            PLANTED[4].1
        )
    };
    let config = format!(
        "name: c\nclusterSize: 4\npartitionCount: 4\nreplicationFactor: 4\nregions:\n{}{}snapshots: {{repository: r, type: s3, settings: {{bucket: b}}}}\nbucket: {{url: \"s3://b/c\", endpoint: \"http://{at}\", accessKey: {{env: PLANTED_REST}}, secretKey: {{env: PLANTED_KEY}}}}\n{LOGINS}",
        region("london", 0),
        region("paris", 1)
    );
    std::fs::write(stage.path().join("c8dr.yaml"), config).unwrap();
    for args in [
        &["status"][..],
        &["status", "--output", "json"],
        &["status", "--output", "zbctl"],
        &["ready"],
        &["failover", "--lost", "paris", "--yes"],
        &["failback", "--returning", "paris", "--yes"],
        &["run", "resume", "--from-record"],
    ] {
        // Which answer comes to which request differs each time; all of them come.
        for _ in 0..2 {
            let ran = run(&stage, args);
            assert!(!ran.err.contains("panicked"), "{}", ran.err);
        }
    }
}
