//! The methods of `dict`.

use std::rc::Rc;

use super::super::builtins::update_dict;
use super::super::function::Method;
use super::super::iterator::IteratorObject;
use super::super::view::{Part, View};
use super::super::{Arguments, Dict, Exception, Object, Raised, repr};
use super::{not_own, nothing};

type Call = fn(&Rc<Dict>, Arguments) -> Raised<Object>;

/// Calls a method with the dict that it belongs to.
fn with(object: &Object, arguments: Arguments, call: Call) -> Raised<Object> {
    match object {
        Object::Dict(dict) => call(dict, arguments),
        other => Err(not_own(other, "dict")),
    }
}

const METHODS: &[Method] = &[
    method!("get", |dict, arguments| {
        let [key, default] = arguments.bind("get", ["/key", "/default"], 1)?;
        let found = dict.get(&key.unwrap_or_default())?;
        Ok(found.or(default).unwrap_or_default())
    }),
    method!("__setitem__", |dict, arguments| {
        let [key, value] = arguments.exactly("__setitem__")?;
        dict.insert(key, value)?;
        Ok(Object::None)
    }),
    method!("items", |dict, arguments| {
        nothing(arguments, "items")?;
        Ok(Object::native(View::new(dict, Part::Items)))
    }),
    method!("setdefault", |dict, arguments| {
        let [key, default] = arguments.bind("setdefault", ["/key", "/default"], 1)?;
        let key = key.unwrap_or_default();
        if let Some(value) = dict.get(&key)? {
            return Ok(value);
        }
        let value = default.unwrap_or_default();
        dict.insert(key, value.clone())?;
        Ok(value)
    }),
    method!("pop", |dict, arguments| {
        let [key, default] = arguments.bind("pop", ["/key", "/default"], 1)?;
        let key = key.unwrap_or_default();
        match dict.remove(&key)?.or(default) {
            Some(value) => Ok(value),
            None => Err(Exception::key_error(&repr(&key)?)),
        }
    }),
    method!("update", |dict, arguments| {
        update_dict(dict, arguments, "update")?;
        Ok(Object::None)
    }),
    method!("keys", |dict, arguments| {
        nothing(arguments, "keys")?;
        Ok(Object::native(View::new(dict, Part::Keys)))
    }),
    method!("values", |dict, arguments| {
        nothing(arguments, "values")?;
        Ok(Object::native(View::new(dict, Part::Values)))
    }),
    method!("copy", |dict, arguments| {
        nothing(arguments, "copy")?;
        Ok(Object::Dict(Rc::new(dict.copy())))
    }),
    method!("clear", |dict, arguments| {
        nothing(arguments, "clear")?;
        dict.clear();
        Ok(Object::None)
    }),
    method!("popitem", |dict, arguments| {
        nothing(arguments, "popitem")?;
        match dict.pop_last() {
            Some((key, value)) => Ok(Object::tuple(vec![key, value])),
            None => Err(Exception::key_error("'popitem(): dictionary is empty'")),
        }
    }),
    method!("__delitem__", |dict, arguments| {
        let [key] = arguments.exactly("__delitem__")?;
        match dict.remove(&key)? {
            Some(_) => Ok(Object::None),
            None => Err(Exception::key_error(&repr(&key)?)),
        }
    }),
    method!("fromkeys", |_, arguments| from_keys(arguments)),
    method!("__iter__", |dict, _| IteratorObject::of(&Object::Dict(
        Rc::clone(dict)
    ))),
];

/// Finds a method.
pub(super) fn find(name: &str) -> Option<Method> {
    METHODS.iter().find(|method| method.name == name).copied()
}

/// `dict.fromkeys`.
pub(crate) fn from_keys(arguments: Arguments) -> Raised<Object> {
    let [keys, value] = arguments.bind("fromkeys", ["/iterable", "/value"], 1)?;
    let dict = Dict::new();
    let value = value.unwrap_or_default();
    for key in super::super::collect(&keys.unwrap_or_default())? {
        dict.insert(key, value.clone())?;
    }
    Ok(Object::Dict(Rc::new(dict)))
}
