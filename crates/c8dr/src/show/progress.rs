//! A run while it goes: a line that moves on a terminal, plain lines elsewhere. Both only retell the engine's events.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use c8dr_domain::installation::Installation;
use c8dr_domain::plan::{Plan, StepId};
use c8dr_domain::run::{Event, Outcome};
use c8dr_engine::clock::Clock;
use c8dr_engine::events::{Listener, Told, Waiting};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};

use super::{BAD, DIM, GOOD, HEAD, OPEN, Screen, harmless, named, seconds, styled};

/// Retells a run on the error stream.
pub(crate) struct Progress {
    screen: Screen,
    clock: Clock,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    titles: BTreeMap<StepId, String>,
    installation: Option<Installation>,
    began: Option<Timestamp>,
    said: Option<Timestamp>,
}

/// How often a plain wait is repeated: a log should show that something is alive, not fill up.
const SAID_EVERY: SignedDuration = SignedDuration::from_secs(5);

impl Progress {
    pub(crate) fn new(screen: Screen, clock: Clock) -> Self {
        let bar = screen.is_live.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg}") {
                bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Progress {
            clock,
            screen,
            bar,
            state: Mutex::default(),
        }
    }

    /// Knows the steps and regions of a plan by their names from now on.
    pub(crate) fn follow(&self, plan: &Plan) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.titles = plan
            .all_steps()
            .map(|step| (step.id, step.title.clone()))
            .collect();
        state.installation = Some(plan.installation.clone());
    }

    /// Takes the moving line away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// A line that stays.
    pub(crate) fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.screen.note(text)),
            None => self.screen.note(text),
        }
    }

    /// A line that a person has to act upon.
    fn ask(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.screen.say(text)),
            None => self.screen.say(text),
        }
    }

    /// What is happening just now.
    pub(crate) fn now(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(harmless::lines(text).into_owned());
        }
    }

    fn event(&self, at: Timestamp, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Planned { run, plan, .. } => {
                state.titles = plan
                    .all_steps()
                    .map(|step| (step.id, step.title.clone()))
                    .collect();
                state.installation = Some(plan.installation.clone());
                self.line(&format!("{} {run}", styled(DIM, "run")));
                for settled in &plan.settled {
                    self.line(&format!(
                        "{} {} {}",
                        styled(GOOD, settled.id),
                        styled(GOOD, "already"),
                        settled.why
                    ));
                }
            }
            Event::Resumed { .. } => self.line(&styled(DIM, "resumed")),
            Event::StepBegan { step } => {
                state.began = Some(at);
                let title = state.titles.get(step).map_or("", String::as_str);
                self.line(&format!("{} {title}", styled(HEAD, step)));
            }
            Event::Adopted { change, .. } => {
                self.line(&format!("    found our own change {change} under way"));
            }
            Event::Intended { request, .. } => {
                let words = format!("    {} through {}", request.words(), request.through());
                self.line(&named(state.installation.as_ref(), &words));
            }
            Event::Answered { answer, .. } => self.line(&format!("    {}", answer.words())),
            Event::StepEnded { step, outcome, words } => {
                let style = match outcome {
                    Outcome::Verified | Outcome::Already | Outcome::Skipped => GOOD,
                    Outcome::Waiting | Outcome::Unknown => OPEN,
                    Outcome::Failed => BAD,
                };
                let took = state.began.map_or(String::new(), |began| {
                    format!(" after {}", seconds(at.duration_since(began)))
                });
                let words = named(state.installation.as_ref(), words);
                self.line(&format!(
                    "    {}{took}: {words}",
                    styled(style, format!("{step} {outcome}"))
                ));
            }
            Event::ProofBegan { .. } => {
                state.began = Some(at);
                self.line(&styled(HEAD, "Proof at the end"));
            }
            Event::Verified { words } => {
                let took = state.began.map_or(String::new(), |began| {
                    format!(" after {}", seconds(at.duration_since(began)))
                });
                self.line(&format!("    {}{took}: {words}", styled(GOOD, "verified")));
            }
            Event::Retaken { from, words } => {
                self.line(&format!(
                    "    {}: {words}",
                    styled(OPEN, format!("back to {from}"))
                ));
            }
            Event::Retreating { reason, .. } => {
                self.line(&format!("{} {reason}", styled(OPEN, "Turning round:")));
            }
            Event::Gathered { .. }
            | Event::Remembered { .. }
            | Event::Stopped { .. }
            | Event::Aborted { .. }
            | Event::Overridden { .. } => {}
        }
    }

    fn waiting(&self, waiting: &Waiting) {
        let step = waiting
            .step
            .map_or_else(|| "proof".to_owned(), |step| step.to_string());
        let now = self.clock.wall();
        let since = now.duration_since(waiting.since).as_secs();
        let words = format!(
            "{step} waits {since} s of {} s at most: {}",
            waiting.limit.as_secs(),
            waiting.what
        );
        if let Some(bar) = &self.bar {
            bar.set_message(harmless::lines(&words).into_owned());
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = state
            .said
            .is_none_or(|said| now.duration_since(said) >= SAID_EVERY);
        if is_due {
            state.said = Some(now);
            self.screen.note(&format!("    {words}"));
        }
    }
}

impl Listener for Progress {
    fn tell(&self, told: &Told) {
        match told {
            Told::Event { at, event } => self.event(*at, event),
            Told::Waiting(waiting) => self.waiting(waiting),
            Told::Please { step, lines } => {
                self.ask(&format!(
                    "    {} (c8dr watches for the effect of {step}):",
                    styled(OPEN, "please type")
                ));
                for line in lines {
                    self.ask(&format!("      {line}"));
                }
            }
            Told::Note(words) => self.line(&format!("    {} {words}", styled(OPEN, "note"))),
            Told::Observed(_) => {}
        }
    }
}
