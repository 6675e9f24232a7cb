//! Conditions about the returning region and the pods: nothing left of before, brokers joined, webapps down and up again.
//!
//! `spec: procedure.md I7, I8, I9, FB1, FB2, FB4`

use std::collections::{BTreeMap, BTreeSet};

use super::Verdict;
use crate::ids::{BrokerId, PartitionId, RegionId, clause, counted, listed, sentence};
use crate::observation::Sight;
use crate::picture::Picture;
use crate::platform::{Component, Pod};
use crate::topology::{Health, Role};

/// How many gateways have to say the same, where there are as many.
const GATEWAYS_AGREEING: usize = 2;

pub(super) fn complete(picture: &Picture<'_>, replication_factor: u32) -> Verdict {
    let members: Option<BTreeSet<BrokerId>> = picture
        .configuration()
        .map(|configuration| configuration.members.keys().copied().collect());
    let mut agreeing = 0;
    let mut wanted = 0;
    let mut first_missing = None;
    for (gateway, region, topology) in picture.latest.topologies() {
        if members
            .as_ref()
            .is_some_and(|members| members.iter().all(|broker| RegionId::of(*broker) != region))
        {
            continue;
        }
        wanted += 1;
        // Each listed replica is counted once, not looked for in each partition.
        let mut counts: BTreeMap<PartitionId, (usize, usize)> = BTreeMap::new();
        let replicas = topology.brokers.values().flat_map(|broker| &broker.partitions);
        for (partition, replica) in replicas.filter(|(_, replica)| replica.health == Health::Healthy) {
            let (leaders, followers) = counts.entry(*partition).or_default();
            match replica.role {
                Role::Leader => *leaders += 1,
                Role::Follower => *followers += 1,
                _ => {}
            }
        }
        let missing = picture.installation.partitions().find_map(|partition| {
            let (leaders, followers) = counts.get(&partition).copied().unwrap_or_default();
            // A change that broke off may have left one more.
            let whole = leaders == 1 && followers as u32 + 1 >= replication_factor;
            (!whole).then(|| {
                format!(
                    "Gateway {gateway} lists {leaders} leaders and {followers} followers of partition {partition}; 1 and {} are wanted.",
                    replication_factor.saturating_sub(1)
                )
            })
        });
        match missing {
            None => agreeing += 1,
            Some(words) => first_missing = first_missing.or(Some(words)),
        }
    }
    let enough = wanted.clamp(1, GATEWAYS_AGREEING);
    match first_missing {
        _ if agreeing >= enough => Verdict::Met("Every partition is complete.".to_owned()),
        Some(words) => Verdict::NotYet(words),
        None => Verdict::NotYet("No gateway shows its topology.".to_owned()),
    }
}

/// The partitions that a broker says it holds.
fn held(picture: &Picture<'_>, broker: BrokerId) -> BTreeSet<PartitionId> {
    picture
        .latest
        .brokers
        .get(&broker)
        .and_then(|sight| sight.partitions.seen())
        .map(|own| own.keys().copied().collect())
        .unwrap_or_default()
}

fn is_member(picture: &Picture<'_>, broker: BrokerId) -> bool {
    picture
        .configuration()
        .is_some_and(|configuration| configuration.members.contains_key(&broker))
}

pub(super) fn nothing_left(picture: &Picture<'_>, region: RegionId) -> Verdict {
    let name = &picture.installation.region(region).name;
    let with_data: BTreeSet<BrokerId> = picture
        .installation
        .brokers_of(region)
        .into_iter()
        .filter(|broker| !is_member(picture, *broker) && !held(picture, *broker).is_empty())
        .collect();
    if !with_data.is_empty() {
        return Verdict::Broken(format!(
            "{} Stop region {name}, delete its volumes, and repeat.",
            sentence(
                "broker",
                &with_data,
                "came back with its old disk.",
                "came back with their old disks."
            )
        ));
    }
    let Some(platform) = picture.latest.platforms.get(&region) else {
        return Verdict::NotYet(format!("The platform of region {name} was not asked."));
    };
    match &platform.volumes {
        Sight::Seen(volumes) if !volumes.is_empty() => Verdict::Broken(format!(
            "Volumes are left over in region {name}: {}. A broker that finds its old data does not come back; delete them by name, and repeat.",
            listed(volumes)
        )),
        Sight::Seen(_) => Verdict::Met(format!("Nothing is left in region {name}.")),
        // Without a reading the brokers themselves are the proof: one that finds old data is seen when it is up.
        Sight::NotAsked => Verdict::Met(format!(
            "No broker of region {name} holds anything; its volumes cannot be seen from here."
        )),
        other => Verdict::NotYet(format!(
            "The volumes of region {name} cannot be read: {}.",
            other.instead().unwrap_or_default()
        )),
    }
}

pub(super) fn joined(picture: &Picture<'_>, brokers: &BTreeSet<BrokerId>) -> Verdict {
    let strangers: BTreeSet<BrokerId> = brokers
        .iter()
        .filter(|broker| !is_member(picture, **broker) && !held(picture, **broker).is_empty())
        .copied()
        .collect();
    if !strangers.is_empty() {
        return Verdict::Broken(sentence(
            "broker",
            &strangers,
            "holds replicas and is no member: it came back with its old disk.",
            "hold replicas and are no members: they came back with their old disks.",
        ));
    }
    let side = brokers.first().map(|broker| RegionId::of(*broker).other());
    let mut best: Option<BTreeSet<BrokerId>> = None;
    for (_, _, topology) in picture
        .latest
        .topologies()
        .filter(|(_, region, _)| Some(*region) == side)
    {
        let missing: BTreeSet<BrokerId> = brokers
            .iter()
            // Gateways list the dead for seconds, with what they held: one that is no member holds nothing, or is not back.
            // Nor is one listed that is dead since a moment ago: it has to answer itself.
            .filter(|broker| {
                let is_silent = picture
                    .latest
                    .brokers
                    .get(broker)
                    .is_some_and(|sight| sight.is_silent());
                is_silent
                    || topology
                        .brokers
                        .get(broker)
                        .is_none_or(|listed| !listed.partitions.is_empty() && !is_member(picture, **broker))
            })
            .copied()
            .collect();
        if best.as_ref().is_none_or(|best| missing.len() < best.len()) {
            best = Some(missing);
        }
    }
    match best {
        None => Verdict::NotYet("No surviving gateway shows its topology.".to_owned()),
        Some(missing) if missing.is_empty() => Verdict::Met(sentence(
            "broker",
            brokers,
            "is listed by the survivors.",
            "are listed by the survivors.",
        )),
        Some(missing) => Verdict::NotYet(sentence(
            "broker",
            &missing,
            "is not listed by the survivors yet.",
            "are not listed by the survivors yet.",
        )),
    }
}

pub(super) fn ready(picture: &Picture<'_>, brokers: &BTreeSet<BrokerId>) -> Verdict {
    let unready: BTreeSet<BrokerId> = brokers
        .iter()
        .filter(|broker| {
            picture
                .latest
                .brokers
                .get(broker)
                .is_none_or(|sight| sight.ready != Sight::Seen(true))
        })
        .copied()
        .collect();
    if unready.is_empty() {
        return Verdict::Met(sentence("broker", brokers, "is ready.", "are ready."));
    }
    Verdict::NotYet(sentence("broker", &unready, "is not ready.", "are not ready."))
}

/// The webapp pods of a region, or what is in the way of seeing them.
fn webapps<'a>(picture: &Picture<'a>, region: RegionId) -> Result<Vec<&'a Pod>, Verdict> {
    let name = &picture.installation.region(region).name;
    let latest = picture.latest;
    match latest.platforms.get(&region).map(|platform| &platform.pods) {
        Some(Sight::Seen(pods)) => Ok(pods
            .iter()
            .filter(|pod| pod.component == Component::Webapp)
            .collect()),
        Some(Sight::NotAsked) | None => Err(Verdict::NotYet(format!(
            "The pods of region {name} were not read."
        ))),
        Some(other) => Err(Verdict::NotYet(format!(
            "The pods of region {name} cannot be read: {}.",
            other.instead().unwrap_or_default()
        ))),
    }
}

fn has_brokers(picture: &Picture<'_>, region: RegionId) -> bool {
    picture
        .latest
        .platforms
        .get(&region)
        .and_then(|platform| platform.pods.seen())
        .is_some_and(|pods| pods.iter().any(|pod| pod.component == Component::Broker))
}

pub(super) fn no_webapps(picture: &Picture<'_>, region: RegionId) -> Verdict {
    let pods = match webapps(picture, region) {
        Ok(pods) => pods,
        Err(verdict) => return verdict,
    };
    let name = &picture.installation.region(region).name;
    // A wrong namespace has no pods at all, and is not silence.
    if !has_brokers(picture, region) {
        return Verdict::NotYet(format!(
            "No broker's pod is seen in region {name} either: is it the right namespace?"
        ));
    }
    if pods.is_empty() {
        return Verdict::Met(format!("No pod of Operate or Tasklist is left in region {name}."));
    }
    let names = pods.iter().map(|pod| match pod.is_terminating {
        true => format!("{} (terminating)", pod.name),
        false => pod.name.clone(),
    });
    Verdict::NotYet(clause(
        "Pod",
        names,
        &format!("is still there in region {name}, and may write."),
        &format!("are still there in region {name}, and may write."),
    ))
}

/// That no webapp came back since: one that did may have written meanwhile, and waiting does not take that back.
pub(super) fn still_no_webapps(picture: &Picture<'_>, region: RegionId) -> Verdict {
    match (webapps(picture, region), no_webapps(picture, region)) {
        (Ok(pods), Verdict::NotYet(words)) if !pods.is_empty() => {
            Verdict::Moved(format!("{words} Somebody has brought it up again."))
        }
        (_, verdict) => verdict,
    }
}

pub(super) fn webapps_started(picture: &Picture<'_>, region: RegionId) -> Verdict {
    let pods = match webapps(picture, region) {
        Ok(pods) => pods,
        Err(verdict) => return verdict,
    };
    let name = &picture.installation.region(region).name;
    match pods.iter().any(|pod| !pod.is_terminating) {
        true => Verdict::Met(format!(
            "Pods of Operate or Tasklist are started in region {name}."
        )),
        false => Verdict::NotYet(format!(
            "No pod of Operate or Tasklist is started in region {name} yet."
        )),
    }
}

pub(super) fn webapps_up(picture: &Picture<'_>, region: RegionId) -> Verdict {
    let pods = match webapps(picture, region) {
        Ok(pods) => pods,
        Err(verdict) => return verdict,
    };
    let name = &picture.installation.region(region).name;
    let (up, not_up): (Vec<&Pod>, Vec<&Pod>) = pods
        .into_iter()
        .filter(|pod| !pod.is_terminating)
        .partition(|pod| pod.is_ready);
    match (up.is_empty(), not_up.first()) {
        (_, Some(pod)) => Verdict::NotYet(format!("Pod {} of region {name} is not ready yet.", pod.name)),
        (true, None) => Verdict::NotYet(format!(
            "No pod of Operate or Tasklist is there in region {name} yet."
        )),
        (false, None) => Verdict::Met(format!(
            "{} of region {name} ready.",
            counted("Pod", up.iter().map(|pod| &pod.name))
        )),
    }
}
