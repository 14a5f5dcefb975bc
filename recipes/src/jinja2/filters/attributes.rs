//! Attributes that filters take as arguments.

use std::rc::Rc;

use super::super::evaluate::attributes::{attribute, item};
use crate::python_value::{Arguments, Exception, Object, Raised, Undefined, to_str};
use buildout_core::value::str_repr;

/// One way to an attribute: the names and indices between dots.
pub(super) type Path = Vec<Object>;

/// Reads an attribute with dots.
pub(super) fn path(attribute: &Object) -> Path {
    match attribute {
        Object::None => Vec::new(),
        Object::Str(text) | Object::Markup(text) => text
            .split('.')
            .map(|part| {
                let is_index = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                match part.parse() {
                    Ok(index) if is_index => Object::Int(index),
                    _ => Object::from(part),
                }
            })
            .collect(),
        other => vec![other.clone()],
    }
}

/// Follows a way; `default` replaces what is undefined.
pub(super) fn follow(object: &Object, path: &Path, default: Option<&Object>) -> Raised<Object> {
    let mut object = object.clone();
    for part in path {
        object = item(&object, part)?;
        if let (Object::Undefined(_), Some(default)) = (&object, default) {
            object = default.clone();
        }
    }
    Ok(object)
}

/// Makes small letters of a text; other objects stay.
pub(super) fn ignore_case(object: Object) -> Object {
    match &object {
        Object::Str(text) | Object::Markup(text) => Object::from(text.to_lowercase()),
        _ => object,
    }
}

/// `attr`: an attribute, and no item.
pub(super) fn attr(value: Object, arguments: Arguments) -> Raised<Object> {
    let [name] = arguments.bind("do_attr", ["name"], 1)?;
    let name: Rc<str> = Rc::from(to_str(&name.unwrap_or_default())?);
    match value.attribute(&name)? {
        Some(_) => attribute(&value, &name),
        None => Ok(Object::Undefined(Rc::new(Undefined::new(format!(
            "'{} object' has no attribute {}",
            value.type_name(),
            str_repr(&name)
        ))))),
    }
}

/// An error in the arguments of a filter.
pub(super) fn argument_error(message: impl Into<String>) -> Exception {
    Exception::new("jinja2.exceptions.FilterArgumentError", message)
}
