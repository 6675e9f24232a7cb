//! Bounded input takes bounded time: a mebibyte of each pattern is read by every reader within the patience of a person,
//! where anything quadratic would take minutes.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use c8dr_domain::plan::Plan;
use c8dr_engine::clock::Clock;
use c8dr_engine::journal::recover;
use c8dr_systems::{elasticsearch::wire as search, platform::wire as platform, zeebe::wire as zeebe};

const BYTES: usize = 1 << 20;
/// A mebibyte is read in some twenty milliseconds, unoptimized and on a busy machine within seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// `begin`, then `part` until it is a mebibyte, then `end`.
fn filled(begin: &str, part: &str, end: &str) -> Vec<u8> {
    format!("{begin}{}{end}", part.repeat(BYTES / part.len())).into_bytes()
}

#[test]
fn fuzz_growth() {
    let replica = r#"{"partitionId":1,"role":"leader","health":"healthy"},"#;
    let patterns = [
        filled("", "[", ""),
        filled("", "{\"a\":", ""),
        filled("\"", "\\u001b", "\""),
        filled("\"", "\\\\", "\""),
        filled("\"", "\u{202e}", "\""),
        filled("\"", "é", ""),
        filled("", "\n", "{"),
        filled("{\"brokers\":[", "{},", "{}]}"),
        filled(
            "{\"brokers\":[{\"nodeId\":0,\"host\":\"h\",\"port\":1,\"partitions\":[",
            replica,
            "]}]}",
        ),
        filled("{", "\"1\":{\"role\":\"LEADER\"},", "\"1\":{}}"),
        filled("[", "{\"exporterId\":\"a\",\"status\":\"ENABLED\"},", "{}]"),
        filled("[", "{\"index\":\"a\",\"status\":\"open\"},", "{}]"),
        filled(
            "{\"kind\":\"List\",\"items\":[",
            "{\"metadata\":{\"name\":\"a\"},\"status\":{}},",
            "{}]}",
        ),
        filled("{\"error\":{\"type\":\"x\"", ",\"caused_by\":{\"type\":\"x\"", ""),
        filled("{\"message\":\"", "<title>", "\"}"),
        filled("<html>", "<title>", ""),
        filled(
            "# TYPE x\n",
            "zeebe_exporter_last_exported_position{exporter=\"a\",partition=\"1\"} 1\n",
            "",
        ),
        filled("# TYPE x\nzeebe_exporter_last_exported_position{", "a=\"b\",", ""),
        filled("# TYPE x\nzeebe_exporter_last_exported_position{a=\"", "\\\"", ""),
        filled("{\"journal\":\"c8dr-journal\"}\n", "\n", ""),
        filled("{\"journal\":\"c8dr-journal\"}\n", ",\"sum\":\"", "\n"),
        filled("a: ", "[", ""),
        filled("", "- ", ""),
        filled("", "a: &a b\n", ""),
        filled("a:\n", "  b:\n", ""),
        filled("name: \"", "\\e", "\""),
        filled("regions:\n", "- name: a\n", ""),
    ];
    let readers: BTreeMap<&str, fn(&[u8])> = BTreeMap::from([
        ("topology", (|body| drop(zeebe::topology(body))) as fn(&[u8])),
        ("cluster", |body| drop(zeebe::configuration(body))),
        ("planned", |body| drop(zeebe::planned_change(body))),
        ("partitions", |body| drop(zeebe::own_partitions(body))),
        ("exporters", |body| drop(zeebe::exporters(body))),
        ("exporting", |body| drop(zeebe::exporting_outcome(body))),
        ("metrics", |body| drop(zeebe::broker_metrics(body))),
        ("refusal", |body| drop(zeebe::refusal(body))),
        ("page", |body| drop(zeebe::page(Some("text/html"), body))),
        ("indices", |body| drop(search::indices(body))),
        ("recoveries", |body| {
            drop(search::recoveries(body, &BTreeMap::new()));
        }),
        ("snapshot", |body| drop(search::snapshot(body, "s"))),
        ("hits", |body| drop(search::page(body))),
        ("pods", |body| drop(platform::pods(body))),
        ("journal", |body| drop(recover(Path::new("j"), body))),
        ("plan", |body| drop(serde_json::from_slice::<Plan>(body))),
        ("configuration", |body| {
            if let Ok(text) = std::str::from_utf8(body) {
                let shown = c8dr::config::try_out(Path::new("c"), text).map_err(|error| error.to_string());
                drop(shown);
            }
        }),
        ("text", |body| {
            drop(c8dr::report::text::plain(&String::from_utf8_lossy(body)));
        }),
    ]);
    let clock = Clock::system();
    for (name, reader) in readers {
        for pattern in &patterns {
            let before = clock.now();
            reader(pattern);
            let took = clock.now().since(before);
            let start = String::from_utf8_lossy(&pattern[..60]);
            assert!(
                took < PATIENCE,
                "{name} took {took:?} for a mebibyte that begins {start:?}"
            );
            if took > Duration::from_millis(300) {
                println!("{name} took {took:?} for a mebibyte that begins {start:?}");
            }
        }
    }
}
