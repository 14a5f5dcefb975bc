//! Whether and how a value is JSON.

use std::fmt::Write as _;

use super::{MAXIMUM_DEPTH, Value, float_repr};

/// A value that has no JSON equivalent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoJsonForm {
    /// JSON has no such type.
    #[error("a value of type '{0}' has no JSON form")]
    Type(&'static str),
    /// JSON has only finite numbers.
    #[error("the number {0} has no JSON form")]
    NotFinite(String),
    /// Keys of JSON objects are texts.
    #[error("a dict key of type '{0}' has no JSON form")]
    Key(&'static str),
    /// Containers nest too deep.
    #[error("the value nests deeper than {MAXIMUM_DEPTH} levels")]
    TooDeep,
}

impl Value {
    /// Tells whether the value survives a trip through JSON unchanged in type:
    /// `None`, booleans, numbers, texts, lists, and dicts with `str` keys.
    pub fn has_json_form(&self) -> bool {
        self.to_json_text().is_ok()
    }

    /// Writes the value as compact JSON, in the order it is kept.
    ///
    /// # Errors
    /// The value, or one inside it, has no JSON equivalent; tuples, sets and
    /// bytes have none.
    pub fn to_json_text(&self) -> Result<String, NoJsonForm> {
        if self.is_too_deep() {
            return Err(NoJsonForm::TooDeep);
        }
        let mut text = String::new();
        write_json(self, &mut text)?;
        Ok(text)
    }
}

fn write_json(value: &Value, text: &mut String) -> Result<(), NoJsonForm> {
    match value {
        Value::None => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => {
            // Writing to a string cannot fail.
            let _ = write!(text, "{value}");
        }
        Value::Float(value) if value.is_finite() => text.push_str(&float_repr(*value)),
        Value::Float(value) => return Err(NoJsonForm::NotFinite(float_repr(*value))),
        Value::Str(value) => push_json_text(value, JsonCharacters::Any, text),
        Value::List(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write_json(item, text)?;
            }
            text.push(']');
        }
        Value::Dict(dict) => {
            text.push('{');
            for (position, (key, item)) in dict.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                let Value::Str(key) = key else {
                    return Err(NoJsonForm::Key(key.type_name()));
                };
                push_json_text(key, JsonCharacters::Any, text);
                text.push(':');
                write_json(item, text)?;
            }
            text.push('}');
        }
        other => return Err(NoJsonForm::Type(other.type_name())),
    }
    Ok(())
}

/// Which characters a text of JSON holds as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonCharacters {
    /// All that JSON allows (`ensure_ascii=False` in Python).
    Any,
    /// Those of ASCII, Python's default; the others are escaped.
    Ascii,
}

/// Writes a text as Python's `json` does.
pub fn push_json_text(value: &str, characters: JsonCharacters, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            ' '..='~' => text.push(character),
            '\u{7f}'.. if characters == JsonCharacters::Any => text.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
}

/// Returns the text of a number as Python's `json` writes it, also of one that JSON does not know.
pub fn python_json_float(value: f64) -> String {
    if value.is_finite() {
        float_repr(value)
    } else if value.is_nan() {
        "NaN".to_owned()
    } else {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::literal::parse;

    #[test]
    fn only_json_types_have_a_json_form() {
        for (literal, expected) in [
            (
                r#"{'a': [None, True, -1, 1.5, 1e22], 'é"\\\x01': {}}"#,
                Ok(r#"{"a":[null,true,-1,1.5,1e+22],"é\"\\\u0001":{}}"#),
            ),
            ("[(1,)]", Err("a value of type 'tuple' has no JSON form")),
            ("{1: 2}", Err("a dict key of type 'int' has no JSON form")),
            ("[b'']", Err("a value of type 'bytes' has no JSON form")),
            ("-1e999", Err("the number -inf has no JSON form")),
        ] {
            let result = parse(literal).expect(literal).to_json_text();
            assert_eq!(
                result.as_deref().map_err(ToString::to_string),
                expected.map_err(ToOwned::to_owned)
            );
        }
    }
}
