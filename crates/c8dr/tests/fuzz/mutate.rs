//! Mutations: of bytes, of lines, and of JSON where it has structure. All from one seeded stream per harness.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::{Map, Value};

/// A seeded stream.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of one harness, so that a new draw in one changes no other.
    pub(crate) fn new(seed: u64, harness: &str) -> Self {
        let name = harness.bytes().fold(seed, |sum, byte| {
            sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
        });
        Chance(ChaCha8Rng::seed_from_u64(name))
    }

    /// A number below `n`; 0 if there is none.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let draw = self.0.next_u64();
        usize::try_from(draw % (n.max(1) as u64)).unwrap()
    }

    /// One of `items`, of which there is at least one.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Text that ends a token, drives a terminal, or is read in two ways.
const BITS: &[&str] = &[
    "\"",
    "\\",
    "\\u001b",
    "\\ud800",
    "\\u202e",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "-1",
    "1e400",
    "-0",
    "\n",
    "\r\n",
    "\0",
    "\u{1b}[2J",
    "\u{9b}",
    "\u{202e}",
    "\u{feff}",
    "é",
    "🚀",
    "#",
    "'",
    "&a",
    "*a",
    "- ",
    "  ",
    "\t",
    "<",
    "&",
    "%00",
    "../",
    "NaN",
    "+Inf",
    "=",
    "99999999999999999999",
];

/// What stands in JSON as it is, though no value of ours can say so. `NEST` is ten thousand arrays deep.
const RAW: &[&str] = &[
    "1e400",
    "-1e400",
    "1e-400",
    "-0",
    "-0.0",
    "0.5",
    "1.0",
    "-1",
    "01",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "NaN",
    "NEST",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "",
];

const STRINGS: &[&str] = &[
    "",
    " ",
    "1",
    "-1",
    "01",
    "1.5",
    "true",
    "null",
    "\u{1b}]0;x\u{7}",
    "\u{202e}",
    "a\nb",
    "\u{9b}2J",
    "\u{e0041}",
    "../../x",
    "<script>",
    "[x](javascript:y)",
    "_all",
    "*",
    "LEADER",
    "UP",
    "2026-01-01T00:00:00Z",
    "-009999-01-01T00:00:00Z",
    "9999-12-30T22:00:00Z",
    "\u{1b}[0;8m",
    "`",
    "%1b",
    "LONG",
];

/// One to three changes to a JSON document, as text.
pub(crate) fn json(chance: &mut Chance, seed: &Value) -> Vec<u8> {
    let mut value = seed.clone();
    for _ in 0..=chance.below(3) {
        structure(chance, &mut value);
    }
    let text = match chance.below(4) {
        0 => serde_json::to_string_pretty(&value).unwrap(),
        _ => value.to_string(),
    };
    let text = raw(&text);
    match chance.below(8) {
        0 => bytes(chance, text.as_bytes()),
        _ => text.into_bytes(),
    }
}

/// One change of structure, of names or of values, anywhere in the document. What JSON's own values cannot say is left as a
/// mark, for [`raw`].
pub(crate) fn structure(chance: &mut Chance, value: &mut Value) {
    let at = chance.below(nodes(value));
    let Some(node) = nth(value, &mut { at }) else {
        return;
    };
    match node {
        Value::Object(map) if !map.is_empty() && chance.below(4) > 0 => object(chance, map),
        Value::Array(items) if !items.is_empty() && chance.below(4) > 0 => {
            let (one, other) = (chance.below(items.len()), chance.below(items.len()));
            match chance.below(4) {
                0 => drop(items.remove(one)),
                1 => items.insert(other, items[one].clone()),
                2 => items.swap(one, other),
                _ => items.truncate(one),
            }
        }
        node => *node = odd(chance, node),
    }
}

fn object(chance: &mut Chance, map: &mut Map<String, Value>) {
    let key = map.keys().nth(chance.below(map.len())).unwrap().clone();
    match chance.below(5) {
        0 => drop(map.remove(&key)),
        1 => {
            let value = map.remove(&key).unwrap();
            map.insert(chance.pick(STRINGS).replace("LONG", &"k".repeat(9_000)), value);
        }
        2 => {
            let value = match chance.below(2) {
                0 => map[&key].clone(),
                _ => odd(chance, &map[&key]),
            };
            map.insert(format!("@again@{key}"), value);
        }
        3 => drop(map.insert("aFieldOfTheFuture".to_owned(), odd(chance, &Value::Null))),
        _ => {
            let other = map.keys().nth(chance.below(map.len())).unwrap().clone();
            let value = map[&other].clone();
            map.insert(key, value);
        }
    }
}

fn odd(chance: &mut Chance, was: &Value) -> Value {
    match chance.below(9) {
        0 => Value::Null,
        1 => Value::Bool(chance.below(2) == 0),
        2 => Value::Array(vec![was.clone()]),
        3 => serde_json::json!({ "was": was }),
        4 => Value::String(was.to_string()),
        5 => Value::from(chance.below(1 << 20)),
        6 => Value::String(format!("@raw@{}@", chance.below(RAW.len()))),
        _ => Value::String(chance.pick(STRINGS).replace("LONG", &"x".repeat(9_000))),
    }
}

/// Puts in what the marks stand for.
pub(crate) fn raw(text: &str) -> String {
    let mut text = text.replace("\"@again@", "\"");
    if text.contains("@raw@") {
        for (number, raw) in RAW.iter().enumerate() {
            let deep = || format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
            let raw = if *raw == "NEST" { deep() } else { (*raw).to_owned() };
            text = text.replace(&format!("\"@raw@{number}@\""), &raw);
        }
    }
    text
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(map) => map.values().map(nodes).sum(),
        _ => 0,
    }
}

fn nth<'a>(value: &'a mut Value, at: &mut usize) -> Option<&'a mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, at)),
        Value::Object(map) => map.values_mut().find_map(|item| nth(item, at)),
        _ => None,
    }
}

/// One to four changes to bytes.
pub(crate) fn bytes(chance: &mut Chance, seed: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(40)).min(bytes.len());
        match chance.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            3 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            4 if at < bytes.len() => bytes[at] = u8::try_from(chance.below(256)).unwrap(),
            5 => {
                let bit = chance.pick(BITS).repeat(1 + chance.below(3));
                bytes.splice(at..end.min(at + 1).max(at), bit.into_bytes());
            }
            _ => drop(bytes.splice(at..at, chance.pick(BITS).bytes())),
        }
    }
    bytes
}

/// One to three changes to lines: dropped, said twice, exchanged, moved to another depth; or to their bytes.
pub(crate) fn lines(chance: &mut Chance, seed: &str) -> Vec<u8> {
    let mut lines: Vec<String> = seed.split('\n').map(str::to_owned).collect();
    for _ in 0..=chance.below(3) {
        let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
        match chance.below(6) {
            0 if lines.len() > 1 => drop(lines.remove(one)),
            1 => lines.insert(other, lines[one].clone()),
            2 => lines.swap(one, other),
            3 => lines[one].insert_str(0, "  "),
            4 => lines[one] = lines[one].trim_start().to_owned(),
            _ => {
                let value = chance.pick(STRINGS).replace("LONG", &"x".repeat(9_000));
                let key = lines[one].split_once(':').map_or("a", |(key, _)| key).to_owned();
                lines[one] = format!("{key}: {value}");
            }
        }
    }
    match chance.below(3) {
        0 => bytes(chance, lines.join("\n").as_bytes()),
        _ => lines.join("\n").into_bytes(),
    }
}
