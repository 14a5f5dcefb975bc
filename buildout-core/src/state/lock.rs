//! One run at a time in a buildout directory.
//!
//! The lock is that of the operating system on an open file, so that it ends
//! with the process that holds it, however that ends. The file stays; it holds
//! the number of the process that locked it last, for those who wait.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::OWN_DIRECTORY;
use crate::exec::cancel::CancellationToken;

/// The file in [`OWN_DIRECTORY`] that is locked.
const FILE_NAME: &str = "lock";

/// How often a lock that is held is tried again: the system has no waiting
/// that a cancellation could end.
const PAUSE: Duration = Duration::from_millis(50);

/// What a run does if another one is at work in its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenLocked {
    /// It waits.
    Wait,
    /// It fails.
    Fail,
}

/// The lock of a directory; dropping it lets the next one in.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

/// A directory that could not be locked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another run is at work there.
    #[error("another run is at work in `{}`{}", directory.display(), holder_text(*holder))]
    Held {
        /// The buildout directory.
        directory: PathBuf,
        /// The number of its process, if it could be read.
        holder: Option<u32>,
    },
    /// The wait for another run was cancelled.
    #[error("the wait for another run in `{}` was cancelled", directory.display())]
    Cancelled {
        /// The buildout directory.
        directory: PathBuf,
    },
    /// The file cannot be made or locked.
    #[error("failed to lock `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

fn holder_text(holder: Option<u32>) -> String {
    holder.map_or_else(String::new, |process| format!(": process {process}"))
}

impl RunLock {
    /// Locks a buildout directory, which must exist. If another run holds the
    /// lock, `waiting` is told its process, once, before this one waits.
    ///
    /// # Errors
    ///
    /// See [`LockError`].
    pub fn acquire(
        directory: &Path,
        when_locked: WhenLocked,
        cancellation: &CancellationToken,
        waiting: impl FnOnce(Option<u32>),
    ) -> Result<Self, LockError> {
        let own = directory.join(OWN_DIRECTORY);
        let path = own.join(FILE_NAME);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| LockError::Io { path, source }
        };
        match fs::create_dir(&own) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(&own)(error));
            }
            _ => {}
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed(&path))?;
        let mut waiting = Some(waiting);
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(failed(&path)(error)),
                Err(TryLockError::WouldBlock) => {}
            }
            let directory = || directory.to_owned();
            if when_locked == WhenLocked::Fail {
                return Err(LockError::Held {
                    directory: directory(),
                    holder: read_holder(&mut file),
                });
            }
            if let Some(waiting) = waiting.take() {
                waiting(read_holder(&mut file));
            }
            if cancellation.is_cancelled() {
                return Err(LockError::Cancelled {
                    directory: directory(),
                });
            }
            std::thread::sleep(PAUSE);
        }
        write_holder(&mut file).map_err(failed(&path))?;
        Ok(RunLock { _file: file })
    }

    /// Returns the process that is at work in `directory`, if one is: `Some` of
    /// nothing if its number is not known.
    pub fn holder(directory: &Path) -> Option<Option<u32>> {
        let path = directory.join(OWN_DIRECTORY).join(FILE_NAME);
        let mut file = File::open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(read_holder(&mut file)),
            _ => None,
        }
    }
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_the_others_know_who() {
        let site = tempfile::tempdir().expect("a directory can be made");
        let directory = site.path();
        let token = CancellationToken::new();
        let lock = |when| RunLock::acquire(directory, when, &token, |_| {});
        assert_eq!(RunLock::holder(directory), None);
        let held = lock(WhenLocked::Fail).expect("it is free");
        let me = std::process::id();
        assert_eq!(RunLock::holder(directory), Some(Some(me)));
        let error = lock(WhenLocked::Fail).expect_err("it is held");
        assert!(error.to_string().ends_with(&format!(": process {me}")));

        std::thread::scope(|scope| {
            let (told, holder) = std::sync::mpsc::channel();
            let token = &token;
            let waiting = scope.spawn(move || {
                RunLock::acquire(directory, WhenLocked::Wait, token, |holder| {
                    told.send(holder).expect("somebody listens");
                })
            });
            assert_eq!(holder.recv(), Ok(Some(me)));
            drop(held);
            waiting.join().expect("it ends").expect("it is free");
        });
        assert_eq!(RunLock::holder(directory), None);

        let _held = lock(WhenLocked::Wait).expect("it is free");
        token.cancel();
        let error = lock(WhenLocked::Wait).expect_err("it is held");
        assert!(matches!(error, LockError::Cancelled { .. }));
    }
}
