//! The objects of the object store's bucket: whole ones under keys, put at once, and only under a condition if asked.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use c8dr_engine::clock::Moment;

/// The only bucket that the lab's object store has for objects.
pub const BUCKET: &str = "camunda-backup";

/// More objects than any test or drill makes; beyond it the store asks to slow down, so that it cannot grow for ever.
const OBJECTS_MAX: usize = 10_000;

/// What is stored under a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Object {
    pub(crate) body: Bytes,
    pub(crate) content_type: String,
    pub(crate) etag: String,
    pub(crate) at: Moment,
}

impl Object {
    pub(crate) fn new(body: Bytes, content_type: String, at: Moment) -> Object {
        let etag = etag(&body);
        Object {
            body,
            content_type,
            etag,
            at,
        }
    }
}

/// An opaque name of the content, in S3's form. Real ones are often, but need not be, an MD5; ours is FNV-1a.
fn etag(body: &[u8]) -> String {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in body {
        hash = (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    format!("\"{hash:032x}\"")
}

/// Under which condition an object is put.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Condition {
    /// `If-None-Match: *`: there is nothing under the key.
    Absent,
    /// `If-Match`: this is under the key.
    Is(String),
}

/// Why an object is not put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotPut {
    /// Something is under the key.
    Present,
    /// Something else is under the key.
    Different,
    /// Nothing is under the key.
    Missing,
    /// There are too many objects.
    Full,
}

/// What a listing is to be of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: Option<&'a str>,
    pub(crate) after: After,
    pub(crate) max: usize,
}

/// Where a listing goes on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum After {
    #[default]
    Start,
    Key(String),
    /// Beyond all keys that begin so.
    Prefix(String),
}

/// One line of a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Line<'a> {
    Object(&'a str, &'a Object),
    /// All keys that begin so, up to and with a delimiter.
    Prefix(&'a str),
}

/// All objects, by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    by_key: BTreeMap<String, Object>,
}

impl Objects {
    pub(crate) fn get(&self, key: &str) -> Option<&Object> {
        self.by_key.get(key)
    }

    /// Puts an object; looking at the condition and putting are one.
    pub(crate) fn put(
        &mut self,
        key: &str,
        object: Object,
        condition: Option<&Condition>,
    ) -> Result<(), NotPut> {
        match (condition, self.by_key.get(key)) {
            (Some(Condition::Absent), Some(_)) => return Err(NotPut::Present),
            (Some(Condition::Is(_)), None) => return Err(NotPut::Missing),
            (Some(Condition::Is(etag)), Some(there)) if there.etag != *etag => return Err(NotPut::Different),
            (_, None) if self.by_key.len() >= OBJECTS_MAX => return Err(NotPut::Full),
            _ => {}
        }
        self.by_key.insert(key.to_owned(), object);
        Ok(())
    }

    pub(crate) fn delete(&mut self, key: &str) {
        self.by_key.remove(key);
    }

    /// The lines that are asked for, and whether there are more.
    pub(crate) fn list(&self, asked: &Listed<'_>) -> (Vec<Line<'_>>, bool) {
        let mut lines: Vec<Line<'_>> = Vec::new();
        let from = match &asked.after {
            After::Start => Bound::Included(asked.prefix),
            After::Key(key) | After::Prefix(key) if key.as_str() < asked.prefix => {
                Bound::Included(asked.prefix)
            }
            After::Key(key) | After::Prefix(key) => Bound::Excluded(key.as_str()),
        };
        for (key, object) in self.by_key.range::<str, _>((from, Bound::Unbounded)) {
            let Some(rest) = key.strip_prefix(asked.prefix) else {
                break;
            };
            if matches!(&asked.after, After::Prefix(done) if key.starts_with(done)) {
                continue;
            }
            let rolled = asked
                .delimiter
                .and_then(|d| rest.find(d).map(|at| asked.prefix.len() + at + d.len()));
            let line = match rolled.and_then(|end| key.get(..end)) {
                Some(prefix) => Line::Prefix(prefix),
                None => Line::Object(key, object),
            };
            if lines.last() == Some(&line) {
                continue;
            }
            if lines.len() == asked.max {
                return (lines, true);
            }
            lines.push(line);
        }
        (lines, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(keys: &[&str]) -> Objects {
        let mut objects = Objects::default();
        for key in keys {
            let object = Object::new(Bytes::new(), String::new(), Moment::START);
            objects.put(key, object, None).unwrap();
        }
        objects
    }

    /// All lines, read in pages of so many.
    fn paged(objects: &Objects, prefix: &str, delimiter: Option<&str>, max: usize) -> Vec<String> {
        let mut all = Vec::new();
        let mut after = After::Start;
        loop {
            let asked = Listed {
                prefix,
                delimiter,
                after,
                max,
            };
            let (lines, more) = objects.list(&asked);
            after = match lines.last() {
                Some(Line::Object(key, _)) => After::Key((*key).to_owned()),
                Some(Line::Prefix(prefix)) => After::Prefix((*prefix).to_owned()),
                None => After::Start,
            };
            all.extend(lines.iter().map(|line| match line {
                Line::Object(key, _) => (*key).to_owned(),
                Line::Prefix(prefix) => format!("{prefix}*"),
            }));
            if !more {
                return all;
            }
        }
    }

    #[test]
    fn pages_of_any_size_make_the_same_listing() {
        let objects = objects(&["a", "a/1", "a/2", "a/b/3", "a0", "b/", "c"]);
        for max in 1..9 {
            assert_eq!(
                paged(&objects, "", Some("/"), max),
                ["a", "a/*", "a0", "b/*", "c"]
            );
            assert_eq!(paged(&objects, "a/", Some("/"), max), ["a/1", "a/2", "a/b/*"]);
            assert_eq!(paged(&objects, "a/", None, max), ["a/1", "a/2", "a/b/3"]);
            assert_eq!(paged(&objects, "b/", Some("/"), max), ["b/"]);
        }
    }

    #[test]
    fn a_condition_is_looked_at_when_the_object_is_put() {
        let mut objects = objects(&["taken"]);
        let new = |text: &'static str| {
            Object::new(Bytes::from_static(text.as_bytes()), String::new(), Moment::START)
        };
        let put = |o: &mut Objects, key: &str, condition: Condition| o.put(key, new("x"), Some(&condition));
        assert_eq!(
            put(&mut objects, "taken", Condition::Absent),
            Err(NotPut::Present)
        );
        assert_eq!(
            put(&mut objects, "free", Condition::Is("\"0\"".to_owned())),
            Err(NotPut::Missing)
        );
        assert_eq!(
            put(&mut objects, "taken", Condition::Is("\"0\"".to_owned())),
            Err(NotPut::Different)
        );
        let known = objects.get("taken").map(|o| o.etag.clone()).unwrap();
        assert_eq!(put(&mut objects, "taken", Condition::Is(known.clone())), Ok(()));
        assert_ne!(objects.get("taken").map(|o| o.etag.clone()), Some(known));
        assert_eq!(put(&mut objects, "free", Condition::Absent), Ok(()));
    }
}
