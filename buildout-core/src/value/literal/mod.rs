//! Reads Python literals, the grammar of `ast.literal_eval`.
//!
//! Beside the displays of Python's own `repr`, the calls that occur in it are
//! read: `set()`, `frozenset(...)` and `bytearray(...)` (as `bytes`). Complex
//! numbers, formatted strings, `\N{...}` escapes and lone surrogates are
//! errors, and so are integers of more than 128 bits.

mod number;
mod text;

pub(crate) use number::{Number, scan_number};
pub(crate) use text::{scan_text, starts_text};

use super::{Dict, MAXIMUM_DEPTH, UnhashableType, Value};

/// A text that is no literal of ours, and where it stops being one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {offset}")]
pub struct LiteralError {
    /// Byte offset into the text that was read.
    pub offset: usize,
    /// What is wrong there.
    pub problem: LiteralProblem,
}

/// What is wrong with a literal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LiteralProblem {
    /// The text ends where a value should start or go on.
    #[error("unexpected end of the literal")]
    UnexpectedEnd,
    /// A character that cannot stand here.
    #[error("unexpected `{0}`")]
    UnexpectedCharacter(char),
    /// Something follows a complete value.
    #[error("unexpected text after the literal")]
    TrailingText,
    /// A name that is no constant and no constructor of a literal.
    #[error("`{0}` is not a literal")]
    Name(String),
    /// A string without its closing quote.
    #[error("unterminated string")]
    UnterminatedString,
    /// An incomplete `\x`, `\u` or `\U` escape, or one beyond Unicode.
    #[error("invalid escape in a string")]
    InvalidEscape,
    /// A character outside ASCII in a `bytes` literal.
    #[error("bytes can only contain ASCII literal characters")]
    NonAsciiBytes,
    /// Adjacent `str` and `bytes` literals.
    #[error("cannot mix bytes and nonbytes literals")]
    MixedConcatenation,
    /// A malformed number.
    #[error("invalid number")]
    InvalidNumber,
    /// An integer of more than 128 bits.
    #[error("the integer does not fit in 128 bits")]
    IntegerTooLarge,
    /// A sign before something that is no number.
    #[error("a sign must precede a number")]
    SignWithoutNumber,
    /// A list, dict or set as a key or as a set member.
    #[error(transparent)]
    Unhashable(UnhashableType),
    /// Python would read this, we do not.
    #[error("{0} are not supported")]
    Unsupported(&'static str),
    /// Containers nest too deep.
    #[error("the literal nests deeper than {MAXIMUM_DEPTH} levels")]
    TooDeep,
}

impl LiteralProblem {
    pub(crate) fn at(self, offset: usize) -> LiteralError {
        LiteralError {
            offset,
            problem: self,
        }
    }
}

/// Reads one literal, which blanks may surround.
///
/// # Errors
/// The text is no literal, with the byte offset of the first problem.
pub fn parse(source: &str) -> Result<Value, LiteralError> {
    let mut parser = Parser {
        source,
        offset: 0,
        depth: 0,
    };
    parser.skip_blanks();
    let value = parser.value()?;
    parser.skip_blanks_and_line_ends();
    if parser.offset < source.len() {
        return Err(LiteralProblem::TrailingText.at(parser.offset));
    }
    Ok(value)
}

struct Parser<'source> {
    source: &'source str,
    offset: usize,
    /// The number of open brackets, which bounds the recursion of `value`.
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.offset).copied()
    }

    fn unexpected(&self) -> LiteralError {
        match self.source[self.offset..].chars().next() {
            Some(character) => LiteralProblem::UnexpectedCharacter(character).at(self.offset),
            None => LiteralProblem::UnexpectedEnd.at(self.offset),
        }
    }

    /// Skips what separates tokens: inside brackets also line ends and comments.
    fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\x0c') => self.offset += 1,
                Some(b'\n' | b'\r') if self.depth > 0 => self.offset += 1,
                Some(b'\\') if self.source[self.offset..].starts_with("\\\n") => self.offset += 2,
                Some(b'#') if self.depth > 0 => self.skip_comment(),
                _ => return,
            }
        }
    }

    fn skip_blanks_and_line_ends(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\x0c' | b'\n' | b'\r') => self.offset += 1,
                Some(b'#') => self.skip_comment(),
                _ => return,
            }
        }
    }

    fn skip_comment(&mut self) {
        let rest = &self.source[self.offset..];
        self.offset += rest.find('\n').unwrap_or(rest.len());
    }

    /// Skips one byte if it is next, and the blanks after it.
    fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.offset += 1;
            self.skip_blanks();
        }
        found
    }

    fn open(&mut self) -> Result<(), LiteralError> {
        if self.depth == MAXIMUM_DEPTH {
            return Err(LiteralProblem::TooDeep.at(self.offset));
        }
        self.depth += 1;
        self.offset += 1;
        self.skip_blanks();
        Ok(())
    }

    /// Skips a closing bracket, after which line ends may count again.
    fn close(&mut self, bracket: u8) -> Result<(), LiteralError> {
        if self.peek() != Some(bracket) {
            return Err(self.unexpected());
        }
        self.offset += 1;
        self.depth -= 1;
        self.skip_blanks();
        Ok(())
    }

    fn value(&mut self) -> Result<Value, LiteralError> {
        match self.peek() {
            Some(b'[') => {
                self.open()?;
                let (items, _) = self.items(b']')?;
                Ok(Value::List(items))
            }
            Some(b'(') => {
                self.open()?;
                let (mut items, has_comma) = self.items(b')')?;
                match (items.len(), has_comma) {
                    // A parenthesised value is that value.
                    (1, false) => Ok(items.remove(0)),
                    _ => Ok(Value::Tuple(items)),
                }
            }
            Some(b'{') => self.dict_or_set(),
            Some(b'+' | b'-') => self.signed_number(),
            Some(b'0'..=b'9' | b'.') => self.number(false),
            Some(_) if starts_text(&self.source[self.offset..]) => self.text(),
            Some(b'_' | b'a'..=b'z' | b'A'..=b'Z') => self.name(),
            _ => Err(self.unexpected()),
        }
    }

    /// Reads values up to the closing bracket; tells whether a comma ended them.
    fn items(&mut self, bracket: u8) -> Result<(Vec<Value>, bool), LiteralError> {
        let mut items = Vec::new();
        let mut has_comma = false;
        while self.peek() != Some(bracket) {
            if !items.is_empty() && !has_comma {
                return Err(self.unexpected());
            }
            items.push(self.value()?);
            has_comma = self.accept(b',');
        }
        self.close(bracket)?;
        Ok((items, has_comma))
    }

    fn dict_or_set(&mut self) -> Result<Value, LiteralError> {
        self.open()?;
        if self.peek() == Some(b'}') {
            self.close(b'}')?;
            return Ok(Value::Dict(Dict::new()));
        }
        let start = self.offset;
        let first = self.value()?;
        if self.peek() != Some(b':') {
            if self.accept(b',') || self.peek() == Some(b'}') {
                let (mut members, _) = self.items(b'}')?;
                members.insert(0, first);
                return Value::set(members)
                    .map_err(|error| LiteralProblem::Unhashable(error).at(start));
            }
            return Err(self.unexpected());
        }
        let mut dict = Dict::new();
        let (mut key, mut key_start) = (first, start);
        loop {
            if !self.accept(b':') {
                return Err(self.unexpected());
            }
            let value = self.value()?;
            dict.insert(key, value)
                .map_err(|error| LiteralProblem::Unhashable(error).at(key_start))?;
            let has_comma = self.accept(b',');
            if self.peek() == Some(b'}') {
                self.close(b'}')?;
                return Ok(Value::Dict(dict));
            }
            if !has_comma {
                return Err(self.unexpected());
            }
            key_start = self.offset;
            key = self.value()?;
        }
    }

    fn signed_number(&mut self) -> Result<Value, LiteralError> {
        let mut negative = false;
        while let Some(sign @ (b'+' | b'-')) = self.peek() {
            negative ^= sign == b'-';
            self.offset += 1;
            self.skip_blanks();
        }
        match self.peek() {
            Some(b'0'..=b'9' | b'.') => self.number(negative),
            _ => Err(LiteralProblem::SignWithoutNumber.at(self.offset)),
        }
    }

    fn number(&mut self, negative: bool) -> Result<Value, LiteralError> {
        let start = self.offset;
        let (number, length) = scan_number(self.source, start)?;
        self.offset += length;
        self.skip_blanks();
        match number {
            Number::Float(float) => Ok(Value::Float(if negative { -float } else { float })),
            // The magnitude of the least integer has no positive counterpart.
            Number::Int(magnitude) => {
                let integer = if negative {
                    0_i128.checked_sub_unsigned(magnitude)
                } else {
                    i128::try_from(magnitude).ok()
                };
                integer
                    .map(Value::Int)
                    .ok_or_else(|| LiteralProblem::IntegerTooLarge.at(start))
            }
        }
    }

    /// Reads one or more adjacent string literals.
    fn text(&mut self) -> Result<Value, LiteralError> {
        let (mut value, length) = scan_text(self.source, self.offset)?;
        self.offset += length;
        self.skip_blanks();
        while starts_text(&self.source[self.offset..]) {
            let start = self.offset;
            let (next, length) = scan_text(self.source, start)?;
            if !value.append(next) {
                return Err(LiteralProblem::MixedConcatenation.at(start));
            }
            self.offset += length;
            self.skip_blanks();
        }
        Ok(value.into())
    }

    fn name(&mut self) -> Result<Value, LiteralError> {
        let start = self.offset;
        let rest = &self.source[start..];
        let length = rest
            .find(|character: char| !character.is_alphanumeric() && character != '_')
            .unwrap_or(rest.len());
        let name = &rest[..length];
        self.offset += length;
        self.skip_blanks();
        let not_a_literal = || LiteralProblem::Name(name.to_owned()).at(start);
        match name {
            "None" => return Ok(Value::None),
            "True" => return Ok(Value::Bool(true)),
            "False" => return Ok(Value::Bool(false)),
            "complex" => return Err(LiteralProblem::Unsupported("complex numbers").at(start)),
            "set" | "frozenset" | "bytearray" if self.peek() == Some(b'(') => {}
            _ => return Err(not_a_literal()),
        }
        self.open()?;
        let argument_start = self.offset;
        let (mut arguments, _) = self.items(b')')?;
        let argument = arguments.pop();
        if !arguments.is_empty() {
            return Err(not_a_literal());
        }
        let members = match (name, argument) {
            ("bytearray", None) => return Ok(Value::bytes([])),
            ("bytearray", Some(Value::Bytes(bytes))) => return Ok(Value::Bytes(bytes)),
            (_, None) => Vec::new(),
            (
                "set" | "frozenset",
                Some(
                    Value::List(members)
                    | Value::Tuple(members)
                    | Value::Set(members)
                    | Value::FrozenSet(members),
                ),
            ) => members,
            _ => return Err(not_a_literal()),
        };
        let set = if name == "set" {
            Value::set(members)
        } else {
            Value::frozen_set(members)
        };
        set.map_err(|error| LiteralProblem::Unhashable(error).at(argument_start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_located() {
        let deep = "[".repeat(MAXIMUM_DEPTH + 1);
        for (literal, message) in [
            ("", "unexpected end of the literal at byte 0"),
            ("[1, 2", "unexpected end of the literal at byte 5"),
            ("[1 2]", "unexpected `2` at byte 3"),
            ("{1: 2, 3}", "unexpected `}` at byte 8"),
            ("{1, 2: 3}", "unexpected `:` at byte 5"),
            ("[,]", "unexpected `,` at byte 1"),
            ("1,", "unexpected text after the literal at byte 1"),
            ("1 + 2", "unexpected text after the literal at byte 2"),
            ("{'é': foo}", "`foo` is not a literal at byte 7"),
            ("set", "`set` is not a literal at byte 0"),
            ("set(1)", "`set` is not a literal at byte 0"),
            ("{[]: 1}", "unhashable type: 'list' at byte 1"),
            ("{1, {}}", "unhashable type: 'dict' at byte 1"),
            ("'abc", "unterminated string at byte 0"),
            ("'a\nb'", "unterminated string at byte 0"),
            ("'a\\x4'", "invalid escape in a string at byte 2"),
            ("'\\ud800'", "lone surrogates are not supported at byte 1"),
            ("f'a'", "formatted strings are not supported at byte 0"),
            (
                "b'é'",
                "bytes can only contain ASCII literal characters at byte 2",
            ),
            (
                "'a' b'b'",
                "cannot mix bytes and nonbytes literals at byte 4",
            ),
            ("1_", "invalid number at byte 0"),
            ("012", "invalid number at byte 0"),
            ("0x", "invalid number at byte 0"),
            ("1e", "invalid number at byte 0"),
            ("12abc", "invalid number at byte 0"),
            ("[2j]", "complex numbers are not supported at byte 1"),
            ("-'a'", "a sign must precede a number at byte 1"),
            (
                "170141183460469231731687303715884105728",
                "the integer does not fit in 128 bits at byte 0",
            ),
            (
                &deep,
                "the literal nests deeper than 100 levels at byte 100",
            ),
        ] {
            assert_eq!(
                parse(literal).unwrap_err().to_string(),
                message,
                "{literal}"
            );
        }
    }
}
