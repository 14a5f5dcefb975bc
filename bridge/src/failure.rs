//! Failures of Python code, and of the process that runs it, in the engine's
//! terms.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;

use buildout_core::recipe::{RecipeError, RecipeErrorKind};

/// An exception that a recipe did not mean to show.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Crash {
    /// The exception as Python writes it.
    text: String,
    #[source]
    traceback: Traceback,
}

/// Where an exception comes from.
#[derive(Debug)]
struct Traceback(String);

impl fmt::Display for Traceback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Traceback {}

/// The classes of exceptions that are told by name.
const EXCEPTIONS: [&str; 22] = [
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "CalledProcessError",
    "FileExistsError",
    "FileNotFoundError",
    "ImportError",
    "IndexError",
    "KeyError",
    "LookupError",
    "ModuleNotFoundError",
    "NameError",
    "NotADirectoryError",
    "NotImplementedError",
    "OSError",
    "PermissionError",
    "RecursionError",
    "RuntimeError",
    "SyntaxError",
    "TypeError",
    "UnicodeDecodeError",
    "ValueError",
];

/// Makes the failure for an exception.
pub(crate) fn crash(exception: &str, text: String, traceback: String) -> RecipeError {
    let exception = EXCEPTIONS.into_iter().find(|known| *known == exception);
    RecipeError::internal(
        exception.unwrap_or("Exception"),
        Crash {
            text,
            traceback: Traceback(traceback),
        },
    )
}

/// What is wrong with the process that runs recipes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    /// It cannot be started.
    #[error("failed to start `{executable}`, which recipes in Python need")]
    Start {
        executable: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It is gone.
    #[error("the Python process of the recipes has ended in the middle of its work ({0})")]
    Ended(Ending),
    /// It cannot be reached.
    #[error("failed to send a message to the Python process of the recipes")]
    Send(#[source] std::io::Error),
}

impl ProcessError {
    /// Returns the failure of a recipe that this is.
    pub(crate) fn into_recipe_error(self, is_cancelled: bool) -> RecipeError {
        if is_cancelled {
            return RecipeError::new(RecipeErrorKind::Cancelled, self);
        }
        match &self {
            ProcessError::Start { .. } => RecipeError::internal("OSError", self)
                .with_hint("install Python 3, or name one: `buildout --python PATH`, or `executable` of `[buildout]`"),
            _ => RecipeError::internal("SystemError", self),
        }
    }
}

/// How the process ended.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// By itself.
    Status(ExitStatus),
    /// It was ended, because it sent nonsense.
    Nonsense(String),
    /// It cannot be told.
    Unknown,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Status(status) => status.fmt(f),
            Ending::Nonsense(text) => f.write_str(text),
            Ending::Unknown => f.write_str("nobody knows how"),
        }
    }
}
