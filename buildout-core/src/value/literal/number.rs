//! Python's number literals.

use super::{LiteralError, LiteralProblem};

/// A number without a sign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Int(u128),
    Float(f64),
}

/// Reads the number at an offset; returns it and its length in bytes. The byte
/// there is a digit or a point.
pub(crate) fn scan_number(source: &str, start: usize) -> Result<(Number, usize), LiteralError> {
    let bytes = &source.as_bytes()[start..];
    let invalid = || LiteralProblem::InvalidNumber.at(start);
    let radix = match bytes {
        [b'0', b'x' | b'X', ..] => Some(16),
        [b'0', b'o' | b'O', ..] => Some(8),
        [b'0', b'b' | b'B', ..] => Some(2),
        _ => None,
    };
    if let Some(radix) = radix {
        // Python allows an underscore after the prefix.
        let begin = if bytes.get(2) == Some(&b'_') { 3 } else { 2 };
        let digits = scan_digits(&bytes[begin..], radix).ok_or_else(invalid)?;
        let length = begin + digits.len();
        end_of_number(source, start, length)?;
        return Ok((Number::Int(to_integer(digits, radix, start)?), length));
    }
    let whole = scan_digits(bytes, 10).unwrap_or_default();
    let mut length = whole.len();
    let mut is_float = false;
    if bytes.get(length) == Some(&b'.') {
        is_float = true;
        length += 1;
        let fraction = scan_digits(&bytes[length..], 10).unwrap_or_default();
        length += fraction.len();
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
    }
    if let Some(b'e' | b'E') = bytes.get(length) {
        is_float = true;
        length += 1;
        if let Some(b'+' | b'-') = bytes.get(length) {
            length += 1;
        }
        length += scan_digits(&bytes[length..], 10).ok_or_else(invalid)?.len();
    }
    end_of_number(source, start, length)?;
    if is_float {
        let text: String = source[start..start + length]
            .chars()
            .filter(|&character| character != '_')
            .collect();
        let float = text.parse().map_err(|_| invalid())?;
        return Ok((Number::Float(float), length));
    }
    let is_zero = whole.iter().all(|digit| matches!(digit, b'0' | b'_'));
    if whole.first() == Some(&b'0') && !is_zero {
        return Err(invalid());
    }
    Ok((Number::Int(to_integer(whole, 10, start)?), length))
}

/// Returns the leading digits, with single underscores between them.
fn scan_digits(bytes: &[u8], radix: u32) -> Option<&[u8]> {
    let is_digit = |byte: &u8| char::from(*byte).is_digit(radix);
    let length = bytes
        .iter()
        .position(|byte| !is_digit(byte) && *byte != b'_')
        .unwrap_or(bytes.len());
    let digits = &bytes[..length];
    let well_formed = digits.first().is_some_and(is_digit)
        && digits.last().is_some_and(is_digit)
        && !digits.windows(2).any(|pair| pair == b"__");
    well_formed.then_some(digits)
}

fn to_integer(digits: &[u8], radix: u32, start: usize) -> Result<u128, LiteralError> {
    digits
        .iter()
        .filter_map(|&digit| char::from(digit).to_digit(radix))
        .try_fold(0_u128, |sum, digit| {
            sum.checked_mul(u128::from(radix))?
                .checked_add(u128::from(digit))
        })
        .ok_or_else(|| LiteralProblem::IntegerTooLarge.at(start))
}

fn end_of_number(source: &str, start: usize, length: usize) -> Result<(), LiteralError> {
    match source[start + length..].chars().next() {
        Some('j' | 'J') => Err(LiteralProblem::Unsupported("complex numbers").at(start)),
        Some(character) if character.is_alphanumeric() || character == '_' => {
            Err(LiteralProblem::InvalidNumber.at(start))
        }
        _ => Ok(()),
    }
}
