//! `zc.recipe.egg`: Python distributions and the scripts in them, custom
//! builds, and develop eggs.

mod build_ext;
mod custom;
mod default_index;
mod develop;
mod eggs;
mod freshness;
mod installed;
mod locked;
mod log;
mod options;
mod own;
mod patches;
mod picked;
mod plan;
mod python_recipes;
mod rebuild;
mod run;
mod scripts;
mod setup_eggs;
mod tools;

use std::sync::Arc;

use buildout_core::recipe::{DevelopEggs, Factory, RecipeError, RunServices};

pub(crate) use self::installed::InstalledEggs;
use self::run::EggRuns;

pub use self::default_index::default_index;
pub use self::own::{OwnDistribution, recipe_egg_version};
pub use self::python_recipes::{DistributionSearch, PythonDistributions};

/// The recipes, and what belongs to them besides: they share what a run knows
/// of distributions.
pub(crate) struct EggRecipes {
    /// One factory for each entry point.
    pub(crate) factories: Vec<Arc<dyn Factory>>,
    /// Makes the develop eggs of `[buildout]`.
    pub(crate) develop_eggs: Arc<dyn DevelopEggs>,
    /// Finds the distributions of recipes in Python.
    pub(crate) distributions: Arc<PythonDistributions>,
    /// Finds what is installed, for other recipes.
    pub(crate) installed: InstalledEggs,
    runs: Arc<EggRuns>,
}

impl EggRecipes {
    /// Reports the versions that were picked in a run.
    pub(crate) fn conclude(&self, services: &RunServices) -> Result<(), RecipeError> {
        match self.runs.known(&services.directory) {
            Some(run) => picked::report(&run, services),
            None => Ok(()),
        }
    }
}

/// Makes the recipes, where some distributions are the program's own.
pub(crate) fn recipes(own: Vec<OwnDistribution>) -> EggRecipes {
    let runs = Arc::new(EggRuns::new(own));
    let mut factories: Vec<Arc<dyn Factory>> = Vec::new();
    for descriptor in options::script_descriptors() {
        factories.push(Arc::new(scripts::ScriptsFactory::new(
            descriptor,
            Arc::clone(&runs),
        )));
    }
    factories.push(Arc::new(eggs::EggsFactory::new(Arc::clone(&runs))));
    factories.push(Arc::new(custom::CustomFactory::new(Arc::clone(&runs))));
    factories.push(Arc::new(develop::DevelopFactory::new(Arc::clone(&runs))));
    EggRecipes {
        factories,
        develop_eggs: Arc::new(develop::Checkouts::new(Arc::clone(&runs))),
        distributions: Arc::new(PythonDistributions::new(Arc::clone(&runs))),
        installed: InstalledEggs::new(&runs),
        runs,
    }
}
