//! A failing disaster made as small as it can be while it still breaks the same law: what is left is what it takes.

use crate::disaster::Disaster;
use crate::judge::Law;
use crate::life::{Ending, Life};
use crate::scene::{SceneError, live};
use crate::storm::Options;

/// The smallest world that there is.
const BROKERS_MIN: u32 = 4;
const PARTITIONS_MIN: u32 = 4;

/// In what way a disaster failed: the first law that it broke, or that it came to no end.
fn failure(life: &Life) -> Option<Option<Law>> {
    match (life.violations.first(), &life.ending) {
        (Some(violation), _) => Some(Some(violation.law)),
        (None, Ending::Stuck(_)) => Some(None),
        (None, _) => None,
    }
}

/// The options that make a disaster as small as it can be, part by part, and fail in the same way.
///
/// # Errors
/// If a disaster could not even begin.
pub(crate) fn shrunk(options: Options, life: &Life) -> Result<Options, SceneError> {
    let wanted = failure(life);
    let fails = |options: &Options| -> Result<bool, SceneError> {
        Ok(failure(&live(&options.disaster(life.seed), options.ring, false)?) == wanted)
    };
    let mut smallest = options;
    let mut smaller = options;
    smaller.shape.brokers = Some(BROKERS_MIN);
    smaller.shape.partitions = Some(PARTITIONS_MIN);
    if smaller != options && fails(&smaller)? {
        smallest = smaller;
    }
    // Until nothing can be left out any more: what was needed beside another part may not be without it.
    loop {
        let before = smallest;
        for part in Disaster::of(life.seed, options.scenario, options.shape).parts() {
            let mut smaller = smallest;
            smaller.without = smallest.without.and(part);
            if smaller != smallest && fails(&smaller)? {
                smallest = smaller;
            }
        }
        if smallest == before {
            return Ok(smallest);
        }
    }
}
