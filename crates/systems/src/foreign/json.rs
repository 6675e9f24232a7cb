//! Reading JSON with the path and the byte of what is wrong, and the scalars that Zeebe writes in several ways.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, Visitor};

use super::Garbled;
use super::harmless::harmless;
use super::text::around;

/// Reads `body` as a `T`. No text that comes out of it holds a character that would be obeyed where it is shown.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Garbled> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Garbled::content("", "the body is empty"));
    }
    // serde_json does not look at strings that nobody reads; left in, one stray byte there would keep all the others as they are.
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            return Err(Garbled {
                what: "it is not UTF-8".to_owned(),
                path: String::new(),
                at: Some(at),
                excerpt: around(body, at),
            });
        }
    };
    let body = harmless(body);
    // What is known to be UTF-8 need not be looked through for that string by string.
    let value = match &body {
        Cow::Borrowed(_) => serde_json::from_str(text),
        Cow::Owned(body) => serde_json::from_slice(body),
    };
    // The path costs time, so it is looked for only once something is known to be wrong.
    value.or_else(|_| read_with_path(&body))
}

fn read_with_path<T: DeserializeOwned>(body: &[u8]) -> Result<T, Garbled> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let garbled = |error: &serde_json::Error, path: String| {
        let at = byte_of(body, error.line(), error.column());
        let words = error.to_string();
        // serde_json appends the position, which is told as a byte here.
        let what = words
            .rsplit_once(" at line ")
            .map_or(words.as_str(), |(what, _)| what);
        let what = super::shown(what.as_bytes(), 200);
        let path = if path == "." {
            String::new()
        } else {
            super::shown(path.as_bytes(), 200)
        };
        Garbled {
            what,
            path,
            at: Some(at),
            excerpt: around(body, at),
        }
    };
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| garbled(error.inner(), error.path().to_string()))?;
    json.end().map_err(|error| garbled(&error, String::new()))?;
    Ok(value)
}

/// The byte at a line and a column as serde_json counts them: both from 1, the column in bytes.
fn byte_of(body: &[u8], line: usize, column: usize) -> usize {
    let before: usize = body
        .split_inclusive(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    (before + column.saturating_sub(1)).min(body.len())
}

/// An integer that may be written as a number or as a string. `spec: api.md §2.2, §2.3`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Int<T>(pub(crate) T);

impl<'de, T: TryFrom<i128>> Deserialize<'de> for Int<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntVisitor(PhantomData))
    }
}

struct IntVisitor<T>(PhantomData<T>);

impl<T: TryFrom<i128>> IntVisitor<T> {
    fn fitting<E: de::Error>(value: i128) -> Result<Int<T>, E> {
        T::try_from(value)
            .map(Int)
            .map_err(|_| E::custom(format_args!("{value} is out of range")))
    }
}

impl<T: TryFrom<i128>> Visitor<'_> for IntVisitor<T> {
    type Value = Int<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, as a number or as a string")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Int<T>, E> {
        Self::fitting(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Int<T>, E> {
        Self::fitting(value.into())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Int<T>, E> {
        match value.parse::<i128>() {
            Ok(number) => Self::fitting(number),
            Err(_) if value.contains('_') => Err(E::custom(format_args!(
                "zone-aware ids such as {value:?} are not supported"
            ))),
            Err(_) => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
        }
    }
}

/// A time as Zeebe tells it. `None` for what is none: year 0, year −999999999, or anything else that cannot be.
pub(crate) fn time(text: Option<&str>) -> Option<Timestamp> {
    // Zeebe writes `Instant.MIN` or year 0 for "never"; no change ever happened before 1970. `spec: api.md §2.2`
    text.and_then(|text| text.parse::<Timestamp>().ok())
        .filter(|time| *time > Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Probe {
        ids: Vec<Int<u32>>,
    }

    #[test]
    fn numbers_and_strings_are_both_ids() {
        let probe: Probe = read(br#"{"ids":[1,"2"]}"#).unwrap();
        assert_eq!(
            probe,
            Probe {
                ids: vec![Int(1), Int(2)]
            }
        );
    }

    #[track_caller]
    fn check(body: &str, words: &str) {
        assert_eq!(read::<Probe>(body.as_bytes()).unwrap_err().to_string(), words);
    }

    #[test]
    fn what_is_wrong_is_told_with_path_byte_and_excerpt() {
        check(
            r#"{"ids":[1,-2]}"#,
            r#"-2 is out of range at ids[1], byte 11: `{"ids":[1,-2]}`"#,
        );
        check(
            "{\"ids\":\n [true]}",
            "invalid type: boolean `true`, expected an integer, as a number or as a string at ids[0], byte 13: `{\"ids\":\\n [true]}`",
        );
        check(
            r#"{"ids":["a_1"]}"#,
            r#"zone-aware ids such as "a_1" are not supported at ids[0], byte 12: `{"ids":["a_1"]}`"#,
        );
        check("{}", "missing field `ids`, byte 1: `{}`");
        check(
            r#"{"ids":[1"#,
            r#"EOF while parsing a list at ids, byte 8: `{"ids":[1`"#,
        );
        check(
            r#"{"ids":[]} and more"#,
            r#"trailing characters, byte 11: `{"ids":[]} and more`"#,
        );
        check(" \n", "the body is empty");
    }

    #[test]
    fn what_is_not_utf8_is_refused_even_where_nobody_reads_it() {
        let error = read::<Probe>(b"{\"ids\":[],\"more\":\"\xff\"}").unwrap_err();
        assert_eq!((error.what.as_str(), error.at), ("it is not UTF-8", Some(18)));
    }

    #[test]
    fn times_that_are_none_are_none() {
        assert_eq!(time(None), None);
        assert_eq!(time(Some("0000-01-01T00:00:00Z")), None);
        assert_eq!(time(Some("-999999999-01-01T00:00:00+18:00")), None);
        assert_eq!(time(Some("yesterday")), None);
        assert!(time(Some("2025-03-02T09:14:06.355Z")).is_some());
    }
}
