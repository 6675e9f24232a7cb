//! Conditions about the searches: which they are, the repository, the snapshot, the restore, and that both hold the same.
//!
//! `spec: procedure.md FB3, I10–I12, §3a`; guarantees G5, G10.

use std::collections::{BTreeMap, BTreeSet};

use super::Verdict;
use crate::facts::Facts;
use crate::ids::{RegionId, listed};
use crate::observation::Sight;
use crate::picture::Picture;
use crate::planted::{self, Bug};
use crate::search::{Color, Copied, Index, Repository, SearchCluster, SearchSight, SnapshotState};

fn search<'a>(picture: &Picture<'a>, region: RegionId) -> Result<&'a SearchSight, Verdict> {
    let name = &picture.installation.region(region).name;
    let latest = picture.latest;
    latest
        .searches
        .get(&region)
        .ok_or_else(|| Verdict::NotYet(format!("The search of region {name} was not asked.")))
}

/// What was seen, or the sentence that says why not.
fn seen<'a, T>(
    picture: &Picture<'_>,
    region: RegionId,
    what: &str,
    sight: &'a Sight<T>,
) -> Result<&'a T, Verdict> {
    let name = &picture.installation.region(region).name;
    sight.seen().ok_or_else(|| {
        Verdict::NotYet(format!(
            "{what} of region {name} cannot be read: {}.",
            sight.instead().unwrap_or_default()
        ))
    })
}

fn cluster<'a>(picture: &Picture<'a>, region: RegionId) -> Result<&'a SearchCluster, Verdict> {
    seen(picture, region, "The search", &search(picture, region)?.cluster)
}

fn indices<'a>(picture: &Picture<'a>, region: RegionId) -> Result<&'a Vec<Index>, Verdict> {
    seen(
        picture,
        region,
        "The list of indices",
        &search(picture, region)?.indices,
    )
}

/// Either arm is a verdict: an error is one that was come to early.
fn verdict(result: Result<Verdict, Verdict>) -> Verdict {
    result.unwrap_or_else(|early| early)
}

/// Indices of the system and hidden ones are not the installation's.
fn is_ours(index: &str) -> bool {
    !index.starts_with('.')
}

pub(super) fn well(picture: &Picture<'_>, region: RegionId, facts: &Facts) -> Verdict {
    verdict(is_well(picture, region, facts))
}

fn is_well(picture: &Picture<'_>, region: RegionId, facts: &Facts) -> Result<Verdict, Verdict> {
    let name = &picture.installation.region(region).name;
    let cluster = cluster(picture, region)?;
    let other = facts.clusters.get(&region.other()).cloned().or_else(|| {
        let other = picture.latest.searches.get(&region.other())?;
        Some(other.cluster.seen()?.uuid.clone())
    });
    if other.as_deref() == Some(cluster.uuid.as_str()) {
        return Err(Verdict::Broken(format!(
            "The configured searches of both regions are one and the same cluster ({}). Correct the configuration.",
            cluster.uuid
        )));
    }
    if let Some(known) = facts
        .clusters
        .get(&region)
        .filter(|known| **known != cluster.uuid)
    {
        return Err(Verdict::Broken(format!(
            "The search of region {name} is another one than before: {} instead of {known}.",
            cluster.uuid
        )));
    }
    Ok(match cluster.color {
        Color::Red => Verdict::NotYet(format!(
            "The search of region {name} is red: data is missing{}.",
            cluster.red_words()
        )),
        Color::Yellow | Color::Green => Verdict::Met(format!("The search of region {name} is well.")),
    })
}

pub(super) fn registered(picture: &Picture<'_>, region: RegionId, wanted: &Repository) -> Verdict {
    verdict(is_registered(picture, region, wanted))
}

fn is_registered(picture: &Picture<'_>, region: RegionId, wanted: &Repository) -> Result<Verdict, Verdict> {
    let name = &picture.installation.region(region).name;
    let registration = seen(
        picture,
        region,
        "The repository",
        &search(picture, region)?.repository,
    )?;
    Ok(match registration {
        None => Verdict::NotYet(format!(
            "The repository {} is not registered in region {name}.",
            wanted.name
        )),
        Some(registration) => match differing(registration, &wanted.settings) {
            None => Verdict::Met(format!(
                "The repository {} is registered in region {name}.",
                wanted.name
            )),
            Some(setting) => Verdict::NotYet(format!(
                "The repository {} is registered in region {name}, but its `{setting}` differs.",
                wanted.name
            )),
        },
    })
}

/// The first setting of a registration that is not as wanted. Servers add settings and write numbers and flags as text.
pub(crate) fn differing(registration: &serde_json::Value, wanted: &serde_json::Value) -> Option<String> {
    let as_text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if registration.get("type") != wanted.get("type") {
        return Some("type".to_owned());
    }
    let setting = |of: &serde_json::Value, key: &str| {
        of.get("settings")
            .and_then(|settings| settings.get(key))
            .map(as_text)
    };
    // A region that was filled once has the repository for reading only; as a source it must write.
    let is_readonly = |of: &serde_json::Value| setting(of, "readonly").is_some_and(|value| value == "true");
    if is_readonly(registration) != is_readonly(wanted) {
        return Some("readonly".to_owned());
    }
    let settings = wanted.get("settings").and_then(|settings| settings.as_object())?;
    settings
        .keys()
        .find(|key| key.as_str() != "readonly" && setting(registration, key) != setting(wanted, key))
        .cloned()
}

pub(super) fn snapshot_whole(picture: &Picture<'_>, region: RegionId, facts: &Facts) -> Verdict {
    verdict(is_snapshot_whole(picture, region, facts))
}

fn is_snapshot_whole(picture: &Picture<'_>, region: RegionId, facts: &Facts) -> Result<Verdict, Verdict> {
    let name = facts.snapshot_name();
    let known = facts
        .snapshot
        .as_ref()
        .and_then(|snapshot| snapshot.uuid.as_deref());
    let of_region = &picture.installation.region(region).name;
    let snapshot = seen(
        picture,
        region,
        "The snapshot",
        &search(picture, region)?.snapshot,
    )?;
    let Some(snapshot) = snapshot else {
        return Err(match known {
            Some(_) if is_source(picture, region) => {
                Verdict::Moved(format!("The snapshot {name} has vanished."))
            }
            _ => Verdict::NotYet(format!(
                "The snapshot {name} cannot be seen from region {of_region}."
            )),
        });
    };
    if known.is_some_and(|known| known != snapshot.uuid) {
        return Err(Verdict::Moved(format!(
            "The snapshot {name} is another one than before ({}).",
            snapshot.uuid
        )));
    }
    match snapshot.state {
        SnapshotState::InProgress => {
            let copied = snapshot
                .copied
                .map(|copied| format!(", {} are copied", copied.words()));
            return Err(Verdict::NotYet(format!(
                "{} of {} shards of the snapshot are done{}.",
                snapshot.shards_done,
                snapshot.shards_total,
                copied.unwrap_or_default()
            )));
        }
        SnapshotState::Success if snapshot.shards_failed == 0 => {}
        SnapshotState::Partial if planted::is(Bug::PartialSnapshotTaken) => {}
        SnapshotState::Success | SnapshotState::Partial | SnapshotState::Failed => {
            return Err(Verdict::Moved(format!(
                "The snapshot {name} ended as {} with {} failed shards; it is worthless.",
                state_word(snapshot.state),
                snapshot.shards_failed
            )));
        }
        SnapshotState::Incompatible => {
            return Err(Verdict::Broken(format!(
                "The search of region {of_region} cannot read the snapshot {name}: it was written by another version."
            )));
        }
    }
    // What we put into it says whose it is, and that it was taken at V. One without it is somebody's, whatever its name.
    let written = facts.snapshot_metadata();
    if !planted::is(Bug::SnapshotNameReused)
        && written
            .iter()
            .any(|(key, value)| snapshot.metadata.get(key) != Some(value))
    {
        return Err(Verdict::Moved(format!(
            "There is a snapshot {name} that this run has not taken at V; it is left alone, and another name is taken."
        )));
    }
    if is_source(picture, region) {
        let all = indices(picture, region)?;
        if let Some(missing) = all
            .iter()
            .find(|index| is_ours(&index.name) && !snapshot.indices.contains(&index.name))
        {
            return Err(Verdict::Moved(format!(
                "The snapshot {name} lacks the index {}.",
                missing.name
            )));
        }
        if let Some(unknown) = all
            .iter()
            .find(|index| is_ours(&index.name) && index.documents.is_none())
        {
            return Err(Verdict::NotYet(format!(
                "How many documents {} has is not known.",
                unknown.name
            )));
        }
    }
    Ok(Verdict::Met(format!("The snapshot {name} is whole.")))
}

/// Whether the snapshot is of this region's search: its brokers are the members.
fn is_source(picture: &Picture<'_>, region: RegionId) -> bool {
    picture.configuration().is_some_and(|configuration| {
        configuration
            .members
            .keys()
            .any(|broker| RegionId::of(*broker) == region)
    })
}

fn state_word(state: SnapshotState) -> &'static str {
    match state {
        SnapshotState::InProgress => "IN_PROGRESS",
        SnapshotState::Success => "SUCCESS",
        SnapshotState::Partial => "PARTIAL",
        SnapshotState::Failed => "FAILED",
        SnapshotState::Incompatible => "INCOMPATIBLE",
    }
}

/// The indices that are restored, with their documents, as the surviving search shows them; `None` if it was not asked.
pub(crate) fn of_snapshot(sight: &SearchSight) -> Option<(String, BTreeMap<String, u64>)> {
    let snapshot = sight.snapshot.seen()?.as_ref()?;
    let counts: BTreeMap<&str, u64> = sight
        .indices
        .seen()?
        .iter()
        .filter_map(|index| Some((index.name.as_str(), index.documents?)))
        .collect();
    let documents = snapshot
        .indices
        .iter()
        .filter(|index| is_ours(index))
        .filter_map(|index| Some((index.clone(), *counts.get(index.as_str())?)))
        .collect();
    Some((snapshot.uuid.clone(), documents))
}

/// What stands in the way of a restore: indices of the snapshot's names that are there already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InTheWay {
    /// Without a document: made by exporters or webapps that were up too early.
    pub empty: BTreeSet<String>,
    /// Restored by an earlier take of this very run.
    pub ours: BTreeSet<String>,
    /// With documents, or unreadable: somebody's data. `None` is "cannot be counted".
    pub real: BTreeMap<String, Option<u64>>,
}

impl InTheWay {
    /// Whether nothing does.
    pub fn is_clear(&self) -> bool {
        self.empty.is_empty() && self.ours.is_empty() && self.real.is_empty()
    }
}

/// Sorts what stands in the way of restoring this run's snapshot.
pub fn in_the_way(found: &[Index], facts: &Facts) -> InTheWay {
    let mut way = InTheWay::default();
    let wanted = facts.snapshot.as_ref().map(|snapshot| &snapshot.indices);
    for index in found {
        if !wanted.is_some_and(|wanted| wanted.contains(&index.name)) {
            continue;
        }
        match index.documents {
            _ if facts.restored.contains(&index.name) => {
                way.ours.insert(index.name.clone());
            }
            Some(0) => {
                way.empty.insert(index.name.clone());
            }
            documents => {
                way.real.insert(index.name.clone(), documents);
            }
        }
    }
    way
}

pub(super) fn way_clear(picture: &Picture<'_>, region: RegionId, facts: &Facts) -> Verdict {
    verdict(is_way_clear(picture, region, facts))
}

/// What stands in the way, if that could be read; real data is broken ground.
fn way(picture: &Picture<'_>, region: RegionId, facts: &Facts) -> Result<InTheWay, Verdict> {
    let name = &picture.installation.region(region).name;
    let way = in_the_way(indices(picture, region)?, facts);
    if way.real.is_empty() {
        return Ok(way);
    }
    let told = way.real.iter().map(|(index, documents)| match documents {
        Some(documents) => format!("{index} ({documents} documents)"),
        None => format!("{index} (unreadable)"),
    });
    Err(Verdict::Broken(format!(
        "The search of region {name} is not clean: {}. c8dr deletes nothing that has documents; see whose they are, delete them by name if they are nobody's, and repeat.",
        listed(told)
    )))
}

pub(super) fn nothing_real_in_the_way(picture: &Picture<'_>, region: RegionId, facts: &Facts) -> Verdict {
    let name = &picture.installation.region(region).name;
    verdict(way(picture, region, facts).map(|way| {
        Verdict::Met(format!(
            "Nothing with documents stands in the way in region {name}{}.",
            sorted(&way).map(|words| format!(": {words}")).unwrap_or_default()
        ))
    }))
}

fn is_way_clear(picture: &Picture<'_>, region: RegionId, facts: &Facts) -> Result<Verdict, Verdict> {
    let name = &picture.installation.region(region).name;
    let way = way(picture, region, facts)?;
    if way.is_clear() {
        return Ok(Verdict::Met(format!(
            "Nothing stands in the way in region {name}."
        )));
    }
    Ok(Verdict::NotYet(format!(
        "In region {name} there are already indices of the snapshot's names: {}.",
        sorted(&way).unwrap_or_default()
    )))
}

/// What stands in the way by where it comes from; `None` if nothing does.
fn sorted(way: &InTheWay) -> Option<String> {
    let empty = (!way.empty.is_empty()).then(|| {
        format!(
            "{} without a document, made by exporters or webapps that were up too early",
            listed(&way.empty)
        )
    });
    let ours =
        (!way.ours.is_empty()).then(|| format!("{} from an earlier take of this run", listed(&way.ours)));
    match (empty, ours) {
        (None, None) => None,
        (one, other) => Some(one.into_iter().chain(other).collect::<Vec<_>>().join("; ")),
    }
}

pub(super) fn restored(picture: &Picture<'_>, region: RegionId, facts: &Facts) -> Verdict {
    verdict(is_restored(picture, region, facts))
}

fn is_restored(picture: &Picture<'_>, region: RegionId, facts: &Facts) -> Result<Verdict, Verdict> {
    let name = &picture.installation.region(region).name;
    let Some(snapshot) = &facts.snapshot else {
        return Err(Verdict::NotYet("No snapshot is known.".to_owned()));
    };
    let sight = search(picture, region)?;
    let cluster = cluster(picture, region)?;
    let found: BTreeMap<&str, &Index> = indices(picture, region)?
        .iter()
        .map(|index| (index.name.as_str(), index))
        .collect();
    if let Some(missing) = snapshot
        .indices
        .iter()
        .find(|index| !found.contains_key(index.as_str()))
    {
        return Err(Verdict::NotYet(format!(
            "The index {missing} is not back in region {name} yet."
        )));
    }
    let recoveries = seen(picture, region, "The progress", &sight.recoveries)?;
    let open: Vec<_> = recoveries
        .iter()
        .filter(|recovery| !recovery.is_done && snapshot.indices.contains(&recovery.index))
        .collect();
    if !open.is_empty() {
        let (bytes_done, bytes_total) = open.iter().fold((0u64, 0u64), |(done, total), one| {
            (
                done.saturating_add(one.bytes_done),
                total.saturating_add(one.bytes_total),
            )
        });
        let copied = Copied {
            bytes_done,
            bytes_total,
        };
        return Err(Verdict::NotYet(format!(
            "{} of {} indices are being copied; {} of theirs are there.",
            open.len(),
            snapshot.indices.len(),
            copied.words()
        )));
    }
    for (index, wanted) in &snapshot.documents {
        match found.get(index.as_str()).and_then(|index| index.documents) {
            Some(documents) if documents == *wanted => {}
            Some(documents) if documents > *wanted => {
                return Err(Verdict::Broken(format!(
                    "{index} has {documents} documents in region {name}, and the snapshot {wanted}: somebody writes to it."
                )));
            }
            Some(documents) => {
                return Err(Verdict::NotYet(format!(
                    "{index} has {documents} of {wanted} documents in region {name}."
                )));
            }
            None => {
                return Err(Verdict::NotYet(format!(
                    "{index} cannot be read in region {name} yet{}.",
                    cluster.red_words()
                )));
            }
        }
    }
    // A source of one node may be yellow for ever; the copy need not be better than it. And one node that is given indices
    // with replicas stays yellow, however green their source was.
    let source = picture
        .latest
        .searches
        .get(&region.other())
        .and_then(|other| other.cluster.seen())
        .map_or(Color::Green, |other| other.color);
    let cannot_be_green = cluster.color == Color::Yellow && cluster.data_nodes == Some(1);
    if cluster.color > source && !cannot_be_green {
        return Err(Verdict::NotYet(format!(
            "The search of region {name} is not green yet."
        )));
    }
    let alone = match cannot_be_green {
        true => " It is yellow, and stays so: its one node cannot hold replicas.",
        false => "",
    };
    Ok(Verdict::Met(format!(
        "{} indices with {} documents are back in region {name}.{alone}",
        snapshot.indices.len(),
        snapshot.documents.values().sum::<u64>()
    )))
}

pub(super) fn same_records(picture: &Picture<'_>, facts: &Facts) -> Verdict {
    verdict(are_same_records(picture, facts))
}

fn are_same_records(picture: &Picture<'_>, facts: &Facts) -> Result<Verdict, Verdict> {
    let Some(compared) = &facts.compared else {
        return Err(Verdict::NotYet(
            "Up to where to compare is not known yet.".to_owned(),
        ));
    };
    // What is compared up to nowhere is the same everywhere.
    for partition in picture.installation.partitions() {
        let wanted = facts.positions.get(&partition);
        let up_to = compared.up_to.get(&partition);
        if up_to.is_none() || up_to < wanted {
            return Err(Verdict::NotYet(format!(
                "Up to where to compare partition {partition} is not known yet, or is before V."
            )));
        }
    }
    let [here, there] = [RegionId(0), RegionId(1)];
    let held = |region: RegionId| {
        seen(
            picture,
            region,
            "What the search holds",
            &search(picture, region)?.holdings,
        )
    };
    let (first, second) = (held(here)?, held(there)?);
    let mut records = 0;
    for partition in compared.up_to.keys() {
        match (first.get(partition), second.get(partition)) {
            (Some(one), Some(other)) if one == other => records += one.count,
            (one, other) => {
                let count =
                    |holding: Option<&crate::search::Holding>| holding.map_or(0, |holding| holding.count);
                return Err(Verdict::NotYet(format!(
                    "Partition {partition}: region {here} holds {} records, region {there} {}{}.",
                    count(one),
                    count(other),
                    if count(one) == count(other) {
                        ", and not the same"
                    } else {
                        ""
                    }
                )));
            }
        }
    }
    Ok(Verdict::Met(format!(
        "Both searches hold the same {records} records of {} partitions.",
        compared.up_to.len()
    )))
}
