//! Keeping a partition for some days after its end.
//!
//! The delay is written down when the instance is first made, and cannot be
//! changed after that. The first attempt to destroy the instance writes down
//! until when it is kept.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use buildout_core::state::debris::clear_replacements;
use buildout_core::value::Value;

use super::state::seconds_of;
use crate::files::{FileError, read_text, replace_file};
use crate::log::Logger;

const DAY: f64 = 24.0 * 60.0 * 60.0;

/// The files of a partition that say how long it is kept.
pub(super) struct Retention {
    delay: PathBuf,
    date: PathBuf,
}

impl Retention {
    pub(super) fn of(partition: &Path) -> Self {
        Retention {
            delay: partition.join(".slapos-retention-lock-delay"),
            date: partition.join(".slapos-retention-lock-date"),
        }
    }

    /// Writes down the delay, once.
    pub(super) fn fix_delay(&self, wanted: Option<&str>, log: &Logger) -> Result<(), FileError> {
        clear_replacements(&self.delay);
        if self.delay.symlink_metadata().is_ok() {
            return Ok(());
        }
        let days = match wanted.map(|text| (text, text.trim().parse::<f64>())) {
            None => 0.0,
            Some((_, Ok(days))) if days.is_finite() => days,
            Some((text, _)) => {
                log.warning(format!(
                    "Retention delay value ({text}) is not valid, ignoring."
                ));
                0.0
            }
        };
        write(&self.delay, days)
    }

    /// Tells whether the partition may be removed now; the first time it is
    /// asked the date is fixed.
    pub(super) fn is_over(&self, now: SystemTime) -> Result<bool, FileError> {
        let now = seconds_of(now);
        if let Some(date) = read(&self.date) {
            return Ok(now >= date);
        }
        match read(&self.delay) {
            Some(days) if days > 0.0 => {
                write(&self.date, now + days * DAY)?;
                Ok(false)
            }
            _ => Ok(true),
        }
    }
}

fn read(path: &Path) -> Option<f64> {
    read_text(path, 1024).ok()?.trim().parse().ok()
}

fn write(path: &Path, value: f64) -> Result<(), FileError> {
    // As Python writes a float.
    replace_file(
        path,
        Value::Float(value).to_string().as_bytes(),
        0o644,
        None,
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_partition_is_kept_as_long_as_was_first_said() {
        let log = Logger::silent();
        let directory = tempfile::tempdir().unwrap();
        let retention = Retention::of(directory.path());
        retention.fix_delay(Some("2"), &log).unwrap();
        retention.fix_delay(Some("0"), &log).unwrap();
        let file = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(file(".slapos-retention-lock-delay"), "2.0");
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let day = Duration::from_secs(24 * 60 * 60);
        assert!(!retention.is_over(now).unwrap());
        assert_eq!(file(".slapos-retention-lock-date"), "173800.0");
        assert!(!retention.is_over(now + day).unwrap());
        assert!(retention.is_over(now + 2 * day).unwrap());
    }

    #[test]
    fn without_a_delay_nothing_is_kept() {
        let log = Logger::silent();
        for wanted in [None, Some("soon"), Some("inf"), Some("0")] {
            let directory = tempfile::tempdir().unwrap();
            let retention = Retention::of(directory.path());
            retention.fix_delay(wanted, &log).unwrap();
            assert!(retention.is_over(SystemTime::now()).unwrap());
        }
    }
}
