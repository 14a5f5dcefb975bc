//! Python's regular expressions, of texts: the syntax and the way of matching
//! of CPython's `re`, which tries alternatives in order and goes back.
//!
//! `syntax` makes a [`Node`] of a pattern, `matching` looks for it. Positions
//! are in characters, as in Python.

mod class;
mod escape;
mod matching;
mod syntax;

use std::rc::Rc;

use class::Class;

pub(crate) use escape::{Escape, read_escape};
pub(crate) use matching::Extent;

/// What changes the meaning of a pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(pub(crate) u32);

impl Flags {
    pub(crate) const IGNORE_CASE: Flags = Flags(2);
    pub(crate) const LOCALE: Flags = Flags(4);
    pub(crate) const MULTI_LINE: Flags = Flags(8);
    pub(crate) const DOT_ALL: Flags = Flags(16);
    pub(crate) const UNICODE: Flags = Flags(32);
    pub(crate) const VERBOSE: Flags = Flags(64);
    pub(crate) const ASCII: Flags = Flags(256);

    pub(crate) fn has(self, one: Flags) -> bool {
        self.0 & one.0 != 0
    }
}

/// What is wrong with a pattern: the text of Python's `re.error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PatternError(pub(crate) String);

/// A match that takes too many steps, or nests too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// A pattern that can be looked for.
#[derive(Debug)]
pub(crate) struct Regex {
    root: Node,
    pub(crate) flags: Flags,
    /// The number of groups, without the whole match.
    pub(crate) groups: usize,
    /// The groups that have names.
    pub(crate) names: Vec<(Rc<str>, usize)>,
}

/// Where a pattern was found: the whole match, and the groups.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The match itself is group 0.
    pub(crate) groups: Vec<Option<(usize, usize)>>,
    /// The group that ended last.
    pub(crate) last: Option<usize>,
}

impl Found {
    /// Returns start and end of the whole match.
    pub(crate) fn span(&self) -> (usize, usize) {
        self.groups[0].unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
enum Node {
    Empty,
    /// One character of a class.
    One(Class),
    Sequence(Vec<Node>),
    Alternatives(Vec<Node>),
    Group(usize, Box<Node>),
    Repeat(Box<Repeat>),
    Atomic(Box<Node>),
    Look(Box<Look>),
    /// The text of a group again; the flag ignores case.
    Again(usize, bool),
    /// One thing if a group has matched, else another.
    Condition(usize, Box<Node>, Box<Node>),
    At(Position),
}

#[derive(Clone, Debug)]
struct Repeat {
    node: Node,
    least: usize,
    most: usize,
    kind: RepeatKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RepeatKind {
    Greedy,
    Lazy,
    Possessive,
}

/// A condition on what follows, or on what comes before and is so long.
#[derive(Clone, Debug)]
struct Look {
    node: Node,
    is_negative: bool,
    before: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    TextStart,
    LineStart,
    /// The end, or before a final line end.
    End,
    LineEnd,
    TextEnd,
    /// Between word and other characters; the flags are for ASCII, and for the
    /// opposite.
    Boundary(bool, bool),
}
