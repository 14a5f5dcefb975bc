//! The boundary between the recipe and whatever renders its templates.

use std::sync::Arc;

use buildout_core::value::Value;

use super::loader::Loader;

/// A template to render, with everything that decides on the result.
#[derive(Debug)]
pub(super) struct Rendering<'a> {
    /// What errors call the template.
    pub(super) name: &'a str,
    /// Its text.
    pub(super) source: &'a str,
    /// The names that the profile gives to it, in order.
    pub(super) context: &'a [(String, Value)],
    /// Where other templates come from.
    pub(super) loader: &'a Loader,
    /// The optional tags.
    pub(super) extensions: Extensions,
    /// Whether the function `dumps` exists: only where options have types.
    pub(super) has_dumps: bool,
}

/// The extensions of Jinja2 that are switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    /// `jinja2.ext.do`.
    pub(super) expression_statement: bool,
    /// `jinja2.ext.loopcontrols`.
    pub(super) loop_controls: bool,
}

/// Renders templates, or refuses to: what it returns is what Jinja2 returns.
pub(super) trait TemplateEngine: Send {
    /// Renders a template.
    ///
    /// # Errors
    ///
    /// See [`Cause`].
    fn render(&self, rendering: &Rendering<'_>) -> Result<String, TemplateError>;
}

/// Why a template is not rendered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum Cause {
    /// It uses what this engine does not have, or has not in the same way.
    #[error("Not supported yet in templates: {0}.")]
    Unsupported(String),
    /// It is no template.
    #[error("{0}")]
    Syntax(String),
    /// It uses a name or item that does not exist, in Jinja2's words.
    #[error("{0}")]
    Undefined(String),
    /// It includes a template that does not exist.
    #[error("{0}")]
    TemplateNotFound(String),
    /// An operation fails with an exception of Python.
    #[error("{message}")]
    Python {
        /// The class.
        exception: &'static str,
        /// The text.
        message: String,
    },
}

impl Cause {
    /// An operation that Python refuses for the types of its operands.
    pub(super) fn type_error(message: impl Into<String>) -> Self {
        Cause::Python {
            exception: "TypeError",
            message: message.into(),
        }
    }

    /// Returns the class of the exception that upstream shows; `None` if the
    /// failure is ours.
    pub(super) fn exception(&self) -> Option<&'static str> {
        match self {
            Cause::Unsupported(_) => None,
            Cause::Syntax(_) => Some("jinja2.exceptions.TemplateSyntaxError"),
            Cause::Undefined(_) => Some("jinja2.exceptions.UndefinedError"),
            Cause::TemplateNotFound(_) => Some("jinja2.exceptions.TemplateNotFound"),
            Cause::Python { exception, .. } => Some(exception),
        }
    }
}

/// A template that is not rendered: why, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{cause}")]
pub(super) struct TemplateError {
    /// Why.
    pub(super) cause: Cause,
    /// The template, which may be an included one.
    pub(super) template: Arc<str>,
    /// The line in it, from 1.
    pub(super) line: usize,
}
