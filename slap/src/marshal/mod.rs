//! The XML documents of the protocol, in the grammar of Python's
//! `xml_marshaller`: plain values, and objects of four known classes.
//!
//! Strings are escaped twice on the wire, containers are numbered in the order
//! in which they open, and a `reference` stands for a container that was there
//! before. Our writer never needs one, because values are trees.

mod error;
mod item;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use buildout_core::value::Value;

pub use error::{MarshalError, UnmarshalError};
pub use item::{Item, Object};

/// Writes a plain value as a document: `slapos.util.dumps`.
///
/// # Errors
///
/// The value, or one inside it, has no form in the grammar.
pub fn dumps(value: &Value) -> Result<String, MarshalError> {
    writer::document(&Item::Plain(value.clone()))
}

/// Writes a value that may hold objects, as a master's answers do.
///
/// # Errors
///
/// The value, or one inside it, has no form in the grammar.
pub fn dumps_item(item: &Item) -> Result<String, MarshalError> {
    writer::document(item)
}

/// Reads a document that holds no object: `slapos.util.loads`.
///
/// # Errors
///
/// The text is no document, or its value cannot be represented.
pub fn loads(text: &str) -> Result<Value, UnmarshalError> {
    reader::document(text)?.into_value()
}

/// Reads a document that may hold objects of the known classes.
///
/// # Errors
///
/// The text is no document, or its value cannot be represented.
pub fn loads_item(text: &str) -> Result<Item, UnmarshalError> {
    reader::document(text)
}
