//! Commands that did not do their work, with what is needed to look into it.

use std::{
    error::Error,
    fmt,
    path::{Path, PathBuf},
};

use super::{
    command::{Command, CommandError, Finished},
    diagnosis::Diagnosis,
    outcome::Outcome,
    output::OutputTail,
};

/// A command that failed. Recipes put it into the chain of sources of their
/// errors, where front ends find it.
#[derive(Debug)]
pub struct CommandFailure {
    command: String,
    directory: PathBuf,
    cause: FailureCause,
    kept_tree: Option<PathBuf>,
}

/// Why a command failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum FailureCause {
    /// It ended without success.
    Ended {
        /// How it ended.
        outcome: Outcome,
        /// The first error that its output tells of, if one was recognised.
        diagnosis: Option<Diagnosis>,
        /// The last lines of its output.
        tail: OutputTail,
    },
    /// It could not be run to its end.
    NotRun(CommandError),
}

impl From<Finished> for FailureCause {
    fn from(finished: Finished) -> Self {
        Self::Ended {
            outcome: finished.outcome,
            diagnosis: finished.diagnosis,
            tail: finished.tail,
        }
    }
}

impl From<CommandError> for FailureCause {
    fn from(error: CommandError) -> Self {
        Self::NotRun(error)
    }
}

impl CommandFailure {
    /// Notes that a command failed.
    pub fn new(command: &Command, cause: impl Into<FailureCause>) -> Self {
        Self {
            command: command.text(),
            directory: command.directory().to_owned(),
            cause: cause.into(),
            kept_tree: None,
        }
    }

    /// Notes that what the command worked on is kept in a directory, to be looked into.
    #[must_use]
    pub fn with_kept_tree(mut self, tree: impl Into<PathBuf>) -> Self {
        self.kept_tree = Some(tree.into());
        self
    }

    /// Finds the command that failed in the chain of sources of an error.
    pub fn find<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(failure) = error.downcast_ref() {
                return Some(failure);
            }
            next = error.source();
        }
        None
    }

    /// Returns the command as a shell would take it.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Returns the directory it ran in.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns why it failed.
    pub fn cause(&self) -> &FailureCause {
        &self.cause
    }

    /// Returns the directory that is kept, if any is.
    pub fn kept_tree(&self) -> Option<&Path> {
        self.kept_tree.as_deref()
    }

    /// Returns the text of Python's `subprocess.CalledProcessError`, or of what
    /// else went wrong.
    pub fn python_text(&self) -> String {
        match &self.cause {
            FailureCause::Ended { outcome, .. } => {
                format!("Command '{}' {}", self.command, outcome.python_text())
            }
            FailureCause::NotRun(error) => match error.source() {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            },
        }
    }
}

impl fmt::Display for CommandFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (command, directory) = (&self.command, self.directory.display());
        match &self.cause {
            FailureCause::Ended { outcome, .. } => {
                write!(
                    formatter,
                    "`{command}` ended with {outcome} in `{directory}`"
                )
            }
            FailureCause::NotRun(error) => {
                write!(formatter, "`{command}` in `{directory}`: {error}")
            }
        }
    }
}

impl Error for CommandFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            FailureCause::Ended { .. } => None,
            FailureCause::NotRun(error) => error.source(),
        }
    }
}
