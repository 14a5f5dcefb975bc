//! `slapos.cookbook:shell`: a program that starts a shell in an environment of
//! its own.

use std::ffi::OsStr;
use std::sync::Arc;

use buildout_core::recipe::{
    ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation, PartRun,
    RecipeError, UpdateKind,
};

use crate::cookbook::generic::{
    EXECUTABLE_MODE, GenericFactory, create_file, paths_of, required as required_option,
};
use crate::cookbook::shell_script::Script;
use crate::documentation::{option, required};
use crate::python_value::modules::json;
use crate::python_value::to_str;

const OPTIONS: &[OptionDocumentation] = &[
    required(WRAPPER, "The path of the program."),
    required("shell", "The path of the shell."),
    required("home", "The value of HOME."),
    required("path", "The directories of PATH, one in each line."),
    option(
        "ps1",
        "",
        "The prompt as a JSON text; without it, that of the environment, or `> `.",
    ),
];

const WRAPPER: &str = "wrapper";

/// Returns the factory.
pub(super) fn factory() -> Arc<dyn Factory> {
    Arc::new(GenericFactory {
        descriptor: Descriptor {
            name: "slapos.cookbook:shell",
            summary: "Makes a program that starts a shell with a home directory, a path and a prompt.",
            behaviour_version: 1,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Declared,
            update: UpdateKind::Runs,
            options: OPTIONS,
        },
        install,
        outputs: |option| paths_of(option, &[WRAPPER]),
    })
}

fn install(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let prompt = prompt(run)?;
    let shell = required_option(run, "shell")?;
    let mut script = Script::new();
    script.set_variable("HOME", required_option(run, "home")?);
    script.set_variable("PATH", &required_option(run, "path")?.replace('\n', ":"));
    script.set_variable("PS1", &prompt);
    script.set_variable("SHELL", shell);
    let text = script.executing(&[shell]);
    let path = required_option(run, WRAPPER)?;
    let path = create_file(run, WRAPPER, path, &text, EXECUTABLE_MODE)?;
    Ok(Installed::path(path))
}

fn prompt(run: &PartRun<'_>) -> Result<String, RecipeError> {
    let Some(given) = run.option("ps1").filter(|given| !given.is_empty()) else {
        let environment = run.services().environment();
        let inherited = environment.get(OsStr::new("PS1"));
        let inherited = inherited.map(|prompt| prompt.to_string_lossy().into_owned());
        return Ok(inherited.unwrap_or_else(|| "> ".to_owned()));
    };
    let read = json::read(given).and_then(|value| to_str(&value));
    read.map_err(|exception| {
        RecipeError::internal(exception.class(), exception.message().to_owned())
            .at_option("ps1")
            .with_hint("write the prompt as a JSON text: `ps1 = \"\\\\w> \"`")
    })
}
