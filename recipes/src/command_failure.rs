//! Commands of recipes that did not do their work.

use std::fmt;
use std::path::{Path, PathBuf};

use buildout_core::exec::command::CommandError;
use buildout_core::exec::outcome::Outcome;
use buildout_core::exec::output::OutputTail;

/// How many lines of output an error text shows.
const SHOWN_LINES: usize = 15;

/// A command that failed, with what is needed to look into it.
#[derive(Debug)]
pub struct CommandFailure {
    command: String,
    directory: PathBuf,
    cause: FailureCause,
}

/// Why a command failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum FailureCause {
    /// It ended without success.
    Ended {
        /// How it ended.
        outcome: Outcome,
        /// The last lines of its output.
        tail: OutputTail,
    },
    /// It could not be run to its end.
    NotRun(CommandError),
}

impl CommandFailure {
    /// Notes that `command` failed in `directory`.
    pub fn new(
        command: impl Into<String>,
        directory: impl Into<PathBuf>,
        cause: FailureCause,
    ) -> Self {
        CommandFailure {
            command: command.into(),
            directory: directory.into(),
            cause,
        }
    }

    /// Returns the command as the shell got it.
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

    /// Returns the text of Python's `subprocess.CalledProcessError`, or of what
    /// else went wrong.
    pub fn python_text(&self) -> String {
        match &self.cause {
            FailureCause::Ended { outcome, .. } => {
                format!("Command '{}' {}", self.command, outcome.python_text())
            }
            FailureCause::NotRun(error) => match std::error::Error::source(error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            },
        }
    }
}

impl fmt::Display for CommandFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = self.directory.display();
        match &self.cause {
            FailureCause::Ended { outcome, tail } => {
                write!(
                    f,
                    "`{}` ended with {outcome} in `{directory}`",
                    self.command
                )?;
                let lines = tail.lines();
                let skipped = lines.len().saturating_sub(SHOWN_LINES);
                if lines.len() > 0 {
                    f.write_str("; its last lines:")?;
                }
                for line in lines.skip(skipped) {
                    write!(f, "\n  {}", String::from_utf8_lossy(&line.bytes))?;
                }
                Ok(())
            }
            FailureCause::NotRun(error) => {
                write!(f, "`{}` in `{directory}`: {error}", self.command)
            }
        }
    }
}

impl std::error::Error for CommandFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            FailureCause::Ended { .. } => None,
            FailureCause::NotRun(error) => error.source(),
        }
    }
}
