//! What cannot be written, and what cannot be read.

use buildout_core::value::{MAXIMUM_DEPTH, UnhashableType};

/// A value that has no form in the grammar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MarshalError {
    /// Upstream refuses a class it does not know, or has no method for a type.
    #[error("Refusing to marshall {module}.{class}")]
    Refused {
        /// The module of the class.
        module: String,
        /// Its name.
        class: String,
    },
    /// `bytes` travel as text.
    #[error("bytes that are no UTF-8 cannot be sent to the master")]
    NotText,
    /// XML has no such characters.
    #[error(
        "All strings must be XML compatible: Unicode or ASCII, no NULL bytes or control characters"
    )]
    ControlCharacter,
    /// Containers nest too deep.
    #[error("the value nests deeper than {MAXIMUM_DEPTH} levels")]
    TooDeep,
}

/// A text that is no document of the grammar.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnmarshalError {
    /// It is not XML.
    #[error("not XML: {0}")]
    Xml(#[from] roxmltree::Error),
    /// It is XML of another kind.
    #[error("the document is a `{name}`, not a `marshal`")]
    Root {
        /// The name of the root element.
        name: String,
    },
    /// There is no value, or there are several.
    #[error("the document holds {count} values, not one")]
    Count {
        /// How many.
        count: usize,
    },
    /// An element the grammar does not have, or one that is not read: `code`
    /// would run Python, `complex` occurs nowhere.
    #[error("the element `{name}` is not supported")]
    Element {
        /// Its name.
        name: String,
    },
    /// A class that upstream would not make an object of either.
    #[error("Refusing to unmarshall {module}.{class}")]
    Refused {
        /// The module of the class.
        module: String,
        /// Its name.
        class: String,
    },
    /// The content of a number or a boolean is not one, or too large.
    #[error("`{text}` is no {expected} that can be read")]
    Number {
        /// What is written.
        text: String,
        /// What the element promises.
        expected: &'static str,
    },
    /// A reference leads nowhere, or to a container it is in.
    #[error("the reference `{id}` leads to nothing that came before")]
    Reference {
        /// The identifier.
        id: String,
    },
    /// A key has no value.
    #[error("a dictionary has a key without a value")]
    OddDictionary,
    /// A key, or a member of a set, that Python would refuse as well.
    #[error(transparent)]
    Unhashable(#[from] UnhashableType),
    /// An object is where only plain values can be.
    #[error("an object of class `{class}` is where a plain value belongs")]
    UnexpectedObject {
        /// Its class.
        class: String,
    },
    /// An object is not made of a tuple and a dictionary.
    #[error("an object of class `{class}` has no state")]
    NoState {
        /// Its class.
        class: String,
    },
    /// References make more of the document than there can be sense in.
    #[error("the references of the document make it too large")]
    TooLarge,
    /// Containers nest too deep.
    #[error("the document nests deeper than {MAXIMUM_DEPTH} levels")]
    TooDeep,
    /// The document has another value than the answer to the call.
    #[error("the document holds no {expected}")]
    Unexpected {
        /// What the call is answered with.
        expected: &'static str,
    },
}
