//! A plan: an immutable value with no choice left open. It can be printed, compared, checked, stored, hashed, executed.
//!
//! It is derived from what is observed, so that at any time just the steps come out that are still owed.
//! `spec: procedure.md §7`

pub mod failback;
pub mod failover;
mod overlooked;
mod refusal;
pub mod reinforce;
mod retreat;
mod seen;
pub mod traffic;

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::condition::Condition;
use crate::diagnose::Diagnosis;
use crate::effect::{Effect, ZeebeEffect};
use crate::ids::{BrokerId, RegionId};
use crate::installation::Installation;

pub use self::seen::Seen;
pub use refusal::{Refusal, RefusalCode};

/// The steps that there are, by the names of the procedure. Where the procedure does several things in one step, each of
/// them is a step of its own here, with a letter: each has its own look, deed and proof.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::VariantArray,
)]
pub enum StepId {
    /// Point the users' names to the surviving region, beside the force.
    #[serde(rename = "UT1")]
    Ut1,
    /// Remove the lost brokers.
    #[serde(rename = "FO1")]
    Fo1,
    /// Disable the exporter to the lost region.
    #[serde(rename = "FO2")]
    Fo2,
    /// See that the users' names point to the surviving region.
    #[serde(rename = "UT2")]
    Ut2,
    /// Give each partition a third replica inside the surviving region.
    #[serde(rename = "RE1")]
    Re1,
    /// Install the release in the returning region, with Operate and Tasklist off.
    #[serde(rename = "FB1")]
    Fb1,
    /// Take Operate and Tasklist of the surviving region down.
    #[serde(rename = "FB2a")]
    Fb2a,
    /// Pause exporting, and wait until nothing is in the exporters' hands: the position vector V.
    #[serde(rename = "FB2b")]
    Fb2b,
    /// Register the repository in the surviving search.
    #[serde(rename = "FB3a")]
    Fb3a,
    /// Take the snapshot.
    #[serde(rename = "FB3b")]
    Fb3b,
    /// Register the repository in the returning search, and see the snapshot from there.
    #[serde(rename = "FB3c")]
    Fb3c,
    /// Clear away empty indices that stand in the way of the restore.
    #[serde(rename = "FB3d")]
    Fb3d,
    /// Restore.
    #[serde(rename = "FB3e")]
    Fb3e,
    /// Bring Operate and Tasklist of the surviving region up.
    #[serde(rename = "FB4a")]
    Fb4a,
    /// Bring Operate and Tasklist of the returning region up.
    #[serde(rename = "FB4b")]
    Fb4b,
    /// Enable the returning region's exporter at the surviving one's position.
    #[serde(rename = "FB5")]
    Fb5,
    /// Resume exporting.
    #[serde(rename = "FB6")]
    Fb6,
    /// Add the returning brokers.
    #[serde(rename = "FB7")]
    Fb7,
    /// Point the users' names to where they are when both regions serve.
    #[serde(rename = "UT3")]
    Ut3,
    /// On the way back: cancel the pending change of this run.
    #[serde(rename = "RT1")]
    Rt1,
    /// On the way back: remove the returning brokers again.
    #[serde(rename = "RT2")]
    Rt2,
    /// On the way back: disable the returning region's exporter again.
    #[serde(rename = "RT3")]
    Rt3,
    /// On the way back: resume exporting.
    #[serde(rename = "RT4")]
    Rt4,
    /// On the way back: bring Operate and Tasklist of the surviving region up.
    #[serde(rename = "RT5")]
    Rt5,
    /// On the way back: point the users' names to the surviving region.
    #[serde(rename = "RT6")]
    Rt6,
}

impl StepId {
    /// All that there are, in the order of the procedure.
    pub const ALL: &[StepId] = StepId::VARIANTS;

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            StepId::Ut1 => "UT1",
            StepId::Fo1 => "FO1",
            StepId::Fo2 => "FO2",
            StepId::Ut2 => "UT2",
            StepId::Re1 => "RE1",
            StepId::Fb1 => "FB1",
            StepId::Fb2a => "FB2a",
            StepId::Fb2b => "FB2b",
            StepId::Fb3a => "FB3a",
            StepId::Fb3b => "FB3b",
            StepId::Fb3c => "FB3c",
            StepId::Fb3d => "FB3d",
            StepId::Fb3e => "FB3e",
            StepId::Fb4a => "FB4a",
            StepId::Fb4b => "FB4b",
            StepId::Fb5 => "FB5",
            StepId::Fb6 => "FB6",
            StepId::Fb7 => "FB7",
            StepId::Ut3 => "UT3",
            StepId::Rt1 => "RT1",
            StepId::Rt2 => "RT2",
            StepId::Rt3 => "RT3",
            StepId::Rt4 => "RT4",
            StepId::Rt5 => "RT5",
            StepId::Rt6 => "RT6",
        }
    }

    /// The step of the procedure that it belongs to: `FB3` for `FB3c`.
    pub fn of_procedure(self) -> &'static str {
        self.as_str().trim_end_matches(|c: char| c.is_ascii_lowercase())
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Give the lost region up, and serve from the other.
    #[default]
    Failover,
    /// Bring the lost region back: rebuilt, filled, and serving.
    Failback,
}

impl Kind {
    /// The word, as everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Failover => "failover",
            Kind::Failback => "failback",
        }
    }
}

/// Whether a step makes the world safe again, or moves an orderly procedure on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// May be done at any time to protect data: nobody has to be asked twice.
    Safety,
    /// Part of the order.
    Orderly,
    /// Sent beside the step that follows, and nothing waits for it: a later step reads what became of it.
    Beside,
    /// Part of the order, and the last to be asked for: what cannot be done is told and passed over, so that it holds up
    /// nothing that protects data.
    Yielding,
}

/// What a step is expected to bring, so that a surprise is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// What will be seen.
    pub what: String,
    /// From when, in milliseconds after the effect.
    pub from_ms: u64,
    /// Until when, in milliseconds after the effect.
    pub until_ms: u64,
}

/// One step: look, deed, proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which.
    pub id: StepId,
    /// What it does, as a title.
    pub title: String,
    /// Its class.
    pub class: Class,
    /// What must hold before the effect goes out.
    pub before: Vec<Condition>,
    /// The effect.
    pub effect: Effect,
    /// What must be read back afterwards.
    pub after: Vec<Condition>,
    /// How long the proof may take, in milliseconds.
    pub deadline_ms: u64,
    /// What is expected.
    pub prediction: Prediction,
    /// What a person would type instead.
    pub manual: Vec<String>,
}

/// A step that is not owed, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Which.
    pub id: StepId,
    /// What it would have done, as a title.
    pub title: String,
    /// What was seen that says that nothing is owed.
    pub why: String,
}

/// An override that a person gave, by the name of what it overrides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accepted {
    /// The lost region is not proven silent or leaderless.
    Unfenced {
        /// Why a person wants it all the same.
        reason: String,
    },
    /// Not all replicas of the surviving region can be kept: acknowledged data may be gone.
    DataLoss {
        /// Why a person wants it all the same.
        reason: String,
    },
    /// Exporting was paused by somebody else, and the run takes that pause over, and resumes it.
    PauseAdopted {
        /// Why a person wants it all the same.
        reason: String,
    },
    /// The direction record outside this machine could not be written.
    Unrecorded {
        /// Why a person wants it all the same.
        reason: String,
    },
    /// How full the disks are is unknown, and a third replica of each partition goes onto them.
    UnknownDisks {
        /// Why a person wants it all the same.
        reason: String,
    },
}

/// Whether waiting is an alternative, and for how long. Guarantee G4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Whether the cluster would heal by itself if the region came back with its disks.
    pub possible: bool,
    /// How long the disks allow it, in seconds; `None` is unknown.
    pub disks_allow_s: Option<u64>,
    /// In words.
    pub words: String,
}

/// The plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this form. See [`crate::record`].
    pub format: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// What it is for.
    #[serde(default)]
    pub kind: Kind,
    /// For which installation.
    pub installation: Installation,
    /// The region that is given up; in a failback the one that was, and returns.
    pub lost: RegionId,
    /// What was found when it was made.
    pub diagnosis: Diagnosis,
    /// Who was there, who led, and how the exporters stood when it was made: to tell later what has moved.
    #[serde(default, skip_serializing_if = "Seen::is_nothing")]
    pub seen: Seen,
    /// Steps that are not owed.
    pub settled: Vec<Settled>,
    /// The steps that are owed, in order.
    pub steps: Vec<Step>,
    /// The way back to one region, from wherever the run is given up: safe at any time, and never leaves exporting paused
    /// (guarantee G9). Steps whose effect is there already are passed over. Empty in a failover: there is nothing to undo.
    #[serde(default)]
    pub retreat: Vec<Step>,
    /// What must hold at the end of all.
    pub proof: Vec<Condition>,
    /// How long the proof at the end may take, in milliseconds.
    pub proof_deadline_ms: u64,
    /// Whether waiting is an alternative.
    pub waiting: Waiting,
    /// Overrides that were given.
    pub accepted: Vec<Accepted>,
    /// What a person should know before saying yes.
    pub notes: Vec<String>,
}

impl Plan {
    /// The region that goes on alone.
    pub fn survivors(&self) -> RegionId {
        self.lost.other()
    }

    /// The steps that a run of it may come to: those that are owed, and those of the way back.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.retreat)
    }

    /// The brokers that the plan keeps.
    pub fn kept(&self) -> BTreeSet<BrokerId> {
        self.steps
            .iter()
            .find_map(|step| match step.effect.zeebe() {
                Some(ZeebeEffect::ForceRemove { keep, .. }) => Some(keep.clone()),
                _ => None,
            })
            .unwrap_or_else(|| self.installation.brokers_of(self.survivors()))
    }

    /// What differs between the steps of two plans, as sentences; none if they would do the same.
    pub fn differences(&self, other: &Plan) -> Vec<String> {
        let mut differences = Vec::new();
        if self.installation != other.installation {
            differences.push("The configured installation differs.".to_owned());
        }
        if self.kind != other.kind {
            differences.push(format!("It is a {} now.", other.kind.as_str()));
        }
        if self.lost != other.lost {
            differences.push("The lost region differs.".to_owned());
        }
        let owed = |plan: &Plan| {
            plan.steps
                .iter()
                .map(|step| (step.id, step.effect.clone()))
                .collect::<Vec<_>>()
        };
        for (id, effect) in owed(self) {
            match owed(other).iter().find(|(other, _)| *other == id) {
                None => differences.push(format!("{id} is no longer owed.")),
                Some((_, now)) if *now != effect => {
                    differences.push(format!(
                        "{id} would now {} instead of {}.",
                        now.words(),
                        effect.words()
                    ));
                }
                Some(_) => {}
            }
        }
        for (id, effect) in owed(other) {
            if !owed(self).iter().any(|(mine, _)| *mine == id) {
                differences.push(format!("{id} is owed now: {}.", effect.words()));
            }
        }
        differences
    }
}
