//! Arguments without the secrets that somebody wrote into them, such as `--set global.elasticsearch.auth.password=…`.
//!
//! A command's arguments are seen by everybody on the machine (`ps`), so no secret belongs there; c8dr itself never puts one
//! there. Where a person has, it must at least not get into plans, journals and reports: what looks like a secret is shown
//! as `***`. The command itself is run as it is written.

use secrecy::SecretString;

/// What stands in a secret's place.
const MASK: &str = "***";

/// Words by which the name of a secret is known.
const SECRET_WORDS: [&str; 8] = [
    "password",
    "passwd",
    "pwd",
    "token",
    "secret",
    "apikey",
    "accesskey",
    "credential",
];

/// Ends of names that only say where a secret is, or whether there is one.
const REFERENCE_ENDS: [&str; 8] = [
    "name",
    "file",
    "path",
    "ref",
    "enabled",
    "create",
    "secrets",
    "namespace",
];

/// Arguments as they may be shown, and the secrets that were found in them.
pub(super) fn masked(arguments: &[String]) -> (Vec<String>, Vec<SecretString>) {
    let mut found = Vec::new();
    let mut shown = Vec::with_capacity(arguments.len());
    let mut is_value = false;
    for argument in arguments {
        if is_value && !argument.starts_with("--") {
            found.push(argument.as_str());
            shown.push(MASK.to_owned());
            is_value = false;
            continue;
        }
        // `--password VALUE`: the next argument is the secret.
        is_value = argument
            .strip_prefix("--")
            .is_some_and(|flag| !flag.contains('=') && is_secret(flag));
        let (text, values) = one(argument);
        found.extend(values);
        shown.push(text);
    }
    let found = found
        .into_iter()
        .filter(|value| !value.is_empty())
        .map(Into::into)
        .collect();
    (shown, found)
}

/// The value of a key as it may be shown: `***` where the key is a secret's, or where one stands in an address.
pub(crate) fn masked_value(key: &str, value: &str) -> String {
    let is_named_so = key
        .split(['.', '[', ']', '"'])
        .any(|part| !part.is_empty() && is_secret(part));
    match is_named_so && is_value_of_a_secret(value) {
        true => MASK.to_owned(),
        false => one(value).0,
    }
}

/// One argument, and the secrets in it.
fn one(argument: &str) -> (String, Vec<&str>) {
    let mut found = Vec::new();
    let mut shown = String::new();
    // Helm takes several values in one argument, with commas between them.
    for (number, part) in argument.split(',').enumerate() {
        if number > 0 {
            shown.push(',');
        }
        let at = secret_in(part);
        match at.filter(|(from, to)| is_value_of_a_secret(&part[*from..*to])) {
            Some((from, to)) => {
                found.push(&part[from..to]);
                shown.push_str(&part[..from]);
                shown.push_str(MASK);
                shown.push_str(&part[to..]);
            }
            None => shown.push_str(part),
        }
    }
    (shown, found)
}

/// Where a secret stands in `a.password=SECRET`, in `"password": "SECRET"`, in `Authorization: SECRET` or in
/// `https://user:SECRET@host`.
fn secret_in(part: &str) -> Option<(usize, usize)> {
    if let Some(host) = part.find("://").map(|at| at + 3)
        && let Some(end) = part[host..]
            .split('/')
            .next()
            .and_then(|authority| authority.rfind('@'))
        && let Some(colon) = part[host..host + end].find(':')
    {
        return Some((host + colon + 1, host + end));
    }
    let lower = part.to_ascii_lowercase();
    if let Some(at) = lower.find("authorization:").map(|at| at + "authorization:".len()) {
        return Some((at + part[at..].len() - part[at..].trim_start().len(), part.len()));
    }
    let mut from = 0;
    for (at, _) in part.match_indices(['=', ':']) {
        let name = part[from..at].trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_secret(name) {
            let value = &part[at + 1..];
            let begin = at + 1 + value.len() - value.trim_start_matches([' ', '"', '\'']).len();
            let end = begin + part[begin..].trim_end_matches(['"', '\'', '}', ']']).len();
            return Some((begin, end));
        }
        from = at + 1;
    }
    None
}

/// Whether a value is one: an empty one, a switch, or what a shell or a template would put there, is not.
fn is_value_of_a_secret(value: &str) -> bool {
    !matches!(value, "" | "true" | "false" | "null") && !value.starts_with('$')
}

/// Whether a name is that of a secret: `global.auth.password`, not `auth.existingSecret` or `--token-file`.
fn is_secret(name: &str) -> bool {
    let last = name.rsplit(['.', '/']).next().unwrap_or_default();
    let plain: String = last
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    SECRET_WORDS.iter().any(|word| plain.contains(word))
        && !plain.contains("existing")
        && !REFERENCE_ENDS.iter().any(|end| plain.ends_with(end))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[track_caller]
    fn check(typed: &str, shown: &str, secrets: &[&str]) {
        let arguments: Vec<String> = typed.split(' ').map(str::to_owned).collect();
        let (masked, found) = masked(&arguments);
        assert_eq!(masked.join(" "), shown);
        let found: Vec<&str> = found.iter().map(|secret| secret.expose_secret()).collect();
        assert_eq!(found, secrets, "of {typed}");
    }

    #[test]
    fn what_looks_like_a_secret_is_masked() {
        check("--set a.password=hunter22", "--set a.password=***", &["hunter22"]);
        check(
            "--set=x=1,a.auth.rootPassword=hunter22,b.token=t0k",
            "--set=x=1,a.auth.rootPassword=***,b.token=***",
            &["hunter22", "t0k"],
        );
        check(
            "--from-literal=api-key=hunter22",
            "--from-literal=api-key=***",
            &["hunter22"],
        );
        check("--password hunter22 -n c", "--password *** -n c", &["hunter22"]);
        check("--token=hunter22", "--token=***", &["hunter22"]);
        check("https://me:hunter22@h/p", "https://me:***@h/p", &["hunter22"]);
        check(
            r#"auth={"password":"hunter22"}"#,
            r#"auth={"password":"***"}"#,
            &["hunter22"],
        );
        let header = ["-H".to_owned(), "Authorization: Bearer hunter22".to_owned()];
        assert_eq!(masked(&header).0[1], "Authorization: ***");
    }

    #[test]
    fn what_only_names_a_secret_is_shown() {
        for typed in [
            "upgrade --install camunda -f values.yml --set a.auth.existingSecret=my-secret",
            "--set auth.existingSecretPasswordKey=key",
            "--token-file /run/token --kube-context paris",
            "--set identity.secretName=mine,tokens.enabled=true",
            "--set x.password=$PASSWORD",
            "scale deployment/camunda-operate --replicas 0",
            "get secrets -n camunda-paris",
            "http://host:9600/a@b",
        ] {
            check(typed, typed, &[]);
        }
    }
}
