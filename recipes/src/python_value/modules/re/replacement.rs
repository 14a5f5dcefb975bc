//! What replaces the matches of a pattern.

use super::super::super::builtins::is_callable;
use super::super::super::regex::{Escape, read_escape};
use super::super::super::{Exception, Object, Raised};
use super::error;
use super::pattern::Pattern;
use buildout_core::value::str_repr;

/// A function, or a text with groups in it.
pub(super) enum Replacement {
    Call(Object),
    Parts(Vec<Part>),
}

pub(super) enum Part {
    Text(String),
    Group(usize),
}

impl Replacement {
    pub(super) fn new(object: Object, pattern: &Pattern) -> Raised<Self> {
        if let Object::Undefined(undefined) = &object {
            return Err(undefined.error());
        }
        if let Some(text) = object.as_str() {
            return parts(text, pattern).map(Replacement::Parts);
        }
        match is_callable(&object) {
            true => Ok(Replacement::Call(object)),
            false => Err(Exception::type_error(format!(
                "decoding to str: need a bytes-like object, {} found",
                object.type_name()
            ))),
        }
    }
}

/// Reads a text in which `\1` and `\g<name>` are groups.
pub(super) fn parts(text: &str, pattern: &Pattern) -> Raised<Vec<Part>> {
    let characters: Vec<char> = text.chars().collect();
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        at += 1;
        if character != '\\' {
            literal.push(character);
            continue;
        }
        let read = read_escape(&characters[at..])
            .map_err(|message| error(format!("{message} at position {}", at - 1)))?;
        let Some((escape, length)) = read else {
            return Err(error("bad escape (end of pattern)"));
        };
        at += length;
        let index = match escape {
            Escape::Character(character) => {
                literal.push(character);
                continue;
            }
            Escape::Other('g') => {
                let (group, end) = named_group(&characters, at, pattern)?;
                at = end;
                group
            }
            Escape::Other(letter) if letter.is_ascii_alphabetic() => {
                return Err(error(format!(
                    "bad escape \\{letter} at position {}",
                    at - 2
                )));
            }
            Escape::Other(other) => {
                literal.push('\\');
                literal.push(other);
                continue;
            }
            Escape::Group(index) => index,
        };
        if index > pattern.regex.groups {
            return Err(error(format!("invalid group reference {index}")));
        }
        parts.push(Part::Text(std::mem::take(&mut literal)));
        parts.push(Part::Group(index));
    }
    parts.push(Part::Text(literal));
    Ok(parts)
}

/// Reads `<name>`; returns the group and where it ends.
fn named_group(characters: &[char], at: usize, pattern: &Pattern) -> Raised<(usize, usize)> {
    if characters.get(at) != Some(&'<') {
        return Err(error("missing <"));
    }
    let length = characters[at + 1..].iter().position(|end| *end == '>');
    let Some(length) = length else {
        return Err(error("missing >, unterminated name"));
    };
    let name: String = characters[at + 1..at + 1 + length].iter().collect();
    let end = at + length + 2;
    if name.is_empty() {
        return Err(error("missing group name"));
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        let index = name.parse().unwrap_or(usize::MAX);
        return Ok((index, end));
    }
    let is_name = name.chars().all(|one| one.is_alphanumeric() || one == '_');
    if !is_name || name.starts_with(|first: char| first.is_numeric()) {
        return Err(error(format!(
            "bad character in group name {}",
            str_repr(&name)
        )));
    }
    match pattern.group(&Object::from(&*name)) {
        Some(index) => Ok((index, end)),
        None => Err(Exception::new(
            "IndexError",
            format!("unknown group name {}", str_repr(&name)),
        )),
    }
}
