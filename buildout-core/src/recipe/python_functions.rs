//! Functions in Python that built-in recipes call.

use std::path::Path;

use super::error::RecipeError;
use super::part_run::{Environment, PartRun};

/// A function of a file, and what it is given.
#[derive(Clone, Copy, Debug)]
pub struct PythonFunction<'a> {
    /// The file.
    pub file: &'a Path,
    /// The name of the function.
    pub name: &'a str,
    /// The current directory meanwhile.
    pub directory: &'a Path,
    /// The variables that it is given, and may change.
    pub variables: &'a Environment,
}

/// Calls functions in Python for a part.
pub trait PythonFunctions: Send + Sync {
    /// Calls a function with the options of the part, the configuration and
    /// the variables, as slapos.recipe.cmmi calls hooks; returns the variables
    /// as it leaves them.
    ///
    /// # Errors
    ///
    /// There is no such function, or it fails.
    fn call(
        &self,
        function: &PythonFunction<'_>,
        run: &PartRun<'_>,
    ) -> Result<Environment, RecipeError>;
}
