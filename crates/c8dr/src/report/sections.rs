//! What a report says of one run, section by section, from its journal.

use std::collections::BTreeMap;

use c8dr_domain::exporting::PositionVector;
use c8dr_domain::ids::{PartitionId, RegionId, number};
use c8dr_domain::plan::{Accepted, Kind, StepId};
use c8dr_domain::run::{Event, Phase};
use c8dr_domain::search::Holding;
use c8dr_engine::journal::Recovered;

use super::RunReport;
use super::exchanges::KeptExchange;
use super::page::{Block, Cell, Section, Shown, Table, Tone};
use super::steps::PartReport;
use crate::show::named;

/// How many looks of one address a page shows; all that were kept lie in the file beside it.
const LOOKS_SHOWN_MAX: usize = 5;

/// How much of a hash is shown in a table; the certificate has it whole.
const HASH_LETTERS: usize = 12;

/// The steps, with their parts.
pub(super) fn steps(report: &RunReport) -> Section {
    let mut table = Table::new(["step", "", "outcome", "took", "sent", "read back"]);
    for step in report.steps.iter().chain(&report.way_back) {
        // Of a step in parts the parts say what was read back.
        let words = match step.parts.is_empty() {
            true => step.words.as_str(),
            false => "",
        };
        table.row(step_row(
            &step.id,
            &step.title,
            &step.outcome,
            step.seconds,
            step.attempts,
            words,
        ));
        for part in &step.parts {
            let PartReport {
                id,
                title,
                outcome,
                seconds,
                words,
                attempts,
            } = part;
            table.row(step_row(id, title, outcome, *seconds, *attempts, words));
        }
    }
    Section {
        heading: "Steps".to_owned(),
        blocks: vec![Block::Table(table)],
    }
}

fn step_row(
    id: &str,
    title: &str,
    outcome: &str,
    seconds: Option<f64>,
    attempts: usize,
    words: &str,
) -> [Cell; 6] {
    let took = match (seconds, outcome) {
        (Some(seconds), _) => Cell::plain(format!("{seconds:.1} s")),
        // It was not at work in this run.
        (None, "already" | "owed") => Cell::plain("–"),
        (None, _) => Cell::known(None::<String>),
    };
    [
        Cell::plain(id),
        Cell::plain(title),
        Cell::of(tone(outcome), outcome),
        took,
        Cell::plain(match attempts {
            0 => "–".to_owned(),
            1 => "once".to_owned(),
            n => format!("{n} times"),
        }),
        Cell::plain(words),
    ]
}

/// The colour of an outcome's or a run's word.
pub(super) fn tone(word: &str) -> Tone {
    match word {
        "verified" | "already" => Tone::Good,
        "failed" | "aborted" | "refused" | "data missing" => Tone::Bad,
        "skipped" => Tone::Plain,
        _ => Tone::Waiting,
    }
}

/// What proves that nothing was lost.
pub(super) fn data(recovered: &Recovered) -> Section {
    let mut blocks = match recovered.run.plan.kind {
        Kind::Failover => failover_data(recovered),
        Kind::Failback => failback_data(recovered),
    };
    let verified = recovered.events.iter().rev().find_map(|(_, event)| match event {
        Event::Verified { words } => Some(words.clone()),
        _ => None,
    });
    blocks.push(Block::Words(verified.map_or_else(
        || "The proof at the end was not reached: whether anything is missing is unknown.".to_owned(),
        |words| format!("Read at the end: {words}"),
    )));
    Section {
        heading: "Evidence that nothing was lost".to_owned(),
        blocks,
    }
}

fn failover_data(recovered: &Recovered) -> Vec<Block> {
    let run = &recovered.run;
    let before = run.steps.get(&StepId::Fo1).map(|record| &record.known.processed);
    let mut table = Table::new([
        "partition",
        "processed before the force",
        "to be held and exported at the end",
        "by the leaders",
    ]);
    for partition in run.plan.installation.partitions() {
        let wanted = run.proof_known.processed.get(&partition);
        let verdict = match (run.phase == Phase::Verified, wanted) {
            (true, Some(_)) => Cell::of(Tone::Good, "held and exported"),
            _ => Cell::known(None::<String>),
        };
        table.row([
            Cell::plain(partition),
            Cell::known(before.and_then(|before| before.get(&partition))),
            Cell::known(wanted),
            verdict,
        ]);
    }
    vec![
        Block::Words(
            "The highest position that any survivor had processed of each partition. A leader that holds and exports at least that has lost nothing that was acknowledged."
                .to_owned(),
        ),
        Block::Table(table),
    ]
}

fn failback_data(recovered: &Recovered) -> Vec<Block> {
    let run = &recovered.run;
    let installation = &run.plan.installation;
    let sides = [run.plan.survivors(), run.plan.lost];
    let name = |region: RegionId| installation.region(region).name.as_str();
    let compared = run.facts.compared.as_ref();
    let held = |region: RegionId, partition: PartitionId| -> Option<&Holding> {
        compared?.held.get(&region)?.get(&partition)
    };
    let mut table = Table::new(["partition", "V", "compared up to", "", "", "the same"]);
    for (column, region) in [(3, sides[0]), (4, sides[1])] {
        table.head[column] = format!("held in {}", name(region));
    }
    for partition in installation.partitions() {
        let [here, there] = sides.map(|region| held(region, partition));
        let same = match (here, there) {
            (Some(here), Some(there)) if here == there => Cell::of(Tone::Good, "yes"),
            (Some(_), Some(_)) => Cell::of(Tone::Bad, "NO"),
            _ => Cell::known(None::<String>),
        };
        table.row([
            Cell::plain(partition),
            Cell::known(run.facts.positions.get(&partition)),
            Cell::known(compared.and_then(|compared| compared.up_to.get(&partition))),
            Cell::known(here.map(held_words)),
            Cell::known(there.map(held_words)),
            same,
        ]);
    }
    let mut blocks = vec![
        Block::Words(
            "V is what the surviving exporter had acknowledged when it was paused and drained. In the end both searches were asked for every record up to a position that both exporters had passed: their number, a hash over their ids, the highest position."
                .to_owned(),
        ),
        Block::Table(table),
    ];
    if let Some(words) = untold_words(&run.facts.positions, compared.is_some()) {
        blocks.push(Block::Words(words.to_owned()));
    }
    blocks
}

fn untold_words(positions: &PositionVector, is_compared: bool) -> Option<&'static str> {
    match (positions.is_empty(), is_compared) {
        (true, true) => Some("V is unknown: this run read none. What was compared does not rest on it."),
        (_, false) => Some("What both searches hold was not compared."),
        (false, true) => None,
    }
}

fn held_words(holding: &Holding) -> String {
    let hash: String = holding.hash.chars().take(HASH_LETTERS).collect();
    let highest = holding
        .highest
        .map_or_else(|| "nothing".to_owned(), |highest| format!("to {highest}"));
    format!("{} records, {highest}, {hash}", holding.count)
}

/// What the run is, and what it has learnt.
pub(super) fn facts(recovered: &Recovered) -> Section {
    let run = &recovered.run;
    let installation = &run.plan.installation;
    let mut table = Table::new(["", ""]);
    let mut fact = |name: &str, value: Cell| table.row([Cell::plain(name), value]);
    let planned = recovered.events.iter().find_map(|(_, event)| match event {
        Event::Planned {
            fingerprint, reason, ..
        } => Some((fingerprint, reason)),
        _ => None,
    });
    fact("run", Cell::plain(&run.id));
    fact("installation", Cell::plain(installation.name()));
    fact("begun by", Cell::plain(&run.by));
    fact(
        "reason",
        Cell::plain(
            planned
                .and_then(|(_, reason)| reason.as_deref())
                .unwrap_or("none was given"),
        ),
    );
    fact("plan (SHA-256)", Cell::known(planned.map(|(sum, _)| sum)));
    fact(
        "journal",
        Cell::plain(format!(
            "{}, the last one's hash is {}",
            number(recovered.events.len(), "record"),
            recovered.tip.sum
        )),
    );
    for step in run.plan.all_steps() {
        if let Some(change) = run.steps.get(&step.id).and_then(|record| record.known.change) {
            fact(&format!("change of {}", step.id), Cell::plain(change));
        }
    }
    let mut blocks = Vec::new();
    if run.plan.kind == Kind::Failback {
        for region in installation.regions() {
            fact(
                &format!("search cluster of {}", region.name),
                Cell::known(run.facts.clusters.get(&region.id)),
            );
        }
        let snapshot = run.facts.snapshot.as_ref();
        fact("snapshot", Cell::known(snapshot.map(|snapshot| &snapshot.name)));
        fact(
            "snapshot's UUID",
            Cell::known(snapshot.and_then(|snapshot| snapshot.uuid.as_ref())),
        );
        if let Some(snapshot) = snapshot {
            blocks.push(Block::Words("Documents in the snapshot:".to_owned()));
            blocks.push(Block::Table(documents(&snapshot.documents)));
        }
    }
    blocks.insert(0, Block::Table(table));
    let diagnosis = &run.plan.diagnosis;
    blocks.push(Block::Words(format!(
        "Found when the plan was made: {}",
        diagnosis.summary
    )));
    if !diagnosis.evidence.is_empty() {
        blocks.push(Block::List(diagnosis.evidence.clone()));
    }
    Section {
        heading: "Facts".to_owned(),
        blocks,
    }
}

fn documents(documents: &BTreeMap<String, u64>) -> Table {
    let mut table = Table::new(["index", "documents"]);
    for (index, count) in documents {
        table.row([Cell::plain(index), Cell::plain(count)]);
    }
    table
}

/// What a person decided, and was told before.
pub(super) fn decisions(recovered: &Recovered) -> Section {
    let plan = &recovered.run.plan;
    let accepted: Vec<String> = plan.accepted.iter().map(accepted_words).collect();
    let mut blocks = vec![match accepted.is_empty() {
        true => Block::Words("No guard was overridden.".to_owned()),
        false => Block::List(accepted),
    }];
    if !plan.notes.is_empty() {
        blocks.push(Block::Words("The plan said:".to_owned()));
        blocks.push(Block::List(plan.notes.clone()));
    }
    let happened: Vec<String> = recovered.events.iter().filter_map(happened_words).collect();
    if !happened.is_empty() {
        blocks.push(Block::Words("On the way:".to_owned()));
        blocks.push(Block::List(happened));
    }
    Section {
        heading: "Overrides, notes, interruptions".to_owned(),
        blocks,
    }
}

fn accepted_words(accepted: &Accepted) -> String {
    match accepted {
        Accepted::Unfenced { reason } => {
            format!("Accepted that the lost region is not proven silent or leaderless: {reason}")
        }
        Accepted::DataLoss { reason } => {
            format!("Accepted that acknowledged data may be gone: {reason}")
        }
        Accepted::UnknownDisks { reason } => {
            format!("Accepted that nobody can say whether the disks have room for a third replica: {reason}")
        }
        Accepted::PauseAdopted { reason } => format!("Took over somebody else's pause: {reason}"),
        Accepted::Unrecorded { reason } => {
            format!("Accepted that the direction was not recorded outside this machine: {reason}")
        }
    }
}

/// What did not go straight on.
fn happened_words((at, event): &(jiff::Timestamp, Event)) -> Option<String> {
    let words = match event {
        Event::Stopped { words, .. } => format!("stopped: {words}"),
        Event::Resumed { by } => format!("resumed by {by}"),
        Event::Retaken { from, words } => format!("taken again from {from}: {words}"),
        Event::Retreating { by, reason } => format!("turned round by {by}: {reason}"),
        Event::Adopted { step, change } => {
            format!("{step} found its change {change} pending, and awaited it")
        }
        Event::Aborted { by, reason } => format!("given up by {by}: {reason}"),
        Event::Overridden { by, reason } => {
            format!("ended by a run that goes on without its source, by {by}: {reason}")
        }
        _ => return None,
    };
    Some(format!("{at:.3} {words}"))
}

/// What went out for the steps, by the journal, and every request with its answer as far as it was kept.
pub(super) fn exchanges(recovered: &[&Recovered], kept: &[KeptExchange]) -> Section {
    let mut sent = Vec::new();
    for run in recovered.iter().map(|recovered| &recovered.run) {
        for step in run.plan.all_steps() {
            let attempts = run.steps.get(&step.id).map(|record| record.attempts.as_slice());
            for attempt in attempts.unwrap_or_default() {
                let answer = attempt.answer.as_ref().map(|(_, answer)| answer.words());
                let request = format!(
                    "{} through {}",
                    attempt.request.words(),
                    attempt.request.through()
                );
                let line = format!(
                    "{:.3} {}: {}: {}",
                    attempt.at,
                    step.id,
                    named(Some(&run.plan.installation), &request),
                    answer.as_deref().unwrap_or("no answer yet")
                );
                let bodies = vec![("by hand it would have been", step.manual.join("\n"))];
                sent.push((attempt.at, Shown { line, bodies }));
            }
        }
    }
    sent.sort_by_key(|(at, _)| *at);
    let mut blocks = vec![
        Block::Words("What was sent for the steps, by the journal:".to_owned()),
        Block::Exchanges(sent.into_iter().map(|(_, shown)| shown).collect()),
    ];
    if kept.is_empty() {
        blocks.push(Block::Words(
            "The requests themselves were not recorded.".to_owned(),
        ));
    } else {
        let looks = kept.iter().filter(|exchange| !exchange.is_change()).count();
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        let shown: Vec<Shown> = kept
            .iter()
            .filter(|exchange| {
                let address = exchange.request.split('?').next().unwrap_or_default();
                let times = told.entry(address).or_default();
                *times += 1;
                exchange.is_change() || *times <= LOOKS_SHOWN_MAX
            })
            .map(shown)
            .collect();
        blocks.push(Block::Words(format!(
            "Requests and answers: all that change something, and of {} the first {LOOKS_SHOWN_MAX} of each address, {} in all. The others lie in exchanges.jsonl beside this report. Credentials are in none of them.",
            number(looks, "look"),
            shown.len() - (kept.len() - looks),
        )));
        blocks.push(Block::Exchanges(shown));
    }
    Section {
        heading: "Requests and answers".to_owned(),
        blocks,
    }
}

fn shown(exchange: &KeptExchange) -> Shown {
    let status = exchange
        .status
        .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let mut bodies = Vec::new();
    if let Some(sent) = &exchange.sent {
        bodies.push(("sent", sent.clone()));
    }
    bodies.push(("received", exchange.received.clone()));
    Shown {
        line: format!(
            "{:.3} {} → {status} in {} ms",
            exchange.at, exchange.request, exchange.took_ms
        ),
        bodies,
    }
}
