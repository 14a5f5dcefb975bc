//! A lock for each entry, so that two builds that want it compile it once.
//!
//! The lock of `SHARED/PART/DIGEST` is the file `SHARED/PART/.DIGEST.lock`.
//! Beside the entry, so that whoever may build the entry may lock it: stores
//! are shared by users, and each may own some parts only. Hidden, so that
//! those who list `SHARED/*/*` (`slapos node prune`) do not see it.
//!
//! The system holds the lock for a process and releases it when that ends,
//! however it ends. The file is there only while somebody holds the lock or
//! was killed; it is removed by its holder, who still has the lock then.
//! Whoever gets a lock therefore checks that the file still has its name, and
//! else starts again.
//!
//! Builds by the Python recipes take no lock, and are not kept apart.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::exec::cancel::CancellationToken;

/// How often a waiting build looks whether the lock is free.
const PAUSE: Duration = Duration::from_millis(50);

/// More than the holder ever writes into the file.
const NOTE_LIMIT: u64 = 64;

/// A lock that could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The system refused it.
    #[error("failed to {verb} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The entry has no directory above it.
    #[error("`{}` is no place for a shared part", location.display())]
    NoParent {
        /// The entry.
        location: PathBuf,
    },
    /// The run was cancelled while it waited.
    #[error("cancelled while waiting for the shared part `{}`", location.display())]
    Cancelled {
        /// The entry.
        location: PathBuf,
    },
}

/// What came of trying to lock an entry.
#[derive(Debug)]
pub enum Attempt {
    /// It is locked for the caller.
    Locked(EntryLock),
    /// Another one has it: the process, if it said so.
    Held(Option<u32>),
}

/// The right to build or remove an entry; given up when dropped.
#[derive(Debug)]
pub struct EntryLock {
    path: PathBuf,
    /// Closing it releases the lock.
    _file: File,
}

impl EntryLock {
    /// Locks the entry at `location`, and waits for whoever has it; `waiting`
    /// is told once, with the process if that is known. Makes the directory
    /// that holds the entry.
    ///
    /// # Errors
    ///
    /// See [`LockError`].
    pub fn acquire(
        location: &Path,
        cancellation: &CancellationToken,
        waiting: impl FnOnce(Option<u32>),
    ) -> Result<Self, LockError> {
        let mut waiting = Some(waiting);
        loop {
            match Self::try_acquire(location)? {
                Attempt::Locked(lock) => return Ok(lock),
                Attempt::Held(holder) => {
                    if let Some(waiting) = waiting.take() {
                        waiting(holder);
                    }
                }
            }
            if cancellation.is_cancelled() {
                let location = location.to_owned();
                return Err(LockError::Cancelled { location });
            }
            thread::sleep(PAUSE);
        }
    }

    /// Locks the entry at `location` unless another one has it.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub fn try_acquire(location: &Path) -> Result<Attempt, LockError> {
        let path = lock_path(location)?;
        let failed = |verb, path: &Path| {
            let path = path.to_owned();
            move |source| LockError::Io { verb, path, source }
        };
        loop {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(failed("create directory", parent))?;
            }
            let mut file = match open_or_create(&path) {
                Ok(file) => file,
                // The directory was empty for a moment, and removed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed("open", &path)(error)),
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(Attempt::Held(holder(&mut file))),
                Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
            }
            if has_name(&file, &path) {
                // The note only serves messages: one that cannot be written is missed by nobody
                // else. A file that another user made can be locked and not written.
                let _ = note_holder(&mut file);
                return Ok(Attempt::Locked(EntryLock { path, _file: file }));
            }
        }
    }
}

impl Drop for EntryLock {
    fn drop(&mut self) {
        // One that stays does no harm: it is not locked.
        let _ = fs::remove_file(&self.path);
    }
}

/// Tells whether somebody is building or removing the entry at `location`;
/// changes nothing.
pub(super) fn is_locked(location: &Path) -> bool {
    let Ok(file) = lock_path(location).map(File::open) else {
        return false;
    };
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn lock_path(location: &Path) -> Result<PathBuf, LockError> {
    let (Some(_), Some(name)) = (location.parent(), location.file_name()) else {
        let location = location.to_owned();
        return Err(LockError::NoParent { location });
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".lock");
    Ok(location.with_file_name(hidden))
}

/// Opens a file for locking. Reading is enough for that, should the file be
/// another user's.
pub(super) fn open_or_create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            File::open(path).map_err(|second| match second.kind() {
                io::ErrorKind::NotFound => error,
                _ => second,
            })
        }
        result => result,
    }
}

/// Tells whether the open file is the one that has the name `path` now.
pub(super) fn has_name(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let named = fs::metadata(path).map(identity);
    let opened = file.metadata().map(identity);
    matches!((named, opened), (Ok(named), Ok(opened)) if named == opened)
}

fn note_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut note = String::new();
    file.rewind().ok()?;
    file.take(NOTE_LIMIT).read_to_string(&mut note).ok()?;
    note.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn locked(location: &Path) -> Option<EntryLock> {
        match EntryLock::try_acquire(location).expect("it can be tried") {
            Attempt::Locked(lock) => Some(lock),
            Attempt::Held(holder) => {
                assert_eq!(holder, Some(std::process::id()));
                None
            }
        }
    }

    #[test]
    fn a_lock_is_had_once_and_leaves_nothing() {
        let store = tempfile::tempdir().expect("a directory can be made");
        let location = store.path().join("part/0123");
        let lock = locked(&location).expect("it is free");
        assert!(store.path().join("part/.0123.lock").exists());
        assert!(is_locked(&location));
        assert!(locked(&location).is_none());
        drop(lock);
        assert!(!is_locked(&location));
        let left = fs::read_dir(store.path().join("part")).expect("it was made");
        assert_eq!(left.count(), 0);
        // What a killed process left is no obstacle.
        fs::write(store.path().join("part/.0123.lock"), "1\n").expect("it can be written");
        assert!(!is_locked(&location));
        assert!(locked(&location).is_some());
    }

    #[test]
    fn waiting_ends_when_the_run_is_cancelled() {
        let store = tempfile::tempdir().expect("a directory can be made");
        let location = store.path().join("part/0123");
        let _lock = locked(&location).expect("it is free");
        let token = CancellationToken::new();
        let mut told = Vec::new();
        let result = EntryLock::acquire(&location, &token, |holder| {
            told.push(holder);
            token.cancel();
        });
        assert!(
            matches!(result, Err(LockError::Cancelled { .. })),
            "{result:?}"
        );
        assert_eq!(told, [Some(std::process::id())]);
    }

    #[test]
    fn many_take_turns_although_each_removes_the_file() {
        let store = tempfile::tempdir().expect("a directory can be made");
        let location = store.path().join("part/0123");
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        let token = CancellationToken::new();
                        let lock = EntryLock::acquire(&location, &token, |_| {});
                        let lock = lock.expect("its turn comes");
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                        // The directory may vanish at any time that it is empty.
                        let _ = fs::remove_dir(store.path().join("part"));
                    }
                });
            }
        });
    }
}
