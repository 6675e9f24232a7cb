//! A journal in memory, byte by byte as on a disk, whose process can die at a record.

use std::sync::{Arc, Mutex};

use c8dr_domain::run::{Event, Run};
use c8dr_engine::journal::format::{Tip, header, line};
use c8dr_engine::journal::{Journal, JournalError};
use jiff::Timestamp;

/// The records, which outlive the process.
pub(crate) type Kept = Arc<Mutex<Vec<(Timestamp, Event)>>>;

/// A journal in memory that can die at a record, as a process does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mortal {
    pub(crate) kept: Kept,
    /// Dies when this many records are durable: nothing happens after it.
    dies_after: Option<usize>,
    /// Dies when it would write this record: what came before it has happened.
    dies_before: Option<usize>,
    text: Vec<u8>,
    tip: Option<Tip>,
}

impl Mortal {
    /// Dies when this many records are durable: nothing happens after it.
    pub(crate) fn dying_after(records: usize) -> Mortal {
        Mortal {
            dies_after: Some(records),
            ..Mortal::default()
        }
    }

    /// Dies when it would write this record: what came before it has happened.
    pub(crate) fn dying_before(record: usize) -> Mortal {
        Mortal {
            dies_before: Some(record),
            ..Mortal::default()
        }
    }

    /// The same journal in the hands of the next process.
    pub(crate) fn reopened(kept: &Kept) -> Mortal {
        let mut next = Mortal {
            kept: kept.clone(),
            ..Mortal::default()
        };
        for (at, event) in kept.lock().unwrap().iter() {
            next.write(*at, event).unwrap();
        }
        next
    }

    fn write(&mut self, at: Timestamp, event: &Event) -> Result<(), JournalError> {
        let tip = match (&self.tip, event) {
            (Some(tip), _) => tip.clone(),
            (None, Event::Planned { run, .. }) => {
                let (first, tip) = header(run.as_str(), "test")?;
                self.text.extend_from_slice(first.as_bytes());
                tip
            }
            (None, _) => return Err(died()),
        };
        let (text, tip) = line(&tip, at, event)?;
        self.text.extend_from_slice(text.as_bytes());
        self.tip = Some(tip);
        Ok(())
    }
}

fn died() -> JournalError {
    JournalError::Empty { path: "died".into() }
}

/// The run that records make.
pub(crate) fn run_of(kept: &[(Timestamp, Event)]) -> Run {
    let (first, rest) = kept.split_first().unwrap();
    let mut run = Run::begin(first.0, &first.1).unwrap();
    for (at, event) in rest {
        run.apply(*at, event).unwrap();
    }
    run
}

impl Journal for Mortal {
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), JournalError> {
        let number = self.kept.lock().unwrap().len() + 1;
        if self.dies_before.is_some_and(|before| number >= before) {
            return Err(died());
        }
        self.write(at, event)?;
        self.kept.lock().unwrap().push((at, event.clone()));
        match self.dies_after == Some(number) {
            true => Err(died()),
            false => Ok(()),
        }
    }

    fn text(&self) -> &[u8] {
        &self.text
    }
}
