//! What a journal tells, as lanes on one line of time: when each step was at work, what went out, how it ended.

use c8dr_domain::plan::StepId;
use c8dr_domain::run::{Event, Outcome};
use c8dr_engine::journal::Recovered;
use jiff::Timestamp;

use super::page::Tone;
use crate::show::named;

/// One step's lane.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    /// What stands beside it.
    pub(super) label: String,
    /// From when until when the step was at work; more than one if it was resumed or taken again.
    pub(super) spans: Vec<Span>,
    /// What went out.
    pub(super) attempts: Vec<Sent>,
    step: Option<StepId>,
}

impl Lane {
    /// Whether it is a step's, and not that of the proof.
    pub(super) fn is_step(&self) -> bool {
        self.step.is_some()
    }

    /// Told apart from the lane of another run.
    pub(super) fn of(self, kind: &str) -> Lane {
        Lane {
            label: format!("{} of the {kind}", self.label),
            ..self
        }
    }
}

/// A time at work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// From when.
    pub(super) from: Timestamp,
    /// Until when; `None` if the journal ends before.
    pub(super) until: Option<Timestamp>,
    /// How it ended.
    pub(super) tone: Tone,
}

/// Something that went out.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// When the intent was written.
    pub(super) at: Timestamp,
    /// When its answer was there; `None` if there was none.
    pub(super) answered: Option<Timestamp>,
    /// What, and what came back.
    pub(super) words: String,
}

/// The lanes of a run, in the order in which its steps were first begun, the proof at the end among them.
pub(super) fn lanes(recovered: &Recovered) -> Vec<Lane> {
    let mut teller = Teller {
        recovered,
        lanes: Vec::new(),
        open: None,
    };
    for (at, event) in &recovered.events {
        teller.hear(*at, event);
    }
    teller.lanes
}

struct Teller<'a> {
    recovered: &'a Recovered,
    lanes: Vec<Lane>,
    /// The lane that is at work.
    open: Option<usize>,
}

impl Teller<'_> {
    fn hear(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::StepBegan { step } => self.begin(at, Some(*step)),
            Event::ProofBegan { .. } => self.begin(at, None),
            Event::StepEnded { outcome, .. } => self.end(at, tone(*outcome)),
            Event::Verified { .. } => self.end(at, Tone::Good),
            Event::Stopped { .. } => {
                // The lane stays the one that a resumed run goes on with.
                let open = self.open;
                self.end(at, Tone::Waiting);
                self.open = open;
            }
            Event::Resumed { .. } => {
                if let Some(open) = self.open {
                    let step = self.lanes[open].step;
                    // A proof is begun anew, which is an event of its own.
                    self.open = None;
                    if step.is_some() {
                        self.begin(at, step);
                    }
                }
            }
            Event::Retaken { .. }
            | Event::Retreating { .. }
            | Event::Aborted { .. }
            | Event::Overridden { .. } => self.end(at, Tone::Waiting),
            Event::Intended { request, .. } => {
                let installation = &self.recovered.run.plan.installation;
                let words = format!("{} through {}", request.words(), request.through());
                if let Some(lane) = self.open.map(|open| &mut self.lanes[open]) {
                    lane.attempts.push(Sent {
                        at,
                        answered: None,
                        words: named(Some(installation), &words),
                    });
                }
            }
            Event::Answered { answer, .. } => {
                let lane = self.open.map(|open| &mut self.lanes[open]);
                if let Some(sent) = lane.and_then(|lane| lane.attempts.last_mut()) {
                    sent.answered = Some(at);
                    sent.words = format!("{}: {}", sent.words, answer.words());
                }
            }
            Event::Planned { .. }
            | Event::Remembered { .. }
            | Event::Gathered { .. }
            | Event::Adopted { .. } => {}
        }
    }

    fn begin(&mut self, at: Timestamp, step: Option<StepId>) {
        let known = self.lanes.iter().position(|lane| lane.step == step);
        let index = known.unwrap_or_else(|| {
            self.lanes.push(Lane {
                label: self.label(step),
                spans: Vec::new(),
                attempts: Vec::new(),
                step,
            });
            self.lanes.len() - 1
        });
        self.lanes[index].spans.push(Span {
            from: at,
            until: None,
            tone: Tone::Waiting,
        });
        self.open = Some(index);
    }

    fn end(&mut self, at: Timestamp, tone: Tone) {
        let Some(open) = self.open.take() else { return };
        if let Some(span) = self.lanes[open].spans.last_mut()
            && span.until.is_none()
        {
            span.until = Some(at);
            span.tone = tone;
        }
    }

    fn label(&self, step: Option<StepId>) -> String {
        let Some(step) = step else {
            return "Proof at the end".to_owned();
        };
        let plan = &self.recovered.run.plan;
        let title = plan.all_steps().find(|planned| planned.id == step);
        title.map_or_else(|| step.to_string(), |planned| format!("{step} {}", planned.title))
    }
}

/// The colour that an outcome has everywhere.
pub(super) fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Verified | Outcome::Already => Tone::Good,
        Outcome::Skipped => Tone::Plain,
        Outcome::Failed => Tone::Bad,
        Outcome::Unknown | Outcome::Waiting => Tone::Waiting,
    }
}
