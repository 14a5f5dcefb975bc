//! Extensions: programs that a run loads before anything else.
//!
//! Keeps `Buildout._load_extensions` and `_unload_extensions` of zc.buildout;
//! who can run such a program, a provider of recipes, does the work.

use std::sync::Arc;

use super::super::evaluation::recipe_result;
use super::super::failure::Failure;
use super::super::session::Session;
use crate::configuration::BUILDOUT_SECTION;
use crate::profile::python_text::split_words;
use crate::recipe::Construction;
use crate::resolve::Doing;

const OPTION: &str = "extensions";

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
        return Err(super::unsupported(session, OPTION, what));
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
        session,
        session.services(),
        session,
    )
}

fn extension_names(session: &Session<'_>) -> Result<Vec<Arc<str>>, Failure> {
    let value = session.get_stored(BUILDOUT_SECTION, OPTION)?;
    Ok(value
        .as_deref()
        .into_iter()
        .flat_map(split_words)
        .map(Arc::from)
        .collect())
}
