//! Lists and tuples, and how containers are dropped.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Exception, Object, Raised};

/// A `list`.
#[derive(Default)]
pub(crate) struct List {
    items: RefCell<Vec<Object>>,
}

impl List {
    pub(crate) fn new(items: Vec<Object>) -> Self {
        List {
            items: RefCell::new(items),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.borrow().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.borrow().is_empty()
    }

    pub(crate) fn get(&self, index: usize) -> Option<Object> {
        self.items.borrow().get(index).cloned()
    }

    /// Returns the items as they are now.
    pub(crate) fn to_vec(&self) -> Vec<Object> {
        self.items.borrow().clone()
    }

    /// Changes the items with something that runs no other code.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Vec<Object>) -> T) -> T {
        change(&mut self.items.borrow_mut())
    }

    pub(crate) fn push(&self, item: Object) {
        self.items.borrow_mut().push(item);
    }
}

/// The names of a named tuple.
pub(crate) struct TupleType {
    /// The name of the type, in front of the `repr`; empty for the `repr` of
    /// an ordinary tuple.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [&'static str],
    /// Returns further attributes.
    pub(crate) attribute: fn(&Tuple, &str) -> Raised<Option<Object>>,
}

/// A `tuple`, which may be a named one.
pub(crate) struct Tuple {
    items: Box<[Object]>,
    kind: Option<&'static TupleType>,
}

impl Tuple {
    pub(crate) fn new(items: Vec<Object>) -> Self {
        Tuple {
            items: items.into_boxed_slice(),
            kind: None,
        }
    }

    pub(crate) fn named(kind: &'static TupleType, items: Vec<Object>) -> Self {
        Tuple {
            items: items.into_boxed_slice(),
            kind: Some(kind),
        }
    }

    pub(crate) fn kind(&self) -> Option<&'static TupleType> {
        self.kind
    }

    /// Returns a named field, or what the type computes.
    pub(crate) fn attribute(&self, name: &str) -> Raised<Option<Object>> {
        let Some(kind) = self.kind else {
            return Ok(None);
        };
        match kind.fields.iter().position(|field| *field == name) {
            Some(index) => Ok(self.items.get(index).cloned()),
            None => (kind.attribute)(self, name),
        }
    }
}

impl std::ops::Deref for Tuple {
    type Target = [Object];

    fn deref(&self) -> &[Object] {
        &self.items
    }
}

/// The position that an index means in a sequence, where negative ones count
/// from the end.
pub(crate) fn position(index: i128, length: usize) -> Option<usize> {
    let length = length as i128;
    let index = if index < 0 { index + length } else { index };
    (0..length)
        .contains(&index)
        .then(|| usize::try_from(index).ok())
        .flatten()
}

/// Computes the length of a repeated sequence, which must stay reasonable.
pub(crate) fn repeated_length(length: usize, times: i128) -> Raised<usize> {
    let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
    match length.checked_mul(times) {
        Some(total) if total <= 1 << 28 => Ok(times),
        _ => Err(Exception::new("MemoryError", "")),
    }
}

impl Drop for List {
    fn drop(&mut self) {
        dismantle(std::mem::take(self.items.get_mut()));
    }
}

impl Drop for Tuple {
    fn drop(&mut self) {
        dismantle(std::mem::take(&mut self.items).into_vec());
    }
}

/// Drops objects without recursion into what they contain.
pub(super) fn dismantle(mut pending: Vec<Object>) {
    let is_container =
        |object: &Object| matches!(object, Object::List(_) | Object::Tuple(_) | Object::Dict(_));
    if !pending.iter().any(is_container) {
        return;
    }
    while let Some(object) = pending.pop() {
        match object {
            Object::List(list) => {
                if let Ok(mut list) = Rc::try_unwrap(list) {
                    pending.append(list.items.get_mut());
                }
            }
            Object::Tuple(tuple) => {
                if let Ok(mut tuple) = Rc::try_unwrap(tuple) {
                    pending.extend(std::mem::take(&mut tuple.items));
                }
            }
            Object::Dict(dict) => {
                if let Ok(mut dict) = Rc::try_unwrap(dict) {
                    pending.extend(dict.take_contents());
                }
            }
            _ => {}
        }
    }
}
