//! A journal in a file: appended, synced, reopened after a crash.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Write};
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
    /// If it can't be read or trusted, or is that of another run than the directory's.
    pub fn read(directory: &Path) -> Result<Recovered, JournalError> {
        Self::read_with_text(directory).map(|(recovered, _)| recovered)
    }

    fn read_with_text(directory: &Path) -> Result<(Recovered, Vec<u8>), JournalError> {
        let path = directory.join(FILE_NAME);
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => JournalError::Missing {
                    directory: directory.to_owned(),
                },
                _ => io("read", &path)(error),
            })?;
        let recovered = recover_of(directory, &path, &bytes)?;
        Ok((recovered, bytes))
    }

    /// Takes what another machine has written of a run for the journal of its directory, which is made if need be. A journal
    /// that lies there already is kept beside it: the run went on elsewhere, and what only this machine has of it was never
    /// acted upon, or cannot be read.
    ///
    /// May be repeated after a crash at any point of it: there is the old journal, or none, or the new one, and never a part.
    ///
    /// # Errors
    /// If the text is no journal of this run, or cannot be made durable.
    pub fn adopt(directory: &Path, text: &[u8]) -> Result<(Self, Recovered), JournalError> {
        // Nothing is written before it is known to be a journal.
        let path = directory.join(FILE_NAME);
        let there = recover_of(directory, &path, text)?;
        std::fs::create_dir_all(directory).map_err(io("create", directory))?;
        let new = directory.join("journal.new");
        let written = File::create(&new).and_then(|mut file| {
            file.write_all(text)?;
            file.sync_all()
        });
        written.map_err(io("write", &new))?;
        match std::fs::read(&path) {
            Ok(here) if here == text => {}
            Ok(here) => keep_aside(
                directory,
                &format!("superseded-at-{}", there.tip.next_seq),
                "jsonl",
                &here,
            )?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(io("read", &path)(error)),
        }
        std::fs::rename(&new, &path).map_err(io("replace", &path))?;
        for directory in [Some(directory), directory.parent()].into_iter().flatten() {
            sync_directory(directory)?;
        }
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
            let stem = format!("torn-at-{}", recovered.whole_bytes);
            keep_aside(directory, &stem, "bin", &recovered.torn)?;
            sync_directory(directory)?;
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

    /// Whether the file that was written into is still the one that has its name, and holds nothing but what is ours. A file
    /// that was removed takes every line without complaint, and nobody would ever read one.
    fn check_in_place(&self) -> Result<(), JournalError> {
        let gone = || JournalError::Gone {
            path: self.path.clone(),
        };
        let ours = self.file.metadata().map_err(io("look at", &self.path))?;
        let named = std::fs::metadata(&self.path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => gone(),
            _ => io("look at", &self.path)(error),
        })?;
        if !is_the_same(&ours, &named) {
            return Err(gone());
        }
        if ours.len() != self.text.len() as u64 {
            return Err(JournalError::Meddled {
                path: self.path.clone(),
            });
        }
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A failure of the file system, told with what was tried on what. That there is no room is a failure of its own: it passes.
pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            JournalError::Full { doing, path, source }
        }
        _ => JournalError::Io { doing, path, source },
    }
}

/// Reads a journal's bytes as those of the run whose directory it is.
fn recover_of(directory: &Path, path: &Path, bytes: &[u8]) -> Result<Recovered, JournalError> {
    let recovered = format::recover(path, bytes)?;
    let found = recovered.run.id.as_str();
    match directory.file_name() {
        Some(name) if name == found => Ok(recovered),
        _ => Err(JournalError::OtherRun {
            path: path.to_owned(),
            found: format::quotable(found),
        }),
    }
}

/// Keeps bytes in a file of their own beside the journal, and never over others: a name that is taken gets a number. What is
/// a part of them is what a crash left of this very deed, and is completed.
fn keep_aside(directory: &Path, stem: &str, end: &str, bytes: &[u8]) -> Result<(), JournalError> {
    let names = std::iter::once(format!("{stem}.{end}"))
        .chain((2..u32::MAX).map(|number| format!("{stem}-{number}.{end}")));
    for path in names.map(|name| directory.join(name)) {
        match std::fs::read(&path) {
            Ok(there) if !bytes.starts_with(&there) => continue,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // Something that is no file has the name.
            Err(_) => continue,
        }
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        return written.map_err(io("write", &path));
    }
    Ok(())
}

#[cfg(unix)]
fn is_the_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere an open file cannot be removed or replaced.
#[cfg(not(unix))]
fn is_the_same(_: &Metadata, _: &Metadata) -> bool {
    true
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
        self.text.extend_from_slice(line.as_bytes());
        // Looked at behind the write: what counts is that the line is found by whoever reads the journal next.
        self.check_in_place()?;
        self.broken = false;
        self.tip = tip;
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
        let room = io("write", Path::new("journal.jsonl"));
        let full = room(std::io::Error::from(ErrorKind::StorageFull));
        assert!(matches!(full, JournalError::Full { .. }));
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
