//! Which characters of a text act instead of being read. One list, for everything that shows what others wrote.
//!
//! Names and messages come from servers, files and people. What moves a cursor, sets a title, fills a clipboard, turns the
//! direction of a line or has no width must be seen by its number, wherever it is shown.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character does something instead of being seen: controls, marks that turn the direction of a line, those
/// without a width, separators of lines, and the tags.
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text in one line, with what would be obeyed shown by its number, as in `\u{1b}`.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_obeyed(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Foreign text within a message: in one line, as [`plain`], and at most `chars_max` of its characters.
pub fn quoted(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", plain(&text[..end])),
        None => plain(text).into_owned(),
    }
}

/// A JSON document as it is written to a screen or a file: what in its strings would be obeyed stands there as JSON's own
/// escapes, so that it reads the same and prints harmlessly.
pub fn json(document: String) -> String {
    // Between strings only line breaks occur; within strings a writer escapes those itself.
    let acts = |c: char| is_obeyed(c) && c != '\n';
    if !document.contains(acts) {
        return document;
    }
    let mut shown = String::with_capacity(document.len() + 16);
    for c in document.chars() {
        if acts(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_reads_the_same_and_holds_nothing_that_acts() {
        let text = "a\u{9b}\u{202e}\u{7f}\u{e0041}\u{1b}b\n";
        let written = json(serde_json::to_string_pretty(&[text]).unwrap());
        assert!(!written.contains(|c| is_obeyed(c) && c != '\n'), "{written}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&written).unwrap(), [text]);
    }

    #[test]
    fn what_is_quoted_is_short_and_seen() {
        assert_eq!(quoted("a\u{202e}äb", 3), "a\\u{202e}ä…");
        assert_eq!(quoted("äöü", 3), "äöü");
        assert_eq!(quoted("", 0), "");
    }

    #[test]
    fn what_would_be_obeyed_is_seen() {
        assert!(matches!(plain("Zürich \"8.6.0\" 日本 🚀"), Cow::Borrowed(_)));
        for (text, shown) in [
            ("a\u{1b}]52;c;YQ==\u{7}b", "a\\u{1b}]52;c;YQ==\\u{7}b"),
            ("\u{9b}2J\u{7f}", "\\u{9b}2J\\u{7f}"),
            ("8.6\r\n\thealthy", "8.6\\r\\n\\thealthy"),
            ("evil\u{202e}txt\u{200b}", "evil\\u{202e}txt\\u{200b}"),
            ("a\u{2028}b\u{e0041}", "a\\u{2028}b\\u{e0041}"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }
}
