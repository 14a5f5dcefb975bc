//! The `!py!` text of a typed option value, as the SlapOS fork of zc.buildout
//! writes and reads it (`dumps` and `loads` of its `zc.buildout.buildout`).

use super::literal::{self, LiteralError};
use super::repr::{MemberOrder, repr};
use super::{MAXIMUM_DEPTH, Value};

/// What every encoded value starts with. A version may follow, then `!`.
const MAGIC: &str = "!py";

/// What the values we encode start with: the magic, the empty version, `!`.
pub const SERIALISED_PREFIX: &str = "!py!";

/// A value that the `!py!` form cannot carry.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// `inf` and `nan` have no literal.
    #[error("Value cannot be serialised: {0}")]
    NotFinite(String),
    /// Containers nest too deep.
    #[error("Value cannot be serialised: it nests deeper than {MAXIMUM_DEPTH} levels")]
    TooDeep,
}

/// A text that begins like an encoded value and is none.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No `!` follows the version.
    #[error("a value starting with `!py` lacks the `!` that ends the version")]
    UnterminatedVersion,
    /// A version other than the empty one.
    #[error("unknown version `{version}` of a serialised value")]
    UnknownVersion {
        /// The text between `!py` and the next `!`.
        version: String,
    },
    /// What follows is not a Python literal. The offset counts from the start
    /// of the whole text.
    #[error("the text after `!py!` is not a Python literal")]
    Literal(#[source] LiteralError),
}

/// Tells whether reading an option decodes this text.
pub fn is_encoded(text: &str) -> bool {
    text.starts_with(MAGIC)
}

/// Encodes a value: [`SERIALISED_PREFIX`] and its literal with dict keys sorted
/// at every level, where `$` and `;` are escaped because they mean something in
/// a profile. The fork writes sets in their accidental order; we sort them too,
/// so that the same value always gives the same text.
///
/// # Errors
/// The value has no literal that reads back as the same value.
pub fn encode(value: &Value) -> Result<String, EncodeError> {
    if value.is_too_deep() {
        return Err(EncodeError::TooDeep);
    }
    if let Some(float) = find_not_finite(value) {
        return Err(EncodeError::NotFinite(float.repr()));
    }
    let literal = repr(value, MemberOrder::Sorted);
    let mut text = String::with_capacity(SERIALISED_PREFIX.len() + literal.len());
    text.push_str(SERIALISED_PREFIX);
    // The two characters occur only inside strings and bytes.
    for character in literal.chars() {
        match character {
            '$' => text.push_str("\\x24"),
            ';' => text.push_str("\\x3b"),
            other => text.push(other),
        }
    }
    Ok(text)
}

/// Decodes the text of an option: `None` if it is an ordinary text, that is,
/// one that does not start with `!py`.
///
/// # Errors
/// The text starts with `!py` and is not an encoded value. Unlike the fork,
/// which evaluates any Python expression, only literals are read.
pub fn decode(text: &str) -> Result<Option<Value>, DecodeError> {
    let Some(rest) = text.strip_prefix(MAGIC) else {
        return Ok(None);
    };
    let Some((version, data)) = rest.split_once('!') else {
        return Err(DecodeError::UnterminatedVersion);
    };
    if !version.is_empty() {
        return Err(DecodeError::UnknownVersion {
            version: version.to_owned(),
        });
    }
    literal::parse(data).map(Some).map_err(|mut error| {
        error.offset += SERIALISED_PREFIX.len();
        DecodeError::Literal(error)
    })
}

/// Returns the first float in a value that is infinite or NaN.
fn find_not_finite(value: &Value) -> Option<&Value> {
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        match value {
            Value::Float(float) if !float.is_finite() => return Some(value),
            Value::List(items)
            | Value::Tuple(items)
            | Value::Set(items)
            | Value::FrozenSet(items) => pending.extend(items),
            Value::Dict(dict) => {
                pending.extend(dict.keys());
                pending.extend(dict.values());
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn values_are_encoded_like_the_fork() {
        for (literal, encoded) in [
            ("{'b': (1, 2), 'a': {3}}", "!py!{'a': {3}, 'b': (1, 2)}"),
            ("[1, 'a$b;c']", r"!py![1, 'a\x24b\x3bc']"),
            ("None", "!py!None"),
            ("True", "!py!True"),
            ("'text'", "!py!'text'"),
            (r"b'\\$'", r"!py!b'\\\x24'"),
            (
                "[{'z': {'b': 1, 'a': 2}, 'y': 0}]",
                "!py![{'y': 0, 'z': {'a': 2, 'b': 1}}]",
            ),
            (
                "{'a': 1, 2: 1, None: 1, (1,): 1, b'': 1, 1.5: 1}",
                "!py!{None: 1, b'': 1, 1.5: 1, 2: 1, 'a': 1, (1,): 1}",
            ),
            ("{'b', 'a'}", "!py!{'a', 'b'}"),
            ("frozenset([2, 1])", "!py!frozenset({1, 2})"),
            ("[set(), frozenset()]", "!py![set(), frozenset()]"),
        ] {
            let value = literal::parse(literal).expect(literal);
            let text = encode(&value).expect(literal);
            assert_eq!(text, encoded);
            assert_eq!(decode(&text), Ok(Some(value)), "{encoded}");
        }
    }

    #[test]
    fn ordinary_text_is_not_decoded() {
        for text in ["", "x!py!1", " !py!1", "!p", "!PY!1"] {
            assert_eq!(decode(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn broken_encodings_say_where() {
        for (text, message) in [
            (
                "!py",
                "a value starting with `!py` lacks the `!` that ends the version",
            ),
            ("!py2!1", "unknown version `2` of a serialised value"),
            (
                "!py![1, 2]|z",
                "the text after `!py!` is not a Python literal: \
                 unexpected text after the literal at byte 10",
            ),
            (
                "!py!foo()",
                "the text after `!py!` is not a Python literal: `foo` is not a literal at byte 4",
            ),
        ] {
            let error = decode(text).unwrap_err();
            let source = error.source().map(|source| format!(": {source}"));
            assert_eq!(format!("{error}{}", source.unwrap_or_default()), message);
        }
    }

    #[test]
    fn what_would_not_read_back_is_refused() {
        let value = Value::List(vec![Value::Float(f64::INFINITY)]);
        assert_eq!(
            encode(&value).unwrap_err().to_string(),
            "Value cannot be serialised: inf"
        );
        let deep = (0..=MAXIMUM_DEPTH).fold(Value::None, |inner, _| Value::Tuple(vec![inner]));
        assert_eq!(encode(&deep), Err(EncodeError::TooDeep));
    }
}
