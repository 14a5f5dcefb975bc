//! URLs that may carry credentials, and how they are shown.

use std::fmt;
use std::ops::Range;

use crate::redaction::{MASK, query_secrets};

/// A resource locator as the user wrote it, which never shows a secret.
///
/// `Display` and `Debug` replace the secret part of the user information, and
/// the values of its query that are named as secrets (`?token=...`), by `****`;
/// everything else is unchanged, so that messages about a URL without
/// credentials are what upstream prints. Only [`RedactedUrl::exposed`] gives
/// the raw text, for the transport and for cache keys.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RedactedUrl(String);

impl RedactedUrl {
    /// Wraps a locator: a URL, or a plain path.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// Returns the raw text, with its credentials.
    pub fn exposed(&self) -> &str {
        &self.0
    }

    /// Finds what is secret, in order.
    ///
    /// The scan is textual because a malformed URL, which no parser accepts,
    /// is exactly what ends up in an error message.
    fn secrets(&self) -> Vec<Range<usize>> {
        let Some(scheme_end) = self.0.find("://") else {
            return Vec::new();
        };
        let start = scheme_end + 3;
        let authority = &self.0[start..];
        let end = authority.find(['/', '?', '#']).unwrap_or(authority.len());
        let login = authority[..end].rfind('@').map(|at| {
            // A lone user name is as a rule an access token.
            let visible = authority[..at].find(':').map_or(0, |colon| colon + 1);
            start + visible..start + at
        });
        let query = query_secrets(&self.0, start + end);
        login.into_iter().chain(query).collect()
    }
}

impl fmt::Display for RedactedUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut from = 0;
        for secret in self.secrets() {
            write!(formatter, "{}{MASK}", &self.0[from..secret.start])?;
            from = secret.end;
        }
        formatter.write_str(&self.0[from..])
    }
}

impl fmt::Debug for RedactedUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.to_string())
    }
}

impl From<&str> for RedactedUrl {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for RedactedUrl {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

/// Shows a text the way Python's `%r` does, as upstream's messages do.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') && !self.0.contains('"') {
            '"'
        } else {
            '\''
        };
        write!(formatter, "{quote}")?;
        for character in self.0.chars() {
            match character {
                '\\' => formatter.write_str("\\\\")?,
                '\n' => formatter.write_str("\\n")?,
                '\r' => formatter.write_str("\\r")?,
                '\t' => formatter.write_str("\\t")?,
                _ if character == quote => write!(formatter, "\\{character}")?,
                _ if character.is_ascii_control() => {
                    write!(formatter, "\\x{:02x}", character as u32)?;
                }
                _ => write!(formatter, "{character}")?,
            }
        }
        write!(formatter, "{quote}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_secret() {
        for (raw, shown) in [
            ("http://h/a", "http://h/a"),
            ("https://me:pw@h:80/a?b#c", "https://me:****@h:80/a?b#c"),
            ("https://token@h/a", "https://****@h/a"),
            ("https://me:p@ss:w@h", "https://me:****@h"),
            ("https://h/a@b", "https://h/a@b"),
            ("https://me:pw@[::1/broken", "https://me:****@[::1/broken"),
            ("a/plain@path", "a/plain@path"),
            ("https://h/?a=1&token=x y", "https://h/?a=1&token=**** y"),
            ("https://me:pw@h?sig=x", "https://me:****@h?sig=****"),
        ] {
            assert_eq!(RedactedUrl::new(raw).to_string(), shown);
            assert_eq!(format!("{:?}", RedactedUrl::new(raw)), format!("{shown:?}"));
            assert_eq!(RedactedUrl::new(raw).exposed(), raw);
        }
    }

    #[test]
    fn quotes_like_python() {
        for (text, shown) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("it's \"x\"", "'it\\'s \"x\"'"),
            ("a\\b\n\u{1}é", "'a\\\\b\\n\\x01é'"),
        ] {
            assert_eq!(Quoted(text).to_string(), shown);
        }
    }
}
