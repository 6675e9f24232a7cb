//! What a run or a drill amounts to: one document, and the same as Markdown.

use std::fmt::Write;

use c8dr_domain::run::{Outcome, Run};
use serde::Serialize;

use crate::show::{BAD, GOOD, OPEN, seconds, styled};

/// One step of a report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StepReport {
    /// FO1, FO2, …
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// How it came out.
    pub(crate) outcome: String,
    /// How long it took.
    pub(crate) seconds: Option<f64>,
    /// What was read back.
    pub(crate) words: String,
    /// How often something was sent.
    pub(crate) attempts: usize,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunReport {
    /// Its id.
    pub(crate) run: String,
    /// `verified`, `aborted`, or why it stopped.
    pub(crate) outcome: String,
    /// The region that was given up.
    pub(crate) lost_region: String,
    /// Its steps, settled ones included.
    pub(crate) steps: Vec<StepReport>,
    /// From the plan until every partition was led and the exporter was off: what the guide calls the failover.
    pub(crate) failover_seconds: Option<f64>,
    /// From the plan until exporting was proven as well.
    pub(crate) verified_seconds: Option<f64>,
    /// Why it stopped, if it did.
    pub(crate) stopped: Option<String>,
}

impl RunReport {
    /// The report of a run as it stands.
    pub(crate) fn of(run: &Run) -> Self {
        let settled = run.plan.settled.iter().map(|settled| StepReport {
            id: settled.id.to_string(),
            title: settled.title.clone(),
            outcome: Outcome::Already.to_string(),
            seconds: None,
            words: settled.why.clone(),
            attempts: 0,
        });
        let steps = run.plan.steps.iter().filter_map(|step| {
            let record = run.steps.get(&step.id)?;
            let seconds = match (record.began, &record.ended) {
                (Some(began), Some((ended, ..))) => Some(ended.duration_since(began).as_secs_f64()),
                _ => None,
            };
            Some(StepReport {
                id: step.id.to_string(),
                title: step.title.clone(),
                outcome: record
                    .outcome()
                    .map_or_else(|| "owed".to_owned(), |outcome| outcome.to_string()),
                seconds,
                words: record
                    .ended
                    .as_ref()
                    .map_or_else(String::new, |(_, _, words)| words.clone()),
                attempts: record.attempts.len(),
            })
        });
        let since_planned = |at: jiff::Timestamp| at.duration_since(run.planned_at).as_secs_f64();
        RunReport {
            run: run.id.to_string(),
            outcome: run.word().to_owned(),
            lost_region: run.plan.installation.region(run.plan.lost).name.clone(),
            steps: settled.chain(steps).collect(),
            failover_seconds: run.proof_began.map(since_planned),
            verified_seconds: run
                .ended_at
                .filter(|_| run.word() == "verified")
                .map(since_planned),
            stopped: run.stopped.as_ref().map(|(_, _, words)| words.clone()),
        }
    }

    /// For people.
    pub(crate) fn human(&self) -> String {
        let style = match self.outcome.as_str() {
            "verified" => GOOD,
            "failed" | "refused" | "aborted" => BAD,
            _ => OPEN,
        };
        let took = self
            .verified_seconds
            .map_or(String::new(), |s| format!(" after {s:.1} s"));
        let mut text = format!("\n{}{took}  run {}\n", styled(style, &self.outcome), self.run);
        if let Some(stopped) = &self.stopped {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{stopped}\nGo on with `c8dr run resume {}`.", self.run);
        }
        text
    }
}

/// A drill: what was lost, how long it took, and whether anything acknowledged is missing.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DrillReport {
    /// `verified`, or why not.
    pub(crate) outcome: String,
    /// The region that was lost.
    pub(crate) lost_region: String,
    /// Seed and shape: what repeats it.
    pub(crate) command: String,
    /// What clients were promised against what is there.
    pub(crate) rpo: Rpo,
    /// How long it took.
    pub(crate) rto: Rto,
    /// The failover.
    pub(crate) failover: RunReport,
    /// The failback, if it came to one.
    pub(crate) failback: Option<RunReport>,
    /// What happened, by the lab's own account, in seconds since its start.
    pub(crate) timeline: Vec<(f64, String)>,
    /// Where this report lies.
    pub(crate) report: Option<String>,
}

/// Counted, not claimed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rpo {
    /// Process instances acknowledged to clients.
    pub(crate) acknowledged: usize,
    /// Of these, missing from the cluster.
    pub(crate) missing: usize,
    /// Requests that exist more than once, because a client repeated them after an unknown outcome.
    pub(crate) duplicates: usize,
}

/// In seconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rto {
    /// From the loss until it was proven.
    pub(crate) detected_seconds: f64,
    /// From the decision until every partition was led and the exporter was off.
    pub(crate) failover_seconds: Option<f64>,
    /// From the decision until exporting was proven as well.
    pub(crate) verified_seconds: Option<f64>,
    /// From the loss until the first client was served again.
    pub(crate) outage_seconds: Option<f64>,
}

impl DrillReport {
    /// As Markdown, which a terminal shows as it is.
    pub(crate) fn markdown(&self) -> String {
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1} s"));
        let mut text = format!(
            "# Drill: region {} lost, {}\n\n| | |\n|---|---|\n| loss proven after | {:.1} s |\n| failover, from the decision | {} |\n| … with exporting proven | {} |\n| outage that clients saw | {} |\n| acknowledged | {} |\n| missing | {} |\n| repeated by clients | {} |\n\n## Steps\n\n",
            self.lost_region,
            self.outcome,
            self.rto.detected_seconds,
            number(self.rto.failover_seconds),
            number(self.rto.verified_seconds),
            number(self.rto.outage_seconds),
            self.rpo.acknowledged,
            self.rpo.missing,
            self.rpo.duplicates,
        );
        // Writing to a string cannot fail.
        for step in &self.failover.steps {
            let took = step.seconds.map_or(String::new(), |s| format!(" in {s:.1} s"));
            let _ = writeln!(
                text,
                "- **{}** {}: {}{took}. {}",
                step.id, step.title, step.outcome, step.words
            );
        }
        let _ = writeln!(text, "\n## What happened\n");
        for (at, what) in &self.timeline {
            let _ = writeln!(text, "- {at:.1} s: {what}");
        }
        let _ = writeln!(text, "\nRepeat it with `{}`.", self.command);
        text
    }

    /// For people, in short.
    pub(crate) fn human(&self) -> String {
        let style = if self.outcome == "verified" { GOOD } else { BAD };
        let rpo = if self.rpo.missing == 0 {
            styled(GOOD, format!("{} acknowledged, 0 missing", self.rpo.acknowledged))
        } else {
            styled(
                BAD,
                format!(
                    "{} acknowledged, {} MISSING",
                    self.rpo.acknowledged, self.rpo.missing
                ),
            )
        };
        let time = |value: Option<f64>| {
            value
                .and_then(|value| jiff::SignedDuration::try_from_secs_f64(value).ok())
                .map_or("–".to_owned(), seconds)
        };
        format!(
            "\n{}  region {} lost\n  proven lost   {} after the kill\n  failover      {} from the decision until led and exporter off\n  verified      {} from the decision, exporting included\n  outage        {} for clients\n  data          {rpo}\n  report        {}\n",
            styled(style, &self.outcome),
            self.lost_region,
            time(Some(self.rto.detected_seconds)),
            time(self.rto.failover_seconds),
            time(self.rto.verified_seconds),
            time(self.rto.outage_seconds),
            self.report.as_deref().unwrap_or("not written"),
        )
    }
}
