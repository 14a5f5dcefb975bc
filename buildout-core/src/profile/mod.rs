//! The profile language: one file's text, and the conditions of its sections.

pub mod condition;
mod line;
pub mod python_text;
pub mod syntax;
