//! What a driven run tells while it goes. Every view retells these; none knows more.

use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::observation::Observation;
use c8dr_domain::plan::StepId;
use c8dr_domain::run::Event;
use jiff::Timestamp;

/// Something worth telling.
#[derive(Clone, Debug)]
pub enum Told {
    /// An event that is durable.
    Event {
        /// When.
        at: Timestamp,
        /// What.
        event: Event,
    },
    /// What is being waited for.
    Waiting(Waiting),
    /// A person has to do something, while we watch for its effect.
    Please {
        /// In which step.
        step: StepId,
        /// What to type.
        lines: Vec<String>,
    },
    /// Something worth knowing that changes nothing.
    Note(String),
    /// A reading was taken.
    Observed(Arc<Observation>),
}

/// What is being waited for: never without a since and an until.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// In which step; `None` in the proof at the end.
    pub step: Option<StepId>,
    /// For what, as a sentence.
    pub what: String,
    /// Since when.
    pub since: Timestamp,
    /// How long at most, counted from `since`.
    pub limit: Duration,
}

/// Who listens. Must return quickly; it is called between two looks.
pub trait Listener: Send + Sync {
    /// Is told.
    fn tell(&self, told: &Told);
}

impl<F: Fn(&Told) + Send + Sync> Listener for F {
    fn tell(&self, told: &Told) {
        self(told);
    }
}
