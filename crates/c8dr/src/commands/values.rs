//! `c8dr values`: the values of both regions from the configuration, and whether those in files are right. Sends nothing.

use std::path::{Path, PathBuf};

use c8dr_systems::helm::Generation;
use c8dr_systems::helm::values::{self, File, Mistake, Seen, Values, Weight};
use serde::Serialize;

use super::releases;
use crate::args::{self, Args};
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::{self, Screen, styled};
use crate::site::Site;

pub(super) fn run(args: &Args, screen: &Screen, wanted: &args::Values) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    let described = described(&site, wanted.chart_version.as_deref())?;
    if let Some(files) = &wanted.check {
        let mistakes = match files.is_empty() {
            true => configured(&site)?,
            false => {
                let values = Values::read(files)?;
                let region = match &wanted.region {
                    Some(typed) => site.region(typed)?.0 as usize,
                    None => region_of(&values)?,
                };
                values::check(&values, &described, region, &Seen::default())
            }
        };
        return told(screen, &mistakes);
    }
    let files = values::render(&described);
    match &wanted.write {
        Some(folder) => write(screen, folder, &files),
        None => {
            let shown: Vec<Written> = files
                .iter()
                .map(|file| Written {
                    path: file.path.clone(),
                    text: Some(file.text.clone()),
                })
                .collect();
            screen.result(&shown, || {
                let texts: Vec<String> = files
                    .iter()
                    .map(|file| format!("# --- {}\n{}", file.path, file.text))
                    .collect();
                texts.join("\n")
            })?;
            Ok(Exit::Done)
        }
    }
}

fn described(site: &Site, version: Option<&str>) -> Result<values::Described, CliError> {
    let not_configured = |what: &str, help| CliError::NotConfigured {
        what: what.to_owned(),
        path: site.config.path.clone(),
        help,
    };
    let Some(of) = &site.config.rebuild.values else {
        return Err(not_configured(
            "values need `kubernetes` (namespace and release) in both regions",
            "For example `kubernetes: { context: london, namespace: camunda-london, release: camunda }` in each region.",
        ));
    };
    let generation = match version {
        Some(version) => Some(Generation::of(version).ok_or_else(|| CliError::Usage {
            what: format!(
                "`{}` is no whole version of a chart that is known here",
                crate::report::text::plain(version)
            ),
            help: "Write all three numbers, for example 11.12.3. Known are the charts 11 to 15: Camunda 8.6 to 8.10."
                .to_owned(),
        })?),
        None => of.generation,
    };
    let Some(generation) = generation else {
        return Err(not_configured(
            "values differ from chart to chart, and need `platform.version`",
            "Name the chart's version: `c8dr values --chart-version 11.12.3`.",
        ));
    };
    Ok(of.described(generation))
}

/// The mistakes in the files that the configuration names.
fn configured(site: &Site) -> Result<Vec<Mistake>, CliError> {
    if site.helms.is_empty() {
        return Err(CliError::NotConfigured {
            what: "without `driver: helm` no values files are configured".to_owned(),
            path: site.config.path.clone(),
            help: "Name them: `c8dr values --check camunda-values.yml region0/camunda-values.yml`.",
        });
    }
    releases::values(site, &Seen::default())
}

/// The region that files are for, by what they say themselves.
fn region_of(values: &Values) -> Result<usize, CliError> {
    match values.region_id() {
        Some(number @ 0..=1) => Ok(number as usize),
        _ => Err(CliError::Usage {
            what:
                "these files do not say for which region they are (`global.multiregion.regionId` is 0 or 1)"
                    .to_owned(),
            help: "Name all files of one region, as they are given to helm, or say `--region REGION`."
                .to_owned(),
        }),
    }
}

#[derive(Serialize)]
struct Told {
    is_right: bool,
    mistakes: Vec<ToldMistake>,
}

#[derive(Serialize)]
struct ToldMistake {
    weight: &'static str,
    file: PathBuf,
    key: String,
    found: String,
    expected: String,
}

fn told(screen: &Screen, mistakes: &[Mistake]) -> Result<Exit, CliError> {
    let is_right = mistakes.iter().all(|mistake| mistake.weight != Weight::Wrong);
    let told = Told {
        is_right,
        mistakes: mistakes
            .iter()
            .map(|mistake| ToldMistake {
                weight: match mistake.weight {
                    Weight::Wrong => "wrong",
                    Weight::Unchecked => "unchecked",
                },
                file: mistake.file.clone(),
                key: mistake.key.clone(),
                found: mistake.found.clone(),
                expected: mistake.expected.clone(),
            })
            .collect(),
    };
    screen.result(&told, || human(mistakes))?;
    Ok(if is_right { Exit::Done } else { Exit::Refused })
}

fn human(mistakes: &[Mistake]) -> String {
    if mistakes.is_empty() {
        return "The values are those of this installation.".to_owned();
    }
    let mut text = String::new();
    for mistake in mistakes {
        let word = match mistake.weight {
            Weight::Wrong => styled(show::BAD, "wrong"),
            Weight::Unchecked => styled(show::OPEN, "not checked"),
        };
        text.push_str(&format!(
            "{word}  {}  {}\n  found     {}\n  expected  {}\n",
            mistake.file.display(),
            mistake.key,
            mistake.found,
            mistake.expected
        ));
    }
    text.push_str(&show::more("values-wrong"));
    text
}

#[derive(Serialize)]
struct Written {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// Writes the files; none is written over, and none of them if one is there.
fn write(screen: &Screen, folder: &Path, files: &[File]) -> Result<Exit, CliError> {
    let paths: Vec<PathBuf> = files.iter().map(|file| folder.join(&file.path)).collect();
    if let Some(path) = paths.iter().find(|path| path.exists()) {
        return Err(CliError::Usage {
            what: format!("{} is there already, and is not written over", path.display()),
            help: "Write into another folder and compare: `c8dr values --write FOLDER`.".to_owned(),
        });
    }
    for (file, path) in files.iter().zip(&paths) {
        let io = |source| CliError::Io {
            doing: "write",
            path: path.clone(),
            source,
        };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        std::fs::File::create_new(path)
            .and_then(|mut out| std::io::Write::write_all(&mut out, file.text.as_bytes()))
            .map_err(io)?;
    }
    let written: Vec<Written> = paths
        .iter()
        .map(|path| Written {
            path: path.display().to_string(),
            text: None,
        })
        .collect();
    screen.result(&written, || {
        let lines: Vec<String> = written
            .iter()
            .map(|written| format!("Written: {}", written.path))
            .collect();
        lines.join("\n")
    })?;
    Ok(Exit::Done)
}
