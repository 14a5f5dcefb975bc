//! Booleans of the recipes of SlapOS.

use buildout_core::recipe::{Construction, RecipeError};
use buildout_core::value::str_repr;

/// Reads a boolean of a part that only `true` and `false` write; `None` if the
/// option is not there.
///
/// # Errors
///
/// Anything else, also `True` and the empty text: upstream's `is_true` raises
/// `ValueError`.
pub(crate) fn boolean_option(
    part: &Construction<'_>,
    option: &str,
) -> Result<Option<bool>, RecipeError> {
    match part.option(option)? {
        None => Ok(None),
        Some(value) => parse_boolean(option, &value).map(Some),
    }
}

/// The same for a value that was read already.
///
/// # Errors
///
/// As [`boolean_option`].
pub(crate) fn parse_boolean(option: &str, value: &str) -> Result<bool, RecipeError> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(
            // The text is that of Python's `tuple.index`, which upstream shows.
            RecipeError::internal("ValueError", "tuple.index(x): x not in tuple")
                .at_option(option)
                .with_hint(format!(
                    "`{option}` is {}: write `true` or `false`",
                    str_repr(other)
                )),
        ),
    }
}
