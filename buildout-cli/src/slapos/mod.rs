//! The command `slapos`.

mod arguments;
mod client;
mod context;
mod log;
mod node;
mod proxy;
mod supervisord;

use std::process;

use buildout_core::exec::cancel::CancellationToken;
use clap::Parser as _;
use slapgrid::launch::Launch;

use crate::{Ending, Stop, Streams, Surroundings, diagnostic};
use arguments::{Command, CommandLine};
use context::Context;

/// Runs the command line `arguments` of `slapos` (without the program's name)
/// and returns how it ends. Exit codes are those of slapos.core: 0 for success,
/// 1 for a failure, 2 for wrong arguments, for a request that is not ready, for
/// a format that the master does not know of and for promises that do not hold,
/// 3 if the master was lost, 5
/// if root is needed, 10 if another process is at it.
pub fn run_slapos(
    arguments: &[String],
    surroundings: &Surroundings,
    streams: &Streams,
    cancellation: &CancellationToken,
) -> Ending {
    // What the node runs is not for people, and has a grammar of its own.
    match arguments.first().map(String::as_str) {
        Some("launch") => return launch(&arguments[1..], streams),
        Some("buildout") => return buildout(&arguments[1..], surroundings, streams, cancellation),
        Some("watchdog") => {
            (surroundings.watch_signals)(cancellation);
            return end(
                streams,
                node::watchdog::run(&arguments[1..], streams, cancellation),
            );
        }
        _ => {}
    }
    let words = std::iter::once("slapos".to_owned()).chain(arguments.iter().cloned());
    let line = match CommandLine::try_parse_from(words) {
        Ok(line) => line,
        Err(error) => {
            let text = error.render().to_string();
            if error.use_stderr() {
                streams.err(&text);
            } else {
                streams.out(&text);
            }
            return Ending::Code(error.exit_code());
        }
    };
    (surroundings.watch_signals)(cancellation);
    let context = match Context::new(line.logging, surroundings, streams, cancellation) {
        Ok(context) => context,
        Err(stop) => return end(streams, Err(stop)),
    };
    let result = match line.command {
        Command::Node(command) => node::run(&context, command),
        Command::Request(arguments) => client::request::run(&context, &arguments),
        Command::Supply(arguments) => client::supply::run(&context, &arguments, "available"),
        Command::Remove(arguments) => client::supply::run(&context, &arguments, "destroyed"),
        Command::Service(command) => client::service::run(&context, &command),
        Command::Computer(command) => client::computer::run(&context, &command),
        Command::Proxy(command) => proxy::run(&context, command),
    };
    end(streams, result)
}

fn end(streams: &Streams, result: Result<(), Stop>) -> Ending {
    match result {
        Ok(()) => Ending::Code(0),
        Err(Stop::Code(code)) => Ending::Code(code),
        Err(Stop::Program(program)) => Ending::Program(program),
        Err(Stop::Message { text, hint }) => {
            diagnostic::show_message(streams, &text, hint.as_deref());
            Ending::Code(1)
        }
        Err(Stop::Failure { failure, .. }) => {
            diagnostic::show_message(streams, &failure.to_string(), failure.hint());
            Ending::Code(failure.exit_code())
        }
    }
}

/// Becomes another program, as another user.
fn launch(words: &[String], streams: &Streams) -> Ending {
    let launched = Launch::parse(words).and_then(|launch| {
        launch.apply()?;
        Ok(launch)
    });
    let launch = match launched {
        Ok(launch) => launch,
        Err(error) => {
            diagnostic::show_message(streams, &error.to_string(), None);
            return Ending::Code(1);
        }
    };
    // It has at least one word.
    let (program, arguments) = launch.words.split_at(1);
    let mut command = process::Command::new(&program[0]);
    command.args(arguments);
    Ending::Program(Box::new(command))
}

/// Is `buildout`. What people are told to type begins with the name that
/// `--called` gives, and the scripts that are written begin it as `buildout` of
/// this program.
fn buildout(
    words: &[String],
    surroundings: &Surroundings,
    streams: &Streams,
    cancellation: &CancellationToken,
) -> Ending {
    let mut surroundings = surroundings.clone();
    if !surroundings.launched_by.is_empty() {
        surroundings.launched_by.push("buildout".to_owned());
    }
    let called = words
        .first()
        .and_then(|word| word.strip_prefix("--called="));
    let words = match called {
        Some(name) => {
            name.clone_into(&mut surroundings.program);
            &words[1..]
        }
        None => words,
    };
    crate::run(words, &surroundings, streams, cancellation)
}
