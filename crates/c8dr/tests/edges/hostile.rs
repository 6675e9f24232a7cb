//! Text that wants to be obeyed. One string that clears a screen, fills a clipboard, turns a line round and is markup is
//! planted wherever text comes in from outside, and every output is searched for it.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::servers::{Server, answer, pass_on};
use crate::stage::{Ran, Stage};

/// OSC 52 (clipboard), a title, a C1 clear, a direction mark, a space without a width, a carriage return, a forged line, HTML,
/// a cell and a link of Markdown.
const CANARY: &str = "canary\u{1b}]52;c;aGk=\u{7}\u{1b}]0;owned\u{7}\u{9b}2J\u{1b}[8m\u{202e}\u{200b}\u{2028}\r\nhealthy <script>alert(1)</script>|[x](javascript:1)<img src=x>";

#[test]
fn no_text_from_outside_is_obeyed_anywhere() {
    let stage = Stage::new();
    stage.lab(&["--speed", "4"]);
    let lab = std::fs::read_to_string(stage.home().join("lab/c8dr.yaml")).unwrap();
    let hostile = stage.path().join("hostile.yaml");
    std::fs::write(&hostile, through_a_liar(&lab)).unwrap();
    let hostile = hostile.to_string_lossy().into_owned();
    let with = |args: &[&str]| {
        let mut command = stage.command(args);
        command
            .args(["--config", &hostile])
            .env("USER", CANARY)
            .env("C8DR_LOG", "debug");
        Ran::from(command.output().unwrap())
    };

    let mut outputs = Vec::new();
    let mut ran = |args: &[&str]| {
        let ran = with(args);
        outputs.push((args.join(" "), ran.out, ran.err));
        ran.code
    };
    for form in ["human", "json", "yaml", "zbctl"] {
        assert_eq!(ran(&["status", "--output", form]), 0);
    }
    ran(&["ready"]);
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", Duration::from_secs(40));
    let plan = stage.path().join("plan.json").to_string_lossy().into_owned();
    assert_eq!(
        ran(&["plan", "failover", "--lost", "region1", "--save", &plan]),
        0
    );
    let forged = std::fs::read_to_string(&plan).unwrap();
    let canary = json!(CANARY).to_string();
    let inside = canary.trim_matches('"');
    for (from, to) in [
        ("\"title\": \"", format!("\"title\": \"{inside}")),
        ("\"words\": \"", format!("\"words\": \"{inside}")),
        ("elasticsearchregion1", inside.to_owned()),
    ] {
        let forged_plan = stage.path().join("forged.json");
        std::fs::write(&forged_plan, forged.replace(from, &to)).unwrap();
        ran(&["apply", &forged_plan.to_string_lossy(), "--dry-run"]);
    }
    ran(&["failover", "--lost", CANARY, "--yes"]);
    ran(&["apply", CANARY]);
    // Line breaks of one's own arguments are one's own.
    ran(&["status", &CANARY.replace("\r\n", "")]);
    ran(&["run", "show", CANARY]);
    assert_eq!(
        ran(&["failover", "--lost", "region1", "--yes", "--reason", CANARY]),
        0,
        "the failover"
    );
    stage.run(&["lab", "heal", "region1", "--bare"]).exits(0);
    ran(&["plan", "failback", "--returning", "region1"]);
    for form in ["human", "json", "yaml"] {
        assert_eq!(ran(&["run", "list", "--output", form]), 0);
        assert_eq!(ran(&["run", "show", "--output", form]), 0);
        assert_eq!(ran(&["run", "verify", "--output", form]), 0);
    }

    // It did come in: a test that plants nothing finds nothing.
    let seen: usize = outputs
        .iter()
        .map(|(_, out, err)| out.matches("canary").count() + err.matches("canary").count())
        .sum();
    assert!(seen >= 15, "the canary was seen {seen} times only ");
    for (args, out, err) in &outputs {
        held(&format!("standard output of {args:?}"), out);
        held(&format!("standard error of {args:?}"), err);
        if args.ends_with("--output json") {
            serde_json::from_str::<Value>(out).unwrap();
        }
        let forged = |line: &str| line.starts_with("healthy <script>");
        assert!(
            !out.lines().any(forged) && !err.lines().any(forged),
            "a forged line in {args:?}"
        );
    }
    let files = files_in(&stage.home().join("runs"));
    assert!(
        files.iter().any(|file| file.ends_with("journal.jsonl")),
        "{files:?}"
    );
    let mut with_canary = 0;
    for file in files.into_iter().chain(files_in(&stage.home().join("locks"))) {
        let text = std::fs::read_to_string(&file).unwrap();
        held(&file.display().to_string(), &text);
        with_canary += usize::from(text.contains("canary"));
        let end = file.extension().unwrap_or_default();
        if end == "html" || end == "md" {
            assert!(
                !text.contains("<script>") && !text.contains("<img"),
                "markup in {}",
                file.display()
            );
        }
        if end == "md" {
            assert!(
                !text.contains("[x](") && !text.contains(")|"),
                "markup in {}",
                file.display()
            );
        }
    }
    assert!(with_canary >= 4, "the canary is in {with_canary} files only");
}

/// Nothing in it acts: no control but the end of a line and a tab, no mark of direction, nothing without a width.
#[track_caller]
fn held(place: &str, text: &str) {
    let acts = |c: char| c != '\n' && c != '\t' && c8dr_domain::plain::is_obeyed(c);
    if let Some(at) = text.find(acts) {
        let from = text.floor_char_boundary(at.saturating_sub(80));
        let to = text.floor_char_boundary((at + 80).min(text.len()));
        panic!("{place} holds what would be obeyed: {:?}", &text[from..to]);
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => files_in(&path),
            path => vec![path],
        })
        .collect()
}

/// The lab's configuration, where everything is asked through somebody who puts the canary into every name, and where one
/// gateway, one search and the platforms answer with nothing else.
fn through_a_liar(lab: &str) -> String {
    let mut text = String::new();
    for line in lab.lines() {
        let key = line.trim_start().split(": ").next().unwrap_or_default();
        let address = line
            .split(": ")
            .nth(1)
            .filter(|value| value.starts_with("http://"));
        // Without gRPC the names are taken from REST, which lies.
        if key == "grpc" {
            continue;
        }
        let line = match (key, address) {
            // Commands are told by their standard error.
            ("pods" | "volumes", _) => {
                let indent = &line[..line.len() - line.trim_start().len()];
                let said = json!(format!("printf '%b' '{}' >&2; exit 1", shell(CANARY)));
                format!("{indent}{key}: [sh, -c, {said}]")
            }
            ("rest" | "management", Some(address)) => line.replace(address, &liar(address).http()),
            _ => line.to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    let rude = Server::answering(answer(
        "500 Internal Server Error",
        "application/json",
        &json!({ "message": CANARY }).to_string(),
    ));
    let page = Server::answering(answer(
        "200 OK",
        "text/html",
        &format!("<html><title>{CANARY}</title>"),
    ));
    let odd = Server::answering(
        b"HTTP/1.1 302 Found\r\nLocation: http://evil\xc2\x9b2J/<script>\r\nContent-Length: 0\r\n\r\n"
            .to_vec(),
    );
    let more = format!(
        "    gateways:\n      - {{name: rude, rest: \"{}\", management: \"{}\"}}\n      - {{name: odd, rest: \"{}\"}}\n",
        rude.http(),
        page.http(),
        odd.http()
    );
    text.replacen("    gateways:\n", &more, 1)
}

/// The canary as `printf %b` of a shell takes it: bytes in octal.
fn shell(text: &str) -> String {
    text.bytes().map(|byte| format!("\\0{byte:03o}")).collect()
}

/// Passes everything on, and puts the canary into each name of the answers that nothing depends on.
fn liar(address: &str) -> Server {
    let there = address.to_owned();
    Server::after_request(move |stream, head| {
        use std::io::Write;
        let whole = pass_on(stream, head, &there);
        let Some(at) = whole.windows(4).position(|end| end == b"\r\n\r\n") else {
            return;
        };
        let (before, body) = (
            String::from_utf8_lossy(&whole[..at]).into_owned(),
            &whole[at + 4..],
        );
        let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
            let _ = stream.write_all(&whole);
            return;
        };
        spoil(&mut value);
        let status = before
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("HTTP/1.1 ");
        let _ = stream.write_all(&answer(status, "application/json", &value.to_string()));
    })
}

fn spoil(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if matches!(key.as_str(), "host" | "version" | "gatewayVersion") => {
                        text.push_str(CANARY);
                    }
                    other => spoil(other),
                }
            }
        }
        Value::Array(items) => {
            items.iter_mut().for_each(spoil);
            if items.iter().any(|item| item.get("exporterId").is_some()) {
                items.push(json!({ "exporterId": CANARY, "status": "ENABLED" }));
            }
        }
        _ => {}
    }
}
