//! How a line is torn, and who dies of it.

mod opening;
mod resuming;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use c8dr_domain::ids::RunId;
use c8dr_domain::run::Event;
use c8dr_engine::journal::format::{Tip, line};
use c8dr_engine::journal::{FileJournal, Journal, JournalError};
use jiff::Timestamp;
use tempfile::TempDir;

/// What ext4 gives to a file at a time.
const PAGE_BYTES: usize = 4096;

/// What is on the disk of the line that was being written when the machine stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tear {
    /// Nothing of it.
    Nothing,
    /// Its first byte.
    FirstByte,
    /// The half of it.
    Half,
    /// All of it but its newline.
    AllButTheEnd,
    /// All of it: only who wrote it never learned that.
    Whole,
    /// The half of it, and zeros up to the end of the page.
    ZerosBehindHalf,
    /// Its length and its end, with zeros in the middle.
    ZerosInside,
    /// Zeros for all of it: the length was written before the data.
    OnlyZeros,
}

impl Tear {
    pub(crate) const ALL: [Tear; 8] = [
        Tear::Nothing,
        Tear::FirstByte,
        Tear::Half,
        Tear::AllButTheEnd,
        Tear::Whole,
        Tear::ZerosBehindHalf,
        Tear::ZerosInside,
        Tear::OnlyZeros,
    ];

    /// What is left of a line that begins at `place` of its file.
    pub(crate) fn of(self, line: &[u8], place: usize) -> Vec<u8> {
        let half = line.len() / 2;
        match self {
            Tear::Nothing => Vec::new(),
            Tear::FirstByte => line[..1].to_vec(),
            Tear::Half => line[..half].to_vec(),
            Tear::AllButTheEnd => line[..line.len() - 1].to_vec(),
            Tear::Whole => line.to_vec(),
            Tear::ZerosBehindHalf => {
                let end = (place + half).next_multiple_of(PAGE_BYTES);
                let mut left = line[..half].to_vec();
                left.resize(end - place, 0);
                left
            }
            Tear::ZerosInside => {
                let mut left = line.to_vec();
                left[half / 2..half].fill(0);
                left
            }
            Tear::OnlyZeros => vec![0; line.len()],
        }
    }

    /// Whether the line can be read again.
    pub(crate) fn is_whole(self) -> bool {
        self == Tear::Whole
    }
}

/// A place for journals. Thousands of lines are synced: in memory, where the system has such a place, that takes no time.
pub(crate) fn home() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

/// A journal in a file whose process dies while it writes one record of it.
#[derive(Debug)]
pub(crate) struct Tearing {
    file: FileJournal,
    path: PathBuf,
    /// Which record, counted from 1, and how.
    tear: (usize, Tear),
    written: usize,
}

impl Tearing {
    pub(crate) fn create(directory: &Path, run: &RunId, record: usize, tear: Tear) -> Tearing {
        let file = FileJournal::create(directory, run).unwrap();
        Tearing {
            path: file.path().to_owned(),
            file,
            tear: (record, tear),
            written: 0,
        }
    }
}

/// The end of a journal in which there are so many lines, by the seal of the last of them.
pub(crate) fn tip(text: &[u8], lines: usize) -> Tip {
    let text = std::str::from_utf8(text).unwrap();
    let (_, sum) = text.rsplit_once("\"sum\":\"").unwrap();
    Tip {
        next_seq: lines as u64,
        sum: sum.trim_end_matches("\"}\n").to_owned(),
    }
}

impl Journal for Tearing {
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), JournalError> {
        self.written += 1;
        let (record, tear) = self.tear;
        if self.written < record {
            return self.file.append(at, event);
        }
        if self.written == record {
            let text = self.file.text();
            let (line, _) = line(&tip(text, record), at, event)?;
            let left = tear.of(line.as_bytes(), text.len());
            let mut file = OpenOptions::new().append(true).open(&self.path).unwrap();
            file.write_all(&left).unwrap();
        }
        Err(JournalError::Empty { path: "died".into() })
    }

    fn text(&self) -> &[u8] {
        self.file.text()
    }
}
