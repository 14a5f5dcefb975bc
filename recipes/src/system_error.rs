//! Failures of the system to read or write what a recipe asked for.

use std::io;
use std::path::{Path, PathBuf};

use buildout_core::recipe::RecipeError;

/// An operation on a path that the system refused.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} `{}`: {source}", path.display())]
pub(crate) struct SystemError {
    verb: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl SystemError {
    /// Returns Python's class of exception for this failure.
    fn exception(&self) -> &'static str {
        match self.source.kind() {
            io::ErrorKind::NotFound => "FileNotFoundError",
            io::ErrorKind::AlreadyExists => "FileExistsError",
            io::ErrorKind::PermissionDenied => "PermissionError",
            io::ErrorKind::NotADirectory => "NotADirectoryError",
            io::ErrorKind::IsADirectory => "IsADirectoryError",
            _ => "OSError",
        }
    }
}

impl From<SystemError> for RecipeError {
    fn from(error: SystemError) -> Self {
        RecipeError::internal(error.exception(), error)
    }
}

/// Makes the error of an operation on a path, for `map_err`.
pub(crate) fn failed(
    verb: &'static str,
    path: impl AsRef<Path>,
) -> impl FnOnce(io::Error) -> SystemError {
    move |source| SystemError {
        verb,
        path: path.as_ref().to_owned(),
        source,
    }
}
