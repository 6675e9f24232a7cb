//! One disaster as a readable story: what happened in the world, what c8dr wrote down, and what people did, in one order.

use std::fmt;

use c8dr_domain::run::Event;
use c8dr_engine::clock::Moment;

/// Who a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// The world.
    World,
    /// A person.
    Person,
    /// c8dr.
    C8dr,
    /// Whoever judges.
    Judge,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When.
    pub at: Moment,
    /// Who.
    pub who: Who,
    /// What.
    pub what: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.who {
            Who::World => "      ",
            Who::Person => "PERSON",
            Who::C8dr => "c8dr  ",
            Who::Judge => "JUDGE ",
        };
        write!(
            f,
            "{:8.2} s  {who}  {}",
            self.at.since_start().as_secs_f64(),
            self.what
        )
    }
}

/// What an event of a run is told as; `None` where it tells nobody anything.
pub(crate) fn told(event: &Event) -> Option<String> {
    Some(match event {
        Event::Planned { run, plan, .. } => {
            let steps: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
            format!("run {run}: {}", steps.join(", "))
        }
        Event::StepBegan { step } => format!("{step} begins"),
        Event::Remembered { .. } | Event::Gathered { .. } => return None,
        Event::Retaken { from, words } => format!("back to {from}: {words}"),
        Event::Retreating { reason, .. } => format!("turns round: {reason}"),
        Event::Adopted { step, change } => format!("{step} awaits change {change}"),
        Event::Intended {
            step,
            attempt,
            request,
        } => {
            format!(
                "{step} sends ({attempt}): {} through {}",
                request.words(),
                request.through()
            )
        }
        Event::Answered { step, answer, .. } => format!("{step} hears: {}", answer.words()),
        Event::StepEnded { step, outcome, words } => format!("{step} {outcome}: {words}"),
        Event::ProofBegan { .. } => "proves the whole".to_owned(),
        Event::Stopped { stop, words } => format!("stops ({stop:?}): {words}"),
        Event::Resumed { .. } => "goes on".to_owned(),
        Event::Verified { words } => format!("VERIFIED: {words}"),
        Event::Aborted { reason, .. } => format!("ABORTED: {reason}"),
        Event::Overridden { reason, .. } => format!("overridden: {reason}"),
    })
}
