//! Why no plan was made, and the way out. Each refusal has a code, and each code a page: `c8dr explain CODE`.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::diagnose::{Code, Diagnosis};

/// What a refusal is called. Kebab-case on the wire; a state that is also a diagnosis has the diagnosis's own name.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::VariantArray,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum RefusalCode {
    /// Nothing has been read yet.
    NothingRead,
    /// No gateway and no broker answers.
    NothingAnswers,
    /// What answers is not what is configured.
    AnotherInstallation,
    /// Two brokers lead one partition.
    PartitionLedTwice,
    /// The coordinator is lost while a change is pending.
    CoordinatorLost,
    /// The members are neither both regions nor one.
    MembersUnexpected,
    /// Who the members are cannot be read.
    MembersUnreadable,
    /// A change of somebody else's is pending.
    ChangePending,
    /// A broker of the surviving region does not answer.
    SurvivorDown,
    /// That the region is lost is not proven.
    NotFenced,
    /// The region that was called lost answers.
    LostRegionAnswers,
    /// The region does not answer us, but the cluster works with it.
    RegionUnreachableFromHere,
    /// The surviving region does not hold all its replicas.
    ReplicasMissing,
    /// Nothing would be left of a partition.
    NoReplicaLeft,
    /// The region that is to go is the only one left.
    LastRegion,
    /// The cluster has no such exporter.
    ExporterUnknown,
    /// The region that is to return is the one that serves.
    RegionServes,
    /// The region that is to return was never given up.
    RegionNotGivenUp,
    /// The exporter of the lost region was not disabled.
    FailoverHalfDone,
    /// The exporter of the surviving region does not run.
    SurvivingExporterOff,
    /// The returning exporter is on, but its search was never filled.
    SearchNotFilled,
    /// Both addresses lead to one search.
    OneSearch,
    /// Indices with documents stand in the way of the restore.
    SearchNotClean,
    /// Operate or Tasklist run where none may.
    WebappsUnexpected,
    /// The region came back with what it had.
    ReturnedWithOldDisks,
    /// Somebody else has paused exporting.
    ExportingPaused,
    /// The pods of a region cannot be read.
    PlatformUnseen,
    /// How to reach a region's platform is not configured.
    PlatformUnknown,
    /// A third replica of each partition has no place, no room, or buys nothing.
    ReinforceNotPossible,
    /// The returning brokers are members and answer: the run goes on, not back.
    OnlyForward,
}

impl RefusalCode {
    /// All that there are.
    pub const ALL: &[RefusalCode] = RefusalCode::VARIANTS;

    /// The code as it is written.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The refusal of everything, whatever is asked for, in a state in which nothing may be changed.
    pub(super) const fn of_any_change(code: Code) -> Option<RefusalCode> {
        match code {
            Code::NothingAnswers => Some(RefusalCode::NothingAnswers),
            Code::AnotherInstallation => Some(RefusalCode::AnotherInstallation),
            Code::PartitionLedTwice => Some(RefusalCode::PartitionLedTwice),
            Code::CoordinatorLost => Some(RefusalCode::CoordinatorLost),
            _ => None,
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why no plan was made, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Its code, for `c8dr explain`.
    pub code: RefusalCode,
    /// What is refused and why, in one sentence.
    pub summary: String,
    /// What was seen.
    pub evidence: Vec<String>,
    /// What can be done instead, most useful first.
    pub way_out: Vec<String>,
}

impl Refusal {
    /// A refusal that rests on what was diagnosed.
    pub(super) fn of(
        code: RefusalCode,
        summary: impl Into<String>,
        diagnosis: &Diagnosis,
        way_out: Vec<String>,
    ) -> Refusal {
        Refusal {
            code,
            summary: summary.into(),
            evidence: diagnosis.evidence.clone(),
            way_out,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)
    }
}

impl std::error::Error for Refusal {}
