//! Bytes that nobody meant well: no parser panics, hangs, or passes on what drives a terminal.

use std::collections::BTreeMap;

use c8dr_systems::elasticsearch::wire::{self, Garbled};
use proptest::prelude::*;

use super::support::{SERVERS, recorded};

fn assert_harmless(body: &[u8]) {
    fn words<T>(outcome: Result<T, Garbled>) -> Option<String> {
        outcome.err().map(|garbled| garbled.to_string())
    }
    let said = [
        words(wire::cluster_uuid(body)),
        words(wire::color(body)),
        words(wire::indices(body)),
        words(wire::primaries(body)),
        words(wire::recoveries(body, &BTreeMap::new())),
        words(wire::repository(body, "r")),
        words(wire::snapshot(body, "s")),
        words(wire::progress(body, "s")),
        words(wire::page(body)),
        words(wire::refreshed(body)),
        words(wire::is_taken(body)),
        Some(c8dr_systems::zeebe::wire::refusal(body)),
    ];
    for words in said.into_iter().flatten() {
        assert!(!words.chars().any(char::is_control), "{words:?}");
        assert!(words.len() < 8_000, "{} bytes said", words.len());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_harmless(body in prop::collection::vec(any::<u8>(), 0..2000)) {
        assert_harmless(&body);
    }

    #[test]
    fn damaged_recordings_are_harmless(
        exchange in prop::sample::select(SERVERS.into_iter().flat_map(recorded).collect::<Vec<_>>()),
        at in any::<prop::sample::Index>(),
        damage in prop::collection::vec(any::<u8>(), 0..8),
        cut in any::<bool>(),
    ) {
        let mut body = exchange.body.into_bytes();
        let at = at.index(body.len());
        let end = (at + damage.len()).min(body.len());
        body.splice(at..end, damage);
        if cut {
            body.truncate(at);
        }
        assert_harmless(&body);
    }
}

#[test]
fn names_that_drive_a_terminal_do_not() {
    let name = "a\\u001b[2J";
    for body in [
        format!(r#"[{{"index":"{name}","status":"open"}}]"#),
        format!(r#"[{{"index":"{name}","status":"open","health":"{name}"}}]"#),
        format!(r#"{{"{name}":{{"shards":[{{"id":0,"type":"SNAPSHOT","stage":"DONE","primary":true}}]}}}}"#),
        format!(r#"{{"snapshots":[{{"snapshot":"{name}","uuid":"u","state":"{name}"}}]}}"#),
        format!(r#"{{"error":{{"type":"{name}","reason":"{name}","caused_by":{{"type":"{name}"}}}}}}"#),
    ] {
        assert_harmless(body.as_bytes());
    }
}

#[test]
fn deep_and_long_bodies_are_harmless() {
    const LONG: usize = 10 * 1024 * 1024;
    let causes = |count: usize| {
        let (open, close) = (r#","caused_by":{"type":"x""#.repeat(count), "}".repeat(count));
        format!(r#"{{"error":{{"type":"x"{open}{close}}}}}"#)
    };
    assert_harmless(causes(50).as_bytes());
    assert_harmless(causes(100_000).as_bytes());
    assert_harmless(&vec![b'['; LONG]);
    assert_harmless(format!(r#"{{"error":{{"type":"x","reason":"{}"}}}}"#, "x".repeat(LONG)).as_bytes());
    assert_harmless(format!(r#"{{"{}":{{"shards":[{{}}]}}}}"#, "k".repeat(LONG)).as_bytes());
}
