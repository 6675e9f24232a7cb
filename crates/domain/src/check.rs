//! A second pair of eyes: reads a finished plan and complains. Shares no code with the planner, on purpose.
//!
//! Each rule recomputes what it needs from first principles, so that a mistake in the planner does not check itself.
//! A plan with an error is not carried out. Rules after `spec: procedure.md §2, §3a` and the guarantees.

mod failback;
mod failover;
mod reinforce;
mod retreat;
mod traffic;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::ids::{BrokerId, RegionId};
use crate::observation::Observation;
use crate::plan::{Kind, Plan};

/// The rules, by the invariant or guarantee that they guard.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::VariantArray,
    strum::IntoStaticStr,
)]
pub enum Rule {
    /// A force rests on a proof that the region is lost, or on a named acceptance.
    I1,
    /// Exactly one region goes, and it is the plan's.
    I2,
    /// The traffic is taken off the lost region, or a person is told to; and back only to a region that serves.
    I3,
    /// The brokers go before the exporter.
    I4,
    /// One change at a time; each is awaited by its own id.
    I5,
    /// The exporter is off before the plan calls itself done.
    I6,
    /// Nothing of the returning region is left before it is installed.
    I7,
    /// No webapps in the returning region until the restore is done.
    I8,
    /// No webapps in the surviving region from before the pause until the snapshot is restored; and up again afterwards.
    I9,
    /// The snapshot rests on a pause that is hard, drained, and unmoved until the exporter is on.
    I10,
    /// The returning search registers the repository after the snapshot is whole, anew, and sees it.
    I11,
    /// The restore is proven before the exporter is on.
    I12,
    /// The exporter begins at the surviving one's position, and is on before exporting is resumed.
    I13,
    /// Exporting is resumed before brokers are added.
    I14,
    /// Nothing restarts, scales or removes a survivor but what the procedure itself says.
    I16,
    /// Who pauses resumes, and watches the disks until then.
    I17,
    /// No exporter is enabled, and so set to another position, once exporting was resumed.
    I18,
    /// Every partition keeps all its replicas in the surviving region, and gets all of them in the end.
    I19,
    /// Every kept broker is seen up before the force.
    I20,
    /// One direction: what the plan keeps is not what it calls lost.
    G1,
    /// The removal is the lost region exactly, and nobody who answers is in it.
    G2,
    /// Fence before force.
    G3,
    /// Waiting is offered where it is possible.
    G4,
    /// The proof asks whether anything acknowledged was cut off, or is in one search only.
    G5,
    /// The right order, each step once.
    G6,
    /// What a step or the whole brings is read back.
    G8,
    /// What was begun can be taken back, and exporting is never left paused.
    G9,
    /// What is overwritten or deleted is in the returning region, and known by its identity.
    G10,
    /// A region that came back with its old disks is not taken in.
    G12,
}

impl Rule {
    /// All that there are.
    pub const ALL: &[Rule] = Rule::VARIANTS;

    /// The rule as it is written.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth saying.
    Warning,
    /// The plan must not be carried out.
    Error,
}

/// One complaint about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// The rule that is broken.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as a sentence.
    pub what: String,
}

/// Reads a plan, and the newest reading where there is one, and complains.
pub fn check(plan: &Plan, seen: Option<&Observation>) -> Vec<Complaint> {
    let mut complaints = Complaints::default();
    match plan.kind {
        Kind::Failover => failover::check(plan, seen, &mut complaints),
        Kind::Failback => {
            failback::check(plan, seen, &mut complaints);
            retreat::check(plan, &mut complaints);
        }
    }
    traffic::check(plan, &mut complaints);
    reinforce::check(plan, seen, &mut complaints);
    complaints.0
}

/// The complaints for which a plan must not be carried out.
pub fn errors(plan: &Plan, seen: Option<&Observation>) -> Vec<Complaint> {
    let mut complaints = check(plan, seen);
    complaints.retain(|complaint| complaint.severity == Severity::Error);
    complaints
}

/// Complaints as sentences in a row.
pub fn sentences(complaints: &[Complaint]) -> String {
    let told = complaints
        .iter()
        .map(|complaint| format!("{}: {}", complaint.rule, complaint.what));
    told.collect::<Vec<_>>().join(" ")
}

#[derive(Default)]
struct Complaints(Vec<Complaint>);

impl Complaints {
    fn error(&mut self, rule: Rule, what: impl Into<String>) {
        self.0.push(Complaint {
            rule,
            severity: Severity::Error,
            what: what.into(),
        });
    }

    fn error_unless(&mut self, holds: bool, rule: Rule, what: impl FnOnce() -> String) {
        if !holds {
            self.error(rule, what());
        }
    }
}

/// The brokers of a region, counted from their ids alone.
fn of_region(plan: &Plan, region: RegionId) -> BTreeSet<BrokerId> {
    (0..plan.installation.cluster_size())
        .filter(|id| id % 2 == region.0)
        .map(BrokerId)
        .collect()
}
