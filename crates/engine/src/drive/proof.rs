//! The proof: read back, from other endpoints than the one written to, until it holds or its time is over.

use std::time::Duration;

use c8dr_domain::condition::{Known, Verdict, judge_all};
use c8dr_domain::plan::Step;
use c8dr_domain::run::{Event, Outcome, Phase, Stop};

use super::{Driver, Halt, Look};

impl Driver<'_> {
    /// Reads back what a step was for. Comes only after the server has taken the request, ours or an identical one, so what
    /// is not proven in time has failed: sending it again would be a second effect.
    pub(super) async fn proof(&mut self, step: &Step) -> Result<String, Halt> {
        let limit = Duration::from_millis(step.deadline_ms);
        let mut pause = self.pause(Some(step.id), limit);
        self.backoff.quicken();
        loop {
            self.check_cancelled()?;
            self.observe(Look::Side {
                region: self.survivors(),
            })
            .await;
            let waits_for = match self.judge_after(step) {
                Some(Verdict::Met(words)) => return Ok(words),
                Some(Verdict::Broken(words)) => {
                    return Err(self.fail_step(step.id, Outcome::Failed, Stop::VerificationFailed, words));
                }
                Some(Verdict::NotYet(words)) => words,
                None => "A first reading.".to_owned(),
            };
            if self.is_over(&pause) {
                let words = format!("Not proven within {} s: {waits_for}", limit.as_secs());
                return Err(self.fail_step(step.id, Outcome::Failed, Stop::VerificationFailed, words));
            }
            self.wait(&mut pause, &waits_for).await?;
        }
    }

    /// What must hold when all steps are done.
    pub(super) async fn proof_of_the_whole(&mut self) -> Result<String, Halt> {
        let plan = self.run.plan.clone();
        let side = Look::Side {
            region: self.survivors(),
        };
        let first = self.observe(side).await;
        if self.run.phase != Phase::Proving {
            let mut known = Known::default();
            for record in self.run.steps.values() {
                for (partition, position) in &record.known.processed {
                    let highest = known.processed.entry(*partition).or_insert(*position);
                    *highest = (*highest).max(*position);
                }
            }
            known.remember(&first);
            self.record(Event::ProofBegan { known })?;
        }
        let mut pause = self.pause(None, Duration::from_millis(plan.proof_deadline_ms));
        self.backoff.quicken();
        loop {
            self.check_cancelled()?;
            let known = self.run.proof_known.clone();
            let waits_for = match self.judged(|picture| judge_all(&plan.proof, picture, &known)) {
                Some(Verdict::Met(words)) => {
                    self.record(Event::Verified { words: words.clone() })?;
                    return Ok(words);
                }
                Some(Verdict::Broken(words)) => return Err(Halt::stop(Stop::VerificationFailed, words)),
                Some(Verdict::NotYet(words)) => words,
                None => "A first reading.".to_owned(),
            };
            if self.is_over(&pause) {
                let words = format!("Not proven within {} s: {waits_for}", pause.limit.as_secs());
                return Err(Halt::stop(Stop::VerificationFailed, words));
            }
            self.wait(&mut pause, &waits_for).await?;
            self.observe(side).await;
        }
    }
}
