//! The log of the node: records that a front end shows, and the log that each
//! partition keeps of what was done to it.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use buildout_core::event::{Level, LogRecord};
use buildout_core::redaction::redacted;
use rustix::fs::{FileType, Mode, OFlags, fstat, mkdirat, open, openat, renameat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use crate::clock::file_log_time;
use crate::files::{FileError, failed_to};

/// The logger of the node itself.
pub const NODE_LOGGER: &str = "slapos";

/// Where records go.
pub trait LogSink: Send + Sync {
    /// Takes a record; is called from several threads.
    fn record(&self, record: &LogRecord);
}

/// Writes records of one logger.
#[derive(Clone)]
pub struct Logger {
    sink: Arc<dyn LogSink>,
    name: Arc<str>,
}

impl Logger {
    /// Makes the logger of the node.
    pub fn new(sink: Arc<dyn LogSink>) -> Self {
        Logger {
            sink,
            name: Arc::from(NODE_LOGGER),
        }
    }

    /// Returns a logger for tests that nobody reads.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        struct Silence;
        impl LogSink for Silence {
            fn record(&self, _: &LogRecord) {}
        }
        Logger::new(Arc::new(Silence))
    }

    /// Returns a logger of another name, with another sink before this one's.
    pub(crate) fn through(&self, name: &str, before: Arc<dyn LogSink>) -> Self {
        let sink = Arc::new(Both(before, Arc::clone(&self.sink)));
        Logger {
            sink,
            name: Arc::from(name),
        }
    }

    /// Returns a logger of another name.
    pub(crate) fn named(&self, name: &str) -> Self {
        Logger {
            sink: Arc::clone(&self.sink),
            name: Arc::from(name),
        }
    }

    fn log(&self, level: Level, message: &str) {
        self.sink.record(&LogRecord {
            level,
            logger: Arc::clone(&self.name),
            message: redacted(message).into_owned(),
        });
    }

    /// Tells a detail.
    pub fn debug(&self, message: impl AsRef<str>) {
        self.log(Level::Debug, message.as_ref());
    }

    /// Tells what is done.
    pub fn info(&self, message: impl AsRef<str>) {
        self.log(Level::Info, message.as_ref());
    }

    /// Tells what should be looked at.
    pub fn warning(&self, message: impl AsRef<str>) {
        self.log(Level::Warning, message.as_ref());
    }

    /// Tells what failed.
    pub fn error(&self, message: impl AsRef<str>) {
        self.log(Level::Error, message.as_ref());
    }
}

struct Both(Arc<dyn LogSink>, Arc<dyn LogSink>);

impl LogSink for Both {
    fn record(&self, record: &LogRecord) {
        self.0.record(record);
        self.1.record(record);
    }
}

/// A log file that is put aside when it has this many bytes.
const ROTATED_FROM: u64 = 20 * 1024 * 1024;

/// How much one run may add to a log file; a partition that floods its log
/// must not fill the disk.
const ADDED_AT_MOST: u64 = 20 * 1024 * 1024;

/// The log file of a partition: `[TIME] LEVEL    NAME message`.
pub(crate) struct LogFile {
    state: Mutex<(File, u64)>,
}

/// Where the log of a partition is, below its directory.
const DIRECTORIES: [&str; 2] = [".slapgrid", "log"];

/// Its name there.
const NAME: &str = "instance.log";

impl LogFile {
    /// Opens `.slapgrid/log/instance.log` of a partition to append to it; one
    /// that has grown large is put aside as `instance.log.1` first.
    ///
    /// The partition's user owns the directory, and may put links anywhere in
    /// it: none is followed.
    ///
    /// # Errors
    ///
    /// It cannot be made, or is no regular file.
    pub(crate) fn open_in(partition: &Path, owner: Option<(u32, u32)>) -> Result<Self, FileError> {
        let path = partition.join(".slapgrid/log").join(NAME);
        Self::open_inner(partition, owner)
            .map_err(io::Error::from)
            .map_err(failed_to("open", &path))
    }

    fn open_inner(partition: &Path, owner: Option<(u32, u32)>) -> Result<Self, Errno> {
        let directory = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let give = |file: &OwnedFd| match owner {
            Some((user, group)) => {
                let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
                rustix::fs::fchown(file, Some(user), Some(group))
            }
            None => Ok(()),
        };
        let mut place = open(partition, directory, Mode::empty())?;
        for name in DIRECTORIES {
            match mkdirat(&place, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
            place = openat(&place, name, directory, Mode::empty())?;
            give(&place)?;
        }
        let append = OFlags::APPEND | OFlags::WRONLY | OFlags::CREATE;
        let safe = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o640);
        let mut file = openat(&place, NAME, append | safe, mode)?;
        let stat = fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Errno::INVAL);
        }
        if u64::try_from(stat.st_size).unwrap_or(0) >= ROTATED_FROM {
            renameat(&place, NAME, &place, "instance.log.1")?;
            file = openat(&place, NAME, append | safe | OFlags::EXCL, mode)?;
        }
        give(&file)?;
        Ok(LogFile {
            state: Mutex::new((File::from(file), 0)),
        })
    }
}

impl LogSink for LogFile {
    fn record(&self, record: &LogRecord) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1 >= ADDED_AT_MOST {
            return;
        }
        let time = file_log_time(SystemTime::now());
        let level = record.level.name();
        let mut line = format!("[{time}] {level:<8} {} {}\n", record.logger, record.message);
        state.1 += line.len() as u64;
        if state.1 >= ADDED_AT_MOST {
            line.push_str("... the rest of this run is left out\n");
        }
        // A log that cannot be written stops nothing.
        let _ = state.0.write_all(line.as_bytes());
    }
}
