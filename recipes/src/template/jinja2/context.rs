//! `context`: the names that the profile gives to a template.

use buildout_core::profile::python_text::{is_python_space, split_lines};
use buildout_core::recipe::{Construction, RecipeError};
use buildout_core::value::{Dict, MAXIMUM_DEPTH, Value, decode, str_repr};

use crate::jinja2::{ContextValue, PREDEFINED};

/// What is wrong with an entry of `context` or `import-list`.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContextProblem {
    #[error("Duplicate context entry {}", str_repr(name))]
    DuplicateName { name: String },
    #[error("Duplicate import-list entry {}", str_repr(alias))]
    DuplicateImport { alias: String },
    #[error("{}", str_repr(kind))]
    UnknownType { kind: String },
    #[error("the entry {} has fewer than three fields", str_repr(line))]
    TooFewFields { line: String },
    #[error("{} is not of the form section:option", str_repr(expression))]
    NotAKey { expression: String },
    #[error("{0}")]
    Json(String),
}

impl From<ContextProblem> for RecipeError {
    fn from(problem: ContextProblem) -> Self {
        let exception = match &problem {
            ContextProblem::UnknownType { .. } => "KeyError",
            ContextProblem::Json(_) => "json.decoder.JSONDecodeError",
            ContextProblem::TooFewFields { .. } => {
                return RecipeError::internal("ValueError", problem)
                    .with_hint("write `TYPE NAME EXPRESSION`");
            }
            _ => "ValueError",
        };
        RecipeError::internal(exception, problem)
    }
}

/// Evaluates the option `context`, in order. The part comes to depend on the
/// sections that it reads.
pub(super) fn read_context(
    part: &Construction<'_>,
) -> Result<Vec<(String, ContextValue)>, RecipeError> {
    let text = part.option("context")?.unwrap_or_default();
    let mut context: Vec<(String, ContextValue)> = Vec::new();
    for line in split_lines(&text) {
        if line.is_empty() {
            continue;
        }
        let mut add = || -> Result<(), RecipeError> {
            let (kind, name, expression) = split_entry(line)?;
            let is_predefined =
                PREDEFINED.contains(&name) || (name == "dumps" && part.dialect().typed_values);
            if is_predefined || context.iter().any(|(known, _)| known == name) {
                let name = name.to_owned();
                return Err(ContextProblem::DuplicateName { name }.into());
            }
            let value = evaluate(part, kind, expression)?;
            context.push((name.to_owned(), value));
            Ok(())
        };
        add().map_err(|error| error.at_option("context"))?;
    }
    Ok(context)
}

/// Splits a line into type, name and expression, which keeps its inner spaces.
pub(super) fn split_entry(line: &str) -> Result<(&str, &str, &str), ContextProblem> {
    let mut rest = line;
    let mut field = || {
        let start = rest.trim_start_matches(is_python_space);
        let end = start.find(is_python_space).unwrap_or(start.len());
        let (field, after) = start.split_at(end);
        rest = after;
        field
    };
    let (kind, name) = (field(), field());
    // Python's `split` keeps what follows the last field it splits off.
    let expression = rest.trim_start_matches(is_python_space);
    if expression.is_empty() {
        let line = line.to_owned();
        return Err(ContextProblem::TooFewFields { line });
    }
    Ok((kind, name, expression))
}

fn evaluate(
    part: &Construction<'_>,
    kind: &str,
    expression: &str,
) -> Result<ContextValue, RecipeError> {
    let value = match kind {
        "raw" => Value::string(expression),
        "key" => typed(part, &read_key(part, expression)?)?,
        "json" => from_json(expression)?,
        "jsonkey" => from_json(&read_key(part, expression)?)?,
        "section" => read_section(part, expression)?,
        "import" => return Ok(ContextValue::Module(expression.to_owned())),
        _ => {
            let kind = kind.to_owned();
            return Err(RecipeError::from(ContextProblem::UnknownType { kind })
                .with_hint("the types are raw, key, json, jsonkey, section and import"));
        }
    };
    Ok(ContextValue::Value(value))
}

/// Reads the option that `section:option` means; no section is the part's own.
pub(super) fn read_key(part: &Construction<'_>, expression: &str) -> Result<String, RecipeError> {
    let split = expression.split_once(':');
    let Some((section, option)) = split.filter(|(_, option)| !option.contains(':')) else {
        let expression = expression.to_owned();
        return Err(RecipeError::from(ContextProblem::NotAKey { expression })
            .with_hint("write one colon, between the section and the option"));
    };
    let section = match section {
        "" => part.part(),
        section => section,
    };
    match part.buildout().get(section, option)? {
        Some(value) => Ok(value.to_string()),
        None => Err(crate::live_options::missing_option(section, option)),
    }
}

/// Reads all options of a section, in order.
fn read_section(part: &Construction<'_>, section: &str) -> Result<Value, RecipeError> {
    let mut dict = Dict::new();
    for name in part.buildout().option_names(section)? {
        if let Some(value) = part.buildout().get(section, &name)? {
            dict.insert_str(name, typed(part, &value)?);
        }
    }
    Ok(Value::Dict(dict))
}

/// Returns the value that the text of an option stands for.
fn typed(part: &Construction<'_>, text: &str) -> Result<Value, RecipeError> {
    if !part.dialect().typed_values {
        return Ok(Value::string(text));
    }
    let value = decode(text).map_err(|error| RecipeError::internal("ValueError", error))?;
    Ok(value.unwrap_or_else(|| Value::string(text)))
}

/// Parses JSON as Python's `json.loads` does.
fn from_json(text: &str) -> Result<Value, ContextProblem> {
    let parsed: serde_json::Value =
        serde_json::from_str(text).map_err(|error| ContextProblem::Json(error.to_string()))?;
    let value = convert_json(&parsed)?;
    if value.is_too_deep() {
        let message = format!("the document nests deeper than {MAXIMUM_DEPTH} levels");
        return Err(ContextProblem::Json(message));
    }
    Ok(value)
}

/// The depth is limited by the parser, which refuses more than 128 levels.
fn convert_json(value: &serde_json::Value) -> Result<Value, ContextProblem> {
    Ok(match value {
        serde_json::Value::Null => Value::None,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => convert_number(number)?,
        serde_json::Value::String(text) => Value::string(text.as_str()),
        serde_json::Value::Array(items) => {
            let items = items.iter().map(convert_json);
            Value::List(items.collect::<Result<_, _>>()?)
        }
        serde_json::Value::Object(entries) => {
            let mut dict = Dict::new();
            for (key, item) in entries {
                dict.insert_str(key.as_str(), convert_json(item)?);
            }
            Value::Dict(dict)
        }
    })
}

fn convert_number(number: &serde_json::Number) -> Result<Value, ContextProblem> {
    if let Some(integer) = number.as_i128() {
        return Ok(Value::Int(integer));
    }
    let float = number.as_f64().unwrap_or(f64::NAN);
    // An integer beyond 64 bits has become a float, which Python keeps exact.
    if !float.is_finite() || (float.abs() >= 9.2e18 && float.fract() == 0.0) {
        return Err(ContextProblem::Json(format!(
            "the number {number} is too large"
        )));
    }
    Ok(Value::Float(float))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_becomes_python_values() {
        for (text, expected) in [
            (
                r#"{"b": [1, 1.0, -0.0, 1e3], "a": null, "": [true, "é\u00e9"]}"#,
                "{'b': [1, 1.0, -0.0, 1000.0], 'a': None, '': [True, 'éé']}",
            ),
            ("9223372036854775807", "9223372036854775807"),
            ("18446744073709551615", "18446744073709551615"),
            (r#"{"a": 1, "b": 2, "a": 3}"#, "{'a': 3, 'b': 2}"),
        ] {
            assert_eq!(from_json(text).expect(text).repr(), expected);
        }
        for text in ["", "{", "[1,]", "1e999", "123456789012345678901", "NaN"] {
            assert!(from_json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn entries_have_three_fields() {
        assert_eq!(
            split_entry(" raw\tname  a  b ").expect("three fields"),
            ("raw", "name", "a  b ")
        );
        for line in ["raw", "raw name", "raw name  "] {
            assert!(split_entry(line).is_err(), "{line:?}");
        }
    }
}
