//! `textwrap`.

use super::super::methods::{int_argument, lines};
use super::super::wrap::Wrapper;
use super::super::{Arguments, Exception, Object, Raised};
use super::{Member, Module};
use buildout_core::profile::python_text::{dedent as dedent_text, split_words};

pub(super) static TEXTWRAP: Module = Module {
    name: "textwrap",
    members: &[
        ("dedent", Member::Function(dedent)),
        ("fill", Member::Function(fill)),
        ("indent", Member::Function(indent)),
        ("shorten", Member::Function(shorten)),
        ("wrap", Member::Function(wrap)),
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

/// Takes text and width, and makes what breaks lines of the other arguments.
fn wrapper(mut arguments: Arguments, name: &str) -> Raised<(String, Wrapper)> {
    let mut wrapper = Wrapper::default();
    let mut own = Arguments::positional(std::mem::take(&mut arguments.positional));
    for (keyword, value) in arguments.keywords {
        match &*keyword {
            "text" | "width" => own.keywords.push((keyword, value)),
            "initial_indent" => wrapper.initial_indent = text(Some(value))?,
            "subsequent_indent" => wrapper.subsequent_indent = text(Some(value))?,
            "placeholder" => wrapper.placeholder = text(Some(value))?,
            "expand_tabs" => wrapper.expands_tabs = value.is_truthy()?,
            "replace_whitespace" => wrapper.replaces_whitespace = value.is_truthy()?,
            "fix_sentence_endings" => wrapper.fixes_sentence_endings = value.is_truthy()?,
            "break_long_words" => wrapper.breaks_long_words = value.is_truthy()?,
            "drop_whitespace" => wrapper.drops_whitespace = value.is_truthy()?,
            "break_on_hyphens" => wrapper.breaks_on_hyphens = value.is_truthy()?,
            "tabsize" => {
                wrapper.tab_size = usize::try_from(int_argument(&value)?).unwrap_or(0);
            }
            "max_lines" => {
                wrapper.max_lines = match value {
                    Object::None => None,
                    value => Some(int_argument(&value)?),
                };
            }
            other => {
                return Err(Exception::type_error(format!(
                    "TextWrapper.__init__() got an unexpected keyword argument '{other}'"
                )));
            }
        }
    }
    let required = if name == "shorten" { 2 } else { 1 };
    let [object, width] = own.bind(name, ["text", "width"], required)?;
    if let Some(width) = width {
        wrapper.width = int_argument(&width)?;
    }
    match object.unwrap_or_default() {
        Object::Str(text) | Object::Markup(text) => Ok((text.to_string(), wrapper)),
        Object::Undefined(undefined) => Err(undefined.error()),
        other => Err(Exception::attribute_error(other.type_name(), "expandtabs")),
    }
}

fn wrap(arguments: Arguments) -> Raised<Object> {
    let (text, wrapper) = wrapper(arguments, "wrap")?;
    let lines = wrapper.wrap(&text)?;
    Ok(Object::list(lines.into_iter().map(Object::from).collect()))
}

fn fill(arguments: Arguments) -> Raised<Object> {
    let (text, wrapper) = wrapper(arguments, "fill")?;
    Ok(Object::from(wrapper.wrap(&text)?.join("\n")))
}

fn shorten(arguments: Arguments) -> Raised<Object> {
    let (text, mut wrapper) = wrapper(arguments, "shorten")?;
    wrapper.max_lines = Some(1);
    let words: Vec<&str> = split_words(&text).collect();
    Ok(Object::from(wrapper.wrap(&words.join(" "))?.join("\n")))
}
