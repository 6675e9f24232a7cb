//! The recordings of real Zeebe 8.6.0, and what it means for an answer of the lab to equal one of them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "test support: a failure is the point"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use c8dr_lab::BrokerId;
use serde_json::{Map, Value};

use crate::asking::{Asking, Whole};
use crate::report::{Verdict, note};

/// One folder of recordings.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub folder: &'static str,
    /// Whether the order of operations must be the recorded one, too: true where the lab's map order is the run's.
    pub exact: bool,
}

/// What chance decides and a comparison therefore passes over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Roles {
    /// Everyone's role must be the recorded one.
    Same,
    /// Who leads is chance; the shape must be the same.
    Any,
}

pub fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/zeebe-8.6.0")
}

/// All files of a folder, by name.
pub fn files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(fixtures().join(folder)).unwrap();
    let mut names: Vec<_> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

impl Run {
    pub fn load(self, number: u32) -> Value {
        let prefix = format!("{number:03}-");
        let name = files(self.folder).into_iter().find(|n| n.starts_with(&prefix));
        let name = name.unwrap_or_else(|| panic!("no recording {number} in {}", self.folder));
        let text = std::fs::read_to_string(fixtures().join(self.folder).join(name)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Asks the lab what the recording asked, and compares.
    pub async fn check(self, lab: &Asking, number: u32) {
        self.compare(lab, number, Roles::Same).await;
    }

    /// As [`Run::check`], for moments at which chance decides who leads.
    pub async fn check_shape(self, lab: &Asking, number: u32) {
        self.compare(lab, number, Roles::Any).await;
    }

    async fn compare(self, lab: &Asking, number: u32, roles: Roles) {
        let recorded = self.load(number);
        let got = ask_as_recorded(lab, &recorded).await;
        let problems = self.differences(&recorded, &got, roles);
        let verdict = match (problems.is_empty(), roles) {
            (true, Roles::Same) => Verdict::Same,
            (true, Roles::Any) => Verdict::SameShape,
            (false, _) => Verdict::Differs(problems.clone()),
        };
        let step = recorded["step"].as_str().unwrap_or_default();
        note(self.folder, number, step, verdict);
        assert!(
            problems.is_empty(),
            "{} {number} {}:\n{}\nthe lab said: {} {}\n\n{}",
            self.folder,
            recorded["step"],
            problems.join("\n"),
            got.status,
            got.text,
            lab.history()
        );
    }

    pub fn differences(self, recorded: &Value, got: &Whole, roles: Roles) -> Vec<String> {
        let mut problems = Vec::new();
        if recorded["status"] != got.status {
            problems.push(format!("status {} instead of {}", got.status, recorded["status"]));
        }
        if recorded["content_type"].as_str() != got.content_type.as_deref() {
            problems.push(format!(
                "type {:?} instead of {}",
                got.content_type, recorded["content_type"]
            ));
        }
        let body = if got.text.is_empty() {
            Value::Null
        } else {
            got.json()
        };
        let expected = self.masked(&recorded["response_body"], "", roles);
        let found = self.masked(&body, "", roles);
        differ("", &expected, &found, &mut problems);
        problems
    }

    /// What is left of a body when that is taken out which differs from run to run.
    pub fn masked(self, value: &Value, key: &str, roles: Roles) -> Value {
        match value {
            // Whether a replica has a snapshot yet is a matter of how long the run has lasted.
            _ if roles == Roles::Any && ["snapshotId", "processedPositionInSnapshot"].contains(&key) => {
                "any".into()
            }
            Value::Object(map) => {
                let masked = |(k, v): (&String, &Value)| (k.clone(), self.masked(v, k, roles));
                Value::Object(map.iter().map(masked).collect::<Map<_, _>>())
            }
            Value::Array(items) if key == "stackTrace" => Value::String(shape_of(items.first().unwrap())),
            Value::Array(items) => {
                let mut masked: Vec<_> = items.iter().map(|v| self.masked(v, "", roles)).collect();
                let ordered = ["plannedChanges", "pending", "completed"].contains(&key) && self.exact;
                if !ordered {
                    masked.sort_by_key(Value::to_string);
                }
                Value::Array(masked)
            }
            Value::String(text) => Value::String(self.masked_text(text, key, roles)),
            Value::Number(n) => match key {
                // Unknown until first distributed: a matter of how long the run has lasted.
                "exportedPosition" if roles == Roles::Same && n.as_i64() == Some(-1) => value.clone(),
                "exportedPosition" | "processedPosition" | "processInstanceKey" => "a number".into(),
                _ => value.clone(),
            },
            _ => value.clone(),
        }
    }

    fn masked_text(self, text: &str, key: &str, roles: Roles) -> String {
        match key {
            "lastUpdatedAt" if text.starts_with("0000-") => text.to_owned(),
            "startedAt" | "completedAt" | "lastUpdatedAt" | "timestamp" | "instant" => form(text),
            "role" if roles == Roles::Any => "any".to_owned(),
            "streamProcessorPhase" if roles == Roles::Any => "any".to_owned(),
            // A change under way is at another point each time.
            "message" if roles == Roles::Any && text.contains("ClusterConfiguration[") => {
                text.split("[version").next().unwrap_or_default().to_owned()
            }
            // The view in an error tells who leads.
            "message" | "localizedMessage" if roles == Roles::Any && text.contains("partitionLeaders=") => {
                let told = text.split("partitionLeaders=").next().unwrap_or_default();
                told.replace(char::is_numeric, "0")
            }
            "message" | "localizedMessage" => self.masked_message(text),
            _ => text.to_owned(),
        }
    }

    fn masked_message(self, text: &str) -> String {
        let known = text.contains("ClusterConfiguration[") && self.exact;
        if known {
            return mask_times(text);
        }
        if text.contains("was closed") {
            return text.split(" R:").nth(1).unwrap_or_default().to_owned();
        }
        if text.contains("brokerInfo") {
            // The encoded properties tell the roles, which gossip and chance decide; a unit test holds their form.
            let plain: Vec<&str> = text.split("brokerInfo=").collect();
            let rest = plain
                .iter()
                .map(|p| p.split_once(", event").map_or(*p, |(_, r)| r));
            return sorted_words(&rest.collect::<Vec<_>>().join(" "));
        }
        if text.contains("BrokerClusterStateImpl")
            || text.contains("ClusterConfiguration[")
            || text.contains("'[")
        {
            let (before, after) = text.split_once("of partition ").unwrap_or(("", text));
            let after = if before.is_empty() {
                after
            } else {
                after.trim_start_matches(char::is_numeric)
            };
            return sorted_words(&mask_times(&format!("{before}{after}")));
        }
        // Which partition is complained of first is the order of a map.
        text.split("partition '")
            .map(|part| part.trim_start_matches(char::is_numeric))
            .collect::<Vec<_>>()
            .join("p '")
    }
}

/// The form of a time: digits as 0, fractions of a second as one.
fn form(text: &str) -> String {
    let digits: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let mut out = String::new();
    let mut fraction = false;
    for c in digits.chars() {
        if c == '.' {
            fraction = true;
            out.push_str(".f");
        } else if fraction && c == '0' {
        } else {
            fraction = false;
            out.push(c);
        }
    }
    out
}

fn mask_times(text: &str) -> String {
    let mut words = Vec::new();
    for word in text.split(' ') {
        match word.split_once('=') {
            Some((key @ ("startedAt" | "completedAt" | "lastUpdated"), time)) if time.starts_with('2') => {
                words.push(format!("{key}=T{}", time.trim_start_matches(|c: char| c != 'Z')));
            }
            _ => words.push(word.to_owned()),
        }
    }
    words.join(" ")
}

fn sorted_words(text: &str) -> String {
    let mut words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .collect();
    words.retain(|w| !w.is_empty());
    words.sort_unstable();
    words.join(" ")
}

/// The shape of a value: keys and types, arrays by their elements.
pub fn shape_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(items) => {
            let shapes: BTreeSet<_> = items.iter().map(shape_of).collect();
            format!("[{}]", shapes.into_iter().collect::<Vec<_>>().join("|"))
        }
        Value::Object(map) => {
            let mut fields: Vec<_> = map.iter().map(|(k, v)| format!("{k}:{}", shape_of(v))).collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
    }
}

fn differ(path: &str, expected: &Value, found: &Value, problems: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                match (a.get(key), b.get(key)) {
                    (Some(x), Some(y)) => differ(&format!("{path}.{key}"), x, y, problems),
                    (Some(x), None) => problems.push(format!("{path}.{key} is missing; recorded: {x}")),
                    (None, Some(y)) => problems.push(format!("{path}.{key} is not recorded: {y}")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (x, y)) in a.iter().zip(b).enumerate() {
                differ(&format!("{path}[{i}]"), x, y, problems);
            }
        }
        _ if expected == found => {}
        _ => problems.push(format!("{path}: {found}\n   recorded: {expected}")),
    }
}

/// Sends a recorded request to the same port of the same broker.
pub async fn ask_as_recorded(lab: &Asking, recorded: &Value) -> Whole {
    let broker = BrokerId(u32::try_from(recorded["gateway_of_broker"].as_u64().unwrap()).unwrap());
    let port = match recorded["port"].as_u64() {
        Some(8080) => lab.lab.rest(broker),
        _ => lab.lab.management(broker),
    };
    let body = match &recorded["request_body"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let path = recorded["path"].as_str().unwrap();
    lab.ask(port, recorded["method"].as_str().unwrap(), path, &body)
        .await
        .unwrap()
}
