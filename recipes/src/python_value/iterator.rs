//! Iterators as objects, which everything that has them advances.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use super::depth::{deeper, drop_later};
use super::iterate::{Iter, iterate};
use super::{Arguments, Exception, Iterate, Native, Object, Raised, function};

/// An iterator or generator.
pub(crate) struct IteratorObject {
    type_name: &'static str,
    /// Taken out while it advances, so that it can fail if it meets itself.
    state: RefCell<State>,
}

enum State {
    Ready(Box<dyn Iterate>),
    Running,
    Ended,
}

impl IteratorObject {
    pub(crate) fn new(type_name: &'static str, iterator: impl Iterate + 'static) -> Self {
        IteratorObject {
            type_name,
            state: RefCell::new(State::Ready(Box::new(iterator))),
        }
    }

    /// Makes the object of a generator, as many filters return.
    pub(crate) fn generator(iterator: impl Iterate + 'static) -> Object {
        Object::native(IteratorObject::new("generator", iterator))
    }

    /// Makes the object that Python's `iter(object)` returns.
    pub(crate) fn of(object: &Object) -> Raised<Object> {
        if object.downcast::<IteratorObject>().is_some() {
            return Ok(object.clone());
        }
        let type_name = match object {
            Object::List(_) => "list_iterator",
            Object::Tuple(_) => "tuple_iterator",
            Object::Str(_) | Object::Markup(_) => "str_iterator",
            Object::Dict(_) => "dict_keyiterator",
            Object::Set(_) | Object::FrozenSet(_) => "set_iterator",
            _ => "iterator",
        };
        let iterator: Iter = iterate(object)?;
        Ok(Object::native(IteratorObject::new(type_name, iterator)))
    }

    /// Advances the iterator.
    pub(crate) fn next(&self) -> Raised<Option<Object>> {
        let state = self.state.replace(State::Running);
        let mut iterator = match state {
            State::Ready(iterator) => iterator,
            State::Ended => {
                self.state.replace(State::Ended);
                return Ok(None);
            }
            State::Running => return Err(Exception::value_error("generator already executing")),
        };
        let result = deeper(|| iterator.next());
        let is_ended = !matches!(result, Ok(Some(_)));
        // An iterator over a list that has ended stays so if the list grows.
        self.state.replace(match is_ended {
            true => State::Ended,
            false => State::Ready(iterator),
        });
        result
    }
}

/// Iterators may be over iterators.
impl Drop for IteratorObject {
    fn drop(&mut self) {
        if let State::Ready(iterator) = self.state.replace(State::Ended) {
            drop_later(Box::new(iterator));
        }
    }
}

impl Native for IteratorObject {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn repr(&self) -> Raised<String> {
        Ok(format!("<{} object>", self.type_name))
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        Ok(match name {
            "__next__" | "next" => Some(function::closure("__next__", move |arguments| {
                let [] = arguments.exactly("__next__")?;
                self.next()?.ok_or_else(Exception::stop_iteration)
            })),
            "__iter__" => {
                let object = Object::Native(self);
                Some(function::closure("__iter__", move |_| Ok(object.clone())))
            }
            _ => None,
        })
    }

    fn iterate(self: Rc<Self>) -> Raised<Option<Box<dyn Iterate>>> {
        Ok(Some(Box::new(Iter::Shared(self))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Advances an iterator of another type through its `__next__`.
pub(crate) fn next_of(object: &Object) -> Raised<Option<Object>> {
    if let Some(iterator) = object.downcast::<IteratorObject>() {
        return iterator.next();
    }
    let method = object.attribute("__next__")?.ok_or_else(|| {
        Exception::type_error(format!(
            "'{}' object is not an iterator",
            object.type_name()
        ))
    })?;
    match method.call(Arguments::default()) {
        Ok(item) => Ok(Some(item)),
        Err(error) if error.class() == "StopIteration" => Ok(None),
        Err(error) => Err(error),
    }
}

/// Yields what a closure returns.
pub(crate) struct FromFunction<F>(pub(crate) F);

impl<F: FnMut() -> Raised<Option<Object>>> Iterate for FromFunction<F> {
    fn next(&mut self) -> Raised<Option<Object>> {
        (self.0)()
    }
}
