//! Words of a POSIX shell command, as Python's `shlex` quotes and splits them.

use std::borrow::Cow;

/// A text which cannot be split into words. The messages are Python's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A quotation is still open at the end.
    #[error("No closing quotation")]
    NoClosingQuotation {
        /// The byte position of the opening quotation mark.
        position: usize,
    },
    /// A backslash is the last character.
    #[error("No escaped character")]
    NoEscapedCharacter {
        /// The byte position of the backslash.
        position: usize,
    },
}

/// Returns the text as one word of a shell command (`shlex.quote`).
///
/// ```
/// use buildout_core::exec::shell_quote::quote;
/// assert_eq!(quote("--prefix=/opt/x"), "--prefix=/opt/x");
/// assert_eq!(quote("it's"), r#"'it'"'"'s'"#);
/// ```
pub fn quote(text: &str) -> Cow<'_, str> {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if text.is_empty() {
        return Cow::Borrowed("''");
    }
    if text.bytes().all(is_safe) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r#"'"'"'"#)))
}

/// Splits a text into the words a shell would see, without expanding anything (`shlex.split` in
/// its POSIX mode, without comments).
///
/// Only space, TAB, carriage return and newline separate words. Inside double quotes a backslash
/// escapes only `"` and itself. A backslash before a newline gives the newline, unlike in a shell.
///
/// # Errors
///
/// [`SplitError`], with the place where the trouble starts.
pub fn shlex_split(text: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    // A word can be empty without being nothing: `''`.
    let mut word: Option<String> = None;
    let mut characters = text.char_indices();
    while let Some((position, character)) = characters.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => match characters.next() {
                Some((_, escaped)) => word.get_or_insert_default().push(escaped),
                None => return Err(SplitError::NoEscapedCharacter { position }),
            },
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                read_quotation(&mut characters, character, position, word)?;
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Appends what stands before the closing quotation mark.
fn read_quotation(
    characters: &mut impl Iterator<Item = (usize, char)>,
    mark: char,
    position: usize,
    word: &mut String,
) -> Result<(), SplitError> {
    while let Some((at, character)) = characters.next() {
        match character {
            _ if character == mark => return Ok(()),
            '\\' if mark == '"' => match characters.next() {
                Some((_, escaped @ ('"' | '\\'))) => word.push(escaped),
                Some((_, other)) => word.extend(['\\', other]),
                None => return Err(SplitError::NoEscapedCharacter { position: at }),
            },
            _ => word.push(character),
        }
    }
    Err(SplitError::NoClosingQuotation { position })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_their_place() {
        for (text, expected) in [
            ("a 'b", SplitError::NoClosingQuotation { position: 2 }),
            ("ä\"b\\\"", SplitError::NoClosingQuotation { position: 2 }),
            ("ab\\", SplitError::NoEscapedCharacter { position: 2 }),
            ("\"a\\", SplitError::NoEscapedCharacter { position: 2 }),
        ] {
            assert_eq!(shlex_split(text), Err(expected), "{text:?}");
        }
        assert_eq!(
            shlex_split("'").map_err(|error| error.to_string()),
            Err("No closing quotation".to_owned())
        );
    }
}
