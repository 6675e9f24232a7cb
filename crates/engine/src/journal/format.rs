//! The form of a journal, how it is read, and what is wrong with one that can't be.
//!
//! A line is a JSON object whose last field `sum` is the SHA-256 of all text before it; `prev` is the `sum` of the line before.
//! Line 0 is the header. Compatibility: a reader refuses a format above its own; within a format, events may gain fields
//! with defaults. A tail that was torn by a crash is cut: what it would have said was never acted upon.

use std::path::{Path, PathBuf};

use c8dr_domain::plain;
use c8dr_domain::record::hex;
use c8dr_domain::run::{Event, IllegalTransition, Run};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The journal format that this build writes, and the highest that it reads.
pub const FORMAT: u32 = 1;

/// What the first line is known by.
const MAGIC: &str = "c8dr-journal";

/// What is wrong with a journal: the place and the reason. What to do then depends on what was wanted, and is said there.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The disk is full, or a quota or a limit is reached: it goes on as soon as there is room.
    #[error("there is no room to {doing} {}", path.display())]
    Full {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// How the file system says it.
        source: std::io::Error,
    },
    /// A directory of a run without a journal: the crash came before its first byte, or somebody took it away.
    #[error("{} holds no journal", directory.display())]
    Missing {
        /// The directory.
        directory: PathBuf,
    },
    /// Not a journal of ours.
    #[error("{} is not a c8dr journal: {why}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What says so.
        why: String,
    },
    /// Written by a newer c8dr.
    #[error("{} was written by {by} in journal format {found}; this c8dr reads up to {FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// Who wrote it, as it says itself.
        by: String,
    },
    /// A line does not fit its hash or the line before: edited, or the disk is broken.
    #[error("{} was changed or damaged at line {line}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What says so.
        why: String,
    },
    /// The line is as it was written, but this build does not know what it tells of.
    #[error("{} line {line} is whole, and not understood: {why}", path.display())]
    NotUnderstood {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is not.
        why: String,
    },
    /// The lines are whole, but tell of something that can't be.
    #[error("{} line {line} tells of something that cannot have happened", path.display())]
    Impossible {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What.
        source: IllegalTransition,
    },
    /// A whole journal in the wrong place.
    #[error("{} is the journal of another run, `{found}`", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// The run that it tells of.
        found: String,
    },
    /// There is nothing in it: the crash came before the plan was durable, so nothing was done.
    #[error("{} holds no run: c8dr was stopped before the plan was written, and nothing was done", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It was taken away or replaced while a run wrote into it.
    #[error("{} is no longer the file that this run writes into: it was removed or replaced meanwhile", path.display())]
    Gone {
        /// Where it was.
        path: PathBuf,
    },
    /// Somebody else wrote into it, or cut it, while a run wrote into it.
    #[error("{} was changed by somebody else while this run wrote into it", path.display())]
    Meddled {
        /// The file.
        path: PathBuf,
    },
    /// The event could not be written as JSON.
    #[error("an event could not be written as JSON")]
    Unwritable(#[from] serde_json::Error),
}

impl JournalError {
    /// Whether it lies in what the file holds, so that trying again cannot help.
    pub const fn is_of_content(&self) -> bool {
        !matches!(
            self,
            JournalError::Io { .. } | JournalError::Full { .. } | JournalError::Unwritable(_)
        )
    }
}

/// Foreign text as it may stand in a message: short, on one line, and nothing that a terminal would obey.
pub(crate) fn quotable(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    plain::quoted(text, CHARS_MAX)
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    journal: String,
    format: u32,
    by: String,
    run: String,
}

/// What of the first line holds in every format, so that a newer one is told from a foreign file.
#[derive(Debug, Deserialize)]
struct AnyHeader {
    journal: String,
    format: u64,
    #[serde(default)]
    by: String,
}

/// Every other line.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    seq: u64,
    at: Timestamp,
    prev: String,
    event: Event,
}

/// What stands at the end of the journal: where the next line joins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The sequence number of the next line.
    pub next_seq: u64,
    /// The hash of the last line.
    pub sum: String,
}

/// A journal that was read.
#[derive(Debug)]
pub struct Recovered {
    /// The run as its events leave it.
    pub run: Run,
    /// The events, with their times.
    pub events: Vec<(Timestamp, Event)>,
    /// Bytes of the file that are whole lines.
    pub whole_bytes: usize,
    /// What was torn off behind them; empty in an orderly journal.
    pub torn: Vec<u8>,
    /// Where to go on.
    pub tip: Tip,
}

/// The header line of a new journal, with the tip that it leaves.
///
/// # Errors
/// If it cannot be written as JSON, which its types exclude.
pub fn header(run: &str, by: &str) -> Result<(String, Tip), JournalError> {
    let header = Header {
        journal: MAGIC.to_owned(),
        format: FORMAT,
        by: by.to_owned(),
        run: run.to_owned(),
    };
    let (line, sum) = seal(&plain::json(serde_json::to_string(&header)?));
    Ok((line, Tip { next_seq: 1, sum }))
}

/// An event's line, with the tip that it leaves.
///
/// # Errors
/// If it cannot be written as JSON, which its types exclude.
pub fn line(tip: &Tip, at: Timestamp, event: &Event) -> Result<(String, Tip), JournalError> {
    let line = Line {
        seq: tip.next_seq,
        at,
        prev: tip.sum.clone(),
        event: event.clone(),
    };
    let (text, sum) = seal(&plain::json(serde_json::to_string(&line)?));
    Ok((
        text,
        Tip {
            next_seq: tip.next_seq + 1,
            sum,
        },
    ))
}

/// Closes an object with the hash of all that stands before it.
fn seal(object: &str) -> (String, String) {
    let open = object.strip_suffix('}').unwrap_or(object);
    let sum = hex(&Sha256::digest(open.as_bytes()));
    (format!("{open},\"sum\":\"{sum}\"}}\n"), sum)
}

/// The object without its seal, with the seal; `None` if the line does not end in one or it does not fit.
fn unseal(line: &str) -> Option<(String, String)> {
    let (open, rest) = line.rsplit_once(",\"sum\":\"")?;
    let sum = rest.strip_suffix("\"}")?;
    (hex(&Sha256::digest(open.as_bytes())) == sum).then(|| (format!("{open}}}"), sum.to_owned()))
}

/// Reads a journal's bytes. `path` is only for messages.
///
/// # Errors
/// See [`JournalError`]. A torn tail is no error.
pub fn recover(path: &Path, bytes: &[u8]) -> Result<Recovered, JournalError> {
    let path = || path.to_owned();
    let (lines, mut torn) = whole_lines(bytes);
    let mut lines: Vec<&[u8]> = lines;
    // A line that got its newline but not all of its sectors is torn, too; but only the last can be, and the sectors that
    // are missing read as zeros. Anything else that is wrong with it is damage: a line that was durable may have been acted
    // upon, and is not dropped in silence.
    if let Some(last) = lines.last()
        && has_lost_sectors(last)
        && lines.len() > 1
    {
        torn = bytes[bytes.len() - torn.len() - last.len() - 1..].to_vec();
        lines.pop();
    }
    let Some((first, rest)) = lines.split_first() else {
        let begun = format!("{{\"journal\":\"{MAGIC}\"");
        let alike = torn
            .iter()
            .zip(begun.as_bytes())
            .all(|(found, ours)| found == ours || *found == 0);
        return Err(if alike {
            JournalError::Empty { path: path() }
        } else {
            JournalError::Foreign {
                path: path(),
                why: "it has no whole line, and does not begin like one".to_owned(),
            }
        });
    };
    let first = std::str::from_utf8(first).map_err(|error| JournalError::Foreign {
        path: path(),
        why: error.to_string(),
    })?;
    let any: AnyHeader = serde_json::from_str(first).map_err(|_| JournalError::Foreign {
        path: path(),
        why: "its first line is no journal header".to_owned(),
    })?;
    if any.journal != MAGIC {
        return Err(JournalError::Foreign {
            path: path(),
            why: format!("its first line calls itself `{}`", quotable(&any.journal)),
        });
    }
    if any.format > u64::from(FORMAT) {
        return Err(JournalError::Newer {
            path: path(),
            found: any.format,
            by: match any.by.trim() {
                "" => "a newer c8dr".to_owned(),
                by => quotable(by),
            },
        });
    }
    let damaged = |line: usize, why: String| JournalError::Damaged {
        path: path(),
        line,
        why,
    };
    let (object, sum) = unseal(first).ok_or_else(|| damaged(1, "its hash does not fit".to_owned()))?;
    let not_understood = |line: usize, why: String| JournalError::NotUnderstood {
        path: path(),
        line,
        why: quotable(&why),
    };
    let header: Header =
        serde_json::from_str(&object).map_err(|error| not_understood(1, error.to_string()))?;
    let mut tip = Tip { next_seq: 1, sum };
    let mut run: Option<Run> = None;
    let mut events = Vec::new();
    for (number, bytes) in rest.iter().enumerate().map(|(index, line)| (index + 2, line)) {
        let text = std::str::from_utf8(bytes).map_err(|error| damaged(number, error.to_string()))?;
        let (object, sum) =
            unseal(text).ok_or_else(|| damaged(number, "its hash does not fit".to_owned()))?;
        let line: Line =
            serde_json::from_str(&object).map_err(|error| not_understood(number, error.to_string()))?;
        if line.prev != tip.sum || line.seq != tip.next_seq {
            return Err(damaged(number, "it does not follow the line before".to_owned()));
        }
        let impossible = |source| JournalError::Impossible {
            path: path(),
            line: number,
            source,
        };
        match &mut run {
            None => run = Some(Run::begin(line.at, &line.event).map_err(impossible)?),
            Some(run) => run.apply(line.at, &line.event).map_err(impossible)?,
        }
        tip = Tip {
            next_seq: line.seq + 1,
            sum,
        };
        events.push((line.at, line.event));
    }
    let run = run.ok_or_else(|| JournalError::Empty { path: path() })?;
    // Both lines are sealed, so it is no damage: somebody put two journals together.
    if header.run != run.id.as_str() {
        return Err(JournalError::OtherRun {
            path: path(),
            found: quotable(&header.run),
        });
    }
    Ok(Recovered {
        run,
        events,
        whole_bytes: bytes.len() - torn.len(),
        torn,
        tip,
    })
}

/// Whether a line has zeros where text ought to be. Behind a line that is whole they are no loss but damage: its newline
/// was there once, so it was durable.
fn has_lost_sectors(line: &[u8]) -> bool {
    let written = line
        .iter()
        .position(|byte| *byte == 0)
        .map(|zeros| &line[..zeros]);
    written.is_some_and(|written| std::str::from_utf8(written).is_ok_and(|text| unseal(text).is_none()))
}

/// The lines that end in a newline, and what stands behind the last of them. An empty line is one, too: c8dr writes none,
/// so it is found like any other that does not fit its hash.
fn whole_lines(bytes: &[u8]) -> (Vec<&[u8]>, Vec<u8>) {
    let end = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1);
    let lines = bytes[..end]
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| &line[..line.len() - 1])
        .collect();
    (lines, bytes[end..].to_vec())
}
