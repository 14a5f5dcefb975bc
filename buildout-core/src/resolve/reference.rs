//! `${section:option}` in a value: finding the references, pure text.
//!
//! Keeps `Options._sub` of zc.buildout: the value is split on `$$`, each piece
//! is scanned for `${` up to the next `}`, and the pieces are joined with `$$`
//! again, so escapes survive every substitution.

use std::ops::Range;

/// A reference in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The section; empty for the one being evaluated.
    pub section: &'a str,
    /// The option.
    pub option: &'a str,
}

/// A reference that is malformed, by its text. The messages are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// `${x}`.
    #[error("The substitution, {0},\ndoesn't contain a colon.")]
    NoColon(String),
    /// `${a:b:c}`.
    #[error("The substitution, {0},\nhas too many colons.")]
    ManyColons(String),
    /// The section holds a character that no section can be referred with.
    #[error("The section name in substitution, {0},\nhas invalid characters.")]
    Section(String),
    /// The option holds a character that no option can be referred with.
    #[error("The option name in substitution, {0},\nhas invalid characters.")]
    Option(String),
}

impl ReferenceError {
    /// Returns the text of the reference as the profile has it.
    pub fn text(&self) -> &str {
        match self {
            ReferenceError::NoColon(text)
            | ReferenceError::ManyColons(text)
            | ReferenceError::Section(text)
            | ReferenceError::Option(text) => text,
        }
    }
}

/// Returns where the first reference at or after `from` stands, braces
/// included.
pub fn next_reference(text: &str, from: usize) -> Option<Range<usize>> {
    let mut at = from;
    while let Some(found) = text[at..].find('$') {
        let start = at + found;
        let rest = &text.as_bytes()[start + 1..];
        match rest.first() {
            Some(b'$') => at = start + 2,
            Some(b'{') => {
                // A `$$` ends the piece, and with it an open reference.
                let body = &text[start + 2..];
                let piece = body.find("$$").map_or(body, |end| &body[..end]);
                match piece.find('}') {
                    Some(end) => return Some(start..start + 2 + end + 1),
                    None => at = start + 2,
                }
            }
            _ => at = start + 1,
        }
    }
    None
}

/// Takes the text of a reference, braces included, apart.
///
/// # Errors
///
/// The mistakes that upstream tells apart, in its order.
pub fn parse_reference(text: &str) -> Result<Reference<'_>, ReferenceError> {
    let inner = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or(text);
    let mut parts = inner.split(':');
    let (section, option) = match (parts.next(), parts.next(), parts.next()) {
        (Some(_), None, _) | (None, _, _) => {
            return Err(ReferenceError::NoColon(text.to_owned()));
        }
        (Some(_), Some(_), Some(_)) => return Err(ReferenceError::ManyColons(text.to_owned())),
        (Some(section), Some(option), None) => (section, option),
    };
    let valid = is_simple(option) && (section.is_empty() || is_simple(section));
    if valid {
        return Ok(Reference { section, option });
    }
    if is_simple(section) {
        Err(ReferenceError::Option(text.to_owned()))
    } else {
        Err(ReferenceError::Section(text.to_owned()))
    }
}

fn is_simple(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"- ._".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(range) = next_reference(text, at) {
            at = range.end;
            found.push(&text[range]);
        }
        found
    }

    #[test]
    fn references_are_found() {
        let cases: &[(&str, &[&str])] = &[
            ("a ${b:c} d${:e}", &["${b:c}", "${:e}"]),
            ("$${x:y} $$ $ $x ${:b}$$${:b}", &["${:b}", "${:b}"]),
            ("$$${:b}", &["${:b}"]),
            ("$$$${:b}", &[]),
            ("${q:x", &[]),
            ("${a$$b}", &[]),
            ("${:x\n  y}", &["${:x\n  y}"]),
            ("${a ${b:c}", &["${a ${b:c}"]),
        ];
        for (text, expected) in cases {
            assert_eq!(references(text), *expected, "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_apart() {
        let text = |text: &str| text.to_owned();
        let cases = [
            ("${x}", ReferenceError::NoColon(text("${x}"))),
            ("${x:y:z}", ReferenceError::ManyColons(text("${x:y:z}"))),
            ("${x!:y}", ReferenceError::Section(text("${x!:y}"))),
            ("${:a$b}", ReferenceError::Section(text("${:a$b}"))),
            ("${:}", ReferenceError::Section(text("${:}"))),
            ("${x:}", ReferenceError::Option(text("${x:}"))),
        ];
        for (reference, error) in cases {
            assert_eq!(parse_reference(reference), Err(error), "{reference}");
        }
        assert_eq!(
            parse_reference("${ q : x.y }"),
            Ok(Reference {
                section: " q ",
                option: " x.y "
            })
        );
    }
}
