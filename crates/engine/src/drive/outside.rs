//! What a run keeps outside this machine: the direction before a force, its journal before each effect. Guarantees G1, G7.

use std::time::Duration;

use c8dr_domain::effect::{Answer, Request, ZeebeEffect};
use c8dr_domain::plan::{Accepted, StepId};
use c8dr_domain::planted::{self, Bug};
use c8dr_domain::run::{Outcome, Run, Stop};

use super::{DriveError, Driver, Halt};
use crate::direction::{self, Claim, Direction, DirectionError};
use crate::events::Told;
use crate::handover::{self, NotShared, Shared};
use crate::journal::format::quotable;

/// How long a bucket that does not answer is waited for before a run stops. Nothing is in the air meanwhile.
const BUCKET_LIMIT: Duration = Duration::from_secs(60);

/// What is known of the outside.
#[derive(Debug)]
pub(super) struct Outside {
    /// The journal as it lies outside; `None` until that was read, for a run that was resumed.
    shared: Option<Shared>,
    /// The direction that stands for this run.
    direction: Option<Direction>,
    /// Another machine goes on with the run: what is true of it now is not ours to say.
    pub(super) is_taken_over: bool,
    /// It was said that nothing outside is configured, or does not answer.
    is_told: bool,
}

impl Outside {
    pub(super) fn new(run: &Run) -> Self {
        Outside {
            shared: Some(Shared::new(run.plan.installation.name(), run.id.clone())),
            direction: None,
            is_taken_over: false,
            is_told: false,
        }
    }

    pub(super) fn resumed() -> Self {
        Outside {
            shared: None,
            direction: None,
            is_taken_over: false,
            is_told: false,
        }
    }
}

impl Driver<'_> {
    /// Reads what is outside, once: a direction that forbids this run, another machine that goes on with it.
    pub(super) async fn meet_the_outside(&mut self) -> Result<(), Halt> {
        let Some(bucket) = self.gear.bucket else {
            return Ok(());
        };
        if self.is_failback() && self.outside.direction.is_none() {
            let open = self
                .patiently("the direction record", async |driver: &Self| {
                    match direction::open(bucket, driver.run.plan.installation.name()).await {
                        Err(DirectionError::Unreachable(words)) => Err(words),
                        // Asking again does not help.
                        known => Ok(known),
                    }
                })
                .await?
                .map_err(|error| {
                    Halt::stop(
                        Stop::Refused,
                        format!(
                            "{error} Nobody knows which region was given up, so nothing was sent. Read it with the c8dr that wrote it, or put a file that is not c8dr's elsewhere; then go on."
                        ),
                    )
                })?;
            match open {
                Some(open) if self.other_names(&open).is_some() => {
                    let words = self.other_names(&open).unwrap_or_default();
                    return Err(Halt::stop(Stop::Refused, words));
                }
                Some(open) if open.lost != self.run.plan.lost => {
                    let words = self.opposite(&open);
                    return Err(Halt::stop(Stop::Refused, words));
                }
                open => self.outside.direction = open,
            }
        }
        match self.share().await {
            Ok(()) => Ok(()),
            Err(NotShared::TakenOver) => Err(Halt::stop(Stop::Refused, self.taken_over().await)),
            Err(NotShared::Unreachable(words)) if self.is_failback() && self.run.retreating.is_none() => {
                Err(self.unreachable(&words))
            }
            Err(NotShared::Spoilt(words)) if self.is_failback() && self.run.retreating.is_none() => {
                Err(Halt::stop(Stop::Refused, self.spoilt(&words)))
            }
            Err(NotShared::Unreachable(words) | NotShared::Spoilt(words)) => {
                self.tell_once(&words);
                Ok(())
            }
        }
    }

    /// Asks until there is an answer, for a while.
    async fn patiently<T>(
        &mut self,
        what: &str,
        ask: impl AsyncFn(&Self) -> Result<T, String>,
    ) -> Result<T, Halt> {
        let mut pause = self.pause(None, BUCKET_LIMIT);
        loop {
            match ask(self).await {
                Ok(value) => return Ok(value),
                Err(words) if self.is_over(&pause) => return Err(self.unreachable(&words)),
                Err(words) => {
                    self.wait(&mut pause, &format!("{words} Waiting for {what}."))
                        .await?;
                }
            }
        }
    }

    fn unreachable(&self, words: &str) -> Halt {
        Halt::stop(
            Stop::Waiting,
            format!("{words} Without it another machine could not go on with this run, so nothing was sent."),
        )
    }

    /// Another machine has written what comes next of this run; how it stands there.
    pub(super) async fn taken_over(&mut self) -> String {
        self.outside.is_taken_over = true;
        let installation = self.run.plan.installation.name();
        let there = match self.gear.bucket {
            Some(bucket) => {
                let place = handover::address(bucket, installation, &self.run.id);
                let text = handover::text(bucket, installation, &self.run.id).await;
                text.and_then(|text| handover::recovered(&place, &text)).ok()
            }
            None => None,
        };
        let state = there.map_or(
            " What is there cannot be read from here now.".to_owned(),
            |there| format!(" There it is {}, by {}.", there.run.word(), there.run.by),
        );
        format!(
            "Another machine went on with run {}: its record has lines that are not ours.{state} Nothing is sent from here. If nobody goes on with it there: `c8dr run resume {} --from-record`.",
            self.run.id, self.run.id
        )
    }

    /// What the record outside holds of this run is of no use to anybody. The journal here is.
    fn spoilt(&self, words: &str) -> String {
        format!(
            "{words} No other machine could go on with this run from it, so nothing was sent. The journal here is whole: put what lies in the record elsewhere, and `c8dr run resume {}` writes it anew.",
            self.run.id
        )
    }

    /// Whether a direction record calls its region otherwise than the plan does: it is another installation's, or one of
    /// both configurations has the regions in the wrong order. A number alone would then name the wrong region.
    fn other_names(&self, open: &Direction) -> Option<String> {
        let here = &self.run.plan.installation.region(open.lost).name;
        (*here != open.lost_name).then(|| {
            format!(
                "The direction record says that region {}, called {}, was given up (by {}, run {}); here region {} is called {here}. It is another installation's record, or the regions stand in another order in one of the configurations. Nothing was sent.",
                open.lost, quotable(&open.lost_name), quotable(&open.by), open.run, open.lost
            )
        })
    }

    fn opposite(&self, open: &Direction) -> String {
        format!(
            "The direction record says that region {} was given up (by {}, run {}, {}), and no failback of it was verified since. \
             Only with `--accept-data-loss \"reason\"` is a failover against it gone on with.",
            open.lost_name, open.by, open.run, open.at
        )
    }

    fn tell_once(&mut self, words: &str) {
        if !self.outside.is_told {
            self.outside.is_told = true;
            self.gear.listener.tell(&Told::Note(format!(
                "{words} Only this machine can go on with the run."
            )));
        }
    }

    /// Shares what the journal has more than is outside.
    async fn share(&mut self) -> Result<(), NotShared> {
        let Some(bucket) = self.gear.bucket else {
            return Ok(());
        };
        let installation = self.run.plan.installation.name().to_owned();
        if self.outside.shared.is_none() {
            let shared =
                Shared::resumed(bucket, &installation, self.run.id.clone(), self.journal.text()).await?;
            self.outside.shared = Some(shared);
        }
        match &mut self.outside.shared {
            Some(shared) => shared.share(bucket, self.journal.text()).await,
            None => Ok(()),
        }
    }

    /// Puts outside what must be there before a request leaves.
    ///
    /// # Errors
    /// Why nothing may be sent.
    pub(super) async fn share_before(&mut self) -> Result<(), NotShared> {
        match self.share().await {
            // A failover shows in the world; and what takes back a failback must not wait for a bucket. G9
            Err(NotShared::Unreachable(words) | NotShared::Spoilt(words))
                if !self.is_failback() || self.run.retreating.is_some() =>
            {
                self.tell_once(&words);
                Ok(())
            }
            other => other,
        }
    }

    /// The end, for other machines to see. What does not get there is only told: the world shows it.
    pub(super) async fn share_the_end(&mut self) {
        if let Err(NotShared::Unreachable(words) | NotShared::Spoilt(words)) = self.share().await {
            self.tell_once(&words);
        }
    }

    /// Claims the direction, before the first force. Guarantee G1.
    pub(super) async fn claim(&mut self, step: StepId, request: &Request) -> Result<Option<String>, Halt> {
        let is_force = matches!(
            request,
            Request::Zeebe {
                effect: ZeebeEffect::ForceRemove { .. },
                ..
            }
        );
        // On the way back the region that is removed again is the one that the record names already.
        let (Some(bucket), true, false) = (self.gear.bucket, is_force, self.is_failback()) else {
            return Ok(None);
        };
        if planted::is(Bug::LockNotTaken) {
            return Ok(None);
        }
        if self.outside.direction.is_some() {
            return Ok(None);
        }
        let plan = &self.run.plan;
        let installation = plan.installation.name().to_owned();
        let wanted = Direction {
            format: 0,
            number: 0,
            lost: plan.lost,
            lost_name: plan.installation.region(plan.lost).name.clone(),
            run: self.run.id.clone(),
            by: self.run.by.clone(),
            at: self.gear.clock.wall(),
        };
        let accepted =
            |wanted: fn(&Accepted) -> Option<&String>| plan.accepted.iter().find_map(wanted).cloned();
        let loss = accepted(|accepted| match accepted {
            Accepted::DataLoss { reason } => Some(reason),
            _ => None,
        });
        let unrecorded = accepted(|accepted| match accepted {
            Accepted::Unrecorded { reason } => Some(reason),
            _ => None,
        });
        match direction::claim(bucket, &installation, &wanted).await {
            Claim::Granted(open) | Claim::Opposite(open) if self.other_names(&open).is_some() => {
                let words = self.other_names(&open).unwrap_or_default();
                Err(self.fail_step(step, Outcome::Failed, Stop::Refused, words))
            }
            Claim::Granted(direction) => {
                self.outside.direction = Some(direction);
                Ok(None)
            }
            Claim::Opposite(open) => match loss {
                None => {
                    let words = self.opposite(&open);
                    Err(self.fail_step(step, Outcome::Failed, Stop::Refused, words))
                }
                Some(reason) => {
                    let at = self.gear.clock.wall();
                    let why = format!("overridden, data loss accepted: {reason}");
                    match direction::close(bucket, &installation, &open, &self.run.id, &why, at).await {
                        Ok(()) => Ok(Some(
                            "The direction record was overridden; claiming it anew.".to_owned(),
                        )),
                        Err(words) => Ok(Some(words)),
                    }
                }
            },
            Claim::Unknown(words) | Claim::Unreadable(words) if unrecorded.is_some() => {
                self.tell_once(&words);
                Ok(None)
            }
            Claim::Unreadable(words) => {
                let words = format!(
                    "{words} Nobody knows which region was given up before, so nothing was sent. Read it with the c8dr that wrote it, or put a file that is not c8dr's elsewhere, and go on; \
                     a failover with `--accept-unrecorded \"reason\"` goes on without it."
                );
                Err(self.fail_step(step, Outcome::Failed, Stop::Refused, words))
            }
            Claim::Unknown(words) => Ok(Some(format!(
                "{words} Without the direction record nothing stops another machine from giving up the other region; \
                 `--accept-unrecorded \"reason\"` goes on without it."
            ))),
        }
    }

    /// A failover that is given up before its force was taken has not given anything up: its direction is closed.
    pub(super) async fn give_direction_back(&mut self) -> Result<(), DriveError> {
        let (Some(bucket), false) = (self.gear.bucket, self.is_failback()) else {
            return Ok(());
        };
        let may_have_forced = self.run.steps.values().any(|record| {
            record.adopted
                || record.attempts.iter().any(|attempt| {
                    !matches!(
                        attempt.answer,
                        Some((
                            _,
                            Answer::NotSent { .. } | Answer::Refused { .. } | Answer::Conflict { .. }
                        ))
                    )
                })
        });
        if may_have_forced {
            return Ok(());
        }
        let installation = self.run.plan.installation.name().to_owned();
        let open = direction::open(bucket, &installation).await;
        let closed = match open {
            Ok(Some(open)) if open.run == self.run.id => {
                let at = self.gear.clock.wall();
                direction::close(
                    bucket,
                    &installation,
                    &open,
                    &self.run.id,
                    "aborted before anything was forced",
                    at,
                )
                .await
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(words) = closed {
            self.gear.listener.tell(&Told::Note(format!(
                "{words} The direction record still names region {}.",
                self.run.plan.installation.region(self.run.plan.lost).name
            )));
        }
        Ok(())
    }

    /// Closes the direction when a failback is verified.
    pub(super) async fn close_direction(&mut self, why: &str) -> Result<(), Halt> {
        let (Some(bucket), true) = (self.gear.bucket, self.is_failback()) else {
            return Ok(());
        };
        let Some(open) = self.outside.direction.clone() else {
            return Ok(());
        };
        let (run, at, why) = (self.run.id.clone(), self.gear.clock.wall(), why.to_owned());
        self.patiently("the direction record to be closed", async |driver: &Self| {
            direction::close(bucket, driver.run.plan.installation.name(), &open, &run, &why, at).await
        })
        .await
    }
}
