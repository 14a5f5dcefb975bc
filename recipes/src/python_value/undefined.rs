//! Jinja2's `Undefined`: a name, attribute or item that does not exist.

use super::{Exception, Raised};

/// Why there is no value. Nearly every use raises an exception with this text.
#[derive(Debug)]
pub(crate) struct Undefined {
    message: String,
    /// The value of an `if` without `else`: like Jinja2's ordinary `Undefined`
    /// it is empty and false, where the others are strict.
    is_lenient: bool,
}

impl Undefined {
    /// Makes a strict one.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Undefined {
            message: message.into(),
            is_lenient: false,
        }
    }

    /// Makes the value of an `if` without `else`.
    pub(crate) fn lenient(message: impl Into<String>) -> Self {
        Undefined {
            message: message.into(),
            is_lenient: true,
        }
    }

    pub(crate) fn is_lenient(&self) -> bool {
        self.is_lenient
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self.is_lenient {
            true => "Undefined",
            false => "StrictUndefined",
        }
    }

    /// Returns what a use raises.
    pub(crate) fn error(&self) -> Exception {
        Exception::new("jinja2.exceptions.UndefinedError", self.message.clone())
    }

    /// Uses it as something empty.
    pub(crate) fn fail_unless_lenient(&self) -> Raised<()> {
        match self.is_lenient {
            true => Ok(()),
            false => Err(self.error()),
        }
    }
}
