//! Blocks of templates that extend each other.

use std::any::Any;
use std::rc::{Rc, Weak};

use super::super::ast::Block;
use super::super::context::{Activation, Context};
use super::Frame;
use super::expressions::undefined;
use crate::python_value::{Arguments, Exception, Native, Object, Raised};
use buildout_core::value::str_repr;

impl Frame<'_> {
    pub(super) fn render_block(&self, block: &Rc<Block>, output: &mut String) -> Raised<()> {
        let count = self
            .context
            .blocks
            .borrow()
            .get(&block.name)
            .map_or(0, Vec::len);
        if block.is_required && count <= 1 {
            return Err(Exception::new(
                "jinja2.exceptions.TemplateRuntimeError",
                format!("Required block {} not found", str_repr(&block.name)),
            ));
        }
        if !block.is_scoped {
            return render_entry(self.context, &block.name, 0, output);
        }
        let names = self.context.all_with(&block.outer, self.activation);
        let derived = Context::new(self.environment, &self.context.template, names);
        derived.blocks.replace(self.context.blocks.borrow().clone());
        render_entry(&derived, &block.name, 0, output)
    }
}

/// Renders the block of a name, so many templates up.
fn render_entry(
    context: &Rc<Context>,
    name: &str,
    depth: usize,
    output: &mut String,
) -> Raised<()> {
    let entry = context
        .blocks
        .borrow()
        .get(name)
        .and_then(|entries| entries.get(depth).cloned());
    let Some(entry) = entry else {
        return Ok(());
    };
    let block = &entry.block;
    let activation = Activation::new(block.slots, None);
    if let Some(slot) = block.self_slot {
        let reference = TemplateReference::of(context);
        activation.set_own(slot, Some(Object::native(reference)));
    }
    if let Some(slot) = block.super_slot {
        activation.set_own(slot, Some(block_reference(context, &block.name, depth + 1)));
    }
    context.environment.enter()?;
    activation.enter(&block.scope, context);
    let frame = Frame {
        environment: &context.environment,
        context,
        template: &entry.template,
        activation: &activation,
    };
    let result = frame.body(&block.body, output);
    context.environment.leave();
    result.map(drop)
}

fn block_reference(context: &Rc<Context>, name: &Rc<str>, depth: usize) -> Object {
    let count = context.blocks.borrow().get(name).map_or(0, Vec::len);
    match depth < count {
        true => Object::native(BlockReference {
            context: Rc::clone(context),
            name: Rc::clone(name),
            depth,
        }),
        false => undefined(format!(
            "there is no parent block called {}.",
            str_repr(name)
        )),
    }
}

/// The variable `self`: the blocks of a template.
pub(super) struct TemplateReference {
    context: Weak<Context>,
}

impl TemplateReference {
    pub(super) fn of(context: &Rc<Context>) -> Self {
        TemplateReference {
            context: Rc::downgrade(context),
        }
    }
}

impl Native for TemplateReference {
    fn type_name(&self) -> &str {
        "TemplateReference"
    }

    fn qualified_type_name(&self) -> String {
        "jinja2.runtime.TemplateReference".to_owned()
    }

    fn repr(&self) -> Raised<String> {
        let context = self.context.upgrade();
        let name = context.map_or(String::new(), |context| str_repr(&context.template.name));
        Ok(format!("<TemplateReference {name}>"))
    }

    fn is_subscriptable(&self) -> bool {
        true
    }

    fn item(&self, key: &Object) -> Raised<Object> {
        let found = key.as_str().and_then(|name| {
            let context = self.context.upgrade()?;
            let known = context.blocks.borrow().contains_key(name);
            known.then(|| block_reference(&context, &Rc::from(name), 0))
        });
        match found {
            Some(reference) => Ok(reference),
            None => Err(Exception::key_error(&crate::python_value::repr(key)?)),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A block of this template or one above, which gives its text when called.
struct BlockReference {
    context: Rc<Context>,
    name: Rc<str>,
    depth: usize,
}

impl Native for BlockReference {
    fn type_name(&self) -> &str {
        "BlockReference"
    }

    fn qualified_type_name(&self) -> String {
        "jinja2.runtime.BlockReference".to_owned()
    }

    fn repr(&self) -> Raised<String> {
        Ok("<jinja2.runtime.BlockReference object>".to_owned())
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        let above = || block_reference(&self.context, &self.name, self.depth + 1);
        Ok((name == "super").then(above))
    }

    fn call(self: Rc<Self>, arguments: Arguments) -> Raised<Object> {
        let [] = arguments.exactly("block")?;
        let mut text = String::new();
        render_entry(&self.context, &self.name, self.depth, &mut text)?;
        Ok(Object::from(text))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
