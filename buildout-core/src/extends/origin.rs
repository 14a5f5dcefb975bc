//! Where a value comes from.

use std::fmt;
use std::sync::Arc;

/// The thing that set a value: a profile or a symbolic source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The engine's defaults, `DEFAULT_VALUE`.
    Default,
    /// Computed from the command's own arguments, `COMPUTED_VALUE`.
    Computed,
    /// An assignment on the command line, `COMMAND_LINE_VALUE`.
    CommandLine,
    /// The empty value that `+=` or `-=` starts from, `IMPLICIT_VALUE`.
    Implicit,
    /// A profile, by path or URL as the `extends` chain spells it.
    Profile(Arc<str>),
}

impl Source {
    /// Returns the text `annotate` shows.
    pub fn as_str(&self) -> &str {
        match self {
            Source::Default => "DEFAULT_VALUE",
            Source::Computed => "COMPUTED_VALUE",
            Source::CommandLine => "COMMAND_LINE_VALUE",
            Source::Implicit => "IMPLICIT_VALUE",
            Source::Profile(name) => name,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A source, and the line in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// What set the value.
    pub source: Source,
    /// The line of the assignment, from 1; `None` for symbolic sources.
    pub line: Option<u32>,
}

impl Origin {
    /// An origin without a line.
    pub fn symbolic(source: Source) -> Self {
        Origin { source, line: None }
    }

    /// The line `line` of the profile `name`.
    pub fn profile(name: Arc<str>, line: u32) -> Self {
        Origin {
            source: Source::Profile(name),
            line: Some(line),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.source),
            None => self.source.fmt(f),
        }
    }
}

/// A place in a profile to show to a person, with the text of its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The profile, by path or URL.
    pub source: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The text of that line, without its newline.
    pub text: String,
    /// The bytes of `text` to underline.
    pub span: std::ops::Range<usize>,
}

impl Place {
    /// Makes a place that underlines `needle` in line `line` of `profile`, or
    /// in the continuation lines below it; the whole line if it is not there.
    /// A whole word in a value goes before a part of one, and that before the
    /// option's own name.
    pub fn find(source: &Arc<str>, profile: &str, line: u32, needle: &str) -> Self {
        let first = (line as usize).saturating_sub(1);
        let mut lines = profile.lines().enumerate().skip(first);
        let mut chosen = lines.next().map(|(index, text)| (index, text, None));
        if !needle.is_empty() {
            let continuation =
                |text: &str| text.is_empty() || text.starts_with([' ', '\t', '#', ';']);
            let hit = chosen
                .iter()
                .map(|(index, text, _)| (*index, *text))
                .chain(lines.take_while(|(_, text)| continuation(text)))
                .filter_map(|(index, text)| {
                    let value = if index == first {
                        text.find('=').map_or(0, |equals| equals + 1)
                    } else {
                        0
                    };
                    let (at, rank) = find_ranked(text, value, needle)?;
                    Some((rank, index, text, at))
                })
                // The first of equals.
                .min_by_key(|(rank, ..)| *rank)
                .map(|(_, index, text, at)| (index, text, Some(at)));
            chosen = hit.or(chosen);
        }
        let (index, text, at) = chosen.unwrap_or((first, "", None));
        let text = text.trim_end().to_owned();
        let span = match at {
            Some(at) => at..at + needle.len(),
            None => text.len() - text.trim_start().len()..text.len(),
        };
        Place {
            source: Arc::clone(source),
            line: u32::try_from(index + 1).unwrap_or(u32::MAX),
            text,
            span,
        }
    }
}

/// How well a hit fits what is looked for; the least is the best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    WordInValue,
    InValue,
    InName,
}

/// Finds `needle` in a line whose value starts at `value`.
fn find_ranked(text: &str, value: usize, needle: &str) -> Option<(usize, Rank)> {
    let of_word = |character: char| character.is_alphanumeric() || "_-.".contains(character);
    let hits = || {
        text[value..]
            .match_indices(needle)
            .map(|(at, _)| value + at)
    };
    let whole = hits().find(|at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + needle.len()..].chars().next();
        !before.is_some_and(of_word) && !after.is_some_and(of_word)
    });
    whole
        .map(|at| (at, Rank::WordInValue))
        .or_else(|| Some((hits().next()?, Rank::InValue)))
        .or_else(|| Some((text.find(needle)?, Rank::InName)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_value_goes_first() {
        let source = Arc::from("p.cfg");
        let profile = "parts = aa b\n  a-b a\nextended-by = x\n";
        for (line, needle, found) in [
            (1, "a", (2, 6..7)),
            (1, "par", (1, 0..3)),
            (1, "aa", (1, 8..10)),
            (1, "-", (2, 3..4)),
            (3, "extended-by", (3, 0..11)),
        ] {
            let place = Place::find(&source, profile, line, needle);
            assert_eq!((place.line, place.span), found, "{needle}");
        }
    }

    #[test]
    fn a_place_is_found_in_continuation_lines() {
        let source = Arc::from("p.cfg");
        let profile = "[p]\na =\n  one\n# c\n  ${q:r}\nb = ${q:r}\n";
        let place = Place::find(&source, profile, 2, "${q:r}");
        assert_eq!((place.line, place.span), (5, 2..8));
        let place = Place::find(&source, profile, 2, "${absent}");
        assert_eq!((place.line, place.text.as_str()), (2, "a ="));
    }
}
