//! Takes a template apart into words, as Jinja2 does with its default
//! delimiters.

use std::rc::Rc;

use buildout_core::profile::python_text::is_python_space;
use buildout_core::value::str_repr;

use super::error::SyntaxProblem;
use super::token::Token;

/// A word and its line, or what is wrong there; nothing follows that.
pub(super) type Lexed<'t> = Result<(Token<'t>, u32), SyntaxProblem>;

/// Returns the words of a template, whose lines end with `\n`. The last one is
/// the end or an error, which may never be reached: Jinja2 reads words while
/// it parses.
pub(super) fn tokenize(source: &str) -> Vec<Lexed<'_>> {
    // One final newline is no part of a template.
    let text = source.strip_suffix('\n').unwrap_or(source);
    let mut lexer = Lexer {
        text,
        at: 0,
        line: 1,
        tokens: Vec::with_capacity(text.len() / 8),
    };
    let end = match lexer.root() {
        Ok(()) => Ok((Token::End, lexer.line)),
        Err(problem) => Err(problem),
    };
    lexer.tokens.push(end);
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    tokens: Vec<Lexed<'t>>,
}

/// What opens a tag.
enum Opening {
    Raw,
    Comment,
    Block,
    Variable,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn push(&mut self, token: Token<'t>) {
        self.tokens.push(Ok((token, self.line)));
    }

    fn problem(&self, message: impl Into<String>) -> SyntaxProblem {
        SyntaxProblem::error(self.line, message)
    }

    /// Goes on by so many bytes, and counts lines.
    fn advance(&mut self, length: usize) {
        let passed = &self.text.as_bytes()[self.at..self.at + length];
        let lines = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line += u32::try_from(lines).unwrap_or(u32::MAX);
        self.at += length;
    }

    fn root(&mut self) -> Result<(), SyntaxProblem> {
        loop {
            let rest = self.rest();
            let Some((data, opening, length)) = find_opening(rest) else {
                if !rest.is_empty() {
                    self.push(Token::Data(rest));
                    self.advance(rest.len());
                }
                return Ok(());
            };
            let sign = rest[data + 2..].chars().next();
            let text = match sign {
                Some('-') => rest[..data].trim_end_matches(is_python_space),
                _ => &rest[..data],
            };
            if !text.is_empty() {
                self.push(Token::Data(text));
            }
            self.advance(data);
            let signed = if matches!(sign, Some('-' | '+')) {
                3
            } else {
                2
            };
            match opening {
                Opening::Raw => {
                    self.advance(length);
                    self.raw()?;
                }
                Opening::Comment => {
                    self.advance(signed);
                    self.comment()?;
                }
                Opening::Block => {
                    self.push(Token::BlockBegin);
                    self.advance(signed);
                    self.tag("%}", Token::BlockEnd)?;
                }
                Opening::Variable => {
                    self.push(Token::VariableBegin);
                    self.advance(signed);
                    self.tag("}}", Token::VariableEnd)?;
                }
            }
        }
    }

    fn comment(&mut self) -> Result<(), SyntaxProblem> {
        let rest = self.rest();
        let Some(end) = rest.find("#}") else {
            return Err(self.problem("Missing end of comment tag"));
        };
        let strips = rest[..end].ends_with('-');
        self.advance(end + 2);
        if strips {
            self.skip_space();
        }
        Ok(())
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        let stripped = rest.trim_start_matches(is_python_space);
        self.advance(rest.len() - stripped.len());
    }

    fn raw(&mut self) -> Result<(), SyntaxProblem> {
        let rest = self.rest();
        let mut from = 0;
        while let Some(found) = rest[from..].find("{%") {
            let start = from + found;
            from = start + 2;
            let Some((sign, length)) = raw_end(&rest[start..]) else {
                continue;
            };
            let text = match sign {
                '-' => rest[..start].trim_end_matches(is_python_space),
                _ => &rest[..start],
            };
            if !text.is_empty() {
                self.push(Token::Data(text));
            }
            self.advance(start + length);
            return Ok(());
        }
        Err(self.problem("Missing end of raw directive"))
    }

    /// Reads the words of a tag, until its end outside of all brackets.
    fn tag(&mut self, end: &str, end_token: Token<'t>) -> Result<(), SyntaxProblem> {
        let mut brackets: Vec<&'static str> = Vec::new();
        loop {
            if brackets.is_empty()
                && let Some((length, strips)) = tag_end(self.rest(), end)
            {
                self.push(end_token);
                self.advance(length);
                if strips {
                    self.skip_space();
                }
                return Ok(());
            }
            let rest = self.rest();
            let Some(first) = rest.chars().next() else {
                return Ok(());
            };
            if is_python_space(first) {
                self.skip_space();
                continue;
            }
            // Nothing but numbers starts with a digit.
            let is_number = first.is_ascii_digit();
            let follows_point = self.text[..self.at].ends_with('.');
            if is_number
                && !follows_point
                && let Some(length) = float_length(rest)
            {
                let float = rest[..length].replace('_', "").parse().unwrap_or(f64::NAN);
                self.push(Token::Float(float));
                self.advance(length);
            } else if is_number && let Some(length) = integer_length(rest) {
                self.integer(&rest[..length])?;
                self.advance(length);
            } else if is_name_character(first) {
                let length = rest
                    .find(|character| !is_name_character(character))
                    .unwrap_or(rest.len());
                if !(first.is_alphabetic() || first == '_') {
                    return Err(self.problem("Invalid character in identifier"));
                }
                self.push(Token::Name(&rest[..length]));
                self.advance(length);
            } else if let Some(length) = string_length(rest) {
                let quoted = &rest[1..length - 1];
                let content = match quoted.contains('\\') {
                    false => Rc::from(quoted),
                    true => Rc::from(unescape(quoted).map_err(|problem| match problem {
                        Escape::Wrong(message) => self.problem(message),
                        Escape::Unsupported(what) => SyntaxProblem::unsupported(self.line, what),
                    })?),
                };
                self.push(Token::String(content));
                self.advance(length);
            } else if let Some(operator) = operator(rest) {
                self.balance(&mut brackets, operator)?;
                self.push(Token::Operator(operator));
                self.advance(operator.len());
            } else {
                let position = self.text[..self.at].chars().count();
                let character = str_repr(&first.to_string());
                return Err(self.problem(format!("unexpected char {character} at {position}")));
            }
        }
    }

    fn integer(&mut self, text: &str) -> Result<(), SyntaxProblem> {
        let digits = text.replace('_', "").to_ascii_lowercase();
        let (radix, digits) = match digits.get(..2) {
            Some("0x") => (16, &digits[2..]),
            Some("0o") => (8, &digits[2..]),
            Some("0b") => (2, &digits[2..]),
            _ => (10, &*digits),
        };
        match i128::from_str_radix(digits, radix) {
            Ok(integer) => {
                self.push(Token::Integer(integer));
                Ok(())
            }
            Err(_) => Err(SyntaxProblem::unsupported(
                self.line,
                "an integer of more than 128 bits",
            )),
        }
    }

    fn balance(
        &self,
        brackets: &mut Vec<&'static str>,
        operator: &str,
    ) -> Result<(), SyntaxProblem> {
        match operator {
            "{" => brackets.push("}"),
            "(" => brackets.push(")"),
            "[" => brackets.push("]"),
            "}" | ")" | "]" => match brackets.pop() {
                None => return Err(self.problem(format!("unexpected '{operator}'"))),
                Some(expected) if expected != operator => {
                    return Err(
                        self.problem(format!("unexpected '{operator}', expected '{expected}'"))
                    );
                }
                Some(_) => {}
            },
            _ => {}
        }
        Ok(())
    }
}

/// Returns the operator or bracket at the start of a text, the longest there is.
fn operator(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let (first, second) = (*bytes.first()?, bytes.get(1).copied());
    Some(match (first, second) {
        (b'/', Some(b'/')) => "//",
        (b'*', Some(b'*')) => "**",
        (b'=', Some(b'=')) => "==",
        (b'!', Some(b'=')) => "!=",
        (b'>', Some(b'=')) => ">=",
        (b'<', Some(b'=')) => "<=",
        (b'+', _) => "+",
        (b'-', _) => "-",
        (b'/', _) => "/",
        (b'*', _) => "*",
        (b'%', _) => "%",
        (b'~', _) => "~",
        (b'[', _) => "[",
        (b']', _) => "]",
        (b'(', _) => "(",
        (b')', _) => ")",
        (b'{', _) => "{",
        (b'}', _) => "}",
        (b'>', _) => ">",
        (b'<', _) => "<",
        (b'=', _) => "=",
        (b'.', _) => ".",
        (b':', _) => ":",
        (b'|', _) => "|",
        (b',', _) => ",",
        (b';', _) => ";",
        _ => return None,
    })
}

/// Finds the next tag: where it starts, its kind, and for a raw block the
/// length of its opening tag.
fn find_opening(text: &str) -> Option<(usize, Opening, usize)> {
    let mut from = 0;
    loop {
        let start = from + text[from..].find('{')?;
        match text.as_bytes().get(start + 1) {
            Some(b'%') => {
                return Some(match raw_begin(&text[start..]) {
                    Some(length) => (start, Opening::Raw, length),
                    None => (start, Opening::Block, 2),
                });
            }
            Some(b'{') => return Some((start, Opening::Variable, 2)),
            Some(b'#') => return Some((start, Opening::Comment, 2)),
            _ => from = start + 1,
        }
    }
}

/// The end of a tag: its length, and whether it strips what follows.
fn tag_end(text: &str, end: &str) -> Option<(usize, bool)> {
    if text.starts_with(end) {
        return Some((2, false));
    }
    let rest = text.strip_prefix(['-', '+'])?;
    if !rest.starts_with(end) {
        return None;
    }
    match text.starts_with('-') {
        true => Some((3, true)),
        // Only statements have this end.
        false => (end == "%}").then_some((3, false)),
    }
}

fn after_space(text: &str) -> &str {
    text.trim_start_matches(is_python_space)
}

/// Returns the length of the opening tag of a raw block.
fn raw_begin(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("{%")?;
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let rest = after_space(after_space(rest).strip_prefix("raw")?);
    let rest = match rest.strip_prefix("-%}") {
        Some(rest) => after_space(rest),
        None => rest.strip_prefix("%}")?,
    };
    Some(text.len() - rest.len())
}

/// Returns the sign and the length of the closing tag of a raw block.
fn raw_end(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix("{%")?;
    let sign = rest.chars().next().filter(|sign| matches!(sign, '-' | '+'));
    let rest = if sign.is_some() { &rest[1..] } else { rest };
    let rest = after_space(after_space(rest).strip_prefix("endraw")?);
    let rest = match rest.strip_prefix("-%}") {
        Some(rest) => after_space(rest),
        None => rest.strip_prefix('+').unwrap_or(rest).strip_prefix("%}")?,
    };
    Some((sign.unwrap_or(' '), text.len() - rest.len()))
}

fn is_name_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || is_combining(character)
}

/// Marks that identifiers may have after their first character.
fn is_combining(character: char) -> bool {
    matches!(character, '·' | '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}')
}

/// Returns the length of digits with single underscores between them.
fn digits_length(text: &str, is_digit: fn(&u8) -> bool) -> usize {
    let bytes = text.as_bytes();
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let is_separator =
            *byte == b'_' && length > 0 && bytes.get(length + 1).is_some_and(is_digit);
        if !is_digit(byte) && !is_separator {
            break;
        }
        length += 1;
    }
    length
}

fn float_length(text: &str) -> Option<usize> {
    let whole = digits_length(text, u8::is_ascii_digit);
    if whole == 0 {
        return None;
    }
    let fraction = text[whole..]
        .strip_prefix('.')
        .map(|rest| digits_length(rest, u8::is_ascii_digit))
        .filter(|digits| *digits > 0)
        .map_or(0, |digits| digits + 1);
    let rest = &text[whole + fraction..];
    let exponent = rest
        .strip_prefix(['e', 'E'])
        .map(|rest| (rest.len(), rest.strip_prefix(['+', '-']).unwrap_or(rest)))
        .and_then(|(length, rest)| {
            let digits = digits_length(rest, u8::is_ascii_digit);
            (digits > 0).then(|| 1 + length - rest.len() + digits)
        })
        .unwrap_or(0);
    (fraction + exponent > 0).then_some(whole + fraction + exponent)
}

fn integer_length(text: &str) -> Option<usize> {
    let prefixed = |is_digit: fn(&u8) -> bool| {
        let rest = &text[2..];
        let skipped = usize::from(rest.starts_with('_'));
        let digits = digits_length(&rest[skipped..], is_digit);
        (digits > 0).then_some(2 + skipped + digits)
    };
    let with_prefix = match text.get(..2) {
        Some("0b" | "0B") => prefixed(|byte| matches!(byte, b'0' | b'1')),
        Some("0o" | "0O") => prefixed(|byte| matches!(byte, b'0'..=b'7')),
        Some("0x" | "0X") => prefixed(u8::is_ascii_hexdigit),
        _ => None,
    };
    if with_prefix.is_some() {
        return with_prefix;
    }
    match text.as_bytes().first()? {
        b'1'..=b'9' => Some(digits_length(text, u8::is_ascii_digit)),
        b'0' => Some(digits_length(text, |byte| *byte == b'0')),
        _ => None,
    }
}

/// Returns the length of a string with its quotes, if it ends.
fn string_length(text: &str) -> Option<usize> {
    let quote = text
        .chars()
        .next()
        .filter(|quote| matches!(quote, '\'' | '"'))?;
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return Some(at + 1);
        }
    }
    None
}

/// What is wrong with the escapes of a string.
enum Escape {
    Wrong(&'static str),
    Unsupported(&'static str),
}

/// Replaces Python's escapes; unknown ones stay.
fn unescape(text: &str) -> Result<String, Escape> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(escape) = rest.chars().next() else {
            return Err(Escape::Wrong("\\ at end of string"));
        };
        let mut length = escape.len_utf8();
        match escape {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(escape),
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            '0'..='7' => {
                length = rest
                    .bytes()
                    .take(3)
                    .take_while(|byte| matches!(byte, b'0'..=b'7'))
                    .count();
                let code = u32::from_str_radix(&rest[..length], 8).unwrap_or_default();
                out.extend(char::from_u32(code));
            }
            'x' | 'u' | 'U' => {
                let (digits, truncated) = match escape {
                    'x' => (2, "truncated \\xXX escape"),
                    'u' => (4, "truncated \\uXXXX escape"),
                    _ => (8, "truncated \\UXXXXXXXX escape"),
                };
                let code = rest
                    .get(1..1 + digits)
                    .filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))
                    .and_then(|code| u32::from_str_radix(code, 16).ok())
                    .ok_or(Escape::Wrong(truncated))?;
                match char::from_u32(code) {
                    Some(character) => out.push(character),
                    None if code > 0x10_ffff => {
                        return Err(Escape::Wrong("illegal Unicode character"));
                    }
                    None => return Err(Escape::Unsupported("a lone surrogate in a string")),
                }
                length = 1 + digits;
            }
            'N' => return Err(Escape::Unsupported("the escape `\\N{...}` in a string")),
            other => {
                out.push('\\');
                out.push(other);
            }
        }
        rest = &rest[length..];
    }
    out.push_str(rest);
    Ok(out)
}
