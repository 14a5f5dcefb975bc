//! The parts of Python's text handling that the profile language inherits.

use std::borrow::Cow;

/// Tells whether Python's `str.isspace` and the `\s` of its regular
/// expressions accept `character`.
///
/// Python counts the four information separators U+001C to U+001F as space;
/// Unicode's `White_Space` property does not.
#[inline]
pub fn is_python_space(character: char) -> bool {
    match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() => is_ascii_space(&byte),
        _ => character.is_whitespace(),
    }
}

/// Python's `str.strip()`.
pub fn strip(text: &str) -> &str {
    strip_start(rstrip(text))
}

fn strip_start(text: &str) -> &str {
    let blanks = text.bytes().take_while(is_ascii_space).count();
    let text = &text[blanks..];
    match text.as_bytes() {
        [first, ..] if !first.is_ascii() => text.trim_start_matches(is_python_space),
        _ => text,
    }
}

/// Python's `str.rstrip()`.
pub fn rstrip(text: &str) -> &str {
    let blanks = text.bytes().rev().take_while(is_ascii_space).count();
    let text = &text[..text.len() - blanks];
    match text.as_bytes() {
        [.., last] if !last.is_ascii() => text.trim_end_matches(is_python_space),
        _ => text,
    }
}

#[inline]
fn is_ascii_space(byte: &u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | 0x1c..=0x1f | b' ')
}

/// Python's `str.split()` without arguments.
pub fn split_words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = strip_start(rest);
        let is_letter = |byte: &u8| byte.is_ascii() && !is_ascii_space(byte);
        let letters = rest.bytes().take_while(is_letter).count();
        let others = &rest[letters..];
        let end = letters + others.find(is_python_space).unwrap_or(others.len());
        let word;
        (word, rest) = rest.split_at(end);
        (!word.is_empty()).then_some(word)
    })
}

/// Tells whether only newlines separate the lines of `text`, as in nearly all
/// values.
pub fn has_plain_lines(text: &str) -> bool {
    // Looking at all bytes is faster than stopping at the first other one.
    let is_plain = |all: bool, byte: u8| all & ((b' '..0x7f).contains(&byte) | (byte == b'\n'));
    text.bytes().fold(true, is_plain)
}

/// Python's `str.splitlines()`.
pub fn split_lines(text: &str) -> Vec<&str> {
    if has_plain_lines(text) {
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
    let margin = common_indentation(newline_split(text));
    let mut result = String::with_capacity(text.len());
    for (index, line) in newline_split(text).enumerate() {
        if index > 0 {
            result.push('\n');
        }
        if indentation(line) < line.len() {
            result.push_str(&line[margin..]);
        }
    }
    result
}

/// Returns how many leading blanks and tabs `lines` have in common; lines of
/// nothing else do not count.
pub(super) fn common_indentation<'a>(lines: impl Iterator<Item = &'a str>) -> usize {
    let mut margin: Option<&str> = None;
    for line in lines {
        let indent = &line[..indentation(line)];
        if indent.len() == line.len() || margin == Some(indent) {
            continue;
        }
        margin = Some(match margin {
            None => indent,
            Some(margin) => {
                let same = |(left, right): &(u8, u8)| left == right;
                let common = margin.bytes().zip(indent.bytes()).take_while(same);
                &margin[..common.count()]
            }
        });
    }
    margin.map_or(0, str::len)
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
        assert!(has_plain_lines("") && has_plain_lines("a b\n"));
        assert!(!has_plain_lines("a\r") && !has_plain_lines("a\u{85}"));
    }

    #[test]
    fn information_separators_are_space() {
        assert_eq!(strip("\u{1c} a \u{1f}"), "a");
        assert_eq!(strip("a b"), "a b");
        assert_eq!(strip("a"), "a");
        assert_eq!(strip("\u{2003}a\u{2003}"), "a");
        assert_eq!(rstrip(" a\u{2003}"), " a");
        assert_eq!(
            split_words(" a\u{1d}b  c\u{2003}\u{e9}d ").collect::<Vec<_>>(),
            ["a", "b", "c", "\u{e9}d"]
        );
    }
}
