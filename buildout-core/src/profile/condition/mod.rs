//! Conditional section headers: `[name:expression]`.
//!
//! Like zc.buildout 6.0.1 (`zc.buildout.configparser.parse` and
//! `zc.buildout.buildout._default_globals`), an expression is first read as an
//! environment marker of PEP 508, and if it is no valid marker, as a Python
//! expression. Python is not run: the evaluator here knows the part of the
//! language that conditions use, and names what it does not know. Facts about
//! the world come from a [`ConditionEnvironment`], each only when needed.

mod arithmetic;
mod builtins;
#[cfg(test)]
mod differential;
mod environment;
mod error;
mod evaluator;
mod functions;
mod marker;
mod methods;
mod namespace;
mod parser;
mod subscript;
mod syntax;
mod token;

pub use environment::{Access, ConditionEnvironment, PathKind, Uname, multiarch_of};
pub use error::{ConditionError, ConditionProblem};
pub use marker::Marker;

/// How deep brackets, conditional expressions and the like may nest, counting
/// the brackets of the header.
pub const MAXIMUM_CONDITION_DEPTH: usize = 50;

/// The names that a dialect adds to conditions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConditionNames {
    /// `multiarch`, a Debian-style triplet, which the SlapOS dialect has.
    pub multiarch: bool,
}

/// Evaluates the expression of a section header: the text between the first
/// `:` and the last `]`.
///
/// An empty expression is true. The comment that may follow the header takes no
/// part: upstream hands it to Python, as a comment.
///
/// # Errors
/// The expression fails, as it would in Python, or uses what is not supported.
/// Offsets count in `expression`.
pub fn evaluate(
    expression: &str,
    names: ConditionNames,
    environment: &dyn ConditionEnvironment,
) -> Result<bool, ConditionError> {
    if expression.is_empty() {
        return Ok(true);
    }
    let unescaped = Unescaped::new(expression);
    unescaped.evaluate(names, environment).map_err(|mut error| {
        error.offset = unescaped.original_offset(error.offset);
        error
    })
}

/// An expression in which `\x23` and `\x3b` have become `#` and `;`, which
/// cannot stand in a header, within the brackets of the header.
struct Unescaped {
    bracketed: String,
    /// Offsets in `bracketed` just after each character that was escaped.
    escape_ends: Vec<usize>,
    original_length: usize,
}

impl Unescaped {
    fn new(expression: &str) -> Self {
        let mut bracketed = String::with_capacity(expression.len() + 2);
        let mut escape_ends = Vec::new();
        bracketed.push('[');
        let mut rest = expression;
        // The texts that upstream replaces are of ASCII, so slicing is safe.
        while let Some(position) = rest.find('\\') {
            let (before, after) = rest.split_at(position);
            bracketed.push_str(before);
            let (replacement, length) = if after.starts_with(r"\x23") {
                ('#', 4)
            } else if after.starts_with(r"\x3b") {
                (';', 4)
            } else {
                ('\\', 1)
            };
            bracketed.push(replacement);
            if length == 4 {
                escape_ends.push(bracketed.len());
            }
            rest = &after[length..];
        }
        bracketed.push_str(rest);
        bracketed.push(']');
        Self {
            bracketed,
            escape_ends,
            original_length: expression.len(),
        }
    }

    fn original_offset(&self, offset: usize) -> usize {
        let escapes = self.escape_ends.partition_point(|&end| end <= offset);
        (offset + 3 * escapes)
            .saturating_sub(1)
            .min(self.original_length)
    }

    fn evaluate(
        &self,
        names: ConditionNames,
        environment: &dyn ConditionEnvironment,
    ) -> Result<bool, ConditionError> {
        let inner = &self.bracketed[1..self.bracketed.len() - 1];
        let marker = marker::Marker::parse(inner).map_err(|mut error| {
            error.offset += 1;
            error
        })?;
        if let Some(marker) = marker {
            return marker.evaluate(environment, "").map_err(|mut error| {
                error.offset += 1;
                error
            });
        }
        // Upstream evaluates the list that the brackets of the header make of
        // the expression, and takes the first item of the result. Thus `a, b`
        // is `a`, and `a] + [b` is no error.
        let tree = parser::parse(&self.bracketed)?;
        evaluator::Evaluator::new(names, environment).first_item_is_truthy(&tree)
    }
}

#[cfg(test)]
mod tests;
