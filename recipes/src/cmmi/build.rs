//! The build of a part, step by step.

use std::cell::{Cell, OnceCell};
use std::fs;
use std::path::{Path, PathBuf};

use buildout_core::event::Level;
use buildout_core::exec::command::{Command, CommandError};
use buildout_core::exec::failure::{CommandFailure, FailureCause};
use buildout_core::exec::shell_quote::quote;
use buildout_core::profile::python_text::{split_lines, split_words, strip};
use buildout_core::recipe::{Environment, PartRun, RecipeError, RecipeErrorKind};
use buildout_core::value::str_repr;

use super::commands::{Commands, PartOptions};
use super::environment_script;
use super::{Cmmi, PATCHES_OPTION, shebang};
use crate::location::clear;
use crate::source::Source;
use crate::system_error::failed;

/// A command of a build that failed: upstream's text, and ours as its source.
#[derive(Debug, thiserror::Error)]
#[error("System error")]
struct StepFailed {
    #[source]
    failure: CommandFailure,
}

/// Builds a part into its location, which is empty.
///
/// # Errors
///
/// A command fails, or the source cannot be had.
pub(super) fn build(recipe: &Cmmi, run: &PartRun<'_>) -> Result<(), RecipeError> {
    let options = PartOptions {
        part: run.part(),
        // Commands may refer to any option of the part.
        lookup: |name: &str| run.options().get(name).map(|value| &**value),
    };
    let commands = Commands::new(&options)?;
    let written = run.option("compile-directory").unwrap_or_default();
    let compile_directory = run.services().absolute(written);
    match &recipe.archive {
        Some(archive) => {
            run.enter_phase("unpack");
            let unpacked = archive.unpack(&run.downloader(), &compile_directory);
            if unpacked.is_err() {
                // What was not unpacked whole is not worth a look.
                let _ = clear(&compile_directory, &run.services().directory);
            }
            unpacked?;
        }
        None => run.log(
            Level::Info,
            format!("Using local source directory: {written}"),
        ),
    }
    let build = Build {
        recipe,
        run,
        directory: source_directory(&compile_directory)?,
        environment: OnceCell::new(),
        environment_failed: Cell::new(false),
    };
    if let Err(error) = build.run_all(&options, &commands) {
        // Nothing was tried, or nobody wants to know why it did not work.
        if build.environment_failed.get() || error.kind() == RecipeErrorKind::Cancelled {
            return Err(error);
        }
        build.explain(&commands);
        return Err(error);
    }
    if recipe.keep_compile_directory {
        build.write_script(&commands)?;
        let name = environment_script::NAME;
        run.log(
            Level::Info,
            format!("A shell script {name} has been generated."),
        );
    } else if recipe.archive.is_some() {
        clear(&compile_directory, &run.services().directory)?;
    }
    check_promises(run);
    shebang::shorten(&run.services().absolute(recipe.location.text()))?;
    Ok(())
}

/// Returns the directory to build in: the only entry of `directory` if that is
/// a directory, else `directory` itself.
fn source_directory(directory: &Path) -> Result<PathBuf, RecipeError> {
    let missing = |error: std::io::Error| {
        RecipeError::from(failed("read", directory)(error))
            .at_option("path")
            .with_hint("`path` must name a directory that exists")
    };
    let mut entries = fs::read_dir(directory).map_err(missing)?;
    let first = entries.next().transpose().map_err(missing)?;
    let directory = match (first, entries.next()) {
        (Some(only), None) if only.path().is_dir() => only.path(),
        _ => directory.to_owned(),
    };
    // Upstream changes into the directory, and so shows its real path.
    Ok(fs::canonicalize(&directory).map_err(failed("enter", &directory))?)
}

fn check_promises(run: &PartRun<'_>) {
    for path in split_lines(run.option("promises").unwrap_or_default()) {
        if !path.is_empty() && !run.services().absolute(path).exists() {
            let message = format!("could not find promise {}", str_repr(path));
            run.log(Level::Warning, message);
        }
    }
}

struct Build<'a, 'r> {
    recipe: &'a Cmmi,
    run: &'a PartRun<'r>,
    /// The directory to build in.
    directory: PathBuf,
    environment: OnceCell<Environment>,
    environment_failed: Cell<bool>,
}

impl Build<'_, '_> {
    fn run_all<'a>(
        &self,
        options: &PartOptions<'a, impl Fn(&str) -> Option<&'a str>>,
        commands: &Commands,
    ) -> Result<(), RecipeError> {
        self.apply_patches()?;
        self.run_snippet(options, "pre-configure")?;
        self.run.enter_phase("configure");
        self.run_command("configure-command", &commands.configure)?;
        self.run_snippet(options, "pre-build")?;
        self.run.enter_phase("make");
        self.run_command("make-binary", &commands.make)?;
        self.run_snippet(options, "pre-install")?;
        self.run.enter_phase("install");
        self.run_command("make-targets", &commands.install)?;
        self.run_snippet(options, "post-install")
    }

    fn apply_patches(&self) -> Result<(), RecipeError> {
        let value = |option: &str| self.run.option(option);
        let patches: Vec<&str> = split_words(value(PATCHES_OPTION).unwrap_or_default()).collect();
        if patches.is_empty() {
            return Ok(());
        }
        let program = strip(value("patch-binary").unwrap_or("patch"));
        let patch_options = split_words(value("patch-options").unwrap_or("-p0"));
        let patch_options = patch_options.collect::<Vec<_>>().join(" ");
        self.run.enter_phase("patch");
        self.run.log(Level::Info, "Applying patches");
        let downloader = self.run.downloader();
        for patch in patches {
            let source = Source::with_fragment(patch, &self.directory, PATCHES_OPTION)?;
            let file = source.download(&downloader, None)?;
            let path = file.path().to_string_lossy();
            let path = quote(&path);
            self.run_command(
                PATCHES_OPTION,
                &format!("{program} {patch_options} < {path}"),
            )?;
        }
        Ok(())
    }

    /// Runs the shell command of an option, if there is one.
    fn run_snippet<'a>(
        &self,
        options: &PartOptions<'a, impl Fn(&str) -> Option<&'a str>>,
        option: &'static str,
    ) -> Result<(), RecipeError> {
        match options.snippet(option)? {
            Some(command) => {
                self.run.enter_phase(option);
                self.run.log(Level::Info, format!("Executing {option}"));
                self.run_command(option, &command)
            }
            None => Ok(()),
        }
    }

    /// Runs a shell command; `option` is the one to point at if it fails.
    fn run_command(&self, option: &str, command: &str) -> Result<(), RecipeError> {
        let environment = self.environment()?.clone();
        let script = format!("set -e;{command}");
        let command = Command::shell(&script, &self.directory, environment);
        let cause = match self.run.run_command(&command) {
            Ok(finished) if finished.outcome.is_success() => return Ok(()),
            Ok(finished) => FailureCause::from(finished),
            Err(error @ CommandError::Cancelled { .. }) => {
                return Err(RecipeError::new(RecipeErrorKind::Cancelled, error));
            }
            Err(error) => FailureCause::from(error),
        };
        let failure = CommandFailure::new(&command, cause).with_kept_tree(&self.directory);
        self.run.log(Level::Error, failure.python_text());
        // A default has no place in the profile; the part has.
        let written = self.run.option(option).is_some();
        let option = if written { option } else { "recipe" };
        Err(RecipeError::user(StepFailed { failure }).at_option(option))
    }

    /// Returns the environment, computed and logged on first use.
    fn environment(&self) -> Result<&Environment, RecipeError> {
        if let Some(environment) = self.environment.get() {
            return Ok(environment);
        }
        let computed = self.recipe.variables.compute(self.run);
        self.environment_failed.set(computed.is_err());
        let environment = computed?;
        Ok(self.environment.get_or_init(|| environment))
    }

    /// Tells how a failed build can be looked into.
    fn explain(&self, commands: &Commands) {
        let name = environment_script::NAME;
        let directory = self.directory.display();
        let script = match self.write_script(commands) {
            Ok(()) => format!(
                "A shell script {name} has been generated. You can source it in your shell to reproduce build environment."
            ),
            Err(error) => format!("No shell script could be generated: {error}"),
        };
        self.run.log(
            Level::Error,
            format!(
                "Compilation error. The package is left as is at {directory} where you can inspect what went wrong.\n{script}"
            ),
        );
    }

    fn write_script(&self, commands: &Commands) -> Result<(), RecipeError> {
        environment_script::write(
            &self.directory,
            &self.run.services().initial_environment(),
            self.environment()?,
            commands,
        )?;
        Ok(())
    }
}
