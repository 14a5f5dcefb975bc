//! Functions and methods.

use std::any::Any;
use std::rc::Rc;

use super::depth::drop_later;
use super::{Arguments, Native, Object, Raised, repr};

/// A method of a built-in type: its name, and what it does.
#[derive(Clone, Copy)]
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) call: fn(&Object, Arguments) -> Raised<Object>,
}

/// A method with its object.
struct BoundMethod {
    object: Object,
    method: Method,
}

/// Makes the object of a method, to be called later.
pub(crate) fn bind(object: Object, method: Method) -> Object {
    Object::native(BoundMethod { object, method })
}

impl Native for BoundMethod {
    fn type_name(&self) -> &str {
        "builtin_function_or_method"
    }

    fn repr(&self) -> Raised<String> {
        Ok(format!(
            "<built-in method {} of {} object>",
            self.method.name,
            self.object.type_name()
        ))
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        Ok((name == "__name__").then(|| self.method.name.into()))
    }

    fn call(self: Rc<Self>, arguments: Arguments) -> Raised<Object> {
        (self.method.call)(&self.object, arguments)
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A function that has no state.
pub(crate) struct Function {
    name: &'static str,
    call: fn(Arguments) -> Raised<Object>,
}

/// Makes the object of a function.
pub(crate) fn function(name: &'static str, call: fn(Arguments) -> Raised<Object>) -> Object {
    Object::native(Function { name, call })
}

impl Native for Function {
    fn type_name(&self) -> &str {
        "builtin_function_or_method"
    }

    fn repr(&self) -> Raised<String> {
        Ok(format!("<built-in function {}>", self.name))
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        Ok((name == "__name__").then(|| self.name.into()))
    }

    fn call(self: Rc<Self>, arguments: Arguments) -> Raised<Object> {
        (self.call)(arguments)
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

type Callback = Box<dyn Fn(Arguments) -> Raised<Object>>;

struct Closure {
    name: &'static str,
    call: Callback,
}

/// Makes the object of a function with a state.
pub(crate) fn closure(
    name: &'static str,
    call: impl Fn(Arguments) -> Raised<Object> + 'static,
) -> Object {
    Object::native(Closure {
        name,
        call: Box::new(call),
    })
}

impl Native for Closure {
    fn type_name(&self) -> &str {
        "function"
    }

    fn repr(&self) -> Raised<String> {
        Ok(format!("<function {}>", self.name))
    }

    fn call(self: Rc<Self>, arguments: Arguments) -> Raised<Object> {
        (self.call)(arguments)
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A type, which makes objects when it is called.
pub(crate) struct Type {
    pub(crate) name: &'static str,
    pub(crate) construct: fn(Arguments) -> Raised<Object>,
    /// Whether `isinstance` says yes.
    pub(crate) has_instance: fn(&Object) -> bool,
}

impl Native for Type {
    fn type_name(&self) -> &str {
        "type"
    }

    fn repr(&self) -> Raised<String> {
        Ok(format!("<class '{}'>", self.name))
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        if name == "__name__" {
            return Ok(Some(self.name.into()));
        }
        super::builtins::type_attribute(self.name, name)
    }

    fn call(self: Rc<Self>, arguments: Arguments) -> Raised<Object> {
        (self.construct)(arguments)
    }

    fn is_callable(&self) -> bool {
        true
    }

    /// Each mention of a type is another object here.
    fn equals(&self, other: &Object) -> Raised<Option<bool>> {
        let other = other.downcast::<Type>();
        Ok(other.map(|other| other.name == self.name))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `functools.partial`.
pub(crate) struct Partial {
    pub(crate) callee: Object,
    pub(crate) arguments: Arguments,
}

/// The function may be another one of these.
impl Drop for Partial {
    fn drop(&mut self) {
        let callee = std::mem::take(&mut self.callee);
        drop_later(Box::new((callee, std::mem::take(&mut self.arguments))));
    }
}

impl Native for Partial {
    fn type_name(&self) -> &str {
        "partial"
    }

    fn repr(&self) -> Raised<String> {
        let mut text = format!("functools.partial({}", repr(&self.callee)?);
        for argument in &self.arguments.positional {
            text.push_str(", ");
            text.push_str(&repr(argument)?);
        }
        for (name, argument) in &self.arguments.keywords {
            text.push_str(&format!(", {name}={}", repr(argument)?));
        }
        text.push(')');
        Ok(text)
    }

    fn call(self: Rc<Self>, arguments: Arguments) -> Raised<Object> {
        let mut all = self.arguments.clone();
        all.positional.extend(arguments.positional);
        for (name, value) in arguments.keywords {
            match all.keywords.iter_mut().find(|(known, _)| *known == name) {
                Some(known) => known.1 = value,
                None => all.keywords.push((name, value)),
            }
        }
        self.callee.call(all)
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
