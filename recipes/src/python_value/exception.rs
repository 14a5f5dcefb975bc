//! Python's exceptions.

use std::fmt;
use std::rc::Rc;

/// Where code of a template failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The template.
    pub(crate) template: Rc<str>,
    /// The line in it, from 1.
    pub(crate) line: u32,
}

/// An exception that was raised.
#[derive(Clone, Debug)]
pub(crate) struct Exception(Box<Raise>);

#[derive(Clone, Debug)]
struct Raise {
    class: &'static str,
    message: String,
    place: Option<Place>,
}

/// A result, or the exception that was raised instead.
pub(crate) type Raised<T> = Result<T, Exception>;

impl Exception {
    /// Raises an exception of a class, whose name has its module.
    pub(crate) fn new(class: &'static str, message: impl Into<String>) -> Self {
        Exception(Box::new(Raise {
            class,
            message: message.into(),
            place: None,
        }))
    }

    pub(crate) fn type_error(message: impl Into<String>) -> Self {
        Exception::new("TypeError", message)
    }

    pub(crate) fn value_error(message: impl Into<String>) -> Self {
        Exception::new("ValueError", message)
    }

    pub(crate) fn key_error(key: &str) -> Self {
        Exception::new("KeyError", key)
    }

    pub(crate) fn index_error(message: impl Into<String>) -> Self {
        Exception::new("IndexError", message)
    }

    pub(crate) fn attribute_error(type_name: &str, name: &str) -> Self {
        Exception::new(
            "AttributeError",
            format!("'{type_name}' object has no attribute '{name}'"),
        )
    }

    /// An integer that needs more than 128 bits, which Python would have.
    pub(crate) fn overflow() -> Self {
        Exception::new(
            "OverflowError",
            "integers of more than 128 bits are not supported",
        )
    }

    pub(crate) fn recursion() -> Self {
        Exception::new("RecursionError", "maximum recursion depth exceeded")
    }

    /// `next()` of an iterator without more items.
    pub(crate) fn stop_iteration() -> Self {
        Exception::new("StopIteration", "")
    }

    /// Returns the class, with its module.
    pub(crate) fn class(&self) -> &'static str {
        self.0.class
    }

    /// Returns the text.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns where it was raised, if code of a template did.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// Adds where it was raised; the innermost place stays.
    pub(crate) fn at(mut self, template: &Rc<str>, line: u32) -> Self {
        self.0.place.get_or_insert_with(|| Place {
            template: Rc::clone(template),
            line,
        });
        self
    }

    /// Tells whether a failed subscription raises it where Jinja2 then looks
    /// for an attribute instead.
    pub(crate) fn is_lookup_failure(&self) -> bool {
        matches!(
            self.0.class,
            "KeyError" | "IndexError" | "TypeError" | "AttributeError"
        )
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.class(), self.message())
    }
}
