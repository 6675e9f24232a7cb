//! Values files of a region: read and merged as helm does it, compared with what is installed, checked, and written anew.

mod check;
mod names;
mod render;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

pub use self::check::{Mistake, Seen, Weight, check};
pub use self::names::{Described, DescribedRegion};
pub use self::render::{File, render};

use super::yaml;
use crate::foreign::shown;
use crate::platform::masked_value;

/// More than this is not read: the guide's own values take ten thousand bytes.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The values files of one region, merged.
#[derive(Clone, Debug, Default)]
pub struct Values {
    files: Vec<(PathBuf, Map<String, Value>)>,
    tree: Map<String, Value>,
    origins: BTreeMap<String, usize>,
}

/// A values file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the values file {} cannot be used: {why}", path.display())]
pub struct Unreadable {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

impl Values {
    /// Reads and merges files; the last one wins.
    ///
    /// # Errors
    /// If one cannot be read, or is no mapping.
    pub fn read(paths: &[PathBuf]) -> Result<Self, Unreadable> {
        let mut texts = Vec::new();
        for path in paths {
            let text = read(path).map_err(|why| Unreadable {
                path: path.clone(),
                why,
            })?;
            texts.push((path.clone(), text));
        }
        Self::of(texts)
    }

    /// As [`Values::read`], of texts that were read already.
    ///
    /// # Errors
    /// If one is no mapping.
    pub fn of(texts: impl IntoIterator<Item = (PathBuf, String)>) -> Result<Self, Unreadable> {
        let mut values = Values::default();
        for ((path, text), number) in texts.into_iter().zip(0..) {
            let map = match yaml::mapping(&text) {
                Ok(map) => map,
                Err(why) => return Err(Unreadable { path, why }),
            };
            yaml::merge(&mut values.tree, &map, number, &mut values.origins);
            values.files.push((path, map));
        }
        Ok(values)
    }

    /// All values together.
    pub(super) fn tree(&self) -> &Map<String, Value> {
        &self.tree
    }

    /// The number of the region that they say they are for.
    pub fn region_id(&self) -> Option<u32> {
        check::number(self.at("global.multiregion.regionId")?)
    }

    fn at(&self, key: &str) -> Option<&Value> {
        yaml::at(&self.tree, key)
    }

    /// The file that a key's value comes from; of a key that no file has, the last one that has what encloses it.
    fn file_of(&self, key: &str) -> PathBuf {
        let mut key = key;
        let number = loop {
            if let Some(number) = self.origins.get(key) {
                break *number;
            }
            match key.rfind('.') {
                Some(end) => key = &key[..end],
                None => break 0,
            }
        };
        self.files
            .get(number)
            .map_or_else(PathBuf::new, |(path, _)| path.clone())
    }

    /// The files that have a key, in order.
    fn files_with(&self, key: &str) -> Vec<&Path> {
        self.files
            .iter()
            .filter(|(_, map)| yaml::at(map, key).is_some())
            .map(|(path, _)| path.as_path())
            .collect()
    }
}

fn read(path: &Path) -> Result<String, String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("it has more than {} KiB", FILE_BYTES_MAX / 1024));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// A value that the files have otherwise than the release. Secrets are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Its key.
    pub key: String,
    /// What is installed; `None`: nothing is set.
    pub installed: Option<String>,
    /// What the files say; `None`: nothing.
    pub files: Option<String>,
}

/// What differs between the values of a release and those that files and sets together would give it.
pub(super) fn drift(installed: &Map<String, Value>, files: &Map<String, Value>, sets: &[&str]) -> Vec<Drift> {
    let mut wanted = files.clone();
    for set in sets {
        if let Some((key, value)) = set.split_once('=') {
            put(&mut wanted, key, Value::Bool(value == "true"));
        }
    }
    // Helm keeps a key that was taken away as `null`.
    let (before, after) = (
        without_nulls(Value::Object(installed.clone())),
        without_nulls(Value::Object(wanted)),
    );
    yaml::differences(&before, &after)
        .into_iter()
        .map(|difference| Drift {
            installed: difference.before.map(|value| told(&difference.key, &value)),
            files: difference.after.map(|value| told(&difference.key, &value)),
            key: shown(difference.key.as_bytes(), 200),
        })
        .collect()
}

fn put(tree: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            tree.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            let below = tree.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                put(below, rest, value);
            }
        }
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, without_nulls(value)))
                .collect(),
        ),
        other => other,
    }
}

/// A value as it may be shown: what is more than one value is told by its size.
fn told(key: &str, value: &Value) -> String {
    const CHARS_MAX: usize = 160;
    let text = match value {
        Value::Object(map) => return format!("a mapping of {}", map.len()),
        Value::Array(items) => return format!("a list of {}", items.len()),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    shown(masked_value(key, &text).as_bytes(), CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn drift_is_told_without_secrets() {
        let installed = map(&json!({
            "operate": {"enabled": false}, "gone": null,
            "zeebe": {"env": [{"name": "X_PASSWORD", "value": "hunter22"}, {"name": "URL", "value": "http://me:hunter22@es:9200"}]},
            "auth": {"adminPassword": "hunter22"},
        }));
        let files = map(&json!({
            "zeebe": {"env": [{"name": "X_PASSWORD", "value": "hunter23"}, {"name": "URL", "value": "http://es:9200"}]},
            "auth": {"adminPassword": "hunter23"},
            "more": {"token": "hunter22"},
        }));
        let found = drift(&installed, &files, &["operate.enabled=false"]);
        let told: Vec<String> = found
            .iter()
            .map(|drift| {
                let of = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
                format!("{} {} {}", drift.key, of(&drift.installed), of(&drift.files))
            })
            .collect();
        assert_eq!(
            told,
            [
                "auth.adminPassword *** ***",
                "more - a mapping of 1",
                "zeebe.env[URL].value http://me:***@es:9200 http://es:9200",
                "zeebe.env[X_PASSWORD].value *** ***",
            ]
        );
    }

    #[test]
    fn a_key_is_known_to_come_from_its_file() {
        let values = Values::of([
            (
                "base.yml".into(),
                "global: {multiregion: {regions: 2}}".to_owned(),
            ),
            (
                "region.yml".into(),
                "global: {multiregion: {regionId: 1}}".to_owned(),
            ),
        ])
        .unwrap();
        let file = |key: &str| values.file_of(key).display().to_string();
        assert_eq!(file("global.multiregion.regions"), "base.yml");
        assert_eq!(file("global.multiregion.regionId"), "region.yml");
        assert_eq!(file("zeebe.clusterSize"), "base.yml");
        let error = Values::of([("x.yml".into(), "- a".to_owned())]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the values file x.yml cannot be used: it is no mapping"
        );
    }
}
