//! The file that says which process does a pass, so that there is only one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::files::{FileError, failed_to};
use crate::log::Logger;

/// A pass that must not be begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PidFileError {
    /// Another process is at it.
    #[error(
        "New slapos process started, but another slapos process is aleady running with pid {0}, exiting."
    )]
    Running(u32),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The file of this process; it is removed when this is dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    /// Its lock keeps others away who look at it in the same moment.
    _file: File,
}

impl PidFile {
    /// Writes the number of this process, unless another one is at it
    /// (upstream's `setRunning`).
    ///
    /// # Errors
    ///
    /// See [`PidFileError`].
    pub fn take(path: &Path, log: &Logger) -> Result<Self, PidFileError> {
        loop {
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path);
            let mut file = opened.map_err(failed_to("open", path))?;
            let mut text = String::new();
            match file.try_lock() {
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) => {
                    // Its number may not be written yet.
                    let _ = file.read_to_string(&mut text);
                    return Err(PidFileError::Running(parse(&text).unwrap_or(0)));
                }
                Err(fs::TryLockError::Error(error)) => {
                    return Err(failed_to("lock", path)(error).into());
                }
            }
            if !is_same_file(&file, path) {
                // Whoever had it has just removed it.
                continue;
            }
            file.read_to_string(&mut text)
                .map_err(failed_to("read", path))?;
            if let Some(process) = parse(&text)
                && process != std::process::id()
                && is_slapos(process)
            {
                return Err(PidFileError::Running(process));
            }
            if !text.is_empty() {
                let shown = path.display();
                log.info(format!(
                    "Existing pid file '{shown}' was stale, overwritten"
                ));
            }
            write_number(&mut file).map_err(failed_to("write", path))?;
            return Ok(PidFile {
                path: path.to_owned(),
                _file: file,
            });
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // If it stays, the next process finds that nobody is at it.
        let _ = fs::remove_file(&self.path);
    }
}

fn write_number(file: &mut File) -> io::Result<()> {
    file.rewind()?;
    file.set_len(0)?;
    write!(file, "{}", std::process::id())
}

fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(one), Ok(other)) => one.ino() == other.ino() && one.dev() == other.dev(),
        _ => false,
    }
}

fn parse(text: &str) -> Option<u32> {
    text.lines().next()?.trim().parse().ok()
}

/// Tells whether a process is a node, ours or slapos.core's.
fn is_slapos(process: u32) -> bool {
    let words = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    words.windows(6).any(|window| window == b"slapos")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_has_it_and_a_stale_one_is_taken() {
        let log = Logger::silent();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        // No process has this number: the system's limit is lower.
        fs::write(&path, "4194305").unwrap();
        let first = PidFile::take(&path, &log).unwrap();
        let number = fs::read_to_string(&path).unwrap();
        assert_eq!(number, std::process::id().to_string());
        let second = PidFile::take(&path, &log);
        assert!(matches!(second, Err(PidFileError::Running(pid)) if pid == std::process::id()));
        drop(first);
        assert!(!path.exists());
        PidFile::take(&path, &log).unwrap();
    }
}
