//! Conditions after a force: nothing acknowledged is cut off, exporters are as they should be, and exporting goes on.
//!
//! `spec: procedure.md I4, I6`, guarantee G5

use std::collections::{BTreeMap, BTreeSet};

use super::Verdict;
use crate::ids::{ExporterId, PartitionId, counted};
use crate::observation::Observation;
use crate::picture::{Lead, Picture};
use crate::topology::{ExporterPhase, ExporterStatus};

pub(super) fn nothing_cut_off(picture: &Picture<'_>, processed: &BTreeMap<PartitionId, i64>) -> Verdict {
    let mut unknown = BTreeSet::new();
    for partition in picture.installation.partitions() {
        let Some(before) = processed.get(&partition) else {
            unknown.insert(partition);
            continue;
        };
        // A leader that only gateways name keeps its position to itself: that is unknown for good, not late.
        if matches!(picture.lead(partition, picture.latest), Lead::Listed(_)) {
            unknown.insert(partition);
            continue;
        }
        match leaders_account(picture, partition).map(|replica| replica.processed_position) {
            Some(Some(now)) if now >= *before => {}
            Some(Some(now)) => {
                return Verdict::NotYet(format!(
                    "Partition {partition}: the leader has processed up to {now}; {before} had been processed before."
                ));
            }
            Some(None) | None => {
                return Verdict::NotYet(format!(
                    "Partition {partition}: the leader's position is not known."
                ));
            }
        }
    }
    if unknown.is_empty() {
        return Verdict::Met("Every leader holds what was processed before.".to_owned());
    }
    Verdict::Met(format!(
        "Whether anything was cut off is unknown for {}: positions were not read.",
        counted("partition", &unknown)
    ))
}

pub(super) fn leaders_account<'a>(
    picture: &Picture<'a>,
    partition: PartitionId,
) -> Option<&'a crate::topology::OwnReplica> {
    let latest: &'a Observation = picture.latest;
    latest
        .own_replicas(partition)
        .find(|(_, replica)| replica.leads())
        .map(|(_, replica)| replica)
}

pub(super) fn exporter_is(picture: &Picture<'_>, exporter: &ExporterId, wanted: &ExporterStatus) -> Verdict {
    match picture
        .latest
        .exporters()
        .map(|exporters| exporters.get(exporter))
    {
        None => return Verdict::NotYet("The exporters cannot be read.".to_owned()),
        Some(None) => return Verdict::Broken(format!("There is no exporter {exporter}; see `c8dr status`.")),
        Some(Some(status)) if status != wanted => {
            return Verdict::NotYet(format!("The exporter {exporter} is {status}."));
        }
        Some(Some(_)) => {}
    }
    // The list is a summary; the configuration says it for each replica.
    let differs = picture
        .configuration()
        .into_iter()
        .flat_map(|configuration| &configuration.members)
        .find_map(|(broker, member)| {
            member
                .partitions
                .iter()
                .find_map(|(partition, replica)| match replica.exporters.get(exporter) {
                    Some(status) if status != wanted => Some((*broker, *partition, status)),
                    _ => None,
                })
        });
    match differs {
        Some((broker, partition, status)) => Verdict::NotYet(format!(
            "The exporter {exporter} is {status} on broker {broker}, partition {partition}."
        )),
        None => Verdict::Met(format!("The exporter {exporter} is {wanted}.")),
    }
}

pub(super) fn exporting_again(picture: &Picture<'_>, processed: &BTreeMap<PartitionId, i64>) -> Verdict {
    for partition in picture.installation.partitions() {
        let Some(replica) = leaders_account(picture, partition) else {
            if matches!(picture.lead(partition, picture.latest), Lead::Listed(_)) {
                continue;
            }
            return Verdict::NotYet(format!("Partition {partition} has no leader that exports."));
        };
        if let Some(phase @ (ExporterPhase::Paused | ExporterPhase::SoftPaused | ExporterPhase::Closed)) =
            &replica.exporter_phase
        {
            return Verdict::Broken(format!(
                "Partition {partition}: exporting is {phase} on its leader; somebody paused it. If nobody is in a backup: \
                 `curl -X POST $MANAGEMENT/actuator/exporting/resume`."
            ));
        }
        let Some(wanted) = processed.get(&partition) else {
            continue;
        };
        match replica.exported_position {
            Some(exported) if exported >= *wanted => {}
            Some(exported) => {
                return Verdict::NotYet(format!(
                    "Partition {partition}: exported up to {exported} of {wanted}."
                ));
            }
            None => {
                return Verdict::NotYet(format!(
                    "Partition {partition}: nothing is known to be exported yet."
                ));
            }
        }
    }
    Verdict::Met("Every leader exports.".to_owned())
}
