//! Expressions.

use std::rc::Rc;

use super::super::ast::{CallArguments, Comparator, Expr, ExprKind};
use super::Frame;
use super::attributes::{attribute, item};
use crate::python_value::arithmetic::{operate, sign};
use crate::python_value::{
    Arguments, Dict, Exception, Object, Raised, Undefined, collect, compare, contains, equals,
    methods, subscript, to_str,
};

impl Frame<'_> {
    /// Evaluates an expression.
    pub(super) fn expression(&self, expression: &Expr) -> Raised<Object> {
        match &expression.kind {
            ExprKind::Const(object) => return Ok(object.clone()),
            ExprKind::Name(name, slot) => {
                return Ok(match self.activation.get(*slot) {
                    Some(value) => value,
                    None => undefined(format!(
                        "{} is undefined",
                        buildout_core::value::str_repr(name)
                    )),
                });
            }
            _ => {}
        }
        self.environment.enter()?;
        let result = self.operation(expression);
        self.environment.leave();
        result.map_err(|error| error.at(&self.template.name, expression.line))
    }

    fn expressions(&self, expressions: &[Expr]) -> Raised<Vec<Object>> {
        let mut objects = Vec::with_capacity(expressions.len());
        for expression in expressions {
            objects.push(self.expression(expression)?);
        }
        Ok(objects)
    }

    fn operation(&self, expression: &Expr) -> Raised<Object> {
        Ok(match &expression.kind {
            ExprKind::Data(text) => Object::Str(Rc::clone(text)),
            ExprKind::Const(_) | ExprKind::Name(..) | ExprKind::NamespaceAttribute(..) => {
                Object::None
            }
            ExprKind::Tuple(items) => Object::tuple(self.expressions(items)?),
            ExprKind::List(items) => Object::list(self.expressions(items)?),
            ExprKind::Dict(entries) => {
                let dict = Dict::new();
                for (key, value) in entries {
                    let key = self.expression(key)?;
                    dict.insert(key, self.expression(value)?)?;
                }
                Object::Dict(Rc::new(dict))
            }
            ExprKind::Attribute(object, name) => attribute(&self.expression(object)?, name)?,
            ExprKind::Item(object, key) => {
                let object = self.expression(object)?;
                item(&object, &self.expression(key)?)?
            }
            ExprKind::Slice(object, bounds) => {
                let object = self.expression(object)?;
                let mut evaluated = [None, None, None];
                for (slot, bound) in evaluated.iter_mut().zip(bounds.iter()) {
                    if let Some(bound) = bound {
                        *slot = Some(self.expression(bound)?);
                    }
                }
                subscript::slice(&object, evaluated)?
            }
            ExprKind::Call(callee, arguments) => self.call(callee, arguments, None)?,
            ExprKind::Filter(value, filter, arguments) => {
                let value = match value {
                    Some(value) => self.expression(value)?,
                    None => Object::None,
                };
                (filter.apply)(value, self.arguments(arguments)?)?
            }
            ExprKind::Test(value, test, arguments) => {
                let value = self.expression(value)?;
                Object::Bool((test.apply)(&value, self.arguments(arguments)?)?)
            }
            ExprKind::Not(operand) => Object::Bool(!self.expression(operand)?.is_truthy()?),
            ExprKind::Sign(is_negative, operand) => sign(&self.expression(operand)?, *is_negative)?,
            ExprKind::Binary(operator, left, right) => {
                let left = self.expression(left)?;
                operate(*operator, &left, &self.expression(right)?)?
            }
            ExprKind::And(left, right) => {
                let left = self.expression(left)?;
                match left.is_truthy()? {
                    true => self.expression(right)?,
                    false => left,
                }
            }
            ExprKind::Or(left, right) => {
                let left = self.expression(left)?;
                match left.is_truthy()? {
                    true => left,
                    false => self.expression(right)?,
                }
            }
            ExprKind::Concat(operands) => {
                let mut text = String::new();
                for operand in self.expressions(operands)? {
                    push_str(&mut text, &operand)?;
                }
                Object::from(text)
            }
            ExprKind::Compare(first, others) => self.comparison(first, others)?,
            ExprKind::Condition(condition, value, otherwise) => {
                if self.expression(condition)?.is_truthy()? {
                    return self.expression(value);
                }
                match otherwise {
                    Some(otherwise) => self.expression(otherwise)?,
                    None => Object::Undefined(Rc::new(Undefined::lenient(format!(
                        "the inline if-expression on line {} evaluated to false and no else \
                         section was defined.",
                        expression.line
                    )))),
                }
            }
        })
    }

    fn comparison(&self, first: &Expr, others: &[(Comparator, Expr)]) -> Raised<Object> {
        let mut left = self.expression(first)?;
        for (comparator, right) in others {
            let right = self.expression(right)?;
            let holds = match comparator {
                Comparator::Equal => equals(&left, &right)?,
                Comparator::NotEqual => !equals(&left, &right)?,
                Comparator::Order(comparison) => compare(*comparison, &left, &right)?,
                Comparator::In => contains(&right, &left)?,
                Comparator::NotIn => !contains(&right, &left)?,
            };
            if !holds {
                return Ok(Object::Bool(false));
            }
            left = right;
        }
        Ok(Object::Bool(true))
    }

    /// Calls something; `caller` is the body of a call block.
    pub(super) fn call(
        &self,
        callee: &Expr,
        arguments: &CallArguments,
        caller: Option<Object>,
    ) -> Raised<Object> {
        let result = if let ExprKind::Attribute(object, name) = &callee.kind {
            let object = self.expression(object)?;
            // A method is called without making an object of it.
            if let Some(method) = methods::find(&object, name) {
                (method.call)(&object, self.arguments(arguments)?)
            } else {
                let callee = attribute(&object, name)
                    .map_err(|error| error.at(&self.template.name, callee.line))?;
                callee.call(self.arguments_with(arguments, caller)?)
            }
        } else {
            let callee = self.expression(callee)?;
            callee.call(self.arguments_with(arguments, caller)?)
        };
        match result {
            Err(error) if error.class() == "StopIteration" => Ok(undefined(
                "value was undefined because a callable raised a StopIteration exception",
            )),
            result => result,
        }
    }

    fn arguments_with(
        &self,
        arguments: &CallArguments,
        caller: Option<Object>,
    ) -> Raised<Arguments> {
        let mut arguments = self.arguments(arguments)?;
        if let Some(caller) = caller {
            arguments.keywords.push((Rc::from("caller"), caller));
        }
        Ok(arguments)
    }

    pub(super) fn arguments(&self, arguments: &CallArguments) -> Raised<Arguments> {
        let mut evaluated = Arguments::positional(self.expressions(&arguments.positional)?);
        for (name, value) in &arguments.keywords {
            let value = self.expression(value)?;
            evaluated.keywords.push((Rc::clone(name), value));
        }
        if let Some(star) = &arguments.star {
            evaluated
                .positional
                .extend(collect(&self.expression(star)?)?);
        }
        if let Some(double_star) = &arguments.double_star {
            self.keywords(&self.expression(double_star)?, &mut evaluated)?;
        }
        Ok(evaluated)
    }

    fn keywords(&self, mapping: &Object, arguments: &mut Arguments) -> Raised<()> {
        let Object::Dict(mapping) = mapping else {
            if let Object::Undefined(undefined) = mapping {
                return Err(undefined.error());
            }
            return Err(Exception::type_error(format!(
                "argument after ** must be a mapping, not {}",
                mapping.type_name()
            )));
        };
        for (name, value) in mapping.to_vec() {
            let (Object::Str(name) | Object::Markup(name)) = name else {
                return Err(Exception::type_error("keywords must be strings"));
            };
            if arguments.keywords.iter().any(|(known, _)| *known == name) {
                return Err(Exception::type_error(format!(
                    "got multiple values for keyword argument '{name}'"
                )));
            }
            arguments.keywords.push((name, value));
        }
        Ok(())
    }
}

/// Makes the object of a name that does not exist.
pub(super) fn undefined(message: impl Into<String>) -> Object {
    Object::Undefined(Rc::new(Undefined::new(message)))
}

/// Adds `str(object)` to a text.
pub(super) fn push_str(text: &mut String, object: &Object) -> Raised<()> {
    match object {
        Object::Str(string) | Object::Markup(string) => text.push_str(string),
        other => text.push_str(&to_str(other)?),
    }
    Ok(())
}
