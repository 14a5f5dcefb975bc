//! Texts for people, without the passwords of URLs in them.

use std::borrow::Cow;
use std::ops::Range;

/// What stands for a password.
const MASK: &str = "****";

/// Replaces the secret part of the user information of every URL in `text`.
/// Like [`RedactedUrl`](crate::fetch::RedactedUrl), it takes a lone user name
/// for an access token.
pub fn redacted(text: &str) -> Cow<'_, str> {
    match redacted_line(text, 0..0) {
        Some((text, _)) => Cow::Owned(text),
        None => Cow::Borrowed(text),
    }
}

/// Does the same, and tells where `span` of `text` is then; `None` if there is
/// nothing to hide.
pub fn redacted_line(text: &str, span: Range<usize>) -> Option<(String, Range<usize>)> {
    let secrets = secrets(text);
    if secrets.is_empty() {
        return None;
    }
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    let Range { mut start, mut end } = span.clone();
    for secret in secrets {
        shown.push_str(&text[from..secret.start]);
        shown.push_str(MASK);
        for (edge, wanted) in [(&mut start, span.start), (&mut end, span.end)] {
            if wanted >= secret.end {
                *edge = *edge + MASK.len() - secret.len();
            } else if wanted > secret.start {
                // An edge within the secret moves to the end of the mask.
                *edge = shown.len();
            }
        }
        from = secret.end;
    }
    shown.push_str(&text[from..]);
    Some((shown, start..end))
}

/// Finds the secrets, in order. Texts with `@` are rare, so this costs little.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (scheme, separator) in text.match_indices("://") {
        let authority = scheme + separator.len();
        let rest = &text[authority..];
        let ends = |character: char| character.is_whitespace() || "/?#".contains(character);
        let length = rest.find(ends).unwrap_or(rest.len());
        let Some(at) = rest[..length].rfind('@') else {
            continue;
        };
        let visible = rest[..at].find(':').map_or(0, |colon| colon + 1);
        found.push(authority + visible..authority + at);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_secrets_are_hidden() {
        for (text, shown) in [
            ("see http://h/a, a@b", "see http://h/a, a@b"),
            (
                "['https://me:p'w@h/a', 'https://me:x@h']",
                "['https://me:****@h/a', 'https://me:****@h']",
            ),
            ("git+https://token@h/a", "git+https://****@h/a"),
            ("http://h/?mail=a@b", "http://h/?mail=a@b"),
            ("http://me:@h", "http://me:****@h"),
            ("http://me:p\u{e4}ss", "http://me:p\u{e4}ss"),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }

    #[test]
    fn a_span_follows_its_text() {
        let line = "x = http://me:secret@h/a y";
        let whole = redacted_line(line, 4..24).expect("a secret");
        assert_eq!(&whole.0[whole.1.clone()], "http://me:****@h/a");
        let after = redacted_line(line, 25..26).expect("a secret");
        assert_eq!(&after.0[after.1.clone()], "y");
        let within = redacted_line(line, 16..18).expect("a secret");
        assert_eq!(&within.0[within.1.clone()], "");
        assert_eq!(redacted_line("y", 0..1), None);
    }
}
