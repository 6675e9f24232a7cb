//! The steps that point the users' names to the region that serves, and back.
//!
//! `spec: procedure.md I3`: before or together with FO1. A failover sends the request beside the force, and nothing waits
//! for it: the time to live begins to run as early as it can, and a name server that hangs (it may have gone with the
//! region) costs the force nothing. Whether it has come is read after FO2, patiently, and there a run stops until it has:
//! with names that lead to a dead region users are not served, whatever the cluster says. On the way to both regions it is
//! the other way round: users are served all the time, so what cannot be done is told and passed over, and a failback
//! is verified, and its direction record closed, whether or not a name server answers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Class, Prediction, Step, StepId};
use crate::condition::Condition;
use crate::effect::Effect;
use crate::ids::RegionId;
use crate::installation::Installation;
use crate::traffic::regions_words;

/// How long the look before the request beside the force may take: what the force may be held up by at most.
const BESIDE_LOOK_MS: u64 = 2_000;
/// How long the names may take to be read as they were set, besides the lag. A zone is transferred to its other servers in
/// seconds.
const NAMES_DEADLINE_MS: u64 = 60_000;

/// What a plan has to know of the users' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reroute {
    /// Where they point when both regions serve.
    pub normal: BTreeSet<RegionId>,
    /// How long resolvers may keep them, in seconds, where that is known.
    pub ttl_s: Option<u32>,
    /// How long after a change was taken somebody else may take to carry it to the place that is read, in seconds; 0 where it
    /// is changed there itself.
    pub lag_s: u32,
    /// What a person would type to point them to these regions.
    pub commands: BTreeMap<BTreeSet<RegionId>, Vec<String>>,
}

impl Reroute {
    /// When users follow, as a phrase.
    pub(super) fn follow(&self) -> String {
        match (self.ttl_s, self.lag_s) {
            (Some(seconds), 0) => format!("users follow within {seconds} s, the time to live"),
            (Some(seconds), lag) => format!(
                "users follow within {} s: {lag} s until it is carried to the name server, and {seconds} s, the time to live",
                u64::from(seconds) + u64::from(lag)
            ),
            (None, _) => "when users follow is unknown: no time to live is configured".to_owned(),
        }
    }

    /// Until when users have followed, counted from the answer, in milliseconds; a minute where it is unknown.
    fn until_ms(&self) -> u64 {
        1_000 + 1_000 * (u64::from(self.ttl_s.unwrap_or(60)) + u64::from(self.lag_s))
    }

    fn step(&self, installation: &Installation, id: StepId, class: Class, to: BTreeSet<RegionId>) -> Step {
        let regions = regions_words(installation, &to);
        let title = match class {
            Class::Beside => format!("Point the users' names to {regions}, beside the force"),
            _ if id == StepId::Ut2 => format!("See that the users' names point to {regions}"),
            _ => format!("Point the users' names to {regions}"),
        };
        let what = match class {
            Class::Beside => format!("nothing waits for it; UT2 reads it back; {}", self.follow()),
            _ if self.lag_s > 0 => format!("read back until it is so; {}", self.follow()),
            _ => format!("read back at once; {}", self.follow()),
        };
        Step {
            id,
            title,
            class,
            before: vec![Condition::NamesOurs],
            after: vec![Condition::NamesAt { to: to.clone() }],
            deadline_ms: match class {
                Class::Beside => BESIDE_LOOK_MS,
                _ => NAMES_DEADLINE_MS + 1_000 * u64::from(self.lag_s),
            },
            prediction: Prediction {
                what,
                from_ms: 0,
                until_ms: self.until_ms(),
            },
            manual: self.commands.get(&to).cloned().unwrap_or_default(),
            effect: Effect::Traffic { to },
        }
    }

    /// UT1: off the lost region, beside the force.
    pub(super) fn off_beside(&self, installation: &Installation, survivors: RegionId) -> Step {
        self.step(installation, StepId::Ut1, Class::Beside, [survivors].into())
    }

    /// UT2: off the lost region, patiently.
    pub(super) fn off(&self, installation: &Installation, survivors: RegionId) -> Step {
        self.step(installation, StepId::Ut2, Class::Orderly, [survivors].into())
    }

    /// UT3: to where they are when both regions serve, once the returning one does (`before`).
    pub(super) fn back(&self, installation: &Installation, before: Vec<Condition>) -> Step {
        let mut step = self.step(installation, StepId::Ut3, Class::Yielding, self.normal.clone());
        step.before.extend(before);
        step
    }

    /// RT6: on the way back, off the region that is given up again.
    pub(super) fn off_again(&self, installation: &Installation, survivors: RegionId) -> Step {
        self.step(installation, StepId::Rt6, Class::Yielding, [survivors].into())
    }
}
