//! Iteration.

use std::rc::Rc;

use super::iterator::IteratorObject;
use super::{Dict, Exception, List, Object, Raised, Set, container};

/// Yields objects one after the other.
pub(crate) trait Iterate {
    /// Returns the next object, or nothing at the end.
    fn next(&mut self) -> Raised<Option<Object>>;
}

/// Goes through the objects of something, which is seen as it is at each step.
pub(crate) enum Iter {
    List(Rc<List>, usize),
    Tuple(Rc<container::Tuple>, usize),
    /// The text, and the offset of the next character.
    Str(Rc<str>, usize),
    Bytes(Rc<[u8]>, usize),
    /// The keys of a dict, which must keep its size.
    Keys(Rc<Dict>, usize, usize),
    /// The members of a set, which must keep its size.
    Members(Rc<Set>, usize, usize),
    /// An iterator that others may advance too.
    Shared(Rc<IteratorObject>),
    Other(Box<dyn Iterate>),
    Empty,
}

impl Iterate for Iter {
    fn next(&mut self) -> Raised<Option<Object>> {
        let step = |index: &mut usize, item: Option<Object>| {
            *index += 1;
            Ok(item)
        };
        match self {
            Iter::List(list, index) => step(index, list.get(*index)),
            Iter::Tuple(tuple, index) => step(index, tuple.get(*index).cloned()),
            Iter::Bytes(bytes, index) => {
                let byte = bytes.get(*index).copied();
                step(index, byte.map(|byte| Object::Int(byte.into())))
            }
            Iter::Str(text, offset) => {
                let Some(character) = text[*offset..].chars().next() else {
                    return Ok(None);
                };
                *offset += character.len_utf8();
                let mut buffer = [0; 4];
                Ok(Some(Object::from(&*character.encode_utf8(&mut buffer))))
            }
            Iter::Keys(dict, index, length) => {
                if dict.len() != *length {
                    return Err(changed("dictionary"));
                }
                step(index, dict.entry(*index).map(|(key, _)| key))
            }
            Iter::Members(set, index, length) => {
                if set.len() != *length {
                    return Err(changed("Set"));
                }
                step(index, set.member(*index))
            }
            Iter::Shared(iterator) => iterator.next(),
            Iter::Other(iterator) => iterator.next(),
            Iter::Empty => Ok(None),
        }
    }
}

/// A container that became longer or shorter while it was iterated over.
pub(super) fn changed(what: &str) -> Exception {
    Exception::new(
        "RuntimeError",
        format!("{what} changed size during iteration"),
    )
}

/// Returns `iter(object)`.
pub(crate) fn iterate(object: &Object) -> Raised<Iter> {
    Ok(match object {
        Object::List(list) => Iter::List(Rc::clone(list), 0),
        Object::Tuple(tuple) => Iter::Tuple(Rc::clone(tuple), 0),
        Object::Str(text) | Object::Markup(text) => Iter::Str(Rc::clone(text), 0),
        Object::Bytes(bytes) => Iter::Bytes(Rc::clone(bytes), 0),
        Object::Dict(dict) => Iter::Keys(Rc::clone(dict), 0, dict.len()),
        Object::Set(set) | Object::FrozenSet(set) => Iter::Members(Rc::clone(set), 0, set.len()),
        Object::Undefined(undefined) => {
            undefined.fail_unless_lenient()?;
            Iter::Empty
        }
        other => {
            if let Object::Native(native) = other
                && let Some(iterator) = Rc::clone(native).iterate()?
            {
                return Ok(Iter::Other(iterator));
            }
            return Err(Exception::type_error(format!(
                "'{}' object is not iterable",
                other.type_name()
            )));
        }
    })
}

/// The most objects that an iterator may be exhausted into; Python would fill
/// the memory.
const COLLECTION_LIMIT: usize = 1 << 24;

/// Returns `list(object)` as a vector.
pub(crate) fn collect(object: &Object) -> Raised<Vec<Object>> {
    match object {
        Object::List(list) => Ok(list.to_vec()),
        Object::Tuple(tuple) => Ok(tuple.to_vec()),
        other => exhaust(&mut iterate(other)?),
    }
}

/// Returns all that an iterator still has.
pub(crate) fn exhaust(iterator: &mut dyn Iterate) -> Raised<Vec<Object>> {
    let mut items = Vec::new();
    while let Some(item) = iterator.next()? {
        if items.len() >= COLLECTION_LIMIT {
            return Err(Exception::new("MemoryError", ""));
        }
        items.push(item);
    }
    Ok(items)
}
