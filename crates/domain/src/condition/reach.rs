//! Whether the exporters' way leads to both searches: judged from what pods of the surviving region wrote there themselves.
//!
//! That this machine reaches a search says nothing of the brokers' way to it. A search that they do not reach holds up the other
//! exporter, too, once exporting is resumed. `spec: real-zeebe/edge-cases.md E9`

use std::collections::{BTreeMap, BTreeSet};

use super::Verdict;
use crate::ids::{ExporterId, RegionId, listed};
use crate::picture::Picture;
use crate::platform::{Trial, WriteTrial};

pub(super) fn arrive(
    picture: &Picture<'_>,
    from: RegionId,
    exporters: &BTreeMap<RegionId, ExporterId>,
) -> Verdict {
    let name = |region: RegionId| &picture.installation.region(region).name;
    let platform = picture.latest.platforms.get(&from);
    let trials = match platform.map(|platform| &platform.writes) {
        Some(sight) => match sight.seen() {
            Some(trials) => trials,
            None => {
                return Verdict::NotYet(format!(
                    "What pods of region {} write into both searches cannot be tried: {}.",
                    name(from),
                    sight.instead().unwrap_or_default()
                ));
            }
        },
        None => return Verdict::NotYet("Nothing was tried yet.".to_owned()),
    };
    let mut untried = Vec::new();
    let mut writers = BTreeSet::new();
    for to in exporters.keys() {
        let tried: Vec<&WriteTrial> = trials.iter().filter(|trial| trial.to == *to).collect();
        let cluster = (picture.latest.searches.get(to)).and_then(|search| search.cluster.seen());
        for trial in &tried {
            match &trial.outcome {
                Trial::Written { cluster: reached } => {
                    if let Some(seen) = cluster.filter(|seen| seen.uuid != *reached) {
                        return Verdict::Broken(format!(
                            "What {} writes for region {} arrives in the cluster {reached}, and the search of region {} is {}: \
                             the exporter's address leads elsewhere.",
                            trial.pod,
                            name(*to),
                            name(*to),
                            seen.uuid
                        ));
                    }
                    writers.insert(trial.pod.as_str());
                }
                Trial::Failed { why } => {
                    return Verdict::NotYet(format!(
                        "{} of region {} cannot write into the search of region {}: {why}. Its exporter would hold up both.",
                        trial.pod,
                        name(from),
                        name(*to)
                    ));
                }
                Trial::Untried { .. } => {}
            }
        }
        let is_written = (tried.iter()).any(|trial| matches!(trial.outcome, Trial::Written { .. }));
        if !is_written {
            let why = tried.iter().find_map(|trial| match &trial.outcome {
                Trial::Untried { why } => Some(why.as_str()),
                Trial::Written { .. } | Trial::Failed { .. } => None,
            });
            untried.push(format!(
                "{} ({})",
                name(*to),
                why.unwrap_or("no pod was found to write from")
            ));
        }
    }
    if untried.is_empty() {
        return Verdict::Met(format!(
            "Both searches have taken what {} of region {} wrote, and it was taken away again.",
            listed(writers),
            name(from)
        ));
    }
    // What cannot be tried is no reason to stop: the leaders' own account proves it after the resume.
    Verdict::Met(format!(
        "Whether pods of region {} reach the search of region {} was not tried.",
        name(from),
        listed(untried)
    ))
}
