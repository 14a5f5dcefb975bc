//! Putting the contents of a lone top-level directory in its place.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{StripTopLevel, UnpackError};
use crate::fetch::copy::{CopyError, failed};

/// Strips the top-level directory of what was unpacked, as far as demanded.
///
/// Returns its name if it was stripped. As upstream does, this looks at the
/// destination, not at the archive: skipped entries do not count.
pub(super) fn strip(
    archive: &Path,
    destination: &Path,
    policy: StripTopLevel,
) -> Result<Option<PathBuf>, UnpackError> {
    if policy == StripTopLevel::Never {
        return Ok(None);
    }
    let roots = list(destination)?;
    let top = match roots.as_slice() {
        [name] => {
            let path = destination.join(name);
            let metadata = fs::symlink_metadata(&path).map_err(failed("read", &path))?;
            metadata.is_dir().then(|| PathBuf::from(name))
        }
        _ => None,
    };
    let Some(top) = top else {
        return match policy {
            StripTopLevel::Force => Err(UnpackError::NoTopLevel {
                path: archive.to_owned(),
                found: roots.len(),
            }),
            _ => Ok(None),
        };
    };
    // The directory may contain an entry with its own name, so it first gets a
    // name that none of its entries has.
    let source = destination.join(&top);
    let mut unique = top.clone().into_os_string();
    while unique == *top.as_os_str() || exists(&source.join(&unique))? {
        unique.push("-stripped");
    }
    let source = {
        let renamed = destination.join(&unique);
        fs::rename(&source, &renamed).map_err(failed("rename", &source))?;
        renamed
    };
    for name in list(&source)? {
        let from = source.join(&name);
        fs::rename(&from, destination.join(&name)).map_err(failed("rename", &from))?;
    }
    fs::remove_dir(&source).map_err(failed("remove", &source))?;
    Ok(Some(top))
}

fn list(directory: &Path) -> Result<Vec<OsString>, CopyError> {
    fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect())
        .map_err(failed("read", directory))
}

fn exists(path: &Path) -> Result<bool, CopyError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("read", path)(error)),
    }
}
