//! Letters, digits and case.

/// Tells whether a text has characters, and all are of a class.
pub(super) fn all(text: &str, is_member: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(is_member)
}

/// Python's digits: decimal ones, and some that stand for one.
pub(super) fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
        || is_decimal(character)
        || matches!(character, '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' | '₀'..='₉' | '①'..='⑨')
}

/// Digits of the decimal systems of the larger scripts.
pub(crate) fn is_decimal(character: char) -> bool {
    matches!(
        character,
        '0'..='9'
            | '\u{660}'..='\u{669}'
            | '\u{6f0}'..='\u{6f9}'
            | '\u{966}'..='\u{96f}'
            | '\u{ff10}'..='\u{ff19}'
    )
}

/// Tells whether a text has letters with case, all of one.
pub(crate) fn is_cased(text: &str, is_case: impl Fn(char) -> bool) -> bool {
    let mut has_case = false;
    for character in text.chars() {
        if character.is_lowercase() || character.is_uppercase() {
            if !is_case(character) {
                return false;
            }
            has_case = true;
        }
    }
    has_case
}

pub(crate) fn capitalize(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => {
            let first: String = first.to_uppercase().collect();
            first + &characters.as_str().to_lowercase()
        }
        None => String::new(),
    }
}

pub(super) fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_within_word = false;
    for character in text.chars() {
        match is_within_word {
            true => out.extend(character.to_lowercase()),
            false => out.extend(character.to_uppercase()),
        }
        is_within_word = character.is_lowercase() || character.is_uppercase();
    }
    out
}

pub(super) fn is_title(text: &str) -> bool {
    let (mut has_case, mut is_within_word) = (false, false);
    for character in text.chars() {
        if character.is_uppercase() {
            if is_within_word {
                return false;
            }
            (has_case, is_within_word) = (true, true);
        } else if character.is_lowercase() {
            if !is_within_word {
                return false;
            }
            has_case = true;
        } else {
            is_within_word = false;
        }
    }
    has_case
}

pub(super) fn swapcase(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_uppercase() {
            true => out.extend(character.to_lowercase()),
            false => out.extend(character.to_uppercase()),
        }
    }
    out
}

pub(crate) fn expand_tabs(text: &str, size: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for character in text.chars() {
        match character {
            '\t' if size > 0 => {
                let blanks = size - column % size;
                out.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            }
            '\t' => {}
            '\n' | '\r' => {
                out.push(character);
                column = 0;
            }
            other => {
                out.push(other);
                column += 1;
            }
        }
    }
    out
}
