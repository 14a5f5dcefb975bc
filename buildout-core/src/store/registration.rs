//! Which buildouts use which entries of a store, as the runs themselves wrote
//! it down.
//!
//! A run registers the file that records what it installs (`.installed.cfg`)
//! in the stores it uses, and the entries it uses. What it registers:
//!
//! ```text
//! SHARED/.buildout/lock              a moment's lock, see `Claims::claim`
//! SHARED/.buildout/users/<MD5 of the path>
//!     buildout user 1                the form of this file
//!     /path/of/.installed.cfg
//!     PART/DIGEST                    a line for each entry it ever used
//! ```
//!
//! While the run goes on it holds a shared lock on its file: what it uses is
//! in use, though nothing may be recorded yet. Afterwards the file only tells
//! where to look: an entry is in use if `/path/of/.installed.cfg` names it.
//! Lines are only added, but for those of entries that are gone, which the
//! garbage collection drops, replacing the file.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use super::lock::{has_name, open_or_create};
use crate::fetch::{Algorithm, Digests};

/// The directory of a store that is ours.
pub(super) const OWN_DIRECTORY: &str = ".buildout";

/// The first line of a registration.
const HEADER: &str = "buildout user 1";

/// Registered users of a store that cannot be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
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
    /// The file that records what is installed cannot be written down.
    #[error("the name of `{}` has several lines", path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// The file has another form: it is not ours, or of a later version.
    #[error("`{}` has a form that this version does not know", path.display())]
    Form {
        /// The file.
        path: PathBuf,
    },
}

impl RegistrationError {
    /// Tells whether the store is another user's or read-only: it can be used,
    /// and not be told so.
    pub fn is_refusal(&self) -> bool {
        let RegistrationError::Io { source, .. } = self else {
            return false;
        };
        matches!(
            source.kind(),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
        )
    }
}

pub(super) fn failed(
    verb: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> RegistrationError {
    move |source| RegistrationError::Io {
        verb,
        path: path.to_owned(),
        source,
    }
}

/// What a registration says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Registered {
    /// The file that records what the user has installed.
    pub(super) installed: PathBuf,
    /// The entries it ever used, as `PART/DIGEST`.
    pub(super) entries: BTreeSet<String>,
}

impl Registered {
    /// Reads a registration. Nothing is known of a user whose file is empty:
    /// it was created a moment ago.
    pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Option<Self>, RegistrationError> {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        match lines.next() {
            None | Some(b"") => return Ok(None),
            Some(header) if header == HEADER.as_bytes() => {}
            Some(_) => {
                let path = path.to_owned();
                return Err(RegistrationError::Form { path });
            }
        }
        let installed = lines.next().unwrap_or_default().to_owned();
        // The last line may have been cut by a crash; it names no entry then.
        let entries = lines
            .filter(|line| !line.is_empty())
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        Ok(Some(Registered {
            installed: PathBuf::from(std::ffi::OsString::from_vec(installed)),
            entries,
        }))
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{HEADER}\n").into_bytes();
        bytes.extend_from_slice(self.installed.as_os_str().as_bytes());
        bytes.push(b'\n');
        for entry in &self.entries {
            bytes.extend_from_slice(entry.as_bytes());
            bytes.push(b'\n');
        }
        bytes
    }
}

/// Returns the registration of the user that records in `installed`.
pub(super) fn registration_path(store: &Path, installed: &Path) -> PathBuf {
    let name = Digests::of(installed.as_os_str().as_bytes()).hex(Algorithm::Md5);
    users_directory(store).join(name)
}

/// Returns the directory of the registrations of a store.
pub(super) fn users_directory(store: &Path) -> PathBuf {
    store.join(OWN_DIRECTORY).join("users")
}

/// Makes the directories of a store that are ours. Whoever may write to the
/// store may write there.
pub(super) fn make_own_directories(store: &Path) -> Result<(), RegistrationError> {
    let metadata = fs::metadata(store).map_err(failed("examine", store))?;
    let mode = fs::Permissions::from_mode(metadata.mode() & 0o7777);
    for directory in [store.join(OWN_DIRECTORY), users_directory(store)] {
        match fs::create_dir(&directory) {
            Ok(()) => {
                // Only members of a group can give something to it.
                let _ = chown(&directory, None, Some(metadata.gid()));
                fs::set_permissions(&directory, mode.clone())
                    .map_err(failed("set the mode of", &directory))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("create directory", &directory)(error)),
        }
    }
    Ok(())
}

/// Opens a file and locks it. Starts again if somebody replaced the file
/// meanwhile.
pub(super) fn open_locked(
    path: &Path,
    open: impl Fn(&Path) -> io::Result<File>,
    lock: impl Fn(&File) -> io::Result<()>,
) -> Result<File, RegistrationError> {
    loop {
        let file = open(path).map_err(failed("open", path))?;
        lock(&file).map_err(failed("lock", path))?;
        if has_name(&file, path) {
            return Ok(file);
        }
    }
}

/// Locks a store for a moment, in which its users change, or an entry that
/// nobody uses goes.
pub(super) fn lock_store(store: &Path) -> Result<File, RegistrationError> {
    let path = store.join(OWN_DIRECTORY).join("lock");
    open_locked(&path, open_or_create, File::lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrations_come_back_and_foreign_ones_are_refused() {
        let registered = Registered {
            installed: PathBuf::from("/a b/é/.installed.cfg"),
            entries: BTreeSet::from(["zlib/0123".to_owned(), "a b/45".to_owned()]),
        };
        let path = Path::new("file");
        let parsed = Registered::parse(&registered.to_bytes(), path).expect("it is ours");
        assert_eq!(parsed, Some(registered));
        assert_eq!(Registered::parse(b"", path).expect("it is new"), None);
        let error = Registered::parse(b"buildout user 2\n", path).expect_err("it is newer");
        assert!(error.to_string().contains("`file`"), "{error}");
    }
}
