//! The methods of values that conditions call.

use super::arithmetic::check_length;
use super::error::ConditionProblem;
use super::subscript::members;
use crate::value::Value;

const STR_METHODS: [&str; 30] = [
    "capitalize",
    "casefold",
    "count",
    "endswith",
    "find",
    "index",
    "isalnum",
    "isalpha",
    "isdecimal",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "isupper",
    "join",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "upper",
];

/// Tells whether a value has a method that can be called.
pub(super) fn has(receiver: &Value, name: &str) -> bool {
    match receiver {
        Value::Str(_) => STR_METHODS.contains(&name),
        Value::List(_) | Value::Tuple(_) => matches!(name, "count" | "index"),
        Value::Dict(_) => matches!(name, "get" | "keys" | "values" | "items"),
        _ => false,
    }
}

/// Tells whether Python may have an attribute that we have not. If not, using
/// it is an `AttributeError`.
pub(super) fn is_known_to_python(receiver: &Value, name: &str) -> bool {
    const STR: &str = "center encode expandtabs format format_map isascii isidentifier \
                       isprintable istitle ljust maketrans rindex rjust swapcase title translate \
                       zfill";
    const INT: &str = "as_integer_ratio bit_count bit_length conjugate denominator from_bytes \
                       imag is_integer numerator real to_bytes";
    const LIST: &str = "append clear copy extend insert pop remove reverse sort";
    const DICT: &str = "clear copy fromkeys pop popitem setdefault update";
    let is_in = |names: &str| names.split(' ').any(|known| known == name);
    let is_special = name.starts_with("__") && name.ends_with("__");
    is_special
        || match receiver {
            Value::None | Value::Tuple(_) => false,
            Value::Bool(_) | Value::Int(_) => is_in(INT),
            Value::Str(_) => is_in(STR),
            Value::List(_) => is_in(LIST),
            Value::Dict(_) => is_in(DICT),
            // Floats, bytes and sets: nobody uses their attributes here.
            _ => true,
        }
}

/// Calls a method.
pub(super) fn call(
    receiver: &Value,
    name: &str,
    arguments: &[Value],
) -> Result<Value, ConditionProblem> {
    let result = match receiver {
        Value::Str(text) => str_method(text, name, arguments)?,
        Value::List(items) | Value::Tuple(items) => match (name, arguments) {
            ("count", [member]) => {
                Some(number(items.iter().filter(|item| *item == member).count()))
            }
            ("index", [member]) => Some(number(
                items
                    .iter()
                    .position(|item| item == member)
                    .ok_or_else(|| {
                        ConditionProblem::exception(
                            "ValueError",
                            format!("{} is not in the sequence", member.repr()),
                        )
                    })?,
            )),
            _ => None,
        },
        Value::Dict(dict) => match (name, arguments) {
            ("get", [key]) => Some(dict.get(key).cloned().unwrap_or_default()),
            ("get", [key, default]) => Some(dict.get(key).unwrap_or(default).clone()),
            ("keys", []) => Some(Value::List(dict.keys().cloned().collect())),
            ("values", []) => Some(Value::List(dict.values().cloned().collect())),
            ("items", []) => Some(Value::List(
                dict.iter()
                    .map(|(key, value)| Value::Tuple(vec![key.clone(), value.clone()]))
                    .collect(),
            )),
            _ => None,
        },
        _ => None,
    };
    result.ok_or_else(|| {
        ConditionProblem::unsupported(format!(
            "the method `{name}` of a {} with these arguments",
            receiver.type_name()
        ))
    })
}

fn number(count: usize) -> Value {
    // No value has more items than an i128 can count.
    Value::Int(i128::try_from(count).unwrap_or(i128::MAX))
}

fn texts<'text>(parts: impl IntoIterator<Item = &'text str>) -> Vec<Value> {
    parts.into_iter().map(Value::from).collect()
}

/// Calls a method of a `str`; nothing if the arguments are not understood.
fn str_method(
    text: &str,
    name: &str,
    arguments: &[Value],
) -> Result<Option<Value>, ConditionProblem> {
    Ok(Some(match (name, arguments) {
        ("lower" | "casefold", []) => text.to_lowercase().into(),
        ("upper", []) => text.to_uppercase().into(),
        ("capitalize", []) => {
            let mut characters = text.chars();
            let first: String = characters
                .next()
                .map(|first| first.to_uppercase().collect())
                .unwrap_or_default();
            (first + &characters.as_str().to_lowercase()).into()
        }
        ("isdigit" | "isdecimal" | "isnumeric", []) if text.is_ascii() => {
            every(text, |c| c.is_ascii_digit())
        }
        ("isalpha", []) => every(text, char::is_alphabetic),
        ("isalnum", []) => every(text, char::is_alphanumeric),
        ("isspace", []) => every(text, is_space),
        ("islower", []) => Value::Bool(
            text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase),
        ),
        ("isupper", []) => Value::Bool(
            text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase),
        ),
        ("startswith", [Value::Tuple(starts)]) => {
            any_text(starts, |start| text.starts_with(start))?
        }
        ("startswith", [Value::Str(start)]) => Value::Bool(text.starts_with(&**start)),
        ("endswith", [Value::Tuple(ends)]) => any_text(ends, |end| text.ends_with(end))?,
        ("endswith", [Value::Str(end)]) => Value::Bool(text.ends_with(&**end)),
        ("removeprefix", [Value::Str(start)]) => text.strip_prefix(&**start).unwrap_or(text).into(),
        ("removesuffix", [Value::Str(end)]) => text.strip_suffix(&**end).unwrap_or(text).into(),
        ("strip" | "lstrip" | "rstrip", [] | [Value::None | Value::Str(_)]) => {
            let characters = arguments.first().and_then(Value::as_str);
            let is_stripped = |c: char| match characters {
                Some(characters) => characters.contains(c),
                None => is_space(c),
            };
            match name {
                "strip" => text.trim_matches(is_stripped),
                "lstrip" => text.trim_start_matches(is_stripped),
                _ => text.trim_end_matches(is_stripped),
            }
            .into()
        }
        ("count", [Value::Str(part)]) if !part.is_empty() => number(text.matches(&**part).count()),
        ("find", [Value::Str(part)]) => position(text, text.find(&**part)),
        ("rfind", [Value::Str(part)]) => position(text, text.rfind(&**part)),
        ("index", [Value::Str(part)]) => match text.find(&**part) {
            None => {
                return Err(ConditionProblem::exception(
                    "ValueError",
                    "substring not found",
                ));
            }
            found => position(text, found),
        },
        ("partition" | "rpartition", [Value::Str(separator)]) if !separator.is_empty() => {
            let (found, missing) = if name == "partition" {
                (text.split_once(&**separator), [text, "", ""])
            } else {
                (text.rsplit_once(&**separator), ["", "", text])
            };
            Value::Tuple(texts(match found {
                Some((before, after)) => [before, separator, after],
                None => missing,
            }))
        }
        ("replace", [Value::Str(old), Value::Str(new)]) => {
            let count = text.matches(&**old).count();
            check_length(
                count
                    .checked_mul(new.len())
                    .and_then(|added| added.checked_add(text.len())),
            )?;
            text.replace(&**old, new).into()
        }
        ("join", [items]) => join(text, &members(items)?)?,
        ("splitlines", []) => Value::List(texts(text.lines())),
        ("split" | "rsplit", _) => return split(text, name == "rsplit", arguments),
        _ => return Ok(None),
    }))
}

fn every(text: &str, holds: impl Fn(char) -> bool) -> Value {
    Value::Bool(!text.is_empty() && text.chars().all(holds))
}

/// Python's idea of a blank has four control characters that Unicode's has not.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}

fn any_text(parts: &[Value], holds: impl Fn(&str) -> bool) -> Result<Value, ConditionProblem> {
    for part in parts {
        let part = part.as_str().ok_or_else(|| {
            ConditionProblem::type_error(format!(
                "tuple for startswith must only contain str, not {}",
                part.type_name()
            ))
        })?;
        if holds(part) {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

/// Turns a byte offset into Python's count of characters, or -1.
fn position(text: &str, offset: Option<usize>) -> Value {
    offset.map_or(Value::Int(-1), |offset| {
        number(text[..offset].chars().count())
    })
}

fn join(separator: &str, items: &[Value]) -> Result<Value, ConditionProblem> {
    let mut joined = String::new();
    for (place, item) in items.iter().enumerate() {
        let item = item.as_str().ok_or_else(|| {
            ConditionProblem::type_error(format!(
                "sequence item {place}: expected str instance, {} found",
                item.type_name()
            ))
        })?;
        if place > 0 {
            joined.push_str(separator);
        }
        joined.push_str(item);
        check_length(Some(joined.len()))?;
    }
    Ok(joined.into())
}

fn split(
    text: &str,
    from_end: bool,
    arguments: &[Value],
) -> Result<Option<Value>, ConditionProblem> {
    let (separator, limit) = match arguments {
        [] => (&Value::None, -1),
        [separator] => (separator, -1),
        [separator, limit] => match limit.as_int() {
            Some(limit) => (separator, limit),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    // A negative limit is none.
    let limit = usize::try_from(limit).ok();
    Ok(Some(Value::List(match separator {
        Value::None => split_blanks(text, from_end, limit),
        Value::Str(separator) if separator.is_empty() => {
            return Err(ConditionProblem::exception("ValueError", "empty separator"));
        }
        Value::Str(separator) => match limit {
            None => texts(text.split(&**separator)),
            Some(limit) if from_end => {
                let mut parts = texts(text.rsplitn(limit.saturating_add(1), &**separator));
                parts.reverse();
                parts
            }
            Some(limit) => texts(text.splitn(limit.saturating_add(1), &**separator)),
        },
        _ => return Ok(None),
    })))
}

/// Splits at runs of blanks. Once the limit is reached, what is left is the
/// last part, with the blanks of its far end.
fn split_blanks(text: &str, from_end: bool, limit: Option<usize>) -> Vec<Value> {
    let trim = |text| -> &str {
        if from_end {
            str::trim_end_matches(text, is_space)
        } else {
            str::trim_start_matches(text, is_space)
        }
    };
    let mut parts = Vec::new();
    let mut rest = trim(text);
    while !rest.is_empty() {
        let found = if from_end {
            rest.rsplit_once(is_space)
                .map(|(before, part)| (part, before))
        } else {
            rest.split_once(is_space)
        };
        match found.filter(|_| limit.is_none_or(|limit| parts.len() < limit)) {
            Some((part, remaining)) => {
                parts.push(part);
                rest = trim(remaining);
            }
            None => {
                parts.push(rest);
                break;
            }
        }
    }
    if from_end {
        parts.reverse();
    }
    texts(parts)
}
