//! Reads patterns, with the rules and messages of CPython's parser.

use std::rc::Rc;

use super::class::{Class, Item, Kind, Set};
use super::{
    Escape, Flags, Look, Node, PatternError, Position, Regex, Repeat, RepeatKind, read_escape,
};
use buildout_core::value::str_repr;

/// How deep groups may nest.
const DEPTH_LIMIT: usize = 100;

/// The most repetitions that can be counted; more are without an end.
const REPEAT_LIMIT: usize = u32::MAX as usize;

type Parsed<T> = Result<T, PatternError>;

impl Regex {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// It is none, or names a character with `\N{}`.
    pub(crate) fn new(pattern: &str, flags: Flags) -> Parsed<Self> {
        if flags.has(Flags::LOCALE) {
            return Err(PatternError(
                "cannot use LOCALE flag with a str pattern".to_owned(),
            ));
        }
        if flags.has(Flags::ASCII) && flags.has(Flags::UNICODE) {
            return Err(PatternError(
                "ASCII and UNICODE flags are incompatible".to_owned(),
            ));
        }
        let mut parser = Parser {
            text: pattern.chars().collect(),
            at: 0,
            flags,
            groups: 0,
            names: Vec::new(),
            open: Vec::new(),
            depth: 0,
        };
        let start = parser.global_flags()?;
        parser.at = start;
        let root = parser.alternatives()?;
        if parser.peek().is_some() {
            return Err(parser.error("unbalanced parenthesis"));
        }
        let mut flags = parser.flags;
        if !flags.has(Flags::ASCII) {
            flags.0 |= Flags::UNICODE.0;
        }
        Ok(Regex {
            root,
            flags,
            groups: parser.groups,
            names: parser.names,
        })
    }
}

struct Parser {
    text: Vec<char>,
    at: usize,
    flags: Flags,
    groups: usize,
    names: Vec<(Rc<str>, usize)>,
    /// The groups that have not ended yet.
    open: Vec<usize>,
    depth: usize,
}

/// A flag of the form `(?x)`.
fn flag(letter: char) -> Option<Flags> {
    Some(match letter {
        'a' => Flags::ASCII,
        'i' => Flags::IGNORE_CASE,
        'L' => Flags::LOCALE,
        'm' => Flags::MULTI_LINE,
        's' => Flags::DOT_ALL,
        'u' => Flags::UNICODE,
        'x' => Flags::VERBOSE,
        _ => return None,
    })
}

impl Parser {
    fn error(&self, message: impl std::fmt::Display) -> PatternError {
        PatternError(format!("{message} at position {}", self.at))
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn skip(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn starts_with(&self, wanted: &str) -> bool {
        let mut rest = self.text[self.at..].iter();
        wanted
            .chars()
            .all(|character| rest.next() == Some(&character))
    }

    /// Reads flags for the whole pattern at its start; returns where it goes on.
    fn global_flags(&mut self) -> Parsed<usize> {
        let mut start = 0;
        loop {
            self.at = start;
            if !self.starts_with("(?") {
                return Ok(start);
            }
            self.at += 2;
            let mut flags = self.flags;
            while let Some(one) = self.peek().and_then(flag) {
                flags.0 |= one.0;
                self.at += 1;
            }
            if self.at == start + 2 || !self.skip(')') {
                return Ok(start);
            }
            if flags.has(Flags::LOCALE) {
                return Err(self.error("bad inline flags: cannot use 'L' flag with a str pattern"));
            }
            self.flags = flags;
            start = self.at;
        }
    }

    /// Skips what a verbose pattern has between its parts.
    fn skip_blanks(&mut self) {
        while self.flags.has(Flags::VERBOSE) {
            match self.peek() {
                Some(' ' | '\t'..='\r') => self.at += 1,
                Some('#') => {
                    while self.peek().is_some_and(|character| character != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn alternatives(&mut self) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(self.error("the pattern nests too deep"));
        }
        let mut alternatives = vec![self.sequence()?];
        while self.skip('|') {
            alternatives.push(self.sequence()?);
        }
        self.depth -= 1;
        Ok(match alternatives.len() {
            1 => alternatives.remove(0),
            _ => Node::Alternatives(alternatives),
        })
    }

    fn sequence(&mut self) -> Parsed<Node> {
        let mut nodes = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                None | Some('|' | ')') => break,
                Some(_) => {}
            }
            let Some(node) = self.atom()? else {
                continue;
            };
            nodes.push(self.repeated(node)?);
        }
        Ok(match nodes.len() {
            0 => Node::Empty,
            1 => nodes.remove(0),
            _ => Node::Sequence(nodes),
        })
    }

    /// Reads how often a node is repeated.
    fn repeated(&mut self, node: Node) -> Parsed<Node> {
        let mut node = node;
        let mut is_repeated = false;
        loop {
            self.skip_blanks();
            let before = self.at;
            let Some((least, most)) = self.counts()? else {
                return Ok(node);
            };
            if is_repeated {
                self.at = before;
                return Err(self.error("multiple repeat"));
            }
            if matches!(node, Node::At(_)) {
                self.at = before;
                return Err(self.error("nothing to repeat"));
            }
            is_repeated = true;
            let kind = if self.skip('?') {
                RepeatKind::Lazy
            } else if self.skip('+') {
                RepeatKind::Possessive
            } else {
                RepeatKind::Greedy
            };
            node = Node::Repeat(Box::new(Repeat {
                node,
                least,
                most,
                kind,
            }));
        }
    }

    fn counts(&mut self) -> Parsed<Option<(usize, usize)>> {
        let start = self.at;
        let counts = match self.peek() {
            Some('?') => (0, 1),
            Some('*') => (0, REPEAT_LIMIT),
            Some('+') => (1, REPEAT_LIMIT),
            Some('{') => {
                self.at += 1;
                let least = self.number();
                let most = match self.skip(',') {
                    true => self.number(),
                    false => least.clone(),
                };
                let has_comma = self.text[start..self.at].contains(&',');
                if !self.skip('}') || (least.is_empty() && !has_comma) {
                    // It is a brace.
                    self.at = start;
                    return Ok(None);
                }
                let count = |digits: &str, default| match digits {
                    "" => Ok(default),
                    digits => digits
                        .parse::<usize>()
                        .ok()
                        .filter(|count| *count < REPEAT_LIMIT)
                        .ok_or_else(|| PatternError("the repetition number is too large".into())),
                };
                let (least, most) = (count(&least, 0)?, count(&most, REPEAT_LIMIT)?);
                if most < least {
                    self.at = start;
                    return Err(self.error("min repeat greater than max repeat"));
                }
                return Ok(Some((least, most)));
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(counts))
    }

    fn number(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|digit| digit.is_ascii_digit()) {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    fn one(&self, character: char) -> Node {
        let has_cases = character.is_lowercase() || character.is_uppercase();
        Node::One(match self.flags.has(Flags::IGNORE_CASE) && has_cases {
            true => Class::AnyCase(character),
            false => Class::Only(character),
        })
    }

    /// Reads one thing that can be repeated; nothing for a comment.
    fn atom(&mut self) -> Parsed<Option<Node>> {
        let Some(character) = self.peek() else {
            return Ok(None);
        };
        if matches!(character, '*' | '+' | '?') {
            return Err(self.error("nothing to repeat"));
        }
        if character == '{' {
            let start = self.at;
            if self.counts()?.is_some() {
                self.at = start;
                return Err(self.error("nothing to repeat"));
            }
        }
        self.at += 1;
        let is_multi_line = self.flags.has(Flags::MULTI_LINE);
        Ok(Some(match character {
            '.' => Node::One(Class::All(self.flags.has(Flags::DOT_ALL))),
            '^' if is_multi_line => Node::At(Position::LineStart),
            '^' => Node::At(Position::TextStart),
            '$' if is_multi_line => Node::At(Position::LineEnd),
            '$' => Node::At(Position::End),
            '\\' => self.escape()?,
            '[' => self.set()?,
            '(' => return self.group(),
            other => self.one(other),
        }))
    }

    fn kind(&self, letter: char) -> Option<Item> {
        let kind = match letter.to_ascii_lowercase() {
            'd' => Kind::Digit,
            's' => Kind::Space,
            'w' => Kind::Word,
            _ => return None,
        };
        let is_ascii = self.flags.has(Flags::ASCII);
        Some(Item::Kind(kind, is_ascii, letter.is_ascii_uppercase()))
    }

    fn escape(&mut self) -> Parsed<Node> {
        let is_ascii = self.flags.has(Flags::ASCII);
        let first = self.peek();
        match first {
            Some('A') => {
                self.at += 1;
                return Ok(Node::At(Position::TextStart));
            }
            Some('Z') => {
                self.at += 1;
                return Ok(Node::At(Position::TextEnd));
            }
            Some(letter @ ('b' | 'B')) => {
                self.at += 1;
                return Ok(Node::At(Position::Boundary(is_ascii, letter == 'B')));
            }
            Some(letter) => {
                if let Some(item) = self.kind(letter) {
                    self.at += 1;
                    return Ok(Node::One(Class::Set(Box::new(Set {
                        items: vec![item],
                        ..Set::default()
                    }))));
                }
            }
            None => {}
        }
        match self.character_escape()? {
            Escape::Character(character) | Escape::Other(character) => Ok(self.one(character)),
            Escape::Group(index) => {
                self.check_group(index)?;
                Ok(Node::Again(index, self.flags.has(Flags::IGNORE_CASE)))
            }
        }
    }

    fn check_group(&self, index: usize) -> Parsed<()> {
        if index > self.groups {
            return Err(self.error(format!("invalid group reference {index}")));
        }
        if self.open.contains(&index) {
            return Err(self.error("cannot refer to an open group"));
        }
        Ok(())
    }

    /// Reads an escape for a character or a group.
    fn character_escape(&mut self) -> Parsed<Escape> {
        let read = read_escape(&self.text[self.at..]).map_err(|message| self.error(message))?;
        let Some((escape, length)) = read else {
            return Err(self.error("bad escape (end of pattern)"));
        };
        let start = self.at;
        self.at += length;
        let Escape::Other(letter) = escape else {
            return Ok(escape);
        };
        let digits = match letter {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            letter if letter.is_ascii_alphabetic() => {
                return Err(self.error(format!("bad escape \\{letter}")));
            }
            other => return Ok(Escape::Character(other)),
        };
        let code = self.text.get(start + 1..start + 1 + digits);
        let code: String = code.unwrap_or_default().iter().collect();
        let character = (code.len() == digits && code.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| u32::from_str_radix(&code, 16).ok())
            .flatten()
            .and_then(char::from_u32);
        match character {
            Some(character) => {
                self.at += digits;
                Ok(Escape::Character(character))
            }
            None => Err(self.error(format!("incomplete escape \\{letter}{code}"))),
        }
    }

    fn set(&mut self) -> Parsed<Node> {
        let start = self.at;
        let mut set = Set {
            is_negative: self.skip('^'),
            ignores_case: self.flags.has(Flags::IGNORE_CASE),
            ..Set::default()
        };
        let first = self.at;
        loop {
            let unterminated = PatternError(format!(
                "unterminated character set at position {}",
                start - 1
            ));
            if self.at > first && self.skip(']') {
                break;
            }
            let item = self.set_item(&unterminated)?;
            // A minus at the end is a character.
            if self.peek() != Some('-') || self.text.get(self.at + 1) == Some(&']') {
                set.items.push(item);
                continue;
            }
            self.at += 1;
            let last = self.set_item(&unterminated)?;
            match (item, last) {
                (Item::Range(from, _), Item::Range(to, _)) if from <= to => {
                    set.items.push(Item::Range(from, to));
                }
                _ => return Err(self.error("bad character range")),
            }
        }
        Ok(Node::One(Class::Set(Box::new(set))))
    }

    fn set_item(&mut self, unterminated: &PatternError) -> Parsed<Item> {
        let character = self.peek().ok_or_else(|| unterminated.clone())?;
        self.at += 1;
        if character != '\\' {
            return Ok(Item::Range(character, character));
        }
        if let Some(item) = self.peek().and_then(|letter| self.kind(letter)) {
            self.at += 1;
            return Ok(item);
        }
        match self.character_escape()? {
            Escape::Character(character) | Escape::Other(character) => {
                Ok(Item::Range(character, character))
            }
            // Within a set all numbers are octal.
            Escape::Group(index) if index < 8 => {
                let character = char::from_u32(index as u32).unwrap_or_default();
                Ok(Item::Range(character, character))
            }
            Escape::Group(index) => Err(self.error(format!("bad escape \\{index}"))),
        }
    }

    fn name(&mut self, end: char) -> Parsed<String> {
        let start = self.at;
        while self.peek().is_some_and(|character| character != end) {
            self.at += 1;
        }
        let name: String = self.text[start..self.at].iter().collect();
        if !self.skip(end) {
            return Err(self.error(format!("missing {end}, unterminated name")));
        }
        if name.is_empty() {
            return Err(self.error("missing group name"));
        }
        Ok(name)
    }

    fn group_name(&mut self, end: char) -> Parsed<String> {
        let name = self.name(end)?;
        let is_start = |first: char| first.is_alphabetic() || first == '_';
        let is_name = name.starts_with(is_start)
            && name
                .chars()
                .all(|character| character.is_alphanumeric() || character == '_');
        match is_name {
            true => Ok(name),
            false => Err(self.error(format!("bad character in group name {}", str_repr(&name)))),
        }
    }

    fn named(&self, name: &str) -> Parsed<usize> {
        let found = self.names.iter().find(|(known, _)| **known == *name);
        let index = found.map(|(_, index)| *index);
        index.ok_or_else(|| self.error(format!("unknown group name {}", str_repr(name))))
    }

    /// Reads a group, after its parenthesis.
    fn group(&mut self) -> Parsed<Option<Node>> {
        let start = self.at - 1;
        if !self.skip('?') {
            return self.capture(None, start).map(Some);
        }
        let Some(kind) = self.peek() else {
            return Err(self.error("unexpected end of pattern"));
        };
        self.at += 1;
        Ok(Some(match kind {
            'P' if self.skip('<') => {
                let name = self.group_name('>')?;
                if self.names.iter().any(|(known, _)| **known == *name) {
                    return Err(self.error(format!(
                        "redefinition of group name {} as group {}; was group {}",
                        str_repr(&name),
                        self.groups + 1,
                        self.named(&name)?,
                    )));
                }
                self.capture(Some(name), start)?
            }
            'P' if self.skip('=') => {
                let name = self.group_name(')')?;
                let index = self.named(&name)?;
                self.check_group(index)?;
                Node::Again(index, self.flags.has(Flags::IGNORE_CASE))
            }
            ':' => self.rest(start)?,
            '#' => {
                while self.peek().is_some_and(|character| character != ')') {
                    self.at += 1;
                }
                if !self.skip(')') {
                    return Err(PatternError(format!(
                        "missing ), unterminated comment at position {start}"
                    )));
                }
                return Ok(None);
            }
            '>' => Node::Atomic(Box::new(self.rest(start)?)),
            '=' | '!' => self.look(start, kind == '!', false)?,
            '<' if self.skip('=') => self.look(start, false, true)?,
            '<' if self.skip('!') => self.look(start, true, true)?,
            '(' => self.condition(start)?,
            letter if letter == '-' || flag(letter).is_some() => {
                self.at -= 1;
                self.scoped_flags(start)?
            }
            other => {
                return Err(self.error(format!("unknown extension ?{other}")));
            }
        }))
    }

    /// Reads what is left of a group.
    fn rest(&mut self, start: usize) -> Parsed<Node> {
        let flags = self.flags;
        let node = self.alternatives()?;
        self.flags = flags;
        match self.skip(')') {
            true => Ok(node),
            false => Err(PatternError(format!(
                "missing ), unterminated subpattern at position {start}"
            ))),
        }
    }

    fn capture(&mut self, name: Option<String>, start: usize) -> Parsed<Node> {
        self.groups += 1;
        let index = self.groups;
        if let Some(name) = name {
            self.names.push((Rc::from(name), index));
        }
        self.open.push(index);
        let node = self.rest(start)?;
        self.open.pop();
        Ok(Node::Group(index, Box::new(node)))
    }

    fn look(&mut self, start: usize, is_negative: bool, is_behind: bool) -> Parsed<Node> {
        let node = self.rest(start)?;
        let before = match is_behind {
            true => match width(&node) {
                Some((least, most)) if least == most => Some(least),
                _ => {
                    return Err(PatternError(
                        "look-behind requires fixed-width pattern".to_owned(),
                    ));
                }
            },
            false => None,
        };
        Ok(Node::Look(Box::new(Look {
            node,
            is_negative,
            before,
        })))
    }

    fn condition(&mut self, start: usize) -> Parsed<Node> {
        let name = self.name(')')?;
        let index = match name.parse::<usize>() {
            Ok(0) => return Err(self.error("bad group number")),
            Ok(index) => index,
            Err(_) => self.named(&name)?,
        };
        if index > self.groups {
            return Err(self.error(format!("invalid group reference {index}")));
        }
        let matched = self.sequence()?;
        let otherwise = match self.skip('|') {
            true => self.sequence()?,
            false => Node::Empty,
        };
        if self.peek() == Some('|') {
            return Err(self.error("conditional backref with more than two branches"));
        }
        match self.skip(')') {
            true => Ok(Node::Condition(
                index,
                Box::new(matched),
                Box::new(otherwise),
            )),
            false => Err(PatternError(format!(
                "missing ), unterminated subpattern at position {start}"
            ))),
        }
    }

    /// Reads `(?flags-flags:...)`, from its first letter.
    fn scoped_flags(&mut self, start: usize) -> Parsed<Node> {
        let old = self.flags;
        let mut flags = old;
        while let Some(one) = self.peek().and_then(flag) {
            if one == Flags::LOCALE {
                return Err(self.error("bad inline flags: cannot use 'L' flag with a str pattern"));
            }
            if one == Flags::ASCII {
                flags.0 &= !Flags::UNICODE.0;
            }
            if one == Flags::UNICODE {
                flags.0 &= !Flags::ASCII.0;
            }
            flags.0 |= one.0;
            self.at += 1;
        }
        if self.peek() == Some(')') {
            return Err(PatternError(format!(
                "global flags not at the start of the expression at position {start}"
            )));
        }
        if self.skip('-') {
            let first = self.at;
            while let Some(one) = self.peek().and_then(flag) {
                if matches!(one, Flags::ASCII | Flags::LOCALE | Flags::UNICODE) {
                    return Err(
                        self.error("bad inline flags: cannot turn off flags 'a', 'u' and 'L'")
                    );
                }
                flags.0 &= !one.0;
                self.at += 1;
            }
            if self.at == first {
                return Err(self.error("missing flag"));
            }
        }
        if !self.skip(':') {
            return Err(self.error(match self.peek() {
                None => "missing -, : or )",
                Some(_) => "unknown flag",
            }));
        }
        self.flags = flags;
        let node = self.rest(start)?;
        self.flags = old;
        Ok(node)
    }
}

/// Returns the least and the most characters of a node; nothing for a group
/// that is meant again.
fn width(node: &Node) -> Option<(usize, usize)> {
    Some(match node {
        Node::Empty | Node::Look(_) | Node::At(_) => (0, 0),
        Node::One(_) => (1, 1),
        Node::Sequence(nodes) => {
            let mut sum = (0_usize, 0_usize);
            for node in nodes {
                let (least, most) = width(node)?;
                sum = (sum.0.saturating_add(least), sum.1.saturating_add(most));
            }
            sum
        }
        Node::Alternatives(nodes) => {
            let mut bounds: Option<(usize, usize)> = None;
            for node in nodes {
                let (least, most) = width(node)?;
                bounds = Some(match bounds {
                    Some(known) => (known.0.min(least), known.1.max(most)),
                    None => (least, most),
                });
            }
            bounds.unwrap_or_default()
        }
        Node::Group(_, node) | Node::Atomic(node) => width(node)?,
        Node::Repeat(repeat) => {
            let (least, most) = width(&repeat.node)?;
            (
                least.saturating_mul(repeat.least),
                most.saturating_mul(repeat.most),
            )
        }
        Node::Again(..) => return None,
        Node::Condition(_, matched, otherwise) => {
            let (left, right) = (width(matched)?, width(otherwise)?);
            (left.0.min(right.0), left.1.max(right.1))
        }
    })
}
