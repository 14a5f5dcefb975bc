//! Running other programs for recipes.
//!
//! - [`command`]: one child process with its process group, output and end.
//! - [`output`]: lines of output, on their way to a sink and kept for error reports.
//! - [`outcome`]: how a process ended, also in Python's words.
//! - [`diagnosis`]: the first error in the output of a command.
//! - [`failure`]: a command that did not do its work, with what is needed to look into it.
//! - [`cancel`]: asking work in progress to stop.
//! - [`shell_quote`]: words of a shell command, as Python's `shlex` sees them.
//!
//! Room is left here for the jobserver shared by all running parts.

pub mod cancel;
pub mod command;
pub mod diagnosis;
pub mod failure;
pub mod outcome;
pub mod output;
pub mod shell_quote;
mod supervise;
