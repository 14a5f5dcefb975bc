//! Python's `repr`.

use std::fmt::Write as _;

use super::Value;
use super::order::compare_for_display;

/// The order in which dict keys and set members are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MemberOrder {
    /// As they are kept, like `repr`.
    Kept,
    /// Sorted, like the safe `repr` of `pprint`.
    Sorted,
}

/// A piece of output still to be written.
enum Piece<'value> {
    Text(&'static str),
    Value(&'value Value),
}

pub(super) fn repr(value: &Value, order: MemberOrder) -> String {
    let mut text = String::new();
    let mut pending = vec![Piece::Value(value)];
    // What is pushed is written in reverse, so each container pushes its
    // closing bracket first.
    while let Some(piece) = pending.pop() {
        let value = match piece {
            Piece::Text(piece) => {
                text.push_str(piece);
                continue;
            }
            Piece::Value(value) => value,
        };
        match value {
            Value::None => text.push_str("None"),
            Value::Bool(true) => text.push_str("True"),
            Value::Bool(false) => text.push_str("False"),
            Value::Int(integer) => {
                // Writing to a string cannot fail.
                let _ = write!(text, "{integer}");
            }
            Value::Float(float) => text.push_str(&float_repr(*float)),
            Value::Str(string) => write_str(&mut text, string),
            Value::Bytes(bytes) => write_bytes(&mut text, bytes),
            Value::List(items) => push_items(&mut pending, "[", items.iter().rev(), "]"),
            Value::Tuple(items) => {
                let close = if items.len() == 1 { ",)" } else { ")" };
                push_items(&mut pending, "(", items.iter().rev(), close);
            }
            Value::Set(members) | Value::FrozenSet(members) => {
                let is_set = matches!(value, Value::Set(_));
                let (open, close) = match (is_set, members.is_empty()) {
                    (true, true) => ("set(", ")"),
                    (true, false) => ("{", "}"),
                    (false, true) => ("frozenset(", ")"),
                    (false, false) => ("frozenset({", "})"),
                };
                let mut members: Vec<&Value> = members.iter().collect();
                if order == MemberOrder::Sorted {
                    members.sort_by(|left, right| compare_for_display(left, right));
                }
                push_items(&mut pending, open, members.into_iter().rev(), close);
            }
            Value::Dict(dict) => {
                let mut entries: Vec<(&Value, &Value)> = dict.iter().collect();
                if order == MemberOrder::Sorted {
                    entries.sort_by(|left, right| compare_for_display(left.0, right.0));
                }
                pending.push(Piece::Text("}"));
                for (position, (key, value)) in entries.into_iter().enumerate().rev() {
                    pending.push(Piece::Value(value));
                    pending.push(Piece::Text(": "));
                    pending.push(Piece::Value(key));
                    if position > 0 {
                        pending.push(Piece::Text(", "));
                    }
                }
                pending.push(Piece::Text("{"));
            }
        }
    }
    text
}

/// Pushes brackets and items; the items come in reverse order.
fn push_items<'value>(
    pending: &mut Vec<Piece<'value>>,
    open: &'static str,
    items: impl Iterator<Item = &'value Value>,
    close: &'static str,
) {
    pending.push(Piece::Text(close));
    for (position, item) in items.enumerate() {
        if position > 0 {
            pending.push(Piece::Text(", "));
        }
        pending.push(Piece::Value(item));
    }
    pending.push(Piece::Text(open));
}

/// Returns Python's `repr` of a float: the shortest digits that read back as
/// the same number, with an exponent below `1e-04` and from `1e+16` on.
pub fn float_repr(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    // The standard library always writes an `e` and a decimal exponent.
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let mut text = format!("{float}");
        if !text.contains('.') {
            text.push_str(".0");
        }
        text
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
    }
}

/// Returns Python's `repr` of a text: in single quotes, unless only single
/// quotes occur in it.
pub fn str_repr(text: &str) -> String {
    let mut output = String::with_capacity(text.len() + 2);
    write_str(&mut output, text);
    output
}

fn write_str(output: &mut String, text: &str) {
    let quote = quote_for(text.bytes());
    output.push(quote);
    for character in text.chars() {
        match character {
            '\n' => output.push_str("\\n"),
            '\r' => output.push_str("\\r"),
            '\t' => output.push_str("\\t"),
            '\\' => output.push_str("\\\\"),
            _ if character == quote => {
                output.push('\\');
                output.push(quote);
            }
            _ if is_printable(character) => output.push(character),
            _ => {
                let code = u32::from(character);
                // Writing to a string cannot fail.
                let _ = match code {
                    0..=0xff => write!(output, "\\x{code:02x}"),
                    0x100..=0xffff => write!(output, "\\u{code:04x}"),
                    _ => write!(output, "\\U{code:08x}"),
                };
            }
        }
    }
    output.push(quote);
}

fn write_bytes(output: &mut String, bytes: &[u8]) {
    let quote = quote_for(bytes.iter().copied());
    output.push('b');
    output.push(quote);
    for &byte in bytes {
        match byte {
            b'\n' => output.push_str("\\n"),
            b'\r' => output.push_str("\\r"),
            b'\t' => output.push_str("\\t"),
            b'\\' => output.push_str("\\\\"),
            _ if char::from(byte) == quote => {
                output.push('\\');
                output.push(quote);
            }
            b' '..=b'~' => output.push(char::from(byte)),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(output, "\\x{byte:02x}");
            }
        }
    }
    output.push(quote);
}

fn quote_for(bytes: impl Iterator<Item = u8>) -> char {
    let (mut single, mut double) = (false, false);
    for byte in bytes {
        single |= byte == b'\'';
        double |= byte == b'"';
    }
    if single && !double { '"' } else { '\'' }
}

/// Tells whether Python's `str.isprintable` holds for a character.
///
/// The standard library escapes the same Unicode categories in debug output
/// (`Cc Cf Cs Co Cn Zl Zp Zs`, except the space), except that it may also
/// escape a combining character, which it does only at the start of a text:
/// hence the letter in front. Characters newer than Python's Unicode tables
/// are printable here and not there.
pub fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    let mut buffer = [b'a'; 5];
    let length = character.encode_utf8(&mut buffer[1..]).len();
    std::str::from_utf8(&buffer[..=length])
        .is_ok_and(|text| text.escape_debug().nth(1) != Some('\\'))
}
