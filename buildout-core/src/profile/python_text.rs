//! The parts of Python's text handling that the profile language inherits.

use std::borrow::Cow;

/// Tells whether Python's `str.isspace` and the `\s` of its regular
/// expressions accept `character`.
///
/// Python counts the four information separators U+001C to U+001F as space;
/// Unicode's `White_Space` property does not.
pub fn is_python_space(character: char) -> bool {
    if character.is_ascii() {
        matches!(character, '\t'..='\r' | '\u{1c}'..='\u{1f}' | ' ')
    } else {
        character.is_whitespace()
    }
}

/// Python's `str.strip()`.
pub fn strip(text: &str) -> &str {
    match text.as_bytes() {
        // Most texts are stripped already.
        [first, .., last] if is_ordinary(*first) && is_ordinary(*last) => text,
        _ => text.trim_matches(is_python_space),
    }
}

/// Python's `str.rstrip()`.
pub fn rstrip(text: &str) -> &str {
    match text.as_bytes() {
        [.., last] if is_ordinary(*last) => text,
        _ => text.trim_end_matches(is_python_space),
    }
}

/// Tells whether `byte` is a character that is no space.
fn is_ordinary(byte: u8) -> bool {
    byte.is_ascii() && !is_python_space(char::from(byte))
}

/// Python's `str.split()` without arguments.
pub fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_python_space).filter(|word| !word.is_empty())
}

/// Tells whether `text` is one line of ordinary characters, as nearly all
/// values are.
pub fn is_plain_line(text: &str) -> bool {
    // Looking at all bytes is faster than stopping at the first other one.
    let is_plain = |all: bool, byte: u8| all & (b' '..0x7f).contains(&byte);
    text.bytes().fold(true, is_plain)
}

/// Python's `str.splitlines()`.
pub fn split_lines(text: &str) -> Vec<&str> {
    let ordinary = |all: bool, byte: u8| all & ((b' '..0x7f).contains(&byte) | (byte == b'\n'));
    if text.bytes().fold(true, ordinary) {
        if text.is_empty() {
            return Vec::new();
        }
        return newline_split(text.strip_suffix('\n').unwrap_or(text)).collect();
    }
    let mut lines = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        let boundary = matches!(
            character,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        );
        if !boundary {
            continue;
        }
        lines.push(&text[start..index]);
        start = index + character.len_utf8();
        if character == '\r' && characters.next_if(|(_, next)| *next == '\n').is_some() {
            start += 1;
        }
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// Splits at every `\n`, as `str.split('\n')` does, but faster.
fn newline_split(text: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    ends.map(move |end| {
        let line = &text[start..end];
        start = end + 1;
        line
    })
}

/// Translates `\r\n` and `\r` to `\n`, as Python's text files do on reading.
pub fn universal_newlines(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\r', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Python's `textwrap.dedent`, up to CPython 3.13: lines of blanks and tabs
/// become empty, then the longest common leading run of blanks and tabs is
/// removed; blanks and tabs are different characters.
pub fn dedent(text: &str) -> String {
    let mut margin: Option<&str> = None;
    for line in newline_split(text) {
        let indent = &line[..indentation(line)];
        if indent.len() == line.len() {
            continue;
        }
        margin = Some(match margin {
            None => indent,
            Some(margin) => {
                let common = margin
                    .bytes()
                    .zip(indent.bytes())
                    .take_while(|(left, right)| left == right)
                    .count();
                &margin[..common]
            }
        });
    }
    let margin = margin.unwrap_or("");
    let mut result = String::with_capacity(text.len());
    for (index, line) in newline_split(text).enumerate() {
        if index > 0 {
            result.push('\n');
        }
        if indentation(line) == line.len() {
            continue;
        }
        result.push_str(line.strip_prefix(margin).unwrap_or(line));
    }
    result
}

/// Returns how many blanks and tabs a line begins with.
fn indentation(line: &str) -> usize {
    let blanks = line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t'));
    blanks.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dedent_keeps_relative_indentation() {
        let cases = [
            ("\n  a\n    b", "\na\n  b"),
            ("\n    a\n  b\n", "\n  a\nb\n"),
            ("\n\ta\n        b", "\n\ta\n        b"),
            ("\n  a\n \t \n  b", "\na\n\nb"),
            ("  only", "only"),
        ];
        for (input, expected) in cases {
            assert_eq!(dedent(input), expected, "{input:?}");
        }
    }

    #[test]
    fn lines_split_like_python() {
        assert_eq!(split_lines("a\r\nb\u{b}c\u{2028}d\n"), ["a", "b", "c", "d"]);
        assert_eq!(split_lines(""), Vec::<&str>::new());
        assert_eq!(split_lines("\n"), [""]);
        assert!(is_plain_line("") && is_plain_line("a b"));
        assert!(!is_plain_line("a\n") && !is_plain_line("a\u{85}"));
    }

    #[test]
    fn information_separators_are_space() {
        assert_eq!(strip("\u{1c} a \u{1f}"), "a");
        assert_eq!(strip("a b"), "a b");
        assert_eq!(strip("a"), "a");
        assert_eq!(strip("\u{2003}a\u{2003}"), "a");
        assert_eq!(rstrip(" a\u{2003}"), " a");
        assert_eq!(
            split_words(" a\u{1d}b  c ").collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
    }
}
