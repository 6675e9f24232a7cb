//! What is sent beside another step: the users' names, off a lost region, beside the force. `spec: procedure.md I3`
//!
//! Nothing waits for it. The look before it is short, its intent is durable as any, and its answer is called unknown in the
//! journal at once: a later step reads what became of it. Its call goes on while the steps behind it are done.

use std::pin::pin;
use std::time::Duration;

use c8dr_domain::condition::{Verdict, names_at, names_ours};
use c8dr_domain::effect::{Answer, Effect, Request, TrafficEffect};
use c8dr_domain::plan::Step;
use c8dr_domain::run::{Event, Outcome};
use futures_util::future::{BoxFuture, Either, select};

use super::{Driver, Halt};
use crate::events::Told;

/// A call that nothing waits for, until it has to be over.
pub(super) type Call<'a> = BoxFuture<'a, ()>;

/// Does `work`, and lets a call go on beside it.
pub(super) async fn along<T>(work: impl Future<Output = T>, call: &mut Option<Call<'_>>) -> T {
    let Some(going) = call.as_mut() else {
        return work.await;
    };
    let work = pin!(work);
    let rest = match select(work, going).await {
        Either::Left((done, _)) => return done,
        Either::Right(((), rest)) => rest,
    };
    let done = rest.await;
    *call = None;
    done
}

impl Driver<'_> {
    /// Sends a step's request beside what follows. Never stops the run: what is not sent here is sent by the step that
    /// reads it back.
    pub(super) async fn send_beside(&mut self, step: &Step) -> Result<(), Halt> {
        let was_sent = (self.run.steps.get(&step.id)).is_some_and(|record| !record.attempts.is_empty());
        if was_sent {
            let words = "It was sent before c8dr was stopped, and is read back later.";
            return self.end_step(step, Outcome::Skipped, words.to_owned());
        }
        let (Effect::Traffic { to }, Some(traffic)) = (&step.effect, self.gear.traffic) else {
            let words = "Nothing was sent: the traffic is not configured here.";
            return self.end_step(step, Outcome::Skipped, words.to_owned());
        };
        let limit = Duration::from_millis(step.deadline_ms);
        let Ok(seen) = self.gear.clock.timeout(limit, traffic.look()).await else {
            let words = format!(
                "Nothing was sent: where the users' names point could not be read within {} s, and the force does not wait for it.",
                limit.as_secs()
            );
            return self.pass_over(step, words);
        };
        let installation = &self.run.plan.installation;
        if let Verdict::Met(words) = names_at(installation, &seen, to) {
            return self.end_step(step, Outcome::Already, words);
        }
        let ours = names_ours(installation, &seen);
        if !ours.is_met() {
            return self.pass_over(step, format!("Nothing was sent. {}", ours.words()));
        }
        let effect = TrafficEffect {
            to: to.clone(),
            expected: seen.seen().and_then(|seen| seen.version.clone()),
        };
        self.record(Event::Intended {
            step: step.id,
            attempt: 1,
            request: Request::Traffic {
                effect: effect.clone(),
            },
        })?;
        self.record(Event::Answered {
            step: step.id,
            attempt: 1,
            answer: Answer::Unknown {
                status: None,
                detail: "the force does not wait for the answer".to_owned(),
            },
        })?;
        let (listener, id) = (self.gear.listener, step.id);
        self.beside = Some(Box::pin(async move {
            let answer = traffic.perform(&effect).await;
            let words = format!("{id}, sent beside the force: {}.", answer.words());
            listener.tell(&Told::Note(words));
        }));
        let words = format!("{} It was sent, and is read back later.", ours.words());
        self.end_step(step, Outcome::Skipped, words)
    }

    /// Ends a step that could not be done and that nothing waits for, and tells it.
    pub(super) fn pass_over(&mut self, step: &Step, words: String) -> Result<(), Halt> {
        self.gear
            .listener
            .tell(&Told::Note(format!("{}: {words}", step.id)));
        self.end_step(step, Outcome::Skipped, words)
    }

    /// Waits until what was sent beside is over: each call ends by its own deadline.
    pub(super) async fn end_beside(&mut self) {
        if let Some(call) = self.beside.take() {
            call.await;
        }
    }
}
