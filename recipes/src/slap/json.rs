//! JSON as Python's library reads and writes it: how parameters of any type
//! travel in the one parameter `_`.

use buildout_core::recipe::RecipeError;
use buildout_core::value::{
    Dict, JsonCharacters, MAXIMUM_DEPTH, Value, push_json_text, python_json_float,
};

/// The parameter that holds the JSON of all others.
pub(super) const MAGIC_KEY: &str = "_";

/// A text that is no JSON, or a value that has none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JsonProblem {
    #[error("{0}")]
    Text(String),
    #[error("the number {0} is too large")]
    TooLarge(String),
    #[error("the document nests deeper than {MAXIMUM_DEPTH} levels")]
    TooDeep,
    #[error("Object of type {0} is not JSON serializable")]
    Type(&'static str),
    #[error("keys must be str, int, float, bool or None, not {0}")]
    Key(&'static str),
}

impl From<JsonProblem> for RecipeError {
    fn from(problem: JsonProblem) -> Self {
        let exception = match problem {
            JsonProblem::Type(_) | JsonProblem::Key(_) => "TypeError",
            JsonProblem::Text(_) => "json.decoder.JSONDecodeError",
            JsonProblem::TooLarge(_) | JsonProblem::TooDeep => "ValueError",
        };
        RecipeError::internal(exception, problem)
    }
}

/// Parses JSON (`json.loads`).
pub(super) fn loads(text: &str) -> Result<Value, JsonProblem> {
    let parsed: serde_json::Value =
        serde_json::from_str(text).map_err(|error| JsonProblem::Text(error.to_string()))?;
    let value = from_json(&parsed)?;
    if value.is_too_deep() {
        return Err(JsonProblem::TooDeep);
    }
    Ok(value)
}

/// Returns the value of a parsed document, whose depth the parser limits.
pub(super) fn from_json(json: &serde_json::Value) -> Result<Value, JsonProblem> {
    Ok(match json {
        serde_json::Value::Null => Value::None,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i128() {
            Some(integer) => Value::Int(integer),
            None => {
                let float = number.as_f64().unwrap_or(f64::NAN);
                // An integer beyond 64 bits has become a float.
                if !float.is_finite() || (float.abs() >= 9.2e18 && float.fract() == 0.0) {
                    return Err(JsonProblem::TooLarge(number.to_string()));
                }
                Value::Float(float)
            }
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => {
            Value::List(items.iter().map(from_json).collect::<Result<_, _>>()?)
        }
        serde_json::Value::Object(entries) => {
            let mut dict = Dict::new();
            for (key, item) in entries {
                dict.insert_str(key.as_str(), from_json(item)?);
            }
            Value::Dict(dict)
        }
    })
}

/// Writes a value as JSON with sorted keys (`json.dumps(value,
/// sort_keys=True)`).
pub(super) fn dumps(value: &Value) -> Result<String, JsonProblem> {
    if value.is_too_deep() {
        return Err(JsonProblem::TooDeep);
    }
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(text)
}

fn write(value: &Value, text: &mut String) -> Result<(), JsonProblem> {
    match value {
        Value::None => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => text.push_str(&value.to_string()),
        Value::Float(value) => text.push_str(&python_json_float(*value)),
        Value::Str(value) => push_json_text(value, JsonCharacters::Ascii, text),
        Value::List(items) | Value::Tuple(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push_str(", ");
                }
                write(item, text)?;
            }
            text.push(']');
        }
        Value::Dict(dict) => {
            let mut entries = Vec::with_capacity(dict.len());
            for (key, item) in dict {
                let key = match key {
                    Value::Str(key) => key.to_string(),
                    Value::None => "null".to_owned(),
                    Value::Bool(key) => key.to_string(),
                    Value::Int(key) => key.to_string(),
                    Value::Float(key) => python_json_float(*key),
                    other => return Err(JsonProblem::Key(other.type_name())),
                };
                entries.push((key, item));
            }
            // Python sorts the keys themselves, which for keys of one kind
            // other than text is another order; parameters have none such.
            entries.sort_by(|(left, _), (right, _)| left.cmp(right));
            text.push('{');
            for (position, (key, item)) in entries.into_iter().enumerate() {
                if position > 0 {
                    text.push_str(", ");
                }
                push_json_text(&key, JsonCharacters::Ascii, text);
                text.push_str(": ");
                write(item, text)?;
            }
            text.push('}');
        }
        other => return Err(JsonProblem::Type(other.type_name())),
    }
    Ok(())
}

/// Puts a value into the one parameter (`librecipe.wrap`).
pub(super) fn wrap(value: &Value) -> Result<Dict, JsonProblem> {
    let mut wrapped = Dict::new();
    wrapped.insert_str(MAGIC_KEY, dumps(value)?);
    Ok(wrapped)
}

/// Takes the value out of the one parameter, if there is one; anything else
/// stays as it is (`librecipe.unwrap`).
pub(super) fn unwrap(value: Value) -> Result<Value, JsonProblem> {
    let Value::Dict(dict) = &value else {
        return Ok(value);
    };
    match dict.get_str(MAGIC_KEY) {
        None => Ok(value),
        Some(Value::Str(text)) => loads(text),
        Some(other) => Err(JsonProblem::Text(format!(
            "the JSON object must be str, bytes or bytearray, not {}",
            other.type_name()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use buildout_core::value::literal;

    use super::*;

    #[test]
    fn values_are_written_as_python_does() {
        for (python, json) in [
            (
                "{'b': [1, 1.5, True, None], 'a': (), 'é\\n\\x7f\"': '\u{1f600}'}",
                r#"{"a": [], "b": [1, 1.5, true, null], "\u00e9\n\u007f\"": "\ud83d\ude00"}"#,
            ),
            ("{1: {}, None: 1e22}", r#"{"1": {}, "null": 1e+22}"#),
            ("-1e999", "-Infinity"),
        ] {
            let value = literal::parse(python).expect(python);
            assert_eq!(dumps(&value).expect(python), json);
        }
        let set = literal::parse("[{1}]").expect("a set");
        assert_eq!(
            dumps(&set).expect_err("it has none").to_string(),
            "Object of type set is not JSON serializable"
        );
    }

    #[test]
    fn what_is_wrapped_comes_out_again() {
        let value = literal::parse("{'a': [1, {'b': None}]}").expect("a dict");
        let wrapped = wrap(&value).expect("it has a form");
        assert_eq!(unwrap(Value::Dict(wrapped)).expect("it is JSON"), value);
        assert_eq!(unwrap(value.clone()).expect("it is none"), value);
        assert_eq!(unwrap(Value::None).expect("it is none"), Value::None);
    }
}
