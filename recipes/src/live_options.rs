//! Options read while a part is installed.
//!
//! Some of upstream's recipes read options only then: a missing one fails
//! under `Installing PART.`, and one that is not read counts as unused.

use std::sync::Arc;

use buildout_core::recipe::{Buildout as _, Construction, PartRun, RecipeError};
use buildout_core::resolve::ResolveProblem;
use buildout_core::run::Failure;

/// Reading of options as upstream's `Options` does it.
pub(crate) trait LiveOptions {
    /// Reads an option of the part (`Options.get`).
    fn read(&self, option: &str) -> Result<Option<Arc<str>>, RecipeError>;

    /// Reads an option that must exist (`Options.__getitem__`).
    fn read_required(&self, option: &str) -> Result<Arc<str>, RecipeError>;
}

impl LiveOptions for PartRun<'_> {
    fn read(&self, option: &str) -> Result<Option<Arc<str>>, RecipeError> {
        self.check_documented(option);
        Ok(self.buildout().get(self.part(), option)?)
    }

    fn read_required(&self, option: &str) -> Result<Arc<str>, RecipeError> {
        let found = self.read(option)?;
        found.ok_or_else(|| missing_option(self.part(), option))
    }
}

/// Reads an option that a part must have while it is constructed.
///
/// # Errors
///
/// It is not there, or cannot be resolved.
pub(crate) fn required_option(
    part: &Construction<'_>,
    option: &str,
) -> Result<Arc<str>, RecipeError> {
    let value = part.option(option)?;
    value.ok_or_else(|| missing_option(part.part(), option))
}

/// Makes upstream's `Missing option: PART:OPTION`.
pub(crate) fn missing_option(part: &str, option: &str) -> RecipeError {
    let problem = ResolveProblem::MissingOption {
        section: part.to_owned(),
        option: option.to_owned(),
    };
    let hint = format!("add `{option} = ...` to `[{part}]`");
    Failure::from(problem).with_hint(Some(hint)).into()
}
