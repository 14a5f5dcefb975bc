//! The profile language: one file's text, and the conditions of its sections.

pub mod condition;
pub mod python_text;
pub mod syntax;
