//! From the text of one profile to its sections; pure.
//!
//! Keeps the behaviour of `zc.buildout.configparser.parse`: lines are
//! classified one by one, an indented line continues the open option, values
//! that start on the next line are dedented as a block, and a false condition
//! hides options but not mistakes. What upstream finds out by regular
//! expressions is written out by hand here, which also gives every option the
//! line it comes from.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::line::{split_header, split_option};
use super::python_text::{common_indentation, is_python_space, rstrip, strip};
use crate::dialect::RepeatedOperators;
use crate::symbols::{Symbol, Symbols};

/// The option that names the macros of a section.
pub const MACRO_OPTION: &str = "<";
/// The option that a `=> part part` line sets.
pub const PART_DEPENDENCIES_OPTION: &str = "<part-dependencies>";

/// How many bytes of a profile to expect for each option, or a little less.
const LIKELY_OPTION: usize = 64;
/// Room for nearly every value of several lines, in bytes.
const LIKELY_VALUE: usize = 1024;

/// `+=` or `-=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `option += lines`.
    Add,
    /// `option -= lines`.
    Remove,
}

/// The sections of one profile, in order of first appearance.
#[derive(Debug, Default)]
pub struct ParsedProfile {
    /// The sections that exist after conditions were decided.
    pub sections: Vec<ParsedSection>,
}

/// One section of one profile, all its repetitions in that file joined.
#[derive(Debug)]
pub struct ParsedSection {
    /// The section's name.
    pub name: Symbol,
    /// The line of its first header, from 1.
    pub line: u32,
    /// The options, in the order Python's dictionary would list them.
    pub options: Vec<ParsedOption>,
}

/// One option as one profile writes it.
#[derive(Clone, Debug)]
pub struct ParsedOption {
    /// The key as upstream stores it, the operator included (`l +`).
    pub key: Symbol,
    /// The option the key acts on; equal to `key` without an operator.
    pub base: Symbol,
    /// The operator, if the key ends in one.
    pub operator: Option<Operator>,
    /// The value after joining continuation lines and dedenting.
    pub value: Arc<str>,
    /// The line of the (last) assignment, from 1.
    pub line: u32,
}

impl ParsedProfile {
    /// Returns the section called `name`.
    pub fn section(&self, name: Symbol) -> Option<&ParsedSection> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Returns the section called `name`, to be edited by the loader.
    pub fn section_mut(&mut self, name: Symbol) -> Option<&mut ParsedSection> {
        self.sections
            .iter_mut()
            .find(|section| section.name == name)
    }
}

impl ParsedSection {
    /// Returns the option stored under `key`.
    pub fn option(&self, key: Symbol) -> Option<&ParsedOption> {
        self.options.iter().find(|option| option.key == key)
    }

    /// Removes and returns the option stored under `key`.
    pub fn take(&mut self, key: Symbol) -> Option<ParsedOption> {
        let index = self.options.iter().position(|option| option.key == key)?;
        Some(self.options.remove(index))
    }
}

/// The expression of a header `[name:expression]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionalHeader<'a> {
    /// The section's name.
    pub section: &'a str,
    /// The text between the first `:` and the closing bracket, still escaped.
    pub expression: &'a str,
    /// The line, from 1.
    pub line: u32,
    /// Where the expression starts in its line, in bytes.
    pub column: usize,
}

/// A line that is no part of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The line number, from 1.
    pub line: u32,
    /// The line, its newline included.
    pub text: String,
}

/// Why a text is not a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError<ConditionError> {
    /// An option stands before the first section header.
    #[error("file contains no section headers")]
    MissingSectionHeader(BadLine),
    /// Some lines are neither header, option, comment nor continuation.
    #[error("file contains parsing errors")]
    BadLines(Vec<BadLine>),
    /// The condition of a header cannot be decided.
    #[error("condition cannot be evaluated")]
    Condition {
        /// The line of the header, from 1.
        line: u32,
        /// Where the expression starts in its line, in bytes.
        column: usize,
        /// What is wrong with it.
        error: ConditionError,
    },
}

/// Splits an operator off a stored key, as the merge does: `l +` acts on `l`.
///
/// Only blanks (not tabs) and repeated operator characters are dropped before
/// the operator, as `str.rstrip(' +')` does.
pub fn split_operator(key: &str) -> (&str, Option<Operator>) {
    match key.as_bytes().last() {
        Some(b'+') => (key.trim_end_matches([' ', '+']), Some(Operator::Add)),
        Some(b'-') => (key.trim_end_matches([' ', '-']), Some(Operator::Remove)),
        _ => (key, None),
    }
}

/// Returns `key` without its last two characters.
pub fn without_two_characters(key: &str) -> &str {
    let mut characters = key.chars();
    characters.next_back();
    characters.next_back();
    characters.as_str()
}

/// Parses `text` (with `\n` newlines).
///
/// `condition` decides whether the section of a conditional header is in
/// force; it is called in the order of the lines.
///
/// # Errors
///
/// See [`SyntaxError`]. All bad lines of a file are reported at once.
pub fn parse<'a, E>(
    text: &'a str,
    repeated: RepeatedOperators,
    symbols: &'a mut Symbols,
    condition: &mut dyn FnMut(ConditionalHeader<'_>) -> Result<bool, E>,
) -> Result<ParsedProfile, SyntaxError<E>> {
    let mut parser = Parser {
        repeated,
        symbols,
        sections: Vec::new(),
        section_index: FxHashMap::default(),
        options: Vec::with_capacity(text.len() / LIKELY_OPTION),
        lines: Vec::with_capacity(text.len() / LIKELY_OPTION),
        option_index: FxHashMap::with_capacity_and_hasher(
            text.len() / LIKELY_OPTION,
            FxBuildHasher,
        ),
        current: None,
        open: None,
        block: false,
        bad_lines: Vec::new(),
    };
    let mut in_force = true;
    let mut number = 0_u32;
    let mut start = 0;
    while let Some(first) = text.as_bytes().get(start) {
        let rest = &text[start..];
        let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let line = &rest[..end];
        let here = start;
        start += end + 1;
        number = number.saturating_add(1);
        if matches!(first, b'#' | b';') {
            continue;
        }
        if parser.open.is_some() && (line.is_empty() || line.starts_with(is_python_space)) {
            if in_force {
                parser.continue_option(line);
            }
            continue;
        }
        if let Some(header) = split_header(line) {
            in_force = true;
            if let Some((column, expression)) = header.expression.filter(|(_, e)| !e.is_empty()) {
                let decided = condition(ConditionalHeader {
                    section: header.name,
                    expression,
                    line: number,
                    column,
                });
                in_force = decided.map_err(|error| SyntaxError::Condition {
                    line: number,
                    column,
                    error,
                })?;
                if !in_force {
                    // The section that was open stays the current one; its
                    // options are merely hidden until the next header.
                    continue;
                }
            }
            parser.open_section(header.name, number);
            continue;
        }
        let bad_line = || BadLine {
            line: number,
            text: text[here..start.min(text.len())].to_owned(),
        };
        if parser.current.is_none() {
            if strip(line).is_empty() {
                continue;
            }
            return Err(SyntaxError::MissingSectionHeader(bad_line()));
        }
        let dependencies = line.strip_prefix("=>");
        let option = match dependencies {
            Some(rest) => Some((PART_DEPENDENCIES_OPTION, rest)),
            None => split_option(line),
        };
        if let Some((key, value)) = option {
            if in_force {
                parser.set_option(key, strip(value), number);
            }
        } else if !(parser.open.is_none() && strip(line).is_empty()) {
            parser.bad_lines.push(bad_line());
        }
    }
    parser.finish()
}

/// A section being read.
struct OpenSection {
    name: Symbol,
    line: u32,
    /// How many options it has so far.
    size: usize,
}

/// An option whose lines are not joined yet.
struct OpenOption<'a> {
    section: usize,
    key: Symbol,
    operator: Option<Operator>,
    /// What stands in the line of the option itself.
    first: &'a str,
    /// The continuation lines before those of the last assignment.
    earlier: Vec<&'a str>,
    /// The continuation lines of the last assignment, in [`Parser::lines`].
    lines: Range<usize>,
    line: u32,
}

impl<'a> OpenOption<'a> {
    /// Takes away the empty lines at the end.
    fn drop_empty_lines(&mut self, lines: &[&'a str]) {
        while lines[self.lines.clone()]
            .last()
            .is_some_and(|line| line.is_empty())
        {
            self.lines.end -= 1;
        }
        if self.lines.is_empty() {
            while self.earlier.pop_if(|line| line.is_empty()).is_some() {}
        }
    }

    /// Returns the continuation lines, with those before in front.
    fn join_lines<'l>(&'l mut self, lines: &'l [&'a str]) -> &'l [&'a str] {
        let last = &lines[self.lines.clone()];
        if self.earlier.is_empty() {
            return last;
        }
        self.earlier.extend(last);
        &self.earlier
    }
}

struct Parser<'a> {
    repeated: RepeatedOperators,
    symbols: &'a mut Symbols,
    sections: Vec<OpenSection>,
    section_index: FxHashMap<Symbol, usize>,
    /// The options of all sections; none where one was dropped again.
    options: Vec<Option<OpenOption<'a>>>,
    /// The continuation lines of all options, without trailing blanks.
    lines: Vec<&'a str>,
    option_index: FxHashMap<(usize, Symbol), usize>,
    /// The section that options belong to.
    current: Option<usize>,
    /// The option that continuation lines extend.
    open: Option<usize>,
    block: bool,
    bad_lines: Vec<BadLine>,
}

impl<'a> Parser<'a> {
    fn open_section(&mut self, name: &str, line: u32) {
        let name = self.symbols.intern(name);
        let next = self.sections.len();
        let index = *self.section_index.entry(name).or_insert(next);
        if index == next {
            self.sections.push(OpenSection {
                name,
                line,
                size: 0,
            });
        }
        self.current = Some(index);
        self.open = None;
    }

    fn continue_option(&mut self, line: &'a str) {
        let line = if self.block {
            rstrip(line)
        } else {
            let line = strip(line);
            if line.is_empty() {
                return;
            }
            line
        };
        if let Some(option) = self.open.and_then(|open| self.options[open].as_mut()) {
            self.lines.push(line);
            option.lines.end = self.lines.len();
        }
    }

    fn set_option(&mut self, key: &str, value: &'a str, line: u32) {
        let Some(section) = self.current else {
            return;
        };
        let (_, operator) = split_operator(key);
        let key_symbol = self.symbols.intern(key);
        self.block = value.is_empty();
        if self.repeated == RepeatedOperators::Join {
            if operator.is_some() {
                let known = self.option_index.get(&(section, key_symbol));
                if let Some(index) = known.copied() {
                    self.join_operator(index, value);
                    return;
                }
            } else {
                self.drop_operators(section, key);
            }
        }
        let option = Some(OpenOption {
            section,
            key: key_symbol,
            operator,
            first: value,
            earlier: Vec::new(),
            lines: self.lines.len()..self.lines.len(),
            line,
        });
        let next = self.options.len();
        let index = *self
            .option_index
            .entry((section, key_symbol))
            .or_insert(next);
        if index == next {
            self.options.push(option);
            self.sections[section].size += 1;
        } else {
            self.options[index] = option;
        }
        self.open = Some(index);
    }

    /// Adds the value of a repeated operator to that of the first one, less the
    /// empty lines at its end.
    fn join_operator(&mut self, index: usize, value: &'a str) {
        self.open = Some(index);
        let Some(option) = &mut self.options[index] else {
            return;
        };
        option.drop_empty_lines(&self.lines);
        option.earlier.extend(&self.lines[option.lines.clone()]);
        option.lines = self.lines.len()..self.lines.len();
        if !value.is_empty() {
            self.lines.push(value);
            option.lines.end = self.lines.len();
        }
    }

    /// Drops the operators on an option that is set afterwards.
    fn drop_operators(&mut self, section: usize, key: &str) {
        for suffix in [" +", " -"] {
            if let Some(earlier) = self.symbols.get(&format!("{key}{suffix}"))
                && let Some(index) = self.option_index.remove(&(section, earlier))
            {
                self.options[index] = None;
            }
        }
    }

    fn finish<E>(self) -> Result<ParsedProfile, SyntaxError<E>> {
        if !self.bad_lines.is_empty() {
            return Err(SyntaxError::BadLines(self.bad_lines));
        }
        let sections = self.sections.into_iter().map(|section| ParsedSection {
            name: section.name,
            line: section.line,
            options: Vec::with_capacity(section.size),
        });
        let mut sections: Vec<ParsedSection> = sections.collect();
        let mut joined = String::with_capacity(LIKELY_VALUE);
        for mut option in self.options.into_iter().flatten() {
            let base = match option.operator {
                Some(_) => intern_base(option.key, self.symbols),
                None => option.key,
            };
            sections[option.section].options.push(ParsedOption {
                key: option.key,
                base,
                operator: option.operator,
                value: join_value(option.first, option.join_lines(&self.lines), &mut joined),
                line: option.line,
            });
        }
        Ok(ParsedProfile { sections })
    }
}

/// Returns the option that the operator `key` acts on.
fn intern_base(key: Symbol, symbols: &mut Symbols) -> Symbol {
    let key = Arc::clone(symbols.name(key));
    // Where a section appears first, upstream drops two characters instead of
    // the operator; that name, or if it still ends in an operator the one that
    // acts on, may come to exist.
    let name = without_two_characters(&key);
    symbols.intern(name);
    symbols.intern(split_operator(name).0);
    symbols.intern(split_operator(&key).0)
}

/// Joins the lines of a value. One that starts on the line after its option is
/// dedented, and loses the empty lines around it.
///
/// `joined` is room to do it in.
fn join_value(first: &str, lines: &[&str], joined: &mut String) -> Arc<str> {
    if lines.is_empty() {
        return Arc::from(first);
    }
    joined.clear();
    if !first.is_empty() {
        joined.push_str(first);
        for line in lines {
            joined.push('\n');
            joined.push_str(line);
        }
        return Arc::from(joined.as_str());
    }
    let is_full = |line: &&str| !line.is_empty();
    let start = lines.iter().position(is_full).unwrap_or(lines.len());
    let end = lines
        .iter()
        .rposition(is_full)
        .map_or(start, |last| last + 1);
    let lines = &lines[start..end];
    let margin = common_indentation(lines.iter().copied());
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            joined.push('\n');
        }
        joined.push_str(line.get(margin..).unwrap_or_default());
    }
    Arc::from(joined.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Shown = Vec<(String, Vec<(String, String)>)>;

    fn show(text: &str, repeated: RepeatedOperators) -> Result<Shown, SyntaxError<()>> {
        let mut symbols = Symbols::default();
        let profile = parse(text, repeated, &mut symbols, &mut |header| {
            Ok(header.expression == "yes")
        })?;
        let name = |symbol| symbols.name(symbol).to_string();
        Ok(profile
            .sections
            .iter()
            .map(|section| {
                let options = section.options.iter();
                (
                    name(section.name),
                    options
                        .map(|o| (name(o.key), o.value.to_string()))
                        .collect(),
                )
            })
            .collect())
    }

    fn options(text: &str) -> Vec<(String, String)> {
        let mut sections = show(text, RepeatedOperators::Join).unwrap();
        sections.remove(0).1
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    }

    #[test]
    fn values() {
        // The cases 1 to 6, 19 to 21 of the profile language's specification.
        let cases: &[(&str, &[(&str, &str)])] = &[
            (
                "a = x # y\nb = y ; z\ne==2\n",
                &[("a", "x # y"), ("b", "y ; z"), ("e", "=2")],
            ),
            (
                "a = one\n    two\n\n   three\n# c\n   four",
                &[("a", "one\ntwo\nthree\nfour")],
            ),
            (
                "b =\n    one\n      two\n\n    three\n\n\nc = 1\n",
                &[("b", "one\n  two\n\nthree"), ("c", "1")],
            ),
            (
                "a =\n\n\n    x\n  y\n\n# c\n\n    z\n",
                &[("a", "  x\ny\n\n\n  z")],
            ),
            (
                "a =\n\tx\n\t\ty\n        z\n",
                &[("a", "\tx\n\t\ty\n        z")],
            ),
            ("a =\n   # k\n   ; k\n   x\n", &[("a", "# k\n; k\nx")]),
            ("a=1\na=2\n", &[("a", "2")]),
            (
                "kl +=b\n c\nkl +=d\n[p]\nkl +=\n e\n f\n",
                &[("kl +", "b\nc\nd\n e\n f")],
            ),
            ("kl +=b\nkl=a\nkl -=a\n", &[("kl", "a"), ("kl -", "a")]),
            ("=> q r\n", &[("<part-dependencies>", "q r")]),
            ("<= m\n< = n\n", &[("<", "n")]),
        ];
        for (body, expected) in cases {
            assert_eq!(options(&format!("[p]\n{body}")), pairs(expected), "{body}");
        }
    }

    #[test]
    fn last_operator_wins_in_the_older_dialect() {
        let sections = show("[p]\nl += a\nl += b\n", RepeatedOperators::LastWins).unwrap();
        assert_eq!(sections[0].1, pairs(&[("l +", "b")]));
    }

    #[test]
    fn headers() {
        let accepted = ["[p]", "[ p ]", "[p] # c", "[p];c", "[p:yes]", "[p:] #"];
        for header in accepted {
            let sections = show(&format!("{header}\n"), RepeatedOperators::Join).unwrap();
            assert_eq!(sections, [("p".to_owned(), Vec::new())], "{header}");
        }
        let rejected = ["[q r]", "[]", "[q] junk", "[q#1]", "[q{]"];
        for header in rejected {
            let text = format!("[p]\n{header}\n");
            let error = show(&text, RepeatedOperators::Join).unwrap_err();
            let bad = BadLine {
                line: 2,
                text: format!("{header}\n"),
            };
            assert_eq!(error, SyntaxError::BadLines(vec![bad]), "{header}");
        }
    }

    #[test]
    fn a_false_section_hides_options_but_not_mistakes() {
        let text = "[p]\na = 1\n[q:no]\nb = 1\n  c\nfoo\n";
        let error = show(text, RepeatedOperators::Join).unwrap_err();
        assert!(matches!(error, SyntaxError::BadLines(lines) if lines[0].line == 6));
        let text = "[p]\na = 1\n[q:no]\nb = 1\n  c\n";
        let sections = show(text, RepeatedOperators::Join).unwrap();
        assert_eq!(sections, [("p".to_owned(), pairs(&[("a", "1")]))]);
        let first = show("[p:no]\na=1\n[q]\n", RepeatedOperators::Join).unwrap_err();
        assert!(matches!(first, SyntaxError::MissingSectionHeader(line) if line.line == 2));
    }

    #[test]
    fn bad_lines_are_collected() {
        let error = show("[p]\n  b = 1\nf g = 1\na:b = 1\n", RepeatedOperators::Join).unwrap_err();
        let SyntaxError::BadLines(lines) = error else {
            panic!("{error:?}");
        };
        assert_eq!(lines.iter().map(|l| l.line).collect::<Vec<_>>(), [2, 3, 4]);
    }
}
