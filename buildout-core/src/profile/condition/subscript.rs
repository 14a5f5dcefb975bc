//! Indexing, slicing, membership and iteration of values.

use super::error::ConditionProblem;
use crate::value::Value;

/// Python's `container[index]`.
pub(super) fn index(container: &Value, index: &Value) -> Result<Value, ConditionProblem> {
    if let Value::Dict(dict) = container {
        return match dict.get(index) {
            Some(value) => Ok(value.clone()),
            None if Value::set([index.clone()]).is_err() => Err(ConditionProblem::type_error(
                format!("unhashable type: '{}'", index.type_name()),
            )),
            None => Err(ConditionProblem::exception("KeyError", index.repr())),
        };
    }
    let length = match container {
        Value::List(items) | Value::Tuple(items) => items.len(),
        Value::Str(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        other => {
            return Err(ConditionProblem::type_error(format!(
                "'{}' object is not subscriptable",
                other.type_name()
            )));
        }
    };
    let Some(index) = index.as_int() else {
        let (type_name, wanted) = match container {
            Value::Str(_) => ("string", "integers"),
            other => (other.type_name(), "integers or slices"),
        };
        return Err(ConditionProblem::type_error(format!(
            "{type_name} indices must be {wanted}, not '{}'",
            index.type_name()
        )));
    };
    let from_start = if index < 0 {
        index.saturating_add_unsigned(length as u128)
    } else {
        index
    };
    let item = usize::try_from(from_start)
        .ok()
        .and_then(|position| match container {
            Value::List(items) | Value::Tuple(items) => items.get(position).cloned(),
            Value::Str(text) => text
                .chars()
                .nth(position)
                .map(|character| character.to_string().into()),
            Value::Bytes(bytes) => bytes
                .get(position)
                .map(|byte| Value::Int(i128::from(*byte))),
            _ => None,
        });
    item.ok_or_else(|| {
        let type_name = match container {
            Value::Str(_) => "string",
            Value::Bytes(_) => {
                return ConditionProblem::exception("IndexError", "index out of range");
            }
            other => other.type_name(),
        };
        ConditionProblem::exception("IndexError", format!("{type_name} index out of range"))
    })
}

/// Python's `container[start:stop:step]`, where `None` stands for a missing
/// bound.
pub(super) fn slice(container: &Value, bounds: &[Value; 3]) -> Result<Value, ConditionProblem> {
    Ok(match container {
        Value::List(items) => Value::List(select(items, bounds)?),
        Value::Tuple(items) => Value::Tuple(select(items, bounds)?),
        Value::Bytes(bytes) => Value::bytes(select(bytes, bounds)?),
        Value::Str(text) => {
            let characters: Vec<char> = text.chars().collect();
            let selected: String = select(&characters, bounds)?.into_iter().collect();
            selected.into()
        }
        other => {
            return Err(ConditionProblem::type_error(format!(
                "'{}' object is not subscriptable",
                other.type_name()
            )));
        }
    })
}

fn select<T: Clone>(items: &[T], bounds: &[Value; 3]) -> Result<Vec<T>, ConditionProblem> {
    let bound = |value: &Value| match value {
        Value::None => Ok(None),
        value => value.as_int().map(Some).ok_or_else(|| {
            ConditionProblem::type_error(
                "slice indices must be integers or None or have an __index__ method",
            )
        }),
    };
    let [start, stop, step] = bounds;
    let (start, stop) = (bound(start)?, bound(stop)?);
    let step = bound(step)?.unwrap_or(1);
    if step == 0 {
        return Err(ConditionProblem::exception(
            "ValueError",
            "slice step cannot be zero",
        ));
    }
    // No slice holds more than the address space, so the length fits.
    let length = i128::try_from(items.len()).unwrap_or(i128::MAX);
    let (least, most) = if step > 0 {
        (0, length)
    } else {
        (-1, length - 1)
    };
    let clamp = |bound: Option<i128>, default: i128| match bound {
        None => default,
        Some(bound) if bound < 0 => bound.saturating_add(length).max(least),
        Some(bound) => bound.min(most),
    };
    let (mut position, end) = if step > 0 {
        (clamp(start, least), clamp(stop, most))
    } else {
        (clamp(start, most), clamp(stop, least))
    };
    let mut selected = Vec::new();
    while (step > 0 && position < end) || (step < 0 && position > end) {
        if let Some(item) = usize::try_from(position)
            .ok()
            .and_then(|position| items.get(position))
        {
            selected.push(item.clone());
        }
        position = position.saturating_add(step);
    }
    Ok(selected)
}

/// Python's `member in container`.
pub(super) fn contains(container: &Value, member: &Value) -> Result<bool, ConditionProblem> {
    Ok(match container {
        Value::List(items) | Value::Tuple(items) => items.contains(member),
        Value::Set(items) | Value::FrozenSet(items) => items.contains(member),
        Value::Dict(dict) => dict.contains_key(member),
        Value::Str(text) => match member {
            Value::Str(part) => text.contains(&**part),
            other => {
                return Err(ConditionProblem::type_error(format!(
                    "'in <string>' requires string as left operand, not {}",
                    other.type_name()
                )));
            }
        },
        Value::Bytes(bytes) => match member {
            Value::Bytes(part) => {
                part.is_empty() || bytes.windows(part.len()).any(|window| *window == **part)
            }
            Value::Int(byte) => bytes.iter().any(|own| i128::from(*own) == *byte),
            other => {
                return Err(ConditionProblem::type_error(format!(
                    "a bytes-like object is required, not '{}'",
                    other.type_name()
                )));
            }
        },
        other => {
            return Err(ConditionProblem::type_error(format!(
                "argument of type '{}' is not iterable",
                other.type_name()
            )));
        }
    })
}

/// Returns what a `for` over the value goes through.
pub(super) fn members(iterable: &Value) -> Result<Vec<Value>, ConditionProblem> {
    Ok(match iterable {
        Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
            items.clone()
        }
        Value::Dict(dict) => dict.keys().cloned().collect(),
        Value::Str(text) => text.chars().map(|c| c.to_string().into()).collect(),
        Value::Bytes(bytes) => bytes
            .iter()
            .map(|byte| Value::Int(i128::from(*byte)))
            .collect(),
        other => {
            return Err(ConditionProblem::type_error(format!(
                "'{}' object is not iterable",
                other.type_name()
            )));
        }
    })
}
