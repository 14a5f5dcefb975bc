//! Objects from the values of options, and back.

use buildout_core::value::{self, EncodeError, MAXIMUM_DEPTH, Value};

use super::{Dict, Exception, Object, Raised, Set, repr};
use std::rc::Rc;

/// Makes an object of a value; the depth of values is limited.
pub(crate) fn from_value(value: &Value) -> Object {
    let objects = |items: &[Value]| items.iter().map(from_value).collect();
    match value {
        Value::None => Object::None,
        Value::Bool(value) => Object::Bool(*value),
        Value::Int(value) => Object::Int(*value),
        Value::Float(value) => Object::Float(*value),
        Value::Str(text) => Object::from(&**text),
        Value::Bytes(bytes) => Object::bytes(&**bytes),
        Value::List(items) => Object::list(objects(items)),
        Value::Tuple(items) => Object::tuple(objects(items)),
        Value::Dict(dict) => {
            let object = Dict::new();
            for (key, value) in dict {
                // Keys of a value are hashable, and stay so.
                let _ = object.insert(from_value(key), from_value(value));
            }
            Object::Dict(Rc::new(object))
        }
        Value::Set(members) => Object::Set(Rc::new(
            Set::of(members.iter().map(from_value)).unwrap_or_default(),
        )),
        Value::FrozenSet(members) => Object::FrozenSet(Rc::new(
            Set::of(members.iter().map(from_value)).unwrap_or_default(),
        )),
    }
}

/// Makes a value of an object that has a literal.
///
/// # Errors
///
/// The object, or one within it, has none: what Python raises when it reads
/// the `repr` back.
pub(crate) fn to_value(object: &Object) -> Raised<Value> {
    to_value_within(object, 0)
}

fn to_value_within(object: &Object, depth: usize) -> Raised<Value> {
    if depth > MAXIMUM_DEPTH {
        let message = EncodeError::TooDeep.to_string();
        return Err(Exception::value_error(message));
    }
    let values = |items: &[Object]| -> Raised<Vec<Value>> {
        let values = items.iter().map(|item| to_value_within(item, depth + 1));
        values.collect()
    };
    let unhashable = |error: value::UnhashableType| Exception::type_error(error.to_string());
    Ok(match object {
        Object::None => Value::None,
        Object::Bool(value) => Value::Bool(*value),
        Object::Int(value) => Value::Int(*value),
        Object::Float(value) => Value::Float(*value),
        Object::Str(text) => Value::string(&**text),
        Object::Bytes(bytes) => Value::bytes(&**bytes),
        Object::List(list) => Value::List(values(&list.to_vec())?),
        Object::Tuple(tuple) if tuple.kind().is_none_or(|kind| kind.name.is_empty()) => {
            Value::Tuple(values(tuple)?)
        }
        Object::Dict(dict) => {
            let mut value = value::Dict::new();
            for (key, item) in dict.to_vec() {
                let key = to_value_within(&key, depth + 1)?;
                value
                    .insert(key, to_value_within(&item, depth + 1)?)
                    .map_err(unhashable)?;
            }
            Value::Dict(value)
        }
        Object::Set(set) => Value::set(values(&set.to_vec())?).map_err(unhashable)?,
        Object::FrozenSet(set) => Value::frozen_set(values(&set.to_vec())?).map_err(unhashable)?,
        Object::Undefined(_) | Object::Markup(_) | Object::Tuple(_) => {
            let name = match object {
                Object::Undefined(_) => "Undefined",
                other => other.type_name(),
            };
            return Err(Exception::new(
                "NameError",
                format!("name '{name}' is not defined"),
            ));
        }
        Object::Native(_) => {
            return Err(Exception::value_error(format!(
                "Value cannot be serialised: {}",
                repr(object)?
            )));
        }
    })
}

/// The function `dumps` of the SlapOS dialect: the `!py!` text of an object.
pub(crate) fn dumps(object: &Object) -> Raised<Object> {
    value::encode(&to_value(object)?)
        .map(Object::from)
        .map_err(|error| Exception::value_error(error.to_string()))
}
