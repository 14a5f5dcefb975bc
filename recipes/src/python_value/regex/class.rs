//! Which characters match.

use super::super::methods::str_class::is_decimal;
use buildout_core::profile::python_text::is_python_space;

/// A set of characters.
#[derive(Clone, Debug)]
pub(super) enum Class {
    Only(char),
    /// A character in either case.
    AnyCase(char),
    /// All; without the flag, all but line ends.
    All(bool),
    Set(Box<Set>),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    pub(super) items: Vec<Item>,
    pub(super) is_negative: bool,
    pub(super) ignores_case: bool,
}

/// A part of a set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    Range(char, char),
    /// The flags are for ASCII, and for the opposite.
    Kind(Kind, bool, bool),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Digit,
    Space,
    Word,
}

impl Class {
    pub(super) fn has(&self, character: char) -> bool {
        match self {
            Class::Only(only) => *only == character,
            Class::AnyCase(other) => is_same_letter(*other, character),
            Class::All(with_line_ends) => *with_line_ends || character != '\n',
            Class::Set(set) => set.has(character),
        }
    }
}

impl Set {
    fn has(&self, character: char) -> bool {
        let has = |character| self.items.iter().any(|item| item.has(character));
        let is_member = has(character)
            || (self.ignores_case
                && (simple(character.to_lowercase()).is_some_and(has)
                    || simple(character.to_uppercase()).is_some_and(has)));
        is_member != self.is_negative
    }
}

impl Item {
    fn has(&self, character: char) -> bool {
        match self {
            Item::Range(first, last) => (*first..=*last).contains(&character),
            Item::Kind(kind, is_ascii, is_negative) => {
                let is_member = match kind {
                    Kind::Digit if *is_ascii => character.is_ascii_digit(),
                    Kind::Digit => is_decimal(character),
                    Kind::Space if *is_ascii => matches!(character, ' ' | '\t'..='\r'),
                    Kind::Space => is_python_space(character),
                    Kind::Word => is_word(character, *is_ascii),
                };
                is_member != *is_negative
            }
        }
    }
}

pub(super) fn is_word(character: char, is_ascii: bool) -> bool {
    character == '_'
        || match is_ascii {
            true => character.is_ascii_alphanumeric(),
            false => character.is_alphanumeric(),
        }
}

/// Returns the only character of a text that changed its case.
fn simple(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next();
    match characters.next() {
        None => first,
        Some(_) => None,
    }
}

pub(super) fn is_same_letter(left: char, right: char) -> bool {
    left == right
        || simple(left.to_lowercase()) == simple(right.to_lowercase())
        || simple(left.to_uppercase()) == simple(right.to_uppercase())
}
