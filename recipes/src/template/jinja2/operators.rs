//! Python's operators on the core's values.

use buildout_core::value::{Value, compare};
use minijinja::machinery::ast::BinOpKind;
use minijinja::value::{Value as Literal, ValueKind};

use super::engine::Cause;
use super::evaluate::Evaluated;

/// The most iterations that `range` may give: more is surely an error, and
/// would fill the memory.
const RANGE_LIMIT: i128 = 10_000_000;

/// The longest text or list that an operator may make, in items.
const LENGTH_LIMIT: usize = 100_000_000;

/// Returns the value of a literal.
pub(super) fn convert_literal(literal: &Literal) -> Result<Value, Cause> {
    let unsupported = || Cause::Unsupported(format!("the literal `{literal}`"));
    match literal.kind() {
        ValueKind::None => Ok(Value::None),
        ValueKind::Bool => Ok(Value::Bool(literal.is_true())),
        ValueKind::String => literal.as_str().map(Value::from).ok_or_else(unsupported),
        ValueKind::Number if literal.is_integer() => {
            let number = i128::try_from(literal.clone()).map_err(|_| unsupported())?;
            Ok(Value::Int(number))
        }
        ValueKind::Number => {
            let number = f64::try_from(literal.clone()).map_err(|_| unsupported())?;
            Ok(Value::Float(number))
        }
        _ => Err(unsupported()),
    }
}

/// Applies the unary minus.
pub(super) fn negate(value: &Value) -> Result<Value, Cause> {
    match (value.as_int(), value) {
        (Some(number), _) => number.checked_neg().map(Value::Int).ok_or_else(too_large),
        (None, Value::Float(number)) => Ok(Value::Float(-number)),
        (None, other) => Err(Cause::type_error(format!(
            "bad operand type for unary -: '{}'",
            other.type_name()
        ))),
    }
}

fn too_large() -> Cause {
    Cause::Unsupported("an integer of more than 128 bits".to_owned())
}

/// Applies an operator other than `and` and `or`.
pub(super) fn operate(operator: BinOpKind, left: Value, right: Value) -> Result<Value, Cause> {
    let ordered = |accepts: fn(std::cmp::Ordering) -> bool| {
        let order = compare(&left, &right).map_err(|error| Cause::type_error(error.to_string()))?;
        Ok(Value::Bool(order.is_some_and(accepts)))
    };
    match operator {
        BinOpKind::Eq => Ok(Value::Bool(left == right)),
        BinOpKind::Ne => Ok(Value::Bool(left != right)),
        BinOpKind::Lt => ordered(std::cmp::Ordering::is_lt),
        BinOpKind::Lte => ordered(std::cmp::Ordering::is_le),
        BinOpKind::Gt => ordered(std::cmp::Ordering::is_gt),
        BinOpKind::Gte => ordered(std::cmp::Ordering::is_ge),
        BinOpKind::In => contains(&right, &left).map(Value::Bool),
        BinOpKind::Concat => {
            let (mut text, right) = (left.to_string(), right.to_string());
            check_length(text.len(), right.len())?;
            text.push_str(&right);
            Ok(Value::string(text))
        }
        BinOpKind::Add => add(left, right),
        BinOpKind::Sub | BinOpKind::Mul | BinOpKind::Div | BinOpKind::FloorDiv => {
            calculate(operator, &left, &right)
        }
        BinOpKind::Rem | BinOpKind::Pow | BinOpKind::ScAnd | BinOpKind::ScOr => {
            Err(Cause::Unsupported("this operator".to_owned()))
        }
    }
}

fn check_length(left: usize, right: usize) -> Result<(), Cause> {
    if left.saturating_add(right) > LENGTH_LIMIT {
        return Err(Cause::Unsupported(format!(
            "values of more than {LENGTH_LIMIT} items"
        )));
    }
    Ok(())
}

/// Python's `in`.
pub(super) fn contains(container: &Value, member: &Value) -> Result<bool, Cause> {
    match (container, member) {
        (Value::Str(text), Value::Str(part)) => Ok(text.contains(&**part)),
        (Value::Str(_), other) => Err(Cause::type_error(format!(
            "'in <string>' requires string as left operand, not {}",
            other.type_name()
        ))),
        (Value::List(items) | Value::Tuple(items), member) => Ok(items.contains(member)),
        (Value::Dict(_), Value::List(_) | Value::Dict(_)) => {
            let kind = member.type_name();
            Err(Cause::type_error(format!("unhashable type: '{kind}'")))
        }
        (Value::Dict(dict), member) => Ok(dict.contains_key(member)),
        (other, _) => Err(Cause::type_error(format!(
            "argument of type '{}' is not iterable",
            other.type_name()
        ))),
    }
}

fn add(left: Value, right: Value) -> Result<Value, Cause> {
    match (left, right) {
        (Value::Str(left), Value::Str(right)) => {
            check_length(left.len(), right.len())?;
            Ok(Value::string([&*left, &*right].concat()))
        }
        (Value::List(mut left), Value::List(right)) => {
            check_length(left.len(), right.len())?;
            left.extend(right);
            Ok(Value::List(left))
        }
        (Value::Tuple(mut left), Value::Tuple(right)) => {
            check_length(left.len(), right.len())?;
            left.extend(right);
            Ok(Value::Tuple(left))
        }
        (left, right) => calculate(BinOpKind::Add, &left, &right),
    }
}

/// Arithmetic of whole numbers, and of floats where no result is rounded in
/// two ways.
fn calculate(operator: BinOpKind, left: &Value, right: &Value) -> Result<Value, Cause> {
    if let (Some(left), Some(right)) = (left.as_int(), right.as_int()) {
        return calculate_integers(operator, left, right);
    }
    let (Some(left_number), Some(right_number)) = (as_float(left), as_float(right)) else {
        return Err(Cause::Unsupported(format!(
            "this operator between values of types {} and {}",
            left.type_name(),
            right.type_name()
        )));
    };
    match operator {
        BinOpKind::Add => Ok(Value::Float(left_number + right_number)),
        BinOpKind::Sub => Ok(Value::Float(left_number - right_number)),
        BinOpKind::Mul => Ok(Value::Float(left_number * right_number)),
        BinOpKind::Div if right_number != 0.0 => Ok(Value::Float(left_number / right_number)),
        BinOpKind::Div => Err(division_by_zero("float division by zero")),
        _ => Err(Cause::Unsupported("`//` of floats".to_owned())),
    }
}

fn calculate_integers(operator: BinOpKind, left: i128, right: i128) -> Result<Value, Cause> {
    let result = match operator {
        BinOpKind::Add => left.checked_add(right),
        BinOpKind::Sub => left.checked_sub(right),
        BinOpKind::Mul => left.checked_mul(right),
        BinOpKind::Div if right == 0 => return Err(division_by_zero("division by zero")),
        BinOpKind::Div => {
            return match (exact_float(left), exact_float(right)) {
                (Some(left), Some(right)) => Ok(Value::Float(left / right)),
                _ => Err(Cause::Unsupported("`/` of large integers".to_owned())),
            };
        }
        BinOpKind::FloorDiv if right == 0 => {
            return Err(division_by_zero("integer division or modulo by zero"));
        }
        BinOpKind::FloorDiv => left.checked_div_euclid(right).and_then(|quotient| {
            // Python rounds down; Euclid's remainder is never negative.
            let is_inexact = quotient.checked_mul(right)? != left;
            match is_inexact && right < 0 {
                true => quotient.checked_sub(1),
                false => Some(quotient),
            }
        }),
        _ => return Err(Cause::Unsupported("this operator".to_owned())),
    };
    result.map(Value::Int).ok_or_else(too_large)
}

fn division_by_zero(message: &str) -> Cause {
    Cause::Python {
        exception: "ZeroDivisionError",
        message: message.to_owned(),
    }
}

fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        other => exact_float(other.as_int()?),
    }
}

/// Converts an integer that a float represents exactly.
fn exact_float(number: i128) -> Option<f64> {
    (number.unsigned_abs() <= 1 << 53).then_some(number as f64)
}

/// The numbers of Python's `range`.
pub(super) fn range(arguments: Vec<Evaluated>) -> Result<Vec<Value>, Cause> {
    let mut numbers = Vec::new();
    for argument in arguments {
        let value = argument.into_value()?;
        let number = value.as_int().ok_or_else(|| {
            let kind = value.type_name();
            Cause::type_error(format!(
                "'{kind}' object cannot be interpreted as an integer"
            ))
        })?;
        numbers.push(number);
    }
    let (start, stop, step) = match numbers[..] {
        [stop] => (0, stop, 1),
        [start, stop] => (start, stop, 1),
        [start, stop, step] => (start, stop, step),
        _ => {
            return Err(Cause::type_error(
                "range expected at least 1 argument, got 0",
            ));
        }
    };
    if step == 0 {
        return Err(Cause::Python {
            exception: "ValueError",
            message: "range() arg 3 must not be zero".to_owned(),
        });
    }
    let is_small = |number: i128| number.unsigned_abs() <= i64::MAX as u128;
    if ![start, stop, step].into_iter().all(is_small) {
        return Err(Cause::Unsupported("`range` of large integers".to_owned()));
    }
    let count = match step > 0 {
        true => (stop - start + step - 1).div_euclid(step),
        false => (start - stop - step - 1).div_euclid(-step),
    };
    if count > RANGE_LIMIT {
        return Err(Cause::Unsupported(format!(
            "`range` of more than {RANGE_LIMIT} numbers"
        )));
    }
    let values = (0..count.max(0)).map(|at| Value::Int(start + at * step));
    Ok(values.collect())
}
