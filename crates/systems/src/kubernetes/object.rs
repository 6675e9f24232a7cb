//! Objects as the API server lists them: their names strictly, their contents as they come.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::foreign::{Garbled, json, shown};
use crate::platform::kubernetes::{Page, is_name};

/// An object, whatever its kind.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Object {
    #[serde(default)]
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) spec: Value,
    #[serde(default)]
    pub(super) status: Value,
    #[serde(default)]
    pub(super) data: Value,
}

/// What all objects have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
    #[serde(deserialize_with = "maybe")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "maybe")]
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) deletion_timestamp: Option<String>,
}

/// `null` is nothing.
fn maybe<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

impl Object {
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.metadata.labels.get(name).map(String::as_str)
    }

    /// A whole number in it, such as `/replicas` of its spec.
    pub(super) fn number(value: &Value, pointer: &str) -> Option<u64> {
        value.pointer(pointer).and_then(Value::as_u64)
    }
}

#[derive(Deserialize)]
struct List {
    kind: String,
    #[serde(default)]
    metadata: ListMetadata,
    items: Vec<Object>,
}

#[derive(Default, Deserialize)]
struct ListMetadata {
    #[serde(rename = "continue")]
    more: Option<String>,
}

/// A page of a list. Every item has a name that is one.
pub(super) fn page(body: &[u8]) -> Result<Page<Object>, Garbled> {
    let list: List = json::read(body)?;
    if !list.kind.ends_with("List") {
        let what = format!("this is a {:?}, not a list", shown(list.kind.as_bytes(), 60));
        return Err(Garbled::content("kind", what));
    }
    for (item, at) in list.items.iter().zip(0..) {
        if !is_name(&item.metadata.name) {
            let what = format!("{:?} is no name", shown(item.metadata.name.as_bytes(), 60));
            return Err(Garbled::content(format!("items[{at}].metadata.name"), what));
        }
    }
    Ok((list.items, list.metadata.more.filter(|more| !more.is_empty())))
}

/// One object by itself.
pub(super) fn one<T: DeserializeOwned>(body: &[u8]) -> Result<T, Garbled> {
    json::read(body)
}
