//! Python's objects, as code in a template handles them: lists, dicts and sets
//! that change in place and are seen through all their names, iterators,
//! functions, bound methods and modules.
//!
//! Nothing here knows templates. The values of options are the core's
//! [`Value`](buildout_core::value::Value)s, which never change; [`convert`]
//! makes objects of them and back. See `docs/design/templates.md`.
//!
//! Where a container could contain itself, recursion is bounded by
//! [`DEPTH_LIMIT`], and calls by [`depth`]; beyond is Python's `RecursionError`.
//! Dropping uses no recursion.

mod arguments;
pub(crate) mod arithmetic;
pub(crate) mod builtins;
pub(crate) mod container;
pub(crate) mod convert;
mod depth;
mod dict;
mod equality;
mod exception;
mod float_format;
pub(crate) mod format;
pub(crate) mod function;
pub(crate) mod iterate;
pub(crate) mod iterator;
pub(crate) mod methods;
pub(crate) mod modules;
mod native;
mod order;
pub(crate) mod percent;
pub(crate) mod pretty;
mod range;
pub(crate) mod regex;
mod repr;
mod set;
pub(crate) mod subscript;
mod undefined;
mod view;
pub(crate) mod wrap;

use std::rc::Rc;

pub(crate) use arguments::Arguments;
pub(crate) use container::List;
pub(crate) use dict::Dict;
pub(crate) use equality::{contains, equals, is_identical};
pub(crate) use exception::{Exception, Place, Raised};
pub(crate) use iterate::{Iterate, collect, iterate};
pub(crate) use native::Native;
pub(crate) use order::{Comparison, compare, less_than, sort};
pub(crate) use repr::{ascii, repr, to_str};
pub(crate) use set::Set;
pub(crate) use undefined::Undefined;

/// How deep containers may nest where they are compared, printed or hashed.
pub(crate) const DEPTH_LIMIT: usize = 300;

/// A Python object. Copies of a list, dict or set are the same object.
#[derive(Clone, Default)]
pub(crate) enum Object {
    /// `None`.
    #[default]
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An `int`, of 128 bits; what would need more is an `OverflowError`.
    Int(i128),
    /// A `float`.
    Float(f64),
    /// A `str`.
    Str(Rc<str>),
    /// A `markupsafe.Markup`: a `str` that is known to be HTML.
    Markup(Rc<str>),
    /// A `bytes` object.
    Bytes(Rc<[u8]>),
    /// A `list`.
    List(Rc<List>),
    /// A `tuple`.
    Tuple(Rc<container::Tuple>),
    /// A `dict`.
    Dict(Rc<Dict>),
    /// A `set`.
    Set(Rc<Set>),
    /// A `frozenset`.
    FrozenSet(Rc<Set>),
    /// What a name stands for that does not exist.
    Undefined(Rc<Undefined>),
    /// Everything else.
    Native(Rc<dyn Native>),
}

impl Object {
    /// Makes a `list`.
    pub(crate) fn list(items: Vec<Object>) -> Self {
        Object::List(Rc::new(List::new(items)))
    }

    /// Makes a `tuple`.
    pub(crate) fn tuple(items: Vec<Object>) -> Self {
        Object::Tuple(Rc::new(container::Tuple::new(items)))
    }

    /// Makes a `bytes` object.
    pub(crate) fn bytes(bytes: impl Into<Rc<[u8]>>) -> Self {
        Object::Bytes(bytes.into())
    }

    /// Makes an object of another type.
    pub(crate) fn native(native: impl Native + 'static) -> Self {
        Object::Native(Rc::new(native))
    }

    /// Makes the `int` of a length or position.
    pub(crate) fn size(size: usize) -> Self {
        Object::Int(size as i128)
    }

    /// Returns the text of a `str`, which a `Markup` is too.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Object::Str(text) | Object::Markup(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the number of an `int`, which a `bool` is too.
    pub(crate) fn as_int(&self) -> Option<i128> {
        match self {
            Object::Int(value) => Some(*value),
            Object::Bool(value) => Some(i128::from(*value)),
            _ => None,
        }
    }

    /// Returns the value of a number.
    pub(crate) fn as_float(&self) -> Option<f64> {
        match self {
            Object::Float(value) => Some(*value),
            #[expect(clippy::cast_precision_loss, reason = "Python rounds as well")]
            other => other.as_int().map(|value| value as f64),
        }
    }

    /// Returns an object of a given native type.
    pub(crate) fn downcast<T: 'static>(&self) -> Option<&T> {
        match self {
            Object::Native(native) => native.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// Returns Python's `type(object).__name__`.
    pub(crate) fn type_name(&self) -> &str {
        match self {
            Object::None => "NoneType",
            Object::Bool(_) => "bool",
            Object::Int(_) => "int",
            Object::Float(_) => "float",
            Object::Str(_) => "str",
            Object::Markup(_) => "Markup",
            Object::Bytes(_) => "bytes",
            Object::List(_) => "list",
            Object::Tuple(_) => "tuple",
            Object::Dict(_) => "dict",
            Object::Set(_) => "set",
            Object::FrozenSet(_) => "frozenset",
            Object::Undefined(undefined) => undefined.type_name(),
            Object::Native(native) => native.type_name(),
        }
    }

    /// Returns `bool(object)`.
    pub(crate) fn is_truthy(&self) -> Raised<bool> {
        Ok(match self {
            Object::None => false,
            Object::Bool(value) => *value,
            Object::Int(value) => *value != 0,
            Object::Float(value) => *value != 0.0,
            Object::Str(text) | Object::Markup(text) => !text.is_empty(),
            Object::Bytes(bytes) => !bytes.is_empty(),
            Object::List(list) => !list.is_empty(),
            Object::Tuple(tuple) => !tuple.is_empty(),
            Object::Dict(dict) => !dict.is_empty(),
            Object::Set(set) | Object::FrozenSet(set) => !set.is_empty(),
            Object::Undefined(undefined) => undefined.fail_unless_lenient().map(|()| false)?,
            Object::Native(native) => native.is_truthy(),
        })
    }

    /// Returns `len(object)`.
    pub(crate) fn length(&self) -> Raised<usize> {
        Ok(match self {
            Object::Str(text) | Object::Markup(text) => text.chars().count(),
            Object::Bytes(bytes) => bytes.len(),
            Object::List(list) => list.len(),
            Object::Tuple(tuple) => tuple.len(),
            Object::Dict(dict) => dict.len(),
            Object::Set(set) | Object::FrozenSet(set) => set.len(),
            Object::Undefined(undefined) => undefined.fail_unless_lenient().map(|()| 0)?,
            other => {
                let length = match other {
                    Object::Native(native) => native.length()?,
                    _ => None,
                };
                return length.ok_or_else(|| {
                    Exception::type_error(format!(
                        "object of type '{}' has no len()",
                        other.type_name()
                    ))
                });
            }
        })
    }

    /// Calls the object.
    pub(crate) fn call(&self, arguments: Arguments) -> Raised<Object> {
        match self {
            Object::Native(native) => depth::deeper(|| Rc::clone(native).call(arguments)),
            Object::Undefined(undefined) => Err(undefined.error()),
            other => Err(Exception::type_error(format!(
                "'{}' object is not callable",
                other.type_name()
            ))),
        }
    }

    /// Calls the object with one argument.
    pub(crate) fn call1(&self, argument: Object) -> Raised<Object> {
        self.call(Arguments::positional(vec![argument]))
    }

    /// Returns an attribute; nothing if there is none of the name.
    pub(crate) fn attribute(&self, name: &str) -> Raised<Option<Object>> {
        if let Some(method) = methods::find(self, name) {
            return Ok(Some(function::bind(self.clone(), method)));
        }
        match self {
            Object::Native(native) => Rc::clone(native).attribute(name),
            Object::Tuple(tuple) if tuple.kind().is_some() => tuple.attribute(name),
            Object::Undefined(undefined) if !name.starts_with("__") => Err(undefined.error()),
            other => Ok(methods::data_attribute(other, name)),
        }
    }
}

impl From<bool> for Object {
    fn from(value: bool) -> Self {
        Object::Bool(value)
    }
}

impl From<&str> for Object {
    fn from(text: &str) -> Self {
        Object::Str(Rc::from(text))
    }
}

impl From<String> for Object {
    fn from(text: String) -> Self {
        Object::Str(Rc::from(text))
    }
}
