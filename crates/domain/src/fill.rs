//! What goes out for an effect, given what was read on the way: names, positions and ids are filled in here, purely.

use std::collections::BTreeSet;

use crate::condition::in_the_way;
use crate::effect::{Effect, Request, SearchEffect, SearchTask, TrafficEffect, ZeebeEffect};
use crate::facts::Facts;
use crate::ids::{BrokerId, ChangeId, GatewayName, RegionId, sentence};
use crate::picture::Picture;

/// The request for `effect`.
///
/// # Errors
/// What is not known yet, or that there is nothing to send, as a sentence.
pub fn request(
    effect: &Effect,
    gateway: Option<&GatewayName>,
    picture: &Picture<'_>,
    facts: &Facts,
    attempts: usize,
    own: &BTreeSet<ChangeId>,
) -> Result<Request, String> {
    let zeebe = |effect: ZeebeEffect| {
        gateway
            .map(|gateway| Request::Zeebe {
                gateway: gateway.clone(),
                effect,
            })
            .ok_or_else(|| "No surviving gateway is configured.".to_owned())
    };
    match effect {
        Effect::Zeebe(ZeebeEffect::ResumeExporting) => zeebe(resume(picture, attempts)?),
        Effect::Zeebe(effect) => zeebe(effect.clone()),
        Effect::CancelOwn => zeebe(cancel(picture, own)?),
        Effect::Search { region, task } => Ok(Request::Search {
            region: *region,
            effect: search(*region, task, picture, facts)?,
        }),
        Effect::Platform { region, effect } => Ok(Request::Platform {
            region: *region,
            effect: *effect,
        }),
        Effect::Traffic { to } => Ok(Request::Traffic {
            effect: TrafficEffect {
                to: to.clone(),
                expected: (picture.latest.traffic.seen()).and_then(|seen| seen.version.clone()),
            },
        }),
    }
}

/// A resume for all at first; one that has failed may have done its part, and fails as a whole while one partition is
/// incomplete: it is finished broker by broker. `spec: edge-cases.md E3`
fn resume(picture: &Picture<'_>, attempts: usize) -> Result<ZeebeEffect, String> {
    if attempts == 0 {
        return Ok(ZeebeEffect::ResumeExporting);
    }
    let paused: BTreeSet<BrokerId> = picture.paused().into_keys().collect();
    if let Some(broker) = paused.first() {
        return Ok(ZeebeEffect::ResumeExportingOn { broker: *broker });
    }
    // Who keeps silent may be paused; asking all of them again would fail on that one again.
    let members = picture
        .configuration()
        .map(|configuration| &configuration.members);
    let silent: BTreeSet<BrokerId> = picture
        .latest
        .brokers
        .iter()
        .filter(|(broker, sight)| {
            sight.partitions.seen().is_none() && members.is_none_or(|members| members.contains_key(broker))
        })
        .map(|(broker, _)| *broker)
        .collect();
    if silent.is_empty() {
        return Ok(ZeebeEffect::ResumeExporting);
    }
    Err(sentence(
        "broker",
        &silent,
        "does not say what its exporters do; it is resumed when it does.",
        "do not say what their exporters do; they are resumed when they do.",
    ))
}

/// Never somebody else's.
fn cancel(picture: &Picture<'_>, own: &BTreeSet<ChangeId>) -> Result<ZeebeEffect, String> {
    let pending = picture
        .configuration()
        .and_then(|configuration| configuration.pending_change.as_ref())
        .ok_or_else(|| "No change is pending.".to_owned())?;
    if own.contains(&pending.id) {
        Ok(ZeebeEffect::CancelChange { change: pending.id })
    } else {
        Err(format!(
            "Change {} is pending and is not ours; it is not cancelled.",
            pending.id
        ))
    }
}

fn search(
    region: RegionId,
    task: &SearchTask,
    picture: &Picture<'_>,
    facts: &Facts,
) -> Result<SearchEffect, String> {
    Ok(match task {
        SearchTask::Register {
            repository,
            settings,
            anew,
        } => SearchEffect::Register {
            repository: repository.clone(),
            settings: settings.clone(),
            anew: *anew,
        },
        SearchTask::Snapshot { repository } => {
            if facts.positions.is_empty() {
                return Err("The position vector is not known, so no snapshot is taken.".to_owned());
            }
            SearchEffect::Snapshot {
                repository: repository.clone(),
                name: facts.snapshot_name(),
                metadata: facts.snapshot_metadata(),
            }
        }
        SearchTask::ClearTheWay => {
            let found = picture
                .latest
                .searches
                .get(&region)
                .and_then(|search| search.indices.seen())
                .ok_or_else(|| "The indices of the returning search cannot be read.".to_owned())?;
            let way = in_the_way(found, facts);
            let indices: BTreeSet<String> = way.empty.into_iter().chain(way.ours).collect();
            if indices.is_empty() {
                return Err("Nothing that may be deleted stands in the way.".to_owned());
            }
            SearchEffect::DeleteIndices {
                indices,
                cluster_uuid: facts
                    .clusters
                    .get(&region)
                    .cloned()
                    .ok_or_else(|| "Which cluster the returning search is, is not known.".to_owned())?,
            }
        }
        SearchTask::Restore { repository } => {
            let snapshot = facts
                .snapshot
                .as_ref()
                .ok_or_else(|| "No snapshot is known.".to_owned())?;
            SearchEffect::Restore {
                repository: repository.clone(),
                name: snapshot.name.clone(),
                indices: snapshot.indices.clone(),
            }
        }
    })
}
