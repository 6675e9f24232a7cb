//! What a tool with a planted mistake does not look at: conditions that would only mask it, because they read back from the
//! world what the mistake has done to it.
//!
//! This is the whole list, by mistake: a storm has to notice each by what becomes of the world. Nothing of it is in a real
//! build.

use super::{Plan, StepId};
use crate::condition::Condition;
use crate::planted::{Bug, planted};

/// Leaves out of a plan what the planted mistake overlooks; nothing where none is.
pub(super) fn leave_out(plan: &mut Plan) {
    let Some(bug) = planted() else { return };
    for step in plan.steps.iter_mut().chain(&mut plan.retreat) {
        let id = step.id;
        let looks_at = |condition: &Condition| !overlooks(bug, Some(id), condition);
        step.before.retain(looks_at);
        step.after.retain(looks_at);
    }
    plan.proof.retain(|condition| !overlooks(bug, None, condition));
}

/// Whether a tool with this mistake does without a condition, in a step or in the proof of the whole.
fn overlooks(bug: Bug, step: Option<StepId>, condition: &Condition) -> bool {
    use Condition as C;
    match bug {
        Bug::WrongRegion => matches!(condition, C::Fenced { .. } | C::Up { .. }),
        Bug::DefaultRegionZero => matches!(condition, C::Exporter { .. } | C::ExportingAgain),
        Bug::WrappedFailureBelieved => matches!(condition, C::ExportingOn { .. } | C::ExportingAgain),
        Bug::DoneAtCompleted => {
            matches!(condition, C::Led { .. } | C::NothingCutOff | C::ExportingAgain)
        }
        // The exporter goes first, so the lost brokers are still members.
        Bug::DisableBeforeForce => matches!(condition, C::Members { .. }) && step == Some(StepId::Fo2),
        Bug::ResumeBeforeEnabled => {
            let is_between = matches!(step, Some(StepId::Fb5 | StepId::Fb6));
            let is_of_enabling = matches!(
                condition,
                C::ChangeEnded | C::NothingPending | C::Exporter { .. } | C::Unmoved { .. }
            );
            is_between && is_of_enabling || *condition == C::SameRecords
        }
        Bug::EnableAfterResume => {
            let is_of_enabling = matches!(condition, C::Exporter { .. } | C::Unmoved { .. });
            matches!(step, Some(StepId::Fb5 | StepId::Fb6)) && is_of_enabling || *condition == C::SameRecords
        }
        // What both searches hold is compared by nobody else; a restore's documents are counted by nobody else.
        Bug::EnableWithoutInitializeFrom => *condition == C::SameRecords,
        Bug::RestoreByStatus | Bug::PartialSnapshotTaken => matches!(
            condition,
            C::Restored { .. } | C::SearchWell { .. } | C::SameRecords
        ),
        Bug::SnapshotNameReused => matches!(condition, C::Restored { .. } | C::SameRecords),
        Bug::SnapshotAtPauseAnswer => {
            matches!(condition, C::Drained { .. } | C::Unmoved { .. } | C::SameRecords)
        }
        Bug::VectorNotReadAgain => matches!(condition, C::Unmoved { .. } | C::SameRecords),
        Bug::ForceWithSurvivorDown | Bug::KeepSetChanged => matches!(condition, C::Up { .. }),
        Bug::ForceOnAdd
        | Bug::BlindRepeat
        | Bug::PauseForgotten
        | Bug::RestartAtRfTwo
        | Bug::GhostBelieved
        | Bug::JournalAfterEffect
        | Bug::LockNotTaken
        | Bug::ForeignChangeCancelled => false,
    }
}
