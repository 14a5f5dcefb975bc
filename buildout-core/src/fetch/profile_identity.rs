//! Which file a profile's name means, whatever way it is spelled.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::extends::{is_url, normalize_path};

/// Tells profiles apart: files by their real directory and their name, others
/// by their URL.
pub(super) struct ProfileIdentities {
    working_directory: PathBuf,
    seen: RefCell<SeenDirectories>,
}

#[derive(Default)]
struct SeenDirectories {
    /// The real directories behind the spellings seen so far.
    by_spelling: FxHashMap<Arc<str>, RealDirectory>,
    /// What is known of the children of real directories.
    children: FxHashMap<Arc<str>, Children>,
}

/// A directory without symbolic links (the root is empty); `None` if it does
/// not exist.
type RealDirectory = Option<Arc<str>>;

/// So many children of a directory are looked at one by one before it is
/// listed: components lie side by side, and one listing is far quicker than
/// hundreds of looks.
const LOOKS_BEFORE_LISTING: u32 = 8;
/// So many entries of a directory are listed at most; one of many thousands,
/// of which a profile needs a few, is not worth it.
const LISTED_ENTRIES: usize = 8192;

/// The children of a real directory.
#[derive(Default)]
struct Children {
    looks: u32,
    /// Those that the listing showed to be directories, not links; any other
    /// name is looked at.
    directories: FxHashSet<String>,
}

impl Children {
    /// Tells whether `name` is known to be a directory and no link.
    fn is_directory(&mut self, parent: &str, name: &str) -> bool {
        if self.looks == LOOKS_BEFORE_LISTING {
            self.directories = list_directories(parent);
        }
        self.looks = self.looks.saturating_add(1);
        self.directories.contains(name)
    }
}

/// Lists the directories below `parent`, those whose kind is known; none if it
/// cannot be listed.
fn list_directories(parent: &str) -> FxHashSet<String> {
    let Ok(entries) = fs::read_dir(if parent.is_empty() { "/" } else { parent }) else {
        return FxHashSet::default();
    };
    entries
        .take(LISTED_ENTRIES)
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

impl ProfileIdentities {
    /// Relative names are seen from `working_directory`.
    pub(super) fn new(working_directory: PathBuf) -> Self {
        ProfileIdentities {
            working_directory,
            seen: RefCell::default(),
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
        let SeenDirectories {
            by_spelling,
            children,
        } = &mut *self.seen.borrow_mut();
        // From the whole path up to the first directory that is known.
        let mut ends = Vec::new();
        let mut end = absolute.len();
        let mut real = loop {
            if end == 0 {
                break Some(Arc::from(""));
            }
            if let Some(real) = by_spelling.get(&absolute[..end]) {
                break real.clone();
            }
            ends.push(end);
            end = absolute[..end].rfind('/')?;
        };
        let mut start = end;
        for end in ends.into_iter().rev() {
            let spelling = &absolute[..end];
            real = real.and_then(|parent| {
                real_child(children, &parent, spelling, &absolute[start + 1..end])
            });
            let key = match &real {
                Some(real) if **real == *spelling => Arc::clone(real),
                _ => Arc::from(spelling),
            };
            by_spelling.insert(key, real.clone());
            start = end;
        }
        real
    }
}

/// Returns the real path of `name` in a real directory; `spelling` is a path
/// that ends in it.
fn real_child(
    children: &mut FxHashMap<Arc<str>, Children>,
    parent: &Arc<str>,
    spelling: &str,
    name: &str,
) -> RealDirectory {
    match name {
        "" | "." => Some(Arc::clone(parent)),
        ".." => Some(Arc::from(&parent[..parent.rfind('/').unwrap_or(0)])),
        _ => {
            let path: Arc<str> = match spelling.strip_prefix(&**parent) {
                Some(rest) if rest.len() == 1 + name.len() => Arc::from(spelling),
                _ => Arc::from([parent, "/", name].concat()),
            };
            let siblings = children.entry(Arc::clone(parent)).or_default();
            if siblings.is_directory(parent, name) {
                return Some(path);
            }
            if fs::symlink_metadata(&*path).ok()?.is_symlink() {
                let real = fs::canonicalize(&*path).ok()?;
                return real.to_str().map(Arc::from);
            }
            Some(path)
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn many_children_are_told_apart_as_few_are() {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let root = fs::canonicalize(temporary.path()).expect("a real directory");
        for number in 0..2 * LOOKS_BEFORE_LISTING {
            fs::create_dir(root.join(format!("d{number}"))).expect("a directory");
            symlink(format!("d{number}"), root.join(format!("l{number}"))).expect("a link");
        }
        let identities = ProfileIdentities::new(root.clone());
        let root = root.to_str().expect("a path in UTF-8");
        for number in 0..2 * LOOKS_BEFORE_LISTING {
            let real = format!("{root}/d{number}/p.cfg");
            assert_eq!(identities.of(&real), real);
            assert_eq!(identities.of(&format!("l{number}/p.cfg")), real);
            assert_eq!(
                identities.of(&format!("l{number}/../d{number}/p.cfg")),
                real
            );
            let absent = format!("absent{number}/p.cfg");
            assert_eq!(identities.of(&absent), absent);
        }
    }
}
