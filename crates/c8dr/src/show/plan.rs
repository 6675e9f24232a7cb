//! A plan for people: what is found, what will be done, what will be read back, what a person would type instead.

use std::fmt::Write;

use c8dr_domain::plan::{Accepted, Kind, Plan, Refusal, Step};

use super::{BAD, DIM, GOOD, HEAD, OPEN, styled};

/// The plan as text.
pub(crate) fn human(plan: &Plan) -> String {
    let installation = &plan.installation;
    let mut text = format!(
        "{}\n\n{}\n",
        styled(
            HEAD,
            match plan.kind {
                Kind::Failover => format!(
                    "Failover of {}: give up region {}, go on with {}",
                    installation.name(),
                    installation.region(plan.lost).name,
                    installation.region(plan.survivors()).name
                ),
                Kind::Failback => format!(
                    "Failback of {}: bring region {} back, from what {} holds",
                    installation.name(),
                    installation.region(plan.lost).name,
                    installation.region(plan.survivors()).name
                ),
            }
        ),
        super::status::diagnosed(&plan.diagnosis)
    );
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}\n", plan.waiting.words);
    for settled in &plan.settled {
        let _ = writeln!(
            text,
            "{} {}\n     {} {}\n",
            styled(GOOD, settled.id),
            settled.title,
            styled(DIM, "already"),
            settled.why
        );
    }
    for step in &plan.steps {
        text.push_str(&super::named(Some(installation), &self::step(step)));
    }
    if plan.steps.is_empty() {
        let _ = writeln!(text, "Nothing is owed; only the proof is read again.\n");
    }
    let _ = writeln!(text, "{}", styled(HEAD, "Proof at the end"));
    for condition in &plan.proof {
        let words = super::named(Some(installation), &condition.words());
        let _ = writeln!(text, "  · {words}");
    }
    if !plan.retreat.is_empty() {
        let _ = writeln!(text, "\n{}", styled(HEAD, "The way back, if the run is given up"));
        for step in &plan.retreat {
            let _ = writeln!(text, "  · {} {}, if that is owed then", step.id, step.title);
        }
    }
    let _ = writeln!(text, "\n{}", styled(HEAD, "Know before you say yes"));
    for note in &plan.notes {
        let _ = writeln!(text, "  · {note}");
    }
    for accepted in &plan.accepted {
        let (what, reason) = match accepted {
            Accepted::Unfenced { reason } => ("the region is not proven lost", reason),
            Accepted::DataLoss { reason } => ("acknowledged data may be lost", reason),
            Accepted::PauseAdopted { reason } => ("a pause of somebody else's is taken over", reason),
            Accepted::Unrecorded { reason } => ("the direction record is not written", reason),
            Accepted::UnknownDisks { reason } => ("how full the disks are is unknown", reason),
        };
        let _ = writeln!(
            text,
            "  · {}",
            styled(OPEN, format!("accepted: {what} (\"{reason}\")"))
        );
    }
    text
}

fn step(step: &Step) -> String {
    let mut text = format!("{} {}\n", styled(HEAD, step.id), step.title);
    let mut line = |label: &str, words: &str| {
        let _ = writeln!(text, "     {} {words}", styled(DIM, format!("{label:<8}")));
    };
    for condition in &step.before {
        line("before", &condition.words());
    }
    line("effect", &step.effect.words());
    for condition in &step.after {
        line("after", &condition.words());
    }
    line("expected", &step.prediction.what);
    line("until", &format!("{} s", step.deadline_ms / 1000));
    for command in &step.manual {
        line("by hand", command);
    }
    text.push('\n');
    text
}

/// A refusal: what, why, and the way out.
pub(crate) fn refused(refusal: &Refusal) -> String {
    let mut text = format!(
        "{}  {}\n",
        styled(BAD, format!("refused: {}", refusal.code)),
        refusal.summary
    );
    for (label, lines) in [("seen", &refusal.evidence), ("next", &refusal.way_out)] {
        for line in lines {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {} {line}", styled(DIM, label));
        }
    }
    text
}
