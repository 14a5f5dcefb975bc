//! `urllib.parse`.

mod quote;
mod split;

use super::super::to_str as string;
use super::super::{Exception, Object, Raised, collect};
use super::{Member, Module};
pub(crate) use quote::quote_value;

pub(crate) static URLLIB: Module = Module {
    name: "urllib",
    members: &[("parse", Member::Module(&PARSE))],
};

pub(crate) static PARSE: Module = Module {
    name: "urllib.parse",
    members: PARSE_MEMBERS,
};

pub(super) const PARSE_MEMBERS: &[(&str, Member)] = &[
    ("parse_qs", Member::Function(quote::parse_qs)),
    ("parse_qsl", Member::Function(quote::parse_qsl)),
    ("quote", Member::Function(quote::quote)),
    ("quote_plus", Member::Function(quote::quote_plus)),
    ("unquote", Member::Function(quote::unquote)),
    ("unquote_plus", Member::Function(quote::unquote_plus)),
    ("urlencode", Member::Function(quote::urlencode)),
    ("urljoin", Member::Function(split::urljoin)),
    ("urlparse", Member::Function(split::urlparse)),
    ("urlsplit", Member::Function(split::urlsplit)),
    ("urlunparse", Member::Function(split::urlunparse)),
    ("urlunsplit", Member::Function(split::urlunsplit)),
];

/// The pieces of a URL as `urlparse` gives them; those that Python has `None`
/// for are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ParsedUrl {
    pub(crate) scheme: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) hostname: String,
    pub(crate) port: String,
    pub(crate) path: String,
    pub(crate) params: String,
    pub(crate) query: String,
    pub(crate) fragment: String,
}

/// Takes a URL apart.
///
/// # Errors
///
/// What Python raises, for a port that is none or a lone bracket.
pub(crate) fn parse_url(url: &str) -> Raised<ParsedUrl> {
    split::parse(url)
}

/// Reads an argument that must be a text.
fn text(argument: Option<Object>) -> Raised<String> {
    match argument.unwrap_or_default() {
        Object::Str(text) | Object::Markup(text) => Ok(text.to_string()),
        Object::Undefined(undefined) => Err(undefined.error()),
        other => Err(Exception::type_error(format!(
            "expected a text, not '{}'",
            other.type_name()
        ))),
    }
}

/// Returns keys with values, of a dict or of pairs.
fn pairs(object: &Object) -> Raised<Vec<(Object, Object)>> {
    if let Object::Dict(dict) = object {
        return Ok(dict.to_vec());
    }
    let mut pairs = Vec::new();
    for pair in collect(object)? {
        let [key, value]: [Object; 2] = collect(&pair)?.try_into().map_err(|_| {
            Exception::type_error("not a valid non-string sequence or mapping object")
        })?;
        pairs.push((key, value));
    }
    Ok(pairs)
}
