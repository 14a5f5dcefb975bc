//! `shell PART [-- COMMAND...]`: the directory and environment of a part's
//! commands.

use std::path::Path;
use std::process;

use buildout_core::recipe::{Environment, RecipeReference};
use buildout_core::resolve::nearest;
use buildout_core::run::Session;
use buildout_core::state::build_environment::BuildEnvironment;

use super::{Context, SessionKind};
use crate::Stop;
use crate::log::PlainLog;

/// The shell of who has none.
const DEFAULT_SHELL: &str = "/bin/sh";

/// Options of shells by which they leave the environment as it is.
const WITHOUT_START_FILES: [(&str, &str); 3] = [
    ("bash", "--norc"),
    ("fish", "--no-config"),
    ("zsh", "--no-rcs"),
];

/// The option by which a recipe keeps what a successful build leaves.
const KEEP_OPTION: &str = "keep-compile-dir";

pub(super) fn run(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    let (part, command) = match words {
        [part] => (part, None),
        [part, separator, command @ ..] if separator == "--" && !command.is_empty() => {
            (part, Some(command))
        }
        _ => {
            return Err(Stop::message(
                "The shell command requires a part, and takes a command after `--`.",
            )
            .with_hint("`buildout shell PART`, or `buildout shell PART -- COMMAND...`"));
        }
    };
    let log = PlainLog::new(context.streams, true);
    context.with_session(&log, SessionKind::Look, |_, session, _| {
        let services = session.services();
        let recorded = BuildEnvironment::read(&services.directory, part)
            .map_err(|error| Stop::message(error.to_string()))?
            .ok_or_else(|| nothing_recorded(context, session, part))?;
        let directory = recorded.directory();
        if !directory.is_dir() {
            return Err(directory_gone(context, session, part, directory));
        }
        let environment = recorded.applied_to(services.initial_environment());
        let program = match command {
            Some(command) => program(&command[0], &command[1..], directory, &environment),
            None => {
                context.streams.err(&format!(
                    "In {} with the environment of part {part}; `exit` leads back.\n",
                    directory.display()
                ));
                let shell = context.surroundings.variable("SHELL");
                let shell = shell.filter(|shell| !shell.is_empty());
                let shell = shell.unwrap_or(DEFAULT_SHELL);
                let options = start_options(shell);
                program(shell, options.as_slice(), directory, &environment)
            }
        };
        Err(Stop::Program(Box::new(program)))
    })
}

fn start_options(shell: &str) -> Vec<&'static str> {
    let name = Path::new(shell).file_name().unwrap_or_default();
    WITHOUT_START_FILES
        .iter()
        .filter(|(shell, _)| name == *shell)
        .map(|(_, option)| *option)
        .collect()
}

fn program(
    name: &str,
    arguments: &[impl AsRef<str>],
    directory: &Path,
    environment: &Environment,
) -> process::Command {
    let mut program = process::Command::new(name);
    program
        .args(arguments.iter().map(AsRef::as_ref))
        .current_dir(directory)
        .env_clear()
        .envs(environment);
    program
}

fn nothing_recorded(context: &Context<'_>, session: &Session<'_>, part: &str) -> Stop {
    let sections = session.section_names();
    if sections.iter().any(|name| **name == *part) {
        let line = context.command_line(&["install", part]);
        return Stop::message(format!("Part {part} has run no command here yet."))
            .with_hint(format!("`{line}` runs its commands, if its recipe has any"));
    }
    let stop = Stop::message(format!("There is no part {part}."));
    match nearest(part, sections.iter().map(|name| &**name)) {
        Some(near) => stop.with_hint(format!("there is a section `[{near}]`")),
        None => stop,
    }
}

fn directory_gone(
    context: &Context<'_>,
    session: &Session<'_>,
    part: &str,
    directory: &Path,
) -> Stop {
    let stop = Stop::message(format!(
        "The build directory of part {part} is not there any more: {}",
        directory.display()
    ));
    let recipe = session.configured_value(part, "recipe");
    let can_keep = recipe
        .and_then(|recipe| RecipeReference::parse(&recipe))
        .and_then(|recipe| buildout_recipes::registry().find(&recipe))
        .is_some_and(|factory| {
            let mut options = factory.descriptor().options.iter();
            options.any(|option| option.name == KEEP_OPTION)
        });
    if !can_keep {
        return stop;
    }
    let keep = format!("{part}:{KEEP_OPTION}=true");
    let line = context.command_line(&[&keep, "install", part]);
    stop.with_hint(format!("`{line}` builds it again and keeps the directory"))
}
