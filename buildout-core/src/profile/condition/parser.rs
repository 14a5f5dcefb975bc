//! Reads the Python expressions that conditions are made of.

use super::MAXIMUM_CONDITION_DEPTH;
use super::error::{ConditionError, ConditionProblem};
use super::syntax::{
    ArithmeticOperator, Clause, CompareOperator, Comprehension, Conditional, Expression,
    ExpressionKind, Trailer, TrailerKind, UnaryOperator,
};
use super::token::{Token, TokenKind, tokenize};
use crate::value::Value;

/// Left-associative binary operators, from the loosest to the tightest.
const LEVELS: [&[(&str, ArithmeticOperator)]; 6] = [
    &[("|", ArithmeticOperator::BitOr)],
    &[("^", ArithmeticOperator::BitXor)],
    &[("&", ArithmeticOperator::BitAnd)],
    &[
        ("<<", ArithmeticOperator::ShiftLeft),
        (">>", ArithmeticOperator::ShiftRight),
    ],
    &[
        ("+", ArithmeticOperator::Add),
        ("-", ArithmeticOperator::Subtract),
    ],
    &[
        ("*", ArithmeticOperator::Multiply),
        ("//", ArithmeticOperator::FloorDivide),
        ("/", ArithmeticOperator::Divide),
        ("%", ArithmeticOperator::Modulo),
    ],
];

/// Words that are no names.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// Reads a whole text as one expression, or as several with commas between
/// them, which are a tuple.
///
/// # Errors
/// A syntax error, or a construct that is not supported.
pub(super) fn parse(source: &str) -> Result<Expression, ConditionError> {
    let mut parser = Parser {
        tokens: tokenize(source)?,
        position: 0,
        depth: 0,
    };
    let expression = parser.expression_list()?;
    match parser.current().kind {
        TokenKind::End => Ok(expression),
        _ => Err(parser.unexpected()),
    }
}

type Parsed = Result<Expression, ConditionError>;

struct Parser<'source> {
    tokens: Vec<Token<'source>>,
    position: usize,
    depth: usize,
}

impl<'source> Parser<'source> {
    fn current(&self) -> &Token<'source> {
        // The position never passes the end token.
        &self.tokens[self.position.min(self.tokens.len() - 1)]
    }

    fn offset(&self) -> usize {
        self.current().offset
    }

    fn unexpected(&self) -> ConditionError {
        let message = match &self.current().kind {
            TokenKind::Name(name) => format!("unexpected `{name}`"),
            TokenKind::Constant(value) => format!("unexpected {}", value.repr()),
            TokenKind::Operator(operator) => format!("unexpected `{operator}`"),
            TokenKind::End => "unexpected end of the condition".to_owned(),
        };
        ConditionProblem::syntax(message).at(self.offset())
    }

    fn unsupported(&self, construct: &str) -> ConditionError {
        ConditionProblem::unsupported(construct).at(self.offset())
    }

    fn is_operator(&self, wanted: &str) -> bool {
        matches!(self.current().kind, TokenKind::Operator(operator) if operator == wanted)
    }

    fn is_word(&self, wanted: &str) -> bool {
        matches!(self.current().kind, TokenKind::Name(name) if name == wanted)
    }

    fn accept(&mut self, operator: &str) -> bool {
        let found = self.is_operator(operator);
        self.position += usize::from(found);
        found
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, operator: &str) -> Result<(), ConditionError> {
        if self.accept(operator) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn expect_word(&mut self, word: &str) -> Result<(), ConditionError> {
        if self.accept_word(word) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// Runs a reader one level deeper. Everything that can nest goes through
    /// here.
    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        if self.depth == MAXIMUM_CONDITION_DEPTH {
            return Err(ConditionProblem::TooDeep.at(self.offset()));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn expression_list(&mut self) -> Parsed {
        let offset = self.offset();
        let first = self.expression()?;
        if !self.is_operator(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.accept(",") {
            if matches!(self.current().kind, TokenKind::End) {
                break;
            }
            items.push(self.expression()?);
        }
        Ok(Expression {
            offset,
            kind: ExpressionKind::Tuple(items),
        })
    }

    fn expression(&mut self) -> Parsed {
        if self.is_word("lambda") {
            return Err(self.unsupported("`lambda`"));
        }
        self.nested(|parser| {
            let offset = parser.offset();
            let then = parser.disjunction()?;
            if parser.is_operator(":=") {
                return Err(parser.unsupported("`:=`"));
            }
            if !parser.accept_word("if") {
                return Ok(then);
            }
            let condition = parser.disjunction()?;
            parser.expect_word("else")?;
            let otherwise = parser.expression()?;
            let kind = ExpressionKind::Conditional(Box::new(Conditional {
                condition,
                then,
                otherwise,
            }));
            Ok(Expression { offset, kind })
        })
    }

    fn disjunction(&mut self) -> Parsed {
        self.chain("or", Self::conjunction, ExpressionKind::Or)
    }

    fn conjunction(&mut self) -> Parsed {
        self.chain("and", Self::negation, ExpressionKind::And)
    }

    fn chain(
        &mut self,
        word: &str,
        operand: fn(&mut Self) -> Parsed,
        kind: fn(Vec<Expression>) -> ExpressionKind,
    ) -> Parsed {
        let offset = self.offset();
        let first = operand(self)?;
        if !self.is_word(word) {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.accept_word(word) {
            operands.push(operand(self)?);
        }
        Ok(Expression {
            offset,
            kind: kind(operands),
        })
    }

    fn negation(&mut self) -> Parsed {
        let offset = self.offset();
        if !self.accept_word("not") {
            return self.comparison();
        }
        let operand = self.nested(Self::negation)?;
        Ok(Expression {
            offset,
            kind: ExpressionKind::Not(Box::new(operand)),
        })
    }

    fn comparison(&mut self) -> Parsed {
        let offset = self.offset();
        let first = self.arithmetic(0)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.compare_operator()? {
            rest.push((operator, self.arithmetic(0)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Expression {
            offset,
            kind: ExpressionKind::Compare(Box::new(first), rest),
        })
    }

    fn compare_operator(&mut self) -> Result<Option<CompareOperator>, ConditionError> {
        let operator = match self.current().kind {
            TokenKind::Operator("==") => CompareOperator::Equal,
            TokenKind::Operator("!=") => CompareOperator::NotEqual,
            TokenKind::Operator("<") => CompareOperator::Less,
            TokenKind::Operator("<=") => CompareOperator::LessEqual,
            TokenKind::Operator(">") => CompareOperator::Greater,
            TokenKind::Operator(">=") => CompareOperator::GreaterEqual,
            TokenKind::Name("in") => CompareOperator::In,
            TokenKind::Name("not") => {
                self.position += 1;
                self.expect_word("in")?;
                return Ok(Some(CompareOperator::NotIn));
            }
            TokenKind::Name("is") => {
                self.position += 1;
                return Ok(Some(if self.accept_word("not") {
                    CompareOperator::IsNot
                } else {
                    CompareOperator::Is
                }));
            }
            _ => return Ok(None),
        };
        self.position += 1;
        Ok(Some(operator))
    }

    /// Reads a chain of the operators of one level; the recursion goes through
    /// the levels, of which there are few.
    fn arithmetic(&mut self, level: usize) -> Parsed {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let offset = self.offset();
        let first = self.arithmetic(level + 1)?;
        let mut rest = Vec::new();
        while let Some((_, operator)) = operators
            .iter()
            .find(|(symbol, _)| self.is_operator(symbol))
        {
            self.position += 1;
            rest.push((*operator, self.arithmetic(level + 1)?));
        }
        if self.is_operator("@") {
            return Err(self.unsupported("`@`"));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Expression {
            offset,
            kind: ExpressionKind::Arithmetic(Box::new(first), rest),
        })
    }

    fn unary(&mut self) -> Parsed {
        let offset = self.offset();
        let operator = match self.current().kind {
            TokenKind::Operator("+") => UnaryOperator::Plus,
            TokenKind::Operator("-") => UnaryOperator::Minus,
            TokenKind::Operator("~") => UnaryOperator::Invert,
            _ => return self.power(),
        };
        self.position += 1;
        let operand = self.nested(Self::unary)?;
        Ok(Expression {
            offset,
            kind: ExpressionKind::Unary(operator, Box::new(operand)),
        })
    }

    fn power(&mut self) -> Parsed {
        let offset = self.offset();
        let base = self.postfix()?;
        if !self.accept("**") {
            return Ok(base);
        }
        let exponent = self.nested(Self::unary)?;
        let rest = vec![(ArithmeticOperator::Power, exponent)];
        Ok(Expression {
            offset,
            kind: ExpressionKind::Arithmetic(Box::new(base), rest),
        })
    }

    fn postfix(&mut self) -> Parsed {
        let start = self.offset();
        let base = self.atom()?;
        let mut trailers = Vec::new();
        loop {
            let offset = self.offset();
            let kind = if self.accept(".") {
                let TokenKind::Name(name) = self.current().kind else {
                    return Err(self.unexpected());
                };
                self.position += 1;
                TrailerKind::Attribute(name.to_owned())
            } else if self.accept("(") {
                TrailerKind::Call(self.arguments()?)
            } else if self.accept("[") {
                self.subscript()?
            } else {
                break;
            };
            trailers.push(Trailer { offset, kind });
        }
        if trailers.is_empty() {
            return Ok(base);
        }
        Ok(Expression {
            offset: start,
            kind: ExpressionKind::Postfix(Box::new(base), trailers),
        })
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, ConditionError> {
        let mut arguments = Vec::new();
        while !self.is_operator(")") {
            if self.is_operator("*") || self.is_operator("**") {
                return Err(self.unsupported("an unpacked argument"));
            }
            let offset = self.offset();
            let argument = self.expression()?;
            if self.is_operator("=") {
                return Err(self.unsupported("a keyword argument"));
            }
            if self.is_word("for") {
                let clauses = self.clauses()?;
                arguments.push(comprehension(offset, false, argument, clauses));
            } else {
                arguments.push(argument);
            }
            if !self.accept(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(arguments)
    }

    fn subscript(&mut self) -> Result<TrailerKind, ConditionError> {
        let mut bounds = [None, None, None];
        let mut colons = 0;
        for bound in &mut bounds {
            if !self.is_operator(":") && !self.is_operator("]") {
                *bound = Some(self.expression()?);
            }
            if !self.accept(":") {
                break;
            }
            colons += 1;
        }
        if self.is_operator(",") {
            return Err(self.unsupported("an index of several parts"));
        }
        self.expect("]")?;
        match (colons, bounds) {
            (0, [Some(index), ..]) => Ok(TrailerKind::Index(Box::new(index))),
            (1 | 2, bounds) => Ok(TrailerKind::Slice(Box::new(bounds))),
            _ => Err(self.unexpected()),
        }
    }

    fn atom(&mut self) -> Parsed {
        let offset = self.offset();
        let kind = match self.current().kind.clone() {
            TokenKind::Constant(value) => {
                self.position += 1;
                ExpressionKind::Constant(self.adjacent_texts(value)?)
            }
            TokenKind::Name(name) => {
                let kind = match name {
                    "None" => ExpressionKind::Constant(Value::None),
                    "True" => ExpressionKind::Constant(Value::Bool(true)),
                    "False" => ExpressionKind::Constant(Value::Bool(false)),
                    "await" | "yield" | "lambda" => {
                        return Err(self.unsupported(&format!("`{name}`")));
                    }
                    _ if KEYWORDS.contains(&name) => return Err(self.unexpected()),
                    _ => ExpressionKind::Name(name.to_owned()),
                };
                self.position += 1;
                kind
            }
            TokenKind::Operator("(") => return self.parenthesised(),
            TokenKind::Operator("[") => {
                self.position += 1;
                return self.display(offset, "]", false, Vec::new());
            }
            TokenKind::Operator("{") => return self.braces(),
            TokenKind::Operator("...") => return Err(self.unsupported("`...`")),
            _ => return Err(self.unexpected()),
        };
        Ok(Expression { offset, kind })
    }

    /// Joins the string literals that follow one another.
    fn adjacent_texts(&mut self, first: Value) -> Result<Value, ConditionError> {
        let mut text = match first {
            Value::Str(ref text) => text.to_string(),
            other => return Ok(other),
        };
        let mut is_joined = false;
        while let TokenKind::Constant(Value::Str(next)) = &self.current().kind {
            text.push_str(next);
            is_joined = true;
            self.position += 1;
        }
        Ok(if is_joined { text.into() } else { first })
    }

    fn parenthesised(&mut self) -> Parsed {
        let offset = self.offset();
        self.position += 1;
        let mut items = Vec::new();
        let mut has_comma = false;
        while !self.is_operator(")") {
            self.refuse_star()?;
            items.push(self.expression()?);
            if items.len() == 1 && self.is_word("for") {
                let clauses = self.clauses()?;
                self.expect(")")?;
                return Ok(comprehension(offset, false, items.remove(0), clauses));
            }
            has_comma = self.accept(",");
            if !has_comma {
                break;
            }
        }
        self.expect(")")?;
        if items.len() == 1 && !has_comma {
            return Ok(items.remove(0));
        }
        Ok(Expression {
            offset,
            kind: ExpressionKind::Tuple(items),
        })
    }

    fn refuse_star(&self) -> Result<(), ConditionError> {
        if self.is_operator("*") || self.is_operator("**") {
            return Err(self.unsupported("unpacking with `*`"));
        }
        Ok(())
    }

    /// Reads the rest of a list or set after its opening bracket; the first
    /// item may have been read already.
    fn display(
        &mut self,
        offset: usize,
        close: &str,
        makes_set: bool,
        mut items: Vec<Expression>,
    ) -> Parsed {
        let mut is_read = !items.is_empty();
        while is_read || !self.is_operator(close) {
            if !is_read {
                self.refuse_star()?;
                items.push(self.expression()?);
            }
            is_read = false;
            if items.len() == 1 && self.is_word("for") {
                let clauses = self.clauses()?;
                self.expect(close)?;
                return Ok(comprehension(offset, makes_set, items.remove(0), clauses));
            }
            if !self.accept(",") {
                break;
            }
        }
        self.expect(close)?;
        let kind = if makes_set {
            ExpressionKind::Set(items)
        } else {
            ExpressionKind::List(items)
        };
        Ok(Expression { offset, kind })
    }

    fn braces(&mut self) -> Parsed {
        let offset = self.offset();
        self.position += 1;
        let mut entries = Vec::new();
        while !self.is_operator("}") {
            self.refuse_star()?;
            let key = self.expression()?;
            if entries.is_empty() && !self.is_operator(":") {
                return self.display(offset, "}", true, vec![key]);
            }
            self.expect(":")?;
            let value = self.expression()?;
            if self.is_word("for") {
                return Err(self.unsupported("a dict comprehension"));
            }
            entries.push((key, value));
            if !self.accept(",") {
                break;
            }
        }
        self.expect("}")?;
        Ok(Expression {
            offset,
            kind: ExpressionKind::Dict(entries),
        })
    }

    /// Reads the `for` clauses of a comprehension.
    fn clauses(&mut self) -> Result<Vec<Clause>, ConditionError> {
        let mut clauses = Vec::new();
        while self.accept_word("for") {
            // Clauses are evaluated one inside the other.
            if clauses.len() == MAXIMUM_CONDITION_DEPTH {
                return Err(ConditionProblem::TooDeep.at(self.offset()));
            }
            let is_bracketed = self.accept("(");
            let mut targets = Vec::new();
            let mut unpacks = false;
            loop {
                match self.current().kind {
                    TokenKind::Name(name) if !KEYWORDS.contains(&name) => {
                        targets.push(name.to_owned());
                    }
                    TokenKind::Name("in") | TokenKind::Operator(")") if unpacks => break,
                    TokenKind::Operator("(" | "*" | "[") => {
                        return Err(self.unsupported("a nested or starred target of `for`"));
                    }
                    _ => return Err(self.unexpected()),
                }
                self.position += 1;
                if !self.accept(",") {
                    break;
                }
                unpacks = true;
            }
            if is_bracketed {
                self.expect(")")?;
            }
            self.expect_word("in")?;
            let iterable = self.disjunction()?;
            let mut conditions = Vec::new();
            while self.accept_word("if") {
                conditions.push(self.disjunction()?);
            }
            clauses.push(Clause {
                targets,
                unpacks,
                iterable,
                conditions,
            });
        }
        if self.is_word("async") {
            return Err(self.unsupported("`async`"));
        }
        Ok(clauses)
    }
}

fn comprehension(
    offset: usize,
    makes_set: bool,
    element: Expression,
    clauses: Vec<Clause>,
) -> Expression {
    Expression {
        offset,
        kind: ExpressionKind::Comprehension(Box::new(Comprehension {
            makes_set,
            element,
            clauses,
        })),
    }
}
