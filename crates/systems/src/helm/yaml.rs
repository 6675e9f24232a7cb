//! YAML of others, such as values and manifests, as plain trees: read with bounds, merged as helm merges, compared by key.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serde_saphyr::{Budget, Options};

use crate::foreign::shown;

/// The documents of a text; those with nothing in them are left out.
///
/// # Errors
/// If it is no YAML, or far more than any chart has.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, String> {
    let mut budget = Budget::default();
    // An umbrella chart renders some hundred objects; one with all its subcharts, some tens of thousand nodes.
    budget.max_aliases = 2_000;
    budget.max_anchors = 1_000;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = 200_000;
    options.with_snippet = false;
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let words = error.to_string();
        shown(words.lines().next().unwrap_or_default().as_bytes(), 200)
    })
}

/// The one mapping of a values file; an empty file has none of its own.
///
/// # Errors
/// If it is no YAML, has two documents, or is no mapping.
pub(crate) fn mapping(text: &str) -> Result<Map<String, Value>, String> {
    let mut all = documents(text)?;
    match (all.pop(), all.is_empty()) {
        (None, _) => Ok(Map::new()),
        (Some(Value::Object(map)), true) => Ok(map),
        (Some(_), false) => Err("there are two documents in it".to_owned()),
        (Some(_), true) => Err("it is no mapping".to_owned()),
    }
}

/// Lays `over` upon `under` as helm does: mappings are merged, everything else is replaced whole, and `null` takes a key away.
/// What each key was laid down by is told: `origins` has the number of the file for every key that one has written.
pub(crate) fn merge(
    under: &mut Map<String, Value>,
    over: &Map<String, Value>,
    file: usize,
    origins: &mut BTreeMap<String, usize>,
) {
    merge_at("", under, over, file, origins);
}

fn merge_at(
    at: &str,
    under: &mut Map<String, Value>,
    over: &Map<String, Value>,
    file: usize,
    origins: &mut BTreeMap<String, usize>,
) {
    for (name, value) in over {
        let key = joined(at, name);
        origins.insert(key.clone(), file);
        match (under.get_mut(name), value) {
            (_, Value::Null) => {
                under.remove(name);
            }
            (Some(Value::Object(below)), Value::Object(above)) => {
                merge_at(&key, below, above, file, origins);
            }
            (_, Value::Object(above)) => {
                let mut fresh = Map::new();
                merge_at(&key, &mut fresh, above, file, origins);
                under.insert(name.clone(), Value::Object(fresh));
            }
            (_, other) => {
                under.insert(name.clone(), other.clone());
            }
        }
    }
}

/// A value by its key with dots.
pub(crate) fn at<'a>(tree: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    let (first, rest) = key.split_once('.').unwrap_or((key, ""));
    let value = tree.get(first)?;
    match rest {
        "" => Some(value),
        rest => at(value.as_object()?, rest),
    }
}

/// A difference between two trees: its key, and what stands there in each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    pub(crate) key: String,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// Where two trees differ. Items of lists that have a `name` are told by it, as those of containers and variables are.
pub(crate) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(before), Some(after), &mut found);
    found
}

fn compare(key: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            for name in names(one.keys(), other.keys()) {
                compare(&joined(key, name), one.get(name), other.get(name), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            if let (Some(one), Some(other)) = (named(one), named(other)) {
                let before = found.len();
                for name in names(one.keys(), other.keys()) {
                    let key = format!("{key}[{name}]");
                    compare(&key, one.get(name).copied(), other.get(name).copied(), found);
                }
                if found.len() > before {
                    return;
                }
            }
            // Only the order differs, or they are lists of something without names.
            found.push(difference(key, before, after));
        }
        _ => found.push(difference(key, before, after)),
    }
}

fn difference(key: &str, before: Option<&Value>, after: Option<&Value>) -> Difference {
    Difference {
        key: key.to_owned(),
        before: before.cloned(),
        after: after.cloned(),
    }
}

/// All names of two mappings, each once, in order.
fn names<'a>(
    one: impl Iterator<Item = &'a String>,
    other: impl Iterator<Item = &'a String>,
) -> std::collections::BTreeSet<&'a String> {
    one.chain(other).collect()
}

/// The items by their names, if each has one of its own.
fn named(items: &[Value]) -> Option<BTreeMap<String, &Value>> {
    let mut all = BTreeMap::new();
    for item in items {
        let name = item.get("name")?.as_str()?.to_owned();
        if all.insert(name, item).is_some() {
            return None;
        }
    }
    Some(all)
}

fn joined(at: &str, name: &str) -> String {
    // A name with dots, as labels have, would read like several.
    let name = match name.contains(['.', '[']) {
        true => format!("\"{name}\""),
        false => name.to_owned(),
    };
    match at {
        "" => name,
        at => format!("{at}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(files: &[&str]) -> (Value, BTreeMap<String, usize>) {
        let (mut tree, mut origins) = (Map::new(), BTreeMap::new());
        for (text, number) in files.iter().zip(0..) {
            merge(&mut tree, &mapping(text).unwrap(), number, &mut origins);
        }
        (Value::Object(tree), origins)
    }

    #[test]
    fn files_are_merged_as_helm_merges_them() {
        let (tree, origins) = merged(&[
            "a: {x: 1, y: 2}\nenv: [{name: A, value: one}, {name: B, value: two}]\ngone: 1\n",
            "a: {y: 3}\nenv: [{name: C, value: three}]\ngone: null\nnew: {deep: yes}\n",
            "",
        ]);
        assert_eq!(tree["a"], json!({"x": 1, "y": 3}));
        assert_eq!(
            tree["env"],
            json!([{"name": "C", "value": "three"}]),
            "a list is replaced whole"
        );
        assert_eq!(tree.get("gone"), None);
        assert_eq!((origins["a.x"], origins["a.y"], origins["env"]), (0, 1, 1));
    }

    #[test]
    fn what_is_no_values_file_is_refused() {
        for (text, expected) in [
            ("a: 1\n---\nb: 2\n", "two documents"),
            ("- a\n", "no mapping"),
            ("a: [1\n", ""),
        ] {
            let error = mapping(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn differences_are_told_by_key_and_name() {
        let before = json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "m": {"app.io/x": 1}, "l": [1]});
        let after = json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}], "m": {"app.io/x": 2}, "l": [1, 2]});
        let keys: Vec<String> = differences(&before, &after)
            .into_iter()
            .map(|difference| difference.key)
            .collect();
        assert_eq!(keys, ["env[B].value", "l", "m.\"app.io/x\""]);
        let turned = json!({"env": [{"name": "B"}, {"name": "A"}]});
        let other = json!({"env": [{"name": "A"}, {"name": "B"}]});
        assert_eq!(differences(&turned, &other).len(), 1, "the order counts");
    }
}
