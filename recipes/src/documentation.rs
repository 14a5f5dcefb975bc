//! Short forms for what recipes say of themselves.

use std::sync::Arc;

use buildout_core::recipe::{
    Construction, Descriptor, Factory, OptionDocumentation, Recipe, RecipeError,
    ResultDocumentation,
};

/// An option that a part must have.
pub(crate) const fn required(name: &'static str, summary: &'static str) -> OptionDocumentation {
    OptionDocumentation {
        name,
        default: None,
        summary,
    }
}

/// An option with its default as a profile would write it.
pub(crate) const fn option(
    name: &'static str,
    default: &'static str,
    summary: &'static str,
) -> OptionDocumentation {
    OptionDocumentation {
        name,
        default: Some(default),
        summary,
    }
}

/// An option that the recipe sets.
pub(crate) const fn result(name: &'static str, summary: &'static str) -> ResultDocumentation {
    ResultDocumentation { name, summary }
}

/// A factory that needs nothing but a function.
pub(crate) struct FunctionFactory {
    /// What is known of the recipe.
    pub(crate) descriptor: &'static Descriptor,
    /// The options that it sets.
    pub(crate) results: &'static [ResultDocumentation],
    /// Constructs it.
    pub(crate) construct: fn(&Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError>,
}

impl FunctionFactory {
    /// Makes the factory.
    pub(crate) fn shared(
        descriptor: &'static Descriptor,
        results: &'static [ResultDocumentation],
        construct: fn(&Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError>,
    ) -> Arc<dyn Factory> {
        Arc::new(FunctionFactory {
            descriptor,
            results,
            construct,
        })
    }
}

impl Factory for FunctionFactory {
    fn descriptor(&self) -> &Descriptor {
        self.descriptor
    }

    fn results(&self) -> &'static [ResultDocumentation] {
        self.results
    }

    fn insists_on_documentation(&self) -> bool {
        true
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        (self.construct)(part)
    }
}
