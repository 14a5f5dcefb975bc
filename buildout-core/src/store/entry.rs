//! A store and its entries, as they are on disk.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustc_hash::FxBuildHasher;
use walkdir::WalkDir;

use super::lock::is_locked;
use super::references::is_digest;
use super::{MARKER, is_complete};

/// A store or an entry that cannot be looked at.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} `{}`: {source}", path.display())]
pub struct StoreError {
    verb: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl StoreError {
    pub(super) fn new(verb: &'static str, path: &Path, source: io::Error) -> Self {
        StoreError {
            verb,
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn of_walk(top: &Path, error: walkdir::Error) -> Self {
        let path = error.path().unwrap_or(top).to_owned();
        StoreError::new("examine", &path, error.into())
    }

    /// Tells whether what was looked at does not exist.
    pub(super) fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// An entry of a store: `STORE/PART/DIGEST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The directory of shared parts.
    pub store: PathBuf,
    /// The part.
    pub part: String,
    /// The digest of its marker.
    pub digest: String,
}

impl Entry {
    /// Returns where the entry is.
    pub fn location(&self) -> PathBuf {
        self.store.join(&self.part).join(&self.digest)
    }

    /// Returns `PART/DIGEST`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.part, self.digest)
    }

    /// Tells whether the entry has its marker.
    pub fn is_complete(&self) -> bool {
        is_complete(&self.location())
    }

    /// Tells whether a run of ours is building the entry, or removing it.
    pub fn is_locked(&self) -> bool {
        is_locked(&self.location())
    }

    /// Returns when the entry was completed, or last touched if it is not
    /// complete.
    ///
    /// # Errors
    ///
    /// It cannot be examined.
    pub fn time(&self) -> Result<SystemTime, StoreError> {
        let location = self.location();
        let marker = location.join(MARKER);
        let path = if marker.exists() { marker } else { location };
        fs::metadata(&path)
            .and_then(|metadata| metadata.modified())
            .map_err(|error| StoreError::new("examine", &path, error))
    }

    /// Returns how many bytes the files of the entry have; a file with several
    /// names counts once.
    ///
    /// # Errors
    ///
    /// Something in it cannot be examined.
    pub fn size(&self) -> Result<u64, StoreError> {
        tree_size(&self.location())
    }

    /// Returns where an entry is while it is being removed: hidden, and beside
    /// its place, so that moving it there needs no right to change it.
    pub(super) fn removal_location(&self) -> PathBuf {
        self.store
            .join(&self.part)
            .join(format!(".{}.removing", self.digest))
    }
}

/// Lists the entries of a store, complete or not, sorted.
///
/// # Errors
///
/// A directory cannot be listed.
pub(super) fn entries(store: &Path) -> Result<Vec<Entry>, StoreError> {
    named(store, |name| is_digest(name.as_bytes()).then_some(name))
}

/// Lists the entries whose removal was begun and not ended, sorted.
pub(super) fn removals(store: &Path) -> Result<Vec<Entry>, StoreError> {
    named(store, |name| {
        let digest = name.strip_prefix('.')?.strip_suffix(".removing")?;
        is_digest(digest.as_bytes()).then_some(digest)
    })
}

/// Lists the directories `PART/NAME` for whose name `digest` returns one.
fn named(store: &Path, digest: impl Fn(&str) -> Option<&str>) -> Result<Vec<Entry>, StoreError> {
    let mut found = Vec::new();
    for part in directories(store)? {
        if part.starts_with('.') {
            continue;
        }
        for name in directories(&store.join(&part))? {
            if let Some(digest) = digest(&name) {
                found.push(Entry {
                    store: store.to_owned(),
                    part: part.clone(),
                    digest: digest.to_owned(),
                });
            }
        }
    }
    found.sort_by(|a, b| (&a.part, &a.digest).cmp(&(&b.part, &b.digest)));
    Ok(found)
}

/// Lists the directories in a directory; links to directories are none.
/// No part has a name that is not UTF-8.
fn directories(path: &Path) -> Result<Vec<String>, StoreError> {
    let failed = |error| StoreError::new("list", path, error);
    let mut names = Vec::new();
    let listing = match fs::read_dir(path) {
        Ok(listing) => listing,
        // A part whose last entry was removed a moment ago.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
        Err(error) => return Err(failed(error)),
    };
    for entry in listing {
        let entry = entry.map_err(failed)?;
        let is_directory = entry.file_type().map_err(failed)?.is_dir();
        if let (true, Ok(name)) = (is_directory, entry.file_name().into_string()) {
            names.push(name);
        }
    }
    Ok(names)
}

pub(super) fn tree_size(path: &Path) -> Result<u64, StoreError> {
    let mut known: HashSet<(u64, u64), FxBuildHasher> = HashSet::default();
    let mut size = 0;
    for entry in WalkDir::new(path) {
        let metadata = match entry.and_then(|entry| entry.metadata()) {
            Ok(metadata) => metadata,
            Err(error) => match StoreError::of_walk(path, error) {
                // An entry that is being built changes.
                error if error.is_missing() => continue,
                error => return Err(error),
            },
        };
        let counted = metadata.is_dir()
            || metadata.nlink() > 1 && !known.insert((metadata.dev(), metadata.ino()));
        if !counted {
            size += metadata.len();
        }
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_named_by_a_digest_are_entries() {
        let store = tempfile::tempdir().expect("a directory can be made");
        let (one, two) = ("0".repeat(32), "a".repeat(32));
        for path in [
            format!("p/{two}/bin"),
            format!("p/{one}"),
            format!("p/.{one}.removing"),
            format!(".hidden/{one}"),
            "p/no-digest".to_owned(),
        ] {
            fs::create_dir_all(store.path().join(path)).expect("it can be made");
        }
        fs::write(store.path().join("file"), "").expect("it can be written");
        let files = store.path().join("p").join(&two).join("bin");
        fs::write(files.join("a"), "12345").expect("it can be written");
        fs::hard_link(files.join("a"), files.join("b")).expect("it can be linked");
        std::os::unix::fs::symlink("a", files.join("c")).expect("it can be made");

        let found = entries(store.path()).expect("it can be listed");
        let names: Vec<String> = found.iter().map(Entry::name).collect();
        assert_eq!(names, [format!("p/{one}"), format!("p/{two}")]);
        assert_eq!(found[1].size().expect("it can be examined"), 6);
        assert!(!found[0].is_complete() && !found[0].is_locked());
        let begun = removals(store.path()).expect("it can be listed");
        assert_eq!(begun.len(), 1);
        assert_eq!(begun[0].name(), format!("p/{one}"));
    }
}
