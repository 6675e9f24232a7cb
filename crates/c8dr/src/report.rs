//! What a run or a drill amounts to: one document for machines, a few lines for the terminal, and pages to keep.

pub(crate) mod exchanges;
pub(crate) mod files;
mod html;
mod markdown;
mod page;
mod pages;
mod sections;
mod steps;
mod story;
mod svg;
pub mod text;
mod times;

use std::fmt::Write;
use std::path::PathBuf;

use c8dr_domain::facts::Facts;
use c8dr_domain::plan::{Accepted, Kind};
use c8dr_domain::run::Run;
use serde::Serialize;

use crate::certificate::Certificate;
use crate::show::{BAD, GOOD, OPEN, seconds, styled};

pub use files::{Files, write};
pub(crate) use pages::Loss;
use steps::StepReport;
use text::plain;
use times::RunTimes;

/// One run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunReport {
    /// Its id.
    pub(crate) run: String,
    /// `failover` or `failback`.
    pub(crate) kind: &'static str,
    /// Of which installation.
    pub(crate) installation: String,
    /// `verified`, `aborted`, or why it stopped.
    pub(crate) outcome: String,
    /// The region that was given up; in a failback the one that returns.
    pub(crate) lost_region: String,
    /// Its steps by the names of the procedure, settled ones included.
    pub(crate) steps: Vec<StepReport>,
    /// The steps of its way back, if it was gone.
    pub(crate) way_back: Vec<StepReport>,
    /// From the plan until every partition was led and the exporter was off: what the guide calls the failover. `None` in
    /// a failback, and while it is not known.
    pub(crate) failover_seconds: Option<f64>,
    /// From the plan until everything was proven as well.
    pub(crate) verified_seconds: Option<f64>,
    /// When what came about. What is not known is `null`, never 0.
    pub(crate) times: RunTimes,
    /// What it has learnt: V, the search clusters, the snapshot, what was compared.
    pub(crate) facts: Facts,
    /// Overrides that a person gave.
    pub(crate) accepted: Vec<Accepted>,
    /// What the plan said a person should know.
    pub(crate) notes: Vec<String>,
    /// Why it stopped, if it did.
    pub(crate) stopped: Option<String>,
    /// Where its report lies, if it was written.
    pub(crate) report: Option<PathBuf>,
    /// Where its certificate lies, if there is one.
    pub(crate) certificate: Option<PathBuf>,
}

impl RunReport {
    /// The report of a run as it stands.
    pub(crate) fn of(run: &Run) -> Self {
        let times = RunTimes::of(run);
        RunReport {
            run: run.id.to_string(),
            kind: run.plan.kind.as_str(),
            installation: run.plan.installation.name().to_owned(),
            outcome: run.word().to_owned(),
            lost_region: run.plan.installation.region(run.plan.lost).name.clone(),
            steps: steps::of_plan(run),
            way_back: steps::of_way_back(run),
            failover_seconds: run
                .proof_began
                .filter(|_| run.plan.kind == Kind::Failover)
                .map(|at| times.since_decided(at)),
            verified_seconds: times.verified_at.map(|at| times.since_decided(at)),
            times,
            facts: run.facts.clone(),
            accepted: run.plan.accepted.clone(),
            notes: run.plan.notes.clone(),
            stopped: run.stopped.as_ref().map(|(_, _, words)| words.clone()),
            report: None,
            certificate: None,
        }
    }

    /// With where its files lie.
    pub(crate) fn lying_at(self, files: &Files) -> Self {
        RunReport {
            report: files.report.clone(),
            certificate: files.certificate.clone(),
            ..self
        }
    }

    /// For people.
    pub(crate) fn human(&self) -> String {
        let took = self
            .verified_seconds
            .map_or(String::new(), |s| format!(" after {s:.1} s"));
        let mut text = format!(
            "\n{}{took}  run {}\n",
            styled(style(&self.outcome), &self.outcome),
            plain(&self.run)
        );
        // Writing to a string cannot fail.
        if let Some(stopped) = &self.stopped {
            let _ = writeln!(
                text,
                "{}\nGo on with `c8dr run resume {run}`, or give it up with `c8dr run abort {run} --reason …`.",
                plain(stopped),
                run = plain(&self.run)
            );
        }
        if let Some(certificate) = &self.certificate {
            let _ = writeln!(text, "certificate  {}", certificate.display());
        }
        let _ = match &self.report {
            Some(report) => writeln!(text, "report  {}", report.display()),
            None => writeln!(text, "report  not written"),
        };
        text
    }
}

/// The colour of a run's word.
fn style(outcome: &str) -> anstyle::Style {
    match outcome {
        "verified" => GOOD,
        "failed" | "refused" | "aborted" | "data missing" => BAD,
        _ => OPEN,
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
    /// The failback's certificate, whole, if it was verified.
    pub(crate) certificate: Option<Certificate>,
    /// Why it went no further, if a run was not even begun.
    pub(crate) stopped: Option<String>,
    /// What happened, by the lab's own account, in seconds since its start.
    pub(crate) timeline: Vec<(f64, String)>,
    /// Where this report lies.
    pub(crate) report: Option<PathBuf>,
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

/// In seconds. What is not known is `null`, never 0.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rto {
    /// From the loss until it was proven.
    pub(crate) detected_seconds: f64,
    /// From the loss until the plan was made.
    pub(crate) decided_seconds: f64,
    /// From the loss until every partition was led again.
    pub(crate) leaders_back_seconds: Option<f64>,
    /// From the loss until every leader was proven to export again.
    pub(crate) exporting_again_seconds: Option<f64>,
    /// From the loss until every partition had its replicas in both regions again: so long it was unprotected.
    pub(crate) unprotected_seconds: Option<f64>,
    /// From the decision until every partition was led and the exporter was off.
    pub(crate) failover_seconds: Option<f64>,
    /// From the decision until exporting was proven as well.
    pub(crate) verified_seconds: Option<f64>,
    /// From the loss until the first client was served again.
    pub(crate) outage_seconds: Option<f64>,
}

impl DrillReport {
    /// For people, in short.
    pub(crate) fn human(&self) -> String {
        let rpo = match self.rpo.missing {
            0 => styled(GOOD, format!("{} acknowledged, 0 missing", self.rpo.acknowledged)),
            missing => styled(
                BAD,
                format!("{} acknowledged, {missing} MISSING", self.rpo.acknowledged),
            ),
        };
        let time = |value: Option<f64>| {
            value
                .and_then(|value| jiff::SignedDuration::try_from_secs_f64(value).ok())
                .map_or("unknown".to_owned(), seconds)
        };
        let mut text = format!(
            "\n{}  region {} lost\n  proven lost   {} after the kill\n  failover      {} from the decision until led and exporter off\n  verified      {} from the decision, exporting included\n  outage        {} for clients\n  unprotected   {} until both regions hold every partition\n  data          {rpo}\n",
            styled(style(&self.outcome), &self.outcome),
            plain(&self.lost_region),
            time(Some(self.rto.detected_seconds)),
            time(self.rto.failover_seconds),
            time(self.rto.verified_seconds),
            time(self.rto.outage_seconds),
            time(self.rto.unprotected_seconds),
        );
        // Writing to a string cannot fail.
        if let Some(compared) = self.certificate.as_ref().and_then(|c| c.compared.as_ref()) {
            let _ = writeln!(
                text,
                "  certificate   {} records, the same in both regions",
                compared.records
            );
        }
        if let Some(stopped) = &self.stopped {
            let _ = writeln!(text, "  stopped       {}", plain(stopped));
        }
        let report = self.report.as_ref().map(|path| path.display().to_string());
        let _ = writeln!(
            text,
            "  report        {}",
            report.as_deref().unwrap_or("not written")
        );
        text
    }
}
