//! The quorum fence (F1): may the survivors be forced without the lost side still doing anything?
//!
//! Zeebe accepts a force of a healthy cluster as gladly as of a halved one, so the proof that a region is gone is ours.
//! Guarantees G2 and G3; `spec: procedure.md I2, I19, I20`, `edge-cases.md E5, E6`.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::ids::{BrokerId, RegionId, counted};
use crate::picture::{Lead, Picture};
use crate::placement::quorum;

/// Readings in a row that must agree; one reading may be a ghost or a hiccup.
pub const READINGS: usize = 3;

/// For how long the lost brokers must have kept silent: two of Zeebe's gossip probes would have gone unanswered.
pub const SILENCE: SignedDuration = SignedDuration::from_millis(1_000);

/// One thing that the fence consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pale {
    /// The lost brokers answer nothing, over several readings.
    LostSilent,
    /// Every survivor answers, over several readings.
    SurvivorsUp,
    /// The lost side holds no majority of any partition, and the survivors hold all their replicas.
    NoQuorumLost,
    /// Nobody leads anything, for longer than an election takes.
    Leaderless,
}

/// A part of the fence that does not stand, with what was seen instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Which part.
    pub pale: Pale,
    /// What is missing, as a sentence.
    pub why: String,
    /// Whether looking longer may close it. A lost broker that answers is no matter of patience.
    pub may_close: bool,
}

/// The gaps in the fence around `lost`; none means that it stands.
pub fn gaps(picture: &Picture<'_>, lost: RegionId) -> Vec<Gap> {
    [
        lost_silent(picture, lost),
        survivors_up(picture, lost),
        no_quorum_lost(picture, lost),
        leaderless(picture, lost),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn lost_silent(picture: &Picture<'_>, lost: RegionId) -> Option<Gap> {
    let gap = |why, may_close| {
        Some(Gap {
            pale: Pale::LostSilent,
            why,
            may_close,
        })
    };
    let name = &picture.installation.region(lost).name;
    let sight = picture.region(lost, picture.latest);
    if !sight.answering.is_empty() {
        let answering = counted("broker", &sight.answering);
        return gap(
            format!("{answering} of region {name} still answers at its own endpoint."),
            false,
        );
    }
    if !sight.unasked.is_empty() {
        return unasked_silent(picture, lost, &sight.unasked);
    }
    let streak = picture.region_silent(lost);
    if streak.reaches(READINGS, SILENCE) {
        return None;
    }
    gap(
        format!(
            "Region {name} has been silent for {} readings over {:.1} s; {READINGS} over {:.1} s are wanted.",
            streak.readings,
            streak.span.as_secs_f64(),
            SILENCE.as_secs_f64()
        ),
        true,
    )
}

/// Where the lost brokers' own endpoints are not known, the survivors' gateways must have dropped them.
fn unasked_silent(picture: &Picture<'_>, lost: RegionId, unasked: &BTreeSet<BrokerId>) -> Option<Gap> {
    let side = lost.other();
    let (seen, listing) = (
        picture.gateways_seen(side),
        picture.gateways_listing(unasked, side),
    );
    if seen > 0 && listing == 0 {
        return None;
    }
    Some(Gap {
        pale: Pale::LostSilent,
        why: format!(
            "The endpoints of {} are not configured, and {listing} of {seen} gateways still list them.",
            counted("broker", unasked)
        ),
        may_close: true,
    })
}

fn survivors_up(picture: &Picture<'_>, lost: RegionId) -> Option<Gap> {
    let survivors = picture.installation.brokers_of(lost.other());
    let missing = |reading: &_| -> BTreeSet<BrokerId> {
        let sight = picture.region(lost.other(), reading);
        let listed: BTreeSet<BrokerId> = reading
            .topologies()
            .flat_map(|(_, _, topology)| topology.brokers.keys().copied())
            .collect();
        // Where a survivor's own endpoint is not known, a gateway must list it.
        sight
            .silent
            .iter()
            .chain(sight.unasked.difference(&listed))
            .copied()
            .collect()
    };
    let down = missing(picture.latest);
    if !down.is_empty() {
        return Some(Gap {
            pale: Pale::SurvivorsUp,
            why: format!(
                "{} of the surviving region does not answer. A force needs every retained broker: the server would say \
                 202 and then wait for it for ever.",
                counted("broker", &down)
            ),
            may_close: true,
        });
    }
    let streak = picture.history.streak(|reading| missing(reading).is_empty());
    (streak.readings < READINGS).then(|| Gap {
        pale: Pale::SurvivorsUp,
        why: format!(
            "{} answered in {} readings in a row; {READINGS} are wanted.",
            counted("broker", &survivors),
            streak.readings
        ),
        may_close: true,
    })
}

fn no_quorum_lost(picture: &Picture<'_>, lost: RegionId) -> Option<Gap> {
    let regional = picture.installation.regional_replicas() as usize;
    for partition in picture.installation.partitions() {
        let replicas = picture.replicas(partition, picture.latest);
        let gone = replicas
            .iter()
            .filter(|broker| RegionId::of(**broker) == lost)
            .count();
        let kept = replicas.len() - gone;
        if gone >= quorum(replicas.len()) {
            return Some(Gap {
                pale: Pale::NoQuorumLost,
                why: format!(
                    "The lost region holds {gone} of {} replicas of partition {partition}: a majority, which goes on \
                     without the survivors.",
                    replicas.len()
                ),
                may_close: false,
            });
        }
        if kept < regional {
            return Some(Gap {
                pale: Pale::NoQuorumLost,
                why: format!(
                    "Partition {partition} has {kept} replicas in the surviving region instead of {regional}: what was \
                     acknowledged may be on none of them."
                ),
                may_close: false,
            });
        }
    }
    None
}

fn leaderless(picture: &Picture<'_>, lost: RegionId) -> Option<Gap> {
    let gap = |why| {
        Some(Gap {
            pale: Pale::Leaderless,
            why,
            may_close: true,
        })
    };
    let survivors = lost.other();
    let dropped = {
        let brokers = picture.installation.brokers_of(lost);
        picture.gateways_seen(survivors) > 0 && picture.gateways_listing(&brokers, survivors) == 0
    };
    for (partition, lead) in picture.leads() {
        match lead {
            Lead::Proven(leader) | Lead::Listed(leader) => {
                return gap(format!(
                    "Partition {partition} is led by broker {leader}, which takes commands."
                ));
            }
            Lead::Twice(leaders) => {
                return gap(format!(
                    "Partition {partition} is led by {} at once.",
                    counted("broker", &leaders)
                ));
            }
            // Until a gateway has dropped the dead, its word about leaders is old; the survivors' own word counts.
            Lead::Claimed(leaders)
                if !dropped && leaders.iter().any(|leader| RegionId::of(*leader) == survivors) =>
            {
                return gap(format!(
                    "{} is listed as leader of partition {partition} and does not say itself whether it is.",
                    counted("broker", &leaders)
                ));
            }
            Lead::Unknown if !dropped => {
                return gap(format!(
                    "The survivors do not say who leads partition {partition}."
                ));
            }
            Lead::Claimed(_) | Lead::Unknown | Lead::Nobody => {}
        }
    }
    let streak = picture.leaderless();
    if streak.readings < 2 {
        return gap("No leader was seen in one reading only; two are wanted.".to_owned());
    }
    // Any one of three says "longer than an election": a leader that gave up before our eyes (it does so only after its
    // majority was silent for longer than that), gateways that dropped the dead (ten seconds and more), or our own watch.
    if picture.stepped_down(survivors) || dropped || streak.span >= Picture::ELECTION {
        return None;
    }
    gap(format!(
        "No leader has been seen for {:.1} s; an election may take {:.1} s.",
        streak.span.as_secs_f64(),
        Picture::ELECTION.as_secs_f64()
    ))
}
