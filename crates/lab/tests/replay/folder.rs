//! A folder of recordings, as it lies on disk: what was asked and answered, its timeline, and what cannot be read.

use std::path::Path;

use serde_json::Value;

#[derive(Clone, Debug)]
pub(super) struct Recording {
    pub(super) number: u32,
    pub(super) step: String,
    pub(super) value: Value,
}

impl Recording {
    pub(super) fn answers(&self) -> &[Value] {
        self.value["distinct_answers"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn at(&self) -> Option<f64> {
        self.value["at_s"]
            .as_f64()
            .or_else(|| self.answers().first()?["at_s"].as_f64())
    }

    pub(super) fn bodies(&self) -> impl Iterator<Item = &Value> {
        let polled = self.answers().iter().map(|a| &a["response_body"]);
        std::iter::once(&self.value["response_body"]).chain(polled)
    }

    /// Why there is nothing to ask, if there is not.
    pub(super) fn no_question(&self) -> Option<String> {
        let has = |key: &str| self.value.get(key).is_some();
        let why = if has("path") || has("poll") && !self.answers().is_empty() {
            return None;
        } else if has("grpc") {
            "printed by zbctl: gRPC answers from the same view as REST"
        } else if has("elasticsearch_standin") {
            "what the search stand-in counted"
        } else if has("load") {
            "the clients' own log"
        } else if has("log_lines") {
            "a log of the real broker"
        } else if has("observed") {
            "readings of several things side by side"
        } else if self
            .value
            .as_object()
            .is_some_and(|o| o.keys().any(|k| k.contains("metrics")))
        {
            "lines of a metrics page"
        } else {
            let keys: Vec<&str> = self
                .value
                .as_object()
                .into_iter()
                .flatten()
                .map(|(k, _)| k.as_str())
                .collect();
            return Some(format!(
                "no request in it that could be repeated (it has {})",
                keys.join(", ")
            ));
        };
        Some(why.to_owned())
    }
}

pub(super) fn load(path: &Path) -> (Vec<Recording>, Value, Vec<String>) {
    let mut recordings = Vec::new();
    let mut timeline = Value::Null;
    let mut notes = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(path)
        .into_iter()
        .flatten()
        .filter_map(|e| Some(e.ok()?.path()))
        .collect();
    files.sort();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|e| e == "json"))
    {
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let value: Value = match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(error) => {
                notes.push(format!("{name} is not JSON: {error}"));
                continue;
            }
        };
        if name == "timeline" {
            timeline = value;
        } else if let Some((number, step)) =
            name.split_once('-').and_then(|(n, s)| Some((n.parse().ok()?, s)))
        {
            recordings.push(Recording {
                number,
                step: step.to_owned(),
                value,
            });
        } else {
            notes.push(format!("{name} has no number, and is passed over"));
        }
    }
    (recordings, timeline, notes)
}

/// Ids of brokers anywhere in an answer, and the greatest number of partitions it tells.
pub(super) fn size(recordings: &[Recording]) -> (u32, u32) {
    let (mut brokers, mut partitions) = (0, 0);
    for body in recordings.iter().flat_map(Recording::bodies) {
        partitions = partitions.max(body["partitionsCount"].as_u64().unwrap_or(0));
        let ids = body["brokers"]
            .as_array()
            .into_iter()
            .flatten()
            .chain(body["currentTopology"].as_array().into_iter().flatten());
        for broker in ids {
            let id = broker["nodeId"].as_u64().or(broker["id"].as_u64());
            brokers = brokers.max(id.map_or(0, |id| id + 1));
            for partition in broker["partitions"].as_array().into_iter().flatten() {
                partitions = partitions.max(partition["id"].as_u64().unwrap_or(0));
            }
        }
    }
    let even = |n: u64| u32::try_from(n + n % 2).unwrap_or(4).max(4);
    (even(brokers), u32::try_from(partitions).unwrap_or(4).max(1))
}
