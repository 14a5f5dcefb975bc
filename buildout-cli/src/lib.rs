//! The `buildout` command, as a library: [`run`] takes arguments, surroundings
//! and streams, and returns an exit code. It exits no process and keeps no
//! state, so that it can be called any number of times.

mod annotate;
mod arguments;
mod clock;
mod command;
mod diagnostic;
mod events_file;
mod graph;
mod help;
mod log;
mod quantity;
mod reasons;
mod redaction;
mod reporting;
mod summary;
mod surroundings;
mod terminal;
mod trace;

use std::io::Write;
use std::sync::{Arc, Mutex};

use buildout_core::exec::cancel::CancellationToken;
use buildout_core::run::Failure;

pub use arguments::{ArgumentError, Arguments};
pub use surroundings::{Surroundings, Terminal};
pub use terminal::{Style, TerminalSize};

/// Where a command writes.
#[derive(Clone)]
pub struct Streams {
    /// Standard output: documents, and the log.
    pub stdout: Arc<Mutex<dyn Write + Send>>,
    /// Standard error: failures, and the log where stdout carries a document
    /// for machines.
    pub stderr: Arc<Mutex<dyn Write + Send>>,
}

impl Streams {
    fn write(stream: &Arc<Mutex<dyn Write + Send>>, text: &str) {
        let mut stream = stream
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // A reader that has gone away, as `head` does, is no failure of ours.
        let _ = stream.write_all(text.as_bytes());
        let _ = stream.flush();
    }

    /// Writes to standard output.
    pub(crate) fn out(&self, text: &str) {
        Self::write(&self.stdout, text);
    }

    /// Writes to standard error.
    pub(crate) fn err(&self, text: &str) {
        Self::write(&self.stderr, text);
    }
}

/// How a command ends without success.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A message without a trail: wrong arguments.
    Message { text: String, hint: Option<String> },
    /// A failure of the engine.
    Failure(Failure),
    /// An exit code with a meaning of its own; everything is said.
    Code(i32),
}

impl Stop {
    pub(crate) fn message(text: impl Into<String>) -> Self {
        Stop::Message {
            text: text.into(),
            hint: None,
        }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        match self {
            Stop::Message { text, .. } => Stop::Message {
                text,
                hint: Some(hint.into()),
            },
            other => other,
        }
    }

    /// Returns the exit code.
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Stop::Message { .. } => 1,
            Stop::Code(code) => *code,
            Stop::Failure(failure) => failure.exit_code(),
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failure(failure)
    }
}

/// Runs the command line `arguments` (without the program's name) and returns
/// the exit code: 0 for success, 1 for any failure, 2 if `plan` finds something
/// to do, another one if a recipe ends the run with it. The program turns an
/// interruption into 130 and a termination into 143.
pub fn run(
    arguments: &[String],
    surroundings: &Surroundings,
    streams: &Streams,
    cancellation: &CancellationToken,
) -> i32 {
    let arguments = match Arguments::parse(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            diagnostic::show_message(streams, &error.to_string(), error.hint());
            return 1;
        }
    };
    let debug = arguments.debug;
    let Err(stop) = command::dispatch(arguments, surroundings, streams, cancellation) else {
        return 0;
    };
    match &stop {
        Stop::Message { text, hint } => {
            diagnostic::show_message(streams, text, hint.as_deref());
        }
        Stop::Failure(failure) => {
            diagnostic::show_failure(streams, failure, debug, surroundings.colour);
        }
        Stop::Code(_) => {}
    }
    stop.exit_code()
}
