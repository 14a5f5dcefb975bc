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
mod run;
mod scripts;
mod setup_eggs;
mod tools;

use std::sync::Arc;

use buildout_core::recipe::{DevelopEggs, Factory};

use self::run::EggRuns;

/// The factories of all entry points, with what makes the develop eggs of
/// `[buildout]`. They share what a run knows of distributions.
pub(crate) fn factories() -> (Vec<Arc<dyn Factory>>, Arc<dyn DevelopEggs>) {
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
    (factories, Arc::new(develop::Checkouts::new(runs)))
}
