//! The last gate before a terminal: our own colours pass, everything else that a terminal would obey is made visible.
//!
//! What comes from servers is made harmless where it is read. Names in a configuration, file names, plans and arguments
//! come by other ways; here they all pass.

use std::borrow::Cow;
use std::fmt::Write;

use c8dr_domain::plain::is_obeyed;

/// Text for people: lines, tabs and colours stay.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    let passes = |c: char| matches!(c, '\n' | '\t');
    if !text.contains(|c| is_obeyed(c) && !passes(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = colour(rest).unwrap_or(c.len_utf8());
        let (this, next) = rest.split_at(length);
        if length > c.len_utf8() || passes(c) || !is_obeyed(c) {
            shown.push_str(this);
        } else {
            shown.extend(c.escape_default());
        }
        rest = next;
    }
    Cow::Owned(shown)
}

/// A YAML document: the writer escapes controls, and what else is obeyed is told without a backslash, which means one
/// thing or another there, as the string is quoted.
pub(crate) fn yaml(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| is_obeyed(c) && c != '\n') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_obeyed(c) && c != '\n' {
            // Writing to a string cannot fail.
            let _ = write!(shown, "<U+{:04X}>", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// How long the colour is with which the text begins, in bytes. To hide text (8) or to make it blink (5, 6) is none.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    let mut numbers = parameters[..end]
        .split(';')
        .map(|number| number.trim_start_matches('0'));
    let mut hides = false;
    while let Some(number) = numbers.next() {
        match number {
            // A colour of its own: what follows is its number (5) or its three parts (2), and no order.
            "38" | "48" => match numbers.next() {
                Some("5") => drop(numbers.next()),
                Some("2") => drop(numbers.nth(2)),
                _ => hides = true,
            },
            "5" | "6" | "8" => hides = true,
            _ => {}
        }
    }
    (parameters[end..].starts_with('m') && !hides).then_some("\u{1b}[".len() + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::{BAD, styled};

    #[test]
    fn colours_pass_and_commands_are_seen() {
        let ours = format!("a\n\t{}", styled(BAD, "b"));
        assert_eq!(lines(&ours), ours);
        for (text, shown) in [
            (
                "\u{1b}[38;5;196mred\u{1b}[0m\u{1b}[2J",
                "\u{1b}[38;5;196mred\u{1b}[0m\\u{1b}[2J",
            ),
            ("\u{1b}[8mhidden", "\\u{1b}[8mhidden"),
            ("\u{1b}[0;8mhidden", "\\u{1b}[0;8mhidden"),
            ("\u{1b}[1;08mhidden", "\\u{1b}[1;08mhidden"),
            ("\u{1b}[38;5;8;8mhidden", "\\u{1b}[38;5;8;8mhidden"),
            ("\u{1b}[38;5;8mgrey", "\u{1b}[38;5;8mgrey"),
            ("\u{1b}[48;2;8;5;6mmixed", "\u{1b}[48;2;8;5;6mmixed"),
            (
                "\u{1b}]0;title\u{7}\u{9b}2J\rb",
                "\\u{1b}]0;title\\u{7}\\u{9b}2J\\rb",
            ),
            ("\u{1b}[31", "\\u{1b}[31"),
            ("\u{1b}", "\\u{1b}"),
        ] {
            assert_eq!(lines(text), shown);
        }
    }

    #[test]
    fn a_yaml_document_stays_one() {
        let text = "a\u{9b}\u{202e}\u{7f}\u{e0041}b\n";
        let written = serde_saphyr::to_string(&[text]).unwrap();
        let shown = yaml(&written);
        assert!(!shown.replace('\n', "").contains(is_obeyed), "{shown}");
        assert!(serde_saphyr::from_str::<Vec<String>>(&shown).is_ok(), "{shown}");
    }
}
