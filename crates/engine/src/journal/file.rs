//! A journal in a file: appended, synced, reopened after a crash.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use c8dr_domain::ids::RunId;
use c8dr_domain::run::Event;
use jiff::Timestamp;

use super::Journal;
use super::format::{self, JournalError, Recovered, Tip};

/// The journal of one run on disk. Whoever holds it holds the installation's lock, so there is one writer.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    file: File,
    tip: Tip,
    /// What the file holds.
    text: Vec<u8>,
    /// A write failed. What is on disk then is not known, and a line behind it could not be told from damage.
    broken: bool,
}

/// The file's name in a run's directory.
pub const FILE_NAME: &str = "journal.jsonl";

impl FileJournal {
    /// Begins the journal of a new run in its own directory, which must not exist.
    ///
    /// # Errors
    /// If the directory or file cannot be made durable.
    pub fn create(directory: &Path, run: &RunId) -> Result<Self, JournalError> {
        let (line, tip) = format::header(run.as_str(), concat!("c8dr ", env!("CARGO_PKG_VERSION")))?;
        let text = line.into_bytes();
        let (path, file) = begin(directory, &text)?;
        Ok(FileJournal {
            path,
            file,
            tip,
            text,
            broken: false,
        })
    }

    /// Reads the journal in a run's directory without touching it.
    ///
    /// # Errors
    /// If it can't be read or trusted.
    pub fn read(directory: &Path) -> Result<Recovered, JournalError> {
        Self::read_with_text(directory).map(|(recovered, _)| recovered)
    }

    fn read_with_text(directory: &Path) -> Result<(Recovered, Vec<u8>), JournalError> {
        let path = directory.join(FILE_NAME);
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(io("read", &path))?;
        let recovered = format::recover(&path, &bytes)?;
        Ok((recovered, bytes))
    }

    /// Begins a journal in its own directory, which must not exist, with what another machine has written of the run.
    ///
    /// # Errors
    /// If the text is no journal, or cannot be made durable.
    pub fn adopt(directory: &Path, text: &[u8]) -> Result<(Self, Recovered), JournalError> {
        // Nothing is written before it is known to be a journal.
        format::recover(&directory.join(FILE_NAME), text)?;
        begin(directory, text)?;
        Self::reopen(directory)
    }

    /// Puts what another machine has written of the run in the place of what lies here, which is kept beside it: the run
    /// went on there, and what only this machine has of it was never acted upon.
    ///
    /// # Errors
    /// If the text is no journal, or cannot be made durable.
    pub fn supersede(directory: &Path, text: &[u8]) -> Result<(Self, Recovered), JournalError> {
        let path = directory.join(FILE_NAME);
        let there = format::recover(&path, text)?;
        let aside = directory.join(format!("superseded-at-{}.jsonl", there.tip.next_seq));
        let new = directory.join("journal.new");
        std::fs::write(&new, text).map_err(io("write", &new))?;
        File::open(&new)
            .and_then(|file| file.sync_all())
            .map_err(io("sync", &new))?;
        // In this order there is a whole journal at every moment.
        std::fs::copy(&path, &aside).map_err(io("write", &aside))?;
        std::fs::rename(&new, &path).map_err(io("replace", &path))?;
        sync_directory(directory)?;
        Self::reopen(directory)
    }

    /// Opens the journal in a run's directory to go on with it. A torn tail is set aside in a file beside it, then cut.
    ///
    /// # Errors
    /// If it can't be read, trusted or written.
    pub fn reopen(directory: &Path) -> Result<(Self, Recovered), JournalError> {
        let (recovered, mut text) = Self::read_with_text(directory)?;
        text.truncate(recovered.whole_bytes);
        let path = directory.join(FILE_NAME);
        if !recovered.torn.is_empty() {
            let aside = directory.join(format!("torn-at-{}.bin", recovered.whole_bytes));
            std::fs::write(&aside, &recovered.torn).map_err(io("write", &aside))?;
        }
        let file = OpenOptions::new()
            .append(true)
            .open(&path)
            .map_err(io("open", &path))?;
        file.set_len(recovered.whole_bytes as u64)
            .map_err(io("cut", &path))?;
        file.sync_all().map_err(io("sync", &path))?;
        let tip = recovered.tip.clone();
        let journal = FileJournal {
            path,
            file,
            tip,
            text,
            broken: false,
        };
        Ok((journal, recovered))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A failure of the file system, told with what was tried on what.
fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { doing, path, source }
}

/// The names in a directory must be as durable as the bytes, or a crash of the machine leaves a run that nobody finds.
fn sync_directory(directory: &Path) -> Result<(), JournalError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io("sync", directory))
}

/// Makes a run's directory, which must not exist, with a journal in it that begins with `text`.
fn begin(directory: &Path, text: &[u8]) -> Result<(PathBuf, File), JournalError> {
    std::fs::create_dir(directory).map_err(io("create", directory))?;
    let path = directory.join(FILE_NAME);
    let mut file = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(&path)
        .map_err(io("create", &path))?;
    file.write_all(text).map_err(io("write", &path))?;
    file.sync_all().map_err(io("sync", &path))?;
    for directory in [Some(directory), directory.parent()].into_iter().flatten() {
        sync_directory(directory)?;
    }
    Ok((path, file))
}

impl Journal for FileJournal {
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), JournalError> {
        if self.broken {
            let earlier = std::io::Error::other("an earlier write to it failed; open it anew");
            return Err(io("write", &self.path)(earlier));
        }
        let (line, tip) = format::line(&self.tip, at, event)?;
        self.broken = true;
        self.file
            .write_all(line.as_bytes())
            .map_err(io("write", &self.path))?;
        self.file.sync_data().map_err(io("sync", &self.path))?;
        self.broken = false;
        self.tip = tip;
        self.text.extend_from_slice(line.as_bytes());
        Ok(())
    }

    fn text(&self) -> &[u8] {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A journal whose next write goes to `file`.
    #[track_caller]
    fn check(file: File, cause: &str) {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("a-run");
        let mut journal = FileJournal::create(&directory, &RunId::new("a-run")).unwrap();
        let whole = std::fs::read(journal.path()).unwrap();
        let right = std::mem::replace(&mut journal.file, file);
        let event = Event::Resumed {
            by: "somebody".to_owned(),
        };
        let refused = |journal: &mut FileJournal| {
            let error = journal.append(Timestamp::UNIX_EPOCH, &event).unwrap_err();
            std::error::Error::source(&error).unwrap().to_string()
        };
        assert_eq!(refused(&mut journal), cause);
        // Room again: but what the failed write has left behind is not known, so nothing is put behind it.
        journal.file = right;
        assert_eq!(
            refused(&mut journal),
            "an earlier write to it failed; open it anew"
        );
        assert_eq!(std::fs::read(journal.path()).unwrap(), whole);
        // Opened anew it is read, and goes on; here with nothing but a header in it.
        assert!(matches!(
            FileJournal::reopen(&directory),
            Err(JournalError::Empty { .. })
        ));
    }

    #[test]
    fn a_journal_on_a_full_disk_takes_nothing_any_more() {
        // The device that is always full exists on Linux only.
        if let Ok(full) = OpenOptions::new().write(true).open("/dev/full") {
            check(full, "No space left on device (os error 28)");
        }
    }

    #[test]
    fn a_journal_that_may_not_be_written_takes_nothing_any_more() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("read-only");
        std::fs::write(&path, "").unwrap();
        check(File::open(path).unwrap(), "Bad file descriptor (os error 9)");
    }
}
