//! The builtin functions of Python that conditions call.

use std::cmp::Ordering;

use super::arithmetic::{self, check_length};
use super::error::ConditionProblem;
use super::functions::{Called, wrong_arguments};
use super::subscript::members;
use super::syntax::{ArithmeticOperator, UnaryOperator};
use crate::value::{IncomparableTypes, Value, compare};

const BUILTINS: [&str; 22] = [
    "abs",
    "all",
    "any",
    "bool",
    "bytes",
    "chr",
    "float",
    "frozenset",
    "int",
    "len",
    "list",
    "max",
    "min",
    "open",
    "ord",
    "range",
    "repr",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
];

/// The other builtins that are of any use in an expression: naming one is not
/// an undefined name.
const OTHER_BUILTINS: [&str; 37] = [
    "ascii",
    "bin",
    "bytearray",
    "callable",
    "compile",
    "complex",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "filter",
    "format",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "hex",
    "id",
    "input",
    "isinstance",
    "issubclass",
    "iter",
    "locals",
    "map",
    "next",
    "object",
    "oct",
    "pow",
    "print",
    "reversed",
    "round",
    "slice",
    "type",
    "vars",
    "zip",
];

/// Returns the name of a builtin function that can be called.
pub(super) fn find(name: &str) -> Option<&'static str> {
    BUILTINS.into_iter().find(|known| *known == name)
}

/// Tells whether a name is a builtin of Python that cannot be called here.
pub(super) fn is_known_to_python(name: &str) -> bool {
    OTHER_BUILTINS.contains(&name) || name == "__import__"
}

/// Calls a builtin, except `open`.
pub(super) fn call(name: &'static str, mut arguments: Vec<Value>) -> Called {
    let count = arguments.len();
    let wrong = || wrong_arguments(name, count);
    match (name, arguments.as_mut_slice()) {
        ("bool", []) => Ok(Value::Bool(false)),
        ("bool", [value]) => Ok(Value::Bool(value.is_truthy())),
        ("str", []) => Ok("".into()),
        ("str", [value]) => Ok(value.to_string().into()),
        ("repr", [value]) => Ok(value.repr().into()),
        ("bytes", []) => Ok(Value::bytes([])),
        ("int", []) => Ok(Value::Int(0)),
        ("int", [value]) => to_int(value, None),
        ("int", [value, base]) => to_int(value, base.as_int()),
        ("float", [value]) => to_float(value),
        ("abs", [value]) => match compare(value, &Value::Int(0)) {
            Ok(Some(Ordering::Less)) => arithmetic::unary(UnaryOperator::Minus, value),
            Ok(_) => arithmetic::unary(UnaryOperator::Plus, value),
            Err(_) => Err(ConditionProblem::type_error(format!(
                "bad operand type for abs(): '{}'",
                value.type_name()
            ))),
        },
        ("len", [value]) => length(value),
        ("chr", [value]) => value
            .as_int()
            .and_then(|code| u32::try_from(code).ok())
            .and_then(char::from_u32)
            .map(|character| character.to_string().into())
            .ok_or_else(|| {
                ConditionProblem::exception("ValueError", "chr() arg not in range(0x110000)")
            }),
        ("ord", [Value::Str(text)]) => {
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) => Ok(Value::Int(i128::from(u32::from(character)))),
                _ => Err(ConditionProblem::type_error(format!(
                    "ord() expected a character, but string of length {} found",
                    text.chars().count()
                ))),
            }
        }
        ("any", [items]) => Ok(Value::Bool(members(items)?.iter().any(Value::is_truthy))),
        ("all", [items]) => Ok(Value::Bool(members(items)?.iter().all(Value::is_truthy))),
        ("list", []) => Ok(Value::List(Vec::new())),
        ("list", [items]) => members(items).map(Value::List),
        ("tuple", []) => Ok(Value::Tuple(Vec::new())),
        ("tuple", [items]) => members(items).map(Value::Tuple),
        ("set" | "frozenset", [] | [_]) => {
            let items = arguments.first().map_or(Ok(Vec::new()), members)?;
            let set = if name == "set" {
                Value::set(items)
            } else {
                Value::frozen_set(items)
            };
            set.map_err(|error| ConditionProblem::type_error(error.to_string()))
        }
        ("sorted", [items]) => sorted(members(items)?).map(Value::List),
        ("sum", [items]) => members(items)?.iter().try_fold(Value::Int(0), |sum, item| {
            arithmetic::binary(ArithmeticOperator::Add, &sum, item)
        }),
        ("min" | "max", [items]) => {
            let items = members(items)?;
            extreme(name, items)
        }
        ("min" | "max", [_, _, ..]) => extreme(name, arguments),
        ("range", [_] | [_, _] | [_, _, _]) => {
            let bounds: Option<Vec<i128>> = arguments.iter().map(Value::as_int).collect();
            range(&bounds.ok_or_else(wrong)?)
        }
        _ => Err(wrong()),
    }
}

fn length(value: &Value) -> Called {
    let length = match value {
        Value::Str(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
            items.len()
        }
        Value::Dict(dict) => dict.len(),
        other => {
            return Err(ConditionProblem::type_error(format!(
                "object of type '{}' has no len()",
                other.type_name()
            )));
        }
    };
    // No value has more items than an i128 can count.
    Ok(Value::Int(i128::try_from(length).unwrap_or(i128::MAX)))
}

fn incomparable(symbol: &str, error: &IncomparableTypes) -> ConditionProblem {
    ConditionProblem::type_error(format!(
        "'{symbol}' not supported between instances of '{}' and '{}'",
        error.left, error.right
    ))
}

/// Sorts stably. That any two values have an order is tested on neighbours
/// first, so an error may name another pair of types than Python's.
fn sorted(mut items: Vec<Value>) -> Called<Vec<Value>> {
    for pair in items.windows(2) {
        compare(&pair[1], &pair[0]).map_err(|error| incomparable("<", &error))?;
    }
    // With these types the neighbours may have an order and others not.
    let may_be_partial = items.iter().any(|item| {
        matches!(
            item,
            Value::Set(_) | Value::FrozenSet(_) | Value::List(_) | Value::Tuple(_)
        ) || matches!(item, Value::Float(float) if float.is_nan())
    });
    if may_be_partial {
        insertion_sort(&mut items)?;
    } else {
        items.sort_by(|left, right| {
            compare(left, right)
                .ok()
                .flatten()
                .unwrap_or(Ordering::Equal)
        });
    }
    Ok(items)
}

/// Sorts values whose order may be partial, which the standard sort would
/// answer with a panic. Few enough for quadratic time.
fn insertion_sort(items: &mut [Value]) -> Called<()> {
    if items.len() > 1000 {
        return Err(ConditionProblem::TooExpensive { resource: "time" });
    }
    for end in 1..items.len() {
        let mut position = end;
        while position > 0 {
            let order = compare(&items[position], &items[position - 1])
                .map_err(|error| incomparable("<", &error))?;
            if order != Some(Ordering::Less) {
                break;
            }
            items.swap(position, position - 1);
            position -= 1;
        }
    }
    Ok(())
}

fn extreme(name: &str, items: Vec<Value>) -> Called {
    let (symbol, wanted) = if name == "min" {
        ("<", Ordering::Less)
    } else {
        (">", Ordering::Greater)
    };
    let mut items = items.into_iter();
    let mut best = items.next().ok_or_else(|| {
        ConditionProblem::exception("ValueError", format!("{name}() iterable argument is empty"))
    })?;
    for item in items {
        if compare(&item, &best).map_err(|error| incomparable(symbol, &error))? == Some(wanted) {
            best = item;
        }
    }
    Ok(best)
}

/// Python's `range`, as a list.
fn range(bounds: &[i128]) -> Called {
    let (mut position, end, step) = match *bounds {
        [end] => (0, end, 1),
        [start, end] => (start, end, 1),
        [start, end, step, ..] => (start, end, step),
        [] => return Ok(Value::List(Vec::new())),
    };
    if step == 0 {
        return Err(ConditionProblem::exception(
            "ValueError",
            "range() arg 3 must not be zero",
        ));
    }
    let mut items = Vec::new();
    while (step > 0 && position < end) || (step < 0 && position > end) {
        check_length(Some(items.len() + 1))?;
        items.push(Value::Int(position));
        let Some(next) = position.checked_add(step) else {
            break;
        };
        position = next;
    }
    Ok(Value::List(items))
}

fn to_int(value: &Value, base: Option<i128>) -> Called {
    let text = match (value, base) {
        (Value::Str(text), _) => text,
        (Value::Float(float), None) if float.is_finite() => {
            let truncated = float.trunc();
            // Every finite integral float is written without a fraction.
            return format!("{truncated:.0}")
                .parse()
                .map(Value::Int)
                .map_err(|_| ConditionProblem::unsupported("an integer of more than 128 bits"));
        }
        (value, None) => {
            return value.as_int().map(Value::Int).ok_or_else(|| {
                ConditionProblem::type_error(format!(
                    "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                    value.type_name()
                ))
            });
        }
        _ => {
            return Err(ConditionProblem::type_error(
                "int() can't convert non-string with explicit base",
            ));
        }
    };
    let radix = match base {
        None => 10,
        Some(base @ (2..=36)) => u32::try_from(base).unwrap_or(10),
        Some(_) => {
            return Err(ConditionProblem::unsupported("`int` with this base"));
        }
    };
    let invalid = || {
        ConditionProblem::exception(
            "ValueError",
            format!(
                "invalid literal for int() with base {radix}: {}",
                value.repr()
            ),
        )
    };
    let trimmed = text.trim();
    let (sign, digits) = match trimmed.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let lower = digits.to_ascii_lowercase();
    let digits = match radix {
        16 => lower.strip_prefix("0x"),
        8 => lower.strip_prefix("0o"),
        2 => lower.strip_prefix("0b"),
        _ => None,
    }
    .unwrap_or(&lower);
    let is_well_formed = digits.starts_with(|c: char| c.is_digit(radix))
        && digits.ends_with(|c: char| c.is_digit(radix))
        && digits.chars().all(|c| c.is_digit(radix) || c == '_')
        && !digits.contains("__");
    if !is_well_formed {
        return Err(invalid());
    }
    i128::from_str_radix(&format!("{sign}{}", digits.replace('_', "")), radix)
        .map(Value::Int)
        .map_err(|_| ConditionProblem::unsupported("an integer of more than 128 bits"))
}

fn to_float(value: &Value) -> Called {
    match value {
        Value::Float(float) => Ok(Value::Float(*float)),
        Value::Str(text) => text.trim().parse().map(Value::Float).map_err(|_| {
            ConditionProblem::exception(
                "ValueError",
                format!("could not convert string to float: {}", value.repr()),
            )
        }),
        value => arithmetic::binary(ArithmeticOperator::Multiply, value, &Value::Float(1.0)),
    }
}
