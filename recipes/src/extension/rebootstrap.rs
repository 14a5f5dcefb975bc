//! `slapos.rebootstrap`: the Python that a profile builds becomes the one that
//! the buildout is for.
//!
//! Upstream's buildout is a Python program. The extension has it install the
//! section `[buildout] python` first, replaces `bin/buildout` by one that the
//! Python of that section runs, and starts that. This program is run by no
//! Python, and has a run in two phases wherever a profile names its Python
//! (`buildout_core::run::PythonPhases`). What remains is the order: the section,
//! and those of `rebootstrap-prepend-paths`, are constructed before all others,
//! which makes them the first parts and those of the first phase.

use buildout_core::profile::python_text::{split_words, strip};
use buildout_core::recipe::{Extension, ExtensionRun, RecipeError};
use buildout_core::value::str_repr;

/// The option that names the section of the Python.
const PYTHON: &str = "python";

/// The section that it names by default: that of the running Python.
const DEFAULT_SECTION: &str = "buildout";

const PREPEND_PATHS: &str = "rebootstrap-prepend-paths";

/// What the extension refuses, in upstream's words.
#[derive(Debug, thiserror::Error)]
enum RebootstrapProblem {
    #[error(
        "rebootstrap-prepend-paths: section {} does not exist",
        str_repr(section)
    )]
    NoSection { section: String },
    #[error(
        "rebootstrap-prepend-paths: section {} has no 'location' option",
        str_repr(section)
    )]
    NoLocation { section: String },
}

/// The extension.
pub(super) struct Rebootstrap;

impl Extension for Rebootstrap {
    fn start(&self, run: &ExtensionRun<'_>) -> Result<(), RecipeError> {
        let buildout = run.buildout();
        let named = buildout.get("buildout", PYTHON)?.unwrap_or_default();
        let section = match strip(&named) {
            "" => DEFAULT_SECTION,
            section => section,
        };
        if buildout.get(section, "executable")?.is_none() {
            return Err(
                crate::live_options::missing_option(section, "executable").at_option(PYTHON)
            );
        }
        let prepended = buildout.get("buildout", PREPEND_PATHS)?.unwrap_or_default();
        let sections = buildout.section_names()?;
        for name in split_words(&prepended) {
            let section = name.to_owned();
            if !sections.iter().any(|known| **known == *name) {
                return Err(RecipeError::user(RebootstrapProblem::NoSection { section })
                    .at_option(PREPEND_PATHS)
                    .with_hint(format!("add a section `[{name}]`, or remove the name")));
            }
            if buildout.get(name, "location")?.is_none() {
                return Err(
                    RecipeError::user(RebootstrapProblem::NoLocation { section })
                        .at_option(PREPEND_PATHS)
                        .with_hint(format!("add `location = ...` to `[{name}]`")),
                );
            }
        }
        Ok(())
    }
}
