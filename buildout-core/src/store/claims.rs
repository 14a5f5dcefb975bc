//! The entries that a run uses, registered in their stores.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::registration::{
    Registered, RegistrationError, failed, lock_store, make_own_directories, open_locked,
    registration_path,
};

/// The entries that a run has claimed. They are in use as long as this lives,
/// and later if the run recorded them.
#[derive(Debug, Default)]
pub struct Claims(Mutex<BTreeMap<PathBuf, Registration>>);

/// A user of a store, whose run goes on.
#[derive(Debug)]
struct Registration {
    path: PathBuf,
    /// Locked, shared with other runs that record in the same file.
    file: File,
    registered: Registered,
}

impl Claims {
    /// Claims the entry `PART/DIGEST` of a store for a run that records what
    /// it installs in `installed`. Look whether the entry is there *after*
    /// claiming it: the garbage collection removes none that is claimed.
    ///
    /// # Errors
    ///
    /// It cannot be registered. If that
    /// [is a refusal](RegistrationError::is_refusal), the store can be used all
    /// the same.
    pub fn claim(
        &self,
        store: &Path,
        part: &str,
        digest: &str,
        installed: &Path,
    ) -> Result<(), RegistrationError> {
        let path = registration_path(store, installed);
        let mut registrations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let registration = match registrations.entry(path) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                make_own_directories(store)?;
                let registration = Registration::open(new.key().clone(), store, installed)?;
                new.insert(registration)
            }
        };
        registration.add(store, format!("{part}/{digest}"))
    }
}

impl Registration {
    fn open(path: PathBuf, store: &Path, installed: &Path) -> Result<Self, RegistrationError> {
        let lock = |file: &File| file.lock_shared().map_err(failed("lock", &path));
        let mut file = open_locked(&path, lock, |error| failed("open", &path)(error))?;
        // Two runs may open a new file at once.
        let _store = lock_store(store)?;
        let mut bytes = Vec::new();
        file.rewind()
            .and_then(|()| file.read_to_end(&mut bytes))
            .map_err(failed("read", &path))?;
        let registered = match Registered::parse(&bytes, &path)? {
            Some(registered) => {
                if bytes.last() != Some(&b'\n') {
                    file.write_all(b"\n").map_err(failed("write", &path))?;
                }
                registered
            }
            None => {
                let registered = Registered {
                    installed: installed.to_owned(),
                    ..Registered::default()
                };
                file.write_all(&registered.to_bytes())
                    .map_err(failed("write", &path))?;
                registered
            }
        };
        Ok(Registration {
            path,
            file,
            registered,
        })
    }

    fn add(&mut self, store: &Path, entry: String) -> Result<(), RegistrationError> {
        if self.registered.entries.contains(&entry) {
            return Ok(());
        }
        // The garbage collection decides and renames while it has the store: either it sees this
        // line, or whoever claims sees that the entry is gone.
        let _store = lock_store(store)?;
        self.file
            .write_all(format!("{entry}\n").as_bytes())
            .map_err(failed("write", &self.path))?;
        self.registered.entries.insert(entry);
        Ok(())
    }
}
