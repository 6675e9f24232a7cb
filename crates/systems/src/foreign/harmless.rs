//! JSON whose strings hold nothing that a terminal would obey.
//!
//! Ids, hosts, versions and names go from here into plans, journals, screens and reports. Made harmless before they are
//! read, none of them can be forgotten on the way.

use std::borrow::Cow;

use c8dr_domain::plain::is_obeyed;

/// The same JSON, where each character of a string that would be obeyed, written as it is or as an escape, is spelled out:
/// the five characters `\u{9b}` for one of them.
pub(crate) fn harmless(body: &[u8]) -> Cow<'_, [u8]> {
    // Nearly every body: no escapes, nothing beyond ASCII. Raw controls are no JSON anyway.
    if !body.chunks(GLANCE).any(is_suspicious) {
        return Cow::Borrowed(body);
    }
    // What is not UTF-8 is no JSON, and is refused before it comes here.
    let Ok(text) = std::str::from_utf8(body) else {
        return Cow::Borrowed(body);
    };
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut is_string = false;
    while let Some(c) = rest.chars().next() {
        let (taken, spelled) = match c {
            '\\' if is_string => escape(rest),
            c => (c.len_utf8(), (is_string && is_obeyed(c)).then_some(c)),
        };
        if c == '"' {
            is_string = !is_string;
        }
        let (this, next) = rest.split_at(taken.min(rest.len()));
        match spelled {
            // Within the string it is a backslash, so it is written as two.
            Some(c) => {
                out.push('\\');
                out.extend(c.escape_default());
            }
            None => out.push_str(this),
        }
        rest = next;
    }
    if out == text {
        return Cow::Borrowed(body);
    }
    Cow::Owned(out.into_bytes())
}

/// As many bytes are looked at together: enough for the machine to take many in one step.
const GLANCE: usize = 256;

/// Whether an escape or anything beyond ASCII is in it.
fn is_suspicious(bytes: &[u8]) -> bool {
    let odd = |byte: &u8| u8::from(*byte == b'\\') | u8::from(*byte >= 0x7f);
    // Without a way out in the middle, which would make it go byte by byte.
    bytes.iter().fold(0, |seen, byte| seen | odd(byte)) != 0
}

/// How long the escape is with which `text` begins, in bytes, and the character to spell out if it stands for one that
/// would be obeyed.
fn escape(text: &str) -> (usize, Option<char>) {
    let obeyed = |c: char| is_obeyed(c).then_some(c);
    match text.as_bytes().get(1) {
        Some(b'n') => (2, Some('\n')),
        Some(b'r') => (2, Some('\r')),
        Some(b't') => (2, Some('\t')),
        Some(b'b') => (2, Some('\u{8}')),
        Some(b'f') => (2, Some('\u{c}')),
        Some(b'u') => match (unit(text), text.get(6..).and_then(unit)) {
            (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
                let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                (12, char::from_u32(code).and_then(obeyed))
            }
            (Some(code), _) => (6, char::from_u32(code).and_then(obeyed)),
            // Broken; its reader says so.
            (None, _) => (2, None),
        },
        // Any other escaped character, and what follows it belongs together: `\"` does not end the string.
        Some(_) => (1 + text[1..].chars().next().map_or(0, char::len_utf8), None),
        None => (1, None),
    }
}

/// The four hexadecimal digits of a `\uXXXX` at the beginning.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[track_caller]
    fn check(json: &str, read: &str) {
        let value: Value = serde_json::from_slice(&harmless(json.as_bytes())).unwrap();
        assert_eq!(value.as_str(), Some(read), "{json}");
    }

    #[test]
    fn what_would_be_obeyed_is_spelled_out_however_it_was_written() {
        check(r#""8.6.0""#, "8.6.0");
        check(r#""a\u001b[2Jb""#, r"a\u{1b}[2Jb");
        check("\"a\u{9b}2Jb\u{7f}\"", r"a\u{9b}2Jb\u{7f}");
        check(r#""8.6\r\n\thealthy""#, r"8.6\r\n\thealthy");
        check(r#""\udb40\udc41\u202E""#, r"\u{e0041}\u{202e}");
        check(
            r#""Z\u00fcrich \"\\u001b\" \/ \ud83d\ude80""#,
            "Zürich \"\\u001b\" / 🚀",
        );
    }

    #[test]
    fn what_stands_between_strings_and_what_is_no_json_is_left_alone() {
        for same in ["{\r\n\t\"ä\": \"ö\"}", "{\"a\":\"\\", "\"\\uZZ\"", "\"\\ud800\""] {
            assert_eq!(harmless(same.as_bytes()), same.as_bytes());
        }
        let broken = b"\"\xff\\n\"";
        assert_eq!(&*harmless(broken), broken);
    }

    proptest! {
        #[test]
        fn a_string_is_read_as_its_plain_form(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            let read: String = serde_json::from_slice(&harmless(json.as_bytes())).unwrap();
            prop_assert_eq!(read, c8dr_domain::plain::plain(&text));
        }
    }
}
