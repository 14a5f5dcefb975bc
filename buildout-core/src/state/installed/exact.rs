//! The section of exact values; see the [module documentation](super).

use std::fmt::Write as _;

use super::{
    decode::RawSection,
    python_text::{is_space, words},
};

/// The name of the section.
pub(super) const SECTION: &str = "__buildout_exact__";

/// The option with the format's number.
const FORMAT_OPTION: &str = "format";

/// The number of the format written and understood here.
const FORMAT: &str = "1";

/// An exact value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) section: String,
    pub(super) option: String,
    pub(super) value: String,
}

/// The entries to be written.
#[derive(Debug, Default)]
pub(super) struct Entries {
    lines: String,
    count: usize,
}

impl Entries {
    /// Adds an entry.
    pub(super) fn push(&mut self, section: &str, option: &str, value: &str) {
        self.count += 1;
        // Writing to a string cannot fail.
        let _ = write!(self.lines, "{} =", self.count);
        for word in [section, option, value] {
            self.lines.push(' ');
            escape(word, &mut self.lines);
        }
        self.lines.push('\n');
    }

    /// Appends the section to a file's text, if there are entries.
    pub(super) fn write_to(&self, text: &mut String) {
        if self.count > 0 {
            let _ = write!(text, "\n[{SECTION}]\n{FORMAT_OPTION} = {FORMAT}\n");
            text.push_str(&self.lines);
        }
    }
}

/// Reads the entries of a section, leaving out what is not understood.
pub(super) fn read(section: &RawSection) -> Vec<Entry> {
    let is_known = section
        .options
        .get(FORMAT_OPTION)
        .is_some_and(|option| option.value == FORMAT);
    if !is_known {
        return Vec::new();
    }
    section
        .options
        .iter()
        .filter(|(name, _)| *name != FORMAT_OPTION)
        .filter_map(|(_, option)| read_entry(&option.value))
        .collect()
}

fn read_entry(line: &str) -> Option<Entry> {
    let mut words = words(line);
    let entry = Entry {
        section: unescape(words.next()?)?,
        option: unescape(words.next()?)?,
        value: unescape(words.next()?)?,
    };
    words.next().is_none().then_some(entry)
}

/// Appends a text as a word without white space, markers or substitutions.
fn escape(text: &str, word: &mut String) {
    if text.is_empty() {
        word.push_str("\\e");
    }
    for character in text.chars() {
        match character {
            ' ' => word.push_str("\\s"),
            '\t' => word.push_str("\\t"),
            '\n' => word.push_str("\\n"),
            '\r' => word.push_str("\\r"),
            '\\' => word.push_str("\\\\"),
            // A percent sign could begin a marker, a dollar sign a substitution.
            '%' | '$' => push_code_point(character, word),
            _ if is_space(character) || character.is_control() => push_code_point(character, word),
            _ => word.push(character),
        }
    }
}

fn push_code_point(character: char, word: &mut String) {
    let _ = write!(word, "\\u{{{:x}}}", u32::from(character));
}

/// Returns the text of an escaped word, or nothing if the word is malformed.
fn unescape(word: &str) -> Option<String> {
    let mut text = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut characters = escaped.chars();
        match characters.next()? {
            's' => text.push(' '),
            't' => text.push('\t'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            '\\' => text.push('\\'),
            'e' => {}
            'u' => {
                let (code, after) = characters.as_str().strip_prefix('{')?.split_once('}')?;
                text.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
                rest = after;
                continue;
            }
            _ => return None,
        }
        rest = characters.as_str();
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for text in [
            "",
            "plain",
            " \t\n\r\x0b\x0c\x1c\u{a0}\u{2028}",
            "\\s\\u{20}",
            "%(__buildout_space__)s ${a:b} ä",
        ] {
            let mut word = String::new();
            escape(text, &mut word);
            assert!(!word.contains(is_space) && !word.contains("%("), "{word}");
            assert_eq!(unescape(&word).as_deref(), Some(text));
        }
        for malformed in ["\\", "\\x", "\\u", "\\u{", "\\u{110000}", "\\u{zz}"] {
            assert_eq!(unescape(malformed), None, "{malformed}");
        }
    }
}
