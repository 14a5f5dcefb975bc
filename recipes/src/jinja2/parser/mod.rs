//! Makes the tree of a template, with the rules and messages of Jinja2's
//! parser.

mod expressions;
mod statements;
mod targets;

use std::rc::Rc;

use super::ast::{Expr, ExprKind, Stmt, StmtKind};
use super::error::SyntaxProblem;
use super::lexer::{Lexed, tokenize};
use super::token::Token;
use buildout_core::value::str_repr;

/// How deep expressions and statements may nest; what renders them recurses.
const DEPTH_LIMIT: usize = 150;

/// The tags of extensions that are switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// `jinja2.ext.do`.
    pub expression_statement: bool,
    /// `jinja2.ext.loopcontrols`.
    pub loop_controls: bool,
}

pub(super) type Parsed<T> = Result<T, SyntaxProblem>;

/// Parses a template into statements, without knowing what names mean.
pub(super) fn parse(source: &str, extensions: Extensions) -> Parsed<Vec<Stmt>> {
    let mut tokens = tokenize(source).into_iter();
    let current = tokens.next().transpose()?;
    let mut parser = Parser {
        tokens: tokens.peekable(),
        current: current.unwrap_or((Token::End, 1)),
        extensions,
        end_tags: Vec::new(),
        open_tags: Vec::new(),
        depth: 0,
    };
    parser.body(None)
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Lexed>>,
    current: (Token, u32),
    extensions: Extensions,
    /// The names that end the blocks that are open.
    end_tags: Vec<&'static [&'static str]>,
    /// The tags that are open.
    open_tags: Vec<Rc<str>>,
    depth: usize,
}

impl Parser {
    fn token(&self) -> &Token {
        &self.current.0
    }

    fn line(&self) -> u32 {
        self.current.1
    }

    /// Goes to the next word and returns the current one.
    fn next(&mut self) -> Parsed<(Token, u32)> {
        let next = match self.tokens.next() {
            Some(next) => next?,
            None => (Token::End, self.line()),
        };
        Ok(std::mem::replace(&mut self.current, next))
    }

    /// Looks at the word after the current one.
    fn look(&mut self) -> Parsed<Token> {
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
            (Token::Name(name), line) => Ok((name, line)),
            (_, line) => Err(SyntaxProblem::error(line, "expected token 'name'")),
        }
    }

    fn expect(&mut self, token: &Token) -> Parsed<()> {
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
                        kind: ExprKind::Data(text),
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
