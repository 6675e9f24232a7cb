//! Whether a run has left exporting paused: told as loudly as anything, by whoever tells of the run. Guarantee G9.

use super::{Outcome, Run};
use crate::plan::StepId;

impl Run {
    /// Whether exporting is paused on account of this run: it has asked for the pause, or taken one over, and has not been
    /// seen to end it.
    pub fn has_paused(&self) -> bool {
        let ended_well = |id: StepId| {
            self.steps
                .get(&id)
                .and_then(|record| record.outcome())
                .is_some_and(Outcome::is_good)
        };
        let is_paused = self.steps.get(&StepId::Fb2b).is_some_and(|record| {
            !record.attempts.is_empty() || record.outcome().is_some_and(Outcome::is_good)
        });
        // A plan that begins behind the pause has found it, and owes the resume.
        let plans = |id: StepId| self.plan.steps.iter().any(|step| step.id == id);
        let is_found = plans(StepId::Fb6) && !plans(StepId::Fb2b);
        (is_paused || is_found) && !ended_well(StepId::Fb6) && !ended_well(StepId::Rt4) && !self.has_ended()
    }

    /// What has to be said of a run that stops, or was killed, while exporting is paused on its account.
    pub fn pause_alarm(&self) -> Option<String> {
        if !self.has_paused() {
            return None;
        }
        let since = self
            .steps
            .get(&StepId::Fb2b)
            .and_then(|record| record.attempts.first())
            .map_or(String::new(), |attempt| format!(" since {}", attempt.at));
        Some(format!(
            "EXPORTING IS PAUSED{since}: the brokers' logs grow until it is resumed. Go on soon, or take it back: `c8dr run abort {} --reason \"…\"`.",
            self.id
        ))
    }
}
