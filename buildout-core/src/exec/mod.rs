//! Running other programs for recipes.
//!
//! - [`command`]: one child process with its process group, output and end.
//! - [`output`]: lines of output, on their way to a sink and kept for error reports.
//! - [`outcome`]: how a process ended, also in Python's words.
//! - [`diagnosis`]: the first error in the output of a command.
//! - [`failure`]: a command that did not do its work, with what is needed to look into it.
//! - [`cancel`]: asking work in progress to stop.
//! - [`jobserver`]: one budget of jobs for all commands that run at the same time.
//! - [`leftover`]: commands that outlived the run that started them.
//! - [`spawn`]: starting processes one at a time, and why.
//! - [`shell_quote`]: words of a shell command, as Python's `shlex` sees them.

pub mod cancel;
pub mod command;
pub mod diagnosis;
pub mod failure;
pub mod jobserver;
pub mod leftover;
pub mod outcome;
pub mod output;
pub mod shell_quote;
pub mod spawn;
mod supervise;
