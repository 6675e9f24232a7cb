//! An object store for what must outlive this machine: S3 and what speaks like it, a folder, or memory.
//!
//! Guarantees G1 and G7 rest on [`Bucket::put_new`]: of any number that put one key at once, one succeeds. S3 keeps that
//! by `If-None-Match: *`, a folder by a hard link. A store that ignores the first breaks it without a word, so it must be
//! tried before it is trusted.

mod carrier;
mod place;
mod s3;
mod verdict;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::observation::{Sight, Silence};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Bucket, PutNew, is_probe};
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};

pub use self::place::{BadPlace, Place};
pub use self::s3::{BucketSetupError, Credentials, Limits, S3};
use self::verdict::{is_absent, not_put, unread};

/// The longest object that is taken. Records have some kilobytes; plans of the largest cluster have some hundred.
const OBJECT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The most keys that are listed. A run leaves some ten objects behind.
const KEYS_MAX: usize = 100_000;

/// How long a call to a folder or to memory may take: a network file system whose server is gone hangs for minutes.
const LIMIT: Duration = Duration::from_secs(10);

/// An object store. See [`Bucket`] for what each call means.
pub struct Store {
    /// Where it is, for people.
    told: String,
    /// Before each key, without a slash at its end; empty if the keys are whole.
    prefix: String,
    /// The folder that must be there, where it is a folder.
    folder: Option<PathBuf>,
    objects: Arc<dyn ObjectStore>,
    clock: Clock,
    /// For one object, and for a list.
    limits: (Duration, Duration),
}

impl Store {
    /// A store in memory, which ends with this value: for tests and drills.
    pub fn memory(clock: Clock) -> Self {
        Store {
            told: Place::Memory.to_string(),
            prefix: String::new(),
            folder: None,
            objects: Arc::new(InMemory::new()),
            clock,
            limits: (LIMIT, LIMIT),
        }
    }

    /// A store in a folder, which must be there: a folder that is made on the way may lie under a mount that is missing.
    /// What is written is on the disk when it is said to be.
    ///
    /// # Errors
    /// If there is no such folder.
    pub fn folder(folder: impl Into<PathBuf>, clock: Clock) -> Result<Self, BucketSetupError> {
        let folder = folder.into();
        let objects = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|error| BucketSetupError::unusable(&error))?
            .with_fsync(true);
        Ok(Store {
            told: Place::Folder(folder.clone()).to_string(),
            prefix: String::new(),
            folder: Some(folder),
            objects: Arc::new(objects),
            clock,
            limits: (LIMIT, LIMIT),
        })
    }

    fn path(&self, key: &str) -> Result<Path, String> {
        let whole = match self.prefix.as_str() {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        };
        match (key, as_path(&whole)) {
            ("", _) | (_, None) => Err(format!("{key:?} is not the key of one object")),
            (_, Some(path)) => Ok(path),
        }
    }

    /// What is wrong with the folder. An unmounted disk must not look like an empty one.
    async fn no_folder(&self) -> Option<String> {
        let folder = self.folder.clone()?;
        let looked = tokio::task::spawn_blocking(move || match std::fs::metadata(&folder) {
            Ok(seen) if seen.is_dir() => None,
            Ok(_) => Some(format!("{} is no folder", folder.display())),
            Err(error) => Some(format!("the folder {} cannot be used: {error}", folder.display())),
        });
        looked
            .await
            .unwrap_or_else(|error| Some(format!("the folder could not be looked at: {error}")))
    }

    async fn put(&self, key: &str, bytes: Vec<u8>) -> PutNew {
        let path = match self.path(key) {
            Ok(path) => path,
            Err(why) => return PutNew::Refused { why },
        };
        let put = async {
            if let Some(why) = self.no_folder().await {
                return PutNew::Refused { why };
            }
            let options = PutOptions::from(PutMode::Create);
            match self.objects.put_opts(&path, bytes.into(), options).await {
                Ok(_) => PutNew::Written,
                Err(error) => self.refused_if_absent(&path, not_put(&error)).await,
            }
        };
        match self.clock.timeout(self.limits.0, put).await {
            Ok(put) => put,
            Err(elapsed) => PutNew::Unknown {
                detail: elapsed.to_string(),
            },
        }
    }

    /// In a folder nothing is under way once the call has ended with an error: what is not there will not come.
    async fn refused_if_absent(&self, path: &Path, put: PutNew) -> PutNew {
        match put {
            PutNew::Unknown { detail } if self.folder.is_some() => match self.objects.head(path).await {
                Err(error) if is_absent(&error) => PutNew::Refused { why: detail },
                _ => PutNew::Unknown { detail },
            },
            put => put,
        }
    }

    async fn read(&self, key: &str) -> Sight<Option<Vec<u8>>> {
        let path = match self.path(key) {
            Ok(path) => path,
            Err(why) => return wrong(why),
        };
        let read = async {
            if let Some(why) = self.no_folder().await {
                return wrong(why);
            }
            let found = match self.objects.get(&path).await {
                Ok(found) => found,
                Err(error) if is_absent(&error) => return Sight::Seen(None),
                Err(error) => return unread(&error),
            };
            if found.meta.e_tag.is_none() {
                return Sight::Garbled {
                    problem: "the answer has no ETag: a proxy or a login page answered, not the bucket"
                        .to_owned(),
                };
            }
            if found.meta.size > OBJECT_BYTES_MAX {
                return Sight::Garbled {
                    problem: format!("the object has {} bytes: it is none of ours", found.meta.size),
                };
            }
            match found.bytes().await {
                Ok(bytes) => Sight::Seen(Some(bytes.into())),
                Err(error) => unread(&error),
            }
        };
        self.in_time(self.limits.0, read).await
    }

    async fn keys(&self, prefix: &str) -> Sight<Vec<String>> {
        let whole = match self.prefix.as_str() {
            "" => prefix.to_owned(),
            own => format!("{own}/{prefix}"),
        };
        // The library knows only whole segments of a path.
        let segments = whole.rsplit_once('/').map_or("", |(segments, _)| segments);
        let Some(segments) = as_path(segments) else {
            return wrong(format!("{prefix:?} is not how keys begin"));
        };
        let listed = async {
            if let Some(why) = self.no_folder().await {
                return wrong(why);
            }
            let mut objects = self.objects.list(Some(&segments));
            let mut keys = Vec::new();
            loop {
                match objects.try_next().await {
                    Ok(Some(object)) => {
                        let key = object.location.as_ref();
                        if key.starts_with(&whole) {
                            keys.push(key[whole.len() - prefix.len()..].to_owned());
                        }
                    }
                    Ok(None) => break,
                    Err(error) => return unread(&error),
                }
                if keys.len() > KEYS_MAX {
                    return Sight::Garbled {
                        problem: format!("there are more than {KEYS_MAX} objects"),
                    };
                }
            }
            keys.sort_unstable();
            Sight::Seen(keys)
        };
        self.in_time(self.limits.1, listed).await
    }

    /// Deletes what a probe has put; the only thing that is ever deleted.
    async fn remove(&self, key: &str) -> Result<(), String> {
        if !is_probe(key) {
            return Err(format!("{key:?} is no probe's"));
        }
        let path = self.path(key)?;
        match self
            .clock
            .timeout(self.limits.0, self.objects.delete(&path))
            .await
        {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if is_absent(&error) => Ok(()),
            Ok(Err(error)) => Err(unread::<()>(&error).instead().unwrap_or_default()),
            Err(elapsed) => Err(elapsed.to_string()),
        }
    }

    async fn in_time<T>(&self, limit: Duration, work: impl Future<Output = Sight<T>>) -> Sight<T> {
        match self.clock.timeout(limit, work).await {
            Ok(seen) => seen,
            Err(elapsed) => Sight::Silent {
                why: Silence::NoAnswer,
                detail: elapsed.to_string(),
            },
        }
    }
}

impl Bucket for Store {
    fn place(&self) -> String {
        self.told.clone()
    }

    fn put_new<'a>(&'a self, key: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, PutNew> {
        Box::pin(self.put(key, bytes))
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Sight<Option<Vec<u8>>>> {
        Box::pin(self.read(key))
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Sight<Vec<String>>> {
        Box::pin(self.keys(prefix))
    }

    fn remove_probe<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(self.remove(key))
    }
}

impl fmt::Debug for Store {
    // The library's own would show more than where it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("place", &self.told)
            .finish_non_exhaustive()
    }
}

/// A key, or the beginning of keys up to a slash, as the library takes it; `None` if it could become another one on the
/// way: by a slash that is taken away, or a character that is written otherwise somewhere.
fn as_path(text: &str) -> Option<Path> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.=@:+,~ /".contains(c);
    let path = Path::parse(text).ok()?;
    (text.chars().all(is_plain) && path.as_ref() == text).then_some(path)
}

/// 412: our own condition is not met, so nothing was asked.
fn wrong<T>(words: String) -> Sight<T> {
    Sight::Declined {
        status: 412,
        message: words,
    }
}
