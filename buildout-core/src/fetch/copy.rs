//! Copies that share no inode with their source.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::state::debris::STAGED_PREFIX;
use walkdir::WalkDir;

/// A copy that failed: what was attempted, and on which path.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} `{}`: {source}", path.display())]
pub struct CopyError {
    /// What was attempted, an infinitive such as `read`.
    pub verb: &'static str,
    /// The path concerned.
    pub path: PathBuf,
    /// The cause.
    #[source]
    pub source: io::Error,
}

pub(crate) fn failed<'a>(
    verb: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> CopyError + 'a {
    move |source| CopyError {
        verb,
        path: path.to_owned(),
        source,
    }
}

/// Creates a file beside its future place, with a name no other process uses.
///
/// `mode` is subject to the process's umask, like that of any new file.
pub(crate) fn stage_in(directory: &Path, mode: u32) -> Result<NamedTempFile, CopyError> {
    Builder::new()
        .prefix(STAGED_PREFIX)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(directory)
        .map_err(failed("create a temporary file in", directory))
}

/// Returns the directory a path is in.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Copies a regular file to a path, atomically and with its permission bits.
///
/// The blocks are shared with the source where the file system can do that
/// (they are copied when one side is written), else the bytes are copied. An
/// existing destination is replaced, never written into: if it is a hard link
/// made by upstream, the other names keep the old contents.
pub(crate) fn copy_file(source: &Path, destination: &Path) -> Result<(), CopyError> {
    commit(stage_copy(source, destination)?, destination)
}

/// Does what [`copy_file`] does, and makes the copy survive a power failure.
pub(crate) fn copy_file_durably(source: &Path, destination: &Path) -> Result<(), CopyError> {
    commit_durably(stage_copy(source, destination)?, destination)
}

/// Does what [`copy_file`] does, but for the mode: it is `mode`, subject to the
/// umask.
pub(crate) fn copy_bytes(source: &Path, destination: &Path, mode: u32) -> Result<(), CopyError> {
    let mut input = File::open(source).map_err(failed("open", source))?;
    let mut staged = stage_in(parent_of(destination), mode)?;
    fill(&mut staged, &mut input, source)?;
    commit(staged, destination)
}

fn stage_copy(source: &Path, destination: &Path) -> Result<NamedTempFile, CopyError> {
    let mut input = File::open(source).map_err(failed("open", source))?;
    let metadata = input.metadata().map_err(failed("read", source))?;
    let mut staged = stage_in(parent_of(destination), 0o600)?;
    fill(&mut staged, &mut input, source)?;
    staged
        .as_file()
        .set_permissions(Permissions::from_mode(metadata.mode() & 0o777))
        .map_err(failed("set the mode of", staged.path()))?;
    Ok(staged)
}

fn fill(staged: &mut NamedTempFile, input: &mut File, source: &Path) -> Result<(), CopyError> {
    if rustix::fs::ioctl_ficlone(staged.as_file(), &*input).is_err() {
        // This uses copy_file_range(2), else a plain loop.
        io::copy(input, staged.as_file_mut()).map_err(failed("copy", source))?;
    }
    Ok(())
}

/// Gives a staged file its final name, replacing what has that name.
pub(crate) fn commit(staged: NamedTempFile, destination: &Path) -> Result<(), CopyError> {
    staged
        .persist(destination)
        .map(drop)
        .map_err(|error| failed("replace", destination)(error.error))
}

/// Makes a file and its new name survive a power failure, then commits it.
pub(crate) fn commit_durably(staged: NamedTempFile, destination: &Path) -> Result<(), CopyError> {
    staged
        .as_file()
        .sync_all()
        .map_err(failed("synchronise", staged.path()))?;
    commit(staged, destination)?;
    let directory = parent_of(destination);
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed("synchronise", directory))
}

/// Copies a directory tree: files, directories and symlinks (as they are),
/// with permission bits and, for files and directories, modification times.
/// Other kinds of files are left out.
///
/// The destination is created if missing; if not, it keeps its own attributes.
pub(crate) fn copy_directory(source: &Path, destination: &Path) -> Result<(), CopyError> {
    copy_contents(source, destination)?.finish(destination, None)
}

/// A copied tree whose directories have no attributes yet, so that they can be
/// written into.
#[derive(Debug, Default)]
pub(crate) struct CopiedTree {
    /// Paths, relative to the source, of what was left out.
    pub(crate) left_out: Vec<PathBuf>,
    /// Directories of the source and their relative paths, parents first.
    directories: Vec<(PathBuf, PathBuf)>,
}

/// Does what [`copy_directory`] does, up to the attributes of directories.
pub(crate) fn copy_contents(source: &Path, destination: &Path) -> Result<CopiedTree, CopyError> {
    let mut tree = CopiedTree::default();
    let is_new = !destination.exists();
    fs::create_dir_all(destination).map_err(failed("create", destination))?;
    let real = |path: &Path| fs::canonicalize(path).map_err(failed("open", path));
    if real(destination)?.starts_with(real(source)?) {
        let error = io::Error::other("the destination is inside the directory to copy");
        return Err(failed("copy", source)(error));
    }
    for entry in WalkDir::new(source).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(source).to_owned();
            failed("read", &path)(error.into())
        })?;
        let from = entry.path();
        // Every entry of the walk is below its root.
        let relative = from.strip_prefix(source).unwrap_or(from);
        let to = destination.join(relative);
        let file_type = entry.file_type();
        if entry.depth() == 0 {
            if is_new {
                tree.directories.push((from.to_owned(), PathBuf::new()));
            }
        } else if file_type.is_dir() {
            fs::create_dir(&to).map_err(failed("create", &to))?;
            tree.directories
                .push((from.to_owned(), relative.to_owned()));
        } else if file_type.is_symlink() {
            let target = fs::read_link(from).map_err(failed("read", from))?;
            symlink(&target, &to).map_err(failed("create", &to))?;
        } else if file_type.is_file() {
            copy_file(from, &to)?;
            copy_times(from, &to)?;
        } else {
            tree.left_out.push(relative.to_owned());
        }
    }
    Ok(tree)
}

impl CopiedTree {
    /// Gives directories their attributes, children first: writing into one
    /// changes its time, and its mode may forbid to enter it. What was below
    /// `stripped` is directly in the destination by now.
    pub(crate) fn finish(
        &self,
        destination: &Path,
        stripped: Option<&Path>,
    ) -> Result<(), CopyError> {
        for (from, relative) in self.directories.iter().rev() {
            let to = match stripped {
                Some(top) if relative == top => continue,
                Some(top) => destination.join(relative.strip_prefix(top).unwrap_or(relative)),
                None => destination.join(relative),
            };
            let metadata = fs::metadata(from).map_err(failed("read", from))?;
            copy_times(from, &to)?;
            fs::set_permissions(&to, Permissions::from_mode(metadata.mode() & 0o777))
                .map_err(failed("set the mode of", &to))?;
        }
        Ok(())
    }
}

fn copy_times(from: &Path, to: &Path) -> Result<(), CopyError> {
    let modified = fs::metadata(from)
        .and_then(|metadata| metadata.modified())
        .map_err(failed("read", from))?;
    File::open(to)
        .and_then(|file| file.set_modified(modified))
        .map_err(failed("set the time of", to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_shares_nothing_and_replaces_links() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("source"), "new").unwrap();
        fs::set_permissions(path("source"), Permissions::from_mode(0o4751)).unwrap();
        fs::write(path("other"), "old").unwrap();
        fs::hard_link(path("other"), path("copy")).unwrap();
        copy_file(&path("source"), &path("copy")).unwrap();
        assert_eq!(fs::read(path("copy")).unwrap(), b"new");
        assert_eq!(fs::read(path("other")).unwrap(), b"old");
        let metadata = fs::metadata(path("copy")).unwrap();
        assert_eq!((metadata.nlink(), metadata.mode() & 0o7777), (1, 0o751));
        assert_ne!(metadata.ino(), fs::metadata(path("source")).unwrap().ino());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    }

    #[test]
    fn copies_trees() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("a/to"));
        fs::create_dir_all(from.join("closed")).unwrap();
        fs::write(from.join("closed/file"), "x").unwrap();
        symlink("/nowhere", from.join("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, from.join("pipe"), 0o600.into()).unwrap();
        let past = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        File::open(from.join("closed"))
            .unwrap()
            .set_modified(past)
            .unwrap();
        fs::set_permissions(from.join("closed"), Permissions::from_mode(0o555)).unwrap();
        copy_directory(&from, &to).unwrap();
        assert!(!to.join("pipe").exists());
        assert_eq!(fs::read(to.join("closed/file")).unwrap(), b"x");
        assert_eq!(
            fs::read_link(to.join("link")).unwrap(),
            Path::new("/nowhere")
        );
        let closed = fs::metadata(to.join("closed")).unwrap();
        assert_eq!(closed.mode() & 0o777, 0o555);
        assert_eq!(closed.modified().unwrap(), past);
        let error = copy_directory(&from, &from.join("inside")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "failed to copy `{}`: the destination is inside the directory to copy",
                from.display()
            )
        );
    }
}
