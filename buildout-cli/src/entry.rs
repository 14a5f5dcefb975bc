//! What the programs have in common: they read their process's surroundings,
//! heed its signals, and end as their command says.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};

use buildout_core::exec::cancel::CancellationToken;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::{Ending, Streams, Surroundings};

/// The first signal that told the process to end, or 0.
static RECEIVED: AtomicI32 = AtomicI32::new(0);

/// A program as a function.
pub type Entry = fn(&[String], &Surroundings, &Streams, &CancellationToken) -> Ending;

/// Runs a program in this process, with its arguments, streams and signals.
pub fn run_process(entry: Entry) -> ExitCode {
    let streams = Streams {
        stdout: Arc::new(Mutex::new(io::stdout())),
        stderr: Arc::new(Mutex::new(io::stderr())),
    };
    let cancellation = CancellationToken::new();
    let surroundings = match Surroundings::of_process() {
        Ok(surroundings) => Surroundings {
            ends_with_command: true,
            watch_signals,
            ..surroundings
        },
        Err(error) => return fail(&streams, &error.to_string()),
    };
    let mut arguments = Vec::new();
    for argument in std::env::args_os().skip(1) {
        match argument.into_string() {
            Ok(argument) => arguments.push(argument),
            Err(argument) => {
                let text = format!("Argument {} is not UTF-8.", argument.display());
                return fail(&streams, &text);
            }
        }
    }
    let code = match entry(&arguments, &surroundings, &streams, &cancellation) {
        Ending::Code(code) => code,
        Ending::Program(mut program) => {
            // Signals and the terminal are the other program's from here on.
            let error = program.exec();
            let name = program.get_program().display();
            return fail(&streams, &format!("failed to start `{name}`: {error}"));
        }
    };
    match RECEIVED.load(Ordering::Relaxed) {
        0 => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        signal => ExitCode::from(u8::try_from(128 + signal).unwrap_or(1)),
    }
}

fn fail(streams: &Streams, text: &str) -> ExitCode {
    streams.err(&format!("Error: {text}\n"));
    ExitCode::FAILURE
}

/// Ctrl-C and SIGTERM end the commands that parts run, which are in process
/// groups of their own, and then the run.
fn watch_signals(cancellation: &CancellationToken) {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
        return;
    };
    let cancellation = cancellation.clone();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if RECEIVED.swap(signal, Ordering::Relaxed) != 0 {
                // Asked twice: go at once.
                std::process::abort();
            }
            cancellation.cancel();
        }
    });
}
