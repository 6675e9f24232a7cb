//! The steps of a run by the names of the procedure: its parts are merged, and kept.

use c8dr_domain::plan::{Settled, Step, StepId};
use c8dr_domain::run::{Outcome, Run};
use serde::Serialize;

/// One step of the procedure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct StepReport {
    /// FO1, FB3, …
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// How it came out: the worst of its parts. `owed` if it was not begun.
    pub(crate) outcome: String,
    /// How long it took, its parts together; `None` if it is not known.
    pub(crate) seconds: Option<f64>,
    /// What was read back.
    pub(crate) words: String,
    /// How often something was sent.
    pub(crate) attempts: usize,
    /// What it was done in; empty if it was done in one.
    pub(crate) parts: Vec<PartReport>,
}

/// A part of a step, which is a step of the plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct PartReport {
    /// FB3a, …
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// How it came out.
    pub(crate) outcome: String,
    /// How long it took; `None` if it was not begun or has not ended.
    pub(crate) seconds: Option<f64>,
    /// What was read back.
    pub(crate) words: String,
    /// How often something was sent.
    pub(crate) attempts: usize,
}

/// The steps of a run's plan, in their order. A part that the plan leaves out is not listed.
pub(super) fn of_plan(run: &Run) -> Vec<StepReport> {
    let settled = run
        .plan
        .settled
        .iter()
        .map(|settled| (settled.id, settled_part(settled)));
    let owed = run.plan.steps.iter().map(|step| (step.id, part(run, step)));
    merged(settled.chain(owed))
}

/// The steps of a run's way back; none if it was not gone.
pub(super) fn of_way_back(run: &Run) -> Vec<StepReport> {
    let steps = run.plan.retreat.iter().filter(|_| run.retreating.is_some());
    merged(steps.map(|step| (step.id, part(run, step))))
}

fn settled_part(settled: &Settled) -> PartReport {
    PartReport {
        id: settled.id.to_string(),
        title: settled.title.clone(),
        outcome: Outcome::Already.to_string(),
        seconds: None,
        words: settled.why.clone(),
        attempts: 0,
    }
}

fn part(run: &Run, step: &Step) -> PartReport {
    let record = run.steps.get(&step.id);
    let ended = record.and_then(|record| record.ended.as_ref());
    let began = record.and_then(|record| record.began);
    PartReport {
        id: step.id.to_string(),
        title: step.title.clone(),
        outcome: ended.map_or_else(|| "owed".to_owned(), |(_, outcome, _)| outcome.to_string()),
        seconds: began
            .zip(ended)
            .map(|(began, (ended, ..))| ended.duration_since(began).as_secs_f64()),
        words: ended.map_or_else(String::new, |(_, _, words)| words.clone()),
        attempts: record.map_or(0, |record| record.attempts.len()),
    }
}

fn merged(parts: impl Iterator<Item = (StepId, PartReport)>) -> Vec<StepReport> {
    let mut groups: Vec<(&'static str, Vec<PartReport>)> = Vec::new();
    for (id, part) in parts {
        let name = id.of_procedure();
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, parts)) => parts.push(part),
            None => groups.push((name, vec![part])),
        }
    }
    groups
        .into_iter()
        .map(|(name, parts)| merge(name, parts))
        .collect()
}

fn merge(name: &'static str, mut parts: Vec<PartReport>) -> StepReport {
    if let [only] = parts.as_mut_slice()
        && only.id == name
    {
        let whole = std::mem::take(&mut parts).swap_remove(0);
        return StepReport {
            id: whole.id,
            title: whole.title,
            outcome: whole.outcome,
            seconds: whole.seconds,
            words: whole.words,
            attempts: whole.attempts,
            parts: Vec::new(),
        };
    }
    let words: Vec<&str> = parts
        .iter()
        .map(|part| part.words.as_str())
        .filter(|words| !words.is_empty())
        .collect();
    let known: Vec<f64> = parts.iter().filter_map(|part| part.seconds).collect();
    StepReport {
        id: name.to_owned(),
        title: title(name, &parts),
        outcome: parts
            .iter()
            .map(|part| part.outcome.as_str())
            .max_by_key(|outcome| badness(outcome))
            .unwrap_or("owed")
            .to_owned(),
        seconds: (!known.is_empty()).then(|| known.iter().sum()),
        words: words.join(" "),
        attempts: parts.iter().map(|part| part.attempts).sum(),
        parts,
    }
}

/// The procedure's own title of a step that is done in parts. `spec: procedure.md FB2, FB3, FB4`
fn title(name: &str, parts: &[PartReport]) -> String {
    match name {
        "FB2" => "Stop Operate and Tasklist, and pause exporting".to_owned(),
        "FB3" => "Take a snapshot of the surviving search, and restore it in the returning one".to_owned(),
        "FB4" => "Start Operate and Tasklist in both regions".to_owned(),
        _ => {
            let titles: Vec<&str> = parts.iter().map(|part| part.title.as_str()).collect();
            titles.join("; ")
        }
    }
}

/// How bad an outcome is: what is worst of its parts is said of the whole.
fn badness(outcome: &str) -> u8 {
    match outcome {
        "failed" => 6,
        "unknown" => 5,
        "waiting" => 4,
        "owed" => 3,
        "verified" => 2,
        "already" => 1,
        _ => 0,
    }
}
