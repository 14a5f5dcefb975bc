//! JSON as Python's `json.dumps` writes it without options.

use buildout_core::value::{JsonCharacters, float_repr, push_json_text};
use serde_json::Value;

/// Returns the text of a value: blanks after commas and colons, ASCII only,
/// members in the order they are kept. Values nest as deep as `serde_json`
/// lets them, which is little.
pub(super) fn python_json(value: &Value) -> String {
    let mut text = String::new();
    push(&mut text, value);
    text
}

fn push(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => text.push_str(&float_repr(float)),
            None => text.push_str(&number.to_string()),
        },
        Value::String(string) => push_json_text(string, JsonCharacters::Ascii, text),
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push_str(", ");
                }
                push(text, item);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (position, (name, member)) in members.iter().enumerate() {
                if position > 0 {
                    text.push_str(", ");
                }
                push_json_text(name, JsonCharacters::Ascii, text);
                text.push_str(": ");
                push(text, member);
            }
            text.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_python_writes_them() {
        // As `json.dumps(json.loads(TEXT))` tells.
        for text in [
            r#"{"b": [1, 2.0, 1795311335.98, 1e+22], "a": {"x": null, "y": [true, false]}}"#,
            r#"["\u00e9\ud83d\ude00\"\\\n\r\t\b\f\u0001\u007f/"]"#,
            "{}",
        ] {
            let value = serde_json::from_str(text).unwrap();
            assert_eq!(python_json(&value), text);
        }
    }
}
