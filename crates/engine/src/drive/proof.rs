//! The proof: read back, from other endpoints than the one written to, until it holds or its time is over.

use std::time::Duration;

use c8dr_domain::condition::{Asks, Condition, Known, Verdict, judge_all, positions};
use c8dr_domain::effect::{Effect, SearchTask, ZeebeEffect};
use c8dr_domain::exporting::PositionVector;
use c8dr_domain::facts::{Compared, Facts};
use c8dr_domain::fence::READINGS;
use c8dr_domain::ids::counted;
use c8dr_domain::observation::Observation;
use c8dr_domain::plan::Step;
use c8dr_domain::planted::{self, Bug};
use c8dr_domain::run::{Event, Outcome, Phase, Stop};
use c8dr_domain::search::{Color, SearchCluster};
use jiff::SignedDuration;

use super::{Driver, Halt, Look, Pause};
use crate::backoff::Pace;

/// How long the effect of a request that may be repeated is waited for before it is sent again.
const REPEAT_AFTER: Duration = Duration::from_secs(10);

/// In how many readings in a row a snapshot has to be absent before it is taken again, and that for [`REPEAT_AFTER`].
const UNSEEN_READINGS: u32 = 3;

/// How long both searches may hold different records without coming any closer. What is compared was acknowledged by both
/// exporters before, so it is found after the next refresh, a second later, or never. `spec: procedure.md I18`
const APART_LIMIT: Duration = Duration::from_secs(120);

/// How long a search may be red without copying anything before its restore has failed: one that has just started is red
/// until it has found its own shards.
const FAILED_LIMIT: Duration = Duration::from_secs(180);

/// How long all brokers that are being added may be silent before somebody is told: a region that died does not join.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// What a proof came to.
pub(super) enum Proven {
    /// It holds.
    Yes(String),
    /// It does not hold yet, and the request may be sent again. The sentence says what is wanting.
    SendAgain(String),
}

/// Whether waiting for a request's effect is so short that sending it again is the better way: a pause, a resume, a
/// registration. A platform takes minutes, and goes on by itself.
fn is_quick(effect: &Effect) -> bool {
    match effect {
        Effect::Zeebe(ZeebeEffect::PauseExporting | ZeebeEffect::ResumeExporting) => true,
        Effect::CancelOwn => true,
        Effect::Search { task, .. } => matches!(task, SearchTask::Register { .. } | SearchTask::ClearTheWay),
        Effect::Traffic { .. } => true,
        Effect::Zeebe(_) | Effect::Platform { .. } => false,
    }
}

impl Driver<'_> {
    /// Reads back what a step was for. Comes only after the server has taken the request, ours or an identical one, so what
    /// is not proven in time has failed: sending it again would be a second effect.
    pub(super) async fn proof(&mut self, step: &Step) -> Result<Proven, Halt> {
        let limit = Duration::from_millis(step.deadline_ms);
        let mut pause = self.pause(Some(step.id), limit);
        let mut quick = self.pause(Some(step.id), REPEAT_AFTER);
        let asks = Asks::of(&step.after, &self.run.facts);
        let look = match asks.both_regions {
            true => Look::Loss {
                lost: self.run.plan.lost,
            },
            false => Look::Side {
                region: self.survivors(),
            },
        };
        self.backoff.quicken();
        let mut unseen = 0;
        loop {
            self.check_cancelled()?;
            self.observe(look, &asks).await;
            unseen = match self.snapshot_is_absent(step) {
                true => unseen + 1,
                false => 0,
            };
            if unseen >= UNSEEN_READINGS && self.is_over(&quick) {
                return Err(Halt::Again(
                    "The snapshot was accepted, and the repository does not have it: the store did not take it.".to_owned(),
                ));
            }
            if let Some(words) = self.short_of_room(step) {
                return Err(Halt::TurnRound(words));
            }
            if let Some(words) = self.restore_has_failed(step) {
                return Err(Halt::TurnRound(words));
            }
            if let Some(words) = self.region_is_gone(step) {
                return Err(self.fail_step(step.id, Outcome::Waiting, Stop::Waiting, words));
            }
            let waits_for = match self.judge_after(step) {
                Some(Verdict::Met(words)) => return Ok(Proven::Yes(words)),
                Some(Verdict::Moved(words)) => return Err(Halt::Again(words)),
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
            // An exporter that still drains needs patience, not a second pause.
            let is_taken = self.is_taken(step);
            if is_quick(&step.effect) && !is_taken && self.is_over(&quick) {
                return Ok(Proven::SendAgain(waits_for));
            }
            if is_taken {
                quick = self.pause(Some(step.id), REPEAT_AFTER);
            }
            self.wait(&mut pause, &waits_for).await?;
        }
    }

    /// Whether the restore is over, and not well: its search answers and is red, and nothing is copied into it any more. A
    /// server that died in the middle does not go on by itself; the region is rebuilt, and nothing stays paused for it.
    fn restore_has_failed(&self, step: &Step) -> Option<String> {
        let Effect::Search {
            region,
            task: SearchTask::Restore { .. },
        } = &step.effect
        else {
            return None;
        };
        if planted::is(Bug::RestoreByStatus) {
            return None;
        }
        let restored = &self.run.facts.restored;
        let failed = self.history.streak(|reading| {
            reading.searches.get(region).is_some_and(|search| {
                let is_red = search
                    .cluster
                    .seen()
                    .is_some_and(|cluster| cluster.color == Color::Red);
                let is_idle = search.recoveries.seen().is_some_and(|recoveries| {
                    !recoveries
                        .iter()
                        .any(|recovery| !recovery.is_done && restored.contains(&recovery.index))
                });
                is_red && is_idle
            })
        });
        let limit = SignedDuration::try_from(FAILED_LIMIT).unwrap_or(SignedDuration::MAX);
        failed.reaches(READINGS, limit).then(|| {
            let latest = self.history.latest();
            let cluster = latest.and_then(|reading| reading.searches.get(region)?.cluster.seen());
            format!(
                "The restore in region {} has failed: its search has been red for {} s{}, and nothing is copied into it any more.",
                self.run.plan.installation.region(*region).name,
                FAILED_LIMIT.as_secs(),
                cluster.map(SearchCluster::red_words).unwrap_or_default()
            )
        })
    }

    /// Whether the region that is being added has been silent, as a whole, for so long that it is not waited for any more,
    /// and what to do then. A change that goes on says that it lives, and that only we do not reach it.
    fn region_is_gone(&self, step: &Step) -> Option<String> {
        let Some(ZeebeEffect::AddBrokers { .. }) = step.effect.zeebe() else {
            return None;
        };
        let lost = self.run.plan.lost;
        let installation = &self.run.plan.installation;
        let brokers = installation.brokers_of(lost);
        let done = |reading: &Observation| {
            let (_, configuration) = reading.configuration()?;
            Some(configuration.pending_change.as_ref()?.completed.len())
        };
        let done_now = done(self.history.latest()?);
        let silence = self.history.streak(|reading| {
            let stands_still = done(reading).is_none_or(|then| done_now.is_none_or(|now| now == then));
            stands_still && reading.silent().is_superset(&brokers)
        });
        let limit = SignedDuration::try_from(SILENCE_LIMIT).unwrap_or(SignedDuration::MAX);
        silence.reaches(READINGS, limit).then(|| {
            let (name, run) = (&installation.region(lost).name, &self.run.id);
            format!(
                "Region {name} has been silent for {} s while its {} were being added: it is gone, or cannot be reached from here. \
                 Nothing acknowledged is lost, and exporting is not paused; partitions that it has joined may have no leader \
                 until it is back. The change stays pending, and goes on by itself once {name} runs again with its disks: start it, \
                 then `c8dr run resume {run}`. If it is lost for good: `c8dr run abort {run}` takes its brokers out again, \
                 and one region serves.",
                SILENCE_LIMIT.as_secs(),
                counted("broker", &brokers),
            )
        })
    }

    /// Whether the newest reading shows that this run's snapshot is not there, though it was to be taken.
    fn snapshot_is_absent(&self, step: &Step) -> bool {
        let Effect::Search {
            region,
            task: SearchTask::Snapshot { .. },
        } = &step.effect
        else {
            return false;
        };
        let search = self
            .history
            .latest()
            .and_then(|latest| latest.searches.get(region));
        search.is_some_and(|search| matches!(search.snapshot.seen(), Some(None)))
    }

    /// Whether the first thing that a quick request is for is seen: the rest comes by itself.
    fn is_taken(&self, step: &Step) -> bool {
        let known = self.known(step.id);
        step.after.first().is_some_and(|first| {
            self.judged(|picture| first.judge(picture, &known, &self.run.facts).is_met())
                .unwrap_or(false)
        }) && matches!(step.effect, Effect::Zeebe(ZeebeEffect::PauseExporting))
    }

    /// What must hold when all steps are done.
    pub(super) async fn proof_of_the_whole(&mut self) -> Result<String, Halt> {
        let plan = self.run.plan.clone();
        let look = match self.is_failback() {
            true => Look::Everything,
            false => Look::Side {
                region: self.survivors(),
            },
        };
        // Reading all records is dear: it is done when everything else holds.
        let cheap: Vec<Condition> = plan
            .proof
            .iter()
            .filter(|condition| **condition != Condition::SameRecords)
            .cloned()
            .collect();
        let first = self.observe(look, &Asks::of(&cheap, &self.run.facts)).await;
        if self.run.phase != Phase::Proving {
            let mut known = Known::default();
            for record in self.run.steps.values() {
                known.remember_positions(&record.known.processed);
            }
            known.remember(&first);
            self.record(Event::ProofBegan { known })?;
        }
        let mut pause = self.pause(None, Duration::from_millis(plan.proof_deadline_ms));
        self.backoff.begin(match self.is_failback() {
            true => Pace::Patient,
            false => Pace::Hurried,
        });
        let mut conditions = cheap.clone();
        let mut apart: Option<(String, Pause)> = None;
        loop {
            self.check_cancelled()?;
            let known = self.run.proof_known.clone();
            let verdict = self.judged(|picture| judge_all(&conditions, picture, &known, &self.run.facts));
            let waits_for = match verdict {
                // The cheap part holds: now the records, up to where both exporters have come.
                Some(Verdict::Met(_)) if conditions.len() < plan.proof.len() => match self.common_positions()
                {
                    Ok(up_to) => {
                        let compared = Some(Compared {
                            up_to,
                            ..Compared::default()
                        });
                        let facts = Facts {
                            compared,
                            ..self.run.facts.clone()
                        };
                        self.gather(facts)?;
                        conditions.clone_from(&plan.proof);
                        "Comparing what both searches hold.".to_owned()
                    }
                    Err(words) => words,
                },
                Some(Verdict::Met(words)) => {
                    self.keep_what_was_compared()?;
                    self.close_direction("failback verified").await?;
                    self.record(Event::Verified { words: words.clone() })?;
                    return Ok(words);
                }
                Some(Verdict::Moved(words)) => return Err(Halt::stop(Stop::VerificationFailed, words)),
                Some(Verdict::Broken(words)) => return Err(Halt::stop(Stop::VerificationFailed, words)),
                Some(Verdict::NotYet(words)) => words,
                None => "A first reading.".to_owned(),
            };
            if self.is_over(&pause) {
                let words = format!("Not proven within {} s: {waits_for}", pause.limit.as_secs());
                return Err(Halt::stop(Stop::VerificationFailed, words));
            }
            let is_compared = conditions.len() > cheap.len()
                && self
                    .judged(|picture| judge_all(&cheap, picture, &known, &self.run.facts).is_met())
                    .unwrap_or(false);
            apart = match apart.filter(|(words, _)| is_compared && *words == waits_for) {
                Some(same) => Some(same),
                None => is_compared.then(|| (waits_for.clone(), self.pause(None, APART_LIMIT))),
            };
            if apart.as_ref().is_some_and(|(_, since)| self.is_over(since)) {
                let words = format!(
                    "{waits_for} For {} s nothing has come to either of them that was missing, and nothing more will: \
                     something was exported to one region only. Region {} has to be failed over and back once more.",
                    APART_LIMIT.as_secs(),
                    self.run.plan.installation.region(self.run.plan.lost).name
                );
                return Err(Halt::stop(Stop::VerificationFailed, words));
            }
            self.wait(&mut pause, &waits_for).await?;
            let asks = Asks::of(&conditions, &self.run.facts);
            self.observe(look, &asks).await;
        }
    }

    /// Up to where both searches can be compared: what both exporters have acknowledged, and not less than V.
    fn common_positions(&self) -> Result<PositionVector, String> {
        let now = self
            .judged(positions)
            .unwrap_or_else(|| Err("A first reading.".to_owned()))?;
        let behind = self
            .run
            .facts
            .positions
            .iter()
            .find(|(partition, v)| now.get(partition).is_none_or(|now| now < v));
        match behind {
            Some((partition, v)) => Err(format!(
                "Partition {partition}: the exporters have not acknowledged V ({v}) again yet."
            )),
            None => Ok(now),
        }
    }

    /// What both searches held goes into the facts: it is the heart of the certificate.
    fn keep_what_was_compared(&mut self) -> Result<(), Halt> {
        let Some(mut compared) = self.run.facts.compared.clone() else {
            return Ok(());
        };
        let mut facts = self.run.facts.clone();
        for (region, search) in self
            .history
            .latest()
            .into_iter()
            .flat_map(|latest| &latest.searches)
        {
            if let Some(held) = search.holdings.seen() {
                compared.held.insert(*region, held.clone());
            }
            if let Some(cluster) = search.cluster.seen() {
                facts
                    .clusters
                    .entry(*region)
                    .or_insert_with(|| cluster.uuid.clone());
            }
        }
        facts.compared = Some(compared);
        self.gather(facts)?;
        Ok(())
    }
}
