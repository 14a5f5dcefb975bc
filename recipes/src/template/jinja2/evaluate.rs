//! Renders the tree of a checked template.
//!
//! minijinja's own evaluation has other values than Python: it compares, adds
//! and prints them otherwise, and lets undefined ones pass where Jinja2 fails.
//! So only its parser is used, and values are the core's.

use std::collections::HashMap;
use std::sync::Arc;

use buildout_core::value::{Dict, Value, str_repr};
use minijinja::machinery::ast::{
    BinOpKind, CallArg, Compare, CompareOpKind, Expr, ForLoop, GetItem, Stmt, UnaryOpKind,
};
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;

use super::builtins::{apply_filter, apply_test, call_function, escape, items};
use super::check::{check_tree, is_call_of};
use super::engine::{Cause, Rendering, TemplateEngine, TemplateError};
use super::lexical::{check_tokens, normalise, parse_error};
use super::names::{JINJA_GLOBALS, PREDEFINED, is_python_attribute};
use super::operators::{contains, convert_literal, negate, operate, range};

/// How deep templates may include each other.
const INCLUDE_LIMIT: usize = 20;

/// The stack of the thread that parses and renders, in bytes: enough for the
/// deepest nesting that the checks let pass, also without optimisation.
const STACK_SIZE: usize = 64 << 20;

/// Renders the constructs that [`check_tree`] lets pass.
pub(super) struct TreeEngine;

impl TemplateEngine for TreeEngine {
    fn render(&self, rendering: &Rendering<'_>) -> Result<String, TemplateError> {
        let failed = |cause| TemplateError {
            cause,
            template: Arc::from(rendering.name),
            line: 1,
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new()
                .stack_size(STACK_SIZE)
                .spawn_scoped(scope, || Renderer::render(rendering))
                .map_err(|error| {
                    failed(Cause::Python {
                        exception: "RuntimeError",
                        message: format!("failed to start a thread: {error}"),
                    })
                })?;
            match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

/// A value, or what Jinja2 would say when it is used.
#[derive(Clone, Debug)]
pub(super) enum Evaluated {
    /// A value.
    Value(Value),
    /// No value: Jinja2's `StrictUndefined`, with its message.
    Undefined(String),
}

impl Evaluated {
    /// Returns the value.
    ///
    /// # Errors
    ///
    /// There is none, so that Jinja2 fails here.
    pub(super) fn into_value(self) -> Result<Value, Cause> {
        match self {
            Evaluated::Value(value) => Ok(value),
            Evaluated::Undefined(message) => Err(Cause::Undefined(message)),
        }
    }
}

impl From<Value> for Evaluated {
    fn from(value: Value) -> Self {
        Evaluated::Value(value)
    }
}

impl From<bool> for Evaluated {
    fn from(value: bool) -> Self {
        Evaluated::Value(Value::Bool(value))
    }
}

/// What follows a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// A loop being run.
struct Iteration {
    index: usize,
    length: usize,
}

struct Renderer<'r> {
    rendering: &'r Rendering<'r>,
    /// The template being rendered, which may be an included one.
    template: Arc<str>,
    context: HashMap<&'r str, &'r Value>,
    /// The names that templates have set, innermost scope last.
    scopes: Vec<HashMap<String, Evaluated>>,
    loops: Vec<Iteration>,
    includes: usize,
    output: String,
}

impl Renderer<'_> {
    fn render(rendering: &Rendering<'_>) -> Result<String, TemplateError> {
        let mut renderer = Renderer {
            rendering,
            template: Arc::from(rendering.name),
            context: rendering
                .context
                .iter()
                .map(|(name, value)| (&**name, value))
                .collect(),
            scopes: vec![HashMap::new()],
            loops: Vec::new(),
            includes: 0,
            output: String::new(),
        };
        renderer.template(rendering.source)?;
        Ok(renderer.output)
    }

    fn template(&mut self, source: &str) -> Result<(), TemplateError> {
        let source = normalise(source);
        let name = Arc::clone(&self.template);
        check_tokens(&name, &source, self.rendering.extensions)?;
        let tree = parse(&source, &name, SyntaxConfig::default())
            .map_err(|error| parse_error(&name, &error))?;
        check_tree(&name, &tree)?;
        match &tree {
            Stmt::Template(template) => self.statements(&template.children).map(drop),
            _ => Ok(()),
        }
    }

    fn at(&self, line: u16) -> impl Fn(Cause) -> TemplateError + use<> {
        let template = Arc::clone(&self.template);
        move |cause| TemplateError {
            cause,
            template: Arc::clone(&template),
            line: line.into(),
        }
    }

    fn statements(&mut self, statements: &[Stmt<'_>]) -> Result<Flow, TemplateError> {
        for statement in statements {
            let flow = self.statement(statement)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, statement: &Stmt<'_>) -> Result<Flow, TemplateError> {
        match statement {
            Stmt::EmitRaw(text) => self.output.push_str(text.raw),
            Stmt::EmitExpr(emit) => self.emit(&emit.expr)?,
            Stmt::IfCond(condition) => {
                return if self.value(&condition.expr)?.is_truthy() {
                    self.statements(&condition.true_body)
                } else {
                    self.statements(&condition.false_body)
                };
            }
            Stmt::ForLoop(loop_) => self.for_loop(loop_)?,
            Stmt::Set(set) => {
                let value = self.evaluate(&set.expr)?;
                self.assign(&set.target, value)?;
            }
            Stmt::Include(include) => {
                let line = include.span().start_line;
                if let Expr::Const(name) = &include.name {
                    self.include(name.value.as_str().unwrap_or_default(), line)?;
                }
            }
            Stmt::Break(_) => return Ok(Flow::Break),
            Stmt::Continue(_) => return Ok(Flow::Continue),
            _ => return Err(self.at(1)(Cause::Unsupported("a tag".to_owned()))),
        }
        Ok(Flow::Next)
    }

    fn emit(&mut self, expression: &Expr<'_>) -> Result<(), TemplateError> {
        if let Expr::Filter(filter) = expression
            && matches!(filter.name, "e" | "escape")
            && let Some(escaped) = &filter.expr
        {
            let text = self.value(escaped)?.to_string();
            self.output.push_str(&escape(&text));
            return Ok(());
        }
        if let Expr::IfExpr(condition) = expression
            && condition.false_expr.is_none()
        {
            if !self.value(&condition.test_expr)?.is_truthy() {
                return Ok(());
            }
            return self.emit_value(&condition.true_expr);
        }
        self.emit_value(expression)
    }

    fn emit_value(&mut self, expression: &Expr<'_>) -> Result<(), TemplateError> {
        match self.value(expression)? {
            Value::Str(text) => self.output.push_str(&text),
            other => self.output.push_str(&other.to_string()),
        }
        Ok(())
    }

    fn for_loop(&mut self, loop_: &ForLoop<'_>) -> Result<(), TemplateError> {
        let line = loop_.iter.span().start_line;
        let iterated = match &loop_.iter {
            Expr::Call(call) if is_call_of(&call.expr, "range") && !self.is_hidden("range") => {
                let arguments = self.arguments(&call.args)?;
                range(arguments).map_err(self.at(line))?
            }
            iterated => {
                let value = self.value(iterated)?;
                items(&value).map_err(self.at(line))?
            }
        };
        self.loops.push(Iteration {
            index: 0,
            length: iterated.len(),
        });
        for (index, item) in iterated.into_iter().enumerate() {
            if let Some(iteration) = self.loops.last_mut() {
                iteration.index = index;
            }
            self.scopes.push(HashMap::new());
            self.assign(&loop_.target, item.into())?;
            let flow = self.statements(&loop_.body)?;
            self.scopes.pop();
            if flow == Flow::Break {
                break;
            }
        }
        self.loops.pop();
        Ok(())
    }

    fn assign(&mut self, target: &Expr<'_>, value: Evaluated) -> Result<(), TemplateError> {
        let targets = match target {
            Expr::Var(name) => {
                if let Some(scope) = self.scopes.last_mut() {
                    scope.insert(name.id.to_owned(), value);
                }
                return Ok(());
            }
            Expr::List(list) => &list.items,
            Expr::Tuple(tuple) => &tuple.items,
            _ => return Ok(()),
        };
        let at = self.at(target.span().start_line);
        let values = value.into_value().and_then(|value| items(&value));
        let values = values.map_err(&at)?;
        let (expected, got) = (targets.len(), values.len());
        if got != expected {
            let message = match got < expected {
                true => format!("not enough values to unpack (expected {expected}, got {got})"),
                false => format!("too many values to unpack (expected {expected})"),
            };
            return Err(at(Cause::Python {
                exception: "ValueError",
                message,
            }));
        }
        for (target, value) in targets.iter().zip(values) {
            self.assign(target, value.into())?;
        }
        Ok(())
    }

    fn include(&mut self, name: &str, line: u16) -> Result<(), TemplateError> {
        let at = self.at(line);
        if self.includes >= INCLUDE_LIMIT {
            return Err(at(Cause::Python {
                exception: "RecursionError",
                message: format!("templates include each other more than {INCLUDE_LIMIT} deep"),
            }));
        }
        let path = self.rendering.loader.find(name);
        let path = path.ok_or_else(|| at(Cause::TemplateNotFound(name.to_owned())))?;
        let source = std::fs::read(&path).map_err(|error| {
            at(Cause::Python {
                exception: "OSError",
                message: format!("failed to read `{path}`: {error}"),
            })
        })?;
        let source = String::from_utf8(source).map_err(|error| {
            at(Cause::Python {
                exception: "UnicodeDecodeError",
                message: format!("`{path}` is not UTF-8: {}", error.utf8_error()),
            })
        })?;
        let including = std::mem::replace(&mut self.template, Arc::from(path));
        self.scopes.push(HashMap::new());
        self.includes += 1;
        self.template(&source)?;
        self.includes -= 1;
        self.scopes.pop();
        self.template = including;
        Ok(())
    }

    /// Tells whether the template or its context gives a name another meaning.
    fn is_hidden(&self, name: &str) -> bool {
        self.context.contains_key(name) || self.scopes.iter().any(|scope| scope.contains_key(name))
    }

    fn name(&self, name: &str) -> Result<Evaluated, Cause> {
        let set = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        if let Some(value) = set {
            return Ok(value.clone());
        }
        if let Some(value) = self.context.get(name) {
            return Ok(Evaluated::Value((*value).clone()));
        }
        let is_function = PREDEFINED.contains(&name)
            || JINJA_GLOBALS.contains(&name)
            || (name == "dumps" && self.rendering.has_dumps);
        if is_function {
            return Err(Cause::Unsupported(format!(
                "the function `{name}` as a value"
            )));
        }
        Ok(Evaluated::Undefined(format!(
            "{} is undefined",
            str_repr(name)
        )))
    }

    /// Evaluates an expression whose value is used now.
    fn value(&mut self, expression: &Expr<'_>) -> Result<Value, TemplateError> {
        let at = self.at(expression.span().start_line);
        self.evaluate(expression)?.into_value().map_err(at)
    }

    fn values(&mut self, expressions: &[Expr<'_>]) -> Result<Vec<Value>, TemplateError> {
        expressions
            .iter()
            .map(|expression| self.value(expression))
            .collect()
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>]) -> Result<Vec<Evaluated>, TemplateError> {
        let mut evaluated = Vec::new();
        for argument in arguments {
            if let CallArg::Pos(expression) = argument {
                evaluated.push(self.evaluate(expression)?);
            }
        }
        Ok(evaluated)
    }

    fn evaluate(&mut self, expression: &Expr<'_>) -> Result<Evaluated, TemplateError> {
        let at = self.at(expression.span().start_line);
        Ok(match expression {
            Expr::Const(literal) => convert_literal(&literal.value).map_err(at)?.into(),
            Expr::Var(name) => self.name(name.id).map_err(at)?,
            Expr::UnaryOp(operation) => {
                let value = self.value(&operation.expr)?;
                match operation.op {
                    UnaryOpKind::Not => (!value.is_truthy()).into(),
                    UnaryOpKind::Neg => negate(&value).map_err(at)?.into(),
                }
            }
            Expr::BinOp(operation) => match operation.op {
                BinOpKind::ScAnd | BinOpKind::ScOr => {
                    let left = self.value(&operation.left)?;
                    let is_decided = left.is_truthy() == matches!(operation.op, BinOpKind::ScOr);
                    if is_decided {
                        left.into()
                    } else {
                        self.evaluate(&operation.right)?
                    }
                }
                BinOpKind::In if self.place(&operation.right).is_some() => {
                    let member = self.value(&operation.left)?;
                    let container = self.place(&operation.right).unwrap_or(&Value::None);
                    contains(container, &member).map_err(at)?.into()
                }
                operator => {
                    let left = self.value(&operation.left)?;
                    let right = self.value(&operation.right)?;
                    operate(operator, left, right).map_err(at)?.into()
                }
            },
            Expr::Compare(comparison) => self.comparison(comparison)?,
            Expr::IfExpr(condition) => {
                if self.value(&condition.test_expr)?.is_truthy() {
                    self.evaluate(&condition.true_expr)?
                } else if let Some(otherwise) = &condition.false_expr {
                    self.evaluate(otherwise)?
                } else {
                    let what = "`if` without `else` within an expression";
                    return Err(at(Cause::Unsupported(what.to_owned())));
                }
            }
            Expr::GetAttr(lookup) => match &lookup.expr {
                Expr::Var(name) if name.id == "loop" => self.loop_attribute(lookup.name),
                container => match self.place(container) {
                    Some(container) => attribute(container, lookup.name),
                    None => attribute(&self.value(container)?, lookup.name),
                },
            },
            Expr::GetItem(lookup) => self.item(lookup)?,
            Expr::List(list) => Value::List(self.values(&list.items)?).into(),
            Expr::Tuple(tuple) => Value::Tuple(self.values(&tuple.items)?).into(),
            Expr::Map(map) => {
                let mut dict = Dict::new();
                for (key, value) in map.keys.iter().zip(&map.values) {
                    let (key, value) = (self.value(key)?, self.value(value)?);
                    dict.insert(key, value)
                        .map_err(|error| at(Cause::type_error(error.to_string())))?;
                }
                Value::Dict(dict).into()
            }
            Expr::Filter(filter) => {
                let value = match &filter.expr {
                    Some(value) => self.evaluate(value)?,
                    None => Value::None.into(),
                };
                let arguments = self.arguments(&filter.args)?;
                apply_filter(filter.name, value, arguments).map_err(at)?
            }
            Expr::Test(test) => {
                let value = self.evaluate(&test.expr)?;
                apply_test(test.name, &value).map_err(at)?.into()
            }
            Expr::Call(call) => {
                let Expr::Var(name) = &call.expr else {
                    return Err(at(Cause::Unsupported("a call".to_owned())));
                };
                if self.is_hidden(name.id) {
                    let what = format!("a call of `{}`, which is no function here", name.id);
                    return Err(at(Cause::Unsupported(what)));
                }
                if name.id == "dumps" && !self.rendering.has_dumps {
                    return Err(at(Cause::Undefined("'dumps' is undefined".to_owned())));
                }
                let arguments = self.arguments(&call.args)?;
                call_function(name.id, arguments).map_err(at)?.into()
            }
            Expr::Slice(_) => return Err(at(Cause::Unsupported("a slice".to_owned()))),
        })
    }

    fn comparison(&mut self, comparison: &Compare<'_>) -> Result<Evaluated, TemplateError> {
        let mut left = self.value(&comparison.expr)?;
        for operand in &comparison.ops {
            let at = self.at(operand.expr.span().start_line);
            let right = self.value(&operand.expr)?;
            let operator = match operand.op {
                CompareOpKind::Eq => BinOpKind::Eq,
                CompareOpKind::Ne => BinOpKind::Ne,
                CompareOpKind::Lt => BinOpKind::Lt,
                CompareOpKind::Lte => BinOpKind::Lte,
                CompareOpKind::Gt => BinOpKind::Gt,
                CompareOpKind::Gte => BinOpKind::Gte,
                CompareOpKind::In | CompareOpKind::NotIn => BinOpKind::In,
            };
            let holds = operate(operator, left, right.clone())
                .map_err(at)?
                .is_truthy();
            if holds == matches!(operand.op, CompareOpKind::NotIn) {
                return Ok(false.into());
            }
            left = right;
        }
        Ok(true.into())
    }

    fn loop_attribute(&self, name: &str) -> Evaluated {
        let Some(Iteration { index, length }) = self.loops.last() else {
            return Evaluated::Undefined("'loop' is undefined".to_owned());
        };
        let number = |number: usize| Evaluated::Value(Value::Int(number as i128));
        match name {
            "index" => number(index + 1),
            "index0" => number(*index),
            "revindex" => number(length - index),
            "revindex0" => number(length - index - 1),
            "first" => (*index == 0).into(),
            "last" => (index + 1 == *length).into(),
            _ => number(*length),
        }
    }

    fn item(&mut self, lookup: &GetItem<'_>) -> Result<Evaluated, TemplateError> {
        let at = self.at(lookup.subscript_expr.span().start_line);
        if self.place(&lookup.expr).is_none() {
            let container = self.value(&lookup.expr)?;
            let subscript = self.value(&lookup.subscript_expr)?;
            return item(&container, &subscript).map_err(at);
        }
        let subscript = self.value(&lookup.subscript_expr)?;
        let container = self.place(&lookup.expr).unwrap_or(&Value::None);
        item(container, &subscript).map_err(at)
    }

    /// Returns the value that a name, or an attribute of such a value, means,
    /// without a copy: copying a large dict for each item that is read from it
    /// would take quadratic time.
    fn place(&self, expression: &Expr<'_>) -> Option<&Value> {
        match expression {
            Expr::Var(name) => {
                let set = self
                    .scopes
                    .iter()
                    .rev()
                    .find_map(|scope| scope.get(name.id));
                match set {
                    Some(Evaluated::Value(value)) => Some(value),
                    Some(Evaluated::Undefined(_)) => None,
                    None => self.context.get(name.id).copied(),
                }
            }
            Expr::GetAttr(lookup) => match self.place(&lookup.expr)? {
                Value::Dict(dict) => dict.get_str(lookup.name),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Jinja2's `getitem`: the item, else an attribute of that name.
fn item(container: &Value, subscript: &Value) -> Result<Evaluated, Cause> {
    let found = match container {
        Value::Dict(dict) => dict.get(subscript).cloned(),
        Value::List(items) | Value::Tuple(items) => {
            position(subscript, items.len()).map(|position| items[position].clone())
        }
        Value::Str(text) if subscript.as_int().is_some() => {
            let position = position(subscript, text.chars().count());
            let character = position.and_then(|position| text.chars().nth(position));
            character.map(|character| Value::string(character.to_string()))
        }
        _ => None,
    };
    if let Some(value) = found {
        return Ok(value.into());
    }
    match subscript.as_str() {
        Some(name) if is_python_attribute(name) => {
            let what = format!("the attribute `{name}` of Python's types");
            Err(Cause::Unsupported(what))
        }
        Some(name) => Ok(undefined_attribute(container, name)),
        None => Ok(Evaluated::Undefined(format!(
            "{} has no element {}",
            type_text(container),
            subscript.repr()
        ))),
    }
}

/// Jinja2's `getattr` for a name that no type of Python has as an attribute.
fn attribute(container: &Value, name: &str) -> Evaluated {
    let found = match container {
        Value::Dict(dict) => dict.get_str(name),
        _ => None,
    };
    match found {
        Some(value) => value.clone().into(),
        None => undefined_attribute(container, name),
    }
}

fn undefined_attribute(container: &Value, name: &str) -> Evaluated {
    let name = str_repr(name);
    Evaluated::Undefined(format!(
        "{} has no attribute {name}",
        str_repr(&type_text(container))
    ))
}

/// How Jinja2's messages name the type of a value.
fn type_text(value: &Value) -> String {
    match value {
        Value::None => "None".to_owned(),
        other => format!("{} object", other.type_name()),
    }
}

/// Returns the position that a subscript means; negative ones count from the
/// end.
fn position(subscript: &Value, length: usize) -> Option<usize> {
    let index = subscript.as_int()?;
    let index = if index < 0 {
        index.checked_add(length as i128)?
    } else {
        index
    };
    usize::try_from(index).ok().filter(|index| *index < length)
}
