//! `repr` and `str`.

use std::fmt::Write as _;

use buildout_core::value::{Value, float_repr, str_repr};

use super::depth::deeper;
use super::{DEPTH_LIMIT, Exception, Object, Raised};

/// Returns `repr(object)`.
pub(crate) fn repr(object: &Object) -> Raised<String> {
    let mut text = String::new();
    Writer::default().write(&mut text, object)?;
    Ok(text)
}

/// Returns `str(object)`.
pub(crate) fn to_str(object: &Object) -> Raised<String> {
    match object {
        Object::Str(text) | Object::Markup(text) => Ok(text.to_string()),
        Object::Undefined(undefined) => undefined.fail_unless_lenient().map(|()| String::new()),
        Object::Native(native) => deeper(|| native.to_str()),
        other => repr(other),
    }
}

/// Returns `ascii(object)`.
pub(crate) fn ascii(object: &Object) -> Raised<String> {
    let mut text = String::new();
    for character in repr(object)?.chars() {
        let code = u32::from(character);
        // Writing to a string cannot fail.
        let _ = match code {
            0..0x80 => write!(text, "{character}"),
            0x80..0x100 => write!(text, "\\x{code:02x}"),
            0x100..0x1_0000 => write!(text, "\\u{code:04x}"),
            _ => write!(text, "\\U{code:08x}"),
        };
    }
    Ok(text)
}

/// Writes objects; knows the containers that it is within.
#[derive(Default)]
struct Writer {
    open: Vec<*const ()>,
}

impl Writer {
    fn write(&mut self, text: &mut String, object: &Object) -> Raised<()> {
        match object {
            Object::None => text.push_str("None"),
            Object::Bool(true) => text.push_str("True"),
            Object::Bool(false) => text.push_str("False"),
            Object::Int(integer) => {
                // Writing to a string cannot fail.
                let _ = write!(text, "{integer}");
            }
            Object::Float(float) => text.push_str(&float_repr(*float)),
            Object::Str(string) => text.push_str(&str_repr(string)),
            Object::Markup(string) => {
                let _ = write!(text, "Markup({})", str_repr(string));
            }
            Object::Bytes(bytes) => text.push_str(&Value::bytes(&**bytes).repr()),
            Object::List(list) => {
                let identity = std::rc::Rc::as_ptr(list).cast();
                self.items(text, identity, "[", &list.to_vec(), "]", "[...]")?;
            }
            Object::Tuple(tuple) => {
                let identity = std::rc::Rc::as_ptr(tuple).cast();
                match tuple.kind() {
                    Some(kind) if !kind.name.is_empty() => {
                        let _ = write!(text, "{}(", kind.name);
                        for (index, (name, item)) in
                            kind.fields.iter().zip(tuple.iter()).enumerate()
                        {
                            let comma = if index > 0 { ", " } else { "" };
                            let _ = write!(text, "{comma}{name}=");
                            self.write(text, item)?;
                        }
                        text.push(')');
                    }
                    _ => {
                        let close = if tuple.len() == 1 { ",)" } else { ")" };
                        self.items(text, identity, "(", tuple, close, "(...)")?;
                    }
                }
            }
            Object::Dict(dict) => {
                let identity = std::rc::Rc::as_ptr(dict).cast();
                if !self.enter(text, identity, "{...}")? {
                    return Ok(());
                }
                text.push('{');
                for (index, (key, value)) in dict.to_vec().iter().enumerate() {
                    if index > 0 {
                        text.push_str(", ");
                    }
                    self.write(text, key)?;
                    text.push_str(": ");
                    self.write(text, value)?;
                }
                text.push('}');
                self.open.pop();
            }
            Object::Set(set) if set.is_empty() => text.push_str("set()"),
            Object::FrozenSet(set) if set.is_empty() => text.push_str("frozenset()"),
            Object::Set(set) => {
                let identity = std::rc::Rc::as_ptr(set).cast();
                self.items(text, identity, "{", &set.to_vec(), "}", "set(...)")?;
            }
            Object::FrozenSet(set) => {
                let identity = std::rc::Rc::as_ptr(set).cast();
                let members = set.to_vec();
                self.items(
                    text,
                    identity,
                    "frozenset({",
                    &members,
                    "})",
                    "frozenset(...)",
                )?;
            }
            Object::Undefined(_) => text.push_str("Undefined"),
            Object::Native(native) => text.push_str(&deeper(|| native.repr())?),
        }
        Ok(())
    }

    /// Goes into a container, or writes `within` if it is within itself.
    fn enter(&mut self, text: &mut String, identity: *const (), within: &str) -> Raised<bool> {
        if self.open.contains(&identity) {
            text.push_str(within);
            return Ok(false);
        }
        if self.open.len() >= DEPTH_LIMIT {
            return Err(Exception::recursion());
        }
        self.open.push(identity);
        Ok(true)
    }

    fn items(
        &mut self,
        text: &mut String,
        identity: *const (),
        open: &str,
        items: &[Object],
        close: &str,
        within: &str,
    ) -> Raised<()> {
        if !self.enter(text, identity, within)? {
            return Ok(());
        }
        text.push_str(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            self.write(text, item)?;
        }
        text.push_str(close);
        self.open.pop();
        Ok(())
    }
}
