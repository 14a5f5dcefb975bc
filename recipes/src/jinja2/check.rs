//! What is not supported, found in the tree of a template.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::ast::{Expr, ExprKind, Stmt, StmtKind, Template};
use super::error::SyntaxProblem;
use super::symbols::for_each_child;
use crate::python_value::methods::SPECIAL_NAMES;
use crate::python_value::modules::Module;

/// What a tree has.
#[derive(Default)]
pub(super) struct Findings {
    /// The templates that it names.
    pub(super) templates: Vec<String>,
    /// The first thing that is not supported.
    pub(super) problem: Option<SyntaxProblem>,
}

/// The names that a template sets somewhere.
type Targets = FxHashSet<Rc<str>>;

/// Functions that templates have in Jinja2, and not here.
const UNSUPPORTED_NAMES: &[&str] = &["complex", "lipsum"];

/// The names that are Python modules, as long as a template does not set them.
type Modules = Vec<(String, &'static Module)>;

/// What was found in a template with some modules, if it was examined.
#[derive(Default)]
pub(super) struct Examined(RefCell<Option<(Modules, Rc<Findings>)>>);

impl Template {
    /// Examines the template, unless it has been for the same modules.
    pub(super) fn findings(&self, modules: &[(&str, &'static Module)]) -> Rc<Findings> {
        let mut examined = self.examined.0.borrow_mut();
        if let Some((known, findings)) = &*examined {
            let is_same = |(known, wanted): (&(String, &Module), &(&str, &Module))| {
                known.0 == wanted.0 && std::ptr::eq(known.1, wanted.1)
            };
            if known.len() == modules.len() && known.iter().zip(modules).all(is_same) {
                return Rc::clone(findings);
            }
        }
        let findings = Rc::new(examine(self, modules));
        let modules = modules
            .iter()
            .map(|(name, module)| ((*name).to_owned(), *module));
        *examined = Some((modules.collect(), Rc::clone(&findings)));
        findings
    }
}

fn examine(template: &Template, modules: &[(&str, &'static Module)]) -> Findings {
    let mut findings = Findings::default();
    let mut targets = FxHashSet::default();
    let mut bodies: Vec<&[Stmt]> = vec![&template.body];
    bodies.extend(template.blocks.iter().map(|block| &block.body[..]));
    for body in &bodies {
        walk(
            body,
            &mut |statement: &StmtKind| note_targets(statement, &mut targets),
            &mut |_: &Expr| {},
        );
    }
    let modules: Vec<_> = modules
        .iter()
        .filter(|(name, _)| !targets.contains(*name))
        .collect();
    for body in bodies {
        let mut templates = Vec::new();
        let mut problem = None;
        walk(
            body,
            &mut |statement: &StmtKind| templates.extend(named_template(statement)),
            &mut |expression: &Expr| {
                if problem.is_none() {
                    problem = examine_expression(expression, &modules, &targets);
                }
            },
        );
        findings.templates.append(&mut templates);
        findings.problem = findings.problem.or(problem);
    }
    findings
}

/// Notes the names that a statement sets.
fn note_targets(statement: &StmtKind, targets: &mut Targets) {
    match statement {
        StmtKind::Set(target, ..) => note_target(target, targets),
        StmtKind::SetBlock(set) => note_target(&set.target, targets),
        StmtKind::For(loop_) => note_target(&loop_.target, targets),
        StmtKind::With(variables, ..) => {
            for (target, _) in variables {
                note_target(target, targets);
            }
        }
        StmtKind::Macro(definition) | StmtKind::CallBlock(_, definition) => {
            targets.extend(definition.name.iter().map(Rc::clone));
            let parameters = definition.parameters.iter();
            targets.extend(parameters.map(|parameter| Rc::clone(&parameter.name)));
        }
        StmtKind::Import(import) => {
            targets.insert(Rc::clone(&import.name));
        }
        StmtKind::FromImport(import) => {
            let names = import.names.iter();
            targets.extend(names.map(|(_, alias, _)| Rc::clone(alias)));
        }
        _ => {}
    }
}

fn note_target(target: &Expr, targets: &mut Targets) {
    match &target.kind {
        ExprKind::Name(name, _) => {
            targets.insert(Rc::clone(name));
        }
        ExprKind::Tuple(items) => {
            for item in items {
                note_target(item, targets);
            }
        }
        _ => {}
    }
}

/// Returns the template that a statement names with a literal.
fn named_template(statement: &StmtKind) -> Option<String> {
    let name = match statement {
        StmtKind::Extends(name) => name,
        StmtKind::Include(include) => &include.template,
        StmtKind::Import(import) => &import.template,
        StmtKind::FromImport(import) => &import.template,
        _ => return None,
    };
    match &name.kind {
        ExprKind::Const(name) => name.as_str().map(ToOwned::to_owned),
        _ => None,
    }
}

fn examine_expression(
    expression: &Expr,
    modules: &[&(&str, &'static Module)],
    targets: &Targets,
) -> Option<SyntaxProblem> {
    let line = expression.line;
    match &expression.kind {
        ExprKind::Name(name, _)
            if UNSUPPORTED_NAMES.contains(&&**name) && !targets.contains(name) =>
        {
            return Some(SyntaxProblem::unsupported(
                line,
                format!("the function `{name}`"),
            ));
        }
        ExprKind::Attribute(_, name) => {
            if name.starts_with("__") && !SPECIAL_NAMES.contains(&&**name) {
                return Some(SyntaxProblem::unsupported(
                    line,
                    format!("the attribute `{name}`"),
                ));
            }
            if let Some(problem) = missing_member(expression, modules) {
                return Some(problem);
            }
        }
        _ => {}
    }
    let mut problem = None;
    for_each_child(expression, &mut |child| {
        if problem.is_none() {
            problem = examine_expression(child, modules, targets);
        }
    });
    problem
}

/// Follows attributes down to a name that is a module.
fn missing_member(
    expression: &Expr,
    modules: &[&(&str, &'static Module)],
) -> Option<SyntaxProblem> {
    let mut node = expression;
    while let ExprKind::Attribute(object, _) = &node.kind {
        node = object;
    }
    let ExprKind::Name(root, _) = &node.kind else {
        return None;
    };
    let (_, module) = modules.iter().find(|(name, _)| *name == &**root)?;
    let mut names = Vec::new();
    node = expression;
    while let ExprKind::Attribute(object, name) = &node.kind {
        names.push(&**name);
        node = object;
    }
    let (module, name) = module.missing(names.into_iter().rev())?;
    Some(SyntaxProblem::unsupported(
        expression.line,
        format!("`{name}` of the Python module `{module}`"),
    ))
}

/// Visits the statements within others, and expressions, but not the bodies of
/// blocks.
fn walk(
    body: &[Stmt],
    on_statement: &mut impl FnMut(&StmtKind),
    on_expression: &mut impl FnMut(&Expr),
) {
    for statement in body {
        on_statement(&statement.kind);
        match &statement.kind {
            StmtKind::Output(nodes, _) => nodes.iter().for_each(&mut *on_expression),
            StmtKind::For(loop_) => {
                on_expression(&loop_.iter);
                if let Some(test) = &loop_.test {
                    on_expression(&test.condition);
                }
                walk(&loop_.body, on_statement, on_expression);
                walk(&loop_.else_body, on_statement, on_expression);
            }
            StmtKind::If(branches, otherwise) => {
                for (condition, body) in branches {
                    on_expression(condition);
                    walk(body, on_statement, on_expression);
                }
                walk(otherwise, on_statement, on_expression);
            }
            StmtKind::Macro(definition) => {
                definition
                    .parameters
                    .iter()
                    .filter_map(|parameter| parameter.default.as_ref())
                    .for_each(&mut *on_expression);
                walk(&definition.body, on_statement, on_expression);
            }
            StmtKind::CallBlock(call, caller) => {
                on_expression(call);
                walk(&caller.body, on_statement, on_expression);
            }
            StmtKind::FilterBlock(filter, body, _) => {
                on_expression(filter);
                walk(body, on_statement, on_expression);
            }
            StmtKind::With(variables, body, _) => {
                variables.iter().for_each(|(_, value)| on_expression(value));
                walk(body, on_statement, on_expression);
            }
            StmtKind::Set(_, value, _) => on_expression(value),
            StmtKind::SetBlock(set) => {
                set.filter.iter().for_each(&mut *on_expression);
                walk(&set.body, on_statement, on_expression);
            }
            StmtKind::Extends(value) | StmtKind::Do(value) => on_expression(value),
            StmtKind::Include(include) => on_expression(&include.template),
            StmtKind::Import(import) => on_expression(&import.template),
            StmtKind::FromImport(import) => on_expression(&import.template),
            StmtKind::Block(..) | StmtKind::Break | StmtKind::Continue => {}
        }
    }
}
