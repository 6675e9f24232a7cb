//! Foreign text made fit to be shown: cut, and without characters that could drive a terminal.

use c8dr_domain::plain::is_obeyed;

/// At most `chars_max` characters of `bytes`, control characters escaped, with a note of how much there was.
pub(crate) fn shown(bytes: &[u8], chars_max: usize) -> String {
    // Four bytes per character at most, so the rest need not be looked at.
    let looked_at = bytes.len().min(chars_max.saturating_mul(4));
    let text = String::from_utf8_lossy(&bytes[..looked_at]);
    let text = text.trim();
    let mut shown: String = text.chars().take(chars_max).flat_map(escaped).collect();
    if text.chars().nth(chars_max).is_some() || looked_at < bytes.len() {
        shown.push_str(&format!("… ({} bytes in all)", bytes.len()));
    }
    shown
}

/// What stands around byte `at`, escaped: forty bytes to each side.
pub(crate) fn around(bytes: &[u8], at: usize) -> String {
    const REACH: usize = 40;
    let at = at.min(bytes.len());
    let (start, end) = (
        at.saturating_sub(REACH),
        at.saturating_add(REACH).min(bytes.len()),
    );
    let text: String = String::from_utf8_lossy(&bytes[start..end])
        .chars()
        .flat_map(escaped)
        .collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if end < bytes.len() { "…" } else { "" };
    format!("{before}{text}{after}")
}

/// A character as it may be shown. Quotes stay; everything that moves a cursor or hides text does not.
fn escaped(c: char) -> impl Iterator<Item = char> {
    let (plain, hidden) = if is_obeyed(c) {
        (None, Some(c.escape_default()))
    } else {
        (Some(c), None)
    };
    plain.into_iter().chain(hidden.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_escaped() {
        assert_eq!(shown(b"a\x1b[2J\r\nb\"", 20), "a\\u{1b}[2J\\r\\nb\"");
        assert_eq!(shown("evil\u{202e}txt".as_bytes(), 20), "evil\\u{202e}txt");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(shown(b"abcdef", 3), "abc… (6 bytes in all)");
        assert_eq!(shown("äöü".as_bytes(), 3), "äöü");
    }

    #[test]
    fn the_surroundings_of_a_byte_are_cut_on_both_sides() {
        let body = [b'x'; 200];
        assert_eq!(around(&body, 100), format!("…{}…", "x".repeat(80)));
        assert_eq!(around(b"{", 7), "{");
    }
}
