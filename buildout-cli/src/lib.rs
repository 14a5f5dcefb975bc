//! The commands `buildout` and `slapos`, as a library: [`run`] and
//! [`run_slapos`] take arguments, surroundings and streams, and return how the
//! process is to end. They end no process and keep no state, so that they can
//! be called any number of times.

mod annotate;
mod arguments;
mod buildout_script;
mod clock;
mod command;
mod diagnostic;
mod entry;
mod events_file;
mod failed_part;
mod graph;
mod help;
mod log;
mod quantity;
mod reasons;
mod recipe_reference;
mod registry;
mod reporting;
mod slapos;
mod sub_runs;
mod summary;
mod surroundings;
mod terminal;
mod trace;

use std::io::Write;
use std::process;
use std::sync::{Arc, Mutex};

use buildout_core::exec::cancel::CancellationToken;
use buildout_core::run::Failure;

use failed_part::Traces;

pub use arguments::{ArgumentError, Arguments};
pub use entry::{Entry, run_process};
pub use slapos::run_slapos;
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

/// How the process is to end.
#[derive(Debug)]
pub enum Ending {
    /// With this exit code.
    Code(i32),
    /// By becoming another program.
    Program(Box<process::Command>),
}

/// How a command ends otherwise than by success.
pub(crate) enum Stop {
    /// A message without a trail: wrong arguments.
    Message { text: String, hint: Option<String> },
    /// A failure of the engine, and what the parts of the run left.
    Failure {
        failure: Failure,
        traces: Option<Box<Traces>>,
    },
    /// All is said; the exit code remains.
    Code(i32),
    /// Another program is to take over.
    Program(Box<process::Command>),
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
            Stop::Failure { failure, .. } => failure.exit_code(),
            Stop::Program(_) => 0,
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failure {
            failure,
            traces: None,
        }
    }
}

/// Runs the command line `arguments` (without the program's name) and returns
/// how it ends. Exit codes are 0 for success, 1 for any failure, 2 if `plan`
/// finds something to do, another one if a recipe ends the run with it; the
/// caller knows of signals.
pub fn run(
    arguments: &[String],
    surroundings: &Surroundings,
    streams: &Streams,
    cancellation: &CancellationToken,
) -> Ending {
    let arguments = match Arguments::parse(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            diagnostic::show_message(streams, &error.to_string(), Some(&error.hint()));
            return Ending::Code(1);
        }
    };
    let debug = arguments.debug;
    let stop = match command::dispatch(arguments, surroundings, streams, cancellation) {
        Ok(()) => return Ending::Code(0),
        Err(stop) => stop,
    };
    match stop {
        Stop::Message { text, hint } => {
            diagnostic::show_message(streams, &text, hint.as_deref());
            Ending::Code(1)
        }
        Stop::Failure { failure, traces } => {
            let traces = traces.as_deref();
            diagnostic::show_failure(streams, &failure, traces, debug, surroundings.colour);
            Ending::Code(failure.exit_code())
        }
        Stop::Code(code) => Ending::Code(code),
        Stop::Program(program) => Ending::Program(program),
    }
}
