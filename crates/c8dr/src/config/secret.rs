//! Where a secret is. Never the secret itself: a configuration is shown, copied and committed.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::error::ConfigError;
use super::source::Source;
use crate::environment;

/// What is said of a secret that stands in the file itself. [`super::complaint`] knows it, and says it better.
pub(super) const INLINE_SECRET: &str = "an inline secret";
/// What is said of a secret with no place, or with two.
pub(super) const ONE_REFERENCE: &str = "not one reference";
/// What is said of a text that cannot be a variable's name.
pub(super) const NO_SUCH_NAME: &str = "no variable's name";

/// The longest secret that is read from a file.
const BYTES_MAX: u64 = 64 * 1024;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub enum Secret {
    /// In an environment variable of this name.
    Env(#[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"))] String),
    /// In a file, beside the configuration if not absolute.
    File(PathBuf),
}

/// What became of looking for a secret.
#[derive(Debug)]
pub(crate) enum Sought {
    /// It is there.
    Found {
        /// The secret.
        secret: SecretString,
        /// What is not good about how it is kept.
        warning: Option<String>,
    },
    /// It is not.
    Missing {
        /// Why, in a sentence's middle: `is not set`.
        why: String,
    },
}

impl Secret {
    /// Where it is, as people say it.
    pub(crate) fn place(&self, source: &Source) -> String {
        match self {
            Secret::Env(name) => format!("the environment variable {name}"),
            Secret::File(file) => format!("the file {}", source.beside(file).display()),
        }
    }

    /// Looks for it.
    pub(crate) fn seek(&self, source: &Source) -> Sought {
        let sought = match self {
            Secret::Env(name) => environment::read(name)
                .map(|secret| (secret, None))
                .ok_or_else(|| "is not set, or empty".to_owned()),
            Secret::File(file) => from_file(&source.beside(file)),
        };
        match sought {
            Ok((text, _)) if text.contains(['\n', '\r', '\0']) => Sought::Missing {
                why: "holds more than one line".to_owned(),
            },
            Ok((text, warning)) => Sought::Found {
                secret: text.into(),
                warning,
            },
            Err(why) => Sought::Missing { why },
        }
    }

    /// Fetches it, or says what to do about it.
    pub(super) fn fetch(&self, source: &Source, key: &str) -> Result<SecretString, ConfigError> {
        match self.seek(source) {
            Sought::Found { secret, .. } => Ok(secret),
            Sought::Missing { why } => Err(ConfigError::no_secret(
                source,
                key,
                format!("{} {why}", self.place(source)),
                match self {
                    Secret::Env(name) => {
                        format!("`export {name}=…` where c8dr is started, or correct `{key}`.")
                    }
                    Secret::File(_) => format!(
                        "Put the secret into that file, in one line, readable for you only, or correct `{key}`."
                    ),
                },
            )),
        }
    }
}

/// A secret's file: one line.
fn from_file(path: &Path) -> Result<(String, Option<String>), String> {
    if path.is_dir() {
        return Err("is a folder".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        _ => format!("cannot be read: {error}"),
    })?;
    let warning = open_to_others(&file).then(|| {
        format!(
            "The secret in {} can be read by everybody on this machine; `chmod 600` it.",
            path.display()
        )
    });
    let mut text = String::new();
    file.take(BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if text.len() as u64 > BYTES_MAX {
        return Err("is far too long for a secret".to_owned());
    }
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    Ok((text.to_owned(), warning))
}

#[cfg(unix)]
fn open_to_others(file: &std::fs::File) -> bool {
    use std::os::unix::fs::PermissionsExt;
    const OTHERS_READ: u32 = 0o004;
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & OTHERS_READ != 0)
}

#[cfg(not(unix))]
fn open_to_others(_: &std::fs::File) -> bool {
    false
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reference)
    }
}

/// By hand, because a derived reader would repeat the secret that somebody wrote where a reference belongs.
struct Reference;

impl<'de> Visitor<'de> for Reference {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping with `env` or `file`")
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Secret, E> {
        Err(E::custom(INLINE_SECRET))
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Secret, E> {
        Err(E::custom(INLINE_SECRET))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Secret, E> {
        Err(E::custom(INLINE_SECRET))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Secret, E> {
        Err(E::custom(INLINE_SECRET))
    }

    fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<Secret, E> {
        Err(E::custom(INLINE_SECRET))
    }

    fn visit_u128<E: serde::de::Error>(self, _: u128) -> Result<Secret, E> {
        Err(E::custom(INLINE_SECRET))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Secret, E> {
        Err(E::custom(INLINE_SECRET))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Secret, E> {
        Err(E::custom(ONE_REFERENCE))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Err(A::Error::custom(INLINE_SECRET))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Secret, A::Error> {
        let mut secret = None;
        while let Some(key) = access.next_key::<String>()? {
            let next = match key.as_str() {
                "env" => Secret::Env(access.next_value()?),
                "file" => Secret::File(access.next_value()?),
                other => return Err(A::Error::unknown_field(other, &["env", "file"])),
            };
            if secret.replace(next).is_some() {
                return Err(A::Error::custom(ONE_REFERENCE));
            }
        }
        let secret = secret.ok_or_else(|| A::Error::custom(ONE_REFERENCE))?;
        match &secret {
            Secret::Env(name) if !is_variable(name) => Err(A::Error::custom(NO_SUCH_NAME)),
            Secret::File(path) if path.as_os_str().is_empty() => Err(A::Error::custom(ONE_REFERENCE)),
            _ => Ok(secret),
        }
    }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
