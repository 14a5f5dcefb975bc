//! `allow-hosts`.

/// Patterns of hosts, each with its port, as `fnmatch` reads them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AllowedHosts {
    patterns: Vec<Vec<char>>,
}

impl AllowedHosts {
    pub(super) fn new(patterns: &[String]) -> Self {
        AllowedHosts {
            patterns: patterns
                .iter()
                .map(|pattern| pattern.chars().collect())
                .collect(),
        }
    }

    /// Tells whether a URL may be asked for. Those of files always may; without patterns
    /// all may, since upstream makes one regular expression of all patterns, and an empty
    /// one matches.
    pub(super) fn allow(&self, url: &str) -> bool {
        let Some((scheme, rest)) = url.split_once("://") else {
            return true;
        };
        if scheme.eq_ignore_ascii_case("file") || self.patterns.is_empty() {
            return true;
        }
        // Upstream compares what stands between the slashes, a login included.
        let host: Vec<char> = rest
            .split(['/', '?', '#'])
            .next()
            .unwrap_or_default()
            .chars()
            .collect();
        let without_login = host
            .iter()
            .rposition(|c| *c == '@')
            .map_or(&host[..], |at| &host[at + 1..]);
        self.patterns
            .iter()
            .any(|pattern| matches(pattern, &host) || matches(pattern, without_login))
    }
}

/// Compares as `fnmatch.fnmatchcase` does, without recursion: after a mismatch
/// only the last `*` can take one character more.
fn matches(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut last_star = None;
    while at < text.len() {
        if pattern.get(place) == Some(&'*') {
            last_star = Some((place, at));
            place += 1;
            continue;
        }
        match match_one(&pattern[place..], text[at]) {
            Some(length) => {
                place += length;
                at += 1;
            }
            None => match &mut last_star {
                Some((star, start)) => {
                    *start += 1;
                    at = *start;
                    place = *star + 1;
                }
                None => return false,
            },
        }
    }
    pattern[place..].iter().all(|c| *c == '*')
}

/// Compares one character with the beginning of a pattern; returns how much of
/// the pattern that takes.
fn match_one(pattern: &[char], character: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => {
            let is_negated = pattern.get(1) == Some(&'!');
            let start = if is_negated { 2 } else { 1 };
            // A bracket that comes first is a member.
            let inner = pattern.get(start + 1..).unwrap_or_default();
            let length = inner.iter().position(|c| *c == ']');
            let Some(length) = length else {
                return (character == '[').then_some(1);
            };
            let members = &pattern[start..start + 1 + length];
            let mut found = false;
            let mut place = 0;
            while place < members.len() {
                if members.get(place + 1) == Some(&'-') && place + 2 < members.len() {
                    found |= (members[place]..=members[place + 2]).contains(&character);
                    place += 3;
                } else {
                    found |= members[place] == character;
                    place += 1;
                }
            }
            (found != is_negated).then_some(start + length + 2)
        }
        other => (*other == character).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_as_fnmatch_does() {
        let allows = |pattern: &str, url: &str| AllowedHosts::new(&[pattern.to_owned()]).allow(url);
        for (pattern, url, expected) in [
            ("*", "http://h/a", true),
            ("h", "http://h/a", true),
            ("h", "http://h:80/a", false),
            ("h:80", "http://me:pw@h:80", true),
            ("*.h", "https://a.b.h?x", true),
            ("*.h", "https://h/a.h", false),
            ("*a*b", "http://xaxbxb/", true),
            ("[!x]?", "http://xa", false),
            ("[a-c]?", "http://bx", true),
            ("x", "file:///a", true),
            ("[", "http://[", true),
        ] {
            assert_eq!(allows(pattern, url), expected, "{pattern} {url}");
        }
        assert!(AllowedHosts::new(&[]).allow("http://h"));
        let stars = "*a".repeat(40);
        assert!(!allows(&stars, &format!("http://{}b", "a".repeat(200))));
    }
}
