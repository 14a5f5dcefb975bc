//! Equality and hashing as Python defines them.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use indexmap::Equivalent;
use rustc_hash::{FxHashSet, FxHasher};

use super::Value;
use super::order::{INTEGER_LIMIT, compare_int_float};

/// A value of a mutable type was used as a dict key or as a set member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unhashable type: '{type_name}'")]
pub struct UnhashableType {
    /// Python's name of the type.
    pub type_name: &'static str,
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Str(left), Self::Str(right)) => left == right,
            (Self::Bytes(left), Self::Bytes(right)) => left == right,
            (Self::List(left), Self::List(right)) | (Self::Tuple(left), Self::Tuple(right)) => {
                left == right
            }
            (Self::Dict(left), Self::Dict(right)) => left == right,
            (
                Self::Set(left) | Self::FrozenSet(left),
                Self::Set(right) | Self::FrozenSet(right),
            ) => left.len() == right.len() && is_subset(left, right),
            (Self::Float(left), Self::Float(right)) => left == right,
            (Self::Float(float), integer) | (integer, Self::Float(float)) => {
                integer.as_int().is_some_and(|integer| {
                    compare_int_float(integer, *float).is_some_and(std::cmp::Ordering::is_eq)
                })
            }
            (left, right) => match (left.as_int(), right.as_int()) {
                (Some(left), Some(right)) => left == right,
                _ => false,
            },
        }
    }
}

/// Tells whether each of the distinct members of one set is in another.
pub(super) fn is_subset(part: &[Value], whole: &[Value]) -> bool {
    let whole: FxHashSet<KeyReference<'_>> = whole.iter().map(KeyReference).collect();
    part.iter()
        .all(|member| whole.contains(&KeyReference(member)))
}

/// A value known to be hashable.
#[derive(Debug, Clone)]
pub(super) struct Key(Value);

impl Key {
    pub(super) fn new(value: Value) -> Result<Self, UnhashableType> {
        check_hashable(&value)?;
        Ok(Self(value))
    }

    pub(super) fn from_str(text: Arc<str>) -> Self {
        Self(Value::Str(text))
    }

    pub(super) fn value(&self) -> &Value {
        &self.0
    }

    pub(super) fn into_value(self) -> Value {
        self.0
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        is_same_key(&self.0, &other.0)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_value(&self.0, state);
    }
}

/// A borrowed value known to be hashable.
pub(super) struct KeyReference<'value>(pub(super) &'value Value);

impl PartialEq for KeyReference<'_> {
    fn eq(&self, other: &Self) -> bool {
        is_same_key(self.0, other.0)
    }
}

impl Eq for KeyReference<'_> {}

impl Hash for KeyReference<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_value(self.0, state);
    }
}

/// A text to look up among keys without making a value of it.
pub(super) struct StrKey<'text>(pub(super) &'text str);

impl Hash for StrKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_str(self.0, state);
    }
}

impl Equivalent<Key> for StrKey<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        key.0.as_str() == Some(self.0)
    }
}

/// Python looks keys up by identity before equality, so that a NaN finds
/// itself. We have no identity: every NaN is one key, which also keeps the
/// relation reflexive.
fn is_same_key(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Float(left), Value::Float(right)) if left.is_nan() && right.is_nan() => true,
        (left, right) => left == right,
    }
}

pub(super) fn check_hashable(value: &Value) -> Result<(), UnhashableType> {
    match value {
        Value::List(_) | Value::Dict(_) | Value::Set(_) => Err(UnhashableType {
            type_name: value.type_name(),
        }),
        Value::Tuple(items) => items.iter().try_for_each(check_hashable),
        _ => Ok(()),
    }
}

fn hash_str<H: Hasher>(text: &str, state: &mut H) {
    state.write_u8(2);
    text.hash(state);
}

/// Hashes so that equal values hash equally, whatever their numeric type.
fn hash_value<H: Hasher>(value: &Value, state: &mut H) {
    match value {
        Value::Bool(_) | Value::Int(_) => hash_int(value.as_int().unwrap_or_default(), state),
        Value::Float(float) => match exact_int(*float) {
            Some(integer) => hash_int(integer, state),
            None if float.is_nan() => state.write_u8(6),
            None => {
                state.write_u8(5);
                state.write_u64(float.to_bits());
            }
        },
        Value::Str(text) => hash_str(text, state),
        Value::Bytes(bytes) => {
            state.write_u8(3);
            bytes.hash(state);
        }
        Value::Tuple(items) => {
            state.write_u8(4);
            state.write_usize(items.len());
            for item in items {
                hash_value(item, state);
            }
        }
        Value::FrozenSet(members) | Value::Set(members) => {
            // The order of members must not matter.
            let sum = members.iter().fold(0_u64, |sum, member| {
                let mut hasher = FxHasher::default();
                hash_value(member, &mut hasher);
                sum.wrapping_add(hasher.finish())
            });
            state.write_u8(7);
            state.write_u64(sum);
        }
        // The unhashable types are refused before they can be keys.
        Value::None | Value::List(_) | Value::Dict(_) => state.write_u8(0),
    }
}

fn hash_int<H: Hasher>(integer: i128, state: &mut H) {
    state.write_u8(1);
    state.write_i128(integer);
}

/// Returns the integer a float is exactly, if it is one of ours.
fn exact_int(float: f64) -> Option<i128> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range and the integrality are tested before the cast"
    )]
    (float.fract() == 0.0 && (-INTEGER_LIMIT..INTEGER_LIMIT).contains(&float))
        .then_some(float as i128)
}

#[cfg(test)]
mod tests {
    use super::super::literal::parse;

    #[test]
    fn equality_follows_python() {
        for (left, right, equal) in [
            ("1", "True", true),
            ("1", "1.0", true),
            ("0", "False", true),
            ("0.0", "-0.0", true),
            ("1", "'1'", false),
            ("'a'", "b'a'", false),
            ("[1]", "(1,)", false),
            ("[1, [True]]", "[1.0, [1]]", true),
            ("{1, 2}", "frozenset([2.0, 1])", true),
            ("{1, 2}", "{1, 3}", false),
            ("{'a': 1, 'b': 2}", "{'b': 2.0, 'a': True}", true),
            ("9007199254740993", "9007199254740992.0", false),
            ("1e300", "1e300", true),
            ("None", "False", false),
            ("{(1, 2): 3}", "{(1.0, 2): 3}", true),
            ("{frozenset([1, 2]): 3}", "{frozenset([2, 1]): 3}", true),
        ] {
            let (a, b) = (parse(left).unwrap(), parse(right).unwrap());
            assert_eq!(a == b, equal, "{left} == {right}");
            assert_eq!(b == a, equal, "{right} == {left}");
        }
    }
}
