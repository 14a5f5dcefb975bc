//! The parts that a command is about.

use std::sync::Arc;

use super::failure::Failure;
use super::session::Session;
use crate::configuration::BUILDOUT_SECTION;
use crate::profile::python_text::split_words;

/// Constructs the parts of `[buildout] parts` or, if there are any, the
/// requested ones, and returns those to work on, in order.
pub(super) fn construct_parts(
    session: &Session<'_>,
    requested: &[String],
) -> Result<Vec<Arc<str>>, Failure> {
    let configured = session.required(BUILDOUT_SECTION, "parts")?;
    let wanted: Vec<Arc<str>> = if requested.is_empty() {
        split_words(&configured).map(Arc::from).collect()
    } else {
        requested.iter().map(|part| Arc::from(&**part)).collect()
    };
    for part in &wanted {
        session.reach(part).map_err(|failure| {
            let place = session.option_place(BUILDOUT_SECTION, "parts", part);
            failure.with_label(place, "needed here")
        })?;
        session.required(part, "recipe")?;
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
