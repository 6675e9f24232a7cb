//! When what came about in a run, as its journal tells. What it does not tell is unknown, never zero.

use c8dr_domain::effect::{Effect, ZeebeEffect};
use c8dr_domain::plan::{Kind, StepId};
use c8dr_domain::run::{Outcome, Phase, Run};
use jiff::Timestamp;
use serde::Serialize;

/// The moments of a run that people ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RunTimes {
    /// When the plan was made and agreed to.
    pub(crate) decided_at: Timestamp,
    /// When every partition was proven to be led again (FO1).
    pub(crate) leaders_back_at: Option<Timestamp>,
    /// When the lost region's exporter was proven to be off (FO2).
    pub(crate) exporter_off_at: Option<Timestamp>,
    /// When every leader was proven to export again: the end of a failover.
    pub(crate) exporting_again_at: Option<Timestamp>,
    /// When the request to pause exporting went out (FB2).
    pub(crate) paused_at: Option<Timestamp>,
    /// When exporting was proven to go on (FB6, or on the way back).
    pub(crate) resumed_at: Option<Timestamp>,
    /// When every partition had its replicas in both regions again (FB7): the installation is protected from there on.
    pub(crate) protected_again_at: Option<Timestamp>,
    /// When everything that had to hold was read.
    pub(crate) verified_at: Option<Timestamp>,
}

impl RunTimes {
    /// Of a run as it stands.
    pub(super) fn of(run: &Run) -> Self {
        let proven = |id: StepId| {
            run.steps
                .get(&id)
                .and_then(|record| record.ended.as_ref())
                .filter(|(_, outcome, _)| *outcome == Outcome::Verified)
                .map(|(at, ..)| *at)
        };
        let resumes = |effect: &Effect| matches!(effect, Effect::Zeebe(ZeebeEffect::ResumeExporting));
        let verified_at = run.ended_at.filter(|_| run.phase == Phase::Verified);
        RunTimes {
            decided_at: run.planned_at,
            leaders_back_at: proven(StepId::Fo1),
            exporter_off_at: proven(StepId::Fo2),
            exporting_again_at: verified_at.filter(|_| run.plan.kind == Kind::Failover),
            paused_at: run
                .steps
                .get(&StepId::Fb2b)
                .and_then(|record| record.attempts.first())
                .map(|attempt| attempt.at),
            resumed_at: run
                .plan
                .all_steps()
                .filter(|step| resumes(&step.effect))
                .find_map(|step| proven(step.id)),
            protected_again_at: proven(StepId::Fb7),
            verified_at,
        }
    }

    /// Seconds from the decision to a moment.
    pub(super) fn since_decided(&self, at: Timestamp) -> f64 {
        at.duration_since(self.decided_at).as_secs_f64()
    }
}
