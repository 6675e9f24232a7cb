//! `c8dr config`: is the configuration right, what does it amount to, what may stand in it? Sends nothing.

use serde::Serialize;

use crate::args::{Args, ConfigCommand, Output};
use crate::config::{self, Found, FoundBy, Origin, Setting};
use crate::environment;
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::{self, Screen};
use crate::site::Site;

pub(super) fn run(args: &Args, screen: &Screen, command: &ConfigCommand) -> Result<Exit, CliError> {
    match command {
        ConfigCommand::Check => check(args, screen),
        ConfigCommand::Show => show(args, screen),
        ConfigCommand::Schema => schema(screen),
    }
}

/// Where the configuration is, and all that it says.
#[derive(Serialize)]
struct Shown {
    configuration: std::path::PathBuf,
    found_by: FoundBy,
    settings: Vec<Setting>,
}

fn show(args: &Args, screen: &Screen) -> Result<Exit, CliError> {
    let found = config::find(args.config.as_deref(), &environment::home())?;
    let shown = Shown {
        settings: config::origins(&found.path)?,
        configuration: found.path.clone(),
        found_by: found.by,
    };
    screen.result(&shown, || human(&found, &shown.settings))?;
    Ok(Exit::Done)
}

fn human(found: &Found, settings: &[Setting]) -> String {
    let by = match found.by {
        FoundBy::Argument => "named by --config".to_owned(),
        FoundBy::Environment => format!("named by ${}", environment::CONFIG),
        FoundBy::Here => "the one in this folder".to_owned(),
        FoundBy::Lab => "that of the running lab".to_owned(),
    };
    let mut text = format!("{}, {by}\n\n", found.path.display());
    let keys = settings
        .iter()
        .map(|setting| setting.key.len())
        .max()
        .unwrap_or(0);
    for Setting { key, value, from } in settings {
        let (origin, value) = match from {
            Origin::File { line } => (format!("line {line}"), plain(value)),
            Origin::Default => ("default".to_owned(), plain(value)),
            Origin::Environment {
                line,
                variable,
                why,
                is_there: _,
            } => (
                format!("line {line}"),
                secret(&format!("environment variable {variable}"), why.as_deref()),
            ),
            Origin::SecretFile {
                line,
                path,
                why,
                is_there: _,
            } => (
                format!("line {line}"),
                secret(&format!("file {}", path.display()), why.as_deref()),
            ),
        };
        text.push_str(&format!("{origin:9} {key:keys$}  {value}\n"));
    }
    text
}

/// A secret by its place.
fn secret(place: &str, why_not: Option<&str>) -> String {
    match why_not {
        None => format!("a secret, from the {place}: there"),
        Some(why) => show::styled(
            show::BAD,
            format!("a secret, from the {place}: MISSING, it {why}"),
        ),
    }
}

/// A value as it would be written.
fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn schema(screen: &Screen) -> Result<Exit, CliError> {
    // A schema is JSON for people and programs alike; only YAML must be asked for.
    let output = match screen.output {
        Output::Human => Output::Json,
        other => other,
    };
    Screen { output, ..*screen }.result(&config::schema(), String::new)?;
    Ok(Exit::Done)
}

/// Opens the installation as every other command does, up to the first thing that would be sent.
fn check(args: &Args, screen: &Screen) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    let installation = &site.config.installation;
    let [first, second] = installation.regions();
    let checked = serde_json::json!({
        "configuration": site.config.path,
        "is_right": true,
        "warnings": site.config.warnings,
    });
    screen.result(&checked, || {
        format!(
            "{} is right: {}, {} brokers in {} and {}, {} partitions.",
            site.config.path.display(),
            installation.name(),
            installation.cluster_size(),
            first.name,
            second.name,
            installation.partitions_count()
        )
    })?;
    Ok(Exit::Done)
}
