//! Pictures of a directory, to tell what a run touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What would change if somebody wrote a file again, even with the same contents.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    mode: u32,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// Everything below a directory at one moment, by path relative to it.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    entries: BTreeMap<PathBuf, Entry>,
}

impl Tree {
    /// Takes a picture of `root`, which is not itself in it.
    pub(crate) fn of(root: &Path) -> Self {
        let mut entries = BTreeMap::new();
        let mut pending = vec![root.to_owned()];
        while let Some(directory) = pending.pop() {
            let failed = |error: std::io::Error| -> ! {
                panic!("cannot list {}: {error}", directory.display())
            };
            for child in fs::read_dir(&directory).unwrap_or_else(|error| failed(error)) {
                let path = child.unwrap_or_else(|error| failed(error)).path();
                let metadata = fs::symlink_metadata(&path)
                    .unwrap_or_else(|error| panic!("cannot examine {}: {error}", path.display()));
                // A directory changes with its entries, which are looked at themselves.
                let is_directory = metadata.is_dir();
                let entry = Entry {
                    mode: metadata.mode(),
                    inode: metadata.ino(),
                    size: if is_directory { 0 } else { metadata.size() },
                    changed: if is_directory {
                        (0, 0)
                    } else {
                        (metadata.ctime(), metadata.ctime_nsec())
                    },
                };
                let relative = path.strip_prefix(root).unwrap_or(&path).to_owned();
                entries.insert(relative, entry);
                if is_directory {
                    pending.push(path);
                }
            }
        }
        Tree { entries }
    }

    /// Returns this picture without the paths that are `left_out`, or below one of these.
    pub(crate) fn without(mut self, left_out: &[&str]) -> Self {
        self.entries
            .retain(|path, _| !left_out.iter().any(|prefix| path.starts_with(prefix)));
        self
    }

    /// Returns the paths that are there.
    pub(crate) fn paths(&self) -> BTreeSet<&Path> {
        self.entries.keys().map(PathBuf::as_path).collect()
    }

    /// Returns the paths of `self` that are gone in `later`.
    pub(crate) fn removed_in(&self, later: &Tree) -> BTreeSet<&Path> {
        let mut paths = self.paths();
        paths.retain(|path| !later.entries.contains_key(*path));
        paths
    }

    /// Returns the paths that `later` has and that are new or written since.
    pub(crate) fn written_in<'later>(&self, later: &'later Tree) -> BTreeSet<&'later Path> {
        let entries = later.entries.iter();
        let written = entries.filter(|(path, entry)| self.entries.get(*path) != Some(*entry));
        written.map(|(path, _)| path.as_path()).collect()
    }
}
