//! A journal in memory that outlives its process, which can die right after a record is durable.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use c8dr_domain::run::{Event, IllegalTransition, Run};
use c8dr_engine::journal::format::{Recovered, Tip, header, line};
use c8dr_engine::journal::{Journal, JournalError};
use jiff::Timestamp;

use crate::fault::Chapter;
use crate::plot::Plot;

/// The records of a run. Clones share them; they outlive every process that writes them.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    events: Vec<(Timestamp, Event)>,
    text: Vec<u8>,
    tip: Option<Tip>,
}

impl Kept {
    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run that the records make; none before the first.
    ///
    /// # Errors
    /// If they cannot follow one another: what was written is no run.
    pub(crate) fn run(&self) -> Result<Option<Run>, IllegalTransition> {
        let records = self.records();
        let Some(((at, first), rest)) = records.events.split_first() else {
            return Ok(None);
        };
        let mut run = Run::begin(*at, first)?;
        for (at, event) in rest {
            run.apply(*at, event)?;
        }
        Ok(Some(run))
    }
}

impl Kept {
    /// A run as it lies outside this machine.
    pub(crate) fn taken_over(text: Vec<u8>, recovered: Recovered) -> Kept {
        Kept(Arc::new(Mutex::new(Records {
            events: recovered.events,
            text,
            tip: Some(recovered.tip),
        })))
    }
}

/// The journal in the hands of one process.
pub(crate) struct MemoryJournal {
    kept: Kept,
    plot: Plot,
    chapter: Chapter,
    /// What is shared with other machines; empty where nothing is.
    text: Vec<u8>,
    has_text: bool,
}

impl MemoryJournal {
    /// Opens what is kept. Its text is only made where somebody outside this machine is to have it.
    pub(crate) fn open(kept: &Kept, plot: Plot, chapter: Chapter, has_text: bool) -> MemoryJournal {
        MemoryJournal {
            text: kept.records().text.clone(),
            kept: kept.clone(),
            plot,
            chapter,
            has_text,
        }
    }

    fn write(&self, at: Timestamp, event: &Event) -> Result<Vec<u8>, JournalError> {
        let mut records = self.kept.records();
        let mut written = Vec::new();
        let tip = match (records.tip.clone(), event) {
            (Some(tip), _) => tip,
            (None, Event::Planned { run, .. }) => {
                let (first, tip) = header(run.as_str(), "storm")?;
                written.extend_from_slice(first.as_bytes());
                tip
            }
            (None, _) => return Err(died()),
        };
        let (text, tip) = line(&tip, at, event)?;
        written.extend_from_slice(text.as_bytes());
        records.text.extend_from_slice(&written);
        records.tip = Some(tip);
        Ok(written)
    }
}

/// How a journal ends whose process was killed.
fn died() -> JournalError {
    JournalError::Empty {
        path: "killed".into(),
    }
}

impl Journal for MemoryJournal {
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), JournalError> {
        if self.has_text {
            let written = self.write(at, event)?;
            self.text.extend_from_slice(&written);
        }
        let number = {
            let mut records = self.kept.records();
            records.events.push((at, event.clone()));
            records.events.len()
        };
        match self.plot.recorded(self.chapter, number, event) {
            true => Err(died()),
            false => Ok(()),
        }
    }

    fn text(&self) -> &[u8] {
        &self.text
    }
}
