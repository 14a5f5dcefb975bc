//! `base64`.

use super::super::{Arguments, Exception, Object, Raised};
use super::{Member, Module};

pub(super) static BASE64: Module = Module {
    name: "base64",
    members: &[
        (
            "b64decode",
            Member::Function(|arguments| decode(arguments, STANDARD)),
        ),
        (
            "b64encode",
            Member::Function(|arguments| encode(arguments, STANDARD)),
        ),
        (
            "urlsafe_b64decode",
            Member::Function(|arguments| decode(arguments, URL_SAFE)),
        ),
        (
            "urlsafe_b64encode",
            Member::Function(|arguments| encode(arguments, URL_SAFE)),
        ),
    ],
};

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode(arguments: Arguments, alphabet: &[u8; 64]) -> Raised<Object> {
    let [bytes] = arguments.exactly("b64encode")?;
    let Object::Bytes(bytes) = bytes else {
        return Err(Exception::type_error(format!(
            "a bytes-like object is required, not '{}'",
            bytes.type_name()
        )));
    };
    Ok(Object::bytes(encode_bytes(&bytes, alphabet)))
}

/// Encodes bytes with the standard alphabet.
pub(crate) fn encode_standard(bytes: &[u8]) -> String {
    encode_bytes(bytes, STANDARD)
        .into_iter()
        .map(char::from)
        .collect()
}

fn encode_bytes(bytes: &[u8], alphabet: &[u8; 64]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for index in 0..4 {
            let digit = (bits >> (18 - 6 * index)) & 63;
            out.push(match index <= chunk.len() {
                true => alphabet[digit as usize],
                false => b'=',
            });
        }
    }
    out
}

fn decode(arguments: Arguments, alphabet: &[u8; 64]) -> Raised<Object> {
    let [text] = arguments.exactly("b64decode")?;
    let bytes = match &text {
        Object::Bytes(bytes) => bytes.to_vec(),
        Object::Str(text) | Object::Markup(text) => text.as_bytes().to_vec(),
        other => {
            return Err(Exception::type_error(format!(
                "argument should be a bytes-like object or ASCII string, not '{}'",
                other.type_name()
            )));
        }
    };
    let wrong = |message: &str| Err(Exception::new("binascii.Error", message));
    let mut out = Vec::new();
    let (mut bits, mut count, mut padding) = (0_u32, 0, 0);
    for byte in bytes {
        if byte == b'=' {
            padding += 1;
            continue;
        }
        // What is no digit is skipped.
        let Some(digit) = alphabet.iter().position(|known| *known == byte) else {
            continue;
        };
        bits = (bits << 6) | u32::try_from(digit).unwrap_or_default();
        count += 1;
        if count == 4 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            (bits, count) = (0, 0);
        }
    }
    match (count, padding) {
        (0, _) => {}
        (2, 2..) => out.push(u8::try_from(bits >> 4 & 0xff).unwrap_or_default()),
        (3, 1..) => {
            let pair = u16::try_from(bits >> 2 & 0xffff).unwrap_or_default();
            out.extend_from_slice(&pair.to_be_bytes());
        }
        _ => return wrong("Incorrect padding"),
    }
    Ok(Object::bytes(out))
}
