//! Equality, identity and hashing.

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use indexmap::Equivalent;
use rustc_hash::FxHasher;

use super::order::compare_int_float;
use super::{DEPTH_LIMIT, Exception, Iterate as _, Object, Raised, iterate};

/// Returns `left is right`.
pub(crate) fn is_identical(left: &Object, right: &Object) -> bool {
    match (left, right) {
        (Object::None, Object::None) => true,
        (Object::Bool(left), Object::Bool(right)) => left == right,
        (Object::Int(left), Object::Int(right)) => left == right,
        (Object::Float(left), Object::Float(right)) => left.to_bits() == right.to_bits(),
        (Object::Str(left), Object::Str(right)) => left == right,
        (Object::Markup(left), Object::Markup(right)) => Rc::ptr_eq(left, right),
        (Object::Bytes(left), Object::Bytes(right)) => Rc::ptr_eq(left, right),
        (Object::List(left), Object::List(right)) => Rc::ptr_eq(left, right),
        (Object::Tuple(left), Object::Tuple(right)) => Rc::ptr_eq(left, right),
        (Object::Dict(left), Object::Dict(right)) => Rc::ptr_eq(left, right),
        (Object::Set(left), Object::Set(right))
        | (Object::FrozenSet(left), Object::FrozenSet(right)) => Rc::ptr_eq(left, right),
        (Object::Undefined(left), Object::Undefined(right)) => Rc::ptr_eq(left, right),
        (Object::Native(left), Object::Native(right)) => Rc::ptr_eq(left, right),
        _ => false,
    }
}

/// Returns `left == right`.
pub(crate) fn equals(left: &Object, right: &Object) -> Raised<bool> {
    equals_within(left, right, 0)
}

fn equals_within(left: &Object, right: &Object, depth: usize) -> Raised<bool> {
    if depth > DEPTH_LIMIT {
        return Err(Exception::recursion());
    }
    let items = |left: &[Object], right: &[Object]| -> Raised<bool> {
        if left.len() != right.len() {
            return Ok(false);
        }
        for (left, right) in left.iter().zip(right) {
            if !is_identical(left, right) && !equals_within(left, right, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    Ok(match (left, right) {
        (Object::Undefined(undefined), other) | (other, Object::Undefined(undefined)) => {
            undefined.fail_unless_lenient()?;
            matches!(other, Object::Undefined(other) if other.is_lenient())
        }
        (Object::None, Object::None) => true,
        (Object::Bytes(left), Object::Bytes(right)) => left == right,
        (Object::List(left), Object::List(right)) => {
            left.len() == right.len() && items(&left.to_vec(), &right.to_vec())?
        }
        (Object::Tuple(left), Object::Tuple(right)) => items(left, right)?,
        (Object::Dict(left), Object::Dict(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (key, value) in left.to_vec() {
                match right.get(&key)? {
                    Some(other)
                        if is_identical(&value, &other)
                            || equals_within(&value, &other, depth + 1)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (
            Object::Set(left) | Object::FrozenSet(left),
            Object::Set(right) | Object::FrozenSet(right),
        ) => left.len() == right.len() && left.is_subset(right),
        (Object::Float(left), Object::Float(right)) => left == right,
        (Object::Float(float), number) | (number, Object::Float(float)) => {
            number.as_int().is_some_and(|integer| {
                compare_int_float(integer, *float).is_some_and(std::cmp::Ordering::is_eq)
            })
        }
        (Object::Native(native), other) | (other, Object::Native(native)) => {
            if is_identical(left, right) {
                return Ok(true);
            }
            if let Some(equal) = native.equals(other)? {
                return Ok(equal);
            }
            match other {
                Object::Native(other) => {
                    let native = Object::Native(Rc::clone(native));
                    other.equals(&native)?.unwrap_or(false)
                }
                _ => false,
            }
        }
        (left, right) => match (left.as_str(), right.as_str()) {
            (Some(left), Some(right)) => left == right,
            _ => match (left.as_int(), right.as_int()) {
                (Some(left), Some(right)) => left == right,
                _ => false,
            },
        },
    })
}

/// Returns `item in container`.
pub(crate) fn contains(container: &Object, item: &Object) -> Raised<bool> {
    let among = |items: Vec<Object>| -> Raised<bool> {
        for other in items {
            if is_identical(&other, item) || equals(&other, item)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match container {
        Object::Str(text) | Object::Markup(text) => match item.as_str() {
            Some(part) => Ok(text.contains(part)),
            None => Err(Exception::type_error(format!(
                "'in <string>' requires string as left operand, not {}",
                item.type_name()
            ))),
        },
        Object::Bytes(bytes) => match item {
            Object::Bytes(part) => {
                Ok(part.is_empty() || bytes.windows(part.len()).any(|window| *window == **part))
            }
            item => match item.as_int() {
                Some(byte @ 0..=255) => Ok(bytes.iter().any(|other| i128::from(*other) == byte)),
                Some(_) => Err(Exception::value_error("byte must be in range(0, 256)")),
                None => Err(Exception::type_error(format!(
                    "a bytes-like object is required, not '{}'",
                    item.type_name()
                ))),
            },
        },
        Object::List(list) => among(list.to_vec()),
        Object::Tuple(tuple) => among(tuple.to_vec()),
        Object::Dict(dict) => dict.contains(item),
        Object::Set(set) | Object::FrozenSet(set) => set.contains(item),
        Object::Undefined(undefined) => undefined.fail_unless_lenient().map(|()| false),
        other => {
            if let Object::Native(native) = other
                && let Some(found) = native.contains(item)?
            {
                return Ok(found);
            }
            let mut iterator = iterate(other).map_err(|error| match error.class() {
                "TypeError" => Exception::type_error(format!(
                    "argument of type '{}' is not iterable",
                    other.type_name()
                )),
                _ => error,
            })?;
            while let Some(found) = iterator.next()? {
                if is_identical(&found, item) || equals(&found, item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

/// An object known to be hashable.
#[derive(Clone)]
pub(crate) struct Key(Object);

impl Key {
    pub(crate) fn new(object: Object) -> Raised<Self> {
        check_hashable(&object, 0)?;
        Ok(Key(object))
    }

    pub(crate) fn from_str(text: Rc<str>) -> Self {
        Key(Object::Str(text))
    }

    pub(crate) fn object(&self) -> &Object {
        &self.0
    }

    pub(crate) fn into_object(self) -> Object {
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
        hash_object(&self.0, state);
    }
}

/// A text to look up among keys.
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

fn check_hashable(object: &Object, depth: usize) -> Raised<()> {
    if depth > DEPTH_LIMIT {
        return Err(Exception::recursion());
    }
    match object {
        Object::List(_) | Object::Dict(_) | Object::Set(_) => Err(Exception::type_error(format!(
            "unhashable type: '{}'",
            object.type_name()
        ))),
        Object::Tuple(items) => items
            .iter()
            .try_for_each(|item| check_hashable(item, depth + 1)),
        Object::Undefined(undefined) => undefined.fail_unless_lenient(),
        _ => Ok(()),
    }
}

/// Equality of hashable objects, which runs no other code. Every NaN is one
/// key, which Python only finds by identity.
fn is_same_key(left: &Object, right: &Object) -> bool {
    match (left, right) {
        (Object::Float(left), Object::Float(right)) => {
            left == right || (left.is_nan() && right.is_nan())
        }
        (Object::Tuple(left), Object::Tuple(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right.iter())
                    .all(|(left, right)| is_same_key(left, right))
        }
        (Object::Native(_), Object::Native(_)) => is_identical(left, right),
        (left, right) => equals(left, right).unwrap_or(false),
    }
}

fn hash_str<H: Hasher>(text: &str, state: &mut H) {
    state.write_u8(2);
    text.hash(state);
}

fn hash_object<H: Hasher>(object: &Object, state: &mut H) {
    match object {
        Object::Str(text) | Object::Markup(text) => hash_str(text, state),
        Object::Float(float) => match exact_int(*float) {
            Some(integer) => hash_int(integer, state),
            None => {
                state.write_u8(5);
                state.write_u64(if float.is_nan() { 0 } else { float.to_bits() });
            }
        },
        Object::Bytes(bytes) => {
            state.write_u8(3);
            bytes.hash(state);
        }
        Object::Tuple(items) => {
            state.write_u8(4);
            state.write_usize(items.len());
            for item in items.iter() {
                hash_object(item, state);
            }
        }
        Object::FrozenSet(members) => {
            // The order of members must not matter.
            let sum = members.to_vec().iter().fold(0_u64, |sum, member| {
                let mut hasher = FxHasher::default();
                hash_object(member, &mut hasher);
                sum.wrapping_add(hasher.finish())
            });
            state.write_u8(7);
            state.write_u64(sum);
        }
        Object::Native(native) => state.write_usize(Rc::as_ptr(native).cast::<()>() as usize),
        other => match other.as_int() {
            Some(integer) => hash_int(integer, state),
            None => state.write_u8(0),
        },
    }
}

fn hash_int<H: Hasher>(integer: i128, state: &mut H) {
    state.write_u8(1);
    state.write_i128(integer);
}

/// Returns the integer that a float is exactly, if it is one of ours.
pub(super) fn exact_int(float: f64) -> Option<i128> {
    const LIMIT: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range and the integrality are tested before the cast"
    )]
    (float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float)).then_some(float as i128)
}
