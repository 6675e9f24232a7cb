//! Where each value of the configuration stands in its file: `regions[0].gateways[1].rest` is line 9, column 15.
//!
//! The file is read a second time without knowing its shape, so that every value has a place, whatever its type.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// Each value by its key, in the order of the file. Lists and mappings are here too.
#[derive(Debug, Default)]
pub(crate) struct Places {
    values: Vec<(String, Place)>,
    /// Where the names of the keys themselves stand.
    names: Vec<(String, Location)>,
}

/// One value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Where it is used: of an alias, the alias.
    pub(crate) location: Location,
    /// What stands there.
    pub(crate) value: Value,
}

/// What stands at a place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// One word, number or text.
    Scalar(serde_json::Value),
    /// A list or mapping of nothing.
    Empty,
    /// A list or mapping of further values.
    Other,
}

impl Places {
    /// All values of a file; nothing of a file that is no YAML, which its real reader complains of.
    pub(super) fn of(text: &str, options: serde_saphyr::Options) -> Places {
        let mut places = Places::default();
        if let Ok(tree) = serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options) {
            places.enter("", &tree);
        }
        places
    }

    /// The place of a key, or of the nearest one that encloses it.
    pub(super) fn location(&self, key: &str) -> Option<Location> {
        let mut key = key;
        loop {
            if let Some((_, place)) = self.values.iter().find(|(known, _)| known == key) {
                return Some(place.location);
            }
            if key.is_empty() {
                return None;
            }
            key = key.rfind(['.', '[']).map_or("", |end| &key[..end]);
        }
    }

    /// The innermost key whose value begins at a place.
    pub(super) fn key_at(&self, location: &Location) -> Option<&str> {
        self.values
            .iter()
            .rev()
            .find(|(_, place)| is_same(&place.location, location))
            .map(|(key, _)| key.as_str())
    }

    /// The mapping that a reader was in when it stopped at a place: at one of its keys, or at its own beginning.
    pub(super) fn mapping_at(&self, location: &Location) -> Option<&str> {
        self.names
            .iter()
            .find(|(_, name)| is_same(name, location))
            .map(|(key, _)| key.rfind('.').map_or("", |end| &key[..end]))
            .or_else(|| self.key_at(location))
    }

    /// Whether nothing at all stands in the file.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.values.as_slice(), [(_, place)] if place.value == Value::Scalar(serde_json::Value::Null))
    }

    /// Every value with its key, in the order of the file.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Place)> {
        self.values.iter().map(|(key, place)| (key.as_str(), place))
    }

    fn enter(&mut self, key: &str, node: &Spanned<Node>) {
        let value = match &node.value {
            Node::Scalar(value) => Value::Scalar(value.clone()),
            Node::List(items) if items.is_empty() => Value::Empty,
            Node::Mapping(entries) if entries.is_empty() => Value::Empty,
            Node::List(_) | Node::Mapping(_) => Value::Other,
        };
        let location = node.referenced;
        self.values.push((key.to_owned(), Place { location, value }));
        match &node.value {
            Node::Scalar(_) => {}
            Node::List(items) => {
                for (item, number) in items.iter().zip(0u32..) {
                    self.enter(&format!("{key}[{number}]"), item);
                }
            }
            Node::Mapping(entries) => {
                let dot = if key.is_empty() { "" } else { "." };
                for (name, entry) in entries {
                    let key = format!("{key}{dot}{}", name.value);
                    self.names.push((key.clone(), name.referenced));
                    self.enter(&key, entry);
                }
            }
        }
    }
}

fn is_same(one: &Location, other: &Location) -> bool {
    (one.line(), one.column()) == (other.line(), other.column())
}

/// A value of any shape.
enum Node {
    Scalar(serde_json::Value),
    List(Vec<Spanned<Node>>),
    Mapping(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyShape)
    }
}

struct AnyShape;

impl<'de> Visitor<'de> for AnyShape {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string().into()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string().into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(serde_json::Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(serde_json::Value::Null))
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, inner: D) -> Result<Node, D::Error> {
        Node::deserialize(inner)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Mapping(entries))
    }
}
