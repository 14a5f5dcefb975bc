//! Running other programs for recipes.
//!
//! - [`command`]: one child process with its process group, output and end.
//! - [`output`]: lines of output, on their way to a sink and kept for error reports.
//! - [`outcome`]: how a process ended, also in Python's words.
//! - [`cancel`]: asking work in progress to stop.
//! - [`shell_quote`]: words of a shell command, as Python's `shlex` sees them.
//!
//! Room is left here for the jobserver shared by all running parts and for a log file per part,
//! an [`output::OutputSink`] of its own.

pub mod cancel;
pub mod command;
pub mod outcome;
pub mod output;
pub mod shell_quote;
mod supervise;
