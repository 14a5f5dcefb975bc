//! Reasons, shown in full.

use buildout_core::run::Reason;

use crate::diagnostic::visible;

use buildout_core::redaction::redacted;

/// How many lines of a value are shown.
const SHOWN_LINES: usize = 12;

/// Returns a reason as a line, with the values below it.
pub(crate) fn reason_text(reason: &Reason, indentation: &str) -> String {
    let mut text = format!("{indentation}{}\n", redacted(&reason.to_string()));
    let told = match reason {
        Reason::Dependency {
            reason: Some(reason),
            ..
        } => reason,
        reason => reason,
    };
    if matches!(told, Reason::RecipeChanged { .. }) {
        return text;
    }
    let (old, new) = told.values();
    for (sign, value) in [('-', old), ('+', new)] {
        if let Some(value) = value {
            push_value(&mut text, indentation, sign, value);
        }
    }
    text
}

fn push_value(text: &mut String, indentation: &str, sign: char, value: &str) {
    let value = redacted(value);
    let mut lines = value.split('\n');
    for line in lines.by_ref().take(SHOWN_LINES) {
        let line = format!("{indentation}  {sign} {}", visible(line));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let left = lines.count();
    if left > 0 {
        text.push_str(&format!("{indentation}  {sign} ... {left} more lines\n"));
    }
}
