//! The profile language.
pub mod condition;
