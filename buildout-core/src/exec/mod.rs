//! Running other programs for recipes.
//!
//! - [`command`]: one child process with its process group, output and end.
//! - [`output`]: lines of output, on their way to a sink and kept for error reports.
//! - [`outcome`]: how a process ended, also in Python's words.
//! - [`cancel`]: asking work in progress to stop.
//! - [`jobserver`]: one budget of jobs for all commands that run at the same time.
//! - [`shell_quote`]: words of a shell command, as Python's `shlex` sees them.
//!
//! Room is left here for a log file per part, an [`output::OutputSink`] of its own.

pub mod cancel;
pub mod command;
pub mod jobserver;
pub mod outcome;
pub mod output;
pub mod shell_quote;
mod supervise;
