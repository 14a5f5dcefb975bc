//! `json`.

mod parse;

use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use super::super::builtins::builtin;
use super::super::convert::from_value;
use super::super::methods::int_argument;
use super::super::{
    Arguments, DEPTH_LIMIT, Dict, Exception, Object, Raised, collect, methods, sort, to_str,
};
use super::{Member, Module};
use buildout_core::value::{JsonCharacters, Value, push_json_text, python_json_float};

pub(crate) static JSON: Module = Module {
    name: "json",
    members: &[
        ("dumps", Member::Function(dumps_function)),
        ("loads", Member::Function(loads)),
    ],
};

/// How JSON is written.
pub(crate) struct Options {
    pub(crate) sorts_keys: bool,
    characters: JsonCharacters,
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
}

impl Options {
    /// The defaults, with an indent of spaces or of a text.
    pub(crate) fn with_indent(indent: Option<&Object>) -> Raised<Self> {
        let indent = match indent {
            None | Some(Object::None) => None,
            Some(indent) => Some(match indent.as_str() {
                Some(text) => text.to_owned(),
                None => {
                    let width = int_argument(indent)?;
                    " ".repeat(super::super::container::repeated_length(1, width)?)
                }
            }),
        };
        Ok(Options {
            sorts_keys: false,
            characters: JsonCharacters::Ascii,
            item_separator: if indent.is_some() { "," } else { ", " }.to_owned(),
            key_separator: ": ".to_owned(),
            indent,
        })
    }
}

fn loads(arguments: Arguments) -> Raised<Object> {
    let [text] = arguments.bind("loads", ["s"], 1)?;
    match text.unwrap_or_default() {
        Object::Str(text) | Object::Markup(text) => parse::parse(&text),
        Object::Bytes(bytes) => {
            let text = methods::bytes::decode(&bytes, None, None)?;
            parse::parse(text.as_str().unwrap_or_default())
        }
        Object::Undefined(undefined) => Err(undefined.error()),
        other => Err(Exception::type_error(format!(
            "the JSON object must be str, bytes or bytearray, not {}",
            other.type_name()
        ))),
    }
}

fn dumps_function(arguments: Arguments) -> Raised<Object> {
    let names = ["obj", "indent", "sort_keys", "separators", "ensure_ascii"];
    if arguments.positional.len() > 1 {
        return Err(Exception::type_error(format!(
            "dumps() takes 1 positional argument but {} were given",
            arguments.positional.len()
        )));
    }
    let [object, indent, sort_keys, separators, ensure_ascii] =
        arguments.bind("dumps", names, 1)?;
    let mut options = Options::with_indent(indent.as_ref())?;
    if let Some(flag) = sort_keys {
        options.sorts_keys = flag.is_truthy()?;
    }
    if let Some(flag) = ensure_ascii {
        options.characters = match flag.is_truthy()? {
            true => JsonCharacters::Ascii,
            false => JsonCharacters::Any,
        };
    }
    if let Some(separators) = separators.filter(|object| !matches!(object, Object::None)) {
        let separators: [Object; 2] = collect(&separators)?
            .try_into()
            .map_err(|_| Exception::value_error("too many values to unpack (expected 2)"))?;
        options.item_separator = to_str(&separators[0])?;
        options.key_separator = to_str(&separators[1])?;
    }
    dumps(&object.unwrap_or_default(), &options).map(Object::from)
}

/// Returns `json.dumps(values, sort_keys=True)`, with `indent=2` if it is to be
/// read by people.
pub(crate) fn sorted_document(
    values: impl IntoIterator<Item = (Arc<str>, Value)>,
    indented: bool,
) -> Raised<String> {
    let dict = Dict::new();
    for (name, value) in values {
        dict.insert_str(&*name, from_value(&value));
    }
    let indent = indented.then_some(Object::Int(2));
    let options = Options {
        sorts_keys: true,
        ..Options::with_indent(indent.as_ref())?
    };
    dumps(&Object::Dict(Rc::new(dict)), &options)
}

/// Reads a JSON text.
pub(crate) fn read(text: &str) -> Raised<Object> {
    parse::parse(text)
}

/// Returns the JSON of an object.
pub(crate) fn dumps(object: &Object, options: &Options) -> Raised<String> {
    let mut text = String::new();
    write(&mut text, object, options, 0)?;
    Ok(text)
}

fn new_line(text: &mut String, options: &Options, depth: usize) {
    if let Some(indent) = &options.indent {
        text.push('\n');
        text.push_str(&indent.repeat(depth));
    }
}

fn write(text: &mut String, object: &Object, options: &Options, depth: usize) -> Raised<()> {
    if depth > DEPTH_LIMIT {
        return Err(Exception::value_error("Circular reference detected"));
    }
    match object {
        Object::None => text.push_str("null"),
        Object::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Object::Int(value) => {
            // Writing to a string cannot fail.
            let _ = write!(text, "{value}");
        }
        Object::Float(value) => text.push_str(&python_json_float(*value)),
        Object::Str(string) | Object::Markup(string) => {
            push_json_text(string, options.characters, text)
        }
        Object::List(_) | Object::Tuple(_) => {
            let items = collect(object)?;
            if items.is_empty() {
                text.push_str("[]");
                return Ok(());
            }
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(&options.item_separator);
                }
                new_line(text, options, depth + 1);
                write(text, item, options, depth + 1)?;
            }
            new_line(text, options, depth);
            text.push(']');
        }
        Object::Dict(dict) => {
            let mut entries = dict.to_vec();
            if options.sorts_keys {
                let keyed = entries
                    .into_iter()
                    .map(|(key, value)| (key.clone(), (key, value)));
                entries = sort(keyed.collect(), false)?;
            }
            if entries.is_empty() {
                text.push_str("{}");
                return Ok(());
            }
            text.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    text.push_str(&options.item_separator);
                }
                new_line(text, options, depth + 1);
                push_json_text(&key_text(key)?, options.characters, text);
                text.push_str(&options.key_separator);
                write(text, value, options, depth + 1)?;
            }
            new_line(text, options, depth);
            text.push('}');
        }
        other => {
            return Err(Exception::type_error(format!(
                "Object of type {} is not JSON serializable",
                other.type_name()
            )));
        }
    }
    Ok(())
}

fn key_text(key: &Object) -> Raised<String> {
    Ok(match key {
        Object::Str(text) | Object::Markup(text) => text.to_string(),
        Object::None => "null".to_owned(),
        Object::Bool(value) => if *value { "true" } else { "false" }.to_owned(),
        Object::Int(value) => value.to_string(),
        Object::Float(value) => python_json_float(*value),
        other => {
            return Err(Exception::type_error(format!(
                "keys must be str, int, float, bool or None, not {}",
                other.type_name()
            )));
        }
    })
}

/// Returns the number of a text of JSON.
pub(super) fn number(text: &str) -> Raised<Object> {
    let name = match text.contains(['.', 'e', 'E']) {
        true => "float",
        false => "int",
    };
    builtin(name).map_or(Ok(Object::None), |kind| kind.call1(Object::from(text)))
}
