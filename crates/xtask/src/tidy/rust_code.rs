//! Tells Rust code from comments and literals, so that the rules about code don't stumble over words about code.

/// The source with all comments and the contents of all literals replaced by blanks. Lines stay where they are.
pub(crate) fn code_only(source: &str) -> String {
    let source: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < source.len() {
        let end = match (source[at], source.get(at + 1)) {
            ('/', Some('/')) => end_of_line(&source, at),
            ('/', Some('*')) => end_of_block_comment(&source, at),
            ('"', _) => end_of_string(&source, at),
            ('\'', _) => end_of_char(&source, at),
            ('r', Some('"' | '#')) if !follows_a_name(&source, at) => end_of_raw_string(&source, at),
            _ => at,
        };
        if end == at {
            code.push(source[at]);
            at += 1;
        } else {
            code.extend(
                source[at..end]
                    .iter()
                    .map(|&c| if c == '\n' { '\n' } else { ' ' }),
            );
            at = end;
        }
    }
    code
}

/// The outer attributes `#[…]` in code (as [`code_only`] gives it): their lines, counted from 1, and their contents.
pub(crate) fn attributes(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("#[") {
        let content = &code[start + 2..];
        let mut depth = 1_u32;
        let end = content.find(|c| {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let line = code[..start].matches('\n').count() + 1;
        found.push((line, &content[..end.unwrap_or(content.len())]));
    }
    found
}

/// The names and keywords in a piece of code, in order.
pub(crate) fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !is_of_a_name(c))
        .filter(|word| !word.is_empty())
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether the character before `at` belongs to a name that goes on at `at`. The byte and C strings' `b` and `c`
/// are no such names.
fn follows_a_name(source: &[char], at: usize) -> bool {
    let name_before = |at: usize| at > 0 && is_of_a_name(source[at - 1]);
    name_before(at) && (!matches!(source[at - 1], 'b' | 'c') || name_before(at - 1))
}

fn end_of_line(source: &[char], start: usize) -> usize {
    source[start..]
        .iter()
        .position(|&c| c == '\n')
        .map_or(source.len(), |length| start + length)
}

fn end_of_block_comment(source: &[char], start: usize) -> usize {
    let mut depth = 0_u32;
    let mut at = start;
    while at < source.len() {
        match (source[at], source.get(at + 1)) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    source.len()
}

fn end_of_string(source: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < source.len() {
        match source[at] {
            '"' => return at + 1,
            '\\' => at += 2,
            _ => at += 1,
        }
    }
    source.len()
}

/// The end of a character literal, or `start` if this is a lifetime or a label.
fn end_of_char(source: &[char], start: usize) -> usize {
    match (source.get(start + 1), source.get(start + 2)) {
        (Some('\\'), Some(_)) => {
            let rest = &source[start + 3..];
            rest.iter()
                .position(|&c| c == '\'')
                .map_or(source.len(), |length| start + 3 + length + 1)
        }
        (Some(_), Some('\'')) => start + 3,
        _ => start,
    }
}

/// The end of a raw string, or `start` if this is a raw name such as `r#type`.
fn end_of_raw_string(source: &[char], start: usize) -> usize {
    let hashes = source[start + 1..].iter().take_while(|&&c| c == '#').count();
    let open = start + 1 + hashes;
    if source.get(open) != Some(&'"') {
        return start;
    }
    let closes = |at: usize| {
        source[at] == '"'
            && source[at + 1..]
                .iter()
                .take(hashes)
                .filter(|&&c| c == '#')
                .count()
                == hashes
    };
    (open + 1..source.len())
        .find(|&at| closes(at))
        .map_or(source.len(), |at| at + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::{attributes, code_only, words};

    /// What is left of a source: its words, and on as many lines as before.
    #[track_caller]
    fn check(source: &str, expect: &[&str]) {
        let code = code_only(source);
        assert_eq!(words(&code).collect::<Vec<_>>(), expect, "{code:?}");
        assert_eq!(
            code.matches('\n').count(),
            source.matches('\n').count(),
            "lines stay where they are"
        );
    }

    #[test]
    fn comments_are_no_code() {
        check("a // no\nb", &["a", "b"]);
        check("a /* no\n /* no */ no */ b", &["a", "b"]);
        check("//! no\n/// no\nc", &["c"]);
        check("a / b", &["a", "b"]);
    }

    #[test]
    fn literals_are_no_code() {
        check(r#"a("no \" no\\") b"#, &["a", "b"]);
        check("a(\"no\n// no\") b", &["a", "b"]);
        check("a(r#\"no \" no\"#) b", &["a", "b"]);
        check("a(r\"no\\\") b", &["a", "b"]);
        check("a(br##\"no \"# no\"##) b", &["a", "b", "b"]);
        check("a('\"') b('\\'') c('\\u{1F600}') d", &["a", "b", "c", "d"]);
    }

    #[test]
    fn lifetimes_and_raw_names_are_code() {
        check(
            "fn f<'a>(x: &'a str) -> &'a str",
            &["fn", "f", "a", "x", "a", "str", "a", "str"],
        );
        check("r#type \"no\"", &["r", "type"]);
        check("var\"no\" x", &["var", "x"]);
    }

    #[test]
    fn unfinished_source_is_no_reason_to_panic() {
        for source in ["\"", "'", "'\\", "r#\"", "/*", "/", "r", "b", "\\", "\"\\", ""] {
            code_only(source);
        }
    }

    #[test]
    fn attributes_are_found_whole() {
        let code = code_only("#[test]\n#[cfg_attr(\n    all(),\n    doc = include!([1])\n)]\nfn f() {}");
        let found = attributes(&code);
        assert_eq!(found[0], (1, "test"));
        assert_eq!(found[1].0, 2);
        assert!(found[1].1.ends_with("include!([1])\n)"), "{found:?}");
    }
}
