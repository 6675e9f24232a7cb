//! The resolved configuration, value by value, each with where it came from. Secrets stay where they are.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value as Json;

use super::places::{Place, Value};
use super::rebuild::S3_REGION;
use super::redact::is_secret;
use super::resolver::Secrets;
use super::secret::{Secret, Sought};
use super::source::Source;
use super::{Config, ConfigError, File, gateway_name, resolve};

/// One value of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Its key: `regions[0].name`.
    pub key: String,
    /// What it is; nothing of a secret.
    pub value: Json,
    /// Where it came from.
    pub from: Origin,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Origin {
    /// The configuration file.
    File {
        /// Its line.
        line: u64,
    },
    /// Nothing was said.
    Default,
    /// A secret in an environment variable.
    Environment {
        /// The line that names it.
        line: u64,
        /// The variable.
        variable: String,
        /// Whether it is there.
        is_there: bool,
        /// If not, why.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// A secret in a file of its own.
    SecretFile {
        /// The line that names it.
        line: u64,
        /// The file.
        path: PathBuf,
        /// Whether it is there.
        is_there: bool,
        /// If not, why.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
}

/// Reads and resolves a configuration without its secrets, and says where each value came from.
///
/// # Errors
/// As [`super::load`], but not for a secret that is missing: that is shown.
pub fn origins(path: &Path) -> Result<Vec<Setting>, ConfigError> {
    let source = Source::read(path)?;
    let file = source.parse()?;
    let config = resolve(&source, &file, Secrets::LeftOut)?;
    let secrets = file.secrets();
    let mut settings: Vec<Setting> = Vec::new();
    for (key, place) in source.places.iter() {
        let line = place.location.line();
        if let Some((_, secret)) = secrets.iter().find(|(named, _)| named == key) {
            settings.push(sought(&source, key, line, secret));
            continue;
        }
        let is_within = |named: &String| {
            key.strip_prefix(named.as_str())
                .is_some_and(|rest| rest.starts_with('.'))
        };
        if secrets.iter().any(|(named, _)| is_within(named)) {
            continue;
        }
        enter(&mut settings, key, place);
    }
    for setting in &mut settings {
        hide_arguments(&mut setting.value);
    }
    settings.extend(defaults(&file, &config).into_iter().map(|(key, value)| Setting {
        key,
        value,
        from: Origin::Default,
    }));
    Ok(settings)
}

/// A value of the file; the words of a list of words are one value.
fn enter(settings: &mut Vec<Setting>, key: &str, place: &Place) {
    let line = place.location.line();
    let value = match &place.value {
        Value::Other => return,
        Value::Empty => Json::Array(Vec::new()),
        Value::Scalar(Json::Null) => return,
        Value::Scalar(value) => value.clone(),
    };
    let list = key.strip_suffix(']').and_then(|key| key.rsplit_once('['));
    match (list, settings.last_mut()) {
        (Some((list, _)), Some(last)) if last.key == list => {
            if let Json::Array(words) = &mut last.value {
                words.push(value);
            }
        }
        (Some((list, "0")), _) => settings.push(Setting {
            key: list.to_owned(),
            value: Json::Array(vec![value]),
            from: Origin::File { line },
        }),
        _ => settings.push(Setting {
            key: key.to_owned(),
            value,
            from: Origin::File { line },
        }),
    }
}

/// A secret: where it is, and whether it is there.
fn sought(source: &Source, key: &str, line: u64, secret: &Secret) -> Setting {
    let (is_there, why) = match secret.seek(source) {
        Sought::Found { .. } => (true, None),
        Sought::Missing { why } => (false, Some(why)),
    };
    let from = match secret {
        Secret::Env(variable) => Origin::Environment {
            line,
            variable: variable.clone(),
            is_there,
            why,
        },
        Secret::File(path) => Origin::SecretFile {
            line,
            path: source.beside(path),
            is_there,
            why,
        },
    };
    Setting {
        key: key.to_owned(),
        value: Json::Null,
        from,
    }
}

/// Takes secrets out of a command's arguments: `--set identity.password=…`, `--token …`.
fn hide_arguments(value: &mut Json) {
    const HIDDEN: &str = "***";
    let Json::Array(words) = value else { return };
    let mut hide_next = false;
    for word in words {
        let Json::String(text) = word else { continue };
        if std::mem::take(&mut hide_next) {
            *text = HIDDEN.to_owned();
            continue;
        }
        match text.split_once('=') {
            Some((key, _)) if is_secret(key) => *text = format!("{key}={HIDDEN}"),
            _ => hide_next = text.starts_with('-') && is_secret(text),
        }
    }
}

/// What holds where nothing is said.
fn defaults(file: &File, config: &Config) -> Vec<(String, Json)> {
    let mut defaults = Vec::new();
    for (region, number) in file.regions.iter().zip(0u32..) {
        for (gateway, at) in region.gateways.iter().zip(0u32..) {
            if gateway.name.is_none() {
                let name = gateway_name(region, gateway, at);
                defaults.push((format!("regions[{number}].gateways[{at}].name"), name.into()));
            }
        }
    }
    for (region, search) in &config.rebuild.searches {
        let is_said = file
            .regions
            .get(region.0 as usize)
            .and_then(|region| region.search.as_ref())
            .is_some_and(|search| search.records_prefix.is_some());
        if !is_said {
            let key = format!("regions[{region}].search.recordsPrefix");
            defaults.push((key, search.records_prefix.clone().into()));
        }
    }
    if file.bucket.as_ref().is_some_and(|bucket| bucket.region.is_none()) {
        defaults.push(("bucket.region".to_owned(), S3_REGION.into()));
    }
    if file.tls.as_ref().is_none_or(|tls| tls.ca_file.is_none()) {
        defaults.push(("tls.caFile".to_owned(), "the system's certificates".into()));
    }
    let pause = file.pause.as_ref();
    for (key, is_said, value) in [
        (
            "webapps",
            file.webapps.is_some(),
            Json::from(config.rebuild.webapps),
        ),
        (
            "pause.floorSeconds",
            pause.is_some_and(|pause| pause.floor_seconds.is_some()),
            config.rebuild.floor_s.into(),
        ),
        (
            "pause.reserveBytes",
            pause.is_some_and(|pause| pause.reserve_bytes.is_some()),
            config.rebuild.reserve_bytes.into(),
        ),
        (
            "timeouts.connectSeconds",
            file.timeouts
                .as_ref()
                .is_some_and(|timeouts| timeouts.connect_seconds.is_some()),
            config.timeouts.connect.as_secs_f64().into(),
        ),
        (
            "timeouts.answerSeconds",
            file.timeouts
                .as_ref()
                .is_some_and(|timeouts| timeouts.answer_seconds.is_some()),
            config.timeouts.answer.as_secs_f64().into(),
        ),
        ("clock.speed", file.clock.is_some(), config.clock_speed.into()),
    ] {
        if !is_said {
            defaults.push((key.to_owned(), value));
        }
    }
    defaults
}
