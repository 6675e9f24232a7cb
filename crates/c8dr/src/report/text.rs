//! Text from outside, made harmless for where it is shown: a terminal, an HTML page, a Markdown document.
//!
//! Names, messages and bodies come from servers and files. What would act instead of being read is made visible.

use c8dr_domain::plain::is_obeyed;

/// As people read it: one line, with everything that a terminal or a browser would obey, shown by its number.
pub fn plain(text: &str) -> String {
    visible(text, |c| c == '\n' || c == '\t', " ")
}

/// The same with its lines kept, for bodies.
pub(crate) fn plain_lines(text: &str) -> String {
    visible(text, |_| false, "")
}

fn visible(text: &str, is_gap: impl Fn(char) -> bool, gap: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_gap(c) {
            shown.push_str(gap);
        } else if c == '\n' || c == '\t' {
            shown.push(c);
        } else if is_obeyed(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// In HTML, as text and within quoted attributes alike.
pub(crate) fn html(text: &str) -> String {
    entities(&plain(text))
}

/// The same with its lines kept, for `<pre>`.
pub(crate) fn html_lines(text: &str) -> String {
    entities(&plain_lines(text))
}

fn entities(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// In a line or a cell of Markdown: no markup, no HTML, no end of the cell.
pub(crate) fn markdown(text: &str) -> String {
    let text = plain(text);
    let letters: Vec<char> = text.trim_start().chars().collect();
    let is_word = |at: Option<usize>| {
        at.and_then(|at| letters.get(at))
            .is_some_and(|c| c.is_alphanumeric())
    };
    let digits = letters.iter().take_while(|c| c.is_ascii_digit()).count();
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in letters.iter().enumerate() {
        let acts = match c {
            '&' => {
                escaped.push_str("&amp;");
                continue;
            }
            '<' => {
                escaped.push_str("&lt;");
                continue;
            }
            '\\' | '`' | '*' | '|' | '[' | ']' | '~' => true,
            // Within a word it is a letter, as in most names.
            '_' => !(is_word(at.checked_sub(1)) && is_word(Some(at + 1))),
            '#' | '>' | '+' | '-' | '=' => at == 0,
            // With a space behind it, it would begin a numbered list.
            '.' | ')' => {
                digits > 0 && at == digits && letters.get(at + 1).is_none_or(|next| next.is_whitespace())
            }
            '!' => letters.get(at + 1) == Some(&'['),
            _ => false,
        };
        if acts {
            escaped.push('\\');
        }
        escaped.push(*c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, as_plain: &str, as_html: &str, as_markdown: &str) {
        assert_eq!(plain(text), as_plain);
        assert_eq!(html(text), as_html);
        assert_eq!(markdown(text), as_markdown);
    }

    #[test]
    fn what_would_act_is_read_instead() {
        check("region1", "region1", "region1", "region1");
        check(
            "<script>alert('x')</script>",
            "<script>alert('x')</script>",
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;",
            "&lt;script>alert('x')&lt;/script>",
        );
        check(
            "a\x1b[31mb",
            "a\\u{1b}[31mb",
            "a\\u{1b}[31mb",
            "a\\\\u{1b}\\[31mb",
        );
        check(
            "ab\u{202e}dc\u{200b}",
            "ab\\u{202e}dc\\u{200b}",
            "ab\\u{202e}dc\\u{200b}",
            "ab\\\\u{202e}dc\\\\u{200b}",
        );
        check("a|b\nc", "a|b c", "a|b c", "a\\|b c");
        check(
            "\u{9b}2J\u{7f}",
            "\\u{9b}2J\\u{7f}",
            "\\u{9b}2J\\u{7f}",
            "\\\\u{9b}2J\\\\u{7f}",
        );
        check(
            "my_index and _b_",
            "my_index and _b_",
            "my_index and _b_",
            "my_index and \\_b\\_",
        );
        check("# h", "# h", "# h", "\\# h");
        check("12. h", "12. h", "12. h", "12\\. h");
        check("1.5 s", "1.5 s", "1.5 s", "1.5 s");
        check("![x](y)", "![x](y)", "![x](y)", "\\!\\[x\\](y)");
        check("\"&\"", "\"&\"", "&quot;&amp;&quot;", "\"&amp;\"");
    }

    #[test]
    fn bodies_keep_their_lines() {
        assert_eq!(plain_lines("a\r\nb\tc\x00"), "a\\u{d}\nb\tc\\u{0}");
        assert_eq!(html_lines("<a>\n"), "&lt;a&gt;\n");
    }
}
