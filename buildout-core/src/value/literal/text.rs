//! Python's string and bytes literals.

use super::super::Value;
use super::{LiteralError, LiteralProblem};

/// The content of a string literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    Str(String),
    Bytes(Vec<u8>),
}

impl Text {
    /// Appends the next of adjacent literals; false if the two are of different
    /// kinds.
    pub(crate) fn append(&mut self, next: Self) -> bool {
        match (self, next) {
            (Self::Str(text), Self::Str(next)) => text.push_str(&next),
            (Self::Bytes(bytes), Self::Bytes(next)) => bytes.extend(next),
            _ => return false,
        }
        true
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        match text {
            Text::Str(text) => text.into(),
            Text::Bytes(bytes) => Self::bytes(bytes),
        }
    }
}

struct Prefix {
    length: usize,
    is_raw: bool,
    is_bytes: bool,
    is_formatted: bool,
}

/// Reads the letters before a quote, if there is a string literal here.
fn scan_prefix(source: &str) -> Option<Prefix> {
    let bytes = source.as_bytes();
    let length = bytes
        .iter()
        .take(3)
        .position(|byte| matches!(byte, b'\'' | b'"'))?;
    let letters = source[..length].to_ascii_lowercase();
    let (is_raw, is_bytes, is_formatted) = match letters.as_str() {
        "" | "u" => (false, false, false),
        "r" => (true, false, false),
        "b" => (false, true, false),
        "br" | "rb" => (true, true, false),
        "f" | "fr" | "rf" => (false, false, true),
        _ => return None,
    };
    Some(Prefix {
        length,
        is_raw,
        is_bytes,
        is_formatted,
    })
}

/// Tells whether a string or bytes literal begins here.
pub(crate) fn starts_text(source: &str) -> bool {
    scan_prefix(source).is_some()
}

/// Reads the literal at an offset, which must be there; returns it and its
/// length in bytes.
pub(crate) fn scan_text(source: &str, start: usize) -> Result<(Text, usize), LiteralError> {
    let unterminated = || LiteralProblem::UnterminatedString.at(start);
    let prefix = scan_prefix(&source[start..]).ok_or_else(unterminated)?;
    if prefix.is_formatted {
        return Err(LiteralProblem::Unsupported("formatted strings").at(start));
    }
    let open = start + prefix.length;
    let quote = &source[open..=open];
    let triple = quote.repeat(3);
    let is_triple = source[open..].starts_with(&triple);
    let quote = if is_triple { triple.as_str() } else { quote };
    let mut offset = open + quote.len();
    let mut content = Content {
        text: String::new(),
        bytes: Vec::new(),
        is_bytes: prefix.is_bytes,
    };
    loop {
        let rest = &source[offset..];
        if rest.starts_with(quote) {
            let length = offset + quote.len() - start;
            return Ok((content.finish(), length));
        }
        let character = rest.chars().next().ok_or_else(unterminated)?;
        match character {
            '\n' if !is_triple => return Err(unterminated()),
            '\\' if prefix.is_raw => {
                // A raw string keeps the backslash, which still protects a quote.
                let next = rest[1..].chars().next().ok_or_else(unterminated)?;
                if next == '\n' && !is_triple {
                    return Err(unterminated());
                }
                content.push(character, offset)?;
                content.push(next, offset + 1)?;
                offset += 1 + next.len_utf8();
            }
            '\\' => {
                offset += content.escape(rest, offset).map_err(|problem| {
                    if rest.len() == 1 {
                        unterminated()
                    } else {
                        problem.at(offset)
                    }
                })?
            }
            _ => {
                content.push(character, offset)?;
                offset += character.len_utf8();
            }
        }
    }
}

struct Content {
    text: String,
    bytes: Vec<u8>,
    is_bytes: bool,
}

impl Content {
    fn finish(self) -> Text {
        if self.is_bytes {
            Text::Bytes(self.bytes)
        } else {
            Text::Str(self.text)
        }
    }

    fn push(&mut self, character: char, offset: usize) -> Result<(), LiteralError> {
        if !self.is_bytes {
            self.text.push(character);
        } else if character.is_ascii() {
            // The character is ASCII, so it has one byte.
            self.bytes.extend(character.to_string().bytes());
        } else {
            return Err(LiteralProblem::NonAsciiBytes.at(offset));
        }
        Ok(())
    }

    fn push_code(&mut self, code: u32) -> Result<(), LiteralProblem> {
        if self.is_bytes {
            // Python keeps the low eight bits of an octal escape.
            self.bytes.push(code.to_le_bytes()[0]);
            return Ok(());
        }
        match char::from_u32(code) {
            Some(character) => self.text.push(character),
            None if code <= 0x10_ffff => {
                return Err(LiteralProblem::Unsupported("lone surrogates"));
            }
            None => return Err(LiteralProblem::InvalidEscape),
        }
        Ok(())
    }

    /// Reads the escape a text begins with; returns its length in bytes.
    fn escape(&mut self, rest: &str, offset: usize) -> Result<usize, LiteralProblem> {
        let letter = rest[1..]
            .chars()
            .next()
            .ok_or(LiteralProblem::InvalidEscape)?;
        let simple = match letter {
            '\n' => return Ok(2),
            '\\' | '\'' | '"' => letter,
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '0'..='7' => {
                let digits = rest[1..]
                    .bytes()
                    .take(3)
                    .take_while(|byte| matches!(byte, b'0'..=b'7'))
                    .count();
                let length = 1 + digits;
                let code = u32::from_str_radix(&rest[1..length], 8)
                    .map_err(|_| LiteralProblem::InvalidEscape)?;
                self.push_code(code)?;
                return Ok(length);
            }
            'x' => return self.hexadecimal(rest, 2),
            'u' if !self.is_bytes => return self.hexadecimal(rest, 4),
            'U' if !self.is_bytes => return self.hexadecimal(rest, 8),
            'N' if !self.is_bytes => {
                return Err(LiteralProblem::Unsupported("escapes by character name"));
            }
            _ => {
                // Python keeps the backslash of an unknown escape.
                self.push('\\', offset).map_err(|error| error.problem)?;
                letter
            }
        };
        self.push(simple, offset).map_err(|error| error.problem)?;
        Ok(1 + letter.len_utf8())
    }

    fn hexadecimal(&mut self, rest: &str, digits: usize) -> Result<usize, LiteralProblem> {
        let code = rest
            .get(2..2 + digits)
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|text| u32::from_str_radix(text, 16).ok())
            .ok_or(LiteralProblem::InvalidEscape)?;
        self.push_code(code)?;
        Ok(2 + digits)
    }
}
