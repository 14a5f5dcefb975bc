//! How often a partition may have itself processed again: so many bangs an
//! hour (`[slapos] bang_quota`), whoever asks for them.
//!
//! `var/slapgrid/PARTITION.bang` in `instance_root` has what was done and what
//! was held back, as JSON. The node and the watchdog, processes of their own,
//! take turns by a lock.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use slap::SlapError;

use crate::clock::seconds_now;
use crate::files::{FileError, create_private_directory, failed_to, read_text, replace_file};

/// The hour that a quota is for, in seconds.
const HOUR: f64 = 3600.0;

/// The longest state that is read.
const LIMIT: u64 = 1024 * 1024;

/// What `bang_quota` is unless it is set.
pub const DEFAULT_BANG_QUOTA: u32 = 9;

/// The bangs of a partition. Times are seconds since the epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BangState {
    /// When there were bangs, in the last hour.
    pub bangs: Vec<f64>,
    /// What was held back since the last bang that was not.
    pub held_back: Option<HeldBack>,
}

/// Bangs that were held back.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldBack {
    /// How many.
    pub count: u64,
    /// When the first one was.
    pub since: f64,
    /// When the last one was.
    pub latest: f64,
    /// What the last one was to say.
    pub message: String,
    /// Whether nobody will ask for it again, so that the node makes up for it
    /// when it may.
    pub is_owed: bool,
}

impl BangState {
    /// Returns what is known of the bangs of a partition; nothing, if there were
    /// none, or the file cannot be read.
    pub fn of(instance_root: &Path, partition: &str) -> Self {
        let text = read_text(&path_of(instance_root, partition), LIMIT);
        text.ok()
            .and_then(|text| Self::parse(&text))
            .unwrap_or_default()
    }

    /// Returns how many bangs are left of a quota.
    pub fn left(&self, quota: u32, now: f64) -> u32 {
        let count = self.bangs.iter().filter(|at| is_recent(**at, now)).count();
        quota.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Returns when the next bang may be, if none may be now; never if the quota
    /// is none.
    pub fn next(&self, quota: u32, now: f64) -> Option<f64> {
        if self.left(quota, now) > 0 {
            return Some(now);
        }
        let recent: Vec<f64> = self
            .bangs
            .iter()
            .copied()
            .filter(|at| is_recent(*at, now))
            .collect();
        let place = recent.len().checked_sub(usize::try_from(quota).ok()?)?;
        Some(recent.get(place)? + HOUR)
    }

    /// Reads the text of a file; none if it is not one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let bangs = value.get("bangs")?.as_array()?;
        let held_back = value.get("held-back").filter(|value| !value.is_null());
        Some(BangState {
            bangs: bangs.iter().map(Value::as_f64).collect::<Option<_>>()?,
            held_back: match held_back {
                None => None,
                Some(held) => Some(HeldBack {
                    count: held.get("count")?.as_u64()?,
                    since: held.get("since")?.as_f64()?,
                    latest: held.get("latest")?.as_f64()?,
                    message: held.get("message")?.as_str()?.to_owned(),
                    is_owed: held.get("owed")?.as_bool()?,
                }),
            },
        })
    }

    /// Returns the text of the file.
    pub fn to_text(&self) -> String {
        let held_back = self.held_back.as_ref().map(|held| {
            json!({
                "count": held.count,
                "since": held.since,
                "latest": held.latest,
                "message": held.message,
                "owed": held.is_owed,
            })
        });
        format!("{}\n", json!({"bangs": self.bangs, "held-back": held_back}))
    }

    /// Takes a bang from the quota, or notes that it is held back; tells which.
    fn take(&mut self, quota: u32, now: f64, message: &str, is_owed: bool) -> bool {
        self.bangs.retain(|at| is_recent(*at, now));
        if self.left(quota, now) > 0 {
            self.bangs.push(now);
            return true;
        }
        let earlier = self.held_back.take();
        self.held_back = Some(HeldBack {
            count: earlier
                .as_ref()
                .map_or(0, |held| held.count)
                .saturating_add(1),
            since: earlier.as_ref().map_or(now, |held| held.since),
            latest: now,
            message: message.to_owned(),
            is_owed: is_owed || earlier.is_some_and(|held| held.is_owed),
        });
        false
    }
}

/// Times ahead of the clock count: it may have been set back since.
fn is_recent(at: f64, now: f64) -> bool {
    at > now - HOUR && at < now + HOUR
}

fn path_of(instance_root: &Path, partition: &str) -> PathBuf {
    let directory = instance_root.join("var/slapgrid");
    directory.join(format!("{partition}.bang"))
}

/// What became of a bang.
#[derive(Debug)]
pub enum Banged {
    /// The master heard it.
    Done,
    /// The quota is used up.
    HeldBack {
        /// The quota.
        quota: u32,
    },
}

/// A bang that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BangError {
    /// The master did not hear it.
    #[error(transparent)]
    Master(#[from] SlapError),
    /// The bang cannot be counted.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The bangs of a partition, to be counted.
#[derive(Clone, Debug)]
pub struct BangLedger {
    instance_root: PathBuf,
    partition: String,
    quota: u32,
}

impl BangLedger {
    /// Returns the ledger of a partition, whose name has been checked.
    pub fn of(instance_root: &Path, partition: &str, quota: u32) -> Self {
        BangLedger {
            instance_root: instance_root.to_owned(),
            partition: partition.to_owned(),
            quota,
        }
    }

    /// Has `bang` tell the master, unless the quota is used up. What the
    /// master did not hear does not count. If nobody will ask again for what is
    /// held back, it `is_owed`.
    ///
    /// # Errors
    ///
    /// The master does not hear it, or it cannot be counted; then it is not
    /// made.
    pub fn bang(
        &self,
        message: &str,
        is_owed: bool,
        bang: impl FnOnce() -> Result<(), SlapError>,
    ) -> Result<Banged, BangError> {
        let now = seconds_now();
        let is_allowed = self.change(|state| state.take(self.quota, now, message, is_owed))?;
        if !is_allowed {
            return Ok(Banged::HeldBack { quota: self.quota });
        }
        if let Err(error) = bang() {
            self.change(|state| {
                // Numbers may lose their last digit on their way through a file.
                let is_this = |at: &f64| (at - now).abs() < 1e-3;
                if let Some(place) = state.bangs.iter().rposition(is_this) {
                    state.bangs.remove(place);
                }
            })?;
            return Err(error.into());
        }
        self.change(|state| state.held_back = None)?;
        Ok(Banged::Done)
    }

    /// Returns the message of a bang that is owed and may be made now.
    pub(crate) fn owed(&self) -> Option<String> {
        let state = BangState::of(&self.instance_root, &self.partition);
        let is_allowed = state.left(self.quota, seconds_now()) > 0;
        let held_back = state.held_back.filter(|held| held.is_owed && is_allowed);
        held_back.map(|held| held.message)
    }

    /// Forgets what is owed: the partition was processed since.
    pub(crate) fn settle(&self) -> Result<(), FileError> {
        let state = BangState::of(&self.instance_root, &self.partition);
        if state.held_back.is_none_or(|held| !held.is_owed) {
            return Ok(());
        }
        self.change(|state| {
            if let Some(held) = &mut state.held_back {
                held.is_owed = false;
            }
        })
    }

    /// Changes the state while nobody else does.
    fn change<T>(&self, change: impl FnOnce(&mut BangState) -> T) -> Result<T, FileError> {
        let path = path_of(&self.instance_root, &self.partition);
        let directory = self.instance_root.join("var/slapgrid");
        create_private_directory(&directory)?;
        let lock = directory.join("bang.lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(failed_to("lock", &lock))?;
        let before = BangState::of(&self.instance_root, &self.partition);
        let mut state = before.clone();
        let result = change(&mut state);
        if state != before {
            replace_file(&path, state.to_text().as_bytes(), 0o600, None)?;
        }
        drop(file);
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_state_is_read_as_it_is_written() {
        let state = BangState {
            bangs: vec![1795311155.25],
            held_back: Some(HeldBack {
                count: 2,
                since: 1.5,
                latest: 2.5,
                message: "a \"b\"".to_owned(),
                is_owed: true,
            }),
        };
        assert_eq!(BangState::parse(&state.to_text()), Some(state));
        assert_eq!(BangState::parse("{}"), None);
    }

    #[test]
    fn a_quota_is_for_an_hour() {
        let state = BangState {
            bangs: vec![1000.0, 2000.0, 3000.0],
            held_back: None,
        };
        assert_eq!(
            (state.left(3, 4599.0), state.next(3, 4599.0)),
            (0, Some(4600.0))
        );
        assert_eq!(
            (state.left(3, 4600.0), state.next(3, 4600.0)),
            (1, Some(4600.0))
        );
        // A quota that was made smaller.
        assert_eq!(state.next(1, 4000.0), Some(6600.0));
        assert_eq!((state.left(0, 1e9), state.next(0, 1e9)), (0, None));
        // The clock was set back by a day.
        assert_eq!(state.left(3, -80000.0), 3);
    }

    #[test]
    fn what_is_held_back_is_kept_until_a_bang_is_heard() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("var")).unwrap();
        let ledger = |quota| BangLedger::of(root.path(), "slappart0", quota);
        let state = || BangState::of(root.path(), "slappart0");
        let count = Cell::new(0);
        let bang = || {
            count.set(count.get() + 1);
            Ok(())
        };
        let lost = || {
            Err(SlapError::Unprepared {
                target: String::new(),
            })
        };
        assert!(ledger(2).bang("lost", false, lost).is_err());
        assert_eq!(state().left(2, seconds_now()), 2);
        for _ in 0..2 {
            let banged = ledger(2).bang("one", false, bang).unwrap();
            assert!(matches!(banged, Banged::Done));
        }
        for message in ["two", "three"] {
            let banged = ledger(2).bang(message, message == "two", bang).unwrap();
            assert!(matches!(banged, Banged::HeldBack { quota: 2 }));
        }
        assert_eq!(count.get(), 2);
        let held = state().held_back.unwrap();
        assert_eq!(
            (held.count, &*held.message, held.is_owed),
            (2, "three", true)
        );
        assert_eq!(ledger(2).owed(), None);
        assert_eq!(ledger(3).owed().as_deref(), Some("three"));
        assert!(ledger(3).bang("lost", false, lost).is_err());
        assert!(state().held_back.is_some());
        ledger(3).settle().unwrap();
        assert_eq!(ledger(3).owed(), None);
        ledger(3).bang("four", false, bang).unwrap();
        assert_eq!(state().held_back, None);
    }
}
