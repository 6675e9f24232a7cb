//! Where the seeds come from: what real servers were recorded to answer, and the kept samples of our own forms.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// More seeds than these of one kind teach nothing new.
const SEEDS_MAX: usize = 24;

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures")
        .join(folder)
}

/// What the recorded Zeebe answered where `wanted` says so of method, path and status; each answer once, small ones first.
pub(crate) fn zeebe(wanted: impl Fn(&str, &str, u64) -> bool) -> Vec<Value> {
    let mut answers = BTreeMap::new();
    for folder in std::fs::read_dir(fixtures("zeebe-8.6.0")).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(folder).unwrap() {
            let recording: Value =
                serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
            let exchanges = recording["distinct_answers"]
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![recording]);
            for exchange in exchanges {
                let text = |key: &str| exchange[key].as_str().unwrap_or_default();
                let status = exchange["status"].as_u64().unwrap_or_default();
                if wanted(text("method"), text("path"), status) {
                    let body = exchange["response_body"].clone();
                    answers.insert((body.to_string().len(), body.to_string()), body);
                }
            }
        }
    }
    let answers: Vec<Value> = answers.into_values().collect();
    assert!(!answers.is_empty(), "no such recording");
    answers.into_iter().take(SEEDS_MAX).collect()
}

/// All that the recorded searches answered.
pub(crate) fn searches() -> Vec<Value> {
    let mut answers = BTreeMap::new();
    for server in ["elasticsearch-8.15.0", "opensearch-3.6.0"] {
        for file in std::fs::read_dir(fixtures(server)).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "json") {
                let recording: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
                answers.insert(recording["received"].to_string(), recording["received"].clone());
            }
        }
    }
    answers.into_values().collect()
}

/// A kept sample of one of our forms.
pub(crate) fn sample(name: &str) -> String {
    std::fs::read_to_string(fixtures("formats/1").join(name)).unwrap()
}

/// A document as the bytes that stand for it.
pub(crate) fn bodies(documents: &[Value]) -> Vec<Vec<u8>> {
    documents
        .iter()
        .map(|document| document.to_string().into_bytes())
        .collect()
}
