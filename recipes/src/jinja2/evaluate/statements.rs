//! Statements.

use std::rc::Rc;

use super::super::ast::{Expr, ExprKind, Publication, SetBlock, Stmt, StmtKind, Template};
use super::super::globals::Namespace;
use super::expressions::push_str;
use super::{Flow, Frame};
use crate::python_value::{Exception, Iterate as _, Object, Raised, collect, iterate, to_str};

impl Frame<'_> {
    /// Runs statements.
    pub(super) fn body(&self, body: &[Stmt], output: &mut String) -> Raised<Flow> {
        for statement in body {
            let flow = self.statement(statement, output)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&self, statement: &Stmt, output: &mut String) -> Raised<Flow> {
        if let StmtKind::Output(nodes, is_guarded) = &statement.kind {
            if !*is_guarded || self.activation.extended.borrow().is_none() {
                for node in nodes {
                    match &node.kind {
                        ExprKind::Data(text) => output.push_str(text),
                        _ => {
                            let value = self.expression(node)?;
                            push_str(output, &value)
                                .map_err(|error| error.at(&self.template.name, node.line))?;
                        }
                    }
                }
            }
            return Ok(Flow::Next);
        }
        self.environment.enter()?;
        let result = self.tag(statement, output);
        self.environment.leave();
        result.map_err(|error| error.at(&self.template.name, statement.line))
    }

    fn tag(&self, statement: &Stmt, output: &mut String) -> Raised<Flow> {
        match &statement.kind {
            StmtKind::Output(..) => {}
            StmtKind::For(loop_) => self.for_loop(loop_, output)?,
            StmtKind::If(branches, otherwise) => {
                for (condition, body) in branches {
                    let is_true = self.expression(condition)?.is_truthy();
                    if is_true.map_err(|error| error.at(&self.template.name, condition.line))? {
                        return self.body(body, output);
                    }
                }
                return self.body(otherwise, output);
            }
            StmtKind::Macro(definition) => self.define_macro(definition),
            StmtKind::CallBlock(call, caller) => self.call_block(call, caller, output)?,
            StmtKind::FilterBlock(filter, body, scope) => {
                self.activation.enter(scope, self.context);
                let mut text = String::new();
                self.body(body, &mut text)?;
                let filtered = self.filtered(filter, text)?;
                push_str(output, &filtered)?;
                self.activation.leave(scope);
            }
            StmtKind::With(variables, body, scope) => {
                let mut values = Vec::new();
                for (_, value) in variables {
                    values.push(self.expression(value)?);
                }
                self.activation.enter(scope, self.context);
                for ((target, _), value) in variables.iter().zip(values) {
                    self.assign(target, value)?;
                }
                let flow = self.body(body, output)?;
                self.activation.leave(scope);
                return Ok(flow);
            }
            StmtKind::Set(target, value, publication) => {
                self.check_namespaces(target)?;
                let value = self.expression(value)?;
                self.assign(target, value)?;
                self.publish(publication);
            }
            StmtKind::SetBlock(set) => self.set_block(set)?,
            StmtKind::Block(block, is_guarded) => {
                if !*is_guarded || self.activation.extended.borrow().is_none() {
                    self.render_block(block, output)?;
                }
            }
            StmtKind::Extends(template) => {
                if self.activation.extended.borrow().is_some() {
                    return Err(Exception::new(
                        "jinja2.exceptions.TemplateRuntimeError",
                        "extended multiple times",
                    ));
                }
                let template = self.template_of(&self.expression(template)?)?;
                self.context.add_blocks(&template);
                self.activation.extended.replace(Some(template));
            }
            StmtKind::Include(include) => self.include(include, output)?,
            StmtKind::Import(import) => self.import(import)?,
            StmtKind::FromImport(import) => self.import_names(import, statement.line)?,
            StmtKind::Do(expression) => {
                self.expression(expression)?;
            }
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn set_block(&self, set: &SetBlock) -> Raised<()> {
        self.check_namespaces(&set.target)?;
        self.activation.enter(&set.scope, self.context);
        let mut text = String::new();
        self.body(&set.body, &mut text)?;
        let value = match &set.filter {
            Some(filter) => self.filtered(filter, text)?,
            None => Object::from(text),
        };
        self.assign(&set.target, value)?;
        self.publish(&set.publication);
        self.activation.leave(&set.scope);
        Ok(())
    }

    /// Applies the filters of a block to its text.
    fn filtered(&self, filter: &Expr, text: String) -> Raised<Object> {
        let mut filters = Vec::new();
        let mut next = Some(filter);
        while let Some(Expr {
            kind: ExprKind::Filter(value, filter, arguments),
            ..
        }) = next
        {
            filters.push((filter, arguments));
            next = value.as_deref();
        }
        let mut value = Object::from(text);
        for (filter, arguments) in filters.into_iter().rev() {
            value = (filter.apply)(value, self.arguments(arguments)?)?;
        }
        Ok(value)
    }

    fn check_namespaces(&self, target: &Expr) -> Raised<()> {
        match &target.kind {
            ExprKind::NamespaceAttribute(_, slot, _) => {
                let value = self.activation.get(*slot);
                let is_namespace =
                    value.is_some_and(|value| value.downcast::<Namespace>().is_some());
                match is_namespace {
                    true => Ok(()),
                    false => Err(Exception::new(
                        "jinja2.exceptions.TemplateRuntimeError",
                        "cannot assign attribute on non-namespace object",
                    )),
                }
            }
            ExprKind::Tuple(items) => items
                .iter()
                .try_for_each(|item| self.check_namespaces(item)),
            _ => Ok(()),
        }
    }

    /// Assigns a value to a target.
    pub(super) fn assign(&self, target: &Expr, value: Object) -> Raised<()> {
        match &target.kind {
            ExprKind::Name(_, slot) => {
                self.activation.set(*slot, Some(value));
                Ok(())
            }
            ExprKind::NamespaceAttribute(_, slot, attribute) => {
                if let Some(object) = self.activation.get(*slot)
                    && let Some(namespace) = object.downcast::<Namespace>()
                {
                    namespace.set(attribute, value);
                }
                Ok(())
            }
            ExprKind::Tuple(targets) => {
                let values = unpack(&value, targets.len())?;
                for (target, value) in targets.iter().zip(values) {
                    self.assign(target, value)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn publish(&self, publication: &Publication) {
        for (name, slot) in &publication.names {
            if let Some(value) = self.activation.get(*slot) {
                self.context.publish(name, value);
            }
        }
    }

    /// Returns the template that an object names.
    pub(super) fn template_of(&self, name: &Object) -> Raised<Rc<Template>> {
        match name {
            Object::List(_) | Object::Tuple(_) => {
                let names = collect(name)?;
                let mut texts = Vec::new();
                for name in names {
                    let name = to_str(&name)?;
                    if let Some(template) = self.environment.template(&name)? {
                        return Ok(template);
                    }
                    texts.push(name);
                }
                Err(Exception::new(
                    "jinja2.exceptions.TemplatesNotFound",
                    match texts.is_empty() {
                        true => "Tried to select from an empty list of templates".to_owned(),
                        false => format!(
                            "none of the templates given were found: {}",
                            texts.join(", ")
                        ),
                    },
                ))
            }
            Object::Undefined(undefined) => Err(undefined.error()),
            name => {
                let name = to_str(name)?;
                self.environment
                    .template(&name)?
                    .ok_or_else(|| Exception::new("jinja2.exceptions.TemplateNotFound", name))
            }
        }
    }
}

/// Takes exactly so many objects out of an iterable.
pub(super) fn unpack(value: &Object, expected: usize) -> Raised<Vec<Object>> {
    let mut iterator = iterate(value).map_err(|error| match error.class() {
        "TypeError" => Exception::type_error(format!(
            "cannot unpack non-iterable {} object",
            value.type_name()
        )),
        _ => error,
    })?;
    let mut values = Vec::with_capacity(expected);
    while values.len() < expected {
        match iterator.next()? {
            Some(value) => values.push(value),
            None => {
                let got = values.len();
                return Err(Exception::value_error(format!(
                    "not enough values to unpack (expected {expected}, got {got})"
                )));
            }
        }
    }
    match iterator.next()? {
        None => Ok(values),
        Some(_) => Err(Exception::value_error(format!(
            "too many values to unpack (expected {expected})"
        ))),
    }
}
