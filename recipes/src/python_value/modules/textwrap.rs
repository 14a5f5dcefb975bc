//! `textwrap`, without the wrapping.

use super::super::methods::lines;
use super::super::{Arguments, Exception, Object, Raised};
use super::{Member, Module};
use buildout_core::profile::python_text::dedent as dedent_text;

pub(super) static TEXTWRAP: Module = Module {
    name: "textwrap",
    members: &[
        ("dedent", Member::Function(dedent)),
        ("indent", Member::Function(indent)),
    ],
};

fn text(object: Option<Object>) -> Raised<String> {
    match object.unwrap_or_default() {
        Object::Str(text) | Object::Markup(text) => Ok(text.to_string()),
        Object::Undefined(undefined) => Err(undefined.error()),
        other => Err(Exception::type_error(format!(
            "expected string or bytes-like object, got '{}'",
            other.type_name()
        ))),
    }
}

fn dedent(arguments: Arguments) -> Raised<Object> {
    let [object] = arguments.bind("dedent", ["text"], 1)?;
    Ok(Object::from(dedent_text(&text(object)?)))
}

fn indent(arguments: Arguments) -> Raised<Object> {
    let [object, prefix, predicate] =
        arguments.bind("indent", ["text", "prefix", "predicate"], 2)?;
    let (text_value, prefix) = (text(object)?, text(prefix)?);
    let mut out = String::new();
    for line in lines(&text_value, true) {
        let is_indented = match &predicate {
            Some(predicate) if !matches!(predicate, Object::None) => {
                predicate.call1(line.into())?.is_truthy()?
            }
            _ => !line.trim().is_empty(),
        };
        if is_indented {
            out.push_str(&prefix);
        }
        out.push_str(line);
    }
    Ok(Object::from(out))
}
