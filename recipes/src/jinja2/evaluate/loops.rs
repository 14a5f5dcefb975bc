//! Loops, and the variable `loop`.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use super::super::ast::{For, Template};
use super::super::context::{Activation, Context};
use super::expressions::undefined;
use super::{Flow, Frame};
use crate::python_value::iterator::{FromFunction, IteratorObject};
use crate::python_value::{
    Arguments, Exception, Iterate, Native, Object, Raised, equals, function, iterate,
    iterate::Iter, iterate::exhaust,
};

impl Frame<'_> {
    /// Runs a loop.
    pub(super) fn for_loop(&self, loop_: &Rc<For>, output: &mut String) -> Raised<()> {
        let iterable = self
            .expression(&loop_.iter)
            .map_err(|error| error.at(&self.template.name, loop_.iter.line))?;
        if loop_.is_recursive {
            let recursion = Rc::new(Recursion {
                loop_: Rc::clone(loop_),
                template: Rc::clone(self.template),
                context: Rc::clone(self.context),
                activation: Rc::clone(self.activation),
            });
            output.push_str(&recursion.run(&iterable, 0)?);
            return Ok(());
        }
        self.iterate_over(loop_, &iterable, None, output)
    }

    fn iterate_over(
        &self,
        loop_: &Rc<For>,
        iterable: &Object,
        recursion: Option<(Rc<Recursion>, usize)>,
        output: &mut String,
    ) -> Raised<()> {
        let filtered;
        let iterable = match &loop_.test {
            Some(_) => {
                filtered = self.filter_loop(loop_, iterable)?;
                &filtered
            }
            None => iterable,
        };
        let variable = match loop_.loop_slot {
            Some(_) => Some(Rc::new(LoopContext::new(iterable, recursion)?)),
            None => None,
        };
        let mut plain = match &variable {
            Some(_) => Iter::Empty,
            None => iterate(iterable)?,
        };
        if let (Some(slot), Some(variable)) = (loop_.loop_slot, &variable) {
            let object: Object = Object::Native(Rc::clone(variable) as Rc<dyn Native>);
            self.activation.set(slot, Some(object));
        }
        let mut is_empty = true;
        loop {
            let item = match &variable {
                Some(variable) => variable.advance()?,
                None => plain.next()?,
            };
            let Some(item) = item else {
                break;
            };
            is_empty = false;
            self.assign(&loop_.target, item)?;
            self.activation.enter(&loop_.scope, self.context);
            if self.body(&loop_.body, output)? == Flow::Break {
                break;
            }
        }
        self.activation.leave(&loop_.scope);
        if is_empty && !loop_.else_body.is_empty() {
            self.activation.enter(&loop_.else_scope, self.context);
            self.body(&loop_.else_body, output)?;
            self.activation.leave(&loop_.else_scope);
        }
        Ok(())
    }

    /// Makes an iterator over the items for which the condition of a loop is
    /// true. It looks at each when the loop comes to it.
    fn filter_loop(&self, loop_: &Rc<For>, iterable: &Object) -> Raised<Object> {
        let mut items = iterate(iterable)?;
        let loop_ = Rc::clone(loop_);
        let context = Rc::clone(self.context);
        let template = Rc::clone(self.template);
        let parent = Rc::clone(self.activation);
        Ok(IteratorObject::generator(FromFunction(move || {
            let Some(test) = &loop_.test else {
                return Ok(None);
            };
            while let Some(item) = items.next()? {
                let activation = Activation::new(test.slots, Some(Rc::clone(&parent)));
                activation.enter(&test.scope, &context);
                let frame = Frame {
                    environment: &context.environment,
                    context: &context,
                    template: &template,
                    activation: &activation,
                };
                frame.assign(&test.target, item.clone())?;
                if frame.expression(&test.condition)?.is_truthy()? {
                    return Ok(Some(item));
                }
            }
            Ok(None)
        })))
    }
}

/// What a recursive loop needs to run within itself.
struct Recursion {
    loop_: Rc<For>,
    template: Rc<Template>,
    context: Rc<Context>,
    activation: Rc<Activation>,
}

impl Recursion {
    fn run(self: &Rc<Self>, iterable: &Object, depth: usize) -> Raised<String> {
        let activation = Activation::new(self.loop_.slots, Some(Rc::clone(&self.activation)));
        let frame = Frame {
            environment: &self.context.environment,
            context: &self.context,
            template: &self.template,
            activation: &activation,
        };
        let mut output = String::new();
        self.context.environment.enter()?;
        let recursion = Some((Rc::clone(self), depth));
        let result = frame.iterate_over(&self.loop_, iterable, recursion, &mut output);
        self.context.environment.leave();
        result.map(|()| output)
    }
}

/// The variable `loop`.
pub(super) struct LoopContext {
    iterable: Object,
    state: RefCell<LoopState>,
    recursion: Option<(Rc<Recursion>, usize)>,
}

struct LoopState {
    /// Taken out while it advances.
    iterator: Option<Iter>,
    /// The number of items so far.
    index: usize,
    length: Option<usize>,
    /// The next item, if it was looked at: nothing at the end.
    after: Option<Option<Object>>,
    before: Option<Object>,
    current: Option<Object>,
    last_changed: Option<Vec<Object>>,
}

impl LoopContext {
    fn new(iterable: &Object, recursion: Option<(Rc<Recursion>, usize)>) -> Raised<Self> {
        Ok(LoopContext {
            iterable: iterable.clone(),
            state: RefCell::new(LoopState {
                iterator: Some(iterate(iterable)?),
                index: 0,
                length: None,
                after: None,
                before: None,
                current: None,
                last_changed: None,
            }),
            recursion,
        })
    }

    fn next_item(&self) -> Raised<Option<Object>> {
        let Some(mut iterator) = self.state.borrow_mut().iterator.take() else {
            return Err(Exception::value_error("generator already executing"));
        };
        let item = iterator.next();
        self.state.borrow_mut().iterator = Some(iterator);
        item
    }

    fn advance(&self) -> Raised<Option<Object>> {
        let looked_at = self.state.borrow_mut().after.take();
        let item = match looked_at {
            Some(item) => item,
            None => self.next_item()?,
        };
        if let Some(item) = &item {
            let mut state = self.state.borrow_mut();
            state.index += 1;
            state.before = state.current.replace(item.clone());
        }
        Ok(item)
    }

    fn peek(&self) -> Raised<Option<Object>> {
        if let Some(item) = &self.state.borrow().after {
            return Ok(item.clone());
        }
        let item = self.next_item()?;
        self.state.borrow_mut().after = Some(item.clone());
        Ok(item)
    }

    fn total(&self) -> Raised<usize> {
        if let Some(length) = self.state.borrow().length {
            return Ok(length);
        }
        let length = match self.iterable.length() {
            Ok(length) => length,
            Err(_) => {
                let Some(mut iterator) = self.state.borrow_mut().iterator.take() else {
                    return Err(Exception::value_error("generator already executing"));
                };
                let rest = exhaust(&mut iterator)?;
                let mut state = self.state.borrow_mut();
                let looked_at = matches!(state.after, Some(Some(_)));
                let length = rest.len() + state.index + usize::from(looked_at);
                state.iterator = Some(iterate(&Object::list(rest))?);
                length
            }
        };
        self.state.borrow_mut().length = Some(length);
        Ok(length)
    }

    fn cycle(&self, arguments: Arguments) -> Raised<Object> {
        let values = arguments.without_keywords("cycle")?;
        if values.is_empty() {
            return Err(Exception::type_error("no items for cycling given"));
        }
        let index = self.state.borrow().index.saturating_sub(1);
        Ok(values[index % values.len()].clone())
    }

    fn changed(&self, arguments: Arguments) -> Raised<Object> {
        let values = arguments.without_keywords("changed")?;
        let last = self.state.borrow().last_changed.clone();
        let is_same = match &last {
            Some(last) => equals(&Object::tuple(last.clone()), &Object::tuple(values.clone()))?,
            None => false,
        };
        self.state.borrow_mut().last_changed = Some(values);
        Ok(Object::Bool(!is_same))
    }
}

impl Native for LoopContext {
    fn type_name(&self) -> &str {
        "LoopContext"
    }

    fn qualified_type_name(&self) -> String {
        "jinja2.runtime.LoopContext".to_owned()
    }

    fn repr(&self) -> Raised<String> {
        let index = self.state.borrow().index;
        Ok(format!("<LoopContext {index}/{}>", self.total()?))
    }

    fn length(&self) -> Raised<Option<usize>> {
        self.total().map(Some)
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        let index = self.state.borrow().index;
        Ok(Some(match name {
            "index" => Object::size(index),
            "index0" => Object::Int(index as i128 - 1),
            "first" => Object::Bool(index == 1),
            "last" => Object::Bool(self.peek()?.is_none()),
            "length" => Object::size(self.total()?),
            "revindex" => Object::Int(self.total()? as i128 - index as i128 + 1),
            "revindex0" => Object::Int(self.total()? as i128 - index as i128),
            "depth" => Object::size(self.depth() + 1),
            "depth0" => Object::size(self.depth()),
            "previtem" => match (&self.state.borrow().before, index) {
                (Some(before), 2..) => before.clone(),
                _ => undefined("there is no previous item"),
            },
            "nextitem" => match self.peek()? {
                Some(item) => item,
                None => undefined("there is no next item"),
            },
            "cycle" => function::closure("cycle", move |arguments| self.cycle(arguments)),
            "changed" => function::closure("changed", move |arguments| self.changed(arguments)),
            _ => return Ok(None),
        }))
    }

    fn call(self: Rc<Self>, arguments: Arguments) -> Raised<Object> {
        let [iterable] = arguments.bind("loop", ["iterable"], 1)?;
        let Some((recursion, depth)) = &self.recursion else {
            return Err(Exception::type_error(
                "The loop must have the 'recursive' marker to be called recursively.",
            ));
        };
        let text = recursion.run(&iterable.unwrap_or_default(), depth + 1)?;
        Ok(Object::from(text))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn iterate(self: Rc<Self>) -> Raised<Option<Box<dyn Iterate>>> {
        Ok(Some(Box::new(FromFunction(move || {
            let item = self.advance()?;
            let object = Object::Native(Rc::clone(&self) as Rc<dyn Native>);
            Ok(item.map(|item| Object::tuple(vec![item, object])))
        }))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl LoopContext {
    fn depth(&self) -> usize {
        self.recursion.as_ref().map_or(0, |(_, depth)| *depth)
    }
}
