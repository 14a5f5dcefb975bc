//! Deleting what a part recorded as installed (upstream's `_uninstall`, with its defects mended).
//!
//! A recorded path is data from a file that others write too, so what is deleted is bounded: only
//! entries strictly below the buildout directory, or below a directory which the user configured
//! (`parts-directory` and its kin may lie elsewhere; see [`RemovalScope::allow`]). A path has to
//! be inside by its spelling and by the real place of its parent directory, so that neither `..`
//! nor a symbolic link leads out. All other paths are left alone and reported. Upstream deletes
//! them without a question.
//!
//! Symbolic links are unlinked, never followed, wherever they lead and also when they dangle
//! (upstream leaves both kinds, and takes the permissions of the directory a link leads to). All
//! work is done relative to open directories, so a directory exchanged for a link meanwhile does
//! not redirect it.
//!
//! Directories inside a tree are made writable when the process owns them. Directories above the
//! recorded path are not: that they are read-only is somebody's decision.

use std::{
    ffi::{CString, OsStr},
    fs, io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat},
    io::Errno,
};

/// Opens a directory for reading its entries, refusing a symbolic link.
const READ_DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens a directory for passing through it. On Linux this needs no permission to read it.
#[cfg(any(target_os = "linux", target_os = "android"))]
const PASS_DIRECTORY: OFlags = READ_DIRECTORY.union(OFlags::PATH);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const PASS_DIRECTORY: OFlags = READ_DIRECTORY;

/// What happened to the recorded paths. Each one is in exactly one of the lists, but for the
/// failures, of which one path can have several. Empty paths are in none.
#[derive(Debug, Default)]
#[must_use = "failures and refused paths have to be shown"]
pub struct RemovalReport {
    /// Existed and are gone.
    pub removed: Vec<PathBuf>,
    /// Did not exist.
    pub missing: Vec<PathBuf>,
    /// Lie outside the directories where anything may be removed, or are one of these
    /// directories, or contain one. Nothing was done about them.
    pub refused_outside: Vec<PathBuf>,
    /// What could not be removed. All other paths and entries were dealt with nevertheless.
    pub failures: Vec<RemovalError>,
}

/// A failure to remove a path, or an entry of a recorded directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemovalError {
    /// The directory which bounds removals must be absolute: the current directory is not ours.
    #[error("directory `{}` is not absolute", path.display())]
    NotAbsolute {
        /// The directory.
        path: PathBuf,
    },
    /// The real place of a directory could not be found out.
    #[error("failed to resolve directory `{}`", path.display())]
    Resolve {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An entry could not be examined.
    #[error("failed to examine `{}`", path.display())]
    Examine {
        /// The entry.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A directory could not be opened.
    #[error("failed to open directory `{}`", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The entries of a directory could not be read.
    #[error("failed to list directory `{}`", path.display())]
    List {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file or a link could not be removed.
    #[error("failed to remove `{}`", path.display())]
    Unlink {
        /// The file or link.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An emptied directory could not be removed.
    #[error("failed to remove directory `{}`", path.display())]
    RemoveDirectory {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Somebody moved a directory to another place while it was being removed.
    #[error("directory `{}` was moved while it was being removed", path.display())]
    Moved {
        /// Where the directory was.
        path: PathBuf,
    },
}

/// A directory below which removing is allowed, as spelt and as it really is.
#[derive(Clone, Debug)]
struct Root {
    spelt: PathBuf,
    real: PathBuf,
}

/// Where recorded paths may be removed.
#[derive(Clone, Debug)]
pub struct RemovalScope {
    directory: PathBuf,
    roots: Vec<Root>,
}

impl RemovalScope {
    /// Allows removals below the buildout directory, which recorded paths are relative to.
    ///
    /// # Errors
    ///
    /// [`RemovalError::NotAbsolute`], and [`RemovalError::Resolve`] if it does not exist.
    pub fn new(directory: &Path) -> Result<Self, RemovalError> {
        let mut scope = Self {
            directory: directory.to_owned(),
            roots: Vec::new(),
        };
        scope.allow(directory)?;
        Ok(scope)
    }

    /// Also allows removals below another existing directory, but not of that directory.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn allow(&mut self, root: &Path) -> Result<(), RemovalError> {
        if !root.is_absolute() {
            return Err(RemovalError::NotAbsolute {
                path: root.to_owned(),
            });
        }
        let real = fs::canonicalize(root).map_err(|source| RemovalError::Resolve {
            path: root.to_owned(),
            source,
        })?;
        let spelt = without_dots(root);
        self.roots.push(Root { spelt, real });
        Ok(())
    }

    /// Removes the recorded paths, as far as allowed and possible.
    ///
    /// Directories are removed with everything in them; everything else is unlinked. Missing paths
    /// are fine, empty ones are skipped. An error ends neither the whole nor one directory: what
    /// can be removed is.
    pub fn remove<'a>(&self, recorded: impl IntoIterator<Item = &'a str>) -> RemovalReport {
        let mut report = RemovalReport::default();
        for path in recorded {
            if path.is_empty() {
                continue;
            }
            let path = self.directory.join(path);
            let failures = report.failures.len();
            match self.remove_one(&path, &mut report.failures) {
                Ok(Outcome::Removed) => report.removed.push(path),
                Ok(Outcome::Missing) => report.missing.push(path),
                Ok(Outcome::Refused) => report.refused_outside.push(path),
                Ok(Outcome::Incomplete) => debug_assert!(failures < report.failures.len()),
                Err(error) => report.failures.push(error),
            }
        }
        report
    }

    fn remove_one(
        &self,
        path: &Path,
        failures: &mut Vec<RemovalError>,
    ) -> Result<Outcome, RemovalError> {
        let spelt = without_dots(path);
        let inside = |path: &Path| {
            let below = |root: &Root| path.starts_with(&root.spelt) || path.starts_with(&root.real);
            self.roots.iter().any(below) && !self.contains_root(path)
        };
        if !inside(&spelt) {
            return Ok(Outcome::Refused);
        }
        let resolve = |path: &Path| match fs::canonicalize(path) {
            Ok(real) => Ok(Some(real)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(source) => Err(RemovalError::Resolve {
                path: path.to_owned(),
                source,
            }),
        };
        // The system's idea of `..` after a symbolic link counts, as for upstream; that both
        // ideas lie inside is all that the spelling is for.
        let (parent, name) = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => (resolve(parent)?, name.to_owned()),
            _ => match resolve(path)? {
                None => return Ok(Outcome::Missing),
                Some(real) => match (real.parent(), real.file_name()) {
                    (Some(parent), Some(name)) => (Some(parent.to_owned()), name.to_owned()),
                    _ => return Ok(Outcome::Refused),
                },
            },
        };
        let Some(parent) = parent else {
            return Ok(Outcome::Missing);
        };
        let real_root = self
            .roots
            .iter()
            .map(|root| root.real.as_path())
            .find(|root| parent.starts_with(root));
        let Some(real_root) = real_root else {
            return Ok(Outcome::Refused);
        };
        if self.contains_root(&parent.join(&name)) {
            return Ok(Outcome::Refused);
        }
        let Ok(c_name) = CString::new(name.as_bytes()) else {
            return Ok(Outcome::Missing);
        };
        let parent = match open_below(real_root, &parent) {
            Ok(parent) => parent,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Outcome::Missing),
            Err(source) => {
                return Err(RemovalError::Open {
                    path: parent,
                    source: source.into(),
                });
            }
        };
        match rustix::fs::statat(&parent, c_name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                let before = failures.len();
                Tree::new(parent.as_fd(), path, failures).remove(c_name);
                Ok(if failures.len() == before {
                    Outcome::Removed
                } else {
                    Outcome::Incomplete
                })
            }
            Ok(_) => match rustix::fs::unlinkat(&parent, c_name.as_c_str(), AtFlags::empty()) {
                Ok(()) => Ok(Outcome::Removed),
                Err(Errno::NOENT) => Ok(Outcome::Missing),
                Err(source) => Err(RemovalError::Unlink {
                    path: path.to_owned(),
                    source: source.into(),
                }),
            },
            Err(Errno::NOENT) => Ok(Outcome::Missing),
            Err(source) => Err(RemovalError::Examine {
                path: path.to_owned(),
                source: source.into(),
            }),
        }
    }

    /// Returns whether a path is one of the bounding directories, or above one.
    fn contains_root(&self, path: &Path) -> bool {
        self.roots
            .iter()
            .any(|root| root.spelt.starts_with(path) || root.real.starts_with(path))
    }
}

/// What became of one recorded path.
enum Outcome {
    Removed,
    Missing,
    Refused,
    Incomplete,
}

/// A directory on the way from the top of a tree to where the work is.
struct Level {
    name: CString,
    identity: (u64, u64),
    /// Directories in it which are still to be removed.
    directories: Vec<CString>,
    /// Whether something in it could not be removed, so that it cannot be either.
    incomplete: bool,
}

/// The removal of one directory tree.
///
/// Only two directories are open at any time: the tree's parent and the one worked in. The way up
/// is `..`, checked against the identity noted on the way down. So depth is bounded by memory
/// only, not by the stack or by the limit of open files.
struct Tree<'a> {
    parent: BorrowedFd<'a>,
    levels: Vec<Level>,
    /// The path of the last level, for messages.
    path: PathBuf,
    failures: &'a mut Vec<RemovalError>,
}

impl<'a> Tree<'a> {
    fn new(parent: BorrowedFd<'a>, path: &Path, failures: &'a mut Vec<RemovalError>) -> Self {
        Self {
            parent,
            levels: Vec::new(),
            path: path.parent().unwrap_or(path).to_owned(),
            failures,
        }
    }

    fn remove(&mut self, name: CString) {
        let Some(mut current) = self.enter(self.parent, name) else {
            return;
        };
        while let Some(level) = self.levels.last_mut() {
            if let Some(name) = level.directories.pop() {
                if let Some(inner) = self.enter(current.as_fd(), name) {
                    current = inner;
                }
            } else if let Some(outer) = self.leave(&current) {
                current = outer;
            } else {
                return;
            }
        }
    }

    /// Opens a directory, removes its entries which are no directories, and makes it the last
    /// level. Returns nothing if that failed, which is noted.
    fn enter(&mut self, outer: BorrowedFd<'_>, name: CString) -> Option<OwnedFd> {
        self.path.push(OsStr::from_bytes(name.as_bytes()));
        let opened = open_to_empty(outer, &name)
            .and_then(|directory| Ok((rustix::fs::fstat(&directory)?, directory)));
        let (stat, directory) = match opened {
            Ok(opened) => opened,
            Err(errno) => {
                if errno != Errno::NOENT {
                    let path = self.path.clone();
                    let source = errno.into();
                    self.fail(RemovalError::Open { path, source });
                }
                self.path.pop();
                return None;
            }
        };
        self.levels.push(Level {
            name,
            identity: identity(&stat),
            directories: Vec::new(),
            incomplete: false,
        });
        if let Err(errno) = self.empty(&directory) {
            let path = self.path.clone();
            let source = errno.into();
            self.fail(RemovalError::List { path, source });
        }
        Some(directory)
    }

    /// Removes the entries of the last level which are no directories, and notes the others.
    fn empty(&mut self, directory: &OwnedFd) -> Result<(), Errno> {
        // All entries are read before the first is removed: it is unspecified what a directory
        // which changes meanwhile shows.
        let entries: Vec<_> = Dir::read_from(directory)?.collect::<Result<_, _>>()?;
        for entry in entries {
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let file_type = match entry.file_type() {
                FileType::Unknown => {
                    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                        Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                        // Unlinking will say what is wrong.
                        Err(_) => FileType::Unknown,
                    }
                }
                known => known,
            };
            if file_type == FileType::Directory {
                if let Some(level) = self.levels.last_mut() {
                    level.directories.push(name.to_owned());
                }
                continue;
            }
            match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => {
                    let path = self.path.join(OsStr::from_bytes(name.to_bytes()));
                    let source = errno.into();
                    self.fail(RemovalError::Unlink { path, source });
                }
            }
        }
        Ok(())
    }

    /// Goes up from the finished last level and removes it. Returns the directory above, or
    /// nothing at the end.
    fn leave(&mut self, current: &OwnedFd) -> Option<OwnedFd> {
        let level = self.levels.pop()?;
        let outer = match self.levels.last() {
            None => None,
            Some(above) => {
                let outer = rustix::fs::openat(current, c"..", READ_DIRECTORY, Mode::empty());
                let same = |outer: &OwnedFd| {
                    rustix::fs::fstat(outer).is_ok_and(|stat| identity(&stat) == above.identity)
                };
                match outer {
                    Ok(outer) if same(&outer) => Some(outer),
                    _ => {
                        let path = self.path.clone();
                        self.failures.push(RemovalError::Moved { path });
                        return None;
                    }
                }
            }
        };
        let above = outer.as_ref().map_or(self.parent, AsFd::as_fd);
        if level.incomplete {
            self.mark_incomplete();
        } else {
            match rustix::fs::unlinkat(above, level.name.as_c_str(), AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => {
                    let path = self.path.clone();
                    let source = errno.into();
                    self.fail(RemovalError::RemoveDirectory { path, source });
                }
            }
        }
        self.path.pop();
        outer
    }

    /// Notes a failure, because of which the last level cannot be removed.
    fn fail(&mut self, error: RemovalError) {
        self.failures.push(error);
        self.mark_incomplete();
    }

    fn mark_incomplete(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.incomplete = true;
        }
    }
}

/// Opens a directory and makes sure that its entries can be removed, if the process owns it.
fn open_to_empty(outer: BorrowedFd<'_>, name: &CString) -> Result<OwnedFd, Errno> {
    let user = rustix::process::geteuid().as_raw();
    let lacks_rights = |stat: &Stat| {
        stat.st_uid == user && !Mode::from_raw_mode(stat.st_mode).contains(Mode::RWXU)
    };
    let open = || rustix::fs::openat(outer, name.as_c_str(), READ_DIRECTORY, Mode::empty());
    let directory = match open() {
        Err(Errno::ACCESS) => {
            let stat = rustix::fs::statat(outer, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW)?;
            let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            if !is_directory || !lacks_rights(&stat) {
                return Err(Errno::ACCESS);
            }
            // There is no portable way to change a mode without following a link. One put here
            // this very moment could only grant its owner, who is us, rights to its target; a
            // privileged process never gets here, as nothing is denied to it.
            let mode = Mode::from_raw_mode(stat.st_mode).union(Mode::RWXU);
            rustix::fs::chmodat(outer, name.as_c_str(), mode, AtFlags::empty())?;
            open()?
        }
        opened => opened?,
    };
    let stat = rustix::fs::fstat(&directory)?;
    if lacks_rights(&stat) {
        rustix::fs::fchmod(
            &directory,
            Mode::from_raw_mode(stat.st_mode).union(Mode::RWXU),
        )?;
    }
    Ok(directory)
}

/// Opens a directory by its real path without following a link on the way from `root`.
fn open_below(root: &Path, real: &Path) -> Result<OwnedFd, Errno> {
    let mut directory = rustix::fs::open(root, PASS_DIRECTORY, Mode::empty())?;
    for component in real.strip_prefix(root).unwrap_or(real).components() {
        directory = rustix::fs::openat(
            &directory,
            component.as_os_str(),
            PASS_DIRECTORY,
            Mode::empty(),
        )?;
    }
    Ok(directory)
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

fn is_missing(error: &io::Error) -> bool {
    // A path with a NUL byte names nothing, and a file where a directory should be means that
    // nothing can be below.
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput
    )
}

/// Returns an absolute path without `.` and `..`, by its spelling alone.
fn without_dots(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            _ => result.push(component),
        }
    }
    result
}

#[cfg(test)]
mod tests;
