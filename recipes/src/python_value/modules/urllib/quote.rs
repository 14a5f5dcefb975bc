//! Quoting, and query strings.

use std::rc::Rc;

use super::super::super::{Arguments, Dict, Exception, Object, Raised, collect};
use super::{pairs, string, text};

/// Quotes all but letters, digits, `_.-~` and what is safe.
fn quote_bytes(bytes: &[u8], safe: &str) -> String {
    let mut quoted = String::with_capacity(bytes.len());
    for &byte in bytes {
        let character = char::from(byte);
        let is_safe = byte.is_ascii_alphanumeric()
            || b"_.-~".contains(&byte)
            || (byte.is_ascii() && safe.contains(character));
        match is_safe {
            true => quoted.push(character),
            false => quoted.push_str(&format!("%{byte:02X}")),
        }
    }
    quoted
}

fn quote_plus_bytes(bytes: &[u8], safe: &str) -> String {
    quote_bytes(bytes, &format!("{safe} ")).replace(' ', "+")
}

fn bytes_of(object: &Object) -> Raised<Vec<u8>> {
    match object {
        Object::Bytes(bytes) => Ok(bytes.to_vec()),
        other => Ok(text(Some(other.clone()))?.into_bytes()),
    }
}

/// Quotes any value as Jinja2's `urlencode` does.
pub(crate) fn quote_value(value: &Object, safe: &str, for_query: bool) -> Raised<String> {
    let bytes = match value {
        Object::Bytes(bytes) => bytes.to_vec(),
        other => string(other)?.into_bytes(),
    };
    Ok(match for_query {
        true => quote_plus_bytes(&bytes, safe),
        false => quote_bytes(&bytes, safe),
    })
}

pub(super) fn quote(arguments: Arguments) -> Raised<Object> {
    let [value, safe] = arguments.bind("quote", ["string", "safe"], 1)?;
    let safe = safe.map_or(Ok("/".to_owned()), |safe| text(Some(safe)))?;
    let bytes = bytes_of(&value.unwrap_or_default())?;
    Ok(Object::from(quote_bytes(&bytes, &safe)))
}

pub(super) fn quote_plus(arguments: Arguments) -> Raised<Object> {
    let [value, safe] = arguments.bind("quote_plus", ["string", "safe"], 1)?;
    let safe = safe.map_or(Ok(String::new()), |safe| text(Some(safe)))?;
    let bytes = bytes_of(&value.unwrap_or_default())?;
    Ok(Object::from(quote_plus_bytes(&bytes, &safe)))
}

/// Replaces what is quoted; what is then no UTF-8 becomes U+FFFD.
fn unquote_text(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

pub(super) fn unquote(arguments: Arguments) -> Raised<Object> {
    let [value] = arguments.bind("unquote", ["string"], 1)?;
    Ok(Object::from(unquote_text(&text(value)?)))
}

pub(super) fn unquote_plus(arguments: Arguments) -> Raised<Object> {
    let [value] = arguments.bind("unquote_plus", ["string"], 1)?;
    Ok(Object::from(unquote_text(&text(value)?.replace('+', " "))))
}

pub(super) fn urlencode(arguments: Arguments) -> Raised<Object> {
    let [query, doseq, safe] = arguments.bind("urlencode", ["query", "doseq", "safe"], 1)?;
    let doseq = doseq.map_or(Ok(false), |flag| flag.is_truthy())?;
    let safe = safe.map_or(Ok(String::new()), |safe| text(Some(safe)))?;
    let mut parts = Vec::new();
    for (key, value) in pairs(&query.unwrap_or_default())? {
        let key = quote_value(&key, &safe, true)?;
        let is_sequence = matches!(value, Object::List(_) | Object::Tuple(_));
        let values = match doseq && is_sequence {
            true => collect(&value)?,
            false => vec![value],
        };
        for value in values {
            parts.push(format!("{key}={}", quote_value(&value, &safe, true)?));
        }
    }
    Ok(Object::from(parts.join("&")))
}

fn query_pairs(arguments: Arguments, function: &str) -> Raised<Vec<(String, String)>> {
    let [query, keep_blank, strict] =
        arguments.bind(function, ["qs", "keep_blank_values", "strict_parsing"], 1)?;
    let is_set = |flag: Option<Object>| flag.map_or(Ok(false), |flag| flag.is_truthy());
    let (keep_blank, strict) = (is_set(keep_blank)?, is_set(strict)?);
    let mut found = Vec::new();
    for part in text(query)?.split('&') {
        if part.is_empty() && !strict {
            continue;
        }
        let (name, value) = match part.split_once('=') {
            Some(split) => split,
            None if strict => {
                return Err(Exception::value_error(format!(
                    "bad query field: {}",
                    buildout_core::value::str_repr(part)
                )));
            }
            None if keep_blank => (part, ""),
            None => continue,
        };
        if value.is_empty() && !keep_blank {
            continue;
        }
        let decode = |text: &str| unquote_text(&text.replace('+', " "));
        found.push((decode(name), decode(value)));
    }
    Ok(found)
}

pub(super) fn parse_qsl(arguments: Arguments) -> Raised<Object> {
    let pairs = query_pairs(arguments, "parse_qsl")?.into_iter();
    let pairs = pairs.map(|(name, value)| Object::tuple(vec![name.into(), value.into()]));
    Ok(Object::list(pairs.collect()))
}

pub(super) fn parse_qs(arguments: Arguments) -> Raised<Object> {
    let dict = Dict::new();
    for (name, value) in query_pairs(arguments, "parse_qs")? {
        match dict.get_str(&name) {
            Some(Object::List(list)) => list.push(value.into()),
            _ => dict.insert_str(name, Object::list(vec![value.into()])),
        }
    }
    Ok(Object::Dict(Rc::new(dict)))
}
