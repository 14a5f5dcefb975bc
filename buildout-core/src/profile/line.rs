//! What one line of a profile is; lines are without their newline.

use super::python_text::{is_python_space, rstrip};

/// A section header.
pub(super) struct Header<'a> {
    pub(super) name: &'a str,
    /// The column and text of the expression, if there is a colon.
    pub(super) expression: Option<(usize, &'a str)>,
}

/// Splits a section header, or returns `None` if `line` is not one.
pub(super) fn split_header(line: &str) -> Option<Header<'_>> {
    let inner = line.strip_prefix('[')?.trim_start_matches(is_python_space);
    let ends_name = |c: char| is_python_space(c) || "#[]:;{}".contains(c);
    let letters = leading_letters(inner);
    let others = &inner[letters..];
    let name_length = letters + others.find(ends_name).unwrap_or(others.len());
    let (name, rest) = inner.split_at(name_length);
    if name.is_empty() {
        return None;
    }
    let rest = rest.trim_start_matches(is_python_space);
    if let Some(after) = rest.strip_prefix(']') {
        return ends_line(after).then_some(Header {
            name,
            expression: None,
        });
    }
    let body = rest.strip_prefix(':')?;
    // Upstream's expression is greedy: it reaches to the last bracket before
    // the comment.
    let end = body.find(['#', ';']).unwrap_or(body.len());
    let close = body[..end].rfind(']')?;
    if !ends_line(&body[close + 1..]) {
        return None;
    }
    Some(Header {
        name,
        expression: Some((line.len() - body.len(), &body[..close])),
    })
}

/// Tells whether only blanks and a comment are left.
fn ends_line(rest: &str) -> bool {
    let rest = rest.trim_start_matches(is_python_space);
    rest.is_empty() || rest.starts_with(['#', ';'])
}

/// Returns how many characters `text` begins with that nearly all names consist
/// of.
fn leading_letters(text: &str) -> usize {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.bytes().take_while(is_letter).count()
}

/// Splits `key = value`, or returns `None` if `line` is not an option. The key
/// keeps its operator and has no trailing blanks.
pub(super) fn split_option(line: &str) -> Option<(&str, &str)> {
    let letters = leading_letters(line);
    let (name, rest) = line.split_at(letters);
    // Nearly all names are followed by nothing special.
    if !name.is_empty()
        && let Some(value) = rest.strip_prefix(" =").or_else(|| rest.strip_prefix('='))
    {
        return Some((name, value));
    }
    let equals = letters + memchr::memchr(b'=', rest.as_bytes())?;
    let (head, value) = (&line[..equals], &line[equals + 1..]);
    let ends_name = |c: char| is_python_space(c) || matches!(c, '{' | '}' | '[' | ']' | ':');
    let rest = head.trim_start_matches(|c| !ends_name(c));
    if rest.len() == head.len() {
        return None;
    }
    let rest = rest.trim_start_matches(is_python_space);
    matches!(rest, "" | "+" | "-").then(|| (rstrip(head), value))
}
