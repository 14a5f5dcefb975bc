//! `plone.recipe.command`: runs shell commands.

use buildout_core::event::Level;
use buildout_core::exec::command::{Command, CommandError};
use buildout_core::exec::failure::CommandFailure;
use buildout_core::exec::outcome::Outcome;
use buildout_core::profile::python_text::split_words;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    PartRun, Recipe, RecipeError, RecipeErrorKind, UpdateKind,
};

use crate::live_options::LiveOptions as _;

/// What the recipe refuses, in upstream's words.
#[derive(Debug, thiserror::Error)]
enum CommandProblem {
    #[error(
        "Invalid value '{value}' for 'stop_on_error', use 'yes', 'on', 'true', 'no', 'off' or false."
    )]
    InvalidStopOnError { value: String },
    #[error("No command specified")]
    NoCommand,
    #[error("Non zero exit code ({code}) while running command.")]
    Failed {
        code: i32,
        #[source]
        failure: CommandFailure,
    },
}

/// The factory of the recipe.
pub(crate) struct ShellCommandFactory {
    descriptor: Descriptor,
}

impl ShellCommandFactory {
    pub(crate) fn new() -> Self {
        ShellCommandFactory {
            descriptor: Descriptor {
                name: "plone.recipe.command",
                summary: "Runs a shell command when the part is installed, and another one when \
                          it is updated.",
                behaviour_version: 1,
                construction: ConstructionKind::Pure,
                footprint: Footprint::Barrier,
                update: UpdateKind::Runs,
                options: &[
                    OptionDocumentation {
                        name: "command",
                        default: None,
                        summary: "The command to install with, run by /bin/sh in the buildout \
                                  directory.",
                    },
                    OptionDocumentation {
                        name: "update-command",
                        default: Some(""),
                        summary: "The command to update with, often ${:command}.",
                    },
                    OptionDocumentation {
                        name: "stop-on-error",
                        default: Some("no"),
                        summary: "Whether the run fails if the command does: yes, on or true, \
                                  or no, off or false.",
                    },
                    OptionDocumentation {
                        name: "location",
                        default: Some(""),
                        summary: "The paths that the command makes, separated by whitespace: \
                                  they are removed with the part, and if one is missing the \
                                  part is installed again.",
                    },
                ],
            },
        }
    }
}

impl Factory for ShellCommandFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn insists_on_documentation(&self) -> bool {
        true
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let text = part.option("stop-on-error")?;
        let lowered = text.as_deref().map(str::to_lowercase);
        let stop_on_error = match lowered.as_deref() {
            None | Some("no" | "off" | "false") => false,
            Some("yes" | "on" | "true") => true,
            Some(_) => {
                let value = text.unwrap_or_default().to_string();
                let problem = CommandProblem::InvalidStopOnError { value };
                part.log(Level::Error, problem.to_string());
                return Err(RecipeError::user(problem)
                    .at_option("stop-on-error")
                    .with_hint("write `stop-on-error = true` or remove the option"));
            }
        };
        Ok(Box::new(ShellCommand { stop_on_error }))
    }
}

struct ShellCommand {
    stop_on_error: bool,
}

impl Recipe for ShellCommand {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let command = run.read("command")?.unwrap_or_default();
        if command.is_empty() {
            let error = log_error(run, CommandProblem::NoCommand);
            let part = run.part();
            return Err(error
                .at_option("command")
                .with_hint(format!("add `command = ...` to `[{part}]`")));
        }
        run.log(Level::Info, format!("Running '{command}'"));
        self.execute(run, "command", &command)?;
        let location = run.read("location")?.unwrap_or_default();
        let paths = split_words(&location).map(ToOwned::to_owned);
        Ok(Installed::Paths(paths.collect()))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        if let Some(command) = run.read("update-command")? {
            run.log(Level::Info, format!("Running {command}"));
            self.execute(run, "update-command", &command)?;
        }
        Ok(Installed::Unchanged)
    }
}

impl ShellCommand {
    fn execute(&self, run: &PartRun<'_>, option: &str, script: &str) -> Result<(), RecipeError> {
        let services = run.services();
        let command = Command::shell(script, &services.directory, services.environment());
        let finished = run.run_command(&command).map_err(|error| match error {
            CommandError::Cancelled { .. } => RecipeError::new(RecipeErrorKind::Cancelled, error),
            error => RecipeError::internal("OSError", error).at_option(option),
        })?;
        // Python shows a signal as a negative code.
        let code = match finished.outcome {
            Outcome::Exited(code) => code,
            Outcome::Signalled(signal) => -signal,
        };
        if self.stop_on_error && code != 0 {
            let failure = CommandFailure::new(&command, finished);
            let error = log_error(run, CommandProblem::Failed { code, failure });
            return Err(error.at_option(option));
        }
        Ok(())
    }
}

/// Upstream logs what it is about to fail with.
fn log_error(run: &PartRun<'_>, problem: CommandProblem) -> RecipeError {
    run.log(Level::Error, problem.to_string());
    RecipeError::user(problem)
}
