//! Renders trees.

pub(super) mod attributes;
mod blocks;
mod expressions;
mod loops;
mod macros;
pub(super) mod module;
mod statements;

use std::rc::Rc;

use super::ast::Template;
use super::context::{Activation, Context};
use super::environment::Environment;
use crate::python_value::{Object, Raised};

/// Where code is run.
#[derive(Clone, Copy)]
pub(super) struct Frame<'f> {
    environment: &'f Rc<Environment>,
    context: &'f Rc<Context>,
    /// The template that has the code.
    template: &'f Rc<Template>,
    activation: &'f Rc<Activation>,
}

/// What follows a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// Renders a whole template, and those that it extends.
pub(super) fn render_root(
    template: &Rc<Template>,
    context: &Rc<Context>,
    output: &mut String,
) -> Raised<()> {
    let mut template = Rc::clone(template);
    loop {
        let activation = Activation::new(template.slots, None);
        let frame = Frame {
            environment: &context.environment,
            context,
            template: &template,
            activation: &activation,
        };
        if let Some(slot) = template.self_slot {
            let reference = blocks::TemplateReference::of(context);
            activation.set_own(slot, Some(Object::native(reference)));
        }
        context.environment.enter()?;
        activation.enter(&template.scope, context);
        let result = frame.body(&template.body, output);
        context.environment.leave();
        result?;
        let extended = activation.extended.take();
        match extended {
            Some(extended) => template = extended,
            None => return Ok(()),
        }
    }
}
