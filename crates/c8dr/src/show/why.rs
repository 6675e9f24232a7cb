//! What is missing, for people: of a run the conditions of its present step, without one the refusals of each command.

use std::fmt::Write;

use c8dr_domain::diagnose::Code;
use c8dr_domain::installation::Installation;
use c8dr_domain::plan::{Plan, Refusal, StepId};
use jiff::Timestamp;
use serde::Serialize;

use super::{BAD, DIM, GOOD, HEAD, OPEN, more, named, styled};
use crate::error::CliError;

/// What `c8dr why` found.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Why {
    /// A run has not ended: what it waits for.
    Run(Box<Unfinished>),
    /// No run is open: what would be refused.
    Questions(Vec<Question>),
}

/// A run that has not ended, and its present step.
#[derive(Serialize)]
pub(crate) struct Unfinished {
    #[serde(skip)]
    pub(crate) installation: Installation,
    pub(crate) run: String,
    pub(crate) state: String,
    /// `None` is the proof at the end.
    pub(crate) step: Option<StepId>,
    pub(crate) title: String,
    /// Whether its effect went out: then it is proven, and not begun.
    pub(crate) was_sent: bool,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) held: Vec<Held>,
    /// When it stopped, the exit's word, and what was said.
    pub(crate) stopped: Option<(Timestamp, &'static str, String)>,
    /// Who works on the installation now, on this machine.
    pub(crate) at_work: Option<String>,
}

/// One condition by a fresh look.
#[derive(Serialize)]
pub(crate) struct Held {
    pub(crate) mark: Mark,
    pub(crate) wanted: String,
    pub(crate) seen: String,
}

/// How a condition stands.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mark {
    /// It holds.
    Met,
    /// It may hold later.
    Missing,
    /// Waiting does not bring it: a person decides.
    Person,
    /// What it rests on has moved; the run goes back to an earlier step by itself.
    Moved,
}

/// A command, and what would become of it.
#[derive(Serialize)]
pub(crate) struct Question {
    pub(crate) command: String,
    /// The steps that would be owed.
    pub(crate) steps: Option<Vec<StepId>>,
    pub(crate) refusal: Option<Refusal>,
    /// What the configuration lacks for it.
    pub(crate) not_configured: Option<String>,
}

impl Question {
    pub(crate) fn new(command: String, answer: Result<Plan, Refusal>) -> Question {
        let (steps, refusal) = match answer {
            // Its steps would only find that all is done: nothing is failed over.
            Ok(plan) if plan.diagnosis.code == Code::Healthy => (Some(Vec::new()), None),
            Ok(plan) => (Some(plan.steps.iter().map(|step| step.id).collect()), None),
            Err(refusal) => (None, Some(refusal)),
        };
        Question {
            command,
            steps,
            refusal,
            not_configured: None,
        }
    }

    pub(crate) fn not_configured(command: String, error: &CliError) -> Question {
        Question {
            command,
            steps: None,
            refusal: None,
            not_configured: Some(error.to_string()),
        }
    }
}

/// The findings as text.
pub(crate) fn human(why: &Why) -> String {
    match why {
        Why::Run(run) => of_run(run),
        Why::Questions(questions) => {
            let mut text = "No run is open. If one of these were typed now:\n\n".to_owned();
            for question in questions {
                text.push_str(&of_question(question));
                text.push('\n');
            }
            text
        }
    }
}

fn of_question(question: &Question) -> String {
    let command = styled(HEAD, format!("c8dr {}", question.command));
    if let Some(lacking) = &question.not_configured {
        return format!(
            "{command}\n  {} {lacking}\n{}\n",
            styled(OPEN, "not configured:"),
            more("configuration-incomplete")
        );
    }
    match (&question.refusal, &question.steps) {
        (Some(refusal), _) => format!(
            "{command}\n{}{}\n",
            super::plan::refused(refusal),
            more(refusal.code.as_str())
        ),
        (None, Some(steps)) if steps.is_empty() => {
            format!(
                "{command}\n  {}; the proof would be read again.\n",
                styled(GOOD, "nothing is owed")
            )
        }
        (None, steps) => {
            let steps: Vec<&str> = steps.iter().flatten().map(|step| step.as_str()).collect();
            format!(
                "{command}\n  {}: {}. Read it first: `c8dr {} --dry-run`.\n",
                styled(GOOD, "nothing stands in the way"),
                steps.join(", "),
                question.command
            )
        }
    }
}

fn of_run(run: &Unfinished) -> String {
    let mut text = format!("{} {}\n", styled(HEAD, &run.run), styled(OPEN, &run.state));
    let place = run
        .step
        .map_or_else(|| run.title.clone(), |step| format!("{step} {}", run.title));
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{place}");
    if let Some((at, _, words)) = &run.stopped {
        let _ = writeln!(text, "  {} {at:.0}: {words}", styled(DIM, "stopped"));
    }
    if let Some(since) = run.since {
        let what = if run.was_sent { "sent   " } else { "begun  " };
        let _ = writeln!(text, "  {} {since:.0}", styled(DIM, what));
    }
    if let Some(until) = run.until {
        let _ = writeln!(text, "  {} {until:.0}", styled(DIM, "until  "));
    }
    let _ = writeln!(
        text,
        "\n{}",
        styled(
            HEAD,
            match run.was_sent {
                true => "What has to be read back, by a look just now",
                false => "What has to hold before it, by a look just now",
            }
        )
    );
    for held in &run.held {
        let (style, word) = match held.mark {
            Mark::Met => (GOOD, "holds  "),
            Mark::Missing => (OPEN, "missing"),
            Mark::Person => (BAD, "blocks "),
            Mark::Moved => (OPEN, "moved  "),
        };
        let _ = writeln!(
            text,
            "  {} {}\n          {} {}",
            styled(style, word),
            named(Some(&run.installation), &held.wanted),
            styled(DIM, "seen"),
            named(Some(&run.installation), &held.seen)
        );
    }
    let _ = writeln!(text, "\n{}", styled(HEAD, "What can be done"));
    for way in ways(run) {
        let _ = writeln!(text, "  · {way}");
    }
    let code = match (&run.stopped, run.step) {
        (Some((_, stop, _)), _) => *stop,
        (None, Some(step)) => step.as_str(),
        (None, None) => "run-unfinished",
    };
    text.push_str(&more(code));
    text
}

fn ways(run: &Unfinished) -> Vec<String> {
    if let Some(holder) = &run.at_work {
        return vec![
            format!(
                "A c8dr works on it now ({holder}): look on, it goes on by itself as soon as what is missing is there."
            ),
            "Mend what is missing; nothing has to be typed for the run.".to_owned(),
        ];
    }
    let is_whole = run.held.iter().all(|held| held.mark == Mark::Met);
    let resume = format!("`c8dr run resume {}`", run.run);
    let first = match is_whole {
        true => format!("Nothing is missing now: {resume}."),
        false => format!("Mend what is missing, then {resume}: it looks first, and sends nothing twice."),
    };
    vec![
        first,
        format!("Or give it up: `c8dr run abort {} --reason \"text\"`.", run.run),
    ]
}
