//! What can be assigned to.

use super::super::ast::{Expr, ExprKind};
use super::super::error::SyntaxProblem;
use super::super::token::Token;
use super::{Parsed, Parser};

/// Names that cannot be variables.
const CONSTANTS: &[&str] = &["true", "false", "none", "True", "False", "None"];

impl Parser<'_> {
    /// Parses the target of an assignment: names, tuples of targets, and with
    /// `with_namespace` attributes of namespaces.
    pub(super) fn assignment_target(
        &mut self,
        end_name: Option<&'static str>,
        with_namespace: bool,
    ) -> Parsed<Expr> {
        let mentions = self.mentions;
        let target = self.simple_tuple(end_name, with_namespace)?;
        // What is set is not used.
        self.mentions = mentions;
        check_target(&target)?;
        Ok(target)
    }

    /// A tuple of which the items are names or literals.
    fn simple_tuple(
        &mut self,
        end_name: Option<&'static str>,
        with_namespace: bool,
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
            items.push(self.nested(|parser| parser.simple(with_namespace))?);
            if !self.is_operator(",") {
                break;
            }
            is_tuple = true;
            line = self.line();
        }
        match (is_tuple, items.pop()) {
            (false, Some(item)) => Ok(item),
            (false, None) => Err(self.no_expression()),
            (true, last) => {
                items.extend(last);
                Ok(Expr {
                    line,
                    kind: ExprKind::Tuple(items),
                })
            }
        }
    }

    fn simple(&mut self, with_namespace: bool) -> Parsed<Expr> {
        if let Token::Name(name) = self.token().clone()
            && with_namespace
            && !CONSTANTS.contains(&name)
            && self.look()?.is_operator(".")
        {
            let (_, line) = self.next()?;
            self.next()?;
            let (attribute, _) = self.expect_any_name()?;
            return Ok(Expr {
                line,
                kind: ExprKind::NamespaceAttribute(
                    self.shared(name),
                    Default::default(),
                    attribute,
                ),
            });
        }
        self.primary()
    }

    pub(super) fn is_tuple_end(&self, end_name: Option<&str>) -> bool {
        matches!(self.token(), Token::VariableEnd | Token::BlockEnd)
            || self.is_operator(")")
            || end_name.is_some_and(|name| self.is_name(name))
    }
}

fn check_target(target: &Expr) -> Parsed<()> {
    let kind = match &target.kind {
        ExprKind::Name(name, _) if !CONSTANTS.contains(&&**name) => return Ok(()),
        ExprKind::NamespaceAttribute(..) => return Ok(()),
        ExprKind::Tuple(items) => {
            return match items.iter().all(|item| check_target(item).is_ok()) {
                true => Ok(()),
                false => Err(SyntaxProblem::error(target.line, "can't assign to 'tuple'")),
            };
        }
        ExprKind::Const(_) => "const",
        ExprKind::List(_) => "list",
        ExprKind::Dict(_) => "dict",
        ExprKind::Call(..) => "call",
        ExprKind::Attribute(..) => "getattr",
        ExprKind::Item(..) => "getitem",
        _ => "expression",
    };
    Err(SyntaxProblem::error(
        target.line,
        format!("can't assign to '{kind}'"),
    ))
}
