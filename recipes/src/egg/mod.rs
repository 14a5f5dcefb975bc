//! `zc.recipe.egg`: Python distributions and the scripts in them, custom
//! builds, and develop eggs.

mod build_ext;
mod custom;
mod default_index;
mod develop;
mod eggs;
mod installed;
mod log;
mod options;
mod patches;
mod run;
mod scripts;
mod setup_eggs;
mod tools;

use std::sync::Arc;

use buildout_core::recipe::{DevelopEggs, Factory};

pub(crate) use self::installed::InstalledEggs;
use self::run::EggRuns;

/// The factories of all entry points, with what finds distributions for other
/// recipes, and what makes the develop eggs of `[buildout]`. They share what a
/// run knows of distributions.
pub(crate) fn factories() -> (Vec<Arc<dyn Factory>>, InstalledEggs, Arc<dyn DevelopEggs>) {
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
    let installed = InstalledEggs::new(&runs);
    (
        factories,
        installed,
        Arc::new(develop::Checkouts::new(runs)),
    )
}
