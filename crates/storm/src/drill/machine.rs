//! An operator's machine: the runs that it keeps, and what goes on on it.

use c8dr_domain::ids::RunId;
use c8dr_domain::run::{IllegalTransition, Run};
use c8dr_engine::drive::Canceller;

use crate::journal::Kept;

/// What an operator's machine remembers.
#[derive(Clone, Default)]
pub(super) struct Machine {
    runs: Vec<(RunId, Kept)>,
    /// Who can stop what goes on here.
    pub(super) canceller: Canceller,
}

impl Machine {
    /// Keeps a run, in place of what it had of it.
    pub(super) fn keep(&mut self, run: RunId, kept: Kept) {
        self.runs.retain(|(id, _)| *id != run);
        self.runs.push((run, kept));
    }

    /// The newest run that has not ended.
    ///
    /// # Errors
    /// If what is kept is no run: a mistake of c8dr's.
    pub(super) fn unfinished(&self) -> Result<Option<(Run, Kept)>, IllegalTransition> {
        for (_, kept) in self.runs.iter().rev() {
            if let Some(run) = kept.run()?
                && !run.has_ended()
            {
                return Ok(Some((run, kept.clone())));
            }
        }
        Ok(None)
    }

    /// Everything that is kept.
    pub(super) fn all(&self) -> Vec<Run> {
        self.runs
            .iter()
            .filter_map(|(_, kept)| kept.run().ok().flatten())
            .collect()
    }
}
