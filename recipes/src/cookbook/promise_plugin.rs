//! `slapos.cookbook:promise.plugin`: a module that slapos.core loads to check something.

use std::sync::Arc;

use buildout_core::dialect::Dialect;
use buildout_core::profile::python_text::{split_lines, strip};
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, Recipe, RecipeError, ResultDocumentation, UpdateKind,
};
use buildout_core::value::{Dict, Value, decode, str_repr};

use super::generic::{create_file, paths_of, required};
use super::pretty::pformat;
use crate::egg::InstalledEggs;
use crate::octal_mode::parse_octal_mode;

/// What an option that configures the promise starts with.
const CONFIGURATION_PREFIX: &str = "config-";

/// The class that slapos.core looks for.
const PROMISE_CLASS: &str = "RunPromise";

const DEFAULT_MODE: &str = "0644";

const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "output",
        default: None,
        summary: "The path of the module that is written.",
    },
    OptionDocumentation {
        name: "eggs",
        default: None,
        summary: "The distributions that the promise needs, one in a line; may be empty.",
    },
    OptionDocumentation {
        name: "module",
        default: Some(""),
        summary: "The module that has the class of the promise; either this or `file` must be \
                  there.",
    },
    OptionDocumentation {
        name: "file",
        default: Some(""),
        summary: "The file that has the class of the promise.",
    },
    OptionDocumentation {
        name: "class",
        default: Some("RunPromise"),
        summary: "The class of the promise.",
    },
    OptionDocumentation {
        name: "mode",
        default: Some("0644"),
        summary: "The mode of the module in octal; the umask does not matter.",
    },
    OptionDocumentation {
        name: "config-*",
        default: Some(""),
        summary: "What the promise finds in its configuration, under the name without `config-`.",
    },
];

const RESULTS: &[ResultDocumentation] = &[
    ResultDocumentation {
        name: "eggs-directory",
        summary: "Where eggs are looked for.",
    },
    ResultDocumentation {
        name: "develop-eggs-directory",
        summary: "Where develop eggs are looked for.",
    },
];

/// What the recipe refuses. The texts are upstream's.
#[derive(Debug, thiserror::Error)]
enum PromiseProblem {
    #[error("{} is not a valid class name", str_repr(name))]
    ClassName { name: String },
    #[error("{} is not a valid module name", str_repr(name))]
    ModuleName { name: String },
    #[error("Either 'module' or 'file' is required but not both")]
    ModuleOrFile,
}

pub(super) fn factory(eggs: InstalledEggs) -> Arc<dyn Factory> {
    Arc::new(PromisePluginFactory {
        eggs,
        descriptor: Descriptor {
            name: "slapos.cookbook:promise.plugin",
            summary: "Writes a module with the configuration of a promise, which slapos.core runs.",
            behaviour_version: 1,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Declared,
            update: UpdateKind::Runs,
            options: OPTIONS,
        },
    })
}

struct PromisePluginFactory {
    eggs: InstalledEggs,
    descriptor: Descriptor,
}

impl Factory for PromisePluginFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn results(&self) -> &'static [ResultDocumentation] {
        RESULTS
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        for option in ["eggs-directory", "develop-eggs-directory"] {
            let directory = part.buildout_option(option)?.unwrap_or_default();
            part.set(option, &directory)?;
        }
        let read = |option: &str| -> Result<Option<Arc<str>>, RecipeError> {
            Ok(part.option(option)?.filter(|value| !value.is_empty()))
        };
        let (file, module) = (read("file")?, read("module")?);
        let class = read("class")?.filter(|class| &**class != PROMISE_CLASS);
        if let Some(class) = class.as_deref().filter(|class| !is_python_name(class)) {
            let name = class.to_owned();
            return Err(RecipeError::user(PromiseProblem::ClassName { name })
                .at_option("class")
                .with_hint("name a class of the module, without the module"));
        }
        let content = match (&module, &file) {
            (Some(module), None) => import(module, class.as_deref())?,
            (None, Some(file)) => execution(file, class.as_deref()),
            _ => {
                let hint = match module {
                    Some(_) => "remove one of `module` and `file`",
                    None => "add `module = ...`, or `file = ...`",
                };
                return Err(RecipeError::user(PromiseProblem::ModuleOrFile)
                    .at_option("module")
                    .with_hint(hint));
            }
        };
        let mut configuration = Dict::new();
        for option in part.option_names()? {
            let Some(name) = option.strip_prefix(CONFIGURATION_PREFIX) else {
                continue;
            };
            let value = part.option(&option)?.unwrap_or_default();
            let typed = match part.dialect().typed_values {
                true => decode(&value).map_err(|error| {
                    RecipeError::internal("ValueError", error).at_option(&*option)
                })?,
                false => None,
            };
            let value = typed.unwrap_or_else(|| Value::string(value));
            // A text can always be a key.
            let _ = configuration.insert(Value::string(name), value);
        }
        Ok(Box::new(PromisePlugin {
            eggs: self.eggs.clone(),
            dialect: part.dialect().clone(),
            content,
            configuration: Value::Dict(configuration),
        }))
    }
}

fn import(module: &str, class: Option<&str>) -> Result<String, RecipeError> {
    if !module.split('.').all(is_python_name) {
        let name = module.to_owned();
        return Err(RecipeError::user(PromiseProblem::ModuleName { name })
            .at_option("module")
            .with_hint("write names with dots between them, such as `package.module`"));
    }
    Ok(match class {
        Some(class) => format!("from {module} import {class} as {PROMISE_CLASS}"),
        None => format!("from {module} import {PROMISE_CLASS}"),
    })
}

fn execution(file: &str, class: Option<&str>) -> String {
    let path = str_repr(file);
    // The file gets the names of this module, and no other.
    let mut content =
        format!("exec(compile(__import__('pathlib').Path({path}).read_text(), {path}, 'exec'))");
    if let Some(class) = class {
        content.push_str(&format!("\n\n{PROMISE_CLASS} = {class}"));
    }
    content
}

/// Tells whether Python parses a text as one name.
fn is_python_name(text: &str) -> bool {
    let mut characters = text.chars();
    let starts = |character: char| character.is_alphabetic() || character == '_';
    let goes_on = |character: char| character.is_alphanumeric() || character == '_';
    characters.next().is_some_and(starts) && characters.all(goes_on) && !KEYWORDS.contains(&text)
}

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

struct PromisePlugin {
    eggs: InstalledEggs,
    dialect: Dialect,
    /// The lines that define the class.
    content: String,
    configuration: Value,
}

impl Recipe for PromisePlugin {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let paths = self.egg_paths(run)?;
        let output = required(run, "output")?;
        let mode = run.option("mode").unwrap_or(DEFAULT_MODE);
        let mode =
            parse_octal_mode(mode).map_err(|error| RecipeError::from(error).at_option("mode"))?;
        let text = format!(
            "# Written by buildout, which replaces what is changed here.
import sys
sys.path[0:0] = {}

extra_config_dict = {}

# Whoever runs this has its own modules of the namespace slapos, and not all of them may be the
# ones that the promise needs: they are imported again, from the new path.
for module in list(sys.modules):
  if 'slapos' in module or 'pkg_resources' in module:
    del sys.modules[module]

{}
",
            pformat(&paths, 2),
            pformat(&self.configuration, 2),
            self.content
        );
        let path = create_file(run, "output", output, &text, mode)?;
        Ok(Installed::path(path))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        paths_of(option, &["output"])
    }
}

impl PromisePlugin {
    /// Returns where the distributions of the option `eggs` are, and those that they require.
    fn egg_paths(&self, run: &PartRun<'_>) -> Result<Value, RecipeError> {
        let eggs = required(run, "eggs")?;
        let lines = split_lines(eggs).into_iter().map(strip);
        let eggs: Vec<String> = lines
            .filter(|egg| !egg.is_empty())
            .map(ToOwned::to_owned)
            .collect();
        let directories = ["develop-eggs-directory", "eggs-directory"];
        let directories = directories.map(|option| run.option(option).unwrap_or_default());
        if eggs.is_empty() || directories.contains(&"") {
            return Ok(Value::Tuple(Vec::new()));
        }
        let directories = directories.map(|directory| run.services().absolute(directory));
        let locations = self
            .eggs
            .locations(run, &self.dialect, directories, &eggs)
            .map_err(|error| {
                error.at_option("eggs").with_hint(
                    "promises use eggs that are there: have a part of recipe zc.recipe.egg \
                     install them first",
                )
            })?;
        let paths = locations
            .iter()
            .map(|path| Value::string(path.to_string_lossy()));
        Ok(Value::Tuple(paths.collect()))
    }
}
