//! Versions and version specifiers of PEP 440, as `packaging` 26 reads them.
//!
//! Only what markers need: is this version in that one specifier, with
//! pre-releases allowed.

use std::cmp::Ordering;

/// A version. The fields of a pre-release are its rank (alpha, beta, release
/// candidate) and number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    epoch: u64,
    release: Vec<u64>,
    pre: Option<(u8, u64)>,
    post: Option<u64>,
    dev: Option<u64>,
    local: Vec<LocalSegment>,
}

/// A segment of a local version. Numbers follow texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum LocalSegment {
    Text(String),
    Number(u64),
}

/// A condition on a version, for instance `>= 3.8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Specifier {
    /// `===`: the text itself, in any case.
    Identical(String),
    Compare {
        operator: Operator,
        version: VersionBound,
    },
}

/// The version part of a specifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VersionBound(Version);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    /// `== 3.8.*`
    HasPrefix,
    NotEqual,
    HasNotPrefix,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Compatible,
}

impl Specifier {
    /// Reads an operator and the text that follows it; nothing if they are no
    /// valid specifier.
    pub(super) fn parse(operator: &str, text: &str) -> Option<Self> {
        let text = text.trim();
        if operator == "===" {
            let is_one_word = !text.contains(|c: char| c.is_whitespace() || c == ';' || c == ')');
            return is_one_word.then(|| Self::Identical(text.to_lowercase()));
        }
        let (bare, is_prefix) = match text.strip_suffix(".*") {
            Some(bare) => (bare, true),
            None => (text, false),
        };
        let version = Version::parse(bare)?;
        let operator = match (operator, is_prefix) {
            ("==", false) => Operator::Equal,
            ("==", true) => Operator::HasPrefix,
            ("!=", false) => Operator::NotEqual,
            ("!=", true) => Operator::HasNotPrefix,
            ("<", false) => Operator::Less,
            ("<=", false) => Operator::LessEqual,
            (">", false) => Operator::Greater,
            (">=", false) => Operator::GreaterEqual,
            ("~=", false) => Operator::Compatible,
            _ => return None,
        };
        let may_have_local = matches!(operator, Operator::Equal | Operator::NotEqual);
        let is_plain = version.pre.is_none() && version.post.is_none() && version.dev.is_none();
        if (!version.local.is_empty() && !may_have_local)
            || (is_prefix && !is_plain)
            || (operator == Operator::Compatible && version.release.len() < 2)
        {
            return None;
        }
        Some(Self::Compare {
            operator,
            version: VersionBound(version),
        })
    }

    /// Tells whether a version satisfies the specifier. What is no version
    /// satisfies only `===`.
    pub(super) fn contains(&self, candidate: &str) -> bool {
        let (operator, bound) = match self {
            Self::Identical(text) => return candidate.to_lowercase() == *text,
            Self::Compare { operator, version } => (*operator, &version.0),
        };
        let Some(candidate) = Version::parse(candidate.trim()) else {
            return false;
        };
        match operator {
            Operator::Equal => candidate.is_equal_to(bound),
            Operator::NotEqual => !candidate.is_equal_to(bound),
            Operator::HasPrefix => candidate.has_prefix(bound.epoch, &bound.release),
            Operator::HasNotPrefix => !candidate.has_prefix(bound.epoch, &bound.release),
            Operator::LessEqual => candidate.compare_public(bound).is_le(),
            Operator::GreaterEqual => candidate.compare_public(bound).is_ge(),
            // A pre-release of the bound itself is not before it, unless the
            // bound is a pre-release too.
            Operator::Less => {
                candidate.compare(bound).is_lt()
                    && (bound.is_prerelease()
                        || !candidate.is_prerelease()
                        || !candidate.has_base_of(bound))
            }
            // Nor is a post-release or a local version of the bound after it.
            Operator::Greater => {
                candidate.compare(bound).is_gt()
                    && (bound.post.is_some()
                        || candidate.post.is_none()
                        || !candidate.has_base_of(bound))
                    && (candidate.local.is_empty() || !candidate.has_base_of(bound))
            }
            Operator::Compatible => {
                let prefix = &bound.release[..bound.release.len() - 1];
                candidate.compare_public(bound).is_ge() && candidate.has_prefix(bound.epoch, prefix)
            }
        }
    }
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let mut rest = text.strip_prefix('v').unwrap_or(&text);
        let mut epoch = 0;
        if let Some((before, after)) = rest.split_once('!') {
            epoch = number(before)?;
            rest = after;
        }
        let mut release = vec![take_number(&mut rest)?];
        while let Some(mut after) = rest.strip_prefix('.') {
            match take_number(&mut after) {
                Some(segment) => release.push(segment),
                None => break,
            }
            rest = after;
        }
        let mut version = Self {
            epoch,
            release,
            pre: None,
            post: None,
            dev: None,
            local: Vec::new(),
        };
        // The longer spellings come before those they begin with.
        const PRE: [(&str, u8); 8] = [
            ("alpha", 0),
            ("a", 0),
            ("beta", 1),
            ("b", 1),
            ("preview", 2),
            ("pre", 2),
            ("c", 2),
            ("rc", 2),
        ];
        version.pre = take_suffix(&mut rest, &PRE);
        version.post = take_dash_number(&mut rest)
            .or_else(|| take_suffix(&mut rest, &[("post", 0), ("rev", 0), ("r", 0)]).map(|p| p.1));
        version.dev = take_suffix(&mut rest, &[("dev", 0)]).map(|dev| dev.1);
        if let Some(local) = rest.strip_prefix('+') {
            for segment in local.split(['.', '_', '-']) {
                if segment.is_empty() || !segment.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                    return None;
                }
                version.local.push(match number(segment) {
                    Some(number) => LocalSegment::Number(number),
                    None => LocalSegment::Text(segment.to_owned()),
                });
            }
            rest = "";
        }
        rest.is_empty().then_some(version)
    }

    fn is_prerelease(&self) -> bool {
        self.pre.is_some() || self.dev.is_some()
    }

    /// Compares including the local version, which follows the same version
    /// without one.
    fn compare(&self, other: &Self) -> Ordering {
        self.compare_public(other)
            .then_with(|| self.local.cmp(&other.local))
    }

    /// Compares without the local version.
    fn compare_public(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| significant(&self.release).cmp(significant(&other.release)))
            .then_with(|| self.phase().cmp(&other.phase()))
    }

    /// The order within one release: development releases of the final, then
    /// pre-releases, the final, post-releases; and a development release of
    /// each just before it.
    fn phase(&self) -> (u8, u64, Option<u64>, bool, u64) {
        let (rank, number) = match self.pre {
            Some((rank, number)) => (1 + rank, number),
            None if self.post.is_none() && self.dev.is_some() => (0, 0),
            None => (4, 0),
        };
        let is_not_dev = self.dev.is_none();
        (
            rank,
            number,
            self.post,
            is_not_dev,
            self.dev.unwrap_or_default(),
        )
    }

    fn is_equal_to(&self, bound: &Self) -> bool {
        self.compare_public(bound).is_eq() && (bound.local.is_empty() || self.local == bound.local)
    }

    /// Tells whether the release begins with a prefix, as if it went on with
    /// zeros.
    fn has_prefix(&self, epoch: u64, prefix: &[u64]) -> bool {
        let padded = self.release.iter().copied().chain(std::iter::repeat(0));
        self.epoch == epoch
            && padded
                .zip(prefix)
                .all(|(segment, wanted)| segment == *wanted)
    }

    fn has_base_of(&self, other: &Self) -> bool {
        self.epoch == other.epoch && significant(&self.release) == significant(&other.release)
    }
}

/// Returns a release without the zeros at its end.
fn significant(release: &[u64]) -> &[u64] {
    let length = release
        .iter()
        .rposition(|segment| *segment != 0)
        .map_or(0, |last| last + 1);
    &release[..length]
}

fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn take_number(rest: &mut &str) -> Option<u64> {
    let length = rest
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, after) = rest.split_at(length);
    let value = number(digits)?;
    *rest = after;
    Some(value)
}

/// Takes `-1`, a short spelling of a post-release.
fn take_dash_number(rest: &mut &str) -> Option<u64> {
    let mut after = rest.strip_prefix('-')?;
    let value = take_number(&mut after)?;
    *rest = after;
    Some(value)
}

/// Takes a word of a list and its number, either of which a separator may
/// precede. The number may be missing.
fn take_suffix(rest: &mut &str, words: &[(&str, u8)]) -> Option<(u8, u64)> {
    const SEPARATORS: [char; 3] = ['.', '_', '-'];
    let after = rest.strip_prefix(SEPARATORS).unwrap_or(rest);
    let (mut after, rank) = words
        .iter()
        .find_map(|(word, rank)| Some((after.strip_prefix(word)?, *rank)))?;
    // A separator after the word belongs to it even if no number follows.
    after = after.strip_prefix(SEPARATORS).unwrap_or(after);
    let value = take_number(&mut after).unwrap_or_default();
    *rest = after;
    Some((rank, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_follow_packaging() {
        for (candidate, operator, bound, expected) in [
            ("3.11", "==", "3.11.0", Some(true)),
            ("3.11", "==", " v3.11 ", Some(true)),
            ("3.11+x", "==", "3.11", Some(true)),
            ("3.11", "==", "3.11+x", Some(false)),
            ("3.11", "==", "3.*", Some(true)),
            ("3.11", "==", "3.11.0.*", Some(true)),
            ("3.11a1", "==", "3.11.*", Some(true)),
            ("3.11", "!=", "3.1.*", Some(true)),
            ("3.11", "==", "3.11a1.*", None),
            ("3.11", ">=", "3.8.*", None),
            ("3.11", ">=", "3.8+x", None),
            ("3.11", "~=", "3", None),
            ("3.11", "~=", "3.8", Some(true)),
            ("3.11", "~=", "3.8.1", Some(false)),
            ("3.8.0", "~=", "3.8.1", Some(false)),
            ("3.11", "<", "3.9", Some(false)),
            ("3.11a1", "<", "3.11", Some(false)),
            ("3.11a1", "<", "3.11a2", Some(true)),
            ("3.11.post1", ">", "3.11", Some(false)),
            ("3.11.post2", ">", "3.11.post1", Some(true)),
            ("3.11+x", ">", "3.11", Some(false)),
            ("3.11", ">", "3.11.dev1", Some(true)),
            ("3.11.dev1", ">", "3.11a1", Some(false)),
            ("3.11a1.dev1", "<", "3.11a1", Some(true)),
            ("3.11rc1", ">", "3.11b9", Some(true)),
            ("3.11-1", "==", "3.11.post1", Some(true)),
            ("3.11c1", "==", "3.11.pre.1", Some(true)),
            ("1!1", ">", "2", Some(true)),
            ("6.1.0-13-amd64", ">=", "5", Some(false)),
            ("6.1.0-13-amd64", "!=", "5", Some(false)),
            ("6.1.0-13-amd64", "===", "6.1.0-13-AMD64", Some(true)),
            ("3.11", "!=", "3.11a-.dev1", Some(true)),
            ("3.11", "<", "foo", None),
            ("3.11", "in", "3.11", None),
        ] {
            let result = Specifier::parse(operator, bound).map(|s| s.contains(candidate));
            assert_eq!(result, expected, "{candidate} {operator} {bound}");
        }
    }
}
