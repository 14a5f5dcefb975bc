//! What is checked on the tree of a template, before anything is rendered:
//! that it has only constructs for which [`super::evaluate`] gives the result
//! of Jinja2.

use std::collections::HashSet;
use std::sync::Arc;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, ForLoop, Stmt};

use super::builtins::{FILTERS, FUNCTIONS, TESTS};
use super::engine::{Cause, TemplateError};
use super::names::{SPECIAL, is_python_attribute};

/// How deep expressions and statements may nest; a chain of operators counts
/// by its length.
const DEPTH_LIMIT: usize = 200;

/// The attributes of `loop` that are supported.
pub(super) const LOOP_ATTRIBUTES: &[&str] = &[
    "index",
    "index0",
    "revindex",
    "revindex0",
    "first",
    "last",
    "length",
];

/// Checks a parsed template.
///
/// # Errors
///
/// The first construct that is refused.
pub(super) fn check_tree(template: &Arc<str>, tree: &Stmt<'_>) -> Result<(), TemplateError> {
    let mut check = TreeCheck {
        template,
        scopes: vec![Scope::default()],
        depth: 0,
    };
    match tree {
        Stmt::Template(template) => check.statements(&template.children),
        _ => Ok(()),
    }
}

/// What is known about the names of a scope so far: that of the template, or
/// that of the body of a loop.
#[derive(Default)]
struct Scope<'t> {
    /// Names that statements of the scope itself use or set.
    referenced: HashSet<&'t str>,
    /// Names that it sets in any case.
    stored: HashSet<&'t str>,
    /// Names that loops in it used before the scope itself did.
    read_by_loops: HashSet<&'t str>,
    /// How many conditions are around the current statement.
    conditions: usize,
}

struct TreeCheck<'c, 't> {
    template: &'c Arc<str>,
    scopes: Vec<Scope<'t>>,
    depth: usize,
}

type Checked = Result<(), TemplateError>;

impl<'t> TreeCheck<'_, 't> {
    fn refuse(&self, line: u16, what: impl Into<String>) -> TemplateError {
        TemplateError {
            cause: Cause::Unsupported(what.into()),
            template: Arc::clone(self.template),
            line: line.into(),
        }
    }

    fn nested(&mut self, line: u16, check: impl FnOnce(&mut Self) -> Checked) -> Checked {
        if self.depth >= DEPTH_LIMIT {
            return Err(self.refuse(line, format!("more than {DEPTH_LIMIT} levels of nesting")));
        }
        self.depth += 1;
        let result = check(self);
        self.depth -= 1;
        result
    }

    fn statements<'s: 't>(&mut self, statements: &'s [Stmt<'s>]) -> Checked {
        statements
            .iter()
            .try_for_each(|statement| self.statement(statement))
    }

    fn statement<'s: 't>(&mut self, statement: &'s Stmt<'s>) -> Checked {
        match statement {
            Stmt::EmitRaw(_) | Stmt::Break(_) | Stmt::Continue(_) => Ok(()),
            Stmt::EmitExpr(emit) => self.emitted(&emit.expr),
            Stmt::IfCond(condition) => self.nested(condition.span().start_line, |check| {
                check.expression(&condition.expr)?;
                check.scope().conditions += 1;
                check.statements(&condition.true_body)?;
                check.statements(&condition.false_body)?;
                check.scope().conditions -= 1;
                Ok(())
            }),
            Stmt::ForLoop(loop_) => {
                let line = loop_.span().start_line;
                self.nested(line, |check| check.for_loop(loop_, line))
            }
            Stmt::Set(set) => {
                self.expression(&set.expr)?;
                self.target(&set.target, false)
            }
            Stmt::Include(include) => {
                let line = include.span().start_line;
                if include.ignore_missing {
                    return Err(self.refuse(line, "`include` of what may be missing"));
                }
                match &include.name {
                    Expr::Const(name) if name.value.as_str().is_some() => Ok(()),
                    _ => Err(self.refuse(line, "`include` of a computed name")),
                }
            }
            other => Err(self.refuse(1, format!("the tag of {}", statement_name(other)))),
        }
    }

    fn scope(&mut self) -> &mut Scope<'t> {
        // There is always the scope of the template.
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    fn for_loop<'s: 't>(&mut self, loop_: &'s ForLoop<'s>, line: u16) -> Checked {
        if loop_.recursive {
            return Err(self.refuse(line, "a recursive loop"));
        }
        if loop_.filter_expr.is_some() {
            return Err(self.refuse(line, "a loop with a condition"));
        }
        if !loop_.else_body.is_empty() {
            return Err(self.refuse(line, "a loop with `else`"));
        }
        match &loop_.iter {
            Expr::Call(call) if is_call_of(&call.expr, "range") => {
                self.arguments(&call.args, line, 1..=3)?;
            }
            iterated => self.expression(iterated)?,
        }
        self.scopes.push(Scope::default());
        self.target(&loop_.target, true)?;
        self.statements(&loop_.body)?;
        self.scopes.pop();
        Ok(())
    }

    fn target<'s: 't>(&mut self, target: &'s Expr<'s>, of_loop: bool) -> Checked {
        let line = target.span().start_line;
        match target {
            Expr::Var(name) if SPECIAL.contains(&name.id) => {
                Err(self.refuse(line, format!("the name `{}`", name.id)))
            }
            Expr::Var(name) => {
                let scope = self.scope();
                // In Jinja2 the loop would find the name in the scope, where it
                // has no value yet, and not what the name meant before.
                if scope.read_by_loops.contains(name.id) && !of_loop {
                    let what = format!("`set` of `{}` after a loop that uses it", name.id);
                    return Err(self.refuse(line, what));
                }
                scope.referenced.insert(name.id);
                if scope.conditions == 0 {
                    scope.stored.insert(name.id);
                }
                Ok(())
            }
            Expr::List(list) => self.nested(line, |check| {
                list.items
                    .iter()
                    .try_for_each(|item| check.target(item, of_loop))
            }),
            Expr::Tuple(tuple) => self.nested(line, |check| {
                tuple
                    .items
                    .iter()
                    .try_for_each(|item| check.target(item, of_loop))
            }),
            _ => Err(self.refuse(line, "`set` of an attribute")),
        }
    }

    /// Notes that a name is used.
    fn used(&mut self, name: &'t str) {
        let Some((innermost, outer)) = self.scopes.split_last_mut() else {
            return;
        };
        innermost.referenced.insert(name);
        if innermost.stored.contains(name) {
            return;
        }
        for scope in outer {
            if !scope.referenced.contains(name) {
                scope.read_by_loops.insert(name);
            }
        }
    }

    /// An expression whose text goes to the output, where it does not matter
    /// that `escape` gives a text of another type.
    fn emitted<'s: 't>(&mut self, expression: &'s Expr<'s>) -> Checked {
        match expression {
            Expr::Filter(filter) if matches!(filter.name, "e" | "escape") => {
                let line = filter.span().start_line;
                self.arguments(&filter.args, line, 0..=0)?;
                match &filter.expr {
                    Some(escaped) => self.expression(escaped),
                    None => Ok(()),
                }
            }
            // Jinja2 makes an empty text of it, but fails for other such values.
            Expr::IfExpr(condition) if condition.false_expr.is_none() => {
                self.expression(&condition.test_expr)?;
                self.expression(&condition.true_expr)
            }
            other => self.expression(other),
        }
    }

    fn expressions<'s: 't>(&mut self, expressions: &'s [Expr<'s>]) -> Checked {
        expressions
            .iter()
            .try_for_each(|expression| self.expression(expression))
    }

    fn expression<'s: 't>(&mut self, expression: &'s Expr<'s>) -> Checked {
        let line = expression.span().start_line;
        self.nested(line, |check| check.expression_in(expression, line))
    }

    fn expression_in<'s: 't>(&mut self, expression: &'s Expr<'s>, line: u16) -> Checked {
        match expression {
            Expr::Const(_) => Ok(()),
            Expr::Var(name) if name.id == "loop" => {
                Err(self.refuse(line, "`loop` other than for its attributes"))
            }
            Expr::Var(name) if SPECIAL.contains(&name.id) => {
                Err(self.refuse(line, format!("the name `{}`", name.id)))
            }
            Expr::Var(name) => {
                self.used(name.id);
                Ok(())
            }
            Expr::UnaryOp(operation) => self.expression(&operation.expr),
            Expr::BinOp(operation) => {
                if matches!(operation.op, BinOpKind::Pow | BinOpKind::Rem) {
                    let what = "the operators `**` and `%`";
                    return Err(self.refuse(line, what));
                }
                self.expression(&operation.left)?;
                self.expression(&operation.right)
            }
            Expr::Compare(comparison) => {
                self.expression(&comparison.expr)?;
                let operands = comparison.ops.iter();
                operands
                    .map(|operand| &operand.expr)
                    .try_for_each(|e| self.expression(e))
            }
            Expr::IfExpr(condition) => {
                self.expression(&condition.test_expr)?;
                self.expression(&condition.true_expr)?;
                match &condition.false_expr {
                    Some(otherwise) => self.expression(otherwise),
                    None => Err(self.refuse(line, "`if` without `else` within an expression")),
                }
            }
            Expr::GetAttr(lookup) => match &lookup.expr {
                Expr::Var(name) if name.id == "loop" => {
                    if self.scopes.len() > 1 && LOOP_ATTRIBUTES.contains(&lookup.name) {
                        return Ok(());
                    }
                    Err(self.refuse(line, format!("`loop.{}` here", lookup.name)))
                }
                _ if is_python_attribute(lookup.name) => {
                    let what = format!("the attribute `{}` of Python's types", lookup.name);
                    Err(self.refuse(line, what))
                }
                container => self.expression(container),
            },
            Expr::GetItem(lookup) => {
                self.expression(&lookup.expr)?;
                self.expression(&lookup.subscript_expr)
            }
            Expr::List(list) => self.expressions(&list.items),
            Expr::Tuple(tuple) => self.expressions(&tuple.items),
            Expr::Map(map) => {
                for (key, value) in map.keys.iter().zip(&map.values) {
                    // Jinja2 makes constant keys before it knows whether they
                    // are needed, and fails if they cannot be keys.
                    if matches!(key, Expr::List(_) | Expr::Map(_) | Expr::Tuple(_)) {
                        return Err(self.refuse(line, "a list, dict or tuple as a key"));
                    }
                    self.expression(key)?;
                    self.expression(value)?;
                }
                Ok(())
            }
            Expr::Filter(filter) => {
                let found = FILTERS.iter().find(|(name, _)| *name == filter.name);
                let Some((_, arguments)) = found else {
                    let what = match filter.name {
                        "e" | "escape" => "the filter `escape` within an expression".to_owned(),
                        name => format!("the filter `{name}`"),
                    };
                    return Err(self.refuse(line, what));
                };
                if let Some(filtered) = &filter.expr {
                    self.expression(filtered)?;
                }
                self.arguments(&filter.args, line, arguments.clone())
            }
            Expr::Test(test) => {
                if !TESTS.contains(&test.name) {
                    return Err(self.refuse(line, format!("the test `{}`", test.name)));
                }
                // Jinja2 allows it only with parentheses, which the tree lacks.
                if is_test(&test.expr) {
                    return Err(self.refuse(line, "a test of a test"));
                }
                self.expression(&test.expr)?;
                self.arguments(&test.args, line, 0..=0)
            }
            Expr::Call(call) => {
                let name = match &call.expr {
                    Expr::Var(name) => Some(name.id),
                    _ => None,
                };
                let found = FUNCTIONS.iter().find(|(known, _)| Some(*known) == name);
                match (found, name) {
                    (Some((name, arguments)), _) => {
                        // A name of the template may hide the function.
                        self.used(name);
                        self.arguments(&call.args, line, arguments.clone())
                    }
                    (None, Some(name)) => {
                        Err(self.refuse(line, format!("a call of `{name}` here")))
                    }
                    (None, None) => Err(self.refuse(line, "a call of a method")),
                }
            }
            Expr::Slice(_) => Err(self.refuse(line, "a slice")),
        }
    }

    fn arguments<'s: 't>(
        &mut self,
        arguments: &'s [CallArg<'s>],
        line: u16,
        expected: std::ops::RangeInclusive<usize>,
    ) -> Checked {
        if !expected.contains(&arguments.len()) {
            return Err(self.refuse(line, format!("{} arguments here", arguments.len())));
        }
        for argument in arguments {
            match argument {
                CallArg::Pos(value) => self.expression(value)?,
                _ => return Err(self.refuse(line, "arguments by name")),
            }
        }
        Ok(())
    }
}

/// Tells whether an expression is the name of a function.
pub(super) fn is_call_of(callee: &Expr<'_>, function: &str) -> bool {
    matches!(callee, Expr::Var(name) if name.id == function)
}

/// Tells whether an expression is a test, perhaps with `not`.
fn is_test(expression: &Expr<'_>) -> bool {
    match expression {
        Expr::Test(_) => true,
        Expr::UnaryOp(operation) => matches!(operation.expr, Expr::Test(_)),
        _ => false,
    }
}

fn statement_name(statement: &Stmt<'_>) -> &'static str {
    match statement {
        Stmt::WithBlock(_) => "`with`",
        Stmt::SetBlock(_) => "`set` with a block",
        Stmt::AutoEscape(_) => "`autoescape`",
        Stmt::FilterBlock(_) => "`filter`",
        Stmt::Block(_) => "`block`",
        Stmt::Import(_) | Stmt::FromImport(_) => "`import`",
        Stmt::Extends(_) => "`extends`",
        Stmt::Macro(_) => "`macro`",
        Stmt::CallBlock(_) => "`call`",
        Stmt::Do(_) => "`do`",
        _ => "another kind",
    }
}
