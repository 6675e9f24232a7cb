//! `c8dr storm --planted`: mistakes of others are planted one after the other, and each has to be caught.

use std::fmt::Write as _;

use c8dr_domain::planted::Bug;
use c8dr_storm::Options;
use c8dr_storm::planted::{Hunted, Planting, hunt, plantings};
use serde::Serialize;

use super::storm::{no_such_world, on_a_thread};
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::{BAD, GOOD, Screen, styled};

/// What is printed in the end.
#[derive(Serialize)]
struct Report {
    planted: Vec<Hunted>,
    caught: usize,
    survived: usize,
}

/// The mistake of this name.
pub(super) fn mistake(name: &str) -> Result<Bug, CliError> {
    name.parse().map_err(|_| {
        let near = |bug: &&Bug| strsim::damerau_levenshtein(&name.to_lowercase(), bug.as_str());
        let nearest = Bug::ALL.iter().min_by_key(near).map_or("all", |bug| bug.as_str());
        let all: Vec<&str> = Bug::ALL.iter().map(|bug| bug.as_str()).collect();
        CliError::Usage {
            what: format!("there is no mistake `{name}` to plant"),
            help: format!("Did you mean `{nearest}`? There are: all, {}.", all.join(", ")),
        }
    })
}

/// Plants one of them, or all, and looks for each where it shows.
pub(super) async fn run(screen: &Screen, name: &str, options: Options) -> Result<Exit, CliError> {
    let only = match name {
        "all" => None,
        name => Some(mistake(name)?),
    };
    let wanted: Vec<Planting> = plantings()
        .filter(|planting| only.is_none_or(|bug| planting.bug == bug))
        .collect();
    let hunts = on_a_thread(move || {
        let hunts = wanted.into_iter().map(|planting| hunt(planting, options));
        hunts.collect::<Result<Vec<Hunted>, _>>()
    });
    let planted = hunts.await?.map_err(|error| no_such_world(&error))?;
    let survived = planted.iter().filter(|hunted| !hunted.caught).count();
    let report = Report {
        caught: planted.len() - survived,
        survived,
        planted,
    };
    screen.result(&report, || human(&report))?;
    Ok(match survived {
        0 => Exit::Done,
        _ => Exit::VerificationFailed,
    })
}

fn human(report: &Report) -> String {
    let mut text = String::new();
    for hunted in &report.planted {
        let outcome = match hunted.seeds_needed {
            Some(needed) => styled(GOOD, format!("caught in {needed:3} of {:3}", hunted.within)),
            None => styled(BAD, format!("SURVIVED {:5}       ", hunted.within)),
        };
        let _ = writeln!(text, "{outcome}  {:32}  {}", hunted.bug, hunted.words);
        if let (Some(law), Some(command)) = (&hunted.law, &hunted.command) {
            let _ = writeln!(text, "    {law}\n    {command}");
        }
    }
    let _ = writeln!(text, "{} caught, {} survived", report.caught, report.survived);
    text
}
