//! How Jinja2 finds attributes and items.

use crate::python_value::{Object, Raised, Undefined, repr, subscript};
use std::rc::Rc;

/// Returns `object.name`: an attribute, or else an item.
pub(in crate::jinja2) fn attribute(object: &Object, name: &Rc<str>) -> Raised<Object> {
    if let Some(attribute) = object.attribute(name)? {
        return Ok(attribute);
    }
    let found = match object {
        Object::Dict(dict) => dict.get_str(name),
        Object::Native(native) if native.is_subscriptable() => {
            match native.item(&Object::Str(Rc::clone(name))) {
                Ok(item) => Some(item),
                Err(error) if error.is_lookup_failure() => None,
                Err(error) => return Err(error),
            }
        }
        _ => None,
    };
    Ok(found.unwrap_or_else(|| undefined_attribute(object, name)))
}

/// Returns `object[key]`: an item, or else for a text an attribute.
pub(in crate::jinja2) fn item(object: &Object, key: &Object) -> Raised<Object> {
    if let (Object::Dict(dict), Object::Str(name)) = (object, key)
        && let Some(value) = dict.get_str(name)
    {
        return Ok(value);
    }
    match subscript::item(object, key) {
        Ok(item) => return Ok(item),
        Err(error) if error.is_lookup_failure() => {}
        Err(error) => return Err(error),
    }
    if let Some(name) = key.as_str() {
        if let Some(attribute) = object.attribute(name)? {
            return Ok(attribute);
        }
        return Ok(undefined_attribute(object, name));
    }
    let message = format!("{} has no element {}", type_repr(object), repr(key)?);
    Ok(Object::Undefined(Rc::new(Undefined::new(message))))
}

fn undefined_attribute(object: &Object, name: &str) -> Object {
    let message = format!(
        "{} has no attribute {}",
        buildout_core::value::str_repr(&type_repr(object)),
        buildout_core::value::str_repr(name)
    );
    Object::Undefined(Rc::new(Undefined::new(message)))
}

/// The type of an object as messages show it.
fn type_repr(object: &Object) -> String {
    match object {
        Object::None => "None".to_owned(),
        Object::Markup(_) => "markupsafe.Markup object".to_owned(),
        Object::Native(native) => format!("{} object", native.qualified_type_name()),
        other => format!("{} object", other.type_name()),
    }
}
