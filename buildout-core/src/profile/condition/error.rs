//! Why a condition has no value.

use std::error::Error;
use std::fmt;
use std::io;

use super::MAXIMUM_CONDITION_DEPTH;
use crate::python::PythonError;
use crate::value::literal::{LiteralError, LiteralProblem};

/// A condition that cannot be evaluated, and where it fails.
///
/// Its text is that of the problem; its source is the problem's source.
#[derive(Debug)]
pub struct ConditionError {
    /// Byte offset into the expression as it stands in the profile.
    pub offset: usize,
    /// What is wrong there.
    pub problem: ConditionProblem,
}

impl fmt::Display for ConditionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(formatter)
    }
}

impl Error for ConditionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

/// What is wrong with a condition.
///
/// The texts of the first variants are those of Python's exceptions, which
/// zc.buildout lets through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConditionProblem {
    /// A name that neither the namespace of conditions nor Python has.
    #[error("NameError: name '{name}' is not defined")]
    UndefinedName {
        /// The name.
        name: String,
    },
    /// Python raises an exception here.
    #[error("{exception}: {message}")]
    Exception {
        /// The class of the exception, for instance `TypeError`.
        exception: &'static str,
        /// Its text.
        message: String,
    },
    /// The text is neither a marker nor a Python expression.
    #[error("SyntaxError: {message}")]
    Syntax {
        /// What is wrong; the wording is ours.
        message: String,
    },
    /// A string or number of the expression is malformed.
    #[error("SyntaxError: {0}")]
    Literal(LiteralProblem),
    /// A marker compares two texts, or names a variable that has no value.
    #[error("UndefinedEnvironmentName: '{name}'")]
    UndefinedEnvironmentName {
        /// The name or text.
        name: String,
    },
    /// A marker applies a version operator to what are no versions.
    #[error("UndefinedComparison: Undefined <Op('{operator}')> on {left} and {right}.")]
    UndefinedComparison {
        /// The operator.
        operator: &'static str,
        /// The `repr` of the left operand.
        left: String,
        /// The `repr` of the right operand.
        right: String,
    },
    /// Python may evaluate this, we do not.
    #[error("not supported in a condition: {construct}")]
    Unsupported {
        /// What is not supported.
        construct: String,
    },
    /// A fact about Python is needed and cannot be had.
    #[error("failed to find out about Python for a condition")]
    Python(#[source] PythonError),
    /// A file that the condition opens cannot be read.
    #[error("OSError: failed to read `{path}`")]
    ReadFile {
        /// The path in the condition.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Brackets and operators nest too deep.
    #[error("the condition nests deeper than {MAXIMUM_CONDITION_DEPTH} levels")]
    TooDeep,
    /// The condition computes too long or makes too large values.
    #[error("the condition needs too much {resource}")]
    TooExpensive {
        /// `time` or `memory`.
        resource: &'static str,
    },
}

impl ConditionProblem {
    pub(super) fn at(self, offset: usize) -> ConditionError {
        ConditionError {
            offset,
            problem: self,
        }
    }

    pub(super) fn exception(exception: &'static str, message: impl Into<String>) -> Self {
        Self::Exception {
            exception,
            message: message.into(),
        }
    }

    pub(super) fn type_error(message: impl Into<String>) -> Self {
        Self::exception("TypeError", message)
    }

    /// Keeps what is wrong with a string or number, but not where.
    pub(super) fn literal(error: LiteralError) -> Self {
        match error.problem {
            LiteralProblem::Unsupported(construct) => Self::unsupported(construct),
            LiteralProblem::IntegerTooLarge => {
                Self::unsupported("an integer of more than 128 bits")
            }
            problem => Self::Literal(problem),
        }
    }

    pub(super) fn unsupported(construct: impl Into<String>) -> Self {
        Self::Unsupported {
            construct: construct.into(),
        }
    }

    pub(super) fn syntax(message: impl Into<String>) -> Self {
        Self::Syntax {
            message: message.into(),
        }
    }
}
