//! `zc.recipe.egg`: Python distributions and the scripts in them, custom
//! builds, and develop eggs.

mod build_ext;
mod custom;
mod default_index;
mod develop;
mod eggs;
mod log;
mod options;
mod patches;
mod picked;
mod run;
mod scripts;
mod setup_eggs;
mod tools;

use std::sync::Arc;

use buildout_core::recipe::{DevelopEggs, Factory, RecipeError, RunServices};

use self::run::EggRuns;

/// The recipes, and what belongs to them besides: they share what a run knows
/// of distributions.
pub(crate) struct EggRecipes {
    /// One factory for each entry point.
    pub(crate) factories: Vec<Arc<dyn Factory>>,
    /// Makes the develop eggs of `[buildout]`.
    pub(crate) develop_eggs: Arc<dyn DevelopEggs>,
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

/// Makes the recipes.
pub(crate) fn recipes() -> EggRecipes {
    let runs = Arc::new(EggRuns::default());
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
        runs,
    }
}
