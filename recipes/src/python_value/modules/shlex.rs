//! `shlex`.

use super::super::{Arguments, Exception, Object, Raised, to_str};
use super::{Member, Module};
use buildout_core::exec::shell_quote;

pub(super) static SHLEX: Module = Module {
    name: "shlex",
    members: &[
        ("quote", Member::Function(quote)),
        ("split", Member::Function(split)),
    ],
};

pub(super) fn quote(arguments: Arguments) -> Raised<Object> {
    let [text] = arguments.exactly("quote")?;
    if let Object::Undefined(undefined) = &text {
        return Err(undefined.error());
    }
    let Some(text) = text.as_str() else {
        return Err(Exception::type_error(format!(
            "expected string or bytes-like object, got '{}'",
            text.type_name()
        )));
    };
    Ok(Object::from(&*shell_quote::quote(text)))
}

fn split(arguments: Arguments) -> Raised<Object> {
    let [text] = arguments.exactly("split")?;
    let words = shell_quote::shlex_split(&to_str(&text)?)
        .map_err(|error| Exception::value_error(error.to_string()))?;
    Ok(Object::list(words.into_iter().map(Object::from).collect()))
}
