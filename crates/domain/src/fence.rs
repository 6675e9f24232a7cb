//! The quorum fence (F1): may the survivors be forced without the lost side still doing anything?
//!
//! Zeebe accepts a force of a healthy cluster as gladly as of a halved one, so the proof that a region is gone is ours.
//! Guarantees G2 and G3; `spec: procedure.md I2, I19, I20`, `edge-cases.md E5, E6`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::history::Streak;
use crate::ids::{BrokerId, PartitionId, RegionId, clause, counted, number, sentence};
use crate::observation::Observation;
use crate::picture::{Lead, Picture};
use crate::placement::quorum;
use crate::planted::{self, Bug};

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

/// A partition that two brokers lead at once, by their own account. `spec: edge-cases.md E10`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedTwice {
    /// Those brokers, in the newest reading.
    pub leaders: BTreeSet<BrokerId>,
    /// Readings in a row, up to the newest. Brokers are asked one by one, so an ordinary hand-over can show two leaders
    /// once, but never twice in a row.
    pub readings: usize,
}

/// The partitions that are led twice in the newest reading.
pub fn led_twice(picture: &Picture<'_>) -> BTreeMap<PartitionId, LedTwice> {
    picture
        .leads()
        .into_iter()
        .filter_map(|(partition, lead)| match lead {
            Lead::Twice(leaders) => {
                let streak = picture
                    .history
                    .streak(|reading| matches!(picture.lead(partition, reading), Lead::Twice(_)));
                let readings = streak.readings;
                Some((partition, LedTwice { leaders, readings }))
            }
            _ => None,
        })
        .collect()
}

/// The first partition that is led twice, as a sentence; `None` if none is.
pub(crate) fn led_twice_words(picture: &Picture<'_>) -> Option<String> {
    let (partition, twice) = led_twice(picture).into_iter().next()?;
    Some(format!(
        "Partition {partition} is led by {} at once.",
        counted("broker", &twice.leaders)
    ))
}

/// The gaps in the fence around `lost`; none means that it stands.
pub fn gaps(picture: &Picture<'_>, lost: RegionId) -> Vec<Gap> {
    let all = || {
        [
            lost_silent(picture, lost),
            survivors_up(picture, lost),
            no_quorum_lost(picture, lost),
            leaderless(picture, lost),
        ]
    };
    (picture.history).gaps(picture.installation, lost, || {
        all().into_iter().flatten().collect()
    })
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
        let (one, many) = (
            format!("of region {name} answers at its own endpoint."),
            format!("of region {name} answer at their own endpoints."),
        );
        return gap(sentence("broker", &sight.answering, &one, &many), false);
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
            "Silent for {} over {:.1} s; {READINGS} over {:.1} s are wanted.",
            number(streak.readings, "reading"),
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
    let gap = |why| {
        Some(Gap {
            pale: Pale::LostSilent,
            why,
            may_close: true,
        })
    };
    let unasked_words = counted("broker", unasked);
    if seen == 0 || listing > 0 {
        return gap(format!(
            "The endpoints of {unasked_words} are not configured, and {listing} of {seen} gateways still list them."
        ));
    }
    // Those that can be asked must have kept silent as long as ever; one reading of a gateway is no proof either.
    let streak: Streak = picture.history.streak_to(READINGS, SILENCE, |reading| {
        picture.region(lost, reading).answering.is_empty() && forgotten(reading, unasked, side)
    });
    if streak.reaches(READINGS, SILENCE) {
        return None;
    }
    gap(format!(
        "The endpoints of {unasked_words} are not configured; gateways have left them out for {} over {:.1} s, \
         {READINGS} over {:.1} s are wanted.",
        number(streak.readings, "reading"),
        streak.span.as_secs_f64(),
        SILENCE.as_secs_f64()
    ))
}

/// Whether gateways of a side were seen, and none of them lists any of `brokers`.
fn forgotten(reading: &Observation, brokers: &BTreeSet<BrokerId>, side: RegionId) -> bool {
    let mut gateways = reading
        .topologies()
        .filter(|(_, region, _)| *region == side)
        .peekable();
    gateways.peek().is_some()
        && gateways.all(|(_, _, topology)| topology.brokers.keys().all(|broker| !brokers.contains(broker)))
}

fn survivors_up(picture: &Picture<'_>, lost: RegionId) -> Option<Gap> {
    let survivors = picture.installation.brokers_of(lost.other());
    let missing = |reading: &Observation| -> BTreeSet<BrokerId> {
        let sight = picture.region(lost.other(), reading);
        let is_listed = |broker: &BrokerId| {
            let mut topologies = reading.topologies();
            topologies.any(|(_, _, topology)| topology.brokers.contains_key(broker))
        };
        // Where a survivor's own endpoint is not known, a gateway must list it.
        let unlisted = sight.unasked.iter().filter(|broker| !is_listed(broker));
        let silent = sight.silent.iter();
        silent
            .filter(|broker| !(planted::is(Bug::GhostBelieved) && is_listed(broker)))
            .chain(unlisted)
            .copied()
            .collect()
    };
    let down = missing(picture.latest);
    if !down.is_empty() {
        return Some(Gap {
            pale: Pale::SurvivorsUp,
            why: format!(
                "{} A force needs every retained broker: the server would say 202 and then wait for it for ever.",
                sentence(
                    "broker",
                    &down,
                    "of the surviving region does not answer.",
                    "of the surviving region do not answer."
                )
            ),
            may_close: true,
        });
    }
    let streak = (picture.history).streak_to(READINGS, SignedDuration::ZERO, |reading| {
        missing(reading).is_empty()
    });
    (streak.readings < READINGS).then(|| Gap {
        pale: Pale::SurvivorsUp,
        why: format!(
            "{} {} in a row; {READINGS} are wanted.",
            sentence("broker", &survivors, "has answered in", "have answered in"),
            number(streak.readings, "reading")
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
                    "Gateways list {} of partition {partition}, which is neither confirmed nor denied there.",
                    clause("broker", &leaders, "as leader", "as leaders")
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
