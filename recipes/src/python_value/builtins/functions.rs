//! Functions of single objects.

use std::rc::Rc;

use super::super::arithmetic::{Operator, operate};
use super::super::function::{Type, function};
use super::super::methods::int_argument;
use super::super::{Arguments, Exception, Object, Raised, arithmetic, ascii, format, repr, to_str};
use super::types::round_to;

/// Returns the function of a name.
pub(super) fn named(name: &str) -> Option<Object> {
    Some(match name {
        "abs" => function("abs", abs),
        "ascii" => function("ascii", |arguments| {
            let [object] = arguments.exactly("ascii")?;
            ascii(&object).map(Object::from)
        }),
        "bin" => function("bin", |arguments| based(arguments, "bin")),
        "hex" => function("hex", |arguments| based(arguments, "hex")),
        "oct" => function("oct", |arguments| based(arguments, "oct")),
        "callable" => function("callable", |arguments| {
            let [object] = arguments.exactly("callable")?;
            Ok(Object::Bool(is_callable(&object)))
        }),
        "chr" => function("chr", chr),
        "divmod" => function("divmod", |arguments| {
            let [left, right] = arguments.exactly("divmod")?;
            if left.as_float().is_none() || right.as_float().is_none() {
                return Err(Exception::type_error(format!(
                    "unsupported operand type(s) for divmod(): '{}' and '{}'",
                    left.type_name(),
                    right.type_name()
                )));
            }
            Ok(Object::tuple(vec![
                operate(Operator::FloorDivide, &left, &right)?,
                operate(Operator::Remainder, &left, &right)?,
            ]))
        }),
        "format" => function("format", |arguments| {
            let [object, specification] =
                arguments.bind("format", ["/value", "/format_spec"], 1)?;
            let specification = specification.unwrap_or_else(|| Object::from(""));
            let text = to_str(&specification)?;
            format::format_object(&object.unwrap_or_default(), &text).map(Object::from)
        }),
        "isinstance" => function("isinstance", |arguments| {
            let [object, types] = arguments.exactly("isinstance")?;
            is_instance(&object, &types).map(Object::Bool)
        }),
        "len" => function("len", |arguments| {
            let [object] = arguments.exactly("len")?;
            object.length().map(Object::size)
        }),
        "ord" => function("ord", ord),
        "pow" => function("pow", |arguments| {
            let [base, exponent, modulus] = arguments.bind("pow", ["base", "exp", "mod"], 2)?;
            let (base, exponent) = (base.unwrap_or_default(), exponent.unwrap_or_default());
            match modulus {
                None | Some(Object::None) => operate(Operator::Power, &base, &exponent),
                Some(modulus) => modular_power(&base, &exponent, &modulus),
            }
        }),
        "repr" => function("repr", |arguments| {
            let [object] = arguments.exactly("repr")?;
            repr(&object).map(Object::from)
        }),
        "round" => function("round", |arguments| {
            let [number, digits] = arguments.bind("round", ["number", "ndigits"], 1)?;
            let digits = digits.filter(|digits| !matches!(digits, Object::None));
            round_to(&number.unwrap_or_default(), digits.as_ref())
        }),
        _ => return None,
    })
}

/// Returns `callable(object)`.
pub(crate) fn is_callable(object: &Object) -> bool {
    match object {
        Object::Native(native) => native.is_callable(),
        Object::Undefined(_) => true,
        _ => false,
    }
}

fn abs(arguments: Arguments) -> Raised<Object> {
    let [object] = arguments.exactly("abs")?;
    match (&object, object.as_int()) {
        (Object::Float(float), _) => Ok(Object::Float(float.abs())),
        (_, Some(integer)) => arithmetic::sign(&Object::Int(integer), integer < 0),
        _ => Err(Exception::type_error(format!(
            "bad operand type for abs(): '{}'",
            object.type_name()
        ))),
    }
}

fn based(arguments: Arguments, name: &str) -> Raised<Object> {
    let [object] = arguments.exactly(name)?;
    let integer = int_argument(&object)?;
    let sign = if integer < 0 { "-" } else { "" };
    let magnitude = integer.unsigned_abs();
    Ok(Object::from(match name {
        "bin" => format!("{sign}{magnitude:#b}"),
        "oct" => format!("{sign}{magnitude:#o}"),
        _ => format!("{sign}{magnitude:#x}"),
    }))
}

fn chr(arguments: Arguments) -> Raised<Object> {
    let [code] = arguments.exactly("chr")?;
    let character = u32::try_from(int_argument(&code)?)
        .ok()
        .and_then(char::from_u32);
    match character {
        Some(character) => Ok(Object::from(character.to_string())),
        None => Err(Exception::value_error("chr() arg not in range(0x110000)")),
    }
}

fn ord(arguments: Arguments) -> Raised<Object> {
    let [object] = arguments.exactly("ord")?;
    let length = match &object {
        Object::Bytes(bytes) => match **bytes {
            [byte] => return Ok(Object::Int(byte.into())),
            _ => bytes.len(),
        },
        object => {
            let Some(text) = object.as_str() else {
                return Err(Exception::type_error(format!(
                    "ord() expected string of length 1, but {} found",
                    object.type_name()
                )));
            };
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) => return Ok(Object::Int(u32::from(character).into())),
                _ => text.chars().count(),
            }
        }
    };
    Err(Exception::type_error(format!(
        "ord() expected a character, but string of length {length} found"
    )))
}

fn modular_power(base: &Object, exponent: &Object, modulus: &Object) -> Raised<Object> {
    let (mut base, mut exponent) = (int_argument(base)?, int_argument(exponent)?);
    let modulus = int_argument(modulus)?;
    if modulus == 0 {
        return Err(Exception::value_error("pow() 3rd argument cannot be 0"));
    }
    if exponent < 0 || modulus.abs() > 1 << 62 {
        return Err(Exception::overflow());
    }
    let reduce = |number: i128| {
        let rest = number % modulus;
        if rest != 0 && (rest < 0) != (modulus < 0) {
            rest + modulus
        } else {
            rest
        }
    };
    let mut result = reduce(1);
    base = reduce(base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = reduce(result * base);
        }
        base = reduce(base * base);
        exponent >>= 1;
    }
    Ok(Object::Int(result))
}

fn is_instance(object: &Object, types: &Object) -> Raised<bool> {
    match types {
        Object::Tuple(types) => {
            for kind in types.iter() {
                if is_instance(object, kind)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        kind => match kind.downcast::<Type>() {
            Some(kind) => Ok((kind.has_instance)(object)),
            None => Err(Exception::type_error(
                "isinstance() arg 2 must be a type, a tuple of types, or a union",
            )),
        },
    }
}

/// The function `assert` of the recipe.
pub(crate) fn assert(mut arguments: Arguments) -> Raised<Object> {
    if arguments.positional.is_empty() {
        return Err(Exception::type_error(
            "_assert() missing 1 required positional argument: 'x'",
        ));
    }
    let messages = arguments.positional.split_off(1);
    if arguments.positional[0].is_truthy()? {
        return Ok(Object::from(""));
    }
    let message = match &messages[..] {
        [] => String::new(),
        [message] => to_str(message)?,
        _ => repr(&Object::Tuple(Rc::new(
            super::super::container::Tuple::new(messages),
        )))?,
    };
    Err(Exception::new("AssertionError", message))
}
