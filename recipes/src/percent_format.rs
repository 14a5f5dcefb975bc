//! Python's `%` formatting of a text with a mapping of texts, as the recipes
//! of SlapOS apply it to commands and environment variables.

use std::any::Any;
use std::borrow::Cow;

use buildout_core::value::str_repr;

use crate::python_value::percent::format_names;
use crate::python_value::{Exception, Native, Object, Raised};

/// A format that does not work. The texts are Python's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatError {
    /// The mapping has no such name: `KeyError`.
    #[error("{}", str_repr(name))]
    UnknownName {
        /// The name.
        name: String,
    },
    /// A conversion is none, or does not take texts.
    #[error("{message}")]
    Conversion {
        /// The class of Python's exception.
        exception: &'static str,
        /// Its text.
        message: String,
    },
}

impl FormatError {
    /// Returns the class of Python's exception.
    pub(crate) fn exception(&self) -> &'static str {
        match self {
            Self::UnknownName { .. } => "KeyError",
            Self::Conversion { exception, .. } => exception,
        }
    }

    /// Returns advice that, followed, mends the format.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::UnknownName { name } => {
                format!("`%({name})` names nothing; write `%%` for a percent sign")
            }
            Self::Conversion {
                exception: "TypeError",
                ..
            } => "write `%(NAME)s` to insert a value, and `%%` for a percent sign".to_owned(),
            Self::Conversion { .. } => "write `%%` for a percent sign".to_owned(),
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
    let mut unknown = None;
    let formatted = format_names(format, Object::native(Mapping(mapping_type)), &mut |name| {
        let text = lookup(name).map(Cow::into_owned);
        if text.is_none() {
            unknown = Some(name.to_owned());
        }
        text
    });
    formatted.map_err(|error| match unknown {
        Some(name) => FormatError::UnknownName { name },
        None => FormatError::Conversion {
            exception: error.class(),
            message: error.message().to_owned(),
        },
    })
}

/// The mapping itself, whose class errors name.
struct Mapping(&'static str);

impl Native for Mapping {
    fn type_name(&self) -> &str {
        self.0
    }

    /// `%s` without a name: Python inserts the text of the whole mapping, which
    /// nobody can want.
    fn repr(&self) -> Raised<String> {
        Err(Exception::type_error("format requires a name: %(NAME)s"))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
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
