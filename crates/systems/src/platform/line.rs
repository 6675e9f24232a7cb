//! One command as it is run, and as a person would type it.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::masked::masked;
use crate::auth::Secrets;
use crate::command::Command;

/// A program with its arguments. No shell reads it: nothing is expanded, split or quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The program: a path, or a name that is looked for in `PATH`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// What all commands of a region are run in.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The folder they run in, such as that of the values files; ours if not given.
    pub folder: Option<PathBuf>,
    /// Variables beside our own environment, such as `KUBECONFIG`.
    pub variables: Vec<(String, String)>,
    /// Variables that are secret: in the environment of the commands, and in nothing that is told.
    pub secrets: Vec<(String, SecretString)>,
    /// What else must not be told of what the commands write: our environment is theirs, and they may repeat it.
    pub hidden: Vec<SecretString>,
}

impl Line {
    /// A line from a list whose first word is the program; `None` of an empty list.
    pub fn of(words: impl IntoIterator<Item = impl Into<String>>) -> Option<Self> {
        let mut words = words.into_iter().map(Into::into);
        Some(Line {
            program: words.next()?,
            arguments: words.collect(),
        })
    }

    pub(crate) fn command(&self, environment: &Environment, limit: Duration) -> Command {
        Command {
            arguments: self.arguments.iter().map(Into::into).collect(),
            folder: environment.folder.clone(),
            variables: environment
                .variables
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            secrets: environment
                .secrets
                .iter()
                .map(|(name, value)| (name.into(), value.clone()))
                .collect(),
            hidden: environment
                .hidden
                .iter()
                .cloned()
                .chain(masked(&self.arguments).1)
                .collect(),
            ..Command::new(&self.program, limit)
        }
    }

    /// As a person would type it into a POSIX shell; what looks like a secret in its arguments is shown as `***`.
    pub(crate) fn typed(&self, environment: &Environment) -> String {
        let mut typed = String::new();
        for (name, value) in &environment.variables {
            // Writing into a String does not fail.
            let _ = write!(typed, "{name}={} ", quoted(value));
        }
        for (name, _) in &environment.secrets {
            // Whoever types it has set it in the shell.
            let _ = write!(typed, "{name}=\"${name}\" ");
        }
        let program = quoted(&self.program);
        match self.program.contains('=') && program == self.program {
            // A shell would take it for a variable.
            true => typed.push_str(&format!("'{program}'")),
            false => typed.push_str(&program),
        }
        for argument in masked(&self.arguments).0 {
            typed.push(' ');
            typed.push_str(&quoted(&argument));
        }
        Secrets::new(environment.hidden.iter().cloned()).scrubbed(typed)
    }
}

/// A word that a shell takes as it is.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    // What could drive a terminal, or is not seen, is written by its number.
    let is_seen = |c: char| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric();
    if word.chars().all(is_seen) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    let mut numbered = "$'".to_owned();
    for c in word.chars() {
        match c {
            '\'' | '\\' => numbered.extend(['\\', c]),
            '\n' => numbered.push_str("\\n"),
            '\t' => numbered.push_str("\\t"),
            c if is_seen(c) => numbered.push(c),
            c => {
                let _ = write!(numbered, "\\U{:08x}", u32::from(c));
            }
        }
    }
    numbered + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Line {
        Line::of(words.iter().copied()).unwrap()
    }

    #[test]
    fn a_line_is_typed_as_a_shell_takes_it() {
        let environment = Environment {
            folder: None,
            variables: vec![("KUBECONFIG".to_owned(), "/etc/my kube".to_owned())],
            secrets: vec![("TOKEN".to_owned(), "hunter22".into())],
            hidden: Vec::new(),
        };
        let words = [
            "kubectl",
            "scale",
            "deployments/camunda-operate",
            "--replicas=0",
            "",
            "it's $HOME",
            "*",
        ];
        assert_eq!(
            line(&words).typed(&environment),
            r#"KUBECONFIG='/etc/my kube' TOKEN="$TOKEN" kubectl scale deployments/camunda-operate --replicas=0 '' 'it'\''s $HOME' '*'"#
        );
        assert!(!format!("{environment:?}").contains("hunter22"));
        assert_eq!(line(&["a=b", "c=d"]).typed(&Environment::default()), "'a=b' c=d");
        assert_eq!(Line::of(Vec::<String>::new()), None);
    }

    #[tokio::test]
    async fn what_is_typed_is_what_is_run() {
        let clock = c8dr_engine::clock::Clock::system();
        let hostile = [
            "printf",
            "%s|",
            "a b",
            "it's",
            "\\n",
            "$HOME `id` \"x\"",
            "*",
            "~",
            "x\ny\tz'\\",
            "-e",
            "ä",
            "\u{1b}[2J",
            "\u{202e}txt",
            "",
        ];
        let line = line(&hostile);
        let limit = Duration::from_secs(30);
        let typed = line.typed(&Environment::default());
        assert!(!typed.contains(['\u{1b}', '\u{202e}', '\n']), "{typed}");
        let run = line
            .command(&Environment::default(), limit)
            .run(&clock)
            .await
            .unwrap();
        // Only bash knows every way in which words are quoted here.
        let shell = Command {
            arguments: vec!["-c".into(), typed.into()],
            variables: vec![("LC_ALL".into(), "C.UTF-8".into())],
            ..Command::new("bash", limit)
        };
        assert_eq!(shell.run(&clock).await.unwrap().output, run.output);
        assert_eq!(run.output, hostile[2..].join("|") + "|");
    }
}
