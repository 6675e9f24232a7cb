//! Bytes that nobody meant well: no parser panics, hangs, or passes on what drives a terminal.

use c8dr_systems::zeebe::wire;
use proptest::prelude::*;

use super::recordings;

/// Everything that reads a body, on the same bytes; gives what they say.
fn read_by_all(body: &[u8]) -> Vec<String> {
    let mut said = vec![wire::refusal(body)];
    said.extend(wire::page(Some("text/html"), body));
    said.extend(wire::page(None, body));
    said.extend(wire::configuration(body).err().map(|garbled| garbled.to_string()));
    said.extend(
        wire::planned_change(body)
            .err()
            .map(|garbled| garbled.to_string()),
    );
    said.extend(wire::exporters(body).err().map(|garbled| garbled.to_string()));
    said.extend(
        wire::own_partitions(body)
            .err()
            .map(|garbled| garbled.to_string()),
    );
    said.extend(wire::ready(body).err().map(|garbled| garbled.to_string()));
    said.extend(
        wire::broker_metrics(body)
            .err()
            .map(|garbled| garbled.to_string()),
    );
    said.extend(match wire::exporting_outcome(body) {
        Ok(wire::ExportingOutcome::Done) => None,
        Ok(wire::ExportingOutcome::Failed { message, .. }) => Some(message),
        Err(garbled) => Some(garbled.to_string()),
    });
    said.extend(wire::topology(body).err().map(|garbled| garbled.to_string()));
    said
}

fn assert_harmless(body: &[u8]) {
    for words in read_by_all(body) {
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
        file in prop::sample::select(vec![
            "1-main-4-brokers/005-healthy-cluster-gw0.json",
            "1-main-4-brokers/004-healthy-topology-gw0.json",
            "1-main-4-brokers/020-healthy-partitions-gw0.json",
            "1-main-4-brokers/086-failover-force.json",
            "1-main-4-brokers/087-failover-force-again-at-once.json",
            "8-resume-incomplete/007-resume-at-once-gw0.json",
        ]),
        at in any::<prop::sample::Index>(),
        damage in prop::collection::vec(any::<u8>(), 0..8),
        cut in any::<bool>(),
    ) {
        let mut body = recordings::body(file);
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
fn deep_and_long_bodies_are_harmless() {
    const TEN_MIB: usize = 10 * 1024 * 1024;
    assert_harmless(&vec![b'['; TEN_MIB]);
    assert_harmless("{\"a\":".repeat(TEN_MIB / 5).as_bytes());
    assert_harmless(format!("{{\"message\":\"{}\"}}", "x".repeat(TEN_MIB)).as_bytes());
    assert_harmless(format!("{{\"status\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000)).as_bytes());
    assert_harmless(
        format!(
            "{{\"new\":{}1{},\"status\":\"UP\"}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        )
        .as_bytes(),
    );
    assert_harmless(format!("{{\"{}\":1}}", "k".repeat(TEN_MIB)).as_bytes());
    assert_harmless(&vec![0; TEN_MIB]);
    // Pages of metrics: one endless line, endless labels, endless series.
    let line = "zeebe_exporter_last_exported_position{exporter=\"";
    assert_harmless(format!("# TYPE x\n{line}{}", "\\\"".repeat(TEN_MIB / 20)).as_bytes());
    assert_harmless(format!("# TYPE x\n{line}a\"{}", ",b=\"c\"".repeat(TEN_MIB / 60)).as_bytes());
    let series = |n: u32| format!("{line}{n}\",partition=\"{n}\"}} {n}\n");
    assert_harmless(format!("# TYPE x\n{}", (0..10_000).map(series).collect::<String>()).as_bytes());
}

#[test]
fn a_big_installation_is_read() {
    let replica = |id: u32| {
        format!(
            r#"{{"id":{id},"state":"ACTIVE","priority":{id},"config":{{"exporting":{{"exporters":[{{"id":"a","state":"ENABLED"}},{{"id":"b","state":"ENABLED"}}]}}}}}}"#
        )
    };
    let replicas = (1..=24).map(replica).collect::<Vec<_>>().join(",");
    let member = |id: u32| {
        format!(
            r#"{{"id":{id},"state":"ACTIVE","version":1,"lastUpdatedAt":"0000-01-01T00:00:00Z","partitions":[{replicas}]}}"#
        )
    };
    let members = (0..12).map(member).collect::<Vec<_>>().join(",");
    let body = format!(r#"{{"version":9,"brokers":[{members}]}}"#);
    let clock = c8dr_engine::clock::Clock::system();
    let seen = wire::configuration(body.as_bytes()).unwrap();
    println!("{} bytes read in {:?}", body.len(), clock.now().since_start());
    assert_eq!(
        seen.members
            .values()
            .map(|member| member.partitions.len())
            .sum::<usize>(),
        12 * 24
    );
}
