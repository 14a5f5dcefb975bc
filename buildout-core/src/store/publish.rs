//! Making an entry complete and read-only.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{MARKER, Signature};
use crate::state::atomic::{ReplaceError, replace_file};

/// An entry that could not be made complete or read-only.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The marker could not be written; the entry is not complete.
    #[error("failed to complete the shared part `{}`", location.display())]
    Marker {
        /// The entry.
        location: PathBuf,
        /// Why.
        #[source]
        source: ReplaceError,
    },
    /// The modes could not be changed. The entry is complete all the same.
    #[error("failed to make `{}` read-only: {source}", path.display())]
    ReadOnly {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl PublishError {
    /// Tells whether the system does not let this process do it.
    pub fn is_refusal(&self) -> bool {
        let PublishError::ReadOnly { source, .. } = self else {
            return false;
        };
        matches!(
            source.kind(),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
        )
    }
}

/// The rights to write.
const WRITE_BITS: u32 = 0o222;
/// What of a mode stays in an entry.
const KEPT_BITS: u32 = 0o555;

/// Tells whether the entry at `location` is complete.
pub fn is_complete(location: &Path) -> bool {
    location.join(MARKER).exists()
}

/// Makes the entry at `location` complete and read-only.
///
/// The directory itself comes last: as long as it can be written to, [`seal`] has work to do. A
/// build that is killed at any moment leaves an entry that is incomplete, or that `seal` mends.
///
/// # Errors
///
/// See [`PublishError`].
pub fn publish(location: &Path, signature: &Signature) -> Result<(), PublishError> {
    make_read_only(location, 1)?;
    replace_file(&location.join(MARKER), signature.text().as_bytes()).map_err(|source| {
        PublishError::Marker {
            location: location.to_owned(),
            source,
        }
    })?;
    seal(location)
}

/// Makes a complete entry read-only if it is not: the build that completed it was killed before
/// it had done so.
///
/// # Errors
///
/// [`PublishError::ReadOnly`], which [is a refusal](PublishError::is_refusal) if the entry is
/// somebody else's.
pub fn seal(location: &Path) -> Result<(), PublishError> {
    let mode = fs::metadata(location).map(|found| found.permissions().mode());
    if mode.is_ok_and(|mode| mode & WRITE_BITS != 0) {
        make_read_only(location, 0)?;
    }
    Ok(())
}

/// Takes the right to write from everybody, for all that is `depth` or more levels below `top`,
/// directories after what they contain. Symbolic links are left alone. Set-ID bits go, as with
/// upstream.
fn make_read_only(top: &Path, depth: usize) -> Result<(), PublishError> {
    let failed = |path: &Path, source: io::Error| PublishError::ReadOnly {
        path: path.to_owned(),
        source,
    };
    for entry in WalkDir::new(top).min_depth(depth).contents_first(true) {
        let entry = entry.map_err(|error| {
            let at = error.path().unwrap_or(top).to_owned();
            failed(&at, error.into())
        })?;
        if entry.path_is_symlink() {
            continue;
        }
        let mode = entry
            .metadata()
            .map_err(|error| failed(entry.path(), error.into()))?
            .permissions()
            .mode();
        let mode = fs::Permissions::from_mode(mode & KEPT_BITS);
        fs::set_permissions(entry.path(), mode).map_err(|error| failed(entry.path(), error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_published_entry_is_complete_and_read_only() {
        let site = tempfile::tempdir().expect("a directory can be made");
        let outside = site.path().join("outside");
        fs::write(&outside, "").expect("it can be written");
        let entry = site.path().join("entry");
        fs::create_dir_all(entry.join("bin")).expect("it can be made");
        fs::write(entry.join("bin/tool"), "").expect("it can be written");
        let mode =
            |path: &Path| fs::metadata(path).expect("it exists").permissions().mode() & 0o7777;
        fs::set_permissions(entry.join("bin/tool"), fs::Permissions::from_mode(0o4755))
            .expect("it is ours");
        symlink(&outside, entry.join("link")).expect("it can be made");
        let signature = Signature::of([("recipe", "x")]);

        assert!(!is_complete(&entry));
        publish(&entry, &signature).expect("it can be published");

        assert!(is_complete(&entry));
        assert_eq!(
            fs::read_to_string(entry.join(MARKER)).expect("it exists"),
            signature.text()
        );
        for (path, expected) in [
            ("", 0o555),
            ("bin", 0o555),
            ("bin/tool", 0o555),
            (MARKER, 0o444),
        ] {
            assert_eq!(mode(&entry.join(path)), expected, "{path}");
        }
        assert_eq!(mode(&outside) & 0o200, 0o200);
        let entries = fs::read_dir(&entry).expect("it can be read").count();
        assert_eq!(entries, 3, "no temporary file is left");

        // As a build leaves it that is killed after the marker.
        for path in [entry.join(MARKER), entry.clone()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        seal(&entry).expect("it can be mended");
        assert_eq!(mode(&entry), 0o555);
        assert_eq!(mode(&entry.join(MARKER)), 0o555);

        // So that the temporary directory can be removed by any user.
        for path in [&entry, &entry.join("bin")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
    }
}
