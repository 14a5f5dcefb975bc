//! Which parts a command is about.

use std::sync::Arc;

use super::failure::Failure;
use super::session::{Session, known_values};
use super::signature::SIGNATURE_OPTION;
use crate::configuration::BUILDOUT_SECTION;
use crate::profile::python_text::split_words;
use crate::resolve::OptionMap;

/// Constructs the wanted parts, and returns those to install, in order:
/// `[buildout] parts` with all that they need, or only the `requested` ones.
///
/// A part that cannot be had is handed to `refused`, which may pass over it.
///
/// # Errors
///
/// `parts` is missing, and what `refused` returns.
pub(super) fn select(
    session: &Session<'_>,
    requested: &[String],
    mut refused: impl FnMut(&Arc<str>, Failure) -> Result<(), Failure>,
) -> Result<Vec<Arc<str>>, Failure> {
    session.extensions()?;
    let configured = session.required(BUILDOUT_SECTION, "parts")?;
    let wanted: Vec<Arc<str>> = if requested.is_empty() {
        split_words(&configured).map(Arc::from).collect()
    } else {
        requested.iter().map(|part| Arc::from(&**part)).collect()
    };
    for part in &wanted {
        let reached = session.attempt(|| {
            session.reach(part).map_err(|failure| {
                let place = session.option_place(BUILDOUT_SECTION, "parts", part);
                failure.with_label(place, "needed here")
            })?;
            session.required(part, "recipe")
        });
        if let Err(failure) = reached {
            refused(part, failure)?;
        }
    }
    if requested.is_empty() {
        return Ok(session.parts());
    }
    // A section with an empty recipe is no part.
    let state = session.state.borrow();
    Ok(wanted
        .into_iter()
        .filter(|part| state.parts.contains_key(part))
        .collect())
}

impl Session<'_> {
    /// Computes the signature of a part and makes it an option of it, as long
    /// as [`unsign`](Self::unsign) does not take it away.
    ///
    /// # Errors
    ///
    /// The section has no recipe.
    pub(super) fn sign(&self, part: &Arc<str>) -> Result<(), Failure> {
        let signature = self.freeze_signature(part)?;
        let mut state = self.state.borrow_mut();
        if let Some(section) = state.sections.get_mut(part) {
            section.data.insert(Arc::from(SIGNATURE_OPTION), signature);
        }
        Ok(())
    }

    /// Takes the signature of a part away from its options and returns both,
    /// as they are when the part's turn comes.
    pub(super) fn unsign(&self, part: &Arc<str>) -> (Arc<str>, OptionMap) {
        let mut state = self.state.borrow_mut();
        let signature = state
            .sections
            .get_mut(part)
            .and_then(|section| section.data.shift_remove(SIGNATURE_OPTION));
        (signature.unwrap_or_default(), known_values(&state, part))
    }

    /// Returns the paths that the installation of a part makes.
    pub(super) fn outputs(&self, part: &Arc<str>) -> Vec<String> {
        let take = || self.state.borrow_mut().parts.get_mut(part)?.recipe.take();
        let Some(recipe) = take() else {
            return Vec::new();
        };
        let outputs = recipe.outputs(&|option| {
            let value = self.get_stored(part, option).ok()??;
            Some(self.read_form(value))
        });
        if let Some(found) = self.state.borrow_mut().parts.get_mut(part) {
            found.recipe = Some(recipe);
        }
        outputs
    }

    /// Returns the options of a part in stored form, each resolved, but for
    /// those that are not recorded.
    ///
    /// # Errors
    ///
    /// A value cannot be resolved.
    pub(super) fn current_options(&self, part: &Arc<str>) -> Result<OptionMap, Failure> {
        let mut options = OptionMap::default();
        for name in self.known_options(part) {
            if self.is_concealed(part, &name) {
                continue;
            }
            if let Some(value) = self.get_stored(part, &name)? {
                options.insert(name, value);
            }
        }
        Ok(options)
    }
}
