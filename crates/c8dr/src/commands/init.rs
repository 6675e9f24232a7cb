//! `c8dr init`: writes a configuration, from what two clusters show, or from the variables that Camunda's dual-region guide has
//! exported.

mod discover;
mod found;
mod variables;
mod yaml;

use std::io::Write;
use std::path::Path;

use serde::Serialize;

use self::variables::{Amiss, Guide};
use crate::args::Init;
use crate::config;
use crate::environment;
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::Screen;

/// What was written.
#[derive(Serialize)]
struct Written {
    configuration: std::path::PathBuf,
    regions: Vec<String>,
    left_out: Vec<String>,
}

pub(super) async fn run(screen: &Screen, init: &Init) -> Result<Exit, CliError> {
    if init.discover {
        return discovered(screen, init).await;
    }
    if !init.from_env {
        return Err(CliError::Usage {
            what: "`c8dr init` must be told where to begin".to_owned(),
            help: "From what both clusters show:\n  c8dr init --discover     (`c8dr init --help` has an example)\nFrom the variables of Camunda's dual-region guide:\n  c8dr init --from-env     (`c8dr init --help` lists them)\nBy hand, from the example in the README, \"Your own cluster\"; then\n  c8dr config check"
                .to_owned(),
        });
    }
    let guide = Guide::read(environment::read).map_err(|amiss| unusable(&amiss))?;
    let text = yaml::of(&guide, init.cluster_size, init.partition_count);
    // What is written must be right; what only its author could get wrong is shown before there is a file.
    config::try_out(&init.write, &text)?;
    write_new(&init.write, &text)?;
    let written = Written {
        configuration: init.write.clone(),
        regions: guide
            .regions
            .iter()
            .map(|region| {
                format!(
                    "{}: kubectl context {}, namespace {}",
                    region.name, region.context, region.namespace
                )
            })
            .collect(),
        left_out: guide.left_out(),
    };
    screen.result(&written, || human(&written))?;
    Ok(Exit::Done)
}

/// From what both clusters show.
async fn discovered(screen: &Screen, init: &Init) -> Result<Exit, CliError> {
    let discovered = discover::discover(init).await?;
    let text = found::of(&discovered);
    // What is left to a person may be what a configuration cannot be without.
    let is_whole = config::try_out(&init.write, &text).is_ok();
    write_new(&init.write, &text)?;
    let written = Written {
        configuration: init.write.clone(),
        regions: discovered
            .regions
            .iter()
            .map(|place| {
                format!(
                    "{}: kubectl context {}, namespace {}, {}",
                    place.name,
                    place.context,
                    place.namespace,
                    place.found.chart.as_deref().unwrap_or("chart unknown")
                )
            })
            .collect(),
        left_out: discovered.missing,
    };
    screen.result(&written, || {
        found::human(
            &written.configuration,
            &written.regions,
            &written.left_out,
            is_whole,
        )
    })?;
    Ok(match is_whole {
        true => Exit::Done,
        false => Exit::Waiting,
    })
}

fn human(written: &Written) -> String {
    let file = written.configuration.display();
    let mut text = format!("{file} is written.\n");
    for region in &written.regions {
        text.push_str(&format!("  {region}\n"));
    }
    for left_out in &written.left_out {
        text.push_str(&format!("Left out: {left_out}\n"));
    }
    text.push_str(&format!(
        "Read it; then open the port-forwards that stand in it, and look:\n  c8dr config check --config {file}\n  c8dr status --config {file}"
    ));
    text
}

/// Everything that is missing or contradicts itself, at once.
fn unusable(amiss: &Amiss) -> CliError {
    let mut lines = amiss.contradictions.clone();
    for missing in &amiss.missing {
        lines.push(format!("  # {}; for example", missing.what));
        lines.push(format!("  export {}={}", missing.name, missing.example));
    }
    lines.push("Set them right, then once more:\n  c8dr init --from-env".to_owned());
    let what = match (amiss.missing.len(), amiss.contradictions.len()) {
        (0, _) => "the variables contradict each other; nothing was written".to_owned(),
        (_, 0) => "variables are missing; nothing was written".to_owned(),
        _ => "variables are missing, and others contradict each other; nothing was written".to_owned(),
    };
    CliError::Usage {
        what,
        help: lines.join("\n"),
    }
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    let opened = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path);
    match opened.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(CliError::Usage {
            what: format!("{} is there already, and was left as it is", path.display()),
            help: "Name another file with `--write FILE`, or move this one away.".to_owned(),
        }),
        Err(error) => Err(CliError::Usage {
            what: format!("cannot write {}: {error}", path.display()),
            help: "Name a file in a folder that is there and may be written to: `c8dr init --from-env --write FILE`."
                .to_owned(),
        }),
    }
}
