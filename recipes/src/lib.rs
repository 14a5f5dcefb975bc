//! The built-in recipes: Rust implementations of recipes that zc.buildout finds
//! as Python distributions.
#![warn(missing_docs)]

mod boolean;
mod cmmi;
mod command;
mod cookbook;
mod documentation;
mod download;
mod download_failure;
mod download_unpacked;
mod egg;
mod environment;
mod extension;
mod gitclone;
pub mod jinja2;
mod live_options;
mod location;
mod mkdirectory;
mod octal_mode;
mod only_options;
mod output_file;
mod percent_format;
mod python_int;
mod python_value;
mod rubygems;
mod slap;
mod source;
mod switch_softwaretype;
mod symbolic_link;
mod system_error;
mod template;
mod values;
mod wrapper;

use std::sync::Arc;

use buildout_core::recipe::{
    Descriptor, DevelopEggs, Extension, Factory, Provider, RecipeError, RecipeReference, Registry,
    RunServices,
};

pub use self::slap::{DocumentError, ReleaseSchema, Serialisation};
pub use egg::{
    DistributionSearch, OwnDistribution, PythonDistributions, SearchPurpose, default_index,
    recipe_egg_version,
};

/// Returns a registry of all built-in recipes.
pub fn registry() -> Registry {
    Registry::default().with(Arc::new(NativeRecipes::new()))
}

/// The provider of the built-in recipes.
pub struct NativeRecipes {
    factories: Vec<Arc<dyn Factory>>,
    eggs: egg::EggRecipes,
}

impl NativeRecipes {
    /// Collects the factories of all modules.
    pub fn new() -> Self {
        Self::with_distributions(Vec::new())
    }

    /// The same, where some distributions are the program's own.
    pub fn with_distributions(own: Vec<OwnDistribution>) -> Self {
        let eggs = egg::recipes(own);
        let mut recipes = NativeRecipes {
            factories: vec![
                Arc::new(command::ShellCommandFactory::new()),
                Arc::new(mkdirectory::MakeDirectoryFactory::new(
                    "slapos.cookbook:mkdirectory",
                )),
                Arc::new(mkdirectory::MakeDirectoryFactory::new(
                    "slapos.recipe.build:mkdirectory",
                )),
                Arc::new(symbolic_link::SymbolicLinkFactory::new()),
                Arc::new(template::collective::CollectiveTemplateFactory::new()),
                Arc::new(template::jinja2::Jinja2Factory::new()),
                Arc::new(template::plain::PlainTemplateFactory::new()),
                Arc::new(wrapper::WrapperFactory::new()),
                cmmi::factory(),
                download::factory(),
                download_unpacked::factory(),
            ],
            eggs,
        };
        let of_eggs = recipes.eggs.factories.iter().cloned();
        recipes.factories.extend(of_eggs);
        let installed = recipes.eggs.installed.clone();
        recipes.factories.extend(cookbook::factories(installed));
        recipes.factories.extend(services());
        recipes.factories.extend(slap::factories());
        recipes
    }

    /// Returns what finds the distributions of recipes in Python.
    pub fn distributions(&self) -> Arc<PythonDistributions> {
        Arc::clone(&self.eggs.distributions)
    }
}

/// The recipes of repositories, gems and runs within runs, and those of values.
fn services() -> Vec<Arc<dyn Factory>> {
    let mut factories = vec![gitclone::factory(), rubygems::factory()];
    factories.extend(switch_softwaretype::factories());
    factories.extend(values::factories());
    factories
}

impl Default for NativeRecipes {
    fn default() -> Self {
        Self::new()
    }
}

impl Provider for NativeRecipes {
    fn find(&self, recipe: &RecipeReference) -> Option<Arc<dyn Factory>> {
        // A name without an entry point means the entry `default`.
        let named = |factory: &&Arc<dyn Factory>| {
            RecipeReference::parse(factory.descriptor().name).as_ref() == Some(recipe)
        };
        self.factories.iter().find(named).cloned()
    }

    fn descriptors(&self) -> Vec<Descriptor> {
        self.factories
            .iter()
            .map(|factory| factory.descriptor().clone())
            .collect()
    }

    fn develop_eggs(&self) -> Option<Arc<dyn DevelopEggs>> {
        Some(Arc::clone(&self.eggs.develop_eggs))
    }

    fn conclude(&self, services: &RunServices) -> Result<(), RecipeError> {
        self.eggs.conclude(services)
    }

    fn extension(&self, name: &str) -> Option<Arc<dyn Extension>> {
        extension::named(name)
    }
}
