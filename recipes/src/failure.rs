//! Failures that several recipes have in common.

use std::io;
use std::path::{Path, PathBuf};

use buildout_core::recipe::RecipeError;

/// A file or directory that could not be made, read, changed or removed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} `{}`: {source}", path.display())]
pub(crate) struct FileError {
    verb: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Returns what turns an error of the system into a failure of the recipe;
/// `verb` is an infinitive.
pub(crate) fn file_error<'a>(
    verb: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> RecipeError + 'a {
    move |source| {
        let path = path.to_owned();
        RecipeError::internal("OSError", FileError { verb, path, source })
    }
}
