//! `re`, without matching.

use super::super::{Arguments, Exception, Object, Raised};
use super::{Member, Module};

pub(super) static RE: Module = Module {
    name: "re",
    members: &[("escape", Member::Function(escape))],
};

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
