//! A run's journal outside this machine, so that another one can go on with it. Guarantee G7.
//!
//! `INSTALLATION/runs/RUN/00000001.jsonl` and so on: pieces of the journal, each put if absent under the number of its first
//! line. Two machines that go on with one run write the same number: the second one sees it and stops. Together the pieces
//! are the journal, byte by byte, hashes and all.

use std::path::Path;

use c8dr_domain::ids::RunId;
use c8dr_domain::run::Event;

use crate::direction::{place, put_bytes, read};
use crate::journal::format::{JournalError, Recovered, quotable, recover};
use crate::ports::Bucket;

/// What is shared of one run.
#[derive(Debug)]
pub struct Shared {
    installation: String,
    run: RunId,
    /// Bytes of the journal that are outside already.
    bytes: usize,
    /// Lines in them.
    lines: usize,
}

/// Why a journal could not be shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotShared {
    /// Another machine has written the next piece: it goes on with this run.
    TakenOver,
    /// The bucket does not take it now.
    Unreachable(String),
    /// What is there of it already is no record: a piece is missing, or something else lies among them.
    Spoilt(String),
}

/// Why a run's record outside could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The bucket does not show it now.
    #[error("{0}")]
    Unreachable(String),
    /// A piece in the middle is missing.
    #[error("The record {place} has a hole: it goes on with {found} where line {line} is due.")]
    Hole {
        /// Where the record lies.
        place: String,
        /// The piece that was found.
        found: String,
        /// The line that is missing, counted from 1.
        line: usize,
    },
    /// Something that is no piece of a journal lies among them.
    #[error("{key} lies in the record {place}, and is no piece of a journal.")]
    Stray {
        /// Where the record lies.
        place: String,
        /// What lies there.
        key: String,
    },
    /// The pieces are no journal.
    #[error("the record cannot be used")]
    Unreadable(#[source] JournalError),
    /// There is none.
    #[error("{place} holds nothing: no run of that name was recorded there.")]
    Nothing {
        /// Where it was looked for.
        place: String,
    },
}

impl Shared {
    /// Of a new run: nothing yet.
    pub fn new(installation: &str, run: RunId) -> Self {
        Shared {
            installation: installation.to_owned(),
            run,
            bytes: 0,
            lines: 0,
        }
    }

    /// Shares what the journal has more than is outside.
    ///
    /// # Errors
    /// See [`NotShared`].
    pub async fn share(&mut self, bucket: &dyn Bucket, journal: &[u8]) -> Result<(), NotShared> {
        let Some(piece) = journal.get(self.bytes..).filter(|piece| !piece.is_empty()) else {
            return Ok(());
        };
        let key = format!(
            "{}{:08}.jsonl",
            prefix(&self.installation, &self.run),
            self.lines + 1
        );
        match put_bytes(bucket, &key, piece.to_vec()).await {
            Ok(true) => {
                self.lines += lines(piece);
                self.bytes = journal.len();
                Ok(())
            }
            Ok(false) => Err(NotShared::TakenOver),
            Err(words) => Err(NotShared::Unreachable(words)),
        }
    }

    /// Sees what is outside already of a run that is resumed here. What is there must be the beginning of our journal.
    ///
    /// # Errors
    /// See [`NotShared`].
    pub async fn resumed(
        bucket: &dyn Bucket,
        installation: &str,
        run: RunId,
        journal: &[u8],
    ) -> Result<Self, NotShared> {
        let outside = text(bucket, installation, &run)
            .await
            .map_err(|error| match error {
                RecordError::Unreachable(words) => NotShared::Unreachable(words),
                other => NotShared::Spoilt(other.to_string()),
            })?;
        if !journal.starts_with(&outside) {
            let place = address(bucket, installation, &run);
            return Err(match recover(Path::new(&place), &outside) {
                // What a newer c8dr has written there is no less of another machine's.
                Ok(_) | Err(JournalError::Newer { .. } | JournalError::NotUnderstood { .. }) => {
                    NotShared::TakenOver
                }
                Err(error) => NotShared::Spoilt(format!("The record {error}.")),
            });
        }
        Ok(Shared {
            installation: installation.to_owned(),
            run,
            bytes: outside.len(),
            lines: lines(&outside),
        })
    }
}

fn lines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

fn prefix(installation: &str, run: &RunId) -> String {
    format!("{}/runs/{}/", place(installation), place(run.as_str()))
}

/// Where a run's record lies, for messages.
pub fn address(bucket: &dyn Bucket, installation: &str, run: &RunId) -> String {
    format!("{} {}", bucket.place(), prefix(installation, run))
}

/// A run's journal as it lies outside; empty where there is none.
///
/// # Errors
/// If it cannot be read, or is not whole.
pub async fn text(bucket: &dyn Bucket, installation: &str, run: &RunId) -> Result<Vec<u8>, RecordError> {
    let prefix = prefix(installation, run);
    let place = || address(bucket, installation, run);
    let unreachable = RecordError::Unreachable;
    let keys = read(bucket.list(&prefix).await, "The run's record cannot be listed").map_err(unreachable)?;
    let mut text = Vec::new();
    for key in keys {
        let name = key.strip_prefix(&prefix).unwrap_or(&key);
        let Some(first) = name
            .strip_suffix(".jsonl")
            .and_then(|number| number.parse::<usize>().ok())
        else {
            return Err(RecordError::Stray {
                place: place(),
                key: quotable(name),
            });
        };
        let line = lines(&text) + 1;
        if first != line {
            return Err(RecordError::Hole {
                place: place(),
                found: quotable(name),
                line,
            });
        }
        let piece = read(bucket.get(&key).await, "The run's record cannot be read")
            .map_err(unreachable)?
            .ok_or_else(|| unreachable(format!("{key} was listed and is gone.")))?;
        text.extend_from_slice(&piece);
    }
    Ok(text)
}

/// The runs whose journals lie outside, in order of their names, which is that of their times.
///
/// # Errors
/// If they cannot be listed.
pub async fn runs(bucket: &dyn Bucket, installation: &str) -> Result<Vec<RunId>, RecordError> {
    let prefix = format!("{}/runs/", place(installation));
    let keys = read(bucket.list(&prefix).await, "The runs' records cannot be listed")
        .map_err(RecordError::Unreachable)?;
    let mut runs: Vec<RunId> = keys
        .iter()
        .filter_map(|key| key.strip_prefix(&prefix)?.split_once('/'))
        .map(|(run, _)| RunId::new(run))
        .collect();
    runs.dedup();
    Ok(runs)
}

/// A run as its record outside leaves it. `place` is where it lies, for messages.
///
/// # Errors
/// If it is no journal, or cannot be trusted.
pub fn recovered(place: &str, text: &[u8]) -> Result<Recovered, RecordError> {
    recover(Path::new(place), text).map_err(RecordError::Unreadable)
}

/// How a journal on this machine stands to its record outside.
#[derive(Debug)]
pub enum Standing {
    /// The record is the beginning of what lies here, or there is none yet: the run goes on from here.
    Here,
    /// Another machine went on with the run; so it stands there.
    Elsewhere(Box<Recovered>),
    /// Nobody went on with it elsewhere, and yet the record has more: lines are missing at the end of what lies here.
    Cut {
        /// Lines here.
        here: usize,
        /// Lines there.
        there: usize,
    },
}

/// Compares a journal here, whose lines are whole, with its record outside. Whoever goes on with a run writes first that it
/// was resumed; a record that goes on with anything else was written by the very process that wrote the journal here.
///
/// # Errors
/// If the record has other lines than the journal here, and is no journal.
pub fn standing(place: &str, here: &[u8], there: &[u8]) -> Result<Standing, RecordError> {
    if here.starts_with(there) {
        return Ok(Standing::Here);
    }
    let recovered = recovered(place, there)?;
    // The header is no event.
    let events_here = lines(here).saturating_sub(1);
    let next = recovered.events.get(events_here).map(|(_, event)| event);
    Ok(match next {
        Some(next) if there.starts_with(here) && !matches!(next, Event::Resumed { .. }) => Standing::Cut {
            here: lines(here),
            there: lines(there),
        },
        _ => Standing::Elsewhere(Box::new(recovered)),
    })
}
