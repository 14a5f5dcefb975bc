//! Python's `%` formatting of a text with a mapping of texts, as the recipes
//! of SlapOS apply it to commands and environment variables.

use std::borrow::Cow;

use buildout_core::value::str_repr;

/// The widest field; Python is bounded by memory only.
const MAXIMUM_WIDTH: usize = 1 << 20;

/// A format that does not work. The texts are Python's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatError {
    /// The mapping has no such name: `KeyError`.
    #[error("{}", str_repr(name))]
    UnknownName {
        /// The name.
        name: String,
    },
    /// The text ends within a conversion.
    #[error("incomplete format")]
    Incomplete,
    /// The text ends within a name.
    #[error("incomplete format key")]
    IncompleteName,
    /// There is no such conversion.
    #[error(
        "unsupported format character '{}' (0x{:x}) at index {index}",
        if (' '..='~').contains(character) { *character } else { '?' },
        u32::from(*character)
    )]
    UnsupportedCharacter {
        /// The character that should name a conversion.
        character: char,
        /// Its position, in characters.
        index: usize,
    },
    /// A conversion of numbers is applied to a text.
    #[error("{}", wanted_number(*conversion, found))]
    WantsNumber {
        /// The conversion.
        conversion: char,
        /// The type of what it is applied to.
        found: &'static str,
    },
    /// `%c` is applied to something else than one character.
    #[error("%c requires int or char")]
    WantsCharacter,
    /// A width or precision is `*`.
    #[error("* wants int")]
    WidthFromArgument,
    /// A width or precision is too large.
    #[error("{what} too big")]
    TooBig {
        /// Width or precision.
        what: &'static str,
    },
    /// `%s` without a name. Python inserts the text of the whole mapping,
    /// which nobody can want.
    #[error("format requires a name: %({conversion}) without one")]
    NoName {
        /// The conversion.
        conversion: char,
    },
}

fn wanted_number(conversion: char, found: &str) -> String {
    match conversion {
        'd' | 'i' | 'u' => {
            format!("%{conversion} format: a real number is required, not {found}")
        }
        'o' | 'x' | 'X' => format!("%{conversion} format: an integer is required, not {found}"),
        _ => format!("must be real number, not {found}"),
    }
}

impl FormatError {
    /// Returns the class of Python's exception.
    pub(crate) fn exception(&self) -> &'static str {
        match self {
            Self::UnknownName { .. } => "KeyError",
            Self::Incomplete
            | Self::IncompleteName
            | Self::UnsupportedCharacter { .. }
            | Self::TooBig { .. } => "ValueError",
            Self::WantsNumber { .. }
            | Self::WantsCharacter
            | Self::WidthFromArgument
            | Self::NoName { .. } => "TypeError",
        }
    }

    /// Returns advice that, followed, mends the format.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::UnknownName { name } => {
                format!("`%({name})` names nothing; write `%%` for a percent sign")
            }
            Self::WantsNumber { .. } | Self::WantsCharacter => {
                "write `%(NAME)s` to insert a value, and `%%` for a percent sign".to_owned()
            }
            _ => "write `%%` for a percent sign".to_owned(),
        }
    }
}

/// Formats `format` with the values that `lookup` finds. `mapping_type` is the
/// name of the mapping's class in Python, which appears in error texts.
///
/// # Errors
///
/// [`FormatError`].
pub(crate) fn percent_format<'v>(
    format: &str,
    mapping_type: &'static str,
    mut lookup: impl FnMut(&str) -> Option<Cow<'v, str>>,
) -> Result<String, FormatError> {
    let mut out = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (conversion, after) = Conversion::parse(rest, format, &mut lookup)?;
        conversion.write(mapping_type, &mut out)?;
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// What stands after a `%`.
struct Conversion<'v> {
    value: Option<Cow<'v, str>>,
    left: bool,
    width: usize,
    precision: Option<usize>,
    character: char,
    index: usize,
}

impl<'v> Conversion<'v> {
    /// Reads a conversion from the beginning of `text`, a part of `format`.
    fn parse<'t>(
        text: &'t str,
        format: &str,
        lookup: &mut impl FnMut(&str) -> Option<Cow<'v, str>>,
    ) -> Result<(Self, &'t str), FormatError> {
        let mut rest = text;
        let mut value = None;
        if let Some(after) = rest.strip_prefix('(') {
            let end = closing(after).ok_or(FormatError::IncompleteName)?;
            let name = &after[..end];
            // Python looks the value up before it reads on.
            value = Some(lookup(name).ok_or_else(|| FormatError::UnknownName {
                name: name.to_owned(),
            })?);
            rest = &after[end + 1..];
        }
        let flags = rest.trim_start_matches(['-', '+', ' ', '#', '0']);
        let left = rest[..rest.len() - flags.len()].contains('-');
        let (width, mut rest) = number(flags, "width")?;
        let mut precision = None;
        if let Some(after) = rest.strip_prefix('.') {
            let (digits, after) = number(after, "precision")?;
            precision = Some(digits.unwrap_or(0));
            rest = after;
        }
        let rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
        let Some(character) = rest.chars().next() else {
            return Err(FormatError::Incomplete);
        };
        let before = format.len() - rest.len();
        let conversion = Conversion {
            value,
            left,
            width: width.unwrap_or(0),
            precision,
            character,
            index: format[..before].chars().count(),
        };
        Ok((conversion, &rest[character.len_utf8()..]))
    }

    fn write(self, mapping_type: &'static str, out: &mut String) -> Result<(), FormatError> {
        let conversion = self.character;
        let text = match (conversion, self.value) {
            ('s' | 'r' | 'a', None) => return Err(FormatError::NoName { conversion }),
            ('s', Some(value)) => value,
            ('r', Some(value)) => Cow::Owned(str_repr(&value)),
            ('a', Some(value)) => Cow::Owned(ascii(&str_repr(&value))),
            ('c', Some(value)) if value.chars().count() == 1 => value,
            ('c', _) => return Err(FormatError::WantsCharacter),
            ('d' | 'i' | 'u' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G', value) => {
                let found = if value.is_some() { "str" } else { mapping_type };
                return Err(FormatError::WantsNumber { conversion, found });
            }
            (character, _) => {
                let index = self.index;
                return Err(FormatError::UnsupportedCharacter { character, index });
            }
        };
        let length = text.chars().count();
        let shown = match self.precision {
            // A single character is not cut.
            Some(precision) if conversion != 'c' => length.min(precision),
            _ => length,
        };
        let padding = self.width.saturating_sub(shown);
        if !self.left {
            out.extend(std::iter::repeat_n(' ', padding));
        }
        out.extend(text.chars().take(shown));
        if self.left {
            out.extend(std::iter::repeat_n(' ', padding));
        }
        Ok(())
    }
}

/// Finds the parenthesis that closes one before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1_usize;
    for (position, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(position);
        }
    }
    None
}

/// Reads a decimal number from the beginning of `text`, if there is one.
fn number<'t>(text: &'t str, what: &'static str) -> Result<(Option<usize>, &'t str), FormatError> {
    if text.starts_with('*') {
        return Err(FormatError::WidthFromArgument);
    }
    let rest = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let digits = &text[..text.len() - rest.len()];
    if digits.is_empty() {
        return Ok((None, rest));
    }
    match digits.parse::<usize>() {
        Ok(number) if number <= MAXIMUM_WIDTH => Ok((Some(number), rest)),
        _ => Err(FormatError::TooBig { what }),
    }
}

/// Escapes what is not ASCII in a `repr`, as Python's `ascii` does.
fn ascii(repr: &str) -> String {
    let mut text = String::with_capacity(repr.len());
    for character in repr.chars() {
        let code = u32::from(character);
        match code {
            0..=0x7f => text.push(character),
            0x80..=0xff => text.push_str(&format!("\\x{code:02x}")),
            0x100..=0xffff => text.push_str(&format!("\\u{code:04x}")),
            _ => text.push_str(&format!("\\U{code:08x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(text: &str) -> Result<String, (String, &'static str)> {
        let lookup = |name: &str| match name {
            "a" => Some(Cow::Borrowed("x")),
            "n" => Some(Cow::Borrowed("12")),
            "é" => Some(Cow::Borrowed("it's\né€\u{1f600}")),
            "p(q)" => Some(Cow::Borrowed("nested")),
            _ => None,
        };
        percent_format(text, "Options", lookup).map_err(|e| (e.to_string(), e.exception()))
    }

    /// What CPython 3.11 gives for these, where not said otherwise.
    #[test]
    fn formats_give_what_python_gives() {
        for (text, expected) in [
            ("plain", "plain"),
            ("100%%", "100%"),
            ("%%(a)s", "%(a)s"),
            ("-%(a)s-%(n)s-", "-x-12-"),
            ("%(a)r", "'x'"),
            ("%(é)r", "\"it's\\né€\u{1f600}\""),
            ("%(é)a", "\"it's\\n\\xe9\\u20ac\\U0001f600\""),
            ("%(é).6s|", "it's\né|"),
            ("%(p(q))s", "nested"),
            ("%(a)10s|", "         x|"),
            ("%(a)-10s|", "x         |"),
            ("%(n)5.1s|", "    1|"),
            ("%(n).s|", "|"),
            ("%(a)05s", "    x"),
            ("%(a)+s%(a)# s%(a)ls", "xxx"),
            ("%(a).0c%(a)3c", "x  x"),
        ] {
            assert_eq!(format(text).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn errors_are_those_of_python() {
        let number = "%d format: a real number is required, not Options";
        for (text, message, class) in [
            ("%", "incomplete format", "ValueError"),
            ("50%", "incomplete format", "ValueError"),
            ("%.", "incomplete format", "ValueError"),
            ("%(a)5", "incomplete format", "ValueError"),
            ("%(a", "incomplete format key", "ValueError"),
            ("50% done", number, "TypeError"),
            ("%-d", number, "TypeError"),
            (
                "%(a)i",
                "%i format: a real number is required, not str",
                "TypeError",
            ),
            (
                "%(a)X",
                "%X format: an integer is required, not str",
                "TypeError",
            ),
            ("%(a)f", "must be real number, not str", "TypeError"),
            ("%e", "must be real number, not Options", "TypeError"),
            ("%(n)c", "%c requires int or char", "TypeError"),
            ("%c", "%c requires int or char", "TypeError"),
            ("%(a)*s", "* wants int", "TypeError"),
            ("%(b)s", "'b'", "KeyError"),
            ("%(b)", "'b'", "KeyError"),
            (
                "é%(a)q",
                "unsupported format character 'q' (0x71) at index 5",
                "ValueError",
            ),
            (
                "%é",
                "unsupported format character '?' (0xe9) at index 1",
                "ValueError",
            ),
            (
                "%5%",
                "unsupported format character '%' (0x25) at index 2",
                "ValueError",
            ),
            ("%(a)99999999999999999999s", "width too big", "ValueError"),
            ("%(a).99999999999s", "precision too big", "ValueError"),
        ] {
            let expected = Err((message.to_owned(), class));
            assert_eq!(format(text), expected, "{text:?}");
        }
        // Python would insert the whole mapping.
        assert!(format("%s").is_err());
    }
}
