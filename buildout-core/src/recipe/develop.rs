//! Develop eggs: the work of `[buildout] develop`.

use std::path::{Path, PathBuf};

use super::distributions::PlannedDistributions;
use super::error::RecipeError;
use super::part_run::PartRun;
use crate::dialect::Dialect;

/// Makes develop eggs of checkouts.
pub trait DevelopEggs: Send + Sync {
    /// Makes a develop egg of the checkout at `setup`, a directory or a file in
    /// it, and returns the paths of all that was made in the directory of
    /// develop eggs. The part of `run` is `[buildout]` itself.
    ///
    /// # Errors
    ///
    /// The checkout cannot be built.
    fn develop(
        &self,
        setup: &Path,
        dialect: &Dialect,
        run: &PartRun<'_>,
    ) -> Result<Vec<PathBuf>, RecipeError>;

    /// Returns what the build of a checkout takes, and makes its requirements
    /// known to the plans of parts. No develop egg stays.
    ///
    /// # Errors
    ///
    /// The checkout cannot be built.
    fn plan(
        &self,
        setup: &Path,
        dialect: &Dialect,
        run: &PartRun<'_>,
    ) -> Result<PlannedDistributions, RecipeError>;
}
