//! The entries that a run uses, registered in their stores.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
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
        if installed.as_os_str().as_encoded_bytes().contains(&b'\n') {
            let path = installed.to_owned();
            return Err(RegistrationError::Name { path });
        }
        let open = |path: &Path| {
            let mut options = OpenOptions::new();
            options.read(true).append(true).create(true).open(path)
        };
        let mut file = open_locked(&path, open, File::lock_shared)?;
        // Two runs may open a new file at once.
        let _store = lock_store(store)?;
        let mut bytes = Vec::new();
        file.rewind()
            .and_then(|()| file.read_to_end(&mut bytes))
            .map_err(failed("read", &path))?;
        let registered = match Registered::parse(&bytes, &path)? {
            Some(registered) if registered.installed == installed => {
                if bytes.last() != Some(&b'\n') {
                    file.write_all(b"\n").map_err(failed("write", &path))?;
                }
                registered
            }
            // New, or cut by a crash.
            _ => {
                let registered = Registered {
                    installed: installed.to_owned(),
                    ..Registered::default()
                };
                file.set_len(0)
                    .and_then(|()| file.write_all(&registered.to_bytes()))
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn each_entry_is_registered_once_for_whoever_may_write_there() {
        let store = tempfile::tempdir().expect("a directory can be made");
        let store = store.path();
        fs::set_permissions(store, fs::Permissions::from_mode(0o1777)).expect("it is ours");
        let installed = Path::new("/b/.installed.cfg");
        let path = registration_path(store, installed);
        let text = || fs::read_to_string(&path).expect("it was made");
        for _ in 0..2 {
            let claims = Claims::default();
            for digest in ["0", "1", "0"] {
                let claimed = claims.claim(store, "p", digest, installed);
                claimed.expect("it can be claimed");
            }
        }
        assert_eq!(text(), "buildout user 1\n/b/.installed.cfg\np/0\np/1\n");
        for directory in [".buildout", ".buildout/users"] {
            let metadata = fs::metadata(store.join(directory)).expect("it was made");
            assert_eq!(metadata.permissions().mode() & 0o7777, 0o1777);
        }
        // A line that was cut by a crash is no part of the next.
        fs::write(&path, "buildout user 1\n/b/.installed.cfg\np/").expect("it can be written");
        let claimed = Claims::default().claim(store, "p", "0", installed);
        claimed.expect("it can be claimed");
        assert_eq!(text(), "buildout user 1\n/b/.installed.cfg\np/\np/0\n");
        fs::write(&path, "buildout user 1\n/b/.ins").expect("it can be written");
        let claimed = Claims::default().claim(store, "p", "0", installed);
        claimed.expect("it can be claimed");
        assert_eq!(text(), "buildout user 1\n/b/.installed.cfg\np/0\n");
    }

    #[test]
    fn what_cannot_be_registered_is_told() {
        let store = tempfile::tempdir().expect("a directory can be made");
        let claim = |store: &Path| {
            let claims = Claims::default();
            claims.claim(store, "p", "0", Path::new("/b/.installed.cfg"))
        };
        let missing = claim(&store.path().join("missing")).expect_err("it is missing");
        assert!(!missing.is_refusal(), "{missing}");
        let lines = Claims::default().claim(store.path(), "p", "0", Path::new("/a\nb"));
        assert!(matches!(lines, Err(RegistrationError::Name { .. })));
        fs::remove_dir_all(store.path().join(".buildout")).expect("it was made");
        fs::write(store.path().join(".buildout"), "").expect("it can be written");
        let occupied = claim(store.path()).expect_err("a file is in the way");
        assert!(
            occupied.to_string().contains(".buildout/users"),
            "{occupied}"
        );
    }
}
