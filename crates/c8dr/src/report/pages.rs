//! The reports: of one run, and of a drill with both.

use c8dr_domain::plan::{Kind, StepId};
use c8dr_domain::run::{Outcome, Run};
use c8dr_engine::journal::Recovered;
use jiff::Timestamp;

use super::exchanges::KeptExchange;
use super::page::{Band, Block, Cell, Mark, Page, Section, Table, Timeline, Tone};
use super::times::RunTimes;
use super::{DrillReport, RunReport, sections, story};

/// What a drill knows besides the journals of its runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    /// When the region was killed.
    pub(crate) lost_at: Timestamp,
    /// When that was proven.
    pub(crate) detected_at: Timestamp,
    /// When the first client was served again.
    pub(crate) served_at: Option<Timestamp>,
}

/// The report of one run.
pub(super) fn run(report: &RunReport, recovered: &Recovered, kept: &[KeptExchange]) -> Page {
    let told = Told {
        runs: vec![(report, recovered)],
        loss: None,
    };
    let about = match recovered.run.plan.kind {
        Kind::Failover => "lost",
        Kind::Failback => "returning",
    };
    let took = report
        .verified_seconds
        .map_or_else(String::new, |seconds| format!(" after {seconds:.1} s"));
    let mut summary = report.stopped.iter().cloned().collect::<Vec<_>>();
    if report.stopped.is_some() {
        summary.push(format!(
            "Go on with `c8dr run resume {}`, or give it up with `c8dr run abort {}`.",
            report.run, report.run
        ));
    }
    Page {
        title: format!(
            "{} of {}: region {} {about}",
            capital(report.kind),
            report.installation,
            report.lost_region
        ),
        verdict: Cell::of(
            sections::tone(&report.outcome),
            format!("{}{took}", report.outcome),
        ),
        summary,
        sections: vec![
            told.what_happened(),
            told.times(),
            sections::steps(report),
            sections::data(recovered),
            sections::facts(recovered),
            sections::decisions(recovered),
            sections::exchanges(&[recovered], kept),
        ],
    }
}

/// The report of a drill.
pub(super) fn drill(
    report: &DrillReport,
    loss: Loss,
    failover: &Recovered,
    failback: Option<&Recovered>,
    kept: &[KeptExchange],
) -> Page {
    let mut runs = vec![(&report.failover, failover)];
    runs.extend(report.failback.as_ref().zip(failback));
    let told = Told {
        runs: runs.clone(),
        loss: Some(loss),
    };
    let mut page = Page {
        title: format!("Drill: region {} lost, {}", report.lost_region, report.outcome),
        verdict: Cell::of(sections::tone(&report.outcome), &report.outcome),
        summary: report.stopped.iter().cloned().collect(),
        sections: vec![counted(report), told.what_happened(), told.times()],
    };
    page.summary.push(format!("Repeat it with `{}`.", report.command));
    for (report, recovered) in &runs {
        let parts = [
            sections::steps(report),
            sections::data(recovered),
            sections::facts(recovered),
            sections::decisions(recovered),
        ];
        page.sections.extend(parts.map(|section| Section {
            heading: format!("{}: {}", capital(report.kind), section.heading),
            ..section
        }));
    }
    let journals: Vec<&Recovered> = runs.iter().map(|(_, recovered)| *recovered).collect();
    page.sections.push(sections::exchanges(&journals, kept));
    let account = report
        .timeline
        .iter()
        .map(|(at, what)| format!("{at:.1} s: {what}"));
    page.sections.push(Section {
        heading: "The lab's own account".to_owned(),
        blocks: vec![Block::List(account.collect())],
    });
    page
}

/// What clients were promised against what is there.
fn counted(report: &DrillReport) -> Section {
    let rpo = &report.rpo;
    let mut table = Table::new(["", ""]);
    let missing = match rpo.missing {
        0 => Tone::Good,
        _ => Tone::Bad,
    };
    table.row([
        Cell::plain("acknowledged to clients"),
        Cell::plain(rpo.acknowledged),
    ]);
    table.row([Cell::plain("of these missing"), Cell::of(missing, rpo.missing)]);
    table.row([
        Cell::plain("twice, as a client repeated what had an unknown outcome"),
        Cell::plain(rpo.duplicates),
    ]);
    let compared = report
        .certificate
        .as_ref()
        .and_then(|certificate| certificate.compared.as_ref());
    table.row([
        Cell::plain("records compared between both searches"),
        Cell::known(compared.map(|compared| compared.records)),
    ]);
    Section {
        heading: "What clients were promised".to_owned(),
        blocks: vec![Block::Table(table)],
    }
}

/// One or two runs, with what is known around them.
struct Told<'a> {
    runs: Vec<(&'a RunReport, &'a Recovered)>,
    loss: Option<Loss>,
}

impl Told<'_> {
    /// The moments, in order of time.
    fn marks(&self) -> Vec<Mark> {
        let mut marks = Vec::new();
        let mut mark = |at: Option<Timestamp>, words| marks.extend(at.map(|at| Mark { at, words }));
        mark(self.loss.map(|loss| loss.lost_at), "The region is lost");
        mark(self.loss.map(|loss| loss.detected_at), "The loss is proven");
        mark(
            self.loss.and_then(|loss| loss.served_at),
            "The first client is served again",
        );
        for (report, _) in &self.runs {
            let times = &report.times;
            let (decided, verified) = match report.kind {
                "failover" => ("The failover is decided", "The failover is verified"),
                _ => ("The failback is decided", "The failback is verified"),
            };
            mark(Some(times.decided_at), decided);
            mark(times.leaders_back_at, "Every partition is led again");
            mark(times.exporter_off_at, "The lost region's exporter is off");
            mark(times.exporting_again_at, "Every leader exports again");
            mark(times.paused_at, "Exporting is paused");
            mark(times.resumed_at, "Exporting goes on");
            mark(times.protected_again_at, "Both regions hold every partition");
            if times.exporting_again_at.is_none() {
                mark(times.verified_at, verified);
            }
        }
        marks.sort_by_key(|mark| mark.at);
        marks
    }

    fn failover(&self) -> Option<&RunTimes> {
        self.of_kind("failover")
    }

    fn failback(&self) -> Option<&RunTimes> {
        self.of_kind("failback")
    }

    fn of_kind(&self, kind: &str) -> Option<&RunTimes> {
        self.runs
            .iter()
            .find(|(report, _)| report.kind == kind)
            .map(|(report, _)| &report.times)
    }

    fn zero(&self) -> Timestamp {
        let decided = self.runs.iter().map(|(report, _)| report.times.decided_at);
        self.loss
            .map(|loss| loss.lost_at)
            .into_iter()
            .chain(decided)
            .min()
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn zero_words(&self) -> &'static str {
        match self.loss {
            Some(_) => "the loss",
            None => "the decision",
        }
    }

    fn end(&self) -> Timestamp {
        self.runs
            .iter()
            .filter_map(|(_, recovered)| recovered.events.last())
            .map(|(at, _)| *at)
            .max()
            .unwrap_or_else(|| self.zero())
    }

    fn bands(&self) -> Vec<Band> {
        let mut bands = Vec::new();
        let protected = self.failback().and_then(|times| times.protected_again_at);
        bands.push(Band {
            // Before the journal it was so, too; a picture begins somewhere.
            from: self.zero(),
            until: protected,
            words: "Unprotected: one region holds all",
        });
        if let Some(times) = self.failback()
            && let Some(from) = times.paused_at
        {
            bands.push(Band {
                from,
                until: times.resumed_at,
                words: "Exporting is paused",
            });
        }
        bands
    }

    /// The picture, and its moments as a table.
    fn what_happened(&self) -> Section {
        let marks = self.marks();
        let mut table = Table::new(["", "what", "when", "seconds since"]);
        table.head[3] = format!("since {}", self.zero_words());
        for (number, mark) in marks.iter().enumerate() {
            table.row([
                Cell::plain(number + 1),
                Cell::plain(mark.words),
                Cell::plain(format!("{:.3}", mark.at)),
                Cell::plain(self.since_zero(mark.at)),
            ]);
        }
        let several = self.runs.len() > 1;
        let lanes = self.runs.iter().flat_map(|(report, recovered)| {
            story::lanes(recovered)
                .into_iter()
                .map(move |lane| match several {
                    true if !lane.is_step() => lane.of(report.kind),
                    _ => lane,
                })
        });
        let timeline = Timeline {
            lanes: lanes.collect(),
            bands: self.bands(),
            zero_words: self.zero_words(),
            zero: self.zero(),
            end: self.end(),
            marks,
        };
        Section {
            heading: "What happened".to_owned(),
            blocks: vec![Block::Timeline(timeline), Block::Table(table)],
        }
    }

    fn since_zero(&self, at: Timestamp) -> String {
        format!("{:.1} s", at.duration_since(self.zero()).as_secs_f64())
    }

    /// The parts of the recovery time. What no journal tells is unknown.
    fn times(&self) -> Section {
        let mut table = Table::new(["", "", "when"]);
        table.head[1] = format!("after {}", self.zero_words());
        let mut row = |name: &str, at: Result<Timestamp, Cell>| {
            table.row(match at {
                Ok(at) => [
                    Cell::plain(name),
                    Cell::plain(self.since_zero(at)),
                    Cell::plain(format!("{at:.3}")),
                ],
                Err(words) => [Cell::plain(name), words, Cell::plain("")],
            });
        };
        let unknown = |words: &str| Cell::of(Tone::Waiting, words);
        let loss = self.loss.ok_or_else(|| unknown("unknown: before this run"));
        if let Some(times) = self.failover() {
            row("lost", loss.clone().map(|loss| loss.lost_at));
            row(
                "detected",
                self.loss
                    .map(|loss| loss.detected_at)
                    .ok_or_else(|| unknown("unknown: by the decision at the latest")),
            );
            row("decided", Ok(times.decided_at));
            let run = self.runs.first().map(|(_, recovered)| &recovered.run);
            let of_step = |at: Option<Timestamp>, step| {
                at.ok_or_else(|| match run.is_some_and(|run| is_settled(run, step)) {
                    true => Cell::plain("before this run"),
                    false => unknown("unknown: not proven"),
                })
            };
            row("leaders back", of_step(times.leaders_back_at, StepId::Fo1));
            row("exporter off", of_step(times.exporter_off_at, StepId::Fo2));
            row(
                "exporting again",
                times
                    .exporting_again_at
                    .ok_or_else(|| unknown("unknown: not proven")),
            );
        }
        if let Some(times) = self.failback() {
            row("failback decided", Ok(times.decided_at));
            let not_proven = || unknown("unknown: not proven in this run");
            row("exporting paused", times.paused_at.ok_or_else(not_proven));
            row("exporting goes on", times.resumed_at.ok_or_else(not_proven));
            row("verified", times.verified_at.ok_or_else(not_proven));
        }
        row("unprotected from", loss.map(|loss| loss.lost_at));
        let protected = self.failback().and_then(|times| times.protected_again_at);
        row(
            "unprotected until",
            protected.ok_or_else(|| match self.failback() {
                Some(_) => unknown("unknown: not proven in this run"),
                None => unknown("still, until a failback is verified"),
            }),
        );
        Section {
            heading: "Times".to_owned(),
            blocks: vec![Block::Table(table)],
        }
    }
}

/// Whether a step was not owed when the run looked.
fn is_settled(run: &Run, step: StepId) -> bool {
    let settled = run.plan.settled.iter().any(|settled| settled.id == step);
    let already = run.steps.get(&step).and_then(|record| record.outcome()) == Some(Outcome::Already);
    settled || already
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
