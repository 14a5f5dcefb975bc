//! Makes the tree of a template, with the rules and messages of Jinja2's
//! parser.

mod expressions;
mod statements;
mod targets;

use std::rc::Rc;

use buildout_core::profile::python_text::universal_newlines;
use rustc_hash::FxHashMap;

use super::ast::{Expr, ExprKind, Mentions, Stmt, StmtKind};
use super::error::SyntaxProblem;
use super::lexer::{Lexed, tokenize};
use super::token::Token;
use buildout_core::value::str_repr;

/// How deep expressions and statements may nest; what renders them recurses.
const DEPTH_LIMIT: usize = 150;

/// The tags of extensions that are switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extensions {
    /// `jinja2.ext.do`.
    pub expression_statement: bool,
    /// `jinja2.ext.loopcontrols`.
    pub loop_controls: bool,
}

pub(super) use statements::sets_loop;

pub(super) type Parsed<T> = Result<T, SyntaxProblem>;

/// Parses a template into statements, without knowing what names mean.
pub(super) fn parse(source: &str, extensions: Extensions) -> Parsed<(Vec<Stmt>, Mentions)> {
    let text = universal_newlines(source);
    let mut tokens = tokenize(&text).into_iter();
    let current = tokens.next().transpose()?;
    let mut parser = Parser {
        tokens: tokens.peekable(),
        current: current.unwrap_or((Token::End, 1)),
        extensions,
        names: FxHashMap::default(),
        mentions: Mentions::default(),
        end_tags: Vec::new(),
        open_tags: Vec::new(),
        depth: 0,
    };
    let body = parser.body(None)?;
    Ok((body, parser.mentions))
}

struct Parser<'t> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Lexed<'t>>>,
    current: (Token<'t>, u32),
    extensions: Extensions,
    /// The names so far: each has one text in the tree.
    names: FxHashMap<&'t str, Rc<str>>,
    /// What the body that is being parsed mentions so far.
    mentions: Mentions,
    /// The names that end the blocks that are open.
    end_tags: Vec<&'static [&'static str]>,
    /// The tags that are open.
    open_tags: Vec<&'t str>,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn token(&self) -> &Token<'t> {
        &self.current.0
    }

    fn line(&self) -> u32 {
        self.current.1
    }

    /// Goes to the next word and returns the current one.
    fn next(&mut self) -> Parsed<(Token<'t>, u32)> {
        let next = match self.tokens.next() {
            Some(next) => next?,
            None => (Token::End, self.line()),
        };
        Ok(std::mem::replace(&mut self.current, next))
    }

    /// Looks at the word after the current one.
    fn look(&mut self) -> Parsed<Token<'t>> {
        match self.tokens.peek() {
            Some(Ok((token, _))) => Ok(token.clone()),
            Some(Err(problem)) => Err(problem.clone()),
            None => Ok(Token::End),
        }
    }

    fn fail(&self, message: impl Into<String>) -> SyntaxProblem {
        SyntaxProblem::error(self.line(), message)
    }

    fn is_name(&self, name: &str) -> bool {
        self.token().is_name(name)
    }

    fn is_operator(&self, operator: &str) -> bool {
        self.token().is_operator(operator)
    }

    fn skip_name(&mut self, name: &str) -> Parsed<bool> {
        let is_there = self.is_name(name);
        if is_there {
            self.next()?;
        }
        Ok(is_there)
    }

    fn skip_operator(&mut self, operator: &str) -> Parsed<bool> {
        let is_there = self.is_operator(operator);
        if is_there {
            self.next()?;
        }
        Ok(is_there)
    }

    fn unexpected(&self, expected: &str) -> SyntaxProblem {
        let expected = str_repr(expected);
        self.fail(match self.token() {
            Token::End => format!("unexpected end of template, expected {expected}."),
            token => format!(
                "expected token {expected}, got {}",
                str_repr(&token.describe())
            ),
        })
    }

    fn expect_operator(&mut self, operator: &str) -> Parsed<u32> {
        match self.is_operator(operator) {
            true => Ok(self.next()?.1),
            false => Err(self.unexpected(operator)),
        }
    }

    fn expect_name(&mut self, name: &str) -> Parsed<u32> {
        match self.is_name(name) {
            true => Ok(self.next()?.1),
            false => Err(self.unexpected(name)),
        }
    }

    fn expect_any_name(&mut self) -> Parsed<(Rc<str>, u32)> {
        if !matches!(self.token(), Token::Name(_)) {
            return Err(self.unexpected("name"));
        }
        match self.next()? {
            (Token::Name(name), line) => Ok((self.shared(name), line)),
            (_, line) => Err(SyntaxProblem::error(line, "expected token 'name'")),
        }
    }

    /// Returns the text of a name as the tree has it.
    fn shared(&mut self, name: &'t str) -> Rc<str> {
        Rc::clone(self.names.entry(name).or_insert_with(|| Rc::from(name)))
    }

    /// Parses a body, and tells what it mentions: that is part of what the
    /// body around it mentions.
    fn mentioned<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<(T, Mentions)> {
        let outer = std::mem::take(&mut self.mentions);
        let parsed = parse(self)?;
        let inner = self.mentions;
        self.mentions = outer;
        self.mentions.add(inner);
        Ok((parsed, inner))
    }

    fn expect(&mut self, token: &Token<'_>) -> Parsed<()> {
        match self.token() == token {
            true => self.next().map(drop),
            false => Err(self.unexpected(&token.describe())),
        }
    }

    /// Parses something that may contain the like of itself.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_LIMIT {
            return Err(SyntaxProblem::unsupported(
                self.line(),
                format!("more than {DEPTH_LIMIT} levels of nesting"),
            ));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Parses text and tags up to one of the end tags, whose name is then the
    /// current word.
    fn body(&mut self, end_tags: Option<&'static [&'static str]>) -> Parsed<Vec<Stmt>> {
        self.end_tags.extend(end_tags);
        let body = self.nested(|parser| parser.statements(end_tags));
        if end_tags.is_some() {
            self.end_tags.pop();
        }
        body
    }

    fn statements(&mut self, end_tags: Option<&'static [&'static str]>) -> Parsed<Vec<Stmt>> {
        let mut body = Vec::new();
        let mut output: Vec<Expr> = Vec::new();
        let flush = |output: &mut Vec<Expr>, body: &mut Vec<Stmt>| {
            if let Some(first) = output.first() {
                body.push(Stmt {
                    line: first.line,
                    kind: StmtKind::Output(std::mem::take(output), false),
                });
            }
        };
        loop {
            match self.token().clone() {
                Token::End => break,
                Token::Data(text) => {
                    let (_, line) = self.next()?;
                    output.push(Expr {
                        line,
                        kind: ExprKind::Data(Rc::from(text)),
                    });
                }
                Token::VariableBegin => {
                    self.next()?;
                    output.push(self.tuple()?);
                    self.expect(&Token::VariableEnd)?;
                }
                Token::BlockBegin => {
                    flush(&mut output, &mut body);
                    self.next()?;
                    let is_end = |name: &&str| self.is_name(name);
                    if end_tags.is_some_and(|names| names.iter().any(is_end)) {
                        return Ok(body);
                    }
                    let statement = self.statement()?;
                    body.extend(statement);
                    self.expect(&Token::BlockEnd)?;
                }
                token => return Err(self.fail(format!("unexpected {}", token.describe()))),
            }
        }
        flush(&mut output, &mut body);
        Ok(body)
    }
}
