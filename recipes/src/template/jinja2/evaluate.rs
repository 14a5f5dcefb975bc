//! Renders the tree of a checked template.
//!
//! minijinja's own evaluation has other values than Python: it compares, adds
//! and prints them otherwise, and lets undefined ones pass where Jinja2 fails.
//! So only its parser is used, and values are the core's.

use std::collections::HashMap;
use std::sync::Arc;

use buildout_core::value::{Dict, Value, compare};
use minijinja::machinery::ast::{
    BinOpKind, CallArg, Compare, CompareOpKind, Expr, ForLoop, GetItem, Stmt, UnaryOpKind,
};
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value as Literal, ValueKind};

use super::builtins::{apply_filter, apply_test, call_function, escape, items};
use super::check::{check_tree, is_call_of};
use super::engine::{Cause, Rendering, TemplateEngine, TemplateError};
use super::lexical::{check_tokens, normalise, parse_error};
use super::names::{JINJA_GLOBALS, PREDEFINED, is_python_attribute};

/// How deep templates may include each other.
const INCLUDE_LIMIT: usize = 20;

/// The most iterations that `range` may give: more is surely an error, and
/// would fill the memory.
const RANGE_LIMIT: i128 = 10_000_000;

/// The longest text or list that an operator may make, in items.
const LENGTH_LIMIT: usize = 100_000_000;

/// Renders the constructs that [`check_tree`] lets pass.
pub(super) struct TreeEngine;

impl TemplateEngine for TreeEngine {
    fn render(&self, rendering: &Rendering<'_>) -> Result<String, TemplateError> {
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
            buildout_core::value::str_repr(name)
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
                container => {
                    let container = self.value(container)?;
                    attribute(&container, lookup.name)
                }
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

    /// Jinja2's `getitem`: the item, else an attribute of that name.
    fn item(&mut self, lookup: &GetItem<'_>) -> Result<Evaluated, TemplateError> {
        let at = self.at(lookup.subscript_expr.span().start_line);
        let container = self.value(&lookup.expr)?;
        let subscript = self.value(&lookup.subscript_expr)?;
        let found = match &container {
            Value::Dict(dict) => dict.get(&subscript).cloned(),
            Value::List(items) | Value::Tuple(items) => {
                position(&subscript, items.len()).map(|position| items[position].clone())
            }
            Value::Str(text) if subscript.as_int().is_some() => {
                let position = position(&subscript, text.chars().count());
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
                Err(at(Cause::Unsupported(what)))
            }
            Some(name) => Ok(undefined_attribute(&container, name)),
            None => Ok(Evaluated::Undefined(format!(
                "{} has no element {}",
                type_text(&container),
                subscript.repr()
            ))),
        }
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
    let name = buildout_core::value::str_repr(name);
    Evaluated::Undefined(format!(
        "{} has no attribute {name}",
        buildout_core::value::str_repr(&type_text(container))
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

fn convert_literal(literal: &Literal) -> Result<Value, Cause> {
    let unsupported = || Cause::Unsupported(format!("the literal `{literal}`"));
    match literal.kind() {
        ValueKind::None => Ok(Value::None),
        ValueKind::Bool => Ok(Value::Bool(literal.is_true())),
        ValueKind::String => literal.as_str().map(Value::from).ok_or_else(unsupported),
        ValueKind::Number if literal.is_integer() => {
            let number = i128::try_from(literal.clone()).map_err(|_| unsupported())?;
            Ok(Value::Int(number))
        }
        ValueKind::Number => {
            let number = f64::try_from(literal.clone()).map_err(|_| unsupported())?;
            Ok(Value::Float(number))
        }
        _ => Err(unsupported()),
    }
}

fn negate(value: &Value) -> Result<Value, Cause> {
    match (value.as_int(), value) {
        (Some(number), _) => number.checked_neg().map(Value::Int).ok_or_else(too_large),
        (None, Value::Float(number)) => Ok(Value::Float(-number)),
        (None, other) => Err(Cause::type_error(format!(
            "bad operand type for unary -: '{}'",
            other.type_name()
        ))),
    }
}

fn too_large() -> Cause {
    Cause::Unsupported("an integer of more than 128 bits".to_owned())
}

/// Applies an operator other than `and` and `or`.
fn operate(operator: BinOpKind, left: Value, right: Value) -> Result<Value, Cause> {
    let ordered = |accepts: fn(std::cmp::Ordering) -> bool| {
        let order = compare(&left, &right).map_err(|error| Cause::type_error(error.to_string()))?;
        Ok(Value::Bool(order.is_some_and(accepts)))
    };
    match operator {
        BinOpKind::Eq => Ok(Value::Bool(left == right)),
        BinOpKind::Ne => Ok(Value::Bool(left != right)),
        BinOpKind::Lt => ordered(std::cmp::Ordering::is_lt),
        BinOpKind::Lte => ordered(std::cmp::Ordering::is_le),
        BinOpKind::Gt => ordered(std::cmp::Ordering::is_gt),
        BinOpKind::Gte => ordered(std::cmp::Ordering::is_ge),
        BinOpKind::In => contains(&right, &left).map(Value::Bool),
        BinOpKind::Concat => {
            let (mut text, right) = (left.to_string(), right.to_string());
            check_length(text.len(), right.len())?;
            text.push_str(&right);
            Ok(Value::string(text))
        }
        BinOpKind::Add => add(left, right),
        BinOpKind::Sub | BinOpKind::Mul | BinOpKind::Div | BinOpKind::FloorDiv => {
            calculate(operator, &left, &right)
        }
        BinOpKind::Rem | BinOpKind::Pow | BinOpKind::ScAnd | BinOpKind::ScOr => {
            Err(Cause::Unsupported("this operator".to_owned()))
        }
    }
}

fn check_length(left: usize, right: usize) -> Result<(), Cause> {
    if left.saturating_add(right) > LENGTH_LIMIT {
        return Err(Cause::Unsupported(format!(
            "values of more than {LENGTH_LIMIT} items"
        )));
    }
    Ok(())
}

fn contains(container: &Value, member: &Value) -> Result<bool, Cause> {
    match (container, member) {
        (Value::Str(text), Value::Str(part)) => Ok(text.contains(&**part)),
        (Value::Str(_), other) => Err(Cause::type_error(format!(
            "'in <string>' requires string as left operand, not {}",
            other.type_name()
        ))),
        (Value::List(items) | Value::Tuple(items), member) => Ok(items.contains(member)),
        (Value::Dict(_), Value::List(_) | Value::Dict(_)) => {
            let kind = member.type_name();
            Err(Cause::type_error(format!("unhashable type: '{kind}'")))
        }
        (Value::Dict(dict), member) => Ok(dict.contains_key(member)),
        (other, _) => Err(Cause::type_error(format!(
            "argument of type '{}' is not iterable",
            other.type_name()
        ))),
    }
}

fn add(left: Value, right: Value) -> Result<Value, Cause> {
    match (left, right) {
        (Value::Str(left), Value::Str(right)) => {
            check_length(left.len(), right.len())?;
            Ok(Value::string([&*left, &*right].concat()))
        }
        (Value::List(mut left), Value::List(right)) => {
            check_length(left.len(), right.len())?;
            left.extend(right);
            Ok(Value::List(left))
        }
        (Value::Tuple(mut left), Value::Tuple(right)) => {
            check_length(left.len(), right.len())?;
            left.extend(right);
            Ok(Value::Tuple(left))
        }
        (left, right) => calculate(BinOpKind::Add, &left, &right),
    }
}

/// Arithmetic of whole numbers, and of floats where no result is rounded in
/// two ways.
fn calculate(operator: BinOpKind, left: &Value, right: &Value) -> Result<Value, Cause> {
    if let (Some(left), Some(right)) = (left.as_int(), right.as_int()) {
        return calculate_integers(operator, left, right);
    }
    let (Some(left_number), Some(right_number)) = (as_float(left), as_float(right)) else {
        return Err(Cause::Unsupported(format!(
            "this operator between values of types {} and {}",
            left.type_name(),
            right.type_name()
        )));
    };
    match operator {
        BinOpKind::Add => Ok(Value::Float(left_number + right_number)),
        BinOpKind::Sub => Ok(Value::Float(left_number - right_number)),
        BinOpKind::Mul => Ok(Value::Float(left_number * right_number)),
        BinOpKind::Div if right_number != 0.0 => Ok(Value::Float(left_number / right_number)),
        BinOpKind::Div => Err(division_by_zero("float division by zero")),
        _ => Err(Cause::Unsupported("`//` of floats".to_owned())),
    }
}

fn calculate_integers(operator: BinOpKind, left: i128, right: i128) -> Result<Value, Cause> {
    let result = match operator {
        BinOpKind::Add => left.checked_add(right),
        BinOpKind::Sub => left.checked_sub(right),
        BinOpKind::Mul => left.checked_mul(right),
        BinOpKind::Div if right == 0 => return Err(division_by_zero("division by zero")),
        BinOpKind::Div => {
            return match (exact_float(left), exact_float(right)) {
                (Some(left), Some(right)) => Ok(Value::Float(left / right)),
                _ => Err(Cause::Unsupported("`/` of large integers".to_owned())),
            };
        }
        BinOpKind::FloorDiv if right == 0 => {
            return Err(division_by_zero("integer division or modulo by zero"));
        }
        BinOpKind::FloorDiv => left.checked_div_euclid(right).and_then(|quotient| {
            // Python rounds down; Euclid's remainder is never negative.
            let is_inexact = quotient.checked_mul(right)? != left;
            match is_inexact && right < 0 {
                true => quotient.checked_sub(1),
                false => Some(quotient),
            }
        }),
        _ => return Err(Cause::Unsupported("this operator".to_owned())),
    };
    result.map(Value::Int).ok_or_else(too_large)
}

fn division_by_zero(message: &str) -> Cause {
    Cause::Python {
        exception: "ZeroDivisionError",
        message: message.to_owned(),
    }
}

fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        other => exact_float(other.as_int()?),
    }
}

/// Converts an integer that a float represents exactly.
fn exact_float(number: i128) -> Option<f64> {
    (number.unsigned_abs() <= 1 << 53).then_some(number as f64)
}

/// The numbers of Python's `range`.
fn range(arguments: Vec<Evaluated>) -> Result<Vec<Value>, Cause> {
    let mut numbers = Vec::new();
    for argument in arguments {
        let value = argument.into_value()?;
        let number = value.as_int().ok_or_else(|| {
            let kind = value.type_name();
            Cause::type_error(format!(
                "'{kind}' object cannot be interpreted as an integer"
            ))
        })?;
        numbers.push(number);
    }
    let (start, stop, step) = match numbers[..] {
        [stop] => (0, stop, 1),
        [start, stop] => (start, stop, 1),
        [start, stop, step] => (start, stop, step),
        _ => {
            return Err(Cause::type_error(
                "range expected at least 1 argument, got 0",
            ));
        }
    };
    if step == 0 {
        return Err(Cause::Python {
            exception: "ValueError",
            message: "range() arg 3 must not be zero".to_owned(),
        });
    }
    let is_small = |number: i128| number.unsigned_abs() <= i64::MAX as u128;
    if ![start, stop, step].into_iter().all(is_small) {
        return Err(Cause::Unsupported("`range` of large integers".to_owned()));
    }
    let count = match step > 0 {
        true => (stop - start + step - 1).div_euclid(step),
        false => (start - stop - step - 1).div_euclid(-step),
    };
    if count > RANGE_LIMIT {
        return Err(Cause::Unsupported(format!(
            "`range` of more than {RANGE_LIMIT} numbers"
        )));
    }
    let values = (0..count.max(0)).map(|at| Value::Int(start + at * step));
    Ok(values.collect())
}
