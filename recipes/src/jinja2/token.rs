//! The words of a template.

use std::rc::Rc;

/// A word, most of which are parts of the template's text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'t> {
    /// Text outside of tags.
    Data(&'t str),
    BlockBegin,
    BlockEnd,
    VariableBegin,
    VariableEnd,
    Name(&'t str),
    /// A string without quotes and escapes.
    String(Rc<str>),
    Integer(i128),
    Float(f64),
    /// An operator or a bracket, as it is written.
    Operator(&'static str),
    /// The end of the template.
    End,
}

impl Token<'_> {
    /// Describes the word as Jinja2's messages do.
    pub(super) fn describe(&self) -> String {
        match self {
            Token::Name(name) => (*name).to_owned(),
            Token::Data(_) => "template data / text".to_owned(),
            Token::BlockBegin => "begin of statement block".to_owned(),
            Token::BlockEnd => "end of statement block".to_owned(),
            Token::VariableBegin => "begin of print statement".to_owned(),
            Token::VariableEnd => "end of print statement".to_owned(),
            Token::String(_) => "string".to_owned(),
            Token::Integer(_) => "integer".to_owned(),
            Token::Float(_) => "float".to_owned(),
            Token::Operator(operator) => (*operator).to_owned(),
            Token::End => "end of template".to_owned(),
        }
    }

    pub(super) fn is_name(&self, wanted: &str) -> bool {
        matches!(self, Token::Name(name) if *name == wanted)
    }

    pub(super) fn is_operator(&self, wanted: &str) -> bool {
        matches!(self, Token::Operator(operator) if *operator == wanted)
    }
}
