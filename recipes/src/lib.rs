//! The built-in recipes: Rust implementations of recipes that zc.buildout finds
//! as Python distributions.
#![warn(missing_docs)]

mod boolean;
mod cmmi;
mod command_failure;
mod download;
mod download_unpacked;
mod environment;
mod failure;
mod location;
mod percent_format;
mod source;

use std::sync::Arc;

use buildout_core::recipe::{Descriptor, Factory, Provider, RecipeReference, Registry};

pub use command_failure::{CommandFailure, FailureCause};

/// Returns a registry of all built-in recipes.
pub fn registry() -> Registry {
    Registry::default().with(Arc::new(NativeRecipes::new()))
}

/// The provider of the built-in recipes.
pub struct NativeRecipes {
    factories: Vec<Arc<dyn Factory>>,
}

impl NativeRecipes {
    /// Collects the factories of all modules.
    pub fn new() -> Self {
        NativeRecipes {
            factories: vec![
                cmmi::factory(),
                download::factory(),
                download_unpacked::factory(),
            ],
        }
    }
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
}
