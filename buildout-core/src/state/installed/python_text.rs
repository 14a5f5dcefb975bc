//! Python's idea of white space, where Rust's differs.

use std::iter;

/// Returns whether Python's `str.isspace` and the `\s` of its `re` accept the character: Unicode
/// white space plus the four ASCII separators.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}

/// Returns the text without white space at both ends (`str.strip`).
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Returns the text without white space at its end (`str.rstrip`).
pub(super) fn strip_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// Splits a text into its words (`str.split` without arguments).
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// Splits a text into numbered lines as Python's text mode does: LF, CR LF and a lone CR all end
/// a line, and a line end at the very end starts no further line.
pub(super) fn numbered_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    let mut number = 0;
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        number += 1;
        let Some(end) = rest.find(['\n', '\r']) else {
            return Some((number, std::mem::take(&mut rest)));
        };
        let line = &rest[..end];
        let width = if rest[end..].starts_with("\r\n") {
            2
        } else {
            1
        };
        rest = &rest[end + width..];
        Some((number, line))
    })
}

/// Removes the white space which all lines share at their start (`textwrap.dedent`).
pub(super) fn dedent(text: &str) -> String {
    let is_margin = |character: char| character == ' ' || character == '\t';
    let mut margin: Option<&str> = None;
    for line in text.split('\n') {
        let body = line.trim_start_matches(is_margin);
        if body.is_empty() {
            continue;
        }
        let indent = &line[..line.len() - body.len()];
        margin = Some(match margin {
            None => indent,
            Some(margin) => common_prefix(margin, indent),
        });
    }
    let margin = margin.unwrap_or_default();
    let mut result = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            result.push('\n');
        }
        if !line.trim_start_matches(is_margin).is_empty() {
            result.push_str(line.strip_prefix(margin).unwrap_or(line));
        }
    }
    result
}

/// Returns the longest common start of two ASCII texts.
fn common_prefix<'a>(left: &'a str, right: &str) -> &'a str {
    let length = iter::zip(left.bytes(), right.bytes())
        .take_while(|(left, right)| left == right)
        .count();
    &left[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_in_python_text_mode() {
        let lines: Vec<_> = numbered_lines("a\rb\r\nc\n\nd").collect();
        assert_eq!(lines, [(1, "a"), (2, "b"), (3, "c"), (4, ""), (5, "d")]);
        assert_eq!(numbered_lines("a\n").count(), 1);
        assert_eq!(numbered_lines("").count(), 0);
    }

    #[test]
    fn dedent_removes_the_shared_margin() {
        for (text, expected) in [
            ("\n\t a\n\t  b", "\na\n b"),
            ("\n  a\n\tb", "\n  a\n\tb"),
            ("\n a\n   \n b", "\na\n\nb"),
            ("", ""),
        ] {
            assert_eq!(dedent(text), expected, "{text:?}");
        }
    }

    #[test]
    fn ascii_separators_are_white_space() {
        assert_eq!(strip("\x1c\u{a0} x\x1f"), "x");
        assert_eq!(words(" a\x1db\tc ").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(!is_space('\u{200b}'));
    }
}
