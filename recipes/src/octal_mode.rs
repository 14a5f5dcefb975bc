//! Modes of files as profiles write them.

use buildout_core::recipe::RecipeError;
use buildout_core::value::str_repr;

/// All bits that `chmod` sets.
const MODE_BITS: u32 = 0o7777;

/// A text that Python's `int(text, 8)` refuses, or that is no mode.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid literal for int() with base 8: {}", str_repr(text))]
pub(crate) struct InvalidMode {
    text: String,
}

impl From<InvalidMode> for RecipeError {
    fn from(error: InvalidMode) -> Self {
        RecipeError::internal("ValueError", error)
            .with_hint("write the mode in octal digits, such as `0640`")
    }
}

/// Reads an octal number with or without `0` or `0o` before it. Bits beyond
/// those that `chmod` knows are dropped, as the system does.
pub(crate) fn parse_octal_mode(text: &str) -> Result<u32, InvalidMode> {
    let invalid = || InvalidMode {
        text: text.to_owned(),
    };
    let digits = text.trim();
    let digits = digits
        .strip_prefix("0o")
        .or_else(|| digits.strip_prefix("0O"))
        .unwrap_or(digits);
    if digits.is_empty() || !digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte)) {
        return Err(invalid());
    }
    let mode = u32::from_str_radix(digits, 8).map_err(|_| invalid())?;
    Ok(mode & MODE_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal() {
        for (text, expected) in [
            ("0777", Some(0o777)),
            ("750", Some(0o750)),
            (" 0o640\n", Some(0o640)),
            ("4755", Some(0o4755)),
            ("0100644", Some(0o644)),
            ("", None),
            ("0o", None),
            ("-1", None),
            ("u+x", None),
            ("0789", None),
            ("77777777777777", None),
        ] {
            assert_eq!(parse_octal_mode(text).ok(), expected, "{text:?}");
        }
        assert_eq!(
            parse_octal_mode("0789").unwrap_err().to_string(),
            "invalid literal for int() with base 8: '0789'"
        );
    }
}
