//! The methods of `bytes`, and encodings.

use super::super::function::Method;
use super::super::iterator::IteratorObject;
use super::super::{Arguments, Exception, Object, Raised, collect, to_str};
use super::nothing;
use std::rc::Rc;

fn bytes_of(object: &Object) -> Raised<&Rc<[u8]>> {
    match object {
        Object::Bytes(bytes) => Ok(bytes),
        Object::Undefined(undefined) => Err(undefined.error()),
        other => Err(Exception::type_error(format!(
            "a bytes-like object is required, not '{}'",
            other.type_name()
        ))),
    }
}

const METHODS: &[Method] = &[
    Method {
        name: "decode",
        call: |object, arguments| {
            let [encoding, errors] = arguments.bind("decode", ["encoding", "errors"], 0)?;
            decode(bytes_of(object)?, encoding, errors)
        },
    },
    Method {
        name: "hex",
        call: |object, arguments| {
            nothing(arguments, "hex")?;
            Ok(Object::from(hexadecimal(bytes_of(object)?)))
        },
    },
    Method {
        name: "strip",
        call: |object, arguments| {
            nothing(arguments, "strip")?;
            Ok(Object::bytes(bytes_of(object)?.trim_ascii()))
        },
    },
    Method {
        name: "startswith",
        call: |object, arguments| {
            let [prefix] = arguments.exactly("startswith")?;
            let is_prefix = bytes_of(object)?.starts_with(bytes_of(&prefix)?);
            Ok(Object::Bool(is_prefix))
        },
    },
    Method {
        name: "endswith",
        call: |object, arguments| {
            let [suffix] = arguments.exactly("endswith")?;
            let is_suffix = bytes_of(object)?.ends_with(bytes_of(&suffix)?);
            Ok(Object::Bool(is_suffix))
        },
    },
    Method {
        name: "join",
        call: |object, arguments| {
            let [items] = arguments.exactly("join")?;
            let items = collect(&items)?;
            let parts: Raised<Vec<&[u8]>> = items
                .iter()
                .map(|item| bytes_of(item).map(|bytes| &**bytes))
                .collect();
            Ok(Object::bytes(parts?.join(&**bytes_of(object)?)))
        },
    },
    Method {
        name: "__iter__",
        call: |object, _| IteratorObject::of(object),
    },
];

/// Finds a method.
pub(super) fn find(name: &str) -> Option<Method> {
    METHODS.iter().find(|method| method.name == name).copied()
}

/// Writes bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Ascii,
    Latin1,
}

fn encoding_named(name: Option<Object>) -> Raised<Encoding> {
    let name = match name {
        None => return Ok(Encoding::Utf8),
        Some(name) => to_str(&name)?,
    };
    match name.to_lowercase().replace(['-', '_', ' '], "").as_str() {
        "utf8" | "u8" | "utf" => Ok(Encoding::Utf8),
        "ascii" | "usascii" => Ok(Encoding::Ascii),
        "latin1" | "iso88591" | "l1" => Ok(Encoding::Latin1),
        _ => Err(Exception::new(
            "LookupError",
            format!("unknown encoding: {name}"),
        )),
    }
}

/// Returns `text.encode(encoding, errors)`.
pub(crate) fn encode(
    text: &str,
    encoding: Option<Object>,
    errors: Option<Object>,
) -> Raised<Object> {
    let encoding = encoding_named(encoding)?;
    let errors = errors.map_or(Ok("strict".to_owned()), |errors| to_str(&errors))?;
    let limit = match encoding {
        Encoding::Utf8 => return Ok(Object::bytes(text.as_bytes())),
        Encoding::Ascii => 0x80,
        Encoding::Latin1 => 0x100,
    };
    let mut bytes = Vec::new();
    for (position, character) in text.chars().enumerate() {
        match (u8::try_from(u32::from(character)), errors.as_str()) {
            (Ok(byte), _) if u32::from(byte) < limit => bytes.push(byte),
            (_, "ignore") => {}
            (_, "replace") => bytes.push(b'?'),
            (_, "backslashreplace") => {
                let escape = super::super::ascii(&Object::from(character.to_string()))?;
                bytes.extend_from_slice(escape.trim_matches('\'').as_bytes());
            }
            _ => {
                let name = if encoding == Encoding::Ascii {
                    "ascii"
                } else {
                    "latin-1"
                };
                let escape = super::super::ascii(&Object::from(character.to_string()))?;
                return Err(Exception::new(
                    "UnicodeEncodeError",
                    format!(
                        "'{name}' codec can't encode character {escape} in position {position}: \
                         ordinal not in range({limit})"
                    ),
                ));
            }
        }
    }
    Ok(Object::bytes(bytes))
}

/// Returns `bytes.decode(encoding, errors)`.
pub(crate) fn decode(
    bytes: &[u8],
    encoding: Option<Object>,
    errors: Option<Object>,
) -> Raised<Object> {
    let encoding = encoding_named(encoding)?;
    let errors = errors.map_or(Ok("strict".to_owned()), |errors| to_str(&errors))?;
    let failed = |name: &str, at: usize, reason: &str| {
        Exception::new(
            "UnicodeDecodeError",
            format!(
                "'{name}' codec can't decode byte 0x{:02x} in position {at}: {reason}",
                bytes[at]
            ),
        )
    };
    let text = match encoding {
        Encoding::Latin1 => bytes.iter().copied().map(char::from).collect(),
        Encoding::Ascii if !bytes.is_ascii() && errors == "strict" => {
            let at = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
            return Err(failed("ascii", at, "ordinal not in range(128)"));
        }
        Encoding::Ascii | Encoding::Utf8 => match (std::str::from_utf8(bytes), errors.as_str()) {
            (Ok(text), _) => text.to_owned(),
            (Err(_), "replace") => String::from_utf8_lossy(bytes).into_owned(),
            (Err(_), "ignore") => String::from_utf8_lossy(bytes).replace('\u{fffd}', ""),
            (Err(error), _) => {
                let at = error.valid_up_to();
                let reason = match error.error_len() {
                    None => "unexpected end of data",
                    Some(1) => "invalid start byte",
                    Some(_) => "invalid continuation byte",
                };
                return Err(failed("utf-8", at, reason));
            }
        },
    };
    Ok(Object::from(text))
}

/// Makes `bytes` of the arguments of the type.
pub(crate) fn construct(arguments: Arguments) -> Raised<Object> {
    let [source, encoding, errors] =
        arguments.bind("bytes", ["source", "encoding", "errors"], 0)?;
    match source {
        None => Ok(Object::bytes(Vec::new())),
        Some(Object::Str(text) | Object::Markup(text)) => match encoding {
            Some(encoding) => encode(&text, Some(encoding), errors),
            None => Err(Exception::type_error("string argument without an encoding")),
        },
        Some(bytes @ Object::Bytes(_)) => Ok(bytes),
        Some(object) => {
            if let Some(length) = object.as_int() {
                let length = super::super::container::repeated_length(1, length)?;
                return Ok(Object::bytes(vec![0; length]));
            }
            let mut bytes = Vec::new();
            for item in collect(&object)? {
                let byte = super::int_argument(&item)?;
                bytes.push(
                    u8::try_from(byte)
                        .map_err(|_| Exception::value_error("bytes must be in range(0, 256)"))?,
                );
            }
            Ok(Object::bytes(bytes))
        }
    }
}
