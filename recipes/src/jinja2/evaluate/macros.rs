//! Macros and call blocks.

use std::any::Any;
use std::rc::Rc;

use super::super::ast::{Expr, ExprKind, Macro, Template};
use super::super::context::{Activation, Context};
use super::Frame;
use super::expressions::{push_str, undefined};
use crate::python_value::{Arguments, Dict, Exception, Native, Object, Raised};
use buildout_core::value::str_repr;

/// A macro, with the function that it is in.
pub(super) struct MacroObject {
    definition: Rc<Macro>,
    template: Rc<Template>,
    context: Rc<Context>,
    activation: Rc<Activation>,
}

impl Frame<'_> {
    fn macro_object(&self, definition: &Rc<Macro>) -> Object {
        self.environment.remember_activation(self.activation);
        Object::native(MacroObject {
            definition: Rc::clone(definition),
            template: Rc::clone(self.template),
            context: Rc::clone(self.context),
            activation: Rc::clone(self.activation),
        })
    }

    pub(super) fn define_macro(&self, definition: &Rc<Macro>) {
        let object = self.macro_object(definition);
        if let (Some(name), true) = (&definition.name, definition.is_published) {
            self.context.publish(name, object.clone());
        }
        self.activation.set(definition.slot, Some(object));
    }

    pub(super) fn call_block(
        &self,
        call: &Expr,
        caller: &Rc<Macro>,
        output: &mut String,
    ) -> Raised<()> {
        let ExprKind::Call(callee, arguments) = &call.kind else {
            return Ok(());
        };
        let caller = self.macro_object(caller);
        let result = self.call(callee, arguments, Some(caller))?;
        push_str(output, &result)
    }
}

impl MacroObject {
    fn name(&self) -> String {
        match &self.definition.name {
            Some(name) => str_repr(name),
            None => "None".to_owned(),
        }
    }

    /// Sets the parameters of a new function to the arguments.
    fn bind(&self, activation: &Activation, arguments: Arguments) -> Raised<()> {
        let definition = &self.definition;
        let Arguments {
            positional,
            mut keywords,
        } = arguments;
        let count = definition.parameters.len();
        let given = positional.len();
        let mut positional = positional.into_iter();
        let mut found_caller = definition
            .parameters
            .iter()
            .take(if given >= count { count } else { 0 })
            .any(|parameter| *parameter.name == *"caller");
        for parameter in &definition.parameters {
            let value = match positional.next() {
                Some(value) => Some(value),
                None => {
                    found_caller |= *parameter.name == *"caller";
                    take(&mut keywords, &parameter.name)
                }
            };
            activation.set_own(parameter.index, value);
        }
        if let Some(index) = definition.caller
            && !found_caller
        {
            let caller = take(&mut keywords, "caller");
            let caller = caller.unwrap_or_else(|| undefined("No caller defined"));
            activation.set_own(index, Some(caller));
        }
        if let Some(index) = definition.kwargs {
            let kwargs = Dict::new();
            for (name, value) in keywords {
                kwargs.insert_str(name, value);
            }
            activation.set_own(index, Some(Object::Dict(Rc::new(kwargs))));
        } else if let Some((name, _)) = keywords.first() {
            if keywords.iter().any(|(name, _)| **name == *"caller") {
                return Err(Exception::type_error(format!(
                    "macro {} was invoked with two values for the special caller argument. This \
                     is most likely a bug.",
                    self.name()
                )));
            }
            return Err(Exception::type_error(format!(
                "macro {} takes no keyword argument {}",
                self.name(),
                str_repr(name)
            )));
        }
        if let Some(index) = definition.varargs {
            activation.set_own(index, Some(Object::tuple(positional.collect())));
        } else if given > count {
            return Err(Exception::type_error(format!(
                "macro {} takes not more than {count} argument(s)",
                self.name()
            )));
        }
        Ok(())
    }

    fn run(&self, arguments: Arguments) -> Raised<Object> {
        let definition = &self.definition;
        let activation = Activation::new(definition.slots, Some(Rc::clone(&self.activation)));
        self.bind(&activation, arguments)?;
        activation.enter(&definition.scope, &self.context);
        let frame = Frame {
            environment: &self.context.environment,
            context: &self.context,
            template: &self.template,
            activation: &activation,
        };
        for parameter in &definition.parameters {
            let slot = super::super::ast::Slot {
                up: 0,
                index: parameter.index,
            };
            if activation.get(slot).is_some() {
                continue;
            }
            let value = match &parameter.default {
                Some(default) => frame.expression(default)?,
                None => undefined(format!(
                    "parameter {} was not provided",
                    str_repr(&parameter.name)
                )),
            };
            activation.set(slot, Some(value));
        }
        let mut output = String::new();
        frame.body(&definition.body, &mut output)?;
        Ok(Object::from(output))
    }
}

/// Takes a keyword argument out of the others.
fn take(keywords: &mut Vec<(Rc<str>, Object)>, name: &str) -> Option<Object> {
    let at = keywords.iter().position(|(known, _)| **known == *name)?;
    Some(keywords.remove(at).1)
}

impl Native for MacroObject {
    fn type_name(&self) -> &str {
        "Macro"
    }

    fn qualified_type_name(&self) -> String {
        "jinja2.runtime.Macro".to_owned()
    }

    fn repr(&self) -> Raised<String> {
        Ok(match &self.definition.name {
            Some(name) => format!("<Macro {}>", str_repr(name)),
            None => "<Macro anonymous>".to_owned(),
        })
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        let definition = &self.definition;
        Ok(match name {
            "name" => Some(definition.name.clone().map_or(Object::None, Object::Str)),
            "arguments" => {
                let parameters = definition.parameters.iter();
                let names = parameters.map(|parameter| Object::Str(Rc::clone(&parameter.name)));
                Some(Object::tuple(names.collect()))
            }
            "catch_kwargs" => Some(Object::Bool(definition.kwargs.is_some())),
            "catch_varargs" => Some(Object::Bool(definition.varargs.is_some())),
            "caller" => Some(Object::Bool(definition.caller.is_some())),
            _ => None,
        })
    }

    fn call(self: Rc<Self>, arguments: Arguments) -> Raised<Object> {
        self.context.environment.enter()?;
        let result = self.run(arguments);
        self.context.environment.leave();
        result.map_err(|error| error.at(&self.template.name, self.definition.line))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
