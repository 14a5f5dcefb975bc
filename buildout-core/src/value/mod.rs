//! Python-like values: what recipes, conditions and templates compute with.
//!
//! The module knows neither templates nor options. It gives values their
//! Python behaviour (equality, ordering, truth, `repr`, `str`), reads Python
//! literals, and codes values as the `!py!` text that the SlapOS dialect keeps
//! in an option.
//!
//! Nesting is limited: everything here that builds a value from text refuses
//! more than [`MAXIMUM_DEPTH`] levels, and who builds values by other means can
//! ask [`Value::is_too_deep`]. Equality, hashing and dropping recurse within
//! that limit.

mod codec;
mod dict;
#[cfg(test)]
mod differential;
mod equality;
mod json;
pub mod literal;
mod order;
mod repr;
mod set;

use std::fmt;
use std::sync::Arc;

pub use codec::{DecodeError, EncodeError, SERIALISED_PREFIX, decode, encode, is_encoded};
pub use dict::Dict;
pub use equality::UnhashableType;
pub use json::{JsonCharacters, NoJsonForm, push_json_text, python_json_float};
pub use order::{IncomparableTypes, compare};
pub use repr::{float_repr, is_printable, str_repr};

/// The deepest nesting of containers that a value made from text may have. A
/// scalar has depth 0, a list of scalars depth 1.
pub const MAXIMUM_DEPTH: usize = 100;

/// A Python value.
///
/// `==` is Python's equality: numbers compare across types
/// (`1 == 1.0 == True`), a set equals a frozen set of the same members, and NaN
/// equals nothing.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// `None`.
    #[default]
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An `int`. Python's are unbounded; ours have 128 bits, and whatever would
    /// need more is an error where it arises.
    Int(i128),
    /// A `float`.
    Float(f64),
    /// A `str`. Lone surrogates cannot be represented.
    Str(Arc<str>),
    /// A `bytes` object. A `bytearray` is read as `bytes`.
    Bytes(Arc<[u8]>),
    /// A `list`.
    List(Vec<Value>),
    /// A `tuple`.
    Tuple(Vec<Value>),
    /// A `dict`, in insertion order.
    Dict(Dict),
    /// A `set`: distinct hashable members in insertion order (Python promises
    /// no order). Made by [`Value::set`].
    Set(Vec<Value>),
    /// A `frozenset`, kept like a set. Made by [`Value::frozen_set`].
    FrozenSet(Vec<Value>),
}

impl Value {
    /// Makes a `str`.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::Str(text.into())
    }

    /// Makes a `bytes` object.
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// Makes a `set`; of equal members the first is kept.
    ///
    /// # Errors
    /// A member is unhashable.
    pub fn set(members: impl IntoIterator<Item = Self>) -> Result<Self, UnhashableType> {
        set::distinct(members).map(Self::Set)
    }

    /// Makes a `frozenset`; of equal members the first is kept.
    ///
    /// # Errors
    /// A member is unhashable.
    pub fn frozen_set(members: impl IntoIterator<Item = Self>) -> Result<Self, UnhashableType> {
        set::distinct(members).map(Self::FrozenSet)
    }

    /// Returns the name Python's `type(value).__name__` gives.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Set(_) => "set",
            Self::FrozenSet(_) => "frozenset",
        }
    }

    /// Returns Python's `bool(value)`: false for `None`, zero and what is empty.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::FrozenSet(items) => {
                !items.is_empty()
            }
            Self::Dict(dict) => !dict.is_empty(),
        }
    }

    /// Returns the text of a `str`, and nothing for any other type.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the number of a `bool` or an `int`, which Python uses alike in
    /// arithmetic and as an index.
    pub fn as_int(&self) -> Option<i128> {
        match self {
            Self::Bool(value) => Some(i128::from(*value)),
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// Tells whether containers nest deeper than [`MAXIMUM_DEPTH`]. Uses no
    /// recursion itself.
    pub fn is_too_deep(&self) -> bool {
        let mut pending = vec![(self, 0_usize)];
        while let Some((value, depth)) = pending.pop() {
            let is_container = matches!(
                value,
                Self::List(_) | Self::Tuple(_) | Self::Set(_) | Self::FrozenSet(_) | Self::Dict(_)
            );
            if is_container && depth >= MAXIMUM_DEPTH {
                return true;
            }
            match value {
                Self::List(items)
                | Self::Tuple(items)
                | Self::Set(items)
                | Self::FrozenSet(items) => {
                    pending.extend(items.iter().map(|item| (item, depth + 1)));
                }
                Self::Dict(dict) => {
                    for (key, item) in dict {
                        pending.push((key, depth + 1));
                        pending.push((item, depth + 1));
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// Returns Python's `repr(value)`. Sets show their members in the order
    /// they are kept.
    pub fn repr(&self) -> String {
        repr::repr(self, repr::MemberOrder::Kept)
    }
}

/// Writes Python's `str(value)`: the text of a `str`, the `repr` of all else.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(text) => formatter.pad(text),
            other => formatter.pad(&other.repr()),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(i128::from(value))
    }
}

impl From<i128> for Value {
    fn from(value: i128) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<Vec<Self>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::List(items)
    }
}

impl From<Dict> for Value {
    fn from(dict: Dict) -> Self {
        Self::Dict(dict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_follows_python() {
        for (literal, truth) in [
            ("None", false),
            ("False", false),
            ("True", true),
            ("0", false),
            ("-1", true),
            ("0.0", false),
            ("-0.0", false),
            ("1e-300", true),
            ("''", false),
            ("'0'", true),
            ("b''", false),
            ("[]", false),
            ("[0]", true),
            ("()", false),
            ("{}", false),
            ("{0: 0}", true),
            ("set()", false),
            ("frozenset([0])", true),
        ] {
            let value = literal::parse(literal).expect(literal);
            assert_eq!(value.is_truthy(), truth, "{literal}");
        }
    }

    #[test]
    fn depth_is_counted_without_recursion() {
        let nested = |depth: usize| (0..depth).fold(Value::None, |inner, _| vec![inner].into());
        assert!(!nested(MAXIMUM_DEPTH).is_too_deep());
        assert!(nested(MAXIMUM_DEPTH + 1).is_too_deep());
    }
}
