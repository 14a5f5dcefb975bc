//! Removing entries that nobody uses.
//!
//! An entry stays if a run builds or uses it now; if a buildout that
//! registered, or one that is named, has recorded it; if no run of ours ever
//! used it, since then nobody can know who does; if it is too young; or if an
//! entry that stays refers to it. All others go in one pass.
//!
//! A run may begin and end at any time. So each entry is removed with its lock,
//! and after a second look at the users, in a moment in which none can be
//! added: it is renamed then, and its files are removed afterwards. What a crash
//! leaves has the other name, and goes next time.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs::{self, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::entry::{Entry, StoreError, removals, tree_size};
use super::lock::{Attempt, EntryLock, LockError, has_name};
use super::registration::{Registered, RegistrationError, lock_store, make_own_directories};
use super::survey::{Survey, SurveyError, registrations};
use crate::state::atomic::{ReplaceError, replace_file};
use crate::state::removal::{RemovalError, RemovalScope};

/// What may be removed.
#[derive(Clone, Debug, Default)]
pub struct GarbagePolicy {
    /// Whether entries that no run of ours ever used may go.
    pub unregistered: bool,
    /// Whatever was completed later than this stays.
    pub older_than: Option<SystemTime>,
}

/// A failure to find or remove garbage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GarbageError {
    /// It could not be found out who uses what.
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// A store or an entry cannot be looked at or changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The registrations cannot be locked.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// An entry cannot be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A registration cannot be shortened.
    #[error(transparent)]
    Replace(#[from] ReplaceError),
    /// Something of an entry cannot be removed. It is no entry any more.
    #[error("failed to remove all of `{}`: {}", location.display(), .failures.first().map(ToString::to_string).unwrap_or_default())]
    Removal {
        /// What is left.
        location: PathBuf,
        /// The failures.
        failures: Vec<RemovalError>,
    },
}

/// Something to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// The entry.
    pub entry: Entry,
    /// How many bytes its files have.
    pub size: u64,
    /// Whether it is what a removal that was interrupted left.
    pub is_remainder: bool,
    index: Option<usize>,
}

/// What became of garbage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is gone.
    Removed,
    /// A run has come to use it.
    InUse,
    /// Somebody else has removed it.
    Gone,
}

/// Finds what may be removed of the stores of `survey`, what was completed
/// last first: an entry goes before those it was built with.
///
/// # Errors
///
/// An entry cannot be looked at.
pub fn find_garbage(
    survey: &Survey,
    stores: &[PathBuf],
    policy: &GarbagePolicy,
) -> Result<Vec<Garbage>, GarbageError> {
    let mut kept = BTreeSet::new();
    for user in survey.users() {
        kept.extend(&user.uses);
    }
    let mut candidates = Vec::new();
    for (index, entry) in survey.entries().iter().enumerate() {
        let is_foreign = !policy.unregistered && !survey.was_registered(index);
        if kept.contains(&index) || is_foreign || entry.is_locked() {
            kept.insert(index);
            continue;
        }
        let time = match entry.time() {
            Ok(time) => time,
            // Somebody else has removed it.
            Err(error) if error.is_missing() => continue,
            Err(error) => return Err(error.into()),
        };
        if policy.older_than.is_some_and(|limit| time > limit) {
            kept.insert(index);
        } else {
            candidates.push((time, index));
        }
    }
    survey.close(&mut kept)?;
    let mut garbage = Vec::new();
    for store in stores {
        for entry in removals(store)? {
            garbage.push(Garbage {
                size: tree_size(&entry.removal_location())?,
                is_remainder: true,
                entry,
                index: None,
            });
        }
    }
    candidates.sort_by_key(|(time, index)| (Reverse(*time), *index));
    for (_, index) in candidates {
        if kept.contains(&index) {
            continue;
        }
        let entry = survey.entries()[index].clone();
        garbage.push(Garbage {
            size: entry.size()?,
            is_remainder: false,
            entry,
            index: Some(index),
        });
    }
    Ok(garbage)
}

/// Removes one piece of garbage of `survey`, unless somebody has come to use it.
///
/// # Errors
///
/// See [`GarbageError`].
pub fn remove_garbage(survey: &Survey, garbage: &Garbage) -> Result<Fate, GarbageError> {
    let entry = &garbage.entry;
    let location = entry.location();
    let lock = match EntryLock::try_acquire(&location)? {
        Attempt::Locked(lock) => lock,
        Attempt::Held(_) => return Ok(Fate::InUse),
    };
    let aside = entry.removal_location();
    if let Some(index) = garbage.index {
        remove_tree(&aside)?;
        make_own_directories(&entry.store)?;
        let _store = lock_store(&entry.store)?;
        if survey.used_since()?.contains(&index) {
            return Ok(Fate::InUse);
        }
        match fs::rename(&location, &aside) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Fate::Gone),
            Err(error) => return Err(StoreError::new("rename", &location, error).into()),
        }
    }
    remove_tree(&aside)?;
    drop(lock);
    // The part may have other entries, or get one.
    let _ = fs::remove_dir(entry.store.join(&entry.part));
    Ok(Fate::Removed)
}

/// Forgets the entries that are gone, and the users that are left with none.
/// Those of a user that is gone stay known while the entries exist: they were
/// registered once.
///
/// # Errors
///
/// See [`GarbageError`].
pub fn forget_removed(store: &Path) -> Result<(), GarbageError> {
    for (path, _) in registrations(store)? {
        let mut file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(StoreError::new("open", &path, error).into()),
        };
        match file.try_lock() {
            Ok(()) if has_name(&file, &path) => {}
            Ok(()) | Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => {
                return Err(StoreError::new("lock", &path, error).into());
            }
        }
        // What it says counts now that nobody can add to it.
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|error| StoreError::new("read", &path, error))?;
        let Some(mut registered) = Registered::parse(&bytes, &path)? else {
            continue;
        };
        let before = registered.entries.len();
        registered.entries.retain(|name| store.join(name).exists());
        if registered.entries.is_empty() {
            fs::remove_file(&path).map_err(|error| StoreError::new("remove", &path, error))?;
        } else if registered.entries.len() < before {
            replace_file(&path, &registered.to_bytes())?;
        }
    }
    Ok(())
}

fn remove_tree(path: &Path) -> Result<(), GarbageError> {
    let failed = |failures| GarbageError::Removal {
        location: path.to_owned(),
        failures,
    };
    let (Some(parent), Some(text)) = (path.parent(), path.to_str()) else {
        return Err(failed(Vec::new()));
    };
    let scope = RemovalScope::new(parent).map_err(|error| failed(vec![error]))?;
    let report = scope.remove([text]);
    if report.failures.is_empty() && report.refused_outside.is_empty() {
        Ok(())
    } else {
        Err(failed(report.failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Claims, Signature, publish};

    /// A store with a complete entry that `installed` has used.
    struct Site {
        _directory: tempfile::TempDir,
        stores: [PathBuf; 1],
        entry: Entry,
        installed: PathBuf,
    }

    impl Site {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory can be made");
            let store = directory.path().join("store");
            let signature = Signature::of([("recipe", "x")]);
            let site = Site {
                entry: Entry {
                    store: store.clone(),
                    part: "p".to_owned(),
                    digest: signature.digest().to_owned(),
                },
                stores: [store],
                installed: directory.path().join(".installed.cfg"),
                _directory: directory,
            };
            fs::create_dir_all(site.entry.location()).expect("it can be made");
            drop(site.claim());
            publish(&site.entry.location(), &signature).expect("it can be published");
            site
        }

        fn claim(&self) -> Claims {
            let claims = Claims::default();
            let Entry {
                store,
                part,
                digest,
            } = &self.entry;
            let claimed = claims.claim(store, part, digest, &self.installed);
            claimed.expect("it can be claimed");
            claims
        }

        fn survey(&self) -> (Survey, Vec<Garbage>) {
            let survey = Survey::of(&self.stores, &[]).expect("it can be read");
            let policy = GarbagePolicy::default();
            let garbage = find_garbage(&survey, &self.stores, &policy).expect("it can be read");
            (survey, garbage)
        }
    }

    #[test]
    fn what_came_to_be_used_after_the_survey_stays() {
        let site = Site::new();
        let (survey, garbage) = site.survey();
        let remove = || remove_garbage(&survey, &garbage[0]).expect("it can be decided");
        assert_eq!(garbage.len(), 1);
        let run = site.claim();
        assert_eq!(remove(), Fate::InUse);
        // The run records it and ends.
        fs::write(&site.installed, format!("location = {}", site.entry.digest))
            .expect("it can be written");
        drop(run);
        assert_eq!(remove(), Fate::InUse);
        assert!(site.entry.is_complete());
        assert_eq!(site.survey().1, []);

        fs::remove_file(&site.installed).expect("it was written");
        assert_eq!(remove(), Fate::Removed);
        assert!(!site.stores[0].join("p").exists());
        assert_eq!(remove(), Fate::Gone);
    }

    #[test]
    fn an_entry_that_is_being_built_stays() {
        let site = Site::new();
        let (survey, garbage) = site.survey();
        let location = site.entry.location();
        let lock = EntryLock::try_acquire(&location).expect("it can be locked");
        let fate = remove_garbage(&survey, &garbage[0]).expect("it can be decided");
        assert_eq!(fate, Fate::InUse);
        assert_eq!(site.survey().1, []);
        drop(lock);
        assert_eq!(site.survey().1.len(), 1);
        fs::set_permissions(
            &location,
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .expect("it is ours");
    }
}
