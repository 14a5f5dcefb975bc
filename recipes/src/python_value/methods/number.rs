//! The methods of numbers.

use super::super::Object;
use super::super::function::Method;
use super::nothing;

const INTEGER: &[Method] = &[
    Method {
        name: "bit_length",
        call: |object, arguments| {
            nothing(arguments, "bit_length")?;
            let magnitude = object.as_int().unwrap_or_default().unsigned_abs();
            Ok(Object::Int(i128::from(
                u128::BITS - magnitude.leading_zeros(),
            )))
        },
    },
    Method {
        name: "conjugate",
        call: |object, arguments| {
            nothing(arguments, "conjugate")?;
            Ok(Object::Int(object.as_int().unwrap_or_default()))
        },
    },
];

const FLOAT: &[Method] = &[Method {
    name: "is_integer",
    call: |object, arguments| {
        nothing(arguments, "is_integer")?;
        let float = object.as_float().unwrap_or_default();
        Ok(Object::Bool(float.is_finite() && float.fract() == 0.0))
    },
}];

/// Finds a method.
pub(super) fn find(object: &Object, name: &str) -> Option<Method> {
    let methods = match object {
        Object::Float(_) => FLOAT,
        _ => INTEGER,
    };
    methods.iter().find(|method| method.name == name).copied()
}
