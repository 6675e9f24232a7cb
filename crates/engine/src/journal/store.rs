//! Where runs are kept on this machine, and the lock that keeps two of them off one installation.
//!
//! `HOME/runs/ID/journal.jsonl` and `HOME/locks/INSTALLATION.lock`. The lock is the operating system's: it goes with the
//! process, so a killed c8dr leaves none behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use c8dr_domain::ids::RunId;

use super::file::{FileJournal, io};
use super::format::{JournalError, Recovered};

/// The runs of this machine.
#[derive(Clone, Debug)]
pub struct Store {
    home: PathBuf,
}

/// Why the lock of an installation was not given.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another c8dr on this machine is at it.
    #[error("another c8dr is working on installation `{installation}` ({holder})")]
    Held {
        /// The installation.
        installation: String,
        /// Who, as far as known.
        holder: String,
    },
    /// The lock file can't be used.
    #[error("cannot lock {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// The lock of an installation. Held as long as this lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// A run found in the store: read, or not to be read.
#[derive(Debug)]
pub struct Kept {
    /// Its id, the name of its directory.
    pub id: RunId,
    /// Its directory.
    pub directory: PathBuf,
    /// What its journal says.
    pub recovered: Result<Recovered, JournalError>,
}

impl Store {
    /// The store in a directory, which is made when first needed.
    pub fn at(home: impl Into<PathBuf>) -> Self {
        Store { home: home.into() }
    }

    /// Its directory.
    pub fn home(&self) -> &Path {
        &self.home
    }

    fn runs(&self) -> PathBuf {
        self.home.join("runs")
    }

    /// The directory of a run.
    pub fn directory(&self, run: &RunId) -> PathBuf {
        self.runs().join(run.as_str())
    }

    /// Begins a run's journal.
    ///
    /// # Errors
    /// If it can't be made durable.
    pub fn create(&self, run: &RunId) -> Result<FileJournal, JournalError> {
        self.prepare()?;
        FileJournal::create(&self.directory(run), run)
    }

    /// Takes over the journal of a run that was begun on another machine. One that lies here already is kept beside it.
    ///
    /// # Errors
    /// If the text is no journal of this run, or it can't be made durable.
    pub fn adopt(&self, run: &RunId, text: &[u8]) -> Result<(FileJournal, Recovered), JournalError> {
        self.prepare()?;
        FileJournal::adopt(&self.directory(run), text)
    }

    fn prepare(&self) -> Result<(), JournalError> {
        let runs = self.runs();
        std::fs::create_dir_all(&runs).map_err(io("create", &runs))
    }

    /// All runs, oldest first by their ids. Those that can't be read are told, not skipped, and so is what is no run; only
    /// hidden files are passed over, which desktops and editors leave anywhere.
    ///
    /// # Errors
    /// If the directory of runs exists and can't be listed.
    pub fn list(&self) -> Result<Vec<Kept>, JournalError> {
        let runs = self.runs();
        let entries = match std::fs::read_dir(&runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io("list", &runs)(error)),
        };
        let mut kept = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io("list", &runs))?;
            let directory = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            let recovered = match directory.is_dir() {
                true => FileJournal::read(&directory),
                false => Err(JournalError::Foreign {
                    path: directory.clone(),
                    why: "it is a file, and a run is a directory".to_owned(),
                }),
            };
            kept.push(Kept {
                id: RunId::new(name),
                directory,
                recovered,
            });
        }
        kept.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(kept)
    }

    /// Takes the lock of an installation; `holder` is what others are told who meet it.
    ///
    /// # Errors
    /// If another process holds it, or it can't be made.
    pub fn lock(&self, installation: &str, holder: &str) -> Result<Lock, LockError> {
        let locks = self.home.join("locks");
        let path = self.lock_path(installation);
        let io = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        std::fs::create_dir_all(&locks).map_err(io)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // What the holder wrote is a courtesy; the lock itself is what counts.
                let _ = file.read_to_string(&mut holder);
                // Between taking the lock and writing into it there is a moment in which nobody knows.
                let holder = match holder.trim() {
                    "" => "it has only just begun",
                    holder => holder,
                };
                return Err(LockError::Held {
                    installation: installation.to_owned(),
                    holder: holder.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(io)?;
        Ok(Lock { _file: file })
    }

    /// Who holds the lock of an installation now, in the holder's own words; `None` if nobody does, or it can't be told.
    ///
    /// To find that out the lock is taken for a moment, shared: not for loops, and not where nobody is expected.
    pub fn holder(&self, installation: &str) -> Option<String> {
        let mut file = File::open(self.lock_path(installation)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).ok()?;
                Some(holder.trim().to_owned())
            }
            _ => None,
        }
    }

    fn lock_path(&self, installation: &str) -> PathBuf {
        let name: String = installation
            .chars()
            .map(|c| match c.is_ascii_alphanumeric() || c == '-' {
                true => c,
                false => '_',
            })
            .collect();
        self.home.join("locks").join(format!("{name}.lock"))
    }
}
