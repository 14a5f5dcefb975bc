//! Replacing a file so that a crash leaves either the old or the new one.
//!
//! What a crash of the process or of the machine can lose, step by step:
//!
//! 1. *Temporary file created, being written, or synchronised*: the old file is untouched. A
//!    killed process leaves the temporary file `.NAME.XXXXXX.tmp` beside it, which nobody reads.
//! 2. *Renamed*: readers see the complete new file at once; none ever sees a part of it. The
//!    contents reached the disk before the rename, so a power failure cannot leave an empty file
//!    under the final name. It can still undo the rename: then the old file is back, complete.
//! 3. *Directory synchronised*: the replacement is permanent. [`replace_file`] returns only then.
//!
//! Readers which opened the old file keep reading the old contents. Hard links to the old file
//! keep it too: they are no longer the same file.

use std::{
    ffi::OsString,
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::{
        ffi::OsStringExt as _,
        fs::{MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

/// The mode of a new file before the process's umask is applied.
const NEW_FILE_MODE: u32 = 0o666;

/// The permission bits, set-id and sticky bits included.
const MODE_BITS: u32 = 0o7777;

/// How many symbolic links in a row are followed; the system's own limit is 40.
const MAXIMUM_LINKS: usize = 40;

/// A failure to replace a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// The existing file, or the link to it, could not be examined.
    #[error("failed to examine `{}`", path.display())]
    Examine {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The path is a symbolic link which leads to another one, and so on.
    #[error("too many symbolic links from `{}`", path.display())]
    TooManyLinks {
        /// The path which was to be replaced.
        path: PathBuf,
    },
    /// The path has no file name, such as `/` or `..`.
    #[error("`{}` does not name a file", path.display())]
    NoFileName {
        /// The path.
        path: PathBuf,
    },
    /// No temporary file could be made in the file's directory.
    #[error("failed to create a temporary file in `{}`", directory.display())]
    CreateTemporary {
        /// The directory.
        directory: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The temporary file could not be written, given its mode, or synchronised. It is removed.
    #[error("failed to write the new contents of `{}`", path.display())]
    Write {
        /// The file which was to be replaced.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The temporary file could not take the file's name. It is removed.
    #[error("failed to rename the new contents to `{}`", path.display())]
    Rename {
        /// The file which was to be replaced.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file *is* replaced, but a power failure might undo that.
    #[error("failed to synchronise directory `{}`", directory.display())]
    SynchroniseDirectory {
        /// The directory.
        directory: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Replaces a file's contents, or creates the file.
///
/// An existing file keeps its mode, and its owner where the process may set that; a new file gets
/// the mode which the umask gives. A symbolic link stays and the file it leads to is replaced (or
/// created), as if the file had been opened for writing. Unlike then, what counts is the permission
/// to write to the directory, which must exist, and not that to write to the old file.
///
/// # Errors
///
/// With every error but [`ReplaceError::SynchroniseDirectory`] the old file is still in place and
/// the temporary file is gone.
pub fn replace_file(path: &Path, contents: &[u8]) -> Result<(), ReplaceError> {
    let (path, existing) = final_target(path)?;
    let Some(name) = path.file_name() else {
        return Err(ReplaceError::NoFileName { path });
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let prefix = OsString::from_vec([b".", name.as_encoded_bytes(), b"."].concat());
    // The file is removed when this value is dropped before it has its final name.
    let mut temporary = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".tmp")
        .permissions(Permissions::from_mode(NEW_FILE_MODE))
        .tempfile_in(directory)
        .map_err(|source| ReplaceError::CreateTemporary {
            directory: directory.to_owned(),
            source,
        })?;
    fill(temporary.as_file_mut(), contents, existing.as_ref()).map_err(|source| {
        ReplaceError::Write {
            path: path.clone(),
            source,
        }
    })?;
    temporary
        .persist(&path)
        .map_err(|error| ReplaceError::Rename {
            path: path.clone(),
            source: error.error,
        })?;
    synchronise_directory(directory)
}

/// Makes the entries of a directory permanent: new names, renames and removals in it.
///
/// # Errors
///
/// [`ReplaceError::SynchroniseDirectory`]; a file system which has no such operation is fine.
pub fn synchronise_directory(directory: &Path) -> Result<(), ReplaceError> {
    match File::open(directory).and_then(|file| file.sync_all()) {
        Err(source) if source.kind() != io::ErrorKind::InvalidInput => {
            Err(ReplaceError::SynchroniseDirectory {
                directory: directory.to_owned(),
                source,
            })
        }
        _ => Ok(()),
    }
}

/// Writes and synchronises the temporary file, with the existing file's owner and mode.
fn fill(file: &mut File, contents: &[u8], existing: Option<&fs::Metadata>) -> io::Result<()> {
    file.write_all(contents)?;
    if let Some(existing) = existing {
        let current = file.metadata()?;
        if (current.uid(), current.gid()) != (existing.uid(), existing.gid()) {
            // Only a privileged process may give files away. For others the new file is theirs,
            // which is no reason to fail: they were allowed to replace it.
            let _ = std::os::unix::fs::fchown(&*file, Some(existing.uid()), Some(existing.gid()));
        }
        file.set_permissions(Permissions::from_mode(existing.mode() & MODE_BITS))?;
    }
    file.sync_all()
}

/// Follows symbolic links by hand, as a dangling one leads to a file that is to be created.
fn final_target(path: &Path) -> Result<(PathBuf, Option<fs::Metadata>), ReplaceError> {
    let mut target = path.to_owned();
    for _ in 0..MAXIMUM_LINKS {
        let examine = |source| ReplaceError::Examine {
            path: target.clone(),
            source,
        };
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_symlink() => {
                let link = fs::read_link(&target).map_err(examine)?;
                target = match target.parent() {
                    Some(parent) => parent.join(link),
                    None => link,
                };
            }
            Ok(metadata) => return Ok((target, Some(metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((target, None)),
            Err(source) => return Err(examine(source)),
        }
    }
    Err(ReplaceError::TooManyLinks {
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::symlink, thread};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("the file exists").mode() & MODE_BITS
    }

    fn names(directory: &Path) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .expect("the directory is readable")
            .map(|entry| entry.expect("the entry is readable").file_name())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_gets_the_mode_of_the_umask() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let reference = directory.path().join("reference");
        File::create(&reference).expect("created");
        let path = directory.path().join("new");
        replace_file(&path, b"x").expect("replaced");
        assert_eq!(mode(&path), mode(&reference));
        assert_eq!(names(directory.path()), ["new", "reference"]);
    }

    #[test]
    fn an_existing_file_keeps_its_mode_and_a_link_stays_a_link() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("file");
        fs::write(&path, "old").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("changed");
        symlink("file", directory.path().join("link")).expect("linked");
        symlink("absent", directory.path().join("dangling")).expect("linked");
        replace_file(&directory.path().join("link"), b"new").expect("replaced");
        replace_file(&directory.path().join("dangling"), b"born").expect("created");
        assert_eq!(fs::read(&path).expect("readable"), b"new");
        assert_eq!(mode(&path), 0o640);
        let expected = ["absent", "dangling", "file", "link"];
        assert_eq!(names(directory.path()), expected);
        assert!(directory.path().join("dangling").is_symlink());
    }

    #[test]
    fn failures_are_typed_and_leave_nothing_behind() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let absent = directory.path().join("absent/file");
        let error = replace_file(&absent, b"x").expect_err("no directory");
        assert!(matches!(error, ReplaceError::CreateTemporary { .. }));
        let occupied = directory.path().join("occupied");
        fs::create_dir_all(occupied.join("inside")).expect("made");
        let error = replace_file(&occupied, b"x").expect_err("a directory is in the way");
        assert!(matches!(error, ReplaceError::Rename { .. }), "{error:?}");
        symlink("loop", directory.path().join("loop")).expect("linked");
        let error = replace_file(&directory.path().join("loop"), b"x").expect_err("a loop");
        assert!(matches!(error, ReplaceError::TooManyLinks { .. }));
        assert_eq!(names(directory.path()), ["loop", "occupied"]);
    }

    #[test]
    fn a_reader_never_sees_a_part() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("file");
        let contents = |byte: u8| vec![byte; 300_000];
        replace_file(&path, &contents(b'a')).expect("replaced");
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 0..20_u8 {
                    replace_file(&path, &contents(b'a' + round)).expect("replaced");
                }
            });
            while !writer.is_finished() {
                let seen = fs::read(&path).expect("always readable");
                assert_eq!(seen, contents(seen[0]));
            }
        });
    }
}
