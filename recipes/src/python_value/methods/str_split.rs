//! The methods of `str` that take texts apart.

use buildout_core::profile::python_text::is_python_space;

use super::super::{Arguments, Exception, Object, Raised};
use super::optional_int;
use super::str::{text_argument, text_of};
use std::rc::Rc;

fn list<'t>(parts: impl IntoIterator<Item = &'t str>) -> Object {
    Object::list(parts.into_iter().map(Object::from).collect())
}

fn separator(separator: Option<Object>) -> Raised<Option<Rc<str>>> {
    match separator {
        None | Some(Object::None) => Ok(None),
        Some(separator) => {
            let separator = text_argument(&separator, "split()")?;
            match separator.is_empty() {
                true => Err(Exception::value_error("empty separator")),
                false => Ok(Some(separator)),
            }
        }
    }
}

/// The most parts that a limit of splits allows.
fn parts(limit: Option<Object>) -> Raised<usize> {
    let limit = optional_int(limit)?.unwrap_or(-1);
    Ok(usize::try_from(limit).map_or(usize::MAX, |limit| limit.saturating_add(1)))
}

pub(super) fn split(object: &Object, arguments: Arguments) -> Raised<Object> {
    let [by, limit] = arguments.bind("split", ["sep", "maxsplit"], 0)?;
    let text = text_of(object)?;
    let limit = parts(limit)?;
    if let Some(separator) = separator(by)? {
        return Ok(list(text.splitn(limit, &*separator)));
    }
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(is_python_space);
    while !rest.is_empty() {
        if words.len() + 1 >= limit {
            // The rest keeps what is behind it.
            words.push(rest);
            break;
        }
        let end = rest.find(is_python_space).unwrap_or(rest.len());
        words.push(&rest[..end]);
        rest = rest[end..].trim_start_matches(is_python_space);
    }
    Ok(list(words))
}

pub(super) fn rsplit(object: &Object, arguments: Arguments) -> Raised<Object> {
    let [by, limit] = arguments.bind("rsplit", ["sep", "maxsplit"], 0)?;
    let text = text_of(object)?;
    let limit = parts(limit)?;
    let mut found: Vec<&str> = Vec::new();
    match separator(by)? {
        Some(separator) => found.extend(text.rsplitn(limit, &*separator)),
        None => {
            let mut rest = text.trim_end_matches(is_python_space);
            while !rest.is_empty() {
                if found.len() + 1 >= limit {
                    found.push(rest);
                    break;
                }
                let start = rest
                    .char_indices()
                    .rev()
                    .find(|(_, character)| is_python_space(*character))
                    .map_or(0, |(at, character)| at + character.len_utf8());
                found.push(&rest[start..]);
                rest = rest[..start].trim_end_matches(is_python_space);
            }
        }
    }
    found.reverse();
    Ok(list(found))
}

/// Splits a text into lines, which keep their ends if wanted.
pub(crate) fn lines(text: &str, keeps_ends: bool) -> Vec<&str> {
    let is_end = |character: char| {
        matches!(
            character,
            '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_end) {
        let length = match rest[at..].starts_with("\r\n") {
            true => 2,
            false => rest[at..].chars().next().map_or(1, char::len_utf8),
        };
        lines.push(&rest[..if keeps_ends { at + length } else { at }]);
        rest = &rest[at + length..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

pub(super) fn splitlines(object: &Object, arguments: Arguments) -> Raised<Object> {
    let [keeps_ends] = arguments.bind("splitlines", ["keepends"], 0)?;
    let keeps_ends = match keeps_ends {
        Some(flag) => flag.is_truthy()?,
        None => false,
    };
    Ok(list(lines(text_of(object)?, keeps_ends)))
}

pub(super) fn partition(object: &Object, arguments: Arguments) -> Raised<Object> {
    let [by] = arguments.exactly("partition")?;
    let text = text_of(object)?;
    let by = separator(Some(by))?.unwrap_or_default();
    let (before, separator, after) = match text.split_once(&*by) {
        Some((before, after)) => (before, &*by, after),
        None => (text, "", ""),
    };
    Ok(Object::tuple(vec![
        before.into(),
        separator.into(),
        after.into(),
    ]))
}

pub(super) fn rpartition(object: &Object, arguments: Arguments) -> Raised<Object> {
    let [by] = arguments.exactly("rpartition")?;
    let text = text_of(object)?;
    let by = separator(Some(by))?.unwrap_or_default();
    let (before, separator, after) = match text.rsplit_once(&*by) {
        Some((before, after)) => (before, &*by, after),
        None => ("", "", text),
    };
    Ok(Object::tuple(vec![
        before.into(),
        separator.into(),
        after.into(),
    ]))
}
