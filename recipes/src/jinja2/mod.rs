//! Jinja2 templates, rendered as Jinja2 3.1 renders them: with its default
//! delimiters, `StrictUndefined` and without escaping.
//!
//! `lexer` and `parser` make a tree (`ast`), `resolve` finds out what
//! names mean (`symbols`), `check` looks for what is not supported, and
//! `evaluate` renders. Values are those of `python_value`.
//! The recipe is in `template::jinja2`. See `docs/design/templates.md`.

mod ast;
mod cache;
mod check;
mod context;
mod engine;
mod environment;
mod error;
mod evaluate;
mod filters;
mod given;
mod globals;
mod lexer;
mod names;
mod native;
mod parser;
mod resolve;
mod symbols;
mod tests;
mod threads;
mod token;

pub use engine::{
    Cause, ContextValue, LoadError, LoadedTemplate, Rendering, TemplateEngine, TemplateError,
    TemplateLoader,
};
pub(crate) use names::PREDEFINED;
pub use native::NativeEngine;
pub use parser::Extensions;
