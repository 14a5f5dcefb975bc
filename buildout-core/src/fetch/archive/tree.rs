//! The destination of an unpacking: the only code that writes there.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustc_hash::{FxHashMap, FxHashSet};

use super::format::ArchiveFormat;
use super::{SkipReason, SkippedEntry, UnpackError, UnpackLimits, UnpackSummary};
use crate::fetch::copy::failed;

/// Size of the blocks read and written.
pub(super) const BLOCK_SIZE: usize = 128 * 1024;

/// An entry's name that stays inside the destination: relative, without `.`,
/// `..` and empty components. Empty for the destination itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryPath(PathBuf);

/// What is kept of an entry besides its contents.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attributes {
    /// Permission bits; none to leave the default of the umask.
    pub(super) mode: Option<u32>,
    /// Modification time; none to leave the present one.
    pub(super) modified: Option<SystemTime>,
}

/// Creates the entries of an archive below the destination.
///
/// The destination was empty at the start and is written by nobody else, so
/// everything there was put there by this value. Directories are never removed
/// or replaced: once a path is known to be a real directory, it stays one, and
/// each is looked at once.
pub(super) struct Tree<'a> {
    destination: &'a Path,
    limits: UnpackLimits,
    directories: FxHashSet<PathBuf>,
    /// The directory of the previous entry: archives come sorted.
    last_parent: PathBuf,
    /// Attributes of directories, applied at the end: until then they must be
    /// writable, and each new entry changes their time.
    pending: FxHashMap<PathBuf, Attributes>,
    block: Vec<u8>,
    entries: u64,
    bytes: u64,
    skipped: Vec<SkippedEntry>,
}

/// Where the bytes of a file went wrong.
pub(super) enum ContentError {
    /// While they were read.
    Read(io::Error),
    /// After that.
    Unpack(UnpackError),
}

impl<E: Into<UnpackError>> From<E> for ContentError {
    fn from(error: E) -> Self {
        Self::Unpack(error.into())
    }
}

impl<'a> Tree<'a> {
    pub(super) fn new(destination: &'a Path, limits: UnpackLimits) -> Self {
        Self {
            destination,
            limits,
            directories: FxHashSet::default(),
            last_parent: PathBuf::new(),
            pending: FxHashMap::default(),
            block: vec![0; BLOCK_SIZE],
            entries: 0,
            bytes: 0,
            skipped: Vec::new(),
        }
    }

    pub(super) fn limits(&self) -> &UnpackLimits {
        &self.limits
    }

    /// Counts an entry that is about to be looked at.
    pub(super) fn count_entry(&mut self) -> Result<(), UnpackError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(UnpackError::TooManyEntries {
                limit: self.limits.entries,
            });
        }
        Ok(())
    }

    /// Refuses contents that are announced to exceed the limit, before a byte
    /// of them is read.
    pub(super) fn check_announced(&self, size: u64) -> Result<(), UnpackError> {
        let limit = self.limits.total_bytes;
        if self.bytes.saturating_add(size) > limit {
            return Err(UnpackError::TooLarge { limit });
        }
        Ok(())
    }

    /// Notes an entry that is left out.
    pub(super) fn skip(&mut self, name: &[u8], reason: SkipReason) {
        self.skipped.push(SkippedEntry {
            name: String::from_utf8_lossy(name).into_owned(),
            reason,
        });
    }

    /// Interprets a name in the archive; the inner error is a reason to skip.
    pub(super) fn entry_path(
        &self,
        name: &[u8],
    ) -> Result<Result<EntryPath, SkipReason>, UnpackError> {
        self.check_length(name)?;
        if name.starts_with(b"/") {
            return Ok(Err(SkipReason::AbsoluteName));
        }
        let mut path = PathBuf::with_capacity(name.len());
        let mut nesting = 0;
        for component in name.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => return Ok(Err(SkipReason::ParentComponent)),
                _ => {
                    nesting += 1;
                    path.push(OsStr::from_bytes(component));
                }
            }
        }
        if nesting > self.limits.nesting {
            return Err(name_too_long(name));
        }
        Ok(Ok(EntryPath(path)))
    }

    pub(super) fn check_length(&self, name: &[u8]) -> Result<(), UnpackError> {
        if name.len() > self.limits.path_length {
            return Err(name_too_long(name));
        }
        Ok(())
    }

    pub(super) fn directory(
        &mut self,
        path: &EntryPath,
        attributes: Attributes,
    ) -> Result<(), UnpackError> {
        // The destination itself belongs to the caller, so `./` says nothing.
        if path.is_empty() {
            return Ok(());
        }
        self.make_parent(path)?;
        self.make_directory(path, &path.0)?;
        self.pending.insert(path.0.clone(), attributes);
        Ok(())
    }

    /// Creates a regular file; returns the number of bytes read.
    pub(super) fn file(
        &mut self,
        path: &EntryPath,
        attributes: Attributes,
        contents: &mut dyn Read,
    ) -> Result<u64, ContentError> {
        self.make_parent(path)?;
        let full = self.destination.join(&path.0);
        let mut file = self.create(path, || {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o666)
                .open(&full)
        })?;
        let mut size = 0;
        loop {
            let count = match contents.read(&mut self.block) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(ContentError::Read(error)),
            };
            self.check_announced(count as u64)?;
            self.bytes += count as u64;
            size += count as u64;
            file.write_all(&self.block[..count])
                .map_err(failed("write", &full))?;
        }
        if let Some(mode) = attributes.mode {
            file.set_permissions(Permissions::from_mode(mode & 0o777))
                .map_err(failed("set the mode of", &full))?;
        }
        if let Some(modified) = attributes.modified {
            file.set_modified(modified)
                .map_err(failed("set the time of", &full))?;
        }
        Ok(size)
    }

    pub(super) fn symlink(&mut self, path: &EntryPath, target: &[u8]) -> Result<(), UnpackError> {
        self.check_length(target)?;
        self.make_parent(path)?;
        let full = self.destination.join(&path.0);
        self.create(path, || symlink(OsStr::from_bytes(target), &full))
    }

    /// Creates a hard link to an earlier entry.
    ///
    /// The target may be a symlink, which is then linked itself, never
    /// followed, and must not lie below one.
    pub(super) fn hard_link(
        &mut self,
        path: &EntryPath,
        target: &EntryPath,
    ) -> Result<(), UnpackError> {
        self.make_parent(path)?;
        let full = self.destination.join(&path.0);
        let full_target = self.destination.join(&target.0);
        let is_linkable = self.has_real_parent(target)?
            && fs::symlink_metadata(&full_target).is_ok_and(|target| !target.is_dir());
        if !is_linkable {
            return Err(UnpackError::LinkTargetMissing {
                entry: path.display(),
                target: target.display(),
            });
        }
        // A link to itself is there already; removing it would lose the file.
        if path == target {
            return Ok(());
        }
        self.create(path, || fs::hard_link(&full_target, &full))
    }

    /// Runs a system call that creates an entry and fails if there is one; a
    /// file of that name is removed first. So nothing is written into an
    /// existing file, which may have other names, nor through a symlink.
    fn create<T>(
        &self,
        path: &EntryPath,
        make: impl Fn() -> io::Result<T>,
    ) -> Result<T, UnpackError> {
        let full = self.destination.join(&path.0);
        match make() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return Ok(other.map_err(failed("create", &full))?),
        }
        let existing = fs::symlink_metadata(&full).map_err(failed("read", &full))?;
        if existing.is_dir() {
            return Err(UnpackError::DirectoryInTheWay {
                entry: path.display(),
            });
        }
        fs::remove_file(&full).map_err(failed("remove", &full))?;
        Ok(make().map_err(failed("create", &full))?)
    }

    fn make_parent(&mut self, path: &EntryPath) -> Result<(), UnpackError> {
        let Some(parent) = path.0.parent() else {
            return Ok(());
        };
        if parent == self.last_parent {
            return Ok(());
        }
        if !parent.as_os_str().is_empty() && !self.directories.contains(parent) {
            // Of the prefixes, those up to some length are known already.
            let mut unknown: Vec<&Path> = parent
                .ancestors()
                .take_while(|prefix| {
                    !prefix.as_os_str().is_empty() && !self.directories.contains(*prefix)
                })
                .collect();
            while let Some(prefix) = unknown.pop() {
                self.make_directory(path, prefix)?;
            }
        }
        parent.clone_into(&mut self.last_parent);
        Ok(())
    }

    /// Makes one directory whose parent is known, unless it is there.
    fn make_directory(&mut self, path: &EntryPath, prefix: &Path) -> Result<(), UnpackError> {
        if self.directories.contains(prefix) {
            return Ok(());
        }
        let full = self.destination.join(prefix);
        match DirBuilder::new().create(&full) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let existing = fs::symlink_metadata(&full).map_err(failed("read", &full))?;
                if existing.is_symlink() {
                    return Err(UnpackError::ThroughSymlink {
                        entry: path.display(),
                        symlink: full,
                    });
                }
                if !existing.is_dir() {
                    return Err(UnpackError::NotADirectory {
                        entry: path.display(),
                        blocking: full,
                    });
                }
            }
            Err(error) => return Err(failed("create", &full)(error).into()),
        }
        self.directories.insert(prefix.to_owned());
        Ok(())
    }

    /// Says whether a path lies in a directory that was unpacked.
    fn has_real_parent(&self, path: &EntryPath) -> Result<bool, UnpackError> {
        let Some(parent) = path.0.parent() else {
            return Ok(false);
        };
        if parent.as_os_str().is_empty() || self.directories.contains(parent) {
            return Ok(true);
        }
        let symlinked = parent
            .ancestors()
            .map(|prefix| self.destination.join(prefix))
            .find(|prefix| fs::symlink_metadata(prefix).is_ok_and(|prefix| prefix.is_symlink()));
        match symlinked {
            Some(symlink) => Err(UnpackError::ThroughSymlink {
                entry: path.display(),
                symlink,
            }),
            None => Ok(false),
        }
    }

    pub(super) fn summary(&mut self, format: ArchiveFormat) -> UnpackSummary {
        UnpackSummary {
            entries: self.entries,
            bytes: self.bytes,
            skipped: std::mem::take(&mut self.skipped),
            ..UnpackSummary::new(format)
        }
    }

    /// Applies modes and times of directories, after `stripped` went away.
    pub(super) fn finish_directories(self, stripped: Option<&Path>) -> Result<(), UnpackError> {
        let mut pending: Vec<_> = self.pending.into_iter().collect();
        // Descending order: a mode that forbids to enter a directory must not
        // keep us from those inside.
        pending.sort_unstable_by(|(left, _), (right, _)| right.cmp(left));
        for (path, attributes) in pending {
            let path = match stripped {
                Some(top) => path.strip_prefix(top).unwrap_or(&path),
                None => &path,
            };
            if path.as_os_str().is_empty() {
                continue;
            }
            let full = self.destination.join(path);
            if let Some(modified) = attributes.modified {
                File::open(&full)
                    .and_then(|directory| directory.set_modified(modified))
                    .map_err(failed("set the time of", &full))?;
            }
            if let Some(mode) = attributes.mode {
                fs::set_permissions(&full, Permissions::from_mode(mode & 0o777))
                    .map_err(failed("set the mode of", &full))?;
            }
        }
        Ok(())
    }
}

impl EntryPath {
    pub(super) fn is_empty(&self) -> bool {
        self.0.as_os_str().is_empty()
    }

    fn display(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }
}

fn name_too_long(name: &[u8]) -> UnpackError {
    UnpackError::NameTooLong {
        entry: String::from_utf8_lossy(&name[..name.len().min(60)]).into_owned(),
    }
}
