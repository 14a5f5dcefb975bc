//! Python's arithmetic on values.

use super::error::ConditionProblem;
use super::syntax::{ArithmeticOperator, UnaryOperator};
use crate::value::Value;

/// The longest text or list that a condition may make, in bytes or items.
pub(super) const MAXIMUM_LENGTH: usize = 1 << 20;

/// Fails if a text or list would become too long.
pub(super) fn check_length(length: Option<usize>) -> Result<(), ConditionProblem> {
    if length.is_some_and(|length| length <= MAXIMUM_LENGTH) {
        Ok(())
    } else {
        Err(ConditionProblem::TooExpensive { resource: "memory" })
    }
}

pub(super) fn unary(operator: UnaryOperator, operand: &Value) -> Result<Value, ConditionProblem> {
    match (operator, operand, operand.as_int()) {
        (UnaryOperator::Plus, _, Some(integer)) => Ok(Value::Int(integer)),
        (UnaryOperator::Minus, _, Some(integer)) => {
            integer.checked_neg().map(Value::Int).ok_or_else(too_large)
        }
        (UnaryOperator::Invert, _, Some(integer)) => Ok(Value::Int(!integer)),
        (UnaryOperator::Plus, Value::Float(float), _) => Ok(Value::Float(*float)),
        (UnaryOperator::Minus, Value::Float(float), _) => Ok(Value::Float(-float)),
        (operator, operand, _) => {
            let symbol = match operator {
                UnaryOperator::Plus => "+",
                UnaryOperator::Minus => "-",
                UnaryOperator::Invert => "~",
            };
            Err(ConditionProblem::type_error(format!(
                "bad operand type for unary {symbol}: '{}'",
                operand.type_name()
            )))
        }
    }
}

pub(super) fn binary(
    operator: ArithmeticOperator,
    left: &Value,
    right: &Value,
) -> Result<Value, ConditionProblem> {
    use ArithmeticOperator as Operator;
    match (operator, left, right) {
        (Operator::Add, Value::Str(left), Value::Str(right)) => {
            check_length(left.len().checked_add(right.len()))?;
            Ok(format!("{left}{right}").into())
        }
        (Operator::Add, Value::Bytes(left), Value::Bytes(right)) => {
            check_length(left.len().checked_add(right.len()))?;
            Ok(Value::bytes([&**left, &**right].concat()))
        }
        (Operator::Add, Value::List(left), Value::List(right)) => {
            check_length(left.len().checked_add(right.len()))?;
            Ok(Value::List([&**left, &**right].concat()))
        }
        (Operator::Add, Value::Tuple(left), Value::Tuple(right)) => {
            check_length(left.len().checked_add(right.len()))?;
            Ok(Value::Tuple([&**left, &**right].concat()))
        }
        (Operator::Modulo, Value::Str(_) | Value::Bytes(_), _) => {
            Err(ConditionProblem::unsupported("formatting a text with `%`"))
        }
        (
            Operator::Subtract | Operator::BitAnd | Operator::BitOr | Operator::BitXor,
            Value::Set(_) | Value::FrozenSet(_),
            Value::Set(_) | Value::FrozenSet(_),
        ) => Err(ConditionProblem::unsupported("arithmetic on sets")),
        (Operator::BitOr, Value::Dict(_), Value::Dict(_)) => {
            Err(ConditionProblem::unsupported("`|` on dicts"))
        }
        (Operator::Multiply, sequence, count)
            if count.as_int().is_some() && is_sequence(sequence) =>
        {
            repeat(sequence, count)
        }
        (Operator::Multiply, count, sequence)
            if count.as_int().is_some() && is_sequence(sequence) =>
        {
            repeat(sequence, count)
        }
        (operator, left, right) => match (left.as_int(), right.as_int()) {
            (Some(left_number), Some(right_number)) => {
                let both_bool = matches!((left, right), (Value::Bool(_), Value::Bool(_)));
                let result = integers(operator, left_number, right_number)?;
                // Python keeps `bool` for the bitwise operators.
                Ok(match (operator, result) {
                    (Operator::BitAnd | Operator::BitOr | Operator::BitXor, Value::Int(bit))
                        if both_bool =>
                    {
                        Value::Bool(bit != 0)
                    }
                    (_, result) => result,
                })
            }
            _ => match (as_float(left), as_float(right)) {
                (Some(left), Some(right)) => floats(operator, left, right),
                _ => None,
            }
            .unwrap_or_else(|| Err(unsupported_operands(operator, left, right))),
        },
    }
}

fn is_sequence(value: &Value) -> bool {
    matches!(
        value,
        Value::Str(_) | Value::Bytes(_) | Value::List(_) | Value::Tuple(_)
    )
}

fn repeat(sequence: &Value, count: &Value) -> Result<Value, ConditionProblem> {
    let count = count.as_int().unwrap_or_default().max(0);
    let check = |length: usize| {
        let count = if length == 0 {
            0
        } else {
            usize::try_from(count).unwrap_or(usize::MAX)
        };
        check_length(length.checked_mul(count))?;
        Ok(count)
    };
    Ok(match sequence {
        Value::Str(text) => text.repeat(check(text.len())?).into(),
        Value::Bytes(bytes) => Value::bytes(bytes.repeat(check(bytes.len())?)),
        Value::List(items) => Value::List(repeat_items(items, check(items.len())?)),
        Value::Tuple(items) => Value::Tuple(repeat_items(items, check(items.len())?)),
        other => other.clone(),
    })
}

fn repeat_items(items: &[Value], count: usize) -> Vec<Value> {
    let length = items.len() * count;
    items.iter().cycle().take(length).cloned().collect()
}

fn too_large() -> ConditionProblem {
    ConditionProblem::unsupported("an integer of more than 128 bits")
}

fn zero_division(message: &str) -> ConditionProblem {
    ConditionProblem::exception("ZeroDivisionError", message)
}

fn integers(
    operator: ArithmeticOperator,
    left: i128,
    right: i128,
) -> Result<Value, ConditionProblem> {
    use ArithmeticOperator as Operator;
    let result = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => {
            if right == 0 {
                return Err(zero_division("division by zero"));
            }
            return Ok(Value::Float(to_float(left) / to_float(right)));
        }
        Operator::FloorDivide | Operator::Modulo if right == 0 => {
            return Err(zero_division("integer division or modulo by zero"));
        }
        Operator::FloorDivide => left.checked_div_euclid(right).and_then(|quotient| {
            // Python rounds down whatever the signs.
            let remainder = left.checked_rem_euclid(right)?;
            if right < 0 && remainder != 0 {
                quotient.checked_sub(1)
            } else {
                Some(quotient)
            }
        }),
        Operator::Modulo => left.checked_rem_euclid(right).map(|remainder| {
            if right < 0 && remainder != 0 {
                remainder + right
            } else {
                remainder
            }
        }),
        Operator::Power => {
            if right < 0 {
                return Err(ConditionProblem::unsupported("a negative exponent"));
            }
            u32::try_from(right)
                .ok()
                .and_then(|exponent| left.checked_pow(exponent))
        }
        Operator::BitAnd => Some(left & right),
        Operator::BitOr => Some(left | right),
        Operator::BitXor => Some(left ^ right),
        Operator::ShiftLeft | Operator::ShiftRight if right < 0 => {
            return Err(ConditionProblem::exception(
                "ValueError",
                "negative shift count",
            ));
        }
        Operator::ShiftLeft => u32::try_from(right)
            .ok()
            .and_then(|shift| 2_i128.checked_pow(shift))
            .and_then(|factor| left.checked_mul(factor)),
        Operator::ShiftRight => Some(left >> right.min(127)),
    };
    result.map(Value::Int).ok_or_else(too_large)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Python rounds an integer to the nearest float, as the cast does"
)]
fn to_float(integer: i128) -> f64 {
    integer as f64
}

fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(float) => Some(*float),
        value => value.as_int().map(to_float),
    }
}

/// Returns nothing for operators that floats do not have.
fn floats(
    operator: ArithmeticOperator,
    left: f64,
    right: f64,
) -> Option<Result<Value, ConditionProblem>> {
    use ArithmeticOperator as Operator;
    let result = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide | Operator::FloorDivide | Operator::Modulo if right == 0.0 => {
            return Some(Err(zero_division("float division by zero")));
        }
        Operator::Divide => left / right,
        Operator::FloorDivide | Operator::Modulo | Operator::Power => {
            return Some(Err(ConditionProblem::unsupported(
                "`//`, `%` and `**` on floats",
            )));
        }
        _ => return None,
    };
    Some(Ok(Value::Float(result)))
}

fn unsupported_operands(
    operator: ArithmeticOperator,
    left: &Value,
    right: &Value,
) -> ConditionProblem {
    use ArithmeticOperator as Operator;
    let symbol = match operator {
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        Operator::FloorDivide => "//",
        Operator::Modulo => "%",
        Operator::Power => "** or pow()",
        Operator::BitAnd => "&",
        Operator::BitOr => "|",
        Operator::BitXor => "^",
        Operator::ShiftLeft => "<<",
        Operator::ShiftRight => ">>",
    };
    match (operator, left) {
        (Operator::Add, Value::Str(_) | Value::List(_) | Value::Tuple(_)) => {
            ConditionProblem::type_error(format!(
                "can only concatenate {0} (not \"{1}\") to {0}",
                left.type_name(),
                right.type_name()
            ))
        }
        _ => ConditionProblem::type_error(format!(
            "unsupported operand type(s) for {symbol}: '{}' and '{}'",
            left.type_name(),
            right.type_name()
        )),
    }
}
