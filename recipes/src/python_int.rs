//! Python's `int(text)`.

use buildout_core::profile::python_text::strip;
use buildout_core::recipe::RecipeError;
use buildout_core::value::str_repr;

/// A text that is no decimal number.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid literal for int() with base 10: {}", str_repr(text))]
pub(crate) struct InvalidInt {
    text: String,
}

/// Reads a decimal number with an optional sign, and blanks around it; single
/// underscores between digits do not count.
///
/// # Errors
///
/// The text is none, or the number has more than 128 bits.
pub(crate) fn parse_int(text: &str) -> Result<i128, InvalidInt> {
    let invalid = || InvalidInt {
        text: text.to_owned(),
    };
    let number = strip(text);
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    let groups = digits.split('_');
    let is_group =
        |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    if !groups.clone().all(is_group) {
        return Err(invalid());
    }
    number.replace('_', "").parse().map_err(|_| invalid())
}

/// Reads an option that is a number.
///
/// # Errors
///
/// It is none, which is a `ValueError` of upstream's.
pub(crate) fn int_option(option: &str, text: &str) -> Result<i128, RecipeError> {
    parse_int(text).map_err(|error| {
        RecipeError::internal("ValueError", error)
            .at_option(option)
            .with_hint(format!("write a number: `{option} = 16`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_python() {
        for (text, expected) in [
            ("16", Some(16)),
            (" -3\n", Some(-3)),
            ("+1_000", Some(1000)),
            ("1__0", None),
            ("_1", None),
            ("", None),
            ("+", None),
            ("0x10", None),
            ("1.0", None),
        ] {
            assert_eq!(parse_int(text).ok(), expected, "{text:?}");
        }
        assert_eq!(
            parse_int("many").unwrap_err().to_string(),
            "invalid literal for int() with base 10: 'many'"
        );
    }
}
