//! The built-in types.

use std::rc::Rc;

use buildout_core::profile::python_text::strip;

use super::super::function::{Type, function};
use super::super::methods::{self, int_argument};
use super::super::{
    Arguments, Dict, Exception, Iterate, Object, Raised, Set, arithmetic, collect, iterate, to_str,
};

/// Name of a type, how it makes an object, and whether one is of it.
type Definition = (
    &'static str,
    fn(Arguments) -> Raised<Object>,
    fn(&Object) -> bool,
);

const TYPES: &[Definition] = &[
    ("bool", construct_bool, |object| {
        matches!(object, Object::Bool(_))
    }),
    ("int", construct_int, |object| object.as_int().is_some()),
    ("float", construct_float, |object| {
        matches!(object, Object::Float(_))
    }),
    ("str", construct_str, |object| object.as_str().is_some()),
    ("bytes", methods::bytes::construct, |object| {
        matches!(object, Object::Bytes(_))
    }),
    ("list", construct_list, |object| {
        matches!(object, Object::List(_))
    }),
    ("tuple", construct_tuple, |object| {
        matches!(object, Object::Tuple(_))
    }),
    ("dict", construct_dict, |object| {
        matches!(object, Object::Dict(_))
    }),
    ("set", construct_set, |object| {
        matches!(object, Object::Set(_))
    }),
    ("frozenset", construct_frozenset, |object| {
        matches!(object, Object::FrozenSet(_))
    }),
    ("complex", |_| Err(no_complex()), |_| false),
    (
        "NoneType",
        |_| Ok(Object::None),
        |object| matches!(object, Object::None),
    ),
];

fn no_complex() -> Exception {
    Exception::new("NotImplementedError", "complex numbers are not supported")
}

/// Returns the type of a name.
pub(super) fn named(name: &str) -> Option<Object> {
    if name == "NoneType" {
        return None;
    }
    find(name)
}

fn find(name: &str) -> Option<Object> {
    let found = TYPES.iter().find(|(known, ..)| *known == name)?;
    Some(Object::native(Type {
        name: found.0,
        construct: found.1,
        has_instance: found.2,
    }))
}

/// Returns `type(object)`, for the built-in types.
pub(crate) fn type_of(object: &Object) -> Option<Object> {
    find(object.type_name())
}

/// Returns an attribute of a type: one of its methods, which then takes the
/// object first.
pub(crate) fn type_attribute(type_name: &'static str, name: &str) -> Raised<Option<Object>> {
    if (type_name, name) == ("dict", "fromkeys") {
        return Ok(Some(function("fromkeys", methods::dict_from_keys)));
    }
    let sample = match type_name {
        "str" => Object::from(""),
        "bytes" => Object::bytes(Vec::new()),
        "list" => Object::list(Vec::new()),
        "tuple" => Object::tuple(Vec::new()),
        "dict" => Object::Dict(Rc::default()),
        "set" => Object::Set(Rc::default()),
        "frozenset" => Object::FrozenSet(Rc::default()),
        "int" | "bool" => Object::Int(0),
        "float" => Object::Float(0.0),
        _ => return Ok(None),
    };
    let Some(method) = methods::find(&sample, name) else {
        return Ok(None);
    };
    Ok(Some(super::super::function::closure(
        method.name,
        move |mut arguments| {
            if arguments.positional.is_empty() {
                return Err(Exception::type_error(format!(
                    "unbound method {type_name}.{}() needs an argument",
                    method.name
                )));
            }
            let object = arguments.positional.remove(0);
            if let Object::Undefined(undefined) = &object {
                return Err(undefined.error());
            }
            (method.call)(&object, arguments)
        },
    )))
}

fn construct_bool(arguments: Arguments) -> Raised<Object> {
    let [object] = arguments.bind("bool", ["/object"], 0)?;
    object.unwrap_or_default().is_truthy().map(Object::Bool)
}

/// Makes an `int` of a number, or of a text with an optional base.
pub(crate) fn construct_int(arguments: Arguments) -> Raised<Object> {
    let [object, base] = arguments.bind("int", ["/x", "base"], 0)?;
    let Some(object) = object else {
        return Ok(Object::Int(0));
    };
    let base = base.map(|base| int_argument(&base)).transpose()?;
    match &object {
        Object::Str(text) | Object::Markup(text) => {
            parse_int(text, base.unwrap_or(10)).map(Object::Int)
        }
        Object::Bytes(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            parse_int(&text, base.unwrap_or(10)).map(Object::Int)
        }
        _ if base.is_some() => Err(Exception::type_error(
            "int() can't convert non-string with explicit base",
        )),
        Object::Float(float) => arithmetic::truncate(*float),
        Object::Undefined(undefined) => Err(undefined.error()),
        other => other.as_int().map(Object::Int).ok_or_else(|| {
            Exception::type_error(format!(
                "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                other.type_name()
            ))
        }),
    }
}

/// Reads the text of an integer.
pub(crate) fn parse_int(text: &str, base: i128) -> Raised<i128> {
    let invalid = || {
        Exception::value_error(format!(
            "invalid literal for int() with base {base}: {}",
            buildout_core::value::str_repr(text)
        ))
    };
    if base != 0 && !(2..=36).contains(&base) {
        return Err(Exception::value_error(
            "int() base must be >= 2 and <= 36, or 0",
        ));
    }
    let stripped = strip(text);
    let (is_negative, digits) = match stripped.as_bytes().first() {
        Some(b'-') => (true, &stripped[1..]),
        Some(b'+') => (false, &stripped[1..]),
        _ => (false, stripped),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixed = |prefix: &str| {
        lower
            .strip_prefix(prefix)
            .map(|rest| rest.strip_prefix('_').unwrap_or(rest).to_owned())
    };
    let (radix, digits) = match base {
        0 | 16 if lower.starts_with("0x") => (16, prefixed("0x").unwrap_or_default()),
        0 | 8 if lower.starts_with("0o") => (8, prefixed("0o").unwrap_or_default()),
        0 | 2 if lower.starts_with("0b") => (2, prefixed("0b").unwrap_or_default()),
        0 => {
            let is_zero = lower.bytes().all(|byte| matches!(byte, b'0' | b'_'));
            if lower.starts_with('0') && !is_zero {
                return Err(invalid());
            }
            (10, lower)
        }
        base => (base, lower),
    };
    let is_well_formed = !digits.is_empty()
        && !digits.starts_with('_')
        && !digits.ends_with('_')
        && !digits.contains("__");
    if !is_well_formed {
        return Err(invalid());
    }
    let mut number = 0_i128;
    for character in digits.chars().filter(|character| *character != '_') {
        let digit = character.to_digit(36).map(i128::from);
        let digit = digit.filter(|digit| *digit < radix).ok_or_else(invalid)?;
        number = number
            .checked_mul(radix)
            .and_then(|number| number.checked_add(digit))
            .ok_or_else(Exception::overflow)?;
    }
    Ok(if is_negative { -number } else { number })
}

fn construct_float(arguments: Arguments) -> Raised<Object> {
    let [object] = arguments.bind("float", ["/x"], 0)?;
    let object = object.unwrap_or(Object::Int(0));
    if let Object::Undefined(undefined) = &object {
        return Err(undefined.error());
    }
    if let Some(text) = object.as_str() {
        let parsed = parse_float(text);
        return parsed.map(Object::Float).ok_or_else(|| {
            Exception::value_error(format!(
                "could not convert string to float: {}",
                buildout_core::value::str_repr(text)
            ))
        });
    }
    object.as_float().map(Object::Float).ok_or_else(|| {
        Exception::type_error(format!(
            "float() argument must be a string or a real number, not '{}'",
            object.type_name()
        ))
    })
}

fn parse_float(text: &str) -> Option<f64> {
    let text = strip(text);
    let is_well_formed = !text.starts_with('_') && !text.ends_with('_') && !text.contains("__");
    let bare = text.trim_start_matches(['+', '-']).to_lowercase();
    let starts_well = bare.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        || matches!(bare.as_str(), "inf" | "infinity" | "nan");
    if !is_well_formed || !starts_well {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn construct_str(arguments: Arguments) -> Raised<Object> {
    let [object, encoding, errors] = arguments.bind("str", ["object", "encoding", "errors"], 0)?;
    match (object, encoding) {
        (None, _) => Ok(Object::from("")),
        (Some(Object::Bytes(bytes)), Some(encoding)) => {
            methods::bytes::decode(&bytes, Some(encoding), errors)
        }
        (Some(Object::Str(text) | Object::Markup(text)), _) => Ok(Object::Str(text)),
        (Some(object), _) => to_str(&object).map(Object::from),
    }
}

fn construct_list(arguments: Arguments) -> Raised<Object> {
    let [items] = arguments.bind("list", ["/iterable"], 0)?;
    items
        .map_or(Ok(Vec::new()), |items| collect(&items))
        .map(Object::list)
}

fn construct_tuple(arguments: Arguments) -> Raised<Object> {
    let [items] = arguments.bind("tuple", ["/iterable"], 0)?;
    match items {
        Some(tuple @ Object::Tuple(_)) => Ok(tuple),
        Some(items) => collect(&items).map(Object::tuple),
        None => Ok(Object::tuple(Vec::new())),
    }
}

fn construct_dict(arguments: Arguments) -> Raised<Object> {
    let dict = Dict::new();
    update_dict(&dict, arguments, "dict")?;
    Ok(Object::Dict(Rc::new(dict)))
}

/// `dict.update`, whose arguments are those of the type.
pub(crate) fn update_dict(dict: &Dict, arguments: Arguments, function: &str) -> Raised<()> {
    let Arguments {
        mut positional,
        keywords,
    } = arguments;
    if positional.len() > 1 {
        return Err(Exception::type_error(format!(
            "{function} expected at most 1 argument, got {}",
            positional.len()
        )));
    }
    match positional.pop() {
        None => {}
        Some(Object::Dict(other)) => {
            for (key, value) in other.to_vec() {
                dict.insert(key, value)?;
            }
        }
        Some(object) => {
            if let Object::Native(native) = &object
                && let Some(keys) = Rc::clone(native).attribute("keys")?
            {
                for key in collect(&keys.call(Arguments::default())?)? {
                    let value = native.item(&key)?;
                    dict.insert(key, value)?;
                }
            } else {
                update_from_pairs(dict, &object)?;
            }
        }
    }
    for (name, value) in keywords {
        dict.insert_str(name, value);
    }
    Ok(())
}

fn update_from_pairs(dict: &Dict, pairs: &Object) -> Raised<()> {
    let mut pairs = iterate(pairs)?;
    let mut index = 0;
    while let Some(pair) = pairs.next()? {
        let pair = collect(&pair).map_err(|_| {
            Exception::type_error(format!(
                "cannot convert dictionary update sequence element #{index} to a sequence"
            ))
        })?;
        let length = pair.len();
        let [key, value]: [Object; 2] = pair.try_into().map_err(|_| {
            Exception::value_error(format!(
                "dictionary update sequence element #{index} has length {length}; 2 is required"
            ))
        })?;
        dict.insert(key, value)?;
        index += 1;
    }
    Ok(())
}

fn construct_set(arguments: Arguments) -> Raised<Object> {
    let [items] = arguments.bind("set", ["/iterable"], 0)?;
    let items = items.map_or(Ok(Vec::new()), |items| collect(&items))?;
    Ok(Object::Set(Rc::new(Set::of(items)?)))
}

fn construct_frozenset(arguments: Arguments) -> Raised<Object> {
    let [items] = arguments.bind("frozenset", ["/iterable"], 0)?;
    let items = items.map_or(Ok(Vec::new()), |items| collect(&items))?;
    Ok(Object::FrozenSet(Rc::new(Set::of(items)?)))
}

/// Returns `round(number, digits)`.
pub(crate) fn round_to(number: &Object, digits: Option<&Object>) -> Raised<Object> {
    let digits = digits.map(int_argument).transpose()?;
    match (number, number.as_int()) {
        (Object::Float(float), _) => {
            let Some(digits) = digits else {
                return arithmetic::truncate(float.round_ties_even());
            };
            if !float.is_finite() {
                return Ok(number.clone());
            }
            let Ok(decimals) = usize::try_from(digits) else {
                #[expect(clippy::cast_possible_truncation, reason = "the exponent is clamped")]
                let power = 10_f64.powi((-digits).min(400) as i32);
                let rounded = (float / power).round_ties_even() * power;
                return Ok(Object::Float(if rounded.is_nan() { 0.0 } else { rounded }));
            };
            let decimals = decimals.min(400);
            let rounded: f64 = format!("{float:.decimals$}").parse().unwrap_or(*float);
            Ok(Object::Float(rounded))
        }
        (_, Some(integer)) => {
            let digits = digits.unwrap_or(0);
            if digits >= 0 {
                return Ok(Object::Int(integer));
            }
            let power = u32::try_from(-digits)
                .ok()
                .and_then(|digits| 10_i128.checked_pow(digits));
            let Some(power) = power else {
                return Ok(Object::Int(0));
            };
            let rest = integer.rem_euclid(power);
            let floor = integer - rest;
            let is_up = match (rest * 2).cmp(&power) {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Equal => (floor / power) % 2 != 0,
            };
            Ok(Object::Int(if is_up { floor + power } else { floor }))
        }
        _ => Err(Exception::type_error(format!(
            "type {} doesn't define __round__ method",
            number.type_name()
        ))),
    }
}
