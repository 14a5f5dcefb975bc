//! Which file a profile's name means, whatever way it is spelled.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::extends::{is_url, normalize_path};

/// Tells profiles apart: files by their real directory and their name, others
/// by their URL.
pub(super) struct ProfileIdentities {
    working_directory: PathBuf,
    /// The real directories behind the spellings seen so far.
    directories: RefCell<FxHashMap<String, RealDirectory>>,
}

/// A directory without symbolic links (the root is empty); `None` if it does
/// not exist.
type RealDirectory = Option<Arc<str>>;

impl ProfileIdentities {
    /// Relative names are seen from `working_directory`.
    pub(super) fn new(working_directory: PathBuf) -> Self {
        ProfileIdentities {
            working_directory,
            directories: RefCell::default(),
        }
    }

    /// Returns what [`crate::extends::ProfileLoader::identity`] is.
    pub(super) fn of(&self, source: &str) -> String {
        if is_url(source) {
            return normalize_url(source);
        }
        let (directory, name) = source.rsplit_once('/').unwrap_or(("", source));
        let directory = if source.starts_with('/') && directory.is_empty() {
            "/"
        } else {
            directory
        };
        match self.real_directory(directory) {
            Some(real) => [real.trim_end_matches('/'), "/", name].concat(),
            None => source.to_owned(),
        }
    }

    /// Returns the real path of a directory. Each component of each spelling is
    /// looked at once: a tree of profiles has few directories and many paths
    /// to them.
    fn real_directory(&self, directory: &str) -> RealDirectory {
        let absolute = match directory.starts_with('/') {
            true => Cow::Borrowed(directory),
            false => Cow::Owned(self.working_directory.join(directory).to_str()?.to_owned()),
        };
        let absolute = absolute.trim_end_matches('/');
        let mut known = self.directories.borrow_mut();
        // From the whole path up to the first directory that is known.
        let mut ends = Vec::new();
        let mut end = absolute.len();
        let mut real = loop {
            if end == 0 {
                break Some(Arc::from(""));
            }
            if let Some(real) = known.get(&absolute[..end]) {
                break real.clone();
            }
            ends.push(end);
            end = absolute[..end].rfind('/')?;
        };
        let mut start = end;
        for end in ends.into_iter().rev() {
            real = real.and_then(|parent| real_child(&parent, &absolute[start + 1..end]));
            known.insert(absolute[..end].to_owned(), real.clone());
            start = end;
        }
        real
    }
}

/// Returns the real path of `name` in a real directory.
fn real_child(parent: &Arc<str>, name: &str) -> RealDirectory {
    match name {
        "" | "." => Some(Arc::clone(parent)),
        ".." => Some(Arc::from(&parent[..parent.rfind('/').unwrap_or(0)])),
        _ => {
            let path = [parent, "/", name].concat();
            if fs::symlink_metadata(&path).ok()?.is_symlink() {
                let real = fs::canonicalize(&path).ok()?;
                return real.to_str().map(Arc::from);
            }
            Some(Arc::from(path))
        }
    }
}

/// Resolves `..` in the path of a URL, so that a circle of URLs is noticed.
fn normalize_url(url: &str) -> String {
    let Some(host) = url.find("://").map(|at| at + 3) else {
        return url.to_owned();
    };
    match url[host..].find('/') {
        Some(slash) => {
            let (authority, path) = url.split_at(host + slash);
            format!("{authority}{}", normalize_path(path))
        }
        None => url.to_owned(),
    }
}
