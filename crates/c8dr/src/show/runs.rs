//! Runs for people: the list, and one with its steps, times and answers.

use std::fmt::Write;

use c8dr_domain::plan::Kind;
use c8dr_domain::run::{Outcome, Run};
use c8dr_engine::journal::store::Kept;
use serde::Serialize;

use super::{BAD, DIM, GOOD, HEAD, OPEN, named, seconds, styled};
use crate::report::Files;
use crate::report::text::plain;

/// One run in a list.
#[derive(Serialize)]
pub(crate) struct Row {
    run: String,
    state: String,
    installation: Option<String>,
    lost: Option<String>,
    planned_at: Option<String>,
    trouble: Option<String>,
}

/// The runs as rows.
pub(crate) fn rows(kept: &[Kept]) -> Vec<Row> {
    kept.iter()
        .map(|kept| match &kept.recovered {
            Ok(recovered) => {
                let run = &recovered.run;
                Row {
                    run: kept.id.to_string(),
                    state: run.word().to_owned(),
                    installation: Some(run.plan.installation.name().to_owned()),
                    lost: Some(run.plan.installation.region(run.plan.lost).name.clone()),
                    planned_at: Some(format!("{:.0}", run.planned_at)),
                    trouble: None,
                }
            }
            Err(error) => Row {
                run: kept.id.to_string(),
                state: "unreadable".to_owned(),
                installation: None,
                lost: None,
                planned_at: None,
                trouble: Some(plain(&error.to_string())),
            },
        })
        .collect()
}

/// The rows as a table.
pub(crate) fn list(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "No runs yet.".to_owned();
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
    let mut lines = vec![[
        "RUN".to_owned(),
        "STATE".to_owned(),
        "INSTALLATION".to_owned(),
        "LOST".to_owned(),
        "BEGUN".to_owned(),
    ]];
    lines.extend(rows.iter().map(|row| {
        [
            row.run.clone(),
            row.state.clone(),
            text(&row.installation),
            text(&row.lost),
            text(&row.planned_at),
        ]
    }));
    let table: String = lines
        .iter()
        .map(|cells| {
            let padded = cells.iter().enumerate().map(|(column, cell)| {
                let width = lines
                    .iter()
                    .map(|cells| cells[column].chars().count())
                    .max()
                    .unwrap_or_default();
                format!("{cell:<width$}")
            });
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        })
        .collect();
    let troubles: String = rows
        .iter()
        .filter_map(|row| row.trouble.as_ref().map(|why| format!("\n{}: {why}", row.run)))
        .collect();
    let more = match troubles.is_empty() {
        true => "",
        false => "\n`c8dr run show RUN` says what to do with each.",
    };
    format!("{table}{troubles}{more}")
}

/// One run.
pub(crate) fn one(run: &Run, files: &Files) -> String {
    let style = match run.word() {
        "verified" => GOOD,
        "aborted" | "failed" | "refused" => BAD,
        _ => OPEN,
    };
    let region = &run.plan.installation.region(run.plan.lost).name;
    let mut text = format!(
        "{} {}\n{} of {}, region {region} {} · by {} · {:.0}\n\n",
        styled(HEAD, &run.id),
        styled(style, run.word()),
        run.plan.kind.as_str(),
        run.plan.installation.name(),
        match run.plan.kind {
            Kind::Failover => "lost",
            Kind::Failback => "returning",
        },
        run.by,
        run.planned_at
    );
    // Writing to a string cannot fail.
    for settled in &run.plan.settled {
        let _ = writeln!(
            text,
            "{} {} · {}",
            settled.id,
            styled(GOOD, Outcome::Already),
            plain(&settled.why)
        );
    }
    for step in run.plan.all_steps() {
        let Some(record) = run.steps.get(&step.id) else {
            continue;
        };
        // The way back is shown where it was gone.
        if run.retreating.is_none() && run.plan.retreat.iter().any(|back| back.id == step.id) {
            continue;
        }
        let outcome = record
            .outcome()
            .map_or_else(|| "owed".to_owned(), |outcome| outcome.to_string());
        let took = match (record.began, &record.ended) {
            (Some(began), Some((ended, ..))) => format!(" in {}", seconds(ended.duration_since(began))),
            _ => String::new(),
        };
        let _ = writeln!(
            text,
            "{} {}{took} · {}",
            step.id,
            styled(HEAD, outcome),
            step.title
        );
        for attempt in &record.attempts {
            let answer = attempt
                .answer
                .as_ref()
                .map_or("no answer yet".to_owned(), |(_, answer)| plain(&answer.words()));
            let _ = writeln!(
                text,
                "     {} through {}: {answer}",
                styled(DIM, format!("{:.3}", attempt.at)),
                plain(&named(Some(&run.plan.installation), &attempt.request.through()))
            );
        }
        if let Some((_, _, words)) = &record.ended {
            let _ = writeln!(text, "     {} {}", styled(DIM, "read back"), plain(words));
        }
    }
    if !run.has_ended() {
        let words = match &run.stopped {
            Some((_, _, words)) => words.clone(),
            None => ["It has not ended: it is being carried out, or was killed.".to_owned()]
                .into_iter()
                .chain(run.pause_alarm())
                .collect::<Vec<_>>()
                .join(" "),
        };
        let _ = writeln!(
            text,
            "\n{}\nGo on with `c8dr run resume {}`, or give it up with `c8dr run abort {} --reason …`.",
            plain(&words),
            run.id,
            run.id
        );
    }
    for (name, path) in [("certificate", &files.certificate), ("report", &files.report)] {
        if let Some(path) = path {
            let _ = writeln!(text, "{name}  {}", path.display());
        }
    }
    text
}
