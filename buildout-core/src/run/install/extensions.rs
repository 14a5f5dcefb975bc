//! Extensions: programs that a run loads before anything else.
//!
//! Keeps `Buildout._load_extensions` and `_unload_extensions` of zc.buildout;
//! who can run such a program, a provider of recipes, does the work.

use std::sync::Arc;

use super::super::evaluation::recipe_result;
use super::super::failure::{Failure, Problem};
use super::super::session::{EXTENSIONS_OPTION, Session};
use crate::configuration::BUILDOUT_SECTION;
use crate::profile::python_text::split_words;
use crate::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Recipe, RecipeError, UpdateKind,
};
use crate::resolve::Doing;

/// Loads what the option `extensions` names.
pub(super) fn load_extensions(session: &Session<'_>) -> Result<(), Failure> {
    let names = extension_names(session)?;
    if names.is_empty() {
        return Ok(());
    }
    let place = place(session);
    let providers = session.options.registry.providers();
    let loaded = providers
        .iter()
        .find_map(|provider| provider.load_extensions(&names, &place));
    let Some(result) = loaded else {
        let what = "extensions, which are Python programs";
        return Err(super::unsupported(session, EXTENSIONS_OPTION, what));
    };
    recipe_result(session, BUILDOUT_SECTION, Ok(result))
        .map_err(|failure| failure.during(vec![Doing::LoadingExtensions]))
}

/// Tells the extensions that the run ends.
pub(super) fn unload_extensions(session: &Session<'_>) -> Result<(), Failure> {
    if extension_names(session)?.is_empty() {
        return Ok(());
    }
    let place = place(session);
    for provider in session.options.registry.providers() {
        let result = provider.unload_extensions(&place);
        recipe_result(session, BUILDOUT_SECTION, Ok(result))
            .map_err(|failure| failure.during(vec![Doing::UnloadingExtensions]))?;
    }
    Ok(())
}

fn place<'s>(session: &'s Session<'_>) -> Construction<'s> {
    Construction::new(
        Arc::from(BUILDOUT_SECTION),
        &NoRecipe,
        session,
        session.services(),
        session,
    )
}

/// What stands for the recipe of `[buildout]`, which has none.
struct NoRecipe;

impl Factory for NoRecipe {
    fn descriptor(&self) -> &Descriptor {
        static DESCRIPTOR: Descriptor = Descriptor {
            name: BUILDOUT_SECTION,
            summary: "Is no recipe.",
            behaviour_version: 0,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Declared,
            update: UpdateKind::Nothing,
            options: &[],
        };
        &DESCRIPTOR
    }

    fn construct(&self, _: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        Err(Failure::from(Problem::UnexpectedAnswer).into())
    }
}

/// Returns the extensions that are not built in: the session knows those that
/// are.
fn extension_names(session: &Session<'_>) -> Result<Vec<Arc<str>>, Failure> {
    let value = session.get_stored(BUILDOUT_SECTION, EXTENSIONS_OPTION)?;
    let is_foreign = |name: &&str| session.options.registry.extension(name).is_none();
    Ok(value
        .as_deref()
        .into_iter()
        .flat_map(split_words)
        .filter(is_foreign)
        .map(Arc::from)
        .collect())
}
