//! Where the users' names point, judged from one look at them.
//!
//! What is unknown is awaited: names that could not be read are neither right nor wrong.

use std::collections::BTreeSet;

use super::Verdict;
use crate::ids::{RegionId, listed};
use crate::installation::Installation;
use crate::observation::Sight;
use crate::traffic::{TrafficSight, regions_words};

/// Whether every name points to exactly these regions.
pub fn names_at(
    installation: &Installation,
    sight: &Sight<TrafficSight>,
    to: &BTreeSet<RegionId>,
) -> Verdict {
    let seen = match sight {
        Sight::Seen(seen) => seen,
        other => return unread(other),
    };
    if !seen.is_at(to) {
        return Verdict::NotYet(format!(
            "The users' names point elsewhere: {}.",
            seen.words(installation)
        ));
    }
    let follow = seen.ttl_s.map_or(String::new(), |seconds| {
        format!("; who has resolved them before follows within {seconds} s")
    });
    Verdict::Met(format!(
        "The users' names point to {}{follow}.",
        regions_words(installation, to)
    ))
}

/// Whether the names can be read, and point to no place that belongs to neither region.
pub fn names_ours(installation: &Installation, sight: &Sight<TrafficSight>) -> Verdict {
    let seen = match sight {
        Sight::Seen(seen) => seen,
        other => return unread(other),
    };
    let strange = seen.strange();
    if strange.is_empty() {
        return Verdict::Met(format!(
            "Where the users' names point can be read: {}.",
            seen.words(installation)
        ));
    }
    Verdict::Broken(format!(
        "Somebody has pointed users' names to what belongs to neither region ({}); that is not overwritten.",
        listed(
            (strange.iter())
                .flat_map(|(name, targets)| targets.iter().map(move |target| format!("{name} to {target}")))
        )
    ))
}

fn unread(sight: &Sight<TrafficSight>) -> Verdict {
    let why = sight.instead().unwrap_or_default();
    Verdict::NotYet(format!("Where the users' names point cannot be read: {why}."))
}
