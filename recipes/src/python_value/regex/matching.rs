//! How patterns are looked for.

use super::class::{is_same_letter, is_word};
use super::{Exhausted, Found, Look, Node, Position, Regex, Repeat, RepeatKind};

/// The most nodes that one search may try.
const STEP_LIMIT: usize = 100_000_000;

/// How deep nodes may nest within their repetitions.
const DEPTH_LIMIT: usize = 20_000;

/// Whether something was found.
type Tried = Result<bool, Exhausted>;

/// What must match behind.
type Then<'then, 't> = &'then mut dyn FnMut(&mut Matcher<'t>, usize) -> Tried;

/// How a match must lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Anywhere from the position on.
    #[default]
    Search,
    /// From the position.
    Prefix,
    /// From the position to the end.
    Whole,
}

impl Regex {
    /// Looks for the pattern from a position on. After an empty match, another
    /// one that starts there must not be empty.
    ///
    /// # Errors
    ///
    /// It takes too long.
    pub(crate) fn find(
        &self,
        text: &[char],
        from: usize,
        extent: Extent,
        must_advance: bool,
    ) -> Result<Option<Found>, Exhausted> {
        let mut matcher = Matcher {
            text,
            groups: vec![None; self.groups + 1],
            last: None,
            steps: 0,
            depth: 0,
        };
        let starts = match extent {
            Extent::Search => from..=text.len(),
            Extent::Prefix | Extent::Whole => from..=from,
        };
        for start in starts {
            matcher.groups.fill(None);
            matcher.last = None;
            let mut end = start;
            let is_found = matcher.run(&self.root, start, &mut |_, at| {
                if (extent == Extent::Whole && at != text.len())
                    || (must_advance && start == from && at == start)
                {
                    return Ok(false);
                }
                end = at;
                Ok(true)
            })?;
            if is_found {
                matcher.groups[0] = Some((start, end));
                return Ok(Some(Found {
                    groups: matcher.groups,
                    last: matcher.last,
                }));
            }
        }
        Ok(None)
    }
}

struct Matcher<'t> {
    text: &'t [char],
    groups: Vec<Option<(usize, usize)>>,
    last: Option<usize>,
    steps: usize,
    depth: usize,
}

impl<'t> Matcher<'t> {
    /// Tries a node, and what must match behind it.
    fn run(&mut self, node: &Node, at: usize, then: Then<'_, 't>) -> Tried {
        self.steps += 1;
        if self.steps > STEP_LIMIT || self.depth > DEPTH_LIMIT {
            return Err(Exhausted);
        }
        self.depth += 1;
        let tried = self.node(node, at, then);
        self.depth -= 1;
        tried
    }

    fn node(&mut self, node: &Node, at: usize, then: Then<'_, 't>) -> Tried {
        match node {
            Node::Empty => then(self, at),
            Node::One(class) => match self.text.get(at) {
                Some(character) if class.has(*character) => then(self, at + 1),
                _ => Ok(false),
            },
            Node::Sequence(nodes) => self.sequence(nodes, at, then),
            Node::Alternatives(nodes) => {
                for node in nodes {
                    if self.run(node, at, then)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Node::Group(index, node) => self.run(node, at, &mut |matcher, end| {
                let old = (matcher.groups[*index], matcher.last);
                matcher.groups[*index] = Some((at, end));
                matcher.last = Some(*index);
                let is_found = then(matcher, end)?;
                if !is_found {
                    (matcher.groups[*index], matcher.last) = old;
                }
                Ok(is_found)
            }),
            Node::Repeat(repeat) => match (&repeat.node, repeat.kind) {
                (Node::One(class), _) => self.simple_repeat(repeat, class, at, then),
                (_, RepeatKind::Possessive) => {
                    let greedy = Repeat {
                        kind: RepeatKind::Greedy,
                        ..(**repeat).clone()
                    };
                    self.atomic(&Node::Repeat(Box::new(greedy)), at, then)
                }
                _ => self.repeat(repeat, at, 0, None, then),
            },
            Node::Atomic(node) => self.atomic(node, at, then),
            Node::Look(look) => self.look(look, at, then),
            Node::Again(index, ignores_case) => {
                let Some((start, end)) = self.groups[*index] else {
                    return Ok(false);
                };
                let Some(here) = self.text.get(at..at + (end - start)) else {
                    return Ok(false);
                };
                let there = &self.text[start..end];
                let is_same = match ignores_case {
                    true => {
                        let mut pairs = here.iter().zip(there);
                        pairs.all(|(here, there)| is_same_letter(*here, *there))
                    }
                    false => here == there,
                };
                match is_same {
                    true => then(self, at + (end - start)),
                    false => Ok(false),
                }
            }
            Node::Condition(index, matched, otherwise) => match self.groups[*index] {
                Some(_) => self.run(matched, at, then),
                None => self.run(otherwise, at, then),
            },
            Node::At(position) => match self.is_at(*position, at) {
                true => then(self, at),
                false => Ok(false),
            },
        }
    }

    fn sequence(&mut self, nodes: &[Node], at: usize, then: Then<'_, 't>) -> Tried {
        match nodes {
            [] => then(self, at),
            [last] => self.run(last, at, then),
            [first, rest @ ..] => self.run(first, at, &mut |matcher, at| {
                matcher.sequence(rest, at, then)
            }),
        }
    }

    /// Repeats a single character.
    fn simple_repeat(
        &mut self,
        repeat: &Repeat,
        class: &super::Class,
        at: usize,
        then: Then<'_, 't>,
    ) -> Tried {
        let rest = &self.text[at..];
        let is_lazy = repeat.kind == RepeatKind::Lazy;
        let most = if is_lazy { repeat.least } else { repeat.most };
        let mut count = rest
            .iter()
            .take(most)
            .take_while(|character| class.has(**character))
            .count();
        self.steps += count;
        if count < repeat.least {
            return Ok(false);
        }
        loop {
            if then(self, at + count)? {
                return Ok(true);
            }
            match repeat.kind {
                RepeatKind::Greedy if count > repeat.least => count -= 1,
                RepeatKind::Lazy
                    if count < repeat.most
                        && rest.get(count).is_some_and(|next| class.has(*next)) =>
                {
                    count += 1;
                }
                _ => return Ok(false),
            }
        }
    }

    /// Repeats a node; `last` is where the last repetition started: after an
    /// empty one there are no more.
    fn repeat(
        &mut self,
        repeat: &Repeat,
        at: usize,
        count: usize,
        last: Option<usize>,
        then: Then<'_, 't>,
    ) -> Tried {
        let may_end = count >= repeat.least;
        let may_go_on = count < repeat.most && (!may_end || last != Some(at));
        if may_end && repeat.kind == RepeatKind::Lazy && then(self, at)? {
            return Ok(true);
        }
        if may_go_on
            && self.run(&repeat.node, at, &mut |matcher, end| {
                matcher.repeat(repeat, end, count + 1, Some(at), then)
            })?
        {
            return Ok(true);
        }
        match may_end && repeat.kind != RepeatKind::Lazy {
            true => then(self, at),
            false => Ok(false),
        }
    }

    /// Tries a node, and does not go back into it.
    fn atomic(&mut self, node: &Node, at: usize, then: Then<'_, 't>) -> Tried {
        let old = (self.groups.clone(), self.last);
        let mut end = at;
        let is_found = self.run(node, at, &mut |_, found| {
            end = found;
            Ok(true)
        })?;
        if is_found && then(self, end)? {
            return Ok(true);
        }
        (self.groups, self.last) = old;
        Ok(false)
    }

    fn look(&mut self, look: &Look, at: usize, then: Then<'_, 't>) -> Tried {
        let old = (self.groups.clone(), self.last);
        let start = match look.before {
            Some(width) => at.checked_sub(width),
            None => Some(at),
        };
        let is_found = match start {
            Some(start) => self.run(&look.node, start, &mut |_, end| {
                Ok(look.before.is_none() || end == at)
            })?,
            None => false,
        };
        if look.is_negative {
            (self.groups, self.last) = old.clone();
        }
        if is_found != look.is_negative && then(self, at)? {
            return Ok(true);
        }
        (self.groups, self.last) = old;
        Ok(false)
    }

    fn is_at(&self, position: Position, at: usize) -> bool {
        let length = self.text.len();
        match position {
            Position::TextStart => at == 0,
            Position::LineStart => at == 0 || self.text[at - 1] == '\n',
            Position::End => at == length || (at + 1 == length && self.text[at] == '\n'),
            Position::LineEnd => at == length || self.text[at] == '\n',
            Position::TextEnd => at == length,
            Position::Boundary(is_ascii, is_negative) => {
                let is_word = |at: Option<usize>| {
                    let character = at.and_then(|at| self.text.get(at));
                    character.is_some_and(|character| is_word(*character, is_ascii))
                };
                // There is none in an empty text, nor the opposite.
                length > 0 && (is_word(at.checked_sub(1)) != is_word(Some(at))) != is_negative
            }
        }
    }
}
