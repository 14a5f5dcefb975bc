//! Files with a content that a recipe computes.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use buildout_core::state::debris::STAGED_PREFIX;

use crate::system_error::{SystemError, failed};

/// The permission bits, set-id and sticky bits included.
const MODE_BITS: u32 = 0o7777;

/// Gives the file at `path` a content and a mode.
///
/// A file that has the content already is not written, only its mode is set:
/// recipes run again and again, and what watches the file should see no change.
/// Else the file, or a link of its name, is replaced in one step: readers see
/// the old content or the new one, and a file in execution is not disturbed.
/// The directory must exist.
pub(crate) fn write_if_different(
    path: &Path,
    content: &[u8],
    mode: u32,
) -> Result<(), SystemError> {
    if let Some(file) = open_if_same(path, content) {
        let current = file.metadata().map_err(failed("examine", path))?;
        if current.permissions().mode() & MODE_BITS != mode {
            file.set_permissions(Permissions::from_mode(mode))
                .map_err(failed("set the mode of", path))?;
        }
        return Ok(());
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut staged = tempfile::Builder::new()
        .prefix(STAGED_PREFIX)
        .tempfile_in(directory)
        // The error would name the temporary file.
        .map_err(|error| failed("create", path)(error.kind().into()))?;
    let file = staged.as_file_mut();
    file.write_all(content).map_err(failed("write", path))?;
    file.set_permissions(Permissions::from_mode(mode))
        .map_err(failed("set the mode of", path))?;
    staged
        .persist(path)
        .map_err(|error| failed("replace", path)(error.error))?;
    Ok(())
}

/// Opens a file if it has exactly this content; whatever prevents it is no
/// error, since the file is replaced then.
fn open_if_same(path: &Path, content: &[u8]) -> Option<File> {
    // A FIFO would make us wait, and another kind of file is to be replaced.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    if file.metadata().ok()?.len() != content.len() as u64 {
        return None;
    }
    let mut current = Vec::with_capacity(content.len());
    file.read_to_end(&mut current).ok()?;
    (current == content).then_some(file)
}

/// Makes the directory that `path` is to be in, with those above it.
pub(crate) fn create_parent(path: &Path) -> Result<(), SystemError> {
    match path.parent() {
        Some(parent) if !parent.exists() => {
            fs::create_dir_all(parent).map_err(failed("create directory", parent))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn the_same_content_keeps_the_file_and_gets_the_mode() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        write_if_different(&path, b"one", 0o600).expect("written");
        let first = fs::metadata(&path).expect("it exists");
        write_if_different(&path, b"one", 0o640).expect("kept");
        let second = fs::metadata(&path).expect("it exists");
        assert_eq!(first.ino(), second.ino());
        assert_eq!(second.mode() & MODE_BITS, 0o640);
        write_if_different(&path, b"two", 0o755).expect("replaced");
        let third = fs::metadata(&path).expect("it exists");
        assert_ne!(second.ino(), third.ino());
        assert_eq!(third.mode() & MODE_BITS, 0o755);
        assert_eq!(fs::read(&path).expect("readable"), b"two");
        let left = fs::read_dir(directory.path()).expect("readable").count();
        assert_eq!(left, 1, "no temporary file is left");
    }

    #[test]
    fn a_link_is_replaced_and_its_target_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let (target, path) = (directory.path().join("a"), directory.path().join("b"));
        fs::write(&target, "target").expect("written");
        symlink(&target, &path).expect("linked");
        write_if_different(&path, b"new", 0o644).expect("replaced");
        assert_eq!(fs::read(&target).expect("readable"), b"target");
        assert!(!path.is_symlink());
    }

    #[test]
    fn failures_name_the_path_and_leave_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = directory.path().join("missing/file");
        let error = write_if_different(&missing, b"", 0o644).unwrap_err();
        assert!(
            error.to_string().contains("missing/file"),
            "the path is in {error}"
        );
        let occupied = directory.path().join("occupied");
        fs::create_dir(&occupied).expect("made");
        write_if_different(&occupied, b"", 0o644).unwrap_err();
        let left = fs::read_dir(directory.path()).expect("readable").count();
        assert_eq!(left, 1, "no temporary file is left");
    }
}
