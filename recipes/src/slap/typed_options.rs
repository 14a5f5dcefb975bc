//! Options with values of any type, as SlapOS's fork of zc.buildout has them.

use buildout_core::recipe::{Construction, RecipeError};
use buildout_core::value::{Value, decode, encode, is_encoded};

/// Returns the value that the text of an option stands for.
pub(super) fn typed_value(part: &Construction<'_>, text: &str) -> Result<Value, RecipeError> {
    if !part.dialect().typed_values {
        return Ok(Value::string(text));
    }
    let value = decode(text).map_err(|error| RecipeError::internal("ValueError", error))?;
    Ok(value.unwrap_or_else(|| Value::string(text)))
}

/// Sets an option of the part to a value of any type.
pub(super) fn set_value(
    part: &Construction<'_>,
    option: &str,
    value: &Value,
) -> Result<(), RecipeError> {
    let text = option_text(part, option, value)?;
    part.set(option, &text)
}

/// Returns the text that an option has if it is set to a value.
pub(super) fn option_text(
    part: &Construction<'_>,
    option: &str,
    value: &Value,
) -> Result<String, RecipeError> {
    match value {
        Value::Str(text) if !is_encoded(text) || !part.dialect().typed_values => {
            Ok(text.to_string())
        }
        _ if part.dialect().typed_values => {
            encode(value).map_err(|error| RecipeError::internal("ValueError", error))
        }
        other => {
            let text = format!("('Option values must be strings', {})", other.repr());
            Err(RecipeError::internal("TypeError", text)
                .at_option(option)
                .with_hint("only the dialect `slapos` has options of other types"))
        }
    }
}
