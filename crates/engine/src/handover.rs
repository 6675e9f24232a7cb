//! A run's journal outside this machine, so that another one can go on with it. Guarantee G7.
//!
//! `INSTALLATION/runs/RUN/00000001.jsonl` and so on: pieces of the journal, each put if absent under the number of its first
//! line. Two machines that go on with one run write the same number: the second one sees it and stops. Together the pieces
//! are the journal, byte by byte, hashes and all.

use c8dr_domain::ids::RunId;

use crate::direction::{place, put_bytes, read};
use crate::journal::format::{JournalError, Recovered, recover};
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
            .map_err(NotShared::Unreachable)?;
        if !journal.starts_with(&outside) {
            return Err(NotShared::TakenOver);
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

/// A run's journal as it lies outside.
///
/// # Errors
/// If it cannot be read, as a sentence.
pub async fn text(bucket: &dyn Bucket, installation: &str, run: &RunId) -> Result<Vec<u8>, String> {
    let prefix = prefix(installation, run);
    let keys = read(bucket.list(&prefix).await, "The run's record cannot be listed")?;
    let mut text = Vec::new();
    for key in keys {
        let first = key
            .strip_prefix(&prefix)
            .and_then(|name| name.strip_suffix(".jsonl"))
            .and_then(|number| number.parse::<usize>().ok());
        if first != Some(lines(&text) + 1) {
            return Err(format!("The run's record has a hole before {key}."));
        }
        let piece = read(bucket.get(&key).await, "The run's record cannot be read")?
            .ok_or_else(|| format!("{key} was listed and is gone."))?;
        text.extend_from_slice(&piece);
    }
    Ok(text)
}

/// The runs whose journals lie outside, in order of their names, which is that of their times.
///
/// # Errors
/// If they cannot be listed, as a sentence.
pub async fn runs(bucket: &dyn Bucket, installation: &str) -> Result<Vec<RunId>, String> {
    let prefix = format!("{}/runs/", place(installation));
    let keys = read(bucket.list(&prefix).await, "The runs' records cannot be listed")?;
    let mut runs: Vec<RunId> = keys
        .iter()
        .filter_map(|key| key.strip_prefix(&prefix)?.split('/').next())
        .map(RunId::new)
        .collect();
    runs.dedup();
    Ok(runs)
}

/// A run as its record outside leaves it, with the text of its journal.
///
/// # Errors
/// If it is no journal, or cannot be trusted.
pub fn recovered(place: &str, text: &[u8]) -> Result<Recovered, JournalError> {
    recover(std::path::Path::new(place), text)
}
