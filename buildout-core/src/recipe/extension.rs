//! Extensions: what `[buildout] extensions` names.
//!
//! Upstream's are functions of Python distributions, called with the whole
//! `Buildout` object when the configuration is known and when a run ends. Ours
//! get handles, as recipes do.

use super::error::RecipeError;
use super::handle::Buildout;
use super::part_run::RunServices;

/// What an extension may use.
pub struct ExtensionRun<'a> {
    buildout: &'a dyn Buildout,
    services: &'a RunServices,
}

/// An extension of a run.
pub trait Extension: Send + Sync {
    /// Acts before the first part is constructed, in commands that only look,
    /// too (`zc.buildout.extension`). What it reaches becomes a part, as what a
    /// profile refers to does.
    ///
    /// # Errors
    ///
    /// The run ends.
    fn start(&self, _run: &ExtensionRun<'_>) -> Result<(), RecipeError> {
        Ok(())
    }

    /// Acts when all parts are installed (`zc.buildout.unloadextension`).
    ///
    /// # Errors
    ///
    /// The run fails; what is installed stays so.
    fn finish(&self, _run: &ExtensionRun<'_>) -> Result<(), RecipeError> {
        Ok(())
    }
}

impl<'a> ExtensionRun<'a> {
    pub(crate) fn new(buildout: &'a dyn Buildout, services: &'a RunServices) -> Self {
        ExtensionRun { buildout, services }
    }

    /// Returns the configuration.
    pub fn buildout(&self) -> &dyn Buildout {
        self.buildout
    }

    /// Returns what the engine offers besides the configuration.
    pub fn services(&self) -> &RunServices {
        self.services
    }
}
