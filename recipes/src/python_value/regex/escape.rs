//! Escapes that patterns and replacements share.

/// What stands after a backslash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// A character.
    Character(char),
    /// The group of a number.
    Group(usize),
    /// Something else, from its first character.
    Other(char),
}

/// Reads what follows a backslash: the escape, and how many characters it has.
/// `None` is the end of the text.
///
/// # Errors
///
/// An escape that has no meaning: Python's text without the position.
pub(crate) fn read_escape(text: &[char]) -> Result<Option<(Escape, usize)>, String> {
    let Some(&first) = text.first() else {
        return Ok(None);
    };
    let octal = |length: usize| {
        let digits = text.get(..length)?;
        let digits: String = digits.iter().collect();
        u32::from_str_radix(&digits, 8).ok()
    };
    let is_octal = |at: usize| {
        text.get(at)
            .is_some_and(|digit| ('0'..='7').contains(digit))
    };
    let character = match first {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' => '\\',
        '0' => {
            let length = 1 + (1..3).take_while(|at| is_octal(*at)).count();
            let code = octal(length).and_then(char::from_u32).unwrap_or_default();
            return Ok(Some((Escape::Character(code), length)));
        }
        '1'..='9' => {
            if ('1'..='7').contains(&first) && is_octal(1) && is_octal(2) {
                let code = octal(3).unwrap_or_default();
                if code > 0o377 {
                    let digits: String = text[..3].iter().collect();
                    return Err(format!(
                        "octal escape value \\{digits} outside of range 0-0o377"
                    ));
                }
                let character = char::from_u32(code).unwrap_or_default();
                return Ok(Some((Escape::Character(character), 3)));
            }
            let tens = first.to_digit(10).unwrap_or_default();
            return Ok(Some(
                match text.get(1).and_then(|digit| digit.to_digit(10)) {
                    Some(units) => (Escape::Group((tens * 10 + units) as usize), 2),
                    None => (Escape::Group(tens as usize), 1),
                },
            ));
        }
        other => return Ok(Some((Escape::Other(other), 1))),
    };
    Ok(Some((Escape::Character(character), 1)))
}
