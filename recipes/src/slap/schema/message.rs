//! What does not fit, in the words of Python's `jsonschema` 4.17, the last version for which
//! upstream's recipe works.

use buildout_core::value::Value;
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::paths::LocationSegment;
use serde_json::Value as Json;

use super::super::json::from_json;

/// Returns the `repr` of what a JSON value is in Python.
pub(super) fn repr(json: &Json) -> String {
    match from_json(json) {
        Ok(value) => value.repr(),
        Err(_) => json.to_string(),
    }
}

/// Words an error.
pub(super) fn message(error: &ValidationError<'_>) -> String {
    let shown = || repr(error.instance());
    match error.kind() {
        Kind::Custom { message, .. } => message.clone(),
        Kind::Constant { expected_value } => format!("{} was expected", repr(expected_value)),
        Kind::Enum { options } => format!("{} is not one of {}", shown(), repr(options)),
        Kind::Pattern { pattern } => {
            let pattern = Value::from(pattern.as_str()).repr();
            format!("{} does not match {pattern}", shown())
        }
        Kind::Required { property } => format!("{} is a required property", repr(property)),
        Kind::Minimum { limit } => {
            format!("{} is less than the minimum of {}", shown(), repr(limit))
        }
        Kind::Maximum { limit } => {
            format!("{} is greater than the maximum of {}", shown(), repr(limit))
        }
        Kind::ExclusiveMinimum { limit } => format!(
            "{} is less than or equal to the minimum of {}",
            shown(),
            repr(limit)
        ),
        Kind::ExclusiveMaximum { limit } => format!(
            "{} is greater than or equal to the maximum of {}",
            shown(),
            repr(limit)
        ),
        Kind::MinLength { .. } | Kind::MinItems { .. } => format!("{} is too short", shown()),
        Kind::MaxLength { .. } | Kind::MaxItems { .. } => format!("{} is too long", shown()),
        Kind::MinProperties { .. } => {
            format!("{} does not have enough properties", shown())
        }
        Kind::MaxProperties { .. } => format!("{} has too many properties", shown()),
        Kind::UniqueItems => format!("{} has non-unique elements", shown()),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            format!("{} is not valid under any of the given schemas", shown())
        }
        Kind::Contains => {
            format!(
                "{} does not contain items matching the given schema",
                shown()
            )
        }
        Kind::Not { schema } => {
            format!("{} should not be valid under {}", shown(), repr(schema))
        }
        Kind::FalseSchema => format!("False schema does not allow {}", shown()),
        Kind::AdditionalProperties { unexpected } => {
            let names: Vec<_> = unexpected
                .iter()
                .map(|name| Value::from(name.as_str()).repr())
                .collect();
            let verb = if names.len() == 1 { "was" } else { "were" };
            format!(
                "Additional properties are not allowed ({} {verb} unexpected)",
                names.join(", ")
            )
        }
        _ => error.masked_with(shown()).to_string(),
    }
}

/// Returns where in the parameters an error is (`json_path`).
pub(super) fn json_path(error: &ValidationError<'_>) -> String {
    let mut path = String::from("$");
    for segment in error.instance_path().segments() {
        match segment {
            LocationSegment::Index(index) => path.push_str(&format!("[{index}]")),
            LocationSegment::Property(name) => {
                path.push('.');
                path.push_str(&name);
            }
        }
    }
    path
}
