//! Texts for people, without the secrets of URLs in them: passwords of their
//! user information, and values of their queries that are named as secrets.

use std::borrow::Cow;
use std::ops::Range;

/// What stands for a password.
pub(crate) const MASK: &str = "****";

/// How the names of secret values in queries end, in lower case: what private
/// package indexes, forges and signed links of object stores use.
const SECRET_ENDINGS: [&str; 10] = [
    "token",
    "password",
    "passwd",
    "secret",
    "signature",
    "credential",
    "apikey",
    "api_key",
    "api-key",
    "accesskeyid",
];

/// Names of secret values in queries, in lower case, that many other names end
/// in.
const SECRET_NAMES: [&str; 4] = ["auth", "key", "pwd", "sig"];

/// Replaces the secrets of every URL in `text`: the secret part of its user
/// information (like [`RedactedUrl`](crate::fetch::RedactedUrl), it takes a lone
/// user name for an access token), and values of its query like `?token=...`.
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

/// Finds the secrets, in order. Texts with URLs are rare, so this costs little.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (scheme, separator) in text.match_indices("://") {
        let authority = scheme + separator.len();
        let rest = &text[authority..];
        let ends = |character: char| character.is_whitespace() || "/?#".contains(character);
        let length = rest.find(ends).unwrap_or(rest.len());
        if let Some(at) = rest[..length].rfind('@') {
            let visible = rest[..at].find(':').map_or(0, |colon| colon + 1);
            found.push(authority + visible..authority + at);
        }
        found.extend(query_secrets(text, authority + length));
    }
    found
}

/// Finds the secret values in the query of the URL whose path starts at
/// `start`, as places in `text`. A reference (`${...}`) is no secret, only a way
/// to one.
pub(crate) fn query_secrets(text: &str, start: usize) -> impl Iterator<Item = Range<usize>> {
    // A URL may stand in a list that Python shows, or between brackets.
    let ends = |character: char| character.is_whitespace() || "#'\"<>)]".contains(character);
    let url = &text[start..];
    let url = &url[..url.find(ends).unwrap_or(url.len())];
    let query = url.find('?').map_or(url.len(), |mark| mark + 1);
    let mut at = start + query;
    let pairs = url[query..].split_inclusive(['&', ';']);
    pairs.filter_map(move |pair| {
        let pair_start = at;
        at += pair.len();
        let (name, value) = pair.trim_end_matches(['&', ';']).split_once('=')?;
        let is_secret = is_secret_name(name) && !value.is_empty() && !value.starts_with("${");
        let value_start = pair_start + name.len() + 1;
        is_secret.then(|| value_start..value_start + value.len())
    })
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.contains(&name.as_str())
        || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
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
            (
                "['http://h/a?x=1&private_token=s3&y=2#token=4', 'h?token=5']",
                "['http://h/a?x=1&private_token=****&y=2#token=4', 'h?token=5']",
            ),
            (
                "http://u:p@h?X-Amz-Signature=f0;key=k;monkey=m see",
                "http://u:****@h?X-Amz-Signature=****;key=****;monkey=m see",
            ),
            ("http://h/?token=${a:b}&sig=", "http://h/?token=${a:b}&sig="),
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
