//! The binary operators `+ - * / // % **`, and the signs.

use super::container::repeated_length;
use super::equality::exact_int;
use super::view::View;
use super::{Exception, Object, Raised, Set, collect, methods, percent};
use std::rc::Rc;

/// An operator with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
}

impl Operator {
    fn symbol(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::FloorDivide => "//",
            Operator::Remainder => "%",
            Operator::Power => "** or pow()",
        }
    }
}

/// Applies an operator.
pub(crate) fn operate(operator: Operator, left: &Object, right: &Object) -> Raised<Object> {
    if let Object::Undefined(undefined) = left {
        return Err(undefined.error());
    }
    if operator == Operator::Remainder && left.as_str().is_some() {
        return percent::format(left, right);
    }
    if let Object::Undefined(undefined) = right {
        return Err(undefined.error());
    }
    if let (Some(left), Some(right)) = (left.as_int(), right.as_int()) {
        return integers(operator, left, right);
    }
    if let (Some(left), Some(right)) = (left.as_float(), right.as_float()) {
        return floats(operator, left, right);
    }
    match operator {
        Operator::Add => add(left, right),
        Operator::Multiply => multiply(left, right),
        Operator::Subtract => match (as_set(left)?, as_set(right)?) {
            (Some(one), Some(other)) => set_of(left, one, |member| Ok(!other.contains(member)?)),
            _ => Err(unsupported(operator, left, right)),
        },
        _ => Err(unsupported(operator, left, right)),
    }
}

fn unsupported(operator: Operator, left: &Object, right: &Object) -> Exception {
    Exception::type_error(format!(
        "unsupported operand type(s) for {}: '{}' and '{}'",
        operator.symbol(),
        left.type_name(),
        right.type_name()
    ))
}

fn add(left: &Object, right: &Object) -> Raised<Object> {
    let cannot = |what: &str| {
        Exception::type_error(format!(
            "can only concatenate {what} (not \"{}\") to {what}",
            right.type_name()
        ))
    };
    Ok(match (left, right) {
        (Object::Markup(one), other) | (other, Object::Markup(one)) if other.as_str().is_some() => {
            let escaped = methods::markup::escape(other)?;
            Object::Markup(Rc::from(match left {
                Object::Markup(_) => format!("{one}{escaped}"),
                _ => format!("{escaped}{one}"),
            }))
        }
        (Object::Str(one), Object::Str(other)) => {
            let mut text = String::with_capacity(one.len() + other.len());
            text.push_str(one);
            text.push_str(other);
            Object::from(text)
        }
        (Object::Str(_), _) => return Err(cannot("str")),
        (Object::List(one), Object::List(other)) => {
            let mut items = one.to_vec();
            items.extend(other.to_vec());
            Object::list(items)
        }
        (Object::List(_), _) => return Err(cannot("list")),
        (Object::Tuple(one), Object::Tuple(other)) => {
            Object::tuple(one.iter().chain(other.iter()).cloned().collect())
        }
        (Object::Tuple(_), _) => return Err(cannot("tuple")),
        (Object::Bytes(one), Object::Bytes(other)) => Object::bytes([&**one, &**other].concat()),
        (Object::Bytes(_), other) => {
            return Err(Exception::type_error(format!(
                "can't concat {} to bytes",
                other.type_name()
            )));
        }
        _ => return Err(unsupported(Operator::Add, left, right)),
    })
}

fn multiply(left: &Object, right: &Object) -> Raised<Object> {
    let (sequence, times) = match (left.as_int(), right.as_int()) {
        (None, Some(times)) => (left, times),
        (Some(times), None) => (right, times),
        _ => {
            let is_sequence = matches!(
                left,
                Object::Str(_) | Object::List(_) | Object::Tuple(_) | Object::Bytes(_)
            );
            return Err(match is_sequence {
                true => Exception::type_error(format!(
                    "can't multiply sequence by non-int of type '{}'",
                    right.type_name()
                )),
                false => unsupported(Operator::Multiply, left, right),
            });
        }
    };
    let repeat = |items: &[Object]| -> Raised<Vec<Object>> {
        let count = repeated_length(items.len(), times)? * items.len();
        Ok(items.iter().cycle().take(count).cloned().collect())
    };
    Ok(match sequence {
        Object::Str(text) => Object::from(text.repeat(repeated_length(text.len(), times)?)),
        Object::Markup(text) => {
            Object::Markup(Rc::from(text.repeat(repeated_length(text.len(), times)?)))
        }
        Object::Bytes(bytes) => Object::bytes(bytes.repeat(repeated_length(bytes.len(), times)?)),
        Object::List(list) => Object::list(repeat(&list.to_vec())?),
        Object::Tuple(tuple) => Object::tuple(repeat(tuple)?),
        _ => return Err(unsupported(Operator::Multiply, left, right)),
    })
}

fn integers(operator: Operator, left: i128, right: i128) -> Raised<Object> {
    let by_zero = || {
        Exception::new(
            "ZeroDivisionError",
            match operator {
                Operator::Divide => "division by zero",
                _ => "integer division or modulo by zero",
            },
        )
    };
    let result = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => {
            if right == 0 {
                return Err(by_zero());
            }
            #[expect(clippy::cast_precision_loss, reason = "Python rounds as well")]
            return Ok(Object::Float(left as f64 / right as f64));
        }
        Operator::FloorDivide | Operator::Remainder => {
            if right == 0 {
                return Err(by_zero());
            }
            let (quotient, remainder) = match left.checked_div(right) {
                Some(quotient) => (quotient, left % right),
                None => return Err(Exception::overflow()),
            };
            let is_off = remainder != 0 && (remainder < 0) != (right < 0);
            Some(match (operator, is_off) {
                (Operator::FloorDivide, true) => quotient - 1,
                (Operator::FloorDivide, false) => quotient,
                (_, true) => remainder + right,
                (_, false) => remainder,
            })
        }
        Operator::Power => {
            if right < 0 {
                #[expect(clippy::cast_precision_loss, reason = "Python rounds as well")]
                return floats(operator, left as f64, right as f64);
            }
            match (left, u32::try_from(right)) {
                (0 | 1, Err(_)) => Some(left),
                (_, Ok(exponent)) => left.checked_pow(exponent),
                _ => None,
            }
        }
    };
    result.map(Object::Int).ok_or_else(Exception::overflow)
}

fn floats(operator: Operator, left: f64, right: f64) -> Raised<Object> {
    let by_zero = |message: &str| Err(Exception::new("ZeroDivisionError", message));
    Ok(Object::Float(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide if right == 0.0 => return by_zero("float division by zero"),
        Operator::Divide => left / right,
        Operator::FloorDivide | Operator::Remainder if right == 0.0 => {
            return by_zero(match operator {
                Operator::Remainder => "float modulo",
                _ => "float floor division by zero",
            });
        }
        Operator::Remainder => modulo(left, right),
        Operator::FloorDivide => {
            let quotient = (left - modulo(left, right)) / right;
            let floor = quotient.floor();
            if quotient - floor > 0.5 {
                floor + 1.0
            } else {
                floor
            }
        }
        Operator::Power => {
            if left == 0.0 && right < 0.0 {
                return by_zero("0.0 cannot be raised to a negative power");
            }
            if left < 0.0 && right.fract() != 0.0 {
                return Err(Exception::new(
                    "NotImplementedError",
                    "complex numbers are not supported",
                ));
            }
            left.powf(right)
        }
    }))
}

fn modulo(left: f64, right: f64) -> f64 {
    let remainder = left % right;
    if remainder != 0.0 && (remainder < 0.0) != (right < 0.0) {
        remainder + right
    } else if remainder == 0.0 {
        0.0_f64.copysign(right)
    } else {
        remainder
    }
}

/// Returns `-object` or `+object`.
pub(crate) fn sign(object: &Object, is_negative: bool) -> Raised<Object> {
    if let Object::Undefined(undefined) = object {
        return Err(undefined.error());
    }
    if let Some(integer) = object.as_int() {
        let result = if is_negative {
            integer.checked_neg()
        } else {
            Some(integer)
        };
        return result.map(Object::Int).ok_or_else(Exception::overflow);
    }
    match object {
        Object::Float(float) => Ok(Object::Float(if is_negative { -float } else { *float })),
        other => Err(Exception::type_error(format!(
            "bad operand type for unary {}: '{}'",
            if is_negative { '-' } else { '+' },
            other.type_name()
        ))),
    }
}

fn as_set(object: &Object) -> Raised<Option<Set>> {
    match object {
        Object::Set(set) | Object::FrozenSet(set) => Ok(Some((**set).clone())),
        other => match other.downcast::<View>() {
            Some(view) if view.is_set() => Set::of(collect(other)?).map(Some),
            _ => Ok(None),
        },
    }
}

fn set_of(
    like: &Object,
    members: Set,
    mut keep: impl FnMut(&Object) -> Raised<bool>,
) -> Raised<Object> {
    let kept = Set::new();
    for member in members.to_vec() {
        if keep(&member)? {
            kept.insert(member)?;
        }
    }
    Ok(match like {
        Object::FrozenSet(_) => Object::FrozenSet(Rc::new(kept)),
        _ => Object::Set(Rc::new(kept)),
    })
}

/// Returns the `int` of a number, cut at the point.
pub(crate) fn truncate(float: f64) -> Raised<Object> {
    if float.is_nan() {
        return Err(Exception::value_error(
            "cannot convert float NaN to integer",
        ));
    }
    if float.is_infinite() {
        return Err(Exception::new(
            "OverflowError",
            "cannot convert float infinity to integer",
        ));
    }
    let integer = exact_int(float.trunc()).ok_or_else(Exception::overflow)?;
    Ok(Object::Int(integer))
}
