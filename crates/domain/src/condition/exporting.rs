//! Conditions about the pause: that it holds everywhere, that nothing is in the exporters' hands, that nobody moved it, and
//! for how long the disks bear it.
//!
//! `spec: procedure.md §3a, I10, I17`, `edge-cases.md E1, E3`. The pause's answer proves none of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::Verdict;
use super::kept::leaders_account;
use crate::exporting::{ExporterPositions, PositionVector};
use crate::facts::Facts;
use crate::history::Disk;
use crate::ids::{BrokerId, ExporterId, PartitionId, counted, sentence};
use crate::observation::Observation;
use crate::picture::Picture;
use crate::topology::{ExporterPhase, OwnReplica};

/// How long a position has to stand still where metrics cannot tell: two flush delays of five seconds and a bulk. This is
/// the weaker criterion of `spec: procedure.md §3a`.
const UNMOVED_SPAN: SignedDuration = SignedDuration::from_secs(15);

/// What stands against a phase that is wanted of all replicas of some brokers; `None` if nothing does.
fn against(
    picture: &Picture<'_>,
    brokers: &BTreeSet<BrokerId>,
    wanted: &ExporterPhase,
) -> Option<(String, bool)> {
    for broker in brokers {
        let Some(own) = picture
            .latest
            .brokers
            .get(broker)
            .and_then(|sight| sight.partitions.seen())
        else {
            return Some((
                format!("Broker {broker} does not say what its exporters do."),
                false,
            ));
        };
        for (partition, replica) in own {
            match &replica.exporter_phase {
                Some(phase) if phase == wanted => {}
                Some(phase) => {
                    return Some((
                        format!("Exporting of partition {partition} is {phase} on broker {broker}."),
                        *phase == ExporterPhase::Exporting,
                    ));
                }
                // A follower need not say; a leader has to.
                None if replica.leads() => {
                    return Some((
                        format!(
                            "Broker {broker} does not say what the exporters of partition {partition} do."
                        ),
                        false,
                    ));
                }
                None => {}
            }
        }
    }
    None
}

pub(super) fn paused(picture: &Picture<'_>, brokers: &BTreeSet<BrokerId>) -> Verdict {
    match against(picture, brokers, &ExporterPhase::Paused) {
        Some((words, _)) => Verdict::NotYet(words),
        None => Verdict::Met(sentence("broker", brokers, "has paused.", "have paused.")),
    }
}

pub(super) fn on(picture: &Picture<'_>, brokers: &BTreeSet<BrokerId>) -> Verdict {
    match against(picture, brokers, &ExporterPhase::Exporting) {
        Some((words, _)) => Verdict::NotYet(words),
        None => Verdict::Met(sentence("broker", brokers, "exports.", "export.")),
    }
}

/// The position that the exporters have acknowledged, by each partition's leader itself.
///
/// # Errors
/// The first partition whose position is not known, as a sentence.
pub fn positions(picture: &Picture<'_>) -> Result<PositionVector, String> {
    picture
        .installation
        .partitions()
        .map(|partition| {
            let replica = leaders_account(picture, partition).ok_or_else(|| {
                format!("Partition {partition} has no leader that says how far it has exported.")
            })?;
            let position = replica.exported_position.ok_or_else(|| {
                format!("The leader of partition {partition} does not know how far it has exported.")
            })?;
            Ok((partition, position))
        })
        .collect()
}

pub(super) fn drained(picture: &Picture<'_>, exporter: &ExporterId) -> Verdict {
    let positions = match positions(picture) {
        Ok(positions) => positions,
        Err(words) => return Verdict::NotYet(words),
    };
    for (partition, acknowledged) in &positions {
        if let Err(words) = is_drained(picture, exporter, *partition, *acknowledged) {
            return Verdict::NotYet(words);
        }
    }
    Verdict::Met(format!("Nothing is in the hands of {exporter}."))
}

/// Whether nothing is in the exporter's hands on one partition, by the metrics of its leader where they tell of it.
fn is_drained(
    picture: &Picture<'_>,
    exporter: &ExporterId,
    partition: PartitionId,
    acknowledged: i64,
) -> Result<(), String> {
    match leaders_metrics(picture, exporter, partition) {
        // What the metrics call acknowledged is what the broker says itself: they are of this leadership.
        Some(metrics) if metrics.acknowledged == Some(acknowledged) => match metrics.handed {
            _ if metrics.is_drained() => Ok(()),
            Some(handed) => Err(format!(
                "Partition {partition}: {exporter} was handed records up to {handed}, and has acknowledged {acknowledged}."
            )),
            None => stands_still(picture, partition, acknowledged),
        },
        _ => stands_still(picture, partition, acknowledged),
    }
}

fn leaders_metrics(
    picture: &Picture<'_>,
    exporter: &ExporterId,
    partition: PartitionId,
) -> Option<ExporterPositions> {
    let leader = picture.lead(partition, picture.latest).leader()?;
    picture
        .latest
        .brokers
        .get(&leader)?
        .metrics
        .seen()?
        .exporters
        .get(&partition)?
        .get(exporter)
        .copied()
}

/// The weaker criterion: the position has not moved for longer than records are kept in hand.
fn stands_still(picture: &Picture<'_>, partition: PartitionId, acknowledged: i64) -> Result<(), String> {
    let streak = picture.history.streak_to(1, UNMOVED_SPAN, |reading| {
        own_leader(reading, partition).is_some_and(|replica| {
            replica.exported_position == Some(acknowledged)
                && replica.exporter_phase == Some(ExporterPhase::Paused)
        })
    });
    if streak.span >= UNMOVED_SPAN {
        return Ok(());
    }
    Err(format!(
        "Partition {partition}: the metrics do not tell what is in hand; position {acknowledged} has stood still for {:.0} of {:.0} s.",
        streak.span.as_secs_f64(),
        UNMOVED_SPAN.as_secs_f64()
    ))
}

fn own_leader(reading: &Observation, partition: PartitionId) -> Option<&OwnReplica> {
    reading
        .own_replicas(partition)
        .find(|(_, replica)| replica.leads())
        .map(|(_, replica)| replica)
}

pub(super) fn unmoved(picture: &Picture<'_>, exporter: &ExporterId, facts: &Facts) -> Verdict {
    if facts.positions.is_empty() {
        return Verdict::NotYet("The position vector is not known yet.".to_owned());
    }
    let leaders: BTreeSet<BrokerId> = picture
        .leads()
        .values()
        .filter_map(crate::picture::Lead::leader)
        .collect();
    match against(picture, &leaders, &ExporterPhase::Paused) {
        Some((words, true)) => {
            return Verdict::Moved(format!("{words} Somebody has resumed it."));
        }
        Some((words, false)) => return Verdict::NotYet(words),
        None => {}
    }
    let now = match positions(picture) {
        Ok(now) => now,
        Err(words) => return Verdict::NotYet(words),
    };
    let moved: BTreeMap<PartitionId, (i64, i64)> = facts
        .positions
        .iter()
        .filter_map(|(partition, then)| {
            let now = now.get(partition)?;
            (now != then).then_some((*partition, (*then, *now)))
        })
        .collect();
    match moved.first_key_value() {
        None => Verdict::Met(format!("{exporter} still stands at V.")),
        Some((partition, (then, now))) => Verdict::Moved(format!(
            "{} since V was read (partition {partition} from {then} to {now}): somebody resumed exporting and paused it again, or a leader changed.",
            sentence("partition", moved.keys(), "has moved", "have moved").trim_end_matches('.')
        )),
    }
}

/// For how long disks last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// No broker shows its disk, or not for long enough to see a pace.
    Unknown,
    /// Nothing fills up.
    Steady,
    /// Until the first of them has reached what it keeps free.
    Lasts {
        /// Whose disk it is.
        broker: BrokerId,
        /// How long.
        for_: SignedDuration,
    },
}

/// The shortest watch from which a pace can be told.
const PACE_SPAN: SignedDuration = SignedDuration::from_secs(2);

/// For how long the disks of `brokers` last at the pace at which they fill while this history was watched.
pub fn room(picture: &Picture<'_>, brokers: &BTreeSet<BrokerId>, reserve_bytes: u64) -> Room {
    let mut room = Room::Unknown;
    let disks = picture.history.disks().iter();
    for (broker, disk) in disks.filter(|(broker, _)| brokers.contains(broker)) {
        let Disk {
            first_at,
            emptiest_at,
            most,
            last_at,
            last,
        } = *disk;
        let span = last_at.duration_since(emptiest_at);
        let for_ = if last <= reserve_bytes {
            SignedDuration::ZERO
        } else if last_at.duration_since(first_at) < PACE_SPAN {
            continue;
        } else if span < PACE_SPAN {
            room = match room {
                Room::Unknown => Room::Steady,
                known => known,
            };
            continue;
        } else {
            let pace = (most - last) as f64 / span.as_secs_f64();
            SignedDuration::try_from_secs_f64((last - reserve_bytes) as f64 / pace)
                .unwrap_or(SignedDuration::MAX)
        };
        room = match room {
            Room::Lasts { for_: shorter, .. } if shorter <= for_ => room,
            _ => Room::Lasts {
                broker: *broker,
                for_,
            },
        };
    }
    room
}

/// A span as people say it, when it is a long one.
pub(crate) fn lasting(span: SignedDuration) -> String {
    match span.as_secs() {
        seconds if seconds < 600 => format!("{seconds} s"),
        seconds if seconds < 3 * 3_600 => format!("{} minutes", seconds / 60),
        seconds if seconds < 3 * 86_400 => format!("{} hours", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

pub(super) fn room_left(
    picture: &Picture<'_>,
    brokers: &BTreeSet<BrokerId>,
    floor_s: u64,
    reserve_bytes: u64,
) -> Verdict {
    match room(picture, brokers, reserve_bytes) {
        Room::Unknown => Verdict::Met("For how long the disks last is unknown.".to_owned()),
        Room::Steady => Verdict::Met("No disk fills up.".to_owned()),
        Room::Lasts { broker, for_ } if for_.as_secs_f64() < floor_s as f64 => Verdict::Broken(format!(
            "The disk of {} lasts for {:.0} s more while exporting is paused; {floor_s} s are the least.",
            counted("broker", [broker]),
            for_.as_secs_f64()
        )),
        Room::Lasts { broker, for_ } => Verdict::Met(format!(
            "The disks last for {}, that of broker {broker} shortest.",
            lasting(for_)
        )),
    }
}
