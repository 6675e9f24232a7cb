//! Whether the exporters' way leads to both searches: judged from what pods of the surviving region wrote there themselves.
//!
//! That this machine reaches a search says nothing of the brokers' way to it. A search that they do not reach holds up the other
//! exporter, too, once exporting is resumed. `spec: real-zeebe/edge-cases.md E9`

use std::collections::BTreeMap;

use super::Verdict;
use crate::ids::{ExporterId, RegionId, listed};
use crate::observation::Sight;
use crate::picture::Picture;
use crate::platform::{Trial, WriteTrial};

pub(super) fn arrive(
    picture: &Picture<'_>,
    from: RegionId,
    exporters: &BTreeMap<RegionId, ExporterId>,
) -> Verdict {
    do_arrive(picture, from, exporters).unwrap_or_else(|early| early)
}

fn do_arrive(
    picture: &Picture<'_>,
    from: RegionId,
    exporters: &BTreeMap<RegionId, ExporterId>,
) -> Result<Verdict, Verdict> {
    let name = &picture.installation.region(from).name;
    let platform = picture.latest.platforms.get(&from);
    let sight = platform
        .map(|platform| &platform.writes)
        .ok_or_else(|| Verdict::NotYet("Nothing was tried yet.".to_owned()))?;
    let trials = sight.seen().ok_or_else(|| {
        Verdict::NotYet(match sight {
            Sight::NotAsked => {
                format!("Whether what pods of region {name} write arrives in both searches is tried by a run alone.")
            }
            other => format!(
                "What pods of region {name} write into both searches cannot be tried: {}.",
                other.instead().unwrap_or_default()
            ),
        })
    })?;
    for trial in trials {
        holds(picture, from, trial)?;
    }
    // What cannot be tried is no reason to stop: the leaders' own account proves it after the resume.
    let untried: Vec<String> = (exporters.keys())
        .filter_map(|to| untried(picture, *to, trials))
        .collect();
    if !untried.is_empty() {
        return Ok(Verdict::Met(format!(
            "Whether pods of region {name} reach the search of region {} was not tried.",
            listed(untried)
        )));
    }
    let mut writers: Vec<&str> = (trials.iter().filter(|trial| is_written(trial)))
        .map(|trial| trial.pod.as_str())
        .collect();
    writers.dedup();
    Ok(Verdict::Met(format!(
        "Both searches have taken what {} of region {name} wrote, and it was taken away again.",
        listed(writers)
    )))
}

fn is_written(trial: &WriteTrial) -> bool {
    matches!(trial.outcome, Trial::Written { .. })
}

/// That nothing speaks against a pod's way.
fn holds(picture: &Picture<'_>, from: RegionId, trial: &WriteTrial) -> Result<(), Verdict> {
    let (from, to) = (
        &picture.installation.region(from).name,
        &picture.installation.region(trial.to).name,
    );
    let reached = match &trial.outcome {
        Trial::Written { cluster } => cluster,
        Trial::Untried { .. } => return Ok(()),
        Trial::Failed { why } => {
            return Err(Verdict::NotYet(format!(
                "{} of region {from} cannot write into the search of region {to}: {why}. Its exporter would hold up both.",
                trial.pod
            )));
        }
    };
    let search = picture.latest.searches.get(&trial.to);
    match search.and_then(|search| search.cluster.seen()) {
        Some(seen) if seen.uuid == *reached => Ok(()),
        Some(seen) => Err(Verdict::Broken(format!(
            "What {} writes for region {to} arrives in the cluster {reached}, and the search of region {to} is {}: the \
             exporter's address leads elsewhere.",
            trial.pod, seen.uuid
        ))),
        None => Err(Verdict::NotYet(format!(
            "Whether the cluster {reached} that {} writes to is the search of region {to} cannot be read.",
            trial.pod
        ))),
    }
}

/// The region, with why no pod has written into its search, if none has.
fn untried(picture: &Picture<'_>, to: RegionId, trials: &[WriteTrial]) -> Option<String> {
    let mut tried = trials.iter().filter(|trial| trial.to == to).peekable();
    let why = match tried.peek().map(|first| &first.outcome) {
        Some(Trial::Untried { why }) => why.as_str(),
        _ => "no pod was found to write from",
    };
    let why = why.to_owned();
    (!tried.any(is_written)).then(|| format!("{} ({why})", picture.installation.region(to).name))
}
