//! Versions and version specifiers of PEP 440, as `packaging` 26 reads them.
//!
//! Whether pre-releases are wanted is not decided here: a specifier contains
//! them like any other version.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};

/// A version. Versions are ordered, and equal, as PEP 440 says: `1.0` and `1`
/// are the same. Displayed, they are in normal form.
#[derive(Debug, Clone)]
pub struct Version {
    epoch: u64,
    release: Vec<u64>,
    /// Its rank (alpha, beta, release candidate) and number.
    pre: Option<(u8, u64)>,
    post: Option<u64>,
    dev: Option<u64>,
    local: Vec<LocalSegment>,
}

/// A segment of a local version. Numbers follow texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum LocalSegment {
    Text(String),
    Number(u64),
}

/// A condition on a version, for instance `>= 3.8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Specifier(Condition);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    /// `===`: the text itself, in any case.
    Identical(String),
    Compare {
        operator: Operator,
        version: Version,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
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
    pub fn parse(operator: &str, text: &str) -> Option<Self> {
        let text = text.trim();
        if operator == "===" {
            let is_one_word = !text.contains(|c: char| c.is_whitespace() || c == ';' || c == ')');
            return is_one_word.then(|| Self(Condition::Identical(text.to_lowercase())));
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
        Some(Self(Condition::Compare { operator, version }))
    }

    /// Tells whether a version satisfies the specifier. What is no version
    /// satisfies only `===`.
    pub fn contains(&self, candidate: &str) -> bool {
        match &self.0 {
            Condition::Identical(text) => candidate.to_lowercase() == *text,
            Condition::Compare { operator, version } => Version::parse(candidate.trim())
                .is_some_and(|candidate| operator.holds(&candidate, version)),
        }
    }
}

impl Operator {
    fn holds(self, candidate: &Version, bound: &Version) -> bool {
        match self {
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
    /// Reads a version in any spelling that PEP 440 allows; nothing if it is
    /// none.
    pub fn parse(text: &str) -> Option<Self> {
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

    /// Tells whether it is an alpha, beta or development version, or a release
    /// candidate.
    pub fn is_prerelease(&self) -> bool {
        self.pre.is_some() || self.dev.is_some()
    }

    /// Compares including the local version, which follows the same version
    /// without one.
    fn compare(&self, other: &Self) -> Ordering {
        self.compare_public(other)
            .then_with(|| self.local.cmp(&other.local))
    }

    /// Returns the version without its local part.
    #[must_use]
    pub fn public(&self) -> Self {
        Self {
            local: Vec::new(),
            ..self.clone()
        }
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

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other).is_eq()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other)
    }
}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.epoch.hash(state);
        significant(&self.release).hash(state);
        self.phase().hash(state);
        self.local.hash(state);
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.epoch != 0 {
            write!(formatter, "{}!", self.epoch)?;
        }
        for (index, segment) in self.release.iter().enumerate() {
            if index > 0 {
                formatter.write_char('.')?;
            }
            write!(formatter, "{segment}")?;
        }
        if let Some((rank, number)) = self.pre {
            let word = ["a", "b", "rc"][usize::from(rank.min(2))];
            write!(formatter, "{word}{number}")?;
        }
        if let Some(number) = self.post {
            write!(formatter, ".post{number}")?;
        }
        if let Some(number) = self.dev {
            write!(formatter, ".dev{number}")?;
        }
        for (index, segment) in self.local.iter().enumerate() {
            formatter.write_char(if index == 0 { '+' } else { '.' })?;
            match segment {
                LocalSegment::Text(text) => formatter.write_str(text)?,
                LocalSegment::Number(number) => write!(formatter, "{number}")?,
            }
        }
        Ok(())
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
    fn versions_have_an_order_and_a_normal_form() {
        let ordered = [
            "1.dev1",
            "1a1.dev2",
            "1a1",
            "1a2",
            "1b1",
            "1rc1",
            "1",
            "1+a",
            "1+2",
            "1.post1.dev3",
            "1.post1",
            "1.0.1",
            "1!0.5",
        ];
        let versions: Vec<_> = ordered.map(|text| Version::parse(text).unwrap()).into();
        assert!(versions.is_sorted_by(|left, right| left < right));
        for (written, normal) in [
            ("v1.0-Alpha_2", "1.0a2"),
            ("1.0-3", "1.0.post3"),
            ("1_dev", "1.dev0"),
            (
                "01.02c3.R4+SlapOSPatched001-x",
                "1.2rc3.post4+slapospatched001.x",
            ),
            ("2!0.0", "2!0.0"),
        ] {
            assert_eq!(Version::parse(written).unwrap().to_string(), normal);
        }
        assert_eq!(Version::parse("1"), Version::parse("1.0.0"));
        assert!(Version::parse("1.0.x").is_none());
    }

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
