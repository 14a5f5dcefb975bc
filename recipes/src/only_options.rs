//! Recipes whose work is done once their part is constructed.

use buildout_core::recipe::{Installed, PartRun, Recipe, RecipeError};

/// A recipe that only sets options and installs nothing.
pub(crate) struct OnlyOptions;

impl Recipe for OnlyOptions {
    fn install(&mut self, _run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        Ok(Installed::nothing())
    }
}

/// The same, of which upstream's `install` returns `None`, which is told.
pub(crate) struct OnlyOptionsAndNone;

impl Recipe for OnlyOptionsAndNone {
    fn install(&mut self, _run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        Ok(Installed::Unchanged)
    }
}
