//! `slapos.cookbook:shell`: a program that starts a shell in an environment of
//! its own.

use std::path::Path;
use std::sync::Arc;

use buildout_core::extends::normalize_path;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, Recipe, RecipeError, UpdateKind,
};

use crate::documentation::{FunctionFactory, option, required};
use crate::live_options::missing_option;
use crate::output_file::write_if_different;
use crate::python_value::modules::json;
use crate::python_value::to_str;
use crate::wrapper::script::Script;

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.cookbook:shell",
    summary: "Makes a program that starts a shell with a home directory, a path and a prompt.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Runs,
    options: OPTIONS,
};

const OPTIONS: &[OptionDocumentation] = &[
    required("wrapper", "The path of the program."),
    required("shell", "The path of the shell."),
    required("home", "The value of HOME."),
    required("path", "The directories of PATH, one in each line."),
    option(
        "ps1",
        "",
        "The prompt as a JSON text; without it, that of the environment, or `> `.",
    ),
];

/// The mode of the program; the umask does not matter.
const MODE: u32 = 0o700;

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    FunctionFactory::new(&DESCRIPTOR, &[], construct)
}

fn construct(_part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    Ok(Box::new(Shell))
}

struct Shell;

impl Recipe for Shell {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let needed = |option: &str| {
            let value = run.option(option);
            value.ok_or_else(|| missing_option(run.part(), option))
        };
        let shell = needed("shell")?;
        let mut script = Script::new();
        script.set_variable("HOME", needed("home")?);
        script.set_variable("PATH", &needed("path")?.replace('\n', ":"));
        script.set_variable("PS1", &prompt(run)?);
        script.set_variable("SHELL", shell);
        let text = script.executing(&[shell.to_owned()]);
        let path = run.services().absolute(needed("wrapper")?);
        let path = normalize_path(&path.to_string_lossy());
        if Path::new(&path).symlink_metadata().is_err() {
            run.created(&path);
        }
        write_if_different(Path::new(&path), text.as_bytes(), MODE)
            .map_err(|error| RecipeError::from(error).at_option("wrapper"))?;
        Ok(Installed::path(path))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        let path = option("wrapper").filter(|path| !path.is_empty());
        path.iter().map(ToString::to_string).collect()
    }
}

fn prompt(run: &PartRun<'_>) -> Result<String, RecipeError> {
    let Some(given) = run.option("ps1").filter(|given| !given.is_empty()) else {
        let environment = run.services().environment();
        let inherited = environment.get(std::ffi::OsStr::new("PS1"));
        let inherited = inherited.map(|prompt| prompt.to_string_lossy().into_owned());
        return Ok(inherited.unwrap_or_else(|| "> ".to_owned()));
    };
    let read = json::read(given).and_then(|value| to_str(&value));
    read.map_err(|exception| {
        RecipeError::internal(exception.class(), exception.message())
            .at_option("ps1")
            .with_hint("write the prompt as a JSON text: `ps1 = \"\\\\w> \"`")
    })
}
