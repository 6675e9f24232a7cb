//! Which indices an expression such as `operate-*,zeebe-record*,-*-dated` names.

/// One comma-separated expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pattern {
    parts: Vec<String>,
}

impl Pattern {
    /// An empty expression and `_all` are everything.
    pub(crate) fn new(expression: &str) -> Pattern {
        let parts: Vec<String> = expression
            .split(',')
            .map(str::trim)
            .filter(|p| !p.is_empty())
            .map(|p| if p == "_all" { "*".to_owned() } else { p.to_owned() })
            .collect();
        if parts.is_empty() {
            return Pattern {
                parts: vec!["*".to_owned()],
            };
        }
        Pattern { parts }
    }

    /// Later exclusions take away what came before.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let mut matched = false;
        for part in &self.parts {
            match part.strip_prefix('-') {
                Some(out) => matched &= !glob(out, name),
                None => matched |= glob(part, name),
            }
        }
        matched
    }

    /// Names without a wildcard, which have to be there.
    pub(crate) fn exact(&self) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .map(String::as_str)
            .filter(|p| !p.contains('*') && !p.starts_with('-'))
    }

    pub(crate) fn is_wild(&self) -> bool {
        self.parts.iter().any(|p| p.contains('*'))
    }
}

/// Whether `name` is what `pattern` says, where `*` is anything.
pub(crate) fn glob(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let Some((last, middle)) = pieces
        .collect::<Vec<_>>()
        .split_last()
        .map(|(l, m)| (*l, m.to_vec()))
    else {
        return rest.is_empty();
    };
    let mut rest = rest;
    for piece in middle {
        match rest.find(piece) {
            Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, name: &str, expect: bool) {
        assert_eq!(
            Pattern::new(expression).matches(name),
            expect,
            "{expression} on {name}"
        );
    }

    #[test]
    fn names_and_wildcards() {
        check("", "a", true);
        check("_all", "a", true);
        check("operate-*", "operate-event", true);
        check("operate-*", "tasklist-task", false);
        check("operate-*,tasklist-*", "tasklist-task", true);
        check("*,-tasklist-*", "tasklist-task", false);
        check("a*c*e", "abcde", true);
        check("a*c*e", "abde", false);
        check("exact", "exact", true);
        check("exact", "exactly", false);
        check("ab*ba", "aba", false);
    }
}
