//! `re`, for texts.

mod found;
mod pattern;
mod replacement;

use std::rc::Rc;

use super::super::regex::{Flags, Regex};
use super::super::{Arguments, Exception, Object, Raised};
use super::{Member, Module};

use pattern::Pattern;

pub(super) static RE: Module = Module {
    name: "re",
    members: &[
        ("A", Member::Object(|| flag(Flags::ASCII))),
        ("ASCII", Member::Object(|| flag(Flags::ASCII))),
        ("DOTALL", Member::Object(|| flag(Flags::DOT_ALL))),
        ("I", Member::Object(|| flag(Flags::IGNORE_CASE))),
        ("IGNORECASE", Member::Object(|| flag(Flags::IGNORE_CASE))),
        ("M", Member::Object(|| flag(Flags::MULTI_LINE))),
        ("MULTILINE", Member::Object(|| flag(Flags::MULTI_LINE))),
        ("S", Member::Object(|| flag(Flags::DOT_ALL))),
        ("U", Member::Object(|| flag(Flags::UNICODE))),
        ("UNICODE", Member::Object(|| flag(Flags::UNICODE))),
        ("VERBOSE", Member::Object(|| flag(Flags::VERBOSE))),
        ("X", Member::Object(|| flag(Flags::VERBOSE))),
        ("compile", Member::Function(compile)),
        ("escape", Member::Function(escape)),
        (
            "findall",
            Member::Function(|arguments| apply(arguments, "findall")),
        ),
        (
            "finditer",
            Member::Function(|arguments| apply(arguments, "finditer")),
        ),
        (
            "fullmatch",
            Member::Function(|arguments| apply(arguments, "fullmatch")),
        ),
        (
            "match",
            Member::Function(|arguments| apply(arguments, "match")),
        ),
        (
            "search",
            Member::Function(|arguments| apply(arguments, "search")),
        ),
        ("split", Member::Function(split)),
        (
            "sub",
            Member::Function(|arguments| substitute(arguments, "sub")),
        ),
        (
            "subn",
            Member::Function(|arguments| substitute(arguments, "subn")),
        ),
    ],
};

fn flag(flag: Flags) -> Object {
    Object::Int(flag.0.into())
}

/// The class of the exceptions that patterns raise.
fn error(message: impl Into<String>) -> Exception {
    Exception::new("re.error", message)
}

/// Makes the object of a pattern, or returns the one that it is.
fn pattern_of(pattern: &Object, flags: Option<&Object>) -> Raised<Rc<Pattern>> {
    let given = match flags {
        None => 0,
        Some(flags) => super::super::methods::int_argument(flags)?,
    };
    match pattern {
        Object::Str(text) | Object::Markup(text) => {
            let flags = Flags(u32::try_from(given).unwrap_or_default());
            let regex = Regex::new(text, flags).map_err(|problem| error(problem.0))?;
            Ok(Rc::new(Pattern::new(Rc::clone(text), regex)))
        }
        Object::Undefined(undefined) => Err(undefined.error()),
        Object::Bytes(_) => Err(Exception::new(
            "NotImplementedError",
            "regular expressions of bytes are not supported",
        )),
        other => match other.downcast::<Pattern>() {
            Some(pattern) if given == 0 => Ok(Rc::new(pattern.clone())),
            Some(_) => Err(Exception::value_error(
                "cannot process flags argument with a compiled pattern",
            )),
            None => Err(Exception::type_error(
                "first argument must be string or compiled pattern",
            )),
        },
    }
}

fn compile(arguments: Arguments) -> Raised<Object> {
    let [pattern, flags] = arguments.bind("compile", ["pattern", "flags"], 1)?;
    let pattern = pattern_of(&pattern.unwrap_or_default(), flags.as_ref())?;
    Ok(Object::Native(pattern))
}

/// Calls a method of the pattern that is the first argument.
fn apply(arguments: Arguments, name: &'static str) -> Raised<Object> {
    let [pattern, string, flags] = arguments.bind(name, ["pattern", "string", "flags"], 2)?;
    let pattern = pattern_of(&pattern.unwrap_or_default(), flags.as_ref())?;
    let string = string.unwrap_or_default();
    pattern.call_method(name, Arguments::positional(vec![string]))
}

fn split(arguments: Arguments) -> Raised<Object> {
    let [pattern, string, most, flags] =
        arguments.bind("split", ["pattern", "string", "maxsplit", "flags"], 2)?;
    let pattern = pattern_of(&pattern.unwrap_or_default(), flags.as_ref())?;
    let mut arguments = vec![string.unwrap_or_default()];
    arguments.extend(most);
    pattern.call_method("split", Arguments::positional(arguments))
}

fn substitute(arguments: Arguments, name: &'static str) -> Raised<Object> {
    let [pattern, replacement, string, count, flags] =
        arguments.bind(name, ["pattern", "repl", "string", "count", "flags"], 3)?;
    let pattern = pattern_of(&pattern.unwrap_or_default(), flags.as_ref())?;
    let mut arguments = vec![replacement.unwrap_or_default(), string.unwrap_or_default()];
    arguments.extend(count);
    pattern.call_method(name, Arguments::positional(arguments))
}

/// What has a meaning in a pattern.
const SPECIAL: &str = "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c";

fn escape(arguments: Arguments) -> Raised<Object> {
    let [pattern] = arguments.exactly("escape")?;
    let text = match &pattern {
        Object::Undefined(undefined) => return Err(undefined.error()),
        pattern => pattern.as_str().ok_or_else(|| {
            Exception::type_error(format!(
                "decoding to str: need a bytes-like object, {} found",
                pattern.type_name()
            ))
        })?,
    };
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if SPECIAL.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    Ok(Object::from(escaped))
}
