//! The filters, tests and functions that are supported.

use std::ops::RangeInclusive;

use buildout_core::profile::python_text::strip;
use buildout_core::value::{Dict, Value, compare, encode};

use super::engine::Cause;
use super::evaluate::Evaluated;

/// The filters with the number of their arguments, besides `escape`.
pub(super) const FILTERS: &[(&str, RangeInclusive<usize>)] = &[
    ("count", 0..=0),
    ("d", 0..=2),
    ("default", 0..=2),
    ("dictsort", 0..=0),
    ("first", 0..=0),
    ("join", 0..=1),
    ("length", 0..=0),
    ("list", 0..=0),
    ("lower", 0..=0),
    ("string", 0..=0),
    ("trim", 0..=0),
    ("upper", 0..=0),
];

/// The tests, all without arguments.
pub(super) const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "false",
    "float",
    "integer",
    "mapping",
    "none",
    "number",
    "string",
    "true",
    "undefined",
];

/// The functions with the number of their arguments.
pub(super) const FUNCTIONS: &[(&str, RangeInclusive<usize>)] = &[
    ("assert", 1..=2),
    ("dumps", 1..=1),
    ("len", 1..=1),
    ("list", 1..=1),
    ("repr", 1..=1),
    ("str", 1..=1),
];

/// Applies a filter.
pub(super) fn apply_filter(
    name: &str,
    value: Evaluated,
    arguments: Vec<Evaluated>,
) -> Result<Evaluated, Cause> {
    let mut arguments = arguments.into_iter();
    if matches!(name, "d" | "default") {
        let default = arguments.next();
        let for_false = match arguments.next() {
            Some(flag) => flag.into_value()?.is_truthy(),
            None => false,
        };
        let is_replaced = match &value {
            Evaluated::Undefined(_) => true,
            Evaluated::Value(value) => for_false && !value.is_truthy(),
        };
        return Ok(match (is_replaced, default) {
            (false, _) => value,
            (true, Some(default)) => default,
            (true, None) => Value::string("").into(),
        });
    }
    let value = value.into_value()?;
    Ok(match name {
        "count" | "length" => length(&value)?.into(),
        "dictsort" => sorted_items(&value)?.into(),
        "first" => match items(&value)?.into_iter().next() {
            Some(first) => first.into(),
            None => Evaluated::Undefined("No first item, sequence was empty.".to_owned()),
        },
        "join" => {
            let separator = match arguments.next() {
                Some(separator) => separator.into_value()?.to_string(),
                None => String::new(),
            };
            let texts: Vec<String> = items(&value)?.iter().map(Value::to_string).collect();
            Value::string(texts.join(&separator)).into()
        }
        "list" => Value::List(items(&value)?).into(),
        "lower" => Value::string(value.to_string().to_lowercase()).into(),
        "string" => Value::string(value.to_string()).into(),
        "trim" => Value::string(strip(&value.to_string())).into(),
        "upper" => Value::string(value.to_string().to_uppercase()).into(),
        other => return Err(Cause::Unsupported(format!("the filter `{other}`"))),
    })
}

/// Answers a test; what is undefined is only that.
pub(super) fn apply_test(name: &str, value: &Evaluated) -> Result<bool, Cause> {
    let value = match value {
        Evaluated::Undefined(_) => return Ok(name == "undefined"),
        Evaluated::Value(value) => value,
    };
    Ok(match name {
        "defined" => true,
        "undefined" => false,
        "none" => matches!(value, Value::None),
        "boolean" => matches!(value, Value::Bool(_)),
        "true" => matches!(value, Value::Bool(true)),
        "false" => matches!(value, Value::Bool(false)),
        "integer" => matches!(value, Value::Int(_)),
        "float" => matches!(value, Value::Float(_)),
        // Python's `bool` is a number.
        "number" => matches!(value, Value::Bool(_) | Value::Int(_) | Value::Float(_)),
        "string" => matches!(value, Value::Str(_)),
        "mapping" => matches!(value, Value::Dict(_)),
        other => return Err(Cause::Unsupported(format!("the test `{other}`"))),
    })
}

/// Calls a function.
pub(super) fn call_function(name: &str, arguments: Vec<Evaluated>) -> Result<Value, Cause> {
    let mut arguments = arguments.into_iter();
    let value = arguments
        .next()
        .unwrap_or(Evaluated::Value(Value::None))
        .into_value()?;
    match name {
        "assert" => {
            if value.is_truthy() {
                return Ok(Value::string(""));
            }
            let message = match arguments.next() {
                Some(message) => message.into_value()?.to_string(),
                None => String::new(),
            };
            Err(Cause::Python {
                exception: "AssertionError",
                message,
            })
        }
        "dumps" => encode(&value)
            .map(Value::string)
            .map_err(|error| Cause::Python {
                exception: "ValueError",
                message: error.to_string(),
            }),
        "len" => length(&value),
        "list" => Ok(Value::List(items(&value)?)),
        "repr" => Ok(Value::string(value.repr())),
        "str" => Ok(Value::string(value.to_string())),
        other => Err(Cause::Unsupported(format!("a call of `{other}`"))),
    }
}

/// Iterates over a value as Python does: the keys of a dict, the characters of
/// a text.
pub(super) fn items(value: &Value) -> Result<Vec<Value>, Cause> {
    match value {
        Value::List(items) | Value::Tuple(items) => Ok(items.clone()),
        Value::Dict(dict) => Ok(dict.keys().cloned().collect()),
        Value::Str(text) => Ok(text
            .chars()
            .map(|character| Value::string(character.to_string()))
            .collect()),
        other => Err(Cause::type_error(format!(
            "'{}' object is not iterable",
            other.type_name()
        ))),
    }
}

fn length(value: &Value) -> Result<Value, Cause> {
    let length = match value {
        Value::List(items) | Value::Tuple(items) => items.len(),
        Value::Dict(dict) => dict.len(),
        Value::Str(text) => text.chars().count(),
        other => {
            let kind = other.type_name();
            return Err(Cause::type_error(format!(
                "object of type '{kind}' has no len()"
            )));
        }
    };
    Ok(Value::Int(length as i128))
}

/// `dictsort`: the items of a dict by key, capitals and small letters alike.
fn sorted_items(value: &Value) -> Result<Value, Cause> {
    let Value::Dict(dict) = value else {
        let kind = value.type_name();
        return Err(Cause::Python {
            exception: "AttributeError",
            message: format!("'{kind}' object has no attribute 'items'"),
        });
    };
    let mut entries: Vec<(Value, Value)> = sort_keys(dict);
    let is_text = |(key, _): &(Value, Value)| matches!(key, Value::Str(_));
    let is_number = |(key, _): &(Value, Value)| match key {
        Value::Float(float) => !float.is_nan(),
        key => key.as_int().is_some(),
    };
    // What has no total order fails in Python, or depends on its algorithm.
    if entries.len() > 1 && !entries.iter().all(is_text) && !entries.iter().all(is_number) {
        let what = "`dictsort` of keys other than texts or numbers";
        return Err(Cause::Unsupported(what.to_owned()));
    }
    entries.sort_by(|(left, _), (right, _)| {
        let order = compare(left, right).ok().flatten();
        order.unwrap_or(std::cmp::Ordering::Equal)
    });
    let items = entries.into_iter().map(|(_, item)| item);
    Ok(Value::List(items.collect()))
}

/// Returns each key in the form that is compared, with its item.
fn sort_keys(dict: &Dict) -> Vec<(Value, Value)> {
    let entries = dict.iter().map(|(key, value)| {
        let compared = match key {
            Value::Str(text) => Value::string(text.to_lowercase()),
            other => other.clone(),
        };
        let item = Value::Tuple(vec![key.clone(), value.clone()]);
        (compared, item)
    });
    entries.collect()
}

/// `escape`, with the entities that Jinja2 writes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\'' => escaped.push_str("&#39;"),
            '"' => escaped.push_str("&#34;"),
            other => escaped.push(other),
        }
    }
    escaped
}
