//! `xbuildout`, a module that SlapOS's release `simpleran` puts into the
//! process of zc.buildout: any text as a part of the name of a section.

use super::super::{Arguments, Exception, Object, Raised, repr};
use super::{Member, Module};

pub(super) static XBUILDOUT: Module = Module {
    name: "xbuildout",
    members: &[
        ("decode", Member::Function(decode)),
        ("encode", Member::Function(encode)),
    ],
};

fn text_argument(arguments: Arguments, name: &str) -> Raised<Object> {
    let [text] = arguments.bind(name, ["s"], 1)?;
    let text = text.unwrap_or_default();
    match &text {
        Object::Undefined(undefined) => Err(undefined.error()),
        other if other.as_str().is_none() => {
            Err(Exception::attribute_error(other.type_name(), "encode"))
        }
        _ => Ok(text),
    }
}

/// Keeps letters, digits, points and minus signs; `_` escapes the others.
fn encode(arguments: Arguments) -> Raised<Object> {
    let text = text_argument(arguments, "encode")?;
    let mut encoded = String::new();
    for byte in text.as_str().unwrap_or_default().bytes() {
        match byte {
            b'_' => encoded.push_str("__"),
            b'.' | b'-' => encoded.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => encoded.push(byte.into()),
            byte => encoded.push_str(&format!("_{byte:02x}")),
        }
    }
    Ok(Object::from(encoded))
}

fn decode(arguments: Arguments) -> Raised<Object> {
    let text = match text_argument(arguments, "decode") {
        Err(error) if error.class() == "AttributeError" => {
            return Err(Exception::value_error("invalid encoding"));
        }
        text => text?,
    };
    let decoded = decoded(text.as_str().unwrap_or_default().as_bytes());
    match decoded.map(String::from_utf8) {
        Some(Ok(decoded)) => Ok(Object::from(decoded)),
        _ => Err(Exception::value_error(format!(
            "invalid encoding: {}",
            repr(&text)?
        ))),
    }
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'_' {
            bytes.push(*byte);
            continue;
        }
        let first = *rest.next()?;
        if first == b'_' {
            bytes.push(b'_');
            continue;
        }
        let digits = [first, *rest.next()?];
        let code = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `xbuildout.py` does.
    #[test]
    fn texts_become_names_and_back() {
        for (text, name) in [
            ("", ""),
            ("a", "a"),
            ("a b", "a_20b"),
            ("a_b", "a__b"),
            ("a-b.c", "a-b.c"),
            ("é", "_c3_a9"),
            ("${a:b}", "_24_7ba_3ab_7d"),
        ] {
            let call = |function: fn(Arguments) -> Raised<Object>, text: &str| {
                let object = function(Arguments::positional(vec![text.into()]));
                object.expect(text).as_str().map(str::to_owned)
            };
            assert_eq!(call(encode, text).as_deref(), Some(name));
            assert_eq!(call(decode, name).as_deref(), Some(text));
        }
        for name in ["_", "a_2", "_zz", "_c3"] {
            let decoded = decode(Arguments::positional(vec![name.into()]));
            assert!(decoded.is_err(), "{name}");
        }
    }
}
