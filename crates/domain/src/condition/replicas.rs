//! Conditions about replicas inside the surviving region: where they are, and whether the disks have room for more.
//!
//! `spec: real-zeebe/README.md §8`

use std::collections::BTreeSet;

use super::Verdict;
use crate::ids::{BrokerId, counted, sentence};
use crate::picture::Picture;
use crate::placement::round_robin;
use crate::topology::MemberState;

/// Whether exactly these brokers are members, whatever the number of replicas.
pub(super) fn only_members(picture: &Picture<'_>, exactly: &BTreeSet<BrokerId>) -> Verdict {
    let Some((gateway, configuration)) = picture.latest.configuration() else {
        return Verdict::NotYet("The configuration cannot be read.".to_owned());
    };
    let members: BTreeSet<BrokerId> = configuration.members.keys().copied().collect();
    if members != *exactly {
        return Verdict::NotYet(format!(
            "The members are {}, by gateway {gateway}.",
            counted("broker", &members)
        ));
    }
    Verdict::Met(format!("The members are {}.", counted("broker", exactly)))
}

/// Whether every partition has its replicas where the round robin over these members puts them, each of them taking part.
pub fn is_placed(picture: &Picture<'_>, members: &BTreeSet<BrokerId>, replication_factor: u32) -> Verdict {
    let Some(configuration) = picture.configuration() else {
        return Verdict::NotYet("The configuration cannot be read.".to_owned());
    };
    let partitions = picture.installation.partitions_count();
    for (partition, wanted) in round_robin(members, partitions, replication_factor) {
        let wanted: BTreeSet<BrokerId> = wanted.into_keys().collect();
        let held: BTreeSet<BrokerId> = (configuration.members.iter())
            .filter(|(_, member)| member.partitions.contains_key(&partition))
            .map(|(broker, _)| *broker)
            .collect();
        if held != wanted {
            return Verdict::NotYet(format!(
                "Partition {partition} has its replicas on {}; {} are wanted.",
                counted("broker", &held),
                counted("broker", &wanted)
            ));
        }
        let not_yet: BTreeSet<BrokerId> = (wanted.into_iter())
            .filter(|broker| {
                (configuration.members.get(broker))
                    .and_then(|member| member.partitions.get(&partition))
                    .is_none_or(|replica| replica.state != MemberState::Active)
            })
            .collect();
        if !not_yet.is_empty() {
            return Verdict::NotYet(format!(
                "Partition {partition}: {}",
                sentence(
                    "broker",
                    &not_yet,
                    "does not take part yet.",
                    "do not take part yet."
                )
            ));
        }
    }
    Verdict::Met(format!(
        "Every partition has its {replication_factor} replicas where they belong."
    ))
}

/// Whether each disk has room for half as much again as is on it: three replicas of each partition instead of two. What
/// else is on the disk counts as data, which errs on the safe side.
pub fn room_for_replicas(picture: &Picture<'_>, brokers: &BTreeSet<BrokerId>, reserve_bytes: u64) -> Verdict {
    let mut unknown = BTreeSet::new();
    for broker in brokers {
        let metrics = (picture.latest.brokers.get(broker)).and_then(|sight| sight.metrics.seen());
        let room = metrics.and_then(|metrics| Some((metrics.disk_free_bytes?, metrics.disk_total_bytes?)));
        let Some((free, total)) = room else {
            unknown.insert(*broker);
            continue;
        };
        let more = total.saturating_sub(free) / 2;
        if free < more.saturating_add(reserve_bytes) {
            return Verdict::Broken(format!(
                "The disk of broker {broker} has {} free; a third replica of its partitions may take {}, and {} are kept free.",
                size(free),
                size(more),
                size(reserve_bytes)
            ));
        }
    }
    if unknown.is_empty() {
        return Verdict::Met("The disks have room for a third replica.".to_owned());
    }
    Verdict::NotYet(format!(
        "How full {} is unknown: {} metrics were not read.",
        match unknown.len() {
            1 => format!("the disk of {}", counted("broker", &unknown)),
            _ => format!("the disks of {}", counted("broker", &unknown)),
        },
        match unknown.len() {
            1 => "its",
            _ => "their",
        }
    ))
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    const GIB: f64 = (1u64 << 30) as f64;
    format!("{:.1} GiB", bytes as f64 / GIB)
}
