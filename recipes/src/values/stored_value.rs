//! Files that hold a value for later runs.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use buildout_core::recipe::RunServices;

use crate::output_file::write_if_different;
use crate::system_error::{SystemError, failed};

/// Returns the text of a file; `None` if there is none.
///
/// # Errors
///
/// The file cannot be read, or is no UTF-8.
pub(crate) fn read_stored(path: &Path) -> Result<Option<String>, SystemError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Writes a file, in one step; an existing one keeps its mode, a new one gets
/// `mode` less the umask, as Python's `open` does it.
///
/// # Errors
///
/// The file cannot be written.
pub(crate) fn write_stored(
    services: &RunServices,
    path: &Path,
    content: &str,
    mode: u32,
) -> Result<(), SystemError> {
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(_) => mode & !services.umask,
    };
    write_if_different(path, content.as_bytes(), mode)
}
