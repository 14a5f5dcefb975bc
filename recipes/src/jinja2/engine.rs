//! The boundary between a recipe and whatever renders its templates.

use std::sync::Arc;

use buildout_core::value::Value;

use super::parser::Extensions;

/// What a name of the context stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum ContextValue {
    /// A value.
    Value(Value),
    /// The Python module of a name with dots.
    Module(String),
}

/// A template to render, with everything that decides on the result. It is
/// rendered on a thread of the engine, so copies share what they have.
#[derive(Clone)]
pub struct Rendering {
    /// What errors call the template.
    pub name: Arc<str>,
    /// Its text.
    pub source: Arc<str>,
    /// The names that the profile gives to it, in order.
    pub context: Arc<[(String, ContextValue)]>,
    /// Where other templates come from, if there are any.
    pub loader: Option<Arc<dyn TemplateLoader>>,
    /// The optional tags.
    pub extensions: Extensions,
    /// Whether the function `dumps` exists: only where options have types.
    pub has_dumps: bool,
}

/// The text of a template, and what errors call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedTemplate {
    /// What errors call it.
    pub name: Arc<str>,
    /// Its text.
    pub source: Arc<str>,
}

/// A template that cannot be read: the class of Python's exception, and its
/// text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The class.
    pub exception: &'static str,
    /// The text.
    pub message: String,
}

/// Finds the templates that others include, import or extend.
pub trait TemplateLoader: Send + Sync {
    /// Returns a template; nothing if there is none of the name.
    ///
    /// # Errors
    ///
    /// It is there, and cannot be read.
    fn load(&self, name: &str) -> Result<Option<LoadedTemplate>, LoadError>;
}

/// Renders templates, or refuses to: what it returns is what Jinja2 returns.
pub trait TemplateEngine: Send {
    /// Renders a template.
    ///
    /// # Errors
    ///
    /// See [`Cause`].
    fn render(&self, rendering: &Rendering) -> Result<String, TemplateError>;
}

/// Why a template is not rendered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Cause {
    /// It uses what this engine does not have, or has not in the same way.
    #[error("Not supported yet in templates: {0}.")]
    Unsupported(String),
    /// It is no template.
    #[error("{0}")]
    Syntax(String),
    /// It names a filter or test that does not exist, or the like.
    #[error("{0}")]
    Assertion(String),
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
    /// Returns the class of the exception that upstream shows; `None` if the
    /// failure is ours.
    pub fn exception(&self) -> Option<&'static str> {
        match self {
            Cause::Unsupported(_) => None,
            Cause::Syntax(_) => Some("jinja2.exceptions.TemplateSyntaxError"),
            Cause::Assertion(_) => Some("jinja2.exceptions.TemplateAssertionError"),
            Cause::TemplateNotFound(_) => Some("jinja2.exceptions.TemplateNotFound"),
            Cause::Python { exception, .. } => Some(exception),
        }
    }
}

/// A template that is not rendered: why, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{cause}")]
pub struct TemplateError {
    /// Why.
    pub cause: Cause,
    /// The template, which may be an included one.
    pub template: Arc<str>,
    /// The line in it, from 1.
    pub line: usize,
}
