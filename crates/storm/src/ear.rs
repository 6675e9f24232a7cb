//! What c8dr tells while it goes: heard by the judge, counted, summed up, and kept as a story where somebody wants it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use c8dr_domain::effect::Answer;
use c8dr_domain::plan::Kind;
use c8dr_domain::run::{Event, Outcome};
use c8dr_engine::clock::{Clock, Moment};
use c8dr_engine::events::{Listener, Told};

use crate::judge::{Judge, Law};
use crate::life::Sum;
use crate::story::{Line, Who, told};

/// Everything that is gathered while a disaster goes on. Clones share it.
#[derive(Clone)]
pub(crate) struct Ear {
    heard: Arc<Mutex<Heard>>,
    clock: Clock,
    has_story: bool,
}

pub(crate) struct Heard {
    pub(crate) judge: Judge,
    pub(crate) reached: BTreeMap<String, u64>,
    pub(crate) decisions: Sum,
    pub(crate) trace: Sum,
    pub(crate) story: Vec<Line>,
    kind: Kind,
}

impl Ear {
    pub(crate) fn new(judge: Judge, clock: Clock, has_story: bool) -> Ear {
        let heard = Heard {
            judge,
            reached: BTreeMap::new(),
            decisions: Sum::default(),
            trace: Sum::default(),
            story: Vec::new(),
            kind: Kind::Failover,
        };
        Ear {
            heard: Arc::new(Mutex::new(heard)),
            clock,
            has_story,
        }
    }

    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_story(&self) -> bool {
        self.has_story
    }

    /// Counts a state that was reached.
    pub(crate) fn reached(&self, state: &str) {
        let mut heard = self.heard();
        match heard.reached.get_mut(state) {
            Some(count) => *count += 1,
            None => {
                heard.reached.insert(state.to_owned(), 1);
            }
        }
    }

    /// A run of this kind begins. Its first event need not be heard: c8dr may be killed as soon as that is recorded.
    pub(crate) fn begins(&self, kind: Kind) {
        self.heard().kind = kind;
    }

    /// Tells what a person does, and counts that as a decision.
    pub(crate) fn person(&self, what: impl FnOnce() -> String) {
        self.line(Who::Person, what);
        let mut heard = self.heard();
        heard.decisions.bytes(b"person");
    }

    /// Says that c8dr made a mistake of its own.
    pub(crate) fn mistake(&self, words: String) {
        self.heard().judge.broken(Law::OwnMistake, words);
    }

    fn line(&self, who: Who, what: impl FnOnce() -> String) {
        if self.has_story {
            let at: Moment = self.clock.now();
            let what = what();
            self.heard().story.push(Line { at, who, what });
        }
    }

    fn event(&self, at: jiff::Timestamp, event: &Event) {
        if self.has_story
            && let Some(words) = told(event)
        {
            self.line(Who::C8dr, || words);
        }
        let state = state(event);
        if let Some(state) = &state {
            self.reached(state);
        }
        let mut heard = self.heard();
        let kind = heard.kind;
        let sentence = state.as_deref().unwrap_or_else(|| event.name());
        heard.decisions.bytes(event.name().as_bytes());
        heard.decisions.bytes(sentence.as_bytes());
        heard.trace.bytes(sentence.as_bytes());
        heard.trace.bytes(&at.as_nanosecond().to_le_bytes());
        heard.judge.hear(kind, event);
    }
}

/// The state that an event stands for, as it is counted; `None` for those that every run has many of.
fn state(event: &Event) -> Option<String> {
    Some(match event {
        Event::Planned { plan, .. } => format!("{} planned", plan.kind.as_str()),
        Event::Retaken { .. } => "snapshot taken again".to_owned(),
        Event::Retreating { by, .. } if by == "c8dr" => "turned round by itself".to_owned(),
        Event::Retreating { .. } => "turned round by a person".to_owned(),
        Event::Adopted { step, .. } => format!("{step} found its own change pending"),
        Event::Intended { step, attempt, .. } if *attempt > 1 => format!("{step} sent again"),
        Event::Intended { step, .. } => format!("{step} sent"),
        Event::Answered { step, answer, .. } => match answer {
            Answer::Unknown { .. } => format!("{step} with unknown outcome"),
            Answer::Conflict { .. } => format!("{step} met a pending change"),
            Answer::Refused { .. } => format!("{step} refused"),
            Answer::Stale { .. } => format!("{step} met somebody else's change"),
            Answer::NotSent { .. } | Answer::Accepted { .. } | Answer::Done => return None,
        },
        Event::StepEnded { step, outcome, .. } if *outcome != Outcome::Verified => {
            format!("{step} {outcome}")
        }
        Event::Stopped { stop, .. } => format!("stopped: {stop:?}").to_lowercase(),
        Event::Resumed { .. } => "run resumed".to_owned(),
        Event::Verified { .. } => "run verified".to_owned(),
        Event::Aborted { .. } => "run aborted".to_owned(),
        Event::Overridden { .. } => "run overridden".to_owned(),
        Event::StepBegan { .. }
        | Event::StepEnded { .. }
        | Event::Remembered { .. }
        | Event::Gathered { .. }
        | Event::ProofBegan { .. } => return None,
    })
}

impl Listener for Ear {
    fn tell(&self, heard: &Told) {
        match heard {
            Told::Event { at, event } => self.event(*at, event),
            Told::Observed(_) => self.heard().judge.look(),
            Told::Note(words) => self.line(Who::C8dr, || words.clone()),
            Told::Waiting(_) | Told::Please { .. } => {}
        }
    }
}
