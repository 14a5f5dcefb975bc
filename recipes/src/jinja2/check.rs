//! What is not supported, found in the tree of a template.

use super::ast::{Expr, ExprKind, Stmt, StmtKind, Template};
use super::error::SyntaxProblem;
use super::resolve::walk;
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

/// Functions that templates have in Jinja2, and not here.
const UNSUPPORTED_NAMES: &[&str] = &["complex", "lipsum"];

/// Examines a template. `modules` are the names that are Python modules, as
/// long as the template does not set them.
pub(super) fn examine(template: &Template, modules: &[(&str, &'static Module)]) -> Findings {
    let mut findings = Findings::default();
    let mut targets = Vec::new();
    let mut bodies: Vec<&[Stmt]> = vec![&template.body];
    bodies.extend(template.blocks.iter().map(|block| &block.body[..]));
    for body in &bodies {
        walk(
            body,
            &mut |statement| note_targets(statement, &mut targets),
            &mut |_| {},
        );
    }
    let modules: Vec<_> = modules
        .iter()
        .filter(|(name, _)| !targets.iter().any(|target| target == name))
        .collect();
    for body in bodies {
        let mut templates = Vec::new();
        let mut problem = None;
        walk(
            body,
            &mut |statement| templates.extend(named_template(statement)),
            &mut |expression| {
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
fn note_targets(statement: &StmtKind, targets: &mut Vec<String>) {
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
            targets.extend(definition.name.iter().map(ToString::to_string));
            let parameters = definition.parameters.iter();
            targets.extend(parameters.map(|parameter| parameter.name.to_string()));
        }
        StmtKind::Import(import) => targets.push(import.name.to_string()),
        StmtKind::FromImport(import) => {
            let names = import.names.iter();
            targets.extend(names.map(|(_, alias, _)| alias.to_string()));
        }
        _ => {}
    }
}

fn note_target(target: &Expr, targets: &mut Vec<String>) {
    match &target.kind {
        ExprKind::Name(name, _) => targets.push(name.to_string()),
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
    targets: &[String],
) -> Option<SyntaxProblem> {
    let line = expression.line;
    match &expression.kind {
        ExprKind::Name(name, _)
            if UNSUPPORTED_NAMES.contains(&&**name) && !targets.iter().any(|t| **t == **name) =>
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
    let mut names = Vec::new();
    let mut node = expression;
    while let ExprKind::Attribute(object, name) = &node.kind {
        names.push(&**name);
        node = object;
    }
    let ExprKind::Name(root, _) = &node.kind else {
        return None;
    };
    let (_, module) = modules.iter().find(|(name, _)| *name == &**root)?;
    let (module, name) = module.missing(names.into_iter().rev())?;
    Some(SyntaxProblem::unsupported(
        expression.line,
        format!("`{name}` of the Python module `{module}`"),
    ))
}
