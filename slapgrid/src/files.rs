//! Files of the node: written atomically with an exact mode, only if they
//! differ; directories that only their owner enters; trees removed whatever
//! their modes.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use buildout_core::state::atomic::synchronise_directory;

/// The bits of a mode that are permissions.
const PERMISSIONS: u32 = 0o7777;

/// A failure of the file system.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} `{}`: {source}", path.display())]
pub struct FileError {
    /// What was tried.
    pub verb: &'static str,
    /// With which file.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

/// Makes an error of a verb, a path and a reason.
pub(crate) fn failed_to(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError { verb, path, source }
}

/// Returns the permissions of a file.
pub(crate) fn mode_of(metadata: &fs::Metadata) -> u32 {
    metadata.mode() & PERMISSIONS
}

/// Replaces the contents of a file, so that a crash leaves the old or the new
/// ones, unless contents and mode are these already (upstream's `updateFile`).
/// Returns whether anything changed.
///
/// # Errors
///
/// The file cannot be written; the old one is still there.
pub fn update_file(path: &Path, contents: &[u8], mode: u32) -> Result<bool, FileError> {
    let existing = read_at_most(path, contents.len() + 1);
    if let Ok((metadata, existing)) = &existing
        && existing == contents
    {
        if mode_of(metadata) == mode {
            return Ok(false);
        }
        fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(failed_to("set the mode of", path))?;
        return Ok(true);
    }
    replace(path, contents, mode, None).map_err(failed_to("write", path))?;
    Ok(true)
}

/// Replaces the contents of a file in one step, with this mode and, where the
/// process may, this owner and group.
///
/// # Errors
///
/// The file cannot be written; the old one is still there.
pub(crate) fn replace_file(
    path: &Path,
    contents: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> Result<(), FileError> {
    replace(path, contents, mode, owner).map_err(failed_to("write", path))
}

fn replace(path: &Path, contents: &[u8], mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut prefix = b".".to_vec();
    prefix.extend(path.file_name().unwrap_or_default().as_bytes());
    prefix.push(b'.');
    let mut temporary = tempfile::Builder::new()
        .prefix(std::ffi::OsStr::from_bytes(&prefix))
        .suffix(".tmp")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(directory)?;
    let file = temporary.as_file_mut();
    file.write_all(contents)?;
    if let Some((user, group)) = owner {
        std::os::unix::fs::fchown(&*file, Some(user), Some(group))?;
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    synchronise_directory(directory).map_err(io::Error::other)
}

fn read_at_most(path: &Path, limit: usize) -> io::Result<(fs::Metadata, Vec<u8>)> {
    use std::io::Read as _;
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut contents = Vec::new();
    file.take(limit as u64).read_to_end(&mut contents)?;
    Ok((metadata, contents))
}

/// Reads a small text that others may have written: at most `limit` bytes of a
/// regular file, links not followed. What is no UTF-8 is replaced.
///
/// # Errors
///
/// The file is not there or cannot be read.
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    read_opened_with(nofollow(), path, limit)
}

/// Reads a text of a regular file, at most `limit` bytes of it, links followed.
/// What is no UTF-8 is replaced. Where the node is root this may be any file of
/// the machine: what is read must not be shown.
///
/// # Errors
///
/// The file is not there or cannot be read.
pub(crate) fn read_file(path: &Path, limit: u64) -> io::Result<String> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    read_opened_with(flags, path, limit)
}

/// Reads a small text that this user has written, where others might have put
/// something else: as [`read_text`] does.
///
/// # Errors
///
/// The file is not there, cannot be read, or is somebody else's.
pub(crate) fn read_owned_text(path: &Path, limit: u64, user: u32) -> io::Result<String> {
    let (file, metadata) = open_regular(nofollow(), path)?;
    if metadata.uid() != user {
        return Err(io::Error::other("it is somebody else's"));
    }
    read_limited(file, limit)
}

fn read_opened_with(flags: i32, path: &Path, limit: u64) -> io::Result<String> {
    let (file, _) = open_regular(flags, path)?;
    read_limited(file, limit)
}

fn open_regular(flags: i32, path: &Path) -> io::Result<(File, fs::Metadata)> {
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok((file, metadata))
}

fn read_limited(file: File, limit: u64) -> io::Result<String> {
    use std::io::Read as _;
    let mut contents = Vec::new();
    file.take(limit).read_to_end(&mut contents)?;
    Ok(String::from_utf8_lossy(&contents).into_owned())
}

/// The flags by which a link or a pipe put in a file's place does no harm.
fn nofollow() -> i32 {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    flags.bits().cast_signed()
}

/// Makes a directory that only its owner may enter.
///
/// # Errors
///
/// It cannot be made or is no directory.
pub(crate) fn create_private_directory(path: &Path) -> Result<(), FileError> {
    create_directory(path, 0o700)
}

/// Makes a directory with exactly this mode, also if it is there already.
///
/// # Errors
///
/// It cannot be made or is no directory.
pub(crate) fn create_directory(path: &Path, mode: u32) -> Result<(), FileError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => result.map_err(failed_to("create directory", path))?,
    }
    let metadata = fs::metadata(path).map_err(failed_to("examine", path))?;
    if mode_of(&metadata) != mode {
        fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(failed_to("set the mode of", path))?;
    }
    Ok(())
}

/// Removes a file; none is fine. Returns whether there was one.
///
/// # Errors
///
/// It cannot be removed.
pub(crate) fn remove_file(path: &Path) -> Result<bool, FileError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed_to("remove", path)(error)),
    }
}

/// Removes a directory with all that is in it, also where modes forbid that.
///
/// # Errors
///
/// Something cannot be removed.
pub fn remove_tree(path: &Path) -> Result<(), FileError> {
    match fs::remove_dir_all(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        Err(error) => return Err(failed_to("remove", path)(error)),
    }
    open_directories(path);
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed_to("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Removes whatever is there, with all that is in it.
///
/// # Errors
///
/// Something cannot be removed.
pub(crate) fn remove_tree_or_file(path: &Path) -> Result<(), FileError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => remove_tree(path),
        Ok(_) => remove_file(path).map(drop),
        Err(_) => Ok(()),
    }
}

/// Removes all that is in a directory, but not the directory.
///
/// # Errors
///
/// Something cannot be removed.
pub(crate) fn empty_directory(path: &Path) -> Result<(), FileError> {
    let entries = fs::read_dir(path).map_err(failed_to("list", path))?;
    for entry in entries {
        let entry = entry.map_err(failed_to("list", path))?;
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory {
            remove_tree(&entry.path())?;
        } else {
            remove_file(&entry.path())?;
        }
    }
    Ok(())
}

/// Gives the owner all rights on the directories of a tree; what fails shows
/// when the tree is removed.
fn open_directories(path: &Path) {
    let mut waiting = vec![path.to_owned()];
    while let Some(directory) = waiting.pop() {
        let _ = fs::set_permissions(&directory, Permissions::from_mode(0o700));
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        for entry in entries {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(entry.path());
            }
        }
    }
}

/// Returns how many bytes users other than root may still use where `path` is
/// or will be (upstream's `free_space_nonroot`).
///
/// # Errors
///
/// The file system does not tell.
pub(crate) fn free_space(path: &Path) -> Result<u64, FileError> {
    let there = path
        .ancestors()
        .find(|ancestor| ancestor.exists())
        .unwrap_or(Path::new("/"));
    let space = rustix::fs::statvfs(there)
        .map_err(io::Error::from)
        .map_err(failed_to("examine the space of", there))?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Returns the sorted names in a directory; none if there is no directory.
///
/// # Errors
///
/// It cannot be read.
pub(crate) fn names_in(path: &Path) -> Result<Vec<String>, FileError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed_to("list", path)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed_to("list", path))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_only_when_it_differs() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert!(update_file(&path, b"one", 0o600).unwrap());
        let before = fs::metadata(&path).unwrap();
        assert!(!update_file(&path, b"one", 0o600).unwrap());
        assert_eq!(before.ino(), fs::metadata(&path).unwrap().ino());
        assert!(update_file(&path, b"one", 0o640).unwrap());
        assert_eq!(mode_of(&fs::metadata(&path).unwrap()), 0o640);
        // A longer file with the same beginning differs.
        assert!(update_file(&path, b"on", 0o640).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"on");
        assert_eq!(names_in(directory.path()).unwrap(), ["file"]);
    }

    #[test]
    fn closed_directories_are_removed_and_links_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let kept = directory.path().join("kept");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "").unwrap();
        let tree = directory.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/b/c"), "").unwrap();
        std::os::unix::fs::symlink(&kept, tree.join("link")).unwrap();
        fs::set_permissions(tree.join("a/b"), Permissions::from_mode(0o500)).unwrap();
        fs::set_permissions(tree.join("a"), Permissions::from_mode(0o000)).unwrap();
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        assert!(kept.join("file").exists());
    }
}
