//! Expressions.

use std::rc::Rc;

use super::super::ast::{CallArguments, Comparator, Expr, ExprKind, Slot};
use super::super::error::SyntaxProblem;
use super::super::filters::Filter;
use super::super::tests::Test;
use super::super::token::Token;
use super::statements::constant;
use super::{Parsed, Parser};
use crate::python_value::arithmetic::Operator;
use crate::python_value::{Comparison, Object};
use buildout_core::value::str_repr;

fn boxed(line: u32, kind: ExprKind) -> Expr {
    Expr { line, kind }
}

impl<'t> Parser<'t> {
    /// Parses an expression, or several with commas between them.
    pub(super) fn tuple(&mut self) -> Parsed<Expr> {
        self.tuple_with(true, None, false)
    }

    /// Parses a tuple: maybe without conditions outside of parentheses, maybe
    /// ended by a name, maybe within parentheses.
    pub(super) fn tuple_with(
        &mut self,
        with_condition: bool,
        end_name: Option<&'static str>,
        is_parenthesised: bool,
    ) -> Parsed<Expr> {
        let mut line = self.line();
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            if !items.is_empty() {
                self.expect_operator(",")?;
            }
            if self.is_tuple_end(end_name) {
                break;
            }
            items.push(match with_condition {
                true => self.expression()?,
                false => self.nested(Self::or)?,
            });
            if !self.is_operator(",") {
                break;
            }
            is_tuple = true;
            line = self.line();
        }
        if !is_tuple {
            match items.pop() {
                Some(item) => return Ok(item),
                None if !is_parenthesised => return Err(self.no_expression()),
                None => {}
            }
        }
        Ok(boxed(line, ExprKind::Tuple(items)))
    }

    pub(super) fn no_expression(&self) -> SyntaxProblem {
        self.fail(format!(
            "Expected an expression, got {}",
            str_repr(&self.token().describe())
        ))
    }

    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.nested(|parser| {
            let mut line = parser.line();
            let mut value = parser.or()?;
            while parser.skip_name("if")? {
                let condition = parser.or()?;
                let otherwise = match parser.skip_name("else")? {
                    true => Some(Box::new(parser.expression()?)),
                    false => None,
                };
                let kind = ExprKind::Condition(Box::new(condition), Box::new(value), otherwise);
                value = boxed(line, kind);
                line = parser.line();
            }
            Ok(value)
        })
    }

    /// Parses operands with left-associative operators between them. A chain
    /// counts as nested as deep as it is long.
    fn chain(
        &mut self,
        operand: fn(&mut Self) -> Parsed<Expr>,
        combine: impl Fn(&Token<'t>) -> Option<fn(Box<Expr>, Box<Expr>) -> ExprKind>,
    ) -> Parsed<Expr> {
        let mut line = self.line();
        let mut left = operand(self)?;
        let mut length = 0;
        while let Some(combine) = combine(self.token()) {
            length += 1;
            if length > CHAIN_LIMIT {
                return Err(SyntaxProblem::unsupported(
                    line,
                    format!("more than {CHAIN_LIMIT} operators in a row"),
                ));
            }
            self.next()?;
            let right = operand(self)?;
            left = boxed(line, combine(Box::new(left), Box::new(right)));
            line = self.line();
        }
        Ok(left)
    }

    fn or(&mut self) -> Parsed<Expr> {
        self.chain(Self::and, |token| {
            token.is_name("or").then_some(ExprKind::Or as _)
        })
    }

    fn and(&mut self) -> Parsed<Expr> {
        self.chain(Self::not, |token| {
            token.is_name("and").then_some(ExprKind::And as _)
        })
    }

    fn not(&mut self) -> Parsed<Expr> {
        if !self.is_name("not") {
            return self.comparison();
        }
        let (_, line) = self.next()?;
        let operand = self.nested(Self::not)?;
        Ok(boxed(line, ExprKind::Not(Box::new(operand))))
    }

    fn comparator(&mut self) -> Parsed<Option<Comparator>> {
        let found = match self.token() {
            Token::Operator("==") => Comparator::Equal,
            Token::Operator("!=") => Comparator::NotEqual,
            Token::Operator("<") => Comparator::Order(Comparison::Less),
            Token::Operator("<=") => Comparator::Order(Comparison::LessOrEqual),
            Token::Operator(">") => Comparator::Order(Comparison::Greater),
            Token::Operator(">=") => Comparator::Order(Comparison::GreaterOrEqual),
            token if token.is_name("in") => Comparator::In,
            token if token.is_name("not") => {
                if !self.look()?.is_name("in") {
                    return Ok(None);
                }
                self.next()?;
                Comparator::NotIn
            }
            _ => return Ok(None),
        };
        self.next()?;
        Ok(Some(found))
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let mut line = self.line();
        let first = self.sum()?;
        let mut others = Vec::new();
        while let Some(comparator) = self.comparator()? {
            others.push((comparator, self.sum()?));
            line = self.line();
        }
        Ok(match others.is_empty() {
            true => first,
            false => boxed(line, ExprKind::Compare(Box::new(first), others)),
        })
    }

    fn sum(&mut self) -> Parsed<Expr> {
        self.chain(Self::concatenation, |token| match token {
            Token::Operator("+") => {
                Some(|left, right| ExprKind::Binary(Operator::Add, left, right))
            }
            Token::Operator("-") => {
                Some(|left, right| ExprKind::Binary(Operator::Subtract, left, right))
            }
            _ => None,
        })
    }

    fn concatenation(&mut self) -> Parsed<Expr> {
        let line = self.line();
        let mut operands = vec![self.product()?];
        while self.skip_operator("~")? {
            operands.push(self.product()?);
        }
        Ok(match operands.len() {
            1 => operands.remove(0),
            _ => boxed(line, ExprKind::Concat(operands)),
        })
    }

    fn product(&mut self) -> Parsed<Expr> {
        self.chain(Self::power, |token| match token {
            Token::Operator("*") => {
                Some(|left, right| ExprKind::Binary(Operator::Multiply, left, right))
            }
            Token::Operator("/") => {
                Some(|left, right| ExprKind::Binary(Operator::Divide, left, right))
            }
            Token::Operator("//") => {
                Some(|left, right| ExprKind::Binary(Operator::FloorDivide, left, right))
            }
            Token::Operator("%") => {
                Some(|left, right| ExprKind::Binary(Operator::Remainder, left, right))
            }
            _ => None,
        })
    }

    fn power(&mut self) -> Parsed<Expr> {
        // Left-associative, unlike in Python.
        self.chain(
            |parser| parser.unary(true),
            |token| match token {
                Token::Operator("**") => {
                    Some(|left, right| ExprKind::Binary(Operator::Power, left, right))
                }
                _ => None,
            },
        )
    }

    fn unary(&mut self, with_filter: bool) -> Parsed<Expr> {
        let line = self.line();
        let operand = if self.is_operator("-") || self.is_operator("+") {
            let is_negative = self.is_operator("-");
            self.next()?;
            let operand = self.nested(|parser| parser.unary(false))?;
            boxed(line, ExprKind::Sign(is_negative, Box::new(operand)))
        } else {
            self.primary()?
        };
        let operand = self.postfix(operand)?;
        match with_filter {
            true => self.filters_and_tests(operand),
            false => Ok(operand),
        }
    }

    pub(super) fn primary(&mut self) -> Parsed<Expr> {
        let (token, line) = self.current.clone();
        Ok(match token {
            Token::Name(name) => {
                self.next()?;
                match name {
                    "true" | "True" => constant(line, Object::Bool(true)),
                    "false" | "False" => constant(line, Object::Bool(false)),
                    "none" | "None" => constant(line, Object::None),
                    _ => {
                        self.mentions.note(name);
                        boxed(line, ExprKind::Name(self.shared(name), Slot::default()))
                    }
                }
            }
            Token::String(first) => {
                self.next()?;
                let mut text = first;
                while let Token::String(more) = self.token().clone() {
                    self.next()?;
                    text = Rc::from(format!("{text}{more}"));
                }
                constant(line, Object::Str(text))
            }
            Token::Integer(integer) => {
                self.next()?;
                constant(line, Object::Int(integer))
            }
            Token::Float(float) => {
                self.next()?;
                constant(line, Object::Float(float))
            }
            Token::Operator("(") => {
                self.next()?;
                let tuple = self.nested(|parser| parser.tuple_with(true, None, true))?;
                self.expect_operator(")")?;
                tuple
            }
            Token::Operator("[") => self.list()?,
            Token::Operator("{") => self.dict()?,
            token => {
                return Err(self.fail(format!("unexpected {}", str_repr(&token.describe()))));
            }
        })
    }

    fn list(&mut self) -> Parsed<Expr> {
        let line = self.expect_operator("[")?;
        let mut items = Vec::new();
        while !self.is_operator("]") {
            if !items.is_empty() {
                self.expect_operator(",")?;
            }
            if self.is_operator("]") {
                break;
            }
            items.push(self.expression()?);
        }
        self.expect_operator("]")?;
        Ok(boxed(line, ExprKind::List(items)))
    }

    fn dict(&mut self) -> Parsed<Expr> {
        let line = self.expect_operator("{")?;
        let mut entries = Vec::new();
        while !self.is_operator("}") {
            if !entries.is_empty() {
                self.expect_operator(",")?;
            }
            if self.is_operator("}") {
                break;
            }
            let key = self.expression()?;
            self.expect_operator(":")?;
            entries.push((key, self.expression()?));
        }
        self.expect_operator("}")?;
        Ok(boxed(line, ExprKind::Dict(entries)))
    }

    fn postfix(&mut self, mut node: Expr) -> Parsed<Expr> {
        let mut length = 0;
        loop {
            node = match self.token() {
                Token::Operator("." | "[") => self.subscript(node)?,
                Token::Operator("(") => self.call(node)?,
                _ => return Ok(node),
            };
            length += 1;
            if length > CHAIN_LIMIT {
                return Err(SyntaxProblem::unsupported(
                    self.line(),
                    format!("more than {CHAIN_LIMIT} subscripts in a row"),
                ));
            }
        }
    }

    fn filters_and_tests(&mut self, mut node: Expr) -> Parsed<Expr> {
        let mut length = 0;
        loop {
            node = match self.token() {
                Token::Operator("|") => {
                    self.next()?;
                    self.filter(Some(node))?
                }
                Token::Operator("(") => self.call(node)?,
                token if token.is_name("is") => self.test(node)?,
                _ => return Ok(node),
            };
            length += 1;
            if length > CHAIN_LIMIT {
                return Err(SyntaxProblem::unsupported(
                    self.line(),
                    format!("more than {CHAIN_LIMIT} filters in a row"),
                ));
            }
        }
    }

    fn subscript(&mut self, node: Expr) -> Parsed<Expr> {
        let (token, line) = self.next()?;
        let node = Box::new(node);
        if token.is_operator(".") {
            let (attribute, attribute_line) = self.next()?;
            return Ok(match attribute {
                Token::Name(name) => boxed(line, ExprKind::Attribute(node, self.shared(name))),
                Token::Integer(index) => {
                    let index = constant(attribute_line, Object::Int(index));
                    boxed(line, ExprKind::Item(node, Box::new(index)))
                }
                _ => {
                    return Err(SyntaxProblem::error(
                        attribute_line,
                        "expected name or number",
                    ));
                }
            });
        }
        let mut keys = Vec::new();
        while !self.is_operator("]") {
            if !keys.is_empty() {
                self.expect_operator(",")?;
            }
            if let Some(slice) = self.slice_or(&mut keys)? {
                if !self.is_operator("]") || !keys.is_empty() {
                    let what = "a slice among other subscripts";
                    return Err(SyntaxProblem::unsupported(line, what));
                }
                self.next()?;
                return Ok(boxed(line, ExprKind::Slice(node, Box::new(slice))));
            }
        }
        self.expect_operator("]")?;
        let key = match keys.len() {
            1 => keys.remove(0),
            _ => boxed(line, ExprKind::Tuple(keys)),
        };
        Ok(boxed(line, ExprKind::Item(node, Box::new(key))))
    }

    /// Parses a slice, or a key which is added to the others.
    fn slice_or(&mut self, keys: &mut Vec<Expr>) -> Parsed<Option<[Option<Expr>; 3]>> {
        let start = match self.is_operator(":") {
            true => None,
            false => Some(self.expression()?),
        };
        if !self.skip_operator(":")? {
            keys.extend(start);
            return Ok(None);
        }
        let is_end = |parser: &Self| parser.is_operator("]") || parser.is_operator(",");
        let stop = match self.is_operator(":") || is_end(self) {
            true => None,
            false => Some(self.expression()?),
        };
        let step = match self.skip_operator(":")? && !is_end(self) {
            true => Some(self.expression()?),
            false => None,
        };
        Ok(Some([start, stop, step]))
    }

    fn call(&mut self, callee: Expr) -> Parsed<Expr> {
        let line = self.line();
        let arguments = self.call_arguments()?;
        Ok(boxed(
            line,
            ExprKind::Call(Box::new(callee), Box::new(arguments)),
        ))
    }

    fn call_arguments(&mut self) -> Parsed<CallArguments> {
        let line = self.expect_operator("(")?;
        let ensure = |is_right: bool| match is_right {
            true => Ok(()),
            false => Err(SyntaxProblem::error(
                line,
                "invalid syntax for function call expression",
            )),
        };
        let mut arguments = CallArguments::default();
        let mut needs_comma = false;
        while !self.is_operator(")") {
            if needs_comma {
                self.expect_operator(",")?;
                if self.is_operator(")") {
                    break;
                }
            }
            if self.is_operator("*") {
                ensure(arguments.star.is_none() && arguments.double_star.is_none())?;
                self.next()?;
                arguments.star = Some(self.expression()?);
            } else if self.is_operator("**") {
                ensure(arguments.double_star.is_none())?;
                self.next()?;
                arguments.double_star = Some(self.expression()?);
            } else if let Token::Name(name) = self.token().clone()
                && self.look()?.is_operator("=")
            {
                ensure(arguments.double_star.is_none())?;
                self.next()?;
                self.next()?;
                if arguments.keywords.iter().any(|(known, _)| **known == *name) {
                    let message = format!("keyword argument repeated: {name}");
                    return Err(SyntaxProblem::error(line, message));
                }
                let value = self.expression()?;
                arguments.keywords.push((self.shared(name), value));
            } else {
                ensure(
                    arguments.star.is_none()
                        && arguments.double_star.is_none()
                        && arguments.keywords.is_empty(),
                )?;
                arguments.positional.push(self.expression()?);
            }
            needs_comma = true;
        }
        self.expect_operator(")")?;
        Ok(arguments)
    }

    fn dotted_name(&mut self) -> Parsed<(Rc<str>, u32)> {
        let (mut name, line) = self.expect_any_name()?;
        while self.skip_operator(".")? {
            let (more, _) = self.expect_any_name()?;
            name = Rc::from(format!("{name}.{more}"));
        }
        Ok((name, line))
    }

    /// Parses a filter, after the bar.
    fn filter(&mut self, node: Option<Expr>) -> Parsed<Expr> {
        let (name, line) = self.dotted_name()?;
        let arguments = match self.is_operator("(") {
            true => self.call_arguments()?,
            false => CallArguments::default(),
        };
        let filter = Filter::named(&name, line)?;
        let kind = ExprKind::Filter(node.map(Box::new), filter, Box::new(arguments));
        Ok(boxed(line, kind))
    }

    /// Parses filters that apply to a block; the first may stand alone.
    pub(super) fn filter_of_block(&mut self, starts_inline: bool) -> Parsed<Option<Expr>> {
        let mut node = None;
        let mut is_first = starts_inline;
        while is_first || self.is_operator("|") {
            if !is_first {
                self.next()?;
            }
            node = Some(self.nested(|parser| parser.filter(node))?);
            is_first = false;
        }
        Ok(node)
    }

    fn test(&mut self, node: Expr) -> Parsed<Expr> {
        let (_, line) = self.next()?;
        let is_negated = self.skip_name("not")?;
        let (name, _) = self.dotted_name()?;
        let arguments = if self.is_operator("(") {
            self.call_arguments()?
        } else {
            let starts_value = match self.token() {
                Token::Name(name) => !matches!(*name, "else" | "or" | "and"),
                Token::String(_) | Token::Integer(_) | Token::Float(_) => true,
                Token::Operator("[" | "{") => true,
                _ => false,
            };
            let mut arguments = CallArguments::default();
            if starts_value {
                if self.is_name("is") {
                    return Err(self.fail("You cannot chain multiple tests with is"));
                }
                let argument = self.primary()?;
                arguments.positional.push(self.postfix(argument)?);
            }
            arguments
        };
        let test = Test::named(&name, line)?;
        let test = boxed(
            line,
            ExprKind::Test(Box::new(node), test, Box::new(arguments)),
        );
        Ok(match is_negated {
            true => boxed(line, ExprKind::Not(Box::new(test))),
            false => test,
        })
    }
}

/// The most operators in a row.
const CHAIN_LIMIT: usize = 400;
