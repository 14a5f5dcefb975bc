//! Splits a Python expression into tokens.

use super::error::{ConditionError, ConditionProblem};
use crate::value::Value;
use crate::value::literal::{LiteralError, Number, scan_number, scan_text, starts_text};

/// A token and the byte offset where it starts.
#[derive(Debug, Clone)]
pub(super) struct Token<'source> {
    pub(super) offset: usize,
    pub(super) kind: TokenKind<'source>,
}

#[derive(Debug, Clone)]
pub(super) enum TokenKind<'source> {
    Name(&'source str),
    /// A string, bytes or number.
    Constant(Value),
    Operator(&'static str),
    End,
}

/// All operators and brackets; the longer ones come before those they begin
/// with.
const OPERATORS: [&str; 45] = [
    "**=", "//=", ">>=", "<<=", "...", "==", "!=", "<=", ">=", "<<", ">>", "**", "//", "->", ":=",
    "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=", "+", "-", "*", "/", "%", "@", "&", "|",
    "^", "~", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", "=",
];

/// Reads all tokens; the last one is [`TokenKind::End`].
///
/// # Errors
/// A character that starts no token, or a malformed string or number.
pub(super) fn tokenize(source: &str) -> Result<Vec<Token<'_>>, ConditionError> {
    let mut tokens = Vec::new();
    let mut offset = 0;
    loop {
        let rest = &source[offset..];
        let Some(first) = rest.chars().next() else {
            break;
        };
        let (kind, length) = match first {
            // Line ends do not count, since a condition stands in brackets.
            ' ' | '\t' | '\x0c' | '\r' | '\n' => {
                offset += 1;
                continue;
            }
            // An unescaped `\x23` outside a string starts a comment.
            '#' => break,
            _ if starts_text(rest) => {
                let (text, length) = scan_text(source, offset).map_err(literal_error)?;
                (TokenKind::Constant(text.into()), length)
            }
            _ if first.is_ascii_digit() || starts_fraction(rest) => {
                let (number, length) = scan_number(source, offset).map_err(literal_error)?;
                let number = match number {
                    Number::Float(float) => Value::Float(float),
                    Number::Int(magnitude) => {
                        Value::Int(i128::try_from(magnitude).map_err(|_| {
                            ConditionProblem::unsupported("an integer of more than 128 bits")
                                .at(offset)
                        })?)
                    }
                };
                (TokenKind::Constant(number), length)
            }
            _ if first.is_alphabetic() || first == '_' => {
                let length = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                (TokenKind::Name(&rest[..length]), length)
            }
            '.' if !rest.starts_with("...") => (TokenKind::Operator("."), 1),
            _ => {
                let operator = OPERATORS
                    .into_iter()
                    .find(|operator| rest.starts_with(operator))
                    .ok_or_else(|| {
                        ConditionProblem::syntax(format!("unexpected character {first:?}"))
                            .at(offset)
                    })?;
                (TokenKind::Operator(operator), operator.len())
            }
        };
        tokens.push(Token { offset, kind });
        offset += length;
    }
    tokens.push(Token {
        offset,
        kind: TokenKind::End,
    });
    Ok(tokens)
}

fn literal_error(error: LiteralError) -> ConditionError {
    let offset = error.offset;
    ConditionProblem::literal(error).at(offset)
}

fn starts_fraction(rest: &str) -> bool {
    matches!(rest.as_bytes(), [b'.', b'0'..=b'9', ..])
}
