//! What a node remembers of a partition between runs: the timestamp of the last
//! complete processing, the last error, the last report that the master took.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use buildout_core::state::debris::clear_replacements;

use super::currency::LastTime;
use crate::files::{
    FileError, create_private_directory, failed_to, read_text, remove_file, replace_file,
};

/// The longest file of state that is read.
const LIMIT: u64 = 64 * 1024;

/// The remembered state of a partition.
pub(super) struct PartitionState {
    directory: PathBuf,
    name: String,
    /// Where the node keeps what is no partition's business.
    reports: PathBuf,
}

impl PartitionState {
    pub(super) fn of(instance_root: &Path, name: &str) -> Self {
        PartitionState {
            directory: instance_root.join(name),
            name: name.to_owned(),
            reports: instance_root.join("var/slapgrid"),
        }
    }

    fn timestamp(&self) -> PathBuf {
        self.directory.join(".timestamp")
    }

    pub(super) fn error_log(&self) -> PathBuf {
        self.directory
            .join(format!(".slapgrid-{}-error.log", self.name))
    }

    fn transaction(&self) -> PathBuf {
        let name = format!(".slapos-request-transaction-{}", self.name);
        self.directory.join(name)
    }

    /// Returns the last complete processing.
    pub(super) fn last_time(&self) -> Option<LastTime> {
        let path = self.timestamp();
        let timestamp = read_text(&path, LIMIT).ok()?;
        let metadata = fs::symlink_metadata(&path).ok()?;
        let seconds = u64::try_from(metadata.mtime()).ok()?;
        Some(LastTime {
            timestamp,
            at: UNIX_EPOCH + Duration::from_secs(seconds),
        })
    }

    /// Removes what a killed run left of files that it was writing.
    pub(super) fn clear_debris(&self) {
        let profile = self.directory.join("buildout.cfg");
        for file in [
            self.timestamp(),
            self.error_log(),
            profile,
            self.firewall_rules(),
            self.report(),
        ] {
            clear_replacements(&file);
        }
    }

    pub(super) fn forget_time(&self) -> Result<(), FileError> {
        remove_file(&self.timestamp()).map(drop)
    }

    pub(super) fn remember_time(&self, timestamp: &str) -> Result<(), FileError> {
        replace_file(&self.timestamp(), timestamp.as_bytes(), 0o644, None)
    }

    pub(super) fn clear_error(&self) -> Result<(), FileError> {
        remove_file(&self.error_log()).map(drop)
    }

    /// Leaves an error where the partition's user can read it.
    pub(super) fn leave_error(&self, text: &str) -> Result<(), FileError> {
        replace_file(&self.error_log(), text.as_bytes(), 0o644, None)
    }

    /// Forgets the instances that were requested in earlier runs.
    pub(super) fn begin_transaction(&self) -> Result<(), FileError> {
        remove_file(&self.transaction()).map(drop)
    }

    /// Returns the titles of the instances that were requested in this run;
    /// none if nothing talked to the master.
    pub(super) fn requested_titles(&self) -> Result<Option<Vec<String>>, FileError> {
        let path = self.transaction();
        let text = match read_text(&path, 16 * 1024 * 1024) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed_to("read", &path)(error)),
        };
        let titles = text.split('\n').filter(|title| !title.is_empty());
        Ok(Some(titles.map(ToOwned::to_owned).collect()))
    }

    fn report(&self) -> PathBuf {
        self.reports.join(format!("{}.report", self.name))
    }

    /// Returns the last report that the master took.
    pub(super) fn acknowledged(&self) -> Option<String> {
        read_text(&self.report(), LIMIT).ok()
    }

    /// Remembers the last report that the master took.
    pub(super) fn acknowledge(&self, report: &str) -> Result<(), FileError> {
        if self.acknowledged().as_deref() == Some(report) {
            return Ok(());
        }
        create_private_directory(&self.reports)?;
        replace_file(&self.report(), report.as_bytes(), 0o600, None)
    }

    /// The firewall's rules for the partition.
    pub(super) fn firewall_rules(&self) -> PathBuf {
        self.directory.join(".slapos-firewalld-rules")
    }

    /// The note that the firewall's rules are being changed.
    fn firewall(&self) -> PathBuf {
        self.reports.join(format!("{}.firewall", self.name))
    }

    /// Tells whether rules were changed that the firewall may not follow yet.
    pub(super) fn is_firewall_begun(&self) -> bool {
        self.firewall().exists()
    }

    /// Notes that rules are about to be changed.
    pub(super) fn begin_firewall(&self) -> Result<(), FileError> {
        create_private_directory(&self.reports)?;
        replace_file(&self.firewall(), b"", 0o600, None)
    }

    /// Notes that the firewall follows its rules.
    pub(super) fn end_firewall(&self) -> Result<(), FileError> {
        remove_file(&self.firewall()).map(drop)
    }

    /// Forgets everything about the partition that is not in its directory.
    pub(super) fn forget(&self) -> Result<(), FileError> {
        remove_file(&self.report()).map(drop)
    }
}

/// Returns the periodicity that a release asks for. A file that says nonsense
/// is removed, as upstream does.
pub(super) fn release_periodicity(release: &Path, default: i64) -> i64 {
    let path = release.join("periodicity");
    let Ok(text) = read_text(&path, LIMIT) else {
        return default;
    };
    match text.trim().parse() {
        Ok(seconds) => seconds,
        Err(_) => {
            // It would be read again in every run.
            let _ = remove_file(&path);
            default
        }
    }
}

/// Returns the time as seconds, for files that hold Python's floats.
pub(super) fn seconds_of(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}
