//! `six` under Python 3.

use super::super::builtins::builtin;
use super::super::iterator::IteratorObject;
use super::super::view::{Part, View};
use super::super::{Arguments, Exception, Object, Raised, methods};
use super::urllib::{PARSE, PARSE_MEMBERS};
use super::{Member, Module};

pub(super) static SIX: Module = Module {
    name: "six",
    members: &[
        ("PY2", Member::Object(|| Object::Bool(false))),
        ("PY3", Member::Object(|| Object::Bool(true))),
        ("ensure_binary", Member::Function(ensure_binary)),
        ("ensure_str", Member::Function(ensure_text)),
        ("ensure_text", Member::Function(ensure_text)),
        (
            "integer_types",
            Member::Object(|| Object::tuple(vec![kind("int")])),
        ),
        (
            "iteritems",
            Member::Function(|arguments| iterate(arguments, "items")),
        ),
        (
            "iterkeys",
            Member::Function(|arguments| iterate(arguments, "keys")),
        ),
        (
            "itervalues",
            Member::Function(|arguments| iterate(arguments, "values")),
        ),
        ("moves", Member::Module(&MOVES)),
        (
            "string_types",
            Member::Object(|| Object::tuple(vec![kind("str")])),
        ),
        ("text_type", Member::Object(|| kind("str"))),
        ("binary_type", Member::Object(|| kind("bytes"))),
        (
            "viewitems",
            Member::Function(|arguments| view(arguments, "items")),
        ),
        (
            "viewkeys",
            Member::Function(|arguments| view(arguments, "keys")),
        ),
        (
            "viewvalues",
            Member::Function(|arguments| view(arguments, "values")),
        ),
    ],
};

pub(super) static MOVES: Module = Module {
    name: "six.moves",
    members: &[
        ("filter", Member::Object(|| kind("filter"))),
        ("map", Member::Object(|| kind("map"))),
        ("range", Member::Object(|| kind("range"))),
        ("shlex_quote", Member::Function(super::shlex::quote)),
        ("urllib", Member::Module(&MOVES_URLLIB)),
        ("xrange", Member::Object(|| kind("range"))),
        ("zip", Member::Object(|| kind("zip"))),
    ],
};

pub(super) static MOVES_URLLIB: Module = Module {
    name: "six.moves.urllib",
    members: &[("parse", Member::Module(&PARSE))],
};

pub(super) static MOVES_PARSE: Module = Module {
    name: "six.moves.urllib.parse",
    members: PARSE_MEMBERS,
};

fn kind(name: &str) -> Object {
    builtin(name).unwrap_or_default()
}

fn view(arguments: Arguments, name: &str) -> Raised<Object> {
    let [dict] = arguments.exactly(name)?;
    let part = match name {
        "keys" => Part::Keys,
        "values" => Part::Values,
        _ => Part::Items,
    };
    match dict {
        Object::Dict(dict) => Ok(Object::native(View::new(&dict, part))),
        Object::Undefined(undefined) => Err(undefined.error()),
        other => Err(Exception::attribute_error(other.type_name(), name)),
    }
}

fn iterate(arguments: Arguments, name: &str) -> Raised<Object> {
    IteratorObject::of(&view(arguments, name)?)
}

fn ensure_binary(arguments: Arguments) -> Raised<Object> {
    let [object, encoding, errors] =
        arguments.bind("ensure_binary", ["s", "encoding", "errors"], 1)?;
    match object.unwrap_or_default() {
        Object::Str(text) | Object::Markup(text) => methods::bytes::encode(&text, encoding, errors),
        bytes @ Object::Bytes(_) => Ok(bytes),
        other => Err(wrong_type(&other)),
    }
}

fn ensure_text(arguments: Arguments) -> Raised<Object> {
    let [object, encoding, errors] =
        arguments.bind("ensure_text", ["s", "encoding", "errors"], 1)?;
    match object.unwrap_or_default() {
        Object::Bytes(bytes) => methods::bytes::decode(&bytes, encoding, errors),
        text @ (Object::Str(_) | Object::Markup(_)) => Ok(text),
        other => Err(wrong_type(&other)),
    }
}

fn wrong_type(object: &Object) -> Exception {
    match object {
        Object::Undefined(undefined) => undefined.error(),
        other => Exception::type_error(format!(
            "not expecting type '<class '{}'>'",
            other.type_name()
        )),
    }
}
