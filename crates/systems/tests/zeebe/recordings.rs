//! Every answer that a real Zeebe 8.6.0 was recorded to give is understood, and asked through the port means what it did.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use c8dr_domain::ids::{BrokerId, ChangeId, ExporterId, PartitionId};
use c8dr_domain::topology::{ChangeStatus, ExporterPhase, ExporterStatus, MemberState, OperationKind, Role};
use c8dr_systems::zeebe::wire::{self, ExportingOutcome};
use serde_json::Value;

/// What each recorded thing turned out to be, and how often.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, usize>);

#[test]
fn every_recording_is_understood() {
    let mut tally = Tally::default();
    for file in files() {
        let recording: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        tally.file(&file, &recording);
    }
    let expected = BTreeMap::from([
        ("a broker's own phases", 3),
        ("configuration", 229),
        ("configuration after a cancel", 3),
        ("exporters", 59),
        ("exporting done", 18),
        ("exporting failed", 7),
        ("health", 64),
        ("no answer", 3),
        ("no exchange with Zeebe", 58),
        ("not ours", 13),
        ("partitions", 39),
        ("planned change", 59),
        ("rebalance", 3),
        ("refusal", 64),
        ("topology", 148),
        ("zbctl output", 12),
    ]);
    assert_eq!(tally.0, expected);
}

impl Tally {
    fn count(&mut self, kind: &'static str) {
        *self.0.entry(kind).or_default() += 1;
    }

    fn file(&mut self, file: &Path, recording: &Value) {
        let has = |key: &str| recording.get(key).is_some();
        if let Some(answers) = recording.get("distinct_answers").and_then(Value::as_array) {
            answers.iter().for_each(|answer| self.exchange(file, answer));
        } else if has("method") {
            self.exchange(file, recording);
        } else if has("grpc") {
            self.count("zbctl output");
        } else if [
            "elasticsearch_standin",
            "observed",
            "load",
            "log_lines",
            "zeebe_exporter_metrics_of_broker0",
            "ids_region0_at_pause_answer",
        ]
        .into_iter()
        .any(has)
            || recording.is_array()
        {
            self.count("no exchange with Zeebe");
        } else {
            panic!("{}: what is this?", file.display());
        }
    }

    fn exchange(&mut self, file: &Path, exchange: &Value) {
        let text = |key: &str| exchange.get(key).and_then(Value::as_str).unwrap_or_default();
        let (method, path) = (text("method"), text("path").split('?').next().unwrap());
        let Some(status) = exchange.get("status").and_then(Value::as_u64) else {
            assert!(
                !text("error").is_empty(),
                "{}: neither a status nor an error",
                file.display()
            );
            return self.count("no answer");
        };
        let json = &exchange["response_body"];
        let body = match json {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            json => serde_json::to_vec(json).unwrap(),
        };
        let fine = |outcome: Result<usize, wire::Garbled>, expected: usize| match outcome {
            Ok(count) => assert_eq!(count, expected, "{}: {method} {path}", file.display()),
            Err(garbled) => panic!("{}: {method} {path} {status}: {garbled}", file.display()),
        };
        let length = |json: &Value| json.as_array().map_or(0, Vec::len);
        let kind = match (method, path, status) {
            ("GET", "/actuator/cluster", 200) => {
                fine(
                    wire::configuration(&body).map(|c| c.members.len()),
                    length(&json["brokers"]),
                );
                let seen = wire::configuration(&body).unwrap();
                let pending = seen.pending_change.map_or(0, |change| change.pending.len());
                assert_eq!(
                    pending,
                    length(&json["pendingChange"]["pending"]),
                    "{}",
                    file.display()
                );
                "configuration"
            }
            ("DELETE", _, 200) => {
                fine(
                    wire::configuration(&body).map(|c| c.members.len()),
                    length(&json["brokers"]),
                );
                "configuration after a cancel"
            }
            ("POST" | "PATCH", _, 202) => {
                fine(
                    wire::planned_change(&body).map(|c| c.planned.len()),
                    length(&json["plannedChanges"]),
                );
                fine(
                    wire::planned_change(&body).map(|c| c.members.len()),
                    length(&json["currentTopology"]),
                );
                "planned change"
            }
            ("GET", "/actuator/exporters", 200) => {
                fine(wire::exporters(&body).map(|e| e.len()), length(json));
                "exporters"
            }
            ("GET", "/actuator/partitions", 200) => {
                fine(
                    wire::own_partitions(&body).map(|p| p.len()),
                    json.as_object().unwrap().len(),
                );
                "partitions"
            }
            ("GET", "/actuator/health/readiness" | "/actuator/health", 200 | 503) => {
                assert_eq!(wire::ready(&body).unwrap(), status == 200, "{}", file.display());
                "health"
            }
            ("GET", "/v2/topology", 200) => {
                fine(
                    wire::topology(&body).map(|t| t.brokers.len()),
                    length(&json["brokers"]),
                );
                "topology"
            }
            (_, _, 400..) => {
                let message = wire::refusal(&body);
                assert!(
                    !message.is_empty() && !message.starts_with('{'),
                    "{}: {message}",
                    file.display()
                );
                "refusal"
            }
            (_, "/actuator/rebalance", 200) if body.is_empty() => "rebalance",
            ("POST", "/actuator/exporting/pause" | "/actuator/exporting/resume", 200) => {
                let inside = json["status"].as_u64().unwrap();
                match wire::exporting_outcome(&body) {
                    Ok(ExportingOutcome::Done) => assert_eq!(inside, 204, "{}", file.display()),
                    Ok(ExportingOutcome::Failed { status, message }) => {
                        assert_eq!((u64::from(status), inside), (500, 500), "{}", file.display());
                        assert_eq!(message, json["body"]["message"].as_str().unwrap());
                    }
                    Err(garbled) => panic!("{}: {garbled}", file.display()),
                }
                if inside == 204 {
                    "exporting done"
                } else {
                    "exporting failed"
                }
            }
            ("POST", "/actuator/partitions/resumeExporting" | "/actuator/partitions/pauseExporting", 200) => {
                fine(
                    wire::own_partitions(&body).map(|p| p.len()),
                    json.as_object().unwrap().len(),
                );
                "a broker's own phases"
            }
            ("POST", "/actuator/exporting/frobnicate", 200)
            | ("POST", "/v2/deployments" | "/v2/process-instances", 200) => "not ours",
            ("POST" | "OPTIONS", path, 200 | 204) if path.starts_with("/actuator/partitions") => "not ours",
            _ => panic!("{}: nothing reads {method} {path} {status}", file.display()),
        };
        self.count(kind);
    }
}

#[test]
fn the_forced_removal_brings_its_operations_and_members() {
    let change = wire::planned_change(&body("1-main-4-brokers/086-failover-force.json")).unwrap();
    assert_eq!(change.change, ChangeId(2));
    assert_eq!(change.members.len(), 4);
    assert!(
        change
            .members
            .values()
            .all(|m| m.state == MemberState::Active && m.partitions.len() == 4)
    );
    assert_eq!(
        change.members[&BrokerId(1)].partitions[&PartitionId(2)].priority,
        4
    );
    let kinds: Vec<_> = change
        .planned
        .iter()
        .map(|operation| operation.kind.clone())
        .collect();
    assert_eq!(kinds[..4], vec![OperationKind::PartitionForceReconfigure; 4]);
    assert_eq!(kinds[4..], vec![OperationKind::BrokerRemove; 2]);
    assert_eq!(change.planned[0].brokers, [BrokerId(2), BrokerId(0)]);
    assert_eq!(change.planned[0].broker, Some(BrokerId(2)));
    assert_eq!(change.planned[5].brokers, [BrokerId(3)]);
}

#[test]
fn a_pending_change_stands_beside_the_last_one() {
    let seen = wire::configuration(&body("3-stuck-4-brokers/015-stuck-cluster.json")).unwrap();
    let pending = seen.pending_change.unwrap();
    assert_eq!(pending.status, ChangeStatus::InProgress);
    assert_eq!(pending.pending[0].kind, OperationKind::PartitionDisableExporter);
    assert_eq!(
        pending.pending[0].exporter,
        Some(ExporterId::new("elasticsearchregion1"))
    );
    assert!(pending.waits_for().is_some());
    let cancelled = wire::configuration(&body("3-stuck-4-brokers/018-stuck-cancel.json")).unwrap();
    assert_eq!(cancelled.last_change.unwrap().status, ChangeStatus::Cancelled);
    assert_eq!(cancelled.pending_change, None);
}

#[test]
fn a_healthy_broker_leads_its_partition_and_does_not_know_the_others_positions() {
    let own = wire::own_partitions(&body("1-main-4-brokers/020-healthy-partitions-gw0.json")).unwrap();
    let (led, followed) = (&own[&PartitionId(1)], &own[&PartitionId(2)]);
    assert!(led.leads() && !followed.leads());
    assert_eq!(
        (led.processed_position, led.exported_position),
        (Some(80), Some(81))
    );
    assert_eq!(
        (&followed.role, followed.exported_position),
        (&Role::Follower, None)
    );
    let paused =
        wire::own_partitions(&body("1-main-4-brokers/143-failback-paused-partitions-gw0.json")).unwrap();
    assert!(
        paused
            .values()
            .all(|replica| replica.exporter_phase == Some(ExporterPhase::Paused))
    );
}

#[test]
fn the_disabled_exporter_is_seen_as_such() {
    let seen = wire::exporters(&body("1-main-4-brokers/108-failover-exporters.json")).unwrap();
    assert_eq!(
        seen[&ExporterId::new("elasticsearchregion0")],
        ExporterStatus::Enabled
    );
    assert_eq!(
        seen[&ExporterId::new("elasticsearchregion1")],
        ExporterStatus::Disabled
    );
}

#[test]
fn every_shape_of_refusal_brings_its_message() {
    let message = |file: &str| wire::refusal(&body(&format!("1-main-4-brokers/{file}")));
    assert_eq!(
        message("036-err-bad-json.json"),
        "Bad Request (/actuator/cluster/brokers)"
    );
    assert_eq!(
        message("050-err-delete-change-dry.json"),
        "Dry run is not supported for cancelling changes"
    );
    assert!(
        message("087-failover-force-again-at-once.json").starts_with("Cannot apply configuration change.")
    );
    assert_eq!(
        message("061-err-topology-wrong-port.json"),
        "Not Found (/v2/topology)"
    );
}

#[test]
fn the_metrics_of_real_brokers_tell_the_drain() {
    let page = |file: &str| {
        let recording: Value =
            serde_json::from_slice(&std::fs::read(recordings().join(file)).unwrap()).unwrap();
        let lines: Vec<&str> = recording["zeebe_exporter_metrics_of_broker0"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line.as_str().unwrap())
            .collect();
        wire::broker_metrics(lines.join("\n").as_bytes())
            .unwrap()
            .exporters
    };
    let quiet = page("6-drain/041-exporter-metric-names.json");
    let (region0, region1) = (
        ExporterId::new("elasticsearchregion0"),
        ExporterId::new("elasticsearchregion1"),
    );
    for partition in 1..=4 {
        assert_eq!(quiet[&PartitionId(partition)][&region0].handed, Some(2));
    }
    assert_eq!(quiet[&PartitionId(1)][&region1].handed, Some(79));
}

#[test]
fn every_recorded_reading_of_a_drain_is_told_as_it_was() {
    // How many of the four leaders still had records in their hands when the pause was answered. `edge-cases.md E1`
    for (file, undrained_at_the_answer) in [
        ("007-std-after-pause", 3),
        ("021-slow-after-pause", 0),
        ("034-light-after-pause", 4),
    ] {
        let mut undrained = Vec::new();
        let file = recordings().join(format!("6-drain/{file}.json"));
        let recording: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        for observed in recording["observed"].as_array().unwrap() {
            undrained.push(0);
            // The recorder cut the names; the labels stand as the broker printed them.
            for broker in ["0", "2"] {
                let Some(series) = observed[format!("metrics{broker}")].as_object() else {
                    continue;
                };
                let mut page = String::from("# TYPE recorded gauge\n");
                for (name, value) in series {
                    let name = match name.strip_prefix("last_") {
                        Some(rest) => format!("zeebe_exporter_last_{rest}"),
                        None => name.clone(),
                    };
                    page.push_str(&format!("{name} {}\n", value.as_str().unwrap()));
                }
                let metrics = wire::broker_metrics(page.as_bytes()).unwrap().exporters;
                let own = observed[format!("broker{broker}")].as_object();
                for (partition, replica) in own.into_iter().flatten() {
                    if replica["role"] != "LEADER" {
                        continue;
                    }
                    let partition = PartitionId(partition.parse().unwrap());
                    let positions = metrics[&partition][&ExporterId::new("elasticsearchregion0")];
                    if !positions.is_drained() {
                        *undrained.last_mut().unwrap() += 1;
                    }
                    assert!(positions.handed >= positions.acknowledged, "{positions:?}");
                }
            }
        }
        assert_eq!(
            (undrained.first(), undrained.last()),
            (Some(&undrained_at_the_answer), Some(&0)),
            "{undrained:?}"
        );
    }
}

pub(crate) fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/zeebe-8.6.0")
}

pub(crate) fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(recordings())
        .unwrap()
        .map(|folder| folder.unwrap().path())
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| {
            std::fs::read_dir(folder)
                .unwrap()
                .map(|file| file.unwrap().path())
        })
        .collect();
    files.sort();
    assert!(
        files
            .iter()
            .all(|file| file.extension().is_some_and(|extension| extension == "json"))
    );
    files
}

/// The recorded body of one file, as bytes.
pub(crate) fn body(file: &str) -> Vec<u8> {
    let recording: Value = serde_json::from_slice(&std::fs::read(recordings().join(file)).unwrap()).unwrap();
    match &recording["response_body"] {
        Value::String(text) => text.clone().into_bytes(),
        json => serde_json::to_vec(json).unwrap(),
    }
}
