//! Names that go into a request. A pattern where one name is meant would delete or restore more than was said.

/// What is wrong with the name of an index; `None` if it can only be the name of one index.
pub(super) fn wrong_index(name: &str) -> Option<String> {
    // Hidden indices begin with a dot; nothing that names one index begins with one of the others.
    let begins_badly = name.starts_with(['-', '_', '+', '<']) || matches!(name, "" | "." | "..");
    let is_wrong =
        begins_badly || name.len() > 255 || name.chars().any(|c| c.is_uppercase() || is_special(c));
    is_wrong.then(|| format!("{name:?} is not the name of one index"))
}

/// What is wrong with the name of a repository or a snapshot; `None` if it can only be one.
pub(super) fn wrong_name(name: &str) -> Option<String> {
    let begins_badly = name.starts_with(['-', '_', '<']) || matches!(name, "" | "." | "..");
    let is_wrong = begins_badly || name.len() > 255 || name.chars().any(is_special);
    is_wrong.then(|| format!("{name:?} is not the name of one repository or snapshot"))
}

/// Patterns, lists, date arithmetic, paths, and what cannot be seen.
fn is_special(c: char) -> bool {
    r#"*?,"<>|\/#:{}[]%"#.contains(c) || c.is_whitespace() || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_names_pass() {
        for name in [
            "zeebe-record_process-instance_8.6.0_2026-11-22",
            ".ds-ilm-history-7-2026.11.22-000001",
            "operate-list-view-8.3.0_",
        ] {
            assert_eq!(wrong_index(name), None);
        }
        for name in ["camunda_backup", "c8dr-20261122-r1", "Backup1"] {
            assert_eq!(wrong_name(name), None);
        }
    }

    #[test]
    fn whatever_could_mean_more_does_not() {
        for name in [
            "",
            "*",
            "_all",
            "a*",
            "a,b",
            "-a",
            "+a",
            "<logs-{now/d}>",
            "a/b",
            "..",
            "a b",
            "a?",
            "a#",
            "a\u{7}",
            "r:a",
        ] {
            assert!(wrong_index(name).is_some(), "{name}");
        }
        for name in ["", "*", "_all", "_current", "a*", "a,b", "-a", "a/b", ".."] {
            assert!(wrong_name(name).is_some(), "{name}");
        }
        assert!(wrong_index("Upper").is_some());
    }
}
