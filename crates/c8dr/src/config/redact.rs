//! The configuration's text as it may be shown: without what looks like a secret that somebody wrote into it.
//!
//! It works on lines, not on YAML, because the file that is shown may be broken just there.

/// Keys whose values are secrets. `accessKey: {env: NAME}` names one, and is shown; `accessKey: AKIA…` is one.
const SECRETS: [&str; 13] = [
    "basic",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "token",
    "bearer",
    "secret",
    "secretkey",
    "accesskey",
    "secretaccesskey",
    "accesskeyid",
    "apikey",
];

/// Whether a key's value is a secret, whichever way its words are joined.
pub(crate) fn is_secret(key: &str) -> bool {
    let plain: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_lowercase();
    SECRETS
        .iter()
        .any(|secret| plain == *secret || plain.ends_with(secret))
}

/// The text with stars in place of secrets, of the same length, so that places stay places.
pub(super) fn redacted(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    // The indent of a secret's key whose value may stand in the lines below it.
    let mut below: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let end = &line[body.len()..];
        let indent = body.len() - body.trim_start().len();
        if body.trim().is_empty() {
            told.push_str(line);
            continue;
        }
        if below.is_some_and(|above| indent <= above) {
            below = None;
        }
        if below.is_some() && !is_reference(body.trim_start()) {
            told.push_str(&body[..indent]);
            stars(&mut told, &body[indent..]);
        } else {
            let (shown, opens) = without_values(body);
            told.push_str(&without_users(&shown));
            if opens {
                below = Some(indent);
            }
        }
        told.push_str(end);
    }
    told
}

/// Whether a line names where a secret is, in place of being one.
fn is_reference(line: &str) -> bool {
    let line = line.trim_start_matches(['{', ' ']);
    ["env:", "file:", "token:", "password:", "user"]
        .iter()
        .any(|key| line.starts_with(key))
}

/// A line with stars in place of what follows the keys of secrets; and whether its last secret has no value here.
fn without_values(line: &str) -> (String, bool) {
    let mut shown = line.to_owned();
    let mut from = 0;
    while let Some(found) = shown[from..].find(':') {
        let colon = from + found;
        from = colon + 1;
        let key: String = shown[..colon]
            .trim_end()
            .trim_end_matches(['"', '\''])
            .chars()
            .rev()
            .take_while(|c| c.is_ascii_alphanumeric() || "_-.".contains(*c))
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        if !is_secret(&key) {
            continue;
        }
        let value = shown[from..].trim_start();
        // The value stands below, perhaps after the mark of a block.
        if value.is_empty() || value.starts_with(['|', '>', '#']) {
            return (shown, true);
        }
        if value.starts_with('{') {
            // The keys in it are judged on their own.
            let has_keys = ["basic", "bearer"].contains(&key.as_str()) && value.contains(':');
            if !has_keys && !is_reference(value) {
                let start = shown.len() - value.len();
                return (starred(&shown, start), false);
            }
            continue;
        }
        if value.starts_with('*') || !shown[from..].starts_with([' ', '\t', '"', '\'']) {
            continue;
        }
        let start = shown.len() - value.len();
        // In a line of several keys the others stay to be seen; a quoted secret may hold commas.
        let quote = value.chars().next().filter(|c| "\"'".contains(*c));
        let length = match quote {
            Some(quote) => value[1..].find(quote).map_or(value.len(), |end| end + 2),
            None if shown[..start].contains('{') => value.find([',', '}']).unwrap_or(value.len()),
            None => value.len(),
        };
        let mut next = shown[..start].to_owned();
        stars(&mut next, &shown[start..start + length]);
        next.push_str(&shown[start + length..]);
        from = start + length;
        shown = next;
    }
    (shown, false)
}

fn starred(line: &str, start: usize) -> String {
    let mut shown = line[..start].to_owned();
    stars(&mut shown, &line[start..]);
    shown
}

/// A line without what stands in a URL in front of an `@`.
fn without_users(line: &str) -> String {
    match (line.find("://"), line.rfind('@')) {
        (Some(start), Some(end)) if start + 3 < end => {
            let mut shown = line[..start + 3].to_owned();
            stars(&mut shown, &line[start + 3..end]);
            shown.push_str(&line[end..]);
            shown
        }
        _ => line.to_owned(),
    }
}

/// As many stars as the text has bytes.
fn stars(told: &mut String, text: &str) {
    told.extend(std::iter::repeat_n('*', text.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown_and_places_stay() {
        for text in [
            "password: hunter2",
            "  password: hunter2 # the old one\n",
            "password: 'hunt, er2'",
            "{ basic: { username: demo, password: hunter2 } }",
            "\"password\" : \"hunter2\"",
            "token: |\n  hunter2\n  hunter2\nname: x",
            "token:\n  - hunter2",
            "bearer: hunter2",
            "rest: { bearer: { hunter2 } }",
            "access_key: hunter2",
            "s3.client.camunda.secret_key: hunter2",
            "url: http://demo:hunter2@gw:9600",
            "settings: {bucket: b, secret_key: hunter2, access_key: hunter2}",
            "secretKey: &a hunter2",
            "password:\thunter2",
        ] {
            let shown = redacted(text);
            let shown = shown.as_str();
            assert!(!shown.contains("hunter2") && !shown.contains("er2"), "{shown}");
            assert_eq!(shown.len(), text.len());
            assert_eq!(shown.lines().count(), text.lines().count());
        }
    }

    #[test]
    fn references_and_all_else_are_shown() {
        for text in [
            "password: { env: CAMUNDA_PASSWORD }",
            "password:\n  env: CAMUNDA_PASSWORD\n",
            "rest: { basic: { username: demo, password: { file: pw.txt } } }",
            "rest:\n  bearer:\n    token:\n      file: token.txt\nname: x",
            "keyFile: client.key",
            "pods: [kubectl, get, pods]",
        ] {
            let shown = redacted(text);
            assert_eq!(shown, text);
        }
    }
}
