//! The methods of Python's built-in types.

/// A method of the type whose module has a function `with`, which calls it.
macro_rules! method {
    ($name:literal, $call:expr) => {
        Method {
            name: $name,
            call: |object, arguments| with(object, arguments, $call),
        }
    };
}

pub(crate) mod bytes;
mod dict;
mod list;
pub(crate) mod markup;
mod number;
mod set;
pub(crate) mod str;
pub(super) mod str_class;
mod str_split;

pub(crate) use self::dict::from_keys as dict_from_keys;
pub(crate) use self::str_class::{capitalize, expand_tabs, is_cased};
pub(crate) use self::str_split::lines;

use super::builtins;
use super::function::Method;
use super::{Arguments, Exception, Object, Raised, contains, equals, subscript};

/// Finds a method of an object's type.
pub(crate) fn find(object: &Object, name: &str) -> Option<Method> {
    let own = match object {
        Object::Str(_) => str::find(name),
        Object::Markup(_) => markup::find(name),
        Object::Dict(_) => dict::find(name),
        Object::List(_) => list::find(name),
        Object::Tuple(_) => list::find_of_tuple(name),
        Object::Set(_) => set::find(name),
        Object::FrozenSet(_) => set::find_of_frozen(name),
        Object::Bytes(_) => bytes::find(name),
        Object::Int(_) | Object::Bool(_) | Object::Float(_) => number::find(object, name),
        Object::None | Object::Undefined(_) | Object::Native(_) => None,
    };
    own.or_else(|| find_special(object, name))
}

/// The methods of the form `__name__` that templates call.
const SPECIAL: &[Method] = &[
    Method {
        name: "__getitem__",
        call: |object, arguments| {
            let [key] = arguments.exactly("__getitem__")?;
            subscript::item(object, &key)
        },
    },
    Method {
        name: "__contains__",
        call: |object, arguments| {
            let [item] = arguments.exactly("__contains__")?;
            contains(object, &item).map(Object::Bool)
        },
    },
    Method {
        name: "__len__",
        call: |object, arguments| {
            let [] = arguments.exactly("__len__")?;
            object.length().map(Object::size)
        },
    },
    Method {
        name: "__eq__",
        call: |object, arguments| {
            let [other] = arguments.exactly("__eq__")?;
            equals(object, &other).map(Object::Bool)
        },
    },
];

fn find_special(object: &Object, name: &str) -> Option<Method> {
    if !name.starts_with("__") {
        return None;
    }
    let is_container = matches!(
        object,
        Object::Str(_)
            | Object::Markup(_)
            | Object::Bytes(_)
            | Object::List(_)
            | Object::Tuple(_)
            | Object::Dict(_)
    );
    let is_sized = is_container || matches!(object, Object::Set(_) | Object::FrozenSet(_));
    let applies = match name {
        "__getitem__" => is_container,
        "__contains__" | "__len__" => is_sized,
        "__eq__" => is_sized || matches!(object, Object::Int(_) | Object::Bool(_)),
        _ => false,
    };
    let found = || SPECIAL.iter().find(|method| method.name == name);
    applies.then(found).flatten().copied()
}

/// The names of the form `__name__` that objects have here, for the check of
/// what a template uses.
pub(crate) const SPECIAL_NAMES: &[&str] = &[
    "__class__",
    "__contains__",
    "__delitem__",
    "__eq__",
    "__getitem__",
    "__iter__",
    "__len__",
    "__name__",
    "__next__",
    "__setitem__",
];

/// Returns an attribute of a built-in type that is no method.
pub(crate) fn data_attribute(object: &Object, name: &str) -> Option<Object> {
    match (object, name) {
        (object, "__class__") => builtins::type_of(object),
        (Object::Int(_) | Object::Bool(_), "real" | "numerator") => {
            object.as_int().map(Object::Int)
        }
        (Object::Int(_) | Object::Bool(_), "denominator") => Some(Object::Int(1)),
        (Object::Int(_) | Object::Bool(_), "imag") => Some(Object::Int(0)),
        (Object::Float(value), "real") => Some(Object::Float(*value)),
        (Object::Float(_), "imag") => Some(Object::Float(0.0)),
        _ => None,
    }
}

/// Reads an optional argument that is a number, as a position.
pub(super) fn optional_int(argument: Option<Object>) -> Raised<Option<i128>> {
    match argument {
        None | Some(Object::None) => Ok(None),
        Some(argument) => int_argument(&argument).map(Some),
    }
}

/// Reads an argument that is an integer.
pub(crate) fn int_argument(argument: &Object) -> Raised<i128> {
    argument.as_int().ok_or_else(|| {
        Exception::type_error(format!(
            "'{}' object cannot be interpreted as an integer",
            argument.type_name()
        ))
    })
}

/// A method that is called with an object of another type.
fn not_own(object: &Object, wanted: &str) -> Exception {
    Exception::type_error(format!(
        "a '{wanted}' is needed, not '{}'",
        object.type_name()
    ))
}

/// Calls a method that takes nothing.
fn nothing(arguments: Arguments, name: &str) -> Raised<()> {
    let [] = arguments.exactly(name)?;
    Ok(())
}
