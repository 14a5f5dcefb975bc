//! Which dialect a run speaks, known before anything is merged: the merge
//! itself depends on it.

use std::sync::Arc;

use super::{Assignment, BUILDOUT_SECTION, command_line_sections};
use crate::dialect::{Dialect, DialectName, RepeatedOperators};
use crate::extends::{
    DownloadSettings, ExtendsError, MergedSection, Origin, Place, ProfileLoader, Tree,
};
use crate::profile::python_text::universal_newlines;
use crate::profile::syntax::parse;
use crate::symbols::Symbols;

/// The option of `[buildout]` that names the dialect.
pub const DIALECT_OPTION: &str = "dialect";

/// Chooses the dialect: the one `requested` explicitly, else that of an
/// assignment, else the literal in an unconditional `[buildout]` of the root
/// profile, else of the user's defaults, else the default.
///
/// `profiles` are the root profile and the user's defaults, by absolute path
/// or URL. What cannot be read or parsed is passed over here; loading it
/// properly says why.
///
/// # Errors
///
/// [`ExtendsError::UnknownDialect`].
pub fn choose_dialect(
    requested: Option<DialectName>,
    assignments: &[Assignment],
    profiles: &[&str],
    loader: &dyn ProfileLoader,
) -> Result<Dialect, ExtendsError> {
    if let Some(name) = requested {
        return Ok(Dialect::named(name));
    }
    let assigned = assignments
        .iter()
        .filter(|a| a.section == BUILDOUT_SECTION && a.option == DIALECT_OPTION)
        .max();
    if let Some(assignment) = assigned {
        return named(&assignment.value, None);
    }
    // A remote profile is loaded, or not, as the command line says.
    let command_line = command_line_sections(assignments.to_vec());
    let overriding = command_line.get(BUILDOUT_SECTION).cloned();
    let settings =
        DownloadSettings::new(&MergedSection::default(), &overriding.unwrap_or_default())?;
    for profile in profiles {
        let Ok(loaded) = loader.load(profile, &settings) else {
            continue;
        };
        let text = universal_newlines(&loaded.text);
        if literal(&text, false).is_none()
            && let Some((value, line)) = literal(&text, true)
        {
            let place = Place::find(&Arc::from(*profile), &text, line, &value);
            return Err(ExtendsError::ConditionalDialect {
                place: Box::new(place),
            });
        }
        if let Some((value, line)) = literal(&text, false) {
            let place = Place::find(&Arc::from(*profile), &text, line, &value);
            return named(&value, Some(place));
        }
    }
    Ok(Dialect::default())
}

fn named(value: &str, place: Option<Place>) -> Result<Dialect, ExtendsError> {
    match DialectName::parse(value) {
        Some(name) => Ok(Dialect::named(name)),
        None => Err(ExtendsError::UnknownDialect {
            value: value.to_owned(),
            place: place.map(Box::new),
        }),
    }
}

/// Returns the dialect that a `[buildout]` of `text` names, and its line, with
/// all conditions taken for `conditions`.
fn literal(text: &str, conditions: bool) -> Option<(String, u32)> {
    if !text.contains(DIALECT_OPTION) {
        return None;
    }
    let mut symbols = Symbols::default();
    let profile = parse::<()>(text, RepeatedOperators::Join, &mut symbols, &mut |_| {
        Ok(conditions)
    })
    .ok()?;
    let section = profile.section(symbols.get(BUILDOUT_SECTION)?)?;
    let option = section.option(symbols.get(DIALECT_OPTION)?)?;
    Some((option.value.to_string(), option.line))
}

/// Finds a file, other than the root, that asks for another dialect than
/// `in_force`.
pub(super) fn conflict(tree: &Tree, in_force: &str) -> Option<(String, Place)> {
    let found =
        tree.find_in_includes(BUILDOUT_SECTION, DIALECT_OPTION, |value| value != in_force)?;
    let (source, value, line) = found;
    let origin = Origin::profile(source, line);
    let place = tree.place(&origin, &value)?;
    Some((value.to_string(), place))
}
