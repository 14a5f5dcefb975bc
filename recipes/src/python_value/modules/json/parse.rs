//! Reads JSON as Python does, with its messages.

use std::rc::Rc;

use super::super::super::{DEPTH_LIMIT, Dict, Exception, Object, Raised};
use super::number;

/// Returns what a text of JSON stands for.
///
/// # Errors
///
/// `JSONDecodeError`, with Python's text.
pub(crate) fn parse(text: &str) -> Raised<Object> {
    let mut parser = Parser { text, at: 0 };
    if text.starts_with('\u{feff}') {
        return Err(parser.error("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0));
    }
    parser.skip_blanks();
    let value = parser.value(0)?;
    parser.skip_blanks();
    match parser.at < text.len() {
        true => Err(parser.error("Extra data", parser.at)),
        false => Ok(value),
    }
}

/// A word, and what it stands for.
type Word = (&'static str, fn() -> Object);

const WORDS: &[Word] = &[
    ("null", || Object::None),
    ("true", || Object::Bool(true)),
    ("false", || Object::Bool(false)),
    ("NaN", || Object::Float(f64::NAN)),
    ("Infinity", || Object::Float(f64::INFINITY)),
    ("-Infinity", || Object::Float(f64::NEG_INFINITY)),
];

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    fn error(&self, message: &str, at: usize) -> Exception {
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        let position = before.chars().count();
        Exception::new(
            "json.decoder.JSONDecodeError",
            format!("{message}: line {line} column {column} (char {position})"),
        )
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Raised<Object> {
        if depth > DEPTH_LIMIT {
            return Err(Exception::recursion());
        }
        let rest = &self.text[self.at..];
        if let Some((word, make)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(make());
        }
        match self.peek() {
            Some(b'"') => self.string().map(Object::from),
            Some(b'[') => self.array(depth),
            Some(b'{') => self.object(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.error("Expecting value", self.at)),
        }
    }

    fn number(&mut self) -> Raised<Object> {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let digits = |from: usize| {
            let tail = rest.get(from..).unwrap_or_default();
            tail.iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let mut length = usize::from(rest.first() == Some(&b'-'));
        let whole = match rest.get(length) {
            Some(b'0') => 1,
            _ => digits(length),
        };
        if whole == 0 {
            return Err(self.error("Expecting value", start));
        }
        length += whole;
        if rest.get(length) == Some(&b'.') && digits(length + 1) > 0 {
            length += 1 + digits(length + 1);
        }
        if let Some(b'e' | b'E') = rest.get(length) {
            let sign = usize::from(matches!(rest.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + sign);
            if exponent > 0 {
                length += 1 + sign + exponent;
            }
        }
        self.at += length;
        number(&self.text[start..self.at])
    }

    fn array(&mut self, depth: usize) -> Raised<Object> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Object::list(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Ok(Object::list(items));
                }
                Some(b',') => self.at += 1,
                _ => return Err(self.error("Expecting ',' delimiter", self.at)),
            }
            self.skip_blanks();
        }
    }

    fn object(&mut self, depth: usize) -> Raised<Object> {
        const NAME: &str = "Expecting property name enclosed in double quotes";
        self.at += 1;
        let dict = Dict::new();
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Object::Dict(Rc::new(dict)));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.error(NAME, self.at));
            }
            let name = self.string()?;
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.error("Expecting ':' delimiter", self.at));
            }
            self.at += 1;
            self.skip_blanks();
            let value = self.value(depth + 1)?;
            dict.insert_str(name, value);
            self.skip_blanks();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Object::Dict(Rc::new(dict)));
                }
                Some(b',') => self.at += 1,
                _ => return Err(self.error("Expecting ',' delimiter", self.at)),
            }
            self.skip_blanks();
        }
    }

    fn string(&mut self) -> Raised<String> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(character) = rest.chars().next() else {
                return Err(self.error("Unterminated string starting at", start));
            };
            match character {
                '"' => {
                    self.at += 1;
                    return Ok(out);
                }
                '\\' => self.escape(&mut out, start)?,
                '\0'..='\x1f' => return Err(self.error("Invalid control character at", self.at)),
                other => {
                    out.push(other);
                    self.at += other.len_utf8();
                }
            }
        }
    }

    fn escape(&mut self, out: &mut String, start: usize) -> Raised<()> {
        let escape = self.text[self.at + 1..].chars().next();
        let character = match escape {
            None => return Err(self.error("Unterminated string starting at", start)),
            Some('u') => return self.unicode_escape(out),
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(same @ ('"' | '\\' | '/')) => same,
            Some(_) => return Err(self.error("Invalid \\escape", self.at)),
        };
        out.push(character);
        self.at += 2;
        Ok(())
    }

    fn unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hexadecimal.then(|| u32::from_str_radix(digits, 16).ok())?
    }

    fn unicode_escape(&mut self, out: &mut String) -> Raised<()> {
        let at = self.at;
        let Some(mut code) = self.unit(at + 2) else {
            return Err(self.error("Invalid \\uXXXX escape", at + 1));
        };
        self.at += 6;
        if (0xd800..0xdc00).contains(&code) && self.text[self.at..].starts_with("\\u") {
            let low = self.unit(self.at + 2);
            if let Some(low @ 0xdc00..0xe000) = low {
                code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                self.at += 6;
            }
        }
        match char::from_u32(code) {
            Some(character) => out.push(character),
            // Python keeps it, and fails when it is written.
            None => return Err(self.error("A lone surrogate is not supported", at)),
        }
        Ok(())
    }
}
